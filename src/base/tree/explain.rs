//! What serde says of a value, in an operator's words, with the place and without the value.
//!
//! Serde's texts repeat values (`invalid type: string "…"`), and a value may be a secret that somebody wrote at the wrong
//! place: what is kept of them is what was expected.

use super::{Node, Step, Value};
use crate::base::diagnostic::Diagnostic;

/// A key that nobody knows.
pub(super) struct UnknownKey<'a> {
    /// Its name.
    pub(super) name: &'a str,
    /// Where its table is.
    pub(super) table: &'a [Step],
    /// What could stand there instead.
    pub(super) known: Vec<&'a str>,
}

/// The finding for what serde said of the value at `path`.
pub(super) fn explain(tree: &Node, path: &[Step], message: &str) -> Diagnostic {
    if let Some(unknown) = unknown_key(path, message) {
        let table = tree.nearest(unknown.table);
        let place = table.entry(unknown.name).map_or(&table.place, |entry| &entry.key);
        return unknown_key_finding(unknown.name, &unknown.known).at(place);
    }
    let node = tree.nearest(path);
    if let Some(key) = missing_key(message) {
        let path = [&keys(path)[..], &[key]].concat().join(".");
        return Diagnostic::error("missing-key", format!("the key `{path}` is missing"))
            .at(&node.place)
            .hint(format!("add `{key} = …` to this table"));
    }
    let (message, hint) = in_words(message, path, node);
    let at = keys(path).join(".");
    let message = if at.is_empty() { message } else { format!("`{at}`: {message}") };
    let finding = Diagnostic::error("invalid-value", message).at(&node.place);
    match hint {
        Some(hint) => finding.hint(hint),
        None => finding,
    }
}

fn keys(path: &[Step]) -> Vec<&str> {
    let keys = path.iter().filter_map(|step| match step {
        Step::Key(key) => Some(key.as_str()),
        Step::Index(_) => None,
    });
    keys.collect()
}

/// The finding for a key that is none of `known`; its place is the caller's matter.
pub fn unknown_key_finding(name: &str, known: &[&str]) -> Diagnostic {
    let finding = Diagnostic::error("unknown-key", format!("unknown key `{name}`"));
    match closest(name, known) {
        Some(near) => finding.hint(format!("did you mean `{near}`?")),
        None if known.is_empty() => finding.hint("this table has no keys"),
        None => finding.hint(format!("known keys here: {}", known.join(", "))),
    }
}

/// The one of `known` that `name` was probably meant to be.
pub fn closest<'a>(name: &str, known: &[&'a str]) -> Option<&'a str> {
    known
        .iter()
        .map(|candidate| (strsim::damerau_levenshtein(&name.to_lowercase(), &candidate.to_lowercase()), *candidate))
        .filter(|(distance, candidate)| *distance <= 1 + candidate.len() / 4)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// The unknown key that a message of serde's speaks of.
pub(super) fn unknown_key<'a>(path: &'a [Step], message: &'a str) -> Option<UnknownKey<'a>> {
    let rest = message.strip_prefix("unknown field `")?;
    // The path ends in the key, or in its table: that depends on the type that was read.
    let from_path = path.split_last().and_then(|(last, table)| match last {
        Step::Key(key) => rest.strip_prefix(key.as_str()).map(|expected| (key.as_str(), table, expected)),
        Step::Index(_) => None,
    });
    let (name, table, expected) = match from_path {
        Some((name, table, expected)) if expected.starts_with('`') => (name, table, &expected[1..]),
        _ => rest.split_once('`').map(|(name, expected)| (name, path, expected))?,
    };
    Some(UnknownKey { name, table, known: expected.split('`').skip(1).step_by(2).collect() })
}

/// The missing key that a message of serde's speaks of.
pub(super) fn missing_key(message: &str) -> Option<&str> {
    message.strip_prefix("missing field `")?.strip_suffix('`')
}

fn in_words(message: &str, path: &[Step], node: &Node) -> (String, Option<String>) {
    let expected = message.rsplit_once(", expected ").map(|(_, expected)| expected);
    match (message.split_once(' '), expected) {
        (Some(("invalid", rest)), Some(expected)) if rest.starts_with("type: ") => {
            let scalar = !matches!(node.value, Value::Array(_) | Value::Table(_));
            let hint = (scalar && (expected == "a string" || matches!(node.value, Value::Datetime(_))))
                .then(|| "put it in quotes".to_owned());
            (format!("expected {}, found {}", words(expected), node.kind()), hint)
        }
        (Some(("invalid", rest)), Some(expected)) if rest.starts_with("value: ") => {
            (format!("expected {}", words(expected)), None)
        }
        (Some(("unknown", rest)), Some(expected)) if rest.starts_with("variant ") => {
            if let Value::Table(table) = &node.value {
                let text = &node.place.source.text;
                let is_dotted = text.get(node.place.span.clone()).is_some_and(|text| !text.starts_with('{'));
                let key = table.keys().next().filter(|_| is_dotted);
                return (format!("expected {expected}, found a table"), key.and_then(|key| one_name(path, key)));
            }
            let known: Vec<&str> = expected.split('`').skip(1).step_by(2).collect();
            let near = node.as_str().and_then(|text| closest(text, &known));
            (format!("expected {expected}"), near.map(|near| format!("did you mean `{near}`?")))
        }
        _ => (message.to_owned(), None),
    }
}

/// What `a.b = …` may have been meant to be.
fn one_name(path: &[Step], key: &str) -> Option<String> {
    let table = keys(path).pop()?;
    Some(format!("if this is one name, put it in quotes: \"{table}.{key}\""))
}

/// Serde's names of types in an operator's words.
fn words(expected: &str) -> &str {
    match expected {
        "a string" | "a borrowed string" => "text",
        "path string" => "a path in quotes",
        "a boolean" => "true or false",
        "a sequence" => "a list",
        "a map" => "a table",
        "any valid JSON value" => "text, a number, true or false, a list or a table",
        "u8" => "a whole number from 0 to 255",
        "u16" => "a whole number from 0 to 65535",
        "u32" | "u64" | "usize" | "u128" => "a whole number that is not negative",
        "i8" | "i16" | "i32" | "i64" | "isize" | "i128" => "a whole number",
        "f32" | "f64" => "a number",
        other if other.starts_with("struct ") => "a table",
        other => other,
    }
}
