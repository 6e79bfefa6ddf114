//! Changes to a received value: set and unset by path; whatever they do not touch keeps its bytes.

use serde_json::Value;

use super::{Json, Key, Kind, quote};

/// A received value with changes laid over it.
#[derive(Clone)]
pub struct Edited<'a>(Part<'a>);

#[derive(Clone)]
enum Part<'a> {
    Received(Json<'a>),
    /// An object of which something was changed; the rest are received parts.
    Opened(Vec<(Name<'a>, Part<'a>)>),
    New(Value),
}

#[derive(Clone)]
enum Name<'a> {
    Received(Key<'a>),
    New(String),
}

/// Why a change cannot be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EditError {
    /// What should hold the changed member is there and is no object. The path is of names that a rule gave.
    #[error("`{0}` is there and is no object")]
    NotAnObject(String),
}

impl<'a> Edited<'a> {
    /// The value as received.
    pub fn new(received: Json<'a>) -> Self {
        Self(Part::Received(received))
    }

    /// Puts `value` at `path`. A member that is there keeps its place, a new one is appended; missing parents are made.
    pub fn set(&mut self, path: &[String], value: Value) -> Result<(), EditError> {
        let slot = path.iter().enumerate().try_fold(&mut self.0, |part, (depth, name)| {
            let members = part.open().ok_or_else(|| EditError::NotAnObject(path[..depth].join(".")))?;
            let at = position(members, name).unwrap_or_else(|| {
                members.push((Name::New(name.clone()), Part::New(Value::Object(serde_json::Map::new()))));
                members.len() - 1
            });
            Ok(&mut members[at].1)
        })?;
        *slot = Part::New(value);
        Ok(())
    }

    /// Takes the member at `path` away, where it is there.
    pub fn unset(&mut self, path: &[String]) {
        let Some((last, parents)) = path.split_last() else { return };
        // What holds it would be opened for nothing.
        if !self.0.has(path) {
            return;
        }
        let holder = parents.iter().try_fold(&mut self.0, |part, name| {
            let members = part.open()?;
            let at = position(members, name)?;
            Some(&mut members[at].1)
        });
        if let Some(members) = holder.and_then(Part::open)
            && let Some(at) = position(members, last)
        {
            members.remove(at);
        }
    }

    /// The value at `path` as JSON text, where there is one.
    pub fn get(&self, path: &[String]) -> Option<String> {
        let mut part = self.0.clone();
        for name in path {
            part = part.member(name)?;
        }
        let mut text = String::new();
        part.write(&mut text);
        Some(text)
    }

    /// Appends the whole value as JSON.
    pub fn write(&self, out: &mut String) {
        self.0.write(out);
    }
}

impl<'a> Part<'a> {
    /// The members, to be changed; none where this is no object.
    fn open(&mut self) -> Option<&mut Vec<(Name<'a>, Part<'a>)>> {
        let members = match self {
            Self::Opened(_) => None,
            Self::Received(json) if json.kind() == Kind::Object => {
                Some(json.members().map(|(key, value)| (Name::Received(key), Part::Received(value))).collect())
            }
            Self::New(Value::Object(object)) => {
                let object = std::mem::take(object);
                Some(object.into_iter().map(|(key, value)| (Name::New(key), Part::New(value))).collect())
            }
            Self::Received(_) | Self::New(_) => return None,
        };
        if let Some(members) = members {
            *self = Self::Opened(members);
        }
        match self {
            Self::Opened(members) => Some(members),
            Self::Received(_) | Self::New(_) => None,
        }
    }

    fn has(&self, path: &[String]) -> bool {
        let Some((name, rest)) = path.split_first() else { return true };
        match self {
            Self::Received(json) => json.get(name).is_some_and(|member| Part::Received(member).has(rest)),
            Self::Opened(members) => position(members, name).is_some_and(|at| members[at].1.has(rest)),
            Self::New(value) => path.iter().try_fold(value, |value, name| value.get(name)).is_some(),
        }
    }

    fn member(&self, name: &str) -> Option<Part<'a>> {
        match self {
            Self::Received(json) => json.get(name).map(Part::Received),
            Self::Opened(members) => position(members, name).map(|at| members[at].1.clone()),
            Self::New(value) => value.get(name).cloned().map(Part::New),
        }
    }

    fn write(&self, out: &mut String) {
        match self {
            Self::Received(json) => out.push_str(json.raw()),
            Self::New(value) => out.push_str(&value.to_string()),
            Self::Opened(members) => {
                out.push('{');
                for (index, (name, part)) in members.iter().enumerate() {
                    if index > 0 {
                        out.push(',');
                    }
                    match name {
                        Name::Received(key) => out.push_str(key.raw()),
                        Name::New(key) => out.push_str(&quote(key)),
                    }
                    out.push(':');
                    part.write(out);
                }
                out.push('}');
            }
        }
    }
}

fn position(members: &[(Name<'_>, Part<'_>)], name: &str) -> Option<usize> {
    members.iter().position(|(key, _)| match key {
        Name::Received(key) => key.is(name),
        Name::New(key) => key == name,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::Document;
    use super::*;

    fn path(text: &str) -> Vec<String> {
        text.split('.').map(str::to_owned).collect()
    }

    #[track_caller]
    fn check(received: &str, change: impl FnOnce(&mut Edited<'_>), expected: &str) {
        let document = Document::parse(received).expect("JSON");
        let mut edited = Edited::new(document.root());
        change(&mut edited);
        let mut out = String::new();
        edited.write(&mut out);
        assert_eq!(out, expected);
    }

    #[test]
    fn without_a_change_every_byte_stays() {
        check("{ \"a\" : 0.10 }", |_| {}, "{ \"a\" : 0.10 }");
        check("{ \"a\" : 0.10 }", |edited| edited.unset(&path("b.c")), "{ \"a\" : 0.10 }");
    }

    #[test]
    fn what_a_change_does_not_touch_keeps_its_bytes() {
        check(
            r#"{"n":1E5,"k\u0065y":"\u00e9","address":{ "zip" : 0.10,"city":"x" },"z":[ 1 ]}"#,
            |edited| {
                edited.set(&path("address.city"), json!("Pune")).expect("an object");
                edited.set(&path("key"), json!(1)).expect("an object");
                edited.set(&path("a.b.c"), json!(true)).expect("new objects");
                edited.unset(&path("n"));
            },
            r#"{"k\u0065y":1,"address":{"zip":0.10,"city":"Pune"},"z":[ 1 ],"a":{"b":{"c":true}}}"#,
        );
    }

    #[test]
    fn a_new_object_can_be_changed_again() {
        check(
            "{}",
            |edited| {
                edited.set(&path("a"), json!({"b": 1, "c": 2})).expect("an object");
                edited.set(&path("a.b"), json!([])).expect("an object");
                edited.unset(&path("a.c"));
                assert_eq!(edited.get(&path("a.b")).as_deref(), Some("[]"));
            },
            r#"{"a":{"b":[]}}"#,
        );
    }

    #[test]
    fn a_parent_that_is_no_object_is_an_error() {
        let document = Document::parse(r#"{"a":{"b":null}}"#).expect("JSON");
        let mut edited = Edited::new(document.root());
        assert_eq!(edited.set(&path("a.b.c"), json!(1)), Err(EditError::NotAnObject("a.b".into())));
    }
}
