//! JSON as TOML. What TOML cannot say, such as null and numbers of any length, is written as a text of JSON, which tests
//! take wherever they take a table.

use std::fmt::Write as _;

use crate::base::json::{Json, Key, Kind, quote};

/// A text in TOML's double quotes. What JSON escapes, TOML escapes the same way.
pub(super) fn text(text: &str) -> String {
    quote(text).replace('\u{7f}', "\\u007F")
}

/// A value on one line; none where TOML cannot say it.
fn inline(json: Json<'_>) -> Option<String> {
    match json.kind() {
        Kind::Null => None,
        Kind::False | Kind::True => Some(json.raw().to_owned()),
        Kind::Number => number(json.raw()),
        Kind::String => json.as_text()?.ok().map(|decoded| text(&decoded)),
        Kind::Array => {
            let items: Option<Vec<String>> = json.items().map(inline).collect();
            Some(format!("[{}]", items?.join(", ")))
        }
        Kind::Object => {
            let members: Option<Vec<String>> = json
                .members()
                .map(|(name, value)| Some(format!("{} = {}", key(&name.decode().ok()?), inline(value)?)))
                .collect();
            let members = members?;
            Some(if members.is_empty() { "{}".to_owned() } else { format!("{{ {} }}", members.join(", ")) })
        }
    }
}

/// A number that reads back as it is written.
fn number(raw: &str) -> Option<String> {
    let is_integer = raw.parse::<i64>().is_ok_and(|number| number.to_string() == raw);
    let is_float = || raw.parse::<f64>().is_ok_and(|number| number.is_finite() && format!("{number:?}") == raw);
    (is_integer || is_float()).then(|| raw.to_owned())
}

/// A value as a table on one line, or as a text of JSON.
pub(super) fn inline_or_json(json: Json<'_>) -> String {
    inline(json).unwrap_or_else(|| json_text(json.raw()))
}

/// What is expected: like [`inline_or_json`], with the paths under `set` as keys of their own.
pub(super) fn expectation(json: Json<'_>) -> String {
    let members: Option<Vec<String>> = json
        .members()
        .map(|(name, value)| {
            let name = name.decode().ok()?;
            if name != "set" {
                return Some(format!("{} = {}", key(&name), inline(value)?));
            }
            let set: Option<Vec<String>> = value
                .members()
                .map(|(path, value)| Some(format!("{} = {}", dotted(&path.decode().ok()?), inline(value)?)))
                .collect();
            set.map(
                |set| if set.is_empty() { "set = {}".to_owned() } else { format!("set = {{ {} }}", set.join(", ")) },
            )
        })
        .collect();
    members.map_or_else(|| json_text(json.raw()), |members| format!("{{ {} }}", members.join(", ")))
}

/// A table of its own under `[test]`, of the members that are wanted.
pub(super) fn table(name: &str, json: Json<'_>, wanted: impl Fn(Key<'_>) -> bool) -> String {
    let members: Vec<(Key<'_>, Json<'_>)> = json.members().filter(|(key, _)| wanted(*key)).collect();
    let lines: Option<Vec<String>> = members
        .iter()
        .map(|(name, value)| Some(format!("{} = {}\n", key(&name.decode().ok()?), inline(*value)?)))
        .collect();
    if let Some(lines) = lines {
        return format!("\n[test.{name}]\n{}", lines.concat());
    }
    let members: Vec<String> = members.iter().map(|(key, value)| format!("  {}: {}", key.raw(), value.raw())).collect();
    let whole = format!("{{\n{}\n}}", members.join(",\n"));
    format!("{name} = {}\n", json_text(&whole))
}

/// JSON in the quotes that need the least escapes.
fn json_text(json: &str) -> String {
    let is_plain = |character: char| character == '\n' || (!character.is_control() && character != '\r');
    if json.contains("'''") || json.ends_with('\'') || !json.chars().all(is_plain) {
        return text(json);
    }
    if json.contains('\n') || json.contains('\'') { format!("'''{json}'''") } else { format!("'{json}'") }
}

fn key(name: &str) -> String {
    let bare = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    if !name.is_empty() && name.bytes().all(bare) { name.to_owned() } else { text(name) }
}

/// A path as a dotted key where it can be one.
fn dotted(path: &str) -> String {
    let mut out = String::new();
    for (index, name) in path.split('.').enumerate() {
        if key(name) != name {
            return text(path);
        }
        let _ = write!(out, "{}{name}", if index > 0 { "." } else { "" });
    }
    out
}
