//! The keys of an action of type optimalcloud, checked and compiled for each of its events.

use std::sync::Arc;

use ::http::{HeaderMap, header};
use serde_json::Value as Json;

use super::OptimalCloud;
use super::raw::RawOptimalCloud;
use super::words::Operation;
use crate::action::api;
use crate::action::headers::Texts;
use crate::action::set::Tools;
use crate::action::written::Written;
use crate::action::{Action, Job, kind, view, within};
use crate::base::diagnostic::{Diagnostic, Diagnostics, Place};
use crate::base::secret::SecretText;
use crate::base::tree::Node;
use crate::event::Spec;
use crate::expr::EvalError;
use crate::scope::{Names, Tree};

/// What an action of type optimalcloud needs beside a job and secrets.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) api: api::Plan,
    pub(super) operation: Operation,
    pub(super) plugin_id: String,
    /// A service account's e-mail, and where its password is kept.
    pub(super) account: Option<(String, SecretText, Place)>,
    /// Whether parts of the answer are kept.
    pub(super) captures: bool,
    events: Vec<(&'static str, EventPlan)>,
}

/// The parts that name an event's fields.
#[derive(Debug)]
struct EventPlan {
    granted: Names,
    headers: Texts,
    fields: Tree,
}

/// What may stand in front of an API key.
const FORMS: [&str; 3] = ["", "Bearer ", "ApiKey "];

impl kind::Keys for RawOptimalCloud {
    fn compile(&self, written: &Written<'_>, findings: &mut Diagnostics) -> Option<Arc<dyn kind::Plan>> {
        let before = findings.errors();
        let mut api = api::Plan::compile(&self.keys(), written, "https://<tenant>.theoptimalcloud.com", findings);
        let account = credential(written, self, api.as_mut(), findings);
        if !written.has("operation") {
            let finding = Diagnostic::error("action-optimalcloud", "nothing says what is asked for");
            findings.push(finding.at(written.place("type")).hint("operation = \"createticket\""));
        }
        let operation = self.operation?;
        let plugin_id = plugin_id(written, self, operation, findings);
        check_fields(written, operation, findings);
        let events = written.for_each_event(findings, |spec, findings| EventPlan::compile(written, spec, findings));
        let plan = Plan { api: api?, operation, plugin_id: plugin_id?, account, captures: written.captures(), events };
        (findings.errors() == before).then(|| Arc::new(plan) as _)
    }
}

impl kind::Plan for Plan {
    fn lookups(&self, event: &str) -> Vec<Arc<str>> {
        let own = self.events.iter().find(|(name, _)| *name == event).map(|(_, plan)| plan);
        own.map_or_else(Vec::new, |plan| plan.granted.lookups())
    }

    fn prepare(self: Arc<Self>, tools: &Tools<'_>, findings: &mut Diagnostics) -> Option<Arc<dyn Action>> {
        OptimalCloud::prepare(&self, tools, findings).map(|made| Arc::new(made) as _)
    }
}

impl Plan {
    /// The headers and the fields of a job.
    pub(super) fn make(&self, job: &Job) -> Result<(HeaderMap, Json), EvalError> {
        let event = self.events.iter().find(|(event, _)| *event == job.event.name()).map(|(_, plan)| plan);
        let event = event.ok_or_else(|| EvalError::new("the action does not follow events of this name any more"))?;
        let scope = view::of_job(&event.granted, job, &job.secrets);
        let fields = event.fields.make(&scope).map_err(|error| within("fields", &error))?;
        let fields = fields.unwrap_or_default();
        for name in self.operation.required() {
            let there = match fields.get(name) {
                None | Some(Json::Null) => false,
                Some(Json::String(text)) => !text.trim().is_empty(),
                Some(Json::Number(_) | Json::Bool(_) | Json::Array(_) | Json::Object(_)) => true,
            };
            if !there {
                return Err(EvalError::new(format!("`fields`: {name} is a required field")));
            }
        }
        let mut headers = HeaderMap::new();
        event.headers.add(&scope, &mut headers)?;
        Ok((headers, fields))
    }
}

impl EventPlan {
    fn compile(written: &Written<'_>, spec: &'static Spec, findings: &mut Diagnostics) -> Option<Self> {
        let mut granted = written.names(spec, &written.granted_on(spec));
        let headers = api::texts(written, &mut granted, findings);
        let fields = Tree::compile(written.entry.get("fields")?, ("action-body", "fields"), &mut granted, findings);
        written.note_unknown(&mut granted);
        Some(Self { granted, headers, fields: fields? })
    }
}

/// The service account, where there is one. An API key becomes a header.
fn credential(
    written: &Written<'_>,
    raw: &RawOptimalCloud,
    api: Option<&mut api::Plan>,
    findings: &mut Diagnostics,
) -> Option<(String, SecretText, Place)> {
    let mut refuse = |key: &str, message: &str, hint: &str| {
        let finding = Diagnostic::error("action-optimalcloud", message.to_owned()).at(written.place(key));
        findings.push(finding.hint(hint.to_owned()));
    };
    match (&raw.api_key, &raw.account) {
        (Some(_), Some(_)) => {
            refuse("account", "`api_key` and `account` are two forms of the same", "write one of the two");
            None
        }
        (Some(key), None) => {
            if !FORMS.contains(&key.prefix.as_str()) {
                refuse(
                    "api_key",
                    "an API key stands alone, behind `Bearer ` or behind `ApiKey `",
                    "prefix = \"ApiKey \"",
                );
            }
            if let Some(api) = api {
                api.add_secret(header::AUTHORIZATION, key.clone(), written.place("api_key").clone());
            }
            None
        }
        (None, Some(account)) => {
            if account.email.is_empty() || account.email.contains(':') || account.email.chars().any(char::is_control) {
                refuse("account", "this is no e-mail of an account", "it holds no `:`");
            }
            let password = SecretText { place: account.password.clone(), prefix: String::new() };
            Some((account.email.clone(), password, written.place("account").clone()))
        }
        (None, None) => {
            if !written.has("api_key") && !written.has("account") {
                refuse("type", "no credential is named", "api_key = { env = \"NAME\", prefix = \"ApiKey \" }");
            }
            None
        }
    }
}

fn plugin_id(
    written: &Written<'_>,
    raw: &RawOptimalCloud,
    operation: Operation,
    findings: &mut Diagnostics,
) -> Option<String> {
    let mut refuse = |key: &str, message: &str, hint: &str| {
        let finding = Diagnostic::error("action-optimalcloud", message.to_owned()).at(written.place(key));
        findings.push(finding.hint(hint.to_owned()));
        None
    };
    match (operation.is_ticket(), raw.plugin_id.as_deref()) {
        (true, None) => Some(String::new()),
        (true, Some(_)) => {
            refuse("plugin_id", "a ticket has no plug-in", "it is for adduser, modifyuser and deleteuser")
        }
        (false, None) => {
            refuse("operation", "this operation takes a `plugin_id`", "the id stands in the plug-in's address")
        }
        (false, Some("" | "." | "..")) => {
            refuse("plugin_id", "this is no plug-in's id", "it stands in the plug-in's address")
        }
        (false, Some(id)) => Some(id.to_owned()),
    }
}

/// Whether the fields hold what is required, as far as that shows before an event comes.
fn check_fields(written: &Written<'_>, operation: Operation, findings: &mut Diagnostics) {
    let node = written.entry.get("fields");
    let table = node.and_then(Node::as_table);
    if node.is_some() && table.is_none() {
        let finding = Diagnostic::error("action-optimalcloud", "`fields` is a table").at(written.place("fields"));
        findings.push(finding.hint("fields = { employee_id = 'user.login' }"));
        return;
    }
    for name in operation.required() {
        let empty = |node: &Node| node.as_str().is_some_and(|text| matches!(text.trim(), "" | "\"\"" | "''" | "null"));
        let (place, message) = match node.and_then(|node| node.get(name)) {
            None => (written.place(if node.is_some() { "fields" } else { "type" }), "is a required field"),
            Some(node) if empty(node) => (&node.place, "is a required field, and this is always empty"),
            Some(_) => continue,
        };
        let finding = Diagnostic::error("action-optimalcloud", format!("`fields.{name}` {message}")).at(place);
        findings.push(finding.hint(format!("{} asks for {}", operation.name(), operation.required().join(", "))));
    }
}
