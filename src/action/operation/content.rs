//! What a request of an operation holds: JSON, a form, or several parts (RFC 7578).

use super::raw::{RawOperation, RawPart};
use crate::base::diagnostic::{Diagnostic, Diagnostics};
use crate::base::tree::Node;
use crate::expr::{EvalError, Expression, Scope, Type};
use crate::outgoing::{encode, headers};
use crate::scope::{Names, Tree, text_of};

/// A content, compiled for the names of one event.
#[derive(Debug)]
pub(super) enum Content {
    Nothing,
    Json(Tree),
    Form(Pairs),
    Multipart(Vec<(String, Part)>),
}

/// Names with values.
#[derive(Debug)]
pub(super) struct Pairs(Vec<(String, Expression)>);

#[derive(Debug)]
pub(super) struct Part {
    said: Saying,
    filename: Option<String>,
    content_type: Option<String>,
}

#[derive(Debug)]
enum Saying {
    Json(Tree),
    Text(Expression),
}

const JSON: &str = "application/json";
const TEXT: &str = "text/plain; charset=utf-8";

impl Pairs {
    /// Compiles the expressions of the table at `node`.
    pub(super) fn compile(node: Option<&Node>, names: &mut Names, findings: &mut Diagnostics) -> Option<Self> {
        let table = node.and_then(Node::as_table);
        let pairs: Vec<Option<_>> = table
            .into_iter()
            .flatten()
            .map(|(name, entry)| Some((name.clone(), names.compile(&entry.node, Type::Dyn, findings)?)))
            .collect();
        Some(Self(pairs.into_iter().collect::<Option<_>>()?))
    }

    /// `a=b&c=d`, encoded; an optional without a value leaves its name out.
    pub(super) fn make<'a>(&'a self, scope: &Scope<'a>) -> Result<String, EvalError> {
        let mut made = Vec::new();
        for (name, expression) in &self.0 {
            let Some(value) = expression.evaluate(scope)?.unwrap_optional() else { continue };
            let text = text_of(&value).map_err(|error| EvalError::new(format!("`{name}`: {error}")))?;
            made.push(format!("{}={}", encode(name), encode(&text)));
        }
        Ok(made.join("&"))
    }
}

impl Content {
    /// Compiles what the operation at `node` sends. Every expression is looked at, even if one before it is wrong.
    pub(super) fn compile(
        raw: &RawOperation,
        node: &Node,
        names: &mut Names,
        findings: &mut Diagnostics,
    ) -> Option<Self> {
        if let Some(body) = node.get("body").filter(|_| raw.body.is_some()) {
            return Tree::compile(body, ("action-body", "body"), names, findings).map(Self::Json);
        }
        if raw.form.is_some() {
            return Pairs::compile(node.get("form"), names, findings).map(Self::Form);
        }
        let Some(parts) = &raw.multipart else { return Some(Self::Nothing) };
        let node = node.get("multipart")?;
        let parts: Vec<Option<_>> = parts
            .iter()
            .map(|(name, raw)| Some((name.clone(), Part::compile(raw, node.get(name)?, names, findings)?)))
            .collect();
        Some(Self::Multipart(parts.into_iter().collect::<Option<_>>()?))
    }

    /// The bytes for the values of an event, and what they are. `mark` is a text that no event holds.
    pub(super) fn make<'a>(&'a self, scope: &Scope<'a>, mark: &str) -> Result<Option<(Vec<u8>, String)>, EvalError> {
        Ok(Some(match self {
            Self::Nothing => return Ok(None),
            Self::Json(tree) => (tree.text(scope)?.into_bytes(), JSON.to_owned()),
            Self::Form(pairs) => (pairs.make(scope)?.into_bytes(), "application/x-www-form-urlencoded".to_owned()),
            Self::Multipart(parts) => {
                let mut made = Vec::new();
                for (name, part) in parts {
                    made.push((name, part, part.said.make(scope)?));
                }
                let mut boundary = format!("hookreeve-{mark}");
                let holds = |boundary: &str, bytes: &[u8]| {
                    bytes.windows(boundary.len()).any(|window| window == boundary.as_bytes())
                };
                while made.iter().any(|(.., bytes)| holds(&boundary, bytes)) {
                    boundary.push('x');
                }
                let mut body = Vec::new();
                for (name, part, bytes) in made {
                    body.extend_from_slice(format!("--{boundary}\r\n{}\r\n\r\n", part.head(name)).as_bytes());
                    body.extend_from_slice(&bytes);
                    body.extend_from_slice(b"\r\n");
                }
                body.extend_from_slice(format!("--{boundary}--\r\n").as_bytes());
                (body, format!("multipart/form-data; boundary={boundary}"))
            }
        }))
    }
}

impl Part {
    fn compile(raw: &RawPart, node: &Node, names: &mut Names, findings: &mut Diagnostics) -> Option<Self> {
        let said = match (node.get("json"), node.get("text")) {
            (Some(json), None) => Saying::Json(Tree::compile(json, ("action-body", "json"), names, findings)?),
            (None, Some(text)) => Saying::Text(names.compile(text, Type::Dyn, findings)?),
            (Some(_), Some(_)) | (None, None) => {
                let finding = Diagnostic::error("action-operation", "a part is either `json` or `text`");
                findings
                    .push(finding.at(&node.place).hint("attachment = { text = 'user.login', filename = \"a.txt\" }"));
                return None;
            }
        };
        for (key, text) in [("filename", &raw.filename), ("content_type", &raw.content_type)] {
            if text.as_deref().is_some_and(|text| text.is_empty() || headers::value(text).is_err()) {
                let place = node.get(key).map_or(&node.place, |node| &node.place);
                findings.push(Diagnostic::error("action-operation", "this cannot stand in a part's head").at(place));
                return None;
            }
        }
        Some(Self { said, filename: raw.filename.clone(), content_type: raw.content_type.clone() })
    }

    /// The lines in front of the part, without those that end them.
    fn head(&self, name: &str) -> String {
        let quoted = |text: &str| text.replace('"', "%22").replace('\r', "%0D").replace('\n', "%0A");
        let filename = self.filename.as_deref().map(|filename| format!("; filename=\"{}\"", quoted(filename)));
        let content_type = self.content_type.as_deref().unwrap_or(match self.said {
            Saying::Json(_) => JSON,
            Saying::Text(_) => TEXT,
        });
        let (name, filename) = (quoted(name), filename.unwrap_or_default());
        format!("content-disposition: form-data; name=\"{name}\"{filename}\r\ncontent-type: {content_type}")
    }
}

impl Saying {
    fn make<'a>(&'a self, scope: &Scope<'a>) -> Result<Vec<u8>, EvalError> {
        match self {
            Self::Json(tree) => Ok(tree.text(scope)?.into_bytes()),
            Self::Text(expression) => Ok(text_of(&expression.evaluate(scope)?)?.into_bytes()),
        }
    }
}
