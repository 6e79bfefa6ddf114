//! Which of the secrets and files that a configuration names are not there.
//!
//! It finds them by the schema's marks, so that every section's are found, whoever owns it; it keeps none. What is in a
//! file is the matter of whoever uses it.

use std::fs::File;
use std::io;
use std::path::Path;

use super::files::read_at_most;
use super::load::Loaded;
use super::shape::Shape;
use super::{Secrets, conceal, schema};
use crate::base::diagnostic::{Diagnostic, Diagnostics, Severity};
use crate::base::secret::{SecretSource as _, SecretText};
use crate::base::tree::{Node, Value, deserialize};

/// The largest file of keys or certificates.
const LIMIT: u64 = 4 << 20;

impl Loaded {
    /// A finding for each secret that is missing, empty or unreadable, and for each file of keys or certificates that cannot
    /// be read: an error for who wants to run, a warning for who only wants to know, for they need not be where the
    /// configuration is checked.
    pub fn missing_secrets(&self, severity: Severity) -> Diagnostics {
        let (schema, secrets) = (schema(), self.secrets());
        let shape = Shape::root(&schema);
        let mut findings = Diagnostics::default();
        let trees = [&self.sections, &self.lists];
        for tree in trees {
            collect(tree, &shape, &secrets, severity, &mut findings);
        }
        conceal::conceal(trees, &shape, &mut findings);
        findings
    }
}

fn collect(node: &Node, shape: &Shape<'_>, secrets: &Secrets, severity: Severity, findings: &mut Diagnostics) {
    match &node.value {
        Value::Table(_) if shape.is_marked("secret") => findings.extend(missing(node, secrets, severity)),
        Value::Table(table) => {
            for (name, entry) in table {
                if let Some(inner) = shape.key(name) {
                    collect(&entry.node, &inner, secrets, severity, findings);
                }
            }
        }
        Value::Array(items) => {
            let Some(inner) = shape.item() else { return };
            for item in items {
                collect(item, &inner, secrets, severity, findings);
            }
        }
        Value::String(path) if shape.is_marked("file") => findings.extend(unreadable(path, node, severity)),
        Value::String(path) if shape.is_marked("data-file") => {
            findings.extend(File::open(path).err().map(|error| missing_file(path, node, severity, &error)));
        }
        Value::String(_) | Value::Integer(_) | Value::Float(_) | Value::Bool(_) | Value::Datetime(_) => {}
    }
}

fn missing(node: &Node, secrets: &Secrets, severity: Severity) -> Option<Diagnostic> {
    // What is no secret's place was reported when the settings were read.
    let text: SecretText = deserialize(node, &mut Diagnostics::default())?;
    let error = secrets.resolve(&text.place).err()?;
    Some(finding("missing-secret", severity, error.to_string()).at(&node.place).hint(error.remedy()))
}

fn unreadable(path: &str, node: &Node, severity: Severity) -> Option<Diagnostic> {
    let error = read_at_most(Path::new(path), LIMIT).err()?;
    Some(missing_file(path, node, severity, &error))
}

fn missing_file(path: &str, node: &Node, severity: Severity, error: &io::Error) -> Diagnostic {
    let finding = finding("missing-file", severity, format!("file {path} could not be read: {error}"));
    finding
        .at(&node.place)
        .hint("a path is relative to the file that it stands in, and the server must be able to read it")
}

fn finding(code: &'static str, severity: Severity, message: String) -> Diagnostic {
    match severity {
        Severity::Error => Diagnostic::error(code, message),
        Severity::Warning => Diagnostic::warning(code, message),
    }
}
