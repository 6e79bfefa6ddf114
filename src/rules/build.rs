//! A rule's expressions and changes, compiled for one of its events. Whether they make a rule is the matter of `compile`.

use super::compile::Written;
use crate::base::diagnostic::{Diagnostic, Diagnostics, Place};
use crate::base::tree::{Node, Value};
use crate::event::FieldPath;
use crate::expr::{Expression, Type};
use crate::scope::{Names, UnknownFields};

/// What a rule is made of.
pub(super) struct Parts {
    pub(super) when: Option<Expression>,
    pub(super) map: Option<Expression>,
    pub(super) set: Vec<(FieldPath, Expression)>,
    pub(super) unset: Vec<FieldPath>,
}

/// A rule as it is built for one of its events.
pub(super) struct Building<'a> {
    pub(super) written: &'a Written<'a>,
    pub(super) names: &'a mut Names,
    pub(super) findings: &'a mut Diagnostics,
    pub(super) unknown: &'a mut UnknownFields,
}

impl Building<'_> {
    /// Its parts, of which every one is looked at; `None` where anything is wrong with them.
    pub(super) fn parts(&mut self) -> Option<Parts> {
        let errors = self.findings.errors();
        let entry = self.written.entry;
        let when = self.expression(entry.get("when"), Type::Bool);
        let map = self.expression(entry.get("map"), Type::Dyn);
        let (set, unset) = self.changes();
        let parts = Parts { when: when.map(|(when, _)| when), map: map.map(|(map, _)| map), set, unset };
        (self.findings.errors() == errors).then_some(parts)
    }

    /// An expression, and the type of its value.
    fn expression(&mut self, node: Option<&Node>, wanted: Type) -> Option<(Expression, Type)> {
        let compiled = self.names.compile_typed(node?, wanted, self.findings);
        for (field, place) in self.names.take_unknown() {
            self.unknown.add(field, &place, self.names.spec());
        }
        compiled
    }

    /// What `set` and `unset` change.
    fn changes(&mut self) -> (Vec<(FieldPath, Expression)>, Vec<FieldPath>) {
        let mut leaves = Vec::new();
        if let Some(entry) = self.written.entry.entry("set") {
            self.leaves(&entry.node, None, &mut leaves);
        }
        let unset = self.unset();
        let paths: Vec<(&FieldPath, &Place)> = leaves
            .iter()
            .map(|(path, place, _)| (path, place))
            .chain(unset.iter().map(|(path, place)| (path, place)))
            .collect();
        self.check_paths(&paths);
        let mut set = Vec::new();
        for (path, place, node) in &leaves {
            let (expression, kind) = self.expression(Some(node), Type::Dyn).unzip();
            self.check_known(path, place, kind.unwrap_or(Type::Dyn));
            set.extend(expression.map(|expression| (path.clone(), expression)));
        }
        for (path, place) in &unset {
            self.check_known(path, place, Type::Dyn);
        }
        (set, unset.into_iter().map(|(path, _)| path).collect())
    }

    fn check_paths(&mut self, paths: &[(&FieldPath, &Place)]) {
        for (index, (path, place)) in paths.iter().enumerate() {
            if let Some(secret) = self.names.secrets().iter().find(|secret| touches_secret(secret, path)) {
                let message = format!("`{secret}` is a secret and cannot be changed by a rule");
                self.findings.push(Diagnostic::error("secret-field", message).at(place));
            }
            if is_from_the_top(path) {
                let message = format!("`{path}` is read from the person down: this is `user.{path}`");
                let from_user = path.names().first().is_some_and(|first| first == "user");
                let hint = if from_user { "leave `user.` out" } else { "only the person can be changed" };
                self.findings.push(Diagnostic::warning("set-path", message).at(place).hint(hint));
            }
            if let Some((other, _)) = paths[..index].iter().find(|(other, _)| other.covers(path) || path.covers(other))
            {
                let message = format!("`{path}` and `{other}` are changed by the same rule");
                self.findings
                    .push(Diagnostic::error("set-path", message).at(place).hint("one of them lies in the other"));
            }
        }
    }

    /// A field that is changed has to be known like one that is read. `kind` is what its new value is.
    fn check_known(&mut self, path: &FieldPath, place: &Place, kind: Type) {
        let secret = self.names.secrets().iter().any(|secret| touches_secret(secret, path));
        if secret || is_from_the_top(path) {
            return;
        }
        let names: Vec<String> = ["user".to_owned()].into_iter().chain(path.names().iter().cloned()).collect();
        if let Some(mut field) = self.names.unknown(&names) {
            if field.kind == Type::Dyn {
                field.kind = kind;
            }
            self.unknown.add(field, place, self.names.spec());
        }
    }

    /// The fields that a `set` table names, down to the expressions.
    fn leaves<'n>(
        &mut self,
        node: &'n Node,
        above: Option<&FieldPath>,
        leaves: &mut Vec<(FieldPath, Place, &'n Node)>,
    ) {
        let Some(table) = node.as_table() else { return };
        if table.is_empty() {
            self.findings.push(Diagnostic::error("set-path", "`set` names no field").at(&node.place));
        }
        for (key, entry) in table {
            let path = match FieldPath::parse(key) {
                Ok(path) => above.map_or_else(|| path.clone(), |above| above.join(&path)),
                Err(error) => {
                    self.findings.push(Diagnostic::error("set-path", error.to_string()).at(&entry.key));
                    continue;
                }
            };
            match &entry.node.value {
                Value::Table(_) => self.leaves(&entry.node, Some(&path), leaves),
                Value::String(_) => leaves.push((path, entry.key.clone(), &entry.node)),
                _ => {
                    let message = format!(
                        "the value of `{path}` must be a text with an expression, and is {}",
                        entry.node.kind()
                    );
                    let written = &entry.node.place.source.text[entry.node.place.span.clone()];
                    let hint = format!("write it as an expression: '{written}'");
                    self.findings.push(Diagnostic::error("set-value", message).at(&entry.node.place).hint(hint));
                }
            }
        }
    }

    fn unset(&mut self) -> Vec<(FieldPath, Place)> {
        let items = self.written.entry.get("unset").and_then(Node::as_array).unwrap_or_default();
        let mut paths = Vec::new();
        for item in items {
            match FieldPath::parse(item.as_str().unwrap_or_default()) {
                Ok(path) => paths.push((path, item.place.clone())),
                Err(error) => self.findings.push(Diagnostic::error("set-path", error.to_string()).at(&item.place)),
            }
        }
        paths
    }
}

/// Whether a path is written as expressions write it, and not from the person down.
fn is_from_the_top(path: &FieldPath) -> bool {
    matches!(path.names(), [first, _, ..] if matches!(first.as_str(), "user" | "request"))
}

/// Whether a change at `path` of the person would touch what is secret there.
fn touches_secret(secret: &FieldPath, path: &FieldPath) -> bool {
    match secret.names().split_first() {
        Some((first, below)) if first == "user" && !below.is_empty() => {
            below.starts_with(path.names()) || path.names().starts_with(below)
        }
        _ => false,
    }
}
