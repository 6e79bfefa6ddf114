//! JSON to values and back. What is received is borrowed; integers within 64 bits are `int`, other numbers `double`.

use super::{List, Map, Text, Unreadable, Value};
use crate::base::json::{Json, Kind as JsonKind};
use crate::expr::functions::spend;
use crate::expr::{BUDGET, times};

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

    /// A `serde_json` value's.
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

    /// Received JSON without the members at these paths, key and all. What holds none of them is borrowed. A member that
    /// has no value stays, as one that is an error to read.
    pub fn without(json: Json<'a>, hidden: &[&[String]]) -> Result<Self, Unreadable> {
        if hidden.is_empty() || json.kind() != JsonKind::Object {
            return Self::from_json(json);
        }
        let mut members = Vec::new();
        for (key, member) in json.members() {
            let Ok(name) = key.decode() else {
                members.push((Self::Unreadable, Self::Unreadable));
                continue;
            };
            if hidden.iter().any(|path| matches!(path, [last] if *last == name)) {
                continue;
            }
            let below: Vec<&[String]> = hidden
                .iter()
                .filter(|path| path.first().is_some_and(|first| *first == name))
                .map(|path| &path[1..])
                .collect();
            members.push((Self::text(name.as_ref()), Self::without(member, &below).unwrap_or(Self::Unreadable)));
        }
        Ok(Self::Map(Map::Shared(members.into())))
    }

    /// As JSON: times as RFC 3339, durations as `"3s"`, bytes as base64. The text says why there is none; what takes more
    /// steps than [`BUDGET`] has none.
    pub fn to_json(&self) -> Result<serde_json::Value, &'static str> {
        self.to_json_within(&mut { BUDGET })
    }

    /// The same at the cost of a budget. What a value holds may stand in it many times over, since copies are shared.
    pub(in crate::expr) fn to_json_within(&self, budget: &mut u64) -> Result<serde_json::Value, &'static str> {
        use base64::Engine as _;
        use serde_json::Value as Json;
        const UNREADABLE: &str = "a number is out of range, or a text has half a character";
        spend(budget, 1 + self.own_cost()).map_err(|_| "it is too large")?;
        Ok(match self {
            Self::Null | Self::Optional(None) => Json::Null,
            Self::Optional(Some(value)) => value.to_json_within(budget)?,
            Self::Bool(truth) => Json::Bool(*truth),
            Self::Int(number) => Json::from(*number),
            Self::Uint(number) => Json::from(*number),
            Self::Double(number) => serde_json::Number::from_f64(*number)
                .map(Json::Number)
                .ok_or("a number that is not finite has no JSON form")?,
            Self::String(text) => Json::String(text.as_str().to_owned()),
            Self::Bytes(blob) => Json::String(base64::engine::general_purpose::STANDARD.encode(blob.as_slice())),
            Self::Timestamp(time) => Json::String(times::timestamp_text(time)),
            Self::Duration(duration) => Json::String(times::duration_text(*duration)),
            Self::Type(_) => return Err("a type has no JSON form"),
            Self::Unreadable => return Err(UNREADABLE),
            Self::List(list) => {
                let items = list.iter().map(|item| item.map_err(|_| UNREADABLE)?.to_json_within(budget));
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
                    members.insert(key, value.to_json_within(budget)?);
                }
                Json::Object(members)
            }
        })
    }
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
