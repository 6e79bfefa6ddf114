//! Reading the configuration again: on a change of any file and on SIGHUP, through one function, whole or not at all.

use std::sync::Arc;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;

use super::control::Wish;
use super::control::protocol::Reply;
use super::{App, plan};
use crate::base::diagnostic::{Diagnostic, Diagnostics, Problem, Severity};
use crate::config::watch::Watch;
use crate::config::{Loaded, Settings};

/// What came of reading the configuration again.
#[derive(Debug)]
pub enum Reloaded {
    /// It is in force.
    Applied {
        /// How many rules it has.
        rules: usize,
        /// What will probably not do what was meant.
        warnings: Diagnostics,
        /// What `[reload]` has to say of it.
        checked: Option<String>,
    },
    /// Something is wrong with it; the last good one stays.
    Rejected(Diagnostics),
    /// It would refuse whom `[reload]` says that it must not; the last good one stays.
    Refused(String),
}

impl App {
    /// Keeps the configuration in force up to date until the server drains.
    pub(super) async fn keep_up_to_date(&mut self, mut hangup: Option<Signal>, mut wishes: mpsc::Receiver<Wish>) {
        let mut watch = Watch::start(self.loaded.files.clone());
        let stop = self.stop.clone();
        loop {
            let (why, wish) = tokio::select! {
                () = stop.draining() => return,
                () = watch.changed() => ("a file has changed", None),
                () = heard(&mut hangup) => ("SIGHUP", None),
                Some(wish) = wishes.recv() => ("a command", Some(wish)),
            };
            tracing::info!(why, "reading the configuration again");
            let force = wish.as_ref().is_some_and(|wish| wish.force);
            let outcome = tokio::select! {
                () = stop.draining() => return,
                outcome = self.reload(force) => outcome,
            };
            if matches!(outcome, Reloaded::Applied { .. }) {
                self.keep_directory_indexed();
                self.deliverer.tell_orphans().await;
            }
            watch.replace(self.loaded.files.clone());
            self.tell(&outcome);
            if let Some(wish) = wish {
                // Whoever asked may have left.
                let _ = wish.heard.send(outcome.reply());
            }
        }
    }

    /// Reads the configuration again and puts it in force, if nothing is wrong with it.
    async fn reload(&mut self, force: bool) -> Reloaded {
        let loaded = self.source.load();
        let outcome = self.try_apply(&loaded, force).await;
        self.loaded = loaded;
        outcome
    }

    async fn try_apply(&mut self, loaded: &Loaded, force: bool) -> Reloaded {
        let (plan, mut findings) = plan(loaded, &self.source.registry, Some(Severity::Error));
        let Some(plan) = plan else { return Reloaded::Rejected(findings) };
        findings
            .extend(restart_needed(&self.settings, &plan.settings).into_iter().map(|problem| loaded.locate(problem)));
        if findings.has_errors() {
            return Reloaded::Rejected(findings);
        }
        let judging = (plan.court(&self.source.registry), plan.rule_text.hash);
        let checked = match self.check(&judging).await {
            None => None,
            Some(Ok(said)) => Some(said),
            Some(Err(why)) if force => Some(format!("forced, although {why}")),
            Some(Err(why)) => return Reloaded::Refused(why),
        };
        let previous = self.receiver.active();
        let (metrics, previous) = (self.receiver.metrics(), previous.as_deref());
        let Some(lookups) = plan.lookups(loaded, &self.source, metrics, previous, &mut findings) else {
            return Reloaded::Rejected(findings);
        };
        let (active, beside) = match plan.activate(loaded, &self.source, &self.lasting, lookups, previous) {
            Ok(active) => active,
            Err(more) => {
                findings.extend(more);
                return Reloaded::Rejected(findings);
            }
        };
        let ready = match plan.person(loaded).and_then(|person| plan.ready(loaded, &self.source, &person)) {
            Ok(ready) => ready,
            Err(more) => {
                findings.extend(more);
                return Reloaded::Rejected(findings);
            }
        };
        // Last, because it takes effect at once.
        if let Some(Err(error)) = self.tls.as_ref().map(|tls| tls.reload()) {
            findings.push(super::plan::tls_problem(loaded, &error));
            return Reloaded::Rejected(findings);
        }
        let rules = plan.rules.len();
        findings.extend(beside.begin(&self.lasting));
        // Workers first, so that nothing is kept for an action that has none.
        self.deliverer.replace(&plan.actions, &ready);
        self.lasting.guards.adopt(&plan.guards);
        self.receiver.activate(Arc::new(active));
        self.judging = judging;
        self.apply(plan.settings);
        Reloaded::Applied { rules, warnings: findings, checked }
    }

    fn tell(&self, outcome: &Reloaded) {
        const NOT_TAKEN: &str = "the configuration is not taken; the last good one stays in force";
        let metrics = self.receiver.metrics();
        let now = self.source.clock.now();
        match outcome {
            Reloaded::Applied { rules, warnings, checked } => {
                for warning in warnings {
                    tracing::warn!("{}", warning.one_line());
                }
                metrics.reloaded("applied");
                metrics.set_rules(*rules);
                self.receiver.set_refused_reload(None);
                if let Some(checked) = checked {
                    tracing::info!("{checked}");
                }
                tracing::info!(rules, "the configuration is in force");
            }
            Reloaded::Rejected(findings) => {
                metrics.reloaded("rejected");
                for finding in findings.iter().filter(|finding| finding.severity == Severity::Error) {
                    tracing::error!("{}", finding.one_line());
                }
                let errors = findings.errors();
                self.receiver.set_refused_reload(Some(format!("since {now}: errors were found in it")));
                tracing::error!(errors, "{NOT_TAKEN}");
            }
            Reloaded::Refused(why) => {
                metrics.reloaded("refused");
                self.receiver.set_refused_reload(Some(format!("since {now}: {why}")));
                tracing::error!("{why}; `hookreeve reload --force` puts it in force all the same");
                tracing::error!(errors = 1, "{NOT_TAKEN}");
            }
        }
    }
}

impl Reloaded {
    /// What whoever asked for it hears.
    fn reply(&self) -> Reply {
        match self {
            Self::Applied { rules, warnings, checked } => {
                let warnings = warnings.iter().map(Diagnostic::one_line);
                Reply::Reloaded { rules: *rules, said: checked.clone().into_iter().chain(warnings).collect() }
            }
            Self::Rejected(findings) => {
                let errors = findings.iter().filter(|finding| finding.severity == Severity::Error);
                let lines: Vec<String> = errors.map(|finding| format!("\n  {}", finding.one_line())).collect();
                Reply::failed(format!("the configuration is not taken:{}", lines.concat()))
            }
            Self::Refused(why) => Reply::failed(format!("the configuration is not taken: {why}")),
        }
    }
}

/// SIGHUP from now on; before, it ends the process.
pub(super) fn hangup() -> Option<Signal> {
    signal(SignalKind::hangup()).inspect_err(|error| tracing::warn!(%error, "SIGHUP is not heard")).ok()
}

async fn heard(signal: &mut Option<Signal>) {
    match signal {
        Some(signal) => _ = signal.recv().await,
        None => std::future::pending().await,
    }
}

/// The settings that only a restart can change, where they differ.
fn restart_needed(old: &Settings, new: &Settings) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut compare = |same: bool, path: &[&str]| {
        if !same {
            let name = path.join(".");
            let problem = Problem::error("restart-needed", path, format!("a change of `{name}` needs a restart"));
            problems.push(problem.hint("restart the server, or set it back"));
        }
    };
    compare(old.server.listen == new.server.listen, &["server", "listen"]);
    compare(old.server.data_dir == new.server.data_dir, &["server", "data_dir"]);
    compare(old.server.workers == new.server.workers, &["server", "workers"]);
    compare(old.server.tls == new.server.tls, &["server", "tls"]);
    let mut kept = new.journal.clone();
    // These are taken over by every event anew.
    let (records, unavailable) = (old.journal.records.clone(), old.journal.unavailable.clone());
    (kept.records, kept.unavailable, kept.payload) = (records, unavailable, old.journal.payload);
    compare(old.journal == kept, &["journal"]);
    compare(old.metrics == new.metrics, &["metrics"]);
    compare(old.log.format == new.log.format, &["log", "format"]);
    problems
}
