//! A shadow file beside the rules: it judges the same events, and no reply knows of it.

use hookreeve::event::{Changes, Decision};

use super::support::handlers::Decide;
use super::support::{TestApp, sample};

const MAIN: &str =
    "shadow_file = \"rules/next.toml\"\ninclude = [\"rules/*.toml\"]\n[metrics]\nlisten = \"127.0.0.1:0\"\n";
const NEXT: &str = "[[rule]]\nid = \"email-required\"\non = \"validateUser\"\nwhen = 'text(user.?email) == \"\"'\ndeny = \"EmailRequired\"\n";
const REAL: &str = "[[rule]]\nid = \"city\"\non = [\"validateUser\", \"validateUpdateUser\"]\nwhen = 'text(user.?city) == \"Goa\"'\ndeny = \"NotThere\"\n";

fn count(metrics: &str, event: &str, difference: &str) -> u64 {
    let line = format!("hookreeve_shadow_total{{event=\"{event}\",difference=\"{difference}\"}} ");
    let found = metrics.lines().find_map(|written| written.strip_prefix(&line));
    found.map_or(0, |number| number.parse().expect("a number"))
}

/// Asks, and waits until what comes behind the reply is kept.
async fn refused(app: &TestApp, event: &str, user: &str) -> String {
    let reply = app.post(event, format!(r#"{{"request":{{"user":{user}}}}}"#)).await;
    assert_eq!(reply.status, 200);
    reply.json()["response"]["message"].as_str().unwrap_or_default().to_owned()
}

#[tokio::test]
async fn differences_are_counted_and_no_reply_knows_of_them() {
    let app = TestApp::with(MAIN).file("rules/next.toml", NEXT).file("rules/real.toml", REAL).start().await;
    let mut log = app.follow();
    assert_eq!(refused(&app, "validateUser", r#"{"login":"a","email":"a@b.example"}"#).await, "");
    assert_eq!(refused(&app, "validateUser", r#"{"login":"b"}"#).await, "");
    assert_eq!(refused(&app, "validateUser", r#"{"login":"c","email":"c@b.example","city":"Goa"}"#).await, "NotThere");
    assert_eq!(refused(&app, "validateUser", r#"{"login":"d","city":"Goa"}"#).await, "NotThere");
    assert_eq!(refused(&app, "validateUpdateUser", r#"{"login":"d","city":"Goa"}"#).await, "NotThere");
    // Too large to be judged on the way, and no reply waits for it.
    let long = "x".repeat(40_000);
    assert_eq!(refused(&app, "validateUser", &format!(r#"{{"login":"e","firstName":"{long}"}}"#)).await, "");
    assert_eq!(app.post("postCreateUser", sample("postCreateUser")).await.status, 200);
    // In their order, behind the replies.
    log.until("event=\"validateUpdateUser\" difference=\"newly_accepted\"").await;
    log.until("difference=\"newly_refused\"").await;
    let metrics = app.metrics().await;
    for (difference, times) in
        [("none", 1), ("newly_refused", 2), ("newly_accepted", 1), ("refused_otherwise", 1), ("left_out", 0)]
    {
        assert_eq!(count(&metrics, "validateUser", difference), times, "{difference}\n{metrics}");
    }
    assert!(!metrics.contains("hookreeve_shadow_total{event=\"postCreateUser\""), "{metrics}");
}

#[tokio::test]
async fn a_shadow_file_that_is_wrong_costs_the_shadow_alone_until_it_is_right() {
    let app =
        TestApp::with(MAIN).file("rules/next.toml", "[[rule]]\nid = \"x\"\non = \"validateUser\"\n").start().await;
    assert_eq!(refused(&app, "validateUser", r#"{"login":"b"}"#).await, "");
    assert!(app.log.text().contains("shadow file: rule `x` has no effect"), "{}", app.log.text());
    assert!(app.log.text().contains("judges nothing until it is right"));
    let mut log = app.follow();
    app.write("rules/next.toml", NEXT);
    log.until("the shadow file judges beside the rules").await;
    log.until("the configuration is in force").await;
    assert_eq!(refused(&app, "validateUser", r#"{"login":"b"}"#).await, "");
    app.write("rules/next.toml", "[[rule\n");
    let said = log.until("the configuration is in force").await;
    assert!(said.contains("shadow file: "), "{said}");
}

#[tokio::test]
async fn what_the_program_decides_itself_has_no_shadow() {
    let app = TestApp::with(MAIN)
        .file("rules/next.toml", NEXT)
        .bind("validateUser", Decide(Decision::Accept(Changes::default())))
        .start()
        .await;
    assert_eq!(refused(&app, "validateUser", r#"{"login":"b"}"#).await, "");
    let metrics = app.metrics().await;
    assert!(!metrics.contains("hookreeve_shadow_total{"), "{metrics}");
}

#[tokio::test]
async fn where_a_reply_waits_for_its_entry_small_events_are_judged_and_large_ones_left_out() {
    let text = format!("{MAIN}[journal]\nrecords = \"durable\"\n");
    let app = TestApp::with(&text).file("rules/next.toml", NEXT).start().await;
    assert_eq!(refused(&app, "validateUser", r#"{"login":"b"}"#).await, "");
    let long = "x".repeat(40_000);
    assert_eq!(refused(&app, "validateUser", &format!(r#"{{"login":"e","firstName":"{long}"}}"#)).await, "");
    let metrics = app.metrics().await;
    for difference in ["newly_refused", "left_out"] {
        assert_eq!(count(&metrics, "validateUser", difference), 1, "{difference}\n{metrics}");
    }
}

#[tokio::test]
async fn what_the_shadow_alone_looks_up_is_looked_up_behind_the_reply() {
    let lookup = |key: &str| {
        format!("[[lookup]]\nid = \"known\"\ntype = \"csv\"\nfile = \"people.csv\"\nmatch = {{ login = '{key}' }}\n")
    };
    let rule = "[[rule]]\nid = \"unknown\"\non = \"validateUser\"\nwhen = '!lookup.known.found'\ndeny = \"Unknown\"\n";
    // The main file's is asked where the shadow names it, and one that differs is the shadow's own.
    for (main, next, difference) in [
        (lookup("text(user.?login)"), rule.to_owned(), "newly_refused"),
        (
            format!("{}{rule}", lookup("text(user.?login)")),
            format!("{}{rule}", lookup("text(user.?email)")),
            "newly_accepted",
        ),
    ] {
        let app =
            TestApp::with(&format!("shadow_file = \"rules/next.toml\"\n[metrics]\nlisten = \"127.0.0.1:0\"\n{main}"))
                .file("people.csv", "login\nanna\n")
                .file("rules/next.toml", &next)
                .file("rules/people.csv", "login\nanna\n")
                .start()
                .await;
        let mut log = app.follow();
        let refused = refused(&app, "validateUser", r#"{"login":"bob","email":"anna"}"#).await;
        assert_eq!(refused, if difference == "newly_refused" { "" } else { "Unknown" });
        log.until(&format!("difference=\"{difference}\"")).await;
    }
}

const SAME: &str =
    "[[lookup]]\nid = \"same\"\ntype = \"directory\"\nmatch = { mobile = 'text(user.?mobile)' }\nreserve = \"30s\"\n";
const NOBODY: &str =
    "[[rule]]\nid = \"nobody\"\non = \"validateUser\"\nwhen = '!lookup.same.found'\ndeny = \"Nobody\"\n";

#[tokio::test]
async fn a_shadow_holds_no_value_for_anybody() {
    let taken = "[[rule]]\nid = \"taken\"\non = \"validateUpdateUser\"\nwhen = 'lookup.same.found'\ndeny = \"Taken\"\n";
    let app = TestApp::with(&format!("{MAIN}{SAME}"))
        .file("rules/next.toml", NOBODY)
        .file("rules/real.toml", taken)
        .start()
        .await;
    let mut log = app.follow();
    assert_eq!(refused(&app, "validateUser", r#"{"login":"anna","mobile":"1"}"#).await, "");
    log.until("difference=\"newly_refused\"").await;
    assert_eq!(refused(&app, "validateUpdateUser", r#"{"login":"bob","mobile":"1"}"#).await, "");
}

#[tokio::test]
async fn a_directory_that_the_shadow_alone_asks_is_kept() {
    let app = TestApp::with(MAIN).file("rules/next.toml", &format!("{SAME}{NOBODY}")).start().await;
    let mut log = app.follow();
    assert_eq!(refused(&app, "validateUser", r#"{"login":"anna","mobile":"1"}"#).await, "");
    log.until("difference=\"newly_refused\"").await;
}

#[tokio::test]
async fn a_database_of_the_same_name_in_another_directory_is_another_one() {
    let lookup = "[[lookup]]\nid = \"same\"\ntype = \"sql\"\nurl = \"sqlite:people.db\"\ncache = \"1h\"\ntimeout = \"5s\"\n\
        query = \"select login from people where login = :login\"\nparams = { login = 'user.login' }\n";
    let app = TestApp::with(&format!("{MAIN}{lookup}{NOBODY}"))
        .file("rules/next.toml", &format!("{lookup}{NOBODY}"))
        .start()
        .await;
    for (name, login) in [("people.db", "anna"), ("rules/people.db", "bob")] {
        let database = rusqlite::Connection::open(app.path(name)).expect("a database");
        database.execute("create table people (login text)", []).expect("a table");
        database.execute("insert into people values (?1)", [login]).expect("a row");
    }
    let mut log = app.follow();
    for (login, is, difference) in [("anna", "", "newly_refused"), ("bob", "Nobody", "newly_accepted")] {
        assert_eq!(refused(&app, "validateUser", &format!(r#"{{"login":"{login}"}}"#)).await, is);
        log.until(&format!("difference=\"{difference}\"")).await;
    }
}

#[tokio::test]
async fn the_same_person_in_another_order_of_changes_is_no_difference() {
    let set = |first: &str, second: &str| {
        format!("[[rule]]\nid = \"names\"\non = \"preCreateUser\"\n[rule.set]\n{first}\n{second}\n")
    };
    let (city, name) = ("city = '\"Pune\"'", "nickName = 'user.login'");
    for (next, difference) in [(set(name, city), "none"), (set(name, "city = '\"Goa\"'"), "changed_otherwise")] {
        let text = format!("{MAIN}[journal]\nrecords = \"durable\"\n");
        let app =
            TestApp::with(&text).file("rules/next.toml", &next).file("rules/real.toml", &set(city, name)).start().await;
        let reply = app.post("preCreateUser", r#"{"request":{"user":{"login":"a"}}}"#).await;
        assert_eq!(reply.json()["response"]["data"]["nickName"], "a");
        let metrics = app.metrics().await;
        assert_eq!(count(&metrics, "preCreateUser", difference), 1, "{difference}\n{metrics}");
    }
}
