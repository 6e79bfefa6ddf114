//! How long to wait before something is tried again.

use std::time::Duration;

use super::ids::random_bytes;

/// Delays that double from try to try, of each of which a part chosen by chance is waited, so that many that failed
/// together do not come back together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    /// The longest first delay.
    pub first: Duration,
    /// What it doubles up to.
    pub max: Duration,
}

impl Backoff {
    /// The longest delay after so many failures, from 1.
    pub fn ceiling(self, failures: u32) -> Duration {
        let doubled = self.first.saturating_mul(2_u32.saturating_pow(failures.saturating_sub(1).min(31)));
        doubled.min(self.max)
    }

    /// A delay after so many failures: anything between nothing and the ceiling.
    pub fn delay(self, failures: u32) -> Duration {
        let chance = f64::from(u32::from_le_bytes(random_bytes())) / f64::from(u32::MAX);
        let ceiling = self.ceiling(failures);
        // A ceiling of all the time there is, which somebody may write, is rounded to more than that.
        Duration::try_from_secs_f64(ceiling.as_secs_f64() * chance).unwrap_or(ceiling)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_double_up_to_a_ceiling_and_are_spread_below_it() {
        let backoff = Backoff { first: Duration::from_secs(5), max: Duration::from_secs(60) };
        let ceilings: Vec<u64> = (1..8).map(|failures| backoff.ceiling(failures).as_secs()).collect();
        assert_eq!(ceilings, [5, 10, 20, 40, 60, 60, 60]);
        assert_eq!(backoff.ceiling(u32::MAX), backoff.max);
        let endless = Backoff { first: Duration::MAX, max: Duration::MAX };
        assert!((0..200).all(|_| endless.delay(1) <= Duration::MAX));
        let delays: Vec<Duration> = (0..200).map(|_| backoff.delay(3)).collect();
        assert!(delays.iter().all(|delay| *delay <= Duration::from_secs(20)));
        assert!(delays.iter().any(|delay| *delay < Duration::from_secs(8)), "{delays:?}");
        assert!(delays.iter().any(|delay| *delay > Duration::from_secs(12)), "{delays:?}");
    }
}
