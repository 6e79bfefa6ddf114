//! What lookups found, as a record keeps it, and back.

use std::fmt::Write as _;
use std::time::Duration;

use chrono::{DateTime, SecondsFormat, Utc};
use serde::Deserialize;
use serde::de::{Deserializer, Error as _};
use serde_json::Value;

use super::Payload;
use crate::base::json::quote;
use crate::facts::{Answer, Fact, FactSource, Facts};

/// What stands for a value that is not kept: personal data may be in it.
const MASK: &str = "***";

/// One fact as it is kept.
#[derive(Debug, Deserialize)]
pub(super) struct Note {
    lookup: String,
    #[serde(default)]
    found: bool,
    #[serde(default)]
    value: Value,
    error: Option<String>,
    source: String,
    #[serde(deserialize_with = "time")]
    as_of: DateTime<Utc>,
    took_us: u64,
}

/// Writes them as a member of the record, where there are any.
pub(super) fn write(facts: &Facts, payload: Payload, text: &mut String) {
    for (index, fact) in facts.iter().enumerate() {
        text.push_str(if index == 0 { ",\"facts\":[" } else { "," });
        let _ = write!(text, "{{\"lookup\":{}", quote(&fact.lookup));
        let _ = match &fact.answer {
            Ok(Answer { found, value }) => {
                let masked = payload != Payload::Full && !value.is_null();
                let value = if masked { quote(MASK) } else { value.to_string() };
                write!(text, ",\"found\":{found},\"value\":{value}")
            }
            Err(error) => write!(text, ",\"error\":{}", quote(error)),
        };
        let as_of = fact.as_of.to_rfc3339_opts(SecondsFormat::Millis, true);
        let (source, took_us) = (fact.source.as_str(), fact.took.as_micros());
        let _ = write!(text, ",\"source\":\"{source}\",\"as_of\":\"{as_of}\",\"took_us\":{took_us}}}");
    }
    if !facts.is_empty() {
        text.push(']');
    }
}

fn time<'de, D: Deserializer<'de>>(deserializer: D) -> Result<DateTime<Utc>, D::Error> {
    String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
}

impl Note {
    pub(super) fn to_fact(&self) -> Fact {
        let answer = match &self.error {
            Some(error) => Err(error.clone()),
            None => Ok(Answer { found: self.found, value: self.value.clone() }),
        };
        Fact {
            lookup: self.lookup.as_str().into(),
            answer,
            source: FactSource::parse(&self.source).unwrap_or(FactSource::Given),
            as_of: self.as_of,
            took: Duration::from_micros(self.took_us),
        }
    }
}
