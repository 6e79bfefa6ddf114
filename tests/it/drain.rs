//! The end of a server: what was begun is finished, what rests is closed, and nobody waits for ever.

use tokio::net::TcpStream;

use super::support::handlers::Gate;
use super::support::{TestApp, read_reply, read_to_end, sample, soon};

const PATIENT: &str = "[cymmetri]\ndeadline = \"60s\"\n";

#[tokio::test]
async fn what_was_begun_is_finished_and_what_rests_is_closed() {
    let gate = Gate::new();
    let app = TestApp::with(PATIENT).bind("validateUser", gate.clone()).start().await;
    let mut held = app.event("validateUser").body(sample("validateUser")).begin().await;
    gate.entered().await;
    let mut resting = app.event("test").begin().await;
    assert_eq!(read_reply(&mut resting).await.status, 200);

    let mut log = app.follow();
    app.stop.drain();
    log.until("stopping").await;
    assert_eq!(read_to_end(&mut resting).await, "");
    assert!(TcpStream::connect(app.address).await.is_err());
    gate.open();
    let reply = read_reply(&mut held).await;
    assert_eq!((reply.status, reply.header("connection")), (200, Some("close")));
    assert_eq!(read_to_end(&mut held).await, "");
    assert!(app.stop().await.contains("stopped"));
}

#[tokio::test]
async fn a_body_that_is_on_its_way_may_arrive() {
    use tokio::io::AsyncWriteExt as _;
    let app = TestApp::start().await;
    let event = app.event("runDeprovision").header("expect", "100-continue");
    let length = u64::try_from(sample("runDeprovision").len()).unwrap();
    let mut stream = event.claim(length).begin().await;
    // The server asks for the body: the request is begun.
    let mut interim = [0; 25];
    soon(tokio::io::AsyncReadExt::read_exact(&mut stream, &mut interim)).await.unwrap();
    assert_eq!(&interim, b"HTTP/1.1 100 Continue\r\n\r\n");
    let mut log = app.follow();
    app.stop.drain();
    log.until("stopping").await;
    stream.write_all(sample("runDeprovision").as_bytes()).await.unwrap();
    assert_eq!(read_reply(&mut stream).await.accepted(), r#"{"response":{"data":false}}"#);
}

#[tokio::test]
async fn a_second_request_on_a_connection_that_closes_is_not_begun() {
    use tokio::io::AsyncWriteExt as _;
    let gate = Gate::new();
    let app = TestApp::with(PATIENT).bind("validateUser", gate.clone()).start().await;
    let request = app.event("validateUser").body(sample("validateUser"));
    let mut stream = request.begin().await;
    gate.entered().await;
    stream.write_all(&request.bytes()).await.unwrap();
    let mut log = app.follow();
    app.stop.drain();
    log.until("stopping").await;
    gate.open();
    assert_eq!(read_reply(&mut stream).await.status, 200);
    assert_eq!(read_to_end(&mut stream).await, "");
    assert_eq!(app.stop().await.matches("duration_us").count(), 1);
}

#[tokio::test]
async fn when_the_time_to_drain_is_up_connections_are_dropped() {
    let gate = Gate::new();
    let text = format!("[server]\ndrain = \"50ms\"\n{PATIENT}");
    let app = TestApp::with(&text).bind("validateUser", gate.clone()).may_drop().start().await;
    let mut held = app.event("validateUser").body(sample("validateUser")).begin().await;
    gate.entered().await;
    app.stop.drain();
    assert_eq!(read_to_end(&mut held).await, "");
    gate.left().await;
    assert!(app.stop().await.contains("the time to drain is up"));
}

#[tokio::test]
async fn an_abort_drops_everything_at_once() {
    let gate = Gate::new();
    let app = TestApp::with(PATIENT).bind("validateUser", gate.clone()).start().await;
    let mut held = app.event("validateUser").body(sample("validateUser")).begin().await;
    gate.entered().await;
    app.stop.abort();
    assert_eq!(read_to_end(&mut held).await, "");
    gate.left().await;
    assert!(app.stop().await.contains("stopped"));
}

#[tokio::test]
async fn a_sender_who_never_ends_its_header_does_not_hold_up_a_drain_for_long() {
    use tokio::io::AsyncWriteExt as _;
    let app = TestApp::with("[server]\nheader_timeout = \"300ms\"\n").start().await;
    let mut stream = TcpStream::connect(app.address).await.unwrap();
    stream.write_all(b"POST /webhook/test HTTP/1.1\r\n").await.unwrap();
    app.stop.drain();
    assert_eq!(read_to_end(&mut stream).await, "");
}
