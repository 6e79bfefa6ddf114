//! Operators on values: arithmetic with overflow as an error, negation, indices.

use super::code::Arithmetic::{self, Add, Divide, Multiply, Remainder, Subtract};
use super::functions::{Failure, spend};
use super::value::{Blob, List, Text, Value, duration, length_cost, timestamp};

const OVERFLOW: Failure = Failure::Reason("the number is too large");
const RANGE: Failure = Failure::Reason("the time is out of range");
const ZERO: Failure = Failure::Reason("division by zero");

/// `left operator right`.
pub(super) fn arithmetic<'a>(
    operator: Arithmetic,
    left: &Value<'a>,
    right: &Value<'a>,
    budget: &mut u64,
) -> Result<Value<'a>, Failure> {
    match (left, right) {
        (Value::Int(a), Value::Int(b)) => integers(operator, *a, *b),
        (Value::Uint(a), Value::Uint(b)) => unsigned(operator, *a, *b),
        (Value::Double(a), Value::Double(b)) => doubles(operator, *a, *b),
        (Value::Timestamp(a), Value::Duration(b)) => {
            let time = match operator {
                Add => a.checked_add_signed(*b),
                Subtract => a.checked_sub_signed(*b),
                Multiply | Divide | Remainder => return Err(Failure::NoOverload),
            };
            time.and_then(timestamp).map(Value::Timestamp).ok_or(RANGE)
        }
        (Value::Duration(a), Value::Timestamp(b)) if operator == Add => {
            b.checked_add_signed(*a).and_then(timestamp).map(Value::Timestamp).ok_or(RANGE)
        }
        (Value::Timestamp(a), Value::Timestamp(b)) if operator == Subtract => {
            duration(a.signed_duration_since(*b)).map(Value::Duration).ok_or(RANGE)
        }
        (Value::Duration(a), Value::Duration(b)) => {
            let sum = match operator {
                Add => a.checked_add(b),
                Subtract => a.checked_sub(b),
                Multiply | Divide | Remainder => return Err(Failure::NoOverload),
            };
            sum.and_then(duration).map(Value::Duration).ok_or(RANGE)
        }
        (Value::String(a), Value::String(b)) if operator == Add => {
            let (a, b) = (a.as_str(), b.as_str());
            spend(budget, length_cost(a.len() + b.len()))?;
            Ok(Value::String(Text::Shared([a, b].concat().into())))
        }
        (Value::Bytes(a), Value::Bytes(b)) if operator == Add => {
            let (a, b) = (a.as_slice(), b.as_slice());
            spend(budget, length_cost(a.len() + b.len()))?;
            Ok(Value::Bytes(Blob::Shared([a, b].concat().into())))
        }
        (Value::List(a), Value::List(b)) if operator == Add => join(a, b, budget),
        _ => Err(Failure::NoOverload),
    }
}

fn join<'a>(a: &List<'a>, b: &List<'a>, budget: &mut u64) -> Result<Value<'a>, Failure> {
    spend(budget, a.reading_cost() + b.reading_cost() + (a.len() + b.len()) as u64)?;
    let items = a.iter().chain(b.iter()).collect::<Result<Vec<_>, _>>();
    items.map(Value::list).map_err(|_| Failure::Unreadable)
}

fn integers<'a>(operator: Arithmetic, a: i64, b: i64) -> Result<Value<'a>, Failure> {
    let result = match operator {
        Add => a.checked_add(b),
        Subtract => a.checked_sub(b),
        Multiply => a.checked_mul(b),
        Divide | Remainder if b == 0 => return Err(ZERO),
        Divide => a.checked_div(b),
        Remainder => a.checked_rem(b),
    };
    result.map(Value::Int).ok_or(OVERFLOW)
}

fn unsigned<'a>(operator: Arithmetic, a: u64, b: u64) -> Result<Value<'a>, Failure> {
    let result = match operator {
        Add => a.checked_add(b),
        Subtract => a.checked_sub(b),
        Multiply => a.checked_mul(b),
        Divide | Remainder if b == 0 => return Err(ZERO),
        Divide => a.checked_div(b),
        Remainder => a.checked_rem(b),
    };
    result.map(Value::Uint).ok_or(OVERFLOW)
}

fn doubles<'a>(operator: Arithmetic, a: f64, b: f64) -> Result<Value<'a>, Failure> {
    Ok(Value::Double(match operator {
        Add => a + b,
        Subtract => a - b,
        Multiply => a * b,
        Divide => a / b,
        Remainder => return Err(Failure::NoOverload),
    }))
}

/// `-operand`
pub(super) fn negate<'a>(operand: &Value<'a>) -> Result<Value<'a>, Failure> {
    match operand {
        Value::Int(number) => number.checked_neg().map(Value::Int).ok_or(OVERFLOW),
        Value::Double(number) => Ok(Value::Double(-number)),
        Value::Duration(length) => Ok(Value::Duration(-*length)),
        _ => Err(Failure::NoOverload),
    }
}

/// The index that a value is, for a list: a whole number that is not negative.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the number was found whole and in range")]
pub(super) fn index_of(value: &Value<'_>) -> Option<usize> {
    match value {
        Value::Int(number) => usize::try_from(*number).ok(),
        Value::Uint(number) => usize::try_from(*number).ok(),
        Value::Double(number) if number.fract() == 0.0 && (0.0..4_294_967_296.0).contains(number) => {
            Some(*number as usize)
        }
        _ => None,
    }
}
