//! Durations (`"250ms" "2s" "15m" "90d"`), sizes (`"256KiB"`) and parts of a whole (`"2%"`) as operators write them.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use schemars::JsonSchema;
use serde::de::{self, Deserializer, Visitor};
use serde::{Deserialize, Serialize, Serializer};

/// A length of time, written as a whole number and one of `ms s m h d`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, JsonSchema)]
#[schemars(with = "String", extend("pattern" = r"^[0-9]+(ms|s|m|h|d)$"))]
pub struct Span(pub Duration);

/// A number of bytes, written as a whole number and one of `B KiB MiB GiB`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, JsonSchema)]
#[schemars(with = "String", extend("pattern" = r"^[0-9]+(B|KiB|MiB|GiB)$"))]
pub struct Size(pub u64);

/// A part of a whole, written in per cent: `2%`, `0.5%`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, JsonSchema)]
#[schemars(with = "String", extend("pattern" = r"^[0-9]+(\.[0-9]{1,4})?%$"))]
pub struct Percent {
    millionths: u32,
}

/// Why a text is no duration, size or part. The text itself is not repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UnitError {
    /// Not a duration.
    #[error("expected a duration such as \"250ms\", \"2s\", \"15m\" or \"90d\"")]
    Duration,
    /// Not a size.
    #[error("expected a size such as \"512B\", \"256KiB\" or \"1MiB\"")]
    Size,
    /// Not a part of a whole.
    #[error("expected a part in per cent such as \"2%\" or \"0.5%\", at most \"100%\"")]
    Percent,
}

const DURATION_UNITS: [(&str, u64); 5] = [("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)];
const SIZE_UNITS: [(&str, u64); 4] = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10), ("B", 1)];

fn number_with_unit(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let (_, factor) = units.iter().find(|(name, _)| *name == unit)?;
    number.parse::<u64>().ok()?.checked_mul(*factor)
}

impl FromStr for Span {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Self, UnitError> {
        number_with_unit(text, &DURATION_UNITS)
            .map(|milliseconds| Self(Duration::from_millis(milliseconds)))
            .ok_or(UnitError::Duration)
    }
}

impl FromStr for Size {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Self, UnitError> {
        number_with_unit(text, &SIZE_UNITS).map(Self).ok_or(UnitError::Size)
    }
}

impl FromStr for Percent {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Self, UnitError> {
        let number = text.strip_suffix('%').ok_or(UnitError::Percent)?;
        let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
        let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        if !digits(whole) || !digits(fraction) || fraction.len() > 4 {
            return Err(UnitError::Percent);
        }
        let parse = |part: &str| part.parse::<u32>().map_err(|_| UnitError::Percent);
        let (whole, fraction) = (parse(whole)?, parse(&format!("{fraction:0<4}"))?);
        let millionths = whole.checked_mul(10_000).and_then(|whole| whole.checked_add(fraction));
        millionths
            .filter(|millionths| *millionths <= 1_000_000)
            .map(|millionths| Self { millionths })
            .ok_or(UnitError::Percent)
    }
}

impl Percent {
    /// Whether `part` is more of `whole` than this.
    pub fn is_exceeded_by(self, part: u64, whole: u64) -> bool {
        u128::from(part) * 1_000_000 > u128::from(whole) * u128::from(self.millionths)
    }
}

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, fraction) = (self.millionths / 10_000, self.millionths % 10_000);
        let fraction = format!("{fraction:04}");
        match fraction.trim_end_matches('0') {
            "" => write!(f, "{whole}%"),
            fraction => write!(f, "{whole}.{fraction}%"),
        }
    }
}

impl<'de> Deserialize<'de> for Percent {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(TextVisitor(std::marker::PhantomData, "a part in quotes, such as \"2%\""))
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let milliseconds = u64::try_from(self.0.as_millis()).unwrap_or(u64::MAX);
        let (unit, factor) = DURATION_UNITS
            .into_iter()
            .rev()
            .find(|(_, factor)| milliseconds >= *factor && milliseconds.is_multiple_of(*factor))
            .unwrap_or(DURATION_UNITS[0]);
        write!(f, "{}{unit}", milliseconds / factor)
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (unit, factor) = SIZE_UNITS
            .into_iter()
            .find(|(_, factor)| self.0 >= *factor && self.0.is_multiple_of(*factor))
            .unwrap_or(SIZE_UNITS[3]);
        write!(f, "{}{unit}", self.0 / factor)
    }
}

struct TextVisitor<T>(std::marker::PhantomData<T>, &'static str);

impl<T: FromStr<Err = UnitError>> Visitor<'_> for TextVisitor<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.1)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<T, E> {
        text.parse().map_err(E::custom)
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(TextVisitor(std::marker::PhantomData, "a duration in quotes, such as \"2s\""))
    }
}

impl<'de> Deserialize<'de> for Size {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(TextVisitor(std::marker::PhantomData, "a size in quotes, such as \"256KiB\""))
    }
}

impl Serialize for Span {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Serialize for Size {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_and_sizes_read_back_as_they_print() {
        for text in ["0ms", "250ms", "2s", "15m", "36h", "90d"] {
            assert_eq!(text.parse::<Span>().map(|span| span.to_string()), Ok(text.to_owned()));
        }
        for text in ["0%", "2%", "0.5%", "33.3333%", "100%"] {
            assert_eq!(text.parse::<Percent>().map(|part| part.to_string()), Ok(text.to_owned()));
        }
        for text in ["512B", "256KiB", "1MiB", "3GiB"] {
            assert_eq!(text.parse::<Size>().map(|size| size.to_string()), Ok(text.to_owned()));
        }
    }

    #[test]
    fn anything_else_is_refused() {
        for text in ["", "2", "s", "-2s", "2 s", "2S", "1.5s", "99999999999999999999d", "9999999999999999999d"] {
            assert_eq!(text.parse::<Span>(), Err(UnitError::Duration), "{text}");
        }
        for text in ["1kb", "1MB", "KiB", "99999999999999GiB"] {
            assert_eq!(text.parse::<Size>(), Err(UnitError::Size), "{text}");
        }
    }
    #[test]
    fn a_part_is_exceeded_by_more_and_not_by_as_much() {
        let two: Percent = "2%".parse().expect("a part");
        assert!(two.is_exceeded_by(3, 100) && !two.is_exceeded_by(2, 100) && !two.is_exceeded_by(0, 0));
        let none: Percent = "0%".parse().expect("a part");
        assert!(none.is_exceeded_by(1, 1_000_000) && !none.is_exceeded_by(0, 10));
        for text in ["", "%", "2", "-2%", "2.%", ".5%", "101%", "0.00001%", "2 %", "99999999999%"] {
            assert_eq!(text.parse::<Percent>(), Err(UnitError::Percent), "{text}");
        }
    }
}
