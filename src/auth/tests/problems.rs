//! What is said against a configuration before any secret is looked at.

use super::*;

#[track_caller]
fn check(config: &str, exposure: Exposure, expected: &[(&str, &str)]) {
    let config: Config = toml::from_str(config).unwrap();
    let problems = config.problems(exposure);
    let found: Vec<_> = problems.iter().map(|problem| (problem.code, problem.path.join("."))).collect();
    let found: Vec<_> = found.iter().map(|(code, path)| (*code, path.as_str())).collect();
    assert_eq!(found, expected, "{problems:?}");
}

#[test]
fn a_server_that_knows_nobody_does_not_start() {
    check("", OUTSIDE, &[("auth-none", "")]);
    check("unverified = \"observe\"", OUTSIDE, &[("auth-none", "")]);
    check("", Exposure { client_ca: true, loopback: false }, &[]);
    check("unverified = \"accept\"", OUTSIDE, &[("auth-accept-everyone", "unverified")]);
    check("unverified = \"accept\"", Exposure { client_ca: false, loopback: true }, &[]);
    check("unverified = \"accept\"\naccept_everyone = true", OUTSIDE, &[]);
    let everyone = "accept_everyone = true\npath_secret = { env = \"S\" }";
    check(everyone, OUTSIDE, &[("auth-no-effect", "accept_everyone")]);
}

#[test]
fn credentials_that_contradict_each_other_or_cannot_hold_are_found() {
    let both = r#"bearer = [{ env = "S" }]
        jwt = { secret = { env = "S" } }"#;
    check(both, OUTSIDE, &[("auth-contradiction", "bearer")]);
    check("bearer = []\nallow_from = []", OUTSIDE, &[("auth-empty", "bearer"), ("auth-empty", "allow_from")]);
    check("[client_cert]", OUTSIDE, &[("auth-no-client-ca", "client_cert")]);
    check("jwt = { algorithms = ['ES256'], key = [] }", OUTSIDE, &[("auth-empty", "jwt.key")]);
    for config in ["path_secret = []", "jwt = { secret = [] }"] {
        let error = toml::from_str::<Config>(config).expect_err(config);
        assert_eq!(error.message(), "this list of secrets is empty", "{config}");
    }
}

#[test]
fn algorithms_are_known_and_never_none() {
    let with = |names: &str| format!(r#"jwt = {{ algorithms = [{names}], secret = {{ env = "S" }} }}"#);
    check(&with(""), OUTSIDE, &[("auth-algorithm", "jwt.algorithms")]);
    for name in ["none", "None", "HS25", "RSA", "ES512"] {
        check(&with(&format!(r#""HS256", "{name}""#)), OUTSIDE, &[("auth-algorithm", "jwt.algorithms.1")]);
    }
    let config: Config = toml::from_str(&with(r#""HS256", "hs512""#)).unwrap();
    assert_eq!(config.problems(OUTSIDE)[0].hint.as_deref(), Some("did you mean `HS512`?"));
}

#[test]
fn every_algorithm_needs_a_key_and_every_key_an_algorithm() {
    check("[jwt]", OUTSIDE, &[("auth-no-key", "jwt")]);
    check(r#"jwt = { algorithms = ["RS256"] }"#, OUTSIDE, &[("auth-no-key", "jwt")]);
    let secret_only = r#"jwt = { algorithms = ["RS256"], secret = { env = "S" } }"#;
    check(secret_only, OUTSIDE, &[("auth-unused-key", "jwt.secret"), ("auth-no-key", "jwt")]);
    let public_only = r#"jwt = { algorithms = ["HS256"], key = "key.pem" }"#;
    check(public_only, OUTSIDE, &[("auth-no-key", "jwt"), ("auth-unused-key", "jwt.key")]);
    check(r#"jwt = { algorithms = ["ES256"], key = ["a.pem", "b.pem"] }"#, OUTSIDE, &[]);
}

#[test]
fn published_keys_come_over_a_connection_that_cannot_be_changed() {
    let with = |url: &str| format!(r#"jwt = {{ algorithms = ["RS256"], jwks_url = "{url}" }}"#);
    for url in ["https://id.example/keys", "http://127.0.0.1:8080/keys", "http://[::1]/keys", "http://localhost/keys"] {
        check(&with(url), OUTSIDE, &[]);
    }
    for url in [
        "http://id.example/keys",
        "ftp://id.example",
        "keys",
        "https://user:word@id.example/",
        "http://localhost.example/",
    ] {
        check(&with(url), OUTSIDE, &[("auth-jwks", "jwt.jwks_url")]);
    }
}

#[test]
fn secrets_and_key_files_that_are_missing_are_all_named_and_no_value_is() {
    let config = r#"
        path_secret = { env = "P" }
        jwt = { algorithms = ["HS256", "ES256"], secret = [{ env = "S" }, { env = "GONE" }], key = "gone.pem" }"#;
    let problems = try_new(config, &secrets(&[("P", "with/slash")]), Path::new("."), &sample_clock()).unwrap_err();
    let found: Vec<_> = problems.iter().map(|problem| problem.path.join(".")).collect();
    assert_eq!(found, ["path_secret.0", "jwt.secret.1", "jwt.key.0"]);
    assert_eq!(problems[1].message, "environment variable GONE is not set");
    assert!(problems[1].hint.as_ref().is_some_and(|hint| hint.contains("GONE")));
    assert!(!format!("{problems:?}").contains("with/slash"));
}

#[test]
fn key_files_must_hold_a_key_for_each_algorithm() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("key.pem"), Signer::new(Algorithm::ES256).public_pem).unwrap();
    let config = r#"jwt = { algorithms = ["ES256", "RS256"], key = "key.pem" }"#;
    let problems = try_new(config, &secrets(&[]), dir.path(), &sample_clock()).unwrap_err();
    assert_eq!(problems[0].message, "no key named here is for RS256");
}

#[test]
fn unknown_keys_are_refused() {
    for config in [
        "jwt = { secrets = 1 }",
        "jwt = { key = 1 }",
        "paths = 1",
        "client_cert = { name = \"a\" }",
        "allow_from = [\"here\"]",
    ] {
        assert!(toml::from_str::<Config>(config).is_err(), "{config}");
    }
}
