//! Whether the parts of a configuration, and the program that has it, go together.

use std::sync::Arc;

use crate::action::ActionSet;
use crate::base::diagnostic::{Diagnostic, Problem};
use crate::base::tree::{Node, closest};
use crate::config::{Loaded, Settings};
use crate::event::catalog;
use crate::judge::{Handler, Registry};
use crate::rules::RuleSet;

/// A secret field reaches the disk under a key or not at all.
pub(super) fn unsealed(actions: &ActionSet, settings: &Settings, loaded: &Loaded) -> Option<Diagnostic> {
    let granted = actions.iter().find(|action| !action.grant.is_empty())?;
    if settings.journal.encryption_key.is_some() {
        return None;
    }
    let message = format!("the action `{}` is given a secret field, which the journal could not seal", granted.id);
    let problem = Problem::error("journal-key", &["journal", "encryption_key"], message);
    Some(loaded.locate(problem.hint("name a key: `[journal] encryption_key = { file = \"journal.key\" }`")))
}

/// Which lookups each event needs: those that its rules, its actions or a handler of the program's own names.
pub(super) fn uses(
    rules: &RuleSet,
    actions: &ActionSet,
    registry: &Registry,
    ids: &[Arc<str>],
) -> Vec<(&'static str, Vec<Arc<str>>)> {
    let named = |event: &str| {
        let handler = registry.bound(event).map_or(&[][..], Handler::lookups);
        let (rules, actions) = (rules.lookups(event), actions.lookups(event));
        let is_named = |id: &Arc<str>| rules.contains(id) || actions.contains(id) || handler.contains(&id.as_ref());
        ids.iter().filter(|id| is_named(id)).cloned().collect()
    };
    catalog::events().map(|spec| (spec.name, named(spec.name))).collect()
}

/// A handler that wants what is not there.
pub(super) fn unknown_lookups(registry: &Registry, ids: &[Arc<str>]) -> Vec<Diagnostic> {
    let wanted = registry.events().filter_map(|event| Some((event, registry.bound(event)?.lookups())));
    let all = wanted.flat_map(|(event, wanted)| wanted.iter().map(move |id| (event, *id)));
    let unknown = all.filter(|(_, id)| ids.iter().all(|known| **known != **id));
    let finding = |(event, id)| {
        let message = format!("the handler bound to {event} wants the lookup `{id}`, and there is none");
        Diagnostic::error("handler", message).hint(format!("declare it: `[[lookup]]` with `id = {id:?}`"))
    };
    unknown.map(finding).collect()
}

/// A rule is not used on an event that the program has a handler of its own for.
pub(super) fn unused(entries: &[Node], registry: &Registry) -> Vec<Diagnostic> {
    let mut findings = Vec::new();
    for entry in entries {
        let Some(on) = entry.get("on") else { continue };
        let id = entry.get("id").and_then(Node::as_str).unwrap_or_default();
        for event in on.as_array().unwrap_or(std::slice::from_ref(on)) {
            let name = event.as_str().and_then(catalog::find).map(|spec| spec.name);
            if let Some(name) = name.filter(|name| registry.events().any(|bound| bound.eq_ignore_ascii_case(name))) {
                let message =
                    format!("rule `{id}` is not used on {name}: this program has a handler of its own for it");
                findings.push(Diagnostic::warning("rule-unused", message).at(&event.place));
            }
        }
    }
    findings
}

/// What is wrong with the actions that rules have performed. What is wrong with an action itself is said elsewhere.
pub(super) fn performed(entries: &[Node], actions: &ActionSet, written: &[Node]) -> Vec<Diagnostic> {
    let mut findings = Vec::new();
    for entry in entries {
        let Some(list) = entry.get("perform") else { continue };
        let items = list.as_array().unwrap_or_default();
        if items.is_empty() {
            let finding = Diagnostic::error("rule-perform", "the rule performs nothing").at(&list.place);
            findings.push(finding.hint("name an action, or leave the rule out"));
        }
        let mut seen: Vec<&str> = Vec::new();
        for item in items {
            let Some(id) = item.as_str() else { continue };
            if seen.contains(&id) {
                let message = format!("`{id}` stands here twice");
                findings.push(Diagnostic::error("rule-perform", message).at(&item.place));
            }
            seen.push(id);
            findings.extend(performed_by(entry, id, item, actions, written));
        }
    }
    findings
}

fn performed_by(rule: &Node, id: &str, item: &Node, actions: &ActionSet, written: &[Node]) -> Vec<Diagnostic> {
    let named = |node: &&Node| node.get("id").and_then(Node::as_str) == Some(id);
    let Some(action) = written.iter().find(named) else {
        let names: Vec<&str> = written.iter().filter_map(|node| node.get("id")?.as_str()).collect();
        let finding = Diagnostic::error("rule-perform", format!("there is no action `{id}`")).at(&item.place);
        return vec![match closest(id, &names) {
            Some(near) => finding.hint(format!("did you mean `{near}`?")),
            None => finding.hint("write it as an `[[action]]`"),
        }];
    };
    let mut findings = Vec::new();
    let Some(definition) = actions.find(id) else { return findings };
    let on = rule.get("on");
    let events = on.map_or(&[][..], |on| on.as_array().unwrap_or(std::slice::from_ref(on)));
    for spec in events.iter().filter_map(|event| catalog::find(event.as_str()?)) {
        if !definition.events.contains(&spec.name) {
            let message = format!("the action `{id}` is not on {}", spec.name);
            let finding = Diagnostic::error("rule-perform", message).at(&item.place);
            findings.push(finding.hint(format!("add \"{}\" to its `on`", spec.name)));
        }
    }
    if let Some(when) = action.entry("when") {
        let message = format!("a rule has `{id}` performed, for which its `when` is not asked");
        findings.push(Diagnostic::warning("rule-perform", message).at(&when.key).hint("put it into the rule's `when`"));
    }
    findings
}
