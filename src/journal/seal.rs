//! How bytes are sealed: AES-256-GCM-SIV, bound to where they belong, with the key's id and a version before them.

use std::sync::Arc;

use aws_lc_rs::aead::{AES_256_GCM_SIV, Aad, Nonce, RandomizedNonceKey};
use aws_lc_rs::hmac;
use zeroize::{Zeroize as _, Zeroizing};

use super::JournalError;
use crate::base::ids::random_bytes;
use crate::base::secret::Secret;

/// What names a key, without telling anything of it.
pub(super) type KeyId = [u8; 8];

/// The form of sealed bytes: version, key id, nonce, ciphertext with its tag.
const VERSION: u8 = 1;
const NONCE: usize = 12;
const PREFIX: usize = 1 + size_of::<KeyId>() + NONCE;

/// The least length of an operator's key, in bytes.
pub(super) const LEAST_KEY: usize = 16;

/// One key.
pub(super) struct Sealer {
    id: KeyId,
    key: RandomizedNonceKey,
}

/// The operator's keys: the first seals, any opens.
#[derive(Clone, Default)]
pub(super) struct Keyring(Vec<Arc<Sealer>>);

/// The parts of additional data, each after its length.
pub(super) fn bound_to(parts: &[&[u8]]) -> Vec<u8> {
    let mut all = Vec::with_capacity(parts.iter().map(|part| part.len() + 8).sum());
    for part in parts {
        all.extend_from_slice(&(part.len() as u64).to_be_bytes());
        all.extend_from_slice(part);
    }
    all
}

/// A code under a key, for ids and for keys of one purpose each.
pub(super) fn derive(key: &[u8], purpose: &str) -> Zeroizing<[u8; 32]> {
    let mut derived = Zeroizing::new([0; 32]);
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), purpose.as_bytes());
    derived.copy_from_slice(tag.as_ref());
    derived
}

// === impl Sealer ===

impl Sealer {
    /// A key of 32 random bytes, with its id.
    pub(super) fn of_key(id: KeyId, key: &[u8; 32]) -> Self {
        let key = RandomizedNonceKey::new(&AES_256_GCM_SIV, key).expect("32 bytes are a key of this algorithm");
        Self { id, key }
    }

    /// An operator's key. It may have any length, for what seals is derived of it.
    fn of_secret(secret: &Secret) -> Self {
        let id = derive(secret.expose(), "hookreeve journal key id 1");
        let mut short = KeyId::default();
        short.copy_from_slice(&id[..8]);
        Self::of_key(short, &derive(secret.expose(), "hookreeve journal seal 1"))
    }

    /// A new random key: itself and its bytes.
    pub(super) fn random() -> (Self, Zeroizing<[u8; 32]>) {
        let bytes = Zeroizing::new(random_bytes::<32>());
        (Self::of_key(random_bytes(), &bytes), bytes)
    }

    pub(super) fn id(&self) -> KeyId {
        self.id
    }

    /// Seals `plain`, which is wiped.
    pub(super) fn seal(&self, mut plain: Vec<u8>, aad: &[u8]) -> Vec<u8> {
        let mut sealed = Vec::with_capacity(PREFIX + plain.len() + 16);
        sealed.push(VERSION);
        sealed.extend_from_slice(&self.id);
        sealed.extend_from_slice(&[0; NONCE]);
        sealed.extend_from_slice(&plain);
        plain.zeroize();
        let mut body = sealed.split_off(PREFIX);
        let nonce = self.key.seal_in_place_append_tag(Aad::from(aad), &mut body);
        // It fails only for more bytes than a body may have by far.
        let nonce = nonce.expect("so few bytes can be sealed");
        sealed[PREFIX - NONCE..].copy_from_slice(nonce.as_ref());
        sealed.extend_from_slice(&body);
        sealed
    }

    /// Opens what [`Sealer::seal`] sealed.
    pub(super) fn open(&self, sealed: &[u8], aad: &[u8], what: &'static str) -> Result<Vec<u8>, JournalError> {
        let damaged = || JournalError::Unsealed { what };
        if key_id(sealed) != Some(self.id) {
            return Err(JournalError::KeyMissing { what });
        }
        let nonce = Nonce::try_assume_unique_for_key(&sealed[PREFIX - NONCE..PREFIX]).map_err(|_| damaged())?;
        let mut body = sealed[PREFIX..].to_vec();
        let plain = self.key.open_in_place(nonce, Aad::from(aad), &mut body).map_err(|_| damaged())?.len();
        body.truncate(plain);
        Ok(body)
    }
}

/// The id of the key that sealed these bytes.
pub(super) fn key_id(sealed: &[u8]) -> Option<KeyId> {
    let (version, rest) = sealed.split_first()?;
    (*version == VERSION && sealed.len() >= PREFIX).then(|| rest.first_chunk().copied()).flatten()
}

// === impl Keyring ===

impl Keyring {
    /// A ring of these keys, the first of which seals.
    pub(super) fn new(secrets: &[Secret]) -> Self {
        Self(secrets.iter().map(|secret| Arc::new(Sealer::of_secret(secret))).collect())
    }

    /// The key that seals.
    pub(super) fn current(&self) -> Option<&Arc<Sealer>> {
        self.0.first()
    }

    /// Opens with whichever key sealed.
    pub(super) fn open(&self, sealed: &[u8], aad: &[u8], what: &'static str) -> Result<Vec<u8>, JournalError> {
        let id = key_id(sealed).ok_or(JournalError::Unsealed { what })?;
        let sealer = self.0.iter().find(|sealer| sealer.id == id).ok_or(JournalError::KeyMissing { what })?;
        sealer.open(sealed, aad, what)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sealed_opens_under_its_key_and_at_its_place_only() {
        let (a, b) =
            (Keyring::new(&[Secret::new("a key of the operator")]), Keyring::new(&[Secret::new("another key")]));
        let (Some(first), Some(second)) = (a.current(), b.current()) else { panic!("both have a key") };
        let sealed = first.seal(b"hunter2".to_vec(), b"here");
        assert!(!sealed.windows(7).any(|window| window == b"hunter2"));
        assert_eq!(a.open(&sealed, b"here", "it").ok(), Some(b"hunter2".to_vec()));
        assert!(matches!(a.open(&sealed, b"there", "it"), Err(JournalError::Unsealed { .. })));
        assert!(matches!(b.open(&sealed, b"here", "it"), Err(JournalError::KeyMissing { .. })));
        let both = Keyring(vec![second.clone(), first.clone()]);
        assert_eq!(both.open(&sealed, b"here", "it").ok(), Some(b"hunter2".to_vec()));
        for (index, _) in sealed.iter().enumerate() {
            let mut changed = sealed.clone();
            changed[index] ^= 1;
            assert!(a.open(&changed, b"here", "it").is_err(), "byte {index}");
        }
        for length in 0..sealed.len() {
            assert!(a.open(&sealed[..length], b"here", "it").is_err(), "{length} bytes");
        }
    }
}
