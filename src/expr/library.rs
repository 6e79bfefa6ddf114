//! Our own functions: `text lower upper trim fold date`. `re` is compiled at load; see `compile`.

use std::sync::{Arc, OnceLock};

use cel::common::types::{CelString, DYN_TYPE, STRING_TYPE};
use cel::common::value::CowVal;
use cel::objects::OptionalValue;
use cel::{Env, ExecutionError, Value};
use chrono::{DateTime, NaiveDate, NaiveDateTime};
use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};

use super::MAX_ELEMENTS;

/// The function that every comprehension's list goes through, so that it is bounded.
pub(super) const BOUNDED: &str = "@bounded";
/// The function that calls of `re` and `matches` with a literal become.
pub(super) const FIND: &str = "@find";

type Args<'b, 'v> = Vec<CowVal<'b, 'v>>;
type Returned<'b, 'v> = Result<CowVal<'b, 'v>, ExecutionError>;

/// The environment that all expressions share.
pub(super) fn environment() -> Arc<Env> {
    static ENVIRONMENT: OnceLock<Arc<Env>> = OnceLock::new();
    ENVIRONMENT.get_or_init(|| Arc::new(build())).clone()
}

fn build() -> Env {
    let mut env = Env::stdlib();
    cel::extensions::strings(&mut env).expect("the strings extension fits the standard library");
    let unary: [(&str, cel::common::types::Type, cel::common::functions::Function); 6] = [
        ("text", DYN_TYPE, text),
        ("lower", STRING_TYPE, |args| of_text("lower", &args, str::to_lowercase)),
        ("upper", STRING_TYPE, |args| of_text("upper", &args, str::to_uppercase)),
        ("trim", STRING_TYPE, |args| of_text("trim", &args, |text| text.trim().to_owned())),
        ("fold", STRING_TYPE, |args| of_text("fold", &args, fold)),
        (BOUNDED, DYN_TYPE, bounded),
    ];
    for (name, argument, function) in unary {
        env.add_overload(name, name, vec![argument], function).expect("our functions have names of their own");
    }
    env.add_overload("date", "date", vec![DYN_TYPE], date).expect("our functions have names of their own");
    env.add_overload("date", "date_format", vec![DYN_TYPE, STRING_TYPE], date).expect("a form of its own");
    env
}

fn failure(function: &str, message: &str) -> ExecutionError {
    ExecutionError::function_error(function, message)
}

fn of_text<'b, 'v>(name: &str, args: &Args<'b, 'v>, f: impl Fn(&str) -> String) -> Returned<'b, 'v> {
    let text = args.first().and_then(|arg| arg.downcast_ref::<CelString>());
    let text = text.ok_or_else(|| failure(name, "it takes a text"))?;
    Ok(CowVal::owned(CelString::from(f(text.inner()))))
}

/// Compatibility forms, case and combining marks taken away.
pub(super) fn fold(text: &str) -> String {
    let stripped: String = text.nfkd().filter(|character| !is_combining_mark(*character)).collect();
    let folded = caseless::default_case_fold_str(&stripped);
    folded.nfkc().filter(|character| !is_combining_mark(*character)).collect()
}

fn plain(name: &str, arg: Option<&CowVal<'_, '_>>) -> Result<Value, ExecutionError> {
    let value: Value = arg.ok_or_else(|| failure(name, "it takes a value"))?.as_ref().try_into()?;
    Ok(match <&OptionalValue>::try_from(&value) {
        Ok(optional) => optional.value().cloned().unwrap_or(Value::Null),
        Err(_) => value,
    })
}

#[expect(clippy::needless_pass_by_value, reason = "a CEL function has this form")]
fn text<'b, 'v>(args: Args<'b, 'v>) -> Returned<'b, 'v> {
    let text = match plain("text", args.first())? {
        Value::Null => String::new(),
        Value::String(text) => Arc::unwrap_or_clone(text),
        value @ (Value::Bool(_) | Value::Int(_) | Value::UInt(_) | Value::Float(_)) => {
            super::Value(value).to_json().map_err(|error| failure("text", error.message()))?.to_string()
        }
        Value::List(_) | Value::Map(_) => return Err(failure("text", "a list or map is no text")),
        _ => return Err(failure("text", "this kind of value is no text")),
    };
    Ok(CowVal::owned(CelString::from(text)))
}

#[expect(clippy::needless_pass_by_value, reason = "a CEL function has this form")]
fn date<'b, 'v>(args: Args<'b, 'v>) -> Returned<'b, 'v> {
    let value = match plain("date", args.first())? {
        value @ Value::Timestamp(_) => value,
        Value::String(text) => {
            let format = args.get(1).and_then(|arg| arg.downcast_ref::<CelString>());
            let time = match format {
                Some(format) => parse_with(text.trim(), format.inner()),
                None => parse(text.trim()),
            };
            Value::Timestamp(time.ok_or_else(|| failure("date", "the text is no date of this form"))?)
        }
        Value::Null => return Err(failure("date", "there is no text")),
        _ => return Err(failure("date", "it takes a text")),
    };
    Ok(CowVal::Owned(value.try_into()?))
}

fn parse(text: &str) -> Option<DateTime<chrono::FixedOffset>> {
    DateTime::parse_from_rfc3339(text)
        .ok()
        .or_else(|| parse_with(text, "%Y-%m-%dT%H:%M:%S%.f"))
        .or_else(|| parse_with(text, "%Y-%m-%d"))
}

fn parse_with(text: &str, format: &str) -> Option<DateTime<chrono::FixedOffset>> {
    let utc = |time: NaiveDateTime| time.and_utc().fixed_offset();
    DateTime::parse_from_str(text, format)
        .ok()
        .or_else(|| NaiveDateTime::parse_from_str(text, format).ok().map(utc))
        .or_else(|| NaiveDate::parse_from_str(text, format).ok()?.and_hms_opt(0, 0, 0).map(utc))
}

fn bounded<'b, 'v>(mut args: Args<'b, 'v>) -> Returned<'b, 'v> {
    let range = args.pop().ok_or_else(|| failure("iteration", "there is nothing to go through"))?;
    let size = range.as_sizer().map_or(0, |sizer| *sizer.size().inner());
    if usize::try_from(size).is_ok_and(|size| size > MAX_ELEMENTS) {
        return Err(failure("iteration", "more elements than a rule may go through (1000)"));
    }
    Ok(range)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fold_takes_case_marks_and_compatibility_away() {
        for (a, b) in [("ÉCOLE", "ecole"), ("ﬁn", "FIN"), ("Straße", "STRASSE"), ("①", "1"), ("ḍ̇", "D")] {
            assert_eq!(fold(a), fold(b));
        }
        assert_ne!(fold("a"), fold("b"));
    }
}
