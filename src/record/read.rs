//! From a record back to the event, and to what was decided.

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::facts::Note;
use super::mask::MASK;
use super::{HeldNote, ShadowNote};
use crate::base::ids::RequestId;
use crate::dialect;
use crate::event::{Arrival, Change, Changes, Decision, Event, FieldPath, Kind, Mapped, Token, catalog};
use crate::facts::Facts;

/// What a record says.
#[derive(Debug, Deserialize)]
pub struct Record<'a> {
    v: u32,
    /// The name of the request that brought it.
    pub request_id: Option<String>,
    /// What the token said.
    #[serde(borrow)]
    pub token: Option<&'a RawValue>,
    /// What came in; none where the body is not kept.
    #[serde(borrow)]
    pub request: Option<&'a RawValue>,
    /// How the body is kept, where its text does not tell.
    payload: Option<String>,
    /// The changes that were made, `{"set": path, "to": value}` or `{"unset": path}`.
    #[serde(default)]
    pub changes: Vec<serde_json::Value>,
    /// What a refusal said.
    pub message: Option<String>,
    /// What the attribute was mapped to.
    pub mapped: Option<serde_json::Value>,
    /// The actions that were to be performed.
    #[serde(default)]
    pub perform: Vec<String>,
    #[serde(default)]
    facts: Vec<Note>,
    /// How many rules there were on the event.
    #[serde(default)]
    pub rules: usize,
    /// How many of them were reached.
    #[serde(default)]
    pub reached: usize,
    /// What rules did, apart from those that just did not hold.
    #[serde(default)]
    pub trace: Vec<RuleNote>,
    /// What a guard held back.
    pub held: Option<HeldNote>,
    /// What the shadow file's rules decided.
    pub shadow: Option<ShadowNote>,
}

/// What one rule did.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct RuleNote {
    /// Its id.
    pub rule: String,
    /// `held`, `erred` or `out_of_time`.
    pub did: String,
    /// Whether it was only tried.
    #[serde(default)]
    pub shadow: bool,
    /// The fields that it changed.
    #[serde(default)]
    pub changed: Vec<String>,
    /// Why it could not be evaluated.
    pub error: Option<String>,
}

/// Why a record is not the event that it was.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// It is no record.
    #[error("the record cannot be read")]
    Malformed,
    /// A newer version has written it.
    #[error("the record is of version {0}, and this program reads version 1")]
    Version(u32),
    /// The body is not there.
    #[error("the event's body was not kept")]
    NoBody,
    /// The catalogue has no such event.
    #[error("there is no event `{0}` any more")]
    UnknownEvent(String),
    /// The body is no such event.
    #[error("the kept body is no such event")]
    Body,
}

impl<'a> Record<'a> {
    /// Reads a record.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, ReadError> {
        let record: Self = serde_json::from_slice(bytes).map_err(|_| ReadError::Malformed)?;
        if record.v == 1 { Ok(record) } else { Err(ReadError::Version(record.v)) }
    }

    /// Whether the body's values are masked. A record without the word is of before: there a mask in the text is one. Since
    /// then every record says so where its text has a mask, also one that came in so.
    pub fn is_masked(&self) -> bool {
        match self.payload.as_deref() {
            Some(payload) => payload == "masked",
            None => self.request.is_some_and(|request| request.get().contains(MASK)),
        }
    }

    /// What was decided, of an event of this kind that ended with this outcome. None where that is not kept.
    pub fn decision(&self, kind: Kind, outcome: &str) -> Option<Decision> {
        let decision = match outcome {
            "accepted" => Decision::Accept(Changes::default()),
            "changed" => Decision::Accept(self.changes.iter().map(change).collect::<Option<_>>()?),
            "refused" => Decision::Refuse(self.message.clone()?),
            "mapped" => Decision::Map(Mapped::Value(self.mapped.clone()?)),
            "mapped_neutral" => Decision::Map(Mapped::Neutral),
            "deprovision" => Decision::Deprovision(true),
            "kept" => Decision::Deprovision(false),
            "perform" | "no_action" => {
                Decision::Perform(self.perform.iter().map(|action| action.as_str().into()).collect())
            }
            "acknowledged" => Decision::Acknowledge,
            _ => return None,
        };
        decision.fits(kind).then_some(decision)
    }

    /// What lookups found for the event. Where the body is kept masked or not at all, `"***"` stands for each value.
    pub fn facts(&self) -> Facts {
        self.facts.iter().map(Note::to_fact).collect()
    }

    /// The event as it was, without its secret fields. `fallback_id` names the request where the record does not.
    pub fn event(&self, name: &str, received_at: DateTime<Utc>, fallback_id: &str) -> Result<Event, ReadError> {
        self.event_with(name, received_at, Token::read, || fallback_id.to_owned())
    }

    /// The same where the tenant is known: the token is not looked at before a rule asks for it.
    pub fn event_of(
        &self,
        name: &str,
        received_at: DateTime<Utc>,
        tenant: &str,
        fallback_id: impl FnOnce() -> String,
    ) -> Result<Event, ReadError> {
        let tenant = Some(tenant.to_owned()).filter(|tenant| !tenant.is_empty());
        self.event_with(name, received_at, |raw| Token::new(raw, tenant), fallback_id)
    }

    fn event_with(
        &self,
        name: &str,
        received_at: DateTime<Utc>,
        token: impl FnOnce(String) -> Token,
        fallback_id: impl FnOnce() -> String,
    ) -> Result<Event, ReadError> {
        let spec = catalog::find(name).ok_or_else(|| ReadError::UnknownEvent(name.to_owned()))?;
        let request = self.request.ok_or(ReadError::NoBody)?;
        let token = self.token.map(|raw| token(raw.get().to_owned()));
        let id = self.request_id.as_deref().and_then(RequestId::parse);
        let request_id = id.or_else(|| RequestId::parse(&fallback_id())).ok_or(ReadError::Malformed)?;
        dialect::restore(spec, request.get(), Arrival { token, received_at, request_id }).map_err(|_| ReadError::Body)
    }
}

fn change(written: &serde_json::Value) -> Option<Change> {
    let path = |key: &str| FieldPath::parse(written.get(key)?.as_str()?).ok();
    match written.get("to") {
        Some(to) => Some(Change::Set(path("set")?, to.clone())),
        None => path("unset").map(Change::Unset),
    }
}
