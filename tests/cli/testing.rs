//! `test` and `events to-test`: what is printed, what is ended with, and that what is shipped passes.

use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::program::{BASIC, Place, leave_out, read, sample};

const RULES: &str = r#"
[[rule]]
id = "corporate-email"
on = ["validateUser", "validateUpdateUser"]
when = 'text(user.?userType) == "Employee" && !lower(text(user.?email)).endsWith("@corp.example")'
deny = "CorporateEmailRequired"
"#;

const TESTS: &str = r#"
[[test]]
id = "contractors may use any address"
event = "validateUser"
user = { userType = "Contractor", email = "c1@else.example" }
expect = { accept = true }
[[test]]
id = "employees <may> not & \"cannot\""
event = "validateUser"
user = { userType = "Employee", email = "c1@else.example" }
expect = { deny = "EmailRequired" }
"#;

#[test]
fn a_test_that_fails_is_told_with_a_diff_and_what_each_rule_did() {
    let place = Place::new(&format!("{BASIC}{RULES}{TESTS}")).without_secret();
    let ended = place.run(&["test", "--coverage"]);
    assert_eq!((ended.code, ended.err.as_str()), (Some(1), ""), "{ended:?}");
    let expected = r#"FAIL employees <may> not & "cannot"
     config/hookreeve.toml:19, validateUser
     deny
       - refused: "EmailRequired"
       + refused: "CorporateEmailRequired" (rule `corporate-email`)
     came to: refused: "CorporateEmailRequired" (rule `corporate-email`)
       corporate-email  held
RULE             EVENT               REACHED  HELD  NOT HELD  ERRED
corporate-email  validateUser        2        1     1         0
corporate-email  validateUpdateUser  0        0     0         0

no test has seen:
  config/hookreeve.toml:10:47: `corporate-email` when: never false
      !lower(text(user.?email)).endsWith("@corp.example")

75 % covered (6 of 8): rules reached on each event, and both sides of each condition
2 tests: 1 passed, 1 failed
"#;
    assert_eq!(ended.out, expected);
}

#[test]
fn each_way_to_end_has_its_status() {
    let config = format!("{BASIC}{RULES}{TESTS}");
    let place = Place::new(&config).file("none.toml", BASIC).file("wrong.toml", &config.replace("accept =", "acept ="));
    for (arguments, code, said) in [
        (&["test", "--filter", "CONTRACTORS"][..], 0, "1 test: 1 passed, 0 failed"),
        (&["test", "--filter", "validateuser"], 1, "2 tests: 1 passed, 1 failed"),
        (&["test", "--filter", "contractors", "--min-coverage", "37"], 0, "37 % covered (3 of 8)"),
        (&["test", "--filter", "contractors", "--min-coverage", "38"], 1, "less is covered than the 38 %"),
        (&["test", "--filter", "nothing"], 2, "no test has this text"),
        (&["test", "--config", "none.toml"], 2, "there are no tests"),
        (&["test", "--config", "wrong.toml"], 2, "unknown key `acept`"),
        (&["test", "--config", "nowhere.toml"], 2, "nowhere.toml"),
        (&["check", "--config", "wrong.toml"], 1, "did you mean `accept`?"),
    ] {
        let ended = place.run(arguments);
        assert_eq!(ended.code, Some(code), "{arguments:?} {ended:?}");
        assert!(format!("{}{}", ended.out, ended.err).contains(said), "{arguments:?} {ended:?}");
    }
}

#[test]
fn programs_get_the_same_as_json_and_ci_systems_as_xml() {
    let place = Place::new(&format!("{BASIC}{RULES}{TESTS}"));
    let ended = place.run(&["test", "--format", "json", "--coverage"]);
    let said = ended.json();
    assert_eq!((ended.code, &said["passed"], &said["failed"]), (Some(1), &json!(1), &json!(1)));
    let test = &said["tests"][1];
    assert_eq!((&test["passed"], &test["line"], &test["event"]), (&json!(false), &json!(19), &json!("validateUser")));
    assert_eq!(test["faults"][0]["expected"], json!([r#"refused: "EmailRequired""#]));
    assert_eq!(test["rules"], json!([{ "rule": "corporate-email", "shadow": false, "did": "held" }]));
    assert_eq!((&said["coverage"]["covered"], &said["coverage"]["points"]), (&json!(6), &json!(8)));
    assert_eq!(said["coverage"]["gaps"][0]["unseen"], "never false");
    let ended = place.run(&["test", "--format", "junit", "--min-coverage", "90"]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    let cases = parsed(&place, &ended.out, "the report of tests");
    let Some(cases) = cases else { return };
    assert_eq!(
        cases,
        json!([
            ["contractors may use any address", "validateUser", null],
            ["employees <may> not & \"cannot\"", "validateUser", "not as expected: deny"],
            ["at least 90 % is covered", "coverage", "75 % covered (6 of 8) is less than 90 %"],
        ])
    );
}

/// The cases of a report as another's parser reads them: name, class, and the failure's message.
pub(crate) fn parsed(place: &Place, xml: &str, what: &str) -> Option<Value> {
    let script = "import json, sys, xml.etree.ElementTree as e\n\
                  cases = e.parse(sys.argv[1]).getroot().iter('testcase')\n\
                  say = lambda case: case.find('failure').get('message') if case.find('failure') is not None else None\n\
                  print(json.dumps([[case.get('name'), case.get('classname'), say(case)] for case in cases]))";
    place.write("report.xml", xml);
    let path = place.path("report.xml");
    let python = Command::new("python3").args(["-c", script]).arg(path).stdin(Stdio::null()).output();
    let Ok(output) = python else {
        leave_out(&format!("{what} before a parser of XML"), "there is no python3");
        return None;
    };
    assert!(output.status.success(), "{output:?}\n{xml}");
    Some(serde_json::from_slice(&output.stdout).expect("JSON"))
}

#[test]
fn a_file_of_a_test_is_read_by_test_and_check_and_not_by_a_server() {
    let test =
        "[[test]]\nid = \"a\"\nevent = \"validateUser\"\nfile = \"samples/a.json\"\nexpect = { accept = true }\n";
    let place = Place::new(&format!("{BASIC}{RULES}{test}"));
    let ended = place.run(&["check"]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.out.contains("error[test-file]") && ended.out.contains("config/samples/a.json"), "{ended:?}");
    assert_eq!(place.run(&["test"]).code, Some(1));
    assert_eq!(place.serve().stop().code, Some(0));
    place.write("config/samples/a.json", &sample("validateUser", "request").to_string().replace("Employee", "Guest"));
    assert_eq!(place.run(&["check"]).code, Some(0));
    assert_eq!(place.run(&["test"]).code, Some(0));
}

/// Every shipped configuration that has tests, with what it offers to switch on switched on.
fn shipped() -> Vec<(String, String)> {
    let examples = std::fs::read_dir(crate::program::repository("config/examples")).expect("a directory");
    let names = examples.map(|entry| entry.expect("an entry").file_name().into_string().expect("UTF-8"));
    let names = names.filter_map(|name| name.strip_suffix(".toml").map(str::to_owned));
    let mut paths: Vec<String> = names.map(|name| format!("config/examples/{name}.toml")).collect();
    paths.sort();
    paths.push("config/demo.toml".to_owned());
    let mut all: Vec<(String, String)> = paths.into_iter().map(|path| (path.clone(), read(&path))).collect();
    let usual = read("config/hookreeve.toml");
    let offered = ["# [[rule]]", "# [[test]]"].map(|header| {
        let blocks = usual.split("\n\n").filter_map(|block| block.split_once(header).map(|(_, rest)| rest));
        let lines =
            |block: &str| block.lines().map(|line| line.trim_start_matches("# ").to_owned() + "\n").collect::<String>();
        blocks.flat_map(|block| [header.trim_start_matches("# ").to_owned(), lines(block)]).collect::<String>()
    });
    all.push(("config/hookreeve.toml".to_owned(), format!("{usual}\n{}", offered.concat())));
    all
}

#[test]
fn what_is_shipped_passes_its_own_tests_and_they_reach_every_side() {
    for (path, text) in shipped() {
        let place =
            Place::new(&text).file("config/no-rehire.csv", &read("config/examples/no-rehire.csv")).without_secret();
        let least = if path == "config/hookreeve.toml" { "1" } else { "100" };
        let ended = place.run(&["test", "--coverage", "--min-coverage", least]);
        assert_eq!(ended.code, Some(0), "{path}: {ended:?}");
        assert!(ended.out.contains(" passed, 0 failed") && ended.out.contains(" covered ("), "{path}: {ended:?}");
    }
}

/// The documented sample of each event, and one with more of a person.
fn bodies(event: &str) -> [Value; 2] {
    let plain = sample(event, "request");
    let mut full = plain.clone();
    if full["request"]["user"].is_object() {
        let more = json!({
            "id": "6214db7bd661a57386a71f10", "email": "Asha.Rao@Elsewhere.co.in", "mobile": "+91 98765-43210",
            "firstName": "Asha", "lastName": "Rao", "middleName": null, "department": "Finance", "status": "INACTIVE",
            "endDate": "2026-01-31", "dateOfBirth": "1985-03-14", "badge": 4711, "rate": 0.10, "it's": "Asha's",
            "address": { "street": "Rao Road 5", "lines": ["a", 1] }, "assignedGroups": ["crm-sales", "staff"],
        });
        for (field, value) in more.as_object().expect("an object") {
            full["request"]["user"][field] = value.clone();
        }
    }
    [plain, full]
}

#[test]
fn every_event_that_came_in_becomes_a_test_that_passes_and_names_nobody() {
    for (path, text) in shipped().into_iter().filter(|(_, text)| text.contains("[cymmetri.auth]")) {
        let place = Place::new(&text).variable("HOOKREEVE__SERVER__LISTEN", "127.0.0.1:0");
        let place = place.with_secrets_of(&text);
        let place = place.file("config/no-rehire.csv", &read("config/examples/no-rehire.csv"));
        let (server, token) = (place.serve(), place.token());
        for event in hookreeve::event::catalog::names_of("cymmetri").filter(|event| *event != "test") {
            for body in bodies(event) {
                server.ask(event, &token, &body);
            }
        }
        assert_eq!(server.stop().code, Some(0));
        let mut tests = String::new();
        for number in 1..=22 {
            let ended = place.run(&["events", "to-test", &number.to_string()]);
            if ended.code == Some(1) {
                assert!(ended.err.contains("no rule and no action is on"), "{path} {number}: {ended:?}");
                continue;
            }
            assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""), "{path} {number}: {ended:?}");
            let lower = ended.out.to_lowercase();
            for name in ["asha", "rao", "elsewhere", "98765", "6214db", "1985-03-14", "4711"] {
                assert!(!lower.contains(name), "{path} {number} names {name}: {}", ended.out);
            }
            tests.push_str(&ended.out);
        }
        assert!(tests.contains("[[test]]"), "{path}");
        place.write("config/hookreeve.toml", &format!("{text}\n{tests}"));
        let ended = place.run(&["test", "--filter", ", entry "]);
        assert_eq!(ended.code, Some(0), "{path}: {ended:?}\n{tests}");
    }
}

#[test]
fn an_event_of_which_no_test_can_be_made_says_why() {
    let place = Place::new(&format!("{BASIC}[journal]\npayload = \"masked\"\n{RULES}"));
    let (server, token) = (place.serve(), place.token());
    server.ask("validateUser", &token, &sample("validateUser", "request"));
    server.ask("postCreateUser", &token, &sample("postCreateUser", "request"));
    assert_eq!(server.stop().code, Some(0));
    for (id, said) in [("1", "its body was kept masked"), ("2", "kept masked"), ("3", "there is no entry 3")] {
        let ended = place.run(&["events", "to-test", id]);
        assert_eq!((ended.code, ended.out.as_str()), (Some(1), ""), "{ended:?}");
        assert!(ended.err.contains(said), "{ended:?}");
    }
}
