//! How the question of a lookup is made for the events of one name.

use super::question::{Parameter, Question};
use crate::base::diagnostic::Diagnostics;
use crate::base::tree::Node;
use crate::event::{Event, Spec};
use crate::expr::{EvalError, Expression, Scope, Type};
use crate::facts::Facts;
use crate::outgoing::Guard;
use crate::scope::{Address, Names, Template, Tree};

/// The longest body that is sent.
const MAX_BODY_BYTES: usize = 1 << 20;

/// The expressions of a lookup, compiled for one event.
#[derive(Debug)]
pub(super) struct Asking {
    pub(super) event: &'static str,
    names: Names,
    parts: Vec<(String, Part)>,
}

/// What makes a parameter.
#[derive(Debug)]
enum Part {
    /// What names the thing: a text, compared without the white space around it. Where it is empty there is no such thing.
    Key(Expression),
    /// Any value. A text that is empty names no such thing, either.
    Value(Expression),
    /// Any value, empty or not.
    Free(Expression),
    /// An address. Where a value in its path is empty there is no such thing.
    Address(Address),
    /// A text in which values may stand.
    Text(Template),
    /// JSON. Where a text in it is empty there is no such thing.
    Body(Tree),
}

/// Why there is no question.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Unasked {
    /// What names the thing is empty, so that there is no such thing.
    Empty,
    /// It cannot be said what to ask, for this reason.
    Failed(String),
}

impl Asking {
    /// No parameters yet.
    pub(super) fn new(spec: &'static Spec, names: Names) -> Self {
        Self { event: spec.name, names, parts: Vec::new() }
    }

    /// The names that its expressions see.
    pub(super) fn names(&mut self) -> &mut Names {
        &mut self.names
    }

    /// Adds what names the thing. `key` is where it is written, for errors.
    pub(super) fn key(&mut self, key: String, node: &Node, findings: &mut Diagnostics) -> Option<()> {
        self.add(key, node, Part::Key, findings)
    }

    /// Adds a value.
    pub(super) fn value(&mut self, key: String, node: &Node, findings: &mut Diagnostics) -> Option<()> {
        self.add(key, node, Part::Value, findings)
    }

    /// Adds a value that may be empty.
    pub(super) fn free(&mut self, key: String, node: &Node, findings: &mut Diagnostics) -> Option<()> {
        self.add(key, node, Part::Free, findings)
    }

    /// Adds an address.
    pub(super) fn address(&mut self, node: &Node, guard: &Guard, findings: &mut Diagnostics) -> Option<()> {
        let address = Address::compile(node, &mut self.names, guard, "lookup-url", findings)?;
        self.parts.push(("url".to_owned(), Part::Address(address)));
        Some(())
    }

    /// Adds a text in which values may stand.
    pub(super) fn text(&mut self, key: String, node: &Node, findings: &mut Diagnostics) -> Option<()> {
        let template = Template::compile(node, &mut self.names, findings)?;
        self.parts.push((key, Part::Text(template)));
        Some(())
    }

    /// Adds what is asked as JSON.
    pub(super) fn body(&mut self, node: &Node, findings: &mut Diagnostics) -> Option<()> {
        let tree = Tree::compile(node, ("lookup-body", "body"), &mut self.names, findings)?;
        self.parts.push(("body".to_owned(), Part::Body(tree)));
        Some(())
    }

    fn add(
        &mut self,
        key: String,
        node: &Node,
        part: impl Fn(Expression) -> Part,
        findings: &mut Diagnostics,
    ) -> Option<()> {
        let expression = self.names.compile(node, Type::Dyn, findings)?;
        self.parts.push((key, part(expression)));
        Some(())
    }

    /// The question for an event.
    pub(super) fn question(&self, event: &Event) -> Result<Question, Unasked> {
        let facts = Facts::default();
        let (scope, _) = self.names.scope(event, &facts);
        let mut question = Question::default();
        for (key, part) in &self.parts {
            part.ask(key, &scope, &mut question)?;
        }
        Ok(question)
    }
}

impl Part {
    fn ask<'a>(&'a self, key: &str, scope: &Scope<'a>, question: &mut Question) -> Result<(), Unasked> {
        let failed = |error: EvalError| Unasked::Failed(format!("`{key}`: {error}"));
        let free = |expression: &'a Expression| {
            expression.evaluate(scope).and_then(|value| Parameter::of(&value)).map_err(failed)
        };
        let value = |expression: &'a Expression| {
            let parameter = free(expression)?;
            let empty = matches!(&parameter, Parameter::Text(text) if text.trim().is_empty());
            if empty { Err(Unasked::Empty) } else { Ok(parameter) }
        };
        question.0.push(match self {
            Self::Free(expression) => free(expression)?,
            Self::Value(expression) => value(expression)?,
            Self::Key(expression) => match value(expression)?.to_text() {
                Some(text) => Parameter::Text(text.trim().to_owned()),
                None => return Err(Unasked::Empty),
            },
            Self::Address(address) => match address.expand_unless_empty(scope).map_err(failed)? {
                Some(url) => Parameter::Text(url.into()),
                None => return Err(Unasked::Empty),
            },
            Self::Text(template) => {
                let text = template.expand(scope, |value, text| {
                    text.push_str(value);
                    Ok(())
                });
                Parameter::Text(text.map_err(failed)?)
            }
            Self::Body(tree) => match tree.whole(scope).map_err(failed)? {
                body if has_empty_text(&body) => return Err(Unasked::Empty),
                body => match body.to_string() {
                    text if text.len() <= MAX_BODY_BYTES => Parameter::Text(text),
                    _ => return Err(Unasked::Failed(format!("`{key}`: it is longer than {MAX_BODY_BYTES} bytes"))),
                },
            },
        });
        Ok(())
    }
}

fn has_empty_text(value: &serde_json::Value) -> bool {
    match value {
        serde_json::Value::String(text) => text.trim().is_empty(),
        serde_json::Value::Array(items) => items.iter().any(has_empty_text),
        serde_json::Value::Object(members) => members.values().any(has_empty_text),
        serde_json::Value::Null | serde_json::Value::Bool(_) | serde_json::Value::Number(_) => false,
    }
}
