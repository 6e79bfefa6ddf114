//! Who may send an event: every credential, alone and with others, and every way in which one does not hold.

mod certificates;
mod published;
mod unverified;

use std::time::Duration;

use super::support::{Reply, TestApp, sample, tokens};

/// The reason that the log has for a 401. The sender hears none.
async fn denied(app: &TestApp, request: super::support::Request) -> String {
    let mut log = app.follow();
    let reply = request.send().await;
    assert_eq!((reply.status, reply.code().as_str()), (401, "unauthorized"), "{reply:?}");
    assert_eq!(reply.json()["error"]["message"], "A credential is missing or does not hold.");
    let challenge = reply.header("www-authenticate").unwrap();
    assert!(challenge.starts_with(r#"Bearer realm="hookreeve""#), "{challenge}");
    let line = log.until("refused: not verified").await;
    let (_, reason) = line.split_once("reason=\"").expect(&line);
    reason.split('"').next().unwrap().to_owned()
}

#[track_caller]
fn accepted(reply: &Reply) {
    assert_eq!(reply.accepted(), r#"{"response":{"data":false}}"#);
}

#[tokio::test]
async fn a_token_holds_or_does_not() {
    let app = TestApp::start().await;
    let event = app.event("runDeprovision").body(sample("runDeprovision"));
    let secret = super::support::SECRET.as_bytes();
    let hs256 = |header: &str| tokens::hs256(header, tokens::CLAIMS, secret);
    let claims = |payload: &str| tokens::hs256(r#"{"alg":"HS256"}"#, payload, secret);
    let good = app.token().to_owned();
    accepted(&event.clone().send().await);
    accepted(&event.clone().token(&hs256(r#"{"alg":"HS256","typ":"JWT","kid":"any"}"#)).send().await);

    let unsigned = tokens::unsigned(r#"{"alg":"none"}"#, tokens::CLAIMS);
    let padding = "x".repeat(9_000);
    for (what, token, reason) in [
        ("another secret", tokens::good("another"), "bad_signature"),
        ("no algorithm", format!("{unsigned}."), "unsupported_algorithm"),
        ("no algorithm, signed", hs256(r#"{"alg":"none"}"#), "unsupported_algorithm"),
        ("No algorithm, capital", hs256(r#"{"alg":"None"}"#), "unsupported_algorithm"),
        ("one not configured", hs256(r#"{"alg":"HS512"}"#), "unsupported_algorithm"),
        ("one of public keys", hs256(r#"{"alg":"RS256"}"#), "unsupported_algorithm"),
        ("an extension", hs256(r#"{"alg":"HS256","crit":["exp"]}"#), "crit_header"),
        ("no expiry", claims(r#"{"sub":"admin"}"#), "missing_expiry"),
        ("not yet", claims(r#"{"exp":1646396308,"nbf":1646396300}"#), "not_yet_valid"),
        ("no signature", good.rsplit_once('.').unwrap().0.to_owned() + ".", "bad_signature"),
        ("cut off", good[..good.len() - 1].to_owned(), "bad_signature"),
        ("two parts", good.rsplit_once('.').unwrap().0.to_owned(), "malformed_token"),
        ("one part", "token".to_owned(), "malformed_token"),
        ("four parts", format!("{good}.e30"), "malformed_token"),
        ("oversized", claims(&format!(r#"{{"exp":1646396308,"x":"{padding}"}}"#)), "oversized_token"),
        ("another payload", swapped(&good), "bad_signature"),
    ] {
        assert_eq!(denied(&app, event.clone().token(&token)).await, reason, "{what}");
    }
}

/// The token with another's payload.
fn swapped(token: &str) -> String {
    let other = tokens::unsigned("", r#"{"sub":"other","exp":99999999999}"#);
    let mut parts: Vec<&str> = token.split('.').collect();
    parts[1] = other.split('.').nth(1).unwrap();
    parts.join(".")
}

#[tokio::test]
async fn exactly_one_authorization_header_counts() {
    let app = TestApp::start().await;
    let bare = app.event("runDeprovision").body(sample("runDeprovision")).without("authorization");
    let good = format!("Bearer {}", app.token());
    accepted(&bare.clone().header("Authorization", &good.replace("Bearer", "bEaReR")).send().await);
    assert_eq!(denied(&app, bare.clone()).await, "missing_token");
    assert_eq!(denied(&app, bare.clone().header("authorization", app.token())).await, "missing_token");
    assert_eq!(denied(&app, bare.clone().header("authorization", "Basic YTpi")).await, "missing_token");
    let twice = bare.clone().header("authorization", &good).header("Authorization", "Bearer x");
    assert_eq!(denied(&app, twice).await, "duplicate_header");
    let twice = bare.clone().header("authorization", &good).header("authorization", &good);
    assert_eq!(denied(&app, twice).await, "duplicate_header");
    for elsewhere in ["proxy-authorization", "x-authorization", "cookie"] {
        assert_eq!(denied(&app, bare.clone().header(elsewhere, &good)).await, "missing_token");
    }
    let query = bare.target(format!("/webhook/runDeprovision?access_token={}", app.token()));
    assert_eq!(denied(&app, query).await, "missing_token");
}

#[tokio::test]
async fn a_token_expires_with_its_leeway() {
    let app = TestApp::start().await;
    let event = app.event("runDeprovision").body(sample("runDeprovision"));
    app.clock.advance(tokens::LIFETIME + Duration::from_secs(59));
    accepted(&event.send().await);
    app.clock.advance(Duration::from_secs(1));
    assert_eq!(denied(&app, event).await, "expired");
}

#[tokio::test]
async fn a_secret_counts_as_it_is_and_decoded_or_only_so() {
    // `a.b` is no base64; this is, and its bytes are another key.
    let secret = "c2VjcmV0LW9mLXRoZS1jbG91ZC1hbmQtdXM=";
    let decoded = tokens::hs256(r#"{"alg":"HS256"}"#, tokens::CLAIMS, b"secret-of-the-cloud-and-us");
    for (form, raw_holds, decoded_holds) in [("auto", true, true), ("raw", true, false), ("base64", false, true)] {
        let text =
            format!("[cymmetri.auth]\njwt = {{ form = \"{form}\", secret = {{ env = \"HOOKREEVE_JWT_SECRET\" }} }}\n");
        let app = TestApp::with(&text).secret(secret).start().await;
        let event = app.event("runDeprovision").body(sample("runDeprovision"));
        for (token, holds) in [(app.token(), raw_holds), (decoded.as_str(), decoded_holds)] {
            let request = event.clone().token(token);
            if holds {
                accepted(&request.send().await);
            } else {
                assert_eq!(denied(&app, request).await, "bad_signature", "{form}");
            }
        }
    }
}

#[tokio::test]
async fn old_and_new_secret_count_during_a_rotation() {
    let text = r#"
[cymmetri.auth]
jwt = { secret = [{ env = "HOOKREEVE_JWT_SECRET" }, { env = "NEW" }, { file = "newer" }] }
"#;
    let app = TestApp::with(text).env("NEW", "the.new.one").file("newer", "the.newer.one\n").start().await;
    let event = app.event("runDeprovision").body(sample("runDeprovision"));
    for secret in [super::support::SECRET, "the.new.one", "the.newer.one", "the.new.one"] {
        accepted(&event.clone().token(&tokens::good(secret)).send().await);
    }
    assert_eq!(denied(&app, event.token(&tokens::good("the.newer.one\n"))).await, "bad_signature");
}

#[tokio::test]
async fn a_token_is_of_a_tenant_that_counts() {
    let text = |tenants: &str| {
        format!("[cymmetri.auth]\njwt = {{ tenants = {tenants}, secret = {{ env = \"HOOKREEVE_JWT_SECRET\" }} }}\n")
    };
    let app = TestApp::with(&text(r#"["other", "as100"]"#)).start().await;
    accepted(&app.post("runDeprovision", sample("runDeprovision")).await);
    let app = TestApp::with(&text(r#"["as1000"]"#)).start().await;
    assert_eq!(denied(&app, app.event("runDeprovision")).await, "wrong_tenant");
}

#[tokio::test]
async fn a_public_key_never_stands_in_for_a_shared_secret() {
    let signer = tokens::Signer::new();
    let forged = |pem: &str| tokens::hs256(r#"{"alg":"HS256"}"#, tokens::CLAIMS, pem.as_bytes());
    for (algorithms, reason) in [(r#"["ES256"]"#, "unsupported_algorithm"), (r#"["ES256", "HS256"]"#, "bad_signature")]
    {
        let secret = if reason == "bad_signature" { r#", secret = { env = "HOOKREEVE_JWT_SECRET" }"# } else { "" };
        let text = format!("[cymmetri.auth]\njwt = {{ algorithms = {algorithms}, key = \"signer.pem\"{secret} }}\n");
        let app = TestApp::with(&text).file("signer.pem", &signer.public_pem).start().await;
        let event = app.event("runDeprovision").body(sample("runDeprovision"));
        accepted(&event.clone().token(&signer.token("any")).send().await);
        for pem in [signer.public_pem.as_str(), signer.public_pem.trim_end()] {
            assert_eq!(denied(&app, event.clone().token(&forged(pem))).await, reason);
        }
        assert_eq!(denied(&app, event.clone().token(&tokens::Signer::new().token("any"))).await, "bad_signature");
    }
}

#[tokio::test]
async fn a_path_secret_is_the_segment_before_the_event() {
    let text = "[cymmetri]\nbase_paths = [\"/webhook\", \"/\"]\n[cymmetri.auth]\npath_secret = [{ env = \"OLD\" }, { env = \"NEW\" }]\n";
    let app =
        TestApp::with(text).env("OLD", "0ld-s3cret-of-the-path").env("NEW", "n3w-s3cret-of-the-path").start().await;
    let body = sample("runDeprovision");
    let path = |path: &str| app.request(path).without("authorization").body(body);
    for good in ["/webhook/0ld-s3cret-of-the-path", "/n3w-s3cret-of-the-path"] {
        accepted(&path(&format!("{good}/runDeprovision")).send().await);
        accepted(&path(&format!("{good}/rundeprovision/")).send().await);
        assert_eq!(path(&format!("{good}/nothing")).send().await.code(), "unknown_event");
    }
    for wrong in [
        "/webhook/runDeprovision",
        "/runDeprovision",
        "/webhook/wrong/runDeprovision",
        "/webhook/0LD-S3CRET-OF-THE-PATH/runDeprovision",
        "/webhook/0ld-s3cret-of-the-path-/runDeprovision",
        "/webhook/%30ld-s3cret-of-the-path/runDeprovision",
        "/webhook/x/0ld-s3cret-of-the-path/runDeprovision",
        "/webhook//runDeprovision",
        "/webhook/0ld-s3cret-of-the-path",
        "/webhook/runDeprovision/0ld-s3cret-of-the-path",
        "/webhook/runDeprovision?0ld-s3cret-of-the-path",
    ] {
        assert_eq!(denied(&app, path(wrong)).await, "wrong_path_secret", "{wrong}");
    }
    let log = app.stop().await;
    for secret in ["0ld-s3cret", "n3w-s3cret"] {
        assert!(!log.contains(secret), "{log}");
    }
}

#[tokio::test]
async fn a_static_bearer_is_one_of_those_named() {
    let text = "[cymmetri.auth]\nbearer = [{ env = \"OLD\" }, { file = \"new\" }]\n";
    let app = TestApp::with(text).env("OLD", "old-bearer-value").file("new", "new-bearer-value\n").start().await;
    let event = app.event("runDeprovision").body(sample("runDeprovision"));
    for bearer in ["old-bearer-value", "new-bearer-value"] {
        accepted(&event.clone().token(bearer).send().await);
    }
    for bearer in ["old-bearer-valu", "old-bearer-value ,", "OLD-bearer-value", "x"] {
        assert_eq!(denied(&app, event.clone().token(bearer)).await, "wrong_bearer", "{bearer}");
    }
    assert_eq!(denied(&app, event.without("authorization")).await, "missing_token");
    assert!(!app.stop().await.contains("bearer-value"));
}

#[tokio::test]
async fn addresses_count_as_far_as_trusted_proxies_tell_them() {
    let app = TestApp::with("[cymmetri.auth]\nallow_from = [\"203.0.113.0/24\"]\n").start().await;
    let event = app.event("runDeprovision").body(sample("runDeprovision"));
    assert_eq!(denied(&app, event.clone()).await, "address_not_allowed");
    // Nobody is trusted, so that anybody may say this.
    let spoofed = event.header("x-forwarded-for", "203.0.113.7");
    assert_eq!(denied(&app, spoofed).await, "address_not_allowed");

    let text = "[server]\ntrusted_proxies = [\"127.0.0.0/8\", \"10.0.0.0/8\"]\n\
                [cymmetri.auth]\nallow_from = [\"203.0.113.0/24\", \"2001:db8::/32\"]\n";
    let app = TestApp::with(text).start().await;
    let event = app.event("runDeprovision").body(sample("runDeprovision"));
    for lines in [
        &["203.0.113.7"][..],
        &["203.0.113.7, 10.0.0.1"],
        &["198.51.100.1", "203.0.113.7"],
        &["nonsense, 203.0.113.7:4711"],
        &["[2001:db8::1]:443"],
        &["::ffff:203.0.113.7"],
    ] {
        let request = lines.iter().fold(event.clone(), |request, line| request.header("x-forwarded-for", line));
        accepted(&request.send().await);
    }
    for lines in [
        &[][..],
        &["198.51.100.1"],
        &["203.0.113.7, 198.51.100.1"],
        &["203.0.113.7", "198.51.100.1, 10.0.0.1"],
        &["203.0.113.7, nonsense"],
        &["203.0.113.7,"],
        &["127.0.0.1"],
    ] {
        let request = lines.iter().fold(event.clone(), |request, line| request.header("X-Forwarded-For", line));
        assert_eq!(denied(&app, request).await, "address_not_allowed", "{lines:?}");
    }
}

#[tokio::test]
async fn every_credential_that_is_named_must_hold() {
    let text = "[server]\ntrusted_proxies = [\"127.0.0.1\"]\n[cymmetri.auth]\nallow_from = [\"203.0.113.7\"]\n\
                path_secret = { env = \"PATH_SECRET\" }\njwt = { secret = { env = \"HOOKREEVE_JWT_SECRET\" } }\n";
    let app = TestApp::with(text).env("PATH_SECRET", "the-path-s3cret").start().await;
    let good = app.request("/webhook/the-path-s3cret/runDeprovision").body(sample("runDeprovision"));
    let good = good.header("x-forwarded-for", "203.0.113.7");
    accepted(&good.clone().send().await);
    assert_eq!(denied(&app, good.clone().without("x-forwarded-for")).await, "address_not_allowed");
    assert_eq!(denied(&app, good.clone().target("/webhook/runDeprovision")).await, "wrong_path_secret");
    assert_eq!(denied(&app, good.clone().token("x")).await, "malformed_token");
}

#[test]
fn without_a_credential_there_is_no_server() {
    for (text, said) in [
        ("[cymmetri.auth]\n", "no credential is named"),
        ("[cymmetri.auth]\nunverified = \"observe\"\n", "no credential is named"),
        ("[cymmetri.auth]\nbearer = []\n", "nothing could hold"),
        ("[cymmetri.auth]\nallow_from = []\n", "nothing could hold"),
        ("[cymmetri.auth]\njwt = { secret = [] }\n", "this list of secrets is empty"),
        ("[cymmetri.auth]\njwt = {}\n", "needs a shared secret"),
        (
            "[cymmetri.auth]\njwt = { algorithms = [\"none\"], secret = { env = \"HOOKREEVE_JWT_SECRET\" } }\n",
            "never taken",
        ),
        ("[cymmetri.auth]\njwt = { secret = { env = \"MISSING\" } }\n", "MISSING is not set"),
        ("[cymmetri.auth]\npath_secret = { file = \"missing\" }\n", "missing could not be read"),
        ("[cymmetri.auth]\nbearer = [{ env = \"EMPTY\" }]\n", "EMPTY is empty"),
        ("[cymmetri.auth]\nclient_cert = {}\n", "does not verify"),
        (
            "[cymmetri.auth]\nbearer = [{ env = \"B\" }]\njwt = { secret = { env = \"HOOKREEVE_JWT_SECRET\" } }\n",
            "need the same header",
        ),
    ] {
        let findings = TestApp::with(text).env("EMPTY", "").env("B", "b").refused();
        assert!(findings.contains(said), "{text}\n{findings}");
    }
}
