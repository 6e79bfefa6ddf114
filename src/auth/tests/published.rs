//! Keys that the signer publishes: rotation, bounds, and a source that errs.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, Semaphore};
use tokio::task::JoinSet;

use super::*;

/// A source of keys on the loopback interface. It answers once for each permit.
struct KeyServer {
    url: String,
    state: Arc<State>,
    _tasks: JoinSet<()>,
}

struct State {
    hits: AtomicUsize,
    asked: Notify,
    permits: Semaphore,
    answer: Mutex<(u16, Vec<u8>)>,
}

impl KeyServer {
    async fn start(keys: &[serde_json::Value]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/keys", listener.local_addr().unwrap());
        let state = Arc::new(State {
            hits: AtomicUsize::new(0),
            asked: Notify::new(),
            permits: Semaphore::new(1_000),
            answer: Mutex::default(),
        });
        let mut tasks = JoinSet::new();
        let served = state.clone();
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                connections.spawn(answer(stream, served.clone()));
            }
        });
        let this = Self { url, state, _tasks: tasks };
        this.publish(keys);
        this
    }

    fn publish(&self, keys: &[serde_json::Value]) {
        self.answer(200, &json!({ "keys": keys }).to_string());
    }

    fn answer(&self, status: u16, body: &str) {
        *self.state.answer.lock().unwrap() = (status, body.as_bytes().to_vec());
    }

    fn hits(&self) -> usize {
        self.state.hits.load(Ordering::SeqCst)
    }

    fn authenticator(&self, algorithms: &str, clock: &Clock) -> Authenticator {
        let config = format!(r#"jwt = {{ algorithms = {algorithms}, jwks_url = "{}" }}"#, self.url);
        try_new(&config, &secrets(&[]), Path::new("."), clock).unwrap()
    }
}

async fn answer(mut stream: TcpStream, state: Arc<State>) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let Ok(byte) = stream.read_u8().await else { return };
        head.push(byte);
    }
    state.hits.fetch_add(1, Ordering::SeqCst);
    state.asked.notify_one();
    let Ok(permit) = state.permits.acquire().await else { return };
    permit.forget();
    let (status, body) = state.answer.lock().unwrap().clone();
    let head = format!(
        "HTTP/1.1 {status} X\r\ncontent-length: {}\r\nlocation: /keys\r\nconnection: close\r\n\r\n",
        body.len()
    );
    let _ = stream.write_all(&[head.as_bytes(), &body].concat()).await;
}

const ES256: &str = r#"["ES256"]"#;

#[tokio::test]
async fn keys_are_fetched_once_when_first_needed() {
    for algorithm in [Algorithm::RS256, Algorithm::ES256, Algorithm::ES384, Algorithm::EdDSA] {
        let signer = Signer::new(algorithm);
        let server = KeyServer::start(&[signer.jwk("one")]).await;
        let authenticator = server.authenticator(&format!(r#"["{algorithm:?}"]"#), &sample_clock());
        assert_eq!(server.hits(), 0);
        for _ in 0..3 {
            assert!(verify(&authenticator, &signer.token(Some("one"))).await.is_ok(), "{algorithm:?}");
            assert!(verify(&authenticator, &signer.token(None)).await.is_ok(), "{algorithm:?}");
        }
        let forged = Signer::new(algorithm).token(Some("one"));
        assert_eq!(verify(&authenticator, &forged).await.unwrap_err(), DeniedReason::BadSignature);
        assert_eq!(server.hits(), 1);
    }
}

#[tokio::test]
async fn an_unknown_key_id_asks_again_but_not_more_than_every_ten_seconds() {
    let (old, new) = (Signer::new(Algorithm::ES256), Signer::new(Algorithm::ES256));
    let server = KeyServer::start(&[old.jwk("old")]).await;
    let clock = sample_clock();
    let authenticator = server.authenticator(ES256, &clock);
    assert!(verify(&authenticator, &old.token(Some("old"))).await.is_ok());
    server.publish(&[old.jwk("old"), new.jwk("new")]);
    for _ in 0..5 {
        let denied = verify(&authenticator, &new.token(Some("new"))).await.unwrap_err();
        assert_eq!(denied, DeniedReason::UnknownKey);
    }
    assert_eq!(server.hits(), 1);
    clock.advance(Duration::from_secs(10));
    assert!(verify(&authenticator, &new.token(Some("new"))).await.is_ok());
    assert!(verify(&authenticator, &old.token(Some("old"))).await.is_ok());
    assert_eq!(server.hits(), 2);
}

#[tokio::test]
async fn many_requests_at_once_fetch_once() {
    let signer = Signer::new(Algorithm::ES256);
    let server = KeyServer::start(&[signer.jwk("one")]).await;
    let authenticator = Arc::new(server.authenticator(ES256, &sample_clock()));
    let mut requests = JoinSet::new();
    for _ in 0..50 {
        let (authenticator, token) = (authenticator.clone(), signer.token(Some("one")));
        requests.spawn(async move { verify(&authenticator, &token).await.is_ok() });
    }
    assert_eq!(requests.join_all().await, [true; 50]);
    assert_eq!(server.hits(), 1);
}

#[tokio::test]
async fn old_keys_serve_while_the_source_errs_and_new_ones_once_it_recovers() {
    let (old, new) = (Signer::new(Algorithm::ES256), Signer::new(Algorithm::ES256));
    let server = KeyServer::start(&[old.jwk("one")]).await;
    let clock = sample_clock();
    let authenticator = server.authenticator(ES256, &clock);
    let token = old.token(Some("one"));
    assert!(verify(&authenticator, &token).await.is_ok());
    let too_long = " ".repeat((1 << 20) + 1);
    let none_usable = json!({ "keys": [{ "kty": "oct", "k": "c2VjcmV0" }] }).to_string();
    let answers = [(500, "{}"), (302, "{}"), (200, "no JSON"), (200, too_long.as_str()), (200, none_usable.as_str())];
    for (fetches, (status, body)) in answers.into_iter().enumerate() {
        server.answer(status, body);
        clock.advance(Duration::from_secs(if fetches == 0 { 600 } else { 10 }));
        assert!(verify(&authenticator, &token).await.is_ok(), "{status}");
        assert!(verify(&authenticator, &token).await.is_ok(), "{status}");
        assert_eq!(server.hits(), fetches + 2, "{status}");
    }
    server.publish(&[new.jwk("one")]);
    clock.advance(Duration::from_secs(10));
    assert_eq!(verify(&authenticator, &token).await.unwrap_err(), DeniedReason::BadSignature);
    assert!(verify(&authenticator, &new.token(Some("one"))).await.is_ok());
}

#[tokio::test]
async fn a_reload_keeps_the_keys_while_the_source_errs() {
    let signer = Signer::new(Algorithm::ES256);
    let server = KeyServer::start(&[signer.jwk("one")]).await;
    let clock = sample_clock();
    let before = server.authenticator(ES256, &clock);
    let token = signer.token(Some("one"));
    assert!(verify(&before, &token).await.is_ok());
    server.answer(500, "");
    let after = server.authenticator(ES256, &clock);
    after.inherit(&before);
    assert!(verify(&after, &token).await.is_ok());
    let elsewhere = KeyServer::start(&[]).await.authenticator(ES256, &clock);
    elsewhere.inherit(&before);
    assert_eq!(verify(&elsewhere, &token).await.unwrap_err(), DeniedReason::KeySourceUnavailable);
}

#[tokio::test]
async fn without_any_keys_yet_the_source_is_to_blame() {
    let server = KeyServer::start(&[]).await;
    let clock = sample_clock();
    let authenticator = server.authenticator(ES256, &clock);
    let token = Signer::new(Algorithm::ES256).token(Some("one"));
    assert_eq!(verify(&authenticator, &token).await.unwrap_err(), DeniedReason::KeySourceUnavailable);
    assert_eq!(verify(&authenticator, &token).await.unwrap_err(), DeniedReason::KeySourceUnavailable);
    assert_eq!(server.hits(), 1);
}

#[tokio::test]
async fn a_request_that_goes_away_leaves_its_fetch_to_the_next() {
    let signer = Signer::new(Algorithm::ES256);
    let server = KeyServer::start(&[signer.jwk("one")]).await;
    server.state.permits.forget_permits(1_000);
    let authenticator = server.authenticator(ES256, &sample_clock());
    let token = signer.token(Some("one"));
    for _ in 0..3 {
        tokio::select! {
            _ = verify(&authenticator, &token) => panic!("there was no answer yet"),
            () = server.state.asked.notified() => {}
        }
        server.state.asked.notify_one();
    }
    server.state.permits.add_permits(1);
    assert!(verify(&authenticator, &token).await.is_ok());
    assert_eq!(server.hits(), 1);
}

#[tokio::test]
async fn published_keys_count_only_for_what_they_are_published_for() {
    let signer = Signer::new(Algorithm::RS256);
    let changed = |name: &str, value: serde_json::Value| {
        let mut key = signer.jwk("one");
        key[name] = value;
        key
    };
    let mut any_algorithm = signer.jwk("one");
    any_algorithm.as_object_mut().unwrap().remove("alg");
    let cases = [
        (signer.jwk("one"), true),
        (any_algorithm, true),
        (changed("use", "sig".into()), true),
        (changed("use", "enc".into()), false),
        (changed("key_ops", json!(["verify"])), true),
        (changed("key_ops", json!(["encrypt"])), false),
        (changed("alg", "RS512".into()), false),
        (changed("alg", "RSA-OAEP".into()), false),
        (changed("kty", "oct".into()), false),
        (changed("n", "AQAB".into()), false),
        (changed("kid", 7.into()), false),
    ];
    for (key, holds) in cases {
        // A second key that does not fit, so that the set is never without any.
        let server = KeyServer::start(&[key.clone(), Signer::new(Algorithm::ES256).jwk("two")]).await;
        let authenticator = server.authenticator(r#"["RS256", "RS512"]"#, &sample_clock());
        assert_eq!(verify(&authenticator, &signer.token(Some("one"))).await.is_ok(), holds, "{key}");
    }
}

#[tokio::test]
async fn a_published_secret_or_public_key_never_verifies_a_shared_secret_token() {
    let signer = Signer::new(Algorithm::RS256);
    let oct = json!({ "kty": "oct", "k": URL_SAFE_NO_PAD.encode("published"), "kid": "one", "alg": "HS256" });
    let server = KeyServer::start(&[oct, signer.jwk("one")]).await;
    let config = format!(
        r#"jwt = {{ algorithms = ["HS256", "RS256"], secret = {{ env = "S" }}, jwks_url = "{}" }}"#,
        server.url
    );
    let authenticator = try_new(&config, &secrets(&[]), Path::new("."), &sample_clock()).unwrap();
    let header = r#"{"alg":"HS256","kid":"one"}"#;
    let modulus = URL_SAFE_NO_PAD.decode(signer.jwk("one")["n"].as_str().unwrap()).unwrap();
    for secret in [b"published".as_slice(), signer.public_pem.as_bytes(), &modulus] {
        let token = signed(header, SAMPLE, Algorithm::HS256, &EncodingKey::from_secret(secret));
        assert!(verify(&authenticator, &token).await.is_err());
    }
    assert!(verify(&authenticator, &signer.token(Some("one"))).await.is_ok());
    assert!(verify(&authenticator, &hs256(SAMPLE)).await.is_ok());
}
