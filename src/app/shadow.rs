//! The shadow file: compiled like the real rules, and never in their way. What is wrong with it costs the shadow alone.

use std::sync::Arc;

use super::journal::RuleText;
use super::plan::context;
use crate::base::diagnostic::{Diagnostic, Diagnostics};
use crate::base::tree::Node;
use crate::config::Loaded;
use crate::rules::{self, RuleSet};

/// The rules of a shadow file in which nothing was found wrong.
pub struct ShadowPlan {
    /// The rules.
    pub rules: Arc<RuleSet>,
    /// What the journal keeps of them.
    pub(super) text: RuleText,
}

/// Finds everything that is wrong with the shadow file, where one is named. `check` counts these findings like any others; a
/// server goes on without a shadow.
pub fn shadow(loaded: &Loaded) -> (Option<ShadowPlan>, Diagnostics) {
    let Some(shadow) = &loaded.shadow else { return (None, Diagnostics::default()) };
    let mut findings = Diagnostics::default();
    let plan = shadow.settings.as_ref().map(|settings| {
        let entries = shadow.lists.get("rule").and_then(Node::as_array).unwrap_or_default();
        if entries.is_empty() {
            let finding = Diagnostic::warning("no-rules", "it has no rules, and differs wherever a real one holds");
            findings.push(finding.at(&shadow.lists.place).without_line());
        }
        let rules = rules::compile(entries, &context(settings), &mut findings);
        ShadowPlan { rules: Arc::new(rules), text: RuleText::of(&shadow.lists, &shadow.sections, settings) }
    });
    let findings = shadow.said(findings);
    (plan.filter(|_| !findings.has_errors()), findings)
}
