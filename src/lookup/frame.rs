//! What is the same around every kind of lookup: the time that it has, how many are asked at once, what is kept, that many
//! who ask the same wait for one fetch, and what is counted.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use futures_util::FutureExt as _;
use futures_util::future::{Shared, WeakShared};
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout, timeout_at};

use super::asking::Unasked;
use super::cache::{Cache, Limits};
use super::rest::Rest;
use super::set::Definition;
use super::{Asked, Failure, MAX_ANSWER_BYTES, Question, Source};
use crate::base::clock::Clock;
use crate::base::future::BoxFuture;
use crate::base::panics::caught;
use crate::base::units::Span;
use crate::event::Event;
use crate::facts::{self, Answer, Fact, FactSource};
use crate::telemetry::metrics::Metrics;

/// How a lookup is asked, whatever its kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Terms {
    /// How long one fetch may take.
    pub(super) timeout: Duration,
    /// How long an answer counts as if it were just given.
    pub(super) cache: Duration,
    /// How long it is given while nothing better can be had.
    pub(super) stale_for: Duration,
    /// How many answers are kept.
    pub(super) entries: usize,
    /// How many fetches may be under way at once.
    pub(super) concurrency: usize,
}

/// A fetch under way, which many may wait for. Whoever waits drives it; without anybody it is dropped.
type Flight = Shared<BoxFuture<'static, Result<(Answer, DateTime<Utc>), Failure>>>;
type WeakFlight = WeakShared<BoxFuture<'static, Result<(Answer, DateTime<Utc>), Failure>>>;

/// A lookup that can be asked.
pub(super) struct Frame {
    pub(super) lookup: Arc<Definition>,
    source: Arc<dyn Source>,
    cache: Arc<Mutex<Cache>>,
    permits: Semaphore,
    flights: Mutex<HashMap<Arc<Question>, WeakFlight>>,
    /// Whether the last fetch failed, so that it is told once.
    failing: AtomicBool,
    rest: Rest,
    clock: Clock,
    metrics: Metrics,
}

/// An answer, where it comes from and of when it is; or why there is none. With the word that it is counted by.
type Had = (Result<Answer, String>, FactSource, DateTime<Utc>, &'static str);

impl Frame {
    /// A lookup with its source. One that was the same before, `previous`, hands on what it has kept.
    pub(super) fn new(
        lookup: &Arc<Definition>,
        source: Arc<dyn Source>,
        previous: Option<&Self>,
        (clock, metrics): (&Clock, &Metrics),
    ) -> Self {
        let same = previous.filter(|previous| previous.lookup.written == lookup.written);
        Self {
            lookup: lookup.clone(),
            source,
            cache: same.map(|previous| previous.cache.clone()).unwrap_or_default(),
            permits: Semaphore::new(lookup.terms.concurrency),
            flights: Mutex::default(),
            failing: AtomicBool::new(false),
            rest: Rest::default(),
            clock: clock.clone(),
            metrics: metrics.clone(),
        }
    }

    /// What it comes to for an event, no later than `deadline`.
    pub(super) async fn ask(self: &Arc<Self>, event: &Arc<Event>, deadline: Instant) -> Fact {
        let began = self.clock.instant();
        let (answer, source, as_of, counted) = self.have(event, deadline).await;
        let took = self.clock.instant().saturating_duration_since(began);
        self.metrics.looked_up(&self.lookup.id, counted, took);
        Fact { lookup: self.lookup.id.clone(), answer, source, as_of, took }
    }

    async fn have(self: &Arc<Self>, event: &Arc<Event>, deadline: Instant) -> Had {
        let question = self.lookup.askings.iter().find(|asking| asking.event == event.name());
        let question = match question.map(|asking| asking.question(event)) {
            Some(Ok(question)) => Arc::new(question),
            Some(Err(Unasked::Empty)) => {
                return (Ok(Answer::nothing()), FactSource::Fetched, self.clock.now(), "empty");
            }
            Some(Err(Unasked::Failed(why))) => return (Err(why), FactSource::Fetched, self.clock.now(), "failed"),
            None => {
                let why = "it cannot be asked on this event".to_owned();
                return (Err(why), FactSource::Fetched, self.clock.now(), "failed");
            }
        };
        let kept = |age| lock(&self.cache).get(&question, age, self.clock.instant());
        let shared = self.source.is_shared();
        if shared && let Some((answer, as_of)) = kept(self.lookup.terms.cache) {
            return (Ok(answer), FactSource::Cached, as_of, "cached");
        }
        let stale = || shared.then(|| kept(self.lookup.terms.cache + self.lookup.terms.stale_for)).flatten();
        if let Some((answer, as_of)) = stale().filter(|_| self.rest.is_on(self.clock.instant())) {
            return (Ok(answer), FactSource::Stale, as_of, "stale");
        }
        let asked = Asked { question: question.clone(), event: event.clone() };
        let fetch = if shared { self.join(asked).boxed() } else { self.clone().fetch(asked).boxed() };
        let (failed, counted) = match timeout_at(deadline, fetch).await {
            Ok(Ok((answer, as_of))) => return (Ok(answer), FactSource::Fetched, as_of, "fetched"),
            Ok(Err(Failure(why))) => (why, "failed"),
            Err(_) => {
                // Nobody may be left who hears of the end of the fetch.
                self.rest.failed(true, self.clock.instant());
                ("there was no time left for it before the deadline".to_owned(), "late")
            }
        };
        match stale() {
            Some((answer, as_of)) => (Ok(answer), FactSource::Stale, as_of, "stale"),
            None => (Err(failed), FactSource::Fetched, self.clock.now(), counted),
        }
    }

    /// The fetch for a question: one that is under way, or a new one.
    fn join(self: &Arc<Self>, asked: Asked) -> Flight {
        let mut flights = lock(&self.flights);
        if let Some(flight) = flights.get(&asked.question).and_then(WeakShared::upgrade) {
            return flight;
        }
        let question = asked.question.clone();
        let flight = self.clone().fetch(asked).boxed().shared();
        // Those that nobody waits for any more are not taken out by themselves.
        if flights.len() >= 2 * self.lookup.terms.concurrency {
            flights.retain(|_, flight| flight.upgrade().is_some());
        }
        flights.extend(flight.downgrade().map(|flight| (question, flight)));
        flight
    }

    async fn fetch(self: Arc<Self>, asked: Asked) -> Result<(Answer, DateTime<Utc>), Failure> {
        let limit = self.lookup.terms.timeout;
        let fetched = timeout(limit, async {
            // Waiting for its turn is part of the time that it has.
            let Ok(_permit) = self.permits.acquire().await else { return Err(Failure("it is closed".to_owned())) };
            let asked = caught(|| self.source.ask(&asked)).await;
            asked.unwrap_or_else(|_| Err(Failure("asking it ended in a panic".to_owned())))
        });
        let fetched = fetched.await;
        let silent = fetched.is_err();
        let fetched = fetched.unwrap_or_else(|_| Err(Failure(format!("no answer within {}", Span(limit)))));
        let fetched = fetched.and_then(|answer| match facts::size(&answer.value) {
            0..=MAX_ANSWER_BYTES => Ok((answer, self.clock.now())),
            _ => Err(Failure(format!("the answer is larger than {MAX_ANSWER_BYTES} bytes"))),
        });
        self.tell(&fetched);
        match &fetched {
            Ok(_) => self.rest.answered(),
            Err(_) => self.rest.failed(silent, self.clock.instant()),
        }
        if self.source.is_shared() {
            let limits = Limits {
                entries: self.lookup.terms.entries,
                time: self.lookup.terms.cache + self.lookup.terms.stale_for,
            };
            if let Ok((answer, as_of)) = &fetched
                && !limits.time.is_zero()
            {
                let at = (*as_of, self.clock.instant());
                lock(&self.cache).put(&asked.question, answer.clone(), at, limits);
            }
            lock(&self.flights).remove(&asked.question);
        }
        fetched
    }

    /// That a source begins to fail, and that it answers again, is told once.
    fn tell(&self, fetched: &Result<(Answer, DateTime<Utc>), Failure>) {
        let failing = fetched.is_err();
        if self.failing.swap(failing, Ordering::Relaxed) == failing {
            return;
        }
        let lookup = &*self.lookup.id;
        match fetched {
            Ok(_) => tracing::info!(lookup, "the lookup's source answers again"),
            Err(error) => tracing::warn!(lookup, %error, "the lookup's source does not answer"),
        }
    }
}

/// What is in it is right whenever it is let go.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
