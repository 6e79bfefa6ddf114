//! Attempts at servers that answer as they are told, and at a real one.

mod real;

use serde_json::json;

use crate::action::tests::{compile, job_about, ready};
use crate::action::{Answer, Fate, Granted, Trouble};
use crate::base::secret::Secret;
use crate::outgoing::tests::servers::Behaviour::{Each, Reset, SayAndFlood, SayAndHang};
use crate::outgoing::tests::servers::{Behaviour, Files, Server};

const PLAIN: Fate = Fate::Retry { after: None, trouble: Trouble::Plain };
const TARGET: Fate = Fate::Retry { after: None, trouble: Trouble::Target };

const FIND: &str = "find = { userName = 'user.login' }\n";
const ATTRIBUTES: &str = "attributes = { title = 'text(user.?title)' }\n";

const NONE: &str = "HTTP/1.1 200 OK\r\n\r\n{\"totalResults\":0}";
const ONE: &str = "HTTP/1.1 200 OK\r\n\r\n{\"totalResults\":1,\"Resources\":[{\"id\":\"7\",\"userName\":\"anna\",\"meta\":{\"version\":\"W/\\\"3\\\"\"}}]}";
const DOCTOR: &str = "HTTP/1.1 200 OK\r\n\r\n{\"totalResults\":1,\"Resources\":[{\"id\":\"7\",\"userName\":\"Anna\",\"title\":\"Dr\",\"active\":false}]}";
const OTHER: &str = "HTTP/1.1 200 OK\r\n\r\n{\"totalResults\":1,\"Resources\":[{\"id\":\"8\",\"userName\":\"bob\"}]}";
const CUT: &str = "HTTP/1.1 200 OK\r\n\r\n{\"totalResults\":3,\"Resources\":[{\"id\":\"7\",\"userName\":\"anna\"}]}";
const CREATED: &str = "HTTP/1.1 201 Created\r\n\r\n{\"id\":\"7\"}";
const OK: &str = "HTTP/1.1 200 OK\r\n\r\n{}";
const GONE: &str = "HTTP/1.1 204 No Content\r\n\r\n";
const CONFLICT: &str = "HTTP/1.1 409 No\r\n\r\n{\"scimType\":\"uniqueness\"}";
const CHANGED: &str = "HTTP/1.1 412 No\r\n\r\n{}";
const MISSING: &str = "HTTP/1.1 404 No\r\n\r\n{}";
const BAD_FILTER: &str = "HTTP/1.1 400 No\r\n\r\n{\"scimType\":\"invalidFilter\",\"detail\":\"no userName\"}";
const BUSY: &str = "HTTP/1.1 429 No\r\nretry-after: 9\r\n\r\n";
const DOWN: &str = "HTTP/1.1 503 No\r\n\r\n<html>";
const LOGIN: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\n\r\n<html>Log in</html>";
const MOVED: &str = "HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n";
const EMPTY: &str = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
const DENIED: &str = "HTTP/1.1 401 No\r\n\r\n";
const BROKEN: &str = "HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n{\"total";

async fn attempt(behaviour: Behaviour, more: &str) -> (Answer, Vec<String>) {
    let server = Server::start(behaviour).await;
    let toml = format!(
        "on = 'postCreateUser'\ntype = 'scim'\nurl = 'http://127.0.0.1:{}/scim/v2/'\nallow_private = true\n{more}",
        server.port
    );
    let job = job_about("postCreateUser", &json!({ "login": "anna", "title": "Dr" }));
    (ready(&toml, &[]).attempt(&job).await, server.asked())
}

/// What a server says to each request, keys, and what comes of it: fate, words, and what is asked.
type Case<'c> = (&'static [&'static str], &'c str, Fate, &'c str, &'c [&'c str]);

/// The first word of each request.
fn methods(asked: &[String]) -> Vec<&str> {
    asked.iter().map(|asked| asked.split(' ').next().unwrap_or_default()).collect()
}

#[tokio::test]
async fn whatever_a_server_answers_has_its_fate() {
    let after = Fate::Retry { after: Some(std::time::Duration::from_secs(9)), trouble: Trouble::Plain };
    let upsert = format!("{FIND}{ATTRIBUTES}");
    let create = format!("operation = 'create'\n{upsert}");
    let update = format!("operation = 'update'\n{upsert}");
    let deactivate = format!("operation = 'deactivate'\n{FIND}");
    let delete = format!("operation = 'delete'\n{FIND}");
    let strict = format!("{delete}absent = 'dead'\n");
    let patient = format!("{update}absent = 'retry'\n");
    let cases: [Case<'_>; 37] = [
        // What an operation comes to.
        (&[NONE, CREATED], &upsert, Fate::Done, "created, HTTP 201", &["GET", "POST"]),
        (&[ONE, OK], &upsert, Fate::Done, "1 changed, HTTP 200", &["GET", "PATCH"]),
        (&[DOCTOR], &upsert, Fate::Done, "nothing to change", &["GET"]),
        (&[NONE, CREATED], &create, Fate::Done, "created, HTTP 201", &["GET", "POST"]),
        (&[ONE], &create, Fate::Done, "it is there", &["GET"]),
        (&[NONE], &update, Fate::Dead, "there is none that `find` finds", &["GET"]),
        (&[NONE], &patient, PLAIN, "there is none that `find` finds", &["GET"]),
        (&[ONE, OK], &deactivate, Fate::Done, "1 changed, HTTP 200", &["GET", "PATCH"]),
        (&[DOCTOR], &deactivate, Fate::Done, "nothing to change", &["GET"]),
        (&[NONE], &deactivate, Fate::Done, "there is none", &["GET"]),
        (&[ONE, GONE], &delete, Fate::Done, "deleted, HTTP 204", &["GET", "DELETE"]),
        (&[NONE], &delete, Fate::Done, "there is none", &["GET"]),
        (&[NONE], &strict, Fate::Dead, "there is none that `find` finds", &["GET"]),
        // What changes in between.
        (&[ONE, CHANGED, DOCTOR], &upsert, Fate::Done, "nothing to change", &["GET", "PATCH", "GET"]),
        (&[ONE, MISSING, NONE, CREATED], &upsert, Fate::Done, "created, HTTP 201", &["GET", "PATCH", "GET", "POST"]),
        (&[ONE, MISSING, NONE], &delete, Fate::Done, "there is none", &["GET", "DELETE", "GET"]),
        (&[NONE, CONFLICT, DOCTOR], &upsert, Fate::Done, "nothing to change", &["GET", "POST", "GET"]),
        (
            &[ONE, CHANGED, ONE, CHANGED, ONE, CHANGED],
            &upsert,
            PLAIN,
            "the resource changed each time it was to be changed",
            &["GET", "PATCH", "GET", "PATCH", "GET", "PATCH"],
        ),
        (
            &[NONE, CONFLICT, NONE],
            &upsert,
            PLAIN,
            "HTTP 409: another resource has a value that only one may have, and `find` does not find it",
            &["GET", "POST", "GET"],
        ),
        // What is wrong.
        (&[CUT], &upsert, Fate::Dead, "3 resources are found by `find`, and one is meant", &["GET"]),
        (&[OTHER], &upsert, Fate::Dead, "what is found does not have the values of `find`", &["GET"]),
        (&[OTHER], &delete, Fate::Dead, "what is found does not have the values of `find`", &["GET"]),
        (&[BAD_FILTER], &upsert, Fate::Dead, "find: HTTP 400, invalidFilter", &["GET"]),
        (&[ONE, CONFLICT], &upsert, Fate::Dead, "change: HTTP 409, uniqueness", &["GET", "PATCH"]),
        (&[NONE, BAD_FILTER], &upsert, Fate::Dead, "create: HTTP 400, invalidFilter", &["GET", "POST"]),
        (&[BUSY], &upsert, after, "find: HTTP 429", &["GET"]),
        (&[NONE, BUSY], &upsert, after, "create: HTTP 429", &["GET", "POST"]),
        (&[ONE, DOWN], &delete, PLAIN, "delete: HTTP 503", &["GET", "DELETE"]),
        (&[DENIED], &upsert, TARGET, "find: HTTP 401", &["GET"]),
        (&[MISSING], &delete, TARGET, "find: HTTP 404", &["GET"]),
        (&[LOGIN], &upsert, TARGET, "find: HTTP 200, but it is HTML or XML", &["GET"]),
        (&[EMPTY], &upsert, TARGET, "find: HTTP 200, but it is empty", &["GET"]),
        (&[OK], &delete, TARGET, "find: HTTP 200, but it is no SCIM list", &["GET"]),
        (&[MOVED], &upsert, Fate::Dead, "find: HTTP 302", &["GET"]),
        (&[BROKEN], &upsert, PLAIN, "HTTP 200, but end of file before message length reached", &["GET"]),
        (&[NONE, BROKEN], &upsert, PLAIN, "HTTP 200, but end of file before message length reached", &["GET", "POST"]),
        (&["nonsense\r\n\r\n"], &upsert, PLAIN, "invalid HTTP version parsed", &["GET"]),
    ];
    for (said, toml, fate, what, expected) in cases {
        let (answer, asked) = attempt(Each(said), toml).await;
        assert_eq!((answer.fate, answer.what.as_str()), (fate, what), "{said:?} {toml}");
        assert_eq!(methods(&asked), expected, "{said:?} {toml}");
    }
    for (behaviour, fate, what) in [
        (Reset, PLAIN, "connection reset"),
        (SayAndHang(""), PLAIN, "within 300ms"),
        (SayAndFlood("HTTP/1.1 200 OK\r\n\r\n"), TARGET, "HTTP 200, but the answer is larger than 1024 KiB"),
    ] {
        let (answer, _) = attempt(behaviour, &format!("{upsert}timeout = '300ms'\n")).await;
        assert!(answer.fate == fate && answer.what.contains(what), "{behaviour:?}: {answer:?}");
    }
}

#[tokio::test]
async fn a_conflict_that_no_search_explains_is_given_up_after_some_attempts() {
    let server = Server::start(Each(&[NONE, CONFLICT, NONE])).await;
    let toml = format!(
        "on = 'postCreateUser'\ntype = 'scim'\nurl = 'http://127.0.0.1:{}'\nallow_private = true\n{FIND}{ATTRIBUTES}",
        server.port
    );
    let mut job = job_about("postCreateUser", &json!({ "login": "anna" }));
    job.attempt = 5;
    assert_eq!(ready(&toml, &[]).attempt(&job).await.fate, Fate::Dead);
}

#[tokio::test]
async fn requests_are_what_scim_says() {
    let more = "find = { userName = 'user.login + \"\\\" or 1\"' }\n\
                attributes = { name = { familyName = '\"B\"' }, 'urn:x:User' = { a = '1' } }\n\
                headers = { x-who = '${user.login}' }\n";
    let (answer, asked) = attempt(Each(&[NONE, CREATED]), more).await;
    assert_eq!(answer.what, "created, HTTP 201");
    let filter = "userName%20eq%20%22anna%5C%22%20or%201%22";
    assert!(asked[0].starts_with(&format!("GET /scim/v2/Users?filter={filter}&count=2 HTTP/1.1")), "{}", asked[0]);
    assert!(asked[0].contains("accept: application/scim+json") && asked[0].contains("x-who: anna"), "{}", asked[0]);
    let (head, body) = asked[1].split_once("\r\n\r\n").expect("a head");
    assert!(head.starts_with("POST /scim/v2/Users HTTP/1.1"), "{head}");
    assert!(head.contains("content-type: application/scim+json"), "{head}");
    let body: serde_json::Value = serde_json::from_str(body).expect("JSON");
    assert_eq!(
        body,
        json!({
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User", "urn:x:User"],
            "userName": "anna\" or 1", "name": { "familyName": "B" }, "urn:x:User": { "a": 1 },
        })
    );
    let (_, asked) = attempt(Each(&[ONE, OK]), &format!("{FIND}{ATTRIBUTES}")).await;
    let (head, body) = asked[1].split_once("\r\n\r\n").expect("a head");
    assert!(head.starts_with("PATCH /scim/v2/Users/7 HTTP/1.1") && head.contains("if-match: W/\"3\""), "{head}");
    let body: serde_json::Value = serde_json::from_str(body).expect("JSON");
    assert_eq!(body["Operations"], json!([{ "op": "add", "path": "title", "value": "Dr" }]));
    let (_, asked) = attempt(Each(&[ONE, OK]), &format!("{FIND}{ATTRIBUTES}change = 'replace'\n")).await;
    let (head, body) = asked[1].split_once("\r\n\r\n").expect("a head");
    assert!(head.starts_with("PUT /scim/v2/Users/7 HTTP/1.1"), "{head}");
    let body: serde_json::Value = serde_json::from_str(body).expect("JSON");
    assert_eq!((&body["userName"], &body["title"], &body["meta"]), (&json!("anna"), &json!("Dr"), &json!(null)));
}

#[tokio::test]
async fn a_token_is_fetched_for_the_requests_and_renewed_where_it_is_refused() {
    let tokens = Server::start(Each(&[
        "HTTP/1.1 200 OK\r\n\r\n{\"access_token\":\"one1\",\"expires_in\":60}",
        "HTTP/1.1 200 OK\r\n\r\n{\"access_token\":\"two2\",\"expires_in\":60}",
    ]))
    .await;
    let server = Server::start(Each(&[DENIED, NONE, "HTTP/1.1 400 No\r\n\r\nnot with two2 or s3cret"])).await;
    let toml = format!(
        "on = 'postCreateUser'\ntype = 'scim'\nurl = 'http://127.0.0.1:{}'\nallow_private = true\n{FIND}{ATTRIBUTES}\
         oauth = {{ token_url = 'http://127.0.0.1:{}/token', client_id = 'c', client_secret = {{ env = 'S' }} }}",
        server.port, tokens.port
    );
    let answer =
        ready(&toml, &[("S", "s3cret")]).attempt(&job_about("postCreateUser", &json!({ "login": "anna" }))).await;
    assert_eq!((answer.fate, answer.what.as_str()), (Fate::Dead, "create: HTTP 400"));
    assert_eq!(answer.detail.as_deref(), Some("not with … or …"));
    let bearers: Vec<bool> = server.asked().iter().map(|asked| asked.contains("authorization: Bearer two2")).collect();
    assert_eq!((bearers, tokens.asked().len()), (vec![false, true, true], 2));
}

#[tokio::test]
async fn without_a_token_nothing_is_asked() {
    for (said, fate, what) in [
        ("HTTP/1.1 401 No\r\n\r\n{\"error\":\"invalid_client\"}", TARGET, "no token: HTTP 401, invalid_client"),
        ("HTTP/1.1 500 No\r\n\r\n", PLAIN, "no token: HTTP 500"),
        ("HTTP/1.1 200 OK\r\n\r\n<html>", TARGET, "no token: the answer is no JSON object"),
    ] {
        let tokens = Server::start(Behaviour::Say(said)).await;
        let server = Server::start(Each(&[NONE])).await;
        let toml = format!(
            "on = 'postCreateUser'\ntype = 'scim'\nurl = 'http://127.0.0.1:{}'\nallow_private = true\n{FIND}{ATTRIBUTES}\
             oauth = {{ token_url = 'http://127.0.0.1:{}/token', client_id = 'c', client_secret = {{ env = 'S' }} }}",
            server.port, tokens.port
        );
        let job = job_about("postCreateUser", &json!({ "login": "anna" }));
        let answer = ready(&toml, &[("S", "s")]).attempt(&job).await;
        assert_eq!((answer.fate, answer.what.as_str()), (fate, what));
        assert!(server.asked().is_empty());
    }
}

#[tokio::test]
async fn a_secret_field_is_written_and_nothing_of_the_answer_is_kept() {
    let server = Server::start(Each(&[ONE, "HTTP/1.1 400 No\r\n\r\nhunter2 is weak"])).await;
    let toml = format!(
        "on = 'changePassword'\ntype = 'scim'\noperation = 'update'\nurl = 'http://127.0.0.1:{}'\nallow_private = true\n{FIND}\
         secrets = ['passwordText']\nattributes = {{ password = 'secret.passwordText' }}",
        server.port
    );
    let mut job = job_about("changePassword", &json!({ "login": "anna" }));
    job.secrets = vec![Granted { field: "passwordText".into(), json: Secret::new(r#""hunter2""#) }];
    assert_eq!(ready(&toml, &[]).attempt(&job).await, Answer::dead("change: HTTP 400"));
    assert!(server.asked()[1].contains(r#""value":"hunter2""#));
}

#[tokio::test]
async fn what_cannot_be_made_is_dead_and_nothing_is_asked() {
    for (toml, expected) in [
        ("find = { userName = 'text(user.?nickName)' }\n", "`find.userName` is empty"),
        ("find = { userName = 'user.?nickName' }\n", "`find.userName` is not there"),
        ("find = { userName = 'user.nickName' }\n", "`find.userName`: the field `nickName` is missing"),
        ("find = { userName = 'user.tags' }\n", "`find.userName` is a list or a map"),
        ("find = { userName = 'user.login' }\nheaders = { x = '${user.none}' }\n", "`headers.x`: "),
    ] {
        let server = Server::start(Each(&[NONE])).await;
        let url = format!("url = 'http://127.0.0.1:{}'\nallow_private = true\n", server.port);
        let toml = format!("on = 'postCreateUser'\ntype = 'scim'\n{url}{ATTRIBUTES}{toml}");
        let job = job_about("postCreateUser", &json!({ "login": "anna", "tags": ["a"] }));
        let answer = ready(&toml, &[]).attempt(&job).await;
        assert!(answer.fate == Fate::Dead && answer.what.contains(expected), "{toml}: {answer:?}");
        assert!(server.asked().is_empty(), "{toml}");
    }
}

#[tokio::test]
async fn a_server_without_a_trusted_certificate_is_asked_nothing() {
    let files = Files::new();
    let server = Server::with(Each(&[NONE]), Some(files.acceptor(false))).await;
    let stranger = Files::new();
    let toml = format!(
        "on = 'postCreateUser'\ntype = 'scim'\nurl = 'https://localhost:{}'\nallow_private = true\n{FIND}{ATTRIBUTES}\
         tls = {{ ca = '{}' }}",
        server.port,
        stranger.path("ca.pem")
    );
    let answer = ready(&toml, &[]).attempt(&job_about("postCreateUser", &json!({ "login": "anna" }))).await;
    assert!(answer.fate == PLAIN && answer.what.contains("certificate"), "{answer:?}");
    assert!(server.asked().is_empty());
}

#[test]
fn what_is_wrong_with_the_keys_is_found() {
    for (toml, expected) in [
        ("find = { userName = 'user.login' }", "nothing says what the resource is to hold"),
        ("attributes = { title = '\"x\"' }", "takes a `find`"),
        ("attributes = { title = '\"x\"' }\nfind = {}", "takes a `find`"),
        ("attributes = { title = '\"x\"' }\nfind = { 'a b' = '\"x\"' }", "`a b` is no attribute's path"),
        ("find = { userName = 'user.login' }\nattributes = { id = '\"x\"' }", "`id` is for the server to write"),
        ("find = { userName = 'user.login' }\nattributes = { 'a b' = '\"x\"' }", "`a b` is no attribute's name"),
        ("find = { userName = 'user.login' }\nattributes = { 'urn:x:y' = '\"x\"' }", "a table of its attributes"),
        (
            "find = { userName = 'user.login' }\nattributes = { 'urn:ietf:params:scim:schemas:core:2.0:User' = { a = '1' } }",
            "stand without its name",
        ),
        ("find = { userName = 'user.login' }\nattributes = { title = 'x' }", "unknown name"),
        ("operation = 'delete'\nfind = { userName = 'user.login' }\nattributes = { title = '\"x\"' }", "holds nothing"),
        ("operation = 'remove'\nfind = { userName = 'user.login' }", "`operation`: expected one of"),
        (
            "find = { userName = 'user.login' }\nattributes = { title = '1' }\nabsent = 'done'",
            "is made by this operation",
        ),
        ("find = { userName = 'user.login' }\nattributes = { title = '1' }\nresource = 'Devices'", "what schema"),
        (
            "find = { userName = 'user.login' }\nattributes = { title = '1' }\nresource = 'a/../b'",
            "no name of a resource",
        ),
        ("find = { userName = 'user.login' }\nattributes = { title = '1' }\nurl2 = 'x'", "url2"),
    ] {
        let base = "[[action]]\nid = 'a'\non = 'postCreateUser'\ntype = 'scim'\nurl = 'https://app.example/scim'\n";
        let (_, findings) = compile(&format!("{base}{toml}"));
        let said: Vec<String> = findings.iter().map(|finding| finding.message.clone()).collect();
        assert!(findings.has_errors() && said.iter().any(|said| said.contains(expected)), "{toml}: {said:?}");
    }
    let (_, findings) = compile(
        "[[action]]\nid = 'a'\non = 'postCreateUser'\ntype = 'scim'\nurl = 'http://10.0.0.1/${user.login}'\n\
         find = { userName = 'user.login' }\nattributes = { title = '1' }",
    );
    assert!(findings.has_errors(), "{findings:?}");
}
