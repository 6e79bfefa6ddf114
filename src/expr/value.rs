//! A value while an expression is evaluated: what came in is borrowed, only what an expression makes is owned.

use std::cmp::Ordering;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};

use crate::base::json::{Json, Kind as JsonKind};

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
    /// What stands in received JSON.
    pub fn from_json(json: Json<'a>) -> Result<Self, Unreadable> {
        Ok(match json.kind() {
            JsonKind::Null => Self::Null,
            JsonKind::False => Self::Bool(false),
            JsonKind::True => Self::Bool(true),
            JsonKind::Number => number(json.raw())?,
            JsonKind::String => match json.as_text() {
                Some(Ok(std::borrow::Cow::Borrowed(text))) => Self::String(Text::Borrowed(text)),
                Some(Ok(std::borrow::Cow::Owned(text))) => Self::String(Text::Shared(text.into())),
                Some(Err(_)) | None => return Err(Unreadable),
            },
            JsonKind::Array => Self::List(List::Json(json)),
            JsonKind::Object => Self::Map(Map::Json(json)),
        })
    }

    /// A serde_json value's.
    pub fn from_value(value: &serde_json::Value) -> Self {
        use serde_json::Value as Json;
        match value {
            Json::Null => Self::Null,
            Json::Bool(truth) => Self::Bool(*truth),
            Json::Number(number) => match number.as_i64() {
                Some(integer) => Self::Int(integer),
                None => Self::Double(number.as_f64().unwrap_or(f64::NAN)),
            },
            Json::String(text) => Self::text(text.as_str()),
            Json::Array(items) => Self::List(List::Shared(items.iter().map(Self::from_value).collect())),
            Json::Object(members) => {
                let members = members.iter().map(|(key, value)| (Self::text(key.as_str()), Self::from_value(value)));
                Self::Map(Map::Shared(members.collect()))
            }
        }
    }

    /// A text that is owned.
    pub fn text(text: impl Into<Arc<str>>) -> Self {
        Self::String(Text::Shared(text.into()))
    }

    /// A list that is owned.
    pub fn list(items: Vec<Value<'a>>) -> Self {
        Self::List(List::Shared(items.into()))
    }

    /// The same value, borrowed from this one.
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
        // A member that has no value is left out: an expression that named it was an error anyway.
        let mut members: Vec<(Value<'a>, Value<'a>)> = match self {
            Self::Map(map) => map.iter().filter_map(Result::ok).collect(),
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

    /// Received JSON without the members at these paths, key and all. What holds none of them is borrowed.
    pub fn without(json: Json<'a>, hidden: &[&[String]]) -> Result<Self, Unreadable> {
        if hidden.is_empty() || json.kind() != JsonKind::Object {
            return Self::from_json(json);
        }
        let mut members = Vec::new();
        for (key, member) in json.members() {
            let Ok(name) = key.decode() else { continue };
            if hidden.iter().any(|path| matches!(path, [last] if *last == name)) {
                continue;
            }
            let below: Vec<&[String]> = hidden
                .iter()
                .filter(|path| path.first().is_some_and(|first| *first == name))
                .map(|path| &path[1..])
                .collect();
            if let Ok(value) = Self::without(member, &below) {
                members.push((Self::text(name.as_ref()), value));
            }
        }
        Ok(Self::Map(Map::Shared(members.into())))
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

    /// Whether both are the same, in type as well.
    pub fn same(&self, other: &Self) -> bool {
        self.type_name() == other.type_name() && self.equals(other, &mut 0) == Ok(true)
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

    /// Equality as CEL has it: numbers of all types by their value, values of different types never. `cost` is counted
    /// up by what is looked at. A received number that is out of range is an error.
    pub(super) fn equals(&self, other: &Self, cost: &mut u64) -> Result<bool, Unreadable> {
        *cost += 1;
        Ok(match (self, other) {
            (Self::Null, Self::Null) => true,
            (Self::Bool(a), Self::Bool(b)) => a == b,
            (Self::String(a), Self::String(b)) => {
                *cost += length_cost(a.as_str().len().min(b.as_str().len()));
                a.as_str() == b.as_str()
            }
            (Self::Bytes(a), Self::Bytes(b)) => {
                *cost += length_cost(a.as_slice().len().min(b.as_slice().len()));
                a.as_slice() == b.as_slice()
            }
            (Self::Timestamp(a), Self::Timestamp(b)) => a == b,
            (Self::Duration(a), Self::Duration(b)) => a == b,
            (Self::Type(a), Self::Type(b)) => a == b,
            (Self::Optional(None), Self::Optional(None)) => true,
            (Self::Optional(Some(a)), Self::Optional(Some(b))) => a.equals(b, cost)?,
            (Self::List(a), Self::List(b)) => {
                if a.len() != b.len() {
                    return Ok(false);
                }
                for (a, b) in a.iter().zip(b.iter()) {
                    if !a?.equals(&b?, cost)? {
                        return Ok(false);
                    }
                }
                true
            }
            (Self::Map(a), Self::Map(b)) => {
                if a.len() != b.len() {
                    return Ok(false);
                }
                for member in a.iter() {
                    let (key, value) = member?;
                    match b.get(&key, cost)? {
                        Some(other) if value.equals(&other, cost)? => {}
                        Some(_) | None => return Ok(false),
                    }
                }
                true
            }
            _ => compare_numbers(self, other) == Some(Some(Ordering::Equal)),
        })
    }

    /// Which comes first; none for values that have no order between them. The inner none is for what is no number.
    pub(super) fn compare(&self, other: &Self) -> Option<Option<Ordering>> {
        Some(Some(match (self, other) {
            (Self::Bool(a), Self::Bool(b)) => a.cmp(b),
            (Self::String(a), Self::String(b)) => a.as_str().cmp(b.as_str()),
            (Self::Bytes(a), Self::Bytes(b)) => a.as_slice().cmp(b.as_slice()),
            (Self::Timestamp(a), Self::Timestamp(b)) => a.cmp(b),
            (Self::Duration(a), Self::Duration(b)) => a.cmp(b),
            _ => return compare_numbers(self, other),
        }))
    }

    /// As JSON: times as RFC 3339, durations as `"3s"`, bytes as base64. The text says why there is none.
    pub fn to_json(&self) -> Result<serde_json::Value, &'static str> {
        use base64::Engine as _;
        use serde_json::Value as Json;
        const UNREADABLE: &str = "a number is out of range, or a text has half a character";
        Ok(match self {
            Self::Null | Self::Optional(None) => Json::Null,
            Self::Optional(Some(value)) => value.to_json()?,
            Self::Bool(truth) => Json::Bool(*truth),
            Self::Int(number) => Json::from(*number),
            Self::Uint(number) => Json::from(*number),
            Self::Double(number) => serde_json::Number::from_f64(*number)
                .map(Json::Number)
                .ok_or("a number that is not finite has no JSON form")?,
            Self::String(text) => Json::String(text.as_str().to_owned()),
            Self::Bytes(blob) => Json::String(base64::engine::general_purpose::STANDARD.encode(blob.as_slice())),
            Self::Timestamp(time) => Json::String(super::times::timestamp_text(time)),
            Self::Duration(duration) => Json::String(super::times::duration_text(*duration)),
            Self::Type(_) => return Err("a type has no JSON form"),
            Self::List(list) => {
                let items = list.iter().map(|item| item.map_err(|_| UNREADABLE)?.to_json());
                Json::Array(items.collect::<Result<_, _>>()?)
            }
            Self::Map(map) => {
                let mut members = serde_json::Map::new();
                for member in map.iter() {
                    let (key, value) = member.map_err(|_| UNREADABLE)?;
                    let key = match &key {
                        Self::String(text) => text.as_str().to_owned(),
                        Self::Bool(truth) => truth.to_string(),
                        Self::Int(number) => number.to_string(),
                        Self::Uint(number) => number.to_string(),
                        _ => return Err("a map's key has no JSON form"),
                    };
                    members.insert(key, value.to_json()?);
                }
                Json::Object(members)
            }
        })
    }

    /// Whether a value is empty, zero or false, as `optional.ofNonZeroValue` asks.
    pub(super) fn is_zero(&self) -> bool {
        match self {
            Self::Null | Self::Bool(false) | Self::Int(0) | Self::Uint(0) | Self::Optional(None) => true,
            Self::Double(number) => *number == 0.0,
            Self::String(text) => text.as_str().is_empty(),
            Self::Bytes(blob) => blob.as_slice().is_empty(),
            Self::List(list) => list.len() == 0,
            Self::Map(map) => map.len() == 0,
            Self::Duration(duration) => duration.is_zero(),
            Self::Timestamp(_)
            | Self::Bool(true)
            | Self::Int(_)
            | Self::Uint(_)
            | Self::Optional(Some(_))
            | Self::Type(_) => false,
        }
    }
}

/// What looking at so many bytes costs, in steps.
pub(super) fn length_cost(bytes: usize) -> u64 {
    bytes as u64 / 32
}

fn number<'a>(raw: &str) -> Result<Value<'a>, Unreadable> {
    if let Ok(integer) = raw.parse::<i64>() {
        return Ok(Value::Int(integer));
    }
    match raw.parse::<f64>() {
        Ok(number) if number.is_finite() => Ok(Value::Double(number)),
        Ok(_) | Err(_) => Err(Unreadable),
    }
}

/// The order of two numbers of any types; outer none where one is no number, inner none where one is NaN. A double and an
/// integer are compared as doubles, unless the double is beyond every integer, as the specification's cases have it.
#[expect(clippy::cast_precision_loss, reason = "as specified")]
fn compare_numbers(a: &Value<'_>, b: &Value<'_>) -> Option<Option<Ordering>> {
    use Value::{Double, Int, Uint};
    Some(match (a, b) {
        (Int(a), Int(b)) => Some(a.cmp(b)),
        (Uint(a), Uint(b)) => Some(a.cmp(b)),
        (Int(a), Uint(b)) => Some(i128::from(*a).cmp(&i128::from(*b))),
        (Uint(a), Int(b)) => Some(i128::from(*a).cmp(&i128::from(*b))),
        (Double(a), Double(b)) => a.partial_cmp(b),
        (Int(a), Double(b)) => (*a as f64).partial_cmp(b),
        (Uint(a), Double(b)) => (*a as f64).partial_cmp(b),
        (Double(a), Int(b)) => a.partial_cmp(&(*b as f64)),
        (Double(a), Uint(b)) => a.partial_cmp(&(*b as f64)),
        _ => return None,
    })
}

/// A duration within the specification's range.
pub(super) fn duration(duration: TimeDelta) -> Option<TimeDelta> {
    (duration.num_seconds().abs() <= MAX_DURATION_SECONDS).then_some(duration)
}

/// A time within the specification's range.
pub(super) fn timestamp(time: DateTime<Utc>) -> Option<DateTime<Utc>> {
    TIMES.contains(&time.timestamp()).then_some(time)
}

// === impl Text, Blob, List, Map ===

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
        self.len() == 0
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
        self.len() == 0
    }

    /// The value of a text key.
    pub fn field(&self, name: &str) -> Option<Result<Value<'a>, Unreadable>> {
        let named = |members: &[(Value<'a>, Value<'a>)]| {
            members.iter().find(|(key, _)| key.as_str() == Some(name)).map(|(_, value)| Ok(value.clone()))
        };
        match self {
            Self::Json(json) => json.get(name).map(Value::from_json),
            Self::Borrowed(members) => named(members),
            Self::Shared(members) => named(members),
        }
    }

    /// The value of any key; numbers of all types by their value.
    pub(super) fn get(&self, key: &Value<'_>, cost: &mut u64) -> Result<Option<Value<'a>>, Unreadable> {
        if let Value::String(text) = key {
            *cost += self.len() as u64;
            return self.field(text.as_str()).transpose();
        }
        let members: &[(Value<'a>, Value<'a>)] = match self {
            Self::Json(_) => &[],
            Self::Borrowed(members) => members,
            Self::Shared(members) => members,
        };
        for (found, value) in members {
            if found.equals(key, cost)? {
                return Ok(Some(value.clone()));
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
        received.chain(members.iter().cloned().map(Ok))
    }
}
