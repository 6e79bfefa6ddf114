//! `type = "command"`: a program is run, without a shell, with the event as JSON on its standard input.
//!
//! Nothing of the event is in its arguments, and of the environment only what the table names and four variables of ours.
//! It runs in a process group of its own, of which nothing is left when the attempt is over.

mod plan;
mod raw;
mod run;

#[cfg(test)]
mod tests;

use std::ffi::OsString;
use std::io;
use std::os::unix::process::ExitStatusExt as _;
use std::process::ExitStatus;
use std::sync::Arc;

use super::set::Tools;
use super::{Action, Answer, Job, envelope};
use crate::base::future::BoxFuture;
use crate::base::units::Span;

use plan::Plan;
pub(super) use raw::RawCommand;
use run::{Ended, Run};

/// The action, ready to run.
struct Command {
    plan: Arc<Plan>,
    /// What it sees of the server's environment.
    environment: Vec<(String, OsString)>,
}

impl Command {
    /// Takes the variables that the program may see.
    fn new(plan: Arc<Plan>, tools: &Tools<'_>) -> Self {
        let variables = plan.raw.env.iter().filter_map(|name| Some((name.clone(), (tools.variable)(name)?)));
        Self { environment: variables.collect(), plan }
    }

    fn run(&self, job: &Job) -> Result<Run, Answer> {
        let plan = &*self.plan;
        let program = plan.find_program().ok_or_else(|| Answer::trouble("the program is not there"))?;
        let own = [
            ("HOOKREEVE_EVENT", job.event.name().to_owned()),
            ("HOOKREEVE_ENTRY_ID", job.entry_id.clone()),
            ("HOOKREEVE_IDEMPOTENCY_KEY", job.idempotency_key.clone()),
            ("HOOKREEVE_ATTEMPT", job.attempt.to_string()),
        ];
        let mut command = tokio::process::Command::new(program);
        command
            .args(plan.arguments())
            .env_clear()
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .envs(own)
            .current_dir(plan.dir());
        let input = envelope::write(job, plan.hidden(job.event.name()), &job.secrets) + "\n";
        Run::start(command, input.into_bytes()).map_err(|error| not_started(&error))
    }

    fn answer(&self, job: &Job, run: &Run, ended: io::Result<Ended>) -> Answer {
        let plan = &*self.plan;
        let answer = match ended {
            Ok(Ended::Exited(status)) => plan.answer(status),
            Ok(Ended::TimedOut) => Answer::retry(format!("not done within {}: it was ended", Span(plan.timeout))),
            Err(error) => Answer::retry(format!("how it ended cannot be told: {}", error.kind())),
        };
        // What it was given it may have repeated.
        if answer.fate == super::Fate::Done || !job.secrets.is_empty() {
            answer
        } else {
            answer.with_detail(run.said())
        }
    }
}

impl Plan {
    /// The answer that an exit status is.
    fn answer(&self, status: ExitStatus) -> Answer {
        let Some(code) = status.code() else {
            return Answer::retry(format!("ended by signal {}", status.signal().unwrap_or_default()));
        };
        let what = format!("exit code {code}");
        let listed = |codes: &[u16]| codes.iter().any(|listed| i32::from(*listed) == code);
        if code == 0 || listed(&self.raw.done) {
            Answer::done(what)
        } else if listed(&self.raw.dead) {
            Answer::dead(what)
        } else {
            Answer::retry(what)
        }
    }
}

impl Action for Command {
    fn attempt<'a>(&'a self, job: &'a Job) -> BoxFuture<'a, Answer> {
        Box::pin(async move {
            let mut run = match self.run(job) {
                Ok(run) => run,
                Err(answer) => return answer,
            };
            let ended = run.finish(self.plan.timeout).await;
            self.answer(job, &run, ended)
        })
    }
}

/// Why a program could not be started: what somebody has to see to, or what may pass.
fn not_started(error: &io::Error) -> Answer {
    /// `ENOEXEC`: neither a program nor a script with its first line.
    const NO_PROGRAM: i32 = 8;
    match error.kind() {
        io::ErrorKind::NotFound => Answer::trouble("the program, its interpreter or its directory is not there"),
        io::ErrorKind::PermissionDenied => Answer::trouble("the program may not be run"),
        io::ErrorKind::NotADirectory => Answer::trouble("the directory that it is to run in is none"),
        _ if error.raw_os_error() == Some(NO_PROGRAM) => Answer::trouble("the file is no program"),
        kind => Answer::retry(format!("the program could not be started: {kind}")),
    }
}
