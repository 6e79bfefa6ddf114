//! Reading the configuration again: on a change of any file and on SIGHUP, through one function, whole or not at all.

use std::sync::Arc;

use tokio::signal::unix::{Signal, SignalKind, signal};

use super::{App, plan};
use crate::base::diagnostic::{Diagnostics, Problem, Severity};
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
    },
    /// Something is wrong with it; the last good one stays.
    Rejected(Diagnostics),
}

impl App {
    /// Keeps the configuration in force up to date until the server drains.
    pub(super) async fn keep_up_to_date(&mut self, mut hangup: Option<Signal>) {
        let mut watch = Watch::start(self.loaded.files.clone());
        let stop = self.stop.clone();
        loop {
            let why = tokio::select! {
                () = stop.draining() => return,
                () = watch.changed() => "a file has changed",
                () = heard(&mut hangup) => "SIGHUP",
            };
            tracing::info!(why, "reading the configuration again");
            let outcome = self.reload();
            if matches!(outcome, Reloaded::Applied { .. }) {
                self.keep_directory_indexed();
                self.deliverer.tell_orphans().await;
            }
            watch.replace(self.loaded.files.clone());
            self.tell(&outcome);
        }
    }

    /// Reads the configuration again and puts it in force, if nothing is wrong with it.
    pub(super) fn reload(&mut self) -> Reloaded {
        let loaded = self.source.load();
        let outcome = self.try_apply(&loaded);
        self.loaded = loaded;
        outcome
    }

    fn try_apply(&mut self, loaded: &Loaded) -> Reloaded {
        let (plan, mut findings) = plan(loaded, &self.source.registry, Some(Severity::Error));
        let Some(plan) = plan else { return Reloaded::Rejected(findings) };
        findings
            .extend(restart_needed(&self.settings, &plan.settings).into_iter().map(|problem| loaded.locate(problem)));
        if findings.has_errors() {
            return Reloaded::Rejected(findings);
        }
        let previous = self.receiver.active();
        let (metrics, previous) = (self.receiver.metrics(), previous.as_deref());
        let Some(lookups) = plan.lookups(loaded, &self.source, metrics, previous, &mut findings) else {
            return Reloaded::Rejected(findings);
        };
        let active = match plan.activate(loaded, &self.source, &self.journal, lookups, previous) {
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
        // Workers first, so that nothing is kept for an action that has none.
        self.deliverer.replace(&plan.actions, &ready);
        self.receiver.activate(Arc::new(active));
        self.apply(plan.settings);
        Reloaded::Applied { rules, warnings: findings }
    }

    fn tell(&self, outcome: &Reloaded) {
        let metrics = self.receiver.metrics();
        match outcome {
            Reloaded::Applied { rules, warnings } => {
                for warning in warnings {
                    tracing::warn!("{}", warning.one_line());
                }
                metrics.reloaded("applied");
                metrics.set_rules(*rules);
                tracing::info!(rules, "the configuration is in force");
            }
            Reloaded::Rejected(findings) => {
                metrics.reloaded("rejected");
                for finding in findings.iter().filter(|finding| finding.severity == Severity::Error) {
                    tracing::error!("{}", finding.one_line());
                }
                let errors = findings.errors();
                tracing::error!(errors, "the configuration is not taken; the last good one stays in force");
            }
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
