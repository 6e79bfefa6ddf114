//! What is refused, in which order, and what the sender hears of it.

mod bodies;

use tokio::io::AsyncWriteExt as _;

use super::support::handlers::Gate;
use super::support::{Reply, Request, TestApp, read_reply, read_to_end, sample};

const LIMITS: &str = "[server]\nbody_limit = \"1KiB\"\nbody_timeout = \"200ms\"\n";

#[track_caller]
fn check(reply: &Reply, status: u16, code: &str, header: Option<(&str, &str)>) {
    assert_eq!((reply.status, reply.code().as_str()), (status, code), "{reply:?}");
    for name in ["allow", "www-authenticate", "retry-after"] {
        let expected = header.and_then(|(other, value)| (other == name).then_some(value));
        assert_eq!(reply.header(name), expected, "{name}: {reply:?}");
    }
}

const CHALLENGE: (&str, &str) = ("www-authenticate", r#"Bearer realm="hookreeve""#);
/// What is wrong in a request, the request, and the reply's status, code and header.
type Row<'a> = (&'a str, Request, u16, &'a str, Option<(&'a str, &'a str)>);

const CHALLENGE_TOKEN: (&str, &str) = ("www-authenticate", r#"Bearer realm="hookreeve", error="invalid_token""#);

/// Each row violates what it is refused for and the next row's matter, most of them all that follows.
#[tokio::test]
async fn refusals_come_in_the_order_of_the_contract() {
    let app = TestApp::with(LIMITS).start().await;
    let event = app.event("validateUser");
    let not_json = "x".repeat(2_000);
    let table: [Row<'_>; 14] = [
        ("base path, method", event.clone().target("/x").method("GET"), 404, "not_found", None),
        ("base path, credential", event.clone().target("/x").token("x"), 404, "not_found", None),
        (
            "method, credential",
            event.clone().method("PUT").without("authorization"),
            405,
            "method_not_allowed",
            Some(("allow", "POST")),
        ),
        ("method, unknown event", app.event("x").method("DELETE"), 405, "method_not_allowed", Some(("allow", "POST"))),
        ("credential, unknown event", app.event("x").without("authorization"), 401, "unauthorized", Some(CHALLENGE)),
        ("credential, length", event.clone().token("a.b.c").claim(5_000), 401, "unauthorized", Some(CHALLENGE_TOKEN)),
        ("unknown event, length", app.event("x").claim(5_000), 404, "unknown_event", None),
        (
            "length, encoding",
            event.clone().header("content-encoding", "gzip").claim(5_000),
            413,
            "body_too_large",
            None,
        ),
        (
            "encoding, time",
            event.clone().header("content-encoding", "gzip").claim(500),
            415,
            "unsupported_encoding",
            None,
        ),
        (
            "encoding, size",
            event.clone().header("content-encoding", "br").body(not_json.as_str()).chunked(true),
            415,
            "unsupported_encoding",
            None,
        ),
        ("time, JSON", event.clone().body("[[[").claim(500), 408, "body_timeout", None),
        ("size, time and JSON", event.clone().body(not_json.as_str()).chunked(true), 413, "body_too_large", None),
        ("size, JSON", event.clone().body(not_json.as_str()).chunked(false), 413, "body_too_large", None),
        ("JSON, shape", event.clone().body(r#"{"request":[}"#), 400, "invalid_json", None),
    ];
    for (what, request, status, code, header) in table {
        let reply = request.send().await;
        assert_eq!(reply.code(), code, "{what}");
        check(&reply, status, code, header);
    }
    let shape = event.clone().body(r#"{"request":[]}"#).send().await;
    check(&shape, 400, "invalid_shape", None);
}

#[tokio::test]
async fn a_server_at_its_limit_of_requests_says_so_before_anything_else() {
    let gate = Gate::new();
    let text = "[server]\nmax_in_flight = 1\n[cymmetri]\ndeadline = \"60s\"\n";
    let app = TestApp::with(text).bind("validateUser", gate.clone()).start().await;
    let event = app.event("validateUser").body(sample("validateUser"));
    let mut held = event.begin().await;
    gate.entered().await;
    for request in [event.clone(), event.clone().target("/x").method("GET").token("x"), app.event("test")] {
        check(&request.send().await, 503, "overloaded", Some(("retry-after", "1")));
    }
    // Health is no event, and is told in any case.
    assert_eq!(app.get("/readyz").await.body, "ready\n");
    gate.open();
    assert_eq!(read_reply(&mut held).await.status, 200);
    assert_eq!(app.post("test", "").await.status, 200);
}

#[tokio::test]
async fn a_server_at_its_limit_of_connections_says_so_before_anything_else() {
    let app = TestApp::with("[server]\nmax_connections = 1\n").start().await;
    let mut kept = app.event("test").begin().await;
    assert_eq!(read_reply(&mut kept).await.status, 200);
    for request in [app.event("test"), app.request("/x").method("GET"), app.request("/healthz").method("GET")] {
        let reply = request.send().await;
        check(&reply, 503, "too_many_connections", Some(("retry-after", "1")));
        assert_eq!(reply.header("connection"), Some("close"));
    }
}

#[tokio::test]
async fn only_post_is_a_method_of_events() {
    let app = TestApp::start().await;
    for method in ["GET", "PUT", "PATCH", "DELETE", "OPTIONS", "post", "TRACE", "PROPFIND"] {
        for path in ["/webhook/validateUser", "/webhook/x", "/webhook", "/webhook/"] {
            let reply = app.request(path).method(method).send().await;
            check(&reply, 405, "method_not_allowed", Some(("allow", "POST")));
        }
    }
}

#[tokio::test]
async fn a_body_may_be_as_long_as_the_limit_and_no_longer() {
    let app = TestApp::with(LIMITS).start().await;
    let body = |length: usize| format!("{:length$}", r#"{"request":{"user":{}}}"#);
    for (length, status) in [(1_024, 200), (1_025, 413)] {
        let event = app.event("runDeprovision").body(body(length));
        assert_eq!(event.clone().send().await.status, status, "{length}");
        assert_eq!(event.chunked(false).send().await.status, status, "{length} in a chunk");
    }
}

#[tokio::test]
async fn no_encoding_but_identity_is_taken() {
    let app = TestApp::start().await;
    let event = app.event("runDeprovision").body(sample("runDeprovision"));
    for (encoding, status) in [
        ("identity", 200),
        ("IDENTITY", 200),
        ("identity, identity", 200),
        ("gzip", 415),
        ("identity, gzip", 415),
        ("x-anything", 415),
    ] {
        let reply = event.clone().header("content-encoding", encoding).send().await;
        assert_eq!(reply.status, status, "{encoding}");
    }
    let twice = event.header("content-encoding", "identity").header("content-encoding", "gzip").send().await;
    check(&twice, 415, "unsupported_encoding", None);
}

#[tokio::test]
async fn what_is_left_of_a_refused_body_is_no_request() {
    let app = TestApp::with(LIMITS).start().await;
    let inner = app.event("test").bytes();
    for request in [
        app.event("validateUser").body(inner.clone()).claim(5_000),
        app.event("validateUser").body("x".repeat(2_000)).chunked(true).header("x", "y"),
        app.event("validateUser").body("[").claim(5),
    ] {
        let mut stream = request.begin().await;
        let reply = read_reply(&mut stream).await;
        assert!(matches!(reply.status, 413 | 408), "{reply:?}");
        assert_eq!(reply.header("connection"), Some("close"));
        let _ = stream.write_all(&inner).await;
        assert_eq!(read_to_end(&mut stream).await, "");
    }
}

#[tokio::test]
async fn a_refused_request_with_a_whole_body_leaves_its_connection_usable() {
    let app = TestApp::start().await;
    let event = app.event("validateUser");
    let mut stream = app.event("test").begin().await;
    assert_eq!(read_reply(&mut stream).await.status, 200);
    for (request, status) in [
        (event.clone().token("x").body(sample("validateUser")), 401),
        (event.clone().target("/x").body(sample("validateUser")), 404),
        (event.clone().method("PUT").body(sample("validateUser")), 405),
        (event.clone().body("{"), 400),
        (event.clone().header("content-encoding", "gzip").body("{}"), 415),
        (event.clone().body(sample("validateUser")), 200),
    ] {
        stream.write_all(&request.bytes()).await.unwrap();
        assert_eq!(read_reply(&mut stream).await.status, status);
    }
}

#[tokio::test]
async fn a_body_that_is_far_too_large_is_answered_before_its_end() {
    let app = TestApp::start().await;
    let body = vec![b' '; 8 << 20];
    for request in [app.event("validateUser").body(body.clone()), app.event("validateUser").body(body).chunked(false)] {
        check(&request.send().await, 413, "body_too_large", None);
    }
}

#[tokio::test]
async fn nobody_is_asked_for_a_body_that_would_be_refused() {
    let app = TestApp::with("[server]\nbody_limit = \"1KiB\"\n").start().await;
    let event = app.event("runDeprovision").header("expect", "100-continue");
    let length = u64::try_from(sample("runDeprovision").len()).unwrap();
    for (request, line) in [
        (event.clone().token("x").claim(length), "HTTP/1.1 401 "),
        (event.clone().claim(5_000), "HTTP/1.1 413 "),
        (event.clone().claim(length), "HTTP/1.1 100 "),
    ] {
        let mut stream = request.begin().await;
        let mut start = [0; 13];
        tokio::io::AsyncReadExt::read_exact(&mut stream, &mut start).await.unwrap();
        assert_eq!(String::from_utf8_lossy(&start), line);
        if line.contains("100") {
            stream.write_all(sample("runDeprovision").as_bytes()).await.unwrap();
            let rest = read_reply_after_interim(&mut stream).await;
            assert_eq!(rest.accepted(), r#"{"response":{"data":false}}"#);
        }
    }
}

/// The reply after an interim one of which the first line has begun.
async fn read_reply_after_interim(stream: &mut tokio::net::TcpStream) -> Reply {
    let mut rest = Vec::new();
    while !rest.ends_with(b"\r\n\r\n") {
        rest.push(tokio::io::AsyncReadExt::read_u8(stream).await.expect("a byte"));
    }
    read_reply(stream).await
}

#[tokio::test]
async fn a_body_that_breaks_off_is_no_event() {
    let app = TestApp::start().await;
    let mut log = app.follow();
    let mut stream = app.event("validateUser").body("{").claim(50).begin().await;
    stream.shutdown().await.unwrap();
    assert!(log.until("a body could not be read").await.contains(r#"code="body_incomplete""#));
}

#[tokio::test]
async fn no_error_repeats_what_was_sent() {
    let app = TestApp::with(LIMITS).start().await;
    let event = app.event("validateUser");
    for request in [
        app.request("/zyxwv").body("zyxwv"),
        event.clone().method("ZYXWV"),
        event.clone().token("zyxwv"),
        app.event("zyxwv").body("zyxwv"),
        event.clone().header("content-encoding", "zyxwv"),
        event.clone().body("zyxwv"),
        event.clone().body(r#"{"zyxwv":1}"#),
        event.clone().body(r#"{"request":{"user":"zyxwv"}}"#),
        event.clone().body(r#"{"request":{"a":"zyxwv","a":"zyxwv"}}"#),
        event.clone().body(b"\"zyxwv\xff".as_slice()),
        event.clone().body("zyxwv".repeat(1_000)),
        event.clone().body(r#"{"request":"#.to_owned() + &"[".repeat(80) + "\"zyxwv\""),
    ] {
        let reply = request.header("x-request-id", "zyxwv zyxwv").send().await;
        assert!(reply.status >= 400 && !reply.code().is_empty());
        assert!(!format!("{reply:?}").to_lowercase().contains("zyxwv"), "{reply:?}");
    }
}

#[tokio::test]
async fn a_safe_request_id_is_taken_over_and_any_other_replaced() {
    let app = TestApp::start().await;
    let longest = "a".repeat(64);
    for id in ["r-1", "0193A.b_c-d", &longest] {
        for event in ["test", "nothing"] {
            let reply = app.event(event).header("x-request-id", id).send().await;
            assert_eq!(reply.header("x-request-id"), Some(id), "{event}");
            assert!(reply.status == 200 || reply.code() == "unknown_event");
        }
    }
    let longer = "a".repeat(65);
    for id in ["", " ", "a b", "a\tb", "a\"b", "a\\b", "<a>", "a;b", "é", "a,b", &longer] {
        let reply = app.event("nothing").header("x-request-id", id).send().await;
        let own = reply.header("x-request-id").unwrap();
        assert_eq!(own.len(), 36, "{id}: {own}");
        assert_eq!(reply.code(), "unknown_event");
    }
    let ids = [app.post("test", "").await, app.post("test", "").await];
    assert_ne!(ids[0].header("x-request-id"), ids[1].header("x-request-id"));
}

#[tokio::test]
async fn health_is_told_without_detail_and_only_where_it_is_asked_for() {
    let app = TestApp::start().await;
    for (path, text) in [("/healthz", "ok\n"), ("/readyz", "ready\n")] {
        let reply = app.get(path).await;
        assert_eq!((reply.status, reply.body.as_str()), (200, text));
        check(&app.request(path).send().await, 404, "not_found", None);
    }
    let app = TestApp::with("[server]\nhealth = false\n").start().await;
    for path in ["/healthz", "/readyz"] {
        check(&app.get(path).await, 404, "not_found", None);
    }
    let app = TestApp::with("[cymmetri]\nbase_paths = [\"/\"]\n").start().await;
    assert_eq!(app.get("/healthz").await.body, "ok\n");
    check(&app.request("/healthz").send().await, 404, "unknown_event", None);
}
