//! The keys of an action of type http, checked and compiled for each of its events.

use std::sync::Arc;

use ::http::HeaderName;
use reqwest::Url;

use super::body::{Body, Tree};
use crate::action::compile::Written;
use crate::action::raw::Format;
use crate::action::{Job, view};
use crate::base::diagnostic::{Diagnostic, Diagnostics, Place};
use crate::base::secret::{SecretRef, SecretText, TextOrSecret};
use crate::base::tree::Node;
use crate::event::Spec;
use crate::expr::EvalError;
use crate::outgoing::{self, Guard, Method, Outlet, Request, headers};
use crate::scope::{Address, Names, Template, address};

/// What an action of type http needs beside a job, a client and secrets.
#[derive(Debug)]
pub(in crate::action) struct Plan {
    pub(super) method: Method,
    pub(super) done: Vec<u16>,
    pub(super) outlet: Outlet,
    pub(super) secret_url: Option<(SecretText, Place)>,
    pub(super) gives_secrets: bool,
    pub(super) secret_headers: Vec<(HeaderName, SecretText, Place)>,
    pub(super) signing_keys: Vec<(SecretText, Place)>,
    /// Where the keys stand that only a client can find fault with.
    pub(super) places: Vec<(&'static str, Place)>,
    pub(super) place: Place,
    content_type: Option<String>,
    format: Option<Format>,
    events: Vec<(&'static str, EventPlan)>,
}

/// The parts that name an event's fields.
#[derive(Debug)]
struct EventPlan {
    /// Without granted secret fields: addresses end up in logs.
    plain: Names,
    granted: Names,
    address: Option<Address>,
    headers: Vec<(HeaderName, Template)>,
    body: Body,
}

impl Plan {
    /// Checks and compiles the keys of a table.
    pub(in crate::action) fn compile(written: &Written<'_>, findings: &mut Diagnostics) -> Option<Self> {
        let before = findings.errors();
        let raw = written.raw;
        check_body(written, findings);
        check_statuses(written, findings);
        let guard = Guard { allow_private: raw.allow_private, allow: raw.allow.clone() };
        let proxy = raw.proxy.as_deref().and_then(|text| {
            let proxy = outgoing::proxy(text);
            proxy
                .map_err(|problem| findings.push(Diagnostic::error("action-proxy", problem).at(written.place("proxy"))))
                .ok()
        });
        let tls = raw.tls.clone().unwrap_or_default();
        if tls.cert.is_some() != tls.key.is_some() {
            let finding = Diagnostic::error("action-tls", "a client certificate takes both `cert` and `key`");
            findings.push(finding.at(written.place("tls")));
        }
        let secret_url = match &raw.url {
            Some(TextOrSecret::Secret(text)) => Some((text.clone(), written.place("url").clone())),
            Some(TextOrSecret::Text(_)) => None,
            None if written.has("url") => None,
            None => {
                let finding = Diagnostic::error("action-url", "an action of type http takes a `url`");
                findings.push(finding.at(written.place("type")));
                None
            }
        };
        let names = headers::names(written.entry.get("headers"), "action-header", findings);
        let secret_headers = names.iter().filter_map(|(name, node)| {
            let Some(TextOrSecret::Secret(text)) = raw.headers.get(node.0) else { return None };
            Some((name.clone(), text.clone(), node.1.place.clone()))
        });
        let secret_headers = secret_headers.collect();
        let events = written.for_each_event(findings, |spec, findings| event(written, spec, &guard, &names, findings));
        let places = ["tls", "proxy"].map(|key| (key, written.place(key).clone())).into();
        (findings.errors() == before).then(|| Self {
            method: raw.method.unwrap_or_default(),
            done: raw.done.clone(),
            outlet: Outlet { timeout: written.timeout, guard, proxy, tls },
            secret_url,
            gives_secrets: !written.granted.is_empty(),
            secret_headers,
            signing_keys: signing_keys(written),
            places,
            place: written.entry.place.clone(),
            content_type: raw.content_type.clone(),
            format: raw.format,
            events,
        })
    }

    /// The lookups that are named for events of this name.
    pub(in crate::action) fn lookups(&self, event: &str) -> Vec<Arc<str>> {
        let own = self.events.iter().find(|(name, _)| *name == event).map(|(_, plan)| plan);
        own.map_or_else(Vec::new, |plan| [plan.plain.lookups(), plan.granted.lookups()].concat())
    }

    /// The request for a job, without the headers that are secrets. `secret` is the address where it is one.
    pub(super) fn request(&self, job: &Job, secret: Option<&Url>) -> Result<Request, EvalError> {
        let event = self.events.iter().find(|(event, _)| *event == job.event.name()).map(|(_, plan)| plan);
        let event = event.ok_or_else(|| EvalError::new("the action does not follow events of this name any more"))?;
        let plain = view::scope(&event.plain, &job.event, &job.facts, &job.decision, &[]);
        let url = match (&event.address, secret) {
            (Some(address), _) => address.expand(&plain).map_err(|error| within("url", &error))?,
            (None, Some(url)) => url.clone(),
            (None, None) => return Err(EvalError::new("the action has no `url`")),
        };
        let granted = view::scope(&event.granted, &job.event, &job.facts, &job.decision, &job.secrets);
        let mut headers = ::http::HeaderMap::new();
        headers.insert(::http::header::USER_AGENT, header(concat!("hookreeve/", env!("CARGO_PKG_VERSION")))?);
        let body = event.body.make(job, &granted, self.format).map_err(|error| within(event.body.key(), &error))?;
        if let Some(body) = &body {
            let content_type = self.content_type.as_deref().or(body.content_type);
            if let Some(content_type) = content_type {
                headers.insert(::http::header::CONTENT_TYPE, header(content_type)?);
            }
            for (name, value) in &body.headers {
                let name = headers::ours(name);
                headers.extend(name.zip(headers::value(value).ok()));
            }
        }
        for (name, template) in &event.headers {
            let text = template.expand(&granted, |value, text| {
                text.push_str(value);
                Ok(())
            });
            let value = text.and_then(|text| header(&text));
            headers.insert(name, value.map_err(|error| within(&format!("headers.{name}"), &error))?);
        }
        headers.insert("idempotency-key", header(&job.idempotency_key)?);
        Ok(Request { url, headers, body: body.map(|body| body.bytes) })
    }
}

/// A header's value.
pub(super) fn header(text: &str) -> Result<::http::HeaderValue, EvalError> {
    headers::value(text).map_err(|error| EvalError::new(error.to_string()))
}

/// An error with the key whose expression it arose in.
fn within(key: &str, error: &EvalError) -> EvalError {
    EvalError::new(format!("`{key}`: {error}"))
}

/// The parts for one event.
fn event(
    written: &Written<'_>,
    spec: &'static Spec,
    guard: &Guard,
    header_names: &[headers::Written<'_>],
    findings: &mut Diagnostics,
) -> Option<EventPlan> {
    let (raw, entry) = (written.raw, written.entry);
    let before = findings.errors();
    let granted_fields = written.granted_on(spec);
    let mut plain = view::names(spec, written.context, &[]);
    let mut granted = view::names(spec, written.context, &granted_fields);
    let mut address = None;
    if let (Some(TextOrSecret::Text(_)), Some(node)) = (&raw.url, entry.get("url")) {
        address = Address::compile(node, &mut plain, guard, "action-url", findings);
        if !granted_fields.is_empty() && address.as_ref().is_some_and(Address::is_open) {
            let finding = Diagnostic::error("action-url", address::TLS_ONLY).at(&node.place);
            findings.push(finding.hint("write `https://`"));
        }
    }
    let mut headers = Vec::new();
    for (name, (_, node)) in header_names.iter().filter(|(_, (_, node))| node.as_str().is_some()) {
        headers.extend(Some(name.clone()).zip(Template::compile(node, &mut granted, findings)));
    }
    let body = if let Some(node) = entry.get("body") {
        Tree::compile(node, &mut granted, findings).map(Body::Tree)
    } else if let Some(node) = entry.get("text") {
        Template::compile(node, &mut granted, findings).map(Body::Text)
    } else if raw.format.is_none() && matches!(raw.method, Some(Method::Get | Method::Delete)) {
        Some(Body::Nothing)
    } else {
        Some(Body::Event(plain.secrets().to_vec()))
    };
    written.note_unknown(&mut plain);
    written.note_unknown(&mut granted);
    let plan = EventPlan { plain, granted, address, headers, body: body? };
    (findings.errors() == before).then_some(plan)
}

/// Keys of the body that do not go together.
fn check_body(written: &Written<'_>, findings: &mut Diagnostics) {
    let raw = written.raw;
    let mut refuse = |key: &str, message: &str| {
        findings.push(Diagnostic::error("action-body", message).at(written.key_place(key)));
    };
    if raw.text.is_some() && raw.body.is_some() {
        refuse("text", "`body` and `text` are two forms of the same");
    }
    if raw.text.is_some() && raw.format.is_some() {
        refuse("text", "CloudEvents take JSON: write `body`, or nothing for the event itself");
    }
    if raw.content_type.is_some() && raw.format.is_some() {
        refuse("content_type", "`format` says what the body is");
    }
    if raw.content_type.as_deref().is_some_and(|text| text.is_empty() || headers::value(text).is_err()) {
        refuse("content_type", "expected a content type, such as \"application/json\"");
    }
}

fn check_statuses(written: &Written<'_>, findings: &mut Diagnostics) {
    let nodes = written.entry.get("done").and_then(Node::as_array).unwrap_or_default();
    for (status, node) in written.raw.done.iter().zip(nodes) {
        let place = &node.place;
        if (200..=299).contains(status) {
            findings.push(Diagnostic::warning("action-done", "every 2xx counts as done anyway").at(place));
        } else if !(300..=599).contains(status) {
            findings.push(Diagnostic::error("action-done", "expected a status such as 409").at(place));
        }
    }
}

fn signing_keys(written: &Written<'_>) -> Vec<(SecretText, Place)> {
    let Some(sign) = &written.raw.sign else { return Vec::new() };
    let node = written.entry.get("sign").and_then(|sign| sign.get("standard_webhooks"));
    let place = |index: usize| {
        let item = node.and_then(|node| node.as_array().and_then(|items| items.get(index)).or(Some(node)));
        item.map_or_else(|| written.place("sign").clone(), |item| item.place.clone())
    };
    let text = |place: &SecretRef| SecretText { place: place.clone(), prefix: String::new() };
    sign.standard_webhooks.iter().enumerate().map(|(index, secret)| (text(secret), place(index))).collect()
}
