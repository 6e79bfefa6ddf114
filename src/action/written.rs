//! An action's table on its way to an action: its keys with their places, and what every type of action asks of it.

use std::cell::RefCell;
use std::time::Duration;

use super::chain::Answers;
use super::raw::RawAction;
use super::{Context, view};
use crate::base::diagnostic::{Diagnostic, Diagnostics, Place};
use crate::base::tree::Node;
use crate::event::FieldPath;
use crate::event::catalog::Spec;
use crate::scope::{Names, UnknownFields};

/// An action as written, with its places, the events that it follows, and the secret fields that it is given.
pub(super) struct Written<'a> {
    /// Without the values that could not be read.
    pub(super) entry: &'a Node,
    /// With them.
    pub(super) original: &'a Node,
    pub(super) raw: &'a RawAction,
    pub(super) context: &'a Context,
    pub(super) specs: Vec<&'static Spec>,
    pub(super) granted: Vec<FieldPath>,
    /// How long one attempt may take.
    pub(super) timeout: Duration,
    /// How many attempts may be under way at once.
    pub(super) concurrency: usize,
    /// What its expressions can name of the actions that it comes after.
    pub(super) answers: Answers<'a>,
    /// The fields that its expressions name and that nobody has listed.
    pub(super) unknown: RefCell<UnknownFields>,
}

impl Written<'_> {
    /// What its expressions can name on an event of which these secret fields are granted.
    pub(super) fn names(&self, spec: &'static Spec, granted: &[FieldPath]) -> Names {
        view::names(spec, self.context, granted, &self.answers)
    }

    /// Whether something is kept of what its target says.
    pub(super) fn captures(&self) -> bool {
        !self.raw.capture.is_empty()
    }

    /// Whether a key is there at all, right or wrong.
    pub(super) fn has(&self, key: &str) -> bool {
        self.original.get(key).is_some()
    }

    /// That a key is missing without which this type is nothing.
    pub(super) fn missing(&self, key: &str, example: &str, findings: &mut Diagnostics) {
        if !self.has(key) {
            let kind = self.entry.get("type").and_then(Node::as_str).unwrap_or_default();
            let message = format!("an action of type {kind} takes a `{key}`");
            findings.push(Diagnostic::error("action-key", message).at(self.place("type")).hint(example));
        }
    }

    /// Keeps the fields in mind that were named and that nobody has listed.
    pub(super) fn note_unknown(&self, names: &mut Names) {
        for (field, place) in names.take_unknown() {
            self.unknown.borrow_mut().add(field, &place, names.spec());
        }
    }

    /// The place of a key's value, or of the whole table.
    pub(super) fn place(&self, key: &str) -> &Place {
        self.entry.get(key).map_or(&self.entry.place, |node| &node.place)
    }

    /// The place of a key itself, or of the whole table.
    pub(super) fn key_place(&self, key: &str) -> &Place {
        self.entry.entry(key).map_or(&self.entry.place, |entry| &entry.key)
    }

    /// The granted fields that are secret fields of an event.
    pub(super) fn granted_on(&self, spec: &Spec) -> Vec<FieldPath> {
        let secrets = self.context.secrets.of(spec);
        self.granted.iter().filter(|granted| secrets.contains(granted)).cloned().collect()
    }

    /// What `make` makes for each event. What it finds wrong with several events is said once.
    pub(super) fn for_each_event<T>(
        &self,
        findings: &mut Diagnostics,
        mut make: impl FnMut(&'static Spec, &mut Diagnostics) -> Option<T>,
    ) -> Vec<(&'static str, T)> {
        let mut said: Vec<Diagnostic> = Vec::new();
        let mut made = Vec::new();
        for spec in &self.specs {
            let mut own = Diagnostics::default();
            made.extend(make(spec, &mut own).map(|made| (spec.name, made)));
            for finding in own {
                // Hints may differ, by the names that each event has.
                if !said.iter().any(|known| known.message == finding.message && known.place == finding.place) {
                    said.push(finding);
                }
            }
        }
        findings.extend(said);
        made
    }
}
