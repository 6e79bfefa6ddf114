//! What becomes of the work, by what a target answered over HTTP.

use std::time::Duration;

use chrono::{DateTime, TimeDelta};

use super::{Answer, Fate, Trouble};
use crate::base::clock::Clock;
use crate::base::secret::Secret;
use crate::outgoing::{Failure, Received};

/// The fate of a status.
pub(super) fn fate(status: u16, after: Option<Duration>, done: &[u16]) -> Fate {
    match status {
        200..=299 => Fate::Done,
        listed if done.contains(&listed) => Fate::Done,
        401 | 403 | 404 | 407 => Fate::Retry { after, trouble: Trouble::Target },
        408 | 425 | 429 | 500..=599 => Fate::Retry { after, trouble: Trouble::Plain },
        _ => Fate::Dead,
    }
}

/// The answer that a response is. What a target says is kept where it is not done and was given no secret field; `secrets`
/// that it repeats are struck out.
pub(super) fn of(received: &Received, done: &[u16], secrets: &[Secret], given_secrets: bool, clock: &Clock) -> Answer {
    let after = received.retry_after.as_deref().and_then(|text| retry_after(text, clock));
    let fate = fate(received.status, after, done);
    if fate == Fate::Done {
        return match &received.broken {
            // It may be a proxy's word, or that of a server that fell over its own answer: only the whole answer counts.
            Some(failure) => Answer::retry(format!("HTTP {}, but {failure}", received.status)),
            None => Answer::done(format!("HTTP {}", received.status)),
        };
    }
    let answer = Answer::new(fate, format!("HTTP {}", received.status));
    if given_secrets { answer } else { answer.with_detail(&struck_out(&received.body, secrets)) }
}

/// The answer where nothing came back.
pub(super) fn of_failure(failure: &Failure) -> Answer {
    match failure {
        Failure::Refused(_) | Failure::ProxyDenied => Answer::trouble(failure.to_string()),
        Failure::TimedOut(_) | Failure::Name | Failure::Network(_) => Answer::retry(failure.to_string()),
    }
}

/// How long a target asks to be left alone: seconds, or a time.
pub(super) fn retry_after(text: &str, clock: &Clock) -> Option<Duration> {
    let text = text.trim();
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        // More seconds than there are: as long as can be.
        return Some(Duration::from_secs(text.parse().unwrap_or(u64::from(u32::MAX))));
    }
    let time = DateTime::parse_from_rfc2822(text).ok()?;
    Some((time.to_utc() - clock.now()).max(TimeDelta::zero()).to_std().unwrap_or_default())
}

/// What was said without the secrets in it.
pub(super) fn struck_out(said: &[u8], secrets: &[Secret]) -> Vec<u8> {
    // A header's value with its prefix, and what stands behind it.
    let parts = |secret: &'_ Secret| {
        let whole = secret.expose().trim_ascii().to_vec();
        let bare = whole.split(|byte| *byte == b' ').next_back().unwrap_or_default().to_vec();
        [whole, bare].map(Secret::new)
    };
    let hidden: Vec<Secret> = secrets.iter().flat_map(parts).filter(|secret| !secret.expose().is_empty()).collect();
    let mut kept = Vec::with_capacity(said.len());
    let mut rest = said;
    while let Some((first, after)) = rest.split_first() {
        if let Some(secret) = hidden.iter().find(|secret| rest.starts_with(secret.expose())) {
            kept.extend_from_slice("…".as_bytes());
            rest = &rest[secret.expose().len()..];
        } else {
            kept.push(*first);
            rest = after;
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_has_its_fate() {
        let plain = Fate::Retry { after: None, trouble: Trouble::Plain };
        let target = Fate::Retry { after: None, trouble: Trouble::Target };
        for status in 100..=599_u16 {
            let expected = match status {
                200..=299 => Fate::Done,
                401 | 403 | 404 | 407 => target,
                408 | 425 | 429 | 500.. => plain,
                _ => Fate::Dead,
            };
            assert_eq!(fate(status, None, &[]), expected, "{status}");
        }
        for status in [409, 404, 503] {
            assert_eq!(fate(status, None, &[404, 409, 503]), Fate::Done);
        }
    }

    #[test]
    fn retry_after_is_seconds_or_a_time() {
        let clock = Clock::fixed("2026-11-21T08:30:00Z".parse().expect("a time"));
        for (text, expected) in [
            ("0", Some(0)),
            (" 120 ", Some(120)),
            ("99999999999999999999999", Some(u64::from(u32::MAX))),
            ("Sat, 21 Nov 2026 08:31:30 GMT", Some(90)),
            ("Sat, 21 Nov 2026 08:00:00 GMT", Some(0)),
            ("", None),
            ("soon", None),
            ("-5", None),
            ("1.5", None),
        ] {
            assert_eq!(retry_after(text, &clock), expected.map(Duration::from_secs), "{text}");
        }
    }

    #[test]
    fn a_secret_that_a_target_repeats_is_struck_out() {
        let secrets = [Secret::new("Bearer abc123"), Secret::new("")];
        let said = struck_out(b"bad token: Bearer abc123; abc123!", &secrets);
        assert_eq!(String::from_utf8_lossy(&said), "bad token: …; …!");
    }
}
