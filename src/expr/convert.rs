//! Conversions, sizes, types and optionals. Source: the CEL language definition, "Standard definitions".

use std::sync::Arc;

use super::functions::{Failure, spend};
use super::times;
use super::value::{Blob, Text, Value, length_cost};

type Outcome<'a> = Result<Value<'a>, Failure>;

const RANGE: Failure = Failure::Reason("the number is out of range");
const NO_NUMBER: Failure = Failure::Reason("the text is no number of this kind");
const TWO_63: f64 = 9_223_372_036_854_775_808.0;
const TWO_64: f64 = 18_446_744_073_709_551_616.0;

/// What reading a number or a bool in a text costs.
fn text_cost(arguments: &[Value<'_>]) -> u64 {
    arguments.first().and_then(Value::as_str).map_or(0, |text| length_cost(text.len()))
}

pub(super) fn size<'a>(arguments: &[Value<'a>], budget: &mut u64) -> Outcome<'a> {
    let size = match arguments {
        [Value::String(text)] => {
            spend(budget, length_cost(text.as_str().len()))?;
            text.as_str().chars().count()
        }
        [Value::Bytes(bytes)] => bytes.as_slice().len(),
        [Value::List(list)] => {
            spend(budget, list.reading_cost())?;
            list.len()
        }
        [Value::Map(map)] => {
            spend(budget, map.reading_cost())?;
            map.len()
        }
        _ => return Err(Failure::NoOverload),
    };
    Ok(Value::Int(i64::try_from(size).unwrap_or(i64::MAX)))
}

pub(super) fn type_of<'a>(arguments: &[Value<'a>], _: &mut u64) -> Outcome<'a> {
    arguments.first().map(|value| Value::Type(value.type_name())).ok_or(Failure::NoOverload)
}

pub(super) fn dyn_<'a>(arguments: &[Value<'a>], _: &mut u64) -> Outcome<'a> {
    arguments.first().cloned().ok_or(Failure::NoOverload)
}

pub(super) fn bool<'a>(arguments: &[Value<'a>], budget: &mut u64) -> Outcome<'a> {
    spend(budget, text_cost(arguments))?;
    match arguments {
        [Value::Bool(truth)] => Ok(Value::Bool(*truth)),
        [Value::String(text)] => match text.as_str() {
            "1" | "t" | "true" | "TRUE" | "True" => Ok(Value::Bool(true)),
            "0" | "f" | "false" | "FALSE" | "False" => Ok(Value::Bool(false)),
            _ => Err(Failure::Reason("the text is neither true nor false")),
        },
        _ => Err(Failure::NoOverload),
    }
}

pub(super) fn bytes<'a>(arguments: &[Value<'a>], budget: &mut u64) -> Outcome<'a> {
    match arguments {
        [Value::Bytes(bytes)] => Ok(Value::Bytes(bytes.clone())),
        [Value::String(text)] => {
            spend(budget, length_cost(text.as_str().len()))?;
            Ok(Value::Bytes(match text {
                Text::Borrowed(text) => Blob::Borrowed(text.as_bytes()),
                Text::Shared(text) => Blob::Shared(text.as_bytes().into()),
            }))
        }
        _ => Err(Failure::NoOverload),
    }
}

#[expect(clippy::cast_precision_loss, reason = "the specification's conversion rounds")]
pub(super) fn double<'a>(arguments: &[Value<'a>], budget: &mut u64) -> Outcome<'a> {
    spend(budget, text_cost(arguments))?;
    Ok(Value::Double(match arguments {
        [Value::Double(number)] => *number,
        [Value::Int(number)] => *number as f64,
        [Value::Uint(number)] => *number as f64,
        [Value::String(text)] => match text.as_str() {
            "NaN" => f64::NAN,
            "Infinity" | "+Infinity" | "Inf" | "+Inf" | "inf" | "+inf" => f64::INFINITY,
            "-Infinity" | "-Inf" | "-inf" => f64::NEG_INFINITY,
            text if text
                .bytes()
                .all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'e' | b'E' | b'+' | b'-')) =>
            {
                text.parse().map_err(|_| NO_NUMBER)?
            }
            _ => return Err(NO_NUMBER),
        },
        _ => return Err(Failure::NoOverload),
    }))
}

#[expect(clippy::cast_possible_truncation, reason = "the range is looked at first")]
pub(super) fn int<'a>(arguments: &[Value<'a>], budget: &mut u64) -> Outcome<'a> {
    spend(budget, text_cost(arguments))?;
    Ok(Value::Int(match arguments {
        [Value::Int(number)] => *number,
        [Value::Uint(number)] => i64::try_from(*number).map_err(|_| RANGE)?,
        [Value::Double(number)] if *number > -TWO_63 && *number < TWO_63 => *number as i64,
        [Value::Double(_)] => return Err(RANGE),
        [Value::String(text)] => text.as_str().parse().map_err(|_| NO_NUMBER)?,
        [Value::Timestamp(time)] => time.timestamp(),
        _ => return Err(Failure::NoOverload),
    }))
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the range is looked at first")]
pub(super) fn uint<'a>(arguments: &[Value<'a>], budget: &mut u64) -> Outcome<'a> {
    spend(budget, text_cost(arguments))?;
    Ok(Value::Uint(match arguments {
        [Value::Uint(number)] => *number,
        [Value::Int(number)] => u64::try_from(*number).map_err(|_| RANGE)?,
        [Value::Double(number)] if *number > -1.0 && *number < TWO_64 => *number as u64,
        [Value::Double(_)] => return Err(RANGE),
        [Value::String(text)] => text.as_str().parse().map_err(|_| NO_NUMBER)?,
        _ => return Err(Failure::NoOverload),
    }))
}

pub(super) fn string<'a>(arguments: &[Value<'a>], budget: &mut u64) -> Outcome<'a> {
    Ok(match arguments {
        [Value::String(text)] => Value::String(text.clone()),
        [Value::Bool(truth)] => Value::String(Text::Borrowed(if *truth { "true" } else { "false" })),
        [Value::Int(number)] => Value::text(number.to_string()),
        [Value::Uint(number)] => Value::text(number.to_string()),
        [Value::Double(number)] => Value::text(double_text(*number)),
        [Value::Bytes(bytes)] => {
            spend(budget, length_cost(bytes.as_slice().len()))?;
            let text = std::str::from_utf8(bytes.as_slice());
            Value::text(text.map_err(|_| Failure::Reason("the bytes are not UTF-8"))?)
        }
        [Value::Timestamp(time)] => Value::text(times::timestamp_text(time)),
        [Value::Duration(duration)] => Value::text(times::duration_text(*duration)),
        _ => return Err(Failure::NoOverload),
    })
}

/// The shortest text that reads back as the number; exponents from 1e21 on, as the specification's own implementation has.
pub(super) fn double_text(number: f64) -> String {
    if number.is_nan() {
        return "NaN".to_owned();
    }
    if number.is_infinite() {
        return if number > 0.0 { "+Inf" } else { "-Inf" }.to_owned();
    }
    let exponent = format!("{number:e}");
    let power: i32 = exponent.rsplit_once('e').and_then(|(_, power)| power.parse().ok()).unwrap_or(0);
    if number != 0.0 && !(-5..21).contains(&power) {
        let (digits, _) = exponent.split_once('e').unwrap_or((&exponent, ""));
        let sign = if power < 0 { '-' } else { '+' };
        return format!("{digits}e{sign}{:02}", power.unsigned_abs());
    }
    format!("{number}")
}

// --- optionals ---

#[expect(clippy::unnecessary_wraps, reason = "a function of the table")]
pub(super) fn optional_none<'a>(_: &[Value<'a>], _: &mut u64) -> Outcome<'a> {
    Ok(Value::Optional(None))
}

pub(super) fn optional_of<'a>(arguments: &[Value<'a>], _: &mut u64) -> Outcome<'a> {
    arguments.first().map(|value| Value::Optional(Some(Arc::new(value.clone())))).ok_or(Failure::NoOverload)
}

pub(super) fn optional_of_non_zero<'a>(arguments: &[Value<'a>], _: &mut u64) -> Outcome<'a> {
    let value = arguments.first().ok_or(Failure::NoOverload)?;
    Ok(Value::Optional((!value.is_zero()).then(|| Arc::new(value.clone()))))
}

pub(super) fn has_value<'a>(arguments: &[Value<'a>], _: &mut u64) -> Outcome<'a> {
    match arguments {
        [Value::Optional(value)] => Ok(Value::Bool(value.is_some())),
        _ => Err(Failure::NoOverload),
    }
}

pub(super) fn value<'a>(arguments: &[Value<'a>], _: &mut u64) -> Outcome<'a> {
    match arguments {
        [Value::Optional(Some(value))] => Ok(Value::clone(value)),
        [Value::Optional(None)] => Err(Failure::Reason("the optional has no value")),
        _ => Err(Failure::NoOverload),
    }
}

pub(super) fn or<'a>(arguments: &[Value<'a>], _: &mut u64) -> Outcome<'a> {
    match arguments {
        [Value::Optional(Some(value)), Value::Optional(_)] => Ok(Value::Optional(Some(value.clone()))),
        [Value::Optional(None), Value::Optional(other)] => Ok(Value::Optional(other.clone())),
        _ => Err(Failure::NoOverload),
    }
}

pub(super) fn or_value<'a>(arguments: &[Value<'a>], _: &mut u64) -> Outcome<'a> {
    match arguments {
        [Value::Optional(Some(value)), _] => Ok(Value::clone(value)),
        [Value::Optional(None), other] => Ok(other.clone()),
        _ => Err(Failure::NoOverload),
    }
}
