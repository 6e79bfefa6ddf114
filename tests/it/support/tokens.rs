//! Tokens as the cloud makes them, and as forgers do.

use std::time::Duration;

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::DateTime;
use hookreeve::base::clock::Clock;
use jsonwebtoken::{Algorithm, EncodingKey};
use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256};

/// The contract's sample claims.
pub(crate) const CLAIMS: &str = r#"{"sub":"admin","roles":["ORG_ADMIN","USER"],"tenantId":"as100","exp":1646396308,"iat":1646390308,"userId":"6214db7bd661a57386a71f10"}"#;
const ISSUED: i64 = 1_646_390_308;
/// How long after the sample token's issue it expires.
pub(crate) const LIFETIME: Duration = Duration::from_secs(6_000);

/// A clock that stands where the sample token was issued.
pub(crate) fn clock() -> Clock {
    Clock::fixed(DateTime::from_timestamp(ISSUED, 0).unwrap())
}

/// The sample token, signed with this secret.
pub(crate) fn good(secret: &str) -> String {
    hs256(r#"{"alg":"HS256"}"#, CLAIMS, secret.as_bytes())
}

/// A token with exactly this header and payload.
pub(crate) fn hs256(header: &str, payload: &str, secret: &[u8]) -> String {
    let message = unsigned(header, payload);
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), message.as_bytes());
    format!("{message}.{}", URL_SAFE_NO_PAD.encode(tag))
}

/// The part of a token that is signed.
pub(crate) fn unsigned(header: &str, payload: &str) -> String {
    format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(payload))
}

/// A signer with a private key, ES256.
pub(crate) struct Signer {
    private: EncodingKey,
    pub(crate) public_pem: String,
}

impl Signer {
    pub(crate) fn new() -> Self {
        let _ = jsonwebtoken::crypto::aws_lc::DEFAULT_PROVIDER.install_default();
        let pair = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap();
        let private = EncodingKey::from_ec_pem(pair.serialize_pem().as_bytes()).unwrap();
        Self { private, public_pem: pair.public_key_pem() }
    }

    /// The sample token under this key.
    pub(crate) fn token(&self, key_id: &str) -> String {
        let message = unsigned(&format!(r#"{{"alg":"ES256","kid":"{key_id}"}}"#), CLAIMS);
        let signature = jsonwebtoken::crypto::sign(message.as_bytes(), &self.private, Algorithm::ES256).unwrap();
        format!("{message}.{signature}")
    }

    /// The public half as a JSON Web Key.
    pub(crate) fn jwk(&self, key_id: &str) -> serde_json::Value {
        let jwk = jsonwebtoken::jwk::Jwk::from_encoding_key(&self.private, Algorithm::ES256).unwrap();
        let mut jwk = serde_json::to_value(jwk).unwrap();
        jwk["kid"] = key_id.into();
        jwk
    }
}
