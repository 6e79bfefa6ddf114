//! What is kept before it is acknowledged, what is set off by it, and what happens while nothing can be kept.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::http::StatusCode;
use hookreeve::http::listener::{self, Limits, Stop};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio_util::task::TaskTracker;

use super::support::{TestApp, sample, soon};

/// A target that answers 200 and tells what it heard: the path, the idempotency key and the body.
async fn target() -> (String, mpsc::UnboundedReceiver<(String, String, String)>) {
    let (heard, hears) = mpsc::unbounded_channel();
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = format!("http://{}", listener.local_addr().expect("an address"));
    let heard = Arc::new(heard);
    let router = Router::new().fallback(async move |request: axum::extract::Request| {
        let path = request.uri().path().to_owned();
        let key = request.headers()["idempotency-key"].to_str().expect("text").to_owned();
        let body = axum::body::to_bytes(request.into_body(), 1 << 20).await.expect("a body");
        let _ = heard.send((path, key, String::from_utf8_lossy(&body).into_owned()));
        StatusCode::OK
    });
    let limits = || Limits { header_timeout: Duration::from_secs(30), max_connections: 100 };
    let tasks = TaskTracker::new();
    tasks.spawn(listener::serve(listener, None, Arc::new(limits), router, tasks.clone(), Stop::new()));
    (address, hears)
}

fn action(on: &str, url: &str) -> String {
    format!(
        "[[action]]\nid = \"crm\"\non = \"{on}\"\ntype = \"http\"\nurl = \"{url}/people/${{user.login}}\"\nallow_private = true\n"
    )
}

#[tokio::test]
async fn a_notice_is_kept_and_delivered_and_its_repeat_is_not() {
    let (url, mut hears) = target().await;
    let app = TestApp::with(&action("postUpdateUser", &url)).start().await;
    let mut log = app.follow();
    let body = sample("postUpdateUser");
    assert_eq!(app.post("postUpdateUser", body).await.status, 200);
    let (path, key, event) = soon(hears.recv()).await.expect("a delivery");
    assert_eq!(path, "/people/shreyash2");
    assert!(event.contains(r#""event":"postUpdateUser""#) && !event.contains("securityQuestion"), "{event}");
    assert!(log.until("record=\"kept\"").await.contains(key.rsplit_once('-').expect("a key of two parts").0));
    assert_eq!(app.post("postUpdateUser", body).await.status, 200);
    log.until("a repeat, which is not delivered again").await;
    // One in between makes it none.
    let other = body.replace("Shreyash2", "Other");
    assert_eq!(app.post("postUpdateUser", other.as_str()).await.status, 200);
    assert_eq!(app.post("postUpdateUser", body).await.status, 200);
    let mut keys = vec![key];
    for _ in 0..2 {
        keys.push(soon(hears.recv()).await.expect("a delivery").1);
    }
    keys.dedup();
    assert_eq!(keys.len(), 3);
    app.stop().await;
    assert!(hears.try_recv().is_err(), "nothing more is delivered");
}

#[tokio::test]
async fn a_password_is_never_a_repeat_and_never_on_the_disk() {
    let app = TestApp::with("").start().await;
    let mut log = app.follow();
    let body = sample("changePassword").replace("\"passwordText\": \"", "\"passwordText\": \"hunter2");
    let body = if body.contains("hunter2") {
        body
    } else {
        r#"{"request":{"user":{"login":"anna"},"passwordText":"hunter2"}}"#.to_owned()
    };
    for _ in 0..2 {
        assert_eq!(app.post("changePassword", body.as_str()).await.status, 200);
        log.until("record=\"kept\"").await;
    }
    let data = app.path("data");
    for file in std::fs::read_dir(&data).expect("a data directory").filter_map(Result::ok) {
        // A socket holds nothing.
        if file.file_name() == "hookreeve.sock" {
            continue;
        }
        let bytes = std::fs::read(file.path()).expect("a file");
        let found = bytes.windows(7).any(|window| window == b"hunter2");
        assert!(!found, "{} holds the password", file.path().display());
    }
}

#[tokio::test]
async fn what_cannot_be_kept_is_not_acknowledged_and_verdicts_go_on() {
    let text = "[journal]\nreserve = \"9000000GiB\"\nrecords = \"durable\"\n";
    let app = TestApp::with(text).start().await;
    let mut log = app.follow();
    let refused = app.post("postCreateUser", sample("postCreateUser")).await;
    assert_eq!((refused.status, refused.code().as_str()), (503, "not_recorded"));
    assert_eq!(refused.header("retry-after"), Some("5"));
    log.until("refused for want of a record").await;
    assert_eq!(app.post("preProvision", sample("preProvision")).await.status, 200);
    log.until("answered without a record").await;
    assert_eq!(app.post("validateUser", sample("validateUser")).await.status, 200);
    log.until("record=\"unrecorded\"").await;
    assert_eq!(app.get("/readyz").await.status, 200);
    let app = TestApp::with("[journal]\nreserve = \"9000000GiB\"\nunavailable = \"acknowledge\"\n").start().await;
    assert_eq!(app.post("postCreateUser", sample("postCreateUser")).await.status, 200);
}

#[tokio::test]
async fn an_action_that_comes_with_a_reload_is_delivered_to_and_one_that_goes_is_not() {
    let (url, mut hears) = target().await;
    let app = TestApp::with("").start().await;
    let mut log = app.follow();
    assert_eq!(app.post("postUpdateUser", sample("postUpdateUser")).await.status, 200);
    app.configure(&action("postCreateUser", &url));
    log.until("the configuration is in force").await;
    assert_eq!(app.post("postCreateUser", sample("postCreateUser")).await.status, 200);
    soon(hears.recv()).await.expect("a delivery");
    app.configure("");
    log.until("the configuration is in force").await;
    let other = sample("postCreateUser").replace("Shreyash2", "Other");
    assert_eq!(app.post("postCreateUser", other).await.status, 200);
    app.stop().await;
    assert!(hears.try_recv().is_err(), "nothing is delivered to an action that is gone");
}
