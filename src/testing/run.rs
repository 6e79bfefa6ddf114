//! A test, run: its event is decided as the server decides it, and what came of it is compared.

use std::sync::Arc;

use super::Test;
use super::compare::{Fault, faults};
use super::coverage::Coverage;
use crate::action::{ActionSet, DecisionView};
use crate::base::json::Json;
use crate::event::{Event, FieldPath};
use crate::facts::Facts;
use crate::rules::{Judged, RuleOutcome, RuleSet};

/// What is tested.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// The rules.
    pub rules: &'a RuleSet,
    /// The actions.
    pub actions: &'a ActionSet,
}

/// What came of a test.
#[derive(Debug)]
pub struct Report<'t> {
    /// The test.
    pub test: &'t Test,
    /// What is not as it was to be: nothing where the test has passed.
    pub faults: Vec<Fault>,
    /// What was decided; none where there was no event to decide.
    pub judged: Option<Judged>,
}

impl Report<'_> {
    /// Whether all was as it was to be.
    pub fn passed(&self) -> bool {
        self.faults.is_empty()
    }
}

impl Test {
    /// Runs it, and adds to what is known to be reached.
    pub fn run(&self, subject: &Subject<'_>, coverage: &mut Coverage) -> Report<'_> {
        let event = match self.event() {
            Ok(event) => event,
            Err(error) => return Report { test: self, faults: vec![Fault::of_test(error.to_string())], judged: None },
        };
        let explained = subject.rules.explain(&event, &self.facts);
        coverage.add(event.name(), &explained);
        let judged = explained.judged;
        let sent = sent(subject.actions, &event, &self.facts, &judged);
        let sent: Vec<(&str, bool)> = sent.iter().map(|(id, certain)| (&**id, *certain)).collect();
        let mut faults = faults(&self.expect, &event, &judged, &sent);
        faults.extend(self.unasked(subject, &judged).into_iter().map(Fault::of_test));
        faults.extend(self.idle(subject, &event, &judged).map(Fault::of_test));
        Report { test: self, faults, judged: Some(judged) }
    }

    /// The lookups of which it does not say what rules need to know, and those of which it does and nobody asks.
    fn unasked(&self, subject: &Subject<'_>, judged: &Judged) -> Vec<String> {
        let named = subject.rules.lookups(self.spec.name);
        let missing = named.iter().filter(|id| self.facts.get(id).is_none()).filter_map(|id| {
            let failed = format!("lookup `{id}` failed");
            let (rule, _) = judged.trace.errors().find(|(_, error)| error.message.starts_with(&failed))?;
            Some(format!(
                "rule `{}` asks `lookup.{id}`: say what it finds, `lookup.{id} = {{ found = false }}`",
                rule.id
            ))
        });
        let by_actions = subject.actions.lookups(self.spec.name);
        let is_idle = |id: &Arc<str>| !named.contains(id) && !by_actions.contains(id);
        let idle = self.facts.iter().map(|fact| &fact.lookup).filter(|id| is_idle(id));
        missing.chain(idle.map(|id| format!("nothing on {} asks `lookup.{id}`", self.spec.name))).collect()
    }

    /// Why it proves nothing, where it does not: it would pass whatever the rules say.
    fn idle(&self, subject: &Subject<'_>, event: &Event, judged: &Judged) -> Option<String> {
        let name = self.spec.name;
        let asks_actions = self.expect.actions.is_some() && subject.actions.follows(name);
        if judged.trace.rules().next().is_none() {
            let on_actions = if self.expect.actions.is_some() { ", and no action" } else { "" };
            return (!asks_actions).then(|| format!("it exercises nothing: no rule is on {name}{on_actions}"));
        }
        let counts = |outcome: &RuleOutcome| matches!(outcome, RuleOutcome::Held { .. } | RuleOutcome::Erred(_));
        let always: &[&str] = if self.gives_now { &["event"] } else { &["event", "now"] };
        let touched = subject.rules.looks_at(event, &self.facts, always);
        if touched || asks_actions || judged.trace.rules().any(|rule| counts(rule.outcome)) {
            return None;
        }
        // That a field is not there is something to test, too; that it is misspelt is not.
        let given = given(event);
        let why = match given.iter().find(|path| !subject.rules.knows(name, path)) {
            Some(unknown) => format!("and `{}` is no field that is known", FieldPath::of(unknown)),
            None if given.is_empty() => "for it gives none".to_owned(),
            None => return None,
        };
        Some(format!("it exercises nothing: no condition of a rule on {name} names a field that it gives, {why}"))
    }
}

/// The fields that an event has, of the request and of the person.
fn given(event: &Event) -> Vec<Vec<String>> {
    let below = |json: Option<Json<'_>>, first: &str| -> Vec<Vec<String>> {
        let keys = json.into_iter().flat_map(Json::members).filter_map(|(key, _)| key.decode().ok());
        keys.map(|key| vec![first.to_owned(), key.into_owned()]).collect()
    };
    let mut fields = below(event.request(), "request");
    fields.retain(|path| path[1] != "user");
    fields.extend(below(event.user(), "user"));
    fields
}

/// The actions that want the event, each with whether that could be said.
pub(super) fn sent(actions: &ActionSet, event: &Event, facts: &Facts, judged: &Judged) -> Vec<(Arc<str>, bool)> {
    let decision = DecisionView::of(&judged.decision, judged.rule.as_deref());
    let wanted = actions.wanted(event, facts, &decision);
    wanted.into_iter().map(|(action, wanted)| (action.id.clone(), wanted.is_ok())).collect()
}
