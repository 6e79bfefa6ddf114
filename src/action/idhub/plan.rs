//! The keys of an action of type idhub, checked and compiled for each of its events.

use std::sync::Arc;

use super::raw::RawIdHub;
use super::reading;
use crate::action::operation::{self, EventPlan, Plan};
use crate::action::written::Written;
use crate::action::{api, kind};
use crate::base::diagnostic::{Diagnostic, Diagnostics};
use crate::base::tree::Node;
use crate::outgoing::headers;

/// What is said of an operation without a path.
const UNDOCUMENTED: &str =
    "IDHub documents one path in public, `GET /api/esearch/catalog`; take the others from your tenant's own API guide";

impl kind::Keys for RawIdHub {
    fn compile(&self, written: &Written<'_>, findings: &mut Diagnostics) -> Option<Arc<dyn kind::Plan>> {
        let before = findings.errors();
        let mut api = api::Plan::compile(&self.keys(), written, "https://idhub.example", findings);
        self.tenant(written, api.as_mut(), findings);
        let node = written.entry.get("operations");
        let all = self.operations.iter().filter_map(|(name, raw)| Some((name.as_str(), raw, node?.get(name)?)));
        let all: Vec<operation::Written<'_>> = all.collect();
        for one in &all {
            operation::check(one, written.has("when"), UNDOCUMENTED, findings);
        }
        let chosen = chosen(written, self, &all, findings)?;
        let base = api.as_ref()?.base().clone();
        let events = written
            .for_each_event(findings, |spec, findings| EventPlan::compile(written, spec, &base, &chosen, findings));
        let plan = Plan { api: api?, reading: reading(), captures: written.captures(), events };
        (findings.errors() == before).then(|| Arc::new(plan) as _)
    }
}

impl RawIdHub {
    /// Adds the header that names the tenant.
    fn tenant(&self, written: &Written<'_>, api: Option<&mut api::Plan>, findings: &mut Diagnostics) {
        let Some(tenant) = &self.tenant else { return };
        let place = written.place("tenant");
        let value = headers::value(&tenant.value).ok().filter(|value| !value.is_empty());
        match (headers::name(&tenant.header), value) {
            (Ok(name), Some(value)) => api.into_iter().for_each(|api| api.add_header(name.clone(), value.clone())),
            (Err((message, hint)), _) => {
                findings.push(Diagnostic::error("action-header", message).at(place).hint(hint));
            }
            (Ok(_), None) => {
                findings.push(Diagnostic::error("action-header", "this is no header's value").at(place));
            }
        }
    }
}

/// The operations that are run, in their order.
fn chosen<'w>(
    written: &Written<'_>,
    raw: &RawIdHub,
    all: &[operation::Written<'w>],
    findings: &mut Diagnostics,
) -> Option<Vec<operation::Written<'w>>> {
    let mut refuse = |place, message: &str, hint: &str| {
        findings.push(Diagnostic::error("action-operation", message.to_owned()).at(place).hint(hint.to_owned()));
    };
    if all.is_empty() {
        if !written.has("operations") {
            let hint = "[action.operations.create_cart] and below it `method`, `path` and `body`";
            refuse(written.place("type"), "an action of type idhub takes `operations`", hint);
        }
        return None;
    }
    if raw.steps.is_empty() {
        if written.has("do") || all.len() > 1 {
            refuse(
                written.place("do"),
                "nothing says which operations are run",
                "do = [\"create_cart\", \"submit_cart\"]",
            );
            return None;
        }
        return Some(all.to_vec());
    }
    let nodes = written.entry.get("do").and_then(Node::as_array).unwrap_or_default();
    let mut chosen: Vec<operation::Written<'w>> = Vec::new();
    for (name, node) in raw.steps.iter().zip(nodes) {
        match all.iter().find(|(known, ..)| known == name) {
            Some(_) if chosen.iter().any(|(known, ..)| known == name) => {
                refuse(&node.place, "an operation is run once", "write it under a second name");
            }
            Some(one) => chosen.push(*one),
            None => {
                let names: Vec<&str> = all.iter().map(|(name, ..)| *name).collect();
                refuse(&node.place, "there is no such operation", &format!("operations: {}", names.join(", ")));
            }
        }
    }
    (chosen.len() == raw.steps.len()).then_some(chosen)
}
