//! An included file's tree into the main one: lists are appended, tables merged, and one key has one place.

use indexmap::map::Entry as Slot;

use crate::base::diagnostic::{Diagnostic, Diagnostics, Place};
use crate::base::tree::{Node, Table, Value};

/// Adds what `from` has to `into`. Only the lists of tables at the top, `[[rule]]`, are added up; a list further in, such
/// as one of credentials, has one place, like any other value.
pub(super) fn merge(into: &mut Node, from: Node, findings: &mut Diagnostics) {
    let (Value::Table(into), Value::Table(from)) = (&mut into.value, from.value) else { return };
    for (name, entry) in from {
        match into.get_mut(&name).map(|known| &mut known.node.value) {
            Some(Value::Array(known)) if are_tables(known) => match entry.node.value {
                Value::Array(more) if are_tables(&more) => known.extend(more),
                _ => clash(&name, &into[&name].key, &entry.key, findings),
            },
            _ => add(into, name, entry, "", findings),
        }
    }
}

fn add(into: &mut Table, name: String, entry: crate::base::tree::Entry, parents: &str, findings: &mut Diagnostics) {
    let path = if parents.is_empty() { name.clone() } else { format!("{parents}.{name}") };
    let mut known = match into.entry(name) {
        Slot::Vacant(slot) => {
            slot.insert(entry);
            return;
        }
        Slot::Occupied(known) => known,
    };
    match (&mut known.get_mut().node.value, entry.node.value) {
        (Value::Table(known), Value::Table(more)) => {
            for (name, entry) in more {
                add(known, name, entry, &path, findings);
            }
        }
        _ => clash(&path, &known.get().key, &entry.key, findings),
    }
}

fn are_tables(items: &[Node]) -> bool {
    items.iter().all(|item| item.as_table().is_some())
}

fn clash(path: &str, first: &Place, second: &Place, findings: &mut Diagnostics) {
    findings.push(
        Diagnostic::error("set-twice", format!("`{path}` is set in two files"))
            .at(second)
            .related(first, "first set here")
            .hint("keep one of the two"),
    );
}
