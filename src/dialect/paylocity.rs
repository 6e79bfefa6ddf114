//! Paylocity's words: flat bodies in camel case. A person becomes an event of `OptimalCloud`'s that tells of people, with
//! the fields under the names that those have; a notice that something has changed becomes one of its own.
//!
//! What is kept of a person is the body with its new names: the values keep their bytes.

use super::optimalcloud::{OptimalCloud, check_required};
use super::{DecodeError, Dialect, Refused, Reply, require_object, whole};
use crate::base::json::{Document, EditError, Json};
use crate::event::{Arrival, Decision, Event, Performance, Spec, catalog};

/// Paylocity's names, and those of the events of people.
const NAMES: [(&str, &str); 9] = [
    ("employeeId", "employee_id"),
    ("employeeFirstName", "first_name"),
    ("employeeLastName", "last_name"),
    ("employeeWorkEMailAddress", "email"),
    ("employeeWorkEmailAddress", "email"),
    ("employeeWorkEMail", "email"),
    ("employeeMobilePhone", "mobile"),
    ("employeeWorkPhone", "work_phone"),
    ("employeePreferredName", "display_name"),
];

/// Paylocity, as it is configured.
#[derive(Clone, Debug, Default)]
pub struct Paylocity {
    /// How people are answered.
    pub people: OptimalCloud,
}

impl Dialect for Paylocity {
    fn decode(&self, spec: &'static Spec, body: Vec<u8>, arrival: Arrival) -> Result<Event, DecodeError> {
        let document = Document::parse(body)?;
        let root = require_object(Some(document.root()), "the top", "expected an object")?;
        let has =
            |name: &str| root.members().any(|(key, _)| key.decode().is_ok_and(|key| key.eq_ignore_ascii_case(name)));
        if has("companyid") && !has("employeeFirstName") && !has("employeeLastName") {
            let event =
                whole(spec, renamed(root, &[("companyid", "companyid"), ("employeeid", "employeeid")]), arrival)?;
            let known = event.person().known;
            return if known { Ok(event) } else { Err(DecodeError::Missing { field: "employeeid" }) };
        }
        let adduser = catalog::find("optimalcloud.adduser").unwrap_or(spec);
        let event = whole(adduser, renamed(root, &NAMES), arrival)?;
        check_required(&event).map_err(|error| match error {
            // In the words of whoever sent it.
            DecodeError::Missing { field } => DecodeError::Missing { field: theirs(field) },
            other @ (DecodeError::Json(_) | DecodeError::Shape { .. }) => other,
        })?;
        Ok(event)
    }

    fn encode(&self, event: &Event, decision: &Decision, performance: &Performance) -> Result<Reply, EditError> {
        match decision {
            Decision::Acknowledge => Ok(Reply::json(200, "{}")),
            _ => self.people.encode(event, decision, performance),
        }
    }

    fn refusal(&self, refused: &Refused<'_>) -> Option<Reply> {
        self.people.refusal(refused)
    }
}

fn theirs(field: &'static str) -> &'static str {
    NAMES.iter().find(|(_, ours)| *ours == field).map_or(field, |(theirs, _)| theirs)
}

/// The object with those of its keys renamed that are in the table; a name that would then stand twice stays as it is.
fn renamed(root: Json<'_>, names: &[(&str, &'static str)]) -> String {
    let mut taken: Vec<String> = Vec::new();
    let mut parts = Vec::new();
    for (key, value) in root.members() {
        let written = key.decode().unwrap_or_default();
        let ours = names.iter().find(|(theirs, _)| written.eq_ignore_ascii_case(theirs)).map(|(_, ours)| *ours);
        let is_free = |name: &&str| !taken.iter().any(|taken| taken == name) && root.get(name).is_none();
        let name = ours.filter(|ours| is_free(ours) || written == *ours);
        let text = name.map_or_else(|| key.raw().to_owned(), |name| format!("\"{name}\""));
        taken.push(name.map_or_else(|| written.into_owned(), str::to_owned));
        parts.push(format!("{text}:{}", value.raw()));
    }
    format!("{{{}}}", parts.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::ids::RequestId;

    fn event(body: &str) -> Result<Event, DecodeError> {
        let arrival =
            Arrival { token: None, received_at: chrono::DateTime::UNIX_EPOCH, request_id: RequestId::random() };
        Paylocity::default().decode(catalog::find("paylocity.change").expect("an event"), body.into(), arrival)
    }

    #[test]
    fn a_person_is_an_event_of_people_under_the_names_that_those_have() {
        let body = r#"{"companyId":"80001","employeeId":1111,"employeeFirstName":"John","employeeLastName":"Do\u0065",
            "employeeWorkEMailAddress":"john@corp.example","employeeJobTitle":"Clerk"}"#;
        let event = event(body).expect("an event");
        assert_eq!((event.name(), event.person().key.as_str()), ("optimalcloud.adduser", "1111"));
        let request = event.request().expect("a request").raw();
        let expected = r#"{"companyId":"80001","employee_id":1111,"first_name":"John","last_name":"Do\u0065","email":"john@corp.example","employeeJobTitle":"Clerk"}"#;
        assert_eq!(request, expected);
    }

    #[test]
    fn a_notice_of_two_ids_is_a_notice() {
        for body in [r#"{"companyid":"80001","employeeid":"1111"}"#, r#"{"companyId":"80001","employeeId":"1111"}"#] {
            let event = event(body).expect("an event");
            assert_eq!((event.name(), event.person().key.as_str()), ("paylocity.change", "1111"));
            assert_eq!(event.person().system, "optimalcloud");
        }
    }

    #[test]
    fn what_is_missing_is_told_by_the_name_that_the_sender_knows() {
        let missing = |body: &str| event(body).map_err(|error| error.to_string()).err();
        let without = r#"{"employeeId":"1","employeeFirstName":"J","employeeLastName":" "}"#;
        assert_eq!(missing(without).as_deref(), Some("employeeLastName is a required field"));
        assert_eq!(missing(r#"{"companyid":"8"}"#).as_deref(), Some("employeeid is a required field"));
        assert_eq!(missing("{}").as_deref(), Some("employeeId is a required field"));
    }
}
