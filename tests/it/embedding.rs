//! A program of its own around the library: handlers that it binds decide their events, and only those.

use hookreeve::event::{Change, Changes, Decision, FieldPath, Mapped};
use serde_json::json;

use super::support::handlers::{Decide, Gate};
use super::support::{TestApp, sample};

#[tokio::test]
async fn what_a_handler_decides_is_sent_in_the_systems_words() {
    let set = Change::Set(FieldPath::parse("address.city").unwrap(), json!("Pune"));
    let unset = Change::Unset(FieldPath::parse("n").unwrap());
    let changes = || Decision::Accept(Changes::from_iter([set.clone(), unset.clone()]));
    let body = r#"{"request":{"user":{"login" : "jdoe","n":1E5,"address":{ "zip":0.10 }}}}"#;
    let city = r#"{"response":{"data":{"login":"jdoe","address":{"zip":0.10,"city":"Pune"}}}}"#;
    for (event, decision, expected) in [
        (
            "validateUser",
            Decision::Refuse("Own \"word\"".into()),
            r#"{"response":{"error":true,"message":"Own \"word\""}}"#,
        ),
        ("validateUpdateUser", changes(), city),
        ("preCreateUser", changes(), city),
        ("policyMap", Decision::Map(Mapped::Value(json!({ "a": [1] }))), r#"{"response":{"mappedValue":{"a":[1]}}}"#),
        ("runDeprovision", Decision::Deprovision(true), r#"{"response":{"data":true}}"#),
        ("changePassword", Decision::Acknowledge, r#"{"response":{}}"#),
    ] {
        let app = TestApp::with("").bind(&event.to_uppercase(), Decide(decision)).start().await;
        assert_eq!(app.post(event, body).await.accepted(), expected, "{event}");
    }
}

#[tokio::test]
async fn rules_keep_the_events_that_no_handler_is_bound_to() {
    let rule = "[[rule]]\nid = \"r\"\non = [\"validateUser\", \"validateUpdateUser\"]\ndeny = \"Rule\"\n";
    let app = TestApp::with(rule).bind("validateUser", Decide(Decision::Refuse("Handler".into()))).start().await;
    assert!(app.log.text().contains(":3:7: rule `r` is not used on validateUser"), "{}", app.log.text());
    for (event, expected) in [("validateUser", "Handler"), ("validateUpdateUser", "Rule")] {
        assert_eq!(app.post(event, sample(event)).await.json()["response"]["message"], expected);
    }
}

#[tokio::test]
async fn no_handler_sees_an_event_of_a_stranger() {
    let text = "[cymmetri.auth]\nunverified = \"observe\"\njwt = { secret = { env = \"HOOKREEVE_JWT_SECRET\" } }\n";
    let app = TestApp::with(text).bind("runDeprovision", Decide(Decision::Deprovision(true))).start().await;
    let event = app.event("runDeprovision").body(sample("runDeprovision"));
    assert_eq!(event.clone().token("x").send().await.accepted(), r#"{"response":{"data":false}}"#);
    assert_eq!(event.send().await.accepted(), r#"{"response":{"data":true}}"#);
}

#[test]
fn handlers_that_do_not_fit_make_no_server() {
    let gate = Gate::new;
    for (app, said) in [
        (TestApp::with("").bind("deleteUser", gate()), "there is no such event"),
        (TestApp::with("").bind("test", gate()).bind("TEST", gate()), "two handlers are bound to test"),
        (TestApp::with("").bind("policyMap", Decide(Decision::Refuse("No".into()))), "cannot decide it"),
    ] {
        let findings = app.refused();
        assert!(findings.contains(said), "{findings}");
    }
}
