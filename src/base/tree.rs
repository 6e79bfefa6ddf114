//! TOML as a tree in which every value and key knows its place.
//!
//! Here stand parsing, looking places up, and deserialising with every error at once. Merging files, the environment
//! and what the keys mean are the matter of `config` and of the modules that own the types.

mod de;
mod explain;
mod parse;
mod read;

use std::fmt;
use std::ops::Range;

use indexmap::IndexMap;

use super::diagnostic::Place;

use parse::Side;

pub use explain::{closest, unknown_key_finding};
pub use parse::parse;
pub use read::{Salvaged, deserialize, salvage};

/// A value and where it stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// What stands there.
    pub value: Value,
    /// Where.
    pub place: Place,
}

/// What stands at a [`Node`].
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Text of any of TOML's four kinds, decoded.
    String(String),
    /// An integer.
    Integer(i64),
    /// A number with a fraction.
    Float(f64),
    /// `true` or `false`.
    Bool(bool),
    /// A date, a time, or both, as written.
    Datetime(String),
    /// A list, `[[…]]` included.
    Array(Vec<Node>),
    /// A table, in the order written.
    Table(Table),
}

/// A table's entries in the order written.
pub type Table = IndexMap<String, Entry>;

/// A table's value and the place of its key.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// Where the key stands.
    pub key: Place,
    /// The value.
    pub node: Node,
}

/// A step into a tree: a table's key or a list's index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// A table's key.
    Key(String),
    /// A list's index.
    Index(usize),
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Key(key) => f.write_str(key),
            Self::Index(index) => index.fmt(f),
        }
    }
}

impl Node {
    /// The value under `key`, where this is a table that has it.
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.entry(key).map(|entry| &entry.node)
    }

    /// The entry under `key`, where this is a table that has it.
    pub fn entry(&self, key: &str) -> Option<&Entry> {
        self.as_table()?.get(key)
    }

    /// The entries, where this is a table.
    pub fn as_table(&self) -> Option<&Table> {
        match &self.value {
            Value::Table(table) => Some(table),
            _ => None,
        }
    }

    /// The items, where this is a list.
    pub fn as_array(&self) -> Option<&[Node]> {
        match &self.value {
            Value::Array(items) => Some(items),
            _ => None,
        }
    }

    /// The text, where this is one.
    pub fn as_str(&self) -> Option<&str> {
        match &self.value {
            Value::String(text) => Some(text),
            _ => None,
        }
    }

    /// What kind of value this is, in an operator's words.
    pub fn kind(&self) -> &'static str {
        match &self.value {
            Value::String(_) => "text",
            Value::Integer(_) => "an integer",
            Value::Float(_) => "a number with a fraction",
            Value::Bool(_) => "true or false",
            Value::Datetime(_) => "a date or time",
            Value::Array(_) => "a list",
            Value::Table(_) => "a table",
        }
    }

    /// The value as JSON, in the order written. A number that JSON cannot hold is its text.
    pub fn to_json(&self) -> serde_json::Value {
        match &self.value {
            Value::String(text) | Value::Datetime(text) => text.as_str().into(),
            Value::Integer(number) => (*number).into(),
            Value::Float(number) => {
                serde_json::Number::from_f64(*number).map_or_else(|| number.to_string().into(), Into::into)
            }
            Value::Bool(truth) => (*truth).into(),
            Value::Array(items) => items.iter().map(Self::to_json).collect(),
            Value::Table(table) => table.iter().map(|(key, entry)| (key.clone(), entry.node.to_json())).collect(),
        }
    }

    /// The node that `path` leads to, or the last one on the way that exists.
    pub fn nearest(&self, path: &[Step]) -> &Node {
        let Some((step, rest)) = path.split_first() else { return self };
        let next = match step {
            Step::Key(key) => self.get(key),
            Step::Index(index) => self.as_array().and_then(|items| items.get(*index)),
        };
        next.map_or(self, |node| node.nearest(rest))
    }

    /// The place of a stretch of this node's *decoded* text, given in bytes of it: where a caret belongs for an error
    /// inside an expression. For anything but text it is the node's own place.
    pub fn place_within(&self, range: Range<usize>) -> Place {
        let Value::String(_) = &self.value else { return self.place.clone() };
        let raw = &self.place.source.text[self.place.span.clone()];
        let start = self.place.span.start + parse::raw_offset(raw, range.start, Side::After);
        let end = self.place.span.start + parse::raw_offset(raw, range.end.max(range.start), Side::Before);
        Place { source: self.place.source.clone(), span: start..end.max(start) }
    }
}
