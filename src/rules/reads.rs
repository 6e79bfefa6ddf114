//! Which fields of an event each rule reads, from its expressions alone.

use super::Context;
use super::cost::{expressions, one_or_many};
use crate::base::diagnostic::Diagnostics;
use crate::base::tree::Node;
use crate::event::catalog;
use crate::expr::Type;

/// What a rule reads of one of its events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reads {
    /// The rule's id.
    pub rule: String,
    /// The event.
    pub event: &'static str,
    /// The paths, a variable's name first: `user`, `email`.
    pub paths: Vec<Vec<String>>,
}

/// What rules read that [`compile`](super::compile) has found right.
pub fn reads(entries: &[Node], context: &Context) -> Vec<Reads> {
    let mut found = Vec::new();
    for entry in entries {
        let rule = entry.get("id").and_then(Node::as_str).unwrap_or_default();
        for spec in one_or_many(entry.get("on")).filter_map(catalog::find) {
            // Names of its own, so that they are this rule's alone.
            let mut names = context.names(spec);
            for (_, node) in expressions(entry) {
                names.compile(node, Type::Dyn, &mut Diagnostics::default());
            }
            let paths = names.paths().map(<[String]>::to_vec).collect();
            found.push(Reads { rule: rule.to_owned(), event: spec.name, paths });
        }
    }
    found
}
