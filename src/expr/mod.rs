//! CEL expressions: compiled and checked at load, evaluated on an event's values, bounded in both.
//!
//! The evaluator is the cel crate's, behind this interface. What the names in an expression mean is told by a [`Schema`]
//! that `rules` fills. Nothing here waits, reads a clock, or touches a file.

mod check;
mod compile;
mod evaluate;
pub mod functions;
mod library;
mod schema;
mod value;

use std::ops::Range;

pub use compile::{Compiled, Compiler, MAX_NODES, MAX_SOURCE_BYTES};
pub use evaluate::{EvalError, Expression, MAX_ELEMENTS, Scope};
pub use schema::{Schema, Type};
pub use value::Value;

use crate::base::diagnostic::Severity;

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
