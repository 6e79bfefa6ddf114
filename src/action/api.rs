//! An HTTP API that actions call, several times for one event if need be: where it is, the credentials that each request
//! bears, and what comes back. What is asked, and what an answer means beyond its status, is each action's own matter.
//!
//! | file | what it does |
//! |---|---|
//! | `plan` | the keys that such actions share, checked |

mod plan;

use std::time::Duration;

use ::http::{HeaderMap, HeaderName, HeaderValue, header};
use reqwest::Url;

use super::set::Tools;
use super::{Answer, Fate, Trouble, answer};
use crate::base::clock::Clock;
use crate::base::diagnostic::Diagnostics;
use crate::base::secret::Secret;
use crate::base::units::Span;
use crate::outgoing::oauth::{Token, TokenFailure, Tokens};
use crate::outgoing::{Client, Method, Received, Request, encode};

pub(super) use plan::{Keys, Plan, texts};

/// An API, ready to be called.
pub(super) struct Api {
    client: Client,
    base: Url,
    /// What every request bears that is the same for all events.
    fixed: HeaderMap,
    tokens: Option<Tokens>,
    /// What must not be kept of what the API says, in case it repeats it.
    secrets: Vec<Secret>,
    timeout: Duration,
    clock: Clock,
}

/// A request to the API.
#[derive(Clone)]
pub(super) struct Call {
    pub(super) method: Method,
    pub(super) url: Url,
    pub(super) headers: HeaderMap,
    pub(super) body: Option<Vec<u8>>,
}

/// What the API said to a request.
pub(super) struct Said {
    pub(super) received: Received,
    token: Option<Token>,
}

impl Api {
    /// Reads the secrets and certificates that the keys name.
    pub(super) fn prepare(plan: &Plan, tools: &Tools<'_>, findings: &mut Diagnostics) -> Option<Self> {
        let before = findings.errors();
        let mut secrets = Vec::new();
        let mut fixed = plan.secret_headers.prepare(tools, &mut secrets, findings);
        fixed.extend(plan.literal.iter().cloned());
        fixed.insert(header::USER_AGENT, HeaderValue::from_static(concat!("hookreeve/", env!("CARGO_PKG_VERSION"))));
        let client = plan.way.client(findings);
        let mut tokens = None;
        if let Some(oauth) = &plan.oauth
            && let Some(secret) = tools.secret(&oauth.client_secret, &oauth.place, findings)
        {
            secrets.push(secret.clone());
            // What is wrong with the way is said above.
            tokens = Tokens::try_new(oauth, secret, &plan.way.outlet, tools.clock).ok();
        }
        let ready = Self {
            client: client?,
            base: plan.base.clone(),
            fixed,
            tokens,
            secrets,
            timeout: plan.way.outlet.timeout,
            clock: tools.clock.clone(),
        };
        (findings.errors() == before).then_some(ready)
    }

    /// Adds a header that is a secret, with what must not be kept of it.
    pub(super) fn bear(&mut self, name: HeaderName, mut value: HeaderValue, secrets: impl IntoIterator<Item = Secret>) {
        value.set_sensitive(true);
        self.fixed.insert(name, value);
        self.secrets.extend(secrets);
    }

    /// The address of what stands under these names below the base, with a query if there is one. No name can lead anywhere
    /// else; none where one could.
    pub(super) fn address(&self, names: &[&str], query: &[(&str, &str)]) -> Option<Url> {
        if names.iter().any(|name| matches!(*name, "" | "." | "..")) {
            return None;
        }
        let mut url = self.base.clone();
        let below: String = names.iter().flat_map(|name| ["/".to_owned(), encode(name)]).collect();
        url.set_path(&format!("{}{below}", self.base.path().trim_end_matches('/')));
        let pairs: Vec<String> = query.iter().map(|(name, value)| format!("{name}={}", encode(value))).collect();
        url.set_query(Some(pairs.join("&").as_str()).filter(|query| !query.is_empty()));
        Some(url)
    }

    /// Sends a request, with a token if there is one to be had, and once more with a new one where it is refused. At most so
    /// many bytes of the answer are read. The error is what the attempt came to.
    pub(super) async fn send(&self, call: &Call, limit: usize) -> Result<Said, Answer> {
        let mut token = self.token(None).await?;
        let mut received = self.once(call, token.as_ref(), limit).await?;
        if received.status == 401 && token.is_some() {
            token = self.token(token.as_ref()).await?;
            received = self.once(call, token.as_ref(), limit).await?;
        }
        Ok(Said { received, token })
    }

    async fn once(&self, call: &Call, token: Option<&Token>, limit: usize) -> Result<Received, Answer> {
        let mut headers = self.fixed.clone();
        headers.extend(call.headers.clone());
        if let Some(token) = token {
            headers.insert(header::AUTHORIZATION, token.value().clone());
        }
        let request = Request { url: call.url.clone(), headers, body: call.body.clone() };
        self.client.send(call.method, request, limit).await.map_err(|failure| answer::of_failure(&failure))
    }

    async fn token(&self, refused: Option<&Token>) -> Result<Option<Token>, Answer> {
        let Some(tokens) = &self.tokens else { return Ok(None) };
        tokens.token(refused).await.map(Some).map_err(|failure| self.without_token(&failure))
    }

    /// What an attempt comes to for which there is no token.
    fn without_token(&self, failure: &TokenFailure) -> Answer {
        let trouble = Fate::Retry { after: None, trouble: Trouble::Target };
        let fate = match failure {
            TokenFailure::Unanswered(failure) => answer::of_failure(failure).fate,
            TokenFailure::Status { status: 408 | 425 | 429 | 500..=599, retry_after, .. } => {
                let after = retry_after.as_deref().and_then(|text| answer::retry_after(text, &self.clock));
                Fate::Retry { after, trouble: Trouble::Plain }
            }
            // No event can help that: somebody has to see to it.
            TokenFailure::Status { .. } | TokenFailure::Unusable(_) => trouble,
        };
        Answer::new(fate, failure.to_string())
    }

    /// What an attempt comes to whose last word this is. `done` are statuses that count as done beside 2xx.
    pub(super) fn answer(&self, said: &Said, done: &[u16], given_secrets: bool) -> Answer {
        let secrets: Vec<Secret> = self.secrets.iter().chain(said.token.iter().map(Token::bare)).cloned().collect();
        answer::of(&said.received, done, &secrets, given_secrets, &self.clock)
    }

    /// An answer with the beginning of what the API said, where it was given no secret field.
    pub(super) fn with_detail(&self, answer: Answer, said: &Said, given_secrets: bool) -> Answer {
        if given_secrets {
            return answer;
        }
        let secrets: Vec<Secret> = self.secrets.iter().chain(said.token.iter().map(Token::bare)).cloned().collect();
        answer.with_detail(&answer::struck_out(&said.received.body, &secrets))
    }

    /// An answer with what the API said, of which parts are kept.
    pub(super) fn with_said(&self, answer: Answer, said: serde_json::Value) -> Answer {
        answer.with_said(said, &self.secrets)
    }

    /// An attempt of several requests, which ends in time by itself.
    pub(super) async fn within(&self, attempt: impl Future<Output = Answer>) -> Answer {
        let late = || Answer::retry(format!("not done within {}", Span(self.timeout)));
        tokio::time::timeout(self.timeout, attempt).await.unwrap_or_else(|_| late())
    }
}

impl Said {
    /// The whole of a successful answer's body; the error is what the attempt came to. `limit` is how much may have been
    /// read.
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
