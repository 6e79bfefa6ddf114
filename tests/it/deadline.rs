//! Whatever a handler does, the sender gets an answer: the fallback where there is no decision.

use hookreeve::event::catalog;
use serde_json::json;

use super::support::handlers::{Fault, Gate};
use super::support::{Builder, TestApp, read_reply, sample, user_of};

const SHORT: &str = "deadline = \"100ms\"\n";

/// A server with this handler for every event.
fn bound(text: &str, fault: Fault) -> Builder {
    catalog::names_of("cymmetri").fold(TestApp::with(text), |app, event| app.bind(event, fault))
}

fn neutral(event: &str) -> String {
    match event {
        "preCreateUser" | "preUpdateUser" | "validateUser" | "validateUpdateUser" => {
            format!(r#"{{"response":{{"data":{}}}}}"#, user_of(sample(event)))
        }
        "policyMap" => r#"{"response":{"mappedValue":"example@gmail.com"}}"#.to_owned(),
        "runDeprovision" => r#"{"response":{"data":false}}"#.to_owned(),
        _ => r#"{"response":{}}"#.to_owned(),
    }
}

#[tokio::test]
async fn what_a_handler_does_not_decide_is_answered_neutrally() {
    for (fault, cause) in [
        (Fault::Hang, "out_of_time"),
        (Fault::Panic, "failed"),
        (Fault::LatePanic, "failed"),
        (Fault::Fail, "failed"),
        (Fault::Misfit, "failed"),
    ] {
        let app = bound(&format!("[cymmetri]\n{SHORT}"), fault).start().await;
        for event in catalog::names_of("cymmetri") {
            let mut log = app.follow();
            let reply = app.post(event, sample(event)).await;
            assert_eq!(reply.accepted(), neutral(event), "{fault:?} {event}");
            assert!(log.until("duration_us").await.contains(&format!(r#"cause="{cause}""#)), "{fault:?} {event}");
        }
    }
}

#[tokio::test]
async fn a_validate_event_is_refused_where_the_configuration_says_so() {
    for fault in [Fault::Hang, Fault::Panic, Fault::LatePanic, Fault::Fail, Fault::Misfit] {
        let text = format!("[cymmetri]\non_error = \"deny\"\nerror_message = \"TryAgain\"\n{SHORT}");
        let app = bound(&text, fault).start().await;
        for event in catalog::names_of("cymmetri") {
            let expected = match event {
                "validateUser" | "validateUpdateUser" => {
                    json!({ "response": { "error": true, "message": "TryAgain" } }).to_string()
                }
                _ => neutral(event),
            };
            assert_eq!(app.post(event, sample(event)).await.accepted(), expected, "{fault:?} {event}");
        }
    }
}

#[tokio::test]
async fn the_deadline_begins_with_the_last_byte_of_the_body() {
    use tokio::io::AsyncWriteExt as _;
    let app = TestApp::with(&format!("[cymmetri]\n{SHORT}")).bind("policyMap", Fault::Hang).start().await;
    let (first, rest) = sample("validateUser").split_at(20);
    let length = u64::try_from(sample("validateUser").len()).unwrap();
    let mut stream = app.event("validateUser").body(first).claim(length).begin().await;
    // By the time that these have come to the end of theirs, so would it have.
    for _ in 0..3 {
        assert_eq!(app.post("policyMap", sample("policyMap")).await.accepted(), neutral("policyMap"));
    }
    let mut log = app.follow();
    stream.write_all(rest.as_bytes()).await.unwrap();
    assert_eq!(read_reply(&mut stream).await.accepted(), neutral("validateUser"));
    assert!(log.until("duration_us").await.contains(r#"cause="decided""#));
}

#[tokio::test]
async fn a_panic_in_a_handlers_end_is_an_error_with_a_request_id() {
    let app = bound(&format!("[cymmetri]\n{SHORT}"), Fault::PanicInDrop).start().await;
    let reply = app.post("validateUser", sample("validateUser")).await;
    assert_eq!((reply.status, reply.code().as_str()), (500, "internal"));
    assert_eq!(app.request("/webhook/nothing").send().await.code(), "unknown_event");
}

#[tokio::test]
async fn a_sender_who_hangs_up_gives_its_place_back() {
    let gate = Gate::new();
    let text = "[server]\nmax_in_flight = 1\n[cymmetri]\ndeadline = \"60s\"\n";
    let app = TestApp::with(text).bind("validateUser", gate.clone()).start().await;
    for _ in 0..3 {
        let stream = app.event("validateUser").body(sample("validateUser")).begin().await;
        gate.entered().await;
        assert_eq!(app.post("test", "").await.code(), "overloaded");
        drop(stream);
        gate.left().await;
        assert_eq!(app.post("test", "").await.status, 200);
    }
}

#[tokio::test]
async fn a_sender_who_hangs_up_half_way_gives_its_place_back() {
    let text = "[server]\nmax_in_flight = 1\nbody_timeout = \"60s\"\n";
    let app = TestApp::with(text).start().await;
    let mut log = app.follow();
    for _ in 0..3 {
        drop(app.event("validateUser").body("{").claim(100).begin().await);
        log.until("a body could not be read").await;
        assert_eq!(app.post("test", "").await.status, 200);
    }
}

#[test]
fn a_deadline_that_nothing_could_keep_is_refused() {
    for deadline in ["99ms", "0s", "61s"] {
        let said = TestApp::with(&format!("[cymmetri]\ndeadline = \"{deadline}\"\n")).refused();
        assert!(said.contains("between 100ms and 60s"), "{deadline}: {said}");
    }
}

#[tokio::test]
async fn a_large_event_is_answered_in_time_whatever_rules_make_of_it() {
    let rule = |n| {
        format!(
            "[[rule]]\nid = \"{n}\"\non = \"validateUser\"\nwhen = 'user.list.exists(n, n == 1)'\ndeny = \"Slow\"\n"
        )
    };
    let rules: String = (0..20).map(rule).collect();
    let text = format!("{rules}[cymmetri]\non_error = \"deny\"\nerror_message = \"TryAgain\"\n{SHORT}");
    let app = TestApp::with(&text).start().await;
    let body = format!(r#"{{"request":{{"user":{{"list":[0{}]}}}}}}"#, ",0".repeat(400_000));
    // The rule's own error where it comes in time, else the deadline's: which of them is the machine's matter.
    let message = app.post("validateUser", body).await.json()["response"]["message"].clone();
    assert!(message == "Slow" || message == "TryAgain", "{message}");
}
