//! Which of the secrets that a configuration names are not there.
//!
//! It finds them by the schema's mark, so that every section's are found, whoever owns it; it keeps none.

use super::load::Loaded;
use super::shape::Shape;
use super::{Secrets, schema};
use crate::base::diagnostic::{Diagnostic, Diagnostics, Severity};
use crate::base::secret::{SecretRef, SecretSource as _};
use crate::base::tree::{Node, Value, deserialize};

impl Loaded {
    /// A finding for each secret that is missing, empty or unreadable: an error for who wants to run, a warning for who only
    /// wants to know, for the secrets need not be where the configuration is checked.
    pub fn missing_secrets(&self, severity: Severity) -> Diagnostics {
        let (schema, secrets) = (schema(), self.secrets());
        let mut findings = Diagnostics::default();
        for tree in [&self.sections, &self.lists] {
            collect(tree, &Shape::root(&schema), &secrets, severity, &mut findings);
        }
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
        Value::String(_) | Value::Integer(_) | Value::Float(_) | Value::Bool(_) | Value::Datetime(_) => {}
    }
}

fn missing(node: &Node, secrets: &Secrets, severity: Severity) -> Option<Diagnostic> {
    // What is no secret's place was reported when the settings were read.
    let place: SecretRef = deserialize(node, &mut Diagnostics::default())?;
    let error = secrets.resolve(&place).err()?;
    let finding = match severity {
        Severity::Error => Diagnostic::error("missing-secret", error.to_string()),
        Severity::Warning => Diagnostic::warning("missing-secret", error.to_string()),
    };
    let hint = match place {
        SecretRef::Env(_) => "set it in the environment of the server",
        SecretRef::File(_) => "write the secret to this file, readable for the server",
    };
    Some(finding.at(&node.place).hint(hint))
}
