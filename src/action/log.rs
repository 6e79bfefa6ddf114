//! `type = "log"`: one line in the server's own log, for trials and for collectors that watch it.
//!
//! The line has fixed fields only. Its message is a literal text: whatever could name a field of the event would put
//! personal data where none belongs.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::Deserialize;

use super::set::Tools;
use super::written::Written;
use super::{Action, Answer, Job, kind};
use crate::base::diagnostic::{Diagnostic, Diagnostics};
use crate::base::future::BoxFuture;
use crate::telemetry::PersonName;

/// The keys that are this type's own.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RawLog {
    /// What the line says. Default: `an event`.
    message: Option<String>,
    /// How loud. Default: `info`.
    level: Option<Level>,
}

/// How loud a line is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Level {
    #[default]
    Info,
    Warn,
}

/// What the line says, and how loud.
#[derive(Debug)]
struct Plan {
    id: String,
    message: String,
    level: Level,
}

/// The action, ready to run.
struct Log {
    plan: Arc<Plan>,
    person: PersonName,
}

impl kind::Keys for RawLog {
    fn compile(&self, written: &Written<'_>, findings: &mut Diagnostics) -> Option<Arc<dyn kind::Plan>> {
        let message = self.message.as_deref().unwrap_or("an event");
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
        let (id, message) = (written.raw.id.clone(), message.to_owned());
        Some(Arc::new(Plan { id, message, level: self.level.unwrap_or_default() }))
    }
}

impl kind::Plan for Plan {
    fn lookups(&self, _: &str) -> Vec<Arc<str>> {
        Vec::new()
    }

    fn prepare(self: Arc<Self>, tools: &Tools<'_>, _: &mut Diagnostics) -> Option<Arc<dyn Action>> {
        Some(Arc::new(Log { plan: self, person: tools.person.clone() }))
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
