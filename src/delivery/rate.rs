//! How many attempts may begin in a length of time: at even distances, after a small burst.

use std::time::Duration;

use tokio::time::Instant;

use crate::action::Rate;

/// So much of a period's attempts may begin at once.
const BURST: Duration = Duration::from_secs(1);

/// Keeps to a [`Rate`].
#[derive(Debug, Default)]
pub(super) struct Pace {
    /// When the next attempt would begin if all had begun at even distances.
    next: Option<Instant>,
    /// The rate by which that was reckoned.
    rate: Option<Rate>,
}

impl Pace {
    /// Takes a place now; else when there will be one.
    pub(super) fn take(&mut self, rate: Option<Rate>, now: Instant) -> Result<(), Instant> {
        if self.rate != rate {
            // What a slower one had put off is put off no longer.
            *self = Self { next: None, rate };
        }
        let Some(rate) = rate else { return Ok(()) };
        let distance = rate.per / rate.count.max(1);
        let next = self.next.map_or(now, |next| next.max(now));
        // One attempt may always begin where the distance is longer than a burst.
        if let Some(wait) = next.duration_since(now).checked_sub(BURST.saturating_sub(distance))
            && !wait.is_zero()
        {
            return Err(now + wait);
        }
        self.next = Some(next + distance);
        Ok(())
    }

    /// Gives a place back that was not used.
    pub(super) fn give_back(&mut self, rate: Option<Rate>) {
        if let (Some(rate), Some(next)) = (rate, self.next) {
            self.next = next.checked_sub(rate.per / rate.count.max(1));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::clock::Clock;

    #[test]
    fn after_a_burst_attempts_begin_at_even_distances() {
        let start = Clock::system().instant();
        let begun = |rate: Rate, seconds: u64| {
            let mut pace = Pace::default();
            let mut now = start;
            let mut times = Vec::new();
            while now <= start + Duration::from_secs(seconds) {
                match pace.take(Some(rate), now) {
                    Ok(()) => times.push(now - start),
                    Err(next) => now = next,
                }
            }
            times
        };
        let fast = begun(Rate { count: 10, per: Duration::from_secs(1) }, 2);
        assert_eq!(fast.iter().filter(|time| time.is_zero()).count(), 10);
        assert_eq!(fast.len(), 10 + 20);
        let slow = begun(Rate { count: 2, per: Duration::from_secs(60) }, 90);
        assert_eq!(slow, [Duration::ZERO, Duration::from_secs(30), Duration::from_secs(60), Duration::from_secs(90)]);
        let mut none = Pace::default();
        assert!((0..1000).all(|_| none.take(None, start).is_ok()));
    }
}
