//! Rules: where each applies, when it holds, and its one effect. Pure: an event in, a decision and its trace out.
//!
//! They are read from `[[rule]]` tables, every error at once with its place. Who runs them, in what time, and what becomes of
//! the decision is the matter of `judge`.

mod build;
mod compile;
mod cost;
mod decide;
mod explain;
mod outline;
mod raw;
mod reads;
mod trace;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::event::FieldPath;
use crate::expr::Expression;
use crate::scope::Names;

pub use compile::{Context, compile};
pub use cost::{Costs, EventCost, RuleCost, costs};
pub use decide::{Judged, Stopwatch};
pub use explain::{Explained, Part};
pub use outline::Outline;
pub use raw::RawRule;
pub use reads::{Reads, reads};
pub use trace::{RuleError, RuleOutcome, RuleTrace, Trace, TracedRule};

/// What a validate event is answered when a rule errs or time runs out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum OnError {
    /// Go on as if the rule did not hold.
    #[default]
    Allow,
    /// Refuse.
    Deny,
}

/// Rules that are correct, in order.
#[derive(Debug, Default)]
pub struct RuleSet {
    events: Vec<EventRules>,
    rules: usize,
}

/// The rules of one event.
#[derive(Debug)]
struct EventRules {
    event: &'static str,
    rules: Vec<Rule>,
    /// What a trace says of each of them.
    traced: Arc<[TracedRule]>,
    names: Names,
    /// The lookups that they name.
    lookups: Vec<Arc<str>>,
}

#[derive(Debug)]
struct Rule {
    id: Arc<str>,
    shadow: bool,
    when: Option<Expression>,
    effect: Effect,
    on_error: OnError,
    /// What a refusal because of an error says.
    error_message: Arc<str>,
}

#[derive(Debug)]
enum Effect {
    Deny(Arc<str>),
    Set { set: Vec<(FieldPath, Expression)>, unset: Vec<FieldPath> },
    Map(Expression),
    Deprovision(bool),
    Perform(Vec<Arc<str>>),
}

impl RuleSet {
    /// How many rules there are.
    pub fn len(&self) -> usize {
        self.rules
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.rules == 0
    }

    /// The events that a rule applies to, each with how many.
    pub fn events(&self) -> impl Iterator<Item = (&'static str, usize)> {
        self.events.iter().map(|rules| (rules.event, rules.rules.len()))
    }

    /// The actions that rules have performed, with the events on which they do. Those that are only tried perform nothing.
    pub fn performed(&self) -> Vec<(&'static str, Arc<str>)> {
        let mut all = Vec::new();
        for rules in &self.events {
            for rule in rules.rules.iter().filter(|rule| !rule.shadow) {
                if let Effect::Perform(actions) = &rule.effect {
                    all.extend(actions.iter().map(|action| (rules.event, action.clone())));
                }
            }
        }
        all
    }

    /// The lookups that the rules on this event name, in the order in which they are declared.
    pub fn lookups(&self, event: &str) -> &[Arc<str>] {
        self.of(event).map_or(&[], |rules| &rules.lookups)
    }

    fn of(&self, event: &str) -> Option<&EventRules> {
        self.events.iter().find(|rules| rules.event == event)
    }
}
