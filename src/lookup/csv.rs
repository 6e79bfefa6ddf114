//! `type = "csv"`: rows of a file, found by what stands in one or several of its columns. The file is read as a whole when
//! the configuration is, and again when it changes.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fs::File;
use std::io::Read as _;
use std::path::PathBuf;

use csv::{ReaderBuilder, StringRecord, Trim};
use serde_json::Value as Json;

use super::asking::Asking;
use super::compile::Written;
use super::{Asked, Failure, Source};
use crate::base::diagnostic::{Diagnostic, Diagnostics, Place};
use crate::base::future::BoxFuture;
use crate::base::tree::{Node, Value};
use crate::base::units::Size;
use crate::facts::Answer;

const SIZE_LIMIT: Size = Size(64 << 20);
/// So many lines with a key that another has are named.
const NAMED: usize = 3;

/// The keys of the table, checked.
#[derive(Debug)]
pub(super) struct Plan {
    file: PathBuf,
    /// The columns that a question has the contents of, in its order, each with its place.
    columns: Vec<(String, Place)>,
    delimiter: u8,
    size_limit: Size,
    place: Place,
}

/// The file, read.
#[derive(Debug)]
pub(super) struct Csv {
    columns: Vec<String>,
    rows: HashMap<Vec<String>, StringRecord>,
}

impl Plan {
    pub(super) fn compile(written: &Written<'_>, findings: &mut Diagnostics) -> Option<(Vec<Asking>, Self)> {
        let raw = written.raw;
        let before = findings.errors();
        written.missing("file", "file = \"people.csv\"", findings);
        let columns = columns(written, findings);
        let delimiter = match raw.delimiter.as_deref().map(str::as_bytes) {
            None => b',',
            Some([byte]) if byte.is_ascii() && !matches!(byte, b'"' | b'\r' | b'\n') => *byte,
            Some(_) => {
                let finding = Diagnostic::error("lookup-csv", "what stands between columns is one character of ASCII");
                findings.push(finding.at(written.place("delimiter")).hint("such as \";\" or \"\\t\""));
                b','
            }
        };
        for key in ["cache", "stale_for", "cache_entries", "concurrency"] {
            if written.has(key) {
                let message = format!("`{key}` changes nothing: the whole file is in memory");
                findings.push(Diagnostic::warning("lookup-limits", message).at(written.key_place(key)));
            }
        }
        let askings = written.askings(findings, |asking, findings| {
            let errors = findings.errors();
            for (column, node) in &columns {
                // Each of them is looked at, even if one before it is wrong.
                let _ = asking.key(format!("match.{column}"), node, findings);
            }
            (findings.errors() == errors).then_some(())
        });
        let plan = Self {
            file: raw.file.clone()?,
            columns: columns.iter().map(|(column, node)| (column.clone(), node.place.clone())).collect(),
            delimiter,
            size_limit: raw.size_limit.unwrap_or(SIZE_LIMIT),
            place: written.place("file").clone(),
        };
        (findings.errors() == before).then_some((askings, plan))
    }
}

/// The columns with the expressions of what must stand in them.
fn columns(written: &Written<'_>, findings: &mut Diagnostics) -> Vec<(String, Node)> {
    let mut columns = Vec::new();
    let (key, matches) = (written.entry.get("key"), written.entry.get("match"));
    let mut refuse = |place: &Place, message: &str, hint: &str| {
        findings.push(Diagnostic::error("lookup-csv", message).at(place).hint(hint));
    };
    match (key, matches) {
        (Some(_), Some(_)) => refuse(
            written.key_place("key"),
            "`key` and `match` are two forms of the same",
            "key = \"login\" means match = { login = 'text(user.?login)' }",
        ),
        (None, None) if !written.has("key") && !written.has("match") => refuse(
            written.place("type"),
            "a lookup of type csv takes a `key` or a `match`",
            "match = { mobile = 'text(user.?mobile)' }",
        ),
        _ => {}
    }
    for (index, column) in written.raw.key.iter().flatten().enumerate() {
        let Some(key) = key else { continue };
        let node = key.as_array().and_then(|items| items.get(index)).unwrap_or(key);
        let plain = column.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
            && column.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        if !plain {
            let message = format!("`{column}` is no field's name");
            refuse(&node.place, &message, "write what it must hold: match = { \"Staff No\" = 'user.employeeId' }");
            continue;
        }
        let expression = Value::String(format!("text(user.?{column})"));
        columns.push((column.clone(), Node { value: expression, place: node.place.clone() }));
    }
    for (column, entry) in matches.and_then(Node::as_table).into_iter().flatten() {
        columns.push((column.clone(), entry.node.clone()));
    }
    if columns.is_empty() && (key.is_some() || matches.is_some()) && findings.errors() == 0 {
        let place = written.place(if key.is_some() { "key" } else { "match" });
        findings.push(Diagnostic::error("lookup-csv", "no column is named").at(place));
    }
    columns
}

impl Csv {
    /// Reads the file.
    pub(super) fn prepare(plan: &Plan, findings: &mut Diagnostics) -> Option<Self> {
        let bytes = match read(plan) {
            Ok(bytes) => bytes,
            Err(why) => {
                let message = format!("file {} could not be read: {why}", plan.file.display());
                findings.push(Diagnostic::error("lookup-file", message).at(&plan.place));
                return None;
            }
        };
        let wrong = |why: String| Diagnostic::error("lookup-file", format!("file {}: {why}", plan.file.display()));
        let mut reader = ReaderBuilder::new()
            .delimiter(plan.delimiter)
            .trim(Trim::Headers)
            .from_reader(bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes));
        let columns: Vec<String> = match reader.headers() {
            Ok(headers) => headers.iter().map(str::to_owned).collect(),
            Err(error) => {
                findings.push(wrong(place_of(&error)).at(&plan.place));
                return None;
            }
        };
        let errors = findings.errors();
        if let Some(twice) = columns.iter().enumerate().find(|(at, column)| columns[..*at].contains(column)) {
            findings.push(wrong(format!("two columns have the name `{}`", twice.1)).at(&plan.place));
        }
        let mut keys = Vec::new();
        for (column, place) in &plan.columns {
            let at = columns.iter().position(|known| known == column);
            if at.is_none() {
                let finding = wrong(format!("there is no column `{column}`")).at(place);
                findings.push(finding.hint(format!("the columns are: {}", columns.join(", "))));
            }
            keys.extend(at);
        }
        let mut rows: HashMap<Vec<String>, StringRecord> = HashMap::new();
        let mut again: Vec<u64> = Vec::new();
        for row in reader.records() {
            let row = match row {
                Ok(row) => row,
                Err(error) => {
                    findings.push(wrong(place_of(&error)).at(&plan.place));
                    return None;
                }
            };
            let key: Vec<String> = keys.iter().map(|at| row.get(*at).unwrap_or_default().trim().to_owned()).collect();
            if key.iter().any(String::is_empty) {
                continue;
            }
            match rows.entry(key) {
                Entry::Occupied(_) => again.push(row.position().map_or(0, csv::Position::line)),
                Entry::Vacant(vacant) => _ = vacant.insert(row),
            }
        }
        if !again.is_empty() {
            let lines: Vec<String> = again.iter().take(NAMED).map(ToString::to_string).collect();
            let more = if again.len() > NAMED { format!(" and {} more", again.len() - NAMED) } else { String::new() };
            let message = format!(
                "file {}: the key of line {}{more} is that of a line before: the first counts",
                plan.file.display(),
                lines.join(", ")
            );
            findings.push(Diagnostic::warning("lookup-file", message).at(&plan.place));
        }
        (findings.errors() == errors).then_some(Self { columns, rows })
    }
}

impl Source for Csv {
    fn ask<'a>(&'a self, asked: &'a Asked) -> BoxFuture<'a, Result<Answer, Failure>> {
        let row = self.rows.get(&asked.question.texts());
        let answer = row.map_or_else(Answer::nothing, |row| {
            let members = self.columns.iter().zip(row).map(|(column, text)| (column.clone(), Json::from(text)));
            Answer::found(Json::Object(members.collect()))
        });
        Box::pin(std::future::ready(Ok(answer)))
    }

    /// It is at hand anyway, and one that was kept would outlive the file that it comes from.
    fn is_shared(&self) -> bool {
        false
    }
}

/// The contents, where there are not too many.
fn read(plan: &Plan) -> Result<Vec<u8>, String> {
    let file = File::open(&plan.file).map_err(|error| error.to_string())?;
    let mut bytes = Vec::new();
    let limit = plan.size_limit;
    file.take(limit.0.saturating_add(1)).read_to_end(&mut bytes).map_err(|error| error.to_string())?;
    if bytes.len() as u64 > limit.0 {
        return Err(format!("it is larger than {limit}; `size_limit` allows more"));
    }
    Ok(bytes)
}

/// What is wrong, and on which line; never what stands there.
fn place_of(error: &csv::Error) -> String {
    let line = error.position().map(|position| format!(" in line {}", position.line())).unwrap_or_default();
    match error.kind() {
        csv::ErrorKind::Utf8 { .. } => format!("what stands{line} is not UTF-8"),
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
            format!("{len} columns{line}, where the first line has {expected_len}")
        }
        _ => format!("it is no CSV{line}"),
    }
}
