//! Records read back.

use std::time::Duration;

use serde_json::json;

use super::*;
use crate::base::ids::RequestId;
use crate::dialect::cymmetri;
use crate::event::{Arrival, Changes, Decision, Event, SecretFields, catalog};
use crate::facts::{Answer, Fact, FactSource, Facts};
use crate::rules::Trace;

fn event(name: &str, body: &str) -> Event {
    let arrival = Arrival {
        token: Some(json!({"sub": "admin", "tenantId": "as100"}).into()),
        received_at: chrono::DateTime::UNIX_EPOCH,
        request_id: RequestId::parse("r-1").expect("an id"),
    };
    cymmetri::decode(catalog::find(name).expect("an event"), body.into(), arrival).expect("a body")
}

fn record(event: &Event, decision: &Decision, payload: Payload) -> Vec<u8> {
    let secrets = SecretFields::default().of(event.spec());
    write(event, decision, &Trace::default(), &Facts::default(), &secrets, payload)
}

#[test]
fn an_event_comes_back_as_it_was_without_its_secrets() {
    let body = r#"{"request":{"user":{"login":"Anna","n":1.50},"passwordText":"hunter2","x":"\u0041"}}"#;
    let event = event("changePassword", body);
    let bytes = record(&event, &Decision::Acknowledge, Payload::Full);
    let text = String::from_utf8(bytes.clone()).expect("UTF-8");
    assert!(!text.contains("hunter2") && !text.contains("passwordText"), "{text}");
    assert!(text.contains(r#""n":1.50"#) && text.contains(r#""x":"\u0041""#), "{text}");
    let read = Record::parse(&bytes).expect("a record");
    let back = read.event("changePassword", chrono::DateTime::UNIX_EPOCH, "f").expect("an event");
    assert_eq!(back.person(), event.person());
    assert_eq!(back.token(), event.token());
    assert_eq!(back.request_id().as_str(), "r-1");
}

#[test]
fn a_masked_body_has_names_and_no_values_of_a_person() {
    let body = r#"{"request":{"user":{"login":"Anna","costCentre":"K-42","phones":["1"],"active":true}}}"#;
    let event = event("validateUser", body);
    let text = String::from_utf8(record(&event, &Decision::Refuse("No".into()), Payload::Masked)).expect("UTF-8");
    assert!(text.contains(r#""user":{"login":"***","costCentre":"***","phones":["***"],"active":true}"#), "{text}");
    assert_eq!(Record::parse(text.as_bytes()).expect("a record").message.as_deref(), Some("No"));
    let none = record(&event, &Decision::Accept(Changes::default()), Payload::None);
    let read = Record::parse(&none).expect("a record");
    assert_eq!(read.event("validateUser", chrono::DateTime::UNIX_EPOCH, "f").err(), Some(ReadError::NoBody));
}

#[test]
fn a_value_that_came_in_as_a_mask_makes_no_masked_record() {
    let event = event("validateUser", r#"{"request":{"user":{"login":"Anna","note":"***"}}}"#);
    let is_masked = |bytes: &[u8]| Record::parse(bytes).expect("a record").is_masked();
    let full = record(&event, &Decision::Refuse("No".into()), Payload::Full);
    assert!(!is_masked(&full));
    let masked = record(&event, &Decision::Refuse("No".into()), Payload::Masked);
    assert!(is_masked(&masked));
    let before = String::from_utf8(masked).expect("UTF-8").replace(",\"payload\":\"masked\"", "");
    assert!(is_masked(before.as_bytes()), "records of before do not say it");
}

#[test]
fn what_is_no_record_is_an_error() {
    for (bytes, error) in
        [(&b"{}"[..], ReadError::Malformed), (b"", ReadError::Malformed), (br#"{"v":2}"#, ReadError::Version(2))]
    {
        assert_eq!(Record::parse(bytes).err(), Some(error));
    }
}

#[test]
fn what_lookups_found_comes_back_as_it_was() {
    let fact = |lookup: &str, answer: Result<Answer, String>, source: FactSource| Fact {
        lookup: lookup.into(),
        answer,
        source,
        as_of: "2026-11-21T08:30:00.125Z".parse().expect("a time"),
        took: Duration::from_micros(1234),
    };
    let facts = Facts::from_iter([
        fact("same_mobile", Ok(Answer::nothing()), FactSource::Fetched),
        fact("hr", Ok(Answer::found(json!({ "manager": "Bert", "n": [1.5, null] }))), FactSource::Stale),
        fact("crm", Err("no whole answer within 300ms".into()), FactSource::Fetched),
    ]);
    let event = event("validateUser", r#"{"request":{"user":{"login":"Anna"}}}"#);
    let write = |payload| write(&event, &Decision::Refuse("No".into()), &Trace::default(), &facts, &[], payload);
    assert_eq!(Record::parse(&write(Payload::Full)).expect("a record").facts(), facts);
    for payload in [Payload::Masked, Payload::None] {
        let text = String::from_utf8(write(payload)).expect("UTF-8");
        assert!(!text.contains("manager") && !text.contains("Bert"), "{text}");
        let read = Record::parse(text.as_bytes()).expect("a record").facts();
        assert_eq!(read.get("same_mobile"), facts.get("same_mobile"));
        assert_eq!(read.get("hr").map(|fact| fact.answer.clone()), Some(Ok(Answer::found(json!("***")))));
        assert_eq!(read.get("crm"), facts.get("crm"));
    }
}
