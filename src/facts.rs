//! What lookups found for one event: plain data, made before the rules run, kept with the event, and given again to
//! whatever judges it once more. Who asks, and whom, is the matter of `lookup`.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::Value;

/// What is known of each lookup that was asked for an event, in the order in which lookups are declared.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Facts(Vec<Fact>);

/// What one lookup came to.
#[derive(Clone, Debug, PartialEq)]
pub struct Fact {
    /// The lookup's id.
    pub lookup: Arc<str>,
    /// What it found; or why nobody can say, in words that hold no value of the event and no secret.
    pub answer: Result<Answer, String>,
    /// Where the answer comes from.
    pub source: FactSource,
    /// When the answer was true.
    pub as_of: DateTime<Utc>,
    /// How long the event waited for it.
    pub took: Duration,
}

/// What a source says.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// Whether there is such a thing.
    pub found: bool,
    /// The thing; null where there is none.
    pub value: Value,
}

/// Where an answer comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FactSource {
    /// The source was asked.
    Fetched,
    /// It was asked not long ago.
    Cached,
    /// It was asked longer ago, and cannot be asked now.
    Stale,
    /// A test or a record says so.
    Given,
}

// === impl Facts ===

impl Facts {
    /// What the lookup of this id came to, where it was asked.
    pub fn get(&self, id: &str) -> Option<&Fact> {
        self.0.iter().find(|fact| &*fact.lookup == id)
    }

    /// Each of them, in order.
    pub fn iter(&self) -> std::slice::Iter<'_, Fact> {
        self.0.iter()
    }

    /// Whether no lookup was asked.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// About how many bytes of JSON the answers are.
    pub fn size(&self) -> usize {
        self.0.iter().filter_map(|fact| fact.answer.as_ref().ok()).map(|answer| size(&answer.value)).sum()
    }
}

impl FromIterator<Fact> for Facts {
    fn from_iter<T: IntoIterator<Item = Fact>>(facts: T) -> Self {
        Self(facts.into_iter().collect())
    }
}

impl<'a> IntoIterator for &'a Facts {
    type Item = &'a Fact;
    type IntoIter = std::slice::Iter<'a, Fact>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// About how many bytes a value is when it is written.
pub fn size(value: &Value) -> usize {
    match value {
        Value::Null | Value::Bool(_) => 4,
        Value::Number(_) => 8,
        Value::String(text) => text.len() + 2,
        Value::Array(items) => items.iter().map(|item| size(item) + 1).sum::<usize>() + 2,
        Value::Object(members) => members.iter().map(|(key, value)| key.len() + size(value) + 4).sum::<usize>() + 2,
    }
}

// === impl Answer ===

impl Answer {
    /// There is no such thing.
    pub fn nothing() -> Self {
        Self { found: false, value: Value::Null }
    }

    /// This was found.
    pub fn found(value: Value) -> Self {
        Self { found: true, value }
    }
}

// === impl FactSource ===

impl FactSource {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Fetched, Self::Cached, Self::Stale, Self::Given];

    /// One word for records, logs and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Fetched => "fetched",
            Self::Cached => "cached",
            Self::Stale => "stale",
            Self::Given => "given",
        }
    }

    /// The source that a word names.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|source| source.as_str() == word)
    }
}
