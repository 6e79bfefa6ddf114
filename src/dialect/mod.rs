//! How systems spell events and want their answers: bytes to event, decision to reply, one file a system.
//!
//! Who may send is the matter of `auth`, what is decided of `judge`. Nothing here reads a clock or a socket.

pub mod cymmetri;
pub mod lumos;
pub mod optimalcloud;
pub mod paylocity;

use std::borrow::Cow;
use std::fmt;

use crate::base::json::{Document, EditError, Json, ParseError};
use crate::event::{Arrival, Decision, Event, Performance, Spec};

/// A reply in a system's words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// The media type of the body.
    pub content_type: &'static str,
    /// The body.
    pub body: Cow<'static, str>,
}

/// One system's words.
///
/// Convention: what a dialect reads and writes depends on the bytes and on its own settings alone. A reply is the caller's: it
/// says nothing of rules, actions or targets but what the contract wants said.
pub trait Dialect: fmt::Debug + Send + Sync {
    /// Reads the body of an event whose name its path has told.
    ///
    /// # Errors
    ///
    /// What is wrong with the body. The first thing that is wrong is told, in the order in which the contract looks.
    fn decode(&self, spec: &'static Spec, body: Vec<u8>, arrival: Arrival) -> Result<Event, DecodeError>;

    /// The reply to an event. `performance` is what became of the actions of a [`Decision::Perform`].
    ///
    /// # Errors
    ///
    /// A change that cannot be made to the person as received; `judge` has made sure that there is none.
    fn encode(&self, event: &Event, decision: &Decision, performance: &Performance) -> Result<Reply, EditError>;

    /// The reply to an event that nobody knows, where the configuration has it acknowledged.
    fn acknowledgement(&self) -> Reply {
        Reply::json(200, "{}")
    }

    /// How a refusal is told; none: as JSON with a code, like any.
    fn refusal(&self, _refused: &Refused<'_>) -> Option<Reply> {
        None
    }

    /// Whether the event only tries the connection: then nothing is decided and nothing done.
    fn is_trial(&self, _event: &Event) -> bool {
        false
    }

    /// What makes another request the same one; none where only an equal body shortly after does.
    fn idempotency_key(&self, _event: &Event) -> Option<String> {
        None
    }

    /// Whether the reply wants a number that nobody has brought.
    fn wants_number(&self, _event: &Event, _decision: &Decision, _performance: &Performance) -> bool {
        false
    }
}

/// Why a request is not answered as an event.
#[derive(Clone, Copy, Debug)]
pub struct Refused<'a> {
    /// The status that it would have.
    pub status: u16,
    /// Its code.
    pub code: &'a str,
    /// Its sentence.
    pub message: &'a str,
    /// What is wrong with its body, where that is why.
    pub body: Option<&'a DecodeError>,
}

/// Why a body is not the event that its path names. Texts hold no value of the body.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// The body is not JSON as we accept it.
    #[error(transparent)]
    Json(#[from] ParseError),
    /// It is, and lacks something.
    #[error("{expected} at {path}")]
    Shape {
        /// What is wrong, from the root.
        path: &'static str,
        /// What should stand there.
        expected: &'static str,
    },
    /// A field that the contract wants.
    #[error("{field} is a required field")]
    Missing {
        /// Its name.
        field: &'static str,
    },
}

impl Reply {
    /// A JSON reply.
    pub fn json(status: u16, body: impl Into<Cow<'static, str>>) -> Self {
        Self { status, content_type: "application/json", body: body.into() }
    }

    /// A reply of bare text.
    pub fn text(status: u16, body: impl Into<Cow<'static, str>>) -> Self {
        Self { status, content_type: "text/plain; charset=utf-8", body: body.into() }
    }
}

impl DecodeError {
    /// A stable code for the sender.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Json(ParseError::DuplicateKey { .. }) => "duplicate_key",
            Self::Json(ParseError::Depth { .. }) => "too_deep",
            Self::Json(ParseError::Utf8 { .. }) => "invalid_utf8",
            Self::Json(ParseError::Syntax { .. } | ParseError::Length) => "invalid_json",
            Self::Shape { .. } => "invalid_shape",
            Self::Missing { .. } => "missing_field",
        }
    }
}

/// The event of a request that was kept: what stood in its body below `request`, or the whole of it, as the system has it.
pub fn restore(spec: &'static Spec, request: &str, arrival: Arrival) -> Result<Event, DecodeError> {
    let body = format!("{{\"request\":{request}}}").into_bytes();
    if spec.sender() == "cymmetri" {
        return cymmetri::decode(spec, body, arrival);
    }
    let document = Document::parse(body)?;
    let request = require_object(document.root().get("request"), "request", "expected an object")?.slot();
    Ok(Event::new(spec, document, Some(request), arrival))
}

/// The event of a body that is its `request` as it stands.
fn whole(spec: &'static Spec, body: impl Into<Vec<u8>>, arrival: Arrival) -> Result<Event, DecodeError> {
    let document = Document::parse(body)?;
    let root = require_object(Some(document.root()), "the top", "expected an object")?.slot();
    Ok(Event::new(spec, document, Some(root), arrival))
}

fn require_object<'a>(
    value: Option<Json<'a>>,
    path: &'static str,
    expected: &'static str,
) -> Result<Json<'a>, DecodeError> {
    value.filter(|value| value.is_object()).ok_or(DecodeError::Shape { path, expected })
}
