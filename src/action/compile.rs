//! From `[[action]]` tables to an [`ActionSet`], every error at once.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use indexmap::IndexSet;

use super::capture::Capture;
use super::chain::Chain;
use super::grant::Grant;
use super::kind::{self, Keys};
use super::limits::Delivery;
use super::set::{ActionSet, Condition, Definition, EventActions};
use super::written::Written;
use super::{Context, view};
use crate::base::diagnostic::{Diagnostic, Diagnostics, Place};
use crate::base::many::OneOrMany;
use crate::base::tree::{Node, closest};
use crate::base::units::Span;
use crate::event::catalog::{self, Kind as EventKind};
use crate::event::{Decision, FieldPath};
use crate::expr::Type;

const TIMEOUT: Duration = Duration::from_secs(10);
const CONCURRENCY: u16 = 16;
const SECRET_TTL: Duration = Duration::from_secs(72 * 3600);
const MAX_ID_BYTES: usize = 64;

impl ActionSet {
    /// Compiles actions in order. Where a finding is an error the set is incomplete and must not be used.
    pub fn compile(entries: &[Node], context: &Context, findings: &mut Diagnostics) -> Self {
        let mut set = Self::default();
        let mut ids: HashMap<String, Place> = HashMap::new();
        let chain = Chain::read(entries);
        for entry in entries {
            let mut own = Diagnostics::default();
            // What can be read of an action is looked at even where a key of it is wrong, so that everything is said at once.
            if let Some(reading) = kind::read_table(entry, &mut own) {
                let is_whole = !own.has_errors();
                let raw = &reading.common;
                let mut written = Written {
                    entry: &reading.rest,
                    original: entry,
                    raw,
                    context,
                    specs: Vec::new(),
                    granted: Vec::new(),
                    timeout: raw.timeout.map_or(TIMEOUT, |timeout| timeout.0),
                    concurrency: usize::from(raw.concurrency.unwrap_or(CONCURRENCY)),
                    answers: chain.answers(&raw.id),
                    unknown: RefCell::default(),
                };
                chain.check(&raw.id, &mut own);
                let kind = reading.kind.as_ref().map(|(name, keys)| (*name, &**keys));
                let definition = written.definition(kind, &mut ids, (set.actions.len(), &mut set.events), &mut own);
                own.extend(written.unknown.into_inner().findings(&written.specs));
                if let Some(definition) = definition.filter(|_| is_whole) {
                    set.actions.push(definition);
                } else {
                    // Conditions name actions by their index.
                    for actions in &mut set.events {
                        actions.conditions.retain(|condition| condition.action < set.actions.len());
                    }
                }
            }
            // As one reads: from the top of the action.
            let mut own: Vec<Diagnostic> = own.into_iter().collect();
            own.sort_by_key(|finding| finding.place.as_ref().map(|place| place.span.start));
            findings.extend(own);
        }
        set.put_in_order(&chain.order());
        set
    }
}

impl Written<'_> {
    /// What the table means, where nothing is wrong with it.
    fn definition(
        &mut self,
        kind: Option<(&'static str, &dyn Keys)>,
        ids: &mut HashMap<String, Place>,
        (index, events): (usize, &mut Vec<EventActions>),
        findings: &mut Diagnostics,
    ) -> Option<Definition> {
        let raw = self.raw;
        self.check_id(ids, findings);
        self.find_specs(findings);
        self.check_events(findings);
        self.specs.retain(|spec| spec.kind != EventKind::Probe);
        self.find_granted(findings);
        let delivery = self.delivery(findings);
        self.conditions(index, events, findings);
        let capture = Arc::new(Capture::compile(self, findings));
        let (name, keys) = kind?;
        let plan = keys.compile(self, findings)?;
        Some(Definition {
            id: raw.id.as_str().into(),
            kind: name,
            events: self.specs.iter().map(|spec| spec.name).collect(),
            delivery,
            grant: Grant { fields: self.granted.clone(), ttl: raw.secret_ttl.map_or(SECRET_TTL, |ttl| ttl.0) },
            after: self.answers.iter().map(|(id, _)| (*id).into()).collect(),
            capture,
            plan,
        })
    }

    fn check_id(&self, ids: &mut HashMap<String, Place>, findings: &mut Diagnostics) {
        let id = &self.raw.id;
        let safe = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
        let place = self.place("id");
        if id.is_empty() || id.len() > MAX_ID_BYTES || !id.bytes().all(safe) {
            let message = format!("an action's id is 1 to {MAX_ID_BYTES} letters, digits, `-`, `_` and `.`");
            let finding = Diagnostic::error("action-id", message).at(place);
            findings.push(finding.hint("it names the action in the journal, in metrics and on the command line"));
        } else if let Some(first) = ids.get(id) {
            let message = format!("the id `{id}` is another action's");
            let finding = Diagnostic::error("action-id", message).at(place).related(first, "first used here");
            findings.push(finding.hint("ids are unique across all files"));
        } else {
            ids.insert(id.clone(), place.clone());
        }
    }

    /// The events that it follows, in the order written.
    fn find_specs(&mut self, findings: &mut Diagnostics) {
        let on = self.entry.get("on");
        for (index, name) in self.raw.on.iter().enumerate() {
            let node = on.and_then(|on| on.as_array().and_then(|items| items.get(index)).or(Some(on)));
            let place = node.map_or(&self.entry.place, |node| &node.place);
            match catalog::find(name) {
                Some(spec) if self.specs.contains(&spec) => {
                    findings.push(Diagnostic::warning("action-event", format!("`{name}` stands here twice")).at(place));
                }
                Some(spec) => self.specs.push(spec),
                None => {
                    let names: Vec<&str> = catalog::names().collect();
                    let finding = Diagnostic::error("action-event", format!("there is no event `{name}`")).at(place);
                    findings.push(match closest(name, &names) {
                        Some(near) => finding.hint(format!("did you mean `{near}`?")),
                        None => finding.hint(format!("events: {}", names.join(", "))),
                    });
                }
            }
        }
        if self.raw.on == OneOrMany::Many(Vec::new()) {
            findings.push(Diagnostic::error("action-event", "the action follows no event").at(self.place("on")));
        }
    }

    /// Whether an action may follow each of its events: what was only asked has not happened.
    fn check_events(&self, findings: &mut Diagnostics) {
        let only_refused = self.raw.decision.is_some();
        for spec in &self.specs {
            let name = spec.name;
            let refusable = Decision::Refuse(String::new()).fits(spec.kind);
            match spec.kind {
                EventKind::Probe => {
                    let message = format!("{name} asks only whether anybody is there: no action can follow it");
                    findings.push(Diagnostic::error("action-event", message).at(self.place("on")));
                }
                EventKind::Mutate | EventKind::Verdict | EventKind::Map if !only_refused => {
                    let message = format!("{name} asks about what may not happen: no action can follow it");
                    let hint = match spec.kind {
                        EventKind::Verdict => "add `decision = \"refused\"`, or follow the event that tells of it",
                        _ => "follow the event that tells that it has happened, such as postCreateUser",
                    };
                    findings.push(Diagnostic::error("action-event", message).at(self.place("on")).hint(hint));
                }
                _ if only_refused && !refusable => {
                    let message = format!("{name} is never refused, so that this action never follows it");
                    findings.push(Diagnostic::warning("action-event", message).at(self.place("decision")));
                }
                EventKind::Notice if name == "preProvision" => {
                    let message = format!("{name} tells of what is about to happen, and may yet not happen");
                    let finding = Diagnostic::warning("action-event", message).at(self.place("on"));
                    findings.push(finding.hint("postProvision tells how it went"));
                }
                EventKind::Mutate
                | EventKind::Verdict
                | EventKind::Map
                | EventKind::Decide
                | EventKind::Perform
                | EventKind::Notice => {}
            }
        }
    }

    /// The secret fields that it is given: each must be one of an event that it follows.
    fn find_granted(&mut self, findings: &mut Diagnostics) {
        let nodes = self.entry.get("secrets").and_then(Node::as_array).unwrap_or_default();
        for node in nodes {
            let text = node.as_str().unwrap_or_default();
            let path = match FieldPath::parse(text.strip_prefix("request.").unwrap_or(text)) {
                Ok(path) => path,
                Err(error) => {
                    findings.push(Diagnostic::error("action-secret", error.to_string()).at(&node.place));
                    continue;
                }
            };
            let known: Vec<FieldPath> = self.specs.iter().flat_map(|spec| self.context.secrets.of(spec)).collect();
            if known.contains(&path) {
                self.granted.push(path);
                continue;
            }
            let names: IndexSet<String> = known.iter().map(ToString::to_string).collect();
            let names: Vec<String> = names.into_iter().collect();
            let message = format!("`{text}` is no secret field of an event that the action follows");
            let finding = Diagnostic::error("action-secret", message).at(&node.place);
            findings.push(finding.hint(if names.is_empty() {
                "other fields are there without a grant".to_owned()
            } else {
                format!("secret fields: {}; others are there without a grant", names.join(", "))
            }));
        }
        if nodes.is_empty() && self.raw.secret_ttl.is_some() {
            let finding = Diagnostic::warning("action-secret", "`secret_ttl` is for actions with `secrets`");
            findings.push(finding.at(self.key_place("secret_ttl")));
        }
    }

    fn delivery(&self, findings: &mut Diagnostics) -> Delivery {
        let raw = self.raw;
        let mut refuse = |wrong: bool, key: &str, message: &str| {
            if wrong {
                findings.push(Diagnostic::error("action-limits", message).at(self.place(key)));
            }
        };
        let zero = Span(Duration::ZERO);
        refuse(self.timeout.is_zero(), "timeout", "an attempt takes some time");
        refuse(raw.concurrency == Some(0), "concurrency", "at least one attempt must be allowed at once");
        refuse(raw.retry.count == Some(0), "retry", "`count` must allow at least one attempt");
        refuse(raw.retry.first == zero || raw.retry.max_delay == zero, "retry", "a delay must be longer than nothing");
        refuse(raw.retry.first > raw.retry.max_delay, "retry", "`first` is longer than `max_delay`");
        refuse(raw.secret_ttl == Some(zero), "secret_ttl", "secret fields must be kept for some time");
        Delivery {
            order: raw.order,
            retry: raw.retry,
            timeout: self.timeout,
            concurrency: self.concurrency,
            rate: raw.rate,
        }
    }

    /// When it is wanted, for each of its events.
    fn conditions(&self, action: usize, events: &mut Vec<EventActions>, findings: &mut Diagnostics) {
        self.for_each_event(findings, |spec, findings| {
            let at = events.iter().position(|actions| actions.event == spec.name).unwrap_or_else(|| {
                let names = view::names_before(spec, self.context);
                events.push(EventActions { event: spec.name, names, conditions: Vec::new() });
                events.len() - 1
            });
            let when = match self.entry.get("when") {
                None => None,
                Some(node) => {
                    let when = events[at].names.compile(node, Type::Bool, findings);
                    self.note_unknown(&mut events[at].names);
                    Some(when?)
                }
            };
            let only_refused = self.raw.decision.is_some();
            events[at].conditions.push(Condition { action, when, only_refused });
            Some(())
        });
    }
}
