//! The keys of an action of type scim, checked and compiled for each of its events.

use std::sync::Arc;

use ::http::HeaderMap;
use serde_json::{Map, Value as Json};

use super::Scim;
use super::change::READ_ONLY;
use super::filter::Filter;
use super::path::{self, Path};
use super::raw::{Absent, Change, Operation, RawScim};
use crate::action::api;
use crate::action::headers::Texts;
use crate::action::set::Tools;
use crate::action::written::Written;
use crate::action::{Action, Job, kind, view, within};
use crate::base::diagnostic::{Diagnostic, Diagnostics};
use crate::base::tree::{Node, Value as TreeValue};
use crate::event::Spec;
use crate::expr::{EvalError, Expression, Type};
use crate::scope::{Names, Tree};

/// What an action of type scim needs beside a job and secrets.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) api: api::Plan,
    pub(super) terms: Terms,
    /// Whether parts of the resource are kept.
    pub(super) captures: bool,
    events: Vec<(&'static str, EventPlan)>,
}

/// What is the same for all events.
#[derive(Clone, Debug)]
pub(super) struct Terms {
    pub(super) operation: Operation,
    pub(super) change: Change,
    pub(super) absent: Absent,
    /// The path below `url` under which the resources are.
    pub(super) resource: String,
    /// The URN of their schema.
    pub(super) schema: String,
}

/// The parts that name an event's fields.
#[derive(Debug)]
struct EventPlan {
    /// Without granted secret fields: what is looked for stands in an address, and addresses end up in logs.
    plain: Names,
    granted: Names,
    headers: Texts,
    find: Vec<(Path, Expression)>,
    attributes: Option<Tree>,
}

/// What is made of a job.
pub(super) struct Made {
    pub(super) headers: HeaderMap,
    pub(super) filter: Filter,
    pub(super) wanted: Map<String, Json>,
}

/// The resources that the schemas of RFC 7643 are for.
const SCHEMAS: [(&str, &str); 2] = [
    ("Users", "urn:ietf:params:scim:schemas:core:2.0:User"),
    ("Groups", "urn:ietf:params:scim:schemas:core:2.0:Group"),
];

impl kind::Keys for RawScim {
    fn compile(&self, written: &Written<'_>, findings: &mut Diagnostics) -> Option<Arc<dyn kind::Plan>> {
        let before = findings.errors();
        let api = api::Plan::compile(&self.keys(), written, "https://app.example/scim/v2", findings);
        let operation = self.operation.unwrap_or_default();
        check_attributes(written, self, operation, findings);
        let find = find_paths(written, findings);
        let terms = terms(written, self, operation, findings);
        let events = written
            .for_each_event(findings, |spec, findings| EventPlan::compile(written, spec, find.as_deref()?, findings));
        let plan = Plan { api: api?, terms: terms?, captures: written.captures(), events };
        (findings.errors() == before).then(|| Arc::new(plan) as _)
    }
}

impl kind::Plan for Plan {
    fn lookups(&self, event: &str) -> Vec<Arc<str>> {
        let own = self.events.iter().find(|(name, _)| *name == event).map(|(_, plan)| plan);
        own.map_or_else(Vec::new, |plan| [plan.plain.lookups(), plan.granted.lookups()].concat())
    }

    fn prepare(self: Arc<Self>, tools: &Tools<'_>, findings: &mut Diagnostics) -> Option<Arc<dyn Action>> {
        Scim::prepare(&self, tools, findings).map(|made| Arc::new(made) as _)
    }
}

impl Plan {
    /// What a job looks for, and what it wants of it.
    pub(super) fn make(&self, job: &Job) -> Result<Made, EvalError> {
        let event = self.events.iter().find(|(event, _)| *event == job.event.name()).map(|(_, plan)| plan);
        let event = event.ok_or_else(|| EvalError::new("the action does not follow events of this name any more"))?;
        let plain = view::of_job(&event.plain, job, &[]);
        let mut values = Vec::new();
        for (path, expression) in &event.find {
            let value = expression.evaluate(&plain).map_err(|error| within(&format!("find.{path}"), &error))?;
            let json = value.unwrap_optional().map_or(Ok(Json::Null), |value| value.to_json());
            values.push((
                path.clone(),
                json.map_err(EvalError::new).map_err(|error| within(&format!("find.{path}"), &error))?,
            ));
        }
        let filter = Filter::new(values).map_err(EvalError::new)?;
        let granted = view::of_job(&event.granted, job, &job.secrets);
        let made = event.attributes.as_ref().map(|tree| tree.make(&granted)).transpose();
        let made = made.map_err(|error| within("attributes", &error))?.flatten();
        let Json::Object(mut wanted) = made.unwrap_or_else(|| Json::Object(Map::new())) else {
            return Err(EvalError::new("`attributes` is no table"));
        };
        if self.terms.operation == Operation::Deactivate {
            wanted.insert("active".into(), false.into());
        }
        let mut headers = HeaderMap::new();
        event.headers.add(&granted, &mut headers)?;
        Ok(Made { headers, filter, wanted })
    }
}

impl EventPlan {
    fn compile(
        written: &Written<'_>,
        spec: &'static Spec,
        find: &[(Path, &Node)],
        findings: &mut Diagnostics,
    ) -> Option<Self> {
        let before = findings.errors();
        let mut plain = written.names(spec, &[]);
        let mut granted = written.names(spec, &written.granted_on(spec));
        let headers = api::texts(written, &mut granted, findings);
        let find: Vec<Option<_>> =
            find.iter().map(|(path, node)| Some((path.clone(), plain.compile(node, Type::Dyn, findings)?))).collect();
        let attributes = written.entry.get("attributes");
        let attributes =
            attributes.map(|node| Tree::compile(node, ("action-body", "attributes"), &mut granted, findings));
        written.note_unknown(&mut plain);
        written.note_unknown(&mut granted);
        let find: Option<Vec<_>> = find.into_iter().collect();
        let plan = Self { plain, granted, headers, find: find?, attributes: attributes.flatten() };
        (findings.errors() == before).then_some(plan)
    }
}

/// The attributes by which a resource is found.
fn find_paths<'w>(written: &Written<'w>, findings: &mut Diagnostics) -> Option<Vec<(Path, &'w Node)>> {
    let Some(table) = written.entry.get("find").and_then(Node::as_table).filter(|table| !table.is_empty()) else {
        if written.entry.get("find").is_some() || !written.has("find") {
            let finding = Diagnostic::error("action-scim", "an action of type scim takes a `find`");
            let finding = finding.at(written.place(if written.has("find") { "find" } else { "type" }));
            findings.push(finding.hint("find = { userName = 'user.login' }: by what the person is found there"));
        }
        return None;
    };
    let mut paths = Vec::new();
    for (key, entry) in table {
        let Some(path) = Path::parse(key) else {
            let finding = Diagnostic::error("action-scim", format!("`{key}` is no attribute's path")).at(&entry.key);
            findings.push(finding.hint("such as userName, externalId or \"emails.value\""));
            continue;
        };
        paths.push((path, &entry.node));
    }
    (paths.len() == table.len()).then_some(paths)
}

/// Whether each attribute is one that can be written, and goes with the operation.
fn check_attributes(written: &Written<'_>, raw: &RawScim, operation: Operation, findings: &mut Diagnostics) {
    let node = written.entry.get("attributes");
    if raw.operation.is_none() && written.has("operation") {
        // What goes with an operation that is none cannot be told.
        return;
    }
    match operation {
        Operation::Upsert | Operation::Create | Operation::Update if !written.has("attributes") => {
            let finding = Diagnostic::error("action-scim", "nothing says what the resource is to hold");
            findings.push(
                finding.at(written.place("type")).hint("attributes = { userName = 'user.login', active = 'true' }"),
            );
        }
        Operation::Delete if node.is_some() => {
            let finding = Diagnostic::error("action-scim", "what is deleted holds nothing any more");
            findings.push(finding.at(written.key_place("attributes")));
        }
        Operation::Upsert | Operation::Create | Operation::Update | Operation::Deactivate | Operation::Delete => {}
    }
    if raw.change.is_some() && matches!(operation, Operation::Create | Operation::Delete) {
        let finding = Diagnostic::error("action-scim", "nothing is changed by this operation");
        findings.push(finding.at(written.key_place("change")));
    }
    for (key, entry) in node.and_then(Node::as_table).into_iter().flatten() {
        let finding = |message: String| Diagnostic::error("action-scim", message).at(&entry.key);
        if path::is_core(key) {
            let message = "the attributes of this schema stand without its name";
            findings.push(finding(message.to_owned()).hint("write `userName`, not the URN in front of it"));
        } else if path::is_urn(key) {
            if !matches!(entry.node.value, TreeValue::Table(_)) {
                let hint = format!("\"{key}\" = {{ department = 'user.department' }}");
                findings.push(finding("a schema's URN stands before a table of its attributes".to_owned()).hint(hint));
            }
        } else if READ_ONLY.iter().any(|read_only| read_only.eq_ignore_ascii_case(key)) {
            findings.push(finding(format!("`{key}` is for the server to write")));
        } else if !path::is_name(key) {
            let hint = "what lies in an attribute is a table: name = { familyName = 'user.lastName' }";
            findings.push(finding(format!("`{key}` is no attribute's name")).hint(hint));
        }
    }
}

fn terms(written: &Written<'_>, raw: &RawScim, operation: Operation, findings: &mut Diagnostics) -> Option<Terms> {
    let resource = raw.resource.as_deref().unwrap_or("Users").trim_matches('/').to_owned();
    if !path::is_name(&resource) {
        let finding = Diagnostic::error("action-scim", "this is no name of a resource").at(written.place("resource"));
        findings.push(finding.hint("such as \"Users\""));
        return None;
    }
    let known = SCHEMAS.iter().find(|(name, _)| *name == resource).map(|(_, schema)| (*schema).to_owned());
    let Some(schema) = raw.schema.clone().or(known) else {
        let finding = Diagnostic::error("action-scim", "nothing says what schema these resources have");
        findings.push(finding.at(written.place("resource")).hint("write `schema`, its URN"));
        return None;
    };
    if !path::is_urn(&schema) {
        findings.push(Diagnostic::error("action-scim", "a schema's name is a URN").at(written.place("schema")));
        return None;
    }
    let absent = match operation {
        Operation::Upsert | Operation::Create => {
            if raw.absent.is_some() {
                let finding = Diagnostic::error("action-scim", "what is not there is made by this operation");
                findings.push(finding.at(written.key_place("absent")));
            }
            Absent::Dead
        }
        Operation::Update => raw.absent.unwrap_or(Absent::Dead),
        Operation::Deactivate | Operation::Delete => raw.absent.unwrap_or(Absent::Done),
    };
    Some(Terms { operation, change: raw.change.unwrap_or_default(), absent, resource, schema })
}
