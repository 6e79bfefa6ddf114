//! CEL expressions: parsed, checked against a schema, compiled once, evaluated on what came in, bounded in all of it.
//!
//! Source: the CEL language definition (cel.dev) and its conformance tests. What the names in an expression mean is told by
//! a [`Schema`] that `rules` fills. Nothing here waits, reads a clock, or touches a file.
//!
//! | file | what it does |
//! |---|---|
//! | `lex`, `parse`, `ast` | source to a tree with places |
//! | `mistakes` | what people write who know other languages, for hints |
//! | `names` | what a name means: variable and path, macro's variable, type, function |
//! | `check`, `schema` | what can be said before an event comes |
//! | `cost` | the most steps that an expression can take |
//! | `lower`, `code` | the tree to code: slots, constants, compiled regular expressions |
//! | `slots` | the paths that expressions name, looked up once for an event |
//! | `eval`, `ops`, `value` | code to a value |
//! | `quick` | the usual conditions, without a value in between |
//! | `pattern` | regular expressions, whose time is paid for |
//! | `functions` | the table of functions; `convert strings format times own` are what it runs |

mod ast;
mod branches;
mod check;
mod code;
mod compile;
mod convert;
mod cost;
mod eval;
mod expression;
mod format;
pub mod functions;
mod lex;
mod lower;
mod mistakes;
mod names;
mod ops;
mod own;
mod parse;
mod pattern;
mod quick;
mod schema;
mod slots;
mod strings;
mod times;
mod value;

#[cfg(test)]
mod tests;

use std::ops::Range;

pub use compile::{Compiled, Compiler, MAX_NODES, MAX_SOURCE_BYTES, ORDINARY_EVENT_BYTES};
pub use cost::{Cost, Priced};
pub use expression::{BUDGET, EvalError, Expression, Scope, Step};
pub use schema::{Schema, Type, UnknownField};
pub use slots::{Paths, Slot};
pub use value::{List, Map, Text, Unreadable, Value};

use crate::base::diagnostic::Severity;

/// How many elements one macro may go through.
pub const MAX_ELEMENTS: usize = 1000;

/// Something to say about an expression's source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// A stable name for this kind of finding, in `kebab-case`.
    pub code: &'static str,
    /// Where in the source, in bytes.
    pub span: Range<usize>,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
}

impl Finding {
    fn error(code: &'static str, span: Range<usize>, message: impl Into<String>) -> Self {
        Self { severity: Severity::Error, code, span, message: message.into(), hint: None }
    }

    fn warning(code: &'static str, span: Range<usize>, message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(code, span, message) }
    }

    fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}
