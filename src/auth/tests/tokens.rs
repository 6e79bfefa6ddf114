//! Tokens that hold, and every way in which one does not.

use base64::engine::general_purpose::STANDARD;

use super::*;

const HS256: &str = r#"jwt = { secret = { env = "S" } }"#;

#[track_caller]
fn reason(outcome: Result<Verified, DeniedReason>) -> DeniedReason {
    outcome.expect_err("the token does not hold")
}

#[tokio::test]
async fn the_sample_token_holds_and_its_claims_are_handed_on() {
    let verified = verify(&authenticator(HS256), &hs256(SAMPLE)).await.unwrap();
    let claims = verified.claims().unwrap();
    assert_eq!((claims.sub(), claims.tenant_id()), (Some("admin"), Some("as100")));
    assert_eq!(claims.raw(), SAMPLE);
    assert_eq!(format!("{verified:?}"), "Verified { claims: Some(Claims(***)) }");
}

#[tokio::test]
async fn forged_headers_are_refused() {
    let key = EncodingKey::from_secret(SECRET.as_bytes());
    let cases = [
        (r#"{"alg":"none"}"#, DeniedReason::UnsupportedAlgorithm),
        (r#"{"alg":"None"}"#, DeniedReason::UnsupportedAlgorithm),
        (r#"{"alg":""}"#, DeniedReason::UnsupportedAlgorithm),
        (r#"{"alg":"hs256"}"#, DeniedReason::UnsupportedAlgorithm),
        (r#"{"alg":"HS384"}"#, DeniedReason::UnsupportedAlgorithm),
        (r#"{"alg":"RS256"}"#, DeniedReason::UnsupportedAlgorithm),
        (r#"{"alg":"HS256","crit":["b64"],"b64":false}"#, DeniedReason::CritHeader),
        (r#"{"alg":"HS256","crit":null}"#, DeniedReason::CritHeader),
        (r#"{"alg":"HS256","alg":"none"}"#, DeniedReason::MalformedToken),
        (r#"{"alg":["HS256"]}"#, DeniedReason::MalformedToken),
        (r#"{"alg":"HS256","kid":7}"#, DeniedReason::MalformedToken),
        (r#"["HS256",null]"#, DeniedReason::MalformedToken),
        (r#"{"typ":"JWT"}"#, DeniedReason::MalformedToken),
        ("", DeniedReason::MalformedToken),
    ];
    let authenticator = authenticator(HS256);
    for (header, expected) in cases {
        let token = signed(header, SAMPLE, Algorithm::HS256, &key);
        assert_eq!(reason(verify(&authenticator, &token).await), expected, "{header}");
    }
    let unsigned = format!("{}.{}.", URL_SAFE_NO_PAD.encode(r#"{"alg":"none"}"#), URL_SAFE_NO_PAD.encode(SAMPLE));
    assert_eq!(reason(verify(&authenticator, &unsigned).await), DeniedReason::UnsupportedAlgorithm);
}

#[tokio::test]
async fn a_changed_byte_anywhere_is_refused() {
    let authenticator = authenticator(HS256);
    let token = hs256(SAMPLE);
    for at in 0..token.len() {
        for bit in [1, 2, 32] {
            let mut bytes = token.clone().into_bytes();
            bytes[at] ^= bit;
            let Ok(headers) = bearer(&bytes) else { continue };
            assert!(present(&authenticator, &headers).await.is_err(), "byte {at}, bit {bit}");
        }
    }
}

fn bearer(token: &[u8]) -> Result<HeaderMap, http::header::InvalidHeaderValue> {
    let value = http::HeaderValue::from_bytes(&[b"Bearer ", token].concat())?;
    Ok(HeaderMap::from_iter([(AUTHORIZATION, value)]))
}

#[tokio::test]
async fn a_token_cut_short_or_drawn_out_is_refused() {
    let authenticator = authenticator(HS256);
    let token = hs256(SAMPLE);
    for end in 1..token.len() {
        assert!(verify(&authenticator, &token[..end]).await.is_err(), "{end}");
    }
    for longer in
        [format!("{token}."), format!("{token}.e30"), format!("{token}A"), format!(".{token}"), format!("{token}=")]
    {
        assert!(verify(&authenticator, &longer).await.is_err(), "{longer}");
    }
    let long = "a".repeat(8 * 1024 + 1);
    assert_eq!(reason(verify(&authenticator, &long).await), DeniedReason::OversizedToken);
    assert_eq!(reason(verify(&authenticator, "a.b").await), DeniedReason::MalformedToken);
}

#[tokio::test]
async fn exactly_one_authorization_header_counts() {
    let authenticator = authenticator(HS256);
    let good = format!("Bearer {}", hs256(SAMPLE));
    let mut headers = HeaderMap::new();
    assert_eq!(reason(present(&authenticator, &headers).await), DeniedReason::MissingToken);
    headers.append(AUTHORIZATION, good.parse().unwrap());
    assert!(present(&authenticator, &headers).await.is_ok());
    headers.append(AUTHORIZATION, good.parse().unwrap());
    assert_eq!(reason(present(&authenticator, &headers).await), DeniedReason::DuplicateHeader);
    for (value, expected) in [
        ("Basic YTpi", DeniedReason::MissingToken),
        ("Bearer", DeniedReason::MissingToken),
        ("Bearer  ", DeniedReason::MissingToken),
        ("", DeniedReason::MissingToken),
        ("Bearer a.b.c, Bearer a.b.c", DeniedReason::MalformedToken),
    ] {
        let headers = HeaderMap::from_iter([(AUTHORIZATION, value.parse().unwrap())]);
        assert_eq!(reason(present(&authenticator, &headers).await), expected, "{value}");
    }
    let lower = HeaderMap::from_iter([(AUTHORIZATION, good.replace("Bearer ", "bEARER  ").parse().unwrap())]);
    assert!(present(&authenticator, &lower).await.is_ok());
}

#[tokio::test]
async fn times_are_kept_with_the_leeway_and_may_be_fractions() {
    let now = EXPIRES - 3_000;
    let authenticator = authenticator(HS256);
    let cases = [
        (format!(r#"{{"exp":{}}}"#, now + 1), Ok(())),
        (format!(r#"{{"exp":{}}}"#, now - 59), Ok(())),
        (format!(r#"{{"exp":{}}}"#, now - 60), Err(DeniedReason::Expired)),
        (format!(r#"{{"exp":{}.5}}"#, now - 60), Ok(())),
        (format!(r#"{{"exp":{now}.0E0}}"#), Ok(())),
        (r#"{"exp":1e300}"#.to_owned(), Ok(())),
        (r#"{"exp":-1e300}"#.to_owned(), Err(DeniedReason::Expired)),
        (r#"{"exp":1e400}"#.to_owned(), Err(DeniedReason::MalformedToken)),
        (format!(r#"{{"exp":"{EXPIRES}"}}"#), Err(DeniedReason::MalformedToken)),
        (format!(r#"{{"exp":{EXPIRES},"exp":{EXPIRES}}}"#), Err(DeniedReason::MalformedToken)),
        (r#"{"exp":null}"#.to_owned(), Err(DeniedReason::MissingExpiry)),
        ("{}".to_owned(), Err(DeniedReason::MissingExpiry)),
        (format!(r#"{{"exp":{EXPIRES},"nbf":{}}}"#, now + 60), Ok(())),
        (format!(r#"{{"exp":{EXPIRES},"nbf":{}}}"#, now + 61), Err(DeniedReason::NotYetValid)),
        (format!(r#"{{"exp":{EXPIRES},"nbf":null}}"#), Ok(())),
        (format!(r#"{{"exp":{EXPIRES},"#), Err(DeniedReason::MalformedToken)),
        (format!(r"[null,null,{EXPIRES},null]"), Err(DeniedReason::MalformedToken)),
    ];
    for (payload, expected) in cases {
        let outcome = verify(&authenticator, &hs256(&payload)).await;
        assert_eq!(outcome.map(|_| ()), expected, "{payload}");
    }
}

#[tokio::test]
async fn a_token_expires_as_time_goes_by() {
    let clock = sample_clock();
    let authenticator = try_new(HS256, &secrets(&[]), Path::new("."), &clock).unwrap();
    let token = hs256(SAMPLE);
    assert!(verify(&authenticator, &token).await.is_ok());
    clock.advance(std::time::Duration::from_secs(3_059));
    assert!(verify(&authenticator, &token).await.is_ok());
    clock.advance(std::time::Duration::from_secs(1));
    assert_eq!(reason(verify(&authenticator, &token).await), DeniedReason::Expired);
}

#[tokio::test]
async fn only_the_tenants_named_count() {
    let authenticator = authenticator(r#"jwt = { secret = { env = "S" }, tenants = ["as100", "277"] }"#);
    assert!(verify(&authenticator, &hs256(SAMPLE)).await.is_ok());
    for (tenant, expected) in [
        (r#""277""#, Ok(())),
        ("277", Ok(())),
        (r#""AS100""#, Err(DeniedReason::WrongTenant)),
        ("null", Err(DeniedReason::WrongTenant)),
        (r#"["as100"]"#, Err(DeniedReason::MalformedToken)),
    ] {
        let payload = format!(r#"{{"exp":{EXPIRES},"tenantId":{tenant}}}"#);
        assert_eq!(verify(&authenticator, &hs256(&payload)).await.map(|_| ()), expected, "{tenant}");
    }
    let payload = format!(r#"{{"exp":{EXPIRES}}}"#);
    assert_eq!(reason(verify(&authenticator, &hs256(&payload)).await), DeniedReason::WrongTenant);
}

#[tokio::test]
async fn both_secrets_count_during_a_rotation() {
    let config = r#"jwt = { secret = [{ env = "OLD" }, { env = "S" }] }"#;
    let authenticator = try_new(config, &secrets(&[("OLD", "an.old.one")]), Path::new("."), &sample_clock()).unwrap();
    for _ in 0..3 {
        assert!(verify(&authenticator, &hs256(SAMPLE)).await.is_ok());
        assert!(verify(&authenticator, &hs256_with(SAMPLE, b"an.old.one")).await.is_ok());
        let stranger = verify(&authenticator, &hs256_with(SAMPLE, b"a.third.one")).await;
        assert_eq!(reason(stranger), DeniedReason::BadSignature);
    }
}

#[tokio::test]
async fn a_secret_counts_raw_and_decoded_as_its_form_says() {
    let key = [0xfb, 0xff, 0xfe, 0x01, 0x42];
    let padded = STANDARD.encode(key);
    let forms = [padded.clone(), padded.trim_end_matches('=').to_owned(), padded.replace('+', "-").replace('/', "_")];
    for text in forms {
        for (form, raw, decoded) in [("auto", true, true), ("raw", true, false), ("base64", false, true)] {
            let config = format!(r#"jwt = {{ secret = {{ env = "S" }}, form = "{form}" }}"#);
            let secrets = secrets(&[("S", &text)]);
            let authenticator = try_new(&config, &secrets, Path::new("."), &sample_clock()).unwrap();
            let as_text = verify(&authenticator, &hs256_with(SAMPLE, text.as_bytes())).await;
            let as_bytes = verify(&authenticator, &hs256_with(SAMPLE, &key)).await;
            assert_eq!((as_text.is_ok(), as_bytes.is_ok()), (raw, decoded), "{text} as {form}");
        }
    }
    let refused =
        try_new(r#"jwt = { secret = { env = "S" }, form = "base64" }"#, &secrets(&[]), Path::new("."), &sample_clock());
    assert_eq!(refused.unwrap_err()[0].code, "auth-key");
}

#[tokio::test]
async fn longer_digests_count_where_they_are_configured() {
    let authenticator = authenticator(r#"jwt = { algorithms = ["HS256", "HS384", "HS512"], secret = { env = "S" } }"#);
    let key = EncodingKey::from_secret(SECRET.as_bytes());
    for algorithm in [Algorithm::HS256, Algorithm::HS384, Algorithm::HS512] {
        let token = signed(&format!(r#"{{"alg":"{algorithm:?}"}}"#), SAMPLE, algorithm, &key);
        assert!(verify(&authenticator, &token).await.is_ok(), "{algorithm:?}");
        let relabelled = signed(r#"{"alg":"HS256","typ":"JWT"}"#, SAMPLE, algorithm, &key);
        assert_eq!(verify(&authenticator, &relabelled).await.is_ok(), algorithm == Algorithm::HS256, "{algorithm:?}");
    }
}

#[tokio::test]
async fn public_keys_verify_their_own_algorithm_and_no_other() {
    let dir = tempfile::tempdir().unwrap();
    for algorithm in [Algorithm::RS256, Algorithm::PS384, Algorithm::ES256, Algorithm::ES384, Algorithm::EdDSA] {
        let signer = Signer::new(algorithm);
        std::fs::write(dir.path().join("key.pem"), &signer.public_pem).unwrap();
        // HS256 beside it, with a secret of its own: the classic place for a confusion of the two.
        let config = format!(
            r#"jwt = {{ algorithms = ["{algorithm:?}", "HS256"], key = "key.pem", secret = {{ env = "S" }} }}"#
        );
        let authenticator = try_new(&config, &secrets(&[]), dir.path(), &sample_clock()).unwrap();
        assert!(verify(&authenticator, &signer.token(None)).await.is_ok(), "{algorithm:?}");
        assert!(verify(&authenticator, &signer.token(Some("any"))).await.is_ok(), "{algorithm:?}");
        let other = Signer::new(algorithm).token(None);
        assert_eq!(reason(verify(&authenticator, &other).await), DeniedReason::BadSignature, "{algorithm:?}");
        for secret in [signer.public_pem.as_bytes(), signer.public_pem.trim().as_bytes()] {
            let confused = hs256_with(SAMPLE, secret);
            assert_eq!(reason(verify(&authenticator, &confused).await), DeniedReason::BadSignature, "{algorithm:?}");
        }
    }
}

#[test]
fn a_key_in_pem_is_no_shared_secret_and_a_private_key_no_key_file() {
    let signer = Signer::new(Algorithm::ES256);
    let refused = try_new(
        r#"jwt = { secret = { env = "S" } }"#,
        &secrets(&[("S", &signer.public_pem)]),
        Path::new("."),
        &sample_clock(),
    );
    assert_eq!(refused.unwrap_err()[0].path, ["jwt", "secret", "0"]);
    let dir = tempfile::tempdir().unwrap();
    let private = rcgen::KeyPair::generate().unwrap().serialize_pem();
    let broken = signer.public_pem.replacen("MF", "AA", 1);
    for (text, said) in [
        (private.as_str(), "private key"),
        (broken.as_str(), "not well-formed"),
        ("", "no public key"),
        ("-----BEGIN PUBLIC KEY-----\nMFkw", "not well-formed"),
    ] {
        std::fs::write(dir.path().join("key.pem"), text).unwrap();
        let config = r#"jwt = { algorithms = ["ES256"], key = "key.pem" }"#;
        let problems = try_new(config, &secrets(&[]), dir.path(), &sample_clock()).unwrap_err();
        assert!(problems[0].message.contains(said), "{}", problems[0].message);
    }
}
