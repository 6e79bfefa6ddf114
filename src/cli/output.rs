//! Printing. A reader that has gone away is no error: `hookreeve schema | head` ends quietly.

use std::io::{IsTerminal as _, Write as _};

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
