//! The documents, tried: each configuration in them loads, each reply is what is sent, each example has its value.
//!
//! | in a document | is |
//! |---|---|
//! | a `toml` block | a configuration without findings; credentials are added where it names none |
//! | a `toml fails` block | one with errors; the `text` block after it is what `check` says |
//! | a `toml warns` block | the same with warnings alone |
//! | a `console` block that begins with `$ hookreeve check --costs` | what that prints for the configuration before it |
//! | a `console` block that begins with `$ hookreeve test` | what that prints for the configuration before it |
//! | `$ hookreeve send …` in a `console` block | tried with the rules before it; the next line is the reply, `…` stands for anything |
//! | a `rust` block | lines of `examples/custom_handler.rs` |
//! | a row of a table with the columns example and value | an expression and its value, or `error` |

use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use hookreeve::app::{Plan, plan, shadow};
use hookreeve::auth::DeniedReason;
use hookreeve::base::diagnostic::Diagnostics;
use hookreeve::base::ids::RequestId;
use hookreeve::config::{Environment, load};
use hookreeve::dialect::cymmetri::{self, AcceptShape};
use hookreeve::event::{Arrival, Event, catalog};
use hookreeve::expr::functions::FUNCTIONS;
use hookreeve::facts::Facts;
use hookreeve::judge::Registry;
use hookreeve::rules::{Judged, RuleSet, Stopwatch};
use hookreeve::telemetry::metrics::Metrics;
use serde_json::{Value, json};

const README: &str = include_str!("../README.md");
const RULES: &str = include_str!("../docs/rules.md");
const OPERATIONS: &str = include_str!("../docs/operations.md");
const DEMO: &str = include_str!("../config/demo.toml");
const EXAMPLE: &str = include_str!("../examples/custom_handler.rs");

/// Commands that are run with the configuration before them.
const PRINTED: [&str; 2] = ["$ hookreeve check --costs\n", "$ hookreeve test"];

/// A fenced block.
struct Block<'a> {
    line: usize,
    info: &'a str,
    body: String,
}

fn blocks(text: &str) -> Vec<Block<'_>> {
    let mut blocks = Vec::new();
    let mut open: Option<(usize, Block<'_>)> = None;
    for (index, line) in text.lines().enumerate() {
        let fence = line.trim_start().strip_prefix("```");
        match (&mut open, fence) {
            (None, Some(info)) => {
                let indent = line.len() - line.trim_start().len();
                open = Some((indent, Block { line: index + 1, info, body: String::new() }));
            }
            (Some(_), Some(_)) => blocks.extend(open.take().map(|(_, block)| block)),
            (Some((indent, block)), None) => {
                block.body.push_str(line.get(*indent..).unwrap_or_default());
                block.body.push('\n');
            }
            (None, None) => {}
        }
    }
    blocks
}

/// The plan of a configuration, and what `check` would print.
fn planned(toml: &str) -> (Option<Plan>, Diagnostics, String) {
    let directory = written(toml);
    let loaded = load(Some(&directory.path().join("rules.toml")), &Environment::default());
    let (plan, mut findings) = plan(&loaded, &Registry::new(), None);
    findings.extend(shadow(&loaded).1);
    let text: Vec<String> = findings.iter().map(|finding| finding.render(false).trim_end().to_owned()).collect();
    let prefix = directory.path().join("").display().to_string();
    (plan, findings, text.join("\n\n").replace(&prefix, ""))
}

/// What the program prints for this configuration.
fn printed(toml: &str, arguments: &str) -> String {
    let directory = written(toml);
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_hookreeve"));
    command.args(arguments.split(' ')).args(["--config", "rules.toml"]).current_dir(directory.path());
    let output = command.env("HOOKREEVE_JWT_SECRET", "x".repeat(64)).output().expect("the program");
    String::from_utf8(output.stdout).expect("text")
}

/// A directory with the configuration as `rules.toml`.
fn written(toml: &str) -> tempfile::TempDir {
    let directory = tempfile::tempdir().expect("a directory");
    std::fs::create_dir(directory.path().join("rules")).expect("a directory");
    std::fs::write(directory.path().join("rules/more.toml"), "").expect("written");
    let next = "[[rule]]\nid = \"next\"\non = \"validateUser\"\ndeny = \"NotNow\"\n";
    std::fs::write(directory.path().join("rules/next.toml"), next).expect("written");
    let path = directory.path().join("rules.toml");
    let named = toml.lines().any(|line| line.trim() == "[cymmetri.auth]");
    let auth = if named { "" } else { "\n[cymmetri.auth]\njwt = { secret = { env = \"HOOKREEVE_JWT_SECRET\" } }\n" };
    std::fs::write(&path, format!("{toml}{auth}")).expect("written");
    directory
}

fn judge(rules: &RuleSet, name: &str, body: &Value) -> (Arc<Event>, Judged) {
    let spec = catalog::find(name).expect("an event");
    let arrival = Arrival {
        token: Some(json!({ "sub": "hookreeve", "roles": [] }).into()),
        received_at: "2026-11-21T08:30:00Z".parse().expect("a time"),
        request_id: RequestId::parse("r-1").expect("an id"),
    };
    let event = cymmetri::decode(spec, body.to_string().into_bytes(), arrival).expect("an event");
    let watch = Stopwatch { elapsed: &|| Duration::ZERO, budget: Duration::from_secs(1) };
    let judged = rules.decide(&event, &Facts::default(), &watch);
    (Arc::new(event), judged)
}

fn put(mut target: &mut Value, path: &str, text: &str) {
    for name in path.split('.') {
        target = &mut target[name];
    }
    *target = serde_json::from_str(text).unwrap_or_else(|_| text.into());
}

/// The words of a command line, `'…'` taken for one.
fn words(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quoted = false;
    for character in line.chars() {
        match character {
            '\'' => quoted = !quoted,
            ' ' if !quoted => words.push(String::new()),
            other => words.last_mut().expect("a word").push(other),
        }
    }
    words
}

/// What `hookreeve send` would print.
fn sent(rules: &RuleSet, command: &str) -> String {
    let words = words(command);
    let name = words.first().expect("an event");
    let spec = catalog::find(name).unwrap_or_else(|| panic!("no event: {command}"));
    let mut body: Value = serde_json::from_str(spec.sample).expect("a sample");
    let mut rest = words[1..].iter();
    while let Some(option) = rest.next() {
        let value = rest.next().unwrap_or_else(|| panic!("{option} has no value: {command}"));
        match option.as_str() {
            "--set" => {
                let (path, text) = value.split_once('=').expect("FIELD=VALUE");
                put(&mut body["request"], path, text);
            }
            "--config" | "--url" | "--ca" => {}
            _ => panic!("{option} cannot be tried: {command}"),
        }
    }
    let (event, judged) = judge(rules, name, &body);
    cymmetri::encode(&event, &judged.decision, AcceptShape::Data).expect("a reply").body.into_owned()
}

/// Whether `text` is `pattern`, in which `…` stands for anything.
fn matches(text: &str, pattern: &str) -> bool {
    let mut parts = pattern.split('…');
    let Some(mut rest) = parts.next().and_then(|first| text.strip_prefix(first)) else { return false };
    let mut last = None;
    for part in parts {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
        last = Some(part);
    }
    rest.is_empty() || last == Some("")
}

fn try_document(name: &str, text: &str, start: Option<&str>) {
    let mut rules = start.map(|toml| planned(toml).0.expect("a plan").rules);
    let mut said: Option<String> = None;
    let mut tried = 0;
    let mut last = String::new();
    for block in blocks(text) {
        let place = format!("{name}:{}", block.line);
        match block.info {
            "toml" => {
                let (plan, findings, text) = planned(&block.body);
                assert!(findings.is_empty(), "{place}\n{text}");
                rules = plan.map(|plan| plan.rules).filter(|rules| !rules.is_empty()).or(rules);
                last.clone_from(&block.body);
                tried += 1;
            }
            "toml fails" => {
                let (_, findings, text) = planned(&block.body);
                assert!(findings.has_errors(), "{place} has no errors\n{text}");
                said = Some(text);
                tried += 1;
            }
            "toml warns" => {
                let (_, findings, text) = planned(&block.body);
                assert!(findings.warnings() > 0 && !findings.has_errors(), "{place}\n{text}");
                said = Some(text);
                tried += 1;
            }
            "text" => {
                if let Some(said) = said.take() {
                    assert_eq!(block.body.trim_end(), said, "{place}");
                }
            }
            "console" if PRINTED.iter().any(|command| block.body.starts_with(command)) => {
                let (command, expected) = block.body.split_once('\n').unwrap_or_default();
                assert_eq!(expected, printed(&last, command.trim_start_matches("$ hookreeve ")), "{place}");
                tried += 1;
            }
            "console" => {
                let mut lines = block.body.lines();
                while let Some(line) = lines.next() {
                    let Some(command) = line.strip_prefix("$ hookreeve send ") else { continue };
                    let reply = sent(rules.as_ref().expect("rules before it"), command);
                    let expected = lines.find(|line| !line.contains(" -> ")).unwrap_or_default();
                    assert!(matches(&reply, expected), "{place} {command}\nit is {reply}");
                    tried += 1;
                }
            }
            "rust" => {
                let missing = block.body.lines().find(|line| !EXAMPLE.contains(line.trim()));
                assert_eq!(missing, None, "{place} is not in examples/custom_handler.rs");
            }
            _ => {}
        }
    }
    assert!(tried > 3, "{name}: only {tried} were found");
}

/// The examples of a document's tables, each with its value.
fn examples(text: &str) -> Vec<(String, String)> {
    let mut examples = Vec::new();
    let mut header = false;
    for line in text.lines() {
        if !line.starts_with('|') {
            header = false;
        } else if line.ends_with("| example | value |") {
            header = true;
        } else if header && !line.starts_with("|---") {
            let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
            let [.., example, value] = cells[..] else { panic!("{line}") };
            examples.push((example.trim_matches('`').to_owned(), value.trim_matches('`').to_owned()));
        }
    }
    examples
}

#[test]
fn the_readme_is_true() {
    try_document("README.md", README, Some(DEMO));
}

#[test]
fn the_document_of_rules_is_true() {
    try_document("docs/rules.md", RULES, None);
}

#[test]
fn the_configurations_in_operations_load() {
    try_document("docs/operations.md", OPERATIONS, Some(DEMO));
}

#[test]
fn every_example_of_an_expression_has_the_value_that_stands_there() {
    let examples = examples(RULES);
    assert!(examples.len() > 60, "{}", examples.len());
    let declared = "[attributes]\n'user.age' = 'int'\n".to_owned();
    let toml = examples.iter().enumerate().fold(declared, |mut toml, (number, (example, _))| {
        let _ = write!(
            toml,
            "[[rule]]\nid = '{number}'\non = 'policyMap'\nwhen = 'request.targetAttribute == \"{number}\"'\n\
             map = '''{example}'''\n"
        );
        toml
    });
    let (plan, findings, text) = planned(&toml);
    assert!(findings.is_empty(), "{text}");
    let plan = plan.expect("nothing is wrong");
    for (number, (example, expected)) in examples.iter().enumerate() {
        let body = json!({ "request": { "targetAttribute": number.to_string(), "user": {
            "login": "shreyash2",
            "email": "Asha@Corp.example",
            "age": 34,
            "startDate": "21-Nov-2026",
            "endDate": "2026-11-21T08:30:00+05:30",
            "assignedGroups": ["staff", "pune"],
            "address": { "city": "Pune", "a.b": 1 },
        } } });
        let (event, judged) = judge(&plan.rules, "policyMap", &body);
        let errors: Vec<&str> = judged.trace.errors().map(|(_, error)| error.message.as_str()).collect();
        if expected == "error" {
            assert_eq!(errors.len(), 1, "{example}");
            continue;
        }
        assert!(errors.is_empty(), "{example}: {errors:?}");
        let reply = cymmetri::encode(&event, &judged.decision, AcceptShape::Data).expect("a reply");
        let reply: Value = serde_json::from_str(&reply.body).expect("JSON");
        let expected: Value = serde_json::from_str(expected).unwrap_or_else(|error| panic!("{expected}: {error}"));
        assert_eq!(reply["response"]["mappedValue"], expected, "{example}");
    }
}

#[test]
fn every_event_and_every_function_is_documented() {
    for spec in catalog::events() {
        let effects: Vec<String> = spec.effects().iter().map(|effect| format!("`{}`", effect.key())).collect();
        let row = format!("| `{}` | {} | {} |", spec.name, spec.doc, effects.join(", ")).replace("|  |", "| |");
        assert!(RULES.contains(&row), "docs/rules.md lacks: {row}");
    }
    let (_, table) = RULES.split_once("### Functions").expect("the chapter");
    let (table, _) = table.split_once("### Limits").expect("the next chapter");
    for function in FUNCTIONS {
        let call = match function.receiver {
            Some(_) => format!(".{}(", function.name),
            None => format!("`{}(", function.name),
        };
        assert!(table.contains(&call), "docs/rules.md lacks: {call}…) - {}", function.doc);
    }
}

#[test]
fn every_metric_and_every_reason_for_a_401_is_documented() {
    let metrics = Metrics::new().encode();
    for name in metrics.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next()) {
        assert!(OPERATIONS.contains(&format!("`{name}")), "docs/operations.md lacks {name}");
    }
    for reason in DeniedReason::ALL {
        assert!(OPERATIONS.contains(&format!("`{}`", reason.code())), "docs/operations.md lacks {}", reason.code());
    }
}

#[test]
fn every_link_into_the_repository_leads_somewhere() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for name in ["README.md", "CHANGELOG.md", "docs/rules.md", "docs/operations.md", "docs/architecture.md"] {
        let text = std::fs::read_to_string(root.join(name)).expect(name);
        let directory = root.join(name).parent().expect("a directory").to_owned();
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            if link.contains("://") {
                continue;
            }
            let (file, chapter) = link.split_once('#').unwrap_or((link, ""));
            let path = if file.is_empty() { root.join(name) } else { directory.join(file) };
            assert!(path.exists(), "{name}: {link}");
            if !chapter.is_empty() {
                let target = std::fs::read_to_string(&path).expect("text");
                assert!(headings(&target).any(|heading| heading == chapter), "{name}: {link}");
            }
        }
    }
}

/// The anchors of a document's headings.
fn headings(text: &str) -> impl Iterator<Item = String> {
    text.lines().filter(|line| line.starts_with('#')).map(|line| {
        let title = line.trim_start_matches('#').trim().to_lowercase();
        title
            .chars()
            .filter(|&c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'))
            .collect::<String>()
            .replace(' ', "-")
    })
}
