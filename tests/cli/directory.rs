//! `directory`: people brought in, shown, exported, taken out and forgotten, with a server and without one.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::program::{BASIC, Ended, Place};
use crate::server::Server;

const DIRECTORY: &str = r#"
[journal]
encryption_key = { file = "journal.key" }
[directory]
country = "91"
[[lookup]]
id = "same_mobile"
type = "directory"
match = { mobile = 'text(user.?mobile)' }
[[rule]]
id = "mobile-unique"
on = ["validateUser", "validateUpdateUser"]
when = 'lookup.same_mobile.found'
deny = "MobileAlreadyExist"
"#;

struct Kept {
    place: Place,
    token: String,
}

impl Kept {
    fn new() -> Self {
        let place = Place::new(&format!("{BASIC}{DIRECTORY}"));
        let place = place.file("config/journal.key", "the-first-key-of-the-journal-0001\n");
        let token = place.token();
        Self { place, token }
    }

    #[track_caller]
    fn created(&self, server: &Server, login: &str, mobile: &str) {
        let body = json!({ "request": { "user": { "login": login, "mobile": mobile } } });
        assert_eq!(server.ask("postCreateUser", &self.token, &body), json!({ "response": {} }));
    }

    fn refused(&self, server: &Server, login: &str, mobile: &str) -> bool {
        let body = json!({ "request": { "user": { "login": login, "mobile": mobile } } });
        let reply = server.ask("validateUser", &self.token, &body);
        assert!(reply["response"]["message"].is_null() || reply["response"]["message"] == "MobileAlreadyExist");
        reply["response"]["error"] == true
    }

    #[track_caller]
    fn run(&self, arguments: &[&str], code: i32) -> Ended {
        let ended = self.place.run(&[&["directory"], arguments].concat());
        assert_eq!(ended.code, Some(code), "{arguments:?}: {ended:?}");
        ended
    }

    #[track_caller]
    fn listed(&self, more: &[&str]) -> Vec<Value> {
        let ended = self.run(&[&["list", "--format", "json"], more].concat(), 0);
        ended.out.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
    }
}

#[test]
fn people_are_brought_in_beside_a_server_and_without_one() {
    let kept = Kept::new();
    let server = kept.place.serve();
    kept.created(&server, "ada", "1");
    let table =
        "\u{feff}User Name, Mobile No ,City,id\nbob,+91 98200 12345,Pune,7\n,5,Goa,\neve,\"98200,12346\"\nkim,,Goa,8\n";
    kept.place.write("people.csv", table);
    let map = ["--map", "User Name=login", "--map", "Mobile No=mobile"];
    let ended = kept.run(&[&["import", "people.csv"], &map[..]].concat(), 1);
    assert_eq!(ended.out, "2 persons read, 2 of them new or changed\n");
    for said in ["1 column left out", "line 3: neither login nor id is there", "line 4: 2 cells, and the header has 4"]
    {
        assert!(ended.err.contains(said), "{said}: {}", ended.err);
    }
    let strict = kept.run(&[&["import", "--strict", "people.csv"], &map[..]].concat(), 1);
    assert!(strict.err.contains("nobody was brought in"), "{strict:?}");
    assert!(kept.refused(&server, "carl", "9820012345") && !kept.refused(&server, "bob", "9820012345"));
    server.stop();
    kept.place.write(
        "more.jsonl",
        "{\"login\":\"carl\",\"mobile\":99}\n\n[]\n{\"user\":{\"login\":\"dora\",\"mobile\":null}}\n",
    );
    let ended = kept.run(&["import", "more.jsonl"], 1);
    assert_eq!(ended.out, "2 persons read, 2 of them new or changed\n");
    assert!(ended.err.contains("line 3: it is no object"), "{ended:?}");
    let again = kept.run(&["import", "more.jsonl"], 1);
    assert_eq!(again.out, "2 persons read, 0 of them new or changed\n");
    assert_eq!(kept.listed(&[]).len(), 5);
    let server = kept.place.serve();
    assert!(
        kept.refused(&server, "x", "99")
            && kept.refused(&server, "x", "98200 12345")
            && !kept.refused(&server, "x", "98")
    );
}

#[test]
fn what_cannot_be_imported_is_said() {
    let kept = Kept::new();
    let server = kept.place.serve();
    kept.place.write("people.csv", "login,mobile\nx,1\n");
    let ended = kept.run(&["import", "people.csv"], 2);
    assert!(ended.err.contains("say it with --tenant"), "{ended:?}");
    kept.created(&server, "ada", "1");
    server.stop();
    kept.place.write("people.csv", "name,mobile\nx,1\n");
    for (arguments, said) in [
        (&["import", "none.csv"][..], "none.csv cannot be read"),
        (&["import", "people.csv"], "neither a column `login` nor `id`"),
        (&["import", "people.csv", "--map", "nme=login"], "has no column `nme`; it has name, mobile"),
        (&["import", "people.csv", "--map", "name=logn"], "does not keep `logn`; did you mean `login`?"),
        (&["export"], "say with --personal"),
    ] {
        let ended = kept.run(arguments, 2);
        assert!(ended.err.contains(said), "{arguments:?}: {ended:?}");
    }
    kept.place.write("config/hookreeve.toml", BASIC);
    let ended = kept.run(&["import", "people.csv"], 2);
    assert!(ended.err.contains("no directory is kept"), "{ended:?}");
}

#[test]
fn people_are_shown_masked_and_in_clear_only_where_that_is_meant() {
    let kept = Kept::new();
    let server = kept.place.serve();
    kept.created(&server, "ada", "98200 12345");
    kept.created(&server, "bob", "98200 12346");
    let listed = kept.listed(&[]);
    assert_eq!(listed.len(), 2);
    assert_eq!(listed[0]["fields"], json!({ "login": "***", "mobile": "***" }));
    assert_ne!(listed[0]["person"], "ada");
    let clear = kept.listed(&["--person", "ADA", "--personal"]);
    assert_eq!((&clear[0]["person"], &clear[0]["fields"]["mobile"]), (&json!("ada"), &json!("98200 12345")));
    let table = kept.run(&["list", "--limit", "1"], 0).out;
    assert!(table.contains("login=*** mobile=***") && table.lines().count() == 2, "{table}");
    kept.run(&["list", "--person", "nobody"], 1);
    let lines = kept.run(&["export", "--personal"], 0).out;
    kept.place.write("all.jsonl", &lines);
    let table = kept.run(&["export", "--personal", "--format", "csv"], 0).out;
    assert_eq!(table, "login,mobile\nada,98200 12345\nbob,98200 12346\n");
    // Elsewhere it is the same.
    let other = Kept::new();
    drop(other.place.serve());
    other.place.write("all.jsonl", &lines);
    other.place.write("all.csv", &table);
    let tenant = listed[0]["tenant"].as_str().expect("a tenant");
    assert_eq!(
        other.run(&["import", "all.jsonl", "--tenant", tenant], 0).out,
        "2 persons read, 2 of them new or changed\n"
    );
    assert_eq!(
        other.run(&["import", "all.csv", "--tenant", tenant], 0).out,
        "2 persons read, 0 of them new or changed\n"
    );
    assert!(other.refused(&other.place.serve(), "x", "9820012346"));
}

#[test]
fn whoever_is_taken_out_or_forgotten_is_found_no_more() {
    let kept = Kept::new();
    let server = kept.place.serve();
    for (login, mobile) in [("ada", "1"), ("bob", "2"), ("eve", "3"), ("kim", "4")] {
        kept.created(&server, login, mobile);
    }
    assert_eq!(kept.run(&["remove", "--person", "Ada"], 0).out, "1 person taken out\n");
    kept.place.write("leavers.txt", "bob\n\nnobody\n");
    let ended = kept.run(&["remove", "--file", "leavers.txt"], 0);
    assert_eq!(ended.out, "1 person taken out; 1 of 2 were not listed\n");
    kept.run(&["remove", "--person", "ada"], 1);
    let forgotten = kept.place.run(&["forget", "--person", "eve", "--yes"]);
    assert_eq!(forgotten.code, Some(0), "{forgotten:?}");
    for mobile in ["1", "2", "3"] {
        assert!(!kept.refused(&server, "x", mobile), "{mobile}");
    }
    assert!(kept.refused(&server, "x", "4"));
    // What the journal still has of them brings nobody back; what is told from now on does.
    let ended = kept.run(&["rebuild"], 0);
    assert_eq!(ended.out, "3 notices read, 0 of them told something new\n");
    assert!(!kept.refused(&server, "x", "1") && !kept.refused(&server, "x", "3"));
    kept.created(&server, "ada", "11");
    kept.place.write("back.csv", "login,mobile\nbob,2\n");
    kept.run(&["import", "back.csv"], 0);
    assert!(kept.refused(&server, "x", "11") && kept.refused(&server, "x", "2"));
    // Whoever was only ever imported can be forgotten, too.
    kept.place.write("one.csv", "login,mobile\nzoe,77\n");
    kept.run(&["import", "one.csv"], 0);
    let forgotten = kept.place.run(&["forget", "--person", "zoe", "--yes"]);
    assert_eq!(forgotten.code, Some(0), "{forgotten:?}");
    assert!(!kept.refused(&server, "x", "77"));
}

#[test]
fn a_large_file_is_brought_in() {
    const PEOPLE: usize = 20_000;
    let kept = Kept::new();
    let server = kept.place.serve();
    kept.created(&server, "ada", "1");
    let mut table = "login,mobile\n".to_owned();
    (0..PEOPLE).for_each(|number| _ = writeln!(table, "p{number},+91 {}", 9_000_000_000_u64 + number as u64));
    kept.place.write("people.csv", &table);
    let ended = kept.run(&["import", "people.csv"], 0);
    assert_eq!(ended.out, format!("{PEOPLE} persons read, {PEOPLE} of them new or changed\n"));
    assert!(kept.refused(&server, "x", "9000019999") && !kept.refused(&server, "x", "9000020000"));
    assert_eq!(kept.listed(&["--limit", "100000"]).len(), PEOPLE + 1);
}

#[test]
fn a_lookup_that_was_away_does_not_answer_nobody() {
    let kept = Kept::new();
    let with = std::fs::read_to_string(kept.place.path("config/hookreeve.toml")).expect("a file");
    let server = kept.place.serve();
    kept.created(&server, "ada", "98200 12345");
    server.stop();
    let without = with.split("[[lookup]]").next().expect("what stands before it").to_owned();
    kept.place.write("config/hookreeve.toml", &without);
    kept.place.serve().stop();
    kept.place.write("config/hookreeve.toml", &format!("{with}on_error = \"deny\"\n"));
    let server = kept.place.serve();
    assert!(kept.refused(&server, "eve", "5550100"), "that nobody has it cannot be told");
    assert_eq!(kept.listed(&["--personal"])[0]["fields"]["mobile"], "98200 12345", "what was kept is kept");
    kept.run(&["rebuild"], 0);
    assert!(kept.refused(&server, "eve", "9820012345") && !kept.refused(&server, "eve", "5550100"));
    server.stop();
}

#[test]
fn a_backtest_asks_the_directory_of_today() {
    let kept = Kept::new();
    let server = kept.place.serve();
    kept.created(&server, "ada", "98200 12345");
    assert!(kept.refused(&server, "bob", "9820012345") && !kept.refused(&server, "bob", "9820012346"));
    let backtest = |code: i32| {
        let ended = kept.place.run(&["backtest", "--live-lookups", "--event", "validateUser", "--format", "json"]);
        assert_eq!(ended.code, Some(code), "{ended:?}");
        serde_json::from_str::<Value>(&ended.out).expect("JSON")
    };
    let report = backtest(0);
    assert_eq!((&report["changed"], &report["unknown"]), (&json!(0), &json!(0)), "{report}");
    kept.run(&["remove", "--person", "ada"], 0);
    assert_eq!(backtest(1)["changed"], 1);
    kept.created(&server, "kim", "7");
    server.stop();
    // What the journal's index does not have cannot be told.
    let text = std::fs::read_to_string(kept.place.path("config/hookreeve.toml")).expect("a file");
    kept.place.write("config/hookreeve.toml", &text.replace("country = \"91\"\n", ""));
    let report = backtest(2);
    assert_eq!((&report["changed"], &report["unknown"]), (&json!(0), &json!(2)), "{report}");
}
