//! What becomes of an event whose credentials do not hold, where it is not refused.

use hookreeve::event::catalog;

use super::super::support::user_of;
use super::*;

const RULES: &str = r#"
[[rule]]
id = "deny"
on = ["validateUser", "validateUpdateUser"]
deny = "No"
[[rule]]
id = "set"
on = ["preCreateUser", "preUpdateUser"]
set.city = '"Pune"'
[[rule]]
id = "map"
on = "policyMap"
map = '"mapped"'
[[rule]]
id = "remove"
on = "runDeprovision"
deprovision = true
"#;
const AUTH: &str = "[cymmetri.auth]\njwt = { secret = { env = \"HOOKREEVE_JWT_SECRET\" } }\n";

#[tokio::test]
async fn an_observed_event_gets_the_neutral_reply_and_no_rule_sees_it() {
    let app = TestApp::with(&format!("{RULES}{AUTH}unverified = \"observe\"\n")).start().await;
    for spec in catalog::of("cymmetri") {
        for request in [app.event(spec.name).token("x"), app.event(spec.name).without("authorization")] {
            let mut log = app.follow();
            let reply = request.body(spec.sample).send().await;
            let expected = match spec.name {
                "preCreateUser" | "preUpdateUser" | "validateUser" | "validateUpdateUser" => {
                    format!(r#"{{"response":{{"data":{}}}}}"#, user_of(spec.sample))
                }
                "policyMap" => r#"{"response":{"mappedValue":"example@gmail.com"}}"#.to_owned(),
                "runDeprovision" => r#"{"response":{"data":false}}"#.to_owned(),
                _ => r#"{"response":{}}"#.to_owned(),
            };
            assert_eq!(reply.accepted(), expected, "{}", spec.name);
            let logged = log.until("trace=[]").await;
            assert!(logged.contains("not verified, only observed"), "{logged}");
            assert!(logged.contains(r#"cause="unverified""#), "{logged}");
            if spec.kind == hookreeve::event::Kind::Notice {
                log.until("an unverified notice was acknowledged and set aside").await;
            }
        }
    }
    // Who is verified is judged.
    assert_eq!(app.post("runDeprovision", sample("runDeprovision")).await.body, r#"{"response":{"data":true}}"#);
    // What is no event is none for the unverified, too.
    let stranger = app.event("validateUser").token("x");
    assert_eq!(stranger.clone().body("{").send().await.code(), "invalid_json");
    assert_eq!(stranger.target("/webhook/x").send().await.code(), "unknown_event");
}

#[tokio::test]
async fn an_event_without_the_paths_secret_can_be_observed() {
    let text = "[cymmetri.auth]\nunverified = \"observe\"\npath_secret = { env = \"PATH_SECRET\" }\n";
    let app = TestApp::with(&format!("{RULES}{text}")).env("PATH_SECRET", "the-path-s3cret").start().await;
    for (path, data) in [("", false), ("/wrong", false), ("/the-path-s3cret", true)] {
        let request = app.request(&format!("/webhook{path}/runDeprovision")).body(sample("runDeprovision"));
        assert_eq!(request.send().await.accepted(), format!(r#"{{"response":{{"data":{data}}}}}"#), "{path}");
    }
    assert!(!app.stop().await.contains("the-path-s3cret"));
}

#[tokio::test]
async fn everybody_is_judged_on_loopback_where_it_says_so() {
    for text in ["[cymmetri.auth]\nunverified = \"accept\"\n", &format!("{AUTH}unverified = \"accept\"\n")] {
        let app = TestApp::with(&format!("{RULES}{text}")).start().await;
        for request in [app.event("runDeprovision"), app.event("runDeprovision").without("authorization")] {
            let reply = request.body(sample("runDeprovision")).send().await;
            assert_eq!(reply.accepted(), r#"{"response":{"data":true}}"#);
        }
    }
}

#[test]
fn everybody_is_not_taken_from_everywhere_by_mistake() {
    let text = "[cymmetri.auth]\nunverified = \"accept\"\n";
    let app = || TestApp::with(text).env("HOOKREEVE__SERVER__LISTEN", "0.0.0.0:0");
    assert!(app().refused().contains("takes events from everyone"));
}

#[tokio::test]
async fn a_rule_sees_the_claims_of_a_token_that_holds_and_of_no_other() {
    let text = r#"
[[rule]]
id = "claims"
on = "policyMap"
map = 'token == null ? "none" : token.sub + " of " + token.tenantId'
"#;
    let mapped = |value: &str| format!(r#"{{"response":{{"mappedValue":"{value}"}}}}"#);
    let app = TestApp::with(&format!("{text}{AUTH}unverified = \"accept\"\n")).start().await;
    assert_eq!(app.post("policyMap", sample("policyMap")).await.accepted(), mapped("admin of as100"));
    let forged = app.event("policyMap").token(&tokens::good("another")).body(sample("policyMap"));
    assert_eq!(forged.send().await.accepted(), mapped("none"));
}
