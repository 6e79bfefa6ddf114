//! Tokens from a server that answers as it is told.

use std::sync::Arc;

use super::*;
use crate::base::diagnostic::{Diagnostics, Source};
use crate::base::tree;
use crate::outgoing::tests::servers::{Behaviour, Server};
use crate::outgoing::{Guard, TlsFiles};

const FIRST: &str = "HTTP/1.1 200 OK\r\n\r\n{\"access_token\":\"one\",\"token_type\":\"Bearer\",\"expires_in\":60}";
const SECOND: &str = "HTTP/1.1 200 OK\r\n\r\n{\"access_token\":\"two\",\"token_type\":\"Bearer\",\"expires_in\":60}";
const DOWN: &str = "HTTP/1.1 503 Down\r\nretry-after: 7\r\n\r\n<html>";

fn compile(toml: &str) -> (Option<OAuth>, Diagnostics) {
    let mut findings = Diagnostics::default();
    let source = Arc::new(Source { name: "t.toml".into(), text: toml.into() });
    let tree = tree::parse(&source, &mut findings);
    let raw: RawOAuth = tree::deserialize(&tree, &mut findings).expect("keys");
    let guard = Guard { allow_private: true, allow: Vec::new() };
    let oauth = OAuth::compile(&raw, &tree, &guard, "action-oauth", &mut findings);
    (oauth, findings)
}

/// Tokens of the server of this port.
fn tokens(port: u16, more: &str) -> Tokens {
    let toml = format!(
        "token_url = 'http://127.0.0.1:{port}/token'\nclient_id = 'hook:reeve'\nclient_secret = {{ env = 'S' }}\n{more}"
    );
    let (oauth, findings) = compile(&toml);
    assert!(findings.is_empty(), "{findings:?}");
    let outlet = Outlet {
        timeout: Duration::from_secs(5),
        guard: Guard { allow_private: true, allow: Vec::new() },
        proxy: None,
        tls: TlsFiles::default(),
    };
    Tokens::try_new(&oauth.expect("oauth"), Secret::new("s3:cret/é"), &outlet, &Clock::system()).expect("a client")
}

fn text(token: &Token) -> &str {
    token.value().to_str().expect("text")
}

#[tokio::test]
async fn one_token_serves_all_who_ask_at_once() {
    let server = Server::start(Behaviour::Each(&[FIRST, SECOND])).await;
    let tokens = tokens(server.port, "");
    let (one, other, third) = tokio::join!(tokens.token(None), tokens.token(None), tokens.token(None));
    for token in [one, other, third] {
        assert_eq!(text(&token.expect("a token")), "Bearer one");
    }
    assert_eq!(server.asked().len(), 1);
}

#[tokio::test]
async fn a_token_that_a_target_refuses_is_renewed_once_for_all() {
    let server = Server::start(Behaviour::Each(&[FIRST, SECOND])).await;
    let tokens = tokens(server.port, "");
    let old = tokens.token(None).await.expect("a token");
    let (one, other) = tokio::join!(tokens.token(Some(&old)), tokens.token(Some(&old)));
    assert_eq!((text(&one.expect("a token")), text(&other.expect("a token"))), ("Bearer two", "Bearer two"));
    assert_eq!(server.asked().len(), 2);
}

#[tokio::test]
async fn a_token_is_kept_until_shortly_before_its_end() {
    let server = Server::start(Behaviour::Each(&[FIRST, SECOND])).await;
    let tokens = tokens(server.port, "");
    tokens.token(None).await.expect("a token");
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(53)).await;
    assert_eq!(text(&tokens.token(None).await.expect("a token")), "Bearer one");
    tokio::time::advance(Duration::from_secs(2)).await;
    tokio::time::resume();
    assert_eq!(text(&tokens.token(None).await.expect("a token")), "Bearer two");
}

#[tokio::test]
async fn a_failure_is_told_to_all_who_waited_and_to_nobody_after() {
    let server = Server::start(Behaviour::Each(&[DOWN, FIRST])).await;
    let tokens = tokens(server.port, "");
    let (one, other) = tokio::join!(tokens.token(None), tokens.token(None));
    let down = TokenFailure::Status { status: 503, error: None, retry_after: Some("7".into()) };
    assert_eq!((one.err(), other.err()), (Some(down.clone()), Some(down)));
    assert_eq!(server.asked().len(), 1);
    assert_eq!(text(&tokens.token(None).await.expect("a token")), "Bearer one");
}

#[tokio::test]
async fn the_secret_is_shown_as_the_server_wants_it() {
    for (more, head, body) in [
        // Both encoded, then base64 of "hook%3Areeve:s3%3Acret%2F%C3%A9".
        ("", "authorization: Basic aG9vayUzQXJlZXZlOnMzJTNBY3JldCUyRiVDMyVBOQ==", "grant_type=client_credentials"),
        (
            "auth = 'client_secret_post'\nscope = 'a b'\naudience = 'https://x/'",
            "content-type: application/x-www-form-urlencoded",
            "grant_type=client_credentials&client_id=hook%3Areeve&client_secret=s3%3Acret%2F%C3%A9&scope=a%20b&audience=https%3A%2F%2Fx%2F",
        ),
    ] {
        let server = Server::start(Behaviour::Say(FIRST)).await;
        tokens(server.port, more).token(None).await.expect("a token");
        let asked = server.asked().pop().expect("a request");
        let (there, said) = asked.split_once("\r\n\r\n").expect("a head");
        assert!(there.starts_with("POST /token HTTP/1.1") && there.contains(head), "{there}");
        assert_eq!(said, body);
        assert_eq!(there.contains("authorization"), more.is_empty());
    }
}

#[tokio::test]
async fn what_is_no_token_is_a_failure_that_repeats_nothing() {
    let large: &'static str = Box::leak(format!("HTTP/1.1 200 OK\r\n\r\n{}", "x".repeat(70_000)).into_boxed_str());
    for (said, what) in [
        (
            "HTTP/1.1 401 No\r\n\r\n{\"error\":\"invalid_client\",\"error_description\":\"hunter2\"}",
            "no token: HTTP 401, invalid_client",
        ),
        ("HTTP/1.1 400 No\r\n\r\n{\"error\":\"hunter2\"}", "no token: HTTP 400"),
        ("HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n", "no token: HTTP 302"),
        ("HTTP/1.1 200 OK\r\n\r\n<html>hunter2</html>", "no token: the answer is no JSON object"),
        ("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", "no token: the answer is no JSON object"),
        (
            "HTTP/1.1 200 OK\r\n\r\n{\"access_token\":\"hunter2\\n\"}",
            "no token: the token holds characters that no header holds",
        ),
        (
            "HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n{\"access",
            "no token: end of file before message length reached",
        ),
        (large, "no token: the answer is too large"),
        ("", "no token: connection closed before message completed"),
    ] {
        let server = Server::start(Behaviour::Say(said)).await;
        let failure = tokens(server.port, "").token(None).await.err().expect("a failure");
        assert_eq!(failure.to_string(), what);
    }
}

#[test]
fn keys_that_cannot_be_are_found() {
    for (toml, expected) in [
        ("token_url = 'login.example'", "this is no address"),
        ("token_url = 'http://login.example/'", "over TLS only"),
        ("token_url = 'ftp://login.example/'", "the scheme must be"),
        ("token_url = 'https://a:hunter2@login.example/'", "holds no name and password"),
        ("token_url = 'https://169.254.169.254/'", "cannot be used"),
    ] {
        let (oauth, findings) = compile(&format!("client_id = 'c'\nclient_secret = {{ env = 'S' }}\n{toml}"));
        let said = findings.iter().next().expect("a finding");
        assert!(oauth.is_none() && said.message.contains(expected), "{said:?}");
    }
}
