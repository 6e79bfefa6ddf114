//! Keys that verify tokens, each bound to the algorithms that it is for: a public key can never serve as a secret.

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::alphabet;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use jsonwebtoken::{Algorithm, AlgorithmFamily, DecodingKey};
use x509_parser::pem::Pem;
use x509_parser::prelude::{FromDer, SubjectPublicKeyInfo, X509Certificate};
use x509_parser::public_key::PublicKey;

use super::config::SecretForm;

/// A key, its id if it has one, and the algorithms that it is for.
#[derive(Clone, Debug)]
pub(super) struct Key {
    id: Option<String>,
    algorithms: Vec<Algorithm>,
    material: Material,
}

/// What a signature is compared with.
#[derive(Clone, Debug)]
enum Material {
    Public(DecodingKey),
    /// A shared secret, prepared for each algorithm: the library would prepare it for each token.
    Secret(Box<[(Algorithm, hmac::Key)]>),
}

/// Why a text holds no key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum KeyError {
    #[error("it holds no public key or certificate in PEM")]
    NoKey,
    #[error("it holds a private key, which belongs to the signer alone")]
    Private,
    #[error("a key in it is not well-formed")]
    Malformed,
    #[error(
        "a key in it is of a kind that signs no tokens here: RSA of 2048 to 8192 bits, P-256, P-384 and Ed25519 do"
    )]
    Unsupported,
    #[error("it is a key in PEM, and a public key as a secret would let everybody sign")]
    PemSecret,
    #[error("it is not base64")]
    NotBase64,
}

const RSA_BITS: std::ops::RangeInclusive<usize> = 2048..=8192;
const RSA_ENCRYPTION: &str = "1.2.840.113549.1.1.1";
const RSA_PSS: &str = "1.2.840.113549.1.1.10";
const PSS: [Algorithm; 3] = [Algorithm::PS256, Algorithm::PS384, Algorithm::PS512];

/// Whether the algorithm verifies with the secret that signs.
pub(super) fn is_symmetric(algorithm: Algorithm) -> bool {
    algorithm.family() == AlgorithmFamily::Hmac
}

// === impl Key ===

impl Key {
    /// A public key whose kind and algorithms the caller has checked.
    pub(super) fn new(id: Option<String>, algorithms: Vec<Algorithm>, key: DecodingKey) -> Self {
        Self { id, algorithms, material: Material::Public(key) }
    }

    fn secret(bytes: &[u8]) -> Self {
        let prepared = [
            (Algorithm::HS256, hmac::HMAC_SHA256),
            (Algorithm::HS384, hmac::HMAC_SHA384),
            (Algorithm::HS512, hmac::HMAC_SHA512),
        ];
        Self {
            id: None,
            algorithms: prepared.iter().map(|(algorithm, _)| *algorithm).collect(),
            material: Material::Secret(
                prepared.map(|(algorithm, hash)| (algorithm, hmac::Key::new(hash, bytes))).into(),
            ),
        }
    }

    /// The keys that a shared secret's text stands for.
    pub(super) fn from_secret(secret: &[u8], form: SecretForm) -> Result<Vec<Self>, KeyError> {
        if secret.trim_ascii_start().starts_with(b"-----BEGIN ") {
            return Err(KeyError::PemSecret);
        }
        let decoded = decode_base64(secret);
        let forms = match form {
            SecretForm::Raw => vec![secret.to_vec()],
            SecretForm::Base64 => vec![decoded.ok_or(KeyError::NotBase64)?],
            SecretForm::Auto => std::iter::once(secret.to_vec()).chain(decoded).collect(),
        };
        Ok(forms.iter().map(|bytes| Self::secret(bytes)).collect())
    }

    /// Every public key and certificate of a PEM file.
    pub(super) fn from_pem(text: &[u8]) -> Result<Vec<Self>, KeyError> {
        let mut keys = Vec::new();
        for block in Pem::iter_from_buffer(text) {
            let block = block.map_err(|_| KeyError::Malformed)?;
            keys.push(match block.label.as_str() {
                "PUBLIC KEY" => Self::from_public(&parse::<SubjectPublicKeyInfo<'_>>(&block.contents)?)?,
                "CERTIFICATE" => Self::from_public(parse::<X509Certificate<'_>>(&block.contents)?.public_key())?,
                label if label.ends_with("PRIVATE KEY") => return Err(KeyError::Private),
                _ => return Err(KeyError::Unsupported),
            });
        }
        if keys.is_empty() { Err(KeyError::NoKey) } else { Ok(keys) }
    }

    fn from_public(info: &SubjectPublicKeyInfo<'_>) -> Result<Self, KeyError> {
        let bytes = info.subject_public_key.data.as_ref();
        let parameter =
            info.algorithm.parameters.as_ref().and_then(|any| any.as_oid().ok()).map(|oid| oid.to_id_string());
        let kind = info.algorithm.algorithm.to_id_string();
        let (algorithms, key) = match (kind.as_str(), parameter.as_deref()) {
            (RSA_ENCRYPTION | RSA_PSS, _) => {
                let Ok(PublicKey::RSA(rsa)) = info.parsed() else { return Err(KeyError::Malformed) };
                if !RSA_BITS.contains(&rsa.key_size()) {
                    return Err(KeyError::Unsupported);
                }
                let algorithms = if kind == RSA_PSS { &PSS[..] } else { AlgorithmFamily::Rsa.algorithms() };
                (algorithms.to_vec(), DecodingKey::from_rsa_der(bytes))
            }
            ("1.2.840.10045.2.1", Some("1.2.840.10045.3.1.7")) => {
                (vec![Algorithm::ES256], DecodingKey::from_ec_der(bytes))
            }
            ("1.2.840.10045.2.1", Some("1.3.132.0.34")) => (vec![Algorithm::ES384], DecodingKey::from_ec_der(bytes)),
            ("1.3.101.112", _) => (vec![Algorithm::EdDSA], DecodingKey::from_ed_der(bytes)),
            _ => return Err(KeyError::Unsupported),
        };
        Ok(Self::new(None, algorithms, key))
    }

    /// Whether it may verify a token that names this algorithm and key id. A key without an id may verify any.
    pub(super) fn serves(&self, algorithm: Algorithm, id: Option<&str>) -> bool {
        let same_id = match (&self.id, id) {
            (Some(own), Some(asked)) => own == asked,
            _ => true,
        };
        same_id && self.algorithms.contains(&algorithm)
    }

    /// Whether it was made from this `signature`'s private half or secret, over `message`.
    pub(super) fn verifies(&self, algorithm: Algorithm, message: &str, signature: &str) -> bool {
        match &self.material {
            // The library refuses a key of another family, too; that and a signature that is not base64 are its errors.
            Material::Public(key) => {
                jsonwebtoken::crypto::verify(signature, message.as_bytes(), key, algorithm).unwrap_or(false)
            }
            Material::Secret(prepared) => {
                let key = prepared.iter().find(|(own, _)| *own == algorithm).map(|(_, key)| key);
                let signature = URL_SAFE_NO_PAD.decode(signature);
                // In constant time.
                matches!((key, signature), (Some(key), Ok(tag)) if hmac::verify(key, message.as_bytes(), &tag).is_ok())
            }
        }
    }
}

fn parse<'a, T: FromDer<'a, x509_parser::error::X509Error>>(der: &'a [u8]) -> Result<T, KeyError> {
    T::from_der(der).map(|(_, value)| value).map_err(|_| KeyError::Malformed)
}

/// Base64 of either alphabet, padded or not, of at least one byte.
fn decode_base64(text: &[u8]) -> Option<Vec<u8>> {
    let lenient = GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true);
    [&alphabet::STANDARD, &alphabet::URL_SAFE]
        .into_iter()
        .find_map(|alphabet| GeneralPurpose::new(alphabet, lenient).decode(text).ok())
        .filter(|bytes| !bytes.is_empty())
}
