//! The shadow file: compiled like the real rules, and never in their way. What is wrong with it costs the shadow alone.

use std::sync::Arc;

use super::Source;
use super::plan::{Lasting, context};
use super::rule_text::RuleText;
use crate::base::diagnostic::{Diagnostic, Diagnostics};
use crate::base::tree::Node;
use crate::config::{Loaded, Settings};
use crate::directory::Directory;
use crate::event::catalog;
use crate::judge::Shadow;
use crate::lookup::{self, LookupSet, Lookups};
use crate::rules::{self, RuleSet};

/// The rules of a shadow file in which nothing was found wrong.
pub struct ShadowPlan {
    /// The rules.
    pub rules: Arc<RuleSet>,
    /// The lookups that they name.
    lookups: LookupSet,
    /// Those of them that are not as in the main file.
    own: Vec<Arc<str>>,
    /// What the journal keeps of them.
    text: RuleText,
}

/// Finds everything that is wrong with the shadow file, where one is named. `check` counts these findings like any others; a
/// server goes on without a shadow.
pub fn shadow(loaded: &Loaded) -> (Option<ShadowPlan>, Diagnostics) {
    let Some(shadow) = &loaded.shadow else { return (None, Diagnostics::default()) };
    let mut findings = Diagnostics::default();
    let list = |name: &str| shadow.lists.get(name).and_then(Node::as_array).unwrap_or_default();
    let plan = shadow.settings.as_ref().map(|settings| {
        if list("rule").is_empty() {
            let finding = Diagnostic::warning("no-rules", "it has no rules, and differs wherever a real one holds");
            findings.push(finding.at(&shadow.lists.place).without_line());
        }
        let ids = lookup::ids(list("lookup"));
        let rules = rules::compile(list("rule"), &context(settings, &ids), &mut findings);
        let mut own = Diagnostics::default();
        let lookups = LookupSet::compile(list("lookup"), &lookups(&rules, settings, &ids), &mut own);
        // One that no rule names may be an action's.
        findings.extend(own.into_iter().filter(|finding| finding.code != "lookup-unused"));
        let written = |list: &Node, id: &str| -> Option<serde_json::Value> {
            let entries = list.get("lookup").and_then(Node::as_array)?;
            entries.iter().find(|entry| entry.get("id").and_then(Node::as_str) == Some(id)).map(Node::to_json)
        };
        let own = ids.into_iter().filter(|id| written(&shadow.lists, id) != written(&loaded.lists, id)).collect();
        let text = RuleText::of(&shadow.lists, &shadow.sections, settings);
        ShadowPlan { rules: Arc::new(rules), lookups, own, text }
    });
    let findings = shadow.said(findings);
    (plan.filter(|_| !findings.has_errors()), findings)
}

fn lookups(rules: &RuleSet, settings: &Settings, ids: &[Arc<str>]) -> lookup::Context {
    let context = context(settings, ids);
    let uses = catalog::EVENTS.iter().map(|spec| (spec.name, rules.lookups(spec.name).to_vec())).collect();
    lookup::Context { secrets: context.secrets, attributes: context.attributes, uses }
}

/// The shadow that a server is to have beside its rules. What is wrong with it is told, and costs it alone. A lookup that is
/// as in the main file shares the answers of `real`.
pub(super) fn ready(
    loaded: &Loaded,
    source: &Source,
    lasting: &Lasting,
    real: &Lookups,
    directory: Option<&Arc<Directory>>,
) -> Option<Shadow> {
    loaded.shadow.as_ref()?;
    let (plan, findings) = shadow(loaded);
    let mut more = Diagnostics::default();
    let secrets = loaded.secrets();
    let (clock, metrics) = (&source.clock, &lasting.metrics);
    let tools = lookup::Tools { secrets: &secrets, clock, metrics, previous: Some(real) };
    let ready = plan.and_then(|plan| Some((plan.lookups.prepare(&tools, &mut more)?, plan)));
    for finding in &findings {
        tracing::warn!("{}", finding.one_line());
    }
    for finding in &more {
        tracing::warn!("shadow file: {}", finding.one_line());
    }
    let Some((lookups, plan)) = ready else {
        tracing::warn!("the shadow file judges nothing until it is right");
        return None;
    };
    if let Some(directory) = directory {
        lookups.introduce(directory.clone());
    }
    tracing::info!(rules = plan.rules.len(), "the shadow file judges beside the rules");
    drop(lasting.journal.keep_rule_set(plan.text.hash, plan.text.text.into_bytes()));
    let except = source.registry.handlers().unwrap_or_default().into_iter().map(|(event, _)| event).collect();
    let shadow = Shadow::new(plan.rules, &plan.text.hash, except, clock.clone(), metrics.clone());
    Some(shadow.with_lookups(lookups, plan.own))
}
