//! Answers of real servers: slow, down, huge, in HTML, and good ones.

use super::*;
use crate::outgoing::tests::servers::Behaviour::{self, Reset, Say, SayAndFlood, SayAndHang};
use crate::outgoing::tests::servers::Server;

fn toml(url: &str, more: &str) -> String {
    format!("[[lookup]]\nid = 'hr'\ntype = 'http'\nurl = '{url}'\nallow_private = true\ntimeout = '4s'\n{more}")
}

/// What an answer of this server comes to.
async fn answered(behaviour: Behaviour, more: &str) -> String {
    let server = Server::start(behaviour).await;
    let url = format!("http://127.0.0.1:{}/people/${{user.login}}", server.port);
    told(&ready(&toml(&url, more)), json!({ "login": "anna" })).await
}

#[tokio::test]
async fn the_value_stands_at_a_path_of_the_answer() {
    let answer = Say("HTTP/1.1 200 OK\r\n\r\n{\"data\":[{\"name\":\"Anna\",\"n\":null}],\"0\":1}");
    for (more, expected) in [
        ("", r#"{"data":[{"name":"Anna","n":null}],"0":1}"#),
        ("value = '$'", r#"{"data":[{"name":"Anna","n":null}],"0":1}"#),
        ("value = '$.data.0.name'", r#""Anna""#),
        ("value = '$.0'", "1"),
        ("value = '$.data.1'", "not found"),
        ("value = '$.data.0.n'", "not found"),
        ("value = '$.data.0.name.first'", "not found"),
    ] {
        assert_eq!(answered(answer, more).await, expected, "{more}");
    }
    assert_eq!(answered(Say("HTTP/1.1 200 OK\r\n\r\nnull"), "").await, "not found");
}

#[tokio::test]
async fn only_a_status_that_says_so_is_not_found() {
    assert_eq!(answered(Say("HTTP/1.1 404 Not Found\r\n\r\n"), "").await, "not found");
    assert_eq!(answered(Say("HTTP/1.1 404 Not Found\r\n\r\n"), "not_found = [410]").await, "failed: HTTP 404");
    assert_eq!(answered(Say("HTTP/1.1 410 Gone\r\n\r\n"), "not_found = [404, 410]").await, "not found");
    for (answer, why) in [
        (Say("HTTP/1.1 503 Service Unavailable\r\n\r\n{}"), "HTTP 503"),
        (Say("HTTP/1.1 401 Unauthorized\r\n\r\n{}"), "HTTP 401"),
        (Say("HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\n\r\n{}"), "HTTP 302"),
        (Say("HTTP/1.1 200 OK\r\n\r\n<html>PRIVATE</html>"), "the answer is no JSON"),
        (Say("HTTP/1.1 204 No Content\r\n\r\n"), "the answer is no JSON"),
        (SayAndFlood("HTTP/1.1 200 OK\r\n\r\n\""), "the answer is larger than 256KiB"),
    ] {
        assert_eq!(answered(answer, "").await, format!("failed: {why}"));
    }
    for begun in ["", "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n{"] {
        let server = Server::start(SayAndHang(begun)).await;
        let hasty = toml(&format!("http://127.0.0.1:{}/", server.port), "").replace("'4s'", "'300ms'");
        assert_eq!(told(&ready(&hasty), json!({})).await, "failed: no answer within 300ms");
    }
    assert!(answered(Reset, "").await.starts_with("failed: connection "));
    let large = format!("HTTP/1.1 200 OK\r\n\r\n\"{}\"", "x".repeat(MAX_ANSWER_BYTES));
    assert_eq!(answered(Say(large.leak()), "").await, "failed: the answer is larger than 65536 bytes");
}

#[tokio::test]
async fn the_request_holds_the_persons_fields_and_the_secret() {
    let server = Server::start(Say("HTTP/1.1 200 OK\r\n\r\n{}")).await;
    let url = format!("http://127.0.0.1:{}/people/${{user.login}}?m=${{text(user.?mobile)}}", server.port);
    let lookups = ready(&toml(
        &url,
        "headers = { authorization = { env = 'T', prefix = 'Bearer ' }, x-type = 'a ${user.userType}' }",
    ));
    assert_eq!(told(&lookups, json!({ "login": "a/b é", "userType": "X" })).await, "{}");
    let asked = server.asked().concat();
    for line in ["GET /people/a%2Fb%20%C3%A9?m= HTTP/1.1", "authorization: Bearer hunter2hunter2", "x-type: a X"] {
        assert!(asked.contains(line), "{line} in\n{asked}");
    }
    // Where the path would have a hole nothing is asked, and where a header would break nothing is sent.
    assert_eq!(told(&lookups, json!({ "login": "", "userType": "X" })).await, "not found");
    let broken = told(&lookups, json!({ "login": "a", "userType": "x\r\ny: z" })).await;
    assert_eq!(broken, "failed: `headers.x-type`: a header would hold a line break or another control character");
    assert_eq!(server.asked().len(), 1);
}

#[tokio::test]
async fn a_question_can_be_a_body() {
    let server = Server::start(Say("HTTP/1.1 200 OK\r\n\r\n{\"hits\":[1]}")).await;
    let more = "cache = '60s'\nvalue = '$.hits.0'\n[lookup.body]\nquery = { mobile = 'trim(user.mobile)', mail = 'user.?email' }\n\
        size = '1'\nkinds = ['\"a\"', '\"b\"']\n";
    let lookups = ready(&toml(&format!("http://127.0.0.1:{}/search", server.port), more));
    for user in [json!({ "mobile": " 1\"}" }), json!({ "mobile": "1\"} ", "login": "x" })] {
        assert_eq!(told(&lookups, user).await, "1");
    }
    let asked = server.asked().concat();
    for part in [
        "POST /search HTTP/1.1",
        "content-type: application/json",
        r#"{"query":{"mobile":"1\"}"},"size":1,"kinds":["a","b"]}"#,
    ] {
        assert!(asked.contains(part), "{part} in\n{asked}");
    }
    assert_eq!(server.asked().len(), 1, "the same question is asked once");
    assert_eq!(told(&lookups, json!({ "mobile": "2", "email": "a@b.example" })).await, "1");
    // What is empty names nobody.
    assert_eq!(told(&lookups, json!({ "mobile": "" })).await, "not found");
    assert_eq!(told(&lookups, json!({})).await, "failed: `body`: the field `mobile` is missing");
    assert_eq!(server.asked().len(), 2);
}

#[tokio::test]
async fn addresses_within_the_house_are_asked_only_where_they_are_allowed() {
    let (_, findings) = compile("[[lookup]]\nid = 'hr'\ntype = 'http'\nurl = 'http://127.0.0.1:1/'");
    assert!(said(&findings).contains("its address is this machine's own, which is not allowed"), "{}", said(&findings));
    let strict = toml("http://localhost.example.invalid/", "").replace("allow_private = true\n", "");
    assert_eq!(told(&ready(&strict), json!({})).await, "failed: the name could not be looked up");
}

#[tokio::test]
async fn a_lookup_that_stays_the_same_keeps_its_answers() {
    let server = Server::start(Say("HTTP/1.1 200 OK\r\n\r\n{}")).await;
    let text = toml(&format!("http://127.0.0.1:{}/", server.port), "cache = '60s'");
    let first = ready(&text);
    assert_eq!(told(&first, json!({})).await, "{}");
    let (second, _) = prepare(&text, "hunter2hunter2", Some(&first));
    assert_eq!(told(&second.unwrap(), json!({})).await, "{}");
    assert_eq!(server.asked().len(), 1);
    let (other, _) = prepare(&format!("{text}\nvalue = '$.x'"), "hunter2hunter2", Some(&first));
    assert_eq!(told(&other.unwrap(), json!({})).await, "not found");
    assert_eq!(server.asked().len(), 2);
}
