//! What each rule did with an event. What most rules do, which is nothing, takes no room.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use crate::event::FieldPath;

/// What the rules did with an event, in their order.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Trace {
    rules: Option<Arc<[TracedRule]>>,
    /// By the rule's index, for each that did not just not hold.
    notable: Vec<(usize, RuleOutcome)>,
    /// The first rule that was not reached any more, unless it is a shadow.
    settled_at: usize,
    /// The first rule for which there was no time.
    late_at: usize,
}

/// What stays the same of a rule from event to event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TracedRule {
    /// Its id.
    pub id: Arc<str>,
    /// Whether it is only tried.
    pub shadow: bool,
}

/// What one rule did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RuleTrace<'a> {
    /// Its id.
    pub id: &'a Arc<str>,
    /// Whether it is only tried.
    pub shadow: bool,
    /// What came of it.
    pub outcome: &'a RuleOutcome,
}

/// What came of a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RuleOutcome {
    /// Its condition holds; these fields are not what they were, or would not be if the rule were no shadow.
    Held {
        /// The fields.
        changed: Vec<FieldPath>,
    },
    /// Its condition does not hold.
    NotHeld,
    /// It could not be evaluated.
    Erred(Box<RuleError>),
    /// The answer was found before it.
    NotReached,
    /// The time was up before it.
    OutOfTime,
}

/// Why a rule could not be evaluated. It holds names and the rule's own words, never a value of the event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleError {
    /// What is wrong.
    pub message: String,
    /// The rule's key that holds the expression: `when`, `map`, `set.displayName`.
    pub key: String,
    /// Where in the expression, in bytes; empty where it is the whole.
    pub span: Range<usize>,
    /// The part of the expression that stands there.
    pub part: String,
}

impl Trace {
    /// A trace in which no rule has done anything.
    pub(super) fn new(rules: &Arc<[TracedRule]>) -> Self {
        Self { settled_at: rules.len(), late_at: rules.len(), rules: Some(rules.clone()), notable: Vec::new() }
    }

    pub(super) fn note(&mut self, rule: usize, outcome: RuleOutcome) {
        self.notable.push((rule, outcome));
    }

    /// From this rule on none but shadows is reached.
    pub(super) fn settle(&mut self, next: usize) {
        self.settled_at = self.settled_at.min(next);
    }

    /// From this rule on there is no time.
    pub(super) fn end(&mut self, next: usize) {
        self.late_at = self.late_at.min(next);
    }

    /// Each rule on the event, in order.
    pub fn rules(&self) -> impl Iterator<Item = RuleTrace<'_>> {
        let mut notable = self.notable.iter().peekable();
        self.rules.iter().flat_map(|rules| rules.iter()).enumerate().map(move |(index, rule)| {
            let outcome = match notable.next_if(|(at, _)| *at == index) {
                Some((_, outcome)) => outcome,
                None if index >= self.settled_at && !rule.shadow => &RuleOutcome::NotReached,
                None if index >= self.late_at => &RuleOutcome::OutOfTime,
                None => &RuleOutcome::NotHeld,
            };
            RuleTrace { id: &rule.id, shadow: rule.shadow, outcome }
        })
    }

    /// The rules that erred, with what was wrong.
    pub fn errors(&self) -> impl Iterator<Item = (RuleTrace<'_>, &RuleError)> {
        self.notable().filter_map(|rule| match rule.outcome {
            RuleOutcome::Erred(error) => Some((rule, &**error)),
            RuleOutcome::Held { .. } | RuleOutcome::NotHeld | RuleOutcome::NotReached | RuleOutcome::OutOfTime => None,
        })
    }

    /// The rules that changed something, without shadows.
    pub fn changers(&self) -> impl Iterator<Item = RuleTrace<'_>> {
        let changed = |outcome: &RuleOutcome| matches!(outcome, RuleOutcome::Held { changed } if !changed.is_empty());
        self.notable().filter(move |rule| !rule.shadow && changed(rule.outcome))
    }

    /// The shadow rules that held.
    pub fn shadows(&self) -> impl Iterator<Item = RuleTrace<'_>> {
        self.notable().filter(|rule| rule.shadow && matches!(rule.outcome, RuleOutcome::Held { .. }))
    }

    fn notable(&self) -> impl Iterator<Item = RuleTrace<'_>> {
        self.notable.iter().filter_map(|(index, outcome)| {
            let rule = self.rules.as_ref()?.get(*index)?;
            Some(RuleTrace { id: &rule.id, shadow: rule.shadow, outcome })
        })
    }
}

impl fmt::Debug for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.rules()).finish()
    }
}

impl fmt::Display for RuleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        match (self.key.as_str(), self.part.as_str()) {
            ("", _) => Ok(()),
            (key, "") => write!(f, ", in `{key}`"),
            (key, part) => write!(f, ", in `{key}` at byte {}: `{part}`", self.span.start),
        }
    }
}
