//! The variables that a rule's expressions see, as a schema at load and as values for an event.

use indexmap::IndexMap;

use super::EventRules;
use crate::base::json::Json;
use crate::event::catalog::{Care, FieldType, Spec};
use crate::event::{Event, FieldPath};
use crate::expr::{Map, Schema, Scope, Text, Type, Value};

/// What expressions on this event can name.
pub(super) fn schema(spec: &Spec, secrets: &[FieldPath], attributes: &IndexMap<String, Type>) -> Schema {
    let mut schema = Schema::default()
        .variable("event", Type::String)
        .variable("user", Type::Map)
        .variable("request", Type::Map)
        .variable("token", Type::Dyn)
        .variable("now", Type::Timestamp);
    for field in spec.fields.iter().filter(|field| field.care != Care::Secret) {
        let names: Vec<&str> = field.path.split('.').collect();
        schema.add_field(&[&["request"], names.as_slice()].concat(), field_type(field.kind));
        if let Some((&"user", below)) = names.split_first()
            && !below.is_empty()
        {
            schema.add_field(&names, field_type(field.kind));
        }
    }
    for (path, kind) in attributes {
        if let Ok(path) = FieldPath::parse(path) {
            schema.add_field(path.names(), *kind);
        }
    }
    for secret in secrets {
        let mut path = vec!["request".to_owned()];
        path.extend_from_slice(secret.names());
        schema.add_secret(&path);
        if path.get(1).is_some_and(|name| name == "user") {
            schema.add_secret(&path[1..]);
        }
    }
    schema
}

fn field_type(kind: FieldType) -> Type {
    match kind {
        FieldType::Text => Type::String,
        FieldType::Bool => Type::Bool,
        FieldType::Integer => Type::Int,
        FieldType::List => Type::List,
        FieldType::Object => Type::Map,
        FieldType::Any => Type::Dyn,
    }
}

/// The variables of an event, and the person as a value that `set` can change.
pub(super) fn scope<'a>(event: &'a Event, rules: &'a EventRules) -> (Scope<'a>, Value<'a>) {
    let mut scope = Scope::new(&rules.paths);
    scope.set("event", &Value::String(Text::Borrowed(event.name())));
    scope.set("now", &Value::Timestamp(event.received_at()));
    if rules.paths.names("token") {
        scope.set("token", &event.token().map_or(Value::Null, Value::from_value));
    }
    let user = match event.user() {
        Some(user) => hidden(user, &rules.secrets, Some("user"), rules.exposes_user),
        None => Value::Map(Map::Borrowed(&[])),
    };
    scope.set("user", &user);
    if rules.paths.names("request")
        && let Some(request) = event.request()
    {
        scope.set("request", &hidden(request, &rules.secrets, None, rules.exposes_request));
    }
    (scope, user)
}

/// Received JSON as expressions see it. Secrets cannot be named; they are taken out where a whole that they lie in is.
fn hidden<'a>(json: Json<'a>, secrets: &[FieldPath], under: Option<&str>, exposed: bool) -> Value<'a> {
    let paths: Vec<&[String]> = secrets
        .iter()
        .filter_map(|secret| match under {
            Some(first) => secret.names().split_first().filter(|(name, _)| *name == first).map(|(_, rest)| rest),
            None => Some(secret.names()),
        })
        .filter(|path| !path.is_empty())
        .collect();
    let value = if exposed { Value::without(json, &paths) } else { Value::from_json(json) };
    // An object always has a value.
    value.unwrap_or(Value::Null)
}
