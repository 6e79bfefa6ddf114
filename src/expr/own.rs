//! Our own functions: `text lower upper trim fold date`. `re` is compiled at load and never called by name.

use std::borrow::Cow;

use chrono::{DateTime, NaiveDate, NaiveDateTime, Utc};
use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};

use super::functions::{Failure, spend};
use super::value::{Text, Value};

type Outcome<'a> = Result<Value<'a>, Failure>;

pub(super) fn text<'a>(arguments: &[Value<'a>], _: &mut u64) -> Outcome<'a> {
    let value = match arguments {
        [Value::Optional(None)] => return Ok(Value::String(Text::Borrowed(""))),
        [Value::Optional(Some(value))] => value,
        [value] => value,
        _ => return Err(Failure::NoOverload),
    };
    match value {
        Value::Null | Value::Optional(None) => Ok(Value::String(Text::Borrowed(""))),
        Value::String(text) => Ok(Value::String(text.clone())),
        Value::Bool(_) | Value::Int(_) | Value::Uint(_) | Value::Double(_) => {
            value.to_json().map(|json| Value::text(json.to_string())).map_err(Failure::Reason)
        }
        Value::List(_) | Value::Map(_) => Err(Failure::Reason("a list or map is no text")),
        Value::Bytes(_) | Value::Timestamp(_) | Value::Duration(_) | Value::Optional(_) | Value::Type(_) => {
            Err(Failure::Reason("this kind of value is no text"))
        }
        Value::Unreadable => Err(Failure::Unreadable),
    }
}

/// A text that a function makes of another; if it is the same, it is not copied. Unicode costs more than bytes do.
fn of_text<'a>(arguments: &[Value<'a>], budget: &mut u64, make: impl Fn(&str) -> Cow<'_, str>) -> Outcome<'a> {
    let [Value::String(text)] = arguments else { return Err(Failure::NoOverload) };
    spend(budget, text.as_str().len() as u64 / 4)?;
    let made = make(text.as_str());
    if let (Text::Borrowed(received), Cow::Borrowed(part)) = (text, &made) {
        let start = part.as_ptr() as usize - received.as_ptr() as usize;
        return Ok(Value::String(Text::Borrowed(&received[start..start + part.len()])));
    }
    Ok(Value::text(made.into_owned()))
}

pub(super) fn lower<'a>(arguments: &[Value<'a>], budget: &mut u64) -> Outcome<'a> {
    of_text(arguments, budget, |text| {
        let is_lower = text.bytes().all(|byte| byte.is_ascii() && !byte.is_ascii_uppercase());
        if is_lower { Cow::Borrowed(text) } else { Cow::Owned(text.to_lowercase()) }
    })
}

pub(super) fn upper<'a>(arguments: &[Value<'a>], budget: &mut u64) -> Outcome<'a> {
    of_text(arguments, budget, |text| {
        let is_upper = text.bytes().all(|byte| byte.is_ascii() && !byte.is_ascii_lowercase());
        if is_upper { Cow::Borrowed(text) } else { Cow::Owned(text.to_uppercase()) }
    })
}

pub(super) fn trim<'a>(arguments: &[Value<'a>], budget: &mut u64) -> Outcome<'a> {
    of_text(arguments, budget, |text| Cow::Borrowed(text.trim()))
}

/// Compatibility forms, case and combining marks taken away.
pub(super) fn fold<'a>(arguments: &[Value<'a>], budget: &mut u64) -> Outcome<'a> {
    let [Value::String(text)] = arguments else { return Err(Failure::NoOverload) };
    spend(budget, text.as_str().len() as u64)?;
    Ok(Value::text(folded(text.as_str())))
}

fn folded(text: &str) -> String {
    let stripped: String = text.nfkd().filter(|character| !is_combining_mark(*character)).collect();
    let folded = caseless::default_case_fold_str(&stripped);
    folded.nfkc().filter(|character| !is_combining_mark(*character)).collect()
}

pub(super) fn date<'a>(arguments: &[Value<'a>], budget: &mut u64) -> Outcome<'a> {
    let (value, format) = match arguments {
        [value] => (value, None),
        [value, Value::String(format)] => (value, Some(format.as_str())),
        _ => return Err(Failure::NoOverload),
    };
    let value = match value {
        Value::Optional(Some(value)) => value,
        value => value,
    };
    match value {
        Value::Timestamp(time) => Ok(Value::Timestamp(*time)),
        Value::String(text) => {
            spend(budget, 4 + text.as_str().len() as u64 / 16)?;
            let text = text.as_str().trim();
            let time = match format {
                Some(format) => parse_with(text, format),
                None => parse(text),
            };
            let time = time.ok_or(Failure::Reason("the text is no date of this form"))?;
            super::value::timestamp(time).map(Value::Timestamp).ok_or(Failure::Reason("the time is out of range"))
        }
        Value::Null | Value::Optional(None) => Err(Failure::Reason("there is no text")),
        _ => Err(Failure::NoOverload),
    }
}

fn parse(text: &str) -> Option<DateTime<Utc>> {
    let rfc = DateTime::parse_from_rfc3339(text).ok().map(|time| time.to_utc());
    rfc.or_else(|| parse_with(text, "%Y-%m-%dT%H:%M:%S%.f")).or_else(|| parse_with(text, "%Y-%m-%d"))
}

fn parse_with(text: &str, format: &str) -> Option<DateTime<Utc>> {
    let with_zone = DateTime::parse_from_str(text, format).ok().map(|time| time.to_utc());
    with_zone
        .or_else(|| NaiveDateTime::parse_from_str(text, format).ok().map(|time| time.and_utc()))
        .or_else(|| NaiveDate::parse_from_str(text, format).ok()?.and_hms_opt(0, 0, 0).map(|time| time.and_utc()))
}

/// A regular expression that is no literal; `check` has refused it.
pub(super) fn not_compiled<'a>(_: &[Value<'a>], _: &mut u64) -> Outcome<'a> {
    Err(Failure::Reason("the regular expression must be a literal text"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fold_takes_case_marks_and_compatibility_away() {
        for (a, b) in [("ÉCOLE", "ecole"), ("ﬁn", "FIN"), ("Straße", "STRASSE"), ("①", "1"), ("ḍ̇", "D")] {
            assert_eq!(folded(a), folded(b));
        }
        assert_ne!(folded("a"), folded("b"));
    }
}
