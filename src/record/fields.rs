//! Which fields events have, with types and how often, and never a value.

use std::collections::BTreeMap;

use crate::base::json::{Json, Kind};

/// So many fields of an event are told at most.
pub const MAX_FIELDS: usize = 2000;

/// What was seen of the events of one name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fields {
    /// How many events.
    pub events: u64,
    /// Each field by its path from `request` downwards; `[]` stands for the items of a list.
    pub fields: BTreeMap<String, Field>,
    /// There were more than [`MAX_FIELDS`].
    pub more: bool,
}

/// What was seen of one field.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Field {
    /// In how many events it was there.
    pub events: u64,
    /// How often it had which type.
    pub types: BTreeMap<&'static str, u64>,
    /// The last event in which it was there.
    last: u64,
}

impl Fields {
    /// Looks at the request of one more event.
    pub fn note(&mut self, request: Json<'_>) {
        self.events += 1;
        self.walk(request, &mut String::new());
    }

    /// Adds what was seen of other events.
    pub fn add(&mut self, other: Self) {
        self.events += other.events;
        self.more |= other.more;
        for (path, field) in other.fields {
            let Some(own) = self.field(&path) else { continue };
            own.events += field.events;
            for (kind, times) in field.types {
                *own.types.entry(kind).or_default() += times;
            }
        }
    }

    fn walk(&mut self, value: Json<'_>, path: &mut String) {
        match value.kind() {
            Kind::Object => {
                for (key, member) in value.members() {
                    let Ok(name) = key.decode() else { continue };
                    let length = path.len();
                    if length > 0 {
                        path.push('.');
                    }
                    if name.contains('.') {
                        path.push_str(&name.replace('.', "\\."));
                    } else {
                        path.push_str(&name);
                    }
                    self.see(path, member);
                    self.walk(member, path);
                    path.truncate(length);
                }
            }
            Kind::Array => {
                let length = path.len();
                path.push_str("[]");
                for item in value.items() {
                    self.see(path, item);
                    self.walk(item, path);
                }
                path.truncate(length);
            }
            Kind::Null | Kind::False | Kind::True | Kind::Number | Kind::String => {}
        }
    }

    fn see(&mut self, path: &str, value: Json<'_>) {
        let event = self.events;
        let Some(field) = self.field(path) else { return };
        if field.last != event {
            (field.last, field.events) = (event, field.events + 1);
        }
        *field.types.entry(type_of(value)).or_default() += 1;
    }

    /// The field at this path, as long as there are not too many.
    fn field(&mut self, path: &str) -> Option<&mut Field> {
        if !self.fields.contains_key(path) {
            if self.fields.len() >= MAX_FIELDS {
                self.more = true;
                return None;
            }
            self.fields.insert(path.to_owned(), Field::default());
        }
        self.fields.get_mut(path)
    }
}

fn type_of(value: Json<'_>) -> &'static str {
    match value.kind() {
        Kind::Null => "null",
        Kind::False | Kind::True => "bool",
        Kind::Number if value.raw().bytes().any(|byte| matches!(byte, b'.' | b'e' | b'E')) => "double",
        Kind::Number => "int",
        Kind::String if value.raw() == "\"***\"" => "masked",
        Kind::String => "string",
        Kind::Array => "list",
        Kind::Object => "object",
    }
}
