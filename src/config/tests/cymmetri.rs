//! `[cymmetri]` and its credentials.

use std::time::Duration;

use super::*;
use crate::auth::Authenticator;
use crate::base::clock::Clock;
use crate::base::units::Span;
use crate::config::cymmetri::{Config, UnknownEvent};
use crate::dialect::cymmetri::AcceptShape;
use crate::rules::OnError;

#[test]
fn every_key_is_read() {
    let settings = Case::new(
        r#"
[cymmetri]
base_paths = ["/webhook", "/"]
deadline = "1500ms"
accept_shape = "echo"
on_error = "deny"
error_message = "TryAgain"
unknown_event = "acknowledge"
secret_fields = ["user.pin"]
"#,
    )
    .settings();
    let expected = Config {
        base_paths: vec!["/webhook".into(), "/".into()],
        deadline: Span(Duration::from_millis(1500)),
        accept_shape: AcceptShape::Echo,
        on_error: OnError::Deny,
        error_message: "TryAgain".into(),
        unknown_event: UnknownEvent::Acknowledge,
        secret_fields: vec!["user.pin".into()],
        auth: settings.cymmetri.auth.clone(),
    };
    assert_eq!(settings.cymmetri, expected);
}

#[test]
fn every_credential_is_read() {
    let settings = Case::bare(
        r#"
[server]
tls = { cert = "/c.pem", key = "/k.pem", client_ca = "/ca.pem" }
[cymmetri.auth]
unverified = "accept"
accept_everyone = true
jwt = { algorithms = ["HS512", "ES256"], secret = [{ env = "NEW" }, { file = "/old" }], form = "base64", leeway = "5s", tenants = ["as100"], key = "/s.pem", jwks_url = "https://id.example/keys", jwks_refresh = "1h" }
path_secret = { env = "PATH_SECRET" }
allow_from = ["203.0.113.0/24"]
client_cert = { names = ["cloud.example"] }
"#,
    )
    .settings();
    expect![[r#"
        Config {
            unverified: Accept,
            accept_everyone: true,
            jwt: Some(
                JwtConfig {
                    algorithms: [
                        "HS512",
                        "ES256",
                    ],
                    secret: Some(
                        Many(
                            [
                                Env(
                                    "NEW",
                                ),
                                File(
                                    "/old",
                                ),
                            ],
                        ),
                    ),
                    form: Base64,
                    leeway: Span(
                        5s,
                    ),
                    tenants: [
                        "as100",
                    ],
                    key: Some(
                        One(
                            "/s.pem",
                        ),
                    ),
                    jwks_url: Some(
                        "https://id.example/keys",
                    ),
                    jwks_refresh: Span(
                        3600s,
                    ),
                },
            ),
            path_secret: Some(
                One(
                    Env(
                        "PATH_SECRET",
                    ),
                ),
            ),
            bearer: None,
            header: None,
            api_key: None,
            basic: None,
            allow_from: Some(
                [
                    Network(
                        203.0.113.0/24,
                    ),
                ],
            ),
            client_cert: Some(
                ClientCertConfig {
                    names: [
                        "cloud.example",
                    ],
                },
            ),
        }"#]]
    .assert_eq(&format!("{:#?}", settings.cymmetri.auth));
    let settings = Case::bare("[cymmetri.auth]\nbearer = [{ env = 'A' }, { file = '/b' }]").settings();
    let places = vec![SecretRef::Env("A".into()), SecretRef::File("/b".into())];
    assert_eq!(settings.cymmetri.auth.bearer, Some(places));
}

#[test]
fn a_configuration_without_credentials_is_told_how_to_name_one() {
    Case::bare("[server]\nhealth = true").check(&expect![[r#"
        error[auth-none]: no credential is named, so nobody could tell who sends an event
        --> /config/hookreeve.toml:1:1
         = help: name one, such as `[cymmetri.auth] jwt = { secret = { env = "HOOKREEVE_JWT_SECRET" } }`; the others are path_secret, jwt, bearer, header, api_key, basic, allow_from and client_cert"#]]);
    Case::bare("[cymmetri.auth]\nunverified = 'observe'").check(&expect![[r#"
        error[auth-none]: no credential is named, so nobody could tell who sends an event
         --> /config/hookreeve.toml:1:1
          |
        1 | [cymmetri.auth]
          | ^^^^^^^^^^^^^^^
          |
          = help: name one, such as `[cymmetri.auth] jwt = { secret = { env = "HOOKREEVE_JWT_SECRET" } }`; the others are path_secret, jwt, bearer, header, api_key, basic, allow_from and client_cert"#]]);
}

#[test]
fn a_credential_with_a_mistake_in_it_is_no_missing_credential() {
    let codes = |text| {
        let loaded = Case::bare(text).load();
        loaded.findings.iter().map(|finding| finding.code).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(codes("[cymmetri.auth]\njtw = { secret = { env = 'S' } }"), "unknown-key");
    assert_eq!(codes("[cymmetri.auht]\njwt = { secret = { env = 'S' } }"), "unknown-key");
    assert_eq!(codes("[cymetri.auth]\njwt = { secret = { env = 'S' } }"), "unknown-key");
    assert_eq!(codes("[auth]\njwt = { secret = { env = 'S' } }"), "unknown-key");
    assert_eq!(codes("[cymmetri.auth]\njwt = 's3cret'"), "invalid-value");
    assert_eq!(codes("[cymmetri.auth]\njwt = { secret = 's3cret' }"), "invalid-value");
    assert_eq!(codes("[cymmetri.auth]\nallow_from = ['here']"), "invalid-value");
    assert_eq!(codes("[cymmetri]\nbase_paths = [1]\n[cymmetri.auth]\njwt = {}"), "invalid-value auth-no-key");
}

#[test]
fn mistakes_are_shown_at_their_item() {
    Case::new(
        r#"
[cymmetri]
base_paths = [1, "/webhook", "hooks"]
deadline = "61s"
accept_shape = "dta"
on_error = "ignore"
error_message = " "
unknown_event = "drop"
secret_fields = ["user.pin", "pin"]
"#,
    )
    .check(&expect![[r#"
        error[invalid-value]: `cymmetri.base_paths`: expected text, found an integer
         --> /config/hookreeve.toml:3:15
          |
        3 | base_paths = [1, "/webhook", "hooks"]
          |               ^
          |
          = help: put it in quotes

        error[base-path]: a base path starts with `/`
         --> /config/hookreeve.toml:3:30
          |
        3 | base_paths = [1, "/webhook", "hooks"]
          |                              ^^^^^^^
          |
          = help: for example "/webhook", or "/" for none

        error[deadline]: a deadline is between 100ms and 60s
         --> /config/hookreeve.toml:4:12
          |
        4 | deadline = "61s"
          |            ^^^^^

        error[invalid-value]: `cymmetri.accept_shape`: expected one of `data`, `data_error_false`, `empty`, `echo`
         --> /config/hookreeve.toml:5:16
          |
        5 | accept_shape = "dta"
          |                ^^^^^
          |
          = help: did you mean `data`?

        error[invalid-value]: `cymmetri.on_error`: expected `allow` or `deny`
         --> /config/hookreeve.toml:6:12
          |
        6 | on_error = "ignore"
          |            ^^^^^^^^

        error[deny-message]: a refusal must say something
         --> /config/hookreeve.toml:7:17
          |
        7 | error_message = " "
          |                 ^^^

        error[invalid-value]: `cymmetri.unknown_event`: expected `reject` or `acknowledge`
         --> /config/hookreeve.toml:8:17
          |
        8 | unknown_event = "drop"
          |                 ^^^^^^

        error[secret-field]: a secret field starts with `user.` or `request.`
         --> /config/hookreeve.toml:9:30
          |
        9 | secret_fields = ["user.pin", "pin"]
          |                              ^^^^^
          |
          = help: for example "user.pin""#]]);
}

#[test]
fn mistakes_about_credentials_are_shown_at_their_item() {
    Case::new(
        r#"
[cymmetri.auth]
unverified = "accept"
jwt = { algorithms = ["HS256", "none"], secret = { env = "S" }, key = 3, leeway = "1h", jwks_refresh = "1s" }
path_secret = []
bearer = [{ env = "A" }, { evn = "B" }]
client_cert = { names = "a" }
"#,
    )
    .check(&expect![[r#"
        error[auth-accept-everyone]: unverified = "accept" takes events from everyone who can reach this listener
         --> /config/hookreeve.toml:3:14
          |
        3 | unverified = "accept"
          |              ^^^^^^^^
          |
          = help: listen on a loopback address, or say accept_everyone = true if that is meant

        error[auth-algorithm]: tokens without a signature are never taken
         --> /config/hookreeve.toml:4:32
          |
        4 | jwt = { algorithms = ["HS256", "none"], secret = { env = "S" }, key = 3, leeway = "1h", jwks_refresh = "1s" }
          |                                ^^^^^^
          |
          = help: known algorithms: HS256, HS384, HS512, RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, EdDSA

        error[invalid-value]: `cymmetri.auth.jwt.key`: expected a path in quotes, or a list of them
         --> /config/hookreeve.toml:4:71
          |
        4 | jwt = { algorithms = ["HS256", "none"], secret = { env = "S" }, key = 3, leeway = "1h", jwks_refresh = "1s" }
          |                                                                       ^

        warning[auth-leeway]: tokens stay valid this long after they expire
         --> /config/hookreeve.toml:4:83
          |
        4 | jwt = { algorithms = ["HS256", "none"], secret = { env = "S" }, key = 3, leeway = "1h", jwks_refresh = "1s" }
          |                                                                                   ^^^^
          |
          = help: a minute is usual

        error[auth-jwks]: keys are not fetched more than every 10s
         --> /config/hookreeve.toml:4:104
          |
        4 | jwt = { algorithms = ["HS256", "none"], secret = { env = "S" }, key = 3, leeway = "1h", jwks_refresh = "1s" }
          |                                                                                                        ^^^^

        error[invalid-value]: `cymmetri.auth.path_secret`: this list of secrets is empty
         --> /config/hookreeve.toml:5:15
          |
        5 | path_secret = []
          |               ^^

        error[unknown-key]: unknown key `evn`
        --> /config/hookreeve.toml:6:28
         = help: did you mean `env`?

        error[invalid-value]: `cymmetri.auth.client_cert.names`: expected a list, found text
         --> /config/hookreeve.toml:7:25
          |
        7 | client_cert = { names = "a" }
          |                         ^^^"#]]);
}

#[test]
fn a_key_file_is_named_where_it_is_written() {
    let text = "cymmetri.auth.jwt = { algorithms = ['ES256'], key = ['there.pem', 'gone.pem'] }";
    let case = Case::new(text).file("config/there.pem", "nothing");
    let loaded = case.load();
    let settings = loaded.settings.as_ref().expect("settings");
    let (auth, exposure) = (&settings.cymmetri.auth, settings.exposure());
    let problems = Authenticator::try_new(auth, &loaded.secrets(), &loaded.base_dir, exposure, &Clock::system());
    let mut problems = problems.expect_err("no key");
    for problem in &mut problems {
        problem.path.splice(0..0, ["cymmetri".to_owned(), "auth".to_owned()]);
    }
    let findings: Vec<_> = problems.into_iter().map(|problem| loaded.locate(problem).one_line()).collect();
    expect![[r"
        /config/hookreeve.toml:1:54: file /config/there.pem is no key file: it holds no public key or certificate in PEM
        /config/hookreeve.toml:1:67: file /config/gone.pem could not be read: No such file or directory (os error 2)"]]
    .assert_eq(&case.shorten(&findings.join("\n")));
}
