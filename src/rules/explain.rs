//! A decision made before somebody who wants to know why: each expression with the values of its parts, and which rules
//! would have held had the matter not been settled before them.

use super::decide::Onlooker;
use super::{Effect, Judged, Rule, RuleSet, Stopwatch};
use crate::event::Event;
use crate::expr::{BUDGET, Expression, Scope, Step};
use crate::facts::Facts;

/// A decision, and what was seen of each rule on the event, in order.
#[derive(Clone, Debug, PartialEq)]
pub struct Explained {
    /// The decision; its trace names the rules.
    pub judged: Judged,
    /// The expressions of each rule that were evaluated; none for a rule that was not reached.
    pub rules: Vec<Vec<Part>>,
}

/// An expression of a rule, evaluated.
#[derive(Clone, Debug, PartialEq)]
pub struct Part {
    /// The key that it stands under: `when`, `map`, `set.displayName`.
    pub key: String,
    /// The expression as written.
    pub source: String,
    /// Its value as JSON, or why it has none.
    pub value: Result<serde_json::Value, String>,
    /// The values of what it is made of, in the order in which they were made.
    pub steps: Vec<Step>,
}

/// Rules that were not reached, by their place: whether each would have held, or why that cannot be said.
type Beyond = Vec<(usize, Result<bool, String>)>;

impl RuleSet {
    /// Decides an event and tells the values of everything that was evaluated for it. Values are those of the event: who
    /// shows them masks them.
    pub fn explain(&self, event: &Event, facts: &Facts) -> Explained {
        let mut explaining = Explaining(Vec::new());
        let judged = self.decide_before(event, facts, &Stopwatch::stopped(), &mut explaining);
        Explained { judged, rules: explaining.0 }
    }

    /// Decides an event and tells of each rule that was not reached, by its place, whether it would have held, or why that
    /// cannot be said.
    pub fn survey(&self, event: &Event, facts: &Facts) -> (Judged, Beyond) {
        let mut surveying = Surveying(Vec::new());
        let judged = self.decide_before(event, facts, &Stopwatch::stopped(), &mut surveying);
        (judged, surveying.0)
    }
}

struct Explaining(Vec<Vec<Part>>);

impl Onlooker for Explaining {
    fn see<'a>(&mut self, index: usize, rule: &'a Rule, scope: &Scope<'a>, reached: bool) {
        self.0.resize(index, Vec::new());
        let mut parts = Vec::new();
        if reached {
            let left = scope.budget();
            let mut part = |key: String, expression: &'a Expression| {
                let (value, steps) = expression.trace(scope);
                let value = value.map_err(|error| error.to_string());
                let value = value.and_then(|value| value.to_json().map_err(str::to_owned));
                let truth = value == Ok(true.into());
                parts.push(Part { key, source: expression.source().to_owned(), value, steps });
                truth
            };
            let holds = rule.when.as_ref().is_none_or(|when| part("when".to_owned(), when));
            match &rule.effect {
                Effect::Map(map) if holds => _ = part("map".to_owned(), map),
                Effect::Set { set, .. } if holds => {
                    for (path, expression) in set {
                        part(format!("set.{path}"), expression);
                    }
                }
                Effect::Map(_) | Effect::Set { .. } | Effect::Deny(_) | Effect::Deprovision(_) | Effect::Perform(_) => {
                }
            }
            scope.set_budget(left);
        }
        self.0.push(parts);
    }
}

struct Surveying(Beyond);

impl Onlooker for Surveying {
    fn see<'a>(&mut self, index: usize, rule: &'a Rule, scope: &Scope<'a>, reached: bool) {
        if reached {
            return;
        }
        let left = scope.budget();
        scope.set_budget(BUDGET);
        let held = rule.when.as_ref().map_or(Ok(true), |when| when.holds(scope));
        self.0.push((index, held.map_err(|error| error.message().to_owned())));
        scope.set_budget(left);
    }
}
