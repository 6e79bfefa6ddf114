//! Keys that the signer publishes on a server of its own.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use super::super::support::tokens::{self, Signer};
use super::*;

/// The signer's server; it answers every request with what it holds.
struct Publisher {
    url: String,
    answer: Arc<Mutex<(u16, String)>>,
    _tasks: JoinSet<()>,
}

impl Publisher {
    async fn start(keys: &[serde_json::Value]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/keys?credential=of-the-source", listener.local_addr().unwrap());
        let answer = Arc::new(Mutex::new((500, String::new())));
        let held = answer.clone();
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let answer = held.lock().unwrap().clone();
                let _ = reply(stream, &answer).await;
            }
        });
        let publisher = Self { url, answer, _tasks: tasks };
        publisher.publish(keys);
        publisher
    }

    fn publish(&self, keys: &[serde_json::Value]) {
        *self.answer.lock().unwrap() = (200, json!({ "keys": keys }).to_string());
    }

    fn fail(&self) {
        *self.answer.lock().unwrap() = (500, String::new());
    }

    async fn app(&self) -> TestApp {
        let text = format!("[cymmetri.auth]\njwt = {{ algorithms = [\"ES256\"], jwks_url = \"{}\" }}\n", self.url);
        TestApp::with(&text).start().await
    }
}

async fn reply(mut stream: TcpStream, (status, body): &(u16, String)) -> std::io::Result<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await?);
    }
    let head = format!("HTTP/1.1 {status} X\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
    stream.write_all((head + body).as_bytes()).await
}

#[tokio::test]
async fn keys_that_the_signer_changes_are_followed() {
    let (old, new) = (Signer::new(), Signer::new());
    let publisher = Publisher::start(&[old.jwk("old")]).await;
    let app = publisher.app().await;
    let event = app.event("runDeprovision").body(sample("runDeprovision"));
    let (old, new) = (event.clone().token(&old.token("old")), (event.clone().token(&new.token("new")), new));
    accepted(&old.send().await);

    publisher.publish(&[new.1.jwk("new")]);
    // The source is not asked for every unknown key.
    assert_eq!(denied(&app, new.0.clone()).await, "unknown_key");
    app.clock.advance(Duration::from_secs(10));
    accepted(&new.0.send().await);
    assert_eq!(denied(&app, old).await, "unknown_key");
    assert_eq!(denied(&app, event.token(&Signer::new().token("new"))).await, "bad_signature");
}

#[tokio::test]
async fn a_source_that_fails_is_logged_without_its_address_and_asked_again() {
    let signer = Signer::new();
    let publisher = Publisher::start(&[signer.jwk("one")]).await;
    publisher.fail();
    let app = publisher.app().await;
    let event = app.event("runDeprovision").body(sample("runDeprovision")).token(&signer.token("one"));
    assert_eq!(denied(&app, event.clone()).await, "key_source_unavailable");
    assert!(app.log.text().contains("the token signer's keys could not be fetched"));
    publisher.publish(&[signer.jwk("one")]);
    app.clock.advance(Duration::from_secs(10));
    accepted(&event.send().await);
    // Once there, they count while the source fails.
    publisher.fail();
    app.clock.advance(Duration::from_secs(700));
    accepted(&event.send().await);
    let log = app.stop().await;
    assert!(!log.contains("of-the-source"), "{log}");
}

#[tokio::test]
async fn published_keys_outlast_a_reload_and_a_published_secret_is_none() {
    let signer = Signer::new();
    let secret = json!({ "kty": "oct", "alg": "HS256", "kid": "s", "k": "c2VjcmV0" });
    let publisher = Publisher::start(&[signer.jwk("one"), secret]).await;
    let app = publisher.app().await;
    let event = app.event("runDeprovision").body(sample("runDeprovision"));
    let good = event.clone().token(&signer.token("one"));
    accepted(&good.send().await);
    publisher.fail();
    let mut log = app.follow();
    app.configure(&format!(
        "[cymmetri]\nunknown_event = \"acknowledge\"\n[cymmetri.auth]\njwt = {{ algorithms = [\"ES256\"], jwks_url = \"{}\" }}\n",
        publisher.url
    ));
    log.until("the configuration is in force").await;
    accepted(&good.send().await);
    let forged = tokens::hs256(r#"{"alg":"HS256","kid":"s"}"#, tokens::CLAIMS, b"secret");
    assert_eq!(denied(&app, event.token(&forged)).await, "unsupported_algorithm");
}
