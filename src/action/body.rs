//! What a request or a message says: a tree of expressions, a text with expressions in it, or the event itself.

use schemars::JsonSchema;
use serde::Deserialize;

use super::written::Written;
use super::{Job, cloudevents, envelope};
use crate::base::diagnostic::{Diagnostic, Diagnostics};
use crate::event::FieldPath;
use crate::expr::{EvalError, Scope};
use crate::outgoing::headers;
use crate::scope::{Names, Template, Tree};

/// What a body is wrapped in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
pub(super) enum Format {
    /// CloudEvents 1.0, structured: attributes and data in one JSON object.
    #[serde(rename = "cloudevents")]
    CloudEvents,
    /// CloudEvents 1.0, binary: attributes as headers, data as body.
    #[serde(rename = "cloudevents-binary")]
    CloudEventsBinary,
}

/// A body, compiled for the names of one event.
#[derive(Debug)]
pub(super) enum Body {
    /// The event without its secret fields.
    Event(Vec<FieldPath>),
    /// JSON.
    Tree(Tree),
    /// Text.
    Text(Template),
    /// None.
    Nothing,
}

/// A body and what it is.
pub(super) struct Made {
    pub(super) bytes: Vec<u8>,
    pub(super) content_type: Option<&'static str>,
    pub(super) headers: Vec<(String, String)>,
}

/// What a body is made of, beside `body` and `text` themselves.
#[derive(Clone, Copy, Debug)]
pub(super) struct Form<'a> {
    /// `format`.
    pub(super) format: Option<Format>,
    /// `content_type`.
    pub(super) content_type: Option<&'a str>,
    /// Whether there is no body where none is written.
    pub(super) may_be_nothing: bool,
}

impl Form<'_> {
    /// Whether the keys of the body go together.
    pub(super) fn check(self, written: &Written<'_>, findings: &mut Diagnostics) {
        let mut refuse = |key: &str, message: &str| {
            findings.push(Diagnostic::error("action-body", message).at(written.key_place(key)));
        };
        let has = |key: &str| written.entry.get(key).is_some();
        if has("text") && has("body") {
            refuse("text", "`body` and `text` are two forms of the same");
        }
        if has("text") && self.format.is_some() {
            refuse("text", "CloudEvents take JSON: write `body`, or nothing for the event itself");
        }
        if self.content_type.is_some() && self.format.is_some() {
            refuse("content_type", "`format` says what the body is");
        }
        if self.content_type.is_some_and(|text| text.is_empty() || headers::value(text).is_err()) {
            refuse("content_type", "expected a content type, such as \"application/json\"");
        }
    }
}

impl Body {
    /// Compiles `body` or `text` of a table, or takes the event itself without what is `hidden`.
    pub(super) fn compile(
        written: &Written<'_>,
        form: Form<'_>,
        hidden: &[FieldPath],
        names: &mut Names,
        findings: &mut Diagnostics,
    ) -> Option<Self> {
        if let Some(node) = written.entry.get("body") {
            Tree::compile(node, ("action-body", "body"), names, findings).map(Self::Tree)
        } else if let Some(node) = written.entry.get("text") {
            Template::compile(node, names, findings).map(Self::Text)
        } else if form.may_be_nothing && form.format.is_none() {
            Some(Self::Nothing)
        } else {
            Some(Self::Event(hidden.to_vec()))
        }
    }

    /// The key that it is written under.
    pub(super) fn key(&self) -> &'static str {
        match self {
            Self::Text(_) => "text",
            Self::Event(_) | Self::Tree(_) | Self::Nothing => "body",
        }
    }

    /// The body for a job; none where there is none.
    pub(super) fn make<'a>(
        &'a self,
        job: &Job,
        scope: &Scope<'a>,
        format: Option<Format>,
    ) -> Result<Option<Made>, EvalError> {
        let text = match self {
            Self::Nothing => return Ok(None),
            Self::Text(template) => {
                let text = template.expand(scope, |value, text| {
                    text.push_str(value);
                    Ok(())
                })?;
                let content_type = Some("text/plain; charset=utf-8");
                return Ok(Some(Made { bytes: text.into_bytes(), content_type, headers: Vec::new() }));
            }
            Self::Event(hidden) => envelope::write(job, hidden, &[]),
            Self::Tree(tree) => tree.text(scope)?,
        };
        let json = Some("application/json");
        Ok(Some(match format {
            None => Made { bytes: text.into_bytes(), content_type: json, headers: Vec::new() },
            Some(Format::CloudEvents) => {
                let bytes = cloudevents::Attributes::of(job).structured(&text).into_bytes();
                Made { bytes, content_type: Some(cloudevents::STRUCTURED), headers: Vec::new() }
            }
            Some(Format::CloudEventsBinary) => {
                let headers = cloudevents::Attributes::of(job).headers().collect();
                Made { bytes: text.into_bytes(), content_type: json, headers }
            }
        }))
    }
}
