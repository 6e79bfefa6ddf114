//! What a decision comes to, and how two of them differ: in what the cloud is told, and in rules that err.

use std::borrow::Cow;

use serde_json::Value;

use super::case::is_unrecorded;
use crate::event::{Change, Changes, Decision, Event, FieldPath, Mapped};
use crate::journal::Entry;
use crate::record::{DecisionNote, Record};
use crate::rules::{Judged, RuleOutcome};

/// What a decision comes to.
#[derive(Clone, Debug)]
pub struct Verdict<'a> {
    /// The decision in one word.
    pub outcome: &'a str,
    /// The rule that settled it.
    pub rule: Option<&'a str>,
    /// What a refusal says.
    pub message: Option<&'a str>,
    /// The changes, each with its field and the new value; none where it is taken away.
    pub changes: Vec<(Cow<'a, str>, Option<&'a Value>)>,
    /// What the attribute is mapped to.
    pub mapped: Option<&'a Value>,
    /// The actions that are performed.
    pub performed: Vec<&'a str>,
    /// The rules that changed something, each with the fields.
    pub changers: Vec<(&'a str, Vec<Cow<'a, str>>)>,
    /// The rules that erred, without those that are only tried.
    pub erred: Vec<&'a str>,
}

/// How a verdict differs from an earlier one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// It refuses, and did not.
    Refused,
    /// It refused, and does not.
    Accepted,
    /// It refuses with another message.
    RefusedOtherwise,
    /// It accepts with other changes.
    ChangedOtherwise,
    /// It maps to another value.
    MappedOtherwise,
    /// It has other actions performed.
    PerformedOtherwise,
    /// It takes access away, and did not.
    Deprovisioned,
    /// It took access away, and does not.
    Kept,
    /// A rule errs, and did not.
    Erred,
    /// The answer is the same, by another rule.
    OtherRule,
}

/// A difference, and the rule that it is put down to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Difference {
    /// How.
    pub kind: Kind,
    /// The rule; empty where none can be named.
    pub rule: String,
}

impl Kind {
    /// Every kind, in the order in which they are told.
    pub const ALL: [Self; 10] = [
        Self::Refused,
        Self::Accepted,
        Self::RefusedOtherwise,
        Self::ChangedOtherwise,
        Self::MappedOtherwise,
        Self::PerformedOtherwise,
        Self::Deprovisioned,
        Self::Kept,
        Self::Erred,
        Self::OtherRule,
    ];

    /// One word for programs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Refused => "refused",
            Self::Accepted => "accepted",
            Self::RefusedOtherwise => "refused_otherwise",
            Self::ChangedOtherwise => "changed_otherwise",
            Self::MappedOtherwise => "mapped_otherwise",
            Self::PerformedOtherwise => "performed_otherwise",
            Self::Deprovisioned => "deprovisioned",
            Self::Kept => "kept",
            Self::Erred => "erred",
            Self::OtherRule => "other_rule",
        }
    }

    /// The same for people.
    pub fn words(self) -> &'static str {
        match self {
            Self::Refused => "newly refused",
            Self::Accepted => "newly accepted",
            Self::RefusedOtherwise => "refused with another message",
            Self::ChangedOtherwise => "changed otherwise",
            Self::MappedOtherwise => "mapped otherwise",
            Self::PerformedOtherwise => "performed otherwise",
            Self::Deprovisioned => "newly deprovisioned",
            Self::Kept => "no longer deprovisioned",
            Self::Erred => "a rule errs newly",
            Self::OtherRule => "the same answer by another rule",
        }
    }

    /// Whether anything changes by it for whoever asks, or a rule stops to work.
    pub fn is_change(self) -> bool {
        self != Self::OtherRule
    }
}

impl<'a> Verdict<'a> {
    /// That of a record.
    pub(super) fn recorded(entry: &'a Entry, record: &'a Record<'_>) -> Self {
        let changers = record.trace.iter().filter(|note| !note.shadow && !note.changed.is_empty());
        let erred = record.trace.iter().filter(|note| !note.shadow && note.did == "erred");
        Self {
            outcome: &entry.outcome,
            rule: entry.rule.as_deref(),
            message: record.message.as_deref(),
            changes: changes(&record.changes),
            mapped: record.mapped.as_ref(),
            performed: record.perform.iter().map(String::as_str).collect(),
            changers: changers
                .map(|note| (&*note.rule, note.changed.iter().map(|path| Cow::Borrowed(path.as_str())).collect()))
                .collect(),
            erred: erred.map(|note| &*note.rule).collect(),
        }
    }

    /// What a guard held back, as the rules had decided it.
    pub(super) fn held_back(held: &'a DecisionNote, entry: &'a Entry, record: &'a Record<'_>) -> Self {
        Self {
            outcome: &held.outcome,
            rule: held.rule.as_deref(),
            message: held.message.as_deref(),
            changes: changes(&held.changes),
            mapped: held.mapped.as_ref(),
            performed: held.perform.iter().map(String::as_str).collect(),
            ..Self::recorded(entry, record)
        }
    }

    /// That of a judgement.
    pub fn of(judged: &'a Judged) -> Self {
        let (mut message, mut changes, mut mapped, mut performed) = (None, Vec::new(), None, Vec::new());
        match &judged.decision {
            Decision::Accept(made) => {
                changes = made.iter().map(one).collect();
            }
            Decision::Refuse(text) => message = Some(text.as_str()),
            Decision::Map(Mapped::Value(value)) => mapped = Some(value),
            Decision::Perform(actions) => performed = actions.iter().map(AsRef::as_ref).collect(),
            Decision::Map(Mapped::Neutral) | Decision::Deprovision(_) | Decision::Acknowledge => {}
        }
        let changers = judged.trace.changers().filter_map(|rule| match rule.outcome {
            RuleOutcome::Held { changed } => {
                Some((&**rule.id, changed.iter().map(|path| Cow::Owned(path.to_string())).collect()))
            }
            RuleOutcome::NotHeld | RuleOutcome::Erred(_) | RuleOutcome::NotReached | RuleOutcome::OutOfTime => None,
        });
        let errors = judged.trace.errors().filter(|(rule, error)| !rule.shadow && !is_unrecorded(error));
        Self {
            outcome: judged.decision.outcome(),
            rule: judged.rule.as_deref(),
            message,
            changes,
            mapped,
            performed,
            changers: changers.collect(),
            erred: errors.map(|(rule, _)| &**rule.id).collect(),
        }
    }

    /// Whether both tell the cloud the same of this event: where both accept, the same person.
    pub fn answers_as(&self, other: &Verdict<'_>, event: &Event) -> bool {
        if self.accepts() && other.accepts() {
            let made = || self.made().zip(other.made());
            return self.changes_as(other)
                || made().is_some_and(|(one, other)| one.come_to_the_same(&other, event.user()));
        }
        self.outcome == other.outcome
            && self.message == other.message
            && same(self.mapped, other.mapped)
            && self.performed == other.performed
            && self.changes_as(other)
    }

    fn accepts(&self) -> bool {
        matches!(self.outcome, "accepted" | "changed")
    }

    /// Whether both make the same changes one after the other.
    fn changes_as(&self, other: &Verdict<'_>) -> bool {
        self.changes.len() == other.changes.len()
            && self.changes.iter().zip(&other.changes).all(|(one, two)| one.0 == two.0 && same(one.1, two.1))
    }

    /// The changes as they are made; none where a field's name cannot be read.
    fn made(&self) -> Option<Changes> {
        let change = |(path, to): &(Cow<'_, str>, Option<&Value>)| {
            let path = FieldPath::parse(path).ok()?;
            Some(to.map_or_else(|| Change::Unset(path.clone()), |to| Change::Set(path.clone(), to.clone())))
        };
        self.changes.iter().map(change).collect()
    }

    /// How this one differs from an earlier one on the same event; usually not at all.
    pub fn differences(&self, was: &Verdict<'_>, event: &Event) -> Vec<Difference> {
        let mut found = Vec::new();
        if !self.answers_as(was, event) {
            found.push(self.answer_differs(was));
        } else if self.rule != was.rule {
            let rule = self.rule.or(was.rule).unwrap_or_default().to_owned();
            found.push(Difference { kind: Kind::OtherRule, rule });
        }
        let newly = self.erred.iter().filter(|rule| !was.erred.contains(rule));
        found.extend(newly.map(|rule| Difference { kind: Kind::Erred, rule: (*rule).to_owned() }));
        found
    }

    fn answer_differs(&self, was: &Verdict<'_>) -> Difference {
        let of = |kind, rule: Option<&str>| Difference { kind, rule: rule.unwrap_or_default().to_owned() };
        match (was.outcome, self.outcome) {
            ("refused", "refused") => of(Kind::RefusedOtherwise, self.rule),
            (_, "refused") => of(Kind::Refused, self.rule),
            ("refused", _) => of(Kind::Accepted, was.rule),
            (_, "deprovision") => of(Kind::Deprovisioned, self.rule),
            ("deprovision", _) => of(Kind::Kept, self.rule.or(was.rule)),
            (_, "perform" | "no_action") => of(Kind::PerformedOtherwise, self.rule.or(was.rule)),
            (_, "mapped" | "mapped_neutral") => of(Kind::MappedOtherwise, self.rule.or(was.rule)),
            _ => of(Kind::ChangedOtherwise, self.changer(was)),
        }
    }

    /// The rule that made the first change that is not the same: one of these rules, else one of those.
    fn changer<'b>(&'b self, was: &'b Verdict<'_>) -> Option<&'b str> {
        let lacks = |other: &Verdict<'_>, change: &(Cow<'_, str>, Option<&Value>)| {
            !other.changes.iter().any(|own| own.0 == change.0 && same(own.1, change.1))
        };
        let new = self.changes.iter().find(|change| lacks(was, change)).and_then(|change| self.last_changer(&change.0));
        new.or_else(|| was.changes.iter().find(|gone| lacks(self, gone)).and_then(|gone| was.last_changer(&gone.0)))
    }

    fn last_changer(&self, path: &str) -> Option<&str> {
        let mut changers = self.changers.iter().rev();
        changers.find(|(_, changed)| changed.iter().any(|own| own == path)).map(|(rule, _)| *rule)
    }
}

/// Changes as a record has them.
fn changes(noted: &[Value]) -> Vec<(Cow<'_, str>, Option<&Value>)> {
    let path = |change: &'_ Value, key: &str| change.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let change = |change| match Value::get(change, "to") {
        Some(to) => (Cow::Owned(path(change, "set")), Some(to)),
        None => (Cow::Owned(path(change, "unset")), None),
    };
    noted.iter().map(change).collect()
}

fn one(change: &Change) -> (Cow<'_, str>, Option<&Value>) {
    let path = Cow::Owned(change.path().to_string());
    match change {
        Change::Set(_, to) => (path, Some(to)),
        Change::Unset(_) => (path, None),
    }
}

/// A number that was written and read again may be the nearest other one; both are brought that way before they differ.
fn same(one: Option<&Value>, other: Option<&Value>) -> bool {
    let again = |value: &Value| serde_json::from_str::<Value>(&value.to_string()).ok();
    one == other || one.zip(other).is_some_and(|(one, other)| again(one) == again(other))
}
