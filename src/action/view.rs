//! What expressions of actions see beside the event: `decision`, and `secret` where secret fields are granted.

use std::sync::Arc;

use super::{Context, DecisionView, Granted};
use crate::event::{Event, FieldPath, Spec};
use crate::expr::{Map, Scope, Type, Value};
use crate::facts::Facts;
use crate::scope::Names;

/// No names yet, on an event of which these secret fields are granted.
pub(super) fn names(spec: &'static Spec, context: &Context, granted: &[FieldPath]) -> Names {
    let fields = [("outcome", Type::String), ("rule", Type::Dyn), ("message", Type::Dyn)];
    let names = Names::new(spec, &context.secrets, &context.attributes)
        .noting(context.prices.as_ref())
        .with_lookups(&context.lookups)
        .with_variable("decision", Type::Map, &fields);
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

/// The values of these names.
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
    /// What stands there; what is no JSON is nothing.
    pub(super) fn to_json(&self) -> serde_json::Value {
        serde_json::from_slice(self.json.expose()).unwrap_or_default()
    }

    fn value<'a>(&self) -> Value<'a> {
        Value::from_value(&self.to_json())
    }
}
