//! A shadow file from the command line: tried beside the rules, looked at, then enforced.

use serde_json::{Value, json};

use crate::kept::Kept;
use crate::program::BASIC;
use crate::server::Server;

const REAL: &str =
    "[[rule]]\nid = \"city\"\non = \"validateUser\"\nwhen = 'text(user.?city) == \"Goa\"'\ndeny = \"NotThere\"\n";
const NEW: &str = "[[rule]]\nid = \"email-required\"\non = \"validateUser\"\nwhen = 'text(user.?email) == \"\"'\ndeny = \"EmailRequired\"\n";

#[track_caller]
fn validate(kept: &Kept, server: &Server, user: &Value) -> String {
    let reply = server.ask("validateUser", &kept.token, &json!({ "request": { "user": user } }));
    reply["response"]["message"].as_str().unwrap_or_default().to_owned()
}

fn with_shadow() -> Kept {
    let kept = Kept::new(200, "");
    let config = std::fs::read_to_string(kept.place.path("config/hookreeve.toml")).expect("a file");
    kept.place.write(
        "config/hookreeve.toml",
        &format!("shadow_file = \"rules/next.toml\"\ninclude = [\"rules/*.toml\"]\n{config}"),
    );
    kept.place.write("config/rules/now.toml", REAL);
    kept.place.write("config/rules/next.toml", &format!("{REAL}{NEW}"));
    kept
}

#[test]
fn a_new_rule_in_shadow_for_a_week_then_enforced() {
    let kept = with_shadow();
    let server = kept.place.serve();
    let anna = json!({ "login": "anna", "email": "anna@corp.example" });
    let bob = json!({ "login": "bob" });
    for (user, is) in [(&anna, ""), (&bob, ""), (&json!({ "login": "carol", "city": "Goa" }), "NotThere"), (&bob, "")] {
        assert_eq!(validate(&kept, &server, user), is);
    }
    // What is kept behind the reply is kept when the server stops.
    assert_eq!(server.stop().code, Some(0));
    let rows = kept.json(&["shadow", "list", "--since", "7d", "--personal"]);
    let seen: Vec<_> = rows.iter().map(|row| (&row["person"], &row["difference"], &row["rule"])).collect();
    let expected = (&json!("bob"), &json!("newly_refused"), &json!("email-required"));
    assert_eq!(seen, [expected, expected]);
    assert_eq!(rows[0]["would_be"]["message"], "EmailRequired");
    assert_eq!(rows[0]["was"]["outcome"], "accepted");
    let summary = kept.json(&["shadow", "summary", "--since", "7d"]);
    assert_eq!(summary[0]["versions"][0]["judged"], 4);
    let of = &summary[0]["differences"];
    assert_eq!(
        (of.as_array().map(Vec::len), &of[0]["events"], &of[0]["rule"]),
        (Some(1), &json!(2), &json!("email-required"))
    );
    let text = kept.run(&["shadow", "summary"]);
    assert!(text.contains("newly_refused  validateUser  email-required  2"), "{text}");
    assert!(text.ends_with("4 events judged, 2 otherwise\n"), "{text}");
    let shown = kept.run(&["events", "show", &rows[0]["seq"].to_string()]);
    assert!(shown.contains("shadow     newly refused: refused EmailRequired, by rule email-required"), "{shown}");
    // It does what it should: it is moved among the real ones, and the shadow has nothing left to say.
    kept.place.write("config/rules/now.toml", &format!("{REAL}{NEW}"));
    let server = kept.place.serve();
    assert_eq!(validate(&kept, &server, &bob), "EmailRequired");
    assert_eq!(server.stop().code, Some(0));
    assert_eq!(kept.json(&["shadow", "list"]).len(), 2, "no more than before");
    let summary = kept.json(&["shadow", "summary"]);
    assert_eq!(summary[0]["versions"].as_array().map(Vec::len), Some(1), "the shadow is the same");
    assert_eq!(summary[0]["versions"][0]["judged"], 5);
}

#[test]
fn the_word_for_a_difference_and_the_version_of_the_file_can_be_chosen() {
    let kept = with_shadow();
    let tried = "[[rule]]\nid = \"tried\"\non = \"validateUser\"\nwhen = 'user.login == \"bob\"'\ndeny = \"NoBob\"\nshadow = true\n";
    kept.place.write("config/rules/now.toml", &format!("{REAL}{tried}"));
    let server = kept.place.serve();
    let bob = json!({ "login": "bob" });
    assert_eq!(validate(&kept, &server, &bob), "");
    assert_eq!(server.stop().code, Some(0));
    kept.place.write(
        "config/rules/next.toml",
        "[[rule]]\nid = \"city\"\non = \"validateUser\"\nwhen = 'user.city == \"Goa\"'\ndeny = \"NotThere\"\n",
    );
    let server = kept.place.serve();
    assert_eq!(validate(&kept, &server, &bob), "");
    assert_eq!(validate(&kept, &server, &json!({ "login": "anna", "city": "Goa" })), "NotThere");
    assert_eq!(server.stop().code, Some(0));
    let words = |arguments: &[&str]| -> Vec<Value> {
        kept.json(arguments).into_iter().map(|row| row["difference"].clone()).collect()
    };
    assert_eq!(words(&["shadow", "list"]), ["erred", "rule_held", "newly_refused", "rule_held"]);
    assert_eq!(words(&["shadow", "list", "--limit", "1"]), ["erred"]);
    assert_eq!(words(&["shadow", "list", "--difference", "rule_held", "--event", "validateuser"]), ["rule_held"; 2]);
    let erred = &kept.json(&["shadow", "list", "--difference", "erred"])[0];
    assert!(erred["error"].as_str().is_some_and(|error| error.starts_with("city: ")), "{erred}");
    let summary = &kept.json(&["shadow", "summary"])[0];
    let newest = summary["versions"][0]["rules"].as_str().expect("a hash");
    assert_eq!((&summary["versions"][0]["judged"], &summary["versions"][1]["judged"]), (&json!(2), &json!(1)));
    assert_eq!(words(&["shadow", "list", "--rules", &newest[..6]]), ["erred"]);
    kept.refused(&["shadow", "list", "--difference", "x"], 2, "newly_refused");
}

#[test]
fn check_speaks_of_the_shadow_file_and_the_server_goes_on_without_it() {
    let kept = with_shadow();
    kept.place.write(
        "config/rules/next.toml",
        "[[rule]]\nid = \"x\"\non = \"validateUsr\"\ndeny = \"No\"\n[server]\nlisten = 5\n",
    );
    let ended = kept.place.run(&["check"]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.out.contains("shadow file: there is no event `validateUsr`"), "{}", ended.out);
    assert!(
        ended.out.contains("did you mean `validateUser`?") && ended.out.contains("rules/next.toml:3"),
        "{}",
        ended.out
    );
    assert!(ended.out.contains("1 error, 0 warnings, 1 rule"), "what does not count is not looked at: {}", ended.out);
    let mut server = kept.place.serve();
    assert_eq!(validate(&kept, &server, &json!({ "login": "bob" })), "");
    kept.place.write("config/rules/next.toml", NEW);
    server.wait_for("the shadow file judges beside the rules");
}

#[test]
fn where_a_shadow_file_may_stand_is_said() {
    let check = |main: &str, files: &[(&str, &str)]| {
        let place = crate::program::Place::new(&format!("{main}{BASIC}"));
        for (name, text) in files {
            place.write(&format!("config/{name}"), text);
        }
        let ended = place.run(&["check"]);
        (ended.code, ended.out)
    };
    for (main, files, said) in [
        ("shadow_file = \"not-there.toml\"\n", &[][..], "not-there.toml could not be read"),
        ("shadow_file = 3\n", &[], "expected a path in quotes"),
        ("shadow_file = \"hookreeve.toml\"\n", &[], "a file cannot be its own shadow"),
        ("[log]\nshadow_file = \"next.toml\"\n", &[], "move it above the first [section]"),
        (
            "shadow_file = \"next.toml\"\ninclude = [\"next.toml\"]\n",
            &[("next.toml", "")],
            "`next.toml` is the shadow file, too",
        ),
        (
            "include = [\"more.toml\"]\n",
            &[("more.toml", "shadow_file = \"x.toml\"\n")],
            "an included file names no shadow file",
        ),
        (
            "shadow_file = \"next.toml\"\n",
            &[("next.toml", "shadow_file = \"x.toml\"\n")],
            "a shadow file names no shadow file",
        ),
        (
            "shadow_file = \"next.toml\"\n",
            &[("next.toml", "[attributes]\n\"x\" = \"string\"\n")],
            "an attribute's path starts with",
        ),
        ("shadow_file = \"next.toml\"\n", &[("next.toml", "")], "it has no rules"),
    ] {
        let (code, out) = check(main, files);
        assert!(out.contains(said), "{main}: {said}\n{out}");
        assert_eq!(code, Some(i32::from(said != "it has no rules")), "{main}\n{out}");
    }
    // What the shadow file does not say is as in the main one.
    let main = "shadow_file = \"next.toml\"\n[attributes]\n\"user.grade\" = \"int\"\n";
    let rule =
        "[[rule]]\nid = \"g\"\non = \"validateUser\"\nwhen = 'has(user.grade) && user.grade > 3'\ndeny = \"No\"\n";
    let (code, out) = check(main, &[("next.toml", rule)]);
    assert!(code == Some(0) && out.contains("0 errors, 0 warnings"), "{out}");
}

/// A shadow whose lookup waits for a source that never answers, and that source.
fn with_slow_shadow() -> (Kept, std::net::TcpListener) {
    let source = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = source.local_addr().expect("an address");
    let kept = with_shadow();
    kept.place.write(
        "config/rules/next.toml",
        &format!(
            "[[lookup]]\nid = \"slow\"\ntype = \"http\"\nurl = \"http://{address}/\"\nallow_private = true\ntimeout = \"2s\"\n\
             [[rule]]\nid = \"s\"\non = \"validateUser\"\nwhen = 'lookup.slow.found'\ndeny = \"S\"\n"
        ),
    );
    (kept, source)
}

#[test]
fn what_waits_for_a_slow_shadow_is_in_the_journal_when_the_server_stops() {
    const EVENTS: usize = 300;
    let (kept, _source) = with_slow_shadow();
    let path = kept.place.path("config/hookreeve.toml");
    let config = std::fs::read_to_string(&path).expect("a file");
    assert!(config.contains("[server]\n"), "{config}");
    kept.place.write("config/hookreeve.toml", &config.replacen("[server]\n", "[server]\ndrain = \"1s\"\n", 1));
    let server = kept.place.serve();
    for number in 0..EVENTS {
        assert_eq!(validate(&kept, &server, &json!({ "login": format!("p{number}") })), "");
    }
    let ended = server.stop();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(kept.json(&["events", "list", "--limit", "1000"]).len(), EVENTS);
}

#[test]
fn what_waits_for_a_slow_shadow_is_forgotten_with_the_rest() {
    let (kept, _source) = with_slow_shadow();
    let server = kept.place.serve();
    assert_eq!(validate(&kept, &server, &json!({ "login": "zwickmuehle" })), "");
    let said = kept.run(&["forget", "--person", "zwickmuehle", "--yes"]);
    assert!(said.starts_with("1 entry can no longer be read"), "{said}");
    assert_eq!(server.stop().code, Some(0));
    let shown = kept.run(&["events", "--personal"]);
    assert!(shown.contains("(forgotten)") && !shown.contains("zwickmuehle"), "{shown}");
}

#[test]
fn reload_says_what_is_wrong_with_the_shadow_file() {
    let kept = with_shadow();
    let server = kept.place.serve();
    kept.place.write("config/rules/next.toml", "[[rule]]\nid = \"x\"\non = \"validateUsr\"\ndeny = \"No\"\n");
    let ended = kept.place.run(&["reload"]);
    let said = format!("{}{}", ended.out, ended.err);
    assert!(said.contains("shadow file: there is no event `validateUsr`"), "{said}");
    assert_eq!(server.stop().code, Some(0));
}

#[test]
fn of_an_event_that_a_guard_held_what_the_rules_decided_is_told() {
    let kept = with_shadow();
    let guard = "[[guard]]\nid = \"refusals\"\non = \"validateUser\"\nmax = 1\nper = \"10m\"\n";
    kept.place.write("config/rules/now.toml", &format!("{REAL}{guard}"));
    kept.place.write("config/rules/next.toml", NEW);
    let server = kept.place.serve();
    let goa = |login: &str| json!({ "login": login, "email": "a@corp.example", "city": "Goa" });
    assert_eq!(validate(&kept, &server, &goa("anna")), "NotThere");
    assert_eq!(validate(&kept, &server, &goa("bob")), "");
    assert_eq!(server.stop().code, Some(0));
    // What a guard holds is on disk before its reply, and so may come before what nobody waited for.
    let events = kept.json(&["events", "list"]);
    let held = events.iter().find(|event| event["cause"] == "guarded").expect("an event that was held");
    let rows = kept.json(&["shadow", "list"]);
    let row = rows.iter().find(|row| row["seq"] == held["seq"]).expect("its difference");
    assert_eq!(row["was"], json!({ "outcome": "refused", "rule": "city", "message": "NotThere" }));
    let differences = &kept.json(&["shadow", "summary"])[0]["differences"];
    assert_eq!((&differences[0]["rule"], &differences[0]["events"]), (&json!("not city"), &json!(2)));
    let seq = row["seq"].to_string();
    let told = kept.run(&["explain", &seq]);
    assert!(told.contains("held back  refused NotThere, by rule city; by guard refusals"), "{told}");
    assert_eq!(kept.json(&["explain", &seq])[0]["today"]["same_answer"], true);
    let test = kept.run(&["events", "to-test", &seq]);
    assert!(test.contains("NotThere"), "{test}");
}
