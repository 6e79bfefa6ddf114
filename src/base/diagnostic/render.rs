//! The forms of a finding: for people, for a log line, for programs.

use std::fmt::Write as _;

use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};

use super::{Diagnostic, Place, Severity};

impl Diagnostic {
    /// For people: the message, the place with a caret, the hint. Ends without a line break.
    pub fn render(&self, color: bool) -> String {
        let level = match self.severity {
            Severity::Error => Level::ERROR,
            Severity::Warning => Level::WARNING,
        };
        let mut group = Group::with_title(level.primary_title(self.message.as_str()).id(self.code));
        if let Some(place) = &self.place {
            group = self.show(group, place, AnnotationKind::Primary, None);
        }
        for (place, what) in &self.related {
            group = self.show(group, place, AnnotationKind::Context, Some(what));
        }
        if let Some(hint) = &self.hint {
            group = group.element(Level::HELP.message(hint.as_str()));
        }
        let renderer = if color { Renderer::styled() } else { Renderer::plain() };
        renderer.render(&[group])
    }

    fn show<'a>(
        &'a self,
        group: Group<'a>,
        place: &'a Place,
        kind: AnnotationKind,
        label: Option<&'a String>,
    ) -> Group<'a> {
        let name = place.source.name.as_str();
        if place.source.text.is_empty() {
            return group.element(Origin::path(name));
        }
        if !self.show_line {
            let (line, column) = place.line_and_column();
            return group.element(Origin::path(name).line(line).char_column(column));
        }
        let annotation = kind.span(place.in_characters()).label(label.map(String::as_str));
        group.element(Snippet::source(place.source.text.as_str()).path(name).annotation(annotation))
    }

    /// For a log line: message, place and hint in one line.
    pub fn one_line(&self) -> String {
        let mut line = String::new();
        if let Some(place) = &self.place {
            let _ = write!(line, "{}: ", where_it_is(place));
        }
        line.push_str(&self.message);
        for (place, what) in &self.related {
            let _ = write!(line, ", {what}: {}", where_it_is(place));
        }
        if let Some(hint) = &self.hint {
            let _ = write!(line, " ({hint})");
        }
        line
    }

    /// For programs: one flat object, but for `related`.
    pub fn to_json(&self) -> serde_json::Value {
        let at = self.place.as_ref().and_then(position);
        let related = self.related.iter().map(|(place, what)| {
            let at = position(place);
            serde_json::json!({
                "file": place.source.name,
                "line": at.map(|(line, _)| line),
                "column": at.map(|(_, column)| column),
                "message": what,
            })
        });
        serde_json::json!({
            "severity": self.severity,
            "code": self.code,
            "message": self.message,
            "file": self.place.as_ref().map(|place| place.source.name.as_str()),
            "line": at.map(|(line, _)| line),
            "column": at.map(|(_, column)| column),
            "hint": self.hint,
            "related": related.collect::<Vec<_>>(),
        })
    }
}

/// Line and column, where there are lines.
fn position(place: &Place) -> Option<(usize, usize)> {
    (!place.source.text.is_empty()).then(|| place.line_and_column())
}

fn where_it_is(place: &Place) -> String {
    match position(place) {
        Some((line, column)) => format!("{}:{line}:{column}", place.source.name),
        None => place.source.name.clone(),
    }
}

#[cfg(test)]
mod tests {
    use std::ops::Range;
    use std::sync::Arc;

    use expect_test::{Expect, expect};

    use super::*;
    use crate::base::diagnostic::Source;

    fn place(text: &str, span: Range<usize>) -> Place {
        Place { source: Arc::new(Source { name: "config/hookreeve.toml".into(), text: text.into() }), span }
    }

    #[track_caller]
    fn check(text: &str, span: Range<usize>, expected: &Expect) {
        expected
            .assert_eq(&Diagnostic::error("some-code", "bad thing").at(&place(text, span)).hint("do it").render(false));
    }

    #[test]
    fn the_caret_stands_under_the_characters_not_the_bytes() {
        check(
            "x = 1\nnäme = \"größe\" # x\n",
            14..23,
            &expect![[r#"
            error[some-code]: bad thing
             --> config/hookreeve.toml:2:8
              |
            2 | näme = "größe" # x
              |        ^^^^^^^
              |
              = help: do it"#]],
        );
    }

    #[test]
    fn line_breaks_of_both_kinds_are_line_breaks() {
        check(
            "a = 1\r\nb = \"x\"\r\n",
            11..14,
            &expect![[r#"
            error[some-code]: bad thing
             --> config/hookreeve.toml:2:5
              |
            2 | b = "x"
              |     ^^^
              |
              = help: do it"#]],
        );
    }

    #[test]
    fn a_span_without_length_has_a_caret_too() {
        check(
            "a = \n",
            4..4,
            &expect![[r"
            error[some-code]: bad thing
             --> config/hookreeve.toml:1:5
              |
            1 | a = 
              |     ^
              |
              = help: do it"]],
        );
    }

    #[test]
    fn a_span_inside_a_character_or_behind_the_end_is_no_panic() {
        let text = "a = 1\nb = ü\n";
        for start in 0..text.len() + 3 {
            for end in 0..text.len() + 3 {
                let finding = Diagnostic::error("some-code", "bad thing").at(&place(text, start..end));
                assert!(finding.render(false).contains("hookreeve.toml:"), "{start}..{end}");
                assert!(finding.place.is_some_and(|place| place.lines().end <= text.len()), "{start}..{end}");
            }
        }
    }

    #[test]
    fn what_has_no_lines_is_named_without_them() {
        let source =
            Arc::new(Source { name: "environment variable HOOKREEVE__SERVER__LISTEN".into(), text: String::new() });
        let finding = Diagnostic::error("some-code", "bad thing").at(&Place { source, span: 0..0 });
        expect![[r"
            error[some-code]: bad thing
            --> environment variable HOOKREEVE__SERVER__LISTEN"]]
        .assert_eq(&finding.render(false));
        expect!["environment variable HOOKREEVE__SERVER__LISTEN: bad thing"].assert_eq(&finding.one_line());
    }

    #[test]
    fn a_line_that_may_hold_a_secret_is_named_and_not_shown() {
        let finding = Diagnostic::error("some-code", "bad thing").at(&place("a = 1\nb = 'hunter2'\n", 10..19));
        expect![[r"
            error[some-code]: bad thing
            --> config/hookreeve.toml:2:5"]]
        .assert_eq(&finding.without_line().render(false));
    }

    #[test]
    fn related_places_are_shown_with_what_is_there() {
        let finding = Diagnostic::error("some-code", "set twice")
            .at(&place("a = 1\n\n\n\n\nb = 1\n", 10..11))
            .related(&place("b = 2", 0..1), "first set here")
            .hint("keep one");
        expect![[r"
            error[some-code]: set twice
             --> config/hookreeve.toml:6:1
              |
            6 | b = 1
              | ^
              |
             ::: config/hookreeve.toml:1:1
              |
            1 | b = 2
              | - first set here
              |
              = help: keep one"]]
        .assert_eq(&finding.render(false));
        expect!["config/hookreeve.toml:6:1: set twice, first set here: config/hookreeve.toml:1:1 (keep one)"]
            .assert_eq(&finding.one_line());
        expect![[r#"{"severity":"error","code":"some-code","message":"set twice","file":"config/hookreeve.toml","line":6,"column":1,"hint":"keep one","related":[{"file":"config/hookreeve.toml","line":1,"column":1,"message":"first set here"}]}"#]]
            .assert_eq(&finding.to_json().to_string());
    }
}
