//! Files on a disk in, findings and settings out, through [`load`].

mod cymmetri;
mod include;
mod secrets;

use std::fs;
use std::path::Path;

use expect_test::{Expect, expect};
use tempfile::TempDir;

use super::*;
use crate::base::secret::{SecretRef, SecretSource as _};

/// The variable that names a credential where a test's file names none.
const CREDENTIAL: (&str, &str) = ("HOOKREEVE__CYMMETRI__AUTH__ALLOW_FROM", "192.0.2.1");

/// A directory of files, and variables.
struct Case {
    directory: TempDir,
    environment: Environment,
}

impl Case {
    /// `config/hookreeve.toml` with this text, and a credential from the environment.
    fn new(main: &str) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        Self { directory, environment: Environment::new([CREDENTIAL]) }.file("config/hookreeve.toml", main)
    }

    /// The same with nothing in the environment.
    fn bare(main: &str) -> Self {
        Self { environment: Environment::default(), ..Self::new(main) }
    }

    fn file(self, path: &str, contents: impl AsRef<[u8]>) -> Self {
        let path = self.directory.path().join(path);
        fs::create_dir_all(path.parent().expect("a parent")).expect("made");
        fs::write(path, contents).expect("written");
        self
    }

    fn variables(mut self, variables: &[(&str, &str)]) -> Self {
        self.environment = Environment::new(variables.iter().copied().chain([CREDENTIAL]));
        self
    }

    fn load(&self) -> Loaded {
        load(Some(&self.directory.path().join("config/hookreeve.toml")), &self.environment)
    }

    /// What the command line would print.
    #[track_caller]
    fn check(&self, expected: &Expect) -> Loaded {
        let loaded = self.load();
        assert_eq!(loaded.settings.is_none(), loaded.findings.has_errors());
        let findings: Vec<_> = loaded.findings.iter().map(|finding| finding.render(false)).collect();
        expected.assert_eq(&self.shorten(&findings.join("\n\n")));
        loaded
    }

    /// The text with paths as if the directory were the root.
    fn shorten(&self, text: &str) -> String {
        text.replace(&format!("{}/", self.directory.path().display()), "/")
    }

    #[track_caller]
    fn settings(&self) -> Settings {
        self.check(&expect![[""]]).settings.expect("settings")
    }
}

#[test]
fn an_empty_file_is_all_defaults() {
    let loaded = Case::new("").check(&expect![[""]]);
    let settings = loaded.settings.expect("settings");
    assert_eq!((&settings.server, &settings.log), (&server::Config::default(), &log::Config::default()));
    assert_eq!(
        settings.cymmetri,
        super::cymmetri::Config { auth: settings.cymmetri.auth.clone(), ..Default::default() }
    );
    assert!(settings.metrics.is_none() && settings.attributes.is_empty());
}

#[test]
#[expect(clippy::too_many_lines, reason = "one value for each key")]
fn every_fixed_key_is_read() {
    let settings = Case::new(
        r#"
[server]
listen = "[::1]:9000"
data_dir = "/var/lib/hookreeve"
body_limit = "2MiB"
header_timeout = "250ms"
body_timeout = "1m"
max_connections = 7
max_in_flight = 3
workers = 2
drain = "0s"
trusted_proxies = ["10.0.0.0/8", "::1"]
health = false
tls = { cert = "/c.pem", key = "/k.pem", client_ca = "/ca.pem" }
[log]
format = "json"
level = "debug"
person = "none"
[metrics]
[reload]
refuse_above = "2.5%"
sample = 500
protected = ["admin"]

[attributes]
"user.costCentre" = "string"
"user.grade" = "int"
"user.share" = "double"
"user.leaver" = "bool"
"user.badges" = "list"
"user.desk" = "map"
"request.origin" = "any"
"#,
    )
    .settings();
    let Settings {
        server,
        cymmetri: _,
        lumos,
        optimalcloud,
        paylocity,
        journal: _,
        directory: _,
        log,
        metrics,
        reload,
        attributes,
    } = settings;
    assert!(lumos.is_none() && optimalcloud.is_none() && paylocity.is_none());
    assert_eq!(reload.refuse_above.map(|part| part.to_string()).as_deref(), Some("2.5%"));
    assert_eq!(
        (reload.sample, reload.protected, reload::Config::default().is_on()),
        (500, vec!["admin".to_owned()], false)
    );
    expect![[r#"
        Config {
            listen: Listen(
                [::1]:9000,
            ),
            data_dir: "/var/lib/hookreeve",
            body_limit: Size(
                2097152,
            ),
            header_timeout: Span(
                250ms,
            ),
            body_timeout: Span(
                60s,
            ),
            max_connections: 7,
            max_in_flight: 3,
            workers: Some(
                2,
            ),
            drain: Span(
                0ns,
            ),
            trusted_proxies: [
                Network(
                    10.0.0.0/8,
                ),
                Network(
                    ::1/128,
                ),
            ],
            health: false,
            tls: Some(
                Config {
                    cert: "/c.pem",
                    key: "/k.pem",
                    client_ca: Some(
                        "/ca.pem",
                    ),
                },
            ),
        }
        Config {
            format: Json,
            level: Debug,
            person: None,
            pseudonym_key: None,
        }
        Some(
            Config {
                listen: Listen(
                    127.0.0.1:9464,
                ),
            },
        )
        {
            "user.costCentre": String,
            "user.grade": Int,
            "user.share": Double,
            "user.leaver": Bool,
            "user.badges": List,
            "user.desk": Map,
            "request.origin": Any,
        }"#]]
    .assert_eq(&format!("{server:#?}\n{log:#?}\n{metrics:#?}\n{attributes:#?}"));
}

#[test]
fn every_mistake_is_shown_at_once_with_place_and_remedy() {
    Case::new(
        r#"
[server]
listn = "0.0.0.0:8080"
listen = "8080"
body_limit = 1048576
body_timeout = "0s"
max_in_flight = 0
drain = "20 s"
health = "yes"
trusted_proxies = ["10.0.0.0/8", "all of them", 10]
tls = { cert = "cert.pem" }

[log]
level = "inof"
format = 1
"#,
    )
    .check(&expect![[r#"
        error[unknown-key]: unknown key `listn`
         --> /config/hookreeve.toml:3:1
          |
        3 | listn = "0.0.0.0:8080"
          | ^^^^^
          |
          = help: did you mean `listen`?

        error[invalid-value]: `server.body_limit`: expected a size in quotes, such as "256KiB", found an integer
         --> /config/hookreeve.toml:5:14
          |
        5 | body_limit = 1048576
          |              ^^^^^^^

        error[zero-limit]: `body_timeout` is zero: no request could be served
         --> /config/hookreeve.toml:6:16
          |
        6 | body_timeout = "0s"
          |                ^^^^
          |
          = help: leave it out for the default

        error[zero-limit]: `max_in_flight` is zero: no request could be served
         --> /config/hookreeve.toml:7:17
          |
        7 | max_in_flight = 0
          |                 ^
          |
          = help: leave it out for the default

        error[invalid-value]: `server.drain`: expected a duration such as "250ms", "2s", "15m" or "90d"
         --> /config/hookreeve.toml:8:9
          |
        8 | drain = "20 s"
          |         ^^^^^^

        error[invalid-value]: `server.health`: expected true or false, found text
         --> /config/hookreeve.toml:9:10
          |
        9 | health = "yes"
          |          ^^^^^

        error[invalid-value]: `server.trusted_proxies`: expected a network or an address, such as "10.0.0.0/8" or "203.0.113.7"
          --> /config/hookreeve.toml:10:34
           |
        10 | trusted_proxies = ["10.0.0.0/8", "all of them", 10]
           |                                  ^^^^^^^^^^^^^

        error[invalid-value]: `server.trusted_proxies`: expected text, found an integer
          --> /config/hookreeve.toml:10:49
           |
        10 | trusted_proxies = ["10.0.0.0/8", "all of them", 10]
           |                                                 ^^
           |
           = help: put it in quotes

        error[missing-key]: the key `server.tls.key` is missing
          --> /config/hookreeve.toml:11:7
           |
        11 | tls = { cert = "cert.pem" }
           |       ^^^^^^^^^^^^^^^^^^^^^
           |
           = help: add `key = …` to this table

        error[invalid-value]: `log.level`: expected one of `error`, `warn`, `info`, `debug`, `trace`
          --> /config/hookreeve.toml:14:9
           |
        14 | level = "inof"
           |         ^^^^^^
           |
           = help: did you mean `info`?

        error[invalid-value]: `log.format`: expected `text` or `json`
          --> /config/hookreeve.toml:15:10
           |
        15 | format = 1
           |          ^"#]]);
}

#[test]
fn sections_that_are_none_or_not_yet_or_misspelt_are_shown() {
    Case::new(
        r#"
listen = "0.0.0.0:8080"
colour = true
[sever]
listen = "0.0.0.0:8080"
[attributes]
"user.größe" = 3
[console]
url = "postgres://hookreeve:hunter2@db/hookreeve"
[[inbound]]
id = "x"
[rule]
id = "x"
"#,
    )
    .check(&expect![[r#"
        error[unknown-key]: unknown key `listen`
         --> /config/hookreeve.toml:2:1
          |
        2 | listen = "0.0.0.0:8080"
          | ^^^^^^
          |
          = help: move it below `[server]` or `[metrics]`

        error[unknown-key]: unknown key `colour`
         --> /config/hookreeve.toml:3:1
          |
        3 | colour = true
          | ^^^^^^
          |
          = help: known keys here: server, cymmetri, lumos, optimalcloud, paylocity, journal, directory, log, metrics, reload, attributes, rule, lookup, action, guard, test, include, shadow_file

        error[unknown-key]: unknown key `sever`
         --> /config/hookreeve.toml:4:2
          |
        4 | [sever]
          |  ^^^^^
          |
          = help: did you mean `server`?

        error[invalid-value]: `attributes.user.größe`: expected one of `string`, `int`, `double`, `bool`, `list`, `map`, `any`
         --> /config/hookreeve.toml:7:16
          |
        7 | "user.größe" = 3
          |                ^

        error[not-available]: `[console]` is not available in this version
         --> /config/hookreeve.toml:8:2
          |
        8 | [console]
          |  ^^^^^^^
          |
          = help: remove it, or use a version that has it

        error[not-available]: `[[inbound]]` is not available in this version
          --> /config/hookreeve.toml:10:3
           |
        10 | [[inbound]]
           |   ^^^^^^^
           |
           = help: remove it, or use a version that has it

        error[invalid-value]: `rule`: expected a list of tables, found a table
          --> /config/hookreeve.toml:12:2
           |
        12 | [rule]
           |  ^^^^
           |
           = help: each entry begins with `[[rule]]`"#]]);
}

#[test]
fn values_that_are_right_in_themselves_may_be_wrong_together() {
    Case::new(
        r#"
[server]
data_dir = ""
max_connections = 0
trusted_proxies = ["0.0.0.0/0"]
[metrics]
listen = "0.0.0.0:8080"
[log]
person = "key"
pseudonym_key = { env = "KEY" }
"#,
    )
    .check(&expect![[r#"
        error[empty-path]: `data_dir` is empty
         --> /config/hookreeve.toml:3:12
          |
        3 | data_dir = ""
          |            ^^
          |
          = help: leave it out for `data` in the working directory

        error[zero-limit]: `max_connections` is zero: no request could be served
         --> /config/hookreeve.toml:4:19
          |
        4 | max_connections = 0
          |                   ^
          |
          = help: leave it out for the default

        warning[everybody-trusted]: every sender may claim any address in X-Forwarded-For
         --> /config/hookreeve.toml:5:19
          |
        5 | trusted_proxies = ["0.0.0.0/0"]
          |                   ^^^^^^^^^^^^^
          |
          = help: name the proxies' own networks

        error[same-address]: this is the address of `[server]`, too
         --> /config/hookreeve.toml:7:10
          |
        7 | listen = "0.0.0.0:8080"
          |          ^^^^^^^^^^^^^^
          |
          = help: give each listener a port of its own

        warning[unused-key]: this key is not used: lines do not name pseudonyms
          --> /config/hookreeve.toml:10:17
           |
        10 | pseudonym_key = { env = "KEY" }
           |                 ^^^^^^^^^^^^^^^
           |
           = help: remove it, or set person = "pseudonym""#]]);
}

#[test]
fn attributes_have_a_path_and_a_type() {
    Case::new(
        r#"
[attributes]
user.costCentre = "string"
"user.grade" = "text"
"user.desk" = ["string"]
"user.leaver" = "boolean"
"costCentre" = "string"
"user..x" = "int"
"#,
    )
    .check(&expect![[r#"
        error[invalid-value]: `attributes.user`: expected one of `string`, `int`, `double`, `bool`, `list`, `map`, `any`, found a table
         --> /config/hookreeve.toml:3:1
          |
        3 | user.costCentre = "string"
          | ^^^^
          |
          = help: if this is one name, put it in quotes: "user.costCentre"

        error[invalid-value]: `attributes.user.grade`: expected one of `string`, `int`, `double`, `bool`, `list`, `map`, `any`
         --> /config/hookreeve.toml:4:16
          |
        4 | "user.grade" = "text"
          |                ^^^^^^

        error[invalid-value]: `attributes.user.desk`: expected one of `string`, `int`, `double`, `bool`, `list`, `map`, `any`
         --> /config/hookreeve.toml:5:15
          |
        5 | "user.desk" = ["string"]
          |               ^^^^^^^^^^

        error[invalid-value]: `attributes.user.leaver`: expected one of `string`, `int`, `double`, `bool`, `list`, `map`, `any`
         --> /config/hookreeve.toml:6:17
          |
        6 | "user.leaver" = "boolean"
          |                 ^^^^^^^^^

        error[attribute]: an attribute's path starts with `user.` or `request.`
         --> /config/hookreeve.toml:7:1
          |
        7 | "costCentre" = "string"
          | ^^^^^^^^^^^^
          |
          = help: for example "user.costCentre" = "string"

        error[attribute]: a name is missing in the path
         --> /config/hookreeve.toml:8:1
          |
        8 | "user..x" = "int"
          | ^^^^^^^^^
          |
          = help: for example "user.costCentre" = "string""#]]);
    Case::new("[attributes]\n\"user.grade\" = \"itn\"\n\"grade\" = \"int\"\n\"user.\" = \"int\"").check(&expect![[r#"
        error[invalid-value]: `attributes.user.grade`: expected one of `string`, `int`, `double`, `bool`, `list`, `map`, `any`
         --> /config/hookreeve.toml:2:16
          |
        2 | "user.grade" = "itn"
          |                ^^^^^
          |
          = help: did you mean `int`?

        error[attribute]: an attribute's path starts with `user.` or `request.`
         --> /config/hookreeve.toml:3:1
          |
        3 | "grade" = "int"
          | ^^^^^^^
          |
          = help: for example "user.costCentre" = "string"

        error[attribute]: a name is missing in the path
         --> /config/hookreeve.toml:4:1
          |
        4 | "user." = "int"
          | ^^^^^^^
          |
          = help: for example "user.costCentre" = "string""#]]);
}

#[test]
fn syntax_errors_are_shown_alone() {
    Case::new("[server]\nlisten = 0.0.0.0\nmax_in_flight = 'x'\n[server]\n[log\nlevel = \"info\n").check(&expect![[
        r"
        error[toml-syntax]: invalid float, expected nothing
         --> /config/hookreeve.toml:2:13
          |
        2 | listen = 0.0.0.0
          |             ^^^^

        error[toml-syntax]: this key is set twice
         --> /config/hookreeve.toml:4:2
          |
        4 | [server]
          |  ^^^^^^
          |
          = help: keep one of the two

        error[toml-syntax]: unclosed table, expected `]`
         --> /config/hookreeve.toml:5:5
          |
        5 | [log
          |     ^"
    ]]);
}

#[test]
fn a_missing_file_is_named_and_watched_for() {
    let case = Case::new("");
    fs::remove_file(case.directory.path().join("config/hookreeve.toml")).expect("removed");
    let loaded = case.check(&expect![[r"
        error[unreadable-file]: /config/hookreeve.toml could not be read: No such file or directory (os error 2)
         |
         = help: name another file by --config FILE"]]);
    assert_eq!(loaded.files.paths().count(), 1);
}

#[test]
fn a_directory_in_place_of_a_file_is_named() {
    let case = Case::new("");
    let loaded = load(Some(&case.directory.path().join("config")), &case.environment);
    let findings: Vec<_> = loaded.findings.iter().map(|finding| finding.render(false)).collect();
    expect![[r"
        error[unreadable-file]: /config could not be read: Is a directory (os error 21)
         |
         = help: name another file by --config FILE"]]
    .assert_eq(&case.shorten(&findings.join("\n")));
}

#[test]
fn paths_are_relative_to_the_file_that_names_them() {
    let case = Case::new("include = ['more/x.toml']\n[server]\ndata_dir = 'data'\ntls.cert = '../cert.pem'")
        .file(
            "config/more/x.toml",
            "[server]\ntls.key = 'key.pem'\n[log]\npseudonym_key = { file = 'p.key' }\n\
             [cymmetri.auth]\njwt = { algorithms = ['ES256'], key = ['new.pem', '/old.pem'] }",
        )
        .file("config/more/p.key", "s3cret\n");
    let loaded = case.check(&expect![[""]]);
    let settings = loaded.settings.as_ref().expect("settings");
    let root = case.directory.path();
    assert_eq!(settings.server.data_dir, root.join("config/data"));
    let place = SecretRef::File(root.join("config/more/p.key"));
    assert_eq!(settings.log.pseudonym_key.as_ref(), Some(&place));
    assert_eq!(loaded.secrets().resolve(&place).expect("a secret").expose(), b"s3cret");
    assert_eq!(loaded.base_dir, root.join("config"));
    let watched: Vec<_> = loaded.files.paths().map(|path| case.shorten(&path.display().to_string())).collect();
    assert_eq!(
        watched,
        [
            "/old.pem",
            "/config/../cert.pem",
            "/config/hookreeve.toml",
            "/config/more/key.pem",
            "/config/more/new.pem",
            "/config/more/p.key",
            "/config/more/x.toml"
        ]
    );
}

#[test]
fn the_environment_sets_keys_over_the_files() {
    let settings = Case::new("[server]\nlisten = '127.0.0.1:1'\nhealth = true")
        .variables(&[
            ("HOOKREEVE__SERVER__LISTEN", "127.0.0.1:2"),
            ("HOOKREEVE__SERVER__TRUSTED_PROXIES", "10.0.0.0/8,::1"),
            ("HOOKREEVE__SERVER__TLS__CERT", "cert.pem"),
            ("HOOKREEVE__SERVER__TLS__KEY", "/key.pem"),
            ("HOOKREEVE__METRICS__LISTEN", "127.0.0.1:3"),
            ("hookreeve__log__level", "trace"),
        ])
        .settings();
    assert_eq!(settings.server.listen.0.port(), 2);
    assert!(settings.server.health);
    assert_eq!(settings.server.trusted_proxies.len(), 2);
    assert_eq!(settings.metrics.expect("metrics").listen.0.port(), 3);
    assert_eq!(settings.log.level, log::Level::Trace);
    let here = std::path::absolute(Path::new("cert.pem")).expect("a path");
    assert_eq!(settings.server.tls.expect("tls").cert, here);
}

#[test]
fn a_mistake_in_a_variable_names_it_and_not_its_value() {
    Case::new("[server]\nlistn = 'x'\n")
        .variables(&[
            ("HOOKREEVE__LOG__LEVEL", "hunter2"),
            ("HOOKREEVE__LOG__PSEUDONYM_KEY", "hunter2"),
            ("HOOKREEVE__SERVER__BODY_LIMIT", "hunter2"),
            ("HOOKREEVE__SERVER__LISTEN", "hunter2"),
            ("HOOKREEVE__SERVER__LISTN", "hunter2"),
            ("HOOKREEVE__SERVER__MAX_IN_FLIGHT", "0"),
            ("HOOKREEVE__SERVER__MAX_CONNECTIONS", "-1"),
            ("HOOKREEVE__SERVER__TLS__CERT", "hunter2"),
            ("HOOKREEVE__SERVER__TRUSTED_PROXIES", "::1,hunter2"),
        ])
        .check(&expect![[r#"
            error[unknown-key]: unknown key `listn`
             --> /config/hookreeve.toml:2:1
              |
            2 | listn = 'x'
              | ^^^^^
              |
              = help: did you mean `listen`?

            error[environment]: a secret is not set like this
            --> environment variable HOOKREEVE__LOG__PSEUDONYM_KEY
             = help: name it in the file: { env = "NAME" } or { file = "path" }

            error[environment]: there is no such key
            --> environment variable HOOKREEVE__SERVER__LISTN
             = help: did you mean HOOKREEVE__SERVER__LISTEN?

            error[invalid-value]: `server.body_limit`: expected a size such as "512B", "256KiB" or "1MiB"
            --> environment variable HOOKREEVE__SERVER__BODY_LIMIT

            error[invalid-value]: `server.max_connections`: expected a whole number that is not negative
            --> environment variable HOOKREEVE__SERVER__MAX_CONNECTIONS

            error[missing-key]: the key `server.tls.key` is missing
            --> environment variable HOOKREEVE__SERVER__TLS__CERT
             = help: add `key = …` to this table

            error[invalid-value]: `server.trusted_proxies`: expected a network or an address, such as "10.0.0.0/8" or "203.0.113.7"
            --> environment variable HOOKREEVE__SERVER__TRUSTED_PROXIES

            error[invalid-value]: `log.level`: expected one of `error`, `warn`, `info`, `debug`, `trace`
            --> environment variable HOOKREEVE__LOG__LEVEL

            error[zero-limit]: `max_in_flight` is zero: no request could be served
            --> environment variable HOOKREEVE__SERVER__MAX_IN_FLIGHT
             = help: leave it out for the default"#]]);
}

#[test]
fn the_schema_has_every_section_and_key_with_its_words() {
    let schema = schema();
    assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
    let names: Vec<_> = schema["properties"].as_object().expect("properties").keys().collect();
    let expected = [
        "server",
        "cymmetri",
        "lumos",
        "optimalcloud",
        "paylocity",
        "journal",
        "directory",
        "log",
        "metrics",
        "reload",
        "attributes",
        "rule",
        "lookup",
        "action",
        "guard",
        "test",
        "include",
        "shadow_file",
    ];
    assert_eq!(names, expected);
    let check = |name: &str| {
        for (key, schema) in schema["$defs"][name]["properties"].as_object().expect("properties") {
            assert!(schema["description"].is_string(), "{name}.{key} has no description");
        }
    };
    [
        "Server",
        "Cymmetri",
        "Lumos",
        "LumosTrial",
        "Optimalcloud",
        "OptimalcloudFailures",
        "Paylocity",
        "Auth",
        "HeaderConfig",
        "BasicConfig",
        "JwtConfig",
        "ClientCertConfig",
        "Log",
        "Metrics",
        "Tls",
        "RawRule",
        "RawTest",
        "RawExpect",
        "RawLookup",
        "Directory",
    ]
    .into_iter()
    .for_each(check);
    expect![[r##"
        {
          "$ref": "#/$defs/Size",
          "description": "The largest body of a request. Default: `1MiB`.",
          "default": "1MiB"
        }"##]]
    .assert_eq(&format!("{:#}", schema["$defs"]["Server"]["properties"]["body_limit"]));
}
