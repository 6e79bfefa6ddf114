//! From `[[action]]` tables to an [`ActionSet`], every error at once.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use indexmap::IndexSet;

use super::grant::Grant;
use super::limits::Delivery;
use super::raw::RawAction;
use super::set::{ActionSet, Condition, Definition, EventActions, Plan};
use super::{Context, command, http, log, view};
use crate::base::diagnostic::{Diagnostic, Diagnostics, Place};
use crate::base::many::OneOrMany;
use crate::base::tree::{self, Node, closest};
use crate::base::units::Span;
use crate::event::catalog::{self, Kind as EventKind, Spec};
use crate::event::{Decision, FieldPath};
use crate::expr::Type;
use crate::scope::{Names, UnknownFields};

/// A type of action, and the keys that are its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Http,
    Command,
    Log,
}

const KINDS: [(&str, Kind, &[&str]); 3] = [
    (
        "http",
        Kind::Http,
        &[
            "url",
            "method",
            "headers",
            "body",
            "text",
            "content_type",
            "format",
            "sign",
            "tls",
            "proxy",
            "allow_private",
            "allow",
            "done",
            "secrets",
            "secret_ttl",
        ],
    ),
    ("command", Kind::Command, &["argv", "env", "dir", "done", "dead", "secrets", "secret_ttl"]),
    ("log", Kind::Log, &["message", "level"]),
];

/// Types that the documents speak of and this version does not have.
const LATER: [&str; 7] = ["sql", "email", "scim", "nats", "idhub", "optimalcloud", "cymmetri"];

const TIMEOUT: Duration = Duration::from_secs(10);
const CONCURRENCY: u16 = 16;
const SECRET_TTL: Duration = Duration::from_secs(72 * 3600);
const MAX_ID_BYTES: usize = 64;

/// An action as written, with its places, the events that it follows, and the secret fields that it is given.
pub(super) struct Written<'a> {
    /// Without the values that could not be read.
    pub(super) entry: &'a Node,
    /// With them.
    original: &'a Node,
    pub(super) raw: &'a RawAction,
    pub(super) context: &'a Context,
    pub(super) specs: Vec<&'static Spec>,
    pub(super) granted: Vec<FieldPath>,
    pub(super) timeout: Duration,
    /// The fields that its expressions name and that nobody has listed.
    unknown: RefCell<UnknownFields>,
}

impl ActionSet {
    /// Compiles actions in order. Where a finding is an error the set is incomplete and must not be used.
    pub fn compile(entries: &[Node], context: &Context, findings: &mut Diagnostics) -> Self {
        let mut set = Self::default();
        let mut ids: HashMap<String, Place> = HashMap::new();
        for entry in entries {
            let mut own = Diagnostics::default();
            // What can be read of an action is looked at even where a key of it is wrong, so that everything is said at once.
            if let Some(salvaged) = tree::salvage::<RawAction>(entry, &mut own) {
                let is_whole = !own.has_errors();
                let raw = &salvaged.value;
                let mut written = Written {
                    entry: &salvaged.rest,
                    original: entry,
                    raw,
                    context,
                    specs: Vec::new(),
                    granted: Vec::new(),
                    timeout: raw.timeout.map_or(TIMEOUT, |timeout| timeout.0),
                    unknown: RefCell::default(),
                };
                let definition = written.definition(&mut ids, set.actions.len(), &mut set.events, &mut own);
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
        set
    }
}

impl Written<'_> {
    /// What the table means, where nothing is wrong with it.
    fn definition(
        &mut self,
        ids: &mut HashMap<String, Place>,
        index: usize,
        events: &mut Vec<EventActions>,
        findings: &mut Diagnostics,
    ) -> Option<Definition> {
        let raw = self.raw;
        self.check_id(ids, findings);
        let kind = self.kind(findings);
        self.find_specs(findings);
        self.check_events(findings);
        self.specs.retain(|spec| spec.kind != EventKind::Probe);
        self.find_granted(findings);
        let delivery = self.delivery(findings);
        self.conditions(index, events, findings);
        let (name, kind) = kind?;
        let plan = match kind {
            Kind::Http => Plan::Http(Arc::new(http::Plan::compile(self, findings)?)),
            Kind::Command => Plan::Command(Arc::new(command::Plan::compile(self, findings)?)),
            Kind::Log => Plan::Log(Arc::new(log::Plan::compile(self, findings)?)),
        };
        Some(Definition {
            id: raw.id.as_str().into(),
            kind: name,
            events: self.specs.iter().map(|spec| spec.name).collect(),
            delivery,
            grant: Grant { fields: self.granted.clone(), ttl: raw.secret_ttl.map_or(SECRET_TTL, |ttl| ttl.0) },
            plan,
        })
    }

    /// Whether a key is there at all, right or wrong.
    pub(super) fn has(&self, key: &str) -> bool {
        self.original.get(key).is_some()
    }

    /// Keeps the fields in mind that were named and that nobody has listed.
    pub(super) fn note_unknown(&self, names: &mut Names) {
        for (field, place) in names.take_unknown() {
            self.unknown.borrow_mut().add(field, &place, names.spec());
        }
    }

    /// The place of a key's value, or of the whole table.
    pub(super) fn place(&self, key: &str) -> &Place {
        self.entry.get(key).map_or(&self.entry.place, |node| &node.place)
    }

    /// The place of a key itself, or of the whole table.
    pub(super) fn key_place(&self, key: &str) -> &Place {
        self.entry.entry(key).map_or(&self.entry.place, |entry| &entry.key)
    }

    /// The granted fields that are secret fields of an event.
    pub(super) fn granted_on(&self, spec: &Spec) -> Vec<FieldPath> {
        let secrets = self.context.secrets.of(spec);
        self.granted.iter().filter(|granted| secrets.contains(granted)).cloned().collect()
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

    /// The type, and whether each key is one of it.
    fn kind(&self, findings: &mut Diagnostics) -> Option<(&'static str, Kind)> {
        let name = self.raw.kind.as_str();
        let names: Vec<&str> = KINDS.iter().map(|(name, ..)| *name).collect();
        let Some((known, kind, own)) = KINDS.iter().find(|(known, ..)| *known == name) else {
            let finding = if LATER.contains(&name) {
                let message = format!("actions of type `{name}` are not in this version");
                Diagnostic::error("action-type", message).hint(format!("types: {}", names.join(", ")))
            } else {
                let finding = Diagnostic::error("action-type", "there is no such type of action");
                match closest(name, &names) {
                    Some(near) => finding.hint(format!("did you mean `{near}`?")),
                    None => finding.hint(format!("types: {}", names.join(", "))),
                }
            };
            findings.push(finding.at(self.place("type")));
            return None;
        };
        for (key, entry) in self.entry.as_table().into_iter().flatten() {
            let owners: Vec<&str> =
                KINDS.iter().filter(|(.., keys)| keys.contains(&key.as_str())).map(|(name, ..)| *name).collect();
            if !owners.is_empty() && !own.contains(&key.as_str()) {
                let message = format!("`{key}` is no key of an action of type {name}");
                let finding = Diagnostic::error("action-key", message).at(&entry.key);
                findings.push(finding.hint(format!("it is one of type {}", owners.join(" or "))));
            }
        }
        Some((known, *kind))
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
                EventKind::Mutate | EventKind::Verdict | EventKind::Map | EventKind::Decide | EventKind::Notice => {}
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
            concurrency: usize::from(raw.concurrency.unwrap_or(CONCURRENCY)),
            rate: raw.rate,
        }
    }

    /// When it is wanted, for each of its events.
    fn conditions(&self, action: usize, events: &mut Vec<EventActions>, findings: &mut Diagnostics) {
        self.for_each_event(findings, |spec, findings| {
            let at = events.iter().position(|actions| actions.event == spec.name).unwrap_or_else(|| {
                let names = view::names(spec, self.context, &[]);
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

    /// What `make` makes for each event. What it finds wrong with several events is said once.
    pub(super) fn for_each_event<T>(
        &self,
        findings: &mut Diagnostics,
        mut make: impl FnMut(&'static Spec, &mut Diagnostics) -> Option<T>,
    ) -> Vec<(&'static str, T)> {
        let mut said: Vec<Diagnostic> = Vec::new();
        let mut made = Vec::new();
        for spec in &self.specs {
            let mut own = Diagnostics::default();
            made.extend(make(spec, &mut own).map(|made| (spec.name, made)));
            for finding in own {
                // Hints may differ, by the names that each event has.
                if !said.iter().any(|known| known.message == finding.message && known.place == finding.place) {
                    said.push(finding);
                }
            }
        }
        findings.extend(said);
        made
    }
}
