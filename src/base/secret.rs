//! Secrets: where they are named in a configuration, and the value that cannot be printed.

mod text;

use std::fmt;
use std::path::PathBuf;

use schemars::JsonSchema;
use secrecy::{ExposeSecret, SecretSlice};
use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

pub use text::{SecretText, TextOrSecret};

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
#[derive(Clone, Debug, PartialEq, Eq, Hash, JsonSchema)]
#[schemars(rename_all = "lowercase", extend("format" = "secret"))]
pub enum SecretRef {
    /// An environment variable's name.
    Env(String),
    /// A file's path, relative to the configuration file that names it. One line break at its end is not part of the secret.
    File(#[schemars(extend("format" = "file"))] PathBuf),
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
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema)]
#[schemars(untagged, extend("format" = "secret"))]
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

impl<'a> IntoIterator for &'a SecretRefs {
    type Item = &'a SecretRef;
    type IntoIter = std::slice::Iter<'a, SecretRef>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// Why a secret could not be had. It names the place, never a value.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The environment has no variable of this name.
    #[error("environment variable {0} is not set")]
    Unset(String),
    /// There is nothing in it.
    #[error("{0} is empty")]
    Empty(SecretRef),
    /// The file could not be read.
    #[error("{place} could not be read: {source}")]
    Unreadable {
        /// The secret's place.
        place: SecretRef,
        /// What the operating system said.
        source: std::io::Error,
    },
}

impl SecretError {
    /// What the operator can do about it.
    pub fn remedy(&self) -> String {
        match self {
            Self::Unset(name) | Self::Empty(SecretRef::Env(name)) => {
                format!(
                    "set it where the server is started: `export {name}=…` in a shell, `--env {name}` for a container"
                )
            }
            Self::Empty(SecretRef::File(_)) | Self::Unreadable { .. } => {
                "write the secret to this file, readable for the server".to_owned()
            }
        }
    }
}

/// Whoever can look a secret up; `config` is the only implementation outside tests.
pub trait SecretSource {
    /// The secret that is kept at `place`.
    fn resolve(&self, place: &SecretRef) -> Result<Secret, SecretError>;
}

// === impl Deserialize: by hand, so that no message can repeat a secret that was written in place of its name ===

const EXPECTED: &str = "{ env = \"NAME\" } or { file = \"path\" }: a secret is never in the configuration itself";

struct RefVisitor;

impl<'de> Visitor<'de> for RefVisitor {
    type Value = SecretRef;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(EXPECTED)
    }

    fn visit_str<E: de::Error>(self, _: &str) -> Result<SecretRef, E> {
        Err(E::custom(format_args!("expected {EXPECTED}")))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<SecretRef, A::Error> {
        let one = || de::Error::custom(format_args!("expected one of {EXPECTED}"));
        let found = match map.next_key::<String>()?.as_deref() {
            Some("env") => SecretRef::Env(map.next_value::<VariableName>()?.0),
            Some("file") => SecretRef::File(map.next_value()?),
            Some(other) => return Err(de::Error::unknown_field(other, &["env", "file"])),
            None => return Err(one()),
        };
        match map.next_key::<String>()?.as_deref() {
            None => Ok(found),
            Some("env" | "file") => Err(one()),
            Some(other) => Err(de::Error::unknown_field(other, &["env", "file"])),
        }
    }
}

impl<'de> Deserialize<'de> for SecretRef {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RefVisitor)
    }
}

struct RefsVisitor;

impl<'de> Visitor<'de> for RefsVisitor {
    type Value = SecretRefs;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "one or a list of {EXPECTED}")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<SecretRefs, E> {
        RefVisitor.visit_str(text).map(SecretRefs::One)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<SecretRefs, A::Error> {
        RefVisitor.visit_map(map).map(SecretRefs::One)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<SecretRefs, A::Error> {
        let mut all = Vec::new();
        while let Some(one) = list.next_element()? {
            all.push(one);
        }
        if all.is_empty() {
            return Err(de::Error::custom("this list of secrets is empty"));
        }
        Ok(SecretRefs::Many(all))
    }
}

impl<'de> Deserialize<'de> for SecretRefs {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RefsVisitor)
    }
}

/// A name, and not the secret itself pasted in its place.
struct VariableName(String);

impl<'de> Deserialize<'de> for VariableName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        let plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        if plain && name.starts_with(|first: char| !first.is_ascii_digit()) {
            Ok(Self(name))
        } else {
            Err(de::Error::custom("expected a variable's name: letters, digits and _, not beginning with a digit"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Result<SecretRefs, String> {
        serde_json::from_str(json).map_err(|error| error.to_string())
    }

    #[test]
    fn a_secret_is_named_by_variable_or_file_alone_or_in_a_list() {
        let env = SecretRef::Env("A_1".into());
        let file = SecretRef::File("a/b".into());
        assert_eq!(read(r#"{"env":"A_1"}"#), Ok(SecretRefs::One(env.clone())));
        assert_eq!(read(r#"[{"env":"A_1"},{"file":"a/b"}]"#), Ok(SecretRefs::Many(vec![env, file])));
    }

    #[test]
    fn a_secret_written_in_place_of_its_name_is_refused_and_not_repeated() {
        for json in [
            r#""hunter2!""#,
            r#"["hunter2!"]"#,
            r#"{"env":"hunter2!"}"#,
            r#"{"value":"hunter2!"}"#,
            r#"{"env":"A","file":"hunter2!"}"#,
            r#"{"env":"A","value":"hunter2!"}"#,
            "[]",
            "{}",
        ] {
            let error = read(json).expect_err(json);
            assert!(!error.contains("hunter2!"), "{error}");
        }
    }

    #[test]
    fn the_schema_marks_secrets_and_files() {
        let schema = schemars::schema_for!(SecretRefs);
        assert_eq!(schema.get("format").and_then(|format| format.as_str()), Some("secret"));
        let text = schema.to_value().to_string();
        assert!(text.contains(r#""file":{"type":"string","format":"file"}"#), "{text}");
    }
}
