//! How an action's work is delivered, as its table says: order, retries, how much at once. Whoever delivers keeps to it.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;
use serde::de::{Deserializer, Error};

use crate::base::units::Span;

/// How an action's work is delivered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// What waits for what.
    pub order: Order,
    /// How long and how often it is tried.
    pub retry: Retry,
    /// How long one attempt may take.
    pub timeout: Duration,
    /// How many attempts may be under way at once, at least 1.
    pub concurrency: usize,
    /// How many attempts may begin in a length of time; none: as many as there are.
    pub rate: Option<Rate>,
}

/// What waits for what.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Order {
    /// A person's events one after the other, in the order in which they came.
    #[default]
    Person,
    /// Nothing.
    None,
}

/// `retry = { for = "3d", first = "5s", max_delay = "1h" }`: how long and how often an attempt is made again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Retry {
    /// How long after the event attempts are made. Default: `3d`.
    #[serde(default = "Retry::default_period", rename = "for")]
    pub period: Span,
    /// The longest delay before the second attempt; it doubles from attempt to attempt, and each time a part of it chosen by
    /// chance is waited. Default: `5s`.
    #[serde(default = "Retry::default_first")]
    pub first: Span,
    /// What it doubles up to. Default: `1h`.
    #[serde(default = "Retry::default_max_delay")]
    pub max_delay: Span,
    /// How many attempts are made at most. Default: as many as there is time for.
    #[serde(default)]
    pub count: Option<u32>,
}

/// So many in a length of time, `"100/s"`: whole numbers, and one of `s m h d`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, JsonSchema)]
#[schemars(with = "String", extend("pattern" = r"^[1-9][0-9]*/(s|m|h|d)$"))]
pub struct Rate {
    /// How many.
    pub count: u32,
    /// In which time.
    pub per: Duration,
}

/// Why a text is no rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected a rate such as \"100/s\" or \"30/m\"")]
pub struct RateError;

impl Retry {
    const fn default_period() -> Span {
        Span(Duration::from_secs(3 * 86_400))
    }

    const fn default_first() -> Span {
        Span(Duration::from_secs(5))
    }

    const fn default_max_delay() -> Span {
        Span(Duration::from_secs(3600))
    }
}

impl Default for Retry {
    fn default() -> Self {
        Self {
            period: Self::default_period(),
            first: Self::default_first(),
            max_delay: Self::default_max_delay(),
            count: None,
        }
    }
}

impl FromStr for Rate {
    type Err = RateError;

    fn from_str(text: &str) -> Result<Self, RateError> {
        let (count, unit) = text.split_once('/').ok_or(RateError)?;
        let seconds = match unit {
            "s" => 1,
            "m" => 60,
            "h" => 3600,
            "d" => 86_400,
            _ => return Err(RateError),
        };
        let digits = count.bytes().all(|byte| byte.is_ascii_digit());
        let count = count.parse().ok().filter(|count| digits && *count > 0).ok_or(RateError)?;
        Ok(Self { count, per: Duration::from_secs(seconds) })
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = match self.per.as_secs() {
            1 => "s",
            60 => "m",
            3600 => "h",
            _ => "d",
        };
        write!(f, "{}/{unit}", self.count)
    }
}

impl<'de> Deserialize<'de> for Rate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_reads_back_as_it_prints() {
        for text in ["1/s", "100/m", "5/h", "20/d"] {
            assert_eq!(text.parse::<Rate>().map(|rate| rate.to_string()), Ok(text.to_owned()));
        }
        for text in ["", "1", "0/s", "/s", "+1/s", "1/ms", "1/s/s", "99999999999/s"] {
            assert_eq!(text.parse::<Rate>(), Err(RateError), "{text}");
        }
    }
}
