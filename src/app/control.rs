//! The control socket: how a command changes the journal of a server that runs, for only one process appends, and has its
//! configuration read again.
//!
//! It is a Unix socket in the data directory, for the server's own user and root. What is asked is carried out by the
//! function that a command without a server uses itself.

mod access;
mod admit;
mod execute;
mod people;
pub mod protocol;

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{Semaphore, mpsc, oneshot, watch};
use tokio::time::{sleep, timeout};
use tokio_util::task::TaskTracker;

use self::protocol::{Line, MAX_LINE, Reply, Request};
use crate::base::clock::Clock;
use crate::base::stop::Stop;
use crate::config::server::SOCKET;
use crate::http::receive::Receiver;
use crate::journal::Journal;

pub use access::{Access, InForce};
pub use execute::{Desk, execute};

/// How many may ask at once; whoever comes then is turned away.
const CONNECTIONS: usize = 16;
/// How long a request may take to arrive.
const READ_TIME: Duration = Duration::from_secs(5);
/// How long a line of the answer may take to leave.
const WRITE_TIME: Duration = Duration::from_secs(10);
/// How long to wait after a connection could not be taken.
const ACCEPT_AGAIN: Duration = Duration::from_millis(200);

/// The socket, bound.
pub(super) struct Control {
    listener: UnixListener,
    path: PathBuf,
}

/// What the socket's connections work with.
#[derive(Clone)]
pub(super) struct Office {
    pub(super) journal: Arc<dyn Journal>,
    pub(super) receiver: Arc<Receiver>,
    pub(super) clock: Clock,
    /// To whoever keeps the configuration in force up to date.
    pub(super) reloads: mpsc::Sender<Wish>,
}

/// Somebody wants the configuration to be read again.
pub(super) struct Wish {
    /// Whatever `[reload]` says against it.
    pub(super) force: bool,
    /// Hears what came of it.
    pub(super) heard: oneshot::Sender<Reply>,
}

/// Where the socket of a data directory is.
pub fn path(data_dir: &Path) -> PathBuf {
    data_dir.join(SOCKET)
}

impl Control {
    /// Binds the socket. One that a server left behind is replaced.
    pub(super) fn bind(data_dir: &Path) -> anyhow::Result<Self> {
        let path = path(data_dir);
        let binding = || format!("cannot listen on {} for commands", path.display());
        std::fs::create_dir_all(data_dir).with_context(binding)?;
        if std::os::unix::net::UnixStream::connect(&path).is_ok() {
            bail!("another server listens on {}: give each a data_dir of its own", path.display());
        }
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error).with_context(binding),
            _ => {}
        }
        let listener = UnixListener::bind(&path).with_context(binding)?;
        // Between these two lines others could connect; who they are is looked at below.
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).with_context(binding)?;
        Ok(Self { listener, path })
    }

    /// Answers until the server drains. What was begun then is finished.
    pub(super) async fn serve(self, office: Office, tasks: TaskTracker, stop: Stop) {
        let places = Arc::new(Semaphore::new(CONNECTIONS));
        loop {
            let accepted = tokio::select! {
                biased;
                () = stop.draining() => break,
                accepted = self.listener.accept() => accepted,
            };
            let stream = match accepted {
                Ok((stream, _)) => stream,
                Err(error) => {
                    tracing::warn!(%error, "a command's connection cannot be taken");
                    sleep(ACCEPT_AGAIN).await;
                    continue;
                }
            };
            let Ok(place) = places.clone().try_acquire_owned() else {
                tracing::warn!("too many commands at once: one was turned away");
                turn_away(&stream);
                continue;
            };
            let (work, stop) = (converse(stream, office.clone(), stop.clone()), stop.clone());
            tasks.spawn(async move {
                stop.abort.run_until_cancelled(work).await;
                drop(place);
            });
        }
        if let Err(error) = std::fs::remove_file(&self.path) {
            tracing::debug!(%error, "the control socket cannot be removed");
        }
    }
}

/// Says why to whom there is no place for, as far as it can be said without waiting.
fn turn_away(stream: &UnixStream) {
    let reply = Line::Reply(Reply::failed("the server carries out as many commands as it may: try again"));
    if let Ok(text) = serde_json::to_string(&reply) {
        let _ = stream.try_write(format!("{text}\n").as_bytes());
    }
}

/// One connection: one request, its progress, its reply.
async fn converse(stream: UnixStream, office: Office, stop: Stop) {
    let uid = match stream.peer_cred() {
        Ok(peer) => peer.uid(),
        Err(error) => {
            tracing::warn!(%error, "it cannot be told who asks");
            return;
        }
    };
    if uid != 0 && uid != rustix::process::geteuid().as_raw() {
        tracing::warn!(uid, "another user asked, and was turned away");
        return;
    }
    let (reader, mut writer) = stream.into_split();
    let mut line = Vec::new();
    let mut reader = BufReader::new(reader.take(MAX_LINE as u64));
    let read = timeout(READ_TIME, reader.read_until(b'\n', &mut line));
    // What has not been asked for when the server drains is not begun.
    let Some(Ok(Ok(_))) = stop.drain.run_until_cancelled(read).await else { return };
    if line.is_empty() {
        // It was only looked whether somebody is here.
        return;
    }
    let reply = if line.ends_with(b"\n") {
        match serde_json::from_slice::<Request>(&line) {
            Ok(request) => {
                // A long list comes in many parts.
                if matches!(request, Request::Tell { .. }) {
                    tracing::debug!(request = request.word(), uid, "a command asks for a change");
                } else {
                    tracing::info!(request = request.word(), uid, "a command asks for a change");
                }
                carry_out(&office, request, &mut writer).await
            }
            // The cause may repeat what was sent.
            Err(_) => Reply::failed("this is no request that the server knows: is the command of another version?"),
        }
    } else {
        Reply::failed(format!("a request is one line of at most {MAX_LINE} bytes"))
    };
    if write(&mut writer, &Line::Reply(reply)).await.is_err() {
        tracing::debug!("whoever asked did not wait for the answer");
    }
}

/// Carries a request out, whether or not anybody listens to how far it is.
async fn carry_out(office: &Office, request: Request, writer: &mut (impl AsyncWrite + Unpin)) -> Reply {
    if let Request::Reload { force } = request {
        let (heard, reply) = oneshot::channel();
        let asked = office.reloads.send(Wish { force, heard }).await.is_ok();
        let stops = || Reply::failed("the server stops, and reads nothing any more");
        return if asked { reply.await.unwrap_or_else(|_| stops()) } else { stops() };
    }
    let active = office.receiver.active();
    let desk = Desk {
        journal: &office.journal,
        recorder: active.as_ref().map(|active| &active.recorder),
        guards: active.as_ref().map(|active| &*active.guards),
        lookups: active.as_ref().map(|active| active.judge.lookups()),
        clock: &office.clock,
    };
    let (tell, mut hear) = watch::channel(0);
    let progress = move |done| _ = tell.send(done);
    let work = execute(&desk, request, &progress);
    tokio::pin!(work);
    let mut listens = true;
    loop {
        tokio::select! {
            biased;
            reply = &mut work => return reply,
            Ok(()) = hear.changed(), if listens => {
                let done = *hear.borrow_and_update();
                listens = write(writer, &Line::Progress(done)).await.is_ok();
            }
        }
    }
}

async fn write(writer: &mut (impl AsyncWrite + Unpin), line: &Line) -> std::io::Result<()> {
    let mut text = serde_json::to_string(line)?;
    text.push('\n');
    timeout(WRITE_TIME, writer.write_all(text.as_bytes())).await?
}
