//! What comes in and what is decided of it: the table of events, one received event, and the decision.
//!
//! How a system spells them on the wire is the matter of `dialect`; who decides, of `judge`.

pub mod catalog;
mod decision;
mod path;
mod person;
mod secrets;
mod token;

use chrono::{DateTime, Utc};

use crate::base::ids::RequestId;
use crate::base::json::{Document, Json};

pub use catalog::{Kind, KindSet, Spec};
pub use decision::{Change, Changes, Decision, Mapped, Performance, Performed};
pub use path::{FieldPath, PathError};
pub use person::Person;
pub use secrets::{SecretFieldError, SecretFields};
pub use token::Token;

/// One received event, verified and understood.
#[derive(Debug)]
pub struct Event {
    spec: &'static Spec,
    document: Document,
    request: Option<u32>,
    user: Option<u32>,
    token: Option<Token>,
    person: Person,
    received_at: DateTime<Utc>,
    request_id: RequestId,
}

/// What is known of a request beside its body.
#[derive(Clone, Debug)]
pub struct Arrival {
    /// The verified claims of its token, where it had one.
    pub token: Option<Token>,
    /// When its last byte came.
    pub received_at: DateTime<Utc>,
    /// Its name in log and reply.
    pub request_id: RequestId,
}

impl Event {
    /// Puts an event together; a dialect does, once it has understood a body. `request` is a slot of `document`.
    pub(crate) fn new(spec: &'static Spec, document: Document, request: Option<u32>, arrival: Arrival) -> Self {
        let tenant = arrival.token.as_ref().and_then(Token::tenant);
        let whole = request.map(|slot| document.at(slot));
        let user = whole.and_then(|request| spec.user_of(request)).map(Json::slot);
        let person = Person::find(spec, tenant, whole, &arrival.request_id);
        let Arrival { token, received_at, request_id } = arrival;
        Self { spec, document, request, user, token, person, received_at, request_id }
    }

    /// Its row in the table.
    pub fn spec(&self) -> &'static Spec {
        self.spec
    }

    /// Its name as the table spells it.
    pub fn name(&self) -> &'static str {
        self.spec.name
    }

    /// How large its body is, in bytes.
    pub fn size(&self) -> usize {
        self.document.text().len()
    }

    /// What the system sent about it, as received; none only for a probe.
    pub fn request(&self) -> Option<Json<'_>> {
        self.request.map(|slot| self.document.at(slot))
    }

    /// The person as received.
    pub fn user(&self) -> Option<Json<'_>> {
        self.user.map(|slot| self.document.at(slot))
    }

    /// The verified claims of the token, an object, where there was one.
    pub fn token(&self) -> Option<&serde_json::Value> {
        self.token.as_ref().map(Token::claims)
    }

    /// The same as it was signed: the text of a JSON object.
    pub fn token_text(&self) -> Option<&str> {
        self.token.as_ref().map(Token::raw)
    }

    /// Whom it is about.
    pub fn person(&self) -> &Person {
        &self.person
    }

    /// When its last byte came, UTC.
    pub fn received_at(&self) -> DateTime<Utc> {
        self.received_at
    }

    /// Its name in log and reply.
    pub fn request_id(&self) -> &RequestId {
        &self.request_id
    }
}
