//! The headers of a request: which may be written, and values that cannot break out of their line.

use ::http::{HeaderName, HeaderValue};

use crate::base::diagnostic::{Diagnostic, Diagnostics};
use crate::base::tree::Node;

/// Headers that are ours, or the connection's.
const OURS: [(&str, &str); 16] = [
    ("host", "the host is that of `url`"),
    ("content-length", "it is counted"),
    ("content-type", "write `content_type` beside `body` or `text`"),
    ("transfer-encoding", "it is the connection's"),
    ("connection", "it is the connection's"),
    ("keep-alive", "it is the connection's"),
    ("proxy-connection", "it is the connection's"),
    ("proxy-authorization", "a proxy with credentials is not in this version"),
    ("te", "it is the connection's"),
    ("trailer", "it is the connection's"),
    ("upgrade", "it is the connection's"),
    ("expect", "it is the connection's"),
    ("idempotency-key", "it is there in every request"),
    ("webhook-id", "`sign` makes it"),
    ("webhook-timestamp", "`sign` makes it"),
    ("webhook-signature", "`sign` makes it"),
];

/// Headers that hold nothing but secrets, so that a literal value of theirs would be one in the file.
const SECRETIVE: [&str; 5] = ["authorization", "cookie", "x-api-key", "api-key", "x-auth-token"];

/// A text that is no header's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a header would hold a line break or another control character")]
pub struct BrokenValue;

/// Reads a header's name; the error says what is wrong and what to do about it.
pub fn name(text: &str) -> Result<HeaderName, (String, &'static str)> {
    let name: HeaderName =
        text.parse().map_err(|_| (format!("`{text}` is no header's name"), "letters, digits and `-`"))?;
    if let Some((_, why)) = OURS.iter().find(|(ours, _)| *ours == name) {
        return Err((format!("the header `{name}` cannot be written"), why));
    }
    if name.as_str().starts_with("ce-") {
        return Err((format!("the header `{name}` cannot be written"), "`format = \"cloudevents-binary\"` makes it"));
    }
    Ok(name)
}

/// The name of a header that we make ourselves.
pub fn ours(text: &str) -> Option<HeaderName> {
    text.parse().ok()
}

/// Whether a literal value of this header would be a secret in the file.
pub fn is_secretive(name: &HeaderName) -> bool {
    SECRETIVE.iter().any(|secretive| *secretive == name)
}

/// A header's value: one line, whatever the event holds.
pub fn value(text: &str) -> Result<HeaderValue, BrokenValue> {
    let value = if text.chars().any(char::is_control) { None } else { HeaderValue::from_bytes(text.as_bytes()).ok() };
    value.ok_or(BrokenValue)
}

/// A header as it is written: its name, its key, and what it is to hold.
pub type Written<'a> = (HeaderName, (&'a str, &'a Node));

/// The headers with their names checked.
pub fn names<'a>(node: Option<&'a Node>, code: &'static str, findings: &mut Diagnostics) -> Vec<Written<'a>> {
    let mut names: Vec<Written<'a>> = Vec::new();
    for (key, entry) in node.and_then(Node::as_table).into_iter().flatten() {
        let name = match self::name(key) {
            Ok(name) => name,
            Err((message, hint)) => {
                findings.push(Diagnostic::error(code, message).at(&entry.key).hint(hint));
                continue;
            }
        };
        if names.iter().any(|(known, _)| *known == name) {
            findings.push(Diagnostic::error(code, format!("`{name}` stands here twice")).at(&entry.key));
            continue;
        }
        let literal = entry.node.as_str().is_some_and(|text| !text.contains("${"));
        if literal && is_secretive(&name) {
            let message =
                format!("what stands in `{name}` is a secret, and a secret is never in the configuration itself");
            let hint = format!("{key} = {{ env = \"NAME\", prefix = \"Bearer \" }}");
            findings.push(Diagnostic::error(code, message).at(&entry.node.place).hint(hint).without_line());
            continue;
        }
        names.push((name, (key, &entry.node)));
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_cannot_break_out_of_its_line() {
        for text in ["a\r\nx: y", "a\nb", "\r", "a\0", "\u{7f}", "a\u{85}b", "a\tb"] {
            assert!(value(text).is_err(), "{text:?}");
        }
        for text in ["", "a b", "José", "\"'<>"] {
            assert!(value(text).is_ok(), "{text:?}");
        }
    }

    #[test]
    fn what_is_ours_or_the_connections_cannot_be_written() {
        for text in ["Host", "content-length", "CONTENT-TYPE", "Webhook-Id", "ce-id", "a b", "", "é"] {
            assert!(name(text).is_err(), "{text}");
        }
        assert!(name("X-Person").is_ok() && name("user-agent").is_ok());
        assert!(is_secretive(&name("Authorization").expect("a name")));
    }
}
