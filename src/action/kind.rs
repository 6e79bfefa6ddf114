//! The types of actions: one table, from which the keys, the JSON Schema and the way of a table to its action derive.

use std::any::Any;
use std::fmt;
use std::sync::{Arc, LazyLock};

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::DeserializeOwned;

use super::raw::RawAction;
use super::set::Tools;
use super::written::Written;
use super::{Action, command, cymmetri, http, idhub, log, optimalcloud, scim};
use crate::base::diagnostic::{Diagnostic, Diagnostics};
use crate::base::tree::{self, Node, Salvaged, Table, Value, closest, unknown_key_finding};

/// Every type. A new one is a row here, and files of its own.
pub(super) static KINDS: [Kind; 7] = [
    Kind::of::<http::RawHttp>("http", &["capture", "secrets", "secret_ttl", "tls", "proxy", "allow_private", "allow"]),
    Kind::of::<command::RawCommand>("command", &["secrets", "secret_ttl"]),
    Kind::of::<log::RawLog>("log", &[]),
    Kind::of::<scim::RawScim>("scim", &["capture", "secrets", "secret_ttl", "tls", "proxy", "allow_private", "allow"]),
    Kind::of::<idhub::RawIdHub>(
        "idhub",
        &["capture", "secrets", "secret_ttl", "tls", "proxy", "allow_private", "allow"],
    ),
    Kind::of::<cymmetri::RawCymmetri>(
        "cymmetri",
        &["capture", "secrets", "secret_ttl", "tls", "proxy", "allow_private", "allow"],
    ),
    Kind::of::<optimalcloud::RawOptimalCloud>(
        "optimalcloud",
        &["capture", "secrets", "secret_ttl", "tls", "proxy", "allow_private", "allow"],
    ),
];

/// Keys of [`RawAction`] that only some types have.
const SHARED: [&str; 7] = ["capture", "secrets", "secret_ttl", "tls", "proxy", "allow_private", "allow"];

/// Types that the documents speak of and this version does not have.
const LATER: [&str; 3] = ["sql", "email", "nats"];

/// A type of action.
pub(super) struct Kind {
    /// The word for it.
    pub(super) name: &'static str,
    /// Those of the keys that several types share which it has.
    pub(super) shared: &'static [&'static str],
    /// The schema of the keys that are its own.
    pub(super) schema: fn(&mut SchemaGenerator) -> Schema,
    read: fn(&Node, &mut Diagnostics) -> Option<Own>,
}

/// The keys that are a type's own, and the table of them without the values that could not be read.
type Own = (Box<dyn Keys>, Node);

/// The keys that are a type's own, as written: a struct that serde reads, with `deny_unknown_fields`, whose fields say in their
/// comments what they are for.
pub(super) trait Keys {
    /// Checks and compiles them; what is wrong goes to `findings`, each with its place, as much of it at once as can be.
    /// None where something is.
    fn compile(&self, written: &Written<'_>, findings: &mut Diagnostics) -> Option<Arc<dyn Plan>>;
}

/// What an action needs beside an event, as far as it is known at load: correct, and without secrets.
pub(super) trait Plan: Any + fmt::Debug + Send + Sync {
    /// The lookups that its expressions name for events of this name.
    fn lookups(&self, event: &str) -> Vec<Arc<str>>;

    /// Reads the secrets and certificates that it names, and makes it ready to run; what is missing or wrong goes to
    /// `findings`. It asks no target.
    fn prepare(self: Arc<Self>, tools: &Tools<'_>, findings: &mut Diagnostics) -> Option<Arc<dyn Action>>;
}

/// What could be read of a table.
pub(super) struct Reading {
    pub(super) common: RawAction,
    /// None where the type is not known, or nothing could be read of its own keys.
    pub(super) kind: Option<(&'static str, Box<dyn Keys>)>,
    /// The table without the values that could not be read.
    pub(super) rest: Node,
}

/// The names of all keys: those of [`RawAction`], and those of each type.
static NAMES: LazyLock<(Vec<String>, Vec<Vec<String>>)> = LazyLock::new(|| {
    let mut generator = SchemaGenerator::default();
    let names = |schema: &Schema| {
        let keys = schema.get("properties").and_then(serde_json::Value::as_object);
        keys.into_iter().flat_map(|keys| keys.keys().cloned()).collect()
    };
    let common = names(&RawAction::json_schema(&mut generator));
    (common, KINDS.iter().map(|kind| names(&(kind.schema)(&mut generator))).collect())
});

impl Kind {
    const fn of<T: Keys + DeserializeOwned + JsonSchema + 'static>(
        name: &'static str,
        shared: &'static [&'static str],
    ) -> Self {
        Self { name, shared, schema: T::json_schema, read: read::<T> }
    }

    fn find(name: &str) -> Option<&'static Self> {
        KINDS.iter().find(|kind| kind.name == name)
    }

    fn own_keys(&self) -> &'static [String] {
        let index = KINDS.iter().position(|kind| kind.name == self.name);
        index.map_or(&[], |index| &NAMES.1[index])
    }

    /// Whether it has this key.
    fn has(&self, key: &str) -> bool {
        self.own_keys().iter().any(|own| own == key) || self.shared.contains(&key) || is_everyones(key)
    }
}

/// Whether each type has this key.
fn is_everyones(key: &str) -> bool {
    NAMES.0.iter().any(|common| common == key) && !SHARED.contains(&key)
}

fn read<T: Keys + DeserializeOwned + 'static>(node: &Node, findings: &mut Diagnostics) -> Option<Own> {
    let Salvaged { value, rest, .. } = tree::salvage::<T>(node, findings)?;
    Some((Box::new(value), rest))
}

/// Reads a table: what every type has, and what is its type's own, every error at once.
pub(super) fn read_table(entry: &Node, findings: &mut Diagnostics) -> Option<Reading> {
    let kind = find(entry, findings);
    let [common, own] = split(entry, kind, findings);
    let common = tree::salvage::<RawAction>(&common, findings);
    let own = kind.and_then(|kind| Some((kind.name, (kind.read)(&own, findings)?)));
    let Salvaged { value: common, rest: known, .. } = common?;
    let mut rest = entry.clone();
    if let Value::Table(table) = &mut rest.value {
        let parts = [Some(&known), own.as_ref().map(|(_, own)| &own.1)];
        let read = |key: &str| parts.into_iter().flatten().find_map(|part| part.entry(key)).cloned();
        *table = table.keys().filter_map(|key| Some((key.clone(), read(key)?))).collect();
    }
    Some(Reading { common, kind: own.map(|(name, own)| (name, own.0)), rest })
}

/// The type that a table names. That it names none at all is said when the table is read.
fn find(entry: &Node, findings: &mut Diagnostics) -> Option<&'static Kind> {
    let node = entry.get("type")?;
    let name = node.as_str()?;
    let found = Kind::find(name);
    if found.is_none() {
        let names: Vec<&str> = KINDS.iter().map(|kind| kind.name).collect();
        let types = format!("types: {}", names.join(", "));
        let finding = if LATER.contains(&name) {
            let message = format!("actions of type `{name}` are not in this version");
            Diagnostic::error("action-type", message).hint(types)
        } else {
            let finding = Diagnostic::error("action-type", "there is no such type of action");
            match closest(name, &names) {
                Some(near) => finding.hint(format!("did you mean `{near}`?")),
                None => finding.hint(types),
            }
        };
        findings.push(finding.at(&node.place));
    }
    found
}

/// The two parts of a table: the keys of [`RawAction`], and the type's own. A key that nobody has goes where the key belongs
/// that it was probably meant to be, so that this one is not said to be missing.
fn split(entry: &Node, kind: Option<&Kind>, findings: &mut Diagnostics) -> [Node; 2] {
    let Some(table) = entry.as_table() else { return [entry.clone(), entry.clone()] };
    let names: Vec<&str> = NAMES.0.iter().map(String::as_str).collect();
    let own: Vec<&str> = kind.map(Kind::own_keys).unwrap_or_default().iter().map(String::as_str).collect();
    let known: Vec<&str> =
        names.iter().filter(|key| kind.is_none_or(|kind| kind.has(key))).chain(&own).copied().collect();
    let mut parts = [Table::new(), Table::new()];
    for (key, value) in table {
        let mut put = |part: usize| _ = parts[part].insert(key.clone(), value.clone());
        let owners: Vec<&str> = KINDS.iter().filter(|kind| kind.has(key)).map(|kind| kind.name).collect();
        let near = closest(key, &known);
        match kind {
            _ if known.contains(&key.as_str()) => put(usize::from(own.contains(&key.as_str()))),
            None if !owners.is_empty() => {}
            Some(kind) if !owners.is_empty() => {
                let message = format!("`{key}` is no key of an action of type {}", kind.name);
                let finding = Diagnostic::error("action-key", message).at(&value.key);
                findings.push(finding.hint(format!("it is one of type {}", any_of(&owners))));
            }
            None | Some(_) => match near {
                Some(near) => put(usize::from(own.contains(&near))),
                None => findings.push(unknown_key_finding(key, &known).at(&value.key)),
            },
        }
    }
    parts.map(|part| Node { value: Value::Table(part), place: entry.place.clone() })
}

/// `a`, `a or b`, `a, b or c`.
fn any_of(names: &[&str]) -> String {
    match names.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} or {last}", rest.join(", ")),
        _ => names.concat(),
    }
}
