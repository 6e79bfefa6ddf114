//! How systems spell events and want their answers: bytes to event, decision to reply, one file a system.
//!
//! Who may send is the matter of `auth`, what is decided of `judge`. Nothing here reads a clock or a socket.

pub mod cymmetri;

use std::borrow::Cow;

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

impl Reply {
    /// A JSON reply.
    pub fn json(status: u16, body: impl Into<Cow<'static, str>>) -> Self {
        Self { status, content_type: "application/json", body: body.into() }
    }
}
