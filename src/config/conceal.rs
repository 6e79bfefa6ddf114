//! Lines that are not shown, because somebody may have written a secret there in place of its name.

use std::sync::Arc;

use super::shape::Shape;
use crate::base::diagnostic::{Diagnostics, Place};
use crate::base::tree::{Node, Value, closest};

/// Parts of names under which secrets are kept.
const NAMES: [&str; 8] = ["secret", "password", "passwd", "passphrase", "token", "bearer", "credential", "_key"];

/// Takes the lines out of `findings` that may hold a secret of one of the `trees`.
pub(super) fn conceal<'a>(trees: impl IntoIterator<Item = &'a Node>, schema: &Shape<'_>, findings: &mut Diagnostics) {
    let mut secrets = Vec::new();
    for tree in trees {
        collect(tree, Some(schema), false, &mut secrets);
    }
    for finding in findings {
        let places = || finding.place.iter().chain(finding.related.iter().map(|(place, _)| place));
        let by_name = finding.code == "toml-syntax" && places().any(|place| is_secretive(text_of_lines(place)));
        if by_name || places().any(|place| secrets.iter().any(|secret| share_a_line(place, secret))) {
            finding.show_line = false;
        }
    }
}

/// Collects the places of values that may be secrets: those where the schema wants a secret's place and something else
/// stands, those under an unknown key with a telling name, and addresses with a password.
fn collect(node: &Node, shape: Option<&Shape<'_>>, secretive: bool, secrets: &mut Vec<Place>) {
    let secretive = shape.map_or(secretive, Shape::is_secret);
    match &node.value {
        Value::Table(table) => {
            for (name, entry) in table {
                if secretive && names_a_place(name, &entry.node) {
                    continue;
                }
                let inner = shape.and_then(|shape| shape.key(name));
                let secretive = secretive || (inner.is_none() && (is_secretive(name) || is_near_a_secret(name, shape)));
                collect(&entry.node, if secretive { None } else { inner.as_ref() }, secretive, secrets);
            }
        }
        Value::Array(items) => {
            let shape = shape.filter(|_| !secretive);
            let inner = shape.and_then(Shape::item);
            for item in items {
                collect(item, inner.as_ref().or(shape), secretive, secrets);
            }
        }
        Value::String(text) if secretive || has_password(text) || shape.is_some_and(has_a_secret) => {
            secrets.push(node.place.clone());
        }
        Value::Integer(_) | Value::Float(_) | Value::Bool(_) | Value::Datetime(_) if secretive => {
            secrets.push(node.place.clone());
        }
        Value::String(_) | Value::Integer(_) | Value::Float(_) | Value::Bool(_) | Value::Datetime(_) => {}
    }
}

/// Whether this is the `env = "NAME"` or `file = "path"` that belongs there.
fn names_a_place(key: &str, node: &Node) -> bool {
    let Some(text) = node.as_str() else { return false };
    key == "file" || (key == "env" && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_'))
}

fn is_secretive(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    NAMES.iter().any(|name| text.contains(name))
}

/// Whether a table with a secret in it belongs there, so that text there may be that secret.
fn has_a_secret(shape: &Shape<'_>) -> bool {
    shape.keys().iter().any(|key| shape.key(key).is_some_and(|inner| inner.is_secret()))
}

fn is_near_a_secret(name: &str, shape: Option<&Shape<'_>>) -> bool {
    shape.is_some_and(|shape| {
        let meant = closest(name, &shape.keys()).and_then(|meant| shape.key(meant));
        meant.is_some_and(|meant| meant.is_secret())
    })
}

fn has_password(text: &str) -> bool {
    let authority = text.split_once("://").map(|(_, rest)| rest.split(['/', '?', '#']).next().unwrap_or(rest));
    authority.and_then(|authority| authority.rsplit_once('@')).is_some_and(|(user, _)| user.contains(':'))
}

fn share_a_line(one: &Place, other: &Place) -> bool {
    let (first, second) = (one.lines(), other.lines());
    Arc::ptr_eq(&one.source, &other.source) && first.start < second.end && second.start < first.end
}

fn text_of_lines(place: &Place) -> &str {
    &place.source.text[place.lines()]
}
