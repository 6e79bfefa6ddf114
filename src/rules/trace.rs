//! What each rule did with an event.

use std::sync::Arc;
use std::time::Duration;

use crate::event::FieldPath;

/// What the rules did with an event, in their order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trace {
    /// One for each rule on the event.
    pub rules: Vec<RuleTrace>,
}

/// What one rule did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleTrace {
    /// Its id.
    pub id: Arc<str>,
    /// Whether it is only tried.
    pub shadow: bool,
    /// What came of it.
    pub outcome: RuleOutcome,
    /// How long it took: its share of the time that all took, by the steps of each.
    pub took: Duration,
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
    /// It could not be evaluated. The text holds no value.
    Erred(String),
    /// The answer was found before it.
    NotReached,
    /// The time was up before it.
    OutOfTime,
}

impl Trace {
    /// The rules that erred, with what was wrong.
    pub fn errors(&self) -> impl Iterator<Item = (&RuleTrace, &str)> {
        self.rules.iter().filter_map(|rule| match &rule.outcome {
            RuleOutcome::Erred(error) => Some((rule, error.as_str())),
            RuleOutcome::Held { .. } | RuleOutcome::NotHeld | RuleOutcome::NotReached | RuleOutcome::OutOfTime => None,
        })
    }

    /// The rules that changed something, without shadows.
    pub fn changers(&self) -> impl Iterator<Item = &RuleTrace> {
        let changed = |outcome: &RuleOutcome| matches!(outcome, RuleOutcome::Held { changed } if !changed.is_empty());
        self.rules.iter().filter(move |rule| !rule.shadow && changed(&rule.outcome))
    }

    /// The shadow rules that held.
    pub fn shadows(&self) -> impl Iterator<Item = &RuleTrace> {
        self.rules.iter().filter(|rule| rule.shadow && matches!(rule.outcome, RuleOutcome::Held { .. }))
    }
}
