//! A text that is a secret with something in front of it: `{ env = "TOKEN", prefix = "Bearer " }`.

use std::fmt;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Deserialize;
use serde::de::{self, Deserializer, MapAccess, Visitor};

use super::{Secret, SecretError, SecretRef, SecretSource, VariableName};

/// Where a secret is kept, and what stands in front of it where it is used.
#[derive(Clone, Debug, PartialEq, Eq, Hash, JsonSchema)]
#[schemars(extend("format" = "secret"))]
pub struct SecretText {
    /// Where it is kept.
    #[serde(flatten)]
    pub place: SecretRef,
    /// What stands in front of it. Default: nothing.
    #[schemars(default)]
    pub prefix: String,
}

/// A text, or a secret's place.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(untagged, expecting = "expected a text, or a secret's place as { env = \"NAME\" } or { file = \"path\" }")]
pub enum TextOrSecret {
    /// A text with `${CEL}`.
    Text(String),
    /// A secret, taken as it is.
    Secret(SecretText),
}

impl SecretText {
    /// The secret, with what stands in front of it.
    pub fn resolve(&self, source: &dyn SecretSource) -> Result<Secret, SecretError> {
        let secret = source.resolve(&self.place)?;
        if self.prefix.is_empty() {
            return Ok(secret);
        }
        Ok(Secret::new([self.prefix.as_bytes(), secret.expose()].concat()))
    }
}

const EXPECTED: &str = "{ env = \"NAME\" } or { file = \"path\" }, with a `prefix` if need be: a secret is never in the configuration itself";

struct TextVisitor;

impl<'de> Visitor<'de> for TextVisitor {
    type Value = SecretText;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(EXPECTED)
    }

    fn visit_str<E: de::Error>(self, _: &str) -> Result<SecretText, E> {
        Err(E::custom(format_args!("expected {EXPECTED}")))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<SecretText, A::Error> {
        let one = || de::Error::custom(format_args!("expected one of {EXPECTED}"));
        let (mut place, mut prefix) = (None, String::new());
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "env" | "file" if place.is_some() => return Err(one()),
                "env" => place = Some(SecretRef::Env(map.next_value::<VariableName>()?.0)),
                "file" => place = Some(SecretRef::File(map.next_value::<PathBuf>()?)),
                "prefix" => prefix = map.next_value()?,
                other => return Err(de::Error::unknown_field(other, &["env", "file", "prefix"])),
            }
        }
        Ok(SecretText { place: place.ok_or_else(one)?, prefix })
    }
}

impl<'de> Deserialize<'de> for SecretText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TextVisitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_may_have_something_in_front_of_it() {
        let read = |json| serde_json::from_str::<SecretText>(json).map_err(|error| error.to_string());
        let text = |prefix: &str| SecretText { place: SecretRef::Env("A".into()), prefix: prefix.into() };
        assert_eq!(read(r#"{"env":"A","prefix":"Bearer "}"#), Ok(text("Bearer ")));
        assert_eq!(read(r#"{"env":"A"}"#), Ok(text("")));
        for json in [r#""hunter2!""#, r#"{"env":"hunter2!"}"#, r#"{"prefix":"hunter2!"}"#, r#"{"env":"A","file":"b"}"#]
        {
            let error = read(json).expect_err(json);
            assert!(!error.contains("hunter2!"), "{error}");
        }
    }

    #[test]
    fn the_schema_marks_secrets_and_files() {
        let schema = schemars::schema_for!(SecretText).to_value().to_string();
        assert!(schema.contains(r#""format":"secret""#) && schema.contains(r#""format":"file""#), "{schema}");
    }
}
