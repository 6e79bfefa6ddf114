//! From `[[rule]]` tables to a [`RuleSet`], every error at once.

use std::collections::HashMap;
use std::sync::Arc;

use indexmap::IndexMap;

use super::raw::RawRule;
use super::{Effect, EventRules, OnError, Rule, RuleSet, TracedRule};
use crate::base::diagnostic::{Diagnostic, Diagnostics, Place};
use crate::base::many::OneOrMany;
use crate::base::tree::{self, Node, Value, closest};
use crate::event::catalog::{self, Effect as EffectKind, Spec};
use crate::event::{FieldPath, Kind, SecretFields};
use crate::expr::{Expression, Type};
use crate::scope::Names;

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
}

/// Compiles rules in order. Where a finding is an error the set is incomplete and must not be used.
pub fn compile(entries: &[Node], context: &Context, findings: &mut Diagnostics) -> RuleSet {
    let mut events: Vec<EventRules> = Vec::new();
    let mut ids: HashMap<String, Place> = HashMap::new();
    for entry in entries {
        let Some(raw) = tree::deserialize::<RawRule>(entry, findings) else { continue };
        let written = Written { entry, raw: &raw, context };
        written.check_id(&mut ids, findings);
        let specs = written.specs(findings);
        if !written.check_effect(&specs, findings) {
            continue;
        }
        let mut said: Vec<Diagnostic> = Vec::new();
        for spec in specs {
            let at = events.iter().position(|rules| rules.event == spec.name).unwrap_or_else(|| {
                let names = Names::new(spec, &context.secrets, &context.attributes);
                events.push(EventRules { event: spec.name, rules: Vec::new(), traced: Arc::default(), names });
                events.len() - 1
            });
            let mut own = Diagnostics::default();
            let mut building = Building { written: &written, names: &mut events[at].names, findings: &mut own };
            let rule = building.rule();
            // A rule on several events is checked on each; what is wrong on all of them is said once.
            for finding in own {
                if !said.contains(&finding) {
                    said.push(finding);
                }
            }
            let Some(rule) = rule else { continue };
            warn_unreachable(&events[at], &rule, entry, &mut said);
            events[at].rules.push(rule);
        }
        findings.extend(said);
    }
    for event in &mut events {
        let traced = event.rules.iter().map(|rule| TracedRule { id: rule.id.clone(), shadow: rule.shadow });
        event.traced = traced.collect();
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
    fn is_unconditional(&self) -> bool {
        self.when.as_ref().is_none_or(Expression::is_always_true)
    }
}

/// A rule as written, with its places.
struct Written<'a> {
    entry: &'a Node,
    raw: &'a RawRule,
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
            (raw.set.is_some(), EffectKind::Set, "set"),
            (raw.unset.is_some() && raw.set.is_none(), EffectKind::Set, "unset"),
        ] {
            if there {
                written.push((kind, key));
            }
        }
        let known = "deny, set with unset, map, deprovision";
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
            } else if !camel_case {
                let finding =
                    Diagnostic::warning("deny-message", "the cloud takes the message for a code in its own table");
                findings.push(finding.at(&place).hint("use one word such as `MobileAlreadyExist` or `EmailRequired`"));
            }
        }
        fits
    }
}

/// A rule as it is built for one of its events.
struct Building<'a> {
    written: &'a Written<'a>,
    names: &'a mut Names,
    findings: &'a mut Diagnostics,
}

impl Building<'_> {
    fn rule(&mut self) -> Option<Rule> {
        let (raw, context) = (self.written.raw, self.written.context);
        let when = raw.when.is_some().then(|| self.expression(self.written.entry.get("when"), Type::Bool));
        let effect = match self.written.effect().ok()?.0 {
            EffectKind::Deny => raw.deny.as_deref().map(|message| Effect::Deny(message.into())),
            EffectKind::Deprovision => raw.deprovision.map(Effect::Deprovision),
            EffectKind::Map => self.expression(self.written.entry.get("map"), Type::Dyn).map(Effect::Map),
            EffectKind::Set => self.set(),
        };
        let verdict = self.names.spec().kind == Kind::Verdict;
        let on_error = if verdict { raw.on_error.unwrap_or(context.on_error) } else { OnError::Allow };
        Some(Rule {
            id: raw.id.as_str().into(),
            shadow: raw.shadow,
            when: match when {
                Some(compiled) => Some(compiled?),
                None => None,
            },
            effect: effect?,
            on_error,
            error_message: raw.deny.as_deref().unwrap_or(&context.error_message).into(),
        })
    }

    fn expression(&mut self, node: Option<&Node>, wanted: Type) -> Option<Expression> {
        self.names.compile(node?, wanted, self.findings)
    }

    fn set(&mut self) -> Option<Effect> {
        let errors = self.findings.errors();
        let mut leaves = Vec::new();
        if let Some(entry) = self.written.entry.entry("set") {
            self.leaves(&entry.node, None, &mut leaves);
        }
        let unset = self.unset();
        let paths: Vec<(&FieldPath, &Place)> = leaves
            .iter()
            .map(|(path, place, _)| (path, place))
            .chain(unset.iter().map(|(path, place)| (path, place)))
            .collect();
        for (index, (path, place)) in paths.iter().enumerate() {
            if let Some(secret) = self.names.secrets().iter().find(|secret| touches_secret(secret, path)) {
                let message = format!("`{secret}` is a secret and cannot be changed by a rule");
                self.findings.push(Diagnostic::error("secret-field", message).at(place));
            }
            if let [first, _, ..] = path.names()
                && matches!(first.as_str(), "user" | "request")
            {
                let message = format!("`{path}` is read from the person down: this is `user.{path}`");
                let hint = if first == "user" { "leave `user.` out" } else { "only the person can be changed" };
                self.findings.push(Diagnostic::warning("set-path", message).at(place).hint(hint));
            }
            if let Some((other, _)) = paths[..index].iter().find(|(other, _)| other.covers(path) || path.covers(other))
            {
                let message = format!("`{path}` and `{other}` are changed by the same rule");
                self.findings
                    .push(Diagnostic::error("set-path", message).at(place).hint("one of them lies in the other"));
            }
        }
        let set: Vec<_> = leaves
            .iter()
            .filter_map(|(path, _, node)| Some((path.clone(), self.expression(Some(node), Type::Dyn)?)))
            .collect();
        let unset = unset.into_iter().map(|(path, _)| path).collect();
        (self.findings.errors() == errors).then_some(Effect::Set { set, unset })
    }

    /// The fields that a `set` table names, down to the expressions.
    fn leaves<'n>(
        &mut self,
        node: &'n Node,
        above: Option<&FieldPath>,
        leaves: &mut Vec<(FieldPath, Place, &'n Node)>,
    ) {
        let Some(table) = node.as_table() else { return };
        if table.is_empty() {
            self.findings.push(Diagnostic::error("set-path", "`set` names no field").at(&node.place));
        }
        for (key, entry) in table {
            let path = match FieldPath::parse(key) {
                Ok(path) => above.map_or_else(|| path.clone(), |above| above.join(&path)),
                Err(error) => {
                    self.findings.push(Diagnostic::error("set-path", error.to_string()).at(&entry.key));
                    continue;
                }
            };
            match &entry.node.value {
                Value::Table(_) => self.leaves(&entry.node, Some(&path), leaves),
                Value::String(_) => leaves.push((path, entry.key.clone(), &entry.node)),
                _ => {
                    let message = format!(
                        "the value of `{path}` must be a text with an expression, and is {}",
                        entry.node.kind()
                    );
                    let written = &entry.node.place.source.text[entry.node.place.span.clone()];
                    let hint = format!("write it as an expression: '{written}'");
                    self.findings.push(Diagnostic::error("set-value", message).at(&entry.node.place).hint(hint));
                }
            }
        }
    }

    fn unset(&mut self) -> Vec<(FieldPath, Place)> {
        let items = self.written.entry.get("unset").and_then(Node::as_array).unwrap_or_default();
        let mut paths = Vec::new();
        for item in items {
            match FieldPath::parse(item.as_str().unwrap_or_default()) {
                Ok(path) => paths.push((path, item.place.clone())),
                Err(error) => self.findings.push(Diagnostic::error("set-path", error.to_string()).at(&item.place)),
            }
        }
        paths
    }
}

/// Whether a change at `path` of the person would touch what is secret there.
fn touches_secret(secret: &FieldPath, path: &FieldPath) -> bool {
    match secret.names().split_first() {
        Some((first, below)) if first == "user" && !below.is_empty() => {
            below.starts_with(path.names()) || path.names().starts_with(below)
        }
        _ => false,
    }
}
