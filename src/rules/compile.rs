//! From `[[rule]]` tables to a [`RuleSet`], every error at once.

use std::collections::HashMap;
use std::sync::Arc;

use indexmap::IndexMap;

use super::build::{Building, Parts};
use super::raw::RawRule;
use super::{Effect, EventRules, OnError, Rule, RuleSet, TracedRule};
use crate::base::diagnostic::{Diagnostic, Diagnostics, Place};
use crate::base::many::OneOrMany;
use crate::base::tree::{self, Node, closest};
use crate::event::catalog::{self, Effect as EffectKind, Spec};
use crate::event::{Kind, SecretFields};
use crate::expr::{Expression, Type};
use crate::scope::{Names, UnknownFields};

/// What rules need to know of the rest of the configuration.
#[derive(Clone, Debug)]
pub struct Context {
    /// The section's `on_error`.
    pub on_error: OnError,
    /// The section's `error_message`.
    pub error_message: String,
    /// The fields that no rule can name.
    pub secrets: SecretFields,
    /// The tenant's own fields with their types, by path.
    pub attributes: IndexMap<String, Type>,
    /// The ids of all lookups.
    pub lookups: Vec<Arc<str>>,
}

impl Context {
    /// No names yet, of what rules on this event can name.
    pub(super) fn names(&self, spec: &'static Spec) -> Names {
        Names::new(spec, &self.secrets, &self.attributes).with_lookups(&self.lookups)
    }
}

/// Compiles rules in order. Where a finding is an error the set is incomplete and must not be used.
pub fn compile(entries: &[Node], context: &Context, findings: &mut Diagnostics) -> RuleSet {
    let mut events: Vec<EventRules> = Vec::new();
    let mut ids: HashMap<String, Place> = HashMap::new();
    for entry in entries {
        let errors = findings.errors();
        // What can be read of a rule is looked at even where a key of it is wrong, so that everything is said at once.
        let Some(salvaged) = tree::salvage::<RawRule>(entry, findings) else { continue };
        let is_whole = findings.errors() == errors;
        let written = Written { entry: &salvaged.rest, raw: &salvaged.value, context };
        written.check_id(&mut ids, findings);
        let specs = written.specs(findings);
        let is_usable = is_whole && written.check_effect(&specs, findings);
        let mut said: Vec<Diagnostic> = Vec::new();
        let mut unknown = UnknownFields::default();
        for &spec in &specs {
            let at = events.iter().position(|rules| rules.event == spec.name).unwrap_or_else(|| {
                events.push(EventRules {
                    event: spec.name,
                    rules: Vec::new(),
                    traced: Arc::default(),
                    names: context.names(spec),
                    lookups: Vec::new(),
                });
                events.len() - 1
            });
            let mut own = Diagnostics::default();
            let names = &mut events[at].names;
            let parts = Building { written: &written, names, findings: &mut own, unknown: &mut unknown }.parts();
            // A rule on several events is checked on each; what is wrong on all of them is said once.
            for finding in own {
                if !said.contains(&finding) {
                    said.push(finding);
                }
            }
            let rule = parts.filter(|_| is_usable).and_then(|parts| written.rule(spec, parts));
            let Some(rule) = rule else { continue };
            warn_unreachable(&events[at], &rule, entry, &mut said);
            events[at].rules.push(rule);
        }
        said.extend(unknown.findings(&specs));
        // As one reads: from the top of the rule.
        said.sort_by_key(|finding| finding.place.as_ref().map(|place| place.span.start));
        findings.extend(said);
    }
    for event in &mut events {
        let traced = event.rules.iter().map(|rule| TracedRule { id: rule.id.clone(), shadow: rule.shadow });
        event.traced = traced.collect();
        event.lookups = event.names.lookups();
    }
    RuleSet { events, rules: entries.len() }
}

/// A rule that comes after one which always settles the matter can never be reached.
fn warn_unreachable(rules: &EventRules, rule: &Rule, entry: &Node, findings: &mut Vec<Diagnostic>) {
    let settles = |rule: &&Rule| !rule.shadow && rule.is_unconditional() && !matches!(rule.effect, Effect::Set { .. });
    if rule.shadow {
        return;
    }
    if let Some(earlier) = rules.rules.iter().find(settles) {
        let message = format!(
            "rule `{}` is never reached on {}: rule `{}` before it always settles the matter",
            rule.id, rules.event, earlier.id
        );
        findings.push(Diagnostic::warning("unreachable-rule", message).at(&place_of(entry, "id")));
    }
}

fn place_of(entry: &Node, key: &str) -> Place {
    entry.get(key).map_or_else(|| entry.place.clone(), |node| node.place.clone())
}

impl Rule {
    pub(super) fn is_unconditional(&self) -> bool {
        self.when.as_ref().is_none_or(Expression::is_always_true)
    }
}

/// A rule as written, with its places.
pub(super) struct Written<'a> {
    pub(super) entry: &'a Node,
    pub(super) raw: &'a RawRule,
    context: &'a Context,
}

impl Written<'_> {
    fn check_id(&self, ids: &mut HashMap<String, Place>, findings: &mut Diagnostics) {
        let place = place_of(self.entry, "id");
        if self.raw.id.trim().is_empty() {
            findings.push(Diagnostic::error("rule-id", "a rule's id cannot be empty").at(&place));
        } else if let Some(first) = ids.get(&self.raw.id) {
            let (line, _) = first.line_and_column();
            let message = format!("the id `{}` is another rule's ({}:{line})", self.raw.id, first.source.name);
            findings.push(Diagnostic::error("rule-id", message).at(&place).hint("ids are unique across all files"));
        } else {
            ids.insert(self.raw.id.clone(), place);
        }
    }

    /// The events that it applies to, in the order written.
    fn specs(&self, findings: &mut Diagnostics) -> Vec<&'static Spec> {
        let on = self.entry.get("on");
        let mut specs: Vec<&'static Spec> = Vec::new();
        for (index, name) in self.raw.on.iter().enumerate() {
            let node = on.and_then(|on| on.as_array().and_then(|items| items.get(index)).or(Some(on)));
            let place = node.map_or_else(|| self.entry.place.clone(), |node| node.place.clone());
            match catalog::find(name) {
                Some(spec) if specs.contains(&spec) => {
                    findings.push(Diagnostic::warning("rule-event", format!("`{name}` stands here twice")).at(&place));
                }
                Some(spec) => specs.push(spec),
                None => {
                    let names: Vec<&str> = catalog::names().collect();
                    let finding = Diagnostic::error("rule-event", format!("there is no event `{name}`")).at(&place);
                    findings.push(match closest(name, &names) {
                        Some(near) => finding.hint(format!("did you mean `{near}`?")),
                        None => finding.hint(format!("events: {}", names.join(", "))),
                    });
                }
            }
        }
        if self.raw.on == OneOrMany::Many(Vec::new()) {
            let place = place_of(self.entry, "on");
            findings.push(Diagnostic::error("rule-event", "the rule applies to no event").at(&place));
        }
        specs
    }

    /// The effect that is written, where there is exactly one.
    fn effect(&self) -> Result<(EffectKind, &'static str), Diagnostic> {
        let raw = self.raw;
        let mut written = Vec::new();
        for (there, kind, key) in [
            (raw.deny.is_some(), EffectKind::Deny, "deny"),
            (raw.map.is_some(), EffectKind::Map, "map"),
            (raw.deprovision.is_some(), EffectKind::Deprovision, "deprovision"),
            (raw.perform.is_some(), EffectKind::Perform, "perform"),
            (raw.set.is_some(), EffectKind::Set, "set"),
            (raw.unset.is_some() && raw.set.is_none(), EffectKind::Set, "unset"),
        ] {
            if there {
                written.push((kind, key));
            }
        }
        let known = "deny, set with unset, map, deprovision, perform";
        match written.as_slice() {
            [one] => Ok(*one),
            [] => {
                let message = format!("rule `{}` has no effect", raw.id);
                Err(Diagnostic::error("rule-effect", message)
                    .at(&place_of(self.entry, "id"))
                    .hint(format!("exactly one of: {known}")))
            }
            [(_, first), (_, second), ..] => {
                let message = format!("rule `{}` has more than one effect: `{first}` and `{second}`", raw.id);
                let place =
                    self.entry.entry(second).map_or_else(|| self.entry.place.clone(), |entry| entry.key.clone());
                Err(Diagnostic::error("rule-effect", message).at(&place).hint("write a rule for each"))
            }
        }
    }

    /// Whether its effect is one that each of its events has; and the keys that go with an effect.
    fn check_effect(&self, specs: &[&'static Spec], findings: &mut Diagnostics) -> bool {
        let (effect, key) = match self.effect() {
            Ok(effect) => effect,
            Err(finding) => {
                findings.push(finding);
                return false;
            }
        };
        let key_place =
            |key: &str| self.entry.entry(key).map_or_else(|| self.entry.place.clone(), |entry| entry.key.clone());
        let mut fits = true;
        for spec in specs.iter().filter(|spec| !spec.effects().contains(&effect)) {
            let message = format!("`{key}` is no effect of {}", spec.name);
            let effects: Vec<&str> = spec.effects().iter().map(|effect| effect.key()).collect();
            let hint = if effects.is_empty() {
                format!("{} wants no answer, so that no rule can change it", spec.name)
            } else {
                format!("{} can have: {}", spec.name, effects.join(", "))
            };
            findings.push(Diagnostic::error("rule-effect", message).at(&key_place(key)).hint(hint));
            fits = false;
        }
        if self.raw.on_error.is_some() && specs.iter().any(|spec| spec.kind != Kind::Verdict) {
            let message = "`on_error` is for validate events only";
            let hint = "elsewhere a rule that errs does nothing, and the next one runs";
            findings.push(Diagnostic::error("rule-effect", message).at(&key_place("on_error")).hint(hint));
        }
        if let Some(message) = &self.raw.deny {
            let place = place_of(self.entry, "deny");
            let camel_case = message.starts_with(|first: char| first.is_ascii_uppercase())
                && message.chars().all(|character| character.is_ascii_alphanumeric());
            if message.trim().is_empty() {
                findings.push(Diagnostic::error("deny-message", "a refusal must say something").at(&place));
            } else if !camel_case && specs.iter().all(|spec| spec.kind != Kind::Perform) {
                let finding =
                    Diagnostic::warning("deny-message", "the cloud takes the message for a code in its own table");
                findings.push(finding.at(&place).hint("use one word such as `MobileAlreadyExist` or `EmailRequired`"));
            }
        }
        fits
    }

    /// The rule of these parts on one of its events.
    fn rule(&self, spec: &Spec, parts: Parts) -> Option<Rule> {
        let raw = self.raw;
        let effect = match self.effect().ok()?.0 {
            EffectKind::Deny => raw.deny.as_deref().map(|message| Effect::Deny(message.into())),
            EffectKind::Deprovision => raw.deprovision.map(Effect::Deprovision),
            EffectKind::Map => parts.map.map(Effect::Map),
            EffectKind::Perform => raw
                .perform
                .as_ref()
                .map(|actions| Effect::Perform(actions.iter().map(|id| id.as_str().into()).collect())),
            EffectKind::Set => Some(Effect::Set { set: parts.set, unset: parts.unset }),
        };
        let verdict = spec.kind == Kind::Verdict;
        let on_error = if verdict { raw.on_error.unwrap_or(self.context.on_error) } else { OnError::Allow };
        Some(Rule {
            id: raw.id.as_str().into(),
            shadow: raw.shadow,
            when: parts.when,
            effect: effect?,
            on_error,
            error_message: raw.deny.as_deref().unwrap_or(&self.context.error_message).into(),
        })
    }
}
