//! `type = "optimalcloud"`: a ticket is filed, or a person added, changed or disabled, by OptimalCloud's webhooks.

mod plan;
mod raw;
mod words;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use ::http::{HeaderMap, HeaderValue, header};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value as Json;

use super::api::Api;
use super::caller::Said;
use super::set::Tools;
use super::{Action, Answer, Job};
use crate::base::diagnostic::Diagnostics;
use crate::base::future::BoxFuture;
use crate::base::secret::Secret;
use crate::outgoing::{Method, Request};

use plan::Plan;
pub(super) use raw::RawOptimalCloud;

/// How much of an answer is read.
const MAX_SAID_BYTES: usize = 64 << 10;

/// The action, ready to run.
struct OptimalCloud {
    plan: Arc<Plan>,
    api: Api,
}

impl OptimalCloud {
    /// Reads the secrets and certificates that the action names.
    fn prepare(plan: &Arc<Plan>, tools: &Tools<'_>, findings: &mut Diagnostics) -> Option<Self> {
        let before = findings.errors();
        let mut api = Api::prepare(&plan.api, tools, findings);
        if let Some((email, password, place)) = &plan.account {
            let password = tools.secret(password, place, findings)?;
            let both = STANDARD.encode([email.as_bytes(), b":", password.expose()].concat());
            if let (Some(api), Ok(value)) = (&mut api, HeaderValue::from_str(&format!("Basic {both}"))) {
                api.bear(header::AUTHORIZATION, value, [password, Secret::new(both)]);
            }
        }
        (findings.errors() == before).then_some(Self { plan: plan.clone(), api: api? })
    }

    async fn ask(&self, job: &Job) -> Answer {
        let (made, body) = match self.plan.make(job) {
            Ok(made) => made,
            Err(error) => return Answer::dead(error.message()),
        };
        let Some(url) = self.api.address(&self.plan.operation.path(&self.plan.plugin_id), &[]) else {
            return Answer::dead("it is no address");
        };
        let mut headers: HeaderMap = made;
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
        if let Ok(key) = HeaderValue::from_str(&job.idempotency_key) {
            headers.insert("idempotency-key", key);
        }
        let request = Request { url, headers, body: Some(body.to_string().into_bytes()) };
        match self.api.send(Method::Post, request, MAX_SAID_BYTES + 1).await {
            Ok(said) => self.read(&said, !job.secrets.is_empty()),
            Err(answer) => answer,
        }
    }

    /// What an answer means for the work.
    fn read(&self, said: &Said, given_secrets: bool) -> Answer {
        let status = said.received.status;
        let kept = |answer: Answer| self.api.with_detail(answer, said, given_secrets);
        if !said.is_success() {
            return match words::refusal(&said.received.body).filter(|_| status == 400) {
                Some(refusal) if refusal.passing => Answer::retry(format!("HTTP 400: {}", refusal.text)),
                Some(refusal) => Answer::dead(format!("HTTP 400: {}", refusal.text)),
                None => self.api.answer(said, &[], given_secrets),
            };
        }
        let body = match said.body(MAX_SAID_BYTES) {
            Ok(body) => body.trim_ascii(),
            // Asked again it would file a second one.
            Err(answer) if said.received.broken.is_none() => return Answer::dead(answer.what),
            Err(answer) => return answer,
        };
        if body.starts_with(b"<") {
            return kept(Answer::trouble(format!("HTTP {status}, but it is HTML or XML")));
        }
        let json: Option<Json> = serde_json::from_slice(body).ok();
        let ticket = json.as_ref().and_then(|json| json.get("ticket")?.as_u64());
        let with_said = |answer: Answer| match json {
            Some(json) if self.plan.captures => self.api.with_said(answer, json),
            Some(_) | None => answer,
        };
        if !self.plan.operation.is_ticket() {
            return with_said(Answer::done(format!("HTTP {status}")));
        }
        match ticket {
            Some(ticket) => with_said(Answer::done(format!("HTTP {status}, ticket {ticket}"))),
            None => kept(Answer::dead(format!("HTTP {status}, but it tells of no ticket"))),
        }
    }
}

impl Action for OptimalCloud {
    fn attempt<'a>(&'a self, job: &'a Job) -> BoxFuture<'a, Answer> {
        Box::pin(self.api.within(self.ask(job)))
    }
}
