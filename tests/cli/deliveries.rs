//! Dead letters and replays from the command line, with a system that answers as the test wants.

use serde_json::json;

use crate::kept::Kept;

#[test]
fn dead_letters_are_listed_retried_and_dropped() {
    let kept = Kept::new(410, "");
    let mut server = kept.place.serve();
    for login in ["quinn", "bob", "eve"] {
        kept.created(&server, login);
    }
    let keys: Vec<String> = (0..3).map(|_| kept.target.next().key).collect();
    let dead = kept.dead(3);
    assert_eq!(dead[0]["id"], "1.0");
    assert_eq!((&dead[0]["action"], &dead[0]["event"]), (&json!("crm"), &json!("postCreateUser")));
    assert!(dead[0]["person"].as_str().is_some_and(|person| person.starts_with("p-")), "{dead:?}");
    let table = kept.run(&["dead", "list", "--action", "crm", "--personal"]);
    assert!(table.lines().count() == 4 && table.contains("quinn") && table.contains("410"), "{table}");
    kept.refused(&["dead", "list", "--action", "crn"], 2, "did you mean `crm`?");
    kept.refused(&["dead", "retry"], 2, "required");
    kept.refused(&["dead", "retry", "x"], 2, "a delivery is named like 1042.0");
    kept.refused(&["dead", "drop", "1.0"], 2, "--reason");
    kept.refused(&["dead", "drop", "1.0", "--reason", " "], 2, "it says nothing");
    kept.target.answers(200);
    // One by its name, the rest at once.
    assert_eq!(kept.run(&["dead", "retry", "1.0"]), "1 delivery: wait for delivery again\n");
    let again = kept.target.next();
    assert_eq!(again.body, json!({ "login": "quinn" }));
    assert!(keys.contains(&again.key), "the key stays: {again:?}");
    kept.dead(2);
    assert_eq!(kept.run(&["dead", "drop", "2.0", "--reason", "entered by hand"]), "1 delivery: dropped\n");
    let shown = kept.run(&["events", "show", "2"]);
    assert!(shown.contains("delivery 2.0 to crm: dropped") && shown.contains("entered by hand"), "{shown}");
    let told = kept.json(&["dead", "retry", "--all", "--action", "crm"]);
    assert_eq!(told, [json!({ "id": "3.0", "done": true, "error": null })]);
    assert_eq!(kept.target.next().body, json!({ "login": "eve" }));
    kept.dead(0);
    kept.refused(&["dead", "retry", "--all"], 1, "there is none");
    kept.until(&["events", "list"], |events| events[0]["deliveries"][0]["state"] == "done");
    kept.refused(&["dead", "retry", "1.0", "2.0"], 1, "1.0: the delivery is done");
    server.wait_for("request=\"retry\"");
}

/// An action that comes after the one that tells the target.
const AFTER: &str = "capture = { number = \"$.number\" }\n\
    [[action]]\nid = \"note\"\non = \"postCreateUser\"\nafter = \"crm\"\ntype = \"log\"\nmessage = \"noted\"\n";

#[test]
fn one_that_comes_after_a_dead_letter_says_so_and_comes_back_with_it() {
    let kept = Kept::new(410, AFTER);
    let server = kept.place.serve();
    kept.created(&server, "quinn");
    kept.target.next();
    let dead = kept.dead(2);
    assert_eq!((&dead[1]["action"], &dead[1]["reason"]), (&json!("note"), &json!("crm is a dead letter")));
    kept.refused(&["dead", "retry", "1.1"], 1, "1.1: it comes after crm (1.0), which is a dead letter");
    kept.target.answers(200);
    assert_eq!(kept.run(&["dead", "retry", "--all"]), "2 deliveries: wait for delivery again\n");
    kept.target.next();
    let events = kept.until(&["events", "list"], |events| events[0]["deliveries"][1]["state"] == "done");
    assert_eq!(events[0]["deliveries"][0]["captured"], json!({ "number": "***" }));
    let shown = kept.run(&["events", "show", "1"]);
    assert!(shown.contains("captured number = \"***\"") && !shown.contains("N-17"), "{shown}");
    let shown = kept.json(&["events", "show", "1", "--personal"]);
    assert_eq!(shown[0]["deliveries"][0]["captured"], json!({ "number": "N-17" }));
    assert!(kept.run(&["events", "show", "1", "--personal"]).contains("captured number = \"N-17\""));
    // A replay of both is one after the other, too.
    kept.target.answers(503);
    kept.run(&["replay", "1", "--again"]);
    kept.target.next();
    let waiting = kept.until(&["dead", "list", "--pending"], |waiting| waiting.len() == 2);
    assert_eq!((&waiting[1]["id"], &waiting[1]["waits_for"]), (&json!("1.3"), &json!("1.2")));
    assert!(kept.run(&["events", "show", "1"]).contains("delivery 1.3 to note: pending, after 1.2"));
}

#[test]
fn what_a_target_repeats_of_a_person_is_shown_only_where_that_is_meant() {
    let kept = Kept::new(422, "");
    let server = kept.place.serve();
    kept.created(&server, "quinn");
    kept.dead(1);
    for arguments in [&["dead", "list"][..], &["events", "show", "1"], &["events", "list"]] {
        for format in ["text", "json"] {
            let shown = kept.run(&[arguments, &["--format", format]].concat());
            assert!(!shown.contains("quinn"), "{arguments:?}: {shown}");
        }
    }
    assert!(kept.run(&["dead", "list"]).contains("HTTP 422: ***"));
    assert!(kept.run(&["dead", "list", "--personal"]).contains(r#"HTTP 422: {"login":"quinn"}"#));
    assert!(kept.run(&["events", "show", "1", "--personal"]).contains(r#"HTTP 422: {"login":"quinn"}"#));
    let answer = &kept.json(&["dead", "list"])[0]["answers"][0];
    assert_eq!((&answer["answer"], &answer["said"]), (&json!("HTTP 422"), &json!("***")));
    assert!(!server.stop().err.contains("quinn"));
}

#[test]
fn an_event_of_which_no_action_can_tell_whether_it_wants_it_is_a_dead_letter() {
    let kept = Kept::new(200, "when = 'user.grade > 3'\n");
    let server = kept.place.serve();
    kept.created(&server, "quinn");
    let dead = kept.dead(1);
    let reason = dead[0]["reason"].as_str().unwrap_or_default();
    assert!(reason.starts_with("`when` erred:") && reason.contains("grade"), "{dead:?}");
    assert!(kept.target.is_silent());
    let table = kept.run(&["dead", "list"]);
    assert!(table.contains("`when` erred"), "{table}");
    kept.run(&["dead", "retry", "--all"]);
    assert_eq!(kept.target.next().body, json!({ "login": "quinn" }));
}

#[test]
fn without_a_server_dead_letters_are_retried_when_one_starts() {
    let kept = Kept::new(410, "");
    let server = kept.place.serve();
    kept.created(&server, "quinn");
    kept.target.next();
    kept.dead(1);
    assert_eq!(server.stop().code, Some(0));
    kept.target.answers(200);
    let said = kept.run(&["dead", "retry", "--all"]);
    assert_eq!(said, "1 delivery: wait for delivery again (no server runs; one that starts goes on)\n");
    assert!(kept.target.is_silent());
    let _server = kept.place.serve();
    assert_eq!(kept.target.next().body, json!({ "login": "quinn" }));
}

#[test]
fn skipping_frees_a_persons_lane_at_once() {
    let kept = Kept::new(503, "");
    let server = kept.place.serve();
    kept.tell(&server, "postCreateUser", "quinn", "Pune");
    kept.target.next();
    kept.tell(&server, "postUpdateUser", "quinn", "Goa");
    kept.created(&server, "bob");
    kept.target.next();
    let waits = ["dead", "list", "--pending", "--personal"];
    let waiting = kept.until(&waits, |waiting| waiting.len() == 3 && waiting[0]["attempts"] == 1);
    assert_eq!((&waiting[0]["id"], &waiting[0]["waits"]), (&json!("1.0"), &json!(false)));
    assert_eq!((&waiting[1]["id"], &waiting[1]["waits"]), (&json!("2.0"), &json!(true)));
    kept.target.answers(200);
    kept.refused(
        &["dead", "skip", "--action", "crm", "--person", "eve", "--reason", "r"],
        2,
        "no such pending delivery",
    );
    kept.refused(&["dead", "skip", "--action", "crm", "--reason", "r"], 2, "--person");
    let skip = ["dead", "skip", "--action", "crm", "--login", "QUINN", "--reason", "the CRM has no such person"];
    assert_eq!(kept.json(&skip), [json!({ "skipped": "1.0" })]);
    // The second attempt of bob's is an hour away, quinn's next event is not.
    assert_eq!(kept.target.next().body, json!({ "login": "quinn" }));
    kept.until(&["events", "--person", "quinn"], |events| events[1]["deliveries"][0]["state"] == "done");
    let shown = kept.run(&["events", "show", "1"]);
    assert!(shown.contains("the CRM has no such person"), "{shown}");
    // What waits for an action that is gone is dropped, too.
    let said = kept.run(&["dead", "drop", "--all", "--pending", "--action", "crm", "--reason", "no CRM any more"]);
    assert_eq!(said, "1 delivery: dropped\n");
}

#[test]
fn a_replay_delivers_what_was_not_and_what_was_only_if_it_is_told_to() {
    let kept = Kept::new(410, "");
    let server = kept.place.serve();
    kept.created(&server, "quinn");
    let first = kept.target.next().key;
    kept.dead(1);
    kept.target.answers(200);
    kept.created(&server, "bob");
    let second = kept.target.next().key;
    kept.until(&["events", "list"], |events| events[0]["deliveries"][0]["state"] == "done");
    kept.refused(&["replay"], 2, "say which events");
    kept.refused(&["replay", "--since", "1h", "--until", "2h"], 2, "nothing can be between them");
    kept.refused(&["replay", "--action", "x", "--since", "1h"], 2, "no delivery ever went to `x`");
    kept.refused(&["replay", "99"], 2, "there is no entry 99");
    kept.refused(&["replay", "--event", "changePassword"], 1, "nothing matches");
    let plan = kept.json(&["replay", "--since", "1h", "--dry-run"]);
    let seen: Vec<_> = plan.iter().map(|row| (row["seq"].clone(), row["delivers"].clone())).collect();
    assert_eq!(seen, [(json!(1), json!(true)), (json!(2), json!(false))]);
    let text = kept.run(&["replay", "--since", "1h", "--dry-run"]);
    assert!(text.contains("left out: delivered") && text.ends_with("1 delivery would be made\n"), "{text}");
    assert!(kept.target.is_silent());
    let said = kept.run(&["replay", "--failed", "--action", "crm"]);
    assert!(said.ends_with("1 delivery: on the way again\n"), "{said}");
    assert_eq!(kept.target.next().key, first, "a dead letter keeps its key");
    kept.until(&["events", "list", "--failed"], <[_]>::is_empty);
    kept.refused(&["replay", "--person", "bob"], 1, "there is nothing to deliver again");
    kept.run(&["replay", "--person", "bob", "--again"]);
    let third = kept.target.next();
    assert_eq!(third.body, json!({ "login": "bob" }));
    assert_ne!(third.key, second, "what is delivered once more has a key of its own");
    let bob = kept.until(&["events", "list", "--person", "bob"], |bob| bob[0]["deliveries"][1]["state"] == "done");
    // Without a server it waits for one.
    assert_eq!(server.stop().code, Some(0));
    let id = bob[0]["id"].as_str().expect("an id");
    assert!(kept.run(&["replay", &id[..18], "--again"]).contains("no server runs"));
    let _server = kept.place.serve();
    assert_eq!(kept.target.next().body, json!({ "login": "bob" }));
}

#[test]
fn what_is_to_be_known_of_an_unverified_notice_is_looked_up_when_it_is_brought_in() {
    const KNOWN: &str = "when = 'lookup.known.found'\n\
        [[lookup]]\nid = \"known\"\ntype = \"csv\"\nfile = \"people.csv\"\nkey = \"login\"\n";
    let kept = Kept::new(200, KNOWN);
    kept.place.write("config/people.csv", "login\nquinn\nbob\n");
    let config = std::fs::read_to_string(kept.place.path("config/hookreeve.toml")).expect("a file");
    let observed = config.replace("[cymmetri.auth]", "[cymmetri.auth]\nunverified = \"observe\"");
    kept.place.write("config/hookreeve.toml", &observed);
    let stranger = |server: &crate::server::Server, login: &str| {
        let body = json!({ "request": { "user": { "login": login } } });
        server.ask("postCreateUser", "not a token", &body);
    };
    let server = kept.place.serve();
    for login in ["quinn", "eve"] {
        stranger(&server, login);
    }
    kept.until(&["journal", "stats"], |stats| stats[0]["unverified"] == 2);
    let told = kept.json(&["replay", "--unverified"]);
    assert_eq!(told, [json!({ "events": 2, "deliveries": 1, "repeats": 0, "unreadable": 0 })]);
    assert_eq!(kept.target.next().body, json!({ "login": "quinn" }));
    stranger(&server, "bob");
    kept.until(&["journal", "stats"], |stats| stats[0]["unverified"] == 1);
    assert_eq!(server.stop().code, Some(0));
    // Without a server, too.
    assert!(kept.run(&["replay", "--unverified"]).contains("1 event brought in, 1 delivery set off"));
    let events = kept.json(&["events", "list"]);
    let shown = kept.run(&["events", "show", events[0]["id"].as_str().expect("an id")]);
    assert!(shown.contains("known"), "{shown}");
}

const RULE: &str =
    "[[rule]]\nid = \"city\"\non = \"validateUser\"\nwhen = 'user.city == \"Goa\"'\ndeny = \"NotThere\"\n";

#[test]
fn verdicts_are_judged_again_by_todays_rules_and_nothing_is_sent() {
    let kept = Kept::new(200, RULE);
    let server = kept.place.serve();
    for (login, city) in [("quinn", "Goa"), ("bob", "Pune")] {
        let body = json!({ "request": { "user": { "login": login, "city": city } } });
        server.ask("validateUser", &kept.token, &body);
    }
    assert_eq!(server.stop().code, Some(0));
    let same = kept.run(&["replay", "--event", "validateuser"]);
    assert!(
        same.contains("refused NotThere") && same.ends_with("2 events judged again, 0 otherwise; nothing was sent\n"),
        "{same}"
    );
    let config = std::fs::read_to_string(kept.place.path("config/hookreeve.toml")).expect("a file");
    kept.place.write("config/hookreeve.toml", &config.replace("\"Goa\"'", "\"Pune\"'"));
    let rows = kept.json(&["replay", "--event", "validateUser", "--personal"]);
    let seen: Vec<_> =
        rows.iter().map(|row| (&row["person"], &row["was"]["outcome"], &row["now"]["outcome"])).collect();
    assert_eq!(
        seen,
        [
            (&json!("quinn"), &json!("refused"), &json!("accepted")),
            (&json!("bob"), &json!("accepted"), &json!("refused"))
        ]
    );
    assert_eq!((&rows[1]["same"], &rows[1]["now"]["rule"]), (&json!(false), &json!("city")));
    assert_eq!(kept.json(&["events", "list"]).len(), 2, "nothing was recorded");
}

#[test]
fn unverified_notices_are_brought_in_when_somebody_says_so() {
    let kept = Kept::new(200, "");
    let config = std::fs::read_to_string(kept.place.path("config/hookreeve.toml")).expect("a file");
    kept.place.write(
        "config/hookreeve.toml",
        &config.replace("[cymmetri.auth]", "[cymmetri.auth]\nunverified = \"observe\""),
    );
    kept.refused(&["replay", "--unverified"], 2, "there is no journal yet");
    let stranger = |server: &crate::server::Server, login: &str| {
        let body = json!({ "request": { "user": { "login": login } } });
        server.ask("postCreateUser", "not a token", &body);
    };
    let server = kept.place.serve();
    stranger(&server, "quinn");
    kept.until(&["journal", "stats"], |stats| stats[0]["unverified"] == 1);
    assert!(kept.json(&["events", "list"]).is_empty() && kept.target.is_silent());
    let rows = kept.json(&["replay", "--unverified", "--dry-run"]);
    assert_eq!((rows.len(), &rows[0]["event"]), (1, &json!("postCreateUser")));
    assert!(!rows[0].to_string().contains("quinn"), "{rows:?}");
    let told = kept.json(&["replay", "--unverified"]);
    assert_eq!(told, [json!({ "events": 1, "deliveries": 1, "repeats": 0, "unreadable": 0 })]);
    assert_eq!(kept.target.next().body, json!({ "login": "quinn" }));
    kept.refused(&["replay", "--unverified"], 1, "there are no unverified notices");
    let events = kept.json(&["events", "list", "--personal"]);
    assert_eq!((&events[0]["person"], &events[0]["cause"]), (&json!("quinn"), &json!("unverified")));
    stranger(&server, "bob");
    kept.until(&["journal", "stats"], |stats| stats[0]["unverified"] == 1);
    assert_eq!(server.stop().code, Some(0));
    assert!(kept.run(&["replay", "--unverified"]).contains("1 event brought in, 1 delivery set off"));
    let _server = kept.place.serve();
    assert_eq!(kept.target.next().body, json!({ "login": "bob" }));
}
