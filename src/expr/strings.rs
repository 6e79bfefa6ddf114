//! Functions on text. Indices count characters. Source: the CEL strings extension.

use super::functions::{Failure, spend};
use super::value::{List, Text, Value, length_cost};

type Outcome<'a> = Result<Value<'a>, Failure>;

const INDEX: Failure = Failure::Reason("the index is out of range");

/// The text of an argument, paid for.
fn text<'v>(value: Option<&'v Value<'_>>, budget: &mut u64) -> Result<&'v str, Failure> {
    let text = value.and_then(Value::as_str).ok_or(Failure::NoOverload)?;
    spend(budget, length_cost(text.len()))?;
    Ok(text)
}

fn index(value: Option<&Value<'_>>) -> Result<i64, Failure> {
    match value {
        Some(Value::Int(index)) => Ok(*index),
        _ => Err(Failure::NoOverload),
    }
}

/// Looking for one text in another is paid by the longer one.
fn two<'v>(arguments: &'v [Value<'_>], budget: &mut u64) -> Result<(&'v str, &'v str), Failure> {
    if arguments.len() < 2 {
        return Err(Failure::NoOverload);
    }
    Ok((text(arguments.first(), budget)?, text(arguments.get(1), budget)?))
}

pub(super) fn contains<'a>(arguments: &[Value<'a>], budget: &mut u64) -> Outcome<'a> {
    let (text, part) = two(arguments, budget)?;
    Ok(Value::Bool(text.contains(part)))
}

pub(super) fn starts_with<'a>(arguments: &[Value<'a>], budget: &mut u64) -> Outcome<'a> {
    let (text, part) = two(arguments, budget)?;
    Ok(Value::Bool(text.starts_with(part)))
}

pub(super) fn ends_with<'a>(arguments: &[Value<'a>], budget: &mut u64) -> Outcome<'a> {
    let (text, part) = two(arguments, budget)?;
    Ok(Value::Bool(text.ends_with(part)))
}

/// The byte at which the character of an index begins; the text's length for the index behind the last.
fn byte_at(text: &str, index: i64) -> Result<usize, Failure> {
    let index = usize::try_from(index).map_err(|_| INDEX)?;
    let mut starts = text.char_indices().map(|(at, _)| at).chain([text.len()]);
    starts.nth(index).ok_or(INDEX)
}

fn character_of(text: &str, byte: usize) -> Value<'static> {
    Value::Int(i64::try_from(text[..byte].chars().count()).unwrap_or(i64::MAX))
}

pub(super) fn char_at<'a>(arguments: &[Value<'a>], budget: &mut u64) -> Outcome<'a> {
    let (text, index) = (text(arguments.first(), budget)?, index(arguments.get(1))?);
    let at = byte_at(text, index)?;
    Ok(Value::text(text[at..].chars().next().map_or(String::new(), String::from)))
}

pub(super) fn index_of<'a>(arguments: &[Value<'a>], budget: &mut u64) -> Outcome<'a> {
    let (text, part) = two(arguments, budget)?;
    let from = match arguments.get(2) {
        None => 0,
        some => {
            let from = index(some)?;
            if from < 0 {
                return Err(INDEX);
            }
            match byte_at(text, from) {
                Ok(at) => at,
                // Behind the end there is nothing to be found.
                Err(_) => return Ok(Value::Int(-1)),
            }
        }
    };
    Ok(text[from..].find(part).map_or(Value::Int(-1), |at| character_of(text, from + at)))
}

pub(super) fn last_index_of<'a>(arguments: &[Value<'a>], budget: &mut u64) -> Outcome<'a> {
    let (text, part) = two(arguments, budget)?;
    let found = match arguments.get(2) {
        None => text.rfind(part),
        some => {
            let last = byte_at(text, index(some)?)?;
            // What begins at the last place ends behind it.
            let mut end = last.saturating_add(part.len()).min(text.len());
            while !text.is_char_boundary(end) {
                end -= 1;
            }
            text[..end].rfind(part)
        }
    };
    Ok(found.map_or(Value::Int(-1), |at| character_of(text, at)))
}

pub(super) fn lower_ascii<'a>(arguments: &[Value<'a>], budget: &mut u64) -> Outcome<'a> {
    only(arguments)?;
    Ok(Value::text(text(arguments.first(), budget)?.to_ascii_lowercase()))
}

pub(super) fn upper_ascii<'a>(arguments: &[Value<'a>], budget: &mut u64) -> Outcome<'a> {
    only(arguments)?;
    Ok(Value::text(text(arguments.first(), budget)?.to_ascii_uppercase()))
}

pub(super) fn reverse<'a>(arguments: &[Value<'a>], budget: &mut u64) -> Outcome<'a> {
    only(arguments)?;
    Ok(Value::text(text(arguments.first(), budget)?.chars().rev().collect::<String>()))
}

fn only(arguments: &[Value<'_>]) -> Result<(), Failure> {
    if arguments.len() == 1 { Ok(()) } else { Err(Failure::NoOverload) }
}

pub(super) fn replace<'a>(arguments: &[Value<'a>], budget: &mut u64) -> Outcome<'a> {
    let (from, part) = two(arguments, budget)?;
    let by = text(arguments.get(2), budget)?;
    let times = match arguments.get(3) {
        None => usize::MAX,
        some => usize::try_from(index(some)?).unwrap_or(usize::MAX),
    };
    if arguments.len() > 4 {
        return Err(Failure::NoOverload);
    }
    // What comes out may be longer by far than what went in, and is paid for before it is made.
    let found = from.matches(part).take(times).count();
    spend(budget, length_cost(from.len() + found.saturating_mul(by.len())))?;
    Ok(Value::text(from.replacen(part, by, times)))
}

pub(super) fn split<'a>(arguments: &[Value<'a>], budget: &mut u64) -> Outcome<'a> {
    let (whole, separator) = two(arguments, budget)?;
    let limit = match arguments.get(2) {
        None => usize::MAX,
        some => usize::try_from(index(some)?).unwrap_or(usize::MAX),
    };
    if arguments.len() > 3 {
        return Err(Failure::NoOverload);
    }
    let parts: Vec<&str> = match (separator.is_empty(), limit) {
        (_, 0) => Vec::new(),
        // Between all characters, and not around them; of nothing there are no parts.
        (true, _) => {
            let mut parts = Vec::new();
            let mut rest = whole;
            while let Some(first) = rest.chars().next() {
                if parts.len() + 1 == limit {
                    break;
                }
                parts.push(&rest[..first.len_utf8()]);
                rest = &rest[first.len_utf8()..];
            }
            if !rest.is_empty() {
                parts.push(rest);
            }
            parts
        }
        (false, _) => whole.splitn(limit, separator).collect(),
    };
    spend(budget, parts.len() as u64)?;
    Ok(Value::list(parts.into_iter().map(Value::text).collect()))
}

pub(super) fn substring<'a>(arguments: &[Value<'a>], budget: &mut u64) -> Outcome<'a> {
    let whole = text(arguments.first(), budget)?;
    let start = byte_at(whole, index(arguments.get(1))?)?;
    let end = match arguments.get(2) {
        None => whole.len(),
        some => byte_at(whole, index(some)?)?,
    };
    if start > end {
        return Err(INDEX);
    }
    // A part of what came in is what came in.
    Ok(match arguments.first() {
        Some(Value::String(Text::Borrowed(text))) => Value::String(Text::Borrowed(&text[start..end])),
        _ => Value::text(&whole[start..end]),
    })
}

pub(super) fn join<'a>(arguments: &[Value<'a>], budget: &mut u64) -> Outcome<'a> {
    let (list, separator): (&List<'a>, &str) = match arguments {
        [Value::List(list)] => (list, ""),
        [Value::List(list), Value::String(separator)] => (list, separator.as_str()),
        _ => return Err(Failure::NoOverload),
    };
    spend(budget, list.reading_cost())?;
    let mut out = String::new();
    for (index, item) in list.iter().enumerate() {
        let item = item.map_err(|_| Failure::Unreadable)?;
        let item = item.as_str().ok_or(Failure::Reason("every item of the list must be a text"))?;
        spend(budget, 1 + length_cost(item.len() + separator.len()))?;
        if index > 0 {
            out.push_str(separator);
        }
        out.push_str(item);
    }
    Ok(Value::text(out))
}

pub(super) fn quote<'a>(arguments: &[Value<'a>], budget: &mut u64) -> Outcome<'a> {
    only(arguments)?;
    let text = text(arguments.first(), budget)?;
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for character in text.chars() {
        match character {
            '\x07' => out.push_str("\\a"),
            '\x08' => out.push_str("\\b"),
            '\x0c' => out.push_str("\\f"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\x0b' => out.push_str("\\v"),
            '\\' => out.push_str("\\\\"),
            '"' => out.push_str("\\\""),
            other => out.push(other),
        }
    }
    out.push('"');
    Ok(Value::text(out))
}
