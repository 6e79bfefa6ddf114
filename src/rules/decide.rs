//! From an event to a decision: rules in order, the first that settles the matter wins, every one leaves its trace.

use std::sync::Arc;
use std::time::Duration;

use super::{Effect, EventRules, OnError, Rule, RuleOutcome, RuleSet, RuleTrace, Trace};
use crate::base::json::Edited;
use crate::event::{Change, Changes, Decision, Event, FieldPath, Mapped};
use crate::expr::{BUDGET, EvalError, Scope, Value};

/// How many steps are taken between two looks at the time: some tens of microseconds' worth.
const STEPS_PER_LOOK: u64 = 2_000;

/// How the time is told, and how much there is. Rules read no clock.
pub struct Stopwatch<'a> {
    /// How long the event has been at it.
    pub elapsed: &'a dyn Fn() -> Duration,
    /// When no further rule is begun.
    pub budget: Duration,
}

/// What rules decided.
#[derive(Clone, Debug, PartialEq)]
pub struct Judged {
    /// The decision.
    pub decision: Decision,
    /// The rule that settled it, where one did.
    pub rule: Option<Arc<str>>,
    /// What each rule did.
    pub trace: Trace,
}

impl RuleSet {
    /// Decides an event. The same event gives the same decision, unless the time runs out.
    pub fn decide(&self, event: &Event, watch: &Stopwatch<'_>) -> Judged {
        let neutral = Decision::neutral(event.spec().kind);
        let Some(rules) = self.of(event.name()) else {
            return Judged { decision: neutral, rule: None, trace: Trace::default() };
        };
        let (scope, user) = rules.names.scope(event);
        let mut run = Run { scope, user, edited: event.user().map(Edited::new), changes: Changes::default() };
        let (settled, trace) = run.all(rules, watch);
        let (decision, rule) = match settled {
            Some((decision, rule)) => (decision, Some(rule)),
            None if matches!(neutral, Decision::Accept(_)) => (Decision::Accept(run.changes), None),
            None => (neutral, None),
        };
        Judged { decision, rule, trace }
    }
}

/// The working copy of an event that rules run over.
struct Run<'a> {
    scope: Scope<'a>,
    user: Value<'a>,
    edited: Option<Edited<'a>>,
    changes: Changes,
}

/// What a rule that holds does.
enum Act<'a> {
    Settle(Decision),
    Change(Vec<(Change, Option<Value<'a>>)>),
}

impl<'a> Run<'a> {
    fn all(&mut self, rules: &'a EventRules, watch: &Stopwatch<'_>) -> (Option<(Decision, Arc<str>)>, Trace) {
        let mut settled = None;
        let mut trace = Trace { rules: Vec::with_capacity(rules.rules.len()) };
        let start = (watch.elapsed)();
        let mut out_of_time = start > watch.budget;
        // Shadow rules have an account of steps of their own: however much they take, the others get theirs.
        let mut shadow_budget = BUDGET;
        let (mut steps, mut looked_at) = (0_u64, 0_u64);
        for rule in &rules.rules {
            let before = steps;
            let outcome = if settled.is_some() && !rule.shadow {
                RuleOutcome::NotReached
            } else if out_of_time {
                if !rule.shadow && rule.on_error == OnError::Deny && settled.is_none() {
                    settled = Some((Decision::Refuse(rule.error_message.to_string()), rule.id.clone()));
                }
                RuleOutcome::OutOfTime
            } else if rule.when.as_ref().is_some_and(|when| when.is_ruled_out(&self.scope)) {
                steps += 1;
                RuleOutcome::NotHeld
            } else {
                let account = self.scope.budget();
                let own = if rule.shadow { shadow_budget } else { account };
                self.scope.set_budget(own);
                let outcome = self.one(rule, &mut settled);
                let left = self.scope.budget();
                steps += own - left;
                if rule.shadow {
                    shadow_budget = left;
                    self.scope.set_budget(account);
                }
                outcome
            };
            if steps - looked_at >= STEPS_PER_LOOK {
                looked_at = steps;
                out_of_time = (watch.elapsed)() > watch.budget;
            }
            // Steps for now; what they come to in time is known at the end.
            let took = Duration::from_nanos(steps - before);
            trace.rules.push(RuleTrace { id: rule.id.clone(), shadow: rule.shadow, outcome, took });
        }
        let took = (watch.elapsed)().saturating_sub(start);
        let took = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        for rule in &mut trace.rules {
            let own = u64::try_from(rule.took.as_nanos()).unwrap_or(u64::MAX);
            rule.took = Duration::from_nanos(own.saturating_mul(took) / steps.max(1));
        }
        (settled, trace)
    }

    fn one(&mut self, rule: &'a Rule, settled: &mut Option<(Decision, Arc<str>)>) -> RuleOutcome {
        let act = match self.holds(rule).and_then(|holds| if holds { self.act(rule).map(Some) } else { Ok(None) }) {
            Ok(Some(act)) => act,
            Ok(None) => return RuleOutcome::NotHeld,
            Err(error) => {
                if rule.on_error == OnError::Deny && !rule.shadow {
                    *settled = Some((Decision::Refuse(rule.error_message.to_string()), rule.id.clone()));
                }
                return RuleOutcome::Erred(error.message().to_owned());
            }
        };
        match act {
            Act::Settle(decision) => {
                if !rule.shadow {
                    *settled = Some((decision, rule.id.clone()));
                }
                RuleOutcome::Held { changed: Vec::new() }
            }
            Act::Change(changes) => {
                let changed = changes.iter().map(|(change, _)| change.path().clone()).collect();
                if !rule.shadow {
                    self.apply(changes);
                }
                RuleOutcome::Held { changed }
            }
        }
    }

    fn holds(&self, rule: &'a Rule) -> Result<bool, EvalError> {
        let Some(when) = &rule.when else { return Ok(true) };
        when.evaluate(&self.scope)?.as_bool().ok_or_else(|| EvalError::new("`when` is no bool"))
    }

    fn act(&self, rule: &'a Rule) -> Result<Act<'a>, EvalError> {
        Ok(match &rule.effect {
            Effect::Deny(message) => Act::Settle(Decision::Refuse(message.to_string())),
            Effect::Deprovision(truth) => Act::Settle(Decision::Deprovision(*truth)),
            Effect::Map(expression) => {
                let value = expression.evaluate(&self.scope)?.unwrap_optional();
                let value = value.ok_or_else(|| EvalError::new("`map` has no value"))?;
                Act::Settle(Decision::Map(Mapped::Value(to_json(&value)?)))
            }
            Effect::Set { set, unset } => Act::Change(self.changes(set, unset)?),
        })
    }

    /// The changes that a rule makes, all of which can be made. What is so already is no change.
    fn changes(
        &self,
        set: &'a [(FieldPath, crate::expr::Expression)],
        unset: &[FieldPath],
    ) -> Result<Vec<(Change, Option<Value<'a>>)>, EvalError> {
        let mut changes = Vec::new();
        for (path, expression) in set {
            let Some(value) = expression.evaluate(&self.scope)?.unwrap_optional() else { continue };
            if !self.user.find(path.names()).is_some_and(|old| old.same(&value)) {
                changes.push((Change::Set(path.clone(), to_json(&value)?), Some(value)));
            }
        }
        let there = |path: &&FieldPath| self.edited.as_ref().is_some_and(|edited| edited.get(path.names()).is_some());
        changes.extend(unset.iter().filter(there).map(|path| (Change::Unset(path.clone()), None)));
        if let Some(mut edited) = self.edited.clone() {
            for (change, _) in &changes {
                change.apply(&mut edited).map_err(|error| EvalError::new(error.to_string()))?;
            }
        }
        Ok(changes)
    }

    fn apply(&mut self, changes: Vec<(Change, Option<Value<'a>>)>) {
        if changes.is_empty() {
            return;
        }
        for (change, value) in changes {
            self.user = self.user.with(change.path().names(), value.as_ref());
            if let Some(edited) = &mut self.edited {
                change.apply(edited).expect("the change was tried on a copy");
            }
            self.changes.push(change);
        }
        self.scope.set("user", &self.user);
    }
}

fn to_json(value: &Value<'_>) -> Result<serde_json::Value, EvalError> {
    value.to_json().map_err(EvalError::new)
}
