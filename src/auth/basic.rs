//! Names and passwords of which only Argon2 hashes are known.
//!
//! A hash is made slow on purpose: tens of milliseconds for each password that is tried. So at most two are tried at once,
//! away from the threads that answer others; and a password that has held is known again by a digest under a key that lives
//! no longer than the process, so that an honest sender pays once.

use std::sync::{Mutex, PoisonError};

use argon2::password_hash::{PasswordHash, PasswordHasher as _, PasswordVerifier as _, SaltString};
use argon2::{Algorithm, Argon2, Params, Version};
use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tokio::sync::Semaphore;

use crate::base::ids::random_bytes;

/// How many passwords are tried at once.
const AT_ONCE: usize = 2;
/// How long a credential may be, in bytes of its base64.
const MAX_CREDENTIAL_BYTES: usize = 1024;
/// How many that have held are known again.
const MAX_KNOWN: usize = 64;
/// What a hash may cost: as much memory, in KiB, and as many rounds.
const MAX_MEMORY_KIB: u32 = 256 * 1024;
const MAX_ROUNDS: u32 = 16;

/// Why a text is no hash of a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PasswordError {
    /// Not in the form of such hashes.
    #[error("this is no Argon2 hash")]
    Form,
    /// It is another function's.
    #[error("this is a hash of another function than Argon2")]
    Function,
    /// To compute it takes more than a request may.
    #[error("this hash takes more memory or rounds than are allowed")]
    Cost,
    /// There is no password.
    #[error("the password is empty")]
    Empty,
}

/// Names with the hashes of their passwords.
#[derive(Debug)]
pub(super) struct Passwords {
    known: Vec<(String, String)>,
    /// Stands in for a name that nobody has, so that the time tells nothing.
    nobody: String,
    turns: Semaphore,
    key: hmac::Key,
    held: Mutex<Vec<[u8; 32]>>,
}

impl Passwords {
    /// Whether a text is a hash that can be taken.
    pub(super) fn check(text: &str) -> Result<(), PasswordError> {
        let hash = PasswordHash::new(text.trim()).map_err(|_| PasswordError::Form)?;
        Algorithm::try_from(hash.algorithm).map_err(|_| PasswordError::Function)?;
        let params = Params::try_from(&hash).map_err(|_| PasswordError::Form)?;
        if hash.hash.is_none() || hash.salt.is_none() {
            return Err(PasswordError::Form);
        }
        if params.m_cost() > MAX_MEMORY_KIB || params.t_cost() > MAX_ROUNDS {
            return Err(PasswordError::Cost);
        }
        Ok(())
    }

    /// Hashes that were checked, by name.
    pub(super) fn new(known: Vec<(String, String)>) -> Self {
        let nobody = known.first().map_or_else(String::new, |(_, hash)| hash.clone());
        Self {
            known,
            nobody,
            turns: Semaphore::new(AT_ONCE),
            key: hmac::Key::new(hmac::HMAC_SHA256, &random_bytes::<32>()),
            held: Mutex::default(),
        }
    }

    /// Whether a credential, `user:password` in base64, holds.
    pub(super) async fn verify(&self, credential: &str) -> bool {
        if credential.len() > MAX_CREDENTIAL_BYTES {
            return false;
        }
        let mut digest = [0; 32];
        digest.copy_from_slice(hmac::sign(&self.key, credential.as_bytes()).as_ref());
        if self.held().contains(&digest) {
            return true;
        }
        let Some((user, password)) = STANDARD.decode(credential).ok().and_then(|bytes| {
            let text = String::from_utf8(bytes).ok()?;
            text.split_once(':').map(|(user, password)| (user.to_owned(), password.to_owned()))
        }) else {
            return false;
        };
        let found = self.known.iter().find(|(name, _)| name.eq_ignore_ascii_case(&user));
        let (hash, is_known) = found.map_or((&self.nobody, false), |(_, hash)| (hash, true));
        let hash = hash.clone();
        let Ok(_turn) = self.turns.acquire().await else { return false };
        let tried = tokio::task::spawn_blocking(move || {
            PasswordHash::new(hash.trim())
                .is_ok_and(|hash| Argon2::default().verify_password(password.as_bytes(), &hash).is_ok())
        });
        let holds = tried.await.unwrap_or(false) && is_known;
        if holds {
            let mut held = self.held();
            if held.len() >= MAX_KNOWN {
                held.remove(0);
            }
            held.push(digest);
        }
        holds
    }

    fn held(&self) -> std::sync::MutexGuard<'_, Vec<[u8; 32]>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The hash of a password, as `[auth] basic` takes it: Argon2id with the parameters that OWASP recommends, 19 MiB and two
/// rounds.
pub fn hash_password(password: &[u8]) -> Result<String, PasswordError> {
    if password.is_empty() {
        return Err(PasswordError::Empty);
    }
    let params = Params::new(19 * 1024, 2, 1, None).map_err(|_| PasswordError::Cost)?;
    let salt = SaltString::encode_b64(&random_bytes::<16>()).map_err(|_| PasswordError::Form)?;
    let argon = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    argon.hash_password(password, &salt).map(|hash| hash.to_string()).map_err(|_| PasswordError::Form)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn credential(user: &str, password: &str) -> String {
        STANDARD.encode(format!("{user}:{password}"))
    }

    #[tokio::test]
    async fn only_the_right_password_of_the_right_name_holds() {
        let hash = hash_password(b"correct: horse").expect("a hash");
        assert_eq!(Passwords::check(&hash), Ok(()));
        let passwords = Passwords::new(vec![("svc@corp.example".to_owned(), hash)]);
        for _ in 0..2 {
            assert!(passwords.verify(&credential("svc@corp.example", "correct: horse")).await);
        }
        for (user, password) in [("svc@corp.example", "correct"), ("nobody", "correct: horse"), ("", "")] {
            assert!(!passwords.verify(&credential(user, password)).await, "{user}");
        }
        assert!(!passwords.verify("not base64").await);
        assert!(!passwords.verify(&"A".repeat(5000)).await);
        assert!(!Passwords::new(Vec::new()).verify(&credential("a", "b")).await);
    }

    #[test]
    fn what_is_no_hash_or_too_dear_is_refused() {
        assert_eq!(Passwords::check("hunter2"), Err(PasswordError::Form));
        let bcrypt = "$2b$12$EXRkfkdmXn2gzds2SSitu.MW9.gAVqa9eLS1//RYtYCWB1eLHg.9q";
        assert!(Passwords::check(bcrypt).is_err());
        let pbkdf2 = "$pbkdf2-sha256$i=10000,l=32$c2FsdHNhbHQ$AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";
        assert_eq!(Passwords::check(pbkdf2), Err(PasswordError::Function));
        let dear = "$argon2id$v=19$m=4194304,t=2,p=1$c2FsdHNhbHQ$AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";
        assert_eq!(Passwords::check(dear), Err(PasswordError::Cost));
        assert_eq!(hash_password(b""), Err(PasswordError::Empty));
    }
}
