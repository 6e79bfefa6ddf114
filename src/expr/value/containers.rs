//! Texts, bytes, lists and maps, whether they were received, stand in an expression, or were made.

use super::{Blob, List, Map, Text, Unreadable, Value, length_cost};
use crate::base::json::{Json, Key};
use crate::expr::functions::{Failure, spend};

impl Text<'_> {
    /// The text.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Borrowed(text) => text,
            Self::Shared(text) => text,
        }
    }
}

impl Blob<'_> {
    /// The bytes.
    pub fn as_slice(&self) -> &[u8] {
        match self {
            Self::Borrowed(bytes) => bytes,
            Self::Shared(bytes) => bytes,
        }
    }
}

impl<'a> List<'a> {
    /// How many items it has.
    pub fn len(&self) -> usize {
        match self {
            Self::Json(json) => json.items().count(),
            Self::Borrowed(items) => items.len(),
            Self::Shared(items) => items.len(),
        }
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.count().next().is_none()
    }

    /// Something for each item, none of which is looked at.
    pub(super) fn count(&self) -> impl Iterator<Item = ()> + use<'a> {
        let (json, made) = match self {
            Self::Json(json) => (Some(*json), 0),
            Self::Borrowed(items) => (None, items.len()),
            Self::Shared(items) => (None, items.len()),
        };
        json.into_iter().flat_map(Json::items).map(|_| ()).chain(std::iter::repeat_n((), made))
    }

    /// What it costs to go through it: a received one is decoded each time.
    pub(in crate::expr) fn reading_cost(&self) -> u64 {
        match self {
            Self::Json(json) => length_cost(json.raw().len()),
            Self::Borrowed(items) => items.len() as u64 / 8,
            Self::Shared(items) => items.len() as u64 / 8,
        }
    }

    /// The item at an index.
    pub fn get(&self, index: usize) -> Option<Result<Value<'a>, Unreadable>> {
        match self {
            Self::Json(json) => json.items().nth(index).map(Value::from_json),
            Self::Borrowed(items) => items.get(index).cloned().map(Ok),
            Self::Shared(items) => items.get(index).cloned().map(Ok),
        }
    }

    /// Each item.
    pub fn iter(&self) -> impl Iterator<Item = Result<Value<'a>, Unreadable>> + use<'a, '_> {
        let (json, items): (Option<Json<'a>>, &[Value<'a>]) = match self {
            Self::Json(json) => (Some(*json), &[]),
            Self::Borrowed(items) => (None, items),
            Self::Shared(items) => (None, items),
        };
        let received = json.into_iter().flat_map(Json::items).map(Value::from_json);
        received.chain(items.iter().cloned().map(Ok))
    }
}

impl<'a> Map<'a> {
    /// How many members it has.
    pub fn len(&self) -> usize {
        match self {
            Self::Json(json) => json.members().count(),
            Self::Borrowed(members) => members.len(),
            Self::Shared(members) => members.len(),
        }
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.count().next().is_none()
    }

    /// Something for each member, none of which is looked at.
    pub(super) fn count(&self) -> impl Iterator<Item = ()> + use<'a> {
        let (json, made) = match self {
            Self::Json(json) => (Some(*json), 0),
            Self::Borrowed(members) => (None, members.len()),
            Self::Shared(members) => (None, members.len()),
        };
        json.into_iter().flat_map(Json::members).map(|_| ()).chain(std::iter::repeat_n((), made))
    }

    /// What it costs to go through it: a received one is decoded each time.
    pub(in crate::expr) fn reading_cost(&self) -> u64 {
        match self {
            Self::Json(json) => length_cost(json.raw().len()),
            Self::Borrowed(members) => members.len() as u64 / 8,
            Self::Shared(members) => members.len() as u64 / 8,
        }
    }

    /// The value of a text key.
    pub fn field(&self, name: &str) -> Option<Result<Value<'a>, Unreadable>> {
        let named = |members: &[(Value<'a>, Value<'a>)]| {
            members.iter().find(|(key, _)| key.as_str() == Some(name)).map(|(_, value)| value.readable())
        };
        match self {
            Self::Json(json) => json.get(name).map(Value::from_json),
            Self::Borrowed(members) => named(members),
            Self::Shared(members) => named(members),
        }
    }

    /// The value of any key; numbers of all types by their value.
    pub(in crate::expr) fn get(&self, key: &Value<'_>, budget: &mut u64) -> Result<Option<Value<'a>>, Failure> {
        if let Value::String(text) = key {
            spend(budget, self.reading_cost() + self.len() as u64)?;
            return Ok(self.field(text.as_str()).transpose()?);
        }
        let members: &[(Value<'a>, Value<'a>)] = match self {
            Self::Json(_) => &[],
            Self::Borrowed(members) => members,
            Self::Shared(members) => members,
        };
        for (found, value) in members {
            if found.equals(key, budget)? {
                return Ok(Some(value.readable()?));
            }
        }
        Ok(None)
    }

    /// Each member.
    pub fn iter(&self) -> impl Iterator<Item = Result<(Value<'a>, Value<'a>), Unreadable>> + use<'a, '_> {
        let (json, members): (Option<Json<'a>>, &[(Value<'a>, Value<'a>)]) = match self {
            Self::Json(json) => (Some(*json), &[]),
            Self::Borrowed(members) => (None, members),
            Self::Shared(members) => (None, members),
        };
        let received = json.into_iter().flat_map(Json::members).map(|(key, value)| {
            let key = match key.decode().map_err(|_| Unreadable)? {
                std::borrow::Cow::Borrowed(text) => Value::String(Text::Borrowed(text)),
                std::borrow::Cow::Owned(text) => Value::text(text),
            };
            Ok((key, Value::from_json(value)?))
        });
        received.chain(members.iter().map(|(key, value)| Ok((key.readable()?, value.readable()?))))
    }

    /// Each member; one that has no value is there without.
    pub(super) fn members(&self) -> Vec<(Value<'a>, Value<'a>)> {
        match self {
            Self::Json(json) => {
                let name = |key: Key<'_>| key.decode().map_or(Value::Unreadable, |key| Value::text(key.as_ref()));
                let members = json.members();
                members.map(|(key, value)| (name(key), Value::from_json(value).unwrap_or(Value::Unreadable))).collect()
            }
            Self::Borrowed(members) => members.to_vec(),
            Self::Shared(members) => members.to_vec(),
        }
    }
}

/// What it costs to copy so many members.
fn copying(members: usize) -> u64 {
    (members as u64).saturating_mul(4)
}

impl<'a> Value<'a> {
    /// What it costs to copy this map, and those in it that were made.
    pub(in crate::expr) fn copying_cost(&self) -> u64 {
        let made: &[(Value<'_>, Value<'_>)] = match self {
            Self::Map(Map::Json(json)) => {
                // Copied with the first change; from then on it is one that was made.
                return length_cost(json.raw().len()).saturating_add(copying(json.members().count()));
            }
            Self::Map(Map::Borrowed(members)) => members,
            Self::Map(Map::Shared(members)) => members,
            Self::List(List::Json(json)) => return length_cost(json.raw().len()),
            other => return other.own_cost(),
        };
        made.iter().fold(copying(made.len()), |cost, (_, value)| cost.saturating_add(value.copying_cost()))
    }

    /// The value that a map holds, where it is one.
    pub(in crate::expr) fn readable(&self) -> Result<Value<'a>, Unreadable> {
        if matches!(self, Self::Unreadable) { Err(Unreadable) } else { Ok(self.clone()) }
    }
}
