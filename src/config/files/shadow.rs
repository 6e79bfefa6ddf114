//! `shadow_file = "rules/next.toml"`: another configuration, whose rules judge beside the real ones.

use std::fs;
use std::path::{Path, PathBuf};

use super::super::sections::SHADOW_FILE;
use crate::base::diagnostic::{Diagnostic, Diagnostics, Place};
use crate::base::tree::{Node, Value};

/// The shadow file, and the place that names it.
#[derive(Clone, Debug)]
pub(in crate::config) struct Named {
    pub(in crate::config) path: PathBuf,
    pub(in crate::config) place: Place,
}

impl Named {
    /// Whether a path leads to it.
    pub(super) fn is(&self, path: &Path) -> bool {
        match (fs::canonicalize(&self.path), fs::canonicalize(path)) {
            (Ok(own), Ok(other)) => own == other,
            _ => self.path == path,
        }
    }
}

/// Takes `shadow_file` out of the main file's tree.
pub(super) fn take(tree: &mut Node, main: &Path, findings: &mut Diagnostics) -> Option<Named> {
    let Value::Table(table) = &mut tree.value else { return None };
    let entry = table.shift_remove(SHADOW_FILE)?;
    let place = entry.node.place.clone();
    let Some(text) = entry.node.as_str().filter(|text| !text.is_empty()) else {
        let message = format!("`{SHADOW_FILE}`: expected a path in quotes, found {}", entry.node.kind());
        findings.push(Diagnostic::error("invalid-value", message).at(&place));
        return None;
    };
    let named = Named { path: main.parent().unwrap_or(Path::new("")).join(text), place };
    if named.is(main) {
        let finding = Diagnostic::error("shadow-file", "a file cannot be its own shadow").at(&named.place);
        findings.push(finding.hint("name the file with the rules that are to be tried"));
        return None;
    }
    Some(named)
}

/// Reports a `shadow_file` of a file that may have none, and takes it out.
pub(super) fn report_nested(tree: &mut Node, what: &str, findings: &mut Diagnostics) {
    let Value::Table(table) = &mut tree.value else { return };
    if let Some(entry) = table.shift_remove(SHADOW_FILE) {
        let finding = Diagnostic::error("nested-shadow", format!("{what} names no shadow file")).at(&entry.key);
        findings.push(finding.hint("it stands in the main file, above the first [section]"));
    }
}
