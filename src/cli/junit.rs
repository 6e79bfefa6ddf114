//! Reports on things that were tried: the forms in which they can be had, and the XML of `JUnit`, which CI systems read.

use std::fmt::Write as _;

use clap::ValueEnum;

/// The form of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// Lines to read
    #[value(alias = "text")]
    Human,
    /// One object
    Json,
    /// XML as CI systems read it
    Junit,
}

/// One thing that was tried.
pub(super) struct Case {
    /// What it belongs to.
    pub(super) class: String,
    pub(super) name: String,
    /// The file and the line that it stands in, where it stands in one.
    pub(super) place: Option<(String, usize)>,
    pub(super) result: Outcome,
}

/// What came of it.
pub(super) enum Outcome {
    Passed,
    /// In a line, and at length.
    Failed(String, String),
    /// Why it was not tried.
    Skipped(String),
}

/// The report on a suite.
pub(super) fn report(suite: &str, cases: &[Case]) -> String {
    let failed = cases.iter().filter(|case| matches!(case.result, Outcome::Failed(..))).count();
    let skipped = cases.iter().filter(|case| matches!(case.result, Outcome::Skipped(_))).count();
    let mut text = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let counts = format!("tests=\"{}\" failures=\"{failed}\" errors=\"0\" skipped=\"{skipped}\"", cases.len());
    let _ = writeln!(text, "<testsuites {counts}>\n  <testsuite name=\"{}\" {counts}>", escaped(suite));
    for case in cases {
        let _ = write!(text, "    <testcase classname=\"{}\" name=\"{}\"", escaped(&case.class), escaped(&case.name));
        if let Some((file, line)) = &case.place {
            let _ = write!(text, " file=\"{}\" line=\"{line}\"", escaped(file));
        }
        let _ = match &case.result {
            Outcome::Passed => writeln!(text, "/>"),
            Outcome::Failed(short, long) => writeln!(
                text,
                ">\n      <failure message=\"{}\">{}</failure>\n    </testcase>",
                escaped(short),
                escaped(long)
            ),
            Outcome::Skipped(why) => {
                writeln!(text, ">\n      <skipped message=\"{}\"/>\n    </testcase>", escaped(why))
            }
        };
    }
    text.push_str("  </testsuite>\n</testsuites>\n");
    text
}

/// Text as XML has it. Characters that XML 1.0 cannot hold are written out.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            // An attribute would take them for blanks.
            '\n' | '\t' => _ = write!(out, "&#{};", u32::from(character)),
            '\u{fffe}' | '\u{ffff}' => out.extend(character.escape_default()),
            control if control.is_control() => out.extend(control.escape_default()),
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_xml_cannot_hold_is_written_out() {
        assert_eq!(escaped("a<b> & \"c\"\n\u{1b}[1m\u{0}"), "a&lt;b&gt; &amp; &quot;c&quot;&#10;\\u{1b}[1m\\u{0}");
    }
}
