//! Requests to servers that answer as Cymmetri's API does, and as it should not.

use serde_json::json;

use crate::action::tests::{compile, job_about, ready};
use crate::action::{Answer, Fate, Trouble};
use crate::outgoing::tests::servers::Behaviour::{Reset, Say, SayAndFlood, SayAndHang};
use crate::outgoing::tests::servers::{Behaviour, Server};

const PLAIN: Fate = Fate::Retry { after: None, trouble: Trouble::Plain };
const TARGET: Fate = Fate::Retry { after: None, trouble: Trouble::Target };

const POST: &str = "path = '/x/${user.login}'\nbody = { a = 'user.login' }\n";
const DELETE: &str = "path = '/x'\nmethod = 'DELETE'\n";

async fn attempt(behaviour: Behaviour, more: &str) -> (Answer, Vec<String>) {
    let server = Server::start(behaviour).await;
    let toml = format!(
        "on = 'postCreateUser'\nwhen = 'true'\ntype = 'cymmetri'\nurl = 'http://127.0.0.1:{}'\nallow_private = true\n\
         token = {{ env = 'T' }}\ntenant = 'as100'\nuser_id = '6214'\n{more}",
        server.port
    );
    let job = job_about("postCreateUser", &json!({ "login": "anna" }));
    (ready(&toml, &[("T", "t0ken")]).attempt(&job).await, server.asked())
}

#[tokio::test]
async fn a_request_bears_token_tenant_and_user() {
    let said = "HTTP/1.1 200 OK\r\n\r\n{\"success\":true,\"data\":{\"id\":1},\"message\":null,\"errorCode\":null}";
    let (answer, asked) = attempt(Say(said), POST).await;
    assert_eq!(answer, Answer::done("HTTP 200"));
    let (head, body) = asked[0].split_once("\r\n\r\n").expect("a head");
    assert!(head.starts_with("POST /x/anna HTTP/1.1\r\n"), "{head}");
    for line in ["authorization: Bearer t0ken", "tenant: as100", "userid: 6214"] {
        assert!(head.contains(line), "{line}: {head}");
    }
    assert_eq!(body, r#"{"a":"anna"}"#);
}

#[tokio::test]
async fn an_envelope_tells_more_than_its_status() {
    let lists = format!("{POST}retry_codes = ['BUSY_NOW']\ndone_codes = ['USER_EXISTS']\n");
    let eager = format!("{POST}expect_data = false\n");
    let sure = format!("{DELETE}expect_data = true\n");
    for (status, body, more, fate, what) in [
        ("200 OK", r#"{"success":true,"data":[]}"#, POST, Fate::Done, "HTTP 200"),
        ("200 OK", r#"{"success":true,"data":null}"#, POST, Fate::Dead, "HTTP 200, but success without `data`"),
        ("200 OK", r#"{"success":true}"#, POST, Fate::Dead, "HTTP 200, but success without `data`"),
        (
            "200 OK",
            r#"{"success":true,"data":null,"errorCode":"NO_SUCH_APP"}"#,
            POST,
            Fate::Dead,
            "HTTP 200, but success without `data`, NO_SUCH_APP",
        ),
        ("200 OK", r#"{"success":true,"data":null}"#, &eager, Fate::Done, "HTTP 200"),
        ("200 OK", r#"{"success":true,"data":null}"#, DELETE, Fate::Done, "HTTP 200"),
        ("200 OK", r#"{"success":true,"data":null}"#, &sure, Fate::Dead, "HTTP 200, but success without `data`"),
        (
            "200 OK",
            r#"{"success":false,"errorCode":"USER_EXISTS","message":"anna"}"#,
            POST,
            Fate::Dead,
            "HTTP 200, but no success, USER_EXISTS",
        ),
        ("200 OK", r#"{"success":false,"errorCode":"anna is there"}"#, POST, Fate::Dead, "HTTP 200, but no success"),
        ("200 OK", r#"{"success":false,"errorCode":"USER_EXISTS"}"#, &lists, Fate::Done, "HTTP 200"),
        ("409 No", r#"{"success":false,"errorCode":"USER_EXISTS"}"#, &lists, Fate::Done, "HTTP 409"),
        ("200 OK", r#"{"success":false,"errorCode":"BUSY_NOW"}"#, &lists, PLAIN, "HTTP 200, BUSY_NOW"),
        ("400 No", r#"{"success":false,"errorCode":"BUSY_NOW"}"#, &lists, PLAIN, "HTTP 400, BUSY_NOW"),
        ("400 No", r#"{"success":false,"errorCode":"OTHER"}"#, &lists, Fate::Dead, "HTTP 400"),
        ("401 No", r#"{"success":false}"#, POST, TARGET, "HTTP 401"),
        ("404 No", "", POST, TARGET, "HTTP 404"),
        ("503 No", "<html>", POST, PLAIN, "HTTP 503"),
        ("200 OK", "", POST, TARGET, "HTTP 200, but it is no envelope of the API"),
        ("200 OK", "[]", POST, TARGET, "HTTP 200, but it is no envelope of the API"),
        ("200 OK", "<html>Log in</html>", POST, TARGET, "HTTP 200, but it is HTML or XML"),
        ("302 Found", "", POST, Fate::Dead, "HTTP 302"),
    ] {
        let said: &'static str = Box::leak(format!("HTTP/1.1 {status}\r\n\r\n{body}").into_boxed_str());
        let (answer, _) = attempt(Say(said), more).await;
        assert_eq!((answer.fate, answer.what.as_str()), (fate, what), "{said} {more}");
    }
    for (behaviour, fate, what) in [
        (Reset, PLAIN, "connection reset"),
        (SayAndHang("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n"), PLAIN, "within 300ms"),
        (SayAndFlood("HTTP/1.1 200 OK\r\n\r\n"), Fate::Dead, "larger than 256 KiB"),
    ] {
        let (answer, _) = attempt(behaviour, &format!("timeout = '300ms'\n{POST}")).await;
        assert!(answer.fate == fate && answer.what.contains(what), "{behaviour:?}: {answer:?}");
    }
}

#[test]
fn what_is_wrong_with_the_keys_is_found() {
    for (toml, expected) in [
        ("token = { env = 'T' }", "has no `path`"),
        ("path = '/x'", "no credential is named"),
        ("path = '/x'\ntoken = { env = 'T' }\nheaders = { authorization = { env = 'T' } }", "`token` makes the header"),
        ("path = '/x'\ntoken = { env = 'T' }\ntenant = \"a\\nb\"", "this is no header's value"),
        ("path = '/x'\ntoken = 'literal'", "a secret is never in the configuration itself"),
        ("path = '/x'\ntoken = { env = 'T' }\noperations = {}", "operations"),
    ] {
        let base =
            "[[action]]\nid = 'a'\non = 'postCreateUser'\ntype = 'cymmetri'\nurl = 'https://t.cymmetri.example'\n";
        let (_, findings) = compile(&format!("{base}{toml}"));
        let said: Vec<String> = findings.iter().map(|finding| finding.message.clone()).collect();
        assert!(findings.has_errors() && said.iter().any(|said| said.contains(expected)), "{toml}: {said:?}");
        assert!(!format!("{findings:?}").contains("\"literal\""));
    }
}
