//! Other rules over the journal, what rules and fields have become, and a reload that would refuse too many.

use serde_json::json;

use crate::kept::Kept;
use crate::program::{BASIC, Ended, Place};
use crate::server::Server;

const METRICS: &str = "[metrics]\nlisten = \"127.0.0.1:0\"\n";

fn rule(id: &str, on: &str, rest: &str) -> String {
    format!("[[rule]]\nid = \"{id}\"\non = \"{on}\"\n{rest}\n")
}

/// Ten persons, of whom the last three live in Goa, each asked for twice.
fn ask(server: &Server, token: &str) {
    for number in 0..10 {
        let city = if number < 7 { "Pune" } else { "Goa" };
        let user = json!({ "login": format!("person{number}"), "city": city, "userType": "Employee" });
        for event in ["validateUser", "preCreateUser"] {
            server.ask(event, token, &json!({ "request": { "user": user } }));
        }
    }
}

/// A journal of those, and the configuration that it was filled under.
fn filled(rules: &str) -> (Kept, String) {
    let kept = Kept::new(200, rules);
    let server = kept.place.serve();
    ask(&server, &kept.token);
    assert_eq!(server.stop().code, Some(0));
    let text = std::fs::read_to_string(kept.place.path("config/hookreeve.toml")).expect("a file");
    (kept, text)
}

fn backtest(place: &Place, more: &[&str]) -> Ended {
    place.run(&[&["backtest", "--config", "new/hookreeve.toml"], more].concat())
}

#[test]
fn other_rules_are_tried_on_the_journal_and_what_changes_is_told_by_rule() {
    let old = rule("employees", "preCreateUser", "set.nickName = '\"x\"'");
    let (kept, text) = filled(&old);
    kept.place.write("new/journal.key", "the-first-key-of-the-journal-0001\n");
    kept.place.write("new/chain.key", "the-key-of-the-chain-of-entries-01\n");
    let with = |rules: &str| kept.place.write("new/hookreeve.toml", &format!("{text}{rules}"));
    with("");
    let same = backtest(&kept.place, &[]);
    assert_eq!(same.code, Some(0), "{same:?}");
    assert!(
        same.out
            .contains("20 events judged again by new/hookreeve.toml, against what was answered then: nothing changes"),
        "{same:?}"
    );
    let goa = rule("no goa", "validateUser", "when = 'user.city == \"Goa\"'\ndeny = \"NotThere\"");
    let errs = rule("errs", "validateUser", "when = 'user.level > 3'\ndeny = \"TooHigh\"");
    with(&format!("{goa}{errs}{}", rule("city", "preCreateUser", "set.city = '\"Goa\"'")));
    let changed = backtest(&kept.place, &["--examples", "1"]);
    assert_eq!(changed.code, Some(1), "{changed:?}");
    for line in [
        ": 17 would change\n",
        "\nnewly refused: 3 events\n  rule no goa: 3\n    ",
        "  validateUser  ",
        "accepted  refused NotThere\n",
        "\nchanged otherwise: 7 events\n  rule city: 7\n",
        "\na rule errs newly: 7 events\n  rule errs: 7\n",
    ] {
        assert!(changed.out.contains(line), "{line} in\n{}", changed.out);
    }
    assert!(!changed.out.contains("person9"), "{changed:?}");
    assert!(backtest(&kept.place, &["--personal"]).out.contains("person9"));
    let told = backtest(&kept.place, &["--format", "json"]).json();
    assert_eq!((&told["events"], &told["changed"], &told["unknown"]), (&json!(20), &json!(17), &json!(0)));
    assert_eq!(told["differences"][0]["kind"], "refused");
    assert_eq!(told["differences"][0]["examples"].as_array().map(Vec::len), Some(3));
    let report = backtest(&kept.place, &["--format", "markdown", "--event", "validateUser"]);
    assert!(report.out.contains("| newly refused | rule no goa | 3 |\n"), "{report:?}");
    assert!(report.out.contains("<details><summary>Examples</summary>"), "{report:?}");
    assert!(!report.out.contains("changed otherwise"), "{report:?}");
    let one = backtest(&kept.place, &["--person", "person1", "--event", "validateUser"]);
    assert!(one.out.starts_with("1 event judged again"), "{one:?}");
    let notice = backtest(&kept.place, &["--event", "postCreateUser"]);
    assert_eq!(notice.code, Some(2), "{notice:?}");
    // What is in force may differ from what was answered then.
    kept.place.write("config/hookreeve.toml", &format!("{text}{goa}"));
    let today = backtest(&kept.place, &["--against", "today", "--format", "json"]).json();
    assert_eq!((&today["changed"], &today["differences"][0]["kind"]), (&json!(14), &json!("changed_otherwise")));
}

#[test]
fn what_cannot_be_told_is_counted_and_bounded() {
    let (kept, text) = filled("");
    for key in ["journal.key", "chain.key"] {
        let key =
            std::fs::read_to_string(kept.place.path(&format!("config/{key}"))).map(|text| (key, text)).expect("a key");
        kept.place.write(&format!("new/{}", key.0), &key.1);
    }
    kept.place.write("new/hookreeve.toml", &text);
    kept.run(&["forget", "--person", "person1", "--yes"]);
    let told = backtest(&kept.place, &["--max-unknown", "10%"]);
    assert_eq!(told.code, Some(0), "{told:?}");
    assert!(told.out.contains("cannot be told: 2 events\n  its person was forgotten: 2\n"), "{told:?}");
    for bound in ["1", "9.9%"] {
        let much = backtest(&kept.place, &["--max-unknown", bound]);
        assert_eq!(much.code, Some(3), "{much:?}");
        assert!(much.err.contains("it cannot be told of 2 events"), "{much:?}");
    }
    kept.place.write("new/hookreeve.toml", &format!("{text}[[rule]]\nid = \"x\"\non = \"validateUser\"\n"));
    let wrong = backtest(&kept.place, &[]);
    assert_eq!(wrong.code, Some(2), "{wrong:?}");
    assert!(wrong.err.contains("has no effect"), "{wrong:?}");
}

#[test]
fn a_lookup_that_is_another_one_now_has_no_recorded_answer() {
    let lookup = |key: &str| {
        format!("[[lookup]]\nid = \"known\"\ntype = \"csv\"\nfile = \"people.csv\"\nmatch = {{ login = '{key}' }}\n")
    };
    let strangers = |id: &str| rule(id, "validateUser", "when = '!lookup.known.found'\ndeny = \"Unknown\"");
    let rules = format!("{}{}", strangers("strangers"), lookup("text(user.?login)"));
    let place = Place::new(&format!("{BASIC}{rules}")).file("config/people.csv", "login\nperson1\n");
    let server = place.serve();
    ask(&server, &place.token());
    assert_eq!(server.stop().code, Some(0));
    place.write("new/people.csv", "login\nperson1\n");
    // The same lookup under another rule: what was recorded counts.
    place.write("new/hookreeve.toml", &format!("{BASIC}{}{}", strangers("others"), lookup("text(user.?login)")));
    let same = backtest(&place, &["--event", "validateUser"]);
    assert_eq!(same.code, Some(0), "{same:?}");
    assert!(same.out.contains("the same answer by another rule: 9 events"), "{same:?}");
    // Another one of the same name: nobody knows what it would have found, so that of no event it can be told.
    place.write("new/hookreeve.toml", &format!("{BASIC}{}{}", strangers("strangers"), lookup("text(user.?city)")));
    let other = backtest(&place, &["--event", "validateUser"]);
    assert_eq!(other.code, Some(2), "{other:?}");
    let said = "rule `strangers` asks for a lookup that was not recorded then: 10\n";
    assert!(other.out.contains("cannot be told: 10 events\n") && other.out.contains(said), "{other:?}");
    // Its source can be asked now; the report says so.
    let asked = backtest(&place, &["--event", "validateUser", "--live-lookups"]);
    assert_eq!(asked.code, Some(1), "{asked:?}");
    assert!(asked.out.contains("newly refused: 1 event\n"), "{asked:?}");
}

#[test]
fn a_new_lookup_leaves_what_it_would_not_ask_for_as_it_was() {
    let place = Place::new(BASIC);
    let server = place.serve();
    let token = place.token();
    for (login, mobile) in [("ada", None), ("bob", Some("1")), ("eve", Some(" "))] {
        let user = json!({ "login": login, "mobile": mobile });
        server.ask("validateUser", &token, &json!({ "request": { "user": user } }));
    }
    assert_eq!(server.stop().code, Some(0));
    let unique = rule("unique", "validateUser", "when = 'lookup.same.found'\ndeny = \"MobileAlreadyExist\"");
    let lookup = "[[lookup]]\nid = \"same\"\ntype = \"directory\"\nmatch = { mobile = 'text(user.?mobile)' }\n";
    place.write("new/hookreeve.toml", &format!("{BASIC}{unique}{lookup}"));
    let told = backtest(&place, &["--format", "json"]);
    assert_eq!(told.code, Some(0), "{told:?}");
    let told = told.json();
    assert_eq!((&told["events"], &told["changed"], &told["unknown"]), (&json!(3), &json!(0), &json!(1)), "{told}");
}

#[test]
fn rules_that_do_nothing_and_fields_that_drift_are_told() {
    let rules = [
        rule("first", "validateUser", "when = 'user.city != \"\"'\ndeny = \"First\""),
        rule("behind", "validateUser", "when = 'user.city == \"Goa\"'\ndeny = \"Behind\""),
        rule("never", "preCreateUser", "when = 'text(user.?costCentre) == \"K\"'\nset.nickName = '\"x\"'"),
    ]
    .concat();
    let kept = Kept::new(200, &format!("{rules}[attributes]\n\"user.costCentre\" = \"string\"\n"));
    let server = kept.place.serve();
    ask(&server, &kept.token);
    kept.until(&["events", "list"], |events| events.len() == 20);
    for number in 0..4 {
        let user = json!({ "login": format!("late{number}"), "userType": 7, "badge": { "n": 1 } });
        server.ask("validateUser", &kept.token, &json!({ "request": { "user": user } }));
    }
    let last = kept.until(&["events", "list"], |events| events.len() == 24);
    assert_eq!(server.stop().code, Some(0));
    // An event's id begins with its time, in milliseconds.
    let id = last[3]["id"].as_str().expect("an id").replace('-', "");
    let late = i64::from_str_radix(&id[..12], 16).expect("a time");
    let late = chrono::DateTime::from_timestamp_millis(late).expect("a time").to_rfc3339();
    let found = kept.place.run(&["hygiene", "--late", &late, "--format", "json"]);
    assert_eq!(found.code, Some(1), "{found:?}");
    let found = found.json();
    let told = |list: &str, name: &str| -> Vec<(String, String)> {
        let items = found[list].as_array().expect("a list").iter();
        let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
        items.map(|item| (text(&item[name]), text(&item["finding"]))).collect()
    };
    let pairs = |pairs: &[(&str, &str)]| -> Vec<(String, String)> {
        pairs.iter().map(|(one, two)| ((*one).to_owned(), (*two).to_owned())).collect()
    };
    assert_eq!(told("rules", "rule"), pairs(&[("behind", "shadowed"), ("never", "never_holds")]));
    assert_eq!(
        told("reads", "field"),
        pairs(&[("user.city", "stopped"), ("user.city", "stopped"), ("user.costCentre", "never")])
    );
    assert_eq!(
        told("fields", "field"),
        pairs(&[("user.badge", "new"), ("user.city", "vanished"), ("user.userType", "retyped")])
    );
    let text = kept.place.run(&["hygiene", "--late", &late]).out;
    assert!(text.contains("it stopped to arrive") && text.contains("was string, now also int"), "{text}");
    for value in ["Pune", "Goa", "person1"] {
        assert!(!text.contains(value), "{value} in {text}");
    }
}

#[test]
fn a_new_rule_is_backtested_refused_at_the_reload_and_forced() {
    let guard = "[reload]\nrefuse_above = \"20%\"\nprotected = [\"person0\"]\n";
    let config = |rules: &str| format!("{BASIC}{METRICS}{guard}{rules}");
    let place = Place::new(&config(""));
    let token = place.token();
    let mut server = place.serve();
    ask(&server, &token);
    let goa =
        |message: &str| rule("no goa", "validateUser", &format!("when = 'user.city == \"Goa\"'\ndeny = \"{message}\""));
    place.write("new/hookreeve.toml", &config(&goa("NotThere")));
    // The journal writes by itself a little later.
    let mut tried = backtest(&place, &["--running", "config/hookreeve.toml"]);
    for _ in 0..2000 {
        if tried.out.starts_with("20 events") {
            break;
        }
        tried = backtest(&place, &["--running", "config/hookreeve.toml"]);
    }
    assert!(tried.out.contains("newly refused: 3 events"), "{tried:?}");
    place.write("config/hookreeve.toml", &config(&goa("NotThere")));
    let why =
        "it would newly refuse 3 of the last 10 validate events (by rule `no goa` 3), and [reload] refuse_above is 20%";
    server.wait_for(why);
    server.wait_for("the configuration is not taken; the last good one stays in force");
    let body = json!({ "request": { "user": { "login": "new", "city": "Goa" } } });
    assert!(server.ask("validateUser", &token, &body)["response"]["data"].is_object());
    let ready = crate::http::send(server.metrics.expect("an address"), "GET", "/readyz", None, "").body;
    assert!(ready.contains("the last reload was not taken") && ready.contains("no goa"), "{ready}");
    assert!(server.metrics().contains("hookreeve_reloads_total{result=\"refused\"} 1"));
    let refused = place.run(&["reload"]);
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(refused.err.contains("it would newly refuse"), "{refused:?}");
    let forced = place.run(&["reload", "--force"]);
    assert_eq!(forced.code, Some(0), "{forced:?}");
    assert!(forced.out.contains("forced, although it would newly refuse 4 of the last 11"), "{forced:?}");
    assert!(forced.out.contains("the configuration is in force, with 1 rule"), "{forced:?}");
    assert_eq!(server.ask("validateUser", &token, &body)["response"]["message"], "NotThere");
    // What is refused already is not refused newly.
    place.write("config/hookreeve.toml", &config(&goa("Nowhere")));
    server.wait_for("tried on kept events: it would newly refuse 0 of the last");
    server.wait_for("the configuration is in force");
    // One person may be worth more than all.
    let nobody = rule("nobody", "validateUser", "when = 'user.login == \"person0\"'\ndeny = \"No\"");
    place.write("config/hookreeve.toml", &config(&format!("{}{nobody}", goa("Nowhere"))));
    server.wait_for("it would newly refuse a protected person: it would newly refuse 1 of the last");
    assert_eq!(server.stop().code, Some(0));
    let none = place.run(&["reload"]);
    assert_eq!(none.code, Some(2), "{none:?}");
    assert!(none.err.contains("no server answers at"), "{none:?}");
}
