//! Rules that are only tried: the shadow file's judge what the real ones have judged, and the difference is kept with it.
//!
//! They are not on the way of a reply. What nobody waits for goes to a queue, and is judged and kept behind the reply; where a
//! reply waits for its entry anyway, small events are judged before that is written.

mod aside;
mod difference;

use std::sync::Arc;
use std::time::Duration;

use tokio::task::spawn_blocking;
use tokio::time::Instant;

use super::rules::LARGE_EVENT_BYTES;
use super::{Cause, HeldBack, Judgement};
use crate::base::clock::Clock;
use crate::base::panics::caught_now;
use crate::event::{Decision, Event};
use crate::facts::{Fact, Facts};
use crate::lookup::Lookups;
use crate::record::{self, Payload};
use crate::rules::{Judged, RuleOutcome, RuleSet, Stopwatch};
use crate::telemetry::metrics::Metrics;

pub(in crate::judge) use aside::Late;
pub use aside::{Aside, Worker};
pub use difference::Difference;

/// How long they may take where a reply waits, and where none does.
const BEFORE_THE_ENTRY: Duration = Duration::from_millis(2);
const BEHIND_THE_REPLY: Duration = Duration::from_secs(1);
/// How long lookups are waited for behind a reply; each has a time-out of its own.
const LOOKING_UP: Duration = Duration::from_secs(2);

/// The rules of a shadow file.
pub struct Shadow {
    rules: Arc<RuleSet>,
    lookups: Lookups,
    /// Lookups that are other ones than those of the same name that the real rules have.
    own: Vec<Arc<str>>,
    /// The beginning of their hash, by which entries name them.
    name: String,
    /// Events that a handler of the program's own decides.
    except: Vec<&'static str>,
    clock: Clock,
    metrics: Metrics,
}

/// What they decided, and how that differs.
pub(super) struct Compared {
    judged: Judged,
    difference: Option<Difference>,
}

impl Shadow {
    /// These rules; events that are decided by no rules are left out.
    pub fn new(
        rules: Arc<RuleSet>,
        hash: &[u8; 32],
        except: Vec<&'static str>,
        clock: Clock,
        metrics: Metrics,
    ) -> Self {
        let name = crate::base::ids::hex(&hash[..8]);
        Self { rules, lookups: Lookups::default(), own: Vec::new(), name, except, clock, metrics }
    }

    /// With these lookups, of which those of `own` are not what the real rules have under that name.
    #[must_use]
    pub fn with_lookups(self, lookups: Lookups, own: Vec<Arc<str>>) -> Self {
        Self { lookups, own, ..self }
    }

    /// Whether it judges what was judged so: only what rules have decided.
    pub(super) fn follows(&self, event: &Event, judgement: &Judgement) -> bool {
        if judgement.guarding.held.as_ref().is_some_and(HeldBack::is_fallback) {
            return false;
        }
        match judgement.cause {
            Cause::Decided | Cause::Guarded | Cause::Released => {}
            Cause::Failed | Cause::OutOfTime | Cause::Unverified | Cause::Trial => return false,
        }
        Decision::neutral(event.spec().kind) != Decision::Acknowledge && !self.except.contains(&event.name())
    }

    /// Judges while a reply waits; a large event, and one for which something is to be looked up, is left out.
    pub(super) fn judge_briefly(&self, event: &Event, judgement: &Judgement) -> Option<Compared> {
        let Some(facts) = self.known(event, judgement).filter(|_| event.size() <= LARGE_EVENT_BYTES) else {
            return self.left_out(event);
        };
        let judging = || {
            let judged = decide(&self.rules, event, facts, &self.clock, BEFORE_THE_ENTRY);
            self.compared(event, judgement, judged)
        };
        // A panic costs the comparison alone.
        caught_now(judging).unwrap_or_else(|_| self.left_out(event))
    }

    /// Judges behind a reply.
    pub(super) async fn judge(&self, event: &Arc<Event>, judgement: &Arc<Judgement>) -> Option<Compared> {
        let facts = self.facts(event, judgement).await;
        let judged = if event.size() <= LARGE_EVENT_BYTES {
            decide(&self.rules, event, &facts, &self.clock, BEHIND_THE_REPLY)
        } else {
            let (rules, clock, large) = (self.rules.clone(), self.clock.clone(), event.clone());
            let work = move || decide(&rules, &large, &facts, &clock, BEHIND_THE_REPLY);
            let Ok(judged) = spawn_blocking(work).await else { return self.left_out(event) };
            judged
        };
        self.compared(event, judgement, judged)
    }

    /// What its rules need to know, where the real rules have looked up all of it.
    fn known<'a>(&self, event: &Event, judgement: &'a Judgement) -> Option<&'a Arc<Facts>> {
        let has = |id: &Arc<str>| !self.own.contains(id) && judgement.facts.get(id).is_some();
        self.rules.lookups(event.name()).iter().all(has).then_some(&judgement.facts)
    }

    /// The same, looked up where it was not. What both know is what the real rules have seen.
    async fn facts(&self, event: &Arc<Event>, judgement: &Judgement) -> Arc<Facts> {
        if let Some(facts) = self.known(event, judgement) {
            return facts.clone();
        }
        let fetched = self.lookups.fetch(event, self.clock.instant() + LOOKING_UP).await;
        let seen =
            |fact: &Fact| judgement.facts.get(&fact.lookup).filter(|_| !self.own.contains(&fact.lookup)).cloned();
        Arc::new(fetched.iter().map(|fact| seen(fact).unwrap_or_else(|| fact.clone())).collect())
    }

    /// Counts an event that it did not judge.
    pub(super) fn left_out(&self, event: &Event) -> Option<Compared> {
        self.metrics.shadow(event.name(), "left_out");
        None
    }

    fn compared(&self, event: &Event, judgement: &Judgement, judged: Judged) -> Option<Compared> {
        if judged.trace.rules().any(|rule| *rule.outcome == RuleOutcome::OutOfTime) {
            return self.left_out(event);
        }
        let difference = Difference::between(event, judgement, &judged);
        if let Some(difference) = difference.map(Difference::as_str) {
            let request_id = event.request_id();
            tracing::debug!(%request_id, event = event.name(), difference, "the shadow file judges otherwise");
        }
        self.metrics.shadow(event.name(), difference.map_or("none", Difference::as_str));
        Some(Compared { judged, difference })
    }
}

impl Compared {
    /// Adds it to the record of its event.
    pub(super) fn add_to(&self, record: &mut Vec<u8>, shadow: &Shadow, payload: Payload) {
        let difference = self.difference.map(Difference::as_str);
        record::shadowed(record, &shadow.name, difference, &self.judged, payload);
    }
}

fn decide(rules: &RuleSet, event: &Event, facts: &Facts, clock: &Clock, budget: Duration) -> Judged {
    let begun: Instant = clock.instant();
    let elapsed = || clock.instant().saturating_duration_since(begun);
    rules.decide(event, facts, &Stopwatch { elapsed: &elapsed, budget })
}
