//! From `[[lookup]]` tables to a [`LookupSet`], every error at once.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use super::asking::Asking;
use super::frame::Terms;
use super::raw::RawLookup;
use super::set::{Definition, LookupSet, Plan};
use super::{Context, csv, directory, http, sql};
use crate::base::diagnostic::{Diagnostic, Diagnostics, Place};
use crate::base::tree::{self, Node, closest};
use crate::event::FieldPath;
use crate::event::catalog::{self, Spec};
use crate::scope::{Names, UnknownFields};

/// A kind of lookup, and the keys that are its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Csv,
    Directory,
    Http,
    Sql,
}

const KINDS: [(&str, Kind, &[&str]); 4] = [
    ("csv", Kind::Csv, &["file", "key", "match", "delimiter", "size_limit"]),
    ("directory", Kind::Directory, &["match", "except", "reserve", "return"]),
    (
        "http",
        Kind::Http,
        &[
            "url",
            "method",
            "headers",
            "body",
            "value",
            "not_found",
            "tls",
            "proxy",
            "allow_private",
            "allow",
            "size_limit",
        ],
    ),
    ("sql", Kind::Sql, &["url", "query", "params", "tls"]),
];

const TIMEOUT: Duration = Duration::from_millis(300);
const ENTRIES: u32 = 10_000;
const CONCURRENCY: u16 = 16;
const MAX_ID_BYTES: usize = 64;
/// A lookup that nothing names is checked on this event.
const USUAL: &str = "validateUser";

/// A lookup as written, with its places and the events on which something names it.
pub(super) struct Written<'a> {
    /// Without the values that could not be read.
    pub(super) entry: &'a Node,
    /// With them.
    original: &'a Node,
    pub(super) raw: &'a RawLookup,
    pub(super) context: &'a Context,
    specs: Vec<&'static Spec>,
    /// The fields that its expressions name and that nobody has listed.
    unknown: RefCell<UnknownFields>,
}

/// The ids of these tables, as far as rules can name them. What is wrong with the others is said when they are compiled.
pub fn ids(entries: &[Node]) -> Vec<Arc<str>> {
    let mut ids: Vec<Arc<str>> = Vec::new();
    for id in entries.iter().filter_map(|entry| entry.get("id")?.as_str()).filter(|id| is_id(id)) {
        if ids.iter().all(|known| **known != *id) {
            ids.push(id.into());
        }
    }
    ids
}

fn is_id(id: &str) -> bool {
    id.len() <= MAX_ID_BYTES
        && id.starts_with(|first: char| first.is_ascii_lowercase())
        && id.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
}

impl LookupSet {
    /// Compiles lookups in order. Where a finding is an error the set is incomplete and must not be used.
    pub fn compile(entries: &[Node], context: &Context, findings: &mut Diagnostics) -> Self {
        let mut set = Self::default();
        let mut ids: HashMap<String, Place> = HashMap::new();
        for entry in entries {
            let mut own = Diagnostics::default();
            // What can be read of a lookup is looked at even where a key of it is wrong, so that everything is said at once.
            if let Some(salvaged) = tree::salvage::<RawLookup>(entry, &mut own) {
                let raw = &salvaged.value;
                let mut written = Written {
                    entry: &salvaged.rest,
                    original: entry,
                    raw,
                    context,
                    specs: Vec::new(),
                    unknown: RefCell::default(),
                };
                let definition = written.definition(&mut ids, &mut own);
                own.extend(written.unknown.into_inner().findings(&written.specs));
                set.lookups.extend(definition.filter(|_| !own.has_errors()).map(Arc::new));
            }
            // As one reads: from the top of the lookup.
            let mut own: Vec<Diagnostic> = own.into_iter().collect();
            own.sort_by_key(|finding| finding.place.as_ref().map(|place| place.span.start));
            findings.extend(own);
        }
        set
    }
}

impl Written<'_> {
    /// What the table means, where nothing is wrong with it.
    fn definition(&mut self, ids: &mut HashMap<String, Place>, findings: &mut Diagnostics) -> Option<Definition> {
        self.check_id(ids, findings);
        let kind = self.kind(findings);
        let terms = self.terms(findings);
        let named = self.context.uses.iter().filter(|(_, ids)| ids.iter().any(|id| **id == *self.raw.id));
        self.specs = named.filter_map(|(event, _)| catalog::find(event)).collect();
        let used = !self.specs.is_empty();
        if !used {
            self.specs.extend(catalog::find(USUAL));
        }
        if !used && is_id(&self.raw.id) {
            let message = format!("no rule and no action names `lookup.{}`: it is never asked", self.raw.id);
            findings.push(Diagnostic::warning("lookup-unused", message).at(self.place("id")));
        }
        let (mut askings, plan) = match kind? {
            Kind::Csv => {
                let (askings, plan) = csv::Plan::compile(self, findings)?;
                (askings, Plan::Csv(plan))
            }
            Kind::Directory => {
                let (askings, plan) = directory::Plan::compile(self, findings)?;
                (askings, Plan::Directory(Arc::new(plan)))
            }
            Kind::Http => {
                let (askings, plan) = http::Plan::compile(self, terms, findings)?;
                (askings, Plan::Http(plan))
            }
            Kind::Sql => {
                let (askings, plan) = sql::Plan::compile(self, terms, findings)?;
                (askings, Plan::Sql(plan))
            }
        };
        askings.retain(|_| used);
        let written = self.original.to_json();
        Some(Definition { id: self.raw.id.as_str().into(), terms, written, askings, plan })
    }

    /// Whether a field of the person is a secret one, has one in it, or lies in one.
    pub(super) fn is_secret(&self, path: &FieldPath) -> bool {
        let user = FieldPath::of(&["user".to_owned()]).join(path);
        let secrets = self.specs.iter().flat_map(|spec| self.context.secrets.of(spec));
        secrets.into_iter().any(|secret| secret.covers(&user) || user.covers(&secret))
    }

    /// Whether a key is there at all, right or wrong.
    pub(super) fn has(&self, key: &str) -> bool {
        self.original.get(key).is_some()
    }

    /// The place of a key's value, or of the whole table.
    pub(super) fn place(&self, key: &str) -> &Place {
        self.entry.get(key).map_or(&self.entry.place, |node| &node.place)
    }

    /// The place of a key itself, or of the whole table.
    pub(super) fn key_place(&self, key: &str) -> &Place {
        self.entry.entry(key).map_or(&self.entry.place, |entry| &entry.key)
    }

    /// That a key is missing without which this kind is nothing.
    pub(super) fn missing(&self, key: &str, example: &str, findings: &mut Diagnostics) {
        if !self.has(key) {
            let message = format!("a lookup of type {} takes a `{key}`", self.raw.kind);
            findings.push(Diagnostic::error("lookup-key", message).at(self.place("type")).hint(example));
        }
    }

    fn check_id(&self, ids: &mut HashMap<String, Place>, findings: &mut Diagnostics) {
        let id = &self.raw.id;
        let place = self.place("id");
        if !is_id(id) {
            let message = "a lookup's id is a small letter, then small letters, digits and `_`";
            let finding = Diagnostic::error("lookup-id", message).at(place);
            findings.push(finding.hint("rules name it: `lookup.same_mobile.found`"));
        } else if let Some(first) = ids.get(id) {
            let message = format!("the id `{id}` is another lookup's");
            let finding = Diagnostic::error("lookup-id", message).at(place).related(first, "first used here");
            findings.push(finding.hint("ids are unique across all files"));
        } else {
            ids.insert(id.clone(), place.clone());
        }
    }

    /// The kind, and whether each key is one of it.
    fn kind(&self, findings: &mut Diagnostics) -> Option<Kind> {
        let name = self.raw.kind.as_str();
        let names: Vec<&str> = KINDS.iter().map(|(name, ..)| *name).collect();
        let Some((_, kind, own)) = KINDS.iter().find(|(known, ..)| *known == name) else {
            let finding = Diagnostic::error("lookup-type", "there is no such type of lookup").at(self.place("type"));
            findings.push(match closest(name, &names) {
                Some(near) => finding.hint(format!("did you mean `{near}`?")),
                None => finding.hint(format!("types: {}", names.join(", "))),
            });
            return None;
        };
        for (key, entry) in self.entry.as_table().into_iter().flatten() {
            let owners: Vec<&str> =
                KINDS.iter().filter(|(.., keys)| keys.contains(&key.as_str())).map(|(name, ..)| *name).collect();
            if !owners.is_empty() && !own.contains(&key.as_str()) {
                let message = format!("`{key}` is no key of a lookup of type {name}");
                let finding = Diagnostic::error("lookup-key", message).at(&entry.key);
                findings.push(finding.hint(format!("it is one of type {}", owners.join(" or "))));
            }
        }
        Some(*kind)
    }

    /// How it is asked.
    fn terms(&self, findings: &mut Diagnostics) -> Terms {
        let raw = self.raw;
        let mut refuse = |wrong: bool, key: &str, message: &str| {
            if wrong {
                findings.push(Diagnostic::error("lookup-limits", message).at(self.place(key)));
            }
        };
        let timeout = raw.timeout.map_or(TIMEOUT, |timeout| timeout.0);
        refuse(timeout.is_zero(), "timeout", "a fetch takes some time");
        refuse(raw.concurrency == Some(0), "concurrency", "at least one fetch must be allowed at once");
        refuse(raw.cache_entries == Some(0), "cache_entries", "leave `cache` out where nothing is to be kept");
        let keeps = raw.cache.is_some() || raw.stale_for.is_some();
        if raw.cache_entries.is_some() && !keeps {
            let finding = Diagnostic::warning("lookup-limits", "without `cache` or `stale_for` no answer is kept");
            findings.push(finding.at(self.key_place("cache_entries")));
        }
        Terms {
            timeout,
            cache: raw.cache.map_or(Duration::ZERO, |cache| cache.0),
            stale_for: raw.stale_for.map_or(Duration::ZERO, |time| time.0),
            entries: raw.cache_entries.unwrap_or(ENTRIES) as usize,
            concurrency: usize::from(raw.concurrency.unwrap_or(CONCURRENCY)),
        }
    }

    /// What is asked for each event: `make` adds the parameters. What it finds wrong with several events is said once.
    pub(super) fn askings(
        &self,
        findings: &mut Diagnostics,
        mut make: impl FnMut(&mut Asking, &mut Diagnostics) -> Option<()>,
    ) -> Vec<Asking> {
        let mut said: Vec<Diagnostic> = Vec::new();
        let mut askings = Vec::new();
        for spec in &self.specs {
            let mut own = Diagnostics::default();
            let names = Names::new(spec, &self.context.secrets, &self.context.attributes);
            let names = names.noting(self.context.prices.as_ref());
            let mut asking = Asking::new(spec, names);
            let made = make(&mut asking, &mut own);
            for (field, place) in asking.names().take_unknown() {
                self.unknown.borrow_mut().add(field, &place, spec);
            }
            askings.extend(made.map(|()| asking));
            for finding in own {
                // Hints may differ, by the names that each event has.
                if !said.iter().any(|known| known.message == finding.message && known.place == finding.place) {
                    said.push(finding);
                }
            }
        }
        findings.extend(said);
        askings
    }
}
