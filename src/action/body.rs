//! What a request or a message says: a tree of expressions, a text with expressions in it, or the event itself.

use schemars::JsonSchema;
use serde::Deserialize;

use super::written::Written;
use super::{Job, cloudevents, envelope};
use crate::base::diagnostic::{Diagnostic, Diagnostics};
use crate::base::tree::{Node, Value as TreeValue};
use crate::event::FieldPath;
use crate::expr::{EvalError, Expression, Scope, Type};
use crate::outgoing::headers;
use crate::scope::{Names, Template};

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

/// JSON of which every value is an expression.
#[derive(Debug)]
pub(super) enum Tree {
    Value(Expression),
    List(Vec<Tree>),
    Map(Vec<(String, Tree)>),
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
            Tree::compile(node, "body", names, findings).map(Self::Tree)
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

impl Tree {
    /// Compiles what stands at `node`, under `key`. Every expression is looked at, even if one before it is wrong.
    pub(super) fn compile(node: &Node, key: &str, names: &mut Names, findings: &mut Diagnostics) -> Option<Self> {
        match &node.value {
            TreeValue::String(_) => names.compile(node, Type::Dyn, findings).map(Self::Value),
            TreeValue::Array(items) => {
                let items: Vec<Option<Self>> =
                    items.iter().map(|item| Self::compile(item, key, names, findings)).collect();
                Some(Self::List(items.into_iter().collect::<Option<_>>()?))
            }
            TreeValue::Table(table) => {
                let members: Vec<Option<(String, Self)>> = table
                    .iter()
                    .map(|(name, entry)| Some((name.clone(), Self::compile(&entry.node, key, names, findings)?)))
                    .collect();
                Some(Self::Map(members.into_iter().collect::<Option<_>>()?))
            }
            TreeValue::Integer(_) | TreeValue::Float(_) | TreeValue::Bool(_) | TreeValue::Datetime(_) => {
                let message = format!("a value of `{key}` must be a text with an expression, and is {}", node.kind());
                let written = &node.place.source.text[node.place.span.clone()];
                let finding = Diagnostic::error("action-body", message).at(&node.place);
                findings.push(finding.hint(format!("write it as an expression: '{written}'")));
                None
            }
        }
    }

    /// Its value as JSON.
    pub(super) fn text<'a>(&'a self, scope: &Scope<'a>) -> Result<String, EvalError> {
        Ok(self.make(scope)?.ok_or_else(|| EvalError::new("there is no value"))?.to_string())
    }

    /// Its value; an optional without one leaves its key, or its place in a list, out.
    pub(super) fn make<'a>(&'a self, scope: &Scope<'a>) -> Result<Option<serde_json::Value>, EvalError> {
        Ok(Some(match self {
            Self::Value(expression) => {
                let Some(value) = expression.evaluate(scope)?.unwrap_optional() else { return Ok(None) };
                value.to_json().map_err(EvalError::new)?
            }
            Self::List(items) => {
                let items = items.iter().filter_map(|item| item.make(scope).transpose());
                serde_json::Value::Array(items.collect::<Result<_, _>>()?)
            }
            Self::Map(members) => {
                let members = members
                    .iter()
                    .filter_map(|(key, tree)| Some(tree.make(scope).transpose()?.map(|value| (key.clone(), value))));
                serde_json::Value::Object(members.collect::<Result<_, _>>()?)
            }
        }))
    }
}
