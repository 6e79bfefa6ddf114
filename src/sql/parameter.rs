//! A parameter of a statement: one plain value, whatever database it is for.

use std::fmt;

use bytes::BytesMut;
use rusqlite::ToSql as ToSqlite;
use rusqlite::types::{ToSqlOutput, Value as SqliteValue};
use tokio_postgres::types::{Format, IsNull, ToSql, Type, to_sql_checked};

use crate::expr::{EvalError, Value};

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
    pub fn of(value: &Value<'_>) -> Result<Self, EvalError> {
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

    /// The same, but lists, maps and bytes are their JSON as a text.
    pub fn of_any(value: &Value<'_>) -> Result<Self, EvalError> {
        match value {
            Value::Optional(Some(value)) => Self::of_any(value),
            Value::List(_) | Value::Map(_) => Ok(Self::Text(value.to_json().map_err(EvalError::new)?.to_string())),
            Value::Bytes(_) => {
                let json = value.to_json().map_err(EvalError::new)?;
                Ok(Self::Text(json.as_str().unwrap_or_default().to_owned()))
            }
            Value::Null
            | Value::Optional(None)
            | Value::Bool(_)
            | Value::Int(_)
            | Value::Uint(_)
            | Value::Double(_)
            | Value::String(_)
            | Value::Timestamp(_)
            | Value::Duration(_)
            | Value::Type(_)
            | Value::Unreadable => Self::of(value),
        }
    }
}

impl ToSqlite for Parameter {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match self {
            Self::Null => ToSqlOutput::Owned(SqliteValue::Null),
            Self::Bool(truth) => ToSqlOutput::from(*truth),
            Self::Int(number) => ToSqlOutput::from(*number),
            Self::Number(text) => match text.parse::<f64>() {
                Ok(number) => ToSqlOutput::from(number),
                Err(_) => ToSqlOutput::from(text.as_str()),
            },
            Self::Text(text) => ToSqlOutput::from(text.as_str()),
        })
    }
}

/// A parameter for PostgreSQL: as text, which the server reads as whatever type is wanted there.
pub struct Text<'a>(pub &'a Parameter);

impl fmt::Debug for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

impl ToSql for Text<'_> {
    fn to_sql(&self, _: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        let Some(text) = self.0.to_text() else { return Ok(IsNull::Yes) };
        out.extend_from_slice(text.as_bytes());
        Ok(IsNull::No)
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    fn encode_format(&self, _: &Type) -> Format {
        Format::Text
    }

    to_sql_checked!();
}
