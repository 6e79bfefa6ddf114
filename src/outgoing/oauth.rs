//! OAuth 2.0 client credentials (RFC 6749, section 4.4): a token is fetched once for many requests, kept until shortly
//! before it ends, and renewed where a target refuses it.
//!
//! | file | what it does |
//! |---|---|
//! | `grant` | the keys of `oauth = { … }`, checked, and the request for a token |
//! | `given` | what a token's server says |
//!
//! No other flow of OAuth is here: nobody is asked to log in.

mod given;
mod grant;

#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::{self, PoisonError};
use std::time::Duration;

use ::http::HeaderValue;
use tokio::sync::Mutex;
use tokio::time::Instant;

pub use grant::{ClientAuth, OAuth, RawOAuth};

use super::{Client, Failure, Method, Outlet};
use crate::base::clock::Clock;
use crate::base::secret::Secret;
use given::Given;

/// How much of what a token's server says is read.
const MAX_SAID_BYTES: usize = 64 << 10;
/// How long a token counts whose end is not told.
const UNTOLD: Duration = Duration::from_secs(300);
/// So long before its end a token is fetched anew, where it lives long enough.
const MARGIN: Duration = Duration::from_secs(30);

/// The tokens of one client: at most one at a time, shared by all who ask.
pub struct Tokens {
    oauth: OAuth,
    secret: Secret,
    client: Client,
    clock: Clock,
    held: Mutex<Held>,
    /// The last token that was given, for whoever must not repeat it.
    given: sync::Mutex<Option<Secret>>,
}

/// A token, as a request bears it.
#[derive(Clone)]
pub struct Token {
    value: HeaderValue,
    bare: Secret,
}

/// Why there is no token. It never holds anything that a server said beyond the words of RFC 6749.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TokenFailure {
    /// Nothing came back, or not the whole of it.
    Unanswered(Failure),
    /// The server gave none.
    Status {
        /// The answer's status.
        status: u16,
        /// One of the words of RFC 6749, section 5.2.
        error: Option<&'static str>,
        /// What `Retry-After` says.
        retry_after: Option<String>,
    },
    /// What it gave cannot be used.
    Unusable(&'static str),
}

/// What was fetched last.
#[derive(Default)]
struct Held {
    token: Option<(Token, Instant)>,
    failed: Option<(TokenFailure, Instant)>,
}

impl Tokens {
    /// Tokens that are fetched through such an outlet; the error names the key that it is about.
    pub fn try_new(
        oauth: &OAuth,
        secret: Secret,
        outlet: &Outlet,
        clock: &Clock,
    ) -> Result<Self, (&'static str, String)> {
        let client = Client::try_new(outlet)?;
        Ok(Self {
            oauth: oauth.clone(),
            secret,
            client,
            clock: clock.clone(),
            held: Mutex::default(),
            given: sync::Mutex::default(),
        })
    }

    /// The token that is held, or a new one: where there is none, where it ends soon, and where it is `refused`.
    pub async fn token(&self, refused: Option<&Token>) -> Result<Token, TokenFailure> {
        let asked = self.clock.instant();
        // Held while a token is fetched, so that one request serves all who wait.
        let mut held = self.held.lock().await;
        if let Some((token, ends)) = &held.token
            && self.clock.instant() < *ends
            && refused.is_none_or(|refused| refused.value != token.value)
        {
            return Ok(token.clone());
        }
        // Who waited for a request that failed has had its answer.
        if let Some((failure, at)) = &held.failed
            && *at >= asked
        {
            return Err(failure.clone());
        }
        held.token = None;
        let fetched = self.fetch().await;
        let now = self.clock.instant();
        match fetched {
            Ok((token, lives)) => {
                let margin = MARGIN.min(lives / 10);
                held.token = Some((token.clone(), now + lives.saturating_sub(margin)));
                held.failed = None;
                *self.given.lock().unwrap_or_else(PoisonError::into_inner) = Some(token.bare.clone());
                Ok(token)
            }
            Err(failure) => {
                held.failed = Some((failure.clone(), now));
                Err(failure)
            }
        }
    }

    /// The last token that was given: a target may repeat it.
    pub fn last(&self) -> Option<Secret> {
        self.given.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn fetch(&self) -> Result<(Token, Duration), TokenFailure> {
        let request = self.oauth.request(&self.secret).map_err(TokenFailure::Unusable)?;
        let received = self.client.send(Method::Post, request, MAX_SAID_BYTES + 1).await;
        let received = received.map_err(TokenFailure::Unanswered)?;
        if !(200..=299).contains(&received.status) {
            let error = given::error(&received.body);
            return Err(TokenFailure::Status { status: received.status, error, retry_after: received.retry_after });
        }
        if let Some(broken) = received.broken {
            return Err(TokenFailure::Unanswered(broken));
        }
        if received.body.len() > MAX_SAID_BYTES {
            return Err(TokenFailure::Unusable("the answer is too large"));
        }
        let Given { bare, lives } = Given::parse(&received.body).map_err(TokenFailure::Unusable)?;
        let text = [b"Bearer ", bare.expose()].concat();
        let mut value = HeaderValue::from_bytes(&text)
            .map_err(|_| TokenFailure::Unusable("the token holds characters that no header holds"))?;
        value.set_sensitive(true);
        Ok((Token { value, bare }, lives.unwrap_or(UNTOLD)))
    }
}

impl Token {
    /// The value of `Authorization`.
    pub fn value(&self) -> &HeaderValue {
        &self.value
    }

    /// The token alone, which must not be kept of what a target says.
    pub fn bare(&self) -> &Secret {
        &self.bare
    }
}

impl fmt::Display for TokenFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unanswered(failure) => write!(f, "no token: {failure}"),
            Self::Status { status, error: Some(error), .. } => write!(f, "no token: HTTP {status}, {error}"),
            Self::Status { status, error: None, .. } => write!(f, "no token: HTTP {status}"),
            Self::Unusable(why) => write!(f, "no token: {why}"),
        }
    }
}
