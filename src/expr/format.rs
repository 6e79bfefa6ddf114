//! `"…".format([…])`. Source: the CEL strings extension, "Format".

use std::fmt::Write as _;

use super::convert::double_text;
use super::functions::{Failure, spend};
use super::times::{duration_text, timestamp_text};
use super::value::{Value, length_cost};

/// The most digits behind the point that may be asked for.
const MAX_PRECISION: usize = 100;
const WRONG: Failure = Failure::Reason("a value does not fit its clause");

pub(super) fn format<'a>(arguments: &[Value<'a>], budget: &mut u64) -> Result<Value<'a>, Failure> {
    let [Value::String(format), Value::List(list)] = arguments else { return Err(Failure::NoOverload) };
    spend(budget, list.reading_cost() + length_cost(format.as_str().len()))?;
    let mut items = list.iter();
    let mut out = String::new();
    let mut rest = format.as_str();
    while let Some(at) = rest.find('%') {
        out.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        if let Some(after) = rest.strip_prefix('%') {
            out.push('%');
            rest = after;
            continue;
        }
        let precision = precision(&mut rest)?;
        let clause = rest.chars().next().ok_or(Failure::Reason("a clause is cut off"))?;
        rest = &rest[clause.len_utf8()..];
        let value = items.next().ok_or(Failure::Reason("there are fewer values than clauses"))?;
        let value = value.map_err(|_| Failure::Unreadable)?;
        spend(budget, 1)?;
        self::clause(&mut out, clause, precision, &value, budget)?;
    }
    out.push_str(rest);
    Ok(Value::text(out))
}

fn precision(rest: &mut &str) -> Result<Option<usize>, Failure> {
    let Some(after) = rest.strip_prefix('.') else { return Ok(None) };
    let digits = after.bytes().take_while(u8::is_ascii_digit).count();
    let precision: usize = after[..digits].parse().map_err(|_| Failure::Reason("a precision has digits"))?;
    *rest = &after[digits..];
    if precision > MAX_PRECISION { Err(Failure::Reason("a precision is too large")) } else { Ok(Some(precision)) }
}

fn clause(
    out: &mut String,
    clause: char,
    precision: Option<usize>,
    value: &Value<'_>,
    budget: &mut u64,
) -> Result<(), Failure> {
    match clause {
        's' => text(out, value, budget),
        'd' => match value {
            Value::Int(number) => put(out, format_args!("{number}")),
            Value::Uint(number) => put(out, format_args!("{number}")),
            Value::Double(number) if !number.is_finite() => {
                special(out, *number);
                Ok(())
            }
            _ => Err(WRONG),
        },
        'f' => match number(value) {
            Some(number) if !number.is_finite() => {
                special(out, number);
                Ok(())
            }
            Some(number) => put(out, format_args!("{number:.*}", precision.unwrap_or(6))),
            None => Err(WRONG),
        },
        'e' => match number(value) {
            Some(number) if !number.is_finite() => {
                special(out, number);
                Ok(())
            }
            Some(number) => {
                let text = format!("{number:.*e}", precision.unwrap_or(6));
                let (digits, power) = text.split_once('e').unwrap_or((&text, "0"));
                let (sign, power) = power.strip_prefix('-').map_or(('+', power), |power| ('-', power));
                put(out, format_args!("{digits}e{sign}{power:0>2}"))
            }
            None => Err(WRONG),
        },
        'b' => match value {
            Value::Bool(truth) => put(out, format_args!("{}", u8::from(*truth))),
            Value::Int(number) => signed(out, *number, |out, number| put(out, format_args!("{number:b}"))),
            Value::Uint(number) => put(out, format_args!("{number:b}")),
            _ => Err(WRONG),
        },
        'o' => match value {
            Value::Int(number) => signed(out, *number, |out, number| put(out, format_args!("{number:o}"))),
            Value::Uint(number) => put(out, format_args!("{number:o}")),
            _ => Err(WRONG),
        },
        'x' | 'X' => {
            let start = out.len();
            let length = value.as_str().map_or(0, str::len);
            spend(budget, length_cost(length.saturating_mul(8)))?;
            match value {
                Value::Int(number) => signed(out, *number, |out, number| put(out, format_args!("{number:x}")))?,
                Value::Uint(number) => put(out, format_args!("{number:x}"))?,
                Value::String(text) => hex(out, text.as_str().as_bytes())?,
                Value::Bytes(bytes) => hex(out, bytes.as_slice())?,
                _ => return Err(WRONG),
            }
            if clause == 'X' {
                let upper = out[start..].to_ascii_uppercase();
                out.replace_range(start.., &upper);
            }
            Ok(())
        }
        _ => Err(Failure::Reason("there is no such clause")),
    }
}

fn put(out: &mut String, arguments: std::fmt::Arguments<'_>) -> Result<(), Failure> {
    out.write_fmt(arguments).map_err(|_| WRONG)
}

fn signed(
    out: &mut String,
    number: i64,
    write: impl Fn(&mut String, u64) -> Result<(), Failure>,
) -> Result<(), Failure> {
    if number < 0 {
        out.push('-');
    }
    write(out, number.unsigned_abs())
}

fn hex(out: &mut String, bytes: &[u8]) -> Result<(), Failure> {
    bytes.iter().try_for_each(|byte| put(out, format_args!("{byte:02x}")))
}

#[expect(clippy::cast_precision_loss, reason = "the specification's conversion rounds")]
fn number(value: &Value<'_>) -> Option<f64> {
    match value {
        Value::Double(number) => Some(*number),
        Value::Int(number) => Some(*number as f64),
        Value::Uint(number) => Some(*number as f64),
        _ => None,
    }
}

fn special(out: &mut String, number: f64) {
    out.push_str(if number.is_nan() {
        "NaN"
    } else if number > 0.0 {
        "Infinity"
    } else {
        "-Infinity"
    });
}

/// What a value holds may stand in it many times over, so that each part is paid for before it is written.
fn text(out: &mut String, value: &Value<'_>, budget: &mut u64) -> Result<(), Failure> {
    spend(budget, 1 + value.own_cost())?;
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(truth) => put(out, format_args!("{truth}"))?,
        Value::Int(number) => put(out, format_args!("{number}"))?,
        Value::Uint(number) => put(out, format_args!("{number}"))?,
        Value::Double(number) if !number.is_finite() => special(out, *number),
        Value::Double(number) => out.push_str(&double_text(*number)),
        Value::String(text) => out.push_str(text.as_str()),
        Value::Bytes(bytes) => out.push_str(&String::from_utf8_lossy(bytes.as_slice())),
        Value::Timestamp(time) => out.push_str(&timestamp_text(time)),
        Value::Duration(duration) => out.push_str(&duration_text(*duration)),
        Value::Type(name) => out.push_str(name),
        Value::List(list) => {
            out.push('[');
            for (index, item) in list.iter().enumerate() {
                if index > 0 {
                    out.push_str(", ");
                }
                text(out, &item?, budget)?;
            }
            out.push(']');
        }
        Value::Map(map) => {
            let mut members = Vec::new();
            for member in map.iter() {
                let (key, value) = member?;
                let mut name = String::new();
                text(&mut name, &key, budget)?;
                let mut written = String::new();
                text(&mut written, &value, budget)?;
                members.push(format!("{name}: {written}"));
            }
            members.sort();
            out.push('{');
            out.push_str(&members.join(", "));
            out.push('}');
        }
        Value::Optional(_) => return Err(WRONG),
        Value::Unreadable => return Err(Failure::Unreadable),
    }
    Ok(())
}
