//! The only reader of the time: wall clock for what people see, monotonic clock for deadlines.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::time::Instant;

/// A source of both clocks. Cloning is cheap and every clone tells the same time.
#[derive(Clone, Debug)]
pub struct Clock(Kind);

#[derive(Clone, Debug)]
enum Kind {
    System,
    Fixed(Arc<Mutex<DateTime<Utc>>>),
}

impl Clock {
    /// The machine's clocks.
    pub fn system() -> Self {
        Self(Kind::System)
    }

    /// A wall clock that stands at `now` until [`Clock::advance`] moves it. The monotonic clock is tokio's.
    pub fn fixed(now: DateTime<Utc>) -> Self {
        Self(Kind::Fixed(Arc::new(Mutex::new(now))))
    }

    /// The wall clock, UTC.
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the wall clock")]
    pub fn now(&self) -> DateTime<Utc> {
        match &self.0 {
            Kind::System => Utc::now(),
            Kind::Fixed(now) => *now.lock().unwrap_or_else(PoisonError::into_inner),
        }
    }

    /// The wall clock in whole seconds since 1970, as tokens count.
    pub fn unix_seconds(&self) -> i64 {
        self.now().timestamp()
    }

    /// The monotonic clock, for deadlines and durations.
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the monotonic clock")]
    pub fn instant(&self) -> Instant {
        Instant::now()
    }

    /// Moves a fixed clock on; the machine's clock is left alone.
    pub fn advance(&self, by: Duration) {
        if let Kind::Fixed(now) = &self.0 {
            let mut now = now.lock().unwrap_or_else(PoisonError::into_inner);
            *now += by;
        }
    }
}
