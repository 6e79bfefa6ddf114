//! The actions of a configuration: which of them an event wants, how each is delivered, and each ready to run.

use std::collections::HashMap;
use std::ffi::OsString;
use std::sync::Arc;

use indexmap::IndexMap;

use super::capture::Capture;
use super::grant::Grant;
use super::kind::Plan;
use super::limits::Delivery;
use super::view;
use super::{Action, DecisionView};
use crate::base::clock::Clock;
use crate::base::diagnostic::{Diagnostic, Diagnostics, Place};
use crate::base::secret::{Secret, SecretError, SecretSource, SecretText};
use crate::event::Event;
use crate::expr::{EvalError, Expression};
use crate::facts::Facts;
use crate::scope::Names;
use crate::telemetry::PersonName;

/// Actions that are correct, in the order written.
#[derive(Debug, Default)]
pub struct ActionSet {
    pub(super) actions: Vec<Definition>,
    pub(super) events: Vec<EventActions>,
    /// What rules have performed, on which events: there an action does nothing by itself.
    performed: Vec<(&'static str, Arc<str>)>,
    /// The place of each action among all, where some come after others.
    places: HashMap<Arc<str>, usize>,
}

/// One action, as far as it is known before it runs.
#[derive(Debug)]
pub struct Definition {
    /// Its name.
    pub id: Arc<str>,
    /// The word for its type, `http` say.
    pub kind: &'static str,
    /// The events that it follows.
    pub events: Vec<&'static str>,
    /// How its work is delivered.
    pub delivery: Delivery,
    /// The secret fields that it is given.
    pub grant: Grant,
    /// The actions that it comes after.
    pub after: Vec<Arc<str>>,
    pub(super) capture: Arc<Capture>,
    pub(super) plan: Arc<dyn Plan>,
}

/// When each action is wanted after one event.
#[derive(Debug)]
pub(super) struct EventActions {
    pub(super) event: &'static str,
    pub(super) names: Names,
    pub(super) conditions: Vec<Condition>,
}

#[derive(Debug)]
pub(super) struct Condition {
    /// The action's index.
    pub(super) action: usize,
    pub(super) when: Option<Expression>,
    pub(super) only_refused: bool,
}

/// What making actions ready takes.
pub struct Tools<'a> {
    /// Where secrets are kept.
    pub secrets: &'a dyn SecretSource,
    /// The variables of the server's environment, for the programs that may see some of them.
    pub variable: &'a dyn Fn(&str) -> Option<OsString>,
    /// The clock.
    pub clock: &'a Clock,
    /// How log lines name persons.
    pub person: &'a PersonName,
}

impl Tools<'_> {
    /// A secret that an action names, with its prefix.
    pub(super) fn secret(&self, text: &SecretText, place: &Place, findings: &mut Diagnostics) -> Option<Secret> {
        let missing = |error: SecretError| {
            let finding = Diagnostic::error("missing-secret", error.to_string()).at(place).hint(error.remedy());
            findings.push(finding.without_line());
        };
        text.resolve(self.secrets).map_err(missing).ok()
    }
}

/// Actions that are ready to run, by their names.
pub type Ready = IndexMap<Arc<str>, Arc<dyn Action>>;

impl<'a> IntoIterator for &'a ActionSet {
    type Item = &'a Definition;
    type IntoIter = std::slice::Iter<'a, Definition>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl ActionSet {
    /// How many actions there are.
    pub fn len(&self) -> usize {
        self.actions.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.actions.is_empty()
    }

    /// Each action.
    pub fn iter(&self) -> std::slice::Iter<'_, Definition> {
        self.actions.iter()
    }

    /// The action of that name.
    pub fn find(&self, id: &str) -> Option<&Definition> {
        self.actions.iter().find(|action| &*action.id == id)
    }

    /// With what rules have performed, by event: there an action does nothing by itself.
    #[must_use]
    pub fn with_performed(self, performed: Vec<(&'static str, Arc<str>)>) -> Self {
        Self { performed, ..self }
    }

    /// Keeps in mind where each action stands among all. Where none comes after another, that is as they are written.
    pub(super) fn put_in_order(&mut self, order: &[&str]) {
        if self.actions.iter().all(|action| action.after.is_empty()) {
            return;
        }
        self.places = order.iter().enumerate().map(|(place, id)| ((*id).into(), place)).collect();
        let Self { actions, events, places, .. } = self;
        for event in events {
            event.conditions.sort_by_key(|condition| places.get(&actions[condition.action].id).copied());
        }
    }

    /// Where an action stands among others that an event sets off: one that comes after another stands behind it.
    pub fn place(&self, id: &str) -> usize {
        self.places.get(id).copied().unwrap_or_default()
    }

    /// Whether any action follows events of this name, so that whether one wants an event has to be asked.
    pub fn follows(&self, event: &str) -> bool {
        self.events.iter().any(|actions| actions.event == event)
    }

    /// The lookups that something about the actions on this event names.
    pub fn lookups(&self, event: &str) -> Vec<Arc<str>> {
        let conditions = self.events.iter().filter(|actions| actions.event == event);
        let mut lookups: Vec<Arc<str>> = conditions.flat_map(|actions| actions.names.lookups()).collect();
        lookups.extend(self.actions.iter().flat_map(|action| action.plan.lookups(event)));
        lookups
    }

    /// The actions that want this event, and those of which that cannot be said, with the reason; one that comes after another
    /// stands behind it. Asked once for each event, when it is committed.
    pub fn wanted<'s>(
        &'s self,
        event: &Event,
        facts: &Facts,
        decision: &DecisionView,
    ) -> Vec<(&'s Definition, Result<(), EvalError>)> {
        let Some(actions) = self.events.iter().find(|actions| actions.event == event.name()) else { return Vec::new() };
        let scope = view::scope(&actions.names, event, facts, decision, &[]);
        let mut wanted = Vec::new();
        for condition in &actions.conditions {
            if condition.only_refused && !decision.is_refused() {
                continue;
            }
            let id = &self.actions[condition.action].id;
            if self.performed.iter().any(|(on, performed)| *on == event.name() && performed == id) {
                continue;
            }
            let holds = match &condition.when {
                None => Ok(true),
                Some(when) => when.holds(&scope),
            };
            match holds {
                Ok(true) => wanted.push((&self.actions[condition.action], Ok(()))),
                Ok(false) => {}
                Err(error) => wanted.push((&self.actions[condition.action], Err(error))),
            }
        }
        wanted
    }

    /// Whether the action of that name wants this event; none where it does not follow such events.
    pub fn wants(
        &self,
        id: &str,
        event: &Event,
        facts: &Facts,
        decision: &DecisionView,
    ) -> Option<Result<bool, EvalError>> {
        let actions = self.events.iter().find(|actions| actions.event == event.name())?;
        actions.conditions.iter().find(|condition| &*self.actions[condition.action].id == id)?;
        let wanted = self.wanted(event, facts, decision).into_iter().find(|(action, _)| &*action.id == id);
        Some(wanted.map_or(Ok(false), |(_, verdict)| verdict.map(|()| true)))
    }

    /// Reads the secrets and certificates that actions name, and makes each ready to run.
    ///
    /// # Errors
    ///
    /// All that is missing or wrong, each with its place.
    pub fn prepare(&self, tools: &Tools<'_>) -> Result<Ready, Diagnostics> {
        let mut findings = Diagnostics::default();
        let mut ready = Ready::new();
        for action in &self.actions {
            let made = action.plan.clone().prepare(tools, &mut findings);
            ready.extend(made.map(|made| (action.id.clone(), action.capture.of(made))));
        }
        if findings.has_errors() { Err(findings) } else { Ok(ready) }
    }
}
