//! An expression's value on the values of one event.

use std::fmt;
use std::sync::Arc;

use cel::{Context, ExecutionError, IdedExpr};
use regex::Regex;

use super::compile::{is_true, operator_sign};
use super::{Value, library};

/// How many elements one macro may go through.
pub const MAX_ELEMENTS: usize = 1000;

/// A compiled expression.
#[derive(Debug)]
pub struct Expression {
    ast: IdedExpr,
    paths: Vec<Vec<String>>,
    names: Vec<String>,
}

/// Why an expression has no value for an event. The message holds names from the expression's source, never a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EvalError {
    message: String,
}

/// The variables of one event.
pub struct Scope {
    context: Context<'static, 'static>,
    unreadable: Vec<Vec<String>>,
}

impl Expression {
    pub(super) fn new(ast: IdedExpr, paths: Vec<Vec<String>>, names: Vec<String>) -> Self {
        Self { ast, paths, names }
    }

    /// The value. It takes no longer than its bounds allow, and depends on nothing but the scope.
    pub fn evaluate(&self, scope: &Scope) -> Result<Value, EvalError> {
        let touches =
            |path: &Vec<String>, unreadable: &Vec<String>| path.starts_with(unreadable) || unreadable.starts_with(path);
        if scope.unreadable.iter().any(|unreadable| self.paths.iter().any(|path| touches(path, unreadable))) {
            return Err(EvalError::new("it names a number that is out of range, or a text with half a character"));
        }
        cel::Value::resolve(&self.ast, &scope.context).map(Value).map_err(|error| self.explain(&error))
    }

    /// Whether it is written as `true`.
    pub fn is_always_true(&self) -> bool {
        is_true(&self.ast)
    }

    /// The fields that it names, each as far as it is named literally, the variable's name first.
    pub fn paths(&self) -> &[Vec<String>] {
        &self.paths
    }

    /// An error in words, without the values that the evaluator puts into its own.
    fn explain(&self, error: &ExecutionError) -> EvalError {
        EvalError::new(match error {
            ExecutionError::NoSuchKey(key) if self.names.iter().any(|name| *name == **key) => {
                format!("the field `{key}` is missing")
            }
            ExecutionError::NoSuchKey(_) => "a key is missing".to_owned(),
            ExecutionError::NoSuchOverload(error) => {
                let sign = operator_sign(error.function()).unwrap_or(error.function());
                let sign = if sign == library::FIND { "re" } else { sign };
                format!("`{sign}` does not take ({})", error.argument_types().join(", "))
            }
            ExecutionError::FunctionError { function, message } if is_own(function) => {
                format!("`{function}`: {message}")
            }
            ExecutionError::FunctionError { function, .. } => format!("`{function}` cannot be done with this value"),
            ExecutionError::DivisionByZero(_) | ExecutionError::RemainderByZero(_) => "division by zero".to_owned(),
            ExecutionError::Overflow(..) => "the number is too large".to_owned(),
            ExecutionError::IndexOutOfBounds(_) => "the list is shorter than this index".to_owned(),
            ExecutionError::DuplicateKey(_) => "a map with the same key twice".to_owned(),
            ExecutionError::UndeclaredReference(name) if self.names.iter().any(|known| *known == **name) => {
                format!("the field `{name}` is missing")
            }
            _ => "values of these types do not go together".to_owned(),
        })
    }
}

fn is_own(function: &str) -> bool {
    matches!(function, "text" | "lower" | "upper" | "trim" | "fold" | "date" | "re" | "iteration")
}

impl Scope {
    /// An empty scope for expressions that were compiled with these regular expressions.
    pub fn new(regexes: &Arc<[Regex]>) -> Self {
        let mut context = Context::with_env(library::environment());
        if !regexes.is_empty() {
            let regexes = regexes.clone();
            let find = move |text: cel::Value, index: i64| -> Result<bool, ExecutionError> {
                let cel::Value::String(text) = text else {
                    return Err(ExecutionError::function_error("re", "it takes a text"));
                };
                let regex = usize::try_from(index).ok().and_then(|index| regexes.get(index));
                let regex = regex.ok_or_else(|| ExecutionError::function_error("re", "it was not compiled"))?;
                Ok(regex.is_match(&text))
            };
            context.add_function(library::FIND, find).expect("the name is no function's of the library");
        }
        Self { context, unreadable: Vec::new() }
    }

    /// Gives a variable its value, instead of the one it may have.
    pub fn set(&mut self, name: &str, value: Value) {
        self.context.add_variable_from_value(name.to_owned(), value.0);
    }

    /// Says that what stands at `path` of the variable could not be read, so that naming it is an error.
    pub fn set_unreadable(&mut self, name: &str, path: &[String]) {
        self.unreadable.push(std::iter::once(name.to_owned()).chain(path.iter().cloned()).collect());
    }
}

impl EvalError {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into() }
    }

    /// The message.
    pub fn message(&self) -> &str {
        &self.message
    }
}

impl fmt::Display for EvalError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for EvalError {}
