//! What expressions of actions see beside the event: `decision`, `answers` of the actions that they come after, and `secret`
//! where secret fields are granted.

use std::sync::Arc;

use super::{Context, DecisionView, Granted, Job};
use crate::base::secret::Secret;
use crate::event::{Event, FieldPath, Spec};
use crate::expr::{Map, Scope, Type, Value};
use crate::facts::Facts;
use crate::scope::Names;

/// The variable under which expressions find what earlier actions captured.
const ANSWERS: &str = "answers";

/// No names yet, of a condition on an event: it is evaluated before anything is done.
pub(super) fn names_before(spec: &'static Spec, context: &Context) -> Names {
    let remedy = "`when` is evaluated before anything is done: only what is made at each attempt, such as `url` and `body`, \
                  sees `answers`";
    plain(spec, context).with_answers(ANSWERS, remedy, &[])
}

/// No names yet, on an event of which these secret fields are granted, of an action that comes after others.
pub(super) fn names(
    spec: &'static Spec,
    context: &Context,
    granted: &[FieldPath],
    answers: &[(&str, &[String])],
) -> Names {
    let remedy = "name the action in `after`, and what it keeps of its target's answer in its `capture`";
    let names = plain(spec, context).with_answers(ANSWERS, remedy, answers);
    if granted.is_empty() {
        return names;
    }
    let fields: Vec<(&str, Type)> = granted
        .iter()
        .filter_map(|path| {
            Some((path.names().first()?.as_str(), if path.names().len() == 1 { Type::Dyn } else { Type::Map }))
        })
        .collect();
    names.with_variable("secret", Type::Map, &fields)
}

fn plain(spec: &'static Spec, context: &Context) -> Names {
    let fields = [("outcome", Type::String), ("rule", Type::Dyn), ("message", Type::Dyn)];
    let names = Names::new(spec, &context.secrets, &context.attributes).with_lookups(&context.lookups);
    names.with_variable("decision", Type::Map, &fields)
}

/// The values of these names for a job that is given these secret fields.
pub(super) fn of_job<'a>(names: &'a Names, job: &'a Job, granted: &[Granted]) -> Scope<'a> {
    let mut scope = scope(names, &job.event, &job.facts, &job.decision, granted);
    let answers: Vec<_> =
        job.answers.iter().map(|(id, kept)| (Value::text(id.as_str()), Value::from_value(kept))).collect();
    scope.set(ANSWERS, &Value::Map(Map::Shared(Arc::from(answers))));
    scope
}

/// The values of the names of a condition, but for granted secret fields.
pub(super) fn scope<'a>(
    names: &'a Names,
    event: &'a Event,
    facts: &'a Facts,
    decision: &DecisionView,
    granted: &[Granted],
) -> Scope<'a> {
    let (mut scope, _) = names.scope(event, facts);
    scope.set("decision", &value_of(decision));
    if !granted.is_empty() {
        let none = Value::Map(Map::Borrowed(&[]));
        let secret = granted.iter().fold(none, |value, granted| match FieldPath::parse(&granted.field) {
            Ok(path) => value.with(path.names(), Some(&granted.value())),
            Err(_) => value,
        });
        scope.set("secret", &secret);
    }
    scope
}

fn value_of<'a>(decision: &DecisionView) -> Value<'a> {
    let optional = |text: &Option<String>| text.as_deref().map_or(Value::Null, Value::text);
    let members = [
        (Value::text("outcome"), Value::text(decision.outcome.as_str())),
        (Value::text("rule"), optional(&decision.rule)),
        (Value::text("message"), optional(&decision.message)),
    ];
    Value::Map(Map::Shared(Arc::from(members)))
}

impl Granted {
    /// What stands there, where it is a text or a number: what a target might repeat.
    pub(super) fn to_text(&self) -> Option<Secret> {
        match self.to_json() {
            serde_json::Value::String(text) => Some(Secret::new(text)),
            serde_json::Value::Number(number) => Some(Secret::new(number.to_string())),
            serde_json::Value::Null
            | serde_json::Value::Bool(_)
            | serde_json::Value::Array(_)
            | serde_json::Value::Object(_) => None,
        }
    }

    /// What stands there; what is no JSON is nothing.
    pub(super) fn to_json(&self) -> serde_json::Value {
        serde_json::from_slice(self.json.expose()).unwrap_or_default()
    }

    fn value<'a>(&self) -> Value<'a> {
        Value::from_value(&self.to_json())
    }
}
