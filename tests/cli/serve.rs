//! `serve`: what keeps it from starting, what it finishes before it stops, what it counts.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};

use serde_json::json;

use crate::http::{self, Reply};
use crate::program::{BASIC, Place, sample};
use crate::server::Server;

#[test]
fn without_its_secret_it_says_so_in_a_sentence_and_binds_no_port() {
    // The port is taken, so that trying to bind it would be the error.
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("an address").to_string();
    let place = || Place::new(&BASIC.replace("127.0.0.1:0", &address));
    for (place, is) in [(place().without_secret(), "not set"), (place().variable("HOOKREEVE_JWT_SECRET", ""), "empty")]
    {
        let ended = place.run(&["serve"]);
        assert_eq!(ended.code, Some(1), "{ended:?}");
        let sentences: Vec<&str> = ended.err.lines().filter(|line| line.starts_with("error")).collect();
        assert_eq!(sentences, [format!("error[missing-secret]: environment variable HOOKREEVE_JWT_SECRET is {is}")]);
        assert!(!ended.err.contains(&address) && ended.out.is_empty(), "{ended:?}");
    }
    // And the port is what stops it once the secret is there.
    let ended = place().run(&["serve"]);
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(ended.err.contains(&format!("error: cannot listen on {address} ([server] listen)")), "{ended:?}");
}

#[test]
fn without_a_credential_it_does_not_start() {
    let ended = Place::new("[server]\nlisten = \"127.0.0.1:0\"\n").run(&["serve"]);
    assert_eq!(ended.code, Some(1));
    assert!(ended.err.starts_with("error[auth-none]: no credential is named"), "{ended:?}");
}

/// A request whose body is still to come, and that is being read: the server has said that it goes on.
fn begin(server: &Server, token: &str, body: &str) -> TcpStream {
    let mut stream = http::connect(server.address);
    let head = http::head("POST", "/webhook/validateUser", Some(token), body.len());
    write!(stream, "{head}Expect: 100-continue\r\n\r\n").expect("sent");
    let mut go_on = [0; 25];
    stream.read_exact(&mut go_on).expect("the server goes on");
    assert_eq!(&go_on, b"HTTP/1.1 100 Continue\r\n\r\n");
    stream
}

#[test]
fn a_stop_finishes_the_request_that_was_begun() {
    for signal in ["TERM", "INT"] {
        let place = Place::new(BASIC);
        let mut server = place.serve();
        let body = sample("validateUser", "request").to_string();
        let mut stream = begin(&server, &place.token(), &body);
        server.signal(signal);
        server.wait_for("stopping: requests that were begun are finished");
        stream.write_all(body.as_bytes()).expect("the connection is open");
        let mut reply = String::new();
        stream.read_to_string(&mut reply).expect("a reply");
        assert_eq!(Reply::parse(&reply).status, 200);
        let ended = server.end();
        assert_eq!(ended.code, Some(0), "{ended:?}");
        assert!(ended.err.lines().last().is_some_and(|line| line.contains("stopped")), "{ended:?}");
    }
}

#[test]
fn a_second_signal_drops_what_is_left() {
    // So long that the test would not end if the second signal were not heard.
    let place =
        Place::new(&BASIC.replace("[cymmetri.auth]", "drain = \"10h\"\nbody_timeout = \"10h\"\n[cymmetri.auth]"));
    let mut server = place.serve();
    let mut stream = begin(&server, &place.token(), "{}");
    server.signal("TERM");
    server.wait_for("stopping");
    server.signal("TERM");
    let mut rest = Vec::new();
    // An end or a reset, but no reply.
    let _ = stream.read_to_end(&mut rest);
    assert!(rest.is_empty(), "{rest:?}");
    assert_eq!(server.end().code, Some(0));
}

#[test]
fn the_time_to_drain_is_an_end_too() {
    let place =
        Place::new(&BASIC.replace("[cymmetri.auth]", "drain = \"1ms\"\nbody_timeout = \"10h\"\n[cymmetri.auth]"));
    let server = place.serve();
    let mut stream = begin(&server, &place.token(), "{}");
    server.signal("TERM");
    let _ = stream.read_to_end(&mut Vec::new());
    let ended = server.end();
    assert_eq!(ended.code, Some(0));
    assert!(ended.err.contains("the time to drain is up"), "{ended:?}");
}

#[test]
fn the_page_of_metrics_has_the_counters() {
    let place = Place::new(&format!(
        r#"{BASIC}
[metrics]
listen = "127.0.0.1:0"
[attributes]
"user.none" = "int"
[[rule]]
id = "taken"
on = "validateUser"
deny = "MobileAlreadyExist"
[[rule]]
id = "errs"
on = "validateUpdateUser"
when = 'user.none == 1'
deny = "EmailAlreadyExist"
"#
    ));
    let server = place.serve();
    let token = place.token();
    server.ask("validateUser", &token, &sample("validateUser", "request"));
    server.ask("validateUpdateUser", &token, &sample("validateUpdateUser", "request"));
    server.ask("test", &token, &json!({}));
    assert_eq!(server.post("/webhook/validateUser", None, "{}").status, 401);
    assert_eq!(server.post("/webhook/deleteUser", Some(&token), "{}").status, 404);
    assert_eq!(server.post("/webhook/validateUser", Some(&token), "{").status, 400);
    assert_eq!(server.get("/metrics").status, 404, "only the address of their own has them");
    let page = server.metrics();
    for line in [
        r#"hookreeve_events_total{event="validateUser",outcome="refused",cause="decided"} 1"#,
        r#"hookreeve_events_total{event="validateUpdateUser",outcome="accepted",cause="decided"} 1"#,
        r#"hookreeve_events_total{event="test",outcome="acknowledged",cause="decided"} 1"#,
        r#"hookreeve_refusals_total{code="unauthorized"} 1"#,
        r#"hookreeve_refusals_total{code="unknown_event"} 1"#,
        r#"hookreeve_refusals_total{code="invalid_json"} 1"#,
        "hookreeve_rule_errors_total 1",
        "hookreeve_event_duration_seconds_count 3",
        "hookreeve_in_flight 0",
        "hookreeve_rules 2",
        "# EOF",
    ] {
        assert!(page.lines().any(|written| written == line), "{line} in\n{page}");
    }
    assert!(!page.contains("shreyash2"), "{page}");
    for path in ["/healthz", "/readyz"] {
        assert_eq!(server.get(path).status, 200, "{path}");
    }
}
