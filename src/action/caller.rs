//! Requests that bear a token, where an action has `oauth`, and bear a new one where it is refused.

use std::time::Duration;

use ::http::header;

use super::set::Tools;
use super::way::Way;
use super::written::Written;
use super::{Answer, Fate, Trouble, answer};
use crate::base::clock::Clock;
use crate::base::diagnostic::{Diagnostic, Diagnostics};
use crate::base::secret::Secret;
use crate::base::units::Span;
use crate::outgoing::headers;
use crate::outgoing::oauth::{OAuth, RawOAuth, Token, TokenFailure, Tokens};
use crate::outgoing::{Client, Method, Received, Request};

/// Sends an action's requests.
pub(super) struct Caller {
    client: Client,
    tokens: Option<Tokens>,
    timeout: Duration,
    clock: Clock,
}

/// What a target said to a request.
pub(super) struct Said {
    pub(super) received: Received,
    token: Option<Token>,
}

/// Checks `oauth` of a table. `names` are its headers.
pub(super) fn oauth(
    raw: Option<&RawOAuth>,
    written: &Written<'_>,
    names: &[headers::Written<'_>],
    way: &Way,
    findings: &mut Diagnostics,
) -> Option<OAuth> {
    let raw = raw?;
    if let Some((_, (_, node))) = names.iter().find(|(name, _)| *name == header::AUTHORIZATION) {
        let finding = Diagnostic::error("action-oauth", "`oauth` makes the header `authorization`");
        findings.push(finding.at(&node.place).hint("write one of the two"));
    }
    OAuth::compile(raw, written.entry.get("oauth")?, &way.outlet.guard, "action-oauth", findings)
}

impl Caller {
    /// Reads the certificates, and the client's secret, which goes to `secrets`, too: a target may repeat it.
    pub(super) fn prepare(
        way: &Way,
        oauth: Option<&OAuth>,
        tools: &Tools<'_>,
        secrets: &mut Vec<Secret>,
        findings: &mut Diagnostics,
    ) -> Option<Self> {
        let client = way.client(findings);
        let mut tokens = None;
        if let Some(oauth) = oauth {
            let secret = tools.secret(&oauth.client_secret, &oauth.place, findings)?;
            secrets.push(secret.clone());
            // What is wrong with the way is said above.
            tokens = Some(Tokens::try_new(oauth, secret, &way.outlet, tools.clock).ok()?);
        }
        Some(Self { client: client?, tokens, timeout: way.outlet.timeout, clock: tools.clock.clone() })
    }

    /// Whether a token is asked for, so that there is more to an attempt than one request.
    pub(super) fn has_tokens(&self) -> bool {
        self.tokens.is_some()
    }

    /// The token that was given last, which a target may repeat.
    pub(super) fn last_token(&self) -> Option<Secret> {
        self.tokens.as_ref().and_then(Tokens::last)
    }

    /// Sends a request, with a token if there is one to be had, and once more with a new one where it is refused. At most so
    /// many bytes of the answer are read. The error is what the attempt came to.
    pub(super) async fn send(&self, method: Method, request: Request, limit: usize) -> Result<Said, Answer> {
        let Some(tokens) = &self.tokens else {
            return Ok(Said { received: self.once(method, request, limit).await?, token: None });
        };
        let token = tokens.token(None).await.map_err(|failure| self.without_token(&failure))?;
        let received = self.once(method, bearing(&request, &token), limit).await?;
        if received.status != 401 {
            return Ok(Said { received, token: Some(token) });
        }
        let token = tokens.token(Some(&token)).await.map_err(|failure| self.without_token(&failure))?;
        let received = self.once(method, bearing(&request, &token), limit).await?;
        Ok(Said { received, token: Some(token) })
    }

    async fn once(&self, method: Method, request: Request, limit: usize) -> Result<Received, Answer> {
        self.client.send(method, request, limit).await.map_err(|failure| answer::of_failure(&failure))
    }

    /// What an attempt comes to for which there is no token.
    fn without_token(&self, failure: &TokenFailure) -> Answer {
        let fate = match failure {
            TokenFailure::Unanswered(failure) => answer::of_failure(failure).fate,
            TokenFailure::Status { status: 408 | 425 | 429 | 500..=599, retry_after, .. } => {
                let after = retry_after.as_deref().and_then(|text| answer::retry_after(text, &self.clock));
                Fate::Retry { after, trouble: Trouble::Plain }
            }
            // No event can help that: somebody has to see to it.
            TokenFailure::Status { .. } | TokenFailure::Unusable(_) => {
                Fate::Retry { after: None, trouble: Trouble::Target }
            }
        };
        Answer::new(fate, failure.to_string())
    }

    /// What an answer's status means. `done` are statuses that count as done beside 2xx; `secrets` are struck out of what is
    /// kept, and nothing is kept where the target was given secret fields.
    pub(super) fn answer(&self, said: &Said, done: &[u16], secrets: &[Secret], given_secrets: bool) -> Answer {
        answer::of(&said.received, done, &said.hidden(secrets), given_secrets, &self.clock)
    }

    /// An attempt of several requests, which ends in time by itself.
    pub(super) async fn within(&self, attempt: impl Future<Output = Answer>) -> Answer {
        let late = || Answer::retry(format!("not done within {}", Span(self.timeout)));
        tokio::time::timeout(self.timeout, attempt).await.unwrap_or_else(|_| late())
    }
}

impl Said {
    /// What must not be kept of what was said: these secrets, and the token.
    pub(super) fn hidden(&self, secrets: &[Secret]) -> Vec<Secret> {
        secrets.iter().chain(self.token.iter().map(Token::bare)).cloned().collect()
    }

    /// The whole of an answer's body; the error is what the attempt came to. `limit` is how much of it counts.
    pub(super) fn body(&self, limit: usize) -> Result<&[u8], Answer> {
        let status = self.received.status;
        if let Some(failure) = &self.received.broken {
            return Err(Answer::retry(format!("HTTP {status}, but {failure}")));
        }
        if self.received.body.len() > limit {
            let limit = limit / 1024;
            return Err(Answer::trouble(format!("HTTP {status}, but the answer is larger than {limit} KiB")));
        }
        Ok(&self.received.body)
    }

    /// Whether it is 2xx.
    pub(super) fn is_success(&self) -> bool {
        (200..=299).contains(&self.received.status)
    }
}

/// The request with a token.
fn bearing(request: &Request, token: &Token) -> Request {
    let mut request = request.clone();
    request.headers.insert(header::AUTHORIZATION, token.value().clone());
    request
}
