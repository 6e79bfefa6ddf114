//! What decides an event.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::time::Instant;

use crate::base::clock::Clock;
use crate::event::{Decision, Event, KindSet};
use crate::facts::Facts;
use crate::rules::Trace;

pub use crate::base::future::BoxFuture;

/// Turns one event into a decision.
///
/// A server with a handler of its own binds it to an event in a [`Registry`](super::Registry) and keeps all the rest:
///
/// ```
/// use hookreeve::event::{Changes, Decision, Event, Kind, KindSet};
/// use hookreeve::judge::{BoxFuture, Cx, Handler, HandlerError};
///
/// struct NoWeekends;
///
/// impl Handler for NoWeekends {
///     fn kinds(&self) -> KindSet {
///         KindSet::of(&[Kind::Verdict])
///     }
///
///     fn handle<'a>(&'a self, event: &'a Event, _cx: &'a Cx) -> BoxFuture<'a, Result<Decision, HandlerError>> {
///         Box::pin(async move {
///             let weekend = event.received_at().format("%u").to_string() > "5".to_owned();
///             Ok(if weekend { Decision::Refuse("NotOnWeekends".into()) } else { Decision::Accept(Changes::default()) })
///         })
///     }
/// }
/// ```
///
/// Convention: the decision must be one that the event's kind can have ([`Decision::fits`]), and its changes must be
/// possible on the person as received; else the event is answered as if the handler had failed. The same event may come
/// twice. The future is dropped when the time is up or the sender is gone, at any `.await`; it must not do what may happen
/// only once. Pre and validate events may be refused later by the system that asks, so that they have no side effects.
pub trait Handler: Send + Sync {
    /// The kinds of events that it can decide; binding it to an event of another kind is an error at start.
    fn kinds(&self) -> KindSet;

    /// The ids of the lookups whose answers it wants, in [`Cx::facts`]: they are asked before it is. One that is not
    /// configured is an error at start.
    fn lookups(&self) -> &[&str] {
        &[]
    }

    /// Decides the event. An error, a panic and a late decision are answered as the configuration's `on_error` says for
    /// validate events, and neutrally for others.
    fn handle<'a>(&'a self, event: &'a Event, cx: &'a Cx) -> BoxFuture<'a, Result<Decision, HandlerError>>;
}

/// Why a handler has no decision. The message goes to the log, and so do those of its causes: none may hold a value of the
/// event.
#[derive(Debug)]
pub struct HandlerError {
    message: String,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

/// What a handler may use beside the event.
pub struct Cx {
    clock: Clock,
    received: Instant,
    latest: Instant,
    event: Arc<Event>,
    facts: Arc<Facts>,
    trace: Mutex<(Trace, Option<Arc<str>>)>,
}

impl HandlerError {
    /// An error with this message.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), source: None }
    }

    /// An error with this message and its cause.
    pub fn with_source(
        message: impl Into<String>,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        Self { message: message.into(), source: Some(source.into()) }
    }
}

impl fmt::Display for HandlerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for HandlerError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}

impl Cx {
    pub(super) fn new(clock: Clock, event: Arc<Event>, facts: Arc<Facts>, received: Instant, latest: Instant) -> Self {
        Self { clock, received, latest, event, facts, trace: Mutex::default() }
    }

    /// The wall clock, UTC.
    pub fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    /// The event once more, for work that outlives the borrow.
    pub fn event(&self) -> Arc<Event> {
        self.event.clone()
    }

    /// What lookups found for the event, beforehand.
    pub fn facts(&self) -> &Arc<Facts> {
        &self.facts
    }

    /// A stopwatch that started with the event's last byte, for work that outlives this.
    pub(super) fn stopwatch(&self) -> impl Fn() -> Duration + Send + 'static {
        let (clock, received) = (self.clock.clone(), self.received);
        move || clock.instant().saturating_duration_since(received)
    }

    /// How long the event has been at it.
    pub fn elapsed(&self) -> Duration {
        self.clock.instant().saturating_duration_since(self.received)
    }

    /// How much time is left before the fallback goes out.
    pub fn remaining(&self) -> Duration {
        self.latest.saturating_duration_since(self.clock.instant())
    }

    /// Leaves what rules did, and the one that settled the matter, with the decision.
    pub fn leave_trace(&self, trace: Trace, rule: Option<Arc<str>>) {
        *self.trace.lock().unwrap_or_else(PoisonError::into_inner) = (trace, rule);
    }

    pub(super) fn into_trace(self) -> (Trace, Option<Arc<str>>) {
        self.trace.into_inner().unwrap_or_else(PoisonError::into_inner)
    }
}
