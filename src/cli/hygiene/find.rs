//! From what was counted to what is worth saying.

use std::collections::BTreeMap;

use crate::retrial::{Census, Court, Drift, Drifted, RuleCount};
use crate::rules::Reads;

/// Of fewer events nothing is said of a rule.
const ENOUGH: u64 = 10;

/// What was found.
#[derive(Debug, Default)]
pub(super) struct Findings {
    pub(super) rules: Vec<(String, RuleFinding, RuleCount)>,
    /// A rule reads a field of an event that does not arrive any more, or never did.
    pub(super) reads: Vec<Unread>,
    pub(super) drifts: Vec<(&'static str, Drift)>,
}

/// What is to be said of a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RuleFinding {
    Never,
    Always,
    Shadowed,
    Errs,
}

/// A field that a rule reads in vain.
#[derive(Debug)]
pub(super) struct Unread {
    pub(super) rule: String,
    pub(super) event: &'static str,
    pub(super) field: String,
    /// Whether it once came.
    pub(super) stopped: bool,
}

impl Findings {
    pub(super) fn is_empty(&self) -> bool {
        self.rules.is_empty() && self.reads.is_empty() && self.drifts.is_empty()
    }
}

impl RuleFinding {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Never => "never_holds",
            Self::Always => "always_holds",
            Self::Shadowed => "shadowed",
            Self::Errs => "errs",
        }
    }

    pub(super) fn words(self) -> &'static str {
        match self {
            Self::Never => "never holds",
            Self::Always => "always holds",
            Self::Shadowed => "shadowed: whenever it would hold, a rule before it has settled the matter",
            Self::Errs => "errs on every event",
        }
    }
}

pub(super) fn findings(census: &Census, court: &Court, reads: &[Reads]) -> Findings {
    let drifts = drifts(census);
    Findings { rules: rules(census, court), reads: unread(census, reads, &drifts), drifts }
}

/// A rule on several events is one rule.
fn rules(census: &Census, court: &Court) -> Vec<(String, RuleFinding, RuleCount)> {
    let mut counts: BTreeMap<&str, (RuleCount, bool)> = BTreeMap::new();
    let mut order: Vec<&str> = Vec::new();
    for (event, _) in court.rules().events() {
        for (index, rule) in court.rules().outlines().filter(|rule| rule.event == event).enumerate() {
            if !counts.contains_key(&**rule.id) {
                order.push(rule.id);
            }
            let (count, conditional) = counts.entry(rule.id).or_default();
            *conditional |= rule.conditional;
            if let Some(more) = census.rules.get(&(event, index)) {
                count.events += more.events;
                count.held += more.held;
                count.shadowed += more.shadowed;
                count.erred += more.erred;
            }
        }
    }
    let told = order.into_iter().filter_map(|rule| {
        let (count, conditional) = counts[rule];
        let finding = match count {
            RuleCount { events, .. } if events < ENOUGH => None,
            RuleCount { held: 0, shadowed: 1.., .. } => Some(RuleFinding::Shadowed),
            RuleCount { events, erred, .. } if erred == events => Some(RuleFinding::Errs),
            RuleCount { held: 0, shadowed: 0, .. } => Some(RuleFinding::Never),
            // One without a condition is meant to.
            RuleCount { events, held, shadowed, .. } if conditional && held + shadowed == events => {
                Some(RuleFinding::Always)
            }
            RuleCount { .. } => None,
        };
        finding.map(|finding| (rule.to_owned(), finding, count))
    });
    told.collect()
}

fn drifts(census: &Census) -> Vec<(&'static str, Drift)> {
    let mut found = Vec::new();
    for (event, before) in &census.before {
        let late = census.late.get(event);
        found.extend(late.into_iter().flat_map(|late| Drift::between(before, late)).map(|drift| (*event, drift)));
    }
    found
}

fn unread(census: &Census, reads: &[Reads], drifts: &[(&'static str, Drift)]) -> Vec<Unread> {
    let mut found = Vec::new();
    for Reads { rule, event, paths } in reads {
        let seen = [&census.before, &census.late].map(|part| part.get(event));
        let events: u64 = seen.iter().flatten().map(|fields| fields.events).sum();
        let mut fields: Vec<String> = paths.iter().filter_map(|path| field(path)).collect();
        fields.sort();
        fields.dedup();
        for field in fields {
            let vanished = |(name, drift): &&(&'static str, Drift)| {
                let below = field.strip_prefix(drift.field.as_str());
                name == event
                    && drift.how == Drifted::Vanished
                    && below.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
            };
            let stopped = drifts.iter().find(vanished).is_some();
            let never = events >= ENOUGH
                && seen.iter().flatten().all(|fields| !fields.more && !fields.fields.contains_key(&field));
            if stopped || never {
                found.push(Unread { rule: rule.clone(), event, field, stopped });
            }
        }
    }
    found
}

/// The field of a path that an expression names, as the events' fields are told.
fn field(path: &[String]) -> Option<String> {
    let names = match path {
        [request, rest @ ..] if request == "request" && !rest.is_empty() => rest,
        [user, _, ..] if user == "user" => path,
        _ => return None,
    };
    Some(names.iter().map(|name| name.replace('.', "\\.")).collect::<Vec<_>>().join("."))
}
