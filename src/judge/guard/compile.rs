//! From `[[guard]]` tables to a [`GuardSet`], every error at once.

use std::collections::HashMap;
use std::time::Duration;

use super::{Guard, GuardSet, Max, RawGuard};
use crate::base::diagnostic::{Diagnostic, Diagnostics, Place};
use crate::base::tree::{self, Node, closest};
use crate::base::units::Span;
use crate::event::catalog::{self, Kind, Spec};

const RELEASE_FOR: Duration = Duration::from_secs(24 * 3600);
const MAX_ID_BYTES: usize = 64;
/// Each of them is kept in memory.
const MOST_PERSONS: usize = 1_000_000;
const SHORTEST: Duration = Duration::from_secs(1);
/// A start looks back so far into the journal.
const LONGEST: Duration = Duration::from_secs(24 * 3600);
const LONGEST_RELEASE: Duration = Duration::from_secs(90 * 24 * 3600);

impl GuardSet {
    /// Compiles guards in order. Where a finding is an error the set is incomplete and must not be used.
    pub fn compile(entries: &[Node], findings: &mut Diagnostics) -> Self {
        let mut set = Self::default();
        let mut ids: HashMap<String, Place> = HashMap::new();
        for entry in entries {
            let mut own = Diagnostics::default();
            if let Some(salvaged) = tree::salvage::<RawGuard>(entry, &mut own) {
                let written = Written { entry: &salvaged.rest, raw: &salvaged.value };
                written.check_id(&mut ids, &mut own);
                let events = written.events(&mut own);
                written.check_numbers(&mut own);
                set.guards.push(written.guard(events));
            }
            // As one reads: from the top of the guard.
            let mut own: Vec<Diagnostic> = own.into_iter().collect();
            own.sort_by_key(|finding| finding.place.as_ref().map(|place| place.span.start));
            findings.extend(own);
        }
        set
    }
}

/// A guard as written, with its places.
struct Written<'a> {
    entry: &'a Node,
    raw: &'a RawGuard,
}

impl Written<'_> {
    fn guard(&self, events: Vec<&'static str>) -> Guard {
        let raw = self.raw;
        Guard {
            id: raw.id.as_str().into(),
            events,
            max: raw.max.0,
            per: raw.per.0,
            release_for: raw.release_for.map_or(RELEASE_FOR, |span| span.0),
        }
    }

    fn place(&self, key: &str) -> &Place {
        self.entry.get(key).map_or(&self.entry.place, |node| &node.place)
    }

    fn check_id(&self, ids: &mut HashMap<String, Place>, findings: &mut Diagnostics) {
        let id = &self.raw.id;
        let safe = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
        let place = self.place("id");
        if id.is_empty() || id.len() > MAX_ID_BYTES || !id.bytes().all(safe) {
            let message = format!("a guard's id is 1 to {MAX_ID_BYTES} letters, digits, `-`, `_` and `.`");
            let finding = Diagnostic::error("guard-id", message).at(place);
            findings.push(finding.hint("it names the guard in the journal, in metrics and on the command line"));
        } else if let Some(first) = ids.get(id) {
            let message = format!("the id `{id}` is another guard's");
            let finding = Diagnostic::error("guard-id", message).at(place).related(first, "first used here");
            findings.push(finding.hint("ids are unique across all files"));
        } else {
            ids.insert(id.clone(), place.clone());
        }
    }

    /// The events that it guards.
    fn events(&self, findings: &mut Diagnostics) -> Vec<&'static str> {
        let on = self.entry.get("on");
        let mut events: Vec<&'static str> = Vec::new();
        let mut named = 0;
        for (index, name) in self.raw.on.iter().enumerate() {
            named += 1;
            let node = on.and_then(|on| on.as_array().and_then(|items| items.get(index)).or(Some(on)));
            let place = node.map_or(&self.entry.place, |node| &node.place);
            let Some(spec) = catalog::find(name) else {
                findings.push(unknown(name).at(place));
                continue;
            };
            if matches!(spec.kind, Kind::Notice | Kind::Probe) {
                let message = format!("{} wants no answer, so that a guard has nothing to hold back", spec.name);
                let finding = Diagnostic::error("guard-event", message).at(place);
                findings.push(finding.hint(format!("events with an answer: {}", names(answered).join(", "))));
            } else if events.contains(&spec.name) {
                findings.push(Diagnostic::warning("guard-event", format!("`{name}` stands here twice")).at(place));
            } else {
                events.push(spec.name);
            }
        }
        if named == 0 {
            findings.push(Diagnostic::error("guard-event", "the guard is on no event").at(self.place("on")));
        }
        events
    }

    fn check_numbers(&self, findings: &mut Diagnostics) {
        let mut wrong = |key: &str, message: String, hint: &str| {
            let finding = Diagnostic::error("guard-limit", message).at(self.place(key));
            findings.push(finding.hint(hint));
        };
        match self.raw.max.0 {
            Max::Persons(0) | Max::Share(0) => wrong(
                "max",
                "a guard with room for nobody would answer everybody neutrally".to_owned(),
                "take the rule away, or make it a shadow",
            ),
            Max::Persons(persons) if persons > MOST_PERSONS => {
                wrong("max", format!("a guard counts at most {MOST_PERSONS} persons"), "take a smaller number");
            }
            Max::Share(share) if share > 10_000 => {
                wrong("max", "a share is at most 100%".to_owned(), "for example \"2%\"");
            }
            Max::Persons(_) | Max::Share(_) => {}
        }
        let between = |span: Duration, least: Duration, most: Duration| span >= least && span <= most;
        if !between(self.raw.per.0, SHORTEST, LONGEST) {
            let message = format!("`per` is between {} and {}", Span(SHORTEST), Span(LONGEST));
            wrong("per", message, "for example \"10m\"");
        }
        if self.raw.release_for.is_some_and(|span| !between(span.0, SHORTEST, LONGEST_RELEASE)) {
            let message = format!("`release_for` is between {} and {}", Span(SHORTEST), Span(LONGEST_RELEASE));
            wrong("release_for", message, "for example \"24h\"");
        }
    }
}

fn answered(spec: &Spec) -> bool {
    !matches!(spec.kind, Kind::Notice | Kind::Probe)
}

fn names(which: impl Fn(&Spec) -> bool) -> Vec<&'static str> {
    catalog::events().filter(|spec| which(spec)).map(|spec| spec.name).collect()
}

fn unknown(name: &str) -> Diagnostic {
    let finding = Diagnostic::error("guard-event", format!("there is no event `{name}`"));
    match closest(name, &names(|_| true)) {
        Some(near) => finding.hint(format!("did you mean `{near}`?")),
        None => finding.hint(format!("events: {}", names(answered).join(", "))),
    }
}
