//! One connection from its handshake to its end.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use hyper::body::Incoming;
use hyper::rt::Executor;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::server::TlsStream;
use tokio_util::task::TaskTracker;
use tower::{BoxError, Service};

use super::idle::{Activity, Timed};
use super::{Connection, Stop};
use crate::auth::ClientIdentity;
use crate::http::tls;

/// What a connection needs from its listener.
#[derive(Clone)]
pub(super) struct Terms {
    pub(super) header_timeout: Duration,
    pub(super) tasks: TaskTracker,
    pub(super) stop: Stop,
}

const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
const MAX_HEADER_BYTES: usize = 16 * 1024;
const MAX_HEADERS: usize = 100;
const MAX_STREAMS: u32 = 128;
const MAX_PENDING_RESETS: usize = 20;
const PING_INTERVAL: Duration = Duration::from_secs(20);
const PING_TIMEOUT: Duration = Duration::from_secs(10);

/// Shakes hands where there is TLS, then serves requests until one side has enough.
pub(super) async fn serve<S, B>(
    stream: TcpStream,
    peer: SocketAddr,
    tls: Option<Arc<tls::Acceptor>>,
    service: S,
    terms: Terms,
) where
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send + 'static,
    B: Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: Into<BoxError>,
{
    let Some(tls) = tls else {
        return speak(stream, Connection { peer, client: None, tls: false }, service, terms).await;
    };
    // Nothing is lost where a handshake is cut off: no request can have been begun.
    let handshake = terms.stop.drain.run_until_cancelled(timeout(HANDSHAKE_TIMEOUT, tls.accept(stream)));
    match handshake.await {
        None => {}
        Some(Err(_)) => tracing::debug!(%peer, "a TLS handshake took too long"),
        Some(Ok(Err(error))) => tracing::debug!(%peer, %error, "a TLS handshake failed"),
        Some(Ok(Ok(stream))) => {
            let connection = Connection { peer, client: identity(&stream).map(Arc::new), tls: true };
            speak(stream, connection, service, terms).await;
        }
    }
}

/// Whom the verified client certificate names, where one was presented.
fn identity(stream: &TlsStream<TcpStream>) -> Option<ClientIdentity> {
    let certificate = stream.get_ref().1.peer_certificates()?.first()?;
    match ClientIdentity::from_der(certificate) {
        Ok(identity) => Some(identity),
        Err(error) => {
            tracing::warn!(%error, "a verified client certificate counts as none");
            None
        }
    }
}

/// HTTP/1 or HTTP/2, as the client begins.
async fn speak<I, S, B>(stream: I, connection: Connection, service: S, terms: Terms)
where
    I: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send + 'static,
    B: Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: Into<BoxError>,
{
    let activity = Activity::default();
    let stream = TokioIo::new(Timed::new(stream, activity.clone(), terms.header_timeout));
    let peer = connection.peer;
    let stop = terms.stop.clone();
    let answer = service_fn(move |mut request: Request<Incoming>| {
        let busy = activity.begin(request.version());
        request.extensions_mut().insert(connection.clone());
        let reply = service.clone().call(request);
        async move { reply.await.map(|reply| reply.map(|body| busy.until_sent(body))) }
    });
    let builder = builder(terms);
    let mut served = pin!(builder.serve_connection(stream, answer));
    let outcome = tokio::select! {
        // In this order: else a reply and a drain at once could let the next request begin.
        biased;
        () = stop.drain.cancelled() => {
            served.as_mut().graceful_shutdown();
            tokio::select! {
                outcome = served => outcome,
                () = stop.abort.cancelled() => return,
            }
        }
        outcome = served.as_mut() => outcome,
    };
    if let Err(error) = outcome {
        tracing::debug!(%peer, %error, "a connection ended early");
    }
}

fn builder(terms: Terms) -> Builder<Tracked> {
    let mut builder = Builder::new(Tracked(terms.tasks, terms.stop));
    // `Timed` keeps the time of headers, for both versions and from the first byte on.
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(None)
        .max_buf_size(MAX_HEADER_BYTES)
        .max_headers(MAX_HEADERS);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(MAX_STREAMS)
        .max_header_list_size(16 * 1024)
        .max_pending_accept_reset_streams(MAX_PENDING_RESETS)
        .keep_alive_interval(PING_INTERVAL)
        .keep_alive_timeout(PING_TIMEOUT);
    builder
}

/// Makes the streams of an HTTP/2 connection tasks of the tracker, which end with the server.
#[derive(Clone)]
struct Tracked(TaskTracker, Stop);

impl<F> Executor<F> for Tracked
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    fn execute(&self, stream: F) {
        self.0.spawn(self.1.abort.clone().run_until_cancelled_owned(stream));
    }
}
