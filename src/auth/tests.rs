//! What the tests of this module share: signers, forgers, and an authenticator in one line.

mod credentials;
mod problems;
mod published;
mod tokens;

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::DateTime;
use http::HeaderMap;
use http::header::AUTHORIZATION;
use jsonwebtoken::{Algorithm, EncodingKey};

use super::*;
use crate::base::clock::Clock;
use crate::base::diagnostic::Problem;
use crate::base::secret::{Secret, SecretError, SecretRef, SecretSource};

/// The contract's sample claims.
const SAMPLE: &str = r#"{"sub":"admin","roles":["ORG_ADMIN","USER"],"tenantId":"as100","exp":1646396308,"iat":1646390308,"userId":"6214db7bd661a57386a71f10"}"#;
const EXPIRES: i64 = 1_646_396_308;
/// 48 characters that are no base64, for the dots.
const SECRET: &str = "a.shared.secret.of.forty-eight.characters.12345";
const OUTSIDE: Exposure = Exposure { client_ca: false, loopback: false };

#[derive(Default)]
struct Secrets(HashMap<String, String>);

impl SecretSource for Secrets {
    fn resolve(&self, place: &SecretRef) -> Result<Secret, SecretError> {
        let SecretRef::Env(name) = place else { return Err(SecretError::Empty(place.clone())) };
        let value = self.0.get(name).ok_or_else(|| SecretError::Unset(name.clone()))?;
        Ok(Secret::new(value.as_bytes()))
    }
}

/// The secret `S`, or what a test puts in its place.
fn secrets(named: &[(&str, &str)]) -> Secrets {
    let own = [("S", SECRET)];
    Secrets(own.iter().chain(named).map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
}

fn sample_clock() -> Clock {
    Clock::fixed(DateTime::from_timestamp(EXPIRES - 3_000, 0).unwrap())
}

fn try_new(config: &str, secrets: &Secrets, dir: &Path, clock: &Clock) -> Result<Authenticator, Vec<Problem>> {
    Authenticator::try_new(&toml::from_str(config).unwrap(), secrets, dir, OUTSIDE, clock)
}

#[track_caller]
fn authenticator(config: &str) -> Authenticator {
    try_new(config, &secrets(&[]), Path::new("."), &sample_clock()).unwrap()
}

async fn verify(authenticator: &Authenticator, token: &str) -> Result<Verified, DeniedReason> {
    let mut headers = HeaderMap::new();
    headers.insert(AUTHORIZATION, format!("Bearer {token}").parse().unwrap());
    present(authenticator, &headers).await
}

async fn present(authenticator: &Authenticator, headers: &HeaderMap) -> Result<Verified, DeniedReason> {
    let presented = Presented { headers, peer: IpAddr::V4(Ipv4Addr::LOCALHOST), path_secret: None, client: None };
    authenticator.verify(&presented).await.map_err(|denied| denied.reason)
}

/// A token with exactly this header and payload, signed.
fn signed(header: &str, payload: &str, algorithm: Algorithm, key: &EncodingKey) -> String {
    let message = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(payload));
    let signature = jsonwebtoken::crypto::sign(message.as_bytes(), key, algorithm).unwrap();
    format!("{message}.{signature}")
}

fn hs256(payload: &str) -> String {
    hs256_with(payload, SECRET.as_bytes())
}

fn hs256_with(payload: &str, secret: &[u8]) -> String {
    signed(r#"{"alg":"HS256"}"#, payload, Algorithm::HS256, &EncodingKey::from_secret(secret))
}

/// A private key, its public half in PEM, and how it signs.
struct Signer {
    algorithm: Algorithm,
    private: EncodingKey,
    public_pem: String,
    public_raw: Vec<u8>,
}

impl Signer {
    fn new(algorithm: Algorithm) -> Self {
        use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P384_SHA384, PKCS_ED25519, PKCS_RSA_SHA256};
        let pair = match algorithm {
            Algorithm::ES256 => KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256),
            Algorithm::ES384 => KeyPair::generate_for(&PKCS_ECDSA_P384_SHA384),
            Algorithm::EdDSA => KeyPair::generate_for(&PKCS_ED25519),
            _ => KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, rcgen::RsaKeySize::_2048),
        }
        .unwrap();
        let pem = pair.serialize_pem();
        let private = match algorithm {
            Algorithm::ES256 | Algorithm::ES384 => EncodingKey::from_ec_pem(pem.as_bytes()),
            Algorithm::EdDSA => EncodingKey::from_ed_pem(pem.as_bytes()),
            _ => EncodingKey::from_rsa_pem(pem.as_bytes()),
        };
        Self {
            algorithm,
            private: private.unwrap(),
            public_pem: pair.public_key_pem(),
            public_raw: pair.public_key_raw().to_vec(),
        }
    }

    fn token(&self, key_id: Option<&str>) -> String {
        let header = match key_id {
            Some(id) => format!(r#"{{"alg":"{:?}","kid":"{id}"}}"#, self.algorithm),
            None => format!(r#"{{"alg":"{:?}"}}"#, self.algorithm),
        };
        signed(&header, SAMPLE, self.algorithm, &self.private)
    }

    /// The public half as a JSON Web Key.
    fn jwk(&self, key_id: &str) -> serde_json::Value {
        let mut jwk = match self.algorithm {
            // The library cannot take this one's public half out of the private key that rcgen writes.
            Algorithm::EdDSA => {
                let x = URL_SAFE_NO_PAD.encode(&self.public_raw);
                serde_json::json!({ "kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "x": x })
            }
            algorithm => {
                let jwk = jsonwebtoken::jwk::Jwk::from_encoding_key(&self.private, algorithm).unwrap();
                serde_json::to_value(jwk).unwrap()
            }
        };
        jwk["kid"] = key_id.into();
        jwk
    }
}
