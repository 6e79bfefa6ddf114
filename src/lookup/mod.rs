//! Lookups: facts from outside that rules and actions name, fetched before the rules run.
//!
//! They are read from `[[lookup]]` tables into a [`LookupSet`], every error at once with its place, and made ready to ask by
//! [`LookupSet::prepare`]. What a rule makes of an answer, and of none, is the matter of `rules`; which events wait for
//! them, and how long, that of `judge`.
//!
//! | file | what it does |
//! |---|---|
//! | `raw`, `compile`, `set` | tables to lookups that are correct, and those to lookups that can be asked |
//! | `asking`, `question` | what a lookup is asked for an event |
//! | `frame`, `cache`, `rest` | what is the same around every kind: time-out, cache, one fetch for many, metrics |
//! | `csv`, `directory`, `http`, `sql` | the kinds |

mod asking;
mod cache;
mod compile;
mod csv;
mod directory;
mod frame;
mod http;
mod question;
mod raw;
mod rest;
mod set;
mod sql;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use indexmap::IndexMap;

use crate::base::future::BoxFuture;
use crate::event::{Event, SecretFields};
use crate::expr::Type;
use crate::facts::Answer;
use crate::scope::Prices;

pub use compile::ids;
pub use directory::{People, Sought};
pub use question::{Parameter, Question};
pub use raw::RawLookup;
pub use set::{LookupSet, Lookups, Tools};

/// What lookups need to know of the rest of the configuration.
#[derive(Clone, Debug, Default)]
pub struct Context {
    /// The fields that no expression can name.
    pub secrets: SecretFields,
    /// The tenant's own fields with their types, by path.
    pub attributes: IndexMap<String, Type>,
    /// The events, each with the ids of the lookups that something on it names.
    pub uses: Vec<(&'static str, Vec<Arc<str>>)>,
    /// Where the costs of expressions are noted, for whoever wants to know them.
    pub prices: Option<Prices>,
}

/// Answers the questions of one lookup. To add a kind is to write one of these, with a `Plan` that is compiled from its
/// keys, and a row in the table of kinds.
///
/// Convention: asking changes nothing, so that it may happen twice for the same event, or for an event that is then
/// refused. Whoever asks holds the time: the future is dropped when that is up, and then nothing of it goes on for long.
/// It never panics on what a source or an event holds. An answer is at most [`MAX_ANSWER_BYTES`] large.
pub trait Source: Send + Sync {
    /// Asks. That there is no such thing is an answer; that nobody can say is a failure.
    fn ask<'a>(&'a self, asked: &'a Asked) -> BoxFuture<'a, Result<Answer, Failure>>;

    /// Whether one answer may serve several events, now and later: whether it may be kept, and one fetch be made for many.
    fn is_shared(&self) -> bool {
        true
    }
}

/// What a source is asked, and for which event.
#[derive(Clone, Debug)]
pub struct Asked {
    /// The question.
    pub question: Arc<Question>,
    /// The first event that asks it.
    pub event: Arc<Event>,
}

/// Why a source has no answer, in words that hold no value of the event and no secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Failure(pub String);

/// The largest answer that is kept, in bytes of JSON.
pub const MAX_ANSWER_BYTES: usize = 64 << 10;
