//! `serve`: runs the server.

use std::io::IsTerminal as _;
use std::num::NonZeroUsize;

use anyhow::Context as _;
use clap::Args;
use tokio::signal::unix::{SignalKind, signal};

use super::{Ended, dev, output};
use crate::app::{App, Source};
use crate::config::Settings;
use crate::config::log::Format;
use crate::http::listener::Stop;
use crate::telemetry::log;

/// Runs the server
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  hookreeve serve --dev
  HOOKREEVE_JWT_SECRET=… hookreeve serve
  hookreeve serve --config /etc/hookreeve/hookreeve.toml

SIGHUP reads the configuration again, as a change of its files does. SIGTERM or Ctrl-C stops: requests that were \
begun are finished; a second signal ends it at once.")]
pub(super) struct Arguments {
    /// To try things out: loopback, temporary data, a secret and a token of its own, config/demo.toml unless --config
    /// says otherwise; prints a curl line for each event
    #[arg(long)]
    dev: bool,
}

pub(super) fn run(arguments: &Arguments, source: Source) -> anyhow::Result<Ended> {
    let playground = if arguments.dev { Some(dev::Playground::open(&source)?) } else { None };
    let source = playground.as_ref().map_or(source.clone(), |playground| playground.source(source));
    let loaded = source.load();
    let settings = loaded.salvaged.clone().unwrap_or_default();
    if playground.is_some() && !settings.server.listen.0.ip().is_loopback() {
        anyhow::bail!("--dev listens on loopback only, and [server] listen is {}", settings.server.listen.0);
    }
    let log = start_log(&settings, output::color(&source))?;
    let stop = Stop::new();
    let app = match App::build(source.clone(), loaded, stop.clone()) {
        Ok(app) => app.with_log(Some(log)),
        // To a person, with places; a log line would not do.
        Err(findings) => return Ok(output::complain_of(&findings, &source)),
    };
    let runtime = runtime(&settings)?;
    let ended = runtime.block_on(async {
        // First, so that whoever stops it while it starts finds nothing left behind.
        let mut terminate = signal(SignalKind::terminate()).context("SIGTERM cannot be heard")?;
        let mut interrupt = signal(SignalKind::interrupt()).context("SIGINT cannot be heard")?;
        let listeners = app.bind().await.map_err(|error| match &playground {
            Some(_) => anyhow::anyhow!("{error:#}\nHOOKREEVE__SERVER__LISTEN=127.0.0.1:8090 chooses another port"),
            None => error,
        })?;
        if let Some(playground) = &playground {
            output::print(&playground.invitation(app.settings(), listeners.receiver.local_addr()?, &source));
        }
        let signals = async {
            let mut any = async || {
                tokio::select! {
                    _ = terminate.recv() => {}
                    _ = interrupt.recv() => {}
                }
            };
            any().await;
            stop.drain();
            any().await;
            stop.abort();
            std::future::pending::<()>().await;
        };
        tokio::select! {
            ended = app.run(listeners) => ended,
            () = signals => Ok(()),
        }
    });
    // Work that nobody waits for any more, such as rules on a large event whose time is up, does not hold up the end.
    runtime.shutdown_background();
    ended.map(|()| Ended::Well)
}

fn start_log(settings: &Settings, color: bool) -> anyhow::Result<log::Log> {
    let form = match settings.log.format {
        Format::Text => log::Form::Text,
        Format::Json => log::Form::Json,
    };
    Ok(log::start(form, settings.log.level.as_level(), color && std::io::stderr().is_terminal())?)
}

fn runtime(settings: &Settings) -> anyhow::Result<tokio::runtime::Runtime> {
    let workers = settings.server.workers.or_else(|| std::thread::available_parallelism().ok());
    let mut builder = match workers.map(NonZeroUsize::get) {
        // One worker has nobody to share its work with.
        Some(1) => tokio::runtime::Builder::new_current_thread(),
        Some(workers) => {
            let mut builder = tokio::runtime::Builder::new_multi_thread();
            builder.worker_threads(workers);
            builder
        }
        None => tokio::runtime::Builder::new_multi_thread(),
    };
    builder.enable_all().build().context("the runtime cannot be started")
}
