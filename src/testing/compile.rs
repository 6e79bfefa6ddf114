//! From `[[test]]` tables to a [`TestSet`], every error at once.

use std::collections::HashMap;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};

use super::case::InputError;
use super::raw::{Object, RawExpect, RawTest};
use super::{Expect, ExpectedChanges, Test, TestSet};
use crate::base::diagnostic::{Diagnostic, Diagnostics, Place};
use crate::base::json::Document;
use crate::base::tree::{self, Node, closest};
use crate::event::catalog::{self, Spec};
use crate::event::{FieldPath, Kind};
use crate::facts::{Answer, Fact, FactSource, Facts};

/// When the event of a test comes in that does not say when.
const NOW: &str = "2026-01-01T00:00:00Z";

/// What tests can speak of: the other lists of the configuration, as they are written.
#[derive(Clone, Copy, Debug, Default)]
pub struct Known<'a> {
    /// `[[rule]]`
    pub rules: &'a [Node],
    /// `[[action]]`
    pub actions: &'a [Node],
    /// `[[lookup]]`
    pub lookups: &'a [Node],
}

impl TestSet {
    /// Reads tests in order. Where a finding is an error the set is incomplete and must not be used.
    pub fn compile(entries: &[Node], known: &Known<'_>, findings: &mut Diagnostics) -> Self {
        let mut ids: HashMap<String, Place> = HashMap::new();
        let mut tests = Vec::new();
        for entry in entries {
            let mut own = Diagnostics::default();
            if let Some(salvaged) = tree::salvage::<RawTest>(entry, &mut own) {
                let written =
                    Written { entry: &salvaged.rest, raw: &salvaged.value, known, is_whole: !own.has_errors() };
                written.check_id(&mut ids, &mut own);
                tests.extend(written.test(&mut own));
            }
            // As one reads: from the top of the test.
            let mut said: Vec<Diagnostic> = own.into_iter().collect();
            said.sort_by_key(|finding| finding.place.as_ref().map(|place| place.span.start));
            findings.extend(said);
        }
        Self { tests }
    }

    /// Finds what is wrong with the files that tests name.
    pub fn check_files(&self, findings: &mut Diagnostics) {
        for test in self.tests.iter().filter(|test| test.file.is_some()) {
            if let Err(error) = test.event() {
                let message = format!("test `{}`: {error}", test.id);
                findings.push(Diagnostic::error("test-file", message).at(&test.place));
            }
        }
    }
}

/// A test as written, with its places.
struct Written<'a> {
    entry: &'a Node,
    raw: &'a RawTest,
    known: &'a Known<'a>,
    /// Whether nothing of it is missing because it was wrong.
    is_whole: bool,
}

impl Written<'_> {
    fn check_id(&self, ids: &mut HashMap<String, Place>, findings: &mut Diagnostics) {
        let place = self.place(&["id"]);
        if self.raw.id.trim().is_empty() {
            findings.push(Diagnostic::error("test-id", "a test's id cannot be empty").at(&place));
        } else if let Some(first) = ids.get(&self.raw.id) {
            let (line, _) = first.line_and_column();
            let message = format!("the id `{}` is another test's ({}:{line})", self.raw.id, first.source.name);
            findings.push(Diagnostic::error("test-id", message).at(&place).hint("ids are unique across all files"));
        } else {
            ids.insert(self.raw.id.clone(), place);
        }
    }

    fn test(&self, findings: &mut Diagnostics) -> Option<Test> {
        let errors = findings.errors();
        let raw = self.raw;
        let spec = self.spec(findings);
        let now = self.now(findings);
        let [request, user, token] =
            [("request", &raw.request), ("user", &raw.user), ("token", &raw.token)].map(|(key, object)| {
                self.check_object(key, object.as_ref(), findings);
                object.as_ref().map(|object| object.0.clone())
            });
        let facts = self.facts(now.unwrap_or_default(), findings);
        let expect = self.expect(spec, findings);
        let test = Test {
            id: raw.id.as_str().into(),
            place: self.place(&["id"]),
            spec: spec?,
            file: raw.file.clone(),
            request,
            user,
            token,
            now: now?,
            gives_now: raw.now.is_some(),
            facts,
            expect,
        };
        if findings.errors() > errors || !self.is_whole {
            return None;
        }
        // What a file holds is looked at when the test is run: a server needs no test's files.
        if let Some(Err(error)) = raw.file.is_none().then(|| test.event()) {
            let finding = Diagnostic::error("test-event", format!("test `{}`: {error}", raw.id));
            findings.push(match error {
                InputError::Shape(_) => {
                    finding.at(&self.place(&["event"])).hint("give a `user`, a `request` or a `file`")
                }
                InputError::File { .. } | InputError::Body { .. } => finding.at(&test.place),
            });
            return None;
        }
        Some(test)
    }

    fn spec(&self, findings: &mut Diagnostics) -> Option<&'static Spec> {
        let place = self.place(&["event"]);
        match catalog::find(&self.raw.event) {
            Some(spec) if spec.kind == Kind::Probe => {
                let message = format!("there is nothing to test of `{}`", spec.name);
                let hint = "no rule and no action can be on it";
                findings.push(Diagnostic::error("test-event", message).at(&place).hint(hint));
                None
            }
            Some(spec) => Some(spec),
            None => {
                let names: Vec<&str> = catalog::names().collect();
                findings.push(unknown("test-event", "event", &self.raw.event, &names).at(&place));
                None
            }
        }
    }

    fn now(&self, findings: &mut Diagnostics) -> Option<DateTime<Utc>> {
        let parsed = DateTime::parse_from_rfc3339(self.raw.now.as_deref().unwrap_or(NOW));
        if parsed.is_err() {
            let finding = Diagnostic::error("invalid-value", "`now`: expected a time").at(&self.place(&["now"]));
            findings.push(finding.hint(format!("for example \"{NOW}\"")));
        }
        parsed.ok().map(|time| time.to_utc())
    }

    fn check_object(&self, key: &str, object: Option<&Object>, findings: &mut Diagnostics) {
        let Some(object) = object else { return };
        let place = self.place(&[key]);
        match Document::parse(object.0.as_str()) {
            Ok(document) if document.root().is_object() => {}
            Ok(_) => {
                let message = format!("`{key}`: the JSON is no object");
                findings.push(Diagnostic::error("invalid-value", message).at(&place));
            }
            Err(error) => {
                let message = format!("`{key}`: {error}");
                findings.push(Diagnostic::error("invalid-value", message).at(&place));
            }
        }
    }

    fn facts(&self, now: DateTime<Utc>, findings: &mut Diagnostics) -> Facts {
        let mut facts = Vec::new();
        for (id, fact) in &self.raw.lookup {
            let place = self.place(&["lookup", id]);
            check_named("test-lookup", "lookup", id, self.known.lookups, &place, findings);
            let answer = match (fact.0.found, &fact.0.value, &fact.0.error) {
                (None, None, Some(error)) => Err(error.clone()),
                (Some(found), value, None) if found || value.is_none() => {
                    Ok(Answer { found, value: value.clone().unwrap_or(Value::Null) })
                }
                (None, Some(value), None) => Ok(Answer::found(value.clone())),
                _ => {
                    let message = format!("`lookup.{id}` says neither what was found nor that it failed");
                    let hint = "`{ found = true, value = … }`, `{ found = false }` or `{ error = \"…\" }`";
                    findings.push(Diagnostic::error("test-lookup", message).at(&place).hint(hint));
                    continue;
                }
            };
            let lookup = id.as_str().into();
            facts.push(Fact { lookup, answer, source: FactSource::Given, as_of: now, took: Duration::ZERO });
        }
        // As the server has them: in the order in which lookups are declared.
        let ids: Vec<&str> = ids(self.known.lookups).collect();
        facts.sort_by_key(|fact| ids.iter().position(|id| *id == &*fact.lookup));
        facts.into_iter().collect()
    }

    fn expect(&self, spec: Option<&'static Spec>, findings: &mut Diagnostics) -> Expect {
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
        for id in raw.actions.iter().flatten() {
            let place = self.place(&["expect", "actions"]);
            check_named("test-action", "action", id, self.known.actions, &place, findings);
        }
        Expect {
            accept: raw.accept,
            deny: raw.deny.clone(),
            changes: self.changes(findings),
            map: raw.map.clone(),
            deprovision: raw.deprovision,
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
            let hint = "one of: accept, deny, set, unset, map, deprovision, actions, rule, erred, shadow";
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

    /// The place of what stands at these keys, or of the nearest that is there.
    fn place(&self, keys: &[&str]) -> Place {
        let mut node = self.entry;
        for key in keys {
            match node.get(key) {
                Some(next) => node = next,
                None => break,
            }
        }
        node.place.clone()
    }
}

/// Whether a list of the configuration has such an entry; if not, that is said.
fn check_named(
    code: &'static str,
    noun: &str,
    id: &str,
    entries: &[Node],
    place: &Place,
    findings: &mut Diagnostics,
) -> bool {
    let ids: Vec<&str> = ids(entries).collect();
    let found = ids.contains(&id);
    if !found {
        findings.push(unknown(code, noun, id, &ids).at(place));
    }
    found
}

const OUTCOMES: [&str; 6] = ["accept", "deny", "set", "unset", "map", "deprovision"];

/// The outcomes that are expected.
fn outcomes(raw: &RawExpect) -> Vec<&'static str> {
    let written = [
        raw.accept.is_some(),
        raw.deny.is_some(),
        raw.set.is_some(),
        raw.unset.is_some(),
        raw.map.is_some(),
        raw.deprovision.is_some(),
    ];
    OUTCOMES.into_iter().zip(written).filter(|(_, written)| *written).map(|(key, _)| key).collect()
}

fn can_expect(kind: Kind, key: &str) -> bool {
    match key {
        "accept" | "set" | "unset" => matches!(kind, Kind::Mutate | Kind::Verdict),
        "deny" => kind == Kind::Verdict,
        "map" => kind == Kind::Map,
        "deprovision" => kind == Kind::Decide,
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

/// The ids of a list's entries.
fn ids(entries: &[Node]) -> impl Iterator<Item = &str> {
    entries.iter().filter_map(|entry| entry.get("id").and_then(Node::as_str))
}

fn unknown(code: &'static str, noun: &str, id: &str, known: &[&str]) -> Diagnostic {
    let finding = Diagnostic::error(code, format!("there is no {noun} `{id}`"));
    match closest(id, known) {
        Some(near) => finding.hint(format!("did you mean `{near}`?")),
        None if known.is_empty() => finding.hint(format!("this configuration has no {noun}s")),
        None if known.len() <= 12 => finding.hint(format!("{noun}s: {}", known.join(", "))),
        None => finding,
    }
}
