//! What a test expects: whether it can come of the event, and what it means.

use serde_json::{Map, Value};

use super::compile::{Written, check_named};
use super::raw::RawExpect;
use super::{Expect, ExpectedChanges};
use crate::base::diagnostic::{Diagnostic, Diagnostics, Place};
use crate::base::tree::Node;
use crate::event::catalog::Spec;
use crate::event::{FieldPath, Kind};

const OUTCOMES: [&str; 7] = ["accept", "deny", "set", "unset", "map", "deprovision", "perform"];

impl Written<'_> {
    /// What is expected, as far as it can be.
    pub(super) fn expect(&self, spec: Option<&'static Spec>, findings: &mut Diagnostics) -> Expect {
        let raw = &self.raw.expect.0;
        self.check_expect(spec, findings);
        for (key, ids) in [("erred", &raw.erred), ("shadow", &raw.shadow)] {
            for id in ids.iter().flatten() {
                self.check_rule(id, spec, &self.place(&["expect", key]), findings);
            }
        }
        if let Some(id) = &raw.rule {
            self.check_rule(id, spec, &self.place(&["expect", "rule"]), findings);
        }
        for (key, ids) in [("actions", &raw.actions), ("perform", &raw.perform)] {
            for id in ids.iter().flatten() {
                let place = self.place(&["expect", key]);
                check_named("test-action", "action", id, self.known.actions, &place, findings);
            }
        }
        Expect {
            accept: raw.accept,
            deny: raw.deny.clone(),
            changes: self.changes(findings),
            map: raw.map.clone(),
            deprovision: raw.deprovision,
            perform: raw.perform.clone(),
            actions: raw.actions.clone(),
            rule: raw.rule.clone(),
            erred: raw.erred.clone(),
            shadow: raw.shadow.clone(),
        }
    }

    /// Whether anything is expected, and each expectation is one that the event can meet.
    fn check_expect(&self, spec: Option<&'static Spec>, findings: &mut Diagnostics) {
        let raw = &self.raw.expect.0;
        let named = outcomes(raw);
        let others = raw.actions.is_some() || raw.rule.is_some() || raw.erred.is_some() || raw.shadow.is_some();
        if named.is_empty() && !others && self.is_whole {
            let finding = Diagnostic::error("test-expect", format!("test `{}` expects nothing", self.raw.id));
            let hint = "one of: accept, deny, set, unset, map, deprovision, perform, actions, rule, erred, shadow";
            findings.push(finding.at(&self.place(&["expect"])).hint(hint));
        }
        if let Some(spec) = spec {
            for key in named.iter().filter(|key| !can_expect(spec.kind, key)) {
                let message = format!("`{key}` is nothing that can come of {}", spec.name);
                let can: Vec<&str> =
                    OUTCOMES.into_iter().filter(|key| can_expect(spec.kind, key)).chain(["actions"]).collect();
                let hint = format!("of {} can come: {}", spec.name, can.join(", "));
                findings.push(Diagnostic::error("test-expect", message).at(&self.place(&["expect", key])).hint(hint));
            }
        }
        let refused = raw.deny.is_some() || raw.accept == Some(false);
        let changed = raw.set.is_some() || raw.unset.is_some();
        if refused && (changed || (raw.deny.is_some() && raw.accept == Some(true))) {
            let finding = Diagnostic::error("test-expect", "what is refused is neither accepted nor changed");
            findings.push(finding.at(&self.place(&["expect", "deny"])).hint("write a test for each"));
        }
    }

    fn check_rule(&self, id: &str, spec: Option<&Spec>, place: &Place, findings: &mut Diagnostics) {
        if !check_named("test-rule", "rule", id, self.known.rules, place, findings) {
            return;
        }
        let Some(spec) = spec else { return };
        let on = |rule: &Node| match rule.get("on") {
            Some(on) => on
                .as_array()
                .unwrap_or(std::slice::from_ref(on))
                .iter()
                .any(|event| event.as_str().is_some_and(|event| event.eq_ignore_ascii_case(spec.name))),
            None => true,
        };
        let named = |rule: &&Node| rule.get("id").and_then(Node::as_str) == Some(id);
        if !self.known.rules.iter().filter(named).any(on) {
            let message = format!("the rule `{id}` is not on {}", spec.name);
            findings.push(Diagnostic::error("test-rule", message).at(place));
        }
    }

    fn changes(&self, findings: &mut Diagnostics) -> Option<ExpectedChanges> {
        let raw = &self.raw.expect.0;
        if raw.set.is_none() && raw.unset.is_none() {
            return None;
        }
        let mut changes = ExpectedChanges::default();
        let mut wrong = |key: &str, why: String| {
            findings.push(Diagnostic::error("set-path", why).at(&self.place(&["expect", key])));
        };
        for (path, value) in leaves(None, raw.set.iter().flatten()) {
            match path {
                Ok(path) => changes.set.push((path, value)),
                Err(why) => wrong("set", why),
            }
        }
        for path in raw.unset.iter().flatten() {
            match FieldPath::parse(path) {
                Ok(path) => changes.unset.push(path),
                Err(error) => wrong("unset", error.to_string()),
            }
        }
        Some(changes)
    }
}

/// The outcomes that are expected.
fn outcomes(raw: &RawExpect) -> Vec<&'static str> {
    let written = [
        raw.accept.is_some(),
        raw.deny.is_some(),
        raw.set.is_some(),
        raw.unset.is_some(),
        raw.map.is_some(),
        raw.deprovision.is_some(),
        raw.perform.is_some(),
    ];
    OUTCOMES.into_iter().zip(written).filter(|(_, written)| *written).map(|(key, _)| key).collect()
}

fn can_expect(kind: Kind, key: &str) -> bool {
    match key {
        "accept" | "set" | "unset" => matches!(kind, Kind::Mutate | Kind::Verdict),
        "deny" => matches!(kind, Kind::Verdict | Kind::Perform),
        "map" => kind == Kind::Map,
        "deprovision" => kind == Kind::Decide,
        "perform" => kind == Kind::Perform,
        _ => true,
    }
}

/// The fields that a `set` names, down to the values. An empty table is a value.
fn leaves<'v>(
    above: Option<&FieldPath>,
    members: impl Iterator<Item = (&'v String, &'v Value)>,
) -> Vec<(Result<FieldPath, String>, Value)> {
    let mut found = Vec::new();
    for (key, value) in members {
        let path = match FieldPath::parse(key) {
            Ok(path) => above.map_or_else(|| path.clone(), |above| above.join(&path)),
            Err(error) => {
                found.push((Err(error.to_string()), Value::Null));
                continue;
            }
        };
        match value {
            Value::Object(members) if !members.is_empty() => found.extend(leaves(Some(&path), Map::iter(members))),
            value => found.push((Ok(path), value.clone())),
        }
    }
    found
}
