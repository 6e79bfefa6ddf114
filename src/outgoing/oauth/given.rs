//! What a token's server says: a token with its end (RFC 6749, section 5.1), or why there is none (section 5.2).

use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;

use crate::base::secret::Secret;

/// A token as it was given.
pub(super) struct Given {
    pub(super) bare: Secret,
    /// How long it counts, where that is told.
    pub(super) lives: Option<Duration>,
}

/// The words in which a server says why there is no token.
const ERRORS: [&str; 6] = [
    "invalid_request",
    "invalid_client",
    "invalid_grant",
    "unauthorized_client",
    "unsupported_grant_type",
    "invalid_scope",
];

/// No token is believed to live longer.
const MAX_LIFE: Duration = Duration::from_secs(24 * 3600);

#[derive(Deserialize)]
struct Said {
    access_token: Option<String>,
    token_type: Option<String>,
    expires_in: Option<Value>,
}

impl Given {
    pub(super) fn parse(said: &[u8]) -> Result<Self, &'static str> {
        let said: Said = serde_json::from_slice(said).map_err(|_| "the answer is no JSON object")?;
        let token = said.access_token.filter(|token| !token.is_empty()).ok_or("the answer holds no `access_token`")?;
        if said.token_type.is_some_and(|kind| !kind.eq_ignore_ascii_case("bearer")) {
            return Err("the token is of another type than Bearer");
        }
        let seconds = said.expires_in.and_then(|seconds| match seconds {
            Value::Number(number) => number.as_f64(),
            // As some write it.
            Value::String(text) => text.trim().parse().ok(),
            Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
        });
        let lives = seconds.map(|seconds| Duration::try_from_secs_f64(seconds.max(0.0)).unwrap_or(MAX_LIFE));
        Ok(Self { bare: Secret::new(token), lives: lives.map(|lives| lives.min(MAX_LIFE)) })
    }
}

/// The word that says why there is no token, where it is one of RFC 6749.
pub(super) fn error(said: &[u8]) -> Option<&'static str> {
    let said: Value = serde_json::from_slice(said).ok()?;
    let word = said.get("error")?.as_str()?;
    ERRORS.into_iter().find(|known| *known == word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_read_with_its_end_and_nothing_else_is_one() {
        for (said, expected) in [
            (r#"{"access_token":"t","token_type":"Bearer","expires_in":60}"#, Ok(Some(60))),
            (r#"{"access_token":"t","token_type":"bearer","expires_in":"60"}"#, Ok(Some(60))),
            (r#"{"access_token":"t","expires_in":1e300}"#, Ok(Some(86_400))),
            (r#"{"access_token":"t","expires_in":-5}"#, Ok(Some(0))),
            (r#"{"access_token":"t","expires_in":[]}"#, Ok(None)),
            (r#"{"access_token":"t"}"#, Ok(None)),
            (r#"{"access_token":""}"#, Err("the answer holds no `access_token`")),
            (r#"{"token":"t"}"#, Err("the answer holds no `access_token`")),
            (r#"{"access_token":"t","token_type":"mac"}"#, Err("the token is of another type than Bearer")),
            (r#"{"access_token":7}"#, Err("the answer is no JSON object")),
            ("<html>", Err("the answer is no JSON object")),
            ("", Err("the answer is no JSON object")),
        ] {
            let given = Given::parse(said.as_bytes()).map(|given| given.lives.map(|lives| lives.as_secs()));
            assert_eq!(given, expected, "{said}");
        }
    }

    #[test]
    fn only_known_words_are_told_of_an_error() {
        assert_eq!(error(br#"{"error":"invalid_client","error_description":"hunter2"}"#), Some("invalid_client"));
        for said in [&br#"{"error":"hunter2"}"#[..], b"{}", b"[]", b"<html>", b""] {
            assert_eq!(error(said), None);
        }
    }
}
