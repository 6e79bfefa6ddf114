//! Changes while the server runs: whole or not at all, and said either way.

use super::support::handlers::Gate;
use super::support::{Follow, TestApp, read_reply, sample, tokens};

const TAKEN: &str = "the configuration is in force";
const NOT_TAKEN: &str = "the configuration is not taken";

fn deny(message: &str) -> String {
    format!("[[rule]]\nid = \"r\"\non = \"validateUser\"\ndeny = \"{message}\"\n")
}

/// What a validate event is refused with; empty where it is not.
async fn refused(app: &TestApp) -> String {
    let reply = app.post("validateUser", sample("validateUser")).await;
    assert_eq!(reply.status, 200);
    reply.json()["response"]["message"].as_str().unwrap_or_default().to_owned()
}

/// Writes the configuration, and waits until the server has made up its mind.
async fn configure(app: &TestApp, log: &mut Follow, text: &str, expected: &str) -> String {
    app.configure(text);
    let logged = log.until(expected).await;
    let other = if expected == TAKEN { NOT_TAKEN } else { TAKEN };
    assert!(!logged.contains(other), "{logged}");
    logged
}

#[tokio::test]
async fn a_change_of_the_file_is_in_force_once_it_is_said() {
    let app = TestApp::with(&deny("One")).start().await;
    let mut log = app.follow();
    assert_eq!(refused(&app).await, "One");
    for message in ["Two", "Three"] {
        let logged = configure(&app, &mut log, &deny(message), TAKEN).await;
        assert!(logged.contains("a file has changed") && logged.contains("rules=1"), "{logged}");
        assert_eq!(refused(&app).await, message);
    }
    configure(&app, &mut log, "", TAKEN).await;
    assert_eq!(refused(&app).await, "");
}

#[tokio::test]
async fn a_file_that_is_wrong_is_reported_and_the_last_good_one_stays() {
    let app = TestApp::with(&deny("Good")).start().await;
    let mut log = app.follow();
    for (text, said) in [
        ("[[rule]]\nid = \"r\"\non = ", "hookreeve.toml:3"),
        ("[server]\nlistten = 1\n", "hookreeve.toml:2"),
        ("[[rule]]\nid = \"r\"\non = \"validateUser\"\nwhen = 'user.'\ndeny = \"No\"\n", "hookreeve.toml:4"),
        ("[[rule]]\nid = \"r\"\non = \"validateUsers\"\ndeny = \"No\"\n", "validateUser"),
        ("[cymmetri.auth]\njwt = { secret = { env = \"NOT_THERE\" } }\n", "NOT_THERE"),
        ("[cymmetri.auth]\n", "no credential is named"),
        ("[cymmetri]\nbase_paths = []\n", "base path"),
    ] {
        let logged = configure(&app, &mut log, text, NOT_TAKEN).await;
        assert!(logged.contains(said) && logged.contains("errors="), "{text}\n{logged}");
        assert_eq!(refused(&app).await, "Good", "{text}");
    }
    std::fs::remove_file(app.path("hookreeve.toml")).unwrap();
    log.until(NOT_TAKEN).await;
    assert_eq!(refused(&app).await, "Good");
    configure(&app, &mut log, &deny("Better"), TAKEN).await;
    assert_eq!(refused(&app).await, "Better");
}

#[tokio::test]
async fn everything_that_is_wrong_is_said_at_once() {
    let app = TestApp::start().await;
    let mut log = app.follow();
    let text =
        format!("{}when = 'nobody'\n[server]\nbody_limit = \"0B\"\n[cymmetri]\nbase_paths = [\"x\"]\n", deny("No"));
    let logged = configure(&app, &mut log, &text, NOT_TAKEN).await;
    assert!(logged.contains("errors=3"), "{logged}");
}

#[tokio::test]
async fn included_files_count_also_those_that_come_later() {
    let include = "include = [\"rules/*.toml\"]\n";
    let app = TestApp::with(include).file("rules/b.toml", &deny("B")).start().await;
    let mut log = app.follow();
    assert_eq!(refused(&app).await, "B");
    app.write("rules/b.toml", &deny("Bee"));
    log.until(TAKEN).await;
    assert_eq!(refused(&app).await, "Bee");
    // In the order of their paths, so that the new one speaks first.
    app.write("rules/a.toml", &deny("A").replace("\"r\"", "\"a\""));
    assert!(log.until(TAKEN).await.contains("rules=2"));
    assert_eq!(refused(&app).await, "A");
    app.write("rules/a.toml", &deny("A"));
    assert!(log.until(NOT_TAKEN).await.contains("a.toml"));
    std::fs::remove_file(app.path("rules/a.toml")).unwrap();
    log.until(TAKEN).await;
    assert_eq!(refused(&app).await, "Bee");
}

#[tokio::test]
async fn a_secret_in_a_file_can_be_rotated_without_a_gap() {
    let text = "[cymmetri.auth]\njwt = { secret = [{ file = \"one\" }, { file = \"two\" }] }\n";
    let app = TestApp::with(text).file("one", "the.old.secret").file("two", "the.old.secret").start().await;
    let status = async |secret: &str| app.event("test").token(&tokens::good(secret)).send().await.status;
    assert_eq!((status("the.old.secret").await, status("the.new.secret").await), (200, 401));
    let mut log = app.follow();
    app.write("two", "the.new.secret\n");
    log.until(TAKEN).await;
    assert_eq!((status("the.old.secret").await, status("the.new.secret").await), (200, 200));
    app.write("one", "the.new.secret\n");
    log.until(TAKEN).await;
    assert_eq!((status("the.old.secret").await, status("the.new.secret").await), (401, 200));
    // One that is gone is no secret, and no reason to let nobody in.
    app.write("two", "\n");
    assert!(log.until(NOT_TAKEN).await.contains("two is empty"));
    assert_eq!(status("the.new.secret").await, 200);
    let log = app.stop().await;
    assert!(!log.contains("the.old.secret") && !log.contains("the.new.secret"), "{log}");
}

#[tokio::test]
async fn a_change_that_needs_a_restart_is_named_and_nothing_of_it_taken() {
    let server = |more: &str| format!("[server]\nlisten = \"127.0.0.1:0\"\n{more}");
    let app = TestApp::with(&format!("{}{}", server(""), deny("Old"))).own_listener().start().await;
    let mut log = app.follow();
    for (text, name) in [
        (server("").replace(":0", ":1"), "server.listen"),
        (server("workers = 3\n"), "server.workers"),
        (server("[metrics]\nlisten = \"127.0.0.1:0\"\n"), "metrics"),
        (server("[log]\nformat = \"json\"\n"), "log.format"),
    ] {
        let logged = configure(&app, &mut log, &format!("{text}{}", deny("New")), NOT_TAKEN).await;
        assert!(logged.contains(&format!("a change of `{name}` needs a restart")), "{logged}");
        assert_eq!(refused(&app).await, "Old");
    }
    configure(&app, &mut log, &format!("{}{}", server("health = false\n"), deny("New")), TAKEN).await;
    assert_eq!((refused(&app).await.as_str(), app.get("/healthz").await.status), ("New", 404));
}

#[tokio::test]
async fn limits_paths_and_shapes_change_with_the_file() {
    let app = TestApp::start().await;
    let mut log = app.follow();
    let text = "[server]\nbody_limit = \"64B\"\n[cymmetri]\nbase_paths = [\"/other\"]\nunknown_event = \"acknowledge\"\n\
                accept_shape = \"empty\"\n";
    configure(&app, &mut log, text, TAKEN).await;
    assert_eq!(app.post("test", "").await.code(), "not_found");
    let other = app.request("/other/validateUser");
    assert_eq!(other.clone().body(" ".repeat(65)).send().await.code(), "body_too_large");
    assert_eq!(other.clone().body(r#"{"request":{"user":{}}}"#).send().await.accepted(), r#"{"response":{}}"#);
    assert_eq!(other.target("/other/nothing").send().await.accepted(), r#"{"response":{}}"#);
}

#[tokio::test]
async fn a_request_ends_under_the_configuration_that_it_began_with() {
    let gate = Gate::new();
    let shape = |shape: &str| format!("[cymmetri]\ndeadline = \"60s\"\naccept_shape = \"{shape}\"\n");
    let app = TestApp::with(&shape("data_error_false")).bind("validateUser", gate.clone()).start().await;
    let event = app.event("validateUser").body(r#"{"request":{"user":{}}}"#);
    let mut held = event.begin().await;
    gate.entered().await;
    let mut log = app.follow();
    configure(&app, &mut log, &shape("empty"), TAKEN).await;
    gate.open();
    assert_eq!(read_reply(&mut held).await.accepted(), r#"{"response":{"data":{},"error":false}}"#);
    gate.open();
    assert_eq!(event.send().await.accepted(), r#"{"response":{}}"#);
}

#[tokio::test]
async fn reloads_are_counted() {
    let text = "[metrics]\nlisten = \"127.0.0.1:0\"\n";
    let app = TestApp::with(text).start().await;
    let mut log = app.follow();
    configure(&app, &mut log, &format!("{text}{}", deny("No")), TAKEN).await;
    configure(&app, &mut log, "[", NOT_TAKEN).await;
    let metrics = app.metrics().await;
    for line in [
        r#"hookreeve_reloads_total{result="applied"} 1"#,
        r#"hookreeve_reloads_total{result="rejected"} 1"#,
        "hookreeve_rules 1",
        "hookreeve_in_flight 0",
    ] {
        assert!(metrics.lines().any(|written| written == line), "{line} in\n{metrics}");
    }
}
