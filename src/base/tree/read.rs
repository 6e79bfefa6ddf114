//! From a [`Node`] to a type, by serde, with every error at once.
//!
//! Serde stops at the first error. To find them all, the value in error is taken out of a copy of the tree and the rest
//! is read again, until nothing more can be taken out.

use serde::de::DeserializeOwned;
use serde_path_to_error::{Path, Segment};

use super::explain::{closest, explain, missing_key, unknown_key};
use super::{Node, Step, Value};
use crate::base::diagnostic::Diagnostics;

/// How many errors are looked for in one tree.
const MAX_ERRORS: usize = 50;

/// What could be read of a tree in spite of the errors in it.
#[derive(Debug)]
pub struct Salvaged<T> {
    /// Good enough to look for more errors, never to run with.
    pub value: T,
    /// The tree that it was read from: values in error are not in it, and the others have the places that they had.
    pub rest: Node,
    /// The paths where something is in error or not where it was meant to be: what is said of the value there, or that it
    /// lacks something there, may not be so.
    pub lost: Vec<Vec<Step>>,
}

/// Reads `node` as a `T`. Every error goes to `findings` with its place; then there is no `T`.
pub fn deserialize<T: DeserializeOwned>(node: &Node, findings: &mut Diagnostics) -> Option<T> {
    let before = findings.errors();
    let salvaged = salvage(node, findings)?;
    (findings.errors() == before).then_some(salvaged.value)
}

/// Reads `node` as a `T`. Every error goes to `findings` with its place; the rest is read without the values in error.
pub fn salvage<T: DeserializeOwned>(node: &Node, findings: &mut Diagnostics) -> Option<Salvaged<T>> {
    let mut rest = node.clone();
    let mut taken_out = TakenOut::default();
    for _ in 0..MAX_ERRORS {
        let error = match serde_path_to_error::deserialize(&rest) {
            Ok(value) => return Some(Salvaged { value, rest, lost: taken_out.0 }),
            Err(error) => error,
        };
        let path = steps(error.path());
        let message = error.inner().to_string();
        let is_consequence = match missing_key(&message) {
            Some(key) => taken_out.contains(&path, key),
            None => unknown_key(&path, &message).is_none() && taken_out.is_from(&path),
        };
        if !is_consequence {
            findings.push(explain(&rest, &path, &message));
        }
        if let Some(unknown) = unknown_key(&path, &message) {
            // What was meant by it is not missing: it is there, misspelt.
            taken_out.0.extend(closest(unknown.name, &unknown.known).map(|meant| child(unknown.table, meant)));
        }
        if !taken_out.take(&mut rest, culprit(path, &message)) {
            return None;
        }
    }
    None
}

/// The path of a serde error as steps into a tree.
fn steps(path: &Path) -> Vec<Step> {
    path.iter()
        .filter_map(|segment| match segment {
            Segment::Map { key } => Some(Step::Key(key.clone())),
            Segment::Seq { index } => Some(Step::Index(*index)),
            Segment::Enum { variant } => Some(Step::Key(variant.clone())),
            Segment::Unknown => None,
        })
        .collect()
}

/// What has to go so that the rest can be read.
fn culprit(path: Vec<Step>, message: &str) -> Vec<Step> {
    match unknown_key(&path, message) {
        Some(unknown) => child(unknown.table, unknown.name),
        None => path,
    }
}

fn child(table: &[Step], key: &str) -> Vec<Step> {
    [table, &[Step::Key(key.to_owned())]].concat()
}

/// What was taken out: that it is missing afterwards is no second error.
#[derive(Default)]
struct TakenOut(Vec<Vec<Step>>);

impl TakenOut {
    fn contains(&self, table: &[Step], key: &str) -> bool {
        self.0.iter().any(
            |path| matches!(path.split_last(), Some((Step::Key(last), parents)) if last == key && parents == table),
        )
    }

    /// Whether something was taken out of the value at `path`.
    fn is_from(&self, path: &[Step]) -> bool {
        self.0.iter().any(|taken| taken.starts_with(path))
    }

    /// Takes the value at `path` out of `tree`; false where there is none.
    fn take(&mut self, tree: &mut Node, path: Vec<Step>) -> bool {
        let Some((last, parents)) = path.split_last() else { return false };
        let Some(parent) = descend(tree, parents) else { return false };
        match (&mut parent.value, last) {
            (Value::Table(table), Step::Key(key)) => {
                let found = table.shift_remove(key).is_some();
                self.0.push(path);
                found
            }
            (Value::Array(items), Step::Index(index)) if *index < items.len() => {
                items.remove(*index);
                self.close_gap(parents, *index);
                self.0.push(parents.to_vec());
                true
            }
            _ => false,
        }
    }

    /// Keeps the paths right after item `removed` of `list` went.
    fn close_gap(&mut self, list: &[Step], removed: usize) {
        self.0.retain_mut(|path| {
            if !path.starts_with(list) {
                return true;
            }
            match path.get_mut(list.len()) {
                Some(Step::Index(index)) if *index == removed => return false,
                Some(Step::Index(index)) if *index > removed => *index -= 1,
                _ => {}
            }
            true
        });
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use expect_test::{Expect, expect};
    use serde::Deserialize;

    use super::*;
    use crate::base::diagnostic::Source;
    use crate::base::tree::parse;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only its shape counts")]
    struct Sample {
        items: Vec<Item>,
        #[serde(default)]
        shades: Vec<Shade>,
        port: Option<u16>,
        on: Option<bool>,
        name: Option<String>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only its shape counts")]
    struct Item {
        id: String,
        size: u8,
    }

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "lowercase")]
    enum Shade {
        Light,
        Dark,
    }

    #[track_caller]
    fn check(text: &str, expected: &Expect) {
        let source = Arc::new(Source { name: "t.toml".into(), text: text.into() });
        let mut findings = Diagnostics::default();
        let tree = parse(&source, &mut findings);
        assert!(findings.is_empty(), "{findings:?}");
        let value: Option<Sample> = deserialize(&tree, &mut findings);
        assert_eq!(value.is_some(), findings.is_empty());
        let lines: Vec<_> = findings.iter().map(|finding| finding.one_line() + "\n").collect();
        expected.assert_eq(&lines.concat());
    }

    #[test]
    fn every_error_is_found_and_none_twice() {
        check(
            "port = 70000\nprot = 1\non = 'yes'\nname = 1979-05-27\nshades = ['light', 'drak', 3]\n\
             [[items]]\nid = 1\nsize = 1\n[[items]]\nidd = 'x'\nsize = -1\n[[items]]\nsize = 1.5\nid = ['x']",
            &expect![[r"
                t.toml:1:8: `port`: expected a whole number from 0 to 65535
                t.toml:2:1: unknown key `prot` (did you mean `port`?)
                t.toml:3:6: `on`: expected true or false, found text
                t.toml:4:8: `name`: expected text, found a date or time (put it in quotes)
                t.toml:5:20: `shades`: expected `light` or `dark` (did you mean `dark`?)
                t.toml:5:28: `shades`: expected `light` or `dark`
                t.toml:7:6: `items.id`: expected text, found an integer (put it in quotes)
                t.toml:10:1: unknown key `idd` (did you mean `id`?)
                t.toml:11:8: `items.size`: expected a whole number from 0 to 255
                t.toml:13:8: `items.size`: expected a whole number from 0 to 255, found a number with a fraction
                t.toml:14:6: `items.id`: expected text, found a list
            "]],
        );
    }

    #[test]
    fn what_can_be_read_is_read() {
        check("items = [{ id = 'x', size = 255 }]\nport = 1\non = true\nname = 'n'\nshades = ['dark']", &expect![[""]]);
    }

    #[test]
    fn a_value_is_not_repeated_in_a_message() {
        check(
            "items = 'hunter2'\nport = 'hunter2'\non = 'hunter2'\nname = 1234567\nshades = ['hunter2']",
            &expect![[r"
                t.toml:1:9: `items`: expected a list, found text
                t.toml:2:8: `port`: expected a whole number from 0 to 65535, found text
                t.toml:3:6: `on`: expected true or false, found text
                t.toml:4:8: `name`: expected text, found an integer (put it in quotes)
                t.toml:5:11: `shades`: expected `light` or `dark`
            "]],
        );
    }
}
