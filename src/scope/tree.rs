//! JSON of which every value is an expression: `{ mail = 'text(user.?email)', name = 'user.firstName' }`.

use serde_json::Value as Json;

use super::Names;
use crate::base::diagnostic::{Diagnostic, Diagnostics};
use crate::base::tree::{Node, Value as Written};
use crate::expr::{EvalError, Expression, Scope, Type};

/// Such a tree, compiled.
#[derive(Debug)]
pub enum Tree {
    /// A value.
    Value(Expression),
    /// A list.
    List(Vec<Tree>),
    /// An object, in the order written.
    Map(Vec<(String, Tree)>),
}

impl Tree {
    /// Compiles what stands at `node`, under `key`. Every expression is looked at, even if one before it is wrong.
    pub fn compile(
        node: &Node,
        (code, key): (&'static str, &str),
        names: &mut Names,
        findings: &mut Diagnostics,
    ) -> Option<Self> {
        match &node.value {
            Written::String(_) => names.compile(node, Type::Dyn, findings).map(Self::Value),
            Written::Array(items) => {
                let items: Vec<Option<Self>> =
                    items.iter().map(|item| Self::compile(item, (code, key), names, findings)).collect();
                Some(Self::List(items.into_iter().collect::<Option<_>>()?))
            }
            Written::Table(table) => {
                let members: Vec<Option<(String, Self)>> = table
                    .iter()
                    .map(|(name, entry)| {
                        Some((name.clone(), Self::compile(&entry.node, (code, key), names, findings)?))
                    })
                    .collect();
                Some(Self::Map(members.into_iter().collect::<Option<_>>()?))
            }
            Written::Integer(_) | Written::Float(_) | Written::Bool(_) | Written::Datetime(_) => {
                let message = format!("a value of `{key}` must be a text with an expression, and is {}", node.kind());
                let written = &node.place.source.text[node.place.span.clone()];
                let finding = Diagnostic::error(code, message).at(&node.place);
                findings.push(finding.hint(format!("write it as an expression: '{written}'")));
                None
            }
        }
    }

    /// Its value, which must be there.
    pub fn whole<'a>(&'a self, scope: &Scope<'a>) -> Result<Json, EvalError> {
        self.make(scope)?.ok_or_else(|| EvalError::new("there is no value"))
    }

    /// The same as JSON text.
    pub fn text<'a>(&'a self, scope: &Scope<'a>) -> Result<String, EvalError> {
        self.whole(scope).map(|value| value.to_string())
    }

    /// Its value; an optional without one leaves its key, or its place in a list, out.
    pub fn make<'a>(&'a self, scope: &Scope<'a>) -> Result<Option<Json>, EvalError> {
        Ok(Some(match self {
            Self::Value(expression) => {
                let Some(value) = expression.evaluate(scope)?.unwrap_optional() else { return Ok(None) };
                value.to_json().map_err(EvalError::new)?
            }
            Self::List(items) => {
                let items = items.iter().filter_map(|item| item.make(scope).transpose());
                Json::Array(items.collect::<Result<_, _>>()?)
            }
            Self::Map(members) => {
                let members = members
                    .iter()
                    .filter_map(|(key, tree)| Some(tree.make(scope).transpose()?.map(|value| (key.clone(), value))));
                Json::Object(members.collect::<Result<_, _>>()?)
            }
        }))
    }
}
