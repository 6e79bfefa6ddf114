//! What was to come of a test beside what came of it.

use serde_json::Value;

use super::{Expect, ExpectedChanges};
use crate::base::json::{Document, Edited, Json, Kind as JsonKind};
use crate::dialect::cymmetri::{self, AcceptShape};
use crate::event::{Decision, Event, FieldPath, Mapped};
use crate::rules::{Judged, RuleOutcome};

/// Something that is not as it was to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// What it is about: the expectation's key, or `test` for the test itself.
    pub about: &'static str,
    /// What was to be, in lines; nothing where there was no such expectation.
    pub expected: Vec<String>,
    /// What was found.
    pub found: Vec<String>,
}

impl Fault {
    pub(super) fn new(about: &'static str, expected: impl Into<String>, found: impl Into<String>) -> Self {
        Self { about, expected: vec![expected.into()], found: vec![found.into()] }
    }

    /// The test itself is at fault.
    pub(super) fn of_test(why: impl Into<String>) -> Self {
        Self { about: "test", expected: Vec::new(), found: vec![why.into()] }
    }
}

/// What was decided, in words.
pub fn outcome(judged: &Judged) -> String {
    let what = match &judged.decision {
        Decision::Accept(changes) if changes.is_empty() => "accepted".to_owned(),
        Decision::Accept(_) => "accepted, with changes".to_owned(),
        Decision::Refuse(message) => format!("refused: {message:?}"),
        Decision::Map(Mapped::Neutral) => "mapped as if there were no rule".to_owned(),
        Decision::Map(Mapped::Value(value)) => format!("mapped to {value}"),
        Decision::Deprovision(true) => "access is removed".to_owned(),
        Decision::Deprovision(false) => "access is kept".to_owned(),
        Decision::Perform(actions) if actions.is_empty() => "nothing is performed".to_owned(),
        Decision::Perform(actions) => format!("performed: {}", actions.join(", ")),
        Decision::Acknowledge => "acknowledged".to_owned(),
    };
    match &judged.rule {
        Some(rule) => format!("{what} (rule `{rule}`)"),
        None => what,
    }
}

/// Everything that is not as `expect` says. `sent` are the actions that want the event, each with whether that could be
/// said.
pub(super) fn faults(expect: &Expect, event: &Event, judged: &Judged, sent: &[(&str, bool)]) -> Vec<Fault> {
    let mut faults = Vec::new();
    let decision = &judged.decision;
    if let Some(accept) = expect.accept
        && matches!(decision, Decision::Accept(_)) != accept
    {
        faults.push(Fault::new("accept", if accept { "accepted" } else { "refused" }, outcome(judged)));
    }
    if let Some(message) = &expect.deny
        && !matches!(decision, Decision::Refuse(said) if said == message)
    {
        faults.push(Fault::new("deny", format!("refused: {message:?}"), outcome(judged)));
    }
    if let Some(changes) = &expect.changes {
        faults.extend(changes_fault(changes, event, judged));
    }
    if let Some(value) = &expect.map {
        let mapped = mapped(event, decision);
        if !mapped.as_ref().is_some_and(|mapped| same(mapped, value)) {
            let found = mapped.map_or_else(|| outcome(judged), |mapped| mapped.to_string());
            faults.push(Fault::new("map", value.to_string(), found));
        }
    }
    if let Some(truth) = expect.deprovision
        && *decision != Decision::Deprovision(truth)
    {
        let expected = if truth { "access is removed" } else { "access is kept" };
        faults.push(Fault::new("deprovision", expected, outcome(judged)));
    }
    if let Some(actions) = &expect.perform {
        let performed: &[_] = if let Decision::Perform(performed) = decision { performed } else { &[] };
        faults.extend(list_fault("perform", Some(actions), performed.iter().map(AsRef::as_ref)));
    }
    if let Some(rule) = &expect.rule
        && judged.rule.as_deref() != Some(rule.as_str())
    {
        let found = judged.rule.as_deref().unwrap_or("no rule settles it");
        faults.push(Fault::new("rule", rule, found));
    }
    let erred = judged.trace.errors().filter(|(rule, _)| !rule.shadow).map(|(rule, _)| &**rule.id);
    faults.extend(list_fault("erred", expect.erred.as_deref(), erred));
    let shadow = judged.trace.rules().filter(|rule| rule.shadow && matches!(rule.outcome, RuleOutcome::Held { .. }));
    faults.extend(list_fault("shadow", expect.shadow.as_deref(), shadow.map(|rule| &**rule.id)));
    let certain = sent.iter().filter(|(_, certain)| *certain).map(|(id, _)| *id);
    faults.extend(list_fault("actions", expect.actions.as_deref(), certain).map(|mut fault| {
        fault
            .found
            .extend(sent.iter().filter(|(_, certain)| !certain).map(|(id, _)| format!("{id}: its `when` erred")));
        fault
    }));
    faults
}

fn list_fault<'a>(
    about: &'static str,
    expected: Option<&[String]>,
    found: impl Iterator<Item = &'a str>,
) -> Option<Fault> {
    let mut expected: Vec<&str> = expected?.iter().map(String::as_str).collect();
    let mut found: Vec<&str> = found.collect();
    expected.sort_unstable();
    expected.dedup();
    found.sort_unstable();
    let words = |list: &[&str]| if list.is_empty() { "none".to_owned() } else { list.join(", ") };
    (expected != found).then(|| Fault::new(about, words(&expected), words(&found)))
}

/// The value that goes out, whether a rule says it or not.
pub(super) fn mapped(event: &Event, decision: &Decision) -> Option<Value> {
    if !matches!(decision, Decision::Map(_)) {
        return None;
    }
    let reply = cymmetri::encode(event, decision, AcceptShape::Data).ok()?;
    let reply = Document::parse(reply.body.into_owned()).ok()?;
    reply.root().find(&["response", "mappedValue"]).map(value_of)
}

fn changes_fault(expected: &ExpectedChanges, event: &Event, judged: &Judged) -> Option<Fault> {
    let Decision::Accept(changes) = &judged.decision else {
        return Some(Fault::new("set", "accepted, with changes", outcome(judged)));
    };
    let user = event.user()?;
    let wanted = person(&applied(expected, user));
    let found = person(&changes.apply(user).ok()?);
    let mut fault = Fault { about: "set", expected: Vec::new(), found: Vec::new() };
    let mut path = Vec::new();
    differences(Some(&wanted), Some(&found), &mut path, &mut |path, wanted, found| {
        let line = |value: Option<&Value>| match value {
            Some(value) => format!("{} = {value}", FieldPath::of(path)),
            None => format!("{} is not there", FieldPath::of(path)),
        };
        fault.expected.push(line(wanted));
        fault.found.push(line(found));
    });
    (!fault.found.is_empty()).then_some(fault)
}

/// The person as it is to be. What should hold a field and is no object is replaced by one.
fn applied<'a>(expected: &ExpectedChanges, user: Json<'a>) -> Edited<'a> {
    let mut edited = Edited::new(user);
    for (path, value) in &expected.set {
        for depth in 1..path.names().len() {
            let above = &path.names()[..depth];
            if edited.get(above).is_some_and(|text| !text.starts_with('{')) {
                // Nothing above it is in the way any more.
                let _ = edited.set(above, Value::Object(serde_json::Map::new()));
            }
        }
        let _ = edited.set(path.names(), value.clone());
    }
    for path in &expected.unset {
        edited.unset(path.names());
    }
    edited
}

/// A person with changes as a value.
pub(super) fn person(edited: &Edited<'_>) -> Value {
    let mut text = String::new();
    edited.write(&mut text);
    Document::parse(text).map_or(Value::Null, |document| value_of(document.root()))
}

/// What stands there, as a value. A number or text that has none stands for itself as it is written.
pub(super) fn value_of(json: Json<'_>) -> Value {
    match json.kind() {
        JsonKind::Object => json
            .members()
            .map(|(key, value)| {
                (key.decode().map_or_else(|_| key.raw().to_owned(), std::borrow::Cow::into_owned), value_of(value))
            })
            .collect(),
        JsonKind::Array => json.items().map(value_of).collect(),
        JsonKind::Null | JsonKind::False | JsonKind::True | JsonKind::Number | JsonKind::String => {
            serde_json::from_str(json.raw()).unwrap_or_else(|_| json.raw().into())
        }
    }
}

/// Is told of a field, and what stands there in each of two values.
type Tell<'t> = dyn FnMut(&[String], Option<&Value>, Option<&Value>) + 't;

/// Tells each field in which two values differ, as far down as both are objects.
pub(super) fn differences(one: Option<&Value>, other: Option<&Value>, path: &mut Vec<String>, tell: &mut Tell<'_>) {
    match (one, other) {
        (Some(Value::Object(one)), Some(Value::Object(other))) => {
            let new = other.keys().filter(|key| !one.contains_key(*key));
            for key in one.keys().chain(new) {
                path.push(key.clone());
                differences(one.get(key), other.get(key), path, tell);
                path.pop();
            }
        }
        (Some(one), Some(other)) if same(one, other) => {}
        (None, None) => {}
        (one, other) => tell(path, one, other),
    }
}

/// Whether two values are the same; numbers are by what they are, not by how they are written.
pub(super) fn same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => {
            one == other || ((one.is_f64() || other.is_f64()) && one.as_f64() == other.as_f64())
        }
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| same(one, other))
        }
        (Value::Object(one), Value::Object(other)) => {
            one.len() == other.len()
                && one.iter().all(|(key, one)| other.get(key).is_some_and(|other| same(one, other)))
        }
        (one, other) => one == other,
    }
}
