//! Events from the command line: lists, one entry, what comes, which fields there are.

use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

use serde_json::json;

use crate::kept::{Kept, lines};

const RULES: &str = r#"
[[rule]]
id = "no goa"
on = "validateUser"
when = 'user.city == "Goa"'
deny = "NotThere"
[[rule]]
id = "upper"
on = "preCreateUser"
set.lastName = 'upper(user.login)'
"#;

#[test]
fn events_are_listed_by_filter_and_a_person_has_a_timeline() {
    let kept = Kept::new(200, RULES);
    let server = kept.place.serve();
    for (login, city) in [("Quinn", "Goa"), ("bob", "Pune")] {
        let body = json!({ "request": { "user": { "login": login, "city": city } } });
        server.ask("validateUser", &kept.token, &body);
        kept.created(&server, login);
        kept.target.next();
    }
    kept.until(&["events", "list"], |events| {
        events.len() == 4 && events.iter().filter(|event| event["deliveries"][0]["state"] == "done").count() == 2
    });
    let pseudonym = kept.run(&["pseudonym", "quinn"]);
    for server in [Some(server), None] {
        let table = kept.run(&["events", "list"]);
        let rows: Vec<&str> = table.lines().collect();
        assert!(rows[0].starts_with("TIME ") && rows[0].ends_with(" DELIVERIES"), "{table}");
        assert!(rows[1].contains("  4       ") && rows[1].ends_with("1 done"), "{table}");
        assert!(rows[4].contains("refused  ") && rows[4].contains("no goa"), "{table}");
        assert!(table.contains(pseudonym.trim()) && !table.contains("quinn"), "{table}");
        let numbers = |arguments: &[&str]| -> Vec<u64> {
            let found = kept.json(&[&["events"], arguments].concat());
            found.iter().map(|event| event["seq"].as_u64().expect("a number")).collect()
        };
        assert_eq!(numbers(&["list"]), [4, 3, 2, 1]);
        assert_eq!(numbers(&[]), [4, 3, 2, 1]);
        assert_eq!(numbers(&["--person", " QUINN "]), [1, 2], "a timeline begins with the oldest");
        assert_eq!(numbers(&["list", "--login", "quinn"]), [2, 1]);
        assert_eq!(numbers(&["list", "--person", "nobody"]), [0; 0]);
        assert_eq!(numbers(&["list", "--event", "postcreateuser"]), [4, 2]);
        assert_eq!(
            numbers(&["list", "--event", "postCreateUser", "--event", "validateUser", "--limit", "3"]),
            [4, 3, 2]
        );
        assert_eq!(numbers(&["list", "--outcome", "refused"]), [1]);
        assert_eq!(numbers(&["list", "--action", "crm"]), [4, 2]);
        assert_eq!(numbers(&["list", "--failed"]), [0; 0]);
        assert_eq!(numbers(&["list", "--since", "1h"]), [4, 3, 2, 1]);
        assert_eq!(numbers(&["list", "--since", "2020-01-01", "--until", "2020-01-02T00:00:00Z"]), [0; 0]);
        assert_eq!(numbers(&["list", "--tenant", ""]), [4, 3, 2, 1]);
        assert_eq!(numbers(&["list", "--tenant", "another"]), [0; 0]);
        for (arguments, said) in [
            (&["list", "--event", "validatUser"][..], "validateUser"),
            (&["list", "--outcome", "no"], "possible values"),
            (&["list", "--since", "yesterday"], "expected how long ago"),
            (&["list", "--person", " "], "the person's key is empty"),
            (&["list", "--action", "crx"], "did you mean `crm`?"),
            (&["list", "--format", "xml"], "possible values"),
        ] {
            kept.refused(&[&["events"], arguments].concat(), 2, said);
        }
        if let Some(server) = server {
            assert_eq!(server.stop().code, Some(0));
        }
    }
    kept.place.write("config/journal.key", "quite-another-key-of-the-journal-1\n");
    let events = kept.json(&["events", "list", "--personal"]);
    assert!(events[0]["person"].as_str().is_some_and(|person| person.starts_with("ref-")), "{events:?}");
    assert!(kept.run(&["events", "show", "1"]).contains("sealed under a key that is not set"));
}

#[test]
fn an_entry_is_shown_by_number_id_or_the_beginning_of_its_id_and_masked() {
    let kept = Kept::new(200, RULES);
    let server = kept.place.serve();
    let user =
        json!({ "login": "quinn", "city": "Goa", "userType": "Employee", "costCentre": "K-77", "password": "hunter2" });
    server.ask("validateUser", &kept.token, &json!({ "request": { "user": user } }));
    server.ask("preCreateUser", &kept.token, &json!({ "request": { "user": user } }));
    kept.created(&server, "quinn");
    kept.target.next();
    let done = kept.until(&["events", "list"], |events| events[0]["deliveries"][0]["state"] == "done");
    let text = kept.run(&["events", "show", "1"]);
    for line in [
        "event      validateUser\n",
        "outcome    refused (decided) in ",
        "rule       no goa\n",
        "message    NotThere\n",
    ] {
        assert!(text.contains(line), "{line} in\n{text}");
    }
    assert!(text.contains("1 of 1 rules were reached\n  no goa: held\n"), "{text}");
    assert!(text.contains("\"userType\": \"Employee\"") && text.contains("\"city\": \"***\""), "{text}");
    assert!(!text.contains("Goa") && !text.contains("K-77") && !text.contains("quinn"), "{text}");
    let open = kept.run(&["events", "show", "1", "--personal"]);
    assert!(
        open.contains("\"city\": \"Goa\"") && open.contains("person     quinn\n") && !open.contains("hunter2"),
        "{open}"
    );
    let id = done[2]["id"].as_str().expect("an id");
    let by_id = kept.json(&["events", "show", id]);
    assert_eq!(by_id, kept.json(&["events", "show", &id[..30]]));
    assert_eq!(by_id, kept.json(&["events", "show", "1"]));
    assert_eq!(by_id[0]["request"]["user"]["userType"], "Employee");
    assert_eq!(by_id[0]["decision"]["message"], "NotThere");
    let changed = &kept.json(&["events", "show", "2"])[0]["decision"];
    assert_eq!(changed["changes"], json!([{ "set": "lastName", "to": "***" }]));
    assert!(kept.run(&["events", "show", "2", "--personal"]).contains("change     lastName = \"QUINN\"\n"));
    let delivered = kept.run(&["events", "show", "3"]);
    assert!(delivered.contains("delivery 3.0 to crm: done ") && delivered.contains(" ms  HTTP 200"), "{delivered}");
    kept.refused(&["events", "show", "99"], 1, "there is no entry 99");
    kept.refused(&["events", "show", "0123456789"], 1, "there is no entry");
    kept.refused(&["events", "show", "login"], 2, "names no entry");
    kept.refused(&["events", "show", &id[..4]], 2, "several entries have an id that begins with");
    kept.refused(&["events", "show"], 2, "<ID>");
}

#[test]
fn the_tail_shows_what_comes() {
    let kept = Kept::new(200, "");
    let server = kept.place.serve();
    for login in ["quinn", "bob"] {
        kept.created(&server, login);
    }
    let last = kept.json(&["events", "tail", "-n", "1", "--personal"]);
    assert_eq!((last.len(), &last[0]["person"]), (1, &json!("bob")));
    assert_eq!(kept.run(&["events", "tail"]).lines().count(), 3);
    let mut command = kept.place.command(&["events", "tail", "-f", "--personal", "--format", "json"]);
    let mut tail = command.stdout(Stdio::piped()).spawn().expect("it runs");
    let mut out = BufReader::new(tail.stdout.take().expect("a pipe"));
    let mut next = || {
        let mut line = String::new();
        out.read_line(&mut line).expect("a line");
        lines(&line)[0]["person"].as_str().expect("a person").to_owned()
    };
    assert_eq!((next(), next()), ("quinn".to_owned(), "bob".to_owned()));
    for login in ["eve", "zoe"] {
        kept.created(&server, login);
        assert_eq!(next(), login);
    }
    let interrupt = format!("kill -INT {}", tail.id());
    assert!(std::process::Command::new("sh").args(["-c", &interrupt]).status().expect("a shell").success());
    assert_eq!(tail.wait().expect("it ends").code(), Some(0));
}

#[test]
fn fields_are_told_with_types_and_never_with_values() {
    let kept = Kept::new(200, "[attributes]\n\"user.costCentre\" = \"string\"\n");
    let server = kept.place.serve();
    for user in [
        json!({ "login": "quinn", "costCentre": "K-42", "level": 3, "tags": ["x"], "a.b": { "deep": 1.5 } }),
        json!({ "login": "bob", "level": null }),
    ] {
        server.ask("validateUser", &kept.token, &json!({ "request": { "user": user } }));
    }
    kept.created(&server, "quinn");
    kept.until(&["events", "list"], |events| events.len() == 3);
    let table = kept.run(&["events", "fields", "validateUser"]);
    let rows: Vec<Vec<&str>> = table.lines().skip(1).map(|row| row.split_whitespace().collect()).collect();
    for row in [
        &["validateUser", "user", "object", "100%", "yes"][..],
        &["validateUser", "user.a\\.b.deep", "double", "50%", "no"],
        &["validateUser", "user.costCentre", "string", "50%", "yes"],
        &["validateUser", "user.level", "int", "null", "100%", "no"],
        &["validateUser", "user.tags[]", "string", "50%", "yes"],
    ] {
        assert!(rows.iter().any(|written| written == row), "{row:?} in\n{table}");
    }
    assert!(!table.contains("K-42") && !table.contains("quinn"), "{table}");
    let all = kept.json(&["events", "fields"]);
    assert!(all.iter().any(|field| field["event"] == "postCreateUser" && field["field"] == "user.city"), "{all:?}");
    assert!(kept.run(&["events", "fields", "--since", "1h", "--limit", "1"]).contains("postCreateUser"));
}

#[test]
fn an_entry_shows_what_lookups_found_and_it_is_judged_again_with_that() {
    let lookups = r#"
[[rule]]
id = "blocked"
on = "validateUser"
when = 'lookup.blocked.found && lookup.blocked.value.city == "Goa"'
deny = "Blocked"
[[rule]]
id = "away"
on = "validateUser"
when = 'lookup.away.found'
deny = "Away"
[[lookup]]
id = "blocked"
type = "csv"
file = "blocked.csv"
key = "login"
[[lookup]]
id = "away"
type = "sql"
url = "sqlite:away.db"
query = "select 1 as one"
"#;
    let kept = Kept::new(200, lookups);
    kept.place.write("config/blocked.csv", "login,city\nquinn,Goa\n");
    let server = kept.place.serve();
    server.ask("validateUser", &kept.token, &json!({ "request": { "user": { "login": "quinn" } } }));
    kept.until(&["events", "list"], |events| events.len() == 1);
    let shown = kept.run(&["events", "show", "1"]);
    assert!(
        shown.contains("  blocked: found \"***\", ") && shown.contains("  away: failed: the file cannot be opened, "),
        "{shown}"
    );
    let shown = kept.run(&["events", "show", "1", "--personal"]);
    assert!(shown.contains(r#"  blocked: found {"login":"quinn","city":"Goa"}, "#), "{shown}");
    let shown = &kept.json(&["events", "show", "1"])[0]["facts"];
    assert_eq!(
        (&shown[0]["found"], &shown[0]["value"], &shown[0]["source"]),
        (&json!(true), &json!("***"), &json!("fetched"))
    );
    assert_eq!(shown[1]["error"], "the file cannot be opened");
    // What stands in the file today is no difference between rules.
    kept.place.write("config/blocked.csv", "login,city\nnobody,Goa\n");
    let judged = kept.json(&["replay", "--event", "validateUser"]);
    assert_eq!((&judged[0]["was"]["outcome"], &judged[0]["same"]), (&json!("refused"), &json!(true)), "{judged:?}");
}
