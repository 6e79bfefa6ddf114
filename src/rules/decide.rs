//! From an event to a decision: rules in order, the first that settles the matter wins, every one leaves its trace.

use std::sync::Arc;
use std::time::Duration;

use super::{Effect, EventRules, OnError, Rule, RuleError, RuleOutcome, RuleSet, Trace};
use crate::base::json::Edited;
use crate::event::{Change, Changes, Decision, Event, FieldPath, Mapped};
use crate::expr::{BUDGET, EvalError, Expression, Scope, Value};
use crate::facts::Facts;

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

/// Sees each rule of an event before it is come to.
pub(super) trait Onlooker {
    /// `reached` is false for a rule before which the matter was settled. The scope's steps are the rule's own: whoever
    /// takes some gives them back.
    fn see<'a>(&mut self, index: usize, rule: &'a Rule, scope: &Scope<'a>, reached: bool);
}

/// Sees nothing, at no cost.
struct Nobody;

impl Onlooker for Nobody {
    #[inline]
    fn see<'a>(&mut self, _: usize, _: &'a Rule, _: &Scope<'a>, _: bool) {}
}

impl Stopwatch<'static> {
    /// For whom time does not count.
    pub fn stopped() -> Self {
        Self { elapsed: &|| Duration::ZERO, budget: Duration::MAX }
    }
}

impl RuleSet {
    /// Decides an event, of which lookups found these facts. The same event with the same facts gives the same decision,
    /// unless the time runs out.
    pub fn decide(&self, event: &Event, facts: &Facts, watch: &Stopwatch<'_>) -> Judged {
        self.decide_before(event, facts, watch, &mut Nobody)
    }

    /// The same before an onlooker, who changes nothing.
    pub(super) fn decide_before(
        &self,
        event: &Event,
        facts: &Facts,
        watch: &Stopwatch<'_>,
        onlooker: &mut impl Onlooker,
    ) -> Judged {
        let neutral = Decision::neutral(event.spec().kind);
        let Some(rules) = self.of(event.name()) else {
            return Judged { decision: neutral, rule: None, trace: Trace::default() };
        };
        let (scope, user) = rules.names.scope(event, facts);
        let mut run = Run { scope, user, edited: event.user().map(Edited::new), changes: Changes::default() };
        let (settled, trace) = run.all(rules, watch, onlooker);
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
    fn all(
        &mut self,
        rules: &'a EventRules,
        watch: &Stopwatch<'_>,
        onlooker: &mut impl Onlooker,
    ) -> (Option<(Decision, Arc<str>)>, Trace) {
        let mut settled = None;
        let mut trace = Trace::new(&rules.traced);
        let mut out_of_time = (watch.elapsed)() > watch.budget;
        // Shadow rules have an account of steps of their own: however much they take, the others get theirs.
        let (mut account, mut shadow_account) = (BUDGET, BUDGET);
        let mut looked_at = 2 * BUDGET;
        for (index, rule) in rules.rules.iter().enumerate() {
            if settled.is_some() && !rule.shadow {
                onlooker.see(index, rule, &self.scope, false);
                continue;
            }
            if out_of_time {
                trace.end(index);
                if rule.on_error == OnError::Deny && !rule.shadow {
                    settled = Some((Decision::Refuse(rule.error_message.to_string()), rule.id.clone()));
                    trace.note(index, RuleOutcome::OutOfTime);
                    trace.settle(index + 1);
                }
                continue;
            }
            let own = if rule.shadow { &mut shadow_account } else { &mut account };
            self.scope.set_budget(*own);
            onlooker.see(index, rule, &self.scope, true);
            let holds = self.holds(rule);
            if !matches!(holds, Ok(false)) {
                trace.note(index, self.one(rule, holds, &mut settled));
                if settled.is_some() && !rule.shadow {
                    trace.settle(index + 1);
                }
            }
            *own = self.scope.budget();
            if looked_at - (account + shadow_account) >= STEPS_PER_LOOK {
                looked_at = account + shadow_account;
                out_of_time = (watch.elapsed)() > watch.budget;
            }
        }
        (settled, trace)
    }

    /// A rule that holds, or of which nobody can say.
    fn one(
        &mut self,
        rule: &'a Rule,
        holds: Result<bool, Box<RuleError>>,
        settled: &mut Option<(Decision, Arc<str>)>,
    ) -> RuleOutcome {
        let act = match holds.and_then(|_| self.act(rule)) {
            Ok(act) => act,
            Err(error) => {
                if rule.on_error == OnError::Deny && !rule.shadow {
                    *settled = Some((Decision::Refuse(rule.error_message.to_string()), rule.id.clone()));
                }
                return RuleOutcome::Erred(error);
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

    fn holds(&self, rule: &'a Rule) -> Result<bool, Box<RuleError>> {
        let Some(when) = &rule.when else { return Ok(true) };
        when.holds(&self.scope).map_err(|error| Box::new(located(&error, when, "when".to_owned())))
    }

    fn act(&self, rule: &'a Rule) -> Result<Act<'a>, Box<RuleError>> {
        Ok(match &rule.effect {
            Effect::Deny(message) => Act::Settle(Decision::Refuse(message.to_string())),
            Effect::Deprovision(truth) => Act::Settle(Decision::Deprovision(*truth)),
            Effect::Perform(actions) => Act::Settle(Decision::Perform(actions.clone())),
            Effect::Map(expression) => {
                let value =
                    self.mapped(expression).map_err(|error| Box::new(located(&error, expression, "map".to_owned())))?;
                Act::Settle(Decision::Map(Mapped::Value(value)))
            }
            Effect::Set { set, unset } => Act::Change(self.changes(set, unset)?),
        })
    }

    fn mapped(&self, expression: &'a Expression) -> Result<serde_json::Value, EvalError> {
        let value = expression.evaluate(&self.scope)?.unwrap_optional();
        self.scope.to_json(&value.ok_or_else(|| EvalError::new("it has no value"))?)
    }

    /// The changes that a rule makes, all of which can be made. What is so already is no change.
    fn changes(
        &self,
        set: &'a [(FieldPath, Expression)],
        unset: &[FieldPath],
    ) -> Result<Vec<(Change, Option<Value<'a>>)>, Box<RuleError>> {
        let paid = self.scope.pay_for_changes(&self.user, set.len() + unset.len());
        paid.map_err(|error| Box::new(unlocated(&error, "set".to_owned())))?;
        let mut changes = Vec::new();
        for (path, expression) in set {
            let change = self.set(path, expression);
            changes.extend(change.map_err(|error| Box::new(located(&error, expression, format!("set.{path}"))))?);
        }
        let there = |path: &&FieldPath| self.edited.as_ref().is_some_and(|edited| edited.get(path.names()).is_some());
        changes.extend(unset.iter().filter(there).map(|path| (Change::Unset(path.clone()), None)));
        if !changes.is_empty()
            && let Some(mut edited) = self.edited.clone()
        {
            for (change, _) in &changes {
                let tried = change.apply(&mut edited);
                tried.map_err(|error| Box::new(unlocated(&error, format!("set.{}", change.path()))))?;
            }
        }
        Ok(changes)
    }

    /// The change of one field; none where it is so already, or is to be left alone.
    fn set(
        &self,
        path: &FieldPath,
        expression: &'a Expression,
    ) -> Result<Option<(Change, Option<Value<'a>>)>, EvalError> {
        let Some(value) = expression.evaluate(&self.scope)?.unwrap_optional() else { return Ok(None) };
        if let Some(old) = self.user.find(path.names())
            && self.scope.is_same(&old, &value)?
        {
            return Ok(None);
        }
        Ok(Some((Change::Set(path.clone(), self.scope.to_json(&value)?), Some(value))))
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

/// An error with its place in the rule.
fn located(error: &EvalError, expression: &Expression, key: String) -> RuleError {
    let span = error.span();
    let part = expression.source().get(span.clone()).unwrap_or_default();
    let whole = part.len() == expression.source().len();
    RuleError {
        message: error.message().to_owned(),
        key,
        part: if whole { String::new() } else { part.to_owned() },
        span,
    }
}

/// An error that no part of an expression is to blame for.
fn unlocated(error: &dyn std::error::Error, key: String) -> RuleError {
    RuleError { message: error.to_string(), key, span: 0..0, part: String::new() }
}
