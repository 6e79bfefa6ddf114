//! The names that may stand at the top of a file. The fixed sections are not named here: they are the fields of
//! [`Settings`](super::Settings).

use schemars::{Schema, SchemaGenerator};

use crate::action;
use crate::judge::RawGuard;
use crate::lookup::RawLookup;
use crate::rules::RawRule;
use crate::testing::RawTest;

/// A list of tables, `[[rule]]`, which another module reads.
pub(super) struct List {
    /// Its name.
    pub(super) name: &'static str,
    /// The schema of one entry, for editors.
    pub(super) entry: fn(&mut SchemaGenerator) -> Schema,
}

/// The lists of this version. The schema of an entry comes from the module that reads it.
pub(super) const LISTS: [List; 5] = [
    List { name: "rule", entry: SchemaGenerator::subschema_for::<RawRule> },
    List { name: "lookup", entry: SchemaGenerator::subschema_for::<RawLookup> },
    List { name: "action", entry: action::schema },
    List { name: "guard", entry: SchemaGenerator::subschema_for::<RawGuard> },
    List { name: "test", entry: SchemaGenerator::subschema_for::<RawTest> },
];

/// What the documents speak of and this version does not have.
pub(super) const LATER: [&str; 2] = ["console", "inbound"];

/// Other files to read: a key at the top of the main file that is no table.
pub(super) const INCLUDE: &str = "include";

/// A configuration whose rules are only tried: the other such key.
pub(super) const SHADOW_FILE: &str = "shadow_file";
