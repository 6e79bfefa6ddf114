//! `type = "http"`: another system is asked by a request, and what stands at a path of its JSON answer is the value.

use std::time::Duration;

use ::http::{HeaderMap, HeaderName, HeaderValue};
use reqwest::Url;
use serde_json::Value as Json;

use super::asking::Asking;
use super::compile::Written;
use super::frame::Terms;
use super::raw::AskMethod;
use super::set::Tools;
use super::{Asked, Failure, Parameter, Source};
use crate::base::diagnostic::{Diagnostic, Diagnostics, Place};
use crate::base::future::BoxFuture;
use crate::base::secret::{SecretText, TextOrSecret};
use crate::base::tree::Node;
use crate::base::units::Size;
use crate::base::way::Way;
use crate::facts::Answer;
use crate::outgoing::{self, Client, Guard, Method, Outlet, Request, headers};
use crate::scope::address;

const NOT_FOUND: [u16; 1] = [404];
const SIZE_LIMIT: Size = Size(256 << 10);
const GRACE: Duration = Duration::from_secs(1);
/// The most that any answer may be.
const MAX_SIZE: Size = Size(16 << 20);

/// The keys of the table, checked.
#[derive(Debug)]
pub(super) struct Plan {
    method: Method,
    outlet: Outlet,
    /// The address, where it is a secret; else a question begins with it.
    secret_url: Option<(SecretText, Place)>,
    secret_headers: Vec<(HeaderName, SecretText, Place)>,
    /// The headers that follow in a question, in its order.
    headers: Vec<HeaderName>,
    /// Whether a question ends with a body.
    has_body: bool,
    value: Way,
    not_found: Vec<u16>,
    size_limit: Size,
    /// Where the keys stand that only a client can find fault with.
    places: Vec<(&'static str, Place)>,
    place: Place,
}

/// The lookup, ready to be asked.
pub(super) struct Http {
    client: Client,
    method: Method,
    url: Option<Url>,
    /// The headers that are the same for every question.
    fixed: HeaderMap,
    headers: Vec<HeaderName>,
    has_body: bool,
    value: Way,
    not_found: Vec<u16>,
    size_limit: Size,
}

impl Plan {
    pub(super) fn compile(
        written: &Written<'_>,
        terms: Terms,
        findings: &mut Diagnostics,
    ) -> Option<(Vec<Asking>, Self)> {
        let before = findings.errors();
        let raw = written.raw;
        written.missing("url", "url = \"https://hr.example/people/${user.login}\"", findings);
        let guard = Guard { allow_private: raw.allow_private, allow: raw.allow.clone() };
        let proxy = raw.proxy.as_deref().map(outgoing::proxy).transpose();
        let proxy = proxy
            .map_err(|why| findings.push(Diagnostic::error("lookup-proxy", why).at(written.place("proxy"))))
            .unwrap_or_default();
        let tls = raw.tls.clone().unwrap_or_default();
        if tls.cert.is_some() != tls.key.is_some() {
            let finding = Diagnostic::error("lookup-tls", "a client certificate takes both `cert` and `key`");
            findings.push(finding.at(written.place("tls")));
        }
        let value = raw.value.as_deref().map(Way::parse).transpose();
        let value = value.unwrap_or_else(|why| {
            let finding = Diagnostic::error("lookup-value", why).at(written.place("value"));
            findings.push(finding.hint("such as \"$.data.0.name\"; `$` is the whole answer"));
            None
        });
        check_statuses(written, findings);
        let size_limit = raw.size_limit.unwrap_or(SIZE_LIMIT);
        if size_limit.0 == 0 || size_limit > MAX_SIZE {
            let message = format!("an answer may be at most {MAX_SIZE} large, and at least one byte");
            findings.push(Diagnostic::error("lookup-limits", message).at(written.place("size_limit")));
        }
        let names = headers::names(written.entry.get("headers"), "lookup-header", findings);
        let texts: Vec<_> = names.iter().filter(|(_, (_, node))| node.as_str().is_some()).collect();
        let url = written.entry.get("url").filter(|node| node.as_str().is_some());
        let body = written.entry.get("body");
        if body.is_some() && raw.method == Some(AskMethod::Get) {
            let finding = Diagnostic::error("lookup-body", "a request by GET has no body");
            findings.push(finding.at(written.key_place("body")).hint("method = \"POST\""));
        }
        let askings = written.askings(findings, |asking, findings| {
            let errors = findings.errors();
            if let Some(node) = url {
                let _ = asking.address(node, &guard, findings);
            }
            for (name, (_, node)) in &texts {
                let _ = asking.text(format!("headers.{name}"), node, findings);
            }
            if let Some(node) = body {
                let _ = asking.body(node, findings);
            }
            (findings.errors() == errors).then_some(())
        });
        let secret_headers = names.iter().filter_map(|(name, (key, node))| match raw.headers.get(*key) {
            Some(TextOrSecret::Secret(text)) => Some((name.clone(), text.clone(), node.place.clone())),
            Some(TextOrSecret::Text(_)) | None => None,
        });
        let plan = Self {
            method: match raw.method {
                Some(AskMethod::Post) => Method::Post,
                None if body.is_some() => Method::Post,
                Some(AskMethod::Get) | None => Method::Get,
            },
            // Whoever asks holds the time; this is for what would go on without anybody.
            outlet: Outlet { timeout: terms.timeout + GRACE, guard, proxy, tls },
            secret_url: match &raw.url {
                Some(TextOrSecret::Secret(text)) => Some((text.clone(), written.place("url").clone())),
                Some(TextOrSecret::Text(_)) | None => None,
            },
            secret_headers: secret_headers.collect(),
            headers: texts.iter().map(|(name, _)| name.clone()).collect(),
            has_body: body.is_some(),
            value: value.unwrap_or_default(),
            not_found: raw.not_found.clone().unwrap_or_else(|| NOT_FOUND.into()),
            size_limit,
            places: ["tls", "proxy"].map(|key| (key, written.place(key).clone())).into(),
            place: written.entry.place.clone(),
        };
        (findings.errors() == before).then_some((askings, plan))
    }
}

fn check_statuses(written: &Written<'_>, findings: &mut Diagnostics) {
    let nodes = written.entry.get("not_found").and_then(Node::as_array).unwrap_or_default();
    for (status, node) in written.raw.not_found.iter().flatten().zip(nodes) {
        if !(400..=499).contains(status) {
            let finding = Diagnostic::error("lookup-not-found", "expected a status such as 404 or 410");
            findings.push(finding.at(&node.place).hint("a source that fails is no answer, and never \"not found\""));
        }
    }
}

impl Http {
    /// Reads the secrets and certificates that the lookup names.
    pub(super) fn prepare(plan: &Plan, tools: &Tools<'_>, findings: &mut Diagnostics) -> Option<Self> {
        let before = findings.errors();
        let url = plan.secret_url.as_ref().and_then(|(text, place)| {
            let url = address::of_secret(&tools.secret(text, place, findings)?, &plan.outlet.guard, false);
            url.map_err(|why| findings.push(Diagnostic::error("lookup-url", why).at(place).without_line())).ok()
        });
        let mut fixed = HeaderMap::new();
        fixed.insert(::http::header::ACCEPT, HeaderValue::from_static("application/json"));
        fixed.insert(::http::header::USER_AGENT, HeaderValue::from_static(USER_AGENT));
        if plan.has_body {
            fixed.insert(::http::header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        for (name, text, place) in &plan.secret_headers {
            let Some(secret) = tools.secret(text, place, findings) else { continue };
            if let Ok(mut value) = HeaderValue::from_bytes(secret.expose()) {
                value.set_sensitive(true);
                fixed.insert(name.clone(), value);
            } else {
                let message = format!("what stands in {} is no header's value", text.place);
                findings.push(Diagnostic::error("lookup-header", message).at(place).without_line());
            }
        }
        let client = Client::try_new(&plan.outlet)
            .map_err(|(key, problem)| {
                let place = plan.places.iter().find(|(name, _)| *name == key).map_or(&plan.place, |(_, place)| place);
                findings.push(Diagnostic::error("lookup-client", problem).at(place));
            })
            .ok()?;
        let ready = Self {
            client,
            method: plan.method,
            url,
            fixed,
            headers: plan.headers.clone(),
            has_body: plan.has_body,
            value: plan.value.clone(),
            not_found: plan.not_found.clone(),
            size_limit: plan.size_limit,
        };
        (findings.errors() == before).then_some(ready)
    }

    fn request(&self, parameters: &[Parameter]) -> Result<Request, Failure> {
        let mut texts = parameters.iter().map(|parameter| parameter.to_text().unwrap_or_default());
        let url = match &self.url {
            Some(url) => url.clone(),
            None => Url::parse(&texts.next().unwrap_or_default()).map_err(|error| Failure(error.to_string()))?,
        };
        let mut request = Request { url, headers: self.fixed.clone(), body: None };
        for (name, text) in self.headers.iter().zip(texts.by_ref()) {
            let value = headers::value(&text).map_err(|error| Failure(format!("`headers.{name}`: {error}")))?;
            request.headers.insert(name, value);
        }
        if self.has_body {
            request.body = texts.next().map(String::into_bytes);
        }
        Ok(request)
    }

    fn read(&self, received: &outgoing::Received) -> Result<Answer, Failure> {
        if self.not_found.contains(&received.status) {
            return Ok(Answer::nothing());
        }
        if !(200..=299).contains(&received.status) {
            return Err(Failure(format!("HTTP {}", received.status)));
        }
        if let Some(broken) = &received.broken {
            return Err(Failure(format!("HTTP {}, but {broken}", received.status)));
        }
        if received.body.len() as u64 > self.size_limit.0 {
            return Err(Failure(format!("the answer is larger than {}", self.size_limit)));
        }
        let answer: Json =
            serde_json::from_slice(&received.body).map_err(|_| Failure("the answer is no JSON".to_owned()))?;
        Ok(self.value.find(&answer).map_or_else(Answer::nothing, |value| Answer::found(value.clone())))
    }
}

const USER_AGENT: &str = concat!("hookreeve/", env!("CARGO_PKG_VERSION"));

impl Source for Http {
    fn ask<'a>(&'a self, asked: &'a Asked) -> BoxFuture<'a, Result<Answer, Failure>> {
        Box::pin(async move {
            let request = self.request(&asked.question.0)?;
            // One byte more tells that there is more.
            let limit = usize::try_from(self.size_limit.0).unwrap_or(usize::MAX).saturating_add(1);
            let received = self.client.send(self.method, request, limit).await;
            self.read(&received.map_err(|failure| Failure(failure.to_string()))?)
        })
    }
}
