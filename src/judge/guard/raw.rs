//! A `[[guard]]` as it is written.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde::de::{self, Deserializer, Visitor};

use super::Max;
use crate::base::many::OneOrMany;
use crate::base::units::Span;

/// A `[[guard]]` as it is written. What it means is made of it at load; it goes no further.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawGuard {
    /// Names the guard in the journal, in metrics and on the command line. Unique.
    pub id: String,
    /// The event that it guards, or several, whose persons are counted together.
    pub on: OneOrMany,
    /// How many distinct persons may be answered otherwise than neutrally: a number, or a share of the persons known.
    pub max: RawMax,
    /// In how much time.
    pub per: Span,
    /// How long a pass lasts that a release gives. Default: `24h`.
    pub release_for: Option<Span>,
}

/// A number of persons, or a share of those known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RawMax(pub(super) Max);

const EXPECTED: &str = "a number of persons, or a share of those known such as \"2%\"";

impl JsonSchema for RawMax {
    fn schema_name() -> Cow<'static, str> {
        "GuardMax".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "anyOf": [
                { "type": "integer", "minimum": 1 },
                { "type": "string", "pattern": "^[0-9]+(\\.[0-9]{1,2})?%$" },
            ]
        })
    }
}

impl<'de> Deserialize<'de> for RawMax {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(MaxVisitor).map(Self)
    }
}

struct MaxVisitor;

impl Visitor<'_> for MaxVisitor {
    type Value = Max;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(EXPECTED)
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<Max, E> {
        usize::try_from(number).map(Max::Persons).map_err(|_| E::custom(format!("expected {EXPECTED}")))
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Max, E> {
        usize::try_from(number).map(Max::Persons).map_err(|_| E::custom(format!("expected {EXPECTED}")))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Max, E> {
        share(text).map(Max::Share).ok_or_else(|| E::custom(format!("expected {EXPECTED}")))
    }
}

/// `"2%"`, `"0.25%"` in hundredths of a percent.
fn share(text: &str) -> Option<u32> {
    let number = text.strip_suffix('%')?;
    let (whole, part) = number.split_once('.').unwrap_or((number, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(part) || part.len() > 2 {
        return None;
    }
    let part: u32 = format!("{part:0<2}").parse().ok()?;
    whole.parse::<u32>().ok()?.checked_mul(100)?.checked_add(part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_a_percentage_of_at_most_two_decimals() {
        for (text, is) in [("2%", 200), ("0.25%", 25), ("100%", 10_000), ("0.5%", 50), ("0%", 0)] {
            assert_eq!(share(text), Some(is), "{text}");
        }
        for text in ["", "%", "2", ".5%", "2.%", "2.125%", "-2%", "2 %", "99999999999%", "x%"] {
            assert_eq!(share(text), None, "{text}");
        }
    }
}
