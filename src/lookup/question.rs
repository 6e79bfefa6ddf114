//! What a source is asked: plain values in a fixed order, by which answers are kept.

use crate::expr::{EvalError, Value};

/// The parameters of a lookup for one event, in the order in which they are written.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Question(pub Vec<Parameter>);

/// One value.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Parameter {
    /// `null`, or an optional that is empty.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// An integer.
    Int(i64),
    /// Another number, as JSON writes it.
    Number(String),
    /// A text; times and lengths of time are written as JSON has them.
    Text(String),
}

impl Parameter {
    /// The parameter that an expression's value is. Lists and maps are none.
    pub(super) fn of(value: &Value<'_>) -> Result<Self, EvalError> {
        Ok(match value {
            Value::Null | Value::Optional(None) => Self::Null,
            Value::Optional(Some(value)) => Self::of(value)?,
            Value::Bool(truth) => Self::Bool(*truth),
            Value::Int(number) => Self::Int(*number),
            Value::String(text) => Self::Text(text.as_str().to_owned()),
            Value::Uint(_) | Value::Double(_) | Value::Timestamp(_) | Value::Duration(_) => {
                let json = value.to_json().map_err(EvalError::new)?;
                json.as_str().map_or_else(|| Self::Number(json.to_string()), |text| Self::Text(text.to_owned()))
            }
            Value::Bytes(_) | Value::List(_) | Value::Map(_) | Value::Type(_) => {
                let message = format!("{} is no single value", value.kind().with_article());
                return Err(EvalError::new(message));
            }
            Value::Unreadable => {
                return Err(EvalError::new("a number is out of range, or a text has half a character"));
            }
        })
    }

    /// It as text; none for `null`.
    pub fn to_text(&self) -> Option<String> {
        Some(match self {
            Self::Null => return None,
            Self::Bool(truth) => truth.to_string(),
            Self::Int(number) => number.to_string(),
            Self::Number(text) | Self::Text(text) => text.clone(),
        })
    }
}

impl Question {
    /// About how many bytes it takes.
    pub(super) fn size(&self) -> usize {
        let size = |parameter: &Parameter| match parameter {
            Parameter::Null | Parameter::Bool(_) | Parameter::Int(_) => 0,
            Parameter::Number(text) | Parameter::Text(text) => text.len(),
        };
        self.0.iter().map(|parameter| size_of::<Parameter>() + size(parameter)).sum()
    }

    /// The texts of its parameters, of which those that are `null` are empty.
    pub fn texts(&self) -> Vec<String> {
        self.0.iter().map(|parameter| parameter.to_text().unwrap_or_default()).collect()
    }
}
