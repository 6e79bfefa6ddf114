//! How log lines name a person: by a keyed hash, which whoever has the key can compute for a login and nobody can undo.

use std::sync::Arc;

use aws_lc_rs::hmac;

use crate::base::ids::hex;
use crate::base::secret::Secret;

/// Makes pseudonyms.
#[derive(Clone)]
pub struct Pseudonyms(Arc<hmac::Key>);

/// How log lines name persons.
#[derive(Clone)]
pub enum PersonName {
    /// By a pseudonym.
    Pseudonym(Pseudonyms),
    /// By their key, in clear.
    Key,
    /// Not at all.
    None,
}

impl Pseudonyms {
    /// Pseudonyms under this key.
    pub fn new(key: &Secret) -> Self {
        Self(Arc::new(hmac::Key::new(hmac::HMAC_SHA256, key.expose())))
    }

    /// The pseudonym for a person's key, which is in its normal form: `p-` and 16 hex digits.
    pub fn of(&self, key: &str) -> String {
        let tag = hmac::sign(&self.0, key.as_bytes());
        format!("p-{}", hex(&tag.as_ref()[..8]))
    }
}

impl PersonName {
    /// The name for a person's key; empty where persons are not named.
    pub fn of(&self, key: &str) -> String {
        match self {
            Self::Pseudonym(pseudonyms) => pseudonyms.of(key),
            Self::Key => key.to_owned(),
            Self::None => String::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pseudonym_depends_on_key_and_person() {
        let (a, b) = (Pseudonyms::new(&Secret::new("a")), Pseudonyms::new(&Secret::new("b")));
        assert_eq!(a.of("shreyash2"), a.of("shreyash2"));
        assert_ne!(a.of("shreyash2"), b.of("shreyash2"));
        assert_ne!(a.of("shreyash2"), a.of("shreyash3"));
        assert_eq!(a.of("x").len(), 18);
    }
}
