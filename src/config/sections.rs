//! The names that may stand at the top of a file. The fixed sections are not named here: they are the fields of
//! [`Settings`](super::Settings).

use schemars::{Schema, SchemaGenerator};

use crate::action::RawAction;
use crate::lookup::RawLookup;
use crate::rules::RawRule;

/// A list of tables, `[[rule]]`, which another module reads.
pub(super) struct List {
    /// Its name.
    pub(super) name: &'static str,
    /// The schema of one entry, for editors.
    pub(super) entry: fn(&mut SchemaGenerator) -> Schema,
}

/// The lists of this version. The schema of an entry comes from the module that reads it.
pub(super) const LISTS: [List; 3] = [
    List { name: "rule", entry: SchemaGenerator::subschema_for::<RawRule> },
    List { name: "lookup", entry: SchemaGenerator::subschema_for::<RawLookup> },
    List { name: "action", entry: SchemaGenerator::subschema_for::<RawAction> },
];

/// What the documents speak of and this version does not have.
pub(super) const LATER: [&str; 8] =
    ["console", "guard", "test", "reload", "lumos", "optimalcloud", "paylocity", "inbound"];

/// Other files to read: the only key at the top that is no table.
pub(super) const INCLUDE: &str = "include";
