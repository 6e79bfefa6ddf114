//! JSON to CEL and back.
//!
//! Integers within 64 bits are `int`, other numbers `double`. A number that is not finite and a text with half a character
//! have no CEL value: the path to each is kept, and an expression that names it, or anything it lies in, is an error.

use std::collections::HashMap;
use std::sync::Arc;

use base64::Engine as _;
use cel::objects::{Key, Map, OptionalValue};

use super::EvalError;
use crate::base::json::{Json, Kind};

/// A value as expressions see it. Cloning is cheap.
#[derive(Clone, Debug)]
pub struct Value(pub(super) cel::Value);

/// A value read from JSON, and what of it could not be read.
#[derive(Clone, Debug)]
pub struct Read {
    /// The value, `null` in the places that could not be read.
    pub value: Value,
    /// The paths that could not be read.
    pub unreadable: Vec<Vec<String>>,
}

impl Value {
    /// The value without fields.
    pub fn empty_map() -> Self {
        Self(cel::Value::Map(Map { map: Arc::default() }))
    }

    /// Null.
    pub fn null() -> Self {
        Self(cel::Value::Null)
    }

    /// A text.
    pub fn text(text: &str) -> Self {
        Self(cel::Value::String(Arc::new(text.to_owned())))
    }

    /// A time.
    pub fn timestamp(time: chrono::DateTime<chrono::Utc>) -> Self {
        Self(cel::Value::Timestamp(time.fixed_offset()))
    }

    /// Reads received JSON. Members for whose path `leave_out` is true are not there, key and all.
    pub fn read(json: Json<'_>, leave_out: &dyn Fn(&[String]) -> bool) -> Read {
        let mut reader = Reader { leave_out, path: Vec::new(), unreadable: Vec::new() };
        let value = Self(reader.read(json));
        Read { value, unreadable: reader.unreadable }
    }

    /// A `serde_json` value's.
    pub fn from_json(json: &serde_json::Value) -> Self {
        use serde_json::Value as Json;
        Self(match json {
            Json::Null => cel::Value::Null,
            Json::Bool(truth) => cel::Value::Bool(*truth),
            Json::Number(number) => match number.as_i64() {
                Some(integer) => cel::Value::Int(integer),
                None => cel::Value::Float(number.as_f64().unwrap_or(f64::NAN)),
            },
            Json::String(text) => cel::Value::String(Arc::new(text.clone())),
            Json::Array(items) => {
                cel::Value::List(Arc::new(items.iter().map(|item| Self::from_json(item).0).collect()))
            }
            Json::Object(members) => cel::Value::Map(Map {
                map: Arc::new(members.iter().map(|(key, value)| (text_key(key), Self::from_json(value).0)).collect()),
            }),
        })
    }

    /// Whether it is `true`; none where it is no bool.
    pub fn as_bool(&self) -> Option<bool> {
        match self.0 {
            cel::Value::Bool(truth) => Some(truth),
            _ => None,
        }
    }

    /// What an optional holds; a value that is no optional is itself.
    pub fn unwrap_optional(self) -> Option<Self> {
        match <&OptionalValue>::try_from(&self.0) {
            Ok(optional) => optional.value().cloned().map(Self),
            Err(_) => Some(self),
        }
    }

    /// As JSON: times as RFC 3339, durations as `"3s"`, bytes as base64, members of a map in the order of their keys.
    ///
    /// # Errors
    ///
    /// Numbers that are not finite, and values that JSON has no form for.
    pub fn to_json(&self) -> Result<serde_json::Value, EvalError> {
        to_json(&self.0)
    }

    /// Whether both are the same, in type as well.
    pub fn same(&self, other: &Self) -> bool {
        std::mem::discriminant(&self.0) == std::mem::discriminant(&other.0) && self.0 == other.0
    }

    /// A copy of this map with `value` at `path`, or without what is there; the caller knows that it can be done.
    #[must_use]
    pub fn with(&self, path: &[String], value: Option<&Self>) -> Self {
        let Some((name, rest)) = path.split_first() else { return value.cloned().unwrap_or_else(Self::null) };
        let mut members = match &self.0 {
            cel::Value::Map(map) => HashMap::clone(&map.map),
            _ => HashMap::new(),
        };
        let key = text_key(name);
        if rest.is_empty() && value.is_none() {
            members.remove(&key);
        } else if value.is_some() || members.contains_key(&key) {
            let below = members.remove(&key).map_or_else(Self::empty_map, Self);
            members.insert(key, below.with(rest, value).0);
        }
        Self(cel::Value::Map(Map { map: Arc::new(members) }))
    }

    /// The value at `path` in this map.
    pub fn find(&self, path: &[String]) -> Option<Self> {
        path.iter().try_fold(self.clone(), |value, name| match &value.0 {
            cel::Value::Map(map) => map.map.get(&text_key(name)).cloned().map(Self),
            _ => None,
        })
    }
}

fn text_key(name: &str) -> Key {
    Key::String(Arc::new(name.to_owned()))
}

struct Reader<'a> {
    leave_out: &'a dyn Fn(&[String]) -> bool,
    path: Vec<String>,
    unreadable: Vec<Vec<String>>,
}

impl Reader<'_> {
    fn read(&mut self, json: Json<'_>) -> cel::Value {
        match json.kind() {
            Kind::Null => cel::Value::Null,
            Kind::False => cel::Value::Bool(false),
            Kind::True => cel::Value::Bool(true),
            Kind::Number => self.number(json.raw()),
            Kind::String => match json.as_text() {
                Some(Ok(text)) => cel::Value::String(Arc::new(text.into_owned())),
                Some(Err(_)) | None => self.unreadable(),
            },
            Kind::Array => {
                let items = json.items().enumerate().map(|(index, item)| self.below(index.to_string(), item)).collect();
                cel::Value::List(Arc::new(items))
            }
            Kind::Object => {
                let mut members = HashMap::new();
                for (key, value) in json.members() {
                    let Ok(name) = key.decode() else {
                        self.unreadable();
                        continue;
                    };
                    self.path.push(name.clone().into_owned());
                    let left_out = (self.leave_out)(&self.path);
                    self.path.pop();
                    if !left_out {
                        let value = self.below(name.clone().into_owned(), value);
                        members.insert(text_key(&name), value);
                    }
                }
                cel::Value::Map(Map { map: Arc::new(members) })
            }
        }
    }

    fn below(&mut self, step: String, json: Json<'_>) -> cel::Value {
        self.path.push(step);
        let value = self.read(json);
        self.path.pop();
        value
    }

    fn number(&mut self, raw: &str) -> cel::Value {
        if let Ok(integer) = raw.parse::<i64>() {
            return cel::Value::Int(integer);
        }
        match raw.parse::<f64>() {
            Ok(number) if number.is_finite() => cel::Value::Float(number),
            Ok(_) | Err(_) => self.unreadable(),
        }
    }

    fn unreadable(&mut self) -> cel::Value {
        self.unreadable.push(self.path.clone());
        cel::Value::Null
    }
}

fn to_json(value: &cel::Value) -> Result<serde_json::Value, EvalError> {
    use serde_json::Value as Json;
    Ok(match value {
        cel::Value::Null => Json::Null,
        cel::Value::Bool(truth) => Json::Bool(*truth),
        cel::Value::Int(integer) => Json::from(*integer),
        cel::Value::UInt(integer) => Json::from(*integer),
        cel::Value::Float(number) => serde_json::Number::from_f64(*number)
            .map(Json::Number)
            .ok_or_else(|| EvalError::new("a number that is not finite has no JSON form"))?,
        cel::Value::String(text) => Json::String(text.to_string()),
        cel::Value::Bytes(bytes) => Json::String(base64::engine::general_purpose::STANDARD.encode(bytes.as_slice())),
        cel::Value::Timestamp(time) => Json::String(time.to_utc().to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true)),
        cel::Value::Duration(duration) => Json::String(seconds(*duration)),
        cel::Value::List(items) => Json::Array(items.iter().map(to_json).collect::<Result<_, _>>()?),
        cel::Value::Map(map) => {
            let mut members = Vec::with_capacity(map.map.len());
            for (key, value) in map.map.iter() {
                let name = match key {
                    Key::String(text) => text.to_string(),
                    Key::Int(integer) => integer.to_string(),
                    Key::Uint(integer) => integer.to_string(),
                    Key::Bool(truth) => truth.to_string(),
                };
                members.push((name, to_json(value)?));
            }
            members.sort_by(|(a, _), (b, _)| a.cmp(b));
            Json::Object(members.into_iter().collect())
        }
        cel::Value::Opaque(_) => match <&OptionalValue>::try_from(value) {
            Ok(optional) => optional.value().map_or(Ok(Json::Null), to_json)?,
            Err(_) => return Err(EvalError::new("the value has no JSON form")),
        },
        cel::Value::Function(..) | cel::Value::Struct(_) => {
            return Err(EvalError::new("the value has no JSON form"));
        }
    })
}

/// `3s`, `1.5s`, `-0.25s`.
fn seconds(duration: chrono::Duration) -> String {
    let nanoseconds = duration.subsec_nanos().unsigned_abs();
    let sign = if duration < chrono::Duration::zero() { "-" } else { "" };
    let whole = duration.num_seconds().unsigned_abs();
    if nanoseconds == 0 {
        return format!("{sign}{whole}s");
    }
    let fraction = format!("{nanoseconds:09}");
    format!("{sign}{whole}.{}s", fraction.trim_end_matches('0'))
}
