//! The way of one event: to its handler, within its time, past its guards, and to a decision in any case.
//!
//! Rules are one handler; a program that embeds hookreeve binds others. What is on the wire is the matter of `dialect`.

mod guard;
mod handler;
mod recorder;
mod registry;
mod rules;
mod shadow;

use std::sync::Arc;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;
use tokio::time::{Instant, timeout_at};

use crate::base::clock::Clock;
use crate::base::panics::caught;
use crate::event::{Decision, Event, Kind};
use crate::facts::Facts;
use crate::lookup::Lookups;
use crate::rules::{OnError, RuleSet, Trace};

pub use guard::{GuardSet, Guarding, Guards, HeldBack, RawGuard};
pub use handler::{BoxFuture, Cx, Handler, HandlerError};
pub use recorder::{Asked, Recorded, Recorder};
pub use registry::{Registry, RegistryError};
pub use shadow::{Aside, Difference, Shadow, Worker};

/// What is not decided so long before the deadline is dropped, and the fallback goes out.
const MARGIN: Duration = Duration::from_millis(50);

/// So much of the time is left to the rules when lookups are waited for, or a quarter of a time that is short.
const ROOM_FOR_RULES: Duration = Duration::from_millis(100);

/// How events are decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// What a validate event is answered when nothing could be decided.
    pub on_error: OnError,
    /// What such a refusal says.
    pub error_message: String,
}

/// The time that an event has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    /// When the last byte of its body came.
    pub received: Instant,
    /// From then to the hand-over of the reply.
    pub deadline: Duration,
}

/// Decides events, one handler for each.
pub struct Judge {
    settings: Settings,
    handlers: Vec<registry::Bound>,
    rules: Arc<dyn Handler>,
    guards: Option<(Arc<GuardSet>, Arc<Guards>)>,
    lookups: Arc<Lookups>,
    clock: Clock,
}

/// What was decided, and why.
#[derive(Clone, Debug)]
pub struct Judgement {
    /// The decision; it fits the event, and its changes can be made.
    pub decision: Decision,
    /// How it came about.
    pub cause: Cause,
    /// The rule that settled it, where one did.
    pub rule: Option<Arc<str>>,
    /// What each rule did.
    pub trace: Trace,
    /// What guards made of it.
    pub guarding: Guarding,
    /// What lookups found.
    pub facts: Arc<Facts>,
    /// How long it took, from the last byte of the body on.
    pub took: Duration,
}

/// How a decision came about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// The handler decided.
    Decided,
    /// The handler failed.
    Failed,
    /// The time was up.
    OutOfTime,
    /// The sender was not verified, and is only observed: no handler saw the event.
    Unverified,
    /// The handler decided otherwise, and a guard held that back.
    Guarded,
    /// The handler decided, for a person whom somebody has let pass its guard.
    Released,
    /// The sender only tries the connection: no handler saw the event.
    Trial,
}

impl Cause {
    /// One word for logs and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Decided => "decided",
            Self::Failed => "failed",
            Self::OutOfTime => "out_of_time",
            Self::Unverified => "unverified",
            Self::Guarded => "guarded",
            Self::Released => "released",
            Self::Trial => "trial",
        }
    }
}

impl Judge {
    /// A judge over these rules, with the handlers of `registry` for the events that they are bound to.
    pub fn try_new(
        settings: Settings,
        rules: Arc<RuleSet>,
        registry: &Registry,
        clock: Clock,
    ) -> Result<Self, RegistryError> {
        let handlers = registry.handlers()?;
        let rules = Arc::new(rules::RulesHandler::new(rules));
        Ok(Self { settings, handlers, rules, guards: None, lookups: Arc::default(), clock })
    }

    /// With these guards behind every handler.
    #[must_use]
    pub fn with_guards(mut self, set: Arc<GuardSet>, guards: Arc<Guards>) -> Self {
        self.guards = Some((set, guards));
        self
    }

    /// Has these lookups asked, for the events on which something names them.
    #[must_use]
    pub fn with_lookups(mut self, lookups: Arc<Lookups>) -> Self {
        self.lookups = lookups;
        self
    }

    /// The lookups that it has asked.
    pub fn lookups(&self) -> &Lookups {
        &self.lookups
    }

    /// Decides an event. It answers before the deadline, whatever the handler does, as long as the process is given time to
    /// run.
    pub async fn judge(&self, event: &Arc<Event>, timing: Timing) -> Judgement {
        let facts = if self.lookups.is_idle(event.name()) {
            Arc::default()
        } else {
            Arc::new(self.lookups.fetch(event, timing.last_moment_of_lookups()).await)
        };
        self.judge_with(event, facts, timing).await
    }

    /// The same with what lookups are said to have found: none is asked.
    pub async fn judge_with(&self, event: &Arc<Event>, facts: Arc<Facts>, timing: Timing) -> Judgement {
        let (received, latest) = (timing.received, timing.before(MARGIN));
        let cx = Cx::new(self.clock.clone(), event.clone(), facts.clone(), received, latest);
        let kind = event.spec().kind;
        let (decided, cause) = match timeout_at(latest, guarded(self.handler(event.name()), event, &cx)).await {
            Ok(Ok(decision)) if fits(event, &decision) => (Some(decision), Cause::Decided),
            Ok(Ok(decision)) => {
                let outcome = decision.outcome();
                tracing::error!(event = event.name(), outcome, "the handler's decision does not fit the event");
                (None, Cause::Failed)
            }
            Ok(Err(error)) => {
                let request_id = event.request_id();
                let error = with_causes(&error);
                tracing::error!(event = event.name(), %request_id, error, "the handler failed, the fallback goes out");
                (None, Cause::Failed)
            }
            Err(_) => (None, Cause::OutOfTime),
        };
        let (trace, rule) = cx.into_trace();
        let mut judgement = Judgement {
            rule: rule.filter(|_| decided.is_some()),
            decision: decided.unwrap_or_else(|| self.fallback(kind)),
            cause,
            trace,
            facts,
            guarding: Guarding::default(),
            took: Duration::ZERO,
        };
        self.guard(event, &mut judgement);
        judgement.took = self.clock.instant().saturating_duration_since(received);
        judgement
    }

    /// Lets guards have their word: what one of them holds back is answered neutrally.
    fn guard(&self, event: &Event, judgement: &mut Judgement) {
        let Some((set, guards)) = &self.guards else { return };
        judgement.guarding = guards.weigh(set, event, &judgement.decision, judgement.rule.as_ref());
        if judgement.guarding.held.is_some() {
            judgement.decision = Decision::neutral(event.spec().kind);
            judgement.rule = None;
            if let Some(held) = &mut judgement.guarding.held {
                held.cause = judgement.cause;
            }
            judgement.cause = Cause::Guarded;
        } else if judgement.guarding.released && judgement.cause == Cause::Decided {
            judgement.cause = Cause::Released;
        }
    }

    /// The neutral answer for an event that no handler sees, and why.
    pub fn pass(&self, event: &Event, received: Instant, cause: Cause) -> Judgement {
        Judgement {
            decision: Decision::neutral(event.spec().kind),
            cause,
            rule: None,
            trace: Trace::default(),
            guarding: Guarding::default(),
            facts: Arc::default(),
            took: self.clock.instant().saturating_duration_since(received),
        }
    }

    fn handler(&self, event: &str) -> &dyn Handler {
        let bound = self.handlers.iter().find(|(name, _)| *name == event);
        bound.map_or(self.rules.as_ref(), |(_, handler)| handler.as_ref())
    }

    /// The answer where there is no decision: what `on_error` says for a validate event, else the neutral one.
    fn fallback(&self, kind: Kind) -> Decision {
        match (kind, self.settings.on_error) {
            (Kind::Verdict, OnError::Deny) => Decision::Refuse(self.settings.error_message.clone()),
            _ => Decision::neutral(kind),
        }
    }
}

impl Timing {
    /// So long before the deadline.
    pub fn before(self, margin: Duration) -> Instant {
        self.received + self.deadline.saturating_sub(margin)
    }

    /// Until when lookups are waited for, so that the rules have some time after them, whatever it comes to.
    fn last_moment_of_lookups(self) -> Instant {
        let time = self.deadline.saturating_sub(MARGIN);
        self.received + time.saturating_sub(ROOM_FOR_RULES.min(time / 4))
    }
}

/// An error's message, and those of its causes.
fn with_causes(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

/// Runs a handler; its panic is an error of its own, not the end of the connection.
async fn guarded(handler: &dyn Handler, event: &Event, cx: &Cx) -> Result<Decision, HandlerError> {
    let handled = caught(|| handler.handle(event, cx)).await;
    handled.unwrap_or_else(|panicked| Err(HandlerError::new(panicked.to_string())))
}

fn fits(event: &Event, decision: &Decision) -> bool {
    decision.fits(event.spec().kind)
        && match (decision, event.user()) {
            (Decision::Accept(changes), Some(user)) if !changes.is_empty() => changes.apply(user).is_ok(),
            (Decision::Accept(changes), None) => changes.is_empty(),
            _ => true,
        }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::ids::RequestId;
    use crate::dialect::cymmetri;
    use crate::event::{Arrival, Change, Changes, FieldPath, KindSet, catalog};

    enum Behave {
        Hang,
        Panic,
        Fail,
        Misfit,
        Impossible,
    }

    impl Handler for Behave {
        fn kinds(&self) -> KindSet {
            KindSet::all()
        }

        fn handle<'a>(&'a self, _: &'a Event, _: &'a Cx) -> BoxFuture<'a, Result<Decision, HandlerError>> {
            Box::pin(async move {
                match self {
                    Self::Hang => std::future::pending().await,
                    Self::Panic => panic!("as a test"),
                    Self::Fail => Err(HandlerError::new("the database is down")),
                    Self::Misfit => Ok(Decision::Acknowledge),
                    Self::Impossible => {
                        let path = FieldPath::parse("login.x").expect("a path");
                        Ok(Decision::Accept(Changes::from_iter([Change::Set(path, 1.into())])))
                    }
                }
            })
        }
    }

    async fn judged(handler: Behave, on_error: OnError) -> Judgement {
        let settings = Settings { on_error, error_message: "Unavailable".into() };
        let registry = Registry::new().bind("validateUser", handler);
        let clock = Clock::system();
        let judge = Judge::try_new(settings, Arc::default(), &registry, clock.clone()).expect("handlers that fit");
        let spec = catalog::find("validateUser").expect("an event");
        let request_id = RequestId::random();
        let arrival = Arrival { token: None, received_at: clock.now(), request_id };
        let event = cymmetri::decode(spec, spec.sample.into(), arrival).expect("the sample");
        let timing = Timing { received: clock.instant(), deadline: Duration::from_secs(2) };
        judge.judge(&Arc::new(event), timing).await
    }

    #[tokio::test(start_paused = true)]
    async fn whatever_a_handler_does_the_fallback_goes_out_in_time() {
        for (behave, cause) in [
            (Behave::Hang, Cause::OutOfTime),
            (Behave::Panic, Cause::Failed),
            (Behave::Fail, Cause::Failed),
            (Behave::Misfit, Cause::Failed),
            (Behave::Impossible, Cause::Failed),
        ] {
            let judgement = judged(behave, OnError::Deny).await;
            assert_eq!(judgement.cause, cause);
            assert_eq!(judgement.decision, Decision::Refuse("Unavailable".into()));
            assert!(judgement.took < Duration::from_secs(2), "{:?}", judgement.took);
        }
        let judgement = judged(Behave::Hang, OnError::Allow).await;
        assert_eq!(judgement.decision, Decision::Accept(Changes::default()));
    }
}
