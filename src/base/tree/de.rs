//! From a [`Node`] to a type, by serde, with the place of every error.
//!
//! Serde stops at the first error. To find them all, the value in error is taken out of a copy of the tree and the rest
//! is read again, until nothing more can be taken out.

use serde::de::value::StrDeserializer;
use serde::de::{self, DeserializeOwned, DeserializeSeed, EnumAccess, IntoDeserializer, VariantAccess, Visitor};
use serde_path_to_error::{Path, Segment};

use super::{Entry, Node, Step, Value};
use crate::base::diagnostic::{Diagnostic, Diagnostics, Place};

/// How many errors are looked for in one tree.
const MAX_ERRORS: usize = 50;

/// Reads `node` as a `T`. Every error goes to `findings` with its place; then there is no `T`.
pub fn deserialize<T: DeserializeOwned>(node: &Node, findings: &mut Diagnostics) -> Option<T> {
    let mut rest = node.clone();
    for round in 0..MAX_ERRORS {
        let error = match serde_path_to_error::deserialize(&rest) {
            Ok(value) => return (round == 0).then_some(value),
            Err(error) => error,
        };
        let path = steps(error.path());
        let message = error.inner().to_string();
        findings.push(explain(&rest, &path, &message));
        if !remove(&mut rest, &path, &message) {
            return None;
        }
    }
    None
}

/// The path of a serde error as steps into a tree.
pub(crate) fn steps(path: &Path) -> Vec<Step> {
    path.iter()
        .filter_map(|segment| match segment {
            Segment::Map { key } => Some(Step::Key(key.clone())),
            Segment::Seq { index } => Some(Step::Index(*index)),
            Segment::Enum { variant } => Some(Step::Key(variant.clone())),
            Segment::Unknown => None,
        })
        .collect()
}

/// The finding for what serde said of the value at `path`.
pub(crate) fn explain(tree: &Node, path: &[Step], message: &str) -> Diagnostic {
    if let Some(unknown) = message.strip_prefix("unknown field `") {
        let (name, expected) = unknown.split_once('`').unwrap_or((unknown, ""));
        let known: Vec<&str> = expected.split('`').skip(1).step_by(2).collect();
        let table = match path.split_last() {
            Some((Step::Key(last), parents)) if last == name => tree.nearest(parents),
            _ => tree.nearest(path),
        };
        let place = table.entry(name).map_or(&table.place, |entry| &entry.key);
        let finding = Diagnostic::error("unknown-key", format!("unknown key `{name}`")).at(place);
        return match closest(name, &known) {
            Some(near) => finding.hint(format!("did you mean `{near}`?")),
            None if known.is_empty() => finding,
            None => finding.hint(format!("known keys here: {}", known.join(", "))),
        };
    }
    let place = &tree.nearest(path).place;
    if let Some(missing) = message.strip_prefix("missing field ") {
        return Diagnostic::error("missing-key", format!("the key {missing} is missing")).at(place);
    }
    let at = path.iter().map(step_text).collect::<Vec<_>>().join(".");
    let message = if at.is_empty() { message.to_owned() } else { format!("`{at}`: {message}") };
    Diagnostic::error("invalid-value", message).at(place)
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

fn step_text(step: &Step) -> String {
    match step {
        Step::Key(key) => key.clone(),
        Step::Index(index) => index.to_string(),
    }
}

/// Takes what is in error out of the tree; false where that would not help.
fn remove(tree: &mut Node, path: &[Step], message: &str) -> bool {
    let unknown = message.strip_prefix("unknown field `").and_then(|rest| rest.split_once('`')).map(|(name, _)| name);
    let (last, parents) = match (path.split_last(), unknown) {
        (Some((Step::Key(key), parents)), Some(name)) if key == name => (Step::Key(key.clone()), parents),
        (_, Some(name)) => (Step::Key(name.to_owned()), path),
        (Some((last, parents)), None) => (last.clone(), parents),
        (None, None) => return false,
    };
    let Some(parent) = descend(tree, parents) else { return false };
    match (&mut parent.value, last) {
        (Value::Table(table), Step::Key(key)) => table.shift_remove(&key).is_some(),
        (Value::Array(items), Step::Index(index)) if index < items.len() => {
            items.remove(index);
            true
        }
        _ => false,
    }
}

fn descend<'a>(node: &'a mut Node, path: &[Step]) -> Option<&'a mut Node> {
    let Some((step, rest)) = path.split_first() else { return Some(node) };
    let next = match (&mut node.value, step) {
        (Value::Table(table), Step::Key(key)) => &mut table.get_mut(key)?.node,
        (Value::Array(items), Step::Index(index)) => items.get_mut(*index)?,
        _ => return None,
    };
    descend(next, rest)
}

// === impl Deserializer for &Node ===

type Error = de::value::Error;

impl<'de> de::Deserializer<'de> for &'de Node {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match &self.value {
            Value::String(text) | Value::Datetime(text) => visitor.visit_borrowed_str(text),
            Value::Integer(integer) => visitor.visit_i64(*integer),
            Value::Float(float) => visitor.visit_f64(*float),
            Value::Bool(truth) => visitor.visit_bool(*truth),
            Value::Array(items) => visitor.visit_seq(de::value::SeqDeserializer::new(items.iter())),
            Value::Table(table) => visitor
                .visit_map(de::value::MapDeserializer::new(table.iter().map(|(key, entry)| (key.as_str(), entry)))),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        match &self.value {
            Value::String(text) => visitor.visit_enum(text.as_str().into_deserializer()),
            Value::Table(table) if table.len() == 1 => {
                let (key, entry) = table.first().ok_or_else(|| de::Error::custom("expected a table with one key"))?;
                visitor.visit_enum(Tagged { tag: key, content: &entry.node })
            }
            _ => Err(de::Error::custom(format_args!("expected text or a table with one key, found {}", self.kind()))),
        }
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf
        unit unit_struct seq tuple tuple_struct map struct identifier ignored_any
    }
}

struct Tagged<'de> {
    tag: &'de str,
    content: &'de Node,
}

impl<'de> EnumAccess<'de> for Tagged<'de> {
    type Error = Error;
    type Variant = &'de Node;

    fn variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<(S::Value, &'de Node), Error> {
        Ok((seed.deserialize(StrDeserializer::<Error>::new(self.tag))?, self.content))
    }
}

impl<'de> VariantAccess<'de> for &'de Node {
    type Error = Error;

    fn unit_variant(self) -> Result<(), Error> {
        Err(de::Error::custom("expected no value here"))
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, Error> {
        seed.deserialize(self)
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Error> {
        de::Deserializer::deserialize_any(self, visitor)
    }

    fn struct_variant<V: Visitor<'de>>(self, _: &'static [&'static str], visitor: V) -> Result<V::Value, Error> {
        de::Deserializer::deserialize_any(self, visitor)
    }
}

impl<'de> IntoDeserializer<'de, Error> for &'de Node {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

impl<'de> IntoDeserializer<'de, Error> for &'de Entry {
    type Deserializer = &'de Node;

    fn into_deserializer(self) -> &'de Node {
        &self.node
    }
}

/// The place of the key at `path`, or of the nearest value where there is no such key.
pub(crate) fn key_place(tree: &Node, path: &[Step]) -> Place {
    match path.split_last() {
        Some((Step::Key(key), parents)) => {
            let parent = tree.nearest(parents);
            parent.entry(key).map_or_else(|| parent.place.clone(), |entry| entry.key.clone())
        }
        _ => tree.nearest(path).place.clone(),
    }
}
