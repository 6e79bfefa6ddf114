//! The keys of an action of type command, checked.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::Command;
use super::raw::RawCommand;
use crate::action::set::Tools;
use crate::action::written::Written;
use crate::action::{Action, kind};
use crate::base::diagnostic::{Diagnostic, Diagnostics};
use crate::base::tree::Node;
use crate::event::FieldPath;

/// What an action of type command needs beside a job and an environment.
#[derive(Debug)]
pub(super) struct Plan {
    /// With a program.
    pub(super) raw: RawCommand,
    pub(super) timeout: Duration,
    /// The secret fields of each event.
    hidden: Vec<(&'static str, Vec<FieldPath>)>,
}

/// Where a program without a path is looked for, whatever the server's own `PATH` is.
const PATH: [&str; 6] = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"];

/// The variables that every program sees.
const OURS: [&str; 4] = ["HOOKREEVE_EVENT", "HOOKREEVE_ENTRY_ID", "HOOKREEVE_IDEMPOTENCY_KEY", "HOOKREEVE_ATTEMPT"];

impl kind::Keys for RawCommand {
    fn compile(&self, written: &Written<'_>, findings: &mut Diagnostics) -> Option<Arc<dyn kind::Plan>> {
        let before = findings.errors();
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
        match self.argv.first() {
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
        for (name, node) in self.env.iter().zip(items("env")) {
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
        for (code, node) in self.dead.iter().zip(items("dead")).filter(|(code, _)| self.done.contains(code)) {
            let message = format!("{code} cannot count as both done and dead");
            findings.push(Diagnostic::error("action-exit", message).at(&node.place));
        }
        let hidden = written.specs.iter().map(|spec| (spec.name, written.context.secrets.of(spec))).collect();
        let plan = Plan { raw: self.clone(), timeout: written.timeout, hidden };
        (findings.errors() == before && !self.argv.is_empty()).then(|| Arc::new(plan) as _)
    }
}

impl kind::Plan for Plan {
    fn lookups(&self, _: &str) -> Vec<Arc<str>> {
        Vec::new()
    }

    fn prepare(self: Arc<Self>, tools: &Tools<'_>, _: &mut Diagnostics) -> Option<Arc<dyn Action>> {
        Some(Arc::new(Command::new(self, tools)))
    }
}

impl Plan {
    fn program(&self) -> &str {
        self.raw.argv.first().map_or("", String::as_str)
    }

    /// What the program is called with.
    pub(super) fn arguments(&self) -> &[String] {
        self.raw.argv.get(1..).unwrap_or_default()
    }

    /// The directory that it runs in.
    pub(super) fn dir(&self) -> &Path {
        self.raw.dir.as_deref().unwrap_or(Path::new("/"))
    }

    /// The program's path, as it is now.
    pub(super) fn find_program(&self) -> Option<PathBuf> {
        let program = self.program();
        if program.starts_with('/') {
            return Some(PathBuf::from(program));
        }
        PATH.iter().map(|directory| Path::new(directory).join(program)).find(|path| is_program(path))
    }

    /// The secret fields of an event.
    pub(super) fn hidden(&self, event: &str) -> &[FieldPath] {
        self.hidden.iter().find(|(name, _)| *name == event).map_or(&[], |(_, hidden)| hidden)
    }
}

fn is_program(path: &Path) -> bool {
    path.metadata().is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
}
