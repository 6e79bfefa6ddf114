//! A text with expressions in it: `https://crm.example/people/${user.login}`. `$${` stands for `${`.

use std::ops::Range;

use super::Names;
use crate::base::diagnostic::{Diagnostic, Diagnostics};
use crate::base::tree::Node;
use crate::expr::{EvalError, Expression, Scope, Type, Value};

/// A text with expressions in it, compiled.
#[derive(Debug)]
pub struct Template {
    parts: Vec<Part>,
}

/// A stretch of a template.
#[derive(Debug)]
enum Part {
    /// Literal text.
    Text(String),
    /// An expression's value as text.
    Value(Expression),
}

/// A stretch of a template's source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Piece {
    /// Literal text, `$${` replaced.
    Text(String),
    /// Where an expression stands in the source, in bytes, without `${` and `}`.
    Expression(Range<usize>),
}

impl Template {
    /// Compiles the text of `node`.
    pub fn compile(node: &Node, names: &mut Names, findings: &mut Diagnostics) -> Option<Self> {
        let pieces = pieces(node, findings)?;
        Self::of(pieces, node, names, findings)
    }

    /// Compiles pieces of the text of `node`. Every expression is looked at, even if one before it is wrong.
    pub(super) fn of(pieces: Vec<Piece>, node: &Node, names: &mut Names, findings: &mut Diagnostics) -> Option<Self> {
        let parts: Vec<Option<Part>> = pieces
            .into_iter()
            .map(|piece| match piece {
                Piece::Text(text) => Some(Part::Text(text)),
                Piece::Expression(part) => names.compile_part(node, part, Type::Dyn, findings).map(Part::Value),
            })
            .collect();
        Some(Self { parts: parts.into_iter().collect::<Option<_>>()? })
    }

    /// The text for the values of an event; `encode` appends each expression's value.
    pub fn expand<'a>(
        &'a self,
        scope: &Scope<'a>,
        encode: impl Fn(&str, &mut String) -> Result<(), EvalError>,
    ) -> Result<String, EvalError> {
        let mut text = String::new();
        for part in &self.parts {
            match part {
                Part::Text(literal) => text.push_str(literal),
                Part::Value(expression) => encode(&text_of(&expression.evaluate(scope)?)?, &mut text)?,
            }
            if text.len() > MAX_BYTES {
                return Err(EvalError::new(format!("the text is longer than {MAX_BYTES} bytes")));
            }
        }
        Ok(text)
    }
}

/// The longest text that is made.
const MAX_BYTES: usize = 1 << 20;

/// The pieces of a template's text.
pub(super) fn pieces(node: &Node, findings: &mut Diagnostics) -> Option<Vec<Piece>> {
    match split(node.as_str()?) {
        Ok(pieces) => Some(pieces),
        Err(at) => {
            let finding = Diagnostic::error("template", "`${` is not closed").at(&node.place_within(at..at + 2));
            findings.push(finding.hint("write `$${` for a literal `${`"));
            None
        }
    }
}

/// Splits a template; the error is where an expression begins that does not end.
fn split(source: &str) -> Result<Vec<Piece>, usize> {
    let mut pieces = Vec::new();
    let mut text = String::new();
    let mut at = 0;
    while let Some(found) = source[at..].find("${").map(|found| at + found) {
        if source[at..found].ends_with('$') {
            text.push_str(&source[at..found - 1]);
            text.push_str("${");
            at = found + 2;
            continue;
        }
        text.push_str(&source[at..found]);
        if !text.is_empty() {
            pieces.push(Piece::Text(std::mem::take(&mut text)));
        }
        let end = expression_end(source, found + 2).ok_or(found)?;
        pieces.push(Piece::Expression(found + 2..end));
        at = end + 1;
    }
    text.push_str(&source[at..]);
    if !text.is_empty() {
        pieces.push(Piece::Text(text));
    }
    Ok(pieces)
}

/// Where the brace stands that closes an expression: outside of texts, and not the end of a map in it.
fn expression_end(source: &str, start: usize) -> Option<usize> {
    let bytes = source.as_bytes();
    let mut depth = 0_usize;
    let mut at = start;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'{' => depth += 1,
            b'}' if depth == 0 => return Some(at),
            b'}' => depth -= 1,
            b'"' | b'\'' => {
                let raw = at > start && matches!(bytes[at - 1], b'r' | b'R');
                at = text_end(bytes, at, raw)?;
                continue;
            }
            _ => {}
        }
        at += 1;
    }
    None
}

/// Where the text that begins at `at` is over, one or three quotes long at either end.
fn text_end(bytes: &[u8], at: usize, raw: bool) -> Option<usize> {
    let quote = bytes[at];
    let triple = [quote; 3];
    let quotes = if bytes[at..].starts_with(&triple) { &triple[..] } else { &triple[..1] };
    let mut at = at + quotes.len();
    loop {
        match bytes.get(at)? {
            b'\\' if !raw => at += 2,
            _ if bytes[at..].starts_with(quotes) => return Some(at + quotes.len()),
            _ => at += 1,
        }
    }
}

/// A value as text. What is not there is no text: whoever wants an empty one says so, with `text(…)`.
pub fn text_of(value: &Value<'_>) -> Result<String, EvalError> {
    match value {
        Value::String(text) => Ok(text.as_str().to_owned()),
        Value::Bool(_)
        | Value::Int(_)
        | Value::Uint(_)
        | Value::Double(_)
        | Value::Timestamp(_)
        | Value::Duration(_) => {
            let json = value.to_json().map_err(EvalError::new)?;
            Ok(json.as_str().map_or_else(|| json.to_string(), str::to_owned))
        }
        Value::Optional(Some(value)) => text_of(value),
        Value::Null | Value::Optional(None) => {
            Err(EvalError::new("a value is not there; `text(…)` makes an empty text of it"))
        }
        Value::Bytes(_) | Value::List(_) | Value::Map(_) | Value::Type(_) => {
            Err(EvalError::new(format!("{} is no text", value.kind().with_article())))
        }
        Value::Unreadable => Err(EvalError::new("a number is out of range, or a text has half a character")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(source: &str, expected: &[&str]) {
        let shown: Vec<String> = split(source)
            .expect(source)
            .into_iter()
            .map(|piece| match piece {
                Piece::Text(text) => text,
                Piece::Expression(at) => format!("<{}>", &source[at]),
            })
            .collect();
        assert_eq!(shown, expected, "{source}");
    }

    #[test]
    fn expressions_end_where_cel_ends_them() {
        check("", &[]);
        check("a $ b } {", &["a $ b } {"]);
        check("${a}", &["<a>"]);
        check("x${a}y${b}z", &["x", "<a>", "y", "<b>", "z"]);
        check("${{'k': {'a': 1}}.k}!", &["<{'k': {'a': 1}}.k>", "!"]);
        check(r#"${"}" + '}' + "\"}" + '\'}'}"#, &[r#"<"}" + '}' + "\"}" + '\'}'>"#]);
        check(r#"${r"\" + "}"}"#, &[r#"<r"\" + "}">"#]);
        check("${'''}'} ' '''}x", &["<'''}'} ' '''>", "x"]);
        check("$${a} ${b}", &["${a} ", "<b>"]);
        check("$$${a}", &["$${a}"]);
        check("é${'ü}'}é", &["é", "<'ü}'>", "é"]);
    }

    #[test]
    fn an_expression_that_does_not_end_is_found() {
        for (source, at) in [("a${b", 1), ("${{a}", 0), ("${'}", 0), ("${a} ${\"\\\"}", 5), ("${'\\", 0)] {
            assert_eq!(split(source), Err(at), "{source}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_split_or_refused(source in r#"([${}'"\\\\ra]|\$\{|é){0,24}"#) {
            if let Ok(pieces) = split(&source) {
                for piece in pieces {
                    if let Piece::Expression(at) = piece {
                        assert!(source[..at.start].ends_with("${") && source[at.end..].starts_with('}'), "{source}");
                    }
                }
            }
        }
    }

    #[test]
    fn only_what_is_there_and_simple_becomes_text() {
        assert_eq!(text_of(&Value::Int(-3)), Ok("-3".into()));
        assert_eq!(text_of(&Value::Bool(true)), Ok("true".into()));
        assert_eq!(text_of(&Value::text("a\"b")), Ok("a\"b".into()));
        assert!(text_of(&Value::Null).is_err() && text_of(&Value::Optional(None)).is_err());
        assert!(text_of(&Value::list(Vec::new())).is_err());
    }
}
