//! From `[[test]]` tables to a [`TestSet`], every error at once.

use std::collections::HashMap;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::case::InputError;
use super::raw::{Object, RawTest};
use super::{Test, TestSet};
use crate::base::diagnostic::{Diagnostic, Diagnostics, Place};
use crate::base::json::Document;
use crate::base::tree::{self, Node, closest};
use crate::event::Kind;
use crate::event::catalog::{self, Spec};
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
pub(super) struct Written<'a> {
    entry: &'a Node,
    pub(super) raw: &'a RawTest,
    pub(super) known: &'a Known<'a>,
    /// Whether nothing of it is missing because it was wrong.
    pub(super) is_whole: bool,
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

    /// The place of what stands at these keys, or of the nearest that is there.
    pub(super) fn place(&self, keys: &[&str]) -> Place {
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
pub(super) fn check_named(
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
