//! `HOOKREEVE__SERVER__LISTEN`: single values and comma lists of the fixed sections, from the environment.
//!
//! The schema says which keys there are and of what type; nothing is guessed from a value, and no message repeats one.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::sync::Arc;

use indexmap::IndexMap;

use super::environment::Environment;
use super::sections::LATER;
use super::shape::Shape;
use crate::base::diagnostic::{Diagnostic, Diagnostics, Place, Source};
use crate::base::tree::{Entry, Node, Value, closest};

const PREFIX: &str = "HOOKREEVE__";
const SEPARATOR: &str = "__";

/// Why a variable sets nothing.
#[derive(Debug, thiserror::Error)]
enum OverrideError {
    #[error("there is no such key")]
    Unknown { near: Option<String> },
    #[error("`[{0}]` is not available in this version")]
    Later(&'static str),
    #[error("this names a section, not a key")]
    Section { example: Option<String> },
    #[error("`[[{0}]]` is a list of tables, which only a file can set")]
    List(String),
    #[error("the keys of `[{0}]` are the operator's own, and only a file can set them")]
    OwnKeys(String),
    #[error("a secret is not set like this")]
    Secret,
    #[error("another variable sets the same key: {0}")]
    Twice(String),
    #[error("expected {0}")]
    Value(&'static str),
}

/// What the environment sets, as a tree; the place of each value is its variable.
pub(super) fn read(environment: &Environment, schema: &Shape<'_>, findings: &mut Diagnostics) -> Node {
    let mut tree = Node { value: Value::Table(IndexMap::new()), place: place_of("environment".into()) };
    let mut set: HashMap<Vec<String>, String> = HashMap::new();
    for (name, value) in environment.iter() {
        let Some(rest) = without_prefix(name) else { continue };
        let place = place_of(format!("environment variable {name}"));
        let result = find(schema, rest).and_then(|(path, shape)| {
            let value = parse(value, &shape).map_err(OverrideError::Value)?;
            match set.insert(path.clone(), name.to_owned()) {
                Some(other) => Err(OverrideError::Twice(other)),
                None => Ok((path, value)),
            }
        });
        match result {
            Ok((path, value)) => insert(&mut tree, &path, value, &place),
            Err(error) => findings.push(error.finding().at(&place)),
        }
    }
    tree
}

/// Takes a variable's value out of what a field's own parser said of it.
pub(super) fn hush(environment: &Environment, findings: &mut Diagnostics) {
    for finding in findings {
        let Some(place) = &finding.place else { continue };
        let name = place.source.name.strip_prefix("environment variable ").filter(|_| place.source.text.is_empty());
        let value = name.and_then(|name| environment.get(name)).filter(|value| value.len() >= 4);
        if value.is_some_and(|value| finding.message.contains(value)) {
            "this value is not valid here".clone_into(&mut finding.message);
        }
    }
}

fn without_prefix(name: &str) -> Option<&str> {
    let (prefix, rest) = name.split_at_checked(PREFIX.len())?;
    prefix.eq_ignore_ascii_case(PREFIX).then_some(rest)
}

fn place_of(name: String) -> Place {
    Place { source: Arc::new(Source { name, text: String::new() }), span: 0..0 }
}

/// The key that a variable's name stands for, spelt as in a file.
fn find<'s>(schema: &Shape<'s>, name: &str) -> Result<(Vec<String>, Shape<'s>), OverrideError> {
    let mut path: Vec<String> = Vec::new();
    let mut shape = schema.clone();
    let segments: Vec<&str> = name.split(SEPARATOR).collect();
    for (depth, segment) in segments.iter().enumerate() {
        if let Some(refusal) = refusal(&shape, &path) {
            return Err(refusal);
        }
        let keys = shape.keys();
        let Some(key) = keys.iter().find(|key| key.eq_ignore_ascii_case(segment)) else {
            let later = LATER.iter().find(|later| depth == 0 && later.eq_ignore_ascii_case(segment));
            return Err(later.map_or_else(
                || OverrideError::Unknown { near: closest(segment, &keys).map(|near| respelt(&segments, depth, near)) },
                |later| OverrideError::Later(later),
            ));
        };
        path.push((*key).to_owned());
        shape = shape.key(key).unwrap_or(shape);
    }
    match refusal(&shape, &path) {
        Some(OverrideError::OwnKeys(_)) if shape.may_be("string") => Ok((path, shape)),
        Some(refusal) => Err(refusal),
        None if !shape.keys().is_empty() && !shape.may_be("string") => {
            let example = shape.keys().first().map(|key| variable(path.iter().map(String::as_str).chain([*key])));
            Err(OverrideError::Section { example })
        }
        None => Ok((path, shape)),
    }
}

/// Why neither this position nor any below it can be set.
fn refusal(shape: &Shape<'_>, path: &[String]) -> Option<OverrideError> {
    if shape.is_secret() {
        Some(OverrideError::Secret)
    } else if shape.item().is_some_and(|item| item.may_be("object")) && !shape.may_be("string") {
        Some(OverrideError::List(path.join(".")))
    } else if shape.is_map() {
        Some(OverrideError::OwnKeys(path.join(".")))
    } else {
        None
    }
}

fn respelt(segments: &[&str], wrong: usize, near: &str) -> String {
    let respelt = segments.iter().enumerate().map(|(at, segment)| if at == wrong { near } else { segment });
    variable(respelt)
}

fn variable<'a>(segments: impl IntoIterator<Item = &'a str>) -> String {
    let segments: Vec<_> = segments.into_iter().map(str::to_uppercase).collect();
    format!("{PREFIX}{}", segments.join(SEPARATOR))
}

/// A value of the type that the schema names; text stays text, whatever it looks like.
fn parse(value: &OsStr, shape: &Shape<'_>) -> Result<Value, &'static str> {
    let text = value.to_str().ok_or("UTF-8")?;
    match shape.item() {
        Some(item) if !shape.may_be("string") || text.contains(',') => {
            let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
            let items = items.map(|text| scalar(text, &item));
            // The places of a list's items are the list's own: see `insert`.
            let items = items.map(|item| item.map(|value| Node { value, place: place_of(String::new()) }));
            items.collect::<Result<_, _>>().map(Value::Array)
        }
        _ => scalar(text, shape),
    }
}

fn scalar(text: &str, shape: &Shape<'_>) -> Result<Value, &'static str> {
    if shape.may_be("string") {
        Ok(Value::String(text.to_owned()))
    } else if shape.may_be("boolean") {
        text.parse().map(Value::Bool).map_err(|_| "true or false")
    } else if shape.may_be("integer") {
        text.parse().map(Value::Integer).map_err(|_| "a whole number")
    } else if shape.may_be("number") {
        text.parse().map(Value::Float).map_err(|_| "a number")
    } else {
        Err("nothing that a variable can say: set it in a file")
    }
}

fn insert(tree: &mut Node, path: &[String], mut value: Value, place: &Place) {
    let Value::Table(table) = &mut tree.value else { return };
    let Some((key, rest)) = path.split_first() else { return };
    if let (Value::Array(items), true) = (&mut value, rest.is_empty()) {
        for item in items {
            item.place = place.clone();
        }
    }
    if rest.is_empty() {
        table.insert(key.clone(), Entry { key: place.clone(), node: Node { value, place: place.clone() } });
        return;
    }
    let entry = table.entry(key.clone()).or_insert_with(|| Entry {
        key: place.clone(),
        node: Node { value: Value::Table(IndexMap::new()), place: place.clone() },
    });
    insert(&mut entry.node, rest, value, place);
}

impl OverrideError {
    fn finding(self) -> Diagnostic {
        let finding = Diagnostic::error("environment", self.to_string());
        let hint = match self {
            Self::Unknown { near: Some(near) } => format!("did you mean {near}?"),
            Self::Unknown { near: None } => {
                format!("a variable that begins with {PREFIX} sets a key of a section, as {PREFIX}SERVER__LISTEN does")
            }
            Self::Section { example: Some(example) } => format!("name one of its keys, as {example} does"),
            Self::Secret => "name it in the file: { env = \"NAME\" } or { file = \"path\" }".into(),
            Self::Twice(_) => "keep one of the two".into(),
            Self::Later(_) | Self::Section { example: None } | Self::List(_) | Self::OwnKeys(_) | Self::Value(_) => {
                return finding;
            }
        };
        finding.hint(hint)
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use expect_test::{Expect, expect};
    use serde_json::json;

    use super::*;

    /// Sections of this version have not all these types yet.
    fn example() -> serde_json::Value {
        json!({
            "properties": {
                "cymmetri": { "$ref": "#/$defs/Cymmetri" },
                "attributes": { "type": "object", "additionalProperties": { "type": "string" } },
                "rule": { "type": "array", "items": { "type": "object" } },
            },
            "$defs": { "Cymmetri": {
                "type": "object",
                "properties": {
                    "base_paths": { "type": "array", "items": { "type": "string" } },
                    "ports": { "type": "array", "items": { "type": "integer" } },
                    "tenant": { "type": ["string", "null"] },
                    "strict": { "type": "boolean" },
                    "limit": { "type": "integer" },
                    "ratio": { "type": "number" },
                    "on": { "anyOf": [{ "enum": ["a", "b"] }, { "type": "array", "items": { "enum": ["a", "b"] } }] },
                    "records": { "anyOf": [{ "type": "string" }, { "type": "object", "additionalProperties": { "type": "string" } }] },
                    "bearer": { "type": "array", "items": { "format": "secret", "type": "object" } },
                    "jwt": { "type": "object", "properties": { "secret": { "format": "secret", "type": "object" } } },
                },
            } },
        })
    }

    #[track_caller]
    fn check(variables: &[(&str, &str)], expected: &Expect) {
        let schema = example();
        let mut findings = Diagnostics::default();
        let tree = read(&Environment::new(variables.iter().copied()), &Shape::root(&schema), &mut findings);
        let mut text = String::new();
        print(&tree, "", &mut text);
        findings.iter().for_each(|finding| text += &(finding.one_line() + "\n"));
        expected.assert_eq(&text);
    }

    fn print(node: &Node, path: &str, text: &mut String) {
        match &node.value {
            Value::Table(table) => {
                table.iter().for_each(|(key, entry)| print(&entry.node, &format!("{path}.{key}"), text));
            }
            Value::Array(items) => {
                _ = writeln!(text, "{path}: {:?}", items.iter().map(|item| &item.value).collect::<Vec<_>>());
            }
            value => _ = writeln!(text, "{path}: {value:?}"),
        }
    }

    #[test]
    fn a_value_is_read_as_the_schema_says_and_never_guessed() {
        check(
            &[
                ("HOOKREEVE__CYMMETRI__BASE_PATHS", "/webhook, /"),
                ("HOOKREEVE__CYMMETRI__PORTS", "1,2"),
                ("HOOKREEVE__CYMMETRI__TENANT", "277"),
                ("hookreeve__cymmetri__strict", "true"),
                ("HOOKREEVE__Cymmetri__Limit", "-3"),
                ("HOOKREEVE__CYMMETRI__RATIO", "0.5"),
                ("HOOKREEVE__CYMMETRI__ON", "a,b"),
                ("HOOKREEVE__CYMMETRI__RECORDS", "off"),
                ("HOOKREEVE_JWT_SECRET", "not ours"),
                ("PATH", "/bin"),
            ],
            &expect![[r#"
                .cymmetri.base_paths: [String("/webhook"), String("/")]
                .cymmetri.on: [String("a"), String("b")]
                .cymmetri.ports: [Integer(1), Integer(2)]
                .cymmetri.ratio: Float(0.5)
                .cymmetri.records: String("off")
                .cymmetri.tenant: String("277")
                .cymmetri.limit: Integer(-3)
                .cymmetri.strict: Bool(true)
            "#]],
        );
    }

    #[test]
    fn a_variable_that_sets_nothing_is_an_error_without_its_value() {
        check(
            &[
                ("HOOKREEVE__", "hunter2"),
                ("HOOKREEVE__ATTRIBUTES__USER", "hunter2"),
                ("HOOKREEVE__CYMETRI__TENANT", "hunter2"),
                ("HOOKREEVE__CYMMETRI", "hunter2"),
                ("HOOKREEVE__CYMMETRI__BEARER", "hunter2"),
                ("HOOKREEVE__CYMMETRI__JWT__SECRET", "hunter2"),
                ("HOOKREEVE__CYMMETRI__JWT__SECRET__ENV", "hunter2"),
                ("HOOKREEVE__CYMMETRI__LIMIT", "hunter2"),
                ("HOOKREEVE__CYMMETRI__PORTS", "1,hunter2"),
                ("HOOKREEVE__CYMMETRI__RATIO", "hunter2"),
                ("HOOKREEVE__CYMMETRI__STRICT", "hunter2"),
                ("HOOKREEVE__CYMMETRI__TENNANT", "hunter2"),
                ("HOOKREEVE__CYMMETRI__TENANT", "hunter2"),
                ("HOOKREEVE__CYMMETRI__tenant", "hunter2"),
                ("HOOKREEVE__CYMMETRI__TENANT__X", "hunter2"),
                ("HOOKREEVE__JOURNAL__URL", "hunter2"),
                ("HOOKREEVE__RULE__ID", "hunter2"),
                ("HOOKREEVE__ZZZ", "hunter2"),
            ],
            &expect![[r#"
                .cymmetri.tenant: String("hunter2")
                environment variable HOOKREEVE__: there is no such key (a variable that begins with HOOKREEVE__ sets a key of a section, as HOOKREEVE__SERVER__LISTEN does)
                environment variable HOOKREEVE__ATTRIBUTES__USER: the keys of `[attributes]` are the operator's own, and only a file can set them
                environment variable HOOKREEVE__CYMETRI__TENANT: there is no such key (did you mean HOOKREEVE__CYMMETRI__TENANT?)
                environment variable HOOKREEVE__CYMMETRI: this names a section, not a key (name one of its keys, as HOOKREEVE__CYMMETRI__BASE_PATHS does)
                environment variable HOOKREEVE__CYMMETRI__BEARER: a secret is not set like this (name it in the file: { env = "NAME" } or { file = "path" })
                environment variable HOOKREEVE__CYMMETRI__JWT__SECRET: a secret is not set like this (name it in the file: { env = "NAME" } or { file = "path" })
                environment variable HOOKREEVE__CYMMETRI__JWT__SECRET__ENV: a secret is not set like this (name it in the file: { env = "NAME" } or { file = "path" })
                environment variable HOOKREEVE__CYMMETRI__LIMIT: expected a whole number
                environment variable HOOKREEVE__CYMMETRI__PORTS: expected a whole number
                environment variable HOOKREEVE__CYMMETRI__RATIO: expected a number
                environment variable HOOKREEVE__CYMMETRI__STRICT: expected true or false
                environment variable HOOKREEVE__CYMMETRI__TENANT__X: there is no such key (a variable that begins with HOOKREEVE__ sets a key of a section, as HOOKREEVE__SERVER__LISTEN does)
                environment variable HOOKREEVE__CYMMETRI__TENNANT: there is no such key (did you mean HOOKREEVE__CYMMETRI__TENANT?)
                environment variable HOOKREEVE__CYMMETRI__tenant: another variable sets the same key: HOOKREEVE__CYMMETRI__TENANT (keep one of the two)
                environment variable HOOKREEVE__JOURNAL__URL: there is no such key (a variable that begins with HOOKREEVE__ sets a key of a section, as HOOKREEVE__SERVER__LISTEN does)
                environment variable HOOKREEVE__RULE__ID: `[[rule]]` is a list of tables, which only a file can set
                environment variable HOOKREEVE__ZZZ: there is no such key (a variable that begins with HOOKREEVE__ sets a key of a section, as HOOKREEVE__SERVER__LISTEN does)
            "#]],
        );
    }

    #[test]
    fn a_parser_that_repeats_a_value_is_hushed() {
        let place = place_of("environment variable HOOKREEVE__X".into());
        let mut findings = Diagnostics::default();
        findings.push(Diagnostic::error("invalid-value", "no network: hunter2").at(&place));
        hush(&Environment::new([("HOOKREEVE__X", "hunter2")]), &mut findings);
        let messages: Vec<_> = findings.iter().map(Diagnostic::one_line).collect();
        assert_eq!(messages, ["environment variable HOOKREEVE__X: this value is not valid here"]);
    }
}
