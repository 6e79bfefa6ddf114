//! The accept loop: takes connections, limits them, and lets them go in order when the server stops.
//!
//! axum's own loop sets no timer, so that a sender could hold a connection for ever with half a header; ours does, and
//! knows client certificates and a drain. What a request means is the router's matter.

mod connection;
mod idle;
mod overload;

#[cfg(test)]
mod tests;

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use hyper::body::Incoming;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::task::TaskTracker;
use tower::{BoxError, Service};

use super::tls;
use crate::auth::ClientIdentity;
pub use crate::base::stop::Stop;
use connection::Terms;

/// What a listener allows. It is asked for at each connection, so that a reload counts from the next one on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How long a request's header may take.
    pub header_timeout: Duration,
    /// How many connections are served at once.
    pub max_connections: usize,
}

/// Where a request came in; every request has one among its extensions.
#[derive(Clone, Debug)]
pub struct Connection {
    /// The other end.
    pub peer: SocketAddr,
    /// Whom the client certificate names, where one was presented.
    pub client: Option<Arc<ClientIdentity>>,
    /// Whether it is encrypted.
    pub tls: bool,
}

/// How many connections beyond the limit are told so; the next ones are closed without a word.
const OVERFLOW_SLOTS: usize = 64;
/// How long bytes of a reply may wait to be taken.
#[cfg(target_os = "linux")]
const SEND_TIMEOUT: Duration = Duration::from_secs(30);
const FIRST_PAUSE: Duration = Duration::from_millis(10);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// Serves connections until `stop` says to drain, then closes the listener and returns. Connections are tasks of `tasks`:
/// whoever waits for those waits for the last reply.
pub async fn serve<S, B>(
    listener: TcpListener,
    tls: Option<Arc<tls::Acceptor>>,
    limits: Arc<dyn Fn() -> Limits + Send + Sync>,
    service: S,
    tasks: TaskTracker,
    stop: Stop,
) where
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send + 'static,
    B: Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: Into<BoxError>,
{
    let served = Slots::default();
    let overflow = Slots::default();
    while let Some((stream, peer)) = accept(&listener, &stop).await {
        // A small reply must not wait for the next packet's acknowledgement.
        if let Err(error) = stream.set_nodelay(true).and_then(|()| limit_silence(&stream)) {
            tracing::debug!(%error, "a connection was gone before it was served");
            continue;
        }
        let limits = limits();
        let terms = Terms { header_timeout: limits.header_timeout, tasks: tasks.clone(), stop: stop.clone() };
        let tls = tls.clone();
        if let Some(slot) = served.take(limits.max_connections) {
            let service = service.clone();
            tasks.spawn(async move {
                connection::serve(stream, peer, tls, service, terms).await;
                drop(slot);
            });
        } else if let Some(slot) = overflow.take(OVERFLOW_SLOTS) {
            tasks.spawn(async move {
                overload::serve(stream, peer, tls, terms).await;
                drop(slot);
            });
        } else {
            tracing::debug!(%peer, "a connection beyond the limit was closed");
        }
    }
}

/// Lets the system end a connection whose other end takes no bytes of a reply, or is gone without a word.
#[cfg(target_os = "linux")]
fn limit_silence(stream: &TcpStream) -> std::io::Result<()> {
    socket2::SockRef::from(stream).set_tcp_user_timeout(Some(SEND_TIMEOUT))
}

/// Other systems have no such limit; there the number of connections is what bounds them.
#[cfg(not(target_os = "linux"))]
fn limit_silence(_: &TcpStream) -> std::io::Result<()> {
    Ok(())
}

/// The next connection, or none where the server drains.
async fn accept(listener: &TcpListener, stop: &Stop) -> Option<(TcpStream, SocketAddr)> {
    let mut pause = FIRST_PAUSE;
    loop {
        let error = match stop.drain.run_until_cancelled(listener.accept()).await? {
            Ok(accepted) => return Some(accepted),
            Err(error) if is_about_one_connection(&error) => continue,
            Err(error) => error,
        };
        // Typically out of file descriptors, which does not get better by asking at once.
        tracing::error!(%error, "no connection can be accepted; the next try is in {} ms", pause.as_millis());
        stop.drain.run_until_cancelled(tokio::time::sleep(pause)).await?;
        pause = LONGEST_PAUSE.min(pause * 2);
    }
}

/// Whether the error speaks of a client that left early, rather than of this machine.
fn is_about_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted)
}

/// A count of connections that are open.
#[derive(Clone, Default)]
struct Slots(Arc<AtomicUsize>);

/// One of them; it is free again when dropped.
struct Slot(Arc<AtomicUsize>);

impl Slots {
    /// One more, unless there are `max`. Only the accept loop takes, so that two steps are as good as one.
    fn take(&self, max: usize) -> Option<Slot> {
        if self.0.load(Ordering::Acquire) >= max {
            return None;
        }
        self.0.fetch_add(1, Ordering::AcqRel);
        Some(Slot(self.0.clone()))
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}
