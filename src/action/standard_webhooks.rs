//! Standard Webhooks: signatures by which a target can tell that a request is ours, new, and whole.
//!
//! Source: the Standard Webhooks specification 1.0, its symmetric scheme (`v1`, HMAC-SHA256).

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::base::secret::Secret;

/// The keys that sign now; during a rotation the old one and the new one.
pub(super) struct Signer(Vec<hmac::Key>);

/// Why a secret is no key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum KeyError {
    #[error("a key of Standard Webhooks begins with `whsec_`")]
    Prefix,
    #[error("what follows `whsec_` is no base64")]
    Base64,
    #[error("a key of Standard Webhooks has 24 to 64 bytes")]
    Length,
}

impl Signer {
    /// Signs with each of these keys.
    pub(super) fn new(keys: Vec<hmac::Key>) -> Self {
        Self(keys)
    }

    /// The headers of a request with this body. The id is the same at each attempt, the time is the attempt's.
    pub(super) fn headers(&self, id: &str, unix_seconds: i64, body: &[u8]) -> [(&'static str, String); 3] {
        let signatures: Vec<String> = self.0.iter().map(|key| signature(key, id, unix_seconds, body)).collect();
        [
            ("webhook-id", id.to_owned()),
            ("webhook-timestamp", unix_seconds.to_string()),
            ("webhook-signature", signatures.join(" ")),
        ]
    }
}

/// Reads `whsec_` and base64.
pub(super) fn key(secret: &Secret) -> Result<hmac::Key, KeyError> {
    let encoded = secret.expose().trim_ascii().strip_prefix(b"whsec_").ok_or(KeyError::Prefix)?;
    let bytes = Secret::new(STANDARD.decode(encoded).map_err(|_| KeyError::Base64)?);
    if !(24..=64).contains(&bytes.expose().len()) {
        return Err(KeyError::Length);
    }
    Ok(hmac::Key::new(hmac::HMAC_SHA256, bytes.expose()))
}

fn signature(key: &hmac::Key, id: &str, unix_seconds: i64, body: &[u8]) -> String {
    let mut context = hmac::Context::with_key(key);
    context.update(format!("{id}.{unix_seconds}.").as_bytes());
    context.update(body);
    format!("v1,{}", STANDARD.encode(context.sign()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEYS: [&str; 2] = [
        "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX",
        "whsec_ZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXp7fH1+f4CBgoOEhYaHiImKi4yNjo+QkZKTlJWWl5iZmpucnZ6foKGiow==",
    ];

    fn signer(keys: &[&str]) -> Signer {
        Signer::new(keys.iter().map(|text| key(&Secret::new(*text)).expect("a key")).collect())
    }

    #[test]
    fn the_published_vector_is_signed_as_published() {
        let signer = signer(&["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"]);
        let headers = signer.headers("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, br#"{"test": 2432232314}"#);
        assert_eq!(
            headers,
            [
                ("webhook-id", "msg_p5jXN8AQM9LWM0D4loKWxJek".to_owned()),
                ("webhook-timestamp", "1614265330".to_owned()),
                ("webhook-signature", "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=".to_owned()),
            ]
        );
    }

    #[test]
    fn each_key_signs() {
        // Computed with another implementation of HMAC.
        let [.., (_, signatures)] = signer(&KEYS).headers("018f_a", 1_795_249_800, "{\"a\":\"é\"}".as_bytes());
        assert_eq!(
            signatures,
            "v1,r0BI96l5zqKIJp1+a6CAt+0eedmvBgR686QrKf35oLk= v1,3ccDdXhUsCHWv43xGsX/pil0Nyfk3Mqn4tRF1tThGso="
        );
        let [.., (_, empty)] = signer(&KEYS[..1]).headers("018f_a", 0, b"");
        assert_eq!(empty, "v1,o3IBexGxWzRDKfw8UPf232AqaLMNjGZ/kccrV0wH9Jo=");
    }

    #[test]
    fn a_secret_that_is_no_key_is_refused() {
        let long = format!("whsec_{}", STANDARD.encode([0; 65]));
        let short = format!("whsec_{}", STANDARD.encode([0; 23]));
        for (text, expected) in [
            ("AAECAwQFBgcICQoLDA0ODxAREhMUFRYX", KeyError::Prefix),
            ("whsk_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX", KeyError::Prefix),
            ("whsec_A*ECAwQFBgcICQoLDA0ODxAREhMUFRYX", KeyError::Base64),
            (&long, KeyError::Length),
            (&short, KeyError::Length),
            ("whsec_", KeyError::Length),
        ] {
            assert_eq!(key(&Secret::new(text)).err(), Some(expected), "{text}");
        }
        assert!(key(&Secret::new("whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX\n")).is_ok());
    }
}
