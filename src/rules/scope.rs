//! The variables that a rule's expressions see, as a schema at load and as values for an event.

use std::sync::Arc;

use indexmap::IndexMap;
use regex::Regex;

use super::EventRules;
use crate::event::catalog::{Care, FieldType, Spec};
use crate::event::{Event, FieldPath};
use crate::expr::{Schema, Scope, Type, Value};

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
pub(super) fn scope(event: &Event, rules: &EventRules, regexes: &Arc<[Regex]>) -> (Scope, Value) {
    let mut scope = Scope::new(regexes);
    scope.set("event", Value::text(event.name()));
    scope.set("now", Value::timestamp(event.received_at()));
    scope.set("token", event.token().map_or_else(Value::null, Value::from_json));
    let is_secret = |path: &[String]| rules.secrets.iter().any(|secret| secret.names() == path);
    let user = event.user().map(|user| {
        Value::read(user, &|path| {
            rules.secrets.iter().any(
                |secret| matches!(secret.names().split_first(), Some((first, rest)) if first == "user" && rest == path),
            )
        })
    });
    let user = match user {
        Some(read) => {
            read.unreadable.iter().for_each(|path| scope.set_unreadable("user", path));
            read.value
        }
        None => Value::empty_map(),
    };
    scope.set("user", user.clone());
    if rules.needs_request
        && let Some(request) = event.request()
    {
        let read = Value::read(request, &is_secret);
        read.unreadable.iter().for_each(|path| scope.set_unreadable("request", path));
        scope.set("request", read.value);
    }
    (scope, user)
}
