//! The words of `OptimalCloud`'s webhooks for help desks and systems of human resources. Contract: the vendor's documents.

use std::borrow::Cow;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::{DecodeError, Dialect, Refused, Reply, whole};
use crate::base::json::{Document, EditError, Json, Kind, ParseError, quote};
use crate::event::{Arrival, Decision, Event, Performance, Performed, Spec};

/// How a 400 and a 401 say what is wrong.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ErrorFormat {
    /// The bare text, as `text/plain`.
    #[default]
    Text,
    /// The text as a JSON string.
    JsonString,
}

/// What is said where a performed action was rejected by its target, and where it could not be done.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(rename = "OptimalcloudFailures")]
pub struct Failures {
    /// A ticket's target has said no. Default: `Requestor email was not found in Zendesk`.
    pub ticket_rejected: String,
    /// A ticket could not be made. Default: `Failed to create the new ticket in Zendesk`.
    pub ticket_failed: String,
    /// An employee's target has said no to adduser. Default: `Failed to create user in the OptimalCloud`.
    pub user_rejected: String,
    /// An employee could not be added. Default: `Failed to create user in the OptimalCloud`.
    pub user_failed: String,
    /// An employee's target has said no to modifyuser or deleteuser. Default: `The employee was not found`.
    pub change_rejected: String,
    /// An employee could not be changed. Default: `Failed to change the user`.
    pub change_failed: String,
}

/// The webhooks, as they are configured.
#[derive(Clone, Debug)]
pub struct OptimalCloud {
    /// How a 400 and a 401 say what is wrong.
    pub error_format: ErrorFormat,
    /// What is said where an action was not done.
    pub failures: Failures,
    /// The status of a success about an employee.
    pub hr_status: u16,
    /// The name under which an action keeps a ticket's number.
    pub ticket: String,
}

impl Default for Failures {
    fn default() -> Self {
        let no_user = "Failed to create user in the OptimalCloud".to_owned();
        Self {
            // Letter by letter as the documents have it.
            ticket_rejected: "Requestor email was not found in Zendesk".to_owned(),
            ticket_failed: "Failed to create the new ticket in Zendesk".to_owned(),
            user_rejected: no_user.clone(),
            user_failed: no_user,
            change_rejected: "The employee was not found".to_owned(),
            change_failed: "Failed to change the user".to_owned(),
        }
    }
}

impl Default for OptimalCloud {
    fn default() -> Self {
        Self {
            error_format: ErrorFormat::default(),
            failures: Failures::default(),
            hr_status: 200,
            ticket: "ticket".to_owned(),
        }
    }
}

/// The fields that must be there, in the order in which they are looked for.
fn required(event: &str) -> &'static [&'static str] {
    match event {
        "optimalcloud.servicenow" => &["requester_email", "short_description"],
        "optimalcloud.createticket" => &["title", "description", "requester_email"],
        "optimalcloud.adduser" => &["employee_id", "first_name", "last_name", "email"],
        "optimalcloud.modifyuser" | "optimalcloud.deleteuser" => &["employee_id"],
        _ => &[],
    }
}

impl Dialect for OptimalCloud {
    fn decode(&self, spec: &'static Spec, body: Vec<u8>, arrival: Arrival) -> Result<Event, DecodeError> {
        let event = match Document::parse(body.clone()) {
            Err(ParseError::Syntax { offset, .. }) => match without_comma(&body, offset) {
                Some(mended) => whole(spec, mended, arrival)?,
                None => whole(spec, body, arrival)?,
            },
            Ok(_) | Err(_) => whole(spec, body, arrival)?,
        };
        check_required(&event)?;
        Ok(event)
    }

    fn encode(&self, event: &Event, decision: &Decision, performance: &Performance) -> Result<Reply, EditError> {
        if let Decision::Refuse(message) = decision {
            return Ok(self.error(400, message));
        }
        if let Some(text) = self.failure(event, performance) {
            return Ok(self.error(400, text));
        }
        if is_ticket(event) {
            let number = number(performance, &self.ticket).or(performance.number).unwrap_or_default();
            return Ok(Reply::json(201, format!("{{\"ticket\":{number}}}")));
        }
        let employee = event.request().and_then(|request| request.get("employee_id"));
        let employee = employee.map_or("null", Json::raw);
        Ok(Reply::json(self.hr_status, format!("{{\"status\":\"ok\",\"employee_id\":{employee}}}")))
    }

    fn refusal(&self, refused: &Refused<'_>) -> Option<Reply> {
        match (refused.status, refused.body) {
            // Whoever has no credential learns nothing.
            (401, _) => Some(self.error(401, "ERROR")),
            (400, Some(DecodeError::Missing { field })) => {
                Some(self.error(400, &format!("{field} is a required field")))
            }
            (400, _) => Some(self.error(400, refused.message)),
            _ => None,
        }
    }

    fn wants_number(&self, event: &Event, decision: &Decision, performance: &Performance) -> bool {
        is_ticket(event)
            && matches!(decision, Decision::Perform(_))
            && self.failure(event, performance).is_none()
            && number(performance, &self.ticket).is_none()
    }
}

impl OptimalCloud {
    fn error(&self, status: u16, text: &str) -> Reply {
        match self.error_format {
            ErrorFormat::Text => Reply::text(status, text.to_owned()),
            ErrorFormat::JsonString => Reply::json(status, quote(text)),
        }
    }

    /// What is said where not everything was done.
    fn failure(&self, event: &Event, performance: &Performance) -> Option<&str> {
        let is = |wanted: fn(&Performed) -> bool| performance.actions.iter().any(|(_, performed)| wanted(performed));
        let rejected = is(|performed| *performed == Performed::Rejected);
        let failed = is(|performed| matches!(performed, Performed::Failed | Performed::Late));
        let failures = &self.failures;
        let (no, trouble) = match event.name() {
            _ if is_ticket(event) => (&failures.ticket_rejected, &failures.ticket_failed),
            "optimalcloud.adduser" => (&failures.user_rejected, &failures.user_failed),
            _ => (&failures.change_rejected, &failures.change_failed),
        };
        if rejected {
            Some(no)
        } else if failed {
            Some(trouble)
        } else {
            None
        }
    }
}

/// Whether every field that must be there is.
pub(super) fn check_required(event: &Event) -> Result<(), DecodeError> {
    let request = event.request();
    let missing = required(event.name()).iter().find(|field| {
        let value = request.and_then(|request| request.get(field));
        value.is_none_or(is_missing)
    });
    missing.map_or(Ok(()), |&field| Err(DecodeError::Missing { field }))
}

fn is_missing(value: Json<'_>) -> bool {
    match value.kind() {
        Kind::Null => true,
        Kind::String => value.as_text().and_then(Result::ok).is_none_or(|text| text.trim().is_empty()),
        Kind::False | Kind::True | Kind::Number | Kind::Array | Kind::Object => false,
    }
}

fn is_ticket(event: &Event) -> bool {
    matches!(event.name(), "optimalcloud.servicenow" | "optimalcloud.createticket")
}

/// A ticket's number that an action has kept: a number, or digits.
fn number(performance: &Performance, name: &str) -> Option<i64> {
    match performance.kept(name)? {
        Value::Number(number) => number.as_i64(),
        Value::String(text) => text.trim().parse().ok(),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

/// The body without the comma in front of a closing bracket at `offset`, where there is one: a documented sample has it.
fn without_comma(body: &[u8], offset: usize) -> Option<Cow<'static, [u8]>> {
    let bom = if body.starts_with(b"\xEF\xBB\xBF") { 3 } else { 0 };
    let at = bom + offset;
    if !matches!(body.get(at), Some(b'}' | b']')) {
        return None;
    }
    let comma = body[..at].iter().rposition(|byte| !byte.is_ascii_whitespace()).filter(|at| body[*at] == b',')?;
    Some([&body[..comma], &body[comma + 1..]].concat().into())
}

#[cfg(test)]
mod tests;
