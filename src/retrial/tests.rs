//! Kept events judged again: the same rules say the same, others differ in what they differ, and what is not known is said.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::json;

use super::*;
use crate::base::diagnostic::{Diagnostics, Source};
use crate::base::ids::{RequestId, new_uuid};
use crate::base::tree;
use crate::dialect::cymmetri;
use crate::event::{Arrival, Decision, Event, SecretFields, catalog};
use crate::facts::{Answer, Fact, FactSource, Facts};
use crate::journal::{self, Entry, EntryKind};
use crate::record::{self, Payload};
use crate::rules::{self, OnError, RuleSet, Stopwatch};

fn rules(text: &str) -> RuleSet {
    let mut findings = Diagnostics::default();
    let source = Source { name: "rules".into(), text: text.into() };
    let tree = tree::parse(&Arc::new(source), &mut findings);
    let entries = tree.get("rule").and_then(|rules| rules.as_array()).unwrap_or_default().to_vec();
    let context = rules::Context {
        on_error: OnError::Allow,
        error_message: "Unavailable".into(),
        secrets: SecretFields::default(),
        attributes: indexmap::IndexMap::new(),
        lookups: vec!["same_mobile".into()],
    };
    let rules = rules::compile(&entries, &context, &mut findings);
    assert!(!findings.has_errors(), "{findings:?}");
    rules
}

fn court(text: &str) -> Court {
    Court::new(rules(text).into(), Vec::new())
}

fn rule(id: &str, on: &str, rest: &str) -> String {
    format!("[[rule]]\nid = \"{id}\"\non = \"{on}\"\n{rest}\n")
}

fn event(name: &str, user: &str) -> Event {
    let request_id = RequestId::random();
    let arrival = Arrival { token: None, received_at: DateTime::UNIX_EPOCH, request_id };
    let body = format!(r#"{{"request":{{"user":{user},"targetAttribute":"email"}}}}"#);
    cymmetri::decode(catalog::find(name).expect("an event"), body.into(), arrival).expect("a body")
}

/// The entry that a server with these rules would have kept.
fn entry(seq: u64, rules: &str, name: &str, user: &str, facts: &Facts, payload: Payload) -> Entry {
    let event = event(name, user);
    let judged = self::rules(rules).decide(&event, facts, &Stopwatch::stopped());
    let secrets = SecretFields::default().of(event.spec());
    Entry {
        seq,
        id: new_uuid(),
        received_at: DateTime::UNIX_EPOCH,
        kind: EntryKind::Event,
        system: "cymmetri".into(),
        tenant: String::new(),
        event: name.into(),
        person: [1; 16],
        outcome: judged.decision.outcome().into(),
        cause: "decided".into(),
        rule: judged.rule.as_deref().map(str::to_owned),
        rule_set: [0; 32],
        took: Duration::from_micros(50),
        repeat_of: None,
        record: journal::Record::Bytes(record::write(
            &event,
            &judged.decision,
            &judged.trace,
            facts,
            &secrets,
            payload,
        )),
    }
}

fn kept(rules: &str, name: &str, user: &str) -> Entry {
    entry(1, rules, name, user, &Facts::default(), Payload::Full)
}

/// How these rules differ from what was kept.
fn differences(entry: &Entry, new: &str) -> Vec<(Kind, String)> {
    let case = Case::open(entry).expect("a case");
    let judged = court(new).judge(&case).expect("it can be told");
    let was = case.recorded().expect("rules decided it");
    let found = Verdict::of(&judged).differences(&was, case.event());
    found.into_iter().map(|difference| (difference.kind, difference.rule)).collect()
}

#[test]
fn the_same_rules_say_the_same() {
    let rules = [
        rule(
            "set",
            "preCreateUser",
            "set.n = '0.1 + 0.2'\nset.address.city = '\"Pune\"'\nset.m = '1.0'\nunset = [\"nickName\"]",
        ),
        rule("deny", "validateUser", "when = 'user.login == \"x\"'\ndeny = \"No\""),
        rule("map", "policyMap", "map = '[1.5, user.login, {\"a\": null}]'"),
        rule("leave", "runDeprovision", "deprovision = true"),
    ]
    .concat();
    for name in ["preCreateUser", "validateUser", "policyMap", "runDeprovision"] {
        for user in [r#"{"login":"x","nickName":"n"}"#, r#"{"login":"y"}"#] {
            assert_eq!(differences(&kept(&rules, name, user), &rules), [], "{name} {user}");
        }
    }
}

#[test]
fn each_way_to_differ_has_its_name_and_its_rule() {
    let deny = |id: &str, message: &str| rule(id, "validateUser", &format!("deny = \"{message}\""));
    let set = |id: &str, to: &str| rule(id, "preCreateUser", &format!("set.city = '\"{to}\"'"));
    let map = |id: &str, to: &str| rule(id, "policyMap", &format!("map = '\"{to}\"'"));
    let leave = |id: &str, truth: bool| rule(id, "runDeprovision", &format!("deprovision = {truth}"));
    let errs = rule("errs", "validateUser", "when = 'user.nothing == \"\"'\ndeny = \"No\"");
    for (name, was, now, expected) in [
        ("validateUser", String::new(), deny("new", "No"), vec![(Kind::Refused, "new")]),
        ("validateUser", deny("old", "No"), String::new(), vec![(Kind::Accepted, "old")]),
        ("validateUser", deny("old", "No"), deny("new", "Nay"), vec![(Kind::RefusedOtherwise, "new")]),
        ("validateUser", deny("old", "No"), deny("new", "No"), vec![(Kind::OtherRule, "new")]),
        ("validateUser", String::new(), errs.clone(), vec![(Kind::Erred, "errs")]),
        ("validateUser", errs.clone(), errs.clone(), vec![]),
        ("preCreateUser", set("old", "Goa"), set("new", "Pune"), vec![(Kind::ChangedOtherwise, "new")]),
        ("preCreateUser", set("old", "Goa"), String::new(), vec![(Kind::ChangedOtherwise, "old")]),
        ("preCreateUser", set("old", "Goa"), set("new", "Goa"), vec![]),
        ("policyMap", map("old", "a"), map("new", "b"), vec![(Kind::MappedOtherwise, "new")]),
        ("policyMap", map("old", "a"), String::new(), vec![(Kind::MappedOtherwise, "old")]),
        ("runDeprovision", String::new(), leave("new", true), vec![(Kind::Deprovisioned, "new")]),
        ("runDeprovision", leave("old", true), leave("new", false), vec![(Kind::Kept, "new")]),
    ] {
        let expected: Vec<(Kind, String)> = expected.into_iter().map(|(kind, rule)| (kind, rule.to_owned())).collect();
        assert_eq!(differences(&kept(&was, name, r#"{"login":"x"}"#), &now), expected, "{was} to {now}");
    }
}

#[test]
fn whoever_comes_out_the_same_is_not_changed_otherwise() {
    let set = |field: &str, to: &str| rule(field, "preCreateUser", &format!("set.{field} = '\"{to}\"'"));
    let again = |to: &str| rule("again", "preCreateUser", &format!("set.city = '\"{to}\"'"));
    let (city, nick) = (set("city", "Goa"), set("nickName", "x"));
    let unset = rule("unset", "preCreateUser", "unset = [\"nickName\"]");
    for (was, now, is_same) in [
        ([city.as_str(), &nick].concat(), [nick.as_str(), &city].concat(), true),
        ([city.as_str(), &again("Pune")].concat(), set("city", "Pune"), true),
        ([city.as_str(), &again("Pune")].concat(), again("Goa"), false),
        ([nick.as_str(), &unset].concat(), String::new(), true),
        (set("address.city", "Goa"), rule("whole", "preCreateUser", "set.address = '{\"city\": \"Goa\"}'"), true),
    ] {
        let found = differences(&kept(&was, "preCreateUser", r#"{"login":"x","city":"Agra"}"#), &now);
        let is_told = found.iter().any(|(kind, _)| *kind == Kind::ChangedOtherwise);
        assert_eq!(is_told, !is_same, "{was} to {now}: {found:?}");
    }
}

#[test]
fn what_was_recorded_of_a_lookup_that_is_another_now_is_nothing() {
    let denies = rule("mobile", "validateUser", "when = 'lookup.same_mobile.found'\ndeny = \"Taken\"");
    let fact = Fact {
        lookup: "same_mobile".into(),
        answer: Ok(Answer::nothing()),
        source: FactSource::Fetched,
        as_of: DateTime::UNIX_EPOCH,
        took: Duration::ZERO,
    };
    let entry = entry(1, "", "validateUser", r#"{"login":"x"}"#, &Facts::from_iter([fact]), Payload::Full);
    let case = Case::open(&entry).expect("a case");
    assert!(court(&denies).judge(&case).is_ok());
    let distrusting = court(&denies).distrusting(vec!["same_mobile".to_owned()]);
    assert_eq!(distrusting.judge(&case).err(), Some(Untold::Fact("mobile".to_owned())));
}

#[test]
fn a_rule_whose_lookup_was_not_recorded_is_not_counted() {
    let all = rule("all", "validateUser", "deny = \"No\"");
    let behind = rule("behind", "validateUser", "when = 'lookup.same_mobile.found'\ndeny = \"Taken\"");
    let tried = behind.replace("behind", "tried").replace("deny =", "shadow = true\ndeny =");
    let mut census = Census::new(DateTime::UNIX_EPOCH);
    census.note(&kept("", "validateUser", r#"{"login":"x"}"#), &court(&[all, behind, tried].concat()));
    assert_eq!(census.rules.len(), 1, "{:?}", census.rules);
}

#[test]
fn a_rule_that_is_only_tried_changes_nothing_by_erring() {
    let errs = rule("tried", "validateUser", "shadow = true\nwhen = 'user.nothing == \"\"'\ndeny = \"No\"");
    assert_eq!(differences(&kept("", "validateUser", r#"{"login":"x"}"#), &errs), []);
    let real = errs.replace("shadow = true\n", "");
    let erred = [(Kind::Erred, "tried".to_owned())];
    assert_eq!(differences(&kept(&errs, "validateUser", r#"{"login":"x"}"#), &real), erred);
}

#[test]
fn a_refusal_is_told_where_a_lookup_that_is_missing_makes_no_difference() {
    let mobile = rule("mobile", "validateUser", "when = 'lookup.same_mobile.found'\ndeny = \"Taken\"");
    let strict = mobile.replace("deny =", "on_error = \"deny\"\ndeny =");
    let sets = rule("sets", "validateUser", "when = 'lookup.same_mobile.found'\nset.city = '\"Goa\"'");
    let all = rule("all", "validateUser", "deny = \"No\"");
    let entry = kept("", "validateUser", r#"{"login":"admin"}"#);
    let found = |new: &str| {
        let mut found = Refusals::default();
        found.note(&entry, &court(""), &court(new), &["admin".to_owned()]);
        assert_eq!(found.told + found.unknown, 1);
        (found.refused, found.protected, found.unknown, found.protected_unknown)
    };
    assert_eq!(found(&[mobile.as_str(), &all].concat()), (1, 1, 0, 0));
    assert_eq!(found(&mobile), (0, 0, 1, 1));
    assert_eq!(found(&[sets.as_str(), &all].concat()), (0, 0, 1, 1), "it may be another person that comes to the next");
    assert_eq!(found(&[strict.as_str(), &all].concat()), (0, 0, 1, 1), "its own error refuses, and may not have been");
}

#[test]
fn what_is_not_known_is_said_and_not_guessed() {
    let denies = rule("mobile", "validateUser", "when = 'lookup.same_mobile.found'\ndeny = \"Taken\"");
    let user = r#"{"login":"x"}"#;
    let why = |entry: &Entry| {
        let mut tally = Tally::new(1);
        tally.note(entry, &court(&denies), None, None);
        assert_eq!((tally.events, tally.unknown, tally.changed), (1, 1, 0));
        tally.untold.into_keys().next().expect("a reason")
    };
    let mut entry = kept("", "validateUser", user);
    assert_eq!(why(&entry), "rule `mobile` asks for a lookup that was not recorded then");
    entry.cause = "out_of_time".into();
    let mut tally = Tally::new(1);
    tally.note(&entry, &court(""), None, None);
    assert_eq!(tally.untold.keys().next().map(String::as_str), Some(&*Untold::Fallback.to_string()));
    entry.record = journal::Record::Forgotten;
    assert_eq!(why(&entry), "its person was forgotten");
    entry.record = journal::Record::Sealed;
    assert!(why(&entry).starts_with("it is sealed under a key"));
    let masked = self::entry(1, "", "validateUser", user, &Facts::default(), Payload::Masked);
    assert_eq!(why(&masked), "its body was kept masked");
    let none = self::entry(1, "", "validateUser", user, &Facts::default(), Payload::None);
    assert_eq!(why(&none), "the event's body was not kept");
    let handled = Court::new(rules(&denies).into(), vec!["validateUser"]);
    let entry = kept("", "validateUser", user);
    let case = Case::open(&entry).expect("a case");
    assert_eq!(handled.judge(&case).err(), Some(Untold::Handled("validateUser")));
}

#[test]
fn a_rule_that_needs_no_lookup_to_decide_is_told_without_it() {
    let shadowed = [
        rule("city", "validateUser", "when = 'user.login == \"x\" || lookup.same_mobile.found'\ndeny = \"No\""),
        rule("tried", "validateUser", "shadow = true\nwhen = 'lookup.same_mobile.found'\ndeny = \"Taken\""),
    ];
    let entry = kept("", "validateUser", r#"{"login":"x"}"#);
    assert_eq!(differences(&entry, &shadowed.concat()), [(Kind::Refused, "city".to_owned())]);
}

#[test]
fn a_lookup_is_what_it_was_then() {
    let denies = rule("mobile", "validateUser", "when = 'lookup.same_mobile.found'\ndeny = \"Taken\"");
    let fact = |found: bool| Fact {
        lookup: "same_mobile".into(),
        answer: Ok(if found { Answer::found(json!({"login": "y"})) } else { Answer::nothing() }),
        source: FactSource::Fetched,
        as_of: DateTime::UNIX_EPOCH,
        took: Duration::from_millis(3),
    };
    for (found, expected) in [(true, vec![(Kind::Accepted, "mobile".to_owned())]), (false, vec![])] {
        let facts = Facts::from_iter([fact(found)]);
        let entry = entry(1, &denies, "validateUser", r#"{"login":"x"}"#, &facts, Payload::Full);
        assert_eq!(differences(&entry, &denies), []);
        assert_eq!(differences(&entry, ""), expected);
        // Today's sources say the opposite.
        let mut tally = Tally::new(1);
        tally.note(&entry, &court(&denies), None, Some(&|_| Facts::from_iter([fact(!found)])));
        let kind = tally.differences.keys().next().map(|difference| difference.kind);
        assert_eq!(kind, Some(if found { Kind::Accepted } else { Kind::Refused }));
    }
}

#[test]
fn what_a_guard_held_back_is_what_the_rules_had_decided() {
    let old = rule("leavers", "runDeprovision", "deprovision = true");
    let mut entry = kept(&old, "runDeprovision", r#"{"login":"x"}"#);
    let decided =
        rules(&old).decide(&event("runDeprovision", r#"{"login":"x"}"#), &Facts::default(), &Stopwatch::stopped());
    let journal::Record::Bytes(record) = &mut entry.record else { panic!("a record") };
    record::held_back(record, "mass", (&decided.decision, decided.rule.as_deref()), false, Payload::Full);
    (entry.cause, entry.outcome, entry.rule) = ("guarded".into(), "keep".into(), None);
    assert_eq!(differences(&entry, &old), []);
    let gone = [(Kind::Kept, "leavers".to_owned())];
    assert_eq!(differences(&entry, &rule("leavers", "runDeprovision", "when = 'false'\ndeprovision = true")), gone);
}

#[test]
fn what_a_guard_held_back_of_a_fallback_is_nothing_that_rules_decided() {
    let old = rule("leavers", "runDeprovision", "deprovision = true");
    let mut entry = kept(&old, "runDeprovision", r#"{"login":"x"}"#);
    let decided = crate::event::Decision::Deprovision(true);
    let journal::Record::Bytes(record) = &mut entry.record else { panic!("a record") };
    record::held_back(record, "mass", (&decided, None), true, Payload::Full);
    (entry.cause, entry.outcome, entry.rule) = ("guarded".into(), "kept".into(), None);
    let case = crate::retrial::Case::open(&entry).expect("a case");
    assert_eq!(case.recorded().err(), Some(crate::retrial::Untold::Fallback));
}

#[test]
fn parts_of_a_tally_add_up_and_keep_the_newest_examples() {
    let (old, new) = (String::new(), court(&rule("new", "validateUser", "deny = \"No\"")));
    let mut parts = [Tally::new(2), Tally::new(2)];
    for seq in 1..=9 {
        let entry = entry(seq, &old, "validateUser", r#"{"login":"x"}"#, &Facts::default(), Payload::Full);
        parts[usize::from(seq % 2 == 0)].note(&entry, &new, None, None);
    }
    let mut sum = Tally::new(2);
    for part in parts {
        sum.add(part);
    }
    assert_eq!((sum.events, sum.changed, sum.unknown), (9, 9, 0));
    let group = sum.differences.values().next().expect("a difference");
    assert_eq!(group.events, 9);
    assert_eq!(group.examples.iter().map(|example| example.seq).collect::<Vec<_>>(), [9, 8]);
    let example = &group.examples[0];
    assert_eq!((example.person.as_deref(), &*example.was, &*example.now), (Some("x"), "accepted", "refused No"));
}

#[test]
fn what_rules_did_and_would_have_done_is_counted() {
    let rules = [
        rule("blocks", "validateUser", "when = 'user.login != \"z\"'\ndeny = \"No\""),
        rule("shadowed", "validateUser", "when = 'user.login == \"x\"'\ndeny = \"Nay\""),
        rule("never", "validateUser", "when = 'user.login == \"q\"'\ndeny = \"Never\""),
    ]
    .concat();
    let court = court(&rules);
    let late: DateTime<Utc> = DateTime::UNIX_EPOCH + Duration::from_secs(10);
    let mut census = Census::new(late);
    for login in ["x", "y", "z"] {
        census.note(&kept(&rules, "validateUser", &format!("{{\"login\":\"{login}\"}}")), &court);
    }
    census.note(&entry(4, "", "validateUser", r#"{"login":"x"}"#, &Facts::default(), Payload::Masked), &court);
    let count = |index| census.rules[&("validateUser", index)];
    assert_eq!(count(0), RuleCount { events: 3, held: 2, shadowed: 0, erred: 0 });
    assert_eq!(count(1), RuleCount { events: 3, held: 0, shadowed: 1, erred: 0 });
    assert_eq!(count(2), RuleCount { events: 3, held: 0, shadowed: 0, erred: 0 });
    assert_eq!((census.events, census.unknown, census.late.len()), (4, 1, 0));
    assert_eq!(census.before["validateUser"].fields["user.login"].events, 4, "masked bodies have their names");
}

#[test]
fn whom_changed_rules_would_newly_refuse_is_told_whatever_was_decided_then() {
    let (none, denies) =
        (court(""), court(&rule("new", "validateUser", "when = 'user.login != \"x\"'\ndeny = \"No\"")));
    let mut found = Refusals::default();
    // What was refused then by rules of long ago, and would be again, is new all the same: it is accepted today.
    let old = rule("old", "validateUser", "deny = \"No\"");
    for (rules, login) in [("", "x"), ("", "y"), (old.as_str(), "admin")] {
        let entry = kept(rules, "validateUser", &format!("{{\"login\":\" {login} \"}}").replace(' ', ""));
        found.note(&entry, &none, &denies, &["admin".to_owned()]);
    }
    assert_eq!((found.told, found.unknown, found.refused, found.protected), (3, 0, 2, 1));
    assert_eq!(found.rules.get("new"), Some(&2));
    let mut none_new = Refusals::default();
    none_new.note(&kept("", "validateUser", r#"{"login":"y"}"#), &denies, &denies, &[]);
    assert_eq!(none_new.refused, 0);
}

#[test]
fn a_kept_decision_comes_back() {
    let rules = rule("set", "preCreateUser", "set.city = '\"Pune\"'\nunset = [\"nickName\"]");
    let entry = kept(&rules, "preCreateUser", r#"{"login":"x","nickName":"n"}"#);
    let case = Case::open(&entry).expect("a case");
    let decision = case.record().decision(case.event().spec().kind, &entry.outcome).expect("a decision");
    let judged = court(&rules).judge(&case).expect("it can be told");
    assert_eq!(decision, judged.decision);
    assert_eq!(case.record().decision(case.event().spec().kind, "acknowledged"), None);
    assert_ne!(decision, Decision::neutral(case.event().spec().kind));
}
