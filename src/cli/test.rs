//! `test`: runs the tests that the rules carry.

mod coverage;

use clap::Args;
use serde_json::{Value, json};

use super::Ended;
use super::junit::{self, Case, Format, Outcome};
use super::output::{self, count, cut, harmless, padded};
use crate::app::{Source, testables};
use crate::rules::{Judged, RuleOutcome};
use crate::testing::{Coverage, Fault, Report, Subject, Test, outcome};

/// Runs the tests of the rules
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  hookreeve test
  hookreeve test --config rules/next.toml --filter contractor
  hookreeve test --coverage --min-coverage 90
  hookreeve test --format junit > report.xml

They run on the decision code of serve, in memory: nothing is kept, asked or sent, and no secret is needed.

Exit status: 0 all passed, 1 one failed or the coverage is too small, 2 they could not be run.")]
pub(super) struct Arguments {
    /// Only tests whose id or event has this text
    #[arg(long, value_name = "TEXT")]
    filter: Option<String>,

    /// Tells which rules, and which sides of their conditions, no test has reached
    #[arg(long)]
    coverage: bool,

    /// Fails where less than this is covered
    #[arg(long, value_name = "PERCENT", value_parser = clap::value_parser!(u8).range(0..=100))]
    min_coverage: Option<u8>,

    /// For people, for programs, or for a CI system
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
}

pub(super) fn run(arguments: &Arguments, source: &Source) -> Ended {
    let loaded = source.load();
    let (plan, findings) = crate::app::plan(&loaded, &source.registry, None);
    let Some(plan) = plan else {
        output::complain_of(&findings, source);
        return Ended::Nothing;
    };
    let filter = arguments.filter.as_deref().unwrap_or_default().to_lowercase();
    let is_meant =
        |test: &&Test| test.id.to_lowercase().contains(&filter) || test.event_name().to_lowercase().contains(&filter);
    let tests: Vec<&Test> = plan.tests.iter().filter(is_meant).collect();
    if tests.is_empty() {
        let has_some = !plan.tests.is_empty();
        output::complain(if has_some { "no test has this text in its id or event" } else { "there are no tests" });
        return Ended::Nothing;
    }
    let subject = Subject { rules: &plan.rules, actions: &plan.actions };
    let mut coverage = Coverage::default();
    let reports: Vec<Report<'_>> = tests.iter().map(|test| test.run(&subject, &mut coverage)).collect();
    let wants_coverage = arguments.coverage || arguments.min_coverage.is_some();
    let summary = wants_coverage.then(|| coverage::Summary::of(&coverage, &plan.rules, testables(&loaded).rules));
    let failed = reports.iter().filter(|report| !report.passed()).count();
    let short = match (&summary, arguments.min_coverage) {
        (Some(summary), Some(wanted)) if !summary.reaches(wanted) => Some(wanted),
        _ => None,
    };
    match arguments.format {
        Format::Human => human(&reports, summary.as_ref(), short, output::color_out(source)),
        Format::Json => {
            let mut said = json!({
                "tests": reports.iter().map(report_json).collect::<Vec<_>>(),
                "passed": reports.len() - failed,
                "failed": failed,
            });
            if let Some(summary) = &summary {
                said["coverage"] = summary.json();
            }
            output::print(&said.to_string());
        }
        Format::Junit => {
            let mut cases: Vec<Case> = reports.iter().map(case).collect();
            if let (Some(summary), Some(wanted)) = (&summary, arguments.min_coverage) {
                let text = summary.text();
                let result = match short {
                    Some(_) => Outcome::Failed(format!("{} is less than {wanted} %", summary.line()), text),
                    None => Outcome::Passed,
                };
                let name = format!("at least {wanted} % is covered");
                cases.push(Case { class: "coverage".to_owned(), name, place: None, result });
            }
            output::print(&junit::report("hookreeve test", &cases));
        }
    }
    if failed > 0 || short.is_some() { Ended::Findings } else { Ended::Well }
}

fn human(reports: &[Report<'_>], summary: Option<&coverage::Summary>, short: Option<u8>, color: bool) {
    for report in reports.iter().filter(|report| !report.passed()) {
        output::print(&text(report, color));
    }
    if let Some(summary) = summary {
        output::print(&summary.text());
    }
    let failed = reports.iter().filter(|report| !report.passed()).count();
    let number = count(reports.len() as u64, "test");
    output::print(&format!("{number}: {} passed, {failed} failed", reports.len() - failed));
    if let Some(wanted) = short {
        output::complain(&format!("less is covered than the {wanted} % that are asked for"));
    }
}

/// A failed test: what is not as it was to be, and what each rule did.
fn text(report: &Report<'_>, color: bool) -> String {
    let paint = |code: &str, line: String| if color { format!("\x1b[{code}m{line}\x1b[0m") } else { line };
    let (file, line) = place(report.test);
    let mut lines = vec![
        paint("1;31", format!("FAIL {}", harmless(&report.test.id))),
        format!("     {}:{line}, {}", harmless(&file), report.test.event_name()),
    ];
    for fault in &report.faults {
        lines.push(format!("     {}", fault.about));
        lines.extend(fault.expected.iter().map(|line| paint("31", format!("       - {}", harmless(line)))));
        let sign = if fault.expected.is_empty() { ' ' } else { '+' };
        let found = fault.found.iter().map(|line| format!("       {sign} {}", harmless(line)));
        lines.extend(found.map(|line| if sign == '+' { paint("32", line) } else { line }));
    }
    if let Some(judged) = &report.judged {
        lines.push(format!("     came to: {}", harmless(&outcome(judged))));
        lines.extend(trace(judged).iter().map(|line| format!("       {}", harmless(line))));
    }
    lines.push(String::new());
    lines.join("\n")
}

/// What each rule did, a line for each.
fn trace(judged: &Judged) -> Vec<String> {
    let width = judged.trace.rules().map(|rule| cut(rule.id).chars().count()).max().unwrap_or_default();
    judged
        .trace
        .rules()
        .map(|rule| {
            let shadow = if rule.shadow { " (shadow)" } else { "" };
            format!("{}  {}{shadow}", padded(&cut(rule.id), width), did(rule.outcome))
        })
        .collect()
}

fn did(outcome: &RuleOutcome) -> String {
    match outcome {
        RuleOutcome::Held { changed } if changed.is_empty() => "held".to_owned(),
        RuleOutcome::Held { changed } => {
            let changed: Vec<String> = changed.iter().map(ToString::to_string).collect();
            format!("held, changed {}", changed.join(", "))
        }
        RuleOutcome::NotHeld => "not held".to_owned(),
        RuleOutcome::Erred(error) => format!("erred: {error}"),
        RuleOutcome::NotReached => "not reached".to_owned(),
        RuleOutcome::OutOfTime => "out of time".to_owned(),
    }
}

fn place(test: &Test) -> (String, usize) {
    (test.place.source.name.clone(), test.place.line_and_column().0)
}

fn report_json(report: &Report<'_>) -> Value {
    let (file, line) = place(report.test);
    let fault = |fault: &Fault| json!({ "about": fault.about, "expected": fault.expected, "found": fault.found });
    let rules = report
        .judged
        .iter()
        .flat_map(|judged| judged.trace.rules())
        .map(|rule| json!({ "rule": &**rule.id, "shadow": rule.shadow, "did": did(rule.outcome) }));
    json!({
        "id": &*report.test.id,
        "event": report.test.event_name(),
        "file": file,
        "line": line,
        "passed": report.passed(),
        "faults": report.faults.iter().map(fault).collect::<Vec<_>>(),
        "came_to": report.judged.as_ref().map(outcome),
        "rules": rules.collect::<Vec<_>>(),
    })
}

fn case(report: &Report<'_>) -> Case {
    let result = if report.passed() {
        Outcome::Passed
    } else {
        let about: Vec<&str> = report.faults.iter().map(|fault| fault.about).collect();
        Outcome::Failed(format!("not as expected: {}", about.join(", ")), text(report, false))
    };
    let place = Some(place(report.test));
    Case { class: report.test.event_name().to_owned(), name: report.test.id.to_string(), place, result }
}
