//! What came of each expectation: for people, for programs, for CI systems.

use serde_json::{Value, json};

use crate::cli::junit::{Case, Outcome as Tried};
use crate::cli::output::harmless;
use crate::conformance::{Check, Outcome};

/// For people.
pub(super) fn human(checks: &[Check], color: bool) -> String {
    let paint = |code: &str, text: &str| if color { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() };
    let mut lines = Vec::new();
    let mut event = "";
    for check in checks {
        if check.event != event {
            event = check.event;
            lines.push(event.to_owned());
        }
        let (word, more) = match &check.result {
            Outcome::Met => (paint("32", "met    "), None),
            Outcome::NotMet(found) => (paint("1;31", "NOT MET"), Some(format!("found: {}", harmless(found)))),
            Outcome::Untold(why) => (paint("33", "untold "), Some(harmless(why))),
        };
        let measured = check.measured.as_ref().map(|measured| format!(" ({measured})")).unwrap_or_default();
        lines.push(format!("  {word}  {:<10}  {}{measured}", check.source.kind(), check.what));
        if let Some(more) = more {
            lines.push(format!("                       {more}"));
            lines.push(format!("                       {}", check.source));
        }
    }
    let number = |test: fn(&Outcome) -> bool| checks.iter().filter(|check| test(&check.result)).count();
    lines.push(format!(
        "{} expectations: {} met, {} not met, {} cannot be told",
        checks.len(),
        number(|result| matches!(result, Outcome::Met)),
        number(|result| matches!(result, Outcome::NotMet(_))),
        number(|result| matches!(result, Outcome::Untold(_)))
    ));
    lines.join("\n")
}

/// For programs.
pub(super) fn json(checks: &[Check], origin: &str) -> Value {
    let number = |word: &str| checks.iter().filter(|check| word_of(&check.result).0 == word).count();
    let all = checks.iter().map(|check| {
        let (result, more) = word_of(&check.result);
        json!({
            "event": check.event,
            "expected": check.what,
            "source": { "kind": check.source.kind(), "says": check.source.text() },
            "result": result,
            "found": more,
            "measured": check.measured,
        })
    });
    json!({
        "receiver": origin,
        "met": number("met"),
        "not_met": number("not_met"),
        "untold": number("untold"),
        "expectations": all.collect::<Vec<_>>(),
    })
}

fn word_of(result: &Outcome) -> (&'static str, Option<&str>) {
    match result {
        Outcome::Met => ("met", None),
        Outcome::NotMet(found) => ("not_met", Some(found)),
        Outcome::Untold(why) => ("untold", Some(why)),
    }
}

/// For CI systems.
pub(super) fn case(check: &Check) -> Case {
    let result = match &check.result {
        Outcome::Met => Tried::Passed,
        Outcome::NotMet(found) => Tried::Failed(format!("found: {found}"), check.source.to_string()),
        Outcome::Untold(why) => Tried::Skipped(why.clone()),
    };
    Case { class: check.event.to_owned(), name: check.what.clone(), place: None, result }
}
