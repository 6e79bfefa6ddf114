//! Actions: what the tenant's other systems are told of an event, one attempt at a time.
//!
//! They are read from `[[action]]` tables into an [`ActionSet`], every error at once with its place, and made ready to run
//! by [`ActionSet::prepare`]. When an attempt is made, how often, in which order and what is kept of it is the matter of
//! whoever delivers; here is one attempt, and what it came to.
//!
//! | file | what it does |
//! |---|---|
//! | `kind`, `raw`, `schema` | the table of types; the keys that types share; the schema of all keys |
//! | `compile`, `written`, `set` | tables to actions that are correct, and those to actions that can run |
//! | `limits`, `grant`, `view` | how an action is delivered, which secret fields it is given, what its expressions see |
//! | `body`, `headers`, `way`, `caller`, `answer` | what types share that speak HTTP, or say what HTTP would |
//! | `envelope`, `cloudevents`, `standard_webhooks` | the event for other systems, and the forms that it goes out in |
//! | `api`, `operation` | what types share that call an API, and those that run named operations of one |
//! | `http`, `command`, `log`, `sql`, `scim`, `idhub`, `cymmetri`, `optimalcloud` | the types |

mod answer;
mod api;
mod body;
mod caller;
mod capture;
mod chain;
mod cloudevents;
mod command;
mod compile;
mod cymmetri;
mod envelope;
mod grant;
mod headers;
mod http;
mod idhub;
mod kind;
mod limits;
mod log;
mod operation;
mod optimalcloud;
mod raw;
mod schema;
mod scim;
mod set;
mod sql;
mod standard_webhooks;
mod view;
mod way;
mod written;

#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use indexmap::IndexMap;

use crate::base::future::BoxFuture;
use crate::base::secret::Secret;
use crate::event::{Decision, Event, SecretFields};
use crate::expr::{EvalError, Type};
use crate::facts::Facts;
use crate::scope::Prices;

pub use grant::Grant;
pub use limits::{Delivery, Order, Rate, RateError, Retry};
pub use schema::schema;
pub use set::{ActionSet, Definition, Ready, Tools};

/// What actions need to know of the rest of the configuration.
#[derive(Clone, Debug, Default)]
pub struct Context {
    /// The fields that no expression can name, unless they are granted.
    pub secrets: SecretFields,
    /// The tenant's own fields with their types, by path.
    pub attributes: IndexMap<String, Type>,
    /// The ids of all lookups.
    pub lookups: Vec<Arc<str>>,
    /// Where the costs of expressions are noted, for whoever wants to know them.
    pub prices: Option<Prices>,
}

/// Does for one event what an action is there for.
///
/// Convention: an attempt may be made again for the same entry, after an answer that was lost, and after a crash; what it
/// does must bear that, with the idempotency key's help. It ends within the action's time-out by itself. Its future may be
/// dropped at any `.await`; then nothing of it goes on. It never panics on what a target or an event holds.
pub trait Action: Send + Sync {
    /// Makes one attempt.
    fn attempt<'a>(&'a self, job: &'a Job) -> BoxFuture<'a, Answer>;
}

/// What one attempt is made for.
#[derive(Debug)]
pub struct Job {
    /// The event as it was recorded, without its secret fields.
    pub event: Arc<Event>,
    /// What lookups found for it then.
    pub facts: Facts,
    /// The journal's name for it, a UUID: the same for every action and attempt.
    pub entry_id: String,
    /// The name of this action's work on this entry, the same at each attempt: letters, digits, `_` and `-`.
    pub idempotency_key: String,
    /// Which attempt it is, from 1.
    pub attempt: u32,
    /// What was decided.
    pub decision: DecisionView,
    /// The secret fields that the action is granted and the event had.
    pub secrets: Vec<Granted>,
    /// What the actions that it comes after have captured for the event, by their ids; nothing of one that did nothing.
    pub answers: serde_json::Map<String, serde_json::Value>,
}

/// A secret field that an action is granted.
#[derive(Clone, Debug)]
pub struct Granted {
    /// The field's path, from `request` downwards.
    pub field: String,
    /// What stands there, as JSON, the quotes of a text included.
    pub json: Secret,
}

/// What was decided of an event, as expressions see it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DecisionView {
    /// One word, as [`Decision::outcome`] tells it.
    pub outcome: String,
    /// The rule that settled it, where one did.
    pub rule: Option<String>,
    /// What a refusal says.
    pub message: Option<String>,
}

/// What an attempt came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// What becomes of the work.
    pub fate: Fate,
    /// What happened, in a few words: `HTTP 503`, `connection refused`. It never holds a value of the event or a secret.
    pub what: String,
    /// The beginning of what the target said, without control characters, for the operator's list of dead letters. None
    /// where the target was given a secret field, which it might repeat.
    pub detail: Option<String>,
    /// What the target said to work that is done, for an action that keeps something of it, without what it repeats of the
    /// action's own secrets. It goes no further.
    pub(crate) said: Option<Box<serde_json::Value>>,
    /// What is kept of that, by name, for later actions and for whoever waits: at most [`MAX_CAPTURED_BYTES`] of JSON.
    pub captured: Option<Box<serde_json::Map<String, serde_json::Value>>>,
}

/// What becomes of an action's work on an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It is done.
    Done,
    /// It is tried again.
    Retry {
        /// How long the target asks to be left alone.
        after: Option<Duration>,
        /// Whose trouble it is.
        trouble: Trouble,
    },
    /// It is given up, until somebody has it tried again.
    Dead,
}

/// Why an attempt is to be made again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// What may pass by itself.
    Plain,
    /// What will meet every attempt until somebody sees to it: no access, no such place, no such program. The circuit opens
    /// at once, and somebody is told.
    Target,
}

/// The longest [`Answer::what`], in bytes.
pub const MAX_WHAT_BYTES: usize = 200;

/// How much is kept of a target's answer for later actions, in bytes of JSON.
pub const MAX_CAPTURED_BYTES: usize = 16 << 10;

/// The longest [`Answer::detail`], in bytes.
pub const MAX_DETAIL_BYTES: usize = 1024;

// === impl DecisionView ===

impl DecisionView {
    /// The view of a decision and of the rule that settled it.
    pub fn of(decision: &Decision, rule: Option<&str>) -> Self {
        let message = match decision {
            Decision::Refuse(message) => Some(message.clone()),
            Decision::Accept(_)
            | Decision::Map(_)
            | Decision::Deprovision(_)
            | Decision::Perform(_)
            | Decision::Acknowledge => None,
        };
        Self { outcome: decision.outcome().to_owned(), rule: rule.map(str::to_owned), message }
    }

    /// Whether it is a refusal.
    pub fn is_refused(&self) -> bool {
        self.outcome == "refused"
    }
}

// === impl Answer ===

impl Answer {
    /// An answer without detail. What is too long is cut.
    pub fn new(fate: Fate, what: impl Into<String>) -> Self {
        Self { fate, what: bounded(&what.into(), MAX_WHAT_BYTES), detail: None, said: None, captured: None }
    }

    /// It is done.
    pub fn done(what: impl Into<String>) -> Self {
        Self::new(Fate::Done, what)
    }

    /// It may pass by itself.
    pub fn retry(what: impl Into<String>) -> Self {
        Self::new(Fate::Retry { after: None, trouble: Trouble::Plain }, what)
    }

    /// Somebody has to see to it.
    pub fn trouble(what: impl Into<String>) -> Self {
        Self::new(Fate::Retry { after: None, trouble: Trouble::Target }, what)
    }

    /// No attempt can help.
    pub fn dead(what: impl Into<String>) -> Self {
        Self::new(Fate::Dead, what)
    }

    /// Hands on what the target said, of which parts may be kept. `secrets` that it repeats are struck out.
    #[must_use]
    pub(crate) fn with_said(mut self, mut said: serde_json::Value, secrets: &[Secret]) -> Self {
        capture::conceal(&mut said, secrets);
        self.said = Some(Box::new(said));
        self
    }

    /// Keeps parts of what the target said.
    #[must_use]
    pub fn with_captured(self, captured: serde_json::Map<String, serde_json::Value>) -> Self {
        Self { captured: Some(captured).filter(|captured| !captured.is_empty()).map(Box::new), ..self }
    }

    /// Keeps the beginning of what the target said.
    #[must_use]
    pub fn with_detail(mut self, said: &[u8]) -> Self {
        let said =
            bounded(String::from_utf8_lossy(&said[..said.len().min(4 * MAX_DETAIL_BYTES)]).trim(), MAX_DETAIL_BYTES);
        self.detail = Some(said).filter(|said| !said.is_empty());
        self
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)
    }
}

/// An error with the key whose expression it arose in.
fn within(key: &str, error: &EvalError) -> EvalError {
    EvalError::new(format!("`{key}`: {error}"))
}

/// `text` in one line of at most `limit` bytes, without control characters.
fn bounded(text: &str, limit: usize) -> String {
    let mut line = String::with_capacity(text.len().min(limit));
    for character in text.chars() {
        let shown = if matches!(character, '\n' | '\r' | '\t') { ' ' } else { character };
        if is_hidden(shown) {
            continue;
        }
        if line.len() + shown.len_utf8() > limit {
            break;
        }
        line.push(shown);
    }
    line
}

/// Characters that a terminal or a page would not show as what they are: controls, and those that turn the line around.
fn is_hidden(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}
