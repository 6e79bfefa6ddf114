//! Secrets: where they are named in a configuration, and the value that cannot be printed.

use std::fmt;
use std::path::PathBuf;

use schemars::JsonSchema;
use secrecy::{ExposeSecret, SecretSlice};
use serde::Deserialize;

/// A secret's bytes. It prints as `***` and is wiped when dropped.
#[derive(Clone)]
pub struct Secret(SecretSlice<u8>);

impl Secret {
    /// Takes the bytes over.
    pub fn new(bytes: impl Into<Vec<u8>>) -> Self {
        Self(SecretSlice::from(bytes.into()))
    }

    /// The bytes. Hand them to a verifier, never to a formatter.
    pub fn expose(&self) -> &[u8] {
        self.0.expose_secret()
    }

    /// Whether `other` is the same bytes, in a time that tells nothing of where they differ.
    pub fn matches(&self, other: &[u8]) -> bool {
        // Digests of equal length, so that not even the secret's length shows in the time.
        use aws_lc_rs::{constant_time, digest};
        let own = digest::digest(&digest::SHA256, self.expose());
        let theirs = digest::digest(&digest::SHA256, other);
        constant_time::verify_slices_are_equal(own.as_ref(), theirs.as_ref()).is_ok()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// Where a secret is kept: `{ env = "NAME" }` or `{ file = "path" }`. It is never in the configuration itself.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub enum SecretRef {
    /// An environment variable's name.
    Env(String),
    /// A file's path, relative to the configuration file that names it. One line break at its end is not part of the secret.
    File(PathBuf),
}

impl fmt::Display for SecretRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Env(name) => write!(f, "environment variable {name}"),
            Self::File(path) => write!(f, "file {}", path.display()),
        }
    }
}

/// One secret or several, of which any counts: during a rotation the old and the new.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum SecretRefs {
    /// The only one.
    One(SecretRef),
    /// All that count now.
    Many(Vec<SecretRef>),
}

impl SecretRefs {
    /// Each of them.
    pub fn iter(&self) -> std::slice::Iter<'_, SecretRef> {
        match self {
            Self::One(one) => std::slice::from_ref(one).iter(),
            Self::Many(many) => many.iter(),
        }
    }
}

/// Why a secret could not be had. It names the place, never a value.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The environment has no such variable, or it is empty.
    #[error("{0} is not set or empty")]
    Missing(SecretRef),
    /// The file could not be read.
    #[error("{place} could not be read: {source}")]
    Unreadable {
        /// The secret's place.
        place: SecretRef,
        /// What the operating system said.
        source: std::io::Error,
    },
}

/// Whoever can look a secret up; `config` is the only implementation outside tests.
pub trait SecretSource {
    /// The secret that is kept at `place`.
    fn resolve(&self, place: &SecretRef) -> Result<Secret, SecretError>;
}
