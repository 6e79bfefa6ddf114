//! Requests to real servers: what is sent, and what becomes of each answer.

use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::*;
use crate::action::tests::{compile, job, job_about, job_on, prepare, ready};
use crate::action::{Fate, Granted, Trouble};
use crate::outgoing::tests::servers::Behaviour::{Reset, Say, SayAndFlood, SayAndHang};
use crate::outgoing::tests::servers::{Behaviour, Files, Server};

const OK: Behaviour = Say("HTTP/1.1 204 No Content\r\n\r\n");
const PLAIN: Fate = Fate::Retry { after: None, trouble: Trouble::Plain };
const TARGET: Fate = Fate::Retry { after: None, trouble: Trouble::Target };

fn after(seconds: u64) -> Fate {
    Fate::Retry { after: Some(std::time::Duration::from_secs(seconds)), trouble: Trouble::Plain }
}

/// What a server that does this makes of an attempt.
async fn attempt(behaviour: Behaviour, more: &str) -> Answer {
    let server = Server::start(behaviour).await;
    let action = ready(
        &format!(
            "on = 'postCreateUser'\ntype = 'http'\nurl = 'http://127.0.0.1:{}/x'\nallow_private = true\n{more}",
            server.port
        ),
        &[("TOKEN", "hunter2hunter2")],
    );
    action.attempt(&job("postCreateUser")).await
}

/// The request that this action makes for a job.
async fn request(toml: &str, job: &Job, secrets: &[(&'static str, &str)]) -> (String, String) {
    let server = Server::start(OK).await;
    let url = format!("http://127.0.0.1:{}", server.port);
    let action = ready(&format!("type = 'http'\nallow_private = true\n{}", toml.replace("URL", &url)), secrets);
    assert_eq!(action.attempt(job).await, Answer::done("HTTP 204"));
    let asked = server.asked().pop().expect("a request");
    let (head, body) = asked.split_once("\r\n\r\n").expect("a head");
    (head.replace(&format!("127.0.0.1:{}", server.port), "HOST"), body.to_owned())
}

#[tokio::test]
async fn every_answer_has_its_fate() {
    let cases = [
        (Say("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"), "", Fate::Done, "HTTP 200", None),
        (Say("HTTP/1.1 202 Accepted\r\n\r\n"), "", Fate::Done, "HTTP 202", None),
        (Say("HTTP/1.1 204 No Content\r\n\r\n"), "", Fate::Done, "HTTP 204", None),
        (
            Say("HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n"),
            "",
            Fate::Dead,
            "HTTP 302",
            None,
        ),
        (Say("HTTP/1.1 307 Again\r\nlocation: /y\r\ncontent-length: 0\r\n\r\n"), "", Fate::Dead, "HTTP 307", None),
        (Say("HTTP/1.1 400 No\r\n\r\nno such field\n\x1b[1m"), "", Fate::Dead, "HTTP 400", Some("no such field [1m")),
        (Say("HTTP/1.1 401 No\r\n\r\n"), "", TARGET, "HTTP 401", None),
        (Say("HTTP/1.1 403 No\r\n\r\n"), "", TARGET, "HTTP 403", None),
        (Say("HTTP/1.1 404 No\r\n\r\n"), "", TARGET, "HTTP 404", None),
        (Say("HTTP/1.1 407 No\r\n\r\n"), "", TARGET, "HTTP 407", None),
        (Say("HTTP/1.1 408 No\r\n\r\n"), "", PLAIN, "HTTP 408", None),
        (Say("HTTP/1.1 409 No\r\n\r\n"), "", Fate::Dead, "HTTP 409", None),
        (Say("HTTP/1.1 409 No\r\n\r\n"), "done = [409]", Fate::Done, "HTTP 409", None),
        (Say("HTTP/1.1 410 Gone\r\n\r\n"), "", Fate::Dead, "HTTP 410", None),
        (Say("HTTP/1.1 425 No\r\n\r\n"), "", PLAIN, "HTTP 425", None),
        (Say("HTTP/1.1 429 No\r\nretry-after: 7\r\n\r\n"), "", after(7), "HTTP 429", None),
        (Say("HTTP/1.1 500 No\r\n\r\n"), "", PLAIN, "HTTP 500", None),
        (Say("HTTP/1.1 503 No\r\nretry-after: Sat, 21 Nov 2026 08:31:00 GMT\r\n\r\n"), "", after(60), "HTTP 503", None),
        (
            Say("HTTP/1.1 500 No\r\n\r\nBearer hunter2hunter2 is wrong"),
            "headers = { authorization = { env = 'TOKEN', prefix = 'Bearer ' } }",
            PLAIN,
            "HTTP 500",
            Some("… is wrong"),
        ),
        (Reset, "", PLAIN, "connection reset", None),
        (Say(""), "", PLAIN, "connection closed before message completed", None),
        (Say("nonsense\r\n\r\n"), "", PLAIN, "invalid HTTP version parsed", None),
        (SayAndHang(""), "timeout = '200ms'", PLAIN, "no whole answer within 200ms", None),
        (
            SayAndHang("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nabc"),
            "timeout = '1s'",
            PLAIN,
            "HTTP 200, but no whole answer within 1s",
            None,
        ),
        (
            Say("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nabc"),
            "",
            PLAIN,
            "HTTP 200, but end of file before message length reached",
            None,
        ),
        (Say("HTTP/1.1 500 No\r\ncontent-length: 9\r\n\r\nabc"), "", PLAIN, "HTTP 500", Some("abc")),
        (SayAndFlood("HTTP/1.1 200 OK\r\n\r\n"), "", Fate::Done, "HTTP 200", None),
        (SayAndFlood("HTTP/1.1 500 No\r\n\r\n"), "", PLAIN, "HTTP 500", Some("xxx…")),
    ];
    for (behaviour, more, fate, what, detail) in cases {
        let answer = attempt(behaviour, more).await;
        assert_eq!((answer.fate, answer.what.as_str()), (fate, what), "{behaviour:?}");
        match detail.map(|detail| (detail, detail.strip_suffix("xxx…"))) {
            Some((_, Some(_))) => assert_eq!(answer.detail.map(|detail| detail.len()), Some(1024)),
            expected => assert_eq!(answer.detail.as_deref(), expected.map(|(detail, _)| detail), "{behaviour:?}"),
        }
    }
}

#[tokio::test]
async fn nobody_there_is_a_retry() {
    let port = {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        listener.local_addr().unwrap().port()
    };
    let toml = format!("on = 'postCreateUser'\ntype = 'http'\nurl = 'http://127.0.0.1:{port}/'\nallow_private = true");
    assert_eq!(ready(&toml, &[]).attempt(&job("postCreateUser")).await, Answer::retry("connection refused"));
}

#[tokio::test]
async fn what_is_not_written_is_the_event_as_it_came() {
    let job = job_on(
        "changePassword",
        r#"{"request":{"passwordText":"hunter2","user":{"login":"A","n":1.50,"password":"hunter2","x":"\u00e9"}}}"#,
    );
    let (head, body) = request("on = 'changePassword'\nurl = 'URL'", &job, &[]).await;
    let version = env!("CARGO_PKG_VERSION");
    let head: Vec<&str> = head.split("\r\n").collect();
    for line in [
        "POST / HTTP/1.1",
        "host: HOST",
        "content-type: application/json",
        "idempotency-key: 018f0000-0000-7000-8000-000000000001_a",
        &format!("user-agent: hookreeve/{version}"),
    ] {
        assert!(head.contains(&line), "{line}: {head:?}");
    }
    assert_eq!(
        body,
        "{\"event\":\"changePassword\",\"id\":\"018f0000-0000-7000-8000-000000000001\",\
         \"time\":\"2026-11-21T08:30:00.000Z\",\"system\":\"cymmetri\",\"tenant\":\"as 100\",\"person\":\"a\",\
         \"decision\":{\"outcome\":\"acknowledged\",\"rule\":null,\"message\":null},\
         \"request\":{\"user\":{\"login\":\"A\",\"n\":1.50,\"x\":\"\\u00e9\"}}}"
    );
}

#[tokio::test]
async fn parts_of_a_request_are_made_of_the_event() {
    let user = json!({ "login": "a/b ?é", "tags": ["x"], "age": 3 });
    let job = job_about("postCreateUser", &user);
    let (head, body) = request(
        "on = 'postCreateUser'\nmethod = 'PUT'\nurl = 'URL/p/${user.login}?q=${user.login}&n=${user.age + 1}'\n\
         headers = { x-person = '${user.login}!', authorization = { env = 'TOKEN', prefix = 'Bearer ' } }\n\
         content_type = 'application/scim+json'\n\
         body = { a = 'user.tags', b = { c = ['user.age', 'user.?none', 'null'] }, d = 'user.?none', 'e.f' = 'decision.outcome' }",
        &job,
        &[("TOKEN", "t0k")],
    )
    .await;
    let head: Vec<&str> = head.split("\r\n").collect();
    assert_eq!(head[0], "PUT /p/a%2Fb%20%3F%C3%A9?q=a%2Fb%20%3F%C3%A9&n=4 HTTP/1.1");
    for line in ["x-person: a/b ?é!", "authorization: Bearer t0k", "content-type: application/scim+json"] {
        assert!(head.contains(&line), "{line}: {head:?}");
    }
    let body: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(body, json!({ "a": ["x"], "b": { "c": [3, null] }, "e.f": "acknowledged" }));
}

#[tokio::test]
async fn a_token_of_the_clients_credentials_goes_with_a_request() {
    const TOKEN: &str = "HTTP/1.1 200 OK\r\n\r\n{\"access_token\":\"t0k\"}";
    let tokens = Server::start(Say(TOKEN)).await;
    let server = Server::start(Say("HTTP/1.1 400 No\r\n\r\nt0k s3cret")).await;
    let toml = format!(
        "on = 'postCreateUser'\ntype = 'http'\nurl = 'http://127.0.0.1:{}/x'\nallow_private = true\n\
         oauth = {{ token_url = 'http://127.0.0.1:{}/t', client_id = 'c', client_secret = {{ env = 'S' }} }}",
        server.port, tokens.port
    );
    let answer = ready(&toml, &[("S", "s3cret")]).attempt(&job("postCreateUser")).await;
    assert_eq!(answer, Answer::dead("HTTP 400").with_detail("… …".as_bytes()));
    assert!(server.asked()[0].contains("\r\nauthorization: Bearer t0k\r\n"), "{:?}", server.asked());
    let (_, findings) =
        compile(&format!("[[action]]\nid = 'a'\n{toml}\nheaders = {{ authorization = {{ env = 'T' }} }}"));
    assert!(findings.iter().any(|finding| finding.message.contains("`oauth` makes the header")), "{findings:?}");
}

#[tokio::test]
async fn text_events_and_signatures_are_sent_as_written() {
    let job = job_about("postCreateUser", &json!({ "login": "x" }));
    let (head, body) = request("on = 'postCreateUser'\nurl = 'URL'\ntext = '<p>${user.login}</p>'", &job, &[]).await;
    assert!(head.contains("content-type: text/plain; charset=utf-8"), "{head}");
    assert_eq!(body, "<p>x</p>");
    let toml = "on = 'postCreateUser'\nurl = 'URL'\nformat = 'cloudevents'\nbody = { a = 'user.login' }";
    let (head, body) = request(toml, &job, &[]).await;
    assert!(head.contains("content-type: application/cloudevents+json; charset=utf-8"), "{head}");
    let body: Value = serde_json::from_str(&body).unwrap();
    assert_eq!((&body["specversion"], &body["data"]), (&json!("1.0"), &json!({ "a": "x" })));
    let (head, body) = request("on = 'postCreateUser'\nurl = 'URL'\nformat = 'cloudevents-binary'", &job, &[]).await;
    assert!(
        head.contains("ce-type: hookreeve.cymmetri.postCreateUser") && head.contains("ce-specversion: 1.0"),
        "{head}"
    );
    assert!(head.contains("content-type: application/json") && body.starts_with("{\"event\":\"postCreateUser\""));
    let key = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX";
    let toml = "on = 'postCreateUser'\nurl = 'URL'\ntext = 'é'\nsign = { standard_webhooks = { env = 'K' } }";
    let (head, body) = request(toml, &job, &[("K", key)]).await;
    let signer = Signer::new(vec![standard_webhooks::key(&Secret::new(key)).unwrap()]);
    for (name, value) in signer.headers(&job.idempotency_key, 1_795_249_800, body.as_bytes()) {
        assert!(head.contains(&format!("{name}: {value}")), "{name}: {head}");
    }
    let (head, body) = request("on = 'postCreateUser'\nurl = 'URL/x'\nmethod = 'DELETE'", &job, &[]).await;
    assert!(head.starts_with("DELETE /x ") && body.is_empty(), "{head}");
}

#[tokio::test]
async fn granted_secret_fields_are_there_and_never_in_what_is_kept() {
    let server = Server::start(Say("HTTP/1.1 400 No\r\n\r\nbad password hunter2")).await;
    let action = ready(
        &format!(
            "on = 'changePassword'\ntype = 'http'\nurl = 'http://127.0.0.1:{}/'\nallow_private = true\n\
             secrets = ['passwordText']\nbody = {{ p = 'secret.passwordText' }}",
            server.port
        ),
        &[],
    );
    let mut job = job_about("changePassword", &json!({ "login": "x" }));
    job.secrets = vec![Granted { field: "passwordText".into(), json: Secret::new(r#""hunter2""#) }];
    assert_eq!(action.attempt(&job).await, Answer::dead("HTTP 400"));
    assert!(server.asked()[0].ends_with(r#"{"p":"hunter2"}"#));
    job.secrets.clear();
    // It was wiped meanwhile, or never there.
    assert_eq!(action.attempt(&job).await.fate, Fate::Dead);
    assert_eq!(server.asked().len(), 1);
}

#[tokio::test]
async fn what_cannot_be_made_is_dead_and_nothing_is_sent() {
    for (toml, login, expected) in [
        ("url = 'URL/${user.login}'", "..", "`url`: a value changes the path"),
        ("url = 'URL/${user.login}'", "", "`url`: a value in the path is empty"),
        ("url = 'URL/${user.nickName}'", "x", "`url`: the field `nickName` is missing"),
        ("url = 'URL/${user.?nickName}'", "x", "a value is not there; `text(…)` makes an empty text of it"),
        (
            "url = 'URL'\nheaders = { x = '${user.login}' }",
            "a\r\nb: c",
            "`headers.x`: a header would hold a line break",
        ),
        ("url = 'URL'\nbody = 'user.?none'", "x", "`body`: there is no value"),
        ("url = 'URL'\ntext = '${user}'", "x", "`text`: a map is no text"),
        ("url = 'URL'\nbody = { a = 'user.age / 0' }", "x", "`body`: "),
    ] {
        let server = Server::start(OK).await;
        let toml = toml.replace("URL", &format!("http://127.0.0.1:{}", server.port));
        let action = ready(&format!("on = 'postCreateUser'\ntype = 'http'\nallow_private = true\n{toml}"), &[]);
        let answer = action.attempt(&job_about("postCreateUser", &json!({ "login": login, "age": 1 }))).await;
        assert!(answer.fate == Fate::Dead && answer.what.contains(expected), "{toml}: {answer:?}");
        assert!(server.asked().is_empty(), "{toml}");
    }
}

#[tokio::test]
async fn only_a_trusted_server_and_a_named_client_come_together() {
    let files = Files::new();
    let server = Server::with(OK, Some(files.acceptor(true))).await;
    let attempt = async |tls: &str| {
        let toml = format!(
            "on = 'postCreateUser'\ntype = 'http'\nurl = 'https://localhost:{}/'\nallow_private = true\n{tls}",
            server.port
        );
        ready(&toml, &[]).attempt(&job("postCreateUser")).await
    };
    let (ca, cert, key) = (files.path("ca.pem"), files.path("client.pem"), files.path("client.key"));
    let both = format!("tls = {{ ca = '{ca}', cert = '{cert}', key = '{key}' }}");
    assert_eq!(attempt(&both).await, Answer::done("HTTP 204"));
    assert_eq!(attempt(&format!("tls = {{ ca = '{ca}' }}")).await.fate, PLAIN);
    let stranger = Files::new();
    let answer = attempt(&format!("tls = {{ ca = '{}' }}", stranger.path("ca.pem"))).await;
    assert_eq!(answer.fate, PLAIN);
    assert!(answer.what.contains("certificate"), "{answer}");
    assert_eq!(server.asked().len(), 1);
}

#[test]
fn certificates_that_cannot_be_used_are_found_when_they_are_read() {
    let files = Files::new();
    let (cert, key) = (files.path("client.pem"), files.path("localhost.key"));
    for tls in [
        "ca = '/nowhere.pem'".to_owned(),
        format!("ca = '{key}'"),
        format!("cert = '{key}', key = '{key}'"),
        format!("cert = '{cert}', key = '{cert}'"),
    ] {
        let (set, findings) = compile(&format!(
            "[[action]]\nid = 'a'\non = 'postCreateUser'\ntype = 'http'\nurl = 'https://x.example/'\ntls = {{ {tls} }}"
        ));
        assert!(findings.is_empty(), "{findings:?}");
        let findings = prepare(&set, &[]).err().expect("findings");
        let first = findings.iter().next().expect("a finding");
        assert_eq!(first.place.as_ref().map(|place| place.line_and_column().0), Some(6), "{first:?}");
    }
}

#[tokio::test]
async fn through_a_proxy_the_proxy_is_asked_and_nothing_is_looked_up() {
    let proxy = Server::start(OK).await;
    let toml = |url: &str| {
        format!("on = 'postCreateUser'\ntype = 'http'\nurl = '{url}'\nproxy = 'http://127.0.0.1:{}'", proxy.port)
    };
    let answer = ready(&toml("http://nowhere.invalid/x"), &[]).attempt(&job("postCreateUser")).await;
    assert_eq!(answer, Answer::done("HTTP 204"));
    assert!(proxy.asked()[0].starts_with("POST http://nowhere.invalid/x HTTP/1.1\r\n"), "{:?}", proxy.asked());
    let denied = Server::start(Say("HTTP/1.1 407 No\r\ncontent-length: 0\r\n\r\n")).await;
    let toml = format!(
        "on = 'postCreateUser'\ntype = 'http'\nurl = 'https://nowhere.invalid/x'\nproxy = 'http://127.0.0.1:{}'",
        denied.port
    );
    let answer = ready(&toml, &[]).attempt(&job("postCreateUser")).await;
    assert_eq!(answer, Answer::trouble("the proxy wants credentials"));
    assert!(denied.asked()[0].starts_with("CONNECT nowhere.invalid:443 HTTP/1.1\r\n"), "{:?}", denied.asked());
}

#[tokio::test]
async fn a_name_without_an_address_is_a_retry() {
    let action = ready("on = 'postCreateUser'\ntype = 'http'\nurl = 'http://nowhere.invalid/'", &[]);
    assert_eq!(action.attempt(&job("postCreateUser")).await, Answer::retry("the name could not be looked up"));
}

#[tokio::test]
async fn an_address_may_be_a_secret() {
    let server = Server::start(OK).await;
    let (set, findings) = compile(
        "[[action]]\nid = 'a'\non = 'postCreateUser'\ntype = 'http'\nurl = { env = 'URL' }\nallow = ['127.0.0.1']",
    );
    assert!(findings.is_empty(), "{findings:?}");
    let url = format!("http://127.0.0.1:{}/T000/B000", server.port);
    let ready = prepare(&set, &[("URL", &url)]).unwrap_or_else(|findings| panic!("{findings:?}"));
    assert_eq!(ready["a"].attempt(&job("postCreateUser")).await, Answer::done("HTTP 204"));
    assert!(server.asked()[0].starts_with("POST /T000/B000 "));
}

/// What a request to this address is made of for a login.
fn made(login: &str) -> Result<Request, EvalError> {
    let (set, findings) = compile(
        "[[action]]\nid = 'a'\non = 'postCreateUser'\ntype = 'http'\nurl = 'https://crm.example/p/${user.login}/x?q=${user.login}'\n\
         headers = { x = '${user.login}' }",
    );
    assert!(findings.is_empty(), "{findings:?}");
    let plan: Arc<dyn std::any::Any + Send + Sync> = set.actions[0].plan.clone();
    let plan: Arc<plan::Plan> = plan.downcast().expect("a plan of this type");
    plan.request(&job_about("postCreateUser", &json!({ "login": login })), None)
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig { cases: 512, failure_persistence: None, ..Default::default() })]

    #[test]
    fn no_value_leaves_its_place(login in "(\\PC|[./\\\\%#?@:&= \r\n\t]){0,12}") {
        let Ok(request) = made(&login) else { return Ok(()) };
        let url = request.url;
        assert_eq!((url.scheme(), url.host_str(), url.port()), ("https", Some("crm.example"), None));
        let segments: Vec<&str> = url.path_segments().expect("a path").collect();
        assert_eq!((segments.len(), segments[0], segments[2]), (3, "p", "x"), "{url}");
        let query: Vec<(String, String)> = url.query_pairs().map(|(name, value)| (name.into(), value.into())).collect();
        assert_eq!(query, [("q".to_owned(), login.clone())]);
        assert_eq!(url.fragment(), None);
        assert_eq!(request.headers["x"].as_bytes(), login.as_bytes());
    }
}
