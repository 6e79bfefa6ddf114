//! What the log never holds, not even at its most talkative: what an event says of a person, a token, a secret.

use hookreeve::event::catalog;
use serde_json::json;

use super::support::{Reply, TestApp, sample, tokens};

/// A word and a number that stand for everything personal.
const WORD: &str = "Zyxwvutsrq";
const NUMBER: i64 = 987_654_321;

/// A person of whom every value is one of them.
fn person() -> serde_json::Value {
    json!({
        "login": WORD, "firstName": WORD, "email": format!("{WORD}@corp.example"), "age": NUMBER, "half": 987_654_321.5,
        "list": [WORD, NUMBER], "address": { "city": WORD }, "password": WORD, "securityQuestion": { WORD: WORD },
        "assignedGroups": [WORD], "status": WORD, "zero": 0, "flag": true,
    })
}

/// The request of an event, personal throughout.
fn body(event: &str) -> String {
    let mut body: serde_json::Value = serde_json::from_str(sample(event)).unwrap();
    if let Some(request) = body.get_mut("request").and_then(|request| request.as_object_mut()) {
        for (_, value) in request.iter_mut() {
            *value = WORD.into();
        }
        request.insert("user".to_owned(), person());
        request.insert("passwordText".to_owned(), WORD.into());
    }
    body.to_string()
}

#[track_caller]
fn check_silent(log: &str) {
    for word in [WORD, &WORD.to_lowercase(), &NUMBER.to_string(), "6214db7bd661a57386a71f10", "eyJ"] {
        assert!(!log.contains(word), "{word} is in the log\n{log}");
    }
}

/// Expressions that fail on that person, each with another message.
const FAILING: [&str; 30] = [
    "int(user.firstName)",
    "uint(user.firstName)",
    "uint(-user.age)",
    "double(user.firstName)",
    "timestamp(user.firstName)",
    "duration(user.firstName)",
    "date(user.firstName)",
    "date(user.firstName, '%d-%b-%Y')",
    "text(user.address)",
    "text(user.list)",
    "user.firstName + user.age",
    "user.age * 9223372036854775807",
    "user.age / user.zero",
    "user.age % user.zero",
    "user.list[user.age]",
    "user.list[-1]",
    "user[user.firstName]",
    "{'a': 1}[user.firstName]",
    "user.firstName.missing",
    "user.address.missing",
    "user.missing",
    "request.missing",
    "user.age.startsWith('x')",
    "lower(user.age)",
    "re(user.age, 'x')",
    "user.firstName < user.age",
    "user.list.map(each, int(each))",
    "user.flag ? int(user.email) : 0",
    "size(user.age)",
    "user.age in user.firstName",
];

#[tokio::test]
async fn a_rule_that_errs_says_why_and_not_with_what() {
    let mut erred = 0;
    for expression in FAILING {
        // What is found wrong when it is read has no event yet.
        let rules = |expression: &str| {
            format!(
                "[[rule]]\nid = \"set\"\non = \"preCreateUser\"\nset.x = \"{expression}\"\n\
                 [[rule]]\nid = \"map\"\non = \"policyMap\"\nmap = \"{expression}\"\n"
            )
        };
        let Some(app) = TestApp::with(&rules(expression)).start_if_correct().await else { continue };
        for event in ["preCreateUser", "policyMap"] {
            let mut log = app.follow();
            app.post(event, body(event)).await.accepted();
            erred += usize::from(log.until("what the rules did").await.contains("a rule erred"));
        }
        check_silent(&app.stop().await);
    }
    assert!(erred > 30, "{erred}");
}

#[tokio::test]
async fn no_event_and_no_refusal_is_logged_with_what_it_holds() {
    let text = r#"
[[rule]]
id = "set"
on = ["preCreateUser", "preUpdateUser", "validateUser"]
set.displayName = 'user.firstName + " " + user.email'
set.address.street = 'user.login'
[[rule]]
id = "deny"
on = "validateUpdateUser"
when = 'user.firstName == "Zyxwvutsrq"'
deny = "No"
[[rule]]
id = "shadow"
on = "validateUser"
when = 'user.age > 1'
deny = "Never"
shadow = true
[[rule]]
id = "map"
on = "policyMap"
map = 'user.email'
"#;
    let app = TestApp::with(text).start().await;
    for event in catalog::names_of("cymmetri") {
        assert_eq!(app.post(event, body(event)).await.status, 200);
        let event = app.event(event);
        for broken in [
            body("validateUser").replace('}', ""),
            format!("{WORD} {}", body("validateUser")),
            format!(r#"{{"request":{{"user":{{"a":"{WORD}","a":{NUMBER}}}}}}}"#),
            format!(r#"{{"request":"{WORD}"}}"#),
            format!(r#"{{"request":{{"user":"{WORD}"}}}}"#),
        ] {
            event.clone().body(broken).send().await;
        }
        for request in [
            event.clone().token(WORD),
            event.clone().token(&tokens::good(WORD)),
            event.clone().target(format!("/webhook/{WORD}.{WORD}")),
            event.clone().token(WORD).target(format!("/webhook/{WORD}")),
            event.clone().target(format!("/{WORD}")),
            event.clone().target(format!("/webhook/{WORD}/test?{WORD}")),
            event.clone().header("x-request-id", &format!("{WORD} {WORD}")).method(WORD),
            event.clone().header("content-encoding", WORD),
            event.clone().header(WORD, WORD).header("x-forwarded-for", WORD),
        ] {
            request.body(body("changePassword")).send().await;
        }
    }
    check_silent(&app.stop().await);
}

#[tokio::test]
async fn the_second_version_is_as_silent() {
    let app = TestApp::start().await;
    let client = reqwest::Client::builder().http2_prior_knowledge().no_proxy().build().unwrap();
    for event in catalog::names_of("cymmetri") {
        for token in [app.token(), WORD] {
            let url = format!("http://{}/webhook/{event}?{WORD}", app.address);
            let request = client.post(url).bearer_auth(token).header("cookie", WORD).body(body(event));
            let expected = if token == WORD { 401 } else { 200 };
            assert_eq!(request.send().await.unwrap().status().as_u16(), expected);
        }
    }
    let log = app.stop().await;
    // The library beneath speaks, too.
    assert!(log.contains("TRACE") && log.contains("h2::"), "{log}");
    check_silent(&log);
}

#[tokio::test]
async fn observed_strangers_are_logged_without_what_they_send() {
    let text = "[cymmetri.auth]\nunverified = \"observe\"\njwt = { secret = { env = \"HOOKREEVE_JWT_SECRET\" } }\n";
    let app = TestApp::with(text).start().await;
    for event in catalog::names_of("cymmetri") {
        assert_eq!(app.event(event).token(WORD).body(body(event)).send().await.status, 200);
    }
    check_silent(&app.stop().await);
}

#[tokio::test]
async fn a_person_is_named_as_the_configuration_says() {
    let person = async |kind: &str| {
        let app = TestApp::with(&format!("[log]\nperson = \"{kind}\"\n")).start().await;
        let mut log = app.follow();
        app.post("postCreateUser", sample("postCreateUser").replace("shreyash2", " ShreYash2 ")).await.accepted();
        let line = log.until("duration_us").await;
        let (_, rest) = line.split_once("person=\"").expect(&line);
        rest.split('"').next().unwrap().to_owned()
    };
    assert_eq!(person("key").await, "shreyash2");
    assert_eq!(person("none").await, "");
    let pseudonym = person("pseudonym").await;
    assert!(pseudonym.starts_with("p-") && pseudonym.len() == 18, "{pseudonym}");
    // Another server has another key.
    assert_ne!(person("pseudonym").await, pseudonym);
}

#[tokio::test]
async fn nobody_writes_a_line_of_its_own() {
    let app = TestApp::with("[log]\nperson = \"key\"\n").start().await;
    let claims = r#"{"exp":1646396308,"tenantId":"as100\nFORGED \u001b[2J\u0085"}"#;
    let token = tokens::hs256(r#"{"alg":"HS256"}"#, claims, super::support::SECRET.as_bytes());
    let event = app.event("postCreateUser").token(&token);
    event.body(r#"{"request":{"user":{"login":"x\nFORGED \u001b[2J\u2028y"}}}"#).send().await.accepted();
    let log = app.stop().await;
    // In lower case, as persons are named.
    for line in log.lines().filter(|line| line.contains("FORGED") || line.contains("forged")) {
        assert!(line.contains("duration_us"), "{log}");
    }
    assert!(log.contains("forged") && !log.contains('\u{1b}') && !log.contains('\u{2028}'), "{log:?}");
}

#[tokio::test]
async fn a_pseudonym_outlasts_a_reload() {
    let app = TestApp::start().await;
    let pseudonym = async || {
        let mut log = app.follow();
        app.post("postCreateUser", sample("postCreateUser")).await.accepted();
        let line = log.until("duration_us").await;
        line.split_once("person=").and_then(|(_, rest)| rest.split(' ').next()).expect("a person").to_owned()
    };
    let before = pseudonym().await;
    let mut log = app.follow();
    app.configure("[server]\nhealth = false\n");
    log.until("the configuration is in force").await;
    assert_eq!(pseudonym().await, before);
}

#[tokio::test]
async fn numbers_have_labels_from_the_tables_only() {
    let app = TestApp::with("[metrics]\nlisten = \"127.0.0.1:0\"\n").start().await;
    for event in catalog::names_of("cymmetri") {
        app.post(event, body(event)).await;
    }
    app.request(&format!("/webhook/{WORD}")).send().await;
    app.event("test").token(WORD).send().await;
    let text = app.metrics().await;
    for line in [
        r#"hookreeve_events_total{event="validateUser",outcome="accepted",cause="decided"} 1"#,
        r#"hookreeve_events_total{event="test",outcome="acknowledged",cause="decided"} 1"#,
        r#"hookreeve_refusals_total{code="unauthorized"} 1"#,
        r#"hookreeve_refusals_total{code="unknown_event"} 1"#,
        "hookreeve_event_duration_seconds_count 12",
    ] {
        assert!(text.lines().any(|written| written == line), "{line} in\n{text}");
    }
    check_silent(&text);
    // They are nowhere else.
    let elsewhere: Reply = app.get("/metrics").await;
    assert_eq!(elsewhere.code(), "not_found");
}
