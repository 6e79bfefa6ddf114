//! The keys of an action of type http, checked and compiled for each of its events.

use std::sync::Arc;

use reqwest::Url;

use super::Http;
use super::raw::RawHttp;
use crate::action::body::{Body, Form};
use crate::action::headers::{SecretHeaders, Texts, header};
use crate::action::set::Tools;
use crate::action::way::Way;
use crate::action::written::Written;
use crate::action::{Action, Job, caller, kind, view, within};
use crate::base::diagnostic::{Diagnostic, Diagnostics, Place};
use crate::base::secret::{SecretRef, SecretText, TextOrSecret};
use crate::base::tree::Node;
use crate::event::Spec;
use crate::expr::EvalError;
use crate::outgoing::oauth::OAuth;
use crate::outgoing::{Guard, Method, Request, headers};
use crate::scope::{Address, Names, address};

/// What an action of type http needs beside a job, a client and secrets.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) way: Way,
    pub(super) secret_url: Option<(SecretText, Place)>,
    pub(super) gives_secrets: bool,
    pub(super) secret_headers: SecretHeaders,
    pub(super) oauth: Option<OAuth>,
    pub(super) signing_keys: Vec<(SecretText, Place)>,
    /// Whether parts of what the target says are kept.
    pub(super) captures: bool,
    pub(super) raw: RawHttp,
    events: Vec<(&'static str, EventPlan)>,
}

/// The parts that name an event's fields.
#[derive(Debug)]
struct EventPlan {
    /// Without granted secret fields: addresses end up in logs.
    plain: Names,
    granted: Names,
    address: Option<Address>,
    headers: Texts,
    body: Body,
}

impl kind::Keys for RawHttp {
    fn compile(&self, written: &Written<'_>, findings: &mut Diagnostics) -> Option<Arc<dyn kind::Plan>> {
        let before = findings.errors();
        self.form().check(written, findings);
        self.check_statuses(written, findings);
        let way = Way::compile(written, findings);
        let secret_url = match &self.url {
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
        let oauth = caller::oauth(self.oauth.as_ref(), written, &names, &way, findings);
        let guard = &way.outlet.guard;
        let events =
            written.for_each_event(findings, |spec, findings| self.event(written, spec, guard, &names, findings));
        let plan = Plan {
            way,
            secret_url,
            gives_secrets: !written.granted.is_empty(),
            secret_headers: SecretHeaders::of(&names, &self.headers),
            oauth,
            signing_keys: self.signing_keys(written),
            captures: written.captures(),
            raw: self.clone(),
            events,
        };
        (findings.errors() == before).then(|| Arc::new(plan) as _)
    }
}

impl kind::Plan for Plan {
    fn lookups(&self, event: &str) -> Vec<Arc<str>> {
        let own = self.events.iter().find(|(name, _)| *name == event).map(|(_, plan)| plan);
        own.map_or_else(Vec::new, |plan| [plan.plain.lookups(), plan.granted.lookups()].concat())
    }

    fn prepare(self: Arc<Self>, tools: &Tools<'_>, findings: &mut Diagnostics) -> Option<Arc<dyn Action>> {
        Http::prepare(&self, tools, findings).map(|made| Arc::new(made) as _)
    }
}

impl Plan {
    /// The method.
    pub(super) fn method(&self) -> Method {
        self.raw.method.unwrap_or_default()
    }

    /// The request for a job, without the headers that are secrets. `secret` is the address where it is one.
    pub(super) fn request(&self, job: &Job, secret: Option<&Url>) -> Result<Request, EvalError> {
        let event = self.events.iter().find(|(event, _)| *event == job.event.name()).map(|(_, plan)| plan);
        let event = event.ok_or_else(|| EvalError::new("the action does not follow events of this name any more"))?;
        let plain = view::of_job(&event.plain, job, &[]);
        let url = match (&event.address, secret) {
            (Some(address), _) => address.expand(&plain).map_err(|error| within("url", &error))?,
            (None, Some(url)) => url.clone(),
            (None, None) => return Err(EvalError::new("the action has no `url`")),
        };
        let granted = view::of_job(&event.granted, job, &job.secrets);
        let mut headers = ::http::HeaderMap::new();
        headers.insert(::http::header::USER_AGENT, header(concat!("hookreeve/", env!("CARGO_PKG_VERSION")))?);
        let body = event.body.make(job, &granted, self.raw.format).map_err(|error| within(event.body.key(), &error))?;
        if let Some(body) = &body {
            let content_type = self.raw.content_type.as_deref().or(body.content_type);
            if let Some(content_type) = content_type {
                headers.insert(::http::header::CONTENT_TYPE, header(content_type)?);
            }
            for (name, value) in &body.headers {
                let name = headers::ours(name);
                headers.extend(name.zip(headers::value(value).ok()));
            }
        }
        event.headers.add(&granted, &mut headers)?;
        headers.insert("idempotency-key", header(&job.idempotency_key)?);
        Ok(Request { url, headers, body: body.map(|body| body.bytes) })
    }
}

impl RawHttp {
    fn form(&self) -> Form<'_> {
        let may_be_nothing = matches!(self.method, Some(Method::Get | Method::Delete));
        Form { format: self.format, content_type: self.content_type.as_deref(), may_be_nothing }
    }

    /// The parts for one event.
    fn event(
        &self,
        written: &Written<'_>,
        spec: &'static Spec,
        guard: &Guard,
        header_names: &[headers::Written<'_>],
        findings: &mut Diagnostics,
    ) -> Option<EventPlan> {
        let before = findings.errors();
        let granted_fields = written.granted_on(spec);
        let mut plain = written.names(spec, &[]);
        let mut granted = written.names(spec, &granted_fields);
        let mut address = None;
        if let (Some(TextOrSecret::Text(_)), Some(node)) = (&self.url, written.entry.get("url")) {
            address = Address::compile(node, &mut plain, guard, "action-url", findings);
            if !granted_fields.is_empty() && address.as_ref().is_some_and(Address::is_open) {
                let finding = Diagnostic::error("action-url", address::TLS_ONLY).at(&node.place);
                findings.push(finding.hint("write `https://`"));
            }
        }
        let headers = Texts::compile(header_names, &mut granted, findings);
        let body = Body::compile(written, self.form(), plain.secrets(), &mut granted, findings);
        written.note_unknown(&mut plain);
        written.note_unknown(&mut granted);
        let plan = EventPlan { plain, granted, address, headers, body: body? };
        (findings.errors() == before).then_some(plan)
    }

    fn check_statuses(&self, written: &Written<'_>, findings: &mut Diagnostics) {
        let nodes = written.entry.get("done").and_then(Node::as_array).unwrap_or_default();
        for (status, node) in self.done.iter().zip(nodes) {
            let place = &node.place;
            if (200..=299).contains(status) {
                findings.push(Diagnostic::warning("action-done", "every 2xx counts as done anyway").at(place));
            } else if !(300..=599).contains(status) {
                findings.push(Diagnostic::error("action-done", "expected a status such as 409").at(place));
            }
        }
    }

    fn signing_keys(&self, written: &Written<'_>) -> Vec<(SecretText, Place)> {
        let Some(sign) = &self.sign else { return Vec::new() };
        let node = written.entry.get("sign").and_then(|sign| sign.get("standard_webhooks"));
        let place = |index: usize| {
            let item = node.and_then(|node| node.as_array().and_then(|items| items.get(index)).or(Some(node)));
            item.map_or_else(|| written.place("sign").clone(), |item| item.place.clone())
        };
        let text = |place: &SecretRef| SecretText { place: place.clone(), prefix: String::new() };
        sign.standard_webhooks.iter().enumerate().map(|(index, secret)| (text(secret), place(index))).collect()
    }
}
