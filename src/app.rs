//! The composition root: from a configuration and a registry of handlers to a server that runs, reloads and stops.
//!
//! It owns every task. What the parts do is theirs; what a command prints is `cli`'s.

pub mod control;
mod costs;
mod fit;
mod guards;
mod journal;
mod person;
mod plan;
mod reload;
mod reload_check;
mod rule_text;
mod shadow;
pub(crate) mod systems;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use anyhow::Context as _;
use futures_util::FutureExt as _;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::action::{ActionSet, Ready};
use crate::base::clock::Clock;
use crate::base::diagnostic::{Diagnostics, Severity};
use crate::config::{Environment, Loaded, Settings};
use crate::delivery::{self, Deliverer};
use crate::http::listener::{self, Limits, Stop};
use crate::http::receive::Receiver;
use crate::http::router::{self, HealthSwitch};
use crate::http::tls;
use crate::judge::{Registry, Worker};
use crate::retrial::Court;
use crate::telemetry::log::Log;
use crate::telemetry::metrics::Metrics;

use control::{Control, Office};
pub use costs::Costs;
pub use journal::options as journal_options;
pub use person::{pseudonym_key, read_pseudonym_key};
use plan::{Built, Lasting};
pub use plan::{Plan, plan, testables};
pub use reload::Reloaded;
pub use rule_text::{KeptRules, RuleText};
pub use shadow::{ShadowPlan, shadow};

/// How long dropped connections may take to be gone.
const ABORT_TIME: std::time::Duration = std::time::Duration::from_secs(2);

/// A server that is ready to run. A configuration that is wrong makes none.
pub struct App {
    source: Source,
    settings: Settings,
    receiver: Arc<Receiver>,
    tls: Option<Arc<tls::Acceptor>>,
    health: HealthSwitch,
    limits: Arc<arc_swap::ArcSwap<Limits>>,
    log: Option<Log>,
    lasting: Lasting,
    /// Who keeps behind the reply what the shadow file judges, too.
    aside: Option<Worker>,
    deliverer: Deliverer,
    /// What the deliverer begins with.
    work: (Arc<ActionSet>, Ready),
    /// The rules in force and the hash of their text.
    judging: (Court, [u8; 32]),
    tasks: TaskTracker,
    /// Ends the work on the directory's index.
    indexing: CancellationToken,
    loaded: Loaded,
    stop: Stop,
}

/// Where a configuration comes from, so that it can be read again.
#[derive(Clone)]
pub struct Source {
    /// The file, if one was named.
    pub path: Option<PathBuf>,
    /// The environment.
    pub environment: Environment,
    /// The handlers of this program.
    pub registry: Registry,
    /// The clock.
    pub clock: Clock,
}

/// The sockets that a server listens on.
pub struct Listeners {
    /// For events.
    pub receiver: TcpListener,
    /// For metrics, where they are asked for.
    pub metrics: Option<TcpListener>,
}

impl Source {
    /// Reads the configuration.
    pub fn load(&self) -> Loaded {
        crate::config::load(self.path.as_deref(), &self.environment)
    }
}

impl App {
    /// Puts a server together.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with the configuration, secrets and certificates included.
    pub fn build(source: Source, loaded: Loaded, stop: Stop) -> Result<Self, Diagnostics> {
        let metrics = Metrics::new();
        let receiver = Arc::new(Receiver::new(source.clock.clone(), metrics, stop.clone()));
        let (plan, mut findings) = plan(&loaded, &source.registry, Some(Severity::Error));
        let metrics = receiver.metrics();
        let built = plan.and_then(|plan| match plan.put_together(&loaded, &source, metrics, &mut findings) {
            Ok(built) => Some((plan, built)),
            Err(more) => {
                findings.extend(more);
                None
            }
        });
        let Some((plan, Built { lasting, aside, active, beside, ready })) = built else { return Err(findings) };
        for finding in &findings {
            tracing::warn!("{}", finding.one_line());
        }
        receiver.metrics().set_rules(plan.rules.len());
        let tls = match plan.tls(&loaded) {
            Ok(tls) => tls.map(Arc::new),
            Err(finding) => {
                findings.push(finding);
                return Err(findings);
            }
        };
        let tasks = TaskTracker::new();
        let deliverer = Deliverer::new(delivery::Tools {
            journal: lasting.journal.clone(),
            clock: source.clock.clone(),
            metrics: receiver.metrics().clone(),
            performances: receiver.performances().clone(),
            tasks: tasks.clone(),
            stop: stop.clone(),
        });
        let judging = (plan.court(&source.registry), plan.rule_text.hash);
        let settings = plan.settings;
        for finding in &beside.begin(&lasting) {
            tracing::warn!("{}", finding.one_line());
        }
        receiver.activate(Arc::new(active));
        let health = Arc::new(std::sync::atomic::AtomicBool::new(settings.server.health));
        let limits = Arc::new(arc_swap::ArcSwap::from_pointee(limits(&settings)));
        Ok(Self {
            source,
            settings,
            receiver,
            tls,
            health,
            limits,
            log: None,
            lasting,
            aside: Some(aside),
            deliverer,
            work: (plan.actions, ready),
            judging,
            tasks,
            indexing: CancellationToken::new(),
            loaded,
            stop,
        })
    }

    /// The fixed sections that it was built from.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Lets a reload change the log's level, too.
    #[must_use]
    pub fn with_log(mut self, log: Option<Log>) -> Self {
        self.log = log;
        self
    }

    /// Opens the sockets that the configuration names.
    pub async fn bind(&self) -> anyhow::Result<Listeners> {
        let bind = async |address: std::net::SocketAddr, what: &str| {
            TcpListener::bind(address).await.with_context(|| format!("cannot listen on {address} ({what})"))
        };
        let receiver = bind(self.settings.server.listen.0, "[server] listen").await?;
        let metrics = match &self.settings.metrics {
            Some(metrics) => Some(bind(metrics.listen.0, "[metrics] listen").await?),
            None => None,
        };
        Ok(Listeners { receiver, metrics })
    }

    /// Serves until the stop signal that it was built with says to drain, and returns once every task has ended: when the
    /// last reply is out, at the latest when the time to drain is up.
    pub async fn run(mut self, listeners: Listeners) -> anyhow::Result<()> {
        let tasks = self.tasks.clone();
        let stop = self.stop.clone();
        self.recall().await?;
        let control = Control::bind(&self.settings.server.data_dir)?;
        let journal = self.lasting.journal.clone();
        let (reloads, wishes) = mpsc::channel(1);
        let office = Office {
            journal: journal.clone(),
            receiver: self.receiver.clone(),
            clock: self.source.clock.clone(),
            reloads,
        };
        tasks.spawn(control.serve(office, tasks.clone(), stop.clone()));
        self.deliverer.replace(&self.work.0, &self.work.1);
        self.deliverer.tell_orphans().await;
        self.keep_directory_indexed();
        tasks.spawn(journal::keep(journal.clone(), stop.clone()));
        tasks.spawn(guards::keep(self.receiver.clone(), self.source.clock.clone(), stop.clone()));
        if let Some(aside) = self.aside.take() {
            tasks.spawn(aside.run(stop.clone()));
        }
        let current = self.limits.clone();
        let current: Arc<dyn Fn() -> Limits + Send + Sync> = Arc::new(move || **current.load());
        let service = router::receiver(&self.receiver, &self.health);
        let address = listeners.receiver.local_addr().context("the listener has no address")?;
        tasks.spawn(listener::serve(
            listeners.receiver,
            self.tls.clone(),
            current.clone(),
            service,
            tasks.clone(),
            stop.clone(),
        ));
        if let Some(metrics) = listeners.metrics {
            let service = router::metrics(&self.receiver);
            let address = metrics.local_addr().context("the metrics' listener has no address")?;
            tracing::info!(%address, "metrics are shown");
            tasks.spawn(listener::serve(metrics, None, current, service, tasks.clone(), stop.clone()));
        }
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        let rules = self.receiver.active().map_or(0, |active| active.rules);
        // Whoever reads that it listens may send one.
        let hangup = reload::hangup();
        tracing::info!(%address, scheme, rules, "listening");
        Box::pin(self.keep_up_to_date(hangup, wishes)).await;
        tracing::info!("stopping: requests that were begun are finished");
        tasks.close();
        if timeout(self.settings.server.drain.0, tasks.wait()).await.is_err() {
            tracing::warn!(left = tasks.len(), "the time to drain is up: connections are dropped");
            stop.abort();
            let _ = timeout(ABORT_TIME, tasks.wait()).await;
        }
        journal.close().await;
        tracing::info!("stopped");
        Ok(())
    }

    /// Guards know again what they knew before the start.
    async fn recall(&self) -> anyhow::Result<()> {
        let Some(active) = self.receiver.active() else { return Ok(()) };
        let recalled = self.lasting.guards.recall(&active.guard_set, self.source.clock.now()).await;
        recalled.context("the guards cannot learn from the journal whom they hold")
    }

    /// Brings the directory's index to the configuration that is in force, until the server drains.
    fn keep_directory_indexed(&mut self) {
        // What the last configuration wanted is of no use any more.
        self.indexing.cancel();
        self.indexing = self.stop.drain.child_token();
        let active = self.receiver.active();
        if let Some(directory) = active.and_then(|active| active.recorder.directory().cloned()) {
            let indexing = self.indexing.clone();
            let mut keeping = Box::pin(async move { directory.keep_indexed().await });
            // It asks the writer at once, so that nobody is told of before it.
            if (&mut keeping).now_or_never().is_none() {
                self.tasks.spawn(async move { indexing.run_until_cancelled(keeping).await });
            }
        }
    }

    fn apply(&mut self, settings: Settings) {
        self.health.store(settings.server.health, Ordering::Relaxed);
        self.limits.store(Arc::new(limits(&settings)));
        if let Some(log) = &self.log {
            log.set_level(settings.log.level.as_level());
        }
        self.settings = settings;
    }
}

fn limits(settings: &Settings) -> Limits {
    Limits { header_timeout: settings.server.header_timeout.0, max_connections: settings.server.max_connections }
}
