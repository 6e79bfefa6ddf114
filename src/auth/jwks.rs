//! A signer's published key set as text: which of its keys count, and for which algorithms. Fetching is `source`'s matter.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, AlgorithmFamily, DecodingKey};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::keys::Key;

/// The most keys that a set may hold: a token without a key id is tried with each.
const MAX_KEYS: usize = 100;
const RSA_MODULUS_BYTES: std::ops::RangeInclusive<usize> = 256..=1024;

/// Why a text is no set of keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum JwksError {
    #[error("the answer is no JSON Web Key Set")]
    Malformed,
    #[error("the set holds more than {MAX_KEYS} keys")]
    TooMany,
    #[error("the set holds no key that could verify a token")]
    NoKey,
}

#[derive(Deserialize)]
struct Set<'a> {
    #[serde(borrow)]
    keys: Vec<&'a RawValue>,
}

/// A key's public members. There is none for `k`: a secret that is published is none.
#[derive(Deserialize)]
struct Jwk {
    kty: String,
    kid: Option<String>,
    r#use: Option<String>,
    alg: Option<String>,
    key_ops: Option<Vec<String>>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

/// The set's keys that can verify a token. What is secret, for encryption, unknown or ill-formed is passed over.
pub(super) fn parse(text: &[u8]) -> Result<Vec<Key>, JwksError> {
    let set: Set<'_> = serde_json::from_slice(text).map_err(|_| JwksError::Malformed)?;
    if set.keys.len() > MAX_KEYS {
        return Err(JwksError::TooMany);
    }
    let read = |key: &RawValue| serde_json::from_str::<Jwk>(key.get()).ok().and_then(Jwk::into_key);
    let keys: Vec<Key> = set.keys.into_iter().filter_map(read).collect();
    if keys.is_empty() { Err(JwksError::NoKey) } else { Ok(keys) }
}

impl Jwk {
    fn into_key(self) -> Option<Key> {
        let signs = self.r#use.as_deref().is_none_or(|purpose| purpose == "sig");
        let verifies = self.key_ops.as_ref().is_none_or(|operations| operations.iter().any(|word| word == "verify"));
        if !signs || !verifies {
            return None;
        }
        let (mut algorithms, key) = self.material()?;
        if let Some(only) = &self.alg {
            let only: Algorithm = only.parse().ok()?;
            algorithms.retain(|algorithm| *algorithm == only);
        }
        (!algorithms.is_empty()).then(|| Key::new(self.kid, algorithms, key))
    }

    fn material(&self) -> Option<(Vec<Algorithm>, DecodingKey)> {
        let x = || decode(self.x.as_deref());
        match (self.kty.as_str(), self.crv.as_deref()) {
            ("RSA", _) => {
                let modulus = decode(self.n.as_deref())?;
                let modulus = &modulus[modulus.iter().take_while(|byte| **byte == 0).count()..];
                let exponent = decode(self.e.as_deref())?;
                let key = DecodingKey::from_rsa_raw_components(modulus, &exponent);
                RSA_MODULUS_BYTES.contains(&modulus.len()).then(|| (AlgorithmFamily::Rsa.algorithms().to_vec(), key))
            }
            ("EC", Some("P-256")) => Some((vec![Algorithm::ES256], self.point(32)?)),
            ("EC", Some("P-384")) => Some((vec![Algorithm::ES384], self.point(48)?)),
            ("OKP", Some("Ed25519")) => {
                let x = x().filter(|x| x.len() == 32)?;
                Some((vec![Algorithm::EdDSA], DecodingKey::from_ed_der(&x)))
            }
            _ => None,
        }
    }

    /// The uncompressed point of two coordinates of `bytes` each.
    fn point(&self, bytes: usize) -> Option<DecodingKey> {
        let (x, y) = (decode(self.x.as_deref())?, decode(self.y.as_deref())?);
        let point = [&[4], x.as_slice(), y.as_slice()].concat();
        (x.len() == bytes && y.len() == bytes).then(|| DecodingKey::from_ec_der(&point))
    }
}

fn decode(text: Option<&str>) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text?.trim_end_matches('=')).ok()
}
