//! Secrets that stand in the file, and secrets and files that are not there.

use super::*;
use crate::base::diagnostic::Severity;

#[test]
fn a_secret_in_the_file_is_refused_and_not_shown() {
    for text in [
        "[log]\npseudonym_key = 'hunter2'",
        "[log]\npseudonym_key = { env = 'hunter2!' }",
        "[log]\npseudonym_key = { value = 'hunter2' }",
        "[log]\npseudonym_key = ['hunter2']",
        "[log]\npseudonym_key = 72727272",
        "[log]\npseudonym_kye = 'hunter2'",
        "[log]\nsecret = 'hunter2'",
        "[log]\npseudonym_key = hunter2",
        "log = { pseudonym_key = 'hunter2', lvel = 'info' }",
        "[console]\ntoken = 'hunter2'\n",
        "journal = { url = 'postgres://me:hunter2@db/x' }\n",
        "cymmetri = { auth = { jwt = { secret = 'hunter2' } } }",
        "cymmetri = { auth = { jwt = { secret = ['hunter2'], form = 'x' } } }",
        "cymmetri.auth.jwt = 'hunter2'",
        "cymmetri.auth.jwt = ['hunter2']",
        "cymmetri.auth.bearer = 'hunter2'",
        "cymmetri.auth.bearer = ['hunter2']",
        "cymmetri.auth.path_secret = 'hunter2'",
        "cymmetri.auth.path_secert = 'hunter2'",
        "cymmetri.auth.baerer = ['hunter2']",
        "cymmetri.auth.jwt.jwks_url = 'https://me:hunter2@id.example/keys'",
        "[x]\ny = { passwords = [{ a = 'hunter2' }] }\n",
        "include = ['more.toml']\nlog = { pseudonym_key = 'hunter2' }",
    ] {
        let loaded = Case::new(text).file("config/more.toml", "[log]\npseudonym_key = 'hunter2'").load();
        assert!(loaded.findings.has_errors(), "{text}");
        for finding in &loaded.findings {
            let all = format!("{}{}{}", finding.render(false), finding.one_line(), finding.to_json());
            assert!(!all.contains("hunter2") && !all.contains("72727272"), "{text}: {all}");
        }
    }
    Case::new("[log]\npseudonym_key = 'hunter2'\nlevel = 'x'").check(&expect![[r#"
        error[invalid-value]: `log.pseudonym_key`: expected { env = "NAME" } or { file = "path" }: a secret is never in the configuration itself
        --> /config/hookreeve.toml:2:17

        error[invalid-value]: `log.level`: expected one of `error`, `warn`, `info`, `debug`, `trace`
         --> /config/hookreeve.toml:3:9
          |
        3 | level = 'x'
          |         ^^^"#]]);
}

#[test]
fn secrets_that_are_not_there_are_shown_where_they_are_named() {
    let missing = |text: &str, variables: &[(&str, &str)]| {
        let case = Case::new(text).variables(variables);
        let findings: Vec<_> = case.load().missing_secrets(Severity::Warning).iter().map(|f| f.render(false)).collect();
        case.shorten(&findings.join("\n\n"))
    };
    assert_eq!(missing("[log]\npseudonym_key = { env = 'KEY' }", &[("KEY", "s3cret")]), "");
    assert_eq!(missing("[log]\npseudonym_key = 's3cret'", &[]), "");
    let shared = "[cymmetri]\nauth = { path_secret = 's3cret', bearer = [{ env = 'KEY' }] }";
    assert_eq!(
        missing(shared, &[]),
        "warning[missing-secret]: environment variable KEY is not set\n--> /config/hookreeve.toml:2:44\n \
         = help: set it where the server is started: `export KEY=…` in a shell, `--env KEY` for a container"
    );
    expect![[r"
        warning[missing-secret]: environment variable KEY is empty
         --> /config/hookreeve.toml:2:17
          |
        2 | pseudonym_key = { env = 'KEY' }
          |                 ^^^^^^^^^^^^^^^
          |
          = help: set it where the server is started: `export KEY=…` in a shell, `--env KEY` for a container"]]
    .assert_eq(&missing("[log]\npseudonym_key = { env = 'KEY' }", &[("KEY", "")]));
    expect![[r"
        warning[missing-secret]: file /config/key could not be read: No such file or directory (os error 2)
         --> /config/hookreeve.toml:2:17
          |
        2 | pseudonym_key = { file = 'key' }
          |                 ^^^^^^^^^^^^^^^^
          |
          = help: write the secret to this file, readable for the server"]]
    .assert_eq(&missing("[log]\npseudonym_key = { file = 'key' }", &[]));
}

#[test]
fn credentials_and_key_files_that_are_not_there_are_shown_one_by_one() {
    let case = Case::new(
        r#"
[server]
tls = { cert = "cert.pem", key = "../tls/key.pem" }
[cymmetri.auth]
jwt = { algorithms = ["HS256", "ES256"], secret = [{ env = "OLD" }, { env = "NEW" }], key = ["there.pem", "gone.pem"] }
path_secret = { file = "gone.txt" }
bearer = [{ env = "OLD" }, { file = "empty.txt" }]
"#,
    )
    .file("config/there.pem", "")
    .file("config/cert.pem", "")
    .file("config/empty.txt", "\n")
    .variables(&[("OLD", "s3cret")]);
    let findings = case.load().missing_secrets(Severity::Error);
    assert_eq!(findings.errors(), 5);
    let findings: Vec<_> = findings.iter().map(|finding| finding.render(false)).collect();
    expect![[r#"
        error[missing-file]: file /config/../tls/key.pem could not be read: No such file or directory (os error 2)
         --> /config/hookreeve.toml:3:34
          |
        3 | tls = { cert = "cert.pem", key = "../tls/key.pem" }
          |                                  ^^^^^^^^^^^^^^^^
          |
          = help: a path is relative to the file that it stands in, and the server must be able to read it

        error[missing-secret]: environment variable NEW is not set
         --> /config/hookreeve.toml:5:69
          |
        5 | jwt = { algorithms = ["HS256", "ES256"], secret = [{ env = "OLD" }, { env = "NEW" }], key = ["there.pem", "gone.pem"] }
          |                                                                     ^^^^^^^^^^^^^^^
          |
          = help: set it where the server is started: `export NEW=…` in a shell, `--env NEW` for a container

        error[missing-file]: file /config/gone.pem could not be read: No such file or directory (os error 2)
         --> /config/hookreeve.toml:5:107
          |
        5 | jwt = { algorithms = ["HS256", "ES256"], secret = [{ env = "OLD" }, { env = "NEW" }], key = ["there.pem", "gone.pem"] }
          |                                                                                                           ^^^^^^^^^^
          |
          = help: a path is relative to the file that it stands in, and the server must be able to read it

        error[missing-secret]: file /config/gone.txt could not be read: No such file or directory (os error 2)
         --> /config/hookreeve.toml:6:15
          |
        6 | path_secret = { file = "gone.txt" }
          |               ^^^^^^^^^^^^^^^^^^^^^
          |
          = help: write the secret to this file, readable for the server

        error[missing-secret]: file /config/empty.txt is empty
         --> /config/hookreeve.toml:7:28
          |
        7 | bearer = [{ env = "OLD" }, { file = "empty.txt" }]
          |                            ^^^^^^^^^^^^^^^^^^^^^^
          |
          = help: write the secret to this file, readable for the server"#]]
    .assert_eq(&case.shorten(&findings.join("\n\n")));
}
