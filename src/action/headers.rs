//! The headers of an action's requests: texts with expressions in them, and secrets.

use ::http::{HeaderMap, HeaderName, HeaderValue};
use indexmap::IndexMap;

use super::set::Tools;
use super::within;
use crate::base::diagnostic::{Diagnostic, Diagnostics, Place};
use crate::base::secret::{Secret, SecretText, TextOrSecret};
use crate::expr::{EvalError, Scope};
use crate::outgoing::headers::{self, Written};
use crate::scope::{Names, Template};

/// The headers that are secrets, by where these are kept.
#[derive(Debug)]
pub(super) struct SecretHeaders(Vec<(HeaderName, SecretText, Place)>);

/// The headers that are texts with expressions, compiled for the names of one event.
#[derive(Debug)]
pub(super) struct Texts(Vec<(HeaderName, Template)>);

impl SecretHeaders {
    /// Those of the `names` that are secrets as they were written.
    pub(super) fn of(names: &[Written<'_>], raw: &IndexMap<String, TextOrSecret>) -> Self {
        let secrets = names.iter().filter_map(|(name, (key, node))| match raw.get(*key) {
            Some(TextOrSecret::Secret(text)) => Some((name.clone(), text.clone(), node.place.clone())),
            Some(TextOrSecret::Text(_)) | None => None,
        });
        Self(secrets.collect())
    }

    /// Adds one that is not written as a header.
    pub(super) fn add(&mut self, name: HeaderName, text: SecretText, place: Place) {
        self.0.push((name, text, place));
    }

    /// Reads them. What was read goes to `secrets`, too: a target may repeat it.
    pub(super) fn prepare(
        &self,
        tools: &Tools<'_>,
        secrets: &mut Vec<Secret>,
        findings: &mut Diagnostics,
    ) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, text, place) in &self.0 {
            let Some(secret) = tools.secret(text, place, findings) else { continue };
            if let Ok(mut value) = HeaderValue::from_bytes(secret.expose()) {
                value.set_sensitive(true);
                headers.insert(name.clone(), value);
            } else {
                let message = format!("what stands in {} is no header's value", text.place);
                findings.push(Diagnostic::error("action-header", message).at(place).without_line());
            }
            secrets.push(secret);
        }
        headers
    }
}

impl Texts {
    /// Compiles those of the `written` that are texts. What is wrong goes to `findings`.
    pub(super) fn compile(written: &[Written<'_>], names: &mut Names, findings: &mut Diagnostics) -> Self {
        let texts = written.iter().filter(|(_, (_, node))| node.as_str().is_some());
        let compiled =
            texts.filter_map(|(name, (_, node))| Some((name.clone(), Template::compile(node, names, findings)?)));
        Self(compiled.collect())
    }

    /// Adds their values to `headers`.
    pub(super) fn add<'a>(&'a self, scope: &Scope<'a>, headers: &mut HeaderMap) -> Result<(), EvalError> {
        for (name, template) in &self.0 {
            let text = template.expand(scope, |value, text| {
                text.push_str(value);
                Ok(())
            });
            let value = text.and_then(|text| header(&text));
            headers.insert(name, value.map_err(|error| within(&format!("headers.{name}"), &error))?);
        }
        Ok(())
    }
}

/// A header's value.
pub(super) fn header(text: &str) -> Result<HeaderValue, EvalError> {
    headers::value(text).map_err(|error| EvalError::new(error.to_string()))
}
