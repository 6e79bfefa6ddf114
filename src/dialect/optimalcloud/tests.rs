//! What is read, what is missing, and what is said.

use super::*;
use crate::base::ids::RequestId;
use crate::event::catalog;

fn decode(name: &str, body: &str) -> Result<Event, DecodeError> {
    let arrival = Arrival { token: None, received_at: chrono::DateTime::UNIX_EPOCH, request_id: RequestId::random() };
    OptimalCloud::default().decode(catalog::find(name).expect("an event"), body.into(), arrival)
}

fn performed(performed: Vec<Performed>) -> Performance {
    Performance { actions: performed.into_iter().map(|performed| ("a".into(), performed)).collect(), number: None }
}

fn reply(name: &str, decision: &Decision, performance: &Performance) -> (u16, String) {
    let event = decode(name, catalog::find(name).expect("an event").sample).expect("the sample");
    let reply = OptimalCloud::default().encode(&event, decision, performance).expect("a reply");
    (reply.status, reply.body.into_owned())
}

#[test]
fn every_documented_sample_is_read() {
    for name in ["servicenow", "createticket", "adduser", "modifyuser", "deleteuser"] {
        let name = format!("optimalcloud.{name}");
        let event = decode(&name, catalog::find(&name).expect("an event").sample).expect(&name);
        let key = if name.ends_with("user") { "1111" } else { "john.doe@optimalidm.com" };
        assert_eq!(event.person().key, key);
    }
}

#[test]
fn one_comma_too_many_is_forgiven_and_nothing_else() {
    let read = |body: &str| decode("optimalcloud.deleteuser", body).map_err(|error| error.code()).err();
    assert_eq!(read("{\"employee_id\":\"1\",}"), None);
    assert_eq!(read("{\"employee_id\":\"1\" , \n }"), None);
    assert_eq!(read("{\"employee_id\":\"1\",\"groups\":[1,2,]}"), None);
    for body in [
        "{\"employee_id\":\"1\",,}",
        "{\"employee_id\":\"1\",\"groups\":[1,],}",
        "{,}",
        "{\"employee_id\":\"1\"",
        "{\"employee_id\":\"1\",}}",
        "{'employee_id':1}",
    ] {
        assert_eq!(read(body), Some("invalid_json"), "{body}");
    }
    assert_eq!(read("{\"employee_id\":\"1\",\"employee_id\":\"2\",}"), Some("duplicate_key"));
}

#[test]
fn required_fields_are_looked_for_in_the_documented_order() {
    let missing = |name: &str, body: &str| {
        decode(&format!("optimalcloud.{name}"), body).map_err(|error| error.to_string()).err().unwrap_or_default()
    };
    for (name, body, field) in [
        ("servicenow", "{}", "requester_email"),
        ("servicenow", r#"{"requester_email":"a@b.example"}"#, "short_description"),
        ("createticket", "{}", "title"),
        ("createticket", r#"{"title":"t"}"#, "description"),
        ("createticket", r#"{"title":"t","description":"d","requester_email":"  "}"#, "requester_email"),
        ("adduser", "{}", "employee_id"),
        ("adduser", r#"{"employee_id":1}"#, "first_name"),
        ("adduser", r#"{"employee_id":1,"first_name":"J","last_name":null}"#, "last_name"),
        ("adduser", r#"{"employee_id":1,"first_name":"J","last_name":"D"}"#, "email"),
        ("modifyuser", r#"{"employee_id":""}"#, "employee_id"),
        ("deleteuser", r#"{"employee_id":null}"#, "employee_id"),
    ] {
        assert_eq!(missing(name, body), format!("{field} is a required field"));
    }
    assert_eq!(missing("modifyuser", r#"{"employee_id":0}"#), "");
}

#[test]
fn a_ticket_has_the_number_that_an_action_has_brought_or_one_of_our_own() {
    let perform = Decision::Perform(vec!["a".into()]);
    let kept =
        |value: serde_json::Value| performed(vec![Performed::Done(Some(serde_json::json!({ "ticket": value })))]);
    let name = "optimalcloud.createticket";
    assert_eq!(reply(name, &perform, &kept(42.into())), (201, r#"{"ticket":42}"#.into()));
    assert_eq!(reply(name, &perform, &kept(" 42 ".into())), (201, r#"{"ticket":42}"#.into()));
    let own = Performance { number: Some(7), ..kept("INC42".into()) };
    assert_eq!(reply(name, &perform, &own), (201, r#"{"ticket":7}"#.into()));
    let event = decode(name, catalog::find(name).expect("an event").sample).expect("the sample");
    let cloud = OptimalCloud::default();
    assert!(cloud.wants_number(&event, &perform, &kept("INC42".into())));
    assert!(cloud.wants_number(&event, &Decision::Perform(Vec::new()), &Performance::default()));
    assert!(!cloud.wants_number(&event, &perform, &kept(42.into())));
    assert!(!cloud.wants_number(&event, &perform, &performed(vec![Performed::Failed])));
    assert!(!cloud.wants_number(&event, &Decision::Refuse("No".into()), &Performance::default()));
}

#[test]
fn what_was_not_done_is_told_in_the_documented_words() {
    let perform = Decision::Perform(vec!["a".into()]);
    for (name, performed_as, text) in [
        ("servicenow", Performed::Rejected, "Requestor email was not found in Zendesk"),
        ("createticket", Performed::Failed, "Failed to create the new ticket in Zendesk"),
        ("createticket", Performed::Late, "Failed to create the new ticket in Zendesk"),
        ("adduser", Performed::Rejected, "Failed to create user in the OptimalCloud"),
        ("modifyuser", Performed::Rejected, "The employee was not found"),
        ("deleteuser", Performed::Failed, "Failed to change the user"),
    ] {
        let name = format!("optimalcloud.{name}");
        assert_eq!(reply(&name, &perform, &performed(vec![performed_as])), (400, text.to_owned()));
    }
    let refused = Decision::Refuse("Contractors have no tickets".into());
    assert_eq!(reply("optimalcloud.createticket", &refused, &performed(vec![])).0, 400);
}

#[test]
fn people_are_answered_with_a_small_object() {
    let done = performed(vec![Performed::Done(None)]);
    let expected = (200, r#"{"status":"ok","employee_id":"1111"}"#.to_owned());
    assert_eq!(reply("optimalcloud.adduser", &Decision::Perform(vec!["a".into()]), &done), expected);
    assert_eq!(reply("optimalcloud.deleteuser", &Decision::Perform(Vec::new()), &performed(vec![])), expected);
}

#[test]
fn errors_are_bare_text_or_json_strings() {
    let refused = |status, body| Refused { status, code: "c", message: "Our own text.", body };
    let cloud = OptimalCloud::default();
    assert_eq!(cloud.refusal(&refused(401, None)), Some(Reply::text(401, "ERROR")));
    assert_eq!(cloud.refusal(&refused(400, None)), Some(Reply::text(400, "Our own text.")));
    let missing = DecodeError::Missing { field: "title" };
    assert_eq!(cloud.refusal(&refused(400, Some(&missing))), Some(Reply::text(400, "title is a required field")));
    assert_eq!(cloud.refusal(&refused(503, None)), None);
    let json = OptimalCloud { error_format: ErrorFormat::JsonString, ..cloud };
    assert_eq!(json.refusal(&refused(401, None)), Some(Reply::json(401, "\"ERROR\"")));
}
