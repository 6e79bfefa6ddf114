//! `type = "http"`: a request to another system, and what its answer means.
//!
//! `raw` are the table's keys as written, `plan` what is made of them.

mod plan;
mod raw;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use ::http::HeaderMap;
use aws_lc_rs::hmac;
use reqwest::Url;

use super::headers::header;
use super::set::Tools;
use super::standard_webhooks::{self, Signer};
use super::{Action, Answer, Job, answer};
use crate::base::clock::Clock;
use crate::base::diagnostic::{Diagnostic, Diagnostics};
use crate::base::future::BoxFuture;
use crate::base::secret::Secret;
use crate::expr::EvalError;
use crate::outgoing::{Client, Request};
use crate::scope::address;

use plan::Plan;
pub(super) use raw::RawHttp;

/// How much of what a target says is read.
const MAX_SAID_BYTES: usize = 64 << 10;
/// How much of it where parts are kept. An answer that is longer is no JSON.
const MAX_CAPTURED_FROM_BYTES: usize = 1 << 20;

/// The action, ready to run.
struct Http {
    plan: Arc<Plan>,
    client: Client,
    /// The address, where it is a secret.
    url: Option<Url>,
    /// The headers that are secrets.
    headers: HeaderMap,
    signer: Option<Signer>,
    /// What must not be kept of what a target says, in case it repeats it.
    secrets: Vec<Secret>,
    clock: Clock,
}

impl Http {
    /// Reads the secrets and certificates that the action names.
    fn prepare(plan: &Arc<Plan>, tools: &Tools<'_>, findings: &mut Diagnostics) -> Option<Self> {
        let before = findings.errors();
        let mut secrets = Vec::new();
        let url = plan.secret_url.as_ref().and_then(|(text, place)| {
            let secret = tools.secret(text, place, findings)?;
            let url = address::of_secret(&secret, &plan.way.outlet.guard, plan.gives_secrets);
            secrets.push(secret);
            url.map_err(|problem| findings.push(Diagnostic::error("action-url", problem).at(place).without_line())).ok()
        });
        let headers = plan.secret_headers.prepare(tools, &mut secrets, findings);
        let mut keys: Vec<hmac::Key> = Vec::new();
        for (text, place) in &plan.signing_keys {
            let Some(secret) = tools.secret(text, place, findings) else { continue };
            match standard_webhooks::key(&secret) {
                Ok(key) => keys.push(key),
                Err(error) => {
                    let message = format!("what stands in {} is no key: {error}", text.place);
                    findings.push(Diagnostic::error("action-sign", message).at(place).without_line());
                }
            }
        }
        let client = plan.way.client(findings)?;
        let signer = Some(Signer::new(keys)).filter(|_| !plan.signing_keys.is_empty());
        let ready = Self { plan: plan.clone(), client, url, headers, signer, secrets, clock: tools.clock.clone() };
        (findings.errors() == before).then_some(ready)
    }

    /// Makes the request; what it is made of depends on nothing but the job and the time.
    fn request(&self, job: &Job) -> Result<Request, EvalError> {
        let mut request = self.plan.request(job, self.url.as_ref())?;
        for (name, value) in &self.headers {
            request.headers.insert(name, value.clone());
        }
        if let Some(signer) = &self.signer {
            let body = request.body.as_deref().unwrap_or_default();
            for (name, value) in signer.headers(&job.idempotency_key, self.clock.unix_seconds(), body) {
                request.headers.insert(name, header(&value)?);
            }
        }
        Ok(request)
    }
}

impl Action for Http {
    fn attempt<'a>(&'a self, job: &'a Job) -> BoxFuture<'a, Answer> {
        Box::pin(async move {
            let request = match self.request(job) {
                Ok(request) => request,
                Err(error) => return Answer::dead(error.message()),
            };
            let given_secrets = !job.secrets.is_empty();
            let limit = if self.plan.captures { MAX_CAPTURED_FROM_BYTES } else { MAX_SAID_BYTES };
            let received = match self.client.send(self.plan.method(), request, limit).await {
                Ok(received) => received,
                Err(failure) => return answer::of_failure(&failure),
            };
            let answer = answer::of(&received, &self.plan.raw.done, &self.secrets, given_secrets, &self.clock);
            let said = self.plan.captures.then(|| serde_json::from_slice(&received.body).ok()).flatten();
            match said {
                Some(said) => answer.with_said(said, &self.secrets),
                None => answer,
            }
        })
    }
}
