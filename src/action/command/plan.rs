//! The keys of an action of type command, checked.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::action::compile::Written;
use crate::base::diagnostic::{Diagnostic, Diagnostics};
use crate::base::tree::Node;
use crate::event::FieldPath;

/// What an action of type command needs beside a job and an environment.
#[derive(Debug)]
pub(in crate::action) struct Plan {
    pub(super) program: String,
    pub(super) arguments: Vec<String>,
    pub(super) env: Vec<String>,
    pub(super) dir: PathBuf,
    pub(super) timeout: Duration,
    pub(super) done: Vec<u16>,
    pub(super) dead: Vec<u16>,
    /// The secret fields of each event.
    hidden: Vec<(&'static str, Vec<FieldPath>)>,
}

/// Where a program without a path is looked for, whatever the server's own `PATH` is.
const PATH: [&str; 6] = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"];

/// The variables that every program sees.
const OURS: [&str; 4] = ["HOOKREEVE_EVENT", "HOOKREEVE_ENTRY_ID", "HOOKREEVE_IDEMPOTENCY_KEY", "HOOKREEVE_ATTEMPT"];

impl Plan {
    /// Checks the keys of a table.
    pub(in crate::action) fn compile(written: &Written<'_>, findings: &mut Diagnostics) -> Option<Self> {
        let before = findings.errors();
        let raw = written.raw;
        let items = |key: &str| written.entry.get(key).and_then(Node::as_array).unwrap_or_default();
        for node in items("argv") {
            let text = node.as_str().unwrap_or_default();
            let finding = if text.contains("${") {
                Diagnostic::error("action-argv", "what a program is called with is taken literally")
                    .hint("the event comes as JSON on the program's standard input")
            } else if text.contains('\0') {
                Diagnostic::error("action-argv", "a program cannot be called with this character")
            } else {
                continue;
            };
            findings.push(finding.at(&node.place));
        }
        match raw.argv.first() {
            None if written.has("argv") && written.entry.get("argv").is_none() => {}
            None => {
                let finding = Diagnostic::error("action-argv", "an action of type command takes an `argv`");
                findings.push(finding.at(written.place("type")).hint("argv = [\"/usr/local/bin/tell-crm\"]"));
            }
            Some(program) if program.is_empty() || (program.contains('/') && !program.starts_with('/')) => {
                let message = "the program must be an absolute path, or a name alone";
                let place = items("argv").first().map_or(written.place("argv"), |node| &node.place);
                let hint = format!("a name alone is looked for in {}", PATH.join(":"));
                findings.push(Diagnostic::error("action-argv", message).at(place).hint(hint));
            }
            Some(_) => {}
        }
        for (name, node) in raw.env.iter().zip(items("env")) {
            let plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
            let message = if !plain || name.is_empty() {
                "expected a variable's name"
            } else if OURS.contains(&name.as_str()) {
                "this variable is there anyway"
            } else {
                continue;
            };
            findings.push(Diagnostic::error("action-env", message).at(&node.place));
        }
        for key in ["done", "dead"] {
            for node in
                items(key).iter().filter(|node| !matches!(node.value, crate::base::tree::Value::Integer(1..=255)))
            {
                findings.push(Diagnostic::error("action-exit", "expected an exit code from 1 to 255").at(&node.place));
            }
        }
        for (code, node) in raw.dead.iter().zip(items("dead")).filter(|(code, _)| raw.done.contains(code)) {
            let message = format!("{code} cannot count as both done and dead");
            findings.push(Diagnostic::error("action-exit", message).at(&node.place));
        }
        let hidden = written.specs.iter().map(|spec| (spec.name, written.context.secrets.of(spec))).collect();
        let (program, arguments) = raw.argv.split_first()?;
        (findings.errors() == before).then(|| Self {
            program: program.clone(),
            arguments: arguments.to_vec(),
            env: raw.env.clone(),
            dir: raw.dir.clone().unwrap_or_else(|| PathBuf::from("/")),
            timeout: written.timeout,
            done: raw.done.clone(),
            dead: raw.dead.clone(),
            hidden,
        })
    }

    /// The program's path, as it is now.
    pub(super) fn find_program(&self) -> Option<PathBuf> {
        if self.program.starts_with('/') {
            return Some(PathBuf::from(&self.program));
        }
        PATH.iter().map(|directory| Path::new(directory).join(&self.program)).find(|path| is_program(path))
    }

    /// The secret fields of an event.
    pub(super) fn hidden(&self, event: &str) -> &[FieldPath] {
        self.hidden.iter().find(|(name, _)| *name == event).map_or(&[], |(_, hidden)| hidden)
    }
}

fn is_program(path: &Path) -> bool {
    path.metadata().is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
}
