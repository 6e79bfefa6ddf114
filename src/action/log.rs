//! `type = "log"`: one line in the server's own log, for trials and for collectors that watch it.
//!
//! The line has fixed fields only. Its message is a literal text: whatever could name a field of the event would put
//! personal data where none belongs.

use std::sync::Arc;

use super::compile::Written;
use super::raw::Level;
use super::set::Tools;
use super::{Action, Answer, Job};
use crate::base::diagnostic::{Diagnostic, Diagnostics};
use crate::base::future::BoxFuture;
use crate::telemetry::PersonName;

/// What the line says, and how loud.
#[derive(Debug)]
pub(super) struct Plan {
    id: String,
    message: String,
    level: Level,
}

/// The action, ready to run.
pub(super) struct Log {
    plan: Arc<Plan>,
    person: PersonName,
}

impl Plan {
    pub(super) fn compile(written: &Written<'_>, findings: &mut Diagnostics) -> Option<Self> {
        let message = written.raw.message.as_deref().unwrap_or("an event");
        if message.trim().is_empty() || message.chars().any(char::is_control) {
            let finding = Diagnostic::error("action-message", "the message must be a line of text");
            findings.push(finding.at(written.place("message")));
            return None;
        }
        if message.contains("${") {
            let finding = Diagnostic::error("action-message", "the message is taken literally");
            let hint = "the line names event, entry, person and decision by itself; fields of the event are for no log";
            findings.push(finding.at(written.place("message")).hint(hint));
            return None;
        }
        let level = written.raw.level.unwrap_or_default();
        Some(Self { id: written.raw.id.clone(), message: message.to_owned(), level })
    }
}

impl Log {
    pub(super) fn new(plan: &Arc<Plan>, tools: &Tools<'_>) -> Self {
        Self { plan: plan.clone(), person: tools.person.clone() }
    }
}

impl Action for Log {
    fn attempt<'a>(&'a self, job: &'a Job) -> BoxFuture<'a, Answer> {
        Box::pin(async move {
            let Plan { id, message, level } = &*self.plan;
            let known = Some(job.event.person()).filter(|person| person.known);
            let person = known.map(|person| self.person.of(&person.key)).filter(|name| !name.is_empty());
            let (event, entry, outcome) = (job.event.name(), &job.entry_id, &job.decision.outcome);
            let rule = job.decision.rule.as_deref();
            match level {
                Level::Info => tracing::info!(action = id, event, entry, person, outcome, rule, "{message}"),
                Level::Warn => tracing::warn!(action = id, event, entry, person, outcome, rule, "{message}"),
            }
            Answer::done("logged")
        })
    }
}
