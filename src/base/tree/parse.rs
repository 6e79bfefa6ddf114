//! From a file's text to a [`Node`], by the toml crate, several syntax errors at once.

use std::ops::Range;
use std::sync::Arc;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::{Entry, Node, Table, Value};
use crate::base::diagnostic::{Diagnostic, Diagnostics, Place, Source};

/// Reads `source`. Syntax errors go to `findings`; what could be read despite them comes back, so that more can be found.
pub fn parse(source: &Arc<Source>, findings: &mut Diagnostics) -> Node {
    let (table, errors) = DeTable::parse_recoverable(&source.text);
    for error in errors {
        let span = error.span().unwrap_or(0..0);
        findings.push(Diagnostic::error("toml-syntax", error.message().trim_end_matches('.')).at(&at(source, span)));
    }
    let span = table.span();
    Node { value: Value::Table(convert_table(source, table.into_inner(), findings)), place: at(source, span) }
}

fn at(source: &Arc<Source>, span: Range<usize>) -> Place {
    Place { source: source.clone(), span }
}

fn convert_table(source: &Arc<Source>, table: DeTable<'_>, findings: &mut Diagnostics) -> Table {
    table
        .into_iter()
        .map(|(key, value)| {
            let place = at(source, key.span());
            (key.into_inner().into_owned(), Entry { key: place, node: convert(source, value, findings) })
        })
        .collect()
}

fn convert(source: &Arc<Source>, value: Spanned<DeValue<'_>>, findings: &mut Diagnostics) -> Node {
    let place = at(source, value.span());
    let value = match value.into_inner() {
        DeValue::String(text) => Value::String(text.into_owned()),
        DeValue::Boolean(truth) => Value::Bool(truth),
        DeValue::Datetime(datetime) => Value::Datetime(datetime.to_string()),
        DeValue::Integer(integer) => {
            Value::Integer(i64::from_str_radix(integer.as_str(), integer.radix()).unwrap_or_else(|_| {
                findings.push(Diagnostic::error("toml-number", "this integer does not fit 64 bits").at(&place));
                0
            }))
        }
        DeValue::Float(float) => Value::Float(float.as_str().parse().unwrap_or_else(|_| {
            findings.push(Diagnostic::error("toml-number", "this is not a number").at(&place));
            0.0
        })),
        DeValue::Array(items) => Value::Array(items.into_iter().map(|item| convert(source, item, findings)).collect()),
        DeValue::Table(table) => Value::Table(convert_table(source, table, findings)),
    };
    Node { value, place }
}

/// Where byte `decoded` of a string's value stands in its source text `raw`, quotes included.
pub(super) fn raw_offset(raw: &str, decoded: usize) -> usize {
    let bytes = raw.as_bytes();
    let quote = bytes.first().copied().unwrap_or(b'"');
    let multi_line = raw.len() >= 6 && bytes.starts_with(&[quote; 3]);
    let quotes = if multi_line { 3 } else { 1 };
    let mut at = quotes.min(raw.len());
    if multi_line {
        // A line break right after the opening quotes is not part of the value.
        at += if raw[at..].starts_with("\r\n") { 2 } else { usize::from(raw[at..].starts_with('\n')) };
    }
    let end = raw.len().saturating_sub(quotes).max(at);
    let mut seen = 0;
    while seen < decoded && at < end {
        let (step, yields) = if quote == b'"' && bytes[at] == b'\\' { escape(&raw[at..end]) } else { (1, 1) };
        at += step;
        seen += yields;
    }
    while !raw.is_char_boundary(at) {
        at += 1;
    }
    at.min(raw.len())
}

/// How many bytes the escape at the start of `raw` takes, and how many it stands for.
fn escape(raw: &str) -> (usize, usize) {
    let hex = |digits: usize| {
        let code = raw.get(2..2 + digits).and_then(|hex| u32::from_str_radix(hex, 16).ok()).and_then(char::from_u32);
        (2 + digits, code.map_or(1, char::len_utf8))
    };
    match raw.as_bytes().get(1) {
        Some(b'u') => hex(4),
        Some(b'U') => hex(8),
        Some(b'x') => hex(2),
        Some(b'b' | b't' | b'n' | b'f' | b'r' | b'e' | b'"' | b'\\') => (2, 1),
        // A backslash at the end of a line swallows all white space that follows.
        _ => (1 + raw[1..].len() - raw[1..].trim_start().len(), 0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(text: &str) -> Node {
        let source = Arc::new(Source { name: "t.toml".into(), text: text.into() });
        let mut findings = Diagnostics::default();
        let node = parse(&source, &mut findings);
        assert!(findings.is_empty(), "{findings:?}");
        node
    }

    #[track_caller]
    fn points_at(toml: &str, needle: &str) {
        let tree = node(toml);
        let value = tree.get("a").expect("the key a");
        let decoded = value.as_str().expect("text");
        let at = decoded.find(needle).expect("the needle");
        let place = value.place_within(at..at + needle.len());
        assert_eq!(&toml[place.span], needle);
    }

    #[test]
    fn a_place_within_text_is_found_in_every_kind_of_string() {
        points_at("a = 'user.x == 1'", "x ==");
        points_at(r#"a = "user.x == \"é\" && y""#, "&& y");
        points_at(r#"a = "\u00e9\t\\ y""#, "y");
        points_at("a = '''\nfirst\n  second'''", "second");
        points_at("a = \"\"\"\nfirst \\\n   second\"\"\"", "second");
    }

    #[test]
    fn several_syntax_errors_are_found_at_once() {
        let source = Arc::new(Source { name: "t.toml".into(), text: "a = \nb = 'x\nc = 1\n".into() });
        let mut findings = Diagnostics::default();
        parse(&source, &mut findings);
        assert!(findings.errors() >= 2, "{findings:?}");
    }
}
