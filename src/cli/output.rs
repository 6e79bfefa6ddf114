//! Printing. A reader that has gone away is no error: `hookreeve schema | head` ends quietly.

use std::io::{IsTerminal as _, Write as _};

use chrono::{DateTime, SecondsFormat, Utc};
use clap::ValueEnum;

use super::Ended;
use crate::app::Source;
use crate::base::diagnostic::Diagnostics;

/// Prints text to standard output; it ends with a line break.
pub(super) fn print(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(text.as_bytes());
    if !text.ends_with('\n') {
        let _ = out.write_all(b"\n");
    }
    let _ = out.flush();
}

/// Prints text to standard error; it ends with a line break.
pub(super) fn complain(text: &str) {
    let mut out = std::io::stderr().lock();
    let _ = out.write_all(text.as_bytes());
    let _ = out.write_all(b"\n");
}

/// Whether standard error shows colours, and is wanted to.
pub(super) fn color(source: &Source) -> bool {
    std::io::stderr().is_terminal() && source.environment.get("NO_COLOR").is_none_or(str::is_empty)
}

/// Whether standard output shows colours, and is wanted to.
pub(super) fn color_out(source: &Source) -> bool {
    std::io::stdout().is_terminal() && source.environment.get("NO_COLOR").is_none_or(str::is_empty)
}

/// Prints findings to standard error, for a command that cannot go on because of them.
pub(super) fn complain_of(findings: &Diagnostics, source: &Source) -> Ended {
    let color = color(source);
    for finding in findings {
        complain(&finding.render(color));
        complain("");
    }
    if nothing_to_look_at(findings) { Ended::Nothing } else { Ended::Findings }
}

/// Whether they say that there is no configuration at all: no file, or one that cannot be read. One that another file
/// names has a place in that one.
pub(super) fn nothing_to_look_at(findings: &Diagnostics) -> bool {
    findings.iter().any(|finding| matches!(finding.code, "no-file" | "unreadable-file") && finding.place.is_none())
}

/// For people or for programs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// A table, or lines to read
    #[default]
    Text,
    /// One object a line
    Json,
}

/// A time as commands print it: UTC, to the second.
pub(super) fn time(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// A number with its noun.
pub(super) fn count(number: u64, noun: &str) -> String {
    match (number, noun.strip_suffix('y')) {
        (1, _) => format!("1 {noun}"),
        (_, Some(stem)) => format!("{number} {stem}ies"),
        (_, None) => format!("{number} {noun}s"),
    }
}

/// Text that does nothing to a terminal: what is no character to read is written out.
pub(super) fn harmless(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        // Marks that turn the direction of what follows are no control characters by name.
        let turns = matches!(character, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        if character.is_control() || turns {
            out.extend(character.escape_default());
        } else {
            out.push(character);
        }
    }
    out
}

/// So many characters of a cell are shown: a sender writes some of them, and none may push the others off the screen.
const CELL: usize = 120;

/// Text for a cell, cut where it is too long to be read there.
pub(super) fn cut(text: &str) -> String {
    match text.char_indices().nth(CELL) {
        Some(_) => text.chars().take(CELL - 1).chain(['…']).collect(),
        None => text.to_owned(),
    }
}

/// Text with blanks behind it up to so many characters. (A width in a format string must not be large.)
pub(super) fn padded(text: &str, width: usize) -> String {
    format!("{text}{}", " ".repeat(width.saturating_sub(text.chars().count())))
}

/// Rows under headings, each column as wide as it must be.
pub(super) struct Table {
    headings: &'static [&'static str],
    rows: Vec<Vec<String>>,
}

impl Table {
    pub(super) fn new(headings: &'static [&'static str]) -> Self {
        Self { headings, rows: Vec::new() }
    }

    pub(super) fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().map(|cell| cut(&harmless(&cell))).collect());
    }

    /// The table as text; nothing where it has no rows.
    pub(super) fn render(&self) -> String {
        if self.rows.is_empty() {
            return String::new();
        }
        let headings: Vec<String> = self.headings.iter().map(|heading| (*heading).to_owned()).collect();
        let all = || std::iter::once(&headings).chain(&self.rows);
        let width = |column: usize| {
            all().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max().unwrap_or_default()
        };
        let widths: Vec<usize> = (0..headings.len()).map(width).collect();
        let mut text = String::new();
        for row in all() {
            let cells: Vec<String> = row.iter().zip(&widths).map(|(cell, width)| padded(cell, *width)).collect();
            text.push_str(cells.join("  ").trim_end());
            text.push('\n');
        }
        text
    }
}

/// Says on a terminal how far something is; elsewhere it is silent.
pub(super) struct Ticker {
    shown: bool,
}

impl Ticker {
    pub(super) fn new() -> Self {
        Self { shown: std::io::stderr().is_terminal() }
    }

    pub(super) fn tell(&self, done: u64) {
        if self.shown {
            let mut out = std::io::stderr().lock();
            let _ = write!(out, "\r{done} …");
            let _ = out.flush();
        }
    }

    /// Says nothing anywhere.
    pub(super) fn silent() -> Self {
        Self { shown: false }
    }

    /// How much of how much.
    pub(super) fn tell_of(&self, done: u64, all: u64) {
        if self.shown {
            let mut out = std::io::stderr().lock();
            let _ = write!(out, "\r{} % …", done.saturating_mul(100) / all.max(1));
            let _ = out.flush();
        }
    }

    /// Takes away what it has written.
    pub(super) fn end(&self) {
        if self.shown {
            let _ = write!(std::io::stderr().lock(), "\r\x1b[K");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_as_wide_as_it_must_be_and_harmless() {
        let mut table = Table::new(&["A", "LONG", "C"]);
        assert_eq!(table.render(), "");
        table.row(["äöü".to_owned(), "x".to_owned(), String::new()]);
        table.row(["1".to_owned(), "a\u{1b}[31mb".to_owned(), "end".to_owned()]);
        assert_eq!(table.render(), "A    LONG          C\näöü  x\n1    a\\u{1b}[31mb  end\n");
    }

    #[test]
    fn a_text_of_any_length_is_cut_and_pushes_nothing_off_the_screen() {
        let mut table = Table::new(&["PERSON", "KEY", "C"]);
        table.row(["x".repeat(70_000), "ä".repeat(70_000), "end".to_owned()]);
        table.row(["a".repeat(CELL), String::new(), "end".to_owned()]);
        let text = table.render();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[1], format!("{}…  {}…  end", "x".repeat(CELL - 1), "ä".repeat(CELL - 1)));
        assert_eq!(lines[2], format!("{}  {}  end", "a".repeat(CELL), " ".repeat(CELL)));
        assert_eq!(padded("äb", 70_000).chars().count(), 70_000);
    }

    #[test]
    fn numbers_have_their_nouns() {
        assert_eq!((count(1, "entry"), count(2, "entry")), ("1 entry".into(), "2 entries".into()));
        assert_eq!((count(0, "event"), count(1, "event")), ("0 events".into(), "1 event".into()));
    }
}
