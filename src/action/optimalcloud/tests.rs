//! Requests to servers that answer as OptimalCloud's webhooks do, and as they should not.

use serde_json::{Value as Json, json};

use crate::action::tests::{compile, job_about, ready};
use crate::action::{Answer, Fate, Trouble};
use crate::outgoing::tests::servers::Behaviour::{Reset, Say, SayAndFlood, SayAndHang};
use crate::outgoing::tests::servers::{Behaviour, Server};

const PLAIN: Fate = Fate::Retry { after: None, trouble: Trouble::Plain };
const TARGET: Fate = Fate::Retry { after: None, trouble: Trouble::Target };

const KEY: &str = "api_key = { env = 'K', prefix = 'ApiKey ' }\n";
const TICKET: &str = "operation = 'createticket'\n\
    fields = { title = '\"Leaver\"', description = 'user.login', requester_email = 'user.?email' }\n";
const PERSON: &str = "operation = 'deleteuser'\nplugin_id = 'p/7'\nfields = { employee_id = 'user.?number' }\n";

async fn attempt(behaviour: Behaviour, more: &str, user: Json) -> (Answer, Vec<String>) {
    let server = Server::start(behaviour).await;
    let toml = format!(
        "on = 'runDeprovision'\ntype = 'optimalcloud'\nurl = 'http://127.0.0.1:{}'\nallow_private = true\n{more}",
        server.port
    );
    let action = ready(&toml, &[("K", "k3y"), ("P", "pass:word")]);
    (action.attempt(&job_about("runDeprovision", &user)).await, server.asked())
}

fn anna() -> Json {
    json!({ "login": "anna", "email": "anna@corp.example", "number": 1111 })
}

#[tokio::test]
async fn a_ticket_is_filed_and_its_number_told() {
    let said = Say("HTTP/1.1 201 Created\r\n\r\n{\"ticket\":42}");
    let (answer, asked) = attempt(said, &format!("{KEY}{TICKET}"), anna()).await;
    assert_eq!(answer, Answer::done("HTTP 201, ticket 42"));
    let (head, body) = asked[0].split_once("\r\n\r\n").expect("a head");
    assert!(head.starts_with("POST /v5.0/mgmt/api/v1.0/webhooks/helpdesk/createticket HTTP/1.1\r\n"), "{head}");
    assert!(head.contains("authorization: ApiKey k3y\r\n"), "{head}");
    let body: Json = serde_json::from_str(body).expect("JSON");
    assert_eq!(body, json!({ "title": "Leaver", "description": "anna", "requester_email": "anna@corp.example" }));
}

#[tokio::test]
async fn a_person_is_disabled_by_a_service_account() {
    let account = "account = { email = 'svc@corp.example', password = { env = 'P' } }\n";
    let said = Say("HTTP/1.1 200 OK\r\n\r\n{}");
    let (answer, asked) = attempt(said, &format!("{account}{PERSON}"), anna()).await;
    assert_eq!(answer, Answer::done("HTTP 200"));
    assert!(
        asked[0].starts_with("POST /v5.0/mgmt/api/v1.0/webhooks/provisioning/p%2F7/deleteuser HTTP/1.1\r\n"),
        "{}",
        asked[0]
    );
    // "svc@corp.example:pass:word"
    assert!(asked[0].contains("authorization: Basic c3ZjQGNvcnAuZXhhbXBsZTpwYXNzOndvcmQ="), "{}", asked[0]);
    assert!(asked[0].ends_with(r#"{"employee_id":1111}"#), "{}", asked[0]);
}

#[tokio::test]
async fn whatever_is_answered_has_its_fate() {
    let ticket = format!("{KEY}{TICKET}");
    let person = format!("{KEY}{PERSON}");
    let cases: [(Behaviour, &str, Fate, &str, Option<&str>); 21] = [
        (Say("HTTP/1.1 200 OK\r\n\r\n{\"ticket\":7}"), &ticket, Fate::Done, "HTTP 200, ticket 7", None),
        (Say("HTTP/1.1 201 OK\r\n\r\n{}"), &ticket, Fate::Dead, "HTTP 201, but it tells of no ticket", Some("{}")),
        (Say("HTTP/1.1 201 OK\r\n\r\n"), &ticket, Fate::Dead, "HTTP 201, but it tells of no ticket", None),
        (
            Say("HTTP/1.1 201 OK\r\n\r\n{\"ticket\":\"x\"}"),
            &ticket,
            Fate::Dead,
            "HTTP 201, but it tells of no ticket",
            Some("{\"ticket\":\"x\"}"),
        ),
        (Say("HTTP/1.1 200 OK\r\n\r\n<html>"), &ticket, TARGET, "HTTP 200, but it is HTML or XML", Some("<html>")),
        (Say("HTTP/1.1 200 OK\r\n\r\n"), &person, Fate::Done, "HTTP 200", None),
        (Say("HTTP/1.1 200 OK\r\n\r\n<html>"), &person, TARGET, "HTTP 200, but it is HTML or XML", Some("<html>")),
        (Say("HTTP/1.1 401 No\r\n\r\nERROR"), &ticket, TARGET, "HTTP 401", Some("ERROR")),
        (
            Say("HTTP/1.1 400 No\r\n\r\ntitle is a required field"),
            &ticket,
            Fate::Dead,
            "HTTP 400",
            Some("title is a required field"),
        ),
        (
            Say("HTTP/1.1 400 No\r\n\r\nRequestor email was not found in Zendesk"),
            &ticket,
            Fate::Dead,
            "HTTP 400: Requestor email was not found in Zendesk",
            None,
        ),
        (
            Say("HTTP/1.1 400 No\r\n\r\nFailed to create the new ticket in Zendesk"),
            &ticket,
            PLAIN,
            "HTTP 400: Failed to create the new ticket in Zendesk",
            None,
        ),
        (
            Say("HTTP/1.1 400 No\r\n\r\n\"Failed to create user in the OptimalCloud\""),
            &person,
            PLAIN,
            "HTTP 400: Failed to create user in the OptimalCloud",
            None,
        ),
        (Say("HTTP/1.1 400 No\r\n\r\nkey k3y"), &ticket, Fate::Dead, "HTTP 400", Some("key …")),
        (Say("HTTP/1.1 404 No\r\n\r\n"), &ticket, TARGET, "HTTP 404", None),
        (Say("HTTP/1.1 302 No\r\nlocation: /x\r\ncontent-length: 0\r\n\r\n"), &ticket, Fate::Dead, "HTTP 302", None),
        (Say("HTTP/1.1 500 No\r\n\r\n"), &ticket, PLAIN, "HTTP 500", None),
        (
            Say("HTTP/1.1 201 OK\r\ncontent-length: 99\r\n\r\n{"),
            &ticket,
            PLAIN,
            "HTTP 201, but end of file before message length reached",
            None,
        ),
        (
            SayAndFlood("HTTP/1.1 201 OK\r\n\r\n"),
            &ticket,
            Fate::Dead,
            "HTTP 201, but the answer is larger than 64 KiB",
            None,
        ),
        (Reset, &ticket, PLAIN, "connection reset", None),
        (Say(""), &ticket, PLAIN, "connection closed before message completed", None),
        (Say("x\r\n\r\n"), &ticket, PLAIN, "invalid HTTP version parsed", None),
    ];
    for (behaviour, more, fate, what, detail) in cases {
        let (answer, _) = attempt(behaviour, more, anna()).await;
        assert_eq!(
            (answer.fate, answer.what.as_str(), answer.detail.as_deref()),
            (fate, what, detail),
            "{behaviour:?}"
        );
    }
    let (answer, _) = attempt(SayAndHang(""), &format!("timeout = '300ms'\n{ticket}"), anna()).await;
    assert!(answer.fate == PLAIN && answer.what.contains("within 300ms"), "{answer:?}");
}

#[tokio::test]
async fn a_required_field_that_is_empty_sends_nothing() {
    for (user, more, expected) in [
        (json!({ "login": "x" }), TICKET, "`fields`: requester_email is a required field"),
        (json!({ "login": "x", "email": null }), TICKET, "`fields`: requester_email is a required field"),
        (json!({ "login": " ", "email": "x" }), TICKET, "`fields`: description is a required field"),
        (json!({ "login": "x" }), PERSON, "`fields`: employee_id is a required field"),
        (json!({ "email": "x" }), TICKET, "`fields`: the field `login` is missing"),
    ] {
        let (answer, asked) = attempt(Say("HTTP/1.1 201 OK\r\n\r\n"), &format!("{KEY}{more}"), user).await;
        assert_eq!((answer, asked.len()), (Answer::dead(expected), 0));
    }
}

#[test]
fn what_is_wrong_with_the_keys_is_found() {
    for (toml, expected) in [
        (format!("{KEY}fields = {{ title = '\"x\"' }}"), "nothing says what is asked for"),
        (format!("{KEY}operation = 'closeticket'"), "`operation`: expected one of"),
        (TICKET.to_owned(), "no credential is named"),
        (format!("{KEY}account = {{ email = 'a', password = {{ env = 'P' }} }}\n{TICKET}"), "two forms of the same"),
        (format!("api_key = {{ env = 'K', prefix = 'Token ' }}\n{TICKET}"), "an API key stands alone"),
        (format!("account = {{ email = 'a:b', password = {{ env = 'P' }} }}\n{TICKET}"), "no e-mail of an account"),
        (format!("{KEY}plugin_id = '7'\n{TICKET}"), "a ticket has no plug-in"),
        (format!("{KEY}operation = 'adduser'\nfields = {{}}"), "takes a `plugin_id`"),
        (format!("{KEY}operation = 'adduser'\nplugin_id = '..'\nfields = {{}}"), "no plug-in's id"),
        (format!("{KEY}operation = 'createticket'"), "`fields.title` is a required field"),
        (
            format!("{KEY}operation = 'createticket'\nfields = {{ title = '\"x\"', requester_email = '\"x\"' }}"),
            "`fields.description` is a required field",
        ),
        (
            format!("{KEY}operation = 'deleteuser'\nplugin_id = 'p'\nfields = {{ employee_id = '\"\"' }}"),
            "`fields.employee_id` is a required field, and this is always empty",
        ),
        (format!("{KEY}operation = 'createticket'\nfields = 'user'"), "`fields` is a table"),
        (format!("{KEY}{TICKET}oauth = {{}}"), "oauth"),
    ] {
        let base = "[[action]]\nid = 'a'\non = 'runDeprovision'\ntype = 'optimalcloud'\nurl = 'https://t.theoptimalcloud.example'\n";
        let (_, findings) = compile(&format!("{base}{toml}"));
        let said: Vec<String> = findings.iter().map(|finding| finding.message.clone()).collect();
        assert!(findings.has_errors() && said.iter().any(|said| said.contains(expected)), "{toml}: {said:?}");
    }
}
