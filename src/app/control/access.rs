//! The way of a command to the journal: through the server that runs, or with the journal's lock where none does.

use std::io::ErrorKind;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context as _, anyhow, bail};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::UnixStream;

use super::protocol::{Line, MAX_LINE, Reply, Request};
use super::{Desk, execute, path};
use crate::app::{Plan, Source};
use crate::base::diagnostic::{Diagnostic, Diagnostics};
use crate::config::{Loaded, Settings};
use crate::journal::sqlite::{Options, SqliteJournal};
use crate::journal::{Journal, JournalError};
use crate::lookup::Lookups;
use crate::telemetry::metrics::Metrics;

/// What is in force where no server says so.
#[derive(Clone, Copy)]
pub struct InForce<'a> {
    /// The configuration, with rules and actions.
    pub plan: &'a Plan,
    /// As it was loaded.
    pub loaded: &'a Loaded,
}

/// A way to change the journal.
pub struct Access {
    way: Way,
    source: Source,
}

enum Way {
    Server(PathBuf),
    Own(Arc<dyn Journal>),
}

impl Access {
    /// Finds the server of this data directory, or takes the journal's lock.
    pub async fn open(source: &Source, settings: &Settings, options: Options) -> anyhow::Result<Self> {
        let socket = path(&settings.server.data_dir);
        let way = match UnixStream::connect(&socket).await {
            Ok(_) => Way::Server(socket),
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::ConnectionRefused) => {
                let journal = options.path.clone();
                if !journal.exists() {
                    bail!("there is no journal yet at {}: a server makes it when it starts", journal.display());
                }
                match SqliteJournal::open(options) {
                    Ok(journal) => Way::Own(Arc::new(journal)),
                    Err(JournalError::Locked { path, holder }) => bail!(
                        "{} is in use by another process ({holder}), and no server answers at {}: stop that process, or \
                         run this with the configuration that it has",
                        path.display(),
                        socket.display()
                    ),
                    Err(error) => return Err(error.into()),
                }
            }
            Err(error) if error.kind() == ErrorKind::PermissionDenied => bail!(
                "a server runs here, and {} is for its own user and root only: run this as one of them",
                socket.display()
            ),
            Err(error) => return Err(error).with_context(|| format!("{} cannot be asked", socket.display())),
        };
        Ok(Self { way, source: source.clone() })
    }

    /// The server of this data directory, for what only a server can do.
    pub async fn server(source: &Source, settings: &Settings) -> anyhow::Result<Self> {
        let socket = path(&settings.server.data_dir);
        let running = UnixStream::connect(&socket).await;
        running.with_context(|| format!("no server answers at {}", socket.display()))?;
        Ok(Self { way: Way::Server(socket), source: source.clone() })
    }

    /// Whether a server does it, so that what is to be delivered is delivered at once.
    pub fn is_server(&self) -> bool {
        matches!(self.way, Way::Server(_))
    }

    /// Has a request carried out. `in_force` counts where no server says otherwise.
    pub async fn ask(
        &self,
        request: Request,
        in_force: Option<InForce<'_>>,
        progress: &(dyn Fn(u64) + Send + Sync),
    ) -> anyhow::Result<Reply> {
        match self.try_ask(request, in_force, progress).await? {
            Reply::Failed { message } => bail!(message),
            reply => Ok(reply),
        }
    }

    /// The same for whom a failure is an answer like others.
    pub async fn try_ask(
        &self,
        request: Request,
        in_force: Option<InForce<'_>>,
        progress: &(dyn Fn(u64) + Send + Sync),
    ) -> anyhow::Result<Reply> {
        let plan = in_force.map(|in_force| in_force.plan);
        Ok(match &self.way {
            Way::Server(socket) => ask_server(socket, &request, progress).await?,
            Way::Own(journal) => {
                let clock = &self.source.clock;
                let directory = plan.and_then(|plan| plan.directory(journal, clock, None));
                if let Some(directory) = &directory {
                    // Before the first row: by its forms it is told later whether the index is right.
                    directory.bring_up_to_date().await.map_err(anyhow::Error::msg)?;
                }
                let asks = matches!(request, Request::Admit { .. });
                let lookups = in_force.filter(|_| asks).map(|in_force| self.lookups(in_force)).transpose()?;
                if let Some((lookups, directory)) = lookups.as_ref().zip(directory.as_ref()) {
                    lookups.introduce(directory.clone());
                }
                let recorder = plan.map(|plan| plan.recorder(journal, directory));
                let (recorder, lookups) = (recorder.as_ref(), lookups.as_ref());
                let desk = Desk { journal, recorder, guards: None, lookups, clock };
                execute(&desk, request, progress).await
            }
        })
    }

    fn lookups(&self, in_force: InForce<'_>) -> anyhow::Result<Lookups> {
        let mut findings = Diagnostics::default();
        let InForce { plan, loaded } = in_force;
        let lookups = plan.lookups(loaded, &self.source, &Metrics::new(), None, &mut findings);
        lookups.ok_or_else(|| {
            let said: Vec<String> = findings.iter().map(Diagnostic::one_line).collect();
            anyhow!("the lookups cannot be asked: {}", said.join("; "))
        })
    }

    /// Gives the lock back, once everything is on disk.
    pub async fn close(self) {
        if let Way::Own(journal) = self.way {
            journal.close().await;
        }
    }
}

async fn ask_server(
    socket: &PathBuf,
    request: &Request,
    progress: &(dyn Fn(u64) + Send + Sync),
) -> anyhow::Result<Reply> {
    let asking = || format!("the server at {} cannot be asked", socket.display());
    let mut stream = UnixStream::connect(socket).await.with_context(asking)?;
    let mut line = serde_json::to_string(request)?;
    line.push('\n');
    // A server that has no place says so and hangs up, maybe before all is sent.
    let sent = stream.write_all(line.as_bytes()).await;
    let mut answers = BufReader::new(stream);
    loop {
        let mut text = String::new();
        let read = (&mut answers).take(MAX_LINE as u64).read_line(&mut text).await;
        if !text.ends_with('\n') {
            sent.and(read).with_context(asking)?;
            bail!("the server ended before it answered; what was asked for may be done or not");
        }
        match serde_json::from_str(&text).context("the server answers in words of another version")? {
            Line::Progress(done) => progress(done),
            Line::Reply(reply) => return Ok(reply),
        }
    }
}
