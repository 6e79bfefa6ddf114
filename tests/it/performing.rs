//! What rules have performed while the sender waits: done, refused, failing, slow, asked for twice.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::http::StatusCode;
use hookreeve::http::listener::{self, Limits, Stop};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio_util::task::TaskTracker;

use super::support::{Reply, Request, TestApp, soon};

const DONE: &str = r#"{"response":"PROVISIONED_USER"}"#;
const NO_ACTION: &str = r#"{"response":"NO_PROVISIONING_ACTION"}"#;

/// A target that answers as the path says, and tells what it heard: the path and the idempotency key.
async fn target() -> (String, mpsc::UnboundedReceiver<(String, String)>) {
    let (heard, hears) = mpsc::unbounded_channel();
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = format!("http://{}", listener.local_addr().expect("an address"));
    let router = Router::new().fallback(async move |request: axum::extract::Request| {
        let path = request.uri().path().to_owned();
        let key = request.headers()["idempotency-key"].to_str().expect("text").to_owned();
        let _ = heard.send((path.clone(), key));
        match path.rsplit('/').next().unwrap_or_default() {
            "never" => std::future::pending().await,
            "none" => (StatusCode::OK, "{}"),
            status => {
                (StatusCode::from_bytes(status.as_bytes()).unwrap_or(StatusCode::OK), r#"{"result":{"number":4711}}"#)
            }
        }
    });
    let limits = || Limits { header_timeout: Duration::from_secs(30), max_connections: 100 };
    let tasks = TaskTracker::new();
    tasks.spawn(listener::serve(listener, None, Arc::new(limits), router, tasks.clone(), Stop::new()));
    (address, hears)
}

/// Two actions that the application's name leads to, for applications other than `nothing`.
fn configuration(url: &str) -> String {
    format!(
        r#"
[lumos]
deadline = "1s"
auth.header = {{ name = "x-lumos-secret", value = {{ env = "LUMOS" }} }}

[[rule]]
id = "licences"
on = ["lumos.provision", "lumos.deprovision"]
when = 'request.application.app_id != "nothing"'
perform = ["assign", "note"]

[[action]]
id = "assign"
on = ["lumos.provision", "lumos.deprovision"]
type = "http"
url = "{url}/assign/${{request.application.app_id}}"
allow_private = true
timeout = "600ms"

[[action]]
id = "note"
on = ["lumos.provision", "lumos.deprovision"]
type = "http"
url = "{url}/note/200"
allow_private = true

[[action]]
id = "by the way"
on = "lumos.provision"
type = "log"
"#
    )
    .replace("by the way", "by-the-way")
}

async fn lumos(url: &str) -> TestApp {
    TestApp::with(&configuration(url)).env("LUMOS", "a secret").start().await
}

async fn ask(app: &TestApp, event: &str, app_id: &str, request_id: &str) -> Reply {
    let body = format!(
        r#"{{"application":{{"app_id":"{app_id}"}},"target_user":{{"email":"asha@corp.example"}},"request_task_url":"https://l.example/tasks?requestId={request_id}"}}"#
    );
    let request = Request::post(app.address, format!("/lumos/{event}")).header("x-lumos-secret", "a secret");
    request.body(body).send().await
}

#[tokio::test]
async fn access_is_said_to_be_given_once_everything_is_done() {
    let (url, mut hears) = target().await;
    let app = lumos(&url).await;
    assert_eq!(ask(&app, "provision", "200", "1").await.accepted(), DONE);
    let mut heard = [soon(hears.recv()).await.expect("a request").0, soon(hears.recv()).await.expect("a request").0];
    heard.sort();
    assert_eq!(heard, ["/assign/200", "/note/200"]);
    assert_eq!(ask(&app, "deprovision", "200", "2").await.accepted(), r#"{"response":"DEPROVISIONED_USER"}"#);
    assert!(app.log.text().contains("performed=\"done\""), "{}", app.log.text());
}

#[tokio::test]
async fn whatever_is_not_done_in_time_is_a_task_for_a_human() {
    let (url, _hears) = target().await;
    let app = lumos(&url).await;
    // The clock stands still here, so that nobody knows that the time for another attempt is over.
    for (app_id, performed) in [("410", "rejected"), ("503", "late"), ("never", "late")] {
        assert_eq!(ask(&app, "provision", app_id, app_id).await.accepted(), NO_ACTION, "{app_id}");
        let log = app.log.text();
        let told = log.lines().rfind(|line| line.contains("performed=")).unwrap_or_default();
        assert!(told.contains(&format!("performed=\"{performed}\"")), "{app_id}: {told}");
    }
    assert_eq!(ask(&app, "provision", "nothing", "4").await.accepted(), NO_ACTION);
    assert!(app.log.text().contains("performed=\"nothing\""), "{}", app.log.text());
}

#[tokio::test]
async fn a_request_that_comes_again_is_answered_alike_and_done_once() {
    let (url, mut hears) = target().await;
    let app = lumos(&url).await;
    for _ in 0..3 {
        assert_eq!(ask(&app, "provision", "200", "77").await.accepted(), DONE);
    }
    // Another one in between changes nothing.
    assert_eq!(ask(&app, "provision", "201", "78").await.accepted(), DONE);
    assert_eq!(ask(&app, "provision", "200", "77").await.accepted(), DONE);
    let mut heard = Vec::new();
    for _ in 0..4 {
        heard.push(soon(hears.recv()).await.expect("a request").0);
    }
    heard.sort();
    assert_eq!(heard, ["/assign/200", "/assign/201", "/note/200", "/note/200"]);
    assert!(hears.try_recv().is_err());
}

#[tokio::test]
async fn a_request_that_failed_is_tried_again_when_it_comes_again() {
    let (url, mut hears) = target().await;
    let app = lumos(&url).await;
    assert_eq!(ask(&app, "provision", "410", "9").await.accepted(), NO_ACTION);
    assert_eq!(ask(&app, "provision", "410", "9").await.accepted(), NO_ACTION);
    let mut keys = Vec::new();
    while let Ok((path, key)) = hears.try_recv() {
        if path.starts_with("/assign") {
            keys.push(key);
        }
    }
    assert_eq!(keys.len(), 2);
    assert_eq!(keys[0], keys[1], "a target that has done it knows it again");
}

#[tokio::test]
async fn a_trial_performs_nothing() {
    let (url, mut hears) = target().await;
    let app = lumos(&url).await;
    assert_eq!(ask(&app, "provision", "demo_app", "1").await.accepted(), NO_ACTION);
    assert!(app.log.text().contains("cause=\"trial\""), "{}", app.log.text());
    assert!(hears.try_recv().is_err());
}

#[tokio::test]
async fn a_help_desk_hears_the_tickets_number_or_in_the_documented_words_what_was_not_done() {
    let (url, _hears) = target().await;
    let text = format!(
        r#"
[optimalcloud]
deadline = "1s"
auth.api_key = {{ env = "KEY" }}

[[rule]]
id = "tickets"
on = "optimalcloud.createticket"
perform = ["ticket"]

[[action]]
id = "ticket"
on = "optimalcloud.createticket"
type = "http"
url = "{url}/tickets/${{request.title}}"
allow_private = true
capture = {{ ticket = {{ path = "$.result.number", optional = true }} }}
"#
    );
    let app = TestApp::with(&text).env("KEY", "a key").start().await;
    let path = "/v5.0/mgmt/api/v1.0/webhooks/helpdesk/createticket";
    for (title, status, said) in [
        ("200", 201, r#"{"ticket":4711}"#),
        ("none", 201, r#"{"ticket":1}"#),
        ("410", 400, "Requestor email was not found in Zendesk"),
        ("503", 400, "Failed to create the new ticket in Zendesk"),
    ] {
        let body = format!(r#"{{"title":"{title}","description":"d","requester_email":"{title}@corp.example"}}"#);
        let reply = Request::post(app.address, path).header("authorization", "a key").body(body).send().await;
        assert_eq!((reply.status, reply.body.as_str()), (status, said));
    }
}

#[tokio::test]
async fn what_a_rule_performs_must_be_there_and_on_its_events() {
    let text = r#"
[lumos]
auth.header = { name = "x-lumos-secret", value = { env = "LUMOS" } }
[[rule]]
id = "a"
on = ["lumos.provision", "lumos.deprovision"]
perform = ["asign", "assign", "assign"]
[[rule]]
id = "b"
on = "lumos.provision"
perform = []
[[rule]]
id = "c"
on = "postCreateUser"
perform = ["assign"]
[[action]]
id = "assign"
on = "lumos.provision"
type = "log"
"#;
    let refused = TestApp::with(text).env("LUMOS", "a secret").refused();
    for message in [
        "there is no action `asign` (did you mean `assign`?)",
        "the action `assign` is not on lumos.deprovision (add \"lumos.deprovision\" to its `on`)",
        "`assign` stands here twice",
        "the rule performs nothing",
        "`perform` is no effect of postCreateUser",
    ] {
        assert!(refused.contains(message), "{message}: {refused}");
    }
}
