//! What is wrong with a file that an operator wrote: what, where, and what to do about it.
//!
//! Printing is the command line's matter, counting the app's; this is only the finding. Its forms are in `render`.

mod render;

use std::ops::Range;
use std::sync::Arc;

use serde::Serialize;

/// A text that places point into.
///
/// One without text is a thing that has a name but no lines, such as an environment variable.
#[derive(Debug, PartialEq, Eq)]
pub struct Source {
    /// The name to show: the path as the operator wrote it.
    pub name: String,
    /// The whole text.
    pub text: String,
}

/// A stretch of a [`Source`], in bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The text that it points into.
    pub source: Arc<Source>,
    /// From and to, in bytes.
    pub span: Range<usize>,
}

impl Place {
    /// Line and column of its start, both from 1; columns count characters.
    pub fn line_and_column(&self) -> (usize, usize) {
        let before = &self.source.text[..self.in_characters().start];
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
    }

    /// From the start of its first line to the end of its last, line break included.
    pub fn lines(&self) -> Range<usize> {
        let text = &self.source.text;
        let span = self.in_characters();
        // A span that ends right behind a line break does not reach into the next line.
        let last = if span.end > span.start && text[..span.end].ends_with('\n') { span.end - 1 } else { span.end };
        let start = text[..span.start].rfind('\n').map_or(0, |at| at + 1);
        start..text[last..].find('\n').map_or(text.len(), |at| last + at + 1)
    }

    /// The span, widened to whole characters and cut to the text.
    fn in_characters(&self) -> Range<usize> {
        let text = &self.source.text;
        let mut start = self.span.start.min(text.len());
        while !text.is_char_boundary(start) {
            start -= 1;
        }
        let mut end = self.span.end.clamp(start, text.len());
        while !text.is_char_boundary(end) {
            end += 1;
        }
        start..end
    }
}

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The configuration cannot be used.
    Error,
    /// It can, and will probably not do what was meant.
    Warning,
}

/// One finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// How bad it is.
    pub severity: Severity,
    /// A stable name for this kind of finding, in `kebab-case`.
    pub code: &'static str,
    /// What is wrong, in one sentence without a full stop. It never holds a secret's value.
    pub message: String,
    /// Where, if it is in a file.
    pub place: Option<Place>,
    /// Other places that it takes to understand it, and what is there: `first set here`.
    pub related: Vec<(Place, String)>,
    /// What to do about it.
    pub hint: Option<String>,
    /// Whether the line itself may be shown; a line that may hold a secret is not.
    pub show_line: bool,
}

impl Diagnostic {
    /// A finding that makes the configuration unusable.
    pub fn error(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(Severity::Error, code, message.into())
    }

    /// A finding that does not.
    pub fn warning(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(Severity::Warning, code, message.into())
    }

    fn new(severity: Severity, code: &'static str, message: String) -> Self {
        Self { severity, code, message, place: None, related: Vec::new(), hint: None, show_line: true }
    }

    /// Says where.
    #[must_use]
    pub fn at(mut self, place: &Place) -> Self {
        self.place = Some(place.clone());
        self
    }

    /// Says where else to look, and what is there.
    #[must_use]
    pub fn related(mut self, place: &Place, what: impl Into<String>) -> Self {
        self.related.push((place.clone(), what.into()));
        self
    }

    /// Says what to do.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Keeps the line itself out of what is printed, because it may hold a secret.
    #[must_use]
    pub fn without_line(mut self) -> Self {
        self.show_line = false;
        self
    }
}

/// Findings as they add up, in the order in which they were found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Diagnostics(Vec<Diagnostic>);

impl Diagnostics {
    /// Adds one.
    pub fn push(&mut self, finding: Diagnostic) {
        self.0.push(finding);
    }

    /// Each of them.
    pub fn iter(&self) -> std::slice::Iter<'_, Diagnostic> {
        self.0.iter()
    }

    /// Each of them, to change.
    pub fn iter_mut(&mut self) -> std::slice::IterMut<'_, Diagnostic> {
        self.0.iter_mut()
    }

    /// Whether any of them makes the configuration unusable.
    pub fn has_errors(&self) -> bool {
        self.errors() > 0
    }

    /// How many of them are errors.
    pub fn errors(&self) -> usize {
        self.0.iter().filter(|finding| finding.severity == Severity::Error).count()
    }

    /// How many of them are warnings.
    pub fn warnings(&self) -> usize {
        self.0.len() - self.errors()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromIterator<Diagnostic> for Diagnostics {
    fn from_iter<T: IntoIterator<Item = Diagnostic>>(findings: T) -> Self {
        Self(findings.into_iter().collect())
    }
}

impl Extend<Diagnostic> for Diagnostics {
    fn extend<T: IntoIterator<Item = Diagnostic>>(&mut self, findings: T) {
        self.0.extend(findings);
    }
}

impl<'a> IntoIterator for &'a Diagnostics {
    type Item = &'a Diagnostic;
    type IntoIter = std::slice::Iter<'a, Diagnostic>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl<'a> IntoIterator for &'a mut Diagnostics {
    type Item = &'a mut Diagnostic;
    type IntoIter = std::slice::IterMut<'a, Diagnostic>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter_mut()
    }
}

impl IntoIterator for Diagnostics {
    type Item = Diagnostic;
    type IntoIter = std::vec::IntoIter<Diagnostic>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

/// A finding that a module makes about its own section of the configuration, before anybody knows where that section stands.
///
/// `config` turns it into a [`Diagnostic`] by looking `path` up in the file's tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// How bad it is.
    pub severity: Severity,
    /// A stable name for this kind of finding, in `kebab-case`.
    pub code: &'static str,
    /// Keys from the section's own table downwards, and indices into lists: `["jwt", "algorithms", "1"]`.
    pub path: Vec<String>,
    /// Whether it is the key that is wrong, and not its value.
    pub on_key: bool,
    /// What is wrong, in one sentence without a full stop, without any secret.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
}

impl Problem {
    /// A finding that makes the configuration unusable.
    pub fn error(code: &'static str, path: &[&str], message: impl Into<String>) -> Self {
        Self::new(Severity::Error, code, path, message.into())
    }

    /// A finding that does not.
    pub fn warning(code: &'static str, path: &[&str], message: impl Into<String>) -> Self {
        Self::new(Severity::Warning, code, path, message.into())
    }

    fn new(severity: Severity, code: &'static str, path: &[&str], message: String) -> Self {
        let path = path.iter().map(|&key| key.to_owned()).collect();
        Self { severity, code, path, on_key: false, message, hint: None }
    }

    /// Says that it is the key that is wrong.
    #[must_use]
    pub fn on_key(mut self) -> Self {
        self.on_key = true;
        self
    }

    /// Says what to do.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}
