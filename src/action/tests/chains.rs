//! Actions that come after others, and what is kept of targets' answers for them.

use serde_json::json;

use super::*;
use crate::outgoing::tests::servers::Behaviour::Say;
use crate::outgoing::tests::servers::{Behaviour, Server};

const OK: Behaviour = Say("HTTP/1.1 204 No Content\r\n\r\n");

/// Exactly these findings, in any order, each with these words.
#[track_caller]
fn check(toml: &str, expected: &[&str]) {
    let (_, findings) = compile(toml);
    let lines: Vec<_> = findings.iter().map(crate::base::diagnostic::Diagnostic::one_line).collect();
    for words in expected {
        assert!(lines.iter().any(|line| line.contains(words)), "{words}: {lines:#?}");
    }
    assert_eq!(lines.len(), expected.len(), "{lines:#?}");
}

fn captured(answer: &Answer) -> serde_json::Value {
    answer.captured.as_deref().cloned().map_or_else(|| json!(null), serde_json::Value::Object)
}

/// What is kept of this answer by an action of type http.
async fn kept(behaviour: Behaviour, capture: &str) -> Answer {
    let server = Server::start(behaviour).await;
    let action = ready(
        &format!(
            "on = 'postCreateUser'\ntype = 'http'\nurl = 'http://127.0.0.1:{}/'\nallow_private = true\n\
             headers = {{ authorization = {{ env = 'TOKEN', prefix = 'Bearer ' }} }}\ncapture = {capture}",
            server.port
        ),
        &[("TOKEN", "hunter2hunter2")],
    );
    action.attempt(&job("postCreateUser")).await
}

#[tokio::test]
async fn parts_of_an_answer_are_kept_or_it_is_a_dead_letter() {
    const SAID: Behaviour = Say(
        "HTTP/1.1 201 Created\r\n\r\n{\"data\":{\"id\":\"c-1\",\"n\":[1,2.50]},\"none\":null,\"t\":\"Bearer hunter2hunter2\"}",
    );
    for (behaviour, capture, expected) in [
        (SAID, "{ cart = '$.data.id', second = '$.data.n.1' }", Ok(json!({ "cart": "c-1", "second": 2.5 }))),
        (SAID, "{ all = '$.data' }", Ok(json!({ "all": { "id": "c-1", "n": [1, 2.5] } }))),
        (SAID, "{ x = { path = '$.none', optional = true }, y = { path = '$.y', optional = true } }", Ok(json!(null))),
        (SAID, "{ t = '$.t' }", Ok(json!({ "t": "…" }))),
        (SAID, "{ x = '$.none' }", Err("HTTP 201, but `x` is not in the answer")),
        (SAID, "{ x = '$.data.id.x' }", Err("HTTP 201, but `x` is not in the answer")),
        (OK, "{ x = { path = '$.x', optional = true } }", Ok(json!(null))),
        (OK, "{ x = '$.x' }", Err("HTTP 204, but the answer is no JSON with `x` in it")),
        (
            Say("HTTP/1.1 200 OK\r\n\r\n<html>"),
            "{ x = '$.x' }",
            Err("HTTP 200, but the answer is no JSON with `x` in it"),
        ),
        (Say("HTTP/1.1 500 No\r\n\r\n{\"x\":1}"), "{ x = '$.x' }", Err("HTTP 500")),
        (Say("HTTP/1.1 409 No\r\n\r\n{\"x\":1}"), "{ x = '$.x' }\ndone = [409]", Ok(json!({ "x": 1 }))),
    ] {
        let answer = kept(behaviour, capture).await;
        assert!(answer.said.is_none(), "{capture}");
        match expected {
            Ok(expected) => assert_eq!((answer.fate, captured(&answer)), (Fate::Done, expected), "{capture}"),
            Err(what) => {
                assert_eq!((answer.what.as_str(), captured(&answer)), (what, json!(null)), "{capture}");
                assert_eq!(answer.fate == Fate::Dead, what.contains("but"), "{capture}");
            }
        }
    }
}

#[tokio::test]
async fn of_a_secret_field_that_a_target_repeats_nothing_is_kept() {
    let server = Server::start(Say("HTTP/1.1 200 OK\r\n\r\n{\"id\":1,\"echo\":{\"p\":\"hunter2\"}}")).await;
    let url = format!("http://127.0.0.1:{}/", server.port);
    let action = ready(
        &format!(
            "on = 'changePassword'\ntype = 'http'\nurl = '{url}'\nallow_private = true\nsecrets = ['passwordText']\n\
             body = {{ p = 'secret.passwordText' }}\ncapture = {{ id = '$.id', echo = '$.echo' }}"
        ),
        &[],
    );
    let mut job = job_about("changePassword", &json!({ "login": "x" }));
    job.secrets = vec![Granted { field: "passwordText".into(), json: Secret::new(r#""hunter2""#) }];
    let answer = action.attempt(&job).await;
    assert_eq!(captured(&answer), json!({ "id": 1, "echo": { "p": "…" } }));
}

/// Two actions, of which the second comes after the first; this is the second's.
fn after(toml: &str) -> String {
    format!(
        "[[action]]\nid = 'a'\non = 'postCreateUser'\nafter = 'create-cart'\n{toml}\n\
         [[action]]\nid = 'create-cart'\non = ['postCreateUser', 'postUpdateUser']\ntype = 'http'\n\
         url = 'https://shop.example/'\ncapture = {{ cart = '$.id', list = '$.list' }}"
    )
}

#[tokio::test]
async fn what_was_captured_is_seen_by_every_part_of_a_later_request() {
    let server = Server::start(OK).await;
    let (set, findings) = compile(&after(&format!(
        "type = 'http'\nallow_private = true\nurl = 'http://127.0.0.1:{}/${{answers[\"create-cart\"].cart}}'\n\
         headers = {{ x-cart = '${{answers[\"create-cart\"].cart}}' }}\n\
         body = {{ first = 'answers[\"create-cart\"].list[0].n', none = 'answers[?\"create-cart\"].?list[?7]' }}",
        server.port
    )));
    assert!(findings.is_empty(), "{findings:?}");
    let ready = prepare(&set, &[]).expect("it is ready");
    let mut job = job("postCreateUser");
    // Where the earlier one is not wanted there is nothing to name.
    let answer = ready["a"].attempt(&job).await;
    assert_eq!((answer.fate, answer.what.as_str()), (Fate::Dead, "`url`: the field `create-cart` is missing"));
    job.answers = json!({ "create-cart": { "cart": "c/1", "list": [{ "n": 1.5 }] } }).as_object().expect("one").clone();
    assert_eq!(ready["a"].attempt(&job).await, Answer::done("HTTP 204"));
    let asked = server.asked().pop().expect("a request");
    assert!(asked.starts_with("POST /c%2F1 ") && asked.contains("x-cart: c/1"), "{asked}");
    assert!(asked.ends_with(r#"{"first":1.5}"#), "{asked}");
}

#[tokio::test]
async fn the_event_as_a_body_holds_what_was_captured() {
    let server = Server::start(OK).await;
    let url = format!("type = 'http'\nallow_private = true\nurl = 'http://127.0.0.1:{}/'", server.port);
    let (set, findings) = compile(&after(&url));
    assert!(findings.is_empty(), "{findings:?}");
    let mut job = job("postCreateUser");
    job.answers = json!({ "create-cart": { "cart": 1 } }).as_object().expect("one").clone();
    prepare(&set, &[]).expect("it is ready")["a"].attempt(&job).await;
    let asked = server.asked().pop().expect("a request");
    assert!(asked.contains(r#""answers":{"create-cart":{"cart":1}}"#), "{asked}");
}

#[test]
fn one_that_comes_after_another_stands_behind_it() {
    let (set, findings) = compile(&after("type = 'log'"));
    assert!(findings.is_empty(), "{findings:?}");
    let job = job("postCreateUser");
    let wanted = set.wanted(&job.event, &job.facts, &job.decision);
    assert_eq!(wanted.iter().map(|(action, _)| &*action.id).collect::<Vec<_>>(), ["create-cart", "a"]);
    assert_eq!(set.find("a").expect("it is there").after, ["create-cart".into()]);
    assert!(set.place("create-cart") < set.place("a"));
    // In the order written they stand for people.
    assert_eq!(set.iter().map(|action| &*action.id).collect::<Vec<_>>(), ["a", "create-cart"]);
}

#[test]
fn what_cannot_come_after_another_is_found() {
    check(
        "[[action]]\nid = 'a'\non = 'postCreateUser'\ntype = 'log'\nafter = ['c', 'creat', 'd', 'e', 'e']\n\
         [[action]]\nid = 'b'\non = 'postCreateUser'\ntype = 'log'\nafter = 'a'\n\
         [[action]]\nid = 'c'\non = 'postCreateUser'\ntype = 'log'\nafter = ['b', 'c']\n\
         [[action]]\nid = 'create'\non = 'postUpdateUser'\ntype = 'log'\nafter = 5\n\
         [[action]]\nid = 'd'\non = ['postUpdateUser', 'changePassword']\ntype = 'log'\n\
         [[action]]\nid = 'e'\non = ['postUpdateUser', 'postCreateUser']\ntype = 'log'\n",
        &[
            "there is no action `creat` (did you mean `create`?)",
            "`d` follows none of the events that this action follows (it follows postUpdateUser, changePassword)",
            "`e` stands here twice",
            "t.toml:5:",
            "t.toml:10:",
            "an action cannot come after itself",
            "each of ",
            "`after`: expected a text or a list of texts",
        ],
    );
}

#[test]
fn what_expressions_cannot_know_of_earlier_actions_is_found() {
    check(
        &after(
            "type = 'http'\nwhen = 'answers[\"create-cart\"].cart == \"\"'\n\
             url = 'https://x.example/${answers.creat}/${answers[\"create-cart\"].crt}'\n\
             body = { a = 'answers', b = 'answers.other.x', c = 'answers[\"create-cart\"]' }",
        ),
        &[
            "`answers` has no `create-cart` (`when` is evaluated before anything is done",
            "`answers` has no `creat`",
            "`answers.create-cart` has no `crt` (did you mean `cart`?)",
            "`answers` is no value itself (name one of them: `answers.create-cart`)",
            "`answers` has no `other` (name the action in `after`",
        ],
    );
    check(
        "[[action]]\nid = 'a'\non = 'postCreateUser'\ntype = 'http'\nurl = 'https://x.example/'\n\
         body = { a = 'answers', b = 'answers.b.x' }",
        &[
            "`answers` is no value itself (name the action in `after`",
            "`answers` has no `b` (name the action in `after`",
        ],
    );
}

#[test]
fn what_is_no_capture_is_found() {
    check(
        "[[action]]\nid = 'a'\non = 'postCreateUser'\ntype = 'http'\nurl = 'https://x.example/'\n\
         capture = { 'a-b' = '$.x', b = 'x', c = { path = '$..x' }, d = { way = '$' }, e = 5 }\n\
         [[action]]\nid = 'b'\non = 'postCreateUser'\ntype = 'log'\ncapture = { a = '$' }",
        &[
            "`a-b` is no name for a value",
            "the way to the value begins with `$`",
            "between two `.` stands a key or a number",
            "`capture.d`: expected the way to a value",
            "`capture.e`: expected the way to a value",
            "`capture` is no key of an action of type log",
        ],
    );
}

#[tokio::test]
async fn of_a_resource_of_several_operations_and_of_a_ticket_parts_are_kept() {
    const NONE: &str = "HTTP/1.1 200 OK\r\n\r\n{\"totalResults\":0}";
    const CREATED: &str = "HTTP/1.1 201 Created\r\n\r\n{\"id\":\"7\"}";
    const FOUND: &str =
        "HTTP/1.1 200 OK\r\n\r\n{\"totalResults\":1,\"Resources\":[{\"id\":\"8\",\"userName\":\"anna\"}]}";
    const NOTHING: &str = "HTTP/1.1 204 No Content\r\n\r\n";
    const CART: &str = "HTTP/1.1 200 OK\r\n\r\n{\"correlationId\":\"c-1\"}";
    const TICKET: &str = "HTTP/1.1 201 Created\r\n\r\n{\"ticket\":42}";
    let scim = "type = 'scim'\nfind = { userName = 'user.login' }\nattributes = { title = '\"Dr\"' }\ncapture = { id = '$.id' }";
    let found = scim.replace("title = '\"Dr\"'", "userName = 'user.login'");
    let idhub = "type = 'idhub'\ncapture = { cart = '$.create.correlationId', last = { path = '$.submit.x', optional = true } }\n\
                 do = ['create', 'submit']\noperations.create = { path = '/carts', body = { a = '1' } }\n\
                 operations.submit = { path = '/carts/${step.create.correlationId}', method = 'PUT' }";
    let only = "type = 'idhub'\ncapture = { cart = '$.correlationId' }\noperations.create = { path = '/carts', body = { a = '1' } }";
    let ticket = "type = 'optimalcloud'\napi_key = { env = 'K' }\noperation = 'createticket'\ncapture = { ticket = '$.ticket' }\n\
                  fields = { title = '\"a\"', description = '\"b\"', requester_email = '\"c@d.example\"' }";
    let cases: [(&'static [&'static str], &str, serde_json::Value); 6] = [
        (&[NONE, CREATED], scim, json!({ "id": "7" })),
        (&[FOUND, NOTHING], scim, json!({ "id": "8" })),
        (&[FOUND], &found, json!({ "id": "8" })),
        (&[CART, NOTHING], idhub, json!({ "cart": "c-1" })),
        (&[CART], only, json!({ "cart": "c-1" })),
        (&[TICKET], ticket, json!({ "ticket": 42 })),
    ];
    for (said, toml, expected) in cases {
        let server = Server::start(Behaviour::Each(said)).await;
        let url =
            format!("on = 'postCreateUser'\nurl = 'http://127.0.0.1:{}'\nallow_private = true\n{toml}", server.port);
        let answer =
            ready(&url, &[("K", "k3y")]).attempt(&job_about("postCreateUser", &json!({ "login": "anna" }))).await;
        assert_eq!((answer.fate, captured(&answer)), (Fate::Done, expected), "{toml}: {answer:?}");
    }
}
