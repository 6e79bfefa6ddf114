//! A value while an expression is evaluated: what came in is borrowed, only what an expression makes is owned.

mod compare;
mod containers;
mod json;

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};

use super::schema::Type;
use crate::base::json::Json;

/// A value. Cloning copies no text, list or map.
#[derive(Clone, Debug)]
pub enum Value<'a> {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// 64 bits with sign.
    Int(i64),
    /// 64 bits without.
    Uint(u64),
    /// 64 bits of floating point.
    Double(f64),
    /// Text.
    String(Text<'a>),
    /// Bytes.
    Bytes(Blob<'a>),
    /// A list.
    List(List<'a>),
    /// A map.
    Map(Map<'a>),
    /// A time.
    Timestamp(DateTime<Utc>),
    /// A length of time.
    Duration(TimeDelta),
    /// An optional value.
    Optional(Option<Arc<Value<'a>>>),
    /// A type.
    Type(&'static str),
    /// What a map holds in the place of what has no value. No expression gets hold of it: reading it is an error.
    Unreadable,
}

/// Text, borrowed or shared.
#[derive(Clone, Debug)]
pub enum Text<'a> {
    /// From the event or from an expression.
    Borrowed(&'a str),
    /// Made by an expression.
    Shared(Arc<str>),
}

/// Bytes, borrowed or shared.
#[derive(Clone, Debug)]
pub enum Blob<'a> {
    /// From an expression.
    Borrowed(&'a [u8]),
    /// Made by one.
    Shared(Arc<[u8]>),
}

/// A list, received or made.
#[derive(Clone, Debug)]
pub enum List<'a> {
    /// As received.
    Json(Json<'a>),
    /// From an expression.
    Borrowed(&'a [Value<'a>]),
    /// Made by one.
    Shared(Arc<[Value<'a>]>),
}

/// A map, received or made. A made one keeps the order of its members.
#[derive(Clone, Debug)]
pub enum Map<'a> {
    /// As received.
    Json(Json<'a>),
    /// From an expression.
    Borrowed(&'a [(Value<'a>, Value<'a>)]),
    /// Made by one, or received and changed.
    Shared(Arc<[(Value<'a>, Value<'a>)]>),
}

/// A received number or text that has no value: it is out of range, or half a character.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unreadable;

/// Seconds either way that a duration may have, by the specification.
const MAX_DURATION_SECONDS: i64 = 315_576_000_000;
/// The first and the last second that a time may be in, by the specification.
const TIMES: std::ops::RangeInclusive<i64> = -62_135_596_800..=253_402_300_799;

impl<'a> Value<'a> {
    /// A text that is owned.
    pub fn text(text: impl Into<Arc<str>>) -> Self {
        Self::String(Text::Shared(text.into()))
    }

    /// A list that is owned.
    pub fn list(items: Vec<Value<'a>>) -> Self {
        Self::List(List::Shared(items.into()))
    }

    /// The same value, borrowed from this one.
    #[must_use]
    pub fn borrow(&'a self) -> Value<'a> {
        match self {
            Self::String(text) => Self::String(Text::Borrowed(text.as_str())),
            Self::Bytes(blob) => Self::Bytes(Blob::Borrowed(blob.as_slice())),
            Self::List(List::Shared(items)) => Self::List(List::Borrowed(items)),
            Self::Map(Map::Shared(members)) => Self::Map(Map::Borrowed(members)),
            other => other.clone(),
        }
    }

    /// A copy of this map with `value` at `path`, or without what is there. Missing parents are made.
    #[must_use]
    pub fn with(&self, path: &[String], value: Option<&Value<'a>>) -> Self {
        let Some((name, rest)) = path.split_first() else { return value.cloned().unwrap_or(Self::Null) };
        let mut members: Vec<(Value<'a>, Value<'a>)> = match self {
            Self::Map(map) => map.members(),
            _ => Vec::new(),
        };
        let at = members.iter().position(|(key, _)| key.as_str() == Some(name));
        match (at, rest.is_empty(), value) {
            (Some(at), true, None) => _ = members.remove(at),
            (Some(at), _, _) => members[at].1 = members[at].1.with(rest, value),
            (None, _, Some(_)) => {
                members.push((Self::text(name.as_str()), Self::Map(Map::Borrowed(&[])).with(rest, value)));
            }
            (None, _, None) => {}
        }
        Self::Map(Map::Shared(members.into()))
    }

    /// The value at `path` in this map.
    pub fn find(&self, path: &[String]) -> Option<Self> {
        path.iter().try_fold(self.clone(), |value, name| match &value {
            Self::Map(map) => map.field(name)?.ok(),
            _ => None,
        })
    }

    /// What an optional holds; a value that is no optional is itself.
    pub fn unwrap_optional(self) -> Option<Self> {
        match self {
            Self::Optional(value) => value.map(|value| Self::clone(&value)),
            other => Some(other),
        }
    }

    /// The name of its type, as `type(x)` tells.
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::Null => "null_type",
            Self::Bool(_) => "bool",
            Self::Int(_) => "int",
            Self::Uint(_) => "uint",
            Self::Double(_) => "double",
            Self::String(_) => "string",
            Self::Bytes(_) => "bytes",
            Self::List(_) => "list",
            Self::Map(_) => "map",
            Self::Timestamp(_) => "google.protobuf.Timestamp",
            Self::Duration(_) => "google.protobuf.Duration",
            Self::Optional(_) => "optional_type",
            Self::Type(_) => "type",
            Self::Unreadable => "unreadable",
        }
    }

    /// Its type.
    pub fn kind(&self) -> Type {
        match self {
            Self::Null => Type::Null,
            Self::Bool(_) => Type::Bool,
            Self::Int(_) => Type::Int,
            Self::Uint(_) => Type::Uint,
            Self::Double(_) => Type::Double,
            Self::String(_) => Type::String,
            Self::Bytes(_) => Type::Bytes,
            Self::List(_) => Type::List,
            Self::Map(_) => Type::Map,
            Self::Timestamp(_) => Type::Timestamp,
            Self::Duration(_) => Type::Duration,
            Self::Optional(_) => Type::Optional,
            Self::Type(_) => Type::Type,
            Self::Unreadable => Type::Dyn,
        }
    }

    /// What it costs to go through it, without what the items of a list or a map cost themselves.
    pub(super) fn own_cost(&self) -> u64 {
        match self {
            Self::String(text) => length_cost(text.as_str().len()),
            Self::Bytes(blob) => length_cost(blob.as_slice().len()),
            Self::List(list) => list.reading_cost(),
            Self::Map(map) => map.reading_cost(),
            Self::Null
            | Self::Bool(_)
            | Self::Int(_)
            | Self::Uint(_)
            | Self::Double(_)
            | Self::Timestamp(_)
            | Self::Duration(_)
            | Self::Optional(_)
            | Self::Type(_)
            | Self::Unreadable => 0,
        }
    }

    /// Whether it is `true`; none where it is no bool.
    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Self::Bool(truth) => Some(*truth),
            _ => None,
        }
    }

    /// The text, where it is one.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text.as_str()),
            _ => None,
        }
    }
}

/// What looking at so many bytes costs, in steps.
pub(super) fn length_cost(bytes: usize) -> u64 {
    bytes as u64 / 32
}

/// A duration within the specification's range.
pub(super) fn duration(duration: TimeDelta) -> Option<TimeDelta> {
    (duration.num_seconds().abs() <= MAX_DURATION_SECONDS).then_some(duration)
}

/// A time within the specification's range.
pub(super) fn timestamp(time: DateTime<Utc>) -> Option<DateTime<Utc>> {
    TIMES.contains(&time.timestamp()).then_some(time)
}
