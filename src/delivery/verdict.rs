//! What an answer means for a delivery: done, again at some time, or given up.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use crate::action::{self, Answer, Retry};
use crate::base::backoff::Backoff;
use crate::journal::Fate;

/// What is known of a delivery when its answer comes.
pub(super) struct Case {
    /// Attempts, this one counted.
    pub(super) attempts: u32,
    /// When it was accepted.
    pub(super) created_at: DateTime<Utc>,
    /// When the answer came.
    pub(super) now: DateTime<Utc>,
    /// Until when somebody waits for it.
    pub(super) until: Option<DateTime<Utc>>,
}

/// How long to wait before another attempt while somebody waits.
const WHILE_WAITED_FOR: Backoff = Backoff { first: Duration::from_millis(250), max: Duration::from_secs(2) };

/// The fate of a delivery after this answer.
pub(super) fn fate(answer: &Answer, case: &Case, retry: &Retry) -> Fate {
    let after = match answer.fate {
        action::Fate::Done => return Fate::Done,
        action::Fate::Dead => return Fate::Dead { reason: answer.what.clone() },
        action::Fate::Retry { after, .. } => after,
    };
    if retry.count.is_some_and(|count| case.attempts >= count) {
        return Fate::Dead { reason: format!("given up after {} attempts: {}", case.attempts, answer.what) };
    }
    if let Some(until) = case.until {
        if case.now >= until {
            return Fate::Dead { reason: format!("{}, and its caller was answered meanwhile", answer.what) };
        }
        let due = later(case.now, WHILE_WAITED_FOR.delay(case.attempts).max(after.unwrap_or_default()));
        if due >= until {
            return Fate::Dead { reason: format!("{}, and its caller does not wait for another attempt", answer.what) };
        }
        return Fate::Retry { due };
    }
    let last = later(case.created_at, retry.period.0);
    if case.now >= last {
        return Fate::Dead { reason: format!("given up after {}: {}", retry.period, answer.what) };
    }
    let backoff = Backoff { first: retry.first.0, max: retry.max_delay.0 };
    // A target may ask for more patience than we have by ourselves, but not for more than the operator has.
    let asked = after.unwrap_or_default().min(retry.max_delay.0);
    let delay = backoff.delay(case.attempts).max(asked);
    // The last attempt is made when the time is up, not before.
    Fate::Retry { due: later(case.now, delay).min(last) }
}

/// A time so much later, or the last there is.
fn later(time: DateTime<Utc>, by: Duration) -> DateTime<Utc> {
    TimeDelta::from_std(by).ok().and_then(|by| time.checked_add_signed(by)).unwrap_or(DateTime::<Utc>::MAX_UTC)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::action::Trouble;
    use crate::base::units::Span;

    #[test]
    fn an_attempt_is_made_again_until_the_time_or_the_count_is_up() {
        let now: DateTime<Utc> = "2026-11-21T08:30:00Z".parse().expect("a time");
        let ago = |seconds| now - TimeDelta::seconds(seconds);
        let retry = Retry { period: Span(Duration::from_secs(3600)), ..Retry::default() };
        let busy = |after| {
            Answer::new(
                action::Fate::Retry { after: Some(Duration::from_secs(after)), trouble: Trouble::Plain },
                "HTTP 503",
            )
        };
        let case = |attempts, created_at| Case { attempts, created_at, now, until: None };
        let due = |answer: &Answer, case: &Case, retry: &Retry| match fate(answer, case, retry) {
            Fate::Retry { due } => (due - now).num_seconds(),
            other => panic!("{other:?}"),
        };
        assert_eq!(due(&busy(600), &case(1, ago(1)), &retry), 600);
        assert!(due(&busy(0), &case(1, ago(1)), &retry) <= 5);
        assert_eq!(due(&busy(999_999), &case(1, ago(1)), &Retry::default()), 3600);
        assert_eq!(due(&busy(600), &case(9, ago(3500)), &retry), 100);
        let given_up = Fate::Dead { reason: "given up after 1h: HTTP 503".into() };
        assert_eq!(fate(&busy(0), &case(9, ago(3600)), &retry), given_up);
        let counted = Retry { count: Some(3), ..retry };
        assert!(matches!(fate(&busy(0), &case(2, ago(1)), &counted), Fate::Retry { .. }));
        let given_up = Fate::Dead { reason: "given up after 3 attempts: HTTP 503".into() };
        assert_eq!(fate(&busy(0), &case(3, ago(1)), &counted), given_up);
        let endless = Span(Duration::from_millis(u64::MAX));
        let patient = Retry { period: endless, first: endless, max_delay: endless, count: None };
        assert!(matches!(fate(&busy(u64::MAX), &case(1, ago(1)), &patient), Fate::Retry { .. }));
        assert_eq!(fate(&Answer::done("HTTP 200"), &case(1, ago(1)), &retry), Fate::Done);
        assert_eq!(fate(&Answer::dead("HTTP 400"), &case(1, ago(1)), &retry), Fate::Dead { reason: "HTTP 400".into() });
    }
    #[test]
    fn while_somebody_waits_it_is_tried_again_soon_or_not_at_all() {
        let now: DateTime<Utc> = "2026-11-21T08:30:00Z".parse().expect("a time");
        let case =
            |attempts, left| Case { attempts, created_at: now, now, until: Some(now + TimeDelta::milliseconds(left)) };
        let busy = |after| {
            let fate = action::Fate::Retry { after: Some(Duration::from_secs(after)), trouble: Trouble::Plain };
            Answer::new(fate, "HTTP 503")
        };
        let retry = Retry { first: Span(Duration::from_secs(3600)), ..Retry::default() };
        for attempts in 1..20 {
            let Fate::Retry { due } = fate(&busy(0), &case(attempts, 5000), &retry) else { panic!("there is time") };
            assert!(due <= now + TimeDelta::seconds(2), "{due}");
        }
        assert_eq!(fate(&busy(3), &case(1, 5000), &retry), Fate::Retry { due: now + TimeDelta::seconds(3) });
        let dead = |reason: &str| Fate::Dead { reason: format!("HTTP 503, and its caller {reason}") };
        assert_eq!(fate(&busy(5), &case(1, 5000), &retry), dead("does not wait for another attempt"));
        assert_eq!(fate(&busy(0), &case(1, 0), &retry), dead("was answered meanwhile"));
        let counted = Retry { count: Some(1), ..retry };
        assert!(matches!(fate(&busy(0), &case(1, 5000), &counted), Fate::Dead { .. }));
        assert_eq!(fate(&Answer::done("HTTP 200"), &case(1, -5000), &retry), Fate::Done);
    }
}
