//! `include = ["rules/*.toml"]`: which files the main file asks for, in which order.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

use glob::{MatchOptions, Pattern};

use super::super::sections::{INCLUDE, SHADOW_FILE};
use super::super::watch;
use super::Named;
use crate::base::diagnostic::{Diagnostic, Diagnostics, Place};
use crate::base::tree::{Node, Value};

/// How many files a configuration may have.
const MAX_FILES: usize = 1000;

/// A pattern matches what a shell's would: neither across directories nor hidden files, such as an editor's own.
pub(in crate::config) const PATTERN_OPTIONS: MatchOptions =
    MatchOptions { case_sensitive: true, require_literal_separator: true, require_literal_leading_dot: true };

/// A file to read, and the place that names it.
pub(super) struct Include {
    pub(super) path: PathBuf,
    pub(super) place: Place,
}

/// Takes `include` out of the main file's tree.
pub(super) fn take(
    tree: &mut Node,
    main: &Path,
    shadow: Option<&Named>,
    watched: &mut watch::Files,
    findings: &mut Diagnostics,
) -> Vec<Include> {
    let Value::Table(table) = &mut tree.value else { return Vec::new() };
    let Some(entry) = table.shift_remove(INCLUDE) else { return Vec::new() };
    let Some(items) = entry.node.as_array() else {
        findings.push(not_a_list(&entry.node));
        return Vec::new();
    };
    let directory = main.parent().unwrap_or(Path::new(""));
    let mut seen: HashSet<PathBuf> = fs::canonicalize(main).into_iter().collect();
    let mut includes = Vec::new();
    for item in items {
        let Some(text) = item.as_str().filter(|text| !text.is_empty()) else {
            findings.push(not_a_list(item));
            continue;
        };
        for path in files(directory, text, &item.place, watched, findings) {
            if shadow.is_some_and(|shadow| shadow.is(&path)) {
                // A pattern does not mean it, for its rules are only tried; whoever writes its name does.
                if !is_pattern(text) {
                    let finding = Diagnostic::error("shadow-file", format!("`{text}` is the shadow file, too"));
                    findings
                        .push(finding.at(&item.place).hint("its rules count, or they are only tried: name it once"));
                }
                continue;
            }
            // What cannot be resolved is kept: reading it says why.
            if fs::canonicalize(&path).map_or(true, |file| seen.insert(file)) {
                includes.push(Include { path, place: item.place.clone() });
            }
        }
    }
    if let Some(beyond) = includes.get(MAX_FILES) {
        findings.push(
            Diagnostic::error("too-many-files", format!("more than {MAX_FILES} files"))
                .at(&beyond.place)
                .hint("put more into each of them"),
        );
        includes.truncate(MAX_FILES);
    }
    includes
}

/// Reports an `include` of an included file, and takes it out.
pub(super) fn report_nested(tree: &mut Node, findings: &mut Diagnostics) {
    let Value::Table(table) = &mut tree.value else { return };
    if let Some(entry) = table.shift_remove(INCLUDE) {
        let finding = Diagnostic::error("nested-include", "an included file includes no others").at(&entry.key);
        findings.push(finding.hint("name them in the main file's `include`"));
    }
}

/// Reports an `include`, or a shadow file, that became part of a table because it stands below that table's header, and takes it out.
pub(super) fn report_misplaced(tree: &mut Node, findings: &mut Diagnostics) {
    let Value::Table(top) = &mut tree.value else { return };
    top.values_mut().for_each(|entry| misplaced(&mut entry.node, findings));
}

fn misplaced(node: &mut Node, findings: &mut Diagnostics) {
    match &mut node.value {
        Value::Array(items) => items.iter_mut().for_each(|item| misplaced(item, findings)),
        Value::Table(table) => {
            if table.get(INCLUDE).is_some_and(|entry| names_files(&entry.node))
                && let Some(entry) = table.shift_remove(INCLUDE)
            {
                let finding =
                    Diagnostic::error("misplaced-key", "`include` is part of the table above it").at(&entry.key);
                findings.push(finding.hint("move it above the first [section]"));
            }
            if table.get(SHADOW_FILE).is_some_and(|entry| entry.node.as_str().is_some())
                && let Some(entry) = table.shift_remove(SHADOW_FILE)
            {
                let message = format!("`{SHADOW_FILE}` is part of the table above it");
                let finding = Diagnostic::error("misplaced-key", message).at(&entry.key);
                findings.push(finding.hint("move it above the first [section]"));
            }
            table.values_mut().for_each(|entry| misplaced(&mut entry.node, findings));
        }
        Value::String(_) | Value::Integer(_) | Value::Float(_) | Value::Bool(_) | Value::Datetime(_) => {}
    }
}

/// Whether this can only be an `include`, and no key of the table's own.
fn names_files(node: &Node) -> bool {
    let is_file = |item: &Node| {
        item.as_str()
            .is_some_and(|text| Path::new(text).extension().is_some_and(|end| end == "toml") || is_pattern(text))
    };
    node.as_array().is_some_and(|items| items.iter().all(is_file))
}

/// The files that one entry stands for, in byte order.
fn files(
    directory: &Path,
    text: &str,
    place: &Place,
    watched: &mut watch::Files,
    findings: &mut Diagnostics,
) -> Vec<PathBuf> {
    if !is_pattern(text) {
        return vec![directory.join(text)];
    }
    // A name that no pattern could hold makes none: the main file itself was refused for it.
    let Some(escaped) = directory.join("").to_str().map(Pattern::escape) else { return Vec::new() };
    let pattern = if Path::new(text).is_absolute() { text.to_owned() } else { escaped + text };
    let found = match glob::glob_with(&pattern, PATTERN_OPTIONS) {
        Ok(found) => found,
        Err(error) => {
            findings.push(
                Diagnostic::error("invalid-pattern", format!("no pattern: {}", error.msg))
                    .at(place)
                    .hint("`*` and `?` stand for any characters, `[ab]` for one of those named"),
            );
            return Vec::new();
        }
    };
    watched.insert_pattern(&pattern);
    let mut paths = Vec::new();
    let mut whole = true;
    for path in found {
        match path {
            Ok(path) if path.is_dir() => {}
            Ok(path) => paths.push(path),
            Err(error) => {
                whole = false;
                let message = format!("{} could not be read: {}", error.path().display(), error.error());
                findings.push(Diagnostic::error("unreadable-file", message).at(place));
            }
        }
    }
    if paths.is_empty() && whole {
        findings.push(
            Diagnostic::warning("no-match", format!("no file matches `{text}`"))
                .at(place)
                .hint("it is relative to the directory of the file that it stands in"),
        );
    }
    paths.sort_by(|one, other| one.as_os_str().as_encoded_bytes().cmp(other.as_os_str().as_encoded_bytes()));
    paths
}

fn is_pattern(text: &str) -> bool {
    text.contains(['*', '?', '['])
}

fn not_a_list(node: &Node) -> Diagnostic {
    Diagnostic::error("invalid-value", "`include`: expected a list of paths or patterns")
        .at(&node.place)
        .hint("include = [\"rules/*.toml\"]")
}
