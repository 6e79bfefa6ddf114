//! What expressions cost at most, and which of them are warned of.

use std::fmt::Write as _;

use expect_test::{Expect, expect};

use super::*;
use crate::base::json::Document;

/// Of the person nothing is listed, so that nothing is unknown.
fn schema() -> Schema {
    Schema::default().variable("user", Type::Map).variable("event", Type::String).variable("now", Type::Timestamp)
}

fn cost(source: &str, event_bytes: u64) -> u64 {
    Priced::parse(&schema(), source).unwrap_or_else(|| panic!("{source}")).at(event_bytes).steps
}

/// What is said at load.
fn said(source: &str) -> Vec<Finding> {
    let mut paths = Paths::default();
    Compiler::new(&schema(), &mut paths).compile(source, Type::Dyn).findings
}

/// The steps that are really taken on `user`, and whether they were too many.
fn taken(source: &str, user: &str) -> (u64, bool) {
    let schema = schema();
    let mut paths = Paths::default();
    let compiled = Compiler::new(&schema, &mut paths).compile(source, Type::Dyn);
    let expression = compiled.expression.unwrap_or_else(|| panic!("{source}: {:?}", compiled.findings));
    let document = Document::parse(user).expect("JSON");
    let value = Value::from_json(document.root()).expect("an object");
    let mut scope = Scope::new(&paths);
    scope.set("user", &value);
    let spent = expression.evaluate(&scope).is_err_and(|error| error.is_spent());
    (scope.steps(), spent)
}

#[test]
fn what_ordinary_expressions_cost() {
    let check = |expected: Expect| {
        let mut table = String::new();
        for source in ORDINARY {
            let (small, large) = (cost(source, ORDINARY_EVENT_BYTES), cost(source, 1 << 20));
            let _ = writeln!(table, "{small:<8} {large:<9} {source}");
            assert_eq!(said(source), [], "{source}");
        }
        expected.assert_eq(&table);
    };
    check(expect![[r#"
        1        1         true
        12       12        event == 'validateUser' && now < timestamp('2026-11-21T08:30:00Z')
        5        5         user.department == 'Sales'
        14341    917509    user.login == user.email
        519      32775     !(user.email.endsWith("@corp.example") || user.contractor)
        2060     131084    size(user.firstName) > 64 || size(user.lastName) > 64
        1029     65541     !re(user.login, '^[a-z][a-z0-9._-]{2,31}$')
        1034     1034      !re(user.firstName, '^\\p{L}[\\p{L} -]{0,63}$')
        3        3         !(user.country in ["India", "Germany", "France"])
        5758     102526    !user.assignedGroups.all(group, group.startsWith("grp-"))
        13829    884741    "grp-blocked" in user.assignedGroups
        20222    762110    user.assignedGroups.filter(group, re(group, '^grp-')).map(group, lower(group)).join(', ')
        39025    2490481   fold(text(user.?firstName)) == fold(text(user.?lastName))
        1542     98310     user.firstName + ' ' + user.lastName
        129056   8257568   '%s %s <%s>'.format([user.firstName, user.lastName, user.email])
        762566   17019590  user.provisionedApps.transformMap(app, state, state.?login.orValue(''))
        20489    568841    user.phones.map(phone, phone.number.replace(' ', '')).filter(number, number != '')
    "#]]);
}

const ORDINARY: [&str; 17] = [
    "true",
    "event == 'validateUser' && now < timestamp('2026-11-21T08:30:00Z')",
    "user.department == 'Sales'",
    "user.login == user.email",
    r#"!(user.email.endsWith("@corp.example") || user.contractor)"#,
    "size(user.firstName) > 64 || size(user.lastName) > 64",
    "!re(user.login, '^[a-z][a-z0-9._-]{2,31}$')",
    r"!re(user.firstName, '^\\p{L}[\\p{L} -]{0,63}$')",
    r#"!(user.country in ["India", "Germany", "France"])"#,
    r#"!user.assignedGroups.all(group, group.startsWith("grp-"))"#,
    r#""grp-blocked" in user.assignedGroups"#,
    "user.assignedGroups.filter(group, re(group, '^grp-')).map(group, lower(group)).join(', ')",
    "fold(text(user.?firstName)) == fold(text(user.?lastName))",
    "user.firstName + ' ' + user.lastName",
    "'%s %s <%s>'.format([user.firstName, user.lastName, user.email])",
    "user.provisionedApps.transformMap(app, state, state.?login.orValue(''))",
    "user.phones.map(phone, phone.number.replace(' ', '')).filter(number, number != '')",
];

/// Expressions, each with a user on which it takes more than the budget.
fn costly() -> Vec<(String, String)> {
    let bits = format!(r#"{{"a":"{}"}}"#, "01".repeat(8000));
    let many = format!(r#"{{"l":[{}],"t":"{}"}}"#, vec!["1"; 1000].join(","), "a".repeat(12_000));
    // A list that holds another twice, and so on.
    let mut shared = "[1, 1]".to_owned();
    for level in 0..24 {
        shared = format!("cel.bind(a{level}, {shared}, [a{level}, a{level}])");
    }
    vec![
        ("re(user.a, '[01]*1[01]{1000}x')".to_owned(), bits),
        ("user.l.map(x, fold(user.t)) == []".to_owned(), many.clone()),
        ("user.l.all(x, user.t.contains('b') || size(user.t.split('')) > 0)".to_owned(), many),
        (format!("cel.bind(all, {shared}, all == all)"), "{}".to_owned()),
    ]
}

#[test]
fn what_an_ordinary_event_can_bring_beyond_the_budget_is_warned_of_and_such_an_event_exists() {
    for (source, user) in costly() {
        assert!(user.len() as u64 <= ORDINARY_EVENT_BYTES, "{source}");
        let findings = said(&source);
        let codes: Vec<&str> = findings.iter().map(|finding| finding.code).collect();
        assert_eq!(codes, ["cost-unbounded"], "{source}");
        assert_eq!(findings[0].severity, Severity::Warning);
        let (steps, spent) = taken(&source, &user);
        assert!(spent && steps == BUDGET, "{source}: {steps}");
    }
}

#[test]
fn the_carets_stand_under_the_part_that_is_too_much() {
    for (source, part) in [
        ("user.b == 'x' || re(user.a, '[01]*1[01]{1000}x')", "re(user.a, '[01]*1[01]{1000}x')"),
        ("'x' + user.l.map(x, fold(user.t)).join()", "user.l.map(x, fold(user.t))"),
    ] {
        let findings = said(source);
        assert_eq!(&source[findings[0].span.clone()], part);
    }
}

#[test]
fn no_size_makes_it_overflow() {
    let costly = costly().into_iter().map(|(source, _)| source);
    for source in ORDINARY.map(str::to_owned).into_iter().chain(costly) {
        for bytes in [0, 1, u64::from(u32::MAX), u64::MAX] {
            assert!(cost(&source, bytes) > 0, "{source}");
        }
    }
    // Each of thirty doubles what is there.
    let source = (0..30).fold("user.a".to_owned(), |inner, _| format!("cel.bind(x, {inner}, x + x)"));
    assert!(cost(&source, u64::MAX) > BUDGET);
}

#[test]
fn elements_are_together_no_larger_than_their_list() {
    // Each of a thousand elements could be as large as the event, but not all of them.
    let source = "user.assignedGroups.exists(group, lower(group) == 'x')";
    assert!(cost(source, 1 << 20) < BUDGET, "{}", cost(source, 1 << 20));
    let list = vec![r#""aaaaaaaaaaaaa""#; 1000].join(",");
    let user = format!(r#"{{"assignedGroups":[{list}]}}"#);
    let (steps, spent) = taken(source, &user);
    assert!(!spent && steps > 5000 && steps <= cost(source, user.len() as u64), "{steps}");
}
