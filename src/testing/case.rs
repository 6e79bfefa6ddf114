//! The event of a test: what it gives, put together as the cloud would send it. What it does not give is not there.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use super::Test;
use crate::base::ids::RequestId;
use crate::base::json::{Document, Json};
use crate::dialect::{self, DecodeError};
use crate::event::{Arrival, Event, Token};

/// The largest file that a test can name: as much as a body can have.
const MAX_FILE_BYTES: u64 = 16 << 20;

/// Why a test has no event.
#[derive(Debug, thiserror::Error)]
pub enum InputError {
    /// Its file cannot be read.
    #[error("{path} cannot be read: {why}")]
    File {
        /// The file.
        path: String,
        /// Why.
        why: String,
    },
    /// Its file holds no such event.
    #[error("{path} holds no such event: {why}")]
    Body {
        /// The file.
        path: String,
        /// Why.
        why: String,
    },
    /// What it gives is no such event.
    #[error("this is no such event: {0}")]
    Shape(DecodeError),
}

impl Test {
    /// The event that comes in.
    ///
    /// # Errors
    ///
    /// A file that is not there or holds something else; a person that is missing where the event needs one.
    pub fn event(&self) -> Result<Event, InputError> {
        let file = self.file.as_deref().map(|path| (path, body_of(path)));
        let body = match file {
            Some((_, body)) => Some(body?),
            None => None,
        };
        let sent = body.as_ref().and_then(|body| body.root().get("request")).filter(|request| request.is_object());
        if let Some(path) = self.file.as_deref().filter(|_| sent.is_none()) {
            let why = "it has no object `request`".to_owned();
            return Err(InputError::Body { path: path.display().to_string(), why });
        }
        let request = over(sent, self.request.as_deref());
        let request = match &self.user {
            None => request,
            Some(user) => {
                let whole = parsed(&request);
                let person = whole.root().get("user").filter(|user| user.is_object());
                let user = over(person, Some(user));
                over(Some(whole.root()), Some(&format!("{{\"user\":{user}}}")))
            }
        };
        let arrival = Arrival {
            token: self.token.clone().map(Token::read),
            received_at: self.now,
            request_id: RequestId::parse("test").expect("letters alone"),
        };
        dialect::restore(self.spec, &request, arrival).map_err(InputError::Shape)
    }
}

fn body_of(path: &Path) -> Result<Document, InputError> {
    let name = || path.display().to_string();
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes))
        .map_err(|error| InputError::File { path: name(), why: error.to_string() })?;
    if bytes.len() as u64 > MAX_FILE_BYTES {
        return Err(InputError::File { path: name(), why: "it is larger than a body can be".to_owned() });
    }
    Document::parse(bytes).map_err(|error| InputError::Body { path: name(), why: error.to_string() })
}

/// An object with the members of another in place of its own of that name. What stays keeps its bytes.
fn over(base: Option<Json<'_>>, with: Option<&str>) -> String {
    let with = parsed(with.unwrap_or("{}"));
    let members: Vec<(String, &str, &str)> = with.root().members().map(member).collect();
    let mut parts: Vec<String> = Vec::new();
    let mut there: Vec<String> = Vec::new();
    for (name, key, value) in base.into_iter().flat_map(Json::members).map(member) {
        let replaced = members.iter().find(|(other, ..)| *other == name);
        parts.push(format!("{key}:{}", replaced.map_or(value, |(.., value)| value)));
        there.push(name);
    }
    let new = members.iter().filter(|(name, ..)| !there.contains(name));
    parts.extend(new.map(|(_, key, value)| format!("{key}:{value}")));
    format!("{{{}}}", parts.join(","))
}

fn member<'a>((key, value): (crate::base::json::Key<'a>, Json<'a>)) -> (String, &'a str, &'a str) {
    (key.decode().map_or_else(|_| key.raw().to_owned(), std::borrow::Cow::into_owned), key.raw(), value.raw())
}

/// A text that was found to be JSON when the configuration was read, or was made of such texts.
fn parsed(text: &str) -> Document {
    Document::parse(text).unwrap_or_else(|_| Document::parse("{}").expect("an empty object is JSON"))
}
