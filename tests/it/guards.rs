//! Guards as the cloud sees them: beyond the limit the neutral reply, whatever becomes of the journal or the configuration.

use hookreeve::event::Decision;

use super::support::handlers::{Decide, Fault};
use super::support::{Request, TestApp, user_of};

const LEAVERS: &str = "[[rule]]\nid = \"leavers\"\non = \"runDeprovision\"\ndeprovision = true\n";

fn guard(on: &str, max: usize) -> String {
    format!("[[guard]]\nid = \"avalanche\"\non = \"{on}\"\nmax = {max}\nper = \"10m\"\n")
}

fn user(login: &str) -> String {
    format!(r#"{{"request":{{"user":{{"login":"{login}","firstName":"X"}}}}}}"#)
}

/// Whether access is removed.
async fn removed(app: &TestApp, login: &str) -> bool {
    let reply = app.post("runDeprovision", user(login)).await;
    assert_eq!(reply.status, 200);
    reply.json()["response"]["data"].as_bool().expect("a yes or no")
}

#[tokio::test]
async fn beyond_the_limit_the_neutral_reply_goes_out_and_everybody_who_looks_is_told() {
    let text = format!("[metrics]\nlisten = \"127.0.0.1:0\"\n{LEAVERS}{}", guard("runDeprovision", 2));
    let app = TestApp::with(&text).start().await;
    let mut log = app.follow();
    for (login, is) in
        [("anna", true), ("bob", true), ("carol", false), ("dora", false), ("ANNA ", true), ("carol", false)]
    {
        assert_eq!(removed(&app, login).await, is, "{login}");
    }
    let first = log.until("a guard has tripped").await;
    assert!(first.matches("cause=\"decided\"").count() == 2 && first.contains("guard=\"avalanche\""), "{first}");
    let metrics = app.metrics().await;
    for line in [
        r#"hookreeve_held_back_total{guard="avalanche",event="runDeprovision",cause="decided"} 3"#,
        r#"hookreeve_guard_trips_total{guard="avalanche"} 1"#,
        r#"hookreeve_guarded_persons{guard="avalanche"} 2"#,
        r#"hookreeve_events_total{event="runDeprovision",outcome="kept",cause="guarded"} 3"#,
    ] {
        assert!(metrics.lines().any(|written| written == line), "{line} in\n{metrics}");
    }
    let ready = Request::post(app.metrics.expect("metrics"), "/readyz").method("GET").send().await;
    assert_eq!(ready.status, 200);
    assert!(ready.body.contains("the guard avalanche holds 2 persons: see `hookreeve guard list`"), "{}", ready.body);
    let all = app.stop().await;
    assert_eq!(all.matches("a guard has tripped").count(), 1, "{all}");
    assert!(!all.contains("carol"), "{all}");
}

#[tokio::test]
async fn each_kind_of_event_has_its_neutral_reply() {
    let rules = "[[rule]]\nid = \"no\"\non = \"validateUser\"\ndeny = \"No\"\n\
        [[rule]]\nid = \"name\"\non = \"preCreateUser\"\nset.firstName = '\"Y\"'\n\
        [[rule]]\nid = \"map\"\non = \"policyMap\"\nmap = '\"mapped\"'\n";
    for (event, counted, neutral) in [
        ("validateUser", r#"{"response":{"error":true,"message":"No"}}"#, None),
        ("preCreateUser", r#"{"response":{"data":{"login":"anna","firstName":"Y"}}}"#, None),
        ("policyMap", r#"{"response":{"mappedValue":"mapped"}}"#, Some(r#"{"response":{"mappedValue":"bob"}}"#)),
    ] {
        let app = TestApp::with(&format!("{rules}{}", guard(event, 1))).start().await;
        let body = |login: &str| user(login).replace("\"request\":{", "\"request\":{\"cymmetrifield\":\"login\",");
        assert_eq!(app.post(event, body("anna")).await.body, counted);
        let held = app.post(event, body("bob")).await.body;
        let as_received = format!(r#"{{"response":{{"data":{}}}}}"#, user_of(&body("bob")));
        assert_eq!(held, neutral.map_or(as_received, str::to_owned));
    }
}

#[tokio::test]
async fn while_the_journal_takes_nothing_the_guard_holds_and_the_answer_is_marked() {
    let text = format!("[journal]\nreserve = \"9000000GiB\"\n{LEAVERS}{}", guard("runDeprovision", 1));
    let app = TestApp::with(&text).start().await;
    let mut log = app.follow();
    assert!(removed(&app, "anna").await);
    assert!(!removed(&app, "bob").await);
    log.until("record=\"unrecorded\"").await;
    log.until("a restart will not know of it").await;
    assert!(!removed(&app, "bob").await);
}

#[tokio::test]
async fn a_reload_changes_nothing_about_who_was_counted_and_who_is_held() {
    let app = TestApp::with(&format!("{LEAVERS}{}", guard("runDeprovision", 1))).start().await;
    let mut log = app.follow();
    assert!(removed(&app, "anna").await && !removed(&app, "bob").await);
    app.configure(&format!("{LEAVERS}{}", guard("runDeprovision", 2)));
    log.until("the configuration is in force").await;
    assert!(!removed(&app, "bob").await, "held is held");
    assert!(removed(&app, "carol").await && !removed(&app, "dora").await, "anna is counted");
    app.configure(LEAVERS);
    log.until("the configuration is in force").await;
    assert!(removed(&app, "bob").await, "without the guard nobody holds");
}

#[tokio::test]
async fn a_handler_of_the_programs_own_is_guarded_like_rules() {
    let text = guard("runDeprovision", 1);
    let app = TestApp::with(&text).bind("runDeprovision", Decide(Decision::Deprovision(true))).start().await;
    assert!(removed(&app, "anna").await && !removed(&app, "bob").await);
}

#[tokio::test]
async fn what_a_guard_cannot_do_is_said_at_the_start() {
    let said = TestApp::with("[[guard]]\nid = \"g\"\non = \"postCreateUser\"\nmax = 1\nper = \"1m\"\n").refused();
    assert!(said.contains("hookreeve.toml:3:6: postCreateUser wants no answer"), "{said}");
}

#[tokio::test]
async fn whom_a_guard_counts_is_kept_even_where_nothing_is_kept() {
    let text = format!("[journal]\nrecords = \"off\"\n{LEAVERS}{}", guard("runDeprovision", 1));
    let app = TestApp::with(&text).start().await;
    let mut log = app.follow();
    assert!(removed(&app, "anna").await);
    log.until("cause=\"decided\"").await;
    assert!(!removed(&app, "bob").await);
    assert_eq!(app.post("validateUser", user("anna")).await.status, 200);
    let all = app.stop().await;
    let kept: Vec<&str> = all.lines().filter_map(|line| line.split(" record=").nth(1)).collect();
    assert_eq!(kept, ["\"queued\"", "\"kept\"", "\"off\""], "{all}");
}

#[tokio::test]
async fn an_action_sees_what_was_answered_and_not_what_was_held_back() {
    let action = "[[action]]\nid = \"note\"\non = \"runDeprovision\"\ntype = \"log\"\nmessage = \"noted\"\n";
    let app = TestApp::with(&format!("{LEAVERS}{}{action}", guard("runDeprovision", 1))).start().await;
    let mut log = app.follow();
    for (login, is, outcome) in [("anna", true, "deprovision"), ("bob", false, "kept")] {
        assert_eq!(removed(&app, login).await, is);
        let said = log.until("noted").await;
        let line = said.lines().last().expect("a line");
        assert!(line.contains(&format!("outcome=\"{outcome}\"")), "{line}");
    }
}

#[tokio::test]
async fn a_fallback_that_is_held_back_is_counted_as_what_it_was() {
    let text =
        format!("[metrics]\nlisten = \"127.0.0.1:0\"\n[cymmetri]\non_error = \"deny\"\n{}", guard("validateUser", 1));
    let app = TestApp::with(&text).bind("validateUser", Fault::Fail).start().await;
    let mut log = app.follow();
    for (login, refused) in [("anna", true), ("bob", false)] {
        let reply = app.post("validateUser", user(login)).await.json();
        assert_eq!(reply["response"]["error"] == true, refused, "{login}: {reply}");
    }
    let said = log.until("held back by a guard").await;
    assert!(said.lines().last().is_some_and(|line| line.contains("cause=\"failed\"")), "{said}");
    let metrics = app.metrics().await;
    for line in [
        r#"hookreeve_events_total{event="validateUser",outcome="accepted",cause="guarded"} 1"#,
        r#"hookreeve_held_back_total{guard="avalanche",event="validateUser",cause="failed"} 1"#,
    ] {
        assert!(metrics.lines().any(|written| written == line), "{line} in\n{metrics}");
    }
}
