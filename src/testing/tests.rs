//! Tests of tests: what is read, what is found, what is reached, what is made of an event.

use std::fmt::Write as _;
use std::sync::Arc;

use expect_test::{Expect as Text, expect};

use super::*;
use crate::action::{self, ActionSet};
use crate::base::diagnostic::{Diagnostics, Place, Source};
use crate::base::ids::RequestId;
use crate::base::json::Json;
use crate::base::tree::{self, Node};
use crate::dialect::cymmetri;
use crate::event::{Arrival, Decision, Event, SecretFields, Token, catalog};
use crate::facts::{Answer, Fact, FactSource, Facts};
use crate::rules::{self, OnError, RuleSet, Stopwatch};

/// A configuration's lists.
struct Lists {
    tree: Node,
    rules: RuleSet,
    actions: ActionSet,
    tests: TestSet,
    findings: Diagnostics,
}

impl Lists {
    fn read(toml: &str) -> Self {
        let mut findings = Diagnostics::default();
        let source = Arc::new(Source { name: "t.toml".into(), text: toml.into() });
        let tree = tree::parse(&source, &mut findings);
        let list = |name: &str| tree.get(name).and_then(Node::as_array).unwrap_or_default();
        let lookups: Vec<Arc<str>> =
            list("lookup").iter().filter_map(|lookup| lookup.get("id")?.as_str()).map(Into::into).collect();
        let secrets = SecretFields::parse(&["user.pin"]).expect("a path");
        let context = rules::Context {
            on_error: OnError::Allow,
            error_message: "ValidationUnavailable".into(),
            secrets: secrets.clone(),
            attributes: indexmap::IndexMap::new(),
            lookups: lookups.clone(),
        };
        let rules = rules::compile(list("rule"), &context, &mut findings);
        let context = action::Context { secrets, lookups, ..action::Context::default() };
        let actions = ActionSet::compile(list("action"), &context, &mut findings);
        let known = Known { rules: list("rule"), actions: list("action"), lookups: list("lookup") };
        let tests = TestSet::compile(list("test"), &known, &mut findings);
        Self { rules, actions, tests, findings, tree: tree.clone() }
    }

    fn subject(&self) -> Subject<'_> {
        Subject { rules: &self.rules, actions: &self.actions }
    }

    fn known(&self) -> Known<'_> {
        let list = |name: &str| self.tree.get(name).and_then(Node::as_array).unwrap_or_default();
        Known { rules: list("rule"), actions: list("action"), lookups: list("lookup") }
    }
}

const RULES: &str = r#"
[[lookup]]
id = "same_mobile"
[[lookup]]
id = "hr"
[[rule]]
id = "email"
on = ["validateUser", "validateUpdateUser"]
when = 'text(user.?userType) == "Employee" && !text(user.?email).endsWith("@corp.example")'
deny = "EmailRequired"
[[rule]]
id = "mobile"
on = "validateUser"
when = 'lookup.same_mobile.found'
deny = "MobileAlreadyExist"
[[rule]]
id = "trial"
on = "validateUser"
when = 'token.?sub.orValue("") == "admin"'
deny = "NotByAdmins"
shadow = true
[[rule]]
id = "name"
on = "preCreateUser"
unset = ["nickName"]
set.displayName = 'user.firstName + " " + user.lastName'
set.address.city = 'user.country == "India" ? "Pune" : "Berlin"'
[[rule]]
id = "mail"
on = "policyMap"
when = 'request.targetAttribute == "email"'
map = 'lower(user.login) + "@corp.example"'
[[rule]]
id = "leavers"
on = "runDeprovision"
when = 'date(user.endDate) < now'
deprovision = true
[[action]]
id = "tell"
on = ["postCreateUser", "runDeprovision"]
when = 'text(user.?userType) == "Employee"'
type = "log"
"#;

/// What is said of these tests, each in a line; those that pass are not named.
#[track_caller]
fn check(tests: &str, expected: &Text) {
    let lists = Lists::read(&format!("{RULES}{tests}"));
    let said: Vec<String> = lists.findings.iter().map(|finding| finding.one_line() + "\n").collect();
    assert!(lists.findings.is_empty(), "{}", said.concat());
    let mut coverage = Coverage::default();
    let mut lines = String::new();
    for test in &lists.tests {
        for fault in test.run(&lists.subject(), &mut coverage).faults {
            let (wanted, found) = (fault.expected.join("; "), fault.found.join("; "));
            let both = if wanted.is_empty() { found } else { format!("{wanted} | {found}") };
            let _ = writeln!(lines, "{}: {}: {both}", test.id, fault.about);
        }
    }
    expected.assert_eq(&lines);
}

/// What is wrong with these tests.
#[track_caller]
fn check_findings(tests: &str, expected: &Text) {
    let lines = RULES.lines().count();
    let lists = Lists::read(&format!("{RULES}{tests}"));
    let said = lists.findings.iter().map(|finding| {
        let (line, column) = finding.place.as_ref().map_or((0, 0), Place::line_and_column);
        let hint = finding.hint.as_ref().map(|hint| format!(" ({hint})")).unwrap_or_default();
        format!("{}:{column}: {}{hint}\n", line.saturating_sub(lines), finding.message)
    });
    expected.assert_eq(&said.collect::<String>());
}

#[test]
fn what_is_as_it_was_to_be_passes() {
    check(
        r#"
[[test]]
id = "deny"
event = "VALIDATEUSER"
user = { userType = "Employee", email = "a@else.example", pin = 5 }
expect = { deny = "EmailRequired", rule = "email", shadow = [], erred = [], accept = false, actions = [] }
[[test]]
id = "accept"
event = "validateUser"
user.userType = "Employee"
user.email = "a@corp.example"
token = { sub = "admin" }
lookup.same_mobile = { found = false }
expect = { accept = true, shadow = ["trial"], set = {} }
[[test]]
id = "found"
event = "validateUser"
user = { userType = "Contractor" }
lookup.same_mobile = { value = { login = "b" } }
expect.deny = "MobileAlreadyExist"
[[test]]
id = "failed"
event = "validateUser"
user = { userType = "Contractor" }
lookup.same_mobile = { error = "the source is away" }
expect = { accept = true, erred = ["mobile"] }
[[test]]
id = "set"
event = "preCreateUser"
user = { firstName = "A", lastName = "B", country = "India", nickName = "x" }
expect = { set = { displayName = "A B", address = { city = "Pune" } }, unset = ["nickName"] }
[[test]]
id = "map"
event = "policyMap"
request = { targetAttribute = "email" }
user.login = "Anna"
expect.map = "anna@corp.example"
[[test]]
id = "the neutral map, numbers by what they are"
event = "policyMap"
request = '{"targetAttribute": "x", "cymmetrifield": "n", "user": {"n": 5.0, "login": null}}'
expect.map = 5
[[test]]
id = "null"
event = "policyMap"
request = { targetAttribute = "x" }
expect = '{"map": null}'
[[test]]
id = "now"
event = "runDeprovision"
now = "2026-02-01T00:00:01+05:30"
user = { endDate = "2026-01-31", userType = "Employee" }
expect = { deprovision = true, actions = ["tell"] }
[[test]]
id = "the time of a test that names none"
event = "runDeprovision"
user.endDate = "2026-01-01"
expect.deprovision = false
[[test]]
id = "an action alone"
event = "postCreateUser"
user.userType = "Guest"
expect.actions = []
"#,
        &expect![""],
    );
}

#[test]
fn what_is_otherwise_is_told_beside_what_was_to_be() {
    check(
        r#"
[[test]]
id = "verdict"
event = "validateUpdateUser"
user = { userType = "Employee" }
expect = { accept = true, deny = "Other", rule = "email" }
[[test]]
id = "rule"
event = "validateUpdateUser"
user = { userType = "Contractor" }
expect = { deny = "EmailRequired", rule = "email", erred = ["email"] }
[[test]]
id = "fields"
event = "preCreateUser"
user = { firstName = "A", lastName = "B", country = "X", address = "a text" }
expect = { set = { displayName = "A C", address.city = "Berlin" }, unset = ["nickName", "country"] }
[[test]]
id = "more than was to be"
event = "preCreateUser"
user = { firstName = "A", lastName = "B", country = "X" }
expect = { set = { displayName = "A B" } }
[[test]]
id = "map"
event = "policyMap"
request = { targetAttribute = "email" }
expect.map = { a = [1] }
[[test]]
id = "deprovision"
event = "runDeprovision"
user = { endDate = "soon", userType = "Employee" }
expect = { deprovision = true, erred = [], actions = [] }
"#
        .replace("accept = true, deny", "deny")
        .as_str(),
        &expect![[r#"
            verdict: deny: refused: "Other" | refused: "EmailRequired" (rule `email`)
            rule: deny: refused: "EmailRequired" | accepted
            rule: rule: email | no rule settles it
            rule: erred: email | none
            fields: set: address = {"city":"Berlin"}; displayName = "A C"; country is not there | address = "a text"; displayName is not there; country = "X"
            more than was to be: set: address is not there | address = {"city":"Berlin"}
            map: map: {"a":[1]} | null
            deprovision: deprovision: access is removed | access is kept
            deprovision: erred: none | leavers
            deprovision: actions: none | tell
        "#]],
    );
}

#[test]
fn a_test_that_exercises_nothing_fails() {
    check(
        r#"
[[test]]
id = "no rule"
event = "postUpdateUser"
user.login = "a"
expect.actions = []
[[test]]
id = "no field that a rule names"
event = "validateUpdateUser"
user.usertype = "Employee"
expect.accept = true
[[test]]
id = "that a field is missing"
event = "validateUpdateUser"
user.login = "a"
expect.accept = true
[[test]]
id = "nothing is given"
event = "validateUpdateUser"
user = {}
expect.accept = true
[[test]]
id = "a field that a rule names"
event = "validateUpdateUser"
user.userType = "Guest"
expect.accept = true
[[test]]
id = "a lookup that no rule asks"
event = "validateUpdateUser"
user.userType = "Guest"
lookup.hr = { found = true }
expect.accept = true
[[test]]
id = "a lookup that is asked and not given"
event = "validateUser"
user.userType = "Guest"
expect.accept = true
"#,
        &expect![[r"
            no rule: test: it exercises nothing: no rule is on postUpdateUser, and no action
            no field that a rule names: test: it exercises nothing: no condition of a rule on validateUpdateUser names a field that it gives, and `user.usertype` is no field that is known
            nothing is given: test: it exercises nothing: no condition of a rule on validateUpdateUser names a field that it gives, for it gives none
            a lookup that no rule asks: test: nothing on validateUpdateUser asks `lookup.hr`
            a lookup that is asked and not given: test: rule `mobile` asks `lookup.same_mobile`: say what it finds, `lookup.same_mobile = { found = false }`
        "]],
    );
}

#[test]
fn what_is_wrong_with_a_test_is_said_at_load_with_its_place() {
    check_findings(
        r#"[[test]]
id = "a"
event = "validateUsr"
usr = { login = "a" }
expect = { dney = "X", rule = "emial", actions = ["tel"] }
[[test]]
id = "a"
event = "preCreateUser"
user = { login = 2026-01-01 }
lookup.other = { found = true, error = "x" }
now = "yesterday"
expect = { deny = "X", map = 1, set = { "a..b" = 1 } }
[[test]]
id = ""
event = "test"
expect = {}
[[test]]
id = "b"
event = "runDeprovision"
user = "{"
expect = { rule = "email" }
[[test]]
id = "c"
event = "validateUser"
expect = '{"dney": "X"}'
[[test]]
id = "d"
event = "validateUser"
expect = { deny = "X" }
"#,
        &expect![[r#"
            3:9: there is no event `validateUsr` (did you mean `validateUser`?)
            4:1: unknown key `usr` (did you mean `user`?)
            5:12: unknown key `dney` (did you mean `deny`?)
            5:31: there is no rule `emial` (did you mean `email`?)
            5:50: there is no action `tel` (did you mean `tell`?)
            7:6: the id `a` is another test's (t.toml:44) (ids are unique across all files)
            9:18: `user.login`: expected text, a number, true or false, a list or a table, found a date or time (put it in quotes)
            10:16: there is no lookup `other` (lookups: same_mobile, hr)
            10:16: `lookup.other` says neither what was found nor that it failed (`{ found = true, value = … }`, `{ found = false }` or `{ error = "…" }`)
            11:7: `now`: expected a time (for example "2026-01-01T00:00:00Z")
            12:19: `deny` is nothing that can come of preCreateUser (of preCreateUser can come: accept, set, unset, actions)
            12:19: what is refused is neither accepted nor changed (write a test for each)
            12:30: `map` is nothing that can come of preCreateUser (of preCreateUser can come: accept, set, unset, actions)
            12:39: a name is missing in the path
            14:6: a test's id cannot be empty
            15:9: there is nothing to test of `test` (no rule and no action can be on it)
            16:10: test `` expects nothing (one of: accept, deny, set, unset, map, deprovision, perform, actions, rule, erred, shadow)
            20:8: `user`: not JSON: unexpected end at byte 1
            21:19: the rule `email` is not on runDeprovision
            25:10: unknown key `dney` (did you mean `deny`?)
            28:9: test `d`: this is no such event: expected an object at request.user (give a `user`, a `request` or a `file`)
        "#]],
    );
}

#[test]
fn a_file_holds_the_body_and_the_rest_goes_over_it() {
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("x.json");
    let body = r#"{"request":{"targetAttribute":"x","n":0.10,"user":{"login":"a","m":1E5,"userType":"Guest"}}}"#;
    std::fs::write(&file, body).expect("written");
    let test = |path: &str| {
        let toml = format!(
            "[[test]]\nid = 'a'\nevent = 'policyMap'\nfile = '{path}'\nrequest = {{ targetAttribute = 'email' }}\n\
             user = {{ login = 'B', x = true }}\nexpect.map = 'b@corp.example'\n"
        );
        Lists::read(&format!("{RULES}{toml}"))
    };
    let lists = test(file.to_str().expect("UTF-8"));
    let event = lists.tests.iter().next().expect("a test").event().expect("an event");
    let expected = r#"{"targetAttribute":"email","n":0.10,"user":{"login":"B","m":1E5,"userType":"Guest","x":true}}"#;
    assert_eq!(event.request().map(Json::raw), Some(expected));
    let lists = test("/nowhere/x.json");
    assert!(lists.findings.is_empty(), "a server needs no test's files");
    let mut findings = Diagnostics::default();
    lists.tests.check_files(&mut findings);
    assert_eq!(findings.errors(), 1);
    let report = lists.tests.iter().next().expect("a test").run(&lists.subject(), &mut Coverage::default());
    assert!(!report.passed() && report.judged.is_none());
}

#[test]
fn coverage_tells_which_rules_and_sides_no_test_has_reached() {
    let lists = Lists::read(&format!(
        "{RULES}{}",
        r#"
[[test]]
id = "a"
event = "validateUpdateUser"
user = { userType = "Employee" }
expect.deny = "EmailRequired"
[[test]]
id = "b"
event = "validateUpdateUser"
user = { userType = "Guest" }
expect.accept = true
[[test]]
id = "c"
event = "preCreateUser"
user = { firstName = "A", lastName = "B", country = "India" }
expect.accept = true
"#
    ));
    let mut coverage = Coverage::default();
    for test in &lists.tests {
        assert!(test.run(&lists.subject(), &mut coverage).passed(), "{}", test.id);
    }
    let counts: Vec<String> = coverage
        .rules(&lists.rules)
        .iter()
        .filter(|rule| rule.reached() > 0)
        .map(|rule| format!("{} {} {} {} {}", rule.event, rule.rule, rule.held, rule.not_held, rule.erred))
        .collect();
    assert_eq!(counts, ["validateUpdateUser email 1 1 0", "preCreateUser name 1 0 0"]);
    let gaps = coverage.gaps(&lists.rules);
    let of = |rule: &str| -> Vec<(&str, &str)> {
        let gaps = gaps.iter().filter(|gap| &*gap.rule == rule);
        gaps.map(|gap| (gap.key.as_str(), gap.unseen.as_str())).collect()
    };
    assert_eq!(of("email"), [("when", "never false")], "the address was never right");
    assert_eq!(of("name"), [("set.address.city", "never false")]);
    assert_eq!(of("mail"), [("when", "never evaluated")]);
    let (covered, points) = coverage.points(&lists.rules);
    // Reached: 2 of 7. Both sides: of `email` 5 of 6, of `name` 1 of 2, of the other four conditions none.
    assert_eq!((covered, points), (8, 23));
}

// === events as tests ===

fn event(name: &str, body: &str) -> Event {
    let arrival = Arrival {
        token: Some(Token::read(r#"{"sub":"bert","roles":["USER"],"tenantId":"as100"}"#.to_owned())),
        received_at: "2026-11-21T08:30:00.125Z".parse().expect("a time"),
        request_id: RequestId::parse("r-1").expect("an id"),
    };
    cymmetri::decode(catalog::find(name).expect("an event"), body.into(), arrival).expect("a body")
}

/// The test that is made of an event which these rules have decided.
fn made(lists: &Lists, event: &Event, facts: Facts) -> Written {
    let judged = lists.rules.decide(event, &facts, &Stopwatch::stopped());
    let sent = run::sent(&lists.actions, event, &facts, &judged);
    let erred = judged.trace.errors().filter(|(rule, _)| !rule.shadow).map(|(rule, _)| rule.id.to_string()).collect();
    let kept = Kept {
        decision: Some(judged.decision),
        rule: judged.rule.as_deref().map(str::to_owned),
        erred,
        sent: sent.into_iter().map(|(id, _)| id.to_string()).collect(),
        facts,
    };
    written("made", event, &kept, &lists.subject(), &lists.known())
}

fn fact(lookup: &str, answer: Result<Answer, String>) -> Fact {
    Fact {
        lookup: lookup.into(),
        answer,
        source: FactSource::Fetched,
        as_of: chrono::DateTime::UNIX_EPOCH,
        took: std::time::Duration::ZERO,
    }
}

#[test]
fn an_event_becomes_a_test_that_passes_and_names_nobody() {
    let lists = Lists::read(RULES);
    let facts = || {
        let answer = Answer::found(serde_json::json!({ "login": "Asha", "n": null }));
        Facts::from_iter([fact("same_mobile", Ok(answer)), fact("hr", Err("it is away".to_owned()))])
    };
    for (name, body) in [
        (
            "validateUser",
            r#"{"request":{"user":{"login":"asha","firstName":"Asha","userType":"Employee","email":"asha@else.com"}}}"#,
        ),
        ("validateUser", r#"{"request":{"user":{"login":"asha","userType":"Guest","big":12345678901234567890}}}"#),
        ("validateUser", r#"{"request":{"user":{"login":null,"it's":"Asha's '''","userType":"Guest"}}}"#),
        (
            "preCreateUser",
            r#"{"request":{"user":{"firstName":"Asha","lastName":"Rao","country":"India","nickName":"Asha","a.b":"x"}}}"#,
        ),
        ("preCreateUser", r#"{"request":{"user":{"firstName":"Asha","address":"Rao Road 5"}}}"#),
        ("policyMap", r#"{"request":{"targetAttribute":"email","defaultValue":"asha","user":{"login":"Asha.Rao"}}}"#),
        ("policyMap", r#"{"request":{"targetAttribute":"phone","defaultValue":null}}"#),
        ("runDeprovision", r#"{"request":{"user":{"login":"asha","endDate":"2026-01-31","userType":"Employee"}}}"#),
        ("runDeprovision", r#"{"request":{"user":{"login":"asha","endDate":"soon","userType":"Employee"}}}"#),
        ("postCreateUser", r#"{"request":{"user":{"login":"asha","userType":"Employee"}}}"#),
    ] {
        let event = event(name, body);
        let facts = if name == "validateUser" { facts().iter().take(1).cloned().collect() } else { Facts::default() };
        let test = made(&lists, &event, facts);
        assert!(test.passes, "{body}\n{}", test.text);
        let lower = test.text.to_lowercase();
        for name in ["asha", "rao", "else.com", "bert", "as100"] {
            assert!(!lower.contains(name), "{name}: {}", test.text);
        }
    }
}

#[test]
fn what_the_test_looks_like() {
    let lists = Lists::read(RULES);
    let body =
        r#"{"request":{"user":{"login":"asha.rao","mobile":"+91 98765","userType":"Guest","a b":[1.5,true,{}]}}}"#;
    let facts = Facts::from_iter([fact("same_mobile", Ok(Answer::found("asha.rao".into())))]);
    expect![[r#"
        [[test]]
        id = "made"
        event = "validateUser"
        now = "2026-11-21T08:30:00.125Z"
        token = { sub = "boki", roles = ["USER"], tenantId = "la109" }
        lookup.same_mobile = { found = true, value = "kedi.rod" }
        expect = { deny = "MobileAlreadyExist", rule = "mobile" }

        [test.user]
        login = "kedi.rod"
        mobile = "+32 40003"
        userType = "Guest"
        "a b" = [7.6, true, {}]
    "#]]
    .assert_eq(&made(&lists, &event("validateUser", body), facts).text);
    let body = r#"{"request":{"targetAttribute":"email","cymmetrifield":null,"user":{"login":"Asha"}}}"#;
    expect![[r#"
        [[test]]
        id = "made"
        event = "policyMap"
        now = "2026-11-21T08:30:00.125Z"
        token = { sub = "rodi", roles = ["USER"], tenantId = "de403" }
        expect = { map = "kedi@corp.example", rule = "mail" }
        request = '''{
          "targetAttribute": "email",
          "cymmetrifield": null
        }'''

        [test.user]
        login = "Kedi"
    "#]]
    .assert_eq(&made(&lists, &event("policyMap", body), Facts::default()).text);
}

#[test]
fn a_test_that_cannot_pass_says_why() {
    let lists = Lists::read(&format!(
        "{RULES}[[rule]]\nid = \"form\"\non = \"preUpdateUser\"\nwhen = '''!re(user.code, '^CC')'''\nset.x = '1'\n"
    ));
    let event = event("preUpdateUser", r#"{"request":{"user":{"code":"CC120"}}}"#);
    let test = made(&lists, &event, Facts::default());
    assert!(!test.passes);
    assert!(test.text.starts_with("# With the made-up values the rules decide otherwise"), "{}", test.text);
    assert!(!test.text.contains("CC120"), "{}", test.text);
    let kept = Kept {
        decision: Some(Decision::Refuse("Old".into())),
        rule: Some("gone".into()),
        erred: Vec::new(),
        sent: vec!["gone".into()],
        facts: Facts::default(),
    };
    let event = self::event("validateUpdateUser", r#"{"request":{"user":{"userType":"Guest"}}}"#);
    let test = written("old", &event, &kept, &lists.subject(), &lists.known());
    assert!(!test.passes);
    for said in
        ["# The rule `gone` that decided it is no more.", "# The action `gone`", "# Today's rules decide otherwise"]
    {
        assert!(test.text.contains(said), "{said}: {}", test.text);
    }
}
