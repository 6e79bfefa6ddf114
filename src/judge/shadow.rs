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
use super::{Cause, Judgement};
use crate::base::clock::Clock;
use crate::event::{Decision, Event};
use crate::record::{self, Payload};
use crate::rules::{Judged, RuleOutcome, RuleSet, Stopwatch};
use crate::telemetry::metrics::Metrics;

pub(in crate::judge) use aside::Late;
pub use aside::{Aside, Worker};
pub use difference::Difference;

/// How long they may take where a reply waits, and where none does.
const BEFORE_THE_ENTRY: Duration = Duration::from_millis(2);
const BEHIND_THE_REPLY: Duration = Duration::from_secs(1);

/// The rules of a shadow file.
pub struct Shadow {
    rules: Arc<RuleSet>,
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
        Self { rules, name, except, clock, metrics }
    }

    /// Whether it judges what was judged so: only what rules have decided.
    pub(super) fn follows(&self, event: &Event, judgement: &Judgement) -> bool {
        match judgement.cause {
            Cause::Decided | Cause::Guarded | Cause::Released => {}
            Cause::Failed | Cause::OutOfTime | Cause::Unverified => return false,
        }
        Decision::neutral(event.spec().kind) != Decision::Acknowledge && !self.except.contains(&event.name())
    }

    /// Judges while a reply waits; a large event is left out.
    pub(super) fn judge_briefly(&self, event: &Event, judgement: &Judgement) -> Option<Compared> {
        if event.size() > LARGE_EVENT_BYTES {
            return self.left_out(event);
        }
        let judged = decide(&self.rules, event, judgement, &self.clock, BEFORE_THE_ENTRY);
        self.compared(event, judgement, judged)
    }

    /// Judges behind a reply.
    pub(super) async fn judge(&self, event: &Arc<Event>, judgement: &Arc<Judgement>) -> Option<Compared> {
        let judged = if event.size() <= LARGE_EVENT_BYTES {
            decide(&self.rules, event, judgement, &self.clock, BEHIND_THE_REPLY)
        } else {
            let (rules, clock) = (self.rules.clone(), self.clock.clone());
            let (event, judgement) = (event.clone(), judgement.clone());
            let work = move || decide(&rules, &event, &judgement, &clock, BEHIND_THE_REPLY);
            let Ok(judged) = spawn_blocking(work).await else { return None };
            judged
        };
        self.compared(event, judgement, judged)
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
        let difference = Difference::between(judgement, &judged);
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

fn decide(rules: &RuleSet, event: &Event, judgement: &Judgement, clock: &Clock, budget: Duration) -> Judged {
    let begun: Instant = clock.instant();
    let elapsed = || clock.instant().saturating_duration_since(begun);
    rules.decide(event, &judgement.facts, &Stopwatch { elapsed: &elapsed, budget })
}
