//! An HTTP API that actions call, several times for one event if need be: where it is, the credentials that each request
//! bears, and what comes back. What is asked, and what an answer means beyond its status, is each action's own matter.
//!
//! | file | what it does |
//! |---|---|
//! | `plan` | the keys that such actions share, checked |

mod plan;

use ::http::{HeaderMap, HeaderName, HeaderValue, header};
use reqwest::Url;

use super::caller::{Caller, Said};
use super::set::Tools;
use super::{Answer, answer};
use crate::base::diagnostic::Diagnostics;
use crate::base::secret::Secret;
use crate::outgoing::{Method, Request, encode};

pub(super) use plan::{Keys, Plan, texts};

/// An API, ready to be called.
pub(super) struct Api {
    caller: Caller,
    base: Url,
    /// What every request bears that is the same for all events.
    fixed: HeaderMap,
    /// What must not be kept of what the API says, in case it repeats it.
    secrets: Vec<Secret>,
}

impl Api {
    /// Reads the secrets and certificates that the keys name.
    pub(super) fn prepare(plan: &Plan, tools: &Tools<'_>, findings: &mut Diagnostics) -> Option<Self> {
        let before = findings.errors();
        let mut secrets = Vec::new();
        let mut fixed = plan.secret_headers.prepare(tools, &mut secrets, findings);
        fixed.extend(plan.literal.iter().cloned());
        fixed.insert(header::USER_AGENT, HeaderValue::from_static(concat!("hookreeve/", env!("CARGO_PKG_VERSION"))));
        let caller = Caller::prepare(&plan.way, plan.oauth.as_ref(), tools, &mut secrets, findings);
        let ready = Self { caller: caller?, base: plan.base.clone(), fixed, secrets };
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

    /// Sends a request, with what every request bears. At most so many bytes of the answer are read. The error is what the
    /// attempt came to.
    pub(super) async fn send(&self, method: Method, request: Request, limit: usize) -> Result<Said, Answer> {
        let mut headers = self.fixed.clone();
        headers.extend(request.headers);
        self.caller.send(method, Request { headers, ..request }, limit).await
    }

    /// What an attempt comes to whose last word this is. `done` are statuses that count as done beside 2xx.
    pub(super) fn answer(&self, said: &Said, done: &[u16], given_secrets: bool) -> Answer {
        self.caller.answer(said, done, &self.secrets, given_secrets)
    }

    /// An answer with the beginning of what the API said, where it was given no secret field.
    pub(super) fn with_detail(&self, answer: Answer, said: &Said, given_secrets: bool) -> Answer {
        if given_secrets {
            return answer;
        }
        answer.with_detail(&answer::struck_out(&said.received.body, &said.hidden(&self.secrets)))
    }

    /// An answer with what the API said, of which parts are kept.
    pub(super) fn with_said(&self, answer: Answer, said: serde_json::Value) -> Answer {
        let secrets: Vec<Secret> = self.secrets.iter().cloned().chain(self.caller.last_token()).collect();
        answer.with_said(said, &secrets)
    }

    /// An attempt of several requests, which ends in time by itself.
    pub(super) async fn within(&self, attempt: impl Future<Output = Answer>) -> Answer {
        self.caller.within(attempt).await
    }
}
