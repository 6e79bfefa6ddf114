//! The contract's events: the documented replies where a rule gives them, the neutral ones where none does.

use hookreeve::event::{Kind, catalog};
use serde_json::json;

use super::support::{TestApp, compact, sample, user_of};

const DEMO: &str = include_str!("../../config/demo.toml");

/// The documented reply to an event, where the documents show one.
fn documented(event: &str) -> Option<String> {
    let path = format!("{}/tests/data/cymmetri/{event}.response.json", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(path).ok()
}

#[tokio::test]
async fn every_documented_sample_gets_its_documented_reply() {
    // The documents' mapped value is a stand-in, which no rule of the demonstration gives.
    let line = |line| if str::starts_with(line, "map =") { "map = '\"valid\"'" } else { line };
    let text: Vec<&str> = DEMO.lines().map(line).collect();
    let app = TestApp::with(&text.join("\n")).start().await;
    let mut with_reply = 0;
    for event in catalog::names_of("cymmetri") {
        let reply = app.post(event, sample(event)).await;
        let expected = documented(event).inspect(|_| with_reply += 1);
        let expected = expected.unwrap_or_else(|| r#"{"response":{}}"#.to_owned());
        assert_eq!(compact(reply.accepted()), compact(&expected), "{event}");
    }
    assert_eq!(with_reply, 7);
}

#[tokio::test]
async fn the_demonstration_answers_as_its_rules_say() {
    let app = TestApp::with(DEMO).start().await;
    for (event, expected) in [
        ("validateUser", json!({ "response": { "error": true, "message": "MobileAlreadyExist" } })),
        ("validateUpdateUser", json!({ "response": { "error": true, "message": "EmailAlreadyExist" } })),
        ("policyMap", json!({ "response": { "mappedValue": "shreyash2.pande2@corp.example" } })),
        ("runDeprovision", json!({ "response": { "data": true } })),
    ] {
        assert_eq!(app.post(event, sample(event)).await.accepted(), expected.to_string(), "{event}");
    }
}

#[tokio::test]
async fn the_demonstration_leaves_everybody_else_alone() {
    let app = TestApp::with(DEMO).start().await;
    for spec in catalog::of("cymmetri") {
        let body = spec.sample.replace("shreyash2", "somebody");
        assert_eq!(app.post(spec.name, body.as_str()).await.accepted(), neutral(spec, &body), "{}", spec.name);
    }
}

#[tokio::test]
async fn without_rules_every_reply_is_neutral_byte_for_byte() {
    let app = TestApp::start().await;
    for spec in catalog::of("cymmetri") {
        let reply = app.post(spec.name, spec.sample).await;
        assert_eq!(reply.accepted(), neutral(spec, spec.sample), "{}", spec.name);
    }
}

/// The neutral reply, as the contract's table has it.
fn neutral(spec: &catalog::Spec, body: &str) -> String {
    match spec.kind {
        Kind::Mutate | Kind::Verdict => format!(r#"{{"response":{{"data":{}}}}}"#, user_of(body)),
        Kind::Map => r#"{"response":{"mappedValue":"example@gmail.com"}}"#.to_owned(),
        Kind::Decide => r#"{"response":{"data":false}}"#.to_owned(),
        Kind::Notice | Kind::Perform | Kind::Probe => r#"{"response":{}}"#.to_owned(),
    }
}

#[tokio::test]
async fn the_probe_is_answered_whatever_it_carries() {
    let app = TestApp::start().await;
    for (body, content_type) in [
        ("", None),
        ("{}", Some("application/json")),
        ("", Some("text/plain")),
        ("no JSON", Some("application/x-www-form-urlencoded")),
        (r#"{"a":1,"a":2}"#, Some("???")),
        (r#"{"request":{"user":[]}}"#, Some("")),
    ] {
        let mut request = app.event("test").body(body);
        if let Some(content_type) = content_type {
            request = request.header("content-type", content_type);
        }
        assert_eq!(request.send().await.accepted(), r#"{"response":{}}"#, "{body}");
    }
    // Not even a length.
    let bare = app.event("test").chunked(false).send().await;
    assert_eq!(bare.accepted(), r#"{"response":{}}"#);
}

#[tokio::test]
async fn the_content_type_of_an_event_is_not_looked_at() {
    let app = TestApp::start().await;
    for content_type in ["text/plain", "application/json; charset=utf-16", "multipart/form-data", "", ";;;"] {
        let request = app.event("runDeprovision").body(sample("runDeprovision")).header("content-type", content_type);
        assert_eq!(request.send().await.accepted(), r#"{"response":{"data":false}}"#, "{content_type}");
    }
}

#[tokio::test]
async fn a_byte_order_mark_is_skipped_and_not_sent_back() {
    let app = TestApp::start().await;
    let body = [b"\xEF\xBB\xBF", sample("preCreateUser").as_bytes()].concat();
    let expected = format!(r#"{{"response":{{"data":{}}}}}"#, user_of(sample("preCreateUser")));
    assert_eq!(app.post("preCreateUser", body).await.accepted(), expected);
    let twice = [b"\xEF\xBB\xBF\xEF\xBB\xBF", sample("preCreateUser").as_bytes()].concat();
    assert_eq!(app.post("preCreateUser", twice).await.code(), "invalid_json");
}

#[tokio::test]
async fn a_body_may_come_in_chunks() {
    let app = TestApp::start().await;
    let reply = app.event("preCreateUser").body(sample("preCreateUser")).chunked(false).send().await;
    assert_eq!(reply.accepted(), format!(r#"{{"response":{{"data":{}}}}}"#, user_of(sample("preCreateUser"))));
}

#[tokio::test]
async fn names_match_in_any_case_with_or_without_a_slash_under_every_base_path() {
    let text = "[cymmetri]\nbase_paths = [\"/webhook\", \"/hooks/identity/\", \"/\"]\n";
    let app = TestApp::with(text).start().await;
    for base in ["/webhook", "/hooks/identity", ""] {
        for event in ["policyMap", "policymap", "POLICYMAP", "policyMap/"] {
            for query in ["", "?", "?a=b/c"] {
                let path = format!("{base}/{event}{query}");
                let reply = app.request(&path).body(sample("policyMap")).send().await;
                assert_eq!(reply.accepted(), r#"{"response":{"mappedValue":"example@gmail.com"}}"#, "{path}");
            }
        }
    }
    // There is no path secret, so that what stands between base and event is no event's path.
    for path in ["/other/policyMap", "/webhook/other/policyMap", "/webhook//policyMap", "/webhook/policyMap//"] {
        assert_eq!(app.request(path).body(sample("policyMap")).send().await.code(), "unknown_event", "{path}");
    }
}

#[tokio::test]
async fn what_is_under_no_base_path_is_not_there() {
    let app = TestApp::start().await;
    for path in ["/policyMap", "/webhooks/policyMap", "/WEBHOOK/policyMap", "/", "/web%68ook/policyMap", "*"] {
        let reply = app.request(path).body(sample("policyMap")).send().await;
        assert_eq!((reply.status, reply.code().as_str()), (404, "not_found"), "{path}");
    }
}

#[tokio::test]
async fn an_unknown_event_is_refused_or_acknowledged_and_logged_either_way() {
    let app = TestApp::start().await;
    let mut log = app.follow();
    let reply = app.post("deleteUser", "{}").await;
    assert_eq!((reply.status, reply.code().as_str()), (404, "unknown_event"));
    assert!(log.until("an event that nobody knows").await.contains("acknowledged=false"));

    let app = TestApp::with("[cymmetri]\nunknown_event = \"acknowledge\"\n").start().await;
    let mut log = app.follow();
    for event in ["deleteUser", "", "a/b"] {
        assert_eq!(app.post(event, "no JSON").await.accepted(), r#"{"response":{}}"#, "{event}");
        assert!(log.until("an event that nobody knows").await.contains("acknowledged=true"));
    }
    assert_eq!(app.event("deleteUser").token("x").send().await.code(), "unauthorized");
}

#[tokio::test]
async fn the_same_event_twice_is_answered_twice_alike() {
    let app = TestApp::with(DEMO).start().await;
    for event in catalog::names_of("cymmetri") {
        let first = app.post(event, sample(event)).await;
        assert_eq!(app.post(event, sample(event)).await.accepted(), first.accepted(), "{event}");
    }
}
