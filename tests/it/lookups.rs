//! Lookups through the whole server: sources that are slow or down, and files that change.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use hookreeve::event::{Changes, Decision, Event, Kind, KindSet};
use hookreeve::http::listener::{self, Limits, Stop};
use hookreeve::judge::{BoxFuture, Cx, Handler, HandlerError};
use tokio::net::TcpListener;
use tokio_util::task::TaskTracker;

use super::support::TestApp;

/// A source that knows one mobile, `42`; that of `slow` it looks for without end, at that of `down` it fails.
async fn source() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = format!("http://{}", listener.local_addr().expect("an address"));
    let router = Router::new().fallback(async move |request: axum::extract::Request| match request.uri().path() {
        "/42" => Ok(r#"{"data":{"login":"anna"}}"#),
        "/slow" => std::future::pending().await,
        "/down" => Err(axum::http::StatusCode::BAD_GATEWAY),
        _ => Err(axum::http::StatusCode::NOT_FOUND),
    });
    let limits = || Limits { header_timeout: Duration::from_secs(30), max_connections: 100 };
    let tasks = TaskTracker::new();
    tasks.spawn(listener::serve(listener, None, Arc::new(limits), router, tasks.clone(), Stop::new()));
    address
}

fn toml(url: &str, on_error: &str, more: &str) -> String {
    format!(
        r#"
[cymmetri]
deadline = "600ms"

[[rule]]
id = "mobile-unique"
on = "validateUser"
when = 'lookup.same_mobile.found'
deny = "MobileAlreadyExist"
on_error = "{on_error}"

[[lookup]]
id = "same_mobile"
type = "http"
url = "{url}/${{text(user.?mobile)}}"
value = "$.data"
allow_private = true
{more}"#
    )
}

fn person(mobile: &str) -> String {
    format!(r#"{{"request":{{"user":{{"login":"x","mobile":"{mobile}"}}}}}}"#)
}

const REFUSED: &str = r#"{"response":{"error":true,"message":"MobileAlreadyExist"}}"#;

fn accepted(mobile: &str) -> String {
    format!(r#"{{"response":{{"data":{{"login":"x","mobile":"{mobile}"}}}}}}"#)
}

#[tokio::test]
async fn what_a_source_knows_decides_and_what_it_does_not_tell_is_the_rules_error() {
    for (on_error, unknown) in [("allow", None), ("deny", Some(REFUSED))] {
        let app = TestApp::with(&toml(&source().await, on_error, "timeout = '200ms'")).start().await;
        let reply = async |mobile: &str| app.post("validateUser", person(mobile)).await.body;
        assert_eq!(reply("42").await, REFUSED);
        assert_eq!(reply("43").await, accepted("43"));
        assert_eq!(reply("").await, accepted(""));
        for mobile in ["down", "slow"] {
            assert_eq!(reply(mobile).await, unknown.map_or_else(|| accepted(mobile), str::to_owned));
        }
        let log = app.stop().await;
        assert!(log.contains("lookup `same_mobile` failed: HTTP 502"), "{log}");
        assert!(log.contains("lookup `same_mobile` failed: no answer within 200ms"), "{log}");
    }
}

#[tokio::test]
#[expect(clippy::disallowed_methods, reason = "whoever waits for a reply has a watch of their own")]
async fn a_slow_source_makes_no_reply_late() {
    // It would have ten seconds; the deadline leaves it half a one, and the rules some of that.
    let app = TestApp::with(&toml(&source().await, "allow", "timeout = '10s'")).start().await;
    for _ in 0..3 {
        let began = Instant::now();
        assert_eq!(app.post("validateUser", person("slow")).await.body, accepted("slow"));
        assert!(began.elapsed() < Duration::from_millis(590), "{:?}", began.elapsed());
    }
    let log = app.stop().await;
    assert!(log.contains("lookup `same_mobile` failed: there was no time left for it"), "{log}");
    assert!(!log.contains("out_of_time"), "{log}");
}

#[tokio::test]
async fn the_numbers_tell_of_lookups() {
    let more = "cache = '60s'\n[metrics]\nlisten = '127.0.0.1:0'";
    let app = TestApp::with(&toml(&source().await, "allow", more)).start().await;
    for mobile in ["42", "42", "down"] {
        app.post("validateUser", person(mobile)).await;
    }
    let numbers = app.metrics().await;
    for line in [
        r#"hookreeve_lookups_total{lookup="same_mobile",outcome="fetched"} 1"#,
        r#"hookreeve_lookups_total{lookup="same_mobile",outcome="cached"} 1"#,
        r#"hookreeve_lookups_total{lookup="same_mobile",outcome="failed"} 1"#,
    ] {
        assert!(numbers.contains(line), "{line} in\n{numbers}");
    }
}

const BLOCKED: &str = r#"
[[rule]]
id = "blocked"
on = "validateUser"
when = 'lookup.blocked.found'
deny = "Blocked"

[[lookup]]
id = "blocked"
type = "csv"
file = "blocked.csv"
key = "login"
"#;

#[tokio::test]
async fn a_file_that_changes_is_read_again_and_a_bad_one_changes_nothing() {
    let app = TestApp::with(BLOCKED).file("blocked.csv", "login\nanna\n").start().await;
    let mut log = app.follow();
    let refused = async |login: &str| {
        let body = format!(r#"{{"request":{{"user":{{"login":"{login}"}}}}}}"#);
        app.post("validateUser", body).await.body.contains("Blocked")
    };
    assert!(refused("anna").await && !refused("bert").await);
    app.write("blocked.csv", "login\nbert\n");
    log.until("the configuration is in force").await;
    assert!(!refused("anna").await && refused("bert").await);
    app.write("blocked.csv", "login\nbert,carl\n");
    log.until("2 columns in line 2, where the first line has 1").await;
    log.until("the last good one stays in force").await;
    assert!(!refused("carl").await && refused("bert").await);
}

/// Refuses whom the lookup names.
struct Named;

impl Handler for Named {
    fn kinds(&self) -> KindSet {
        KindSet::of(&[Kind::Verdict])
    }

    fn lookups(&self) -> &[&str] {
        &["blocked"]
    }

    fn handle<'a>(&'a self, _: &'a Event, cx: &'a Cx) -> BoxFuture<'a, Result<Decision, HandlerError>> {
        Box::pin(async move {
            let fact = cx.facts().get("blocked").ok_or_else(|| HandlerError::new("no fact"))?;
            let found = fact.answer.as_ref().map_err(HandlerError::new)?.found;
            Ok(if found { Decision::Refuse("ByHandler".into()) } else { Decision::Accept(Changes::default()) })
        })
    }
}

#[tokio::test]
async fn a_handler_gets_what_the_lookups_found_that_it_names() {
    let with = |toml: &str| TestApp::with(toml).file("blocked.csv", "login\nanna\n").bind("validateUpdateUser", Named);
    let app = with(BLOCKED).start().await;
    let reply = app.post("validateUpdateUser", r#"{"request":{"user":{"login":"anna"}}}"#).await;
    assert_eq!(reply.body, r#"{"response":{"error":true,"message":"ByHandler"}}"#);
    let refused = with("").refused();
    assert!(refused.contains("wants the lookup `blocked`, and there is none"), "{refused}");
}
