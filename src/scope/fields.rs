//! The fields that are named and that nobody has listed: one warning for each, however often and on however many events.

use crate::base::diagnostic::{Diagnostic, Place};
use crate::event::FieldPath;
use crate::event::catalog::Spec;
use crate::expr::{Type, UnknownField};

/// The unknown fields of a rule, or of something else that has expressions on several events.
#[derive(Debug, Default)]
pub struct UnknownFields(Vec<Found>);

#[derive(Debug)]
struct Found {
    /// As `[attributes]` would name it.
    path: FieldPath,
    field: UnknownField,
    /// Where it stands first.
    place: Place,
    /// The events on which it is not known.
    events: Vec<&'static str>,
}

impl UnknownFields {
    /// Adds one that stands at `place` and is not known on this event.
    pub fn add(&mut self, field: UnknownField, place: &Place, spec: &Spec) {
        let path = attribute(&field.path);
        let Some(found) = self.0.iter_mut().find(|found| found.path == path) else {
            self.0.push(Found { path, field, place: place.clone(), events: vec![spec.name] });
            return;
        };
        if !found.events.contains(&spec.name) {
            found.events.push(spec.name);
        }
        if found.field.kind == Type::Dyn {
            found.field.kind = field.kind;
        }
        if place.span.start < found.place.span.start {
            found.place = place.clone();
        }
    }

    /// What there is to say of them to somebody whose rule is on these events.
    pub fn findings(self, specs: &[&Spec]) -> Vec<Diagnostic> {
        self.0.into_iter().map(|found| found.finding(specs)).collect()
    }
}

impl Found {
    fn finding(self, specs: &[&Spec]) -> Diagnostic {
        let written = FieldPath::of(&self.field.path);
        let known_on: Vec<&str> =
            specs.iter().map(|spec| spec.name).filter(|name| !self.events.contains(name)).collect();
        let (message, hint) = if known_on.is_empty() {
            let message = format!("`{written}` is not a field that is known");
            let hint = match &self.field.near {
                Some(near) => {
                    let mut meant = self.field.path.clone();
                    meant.pop();
                    meant.push(near.clone());
                    format!("did you mean `{}`? If not, {}", FieldPath::of(&meant), self.declaration())
                }
                None => self.declaration(),
            };
            (message, hint)
        } else {
            let message = format!("`{written}` is not a field that is known on {}", self.events.join(", "));
            let known_on = known_on.join(", ");
            (message, format!("it is known on {known_on}: write a rule for each, or {}", self.declaration()))
        };
        Diagnostic::warning("unknown-field", message).at(&self.place).hint(hint)
    }

    /// The line that makes it known.
    fn declaration(&self) -> String {
        // What JSON escapes, TOML's double quotes escape the same way.
        let path = serde_json::Value::from(self.path.to_string());
        format!("declare it under `[attributes]`: {path} = \"{}\"", type_word(self.field.kind))
    }
}

/// The path of a field as `[attributes]` has it: the person's own fields are declared below `user`.
fn attribute(path: &[String]) -> FieldPath {
    match path {
        [request, user, _, ..] if request == "request" && user == "user" => FieldPath::of(&path[1..]),
        _ => FieldPath::of(path),
    }
}

/// The type that an attribute is declared with. Most hold text.
fn type_word(kind: Type) -> &'static str {
    match kind {
        Type::Int | Type::Uint => "int",
        Type::Double => "double",
        Type::Bool => "bool",
        Type::List => "list",
        Type::Map => "map",
        Type::String
        | Type::Bytes
        | Type::Null
        | Type::Timestamp
        | Type::Duration
        | Type::Optional
        | Type::Type
        | Type::Dyn => "string",
    }
}
