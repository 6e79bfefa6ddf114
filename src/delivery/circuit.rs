//! A target that does not answer as it should is left alone for a while, and then asked once.

use std::time::Duration;

use tokio::time::Instant;

use crate::action::Trouble;
use crate::base::backoff::Backoff;

/// So many attempts in a row must fail before a target counts as dead.
const FAILURES: u32 = 5;
/// How long it is left alone.
const PAUSES: Backoff = Backoff { first: Duration::from_secs(5), max: Duration::from_secs(60) };

/// Whether a target may be asked.
#[derive(Debug, Default)]
pub(super) struct Circuit {
    state: State,
    /// Failures in a row.
    failures: u32,
    /// How often it was opened in a row.
    opened: u32,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Closed,
    Open {
        until: Instant,
    },
    /// One attempt is under way that tells.
    Asking,
}

/// What an answer did to the circuit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// Nothing that anybody must hear of.
    None,
    /// The target counts as dead from now on.
    Opened { pause: Duration },
    /// It is back.
    Closed,
}

impl Circuit {
    /// Whether an attempt may begin now; else when one may, where that is known.
    pub(super) fn take(&mut self, now: Instant) -> Result<(), Option<Instant>> {
        match self.state {
            State::Closed => Ok(()),
            State::Open { until } if now >= until => {
                self.state = State::Asking;
                Ok(())
            }
            State::Open { until } => Err(Some(until)),
            State::Asking => Err(None),
        }
    }

    /// An attempt that was allowed was not made.
    pub(super) fn give_back(&mut self, now: Instant) {
        if self.state == State::Asking {
            self.state = State::Open { until: now };
        }
    }

    /// The target answered as a target that is there.
    pub(super) fn answered(&mut self) -> Turn {
        self.failures = 0;
        self.opened = 0;
        if std::mem::take(&mut self.state) == State::Closed { Turn::None } else { Turn::Closed }
    }

    /// The target failed.
    pub(super) fn failed(&mut self, trouble: Trouble, now: Instant) -> Turn {
        self.failures = self.failures.saturating_add(1);
        let dead = match trouble {
            Trouble::Target => true,
            Trouble::Plain => self.failures >= FAILURES,
        };
        match self.state {
            State::Closed if !dead => return Turn::None,
            // Attempts that were under way when it opened tell nothing new.
            State::Open { .. } => return Turn::None,
            State::Closed | State::Asking => {}
        }
        let is_news = self.state == State::Closed;
        self.opened = self.opened.saturating_add(1);
        let pause = PAUSES.ceiling(self.opened);
        self.state = State::Open { until: now + pause };
        if is_news { Turn::Opened { pause } } else { Turn::None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::clock::Clock;

    #[test]
    fn a_dead_target_is_left_alone_and_then_asked_once() {
        let mut now = Clock::system().instant();
        let mut circuit = Circuit::default();
        for _ in 0..4 {
            assert_eq!(circuit.failed(Trouble::Plain, now), Turn::None);
        }
        assert_eq!(circuit.answered(), Turn::None);
        for _ in 0..4 {
            assert_eq!(circuit.failed(Trouble::Plain, now), Turn::None);
        }
        assert_eq!(circuit.failed(Trouble::Plain, now), Turn::Opened { pause: Duration::from_secs(5) });
        assert_eq!(circuit.failed(Trouble::Plain, now), Turn::None);
        assert_eq!(circuit.take(now), Err(Some(now + Duration::from_secs(5))));
        now += Duration::from_secs(5);
        assert_eq!(circuit.take(now), Ok(()));
        assert_eq!(circuit.take(now), Err(None));
        assert_eq!(circuit.failed(Trouble::Plain, now), Turn::None);
        assert_eq!(circuit.take(now), Err(Some(now + Duration::from_secs(10))));
        now += Duration::from_secs(10);
        assert_eq!(circuit.take(now), Ok(()));
        circuit.give_back(now);
        assert_eq!(circuit.take(now), Ok(()));
        assert_eq!(circuit.answered(), Turn::Closed);
        assert_eq!(circuit.take(now), Ok(()));
        assert_eq!(circuit.failed(Trouble::Target, now), Turn::Opened { pause: Duration::from_secs(5) });
    }
}
