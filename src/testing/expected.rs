//! What was decided of an event as what is to come of its test.

use serde_json::{Map, Value};

use super::compare::{differences, mapped, person};
use super::compile::Known;
use super::made_up::MadeUp;
use super::run::Subject;
use super::write::Kept;
use crate::base::json::Edited;
use crate::base::tree::Node;
use crate::event::{Change, Changes, Decision, Event, FieldPath, Kind, Mapped};

/// What was decided as an expectation, with its values made up alike.
pub(super) fn expectation(
    event: &Event,
    kept: &Kept,
    subject: &Subject<'_>,
    known: &Known<'_>,
    made_up: &mut MadeUp,
    remarks: &mut Vec<String>,
) -> Map<String, Value> {
    let decision = kept.decision.as_ref();
    let mut expect = decision.map_or_else(Map::new, |decision| {
        outcomes(event, decision, &mut |path, value| match path {
            Some(path) => {
                let path: Vec<&str> = std::iter::once("user").chain(path.iter().map(String::as_str)).collect();
                made_up.value(event.spec(), &path, value)
            }
            None => made_up.any(value),
        })
    });
    add(&mut expect, kept, event, subject, known, remarks);
    expect
}

/// Is given a value and the field of the person that it is for, and says what stands for it.
type Dress<'d> = dyn FnMut(Option<&[String]>, &Value) -> Value + 'd;

/// The outcome that a decision is, each value as `dress` has it.
pub(super) fn outcomes(event: &Event, decision: &Decision, dress: &mut Dress<'_>) -> Map<String, Value> {
    let mut expect = Map::new();
    match decision {
        Decision::Accept(changes) => {
            let (set, unset) = net(event, changes, dress);
            if event.spec().kind == Kind::Verdict {
                expect.insert("accept".into(), true.into());
            }
            // Also where nothing was changed: that is something to expect.
            expect.insert("set".into(), set.into());
            if !unset.is_empty() {
                expect.insert("unset".into(), unset.into());
            }
        }
        Decision::Refuse(message) => _ = expect.insert("deny".into(), message.as_str().into()),
        Decision::Map(Mapped::Value(value)) => _ = expect.insert("map".into(), dress(None, value)),
        Decision::Deprovision(truth) => _ = expect.insert("deprovision".into(), (*truth).into()),
        Decision::Map(Mapped::Neutral) => {
            let value = mapped(event, decision).unwrap_or(Value::Null);
            expect.insert("map".into(), dress(None, &value));
        }
        Decision::Perform(actions) => {
            expect.insert("perform".into(), actions.iter().map(|action| Value::from(&**action)).collect());
        }
        Decision::Acknowledge => {}
    }
    expect
}

/// The fields that are not what they were, by path; and those that are gone.
fn net(event: &Event, changes: &Changes, dress: &mut Dress<'_>) -> (Map<String, Value>, Vec<Value>) {
    let (mut set, mut unset) = (Map::new(), Vec::new());
    let Some(user) = event.user() else { return (set, unset) };
    let before = person(&Edited::new(user));
    let after = changes.apply(user).map_or(Value::Null, |edited| person(&edited));
    differences(Some(&before), Some(&after), &mut Vec::new(), &mut |path, _, after| {
        let name = FieldPath::of(path).to_string();
        match after {
            Some(value) => _ = set.insert(name, dress(Some(path), value)),
            None => unset.push(name.into()),
        }
    });
    (set, unset)
}

/// The rest of what was decided, as far as today's configuration knows of it.
fn add(
    expect: &mut Map<String, Value>,
    kept: &Kept,
    event: &Event,
    subject: &Subject<'_>,
    known: &Known<'_>,
    remarks: &mut Vec<String>,
) {
    let on_event = |id: &String| subject.rules.outlines().any(|rule| rule.event == event.name() && **rule.id == **id);
    match &kept.rule {
        Some(rule) if on_event(rule) => _ = expect.insert("rule".into(), rule.as_str().into()),
        Some(rule) => remarks.push(format!("The rule `{rule}` that decided it is no more.")),
        None => {}
    }
    if kept.erred.iter().any(|id| !on_event(id)) {
        remarks.push("A rule that erred is no more.".to_owned());
    } else if !kept.erred.is_empty() {
        expect.insert("erred".into(), kept.erred.clone().into());
    }
    let is_there =
        |id: &&String| known.actions.iter().any(|action| action.get("id").and_then(Node::as_str) == Some(id));
    let (there, gone): (Vec<&String>, Vec<&String>) = kept.sent.iter().partition(is_there);
    if subject.actions.follows(event.name()) {
        expect.insert("actions".into(), there.into_iter().cloned().collect());
    }
    for id in gone {
        remarks.push(format!("The action `{id}` that followed it is no more."));
    }
    if expect.is_empty() {
        // Nothing was decided, by no rule: that no rule errs is all that can be expected.
        expect.insert("erred".into(), Value::Array(Vec::new()));
    }
}

/// The fields that are changed.
pub(super) fn fields(expect: &Map<String, Value>) -> (Vec<&String>, Option<&Value>) {
    (expect.get("set").and_then(Value::as_object).into_iter().flat_map(Map::keys).collect(), expect.get("unset"))
}

/// The changes of a decision that was kept as `{"set": path, "to": value}` and `{"unset": path}`.
pub fn kept_changes(changes: &[Value]) -> Option<Changes> {
    changes
        .iter()
        .map(|change| {
            let path = |key: &str| change.get(key).and_then(Value::as_str).and_then(|path| FieldPath::parse(path).ok());
            match (path("set"), path("unset")) {
                (Some(path), _) => Some(Change::Set(path, change.get("to")?.clone())),
                (_, Some(path)) => Some(Change::Unset(path)),
                (None, None) => None,
            }
        })
        .collect()
}
