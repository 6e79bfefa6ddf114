//! Signed tokens: taken apart here, verified with prepared keys, and only then read.

use std::borrow::Cow;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::Algorithm;
use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny};

use super::claims::Claims;
use super::denied::DeniedReason;
use super::keys::Key;
use super::source::Source;
use crate::base::clock::Clock;

/// The longest token that is taken, in bytes.
pub(super) const MAX_TOKEN_BYTES: usize = 8 * 1024;

/// What verifies tokens.
#[derive(Debug)]
pub(super) struct Verifier {
    pub(super) algorithms: Vec<Algorithm>,
    pub(super) keys: Keys,
    pub(super) published: Option<Source>,
    pub(super) leeway: Duration,
    pub(super) tenants: Vec<String>,
    pub(super) clock: Clock,
}

/// The keys that the configuration names, and which of them held last: it is tried first.
#[derive(Debug, Default)]
pub(super) struct Keys {
    keys: Vec<Key>,
    last: AtomicUsize,
}

/// A token that nobody has verified yet.
struct Token<'a> {
    algorithm: Algorithm,
    key_id: Option<String>,
    message: &'a str,
    payload: &'a str,
    signature: &'a str,
}

/// A token's header, as far as it is looked at.
#[derive(Deserialize)]
struct Header<'a> {
    #[serde(borrow)]
    alg: Cow<'a, str>,
    kid: Option<String>,
    #[serde(default, deserialize_with = "present")]
    crit: bool,
}

impl Verifier {
    /// The claims of a token whose signature holds, for now and for this tenant.
    pub(super) async fn verify(&self, text: &str) -> Result<Claims, DeniedReason> {
        let token = Token::parse(text)?;
        if !self.algorithms.contains(&token.algorithm) {
            return Err(DeniedReason::UnsupportedAlgorithm);
        }
        let mut outcome = self.keys.verify(&token);
        if let (Err(_), Some(published)) = (outcome, &self.published) {
            let keys = published.keys(token.algorithm, token.key_id.as_deref()).await?;
            outcome = verify_with(keys.iter(), &token).map(|_| ());
        }
        outcome?;
        let payload = URL_SAFE_NO_PAD.decode(token.payload).map_err(|_| DeniedReason::MalformedToken)?;
        Claims::read(payload, self.clock.now(), self.leeway, &self.tenants)
    }
}

/// The index of the first key that verifies the token.
fn verify_with<'k>(keys: impl Iterator<Item = &'k Key>, token: &Token<'_>) -> Result<usize, DeniedReason> {
    let mut reason = DeniedReason::UnknownKey;
    for (index, key) in keys.enumerate() {
        if !key.serves(token.algorithm, token.key_id.as_deref()) {
            continue;
        }
        if key.verifies(token.algorithm, token.message, token.signature) {
            return Ok(index);
        }
        reason = DeniedReason::BadSignature;
    }
    Err(reason)
}

// === impl Keys ===

impl Keys {
    pub(super) fn new(keys: Vec<Key>) -> Self {
        Self { keys, last: AtomicUsize::new(0) }
    }

    /// Whether any of them is for `algorithm`.
    pub(super) fn serve(&self, algorithm: Algorithm) -> bool {
        self.keys.iter().any(|key| key.serves(algorithm, None))
    }

    fn verify(&self, token: &Token<'_>) -> Result<(), DeniedReason> {
        // Relaxed: a stale index costs one more try, nothing else.
        let first = self.last.load(Ordering::Relaxed);
        let (before, from) = self.keys.split_at(first.min(self.keys.len()));
        let index = verify_with(from.iter().chain(before), token)?;
        if index > 0 {
            self.last.store((first + index) % self.keys.len(), Ordering::Relaxed);
        }
        Ok(())
    }
}

// === impl Token ===

impl<'a> Token<'a> {
    fn parse(text: &'a str) -> Result<Self, DeniedReason> {
        if text.len() > MAX_TOKEN_BYTES {
            return Err(DeniedReason::OversizedToken);
        }
        let malformed = DeniedReason::MalformedToken;
        let (message, signature) = text.rsplit_once('.').ok_or(malformed)?;
        let (header, payload) = message.split_once('.').ok_or(malformed)?;
        if payload.contains('.') {
            return Err(malformed);
        }
        let header = URL_SAFE_NO_PAD.decode(header).map_err(|_| malformed)?;
        if !header.trim_ascii_start().starts_with(b"{") {
            return Err(malformed);
        }
        let header: Header<'_> = serde_json::from_slice(&header).map_err(|_| malformed)?;
        if header.crit {
            return Err(DeniedReason::CritHeader);
        }
        let algorithm = header.alg.parse().map_err(|_| DeniedReason::UnsupportedAlgorithm)?;
        Ok(Self { algorithm, key_id: header.kid, message, payload, signature })
    }
}

/// A key that is there counts, whatever its value.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    IgnoredAny::deserialize(deserializer).map(|_| true)
}
