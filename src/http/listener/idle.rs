//! Time limits for the silence between requests and for the slow arrival of a header, below HTTP.
//!
//! hyper has one limit for both, so that a header limit of some seconds would also cut off a client between two requests,
//! who may be sending the next one just then. Here a new connection and a header that has begun get the header's time, a
//! connection at rest gets longer, and one with requests under way is left alone.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use http::Version;
use http_body::{Body, Frame, SizeHint};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep_until};

use crate::base::clock::Clock;

/// How long a connection may rest between requests; clients with a pool give up theirs earlier.
const IDLE_TIMEOUT: Duration = Duration::from_secs(75);

/// What a connection is doing, as far as its requests tell. Clones share it.
#[derive(Clone, Debug, Default)]
pub(super) struct Activity(Arc<Counts>);

#[derive(Debug, Default)]
struct Counts {
    begun: AtomicUsize,
    ended: AtomicUsize,
    is_http2: AtomicBool,
}

/// A request under way; it ends when dropped.
#[derive(Debug)]
pub(super) struct Busy(Activity);

/// A reply's body, which keeps its request under way until it is sent.
#[derive(Debug)]
pub(super) struct BusyBody<B> {
    body: B,
    _busy: Busy,
}

/// A connection's bytes under those limits.
#[derive(Debug)]
pub(super) struct Timed<I> {
    stream: I,
    activity: Activity,
    header_timeout: Duration,
    phase: Phase,
    seen: usize,
    deadline: Instant,
    alarm: Option<Pin<Box<Sleep>>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// A header is on its way, or a new connection's first byte.
    Header,
    /// There are requests under way.
    Busy,
    /// Between requests.
    Rest,
}

// === impl Activity ===

impl Activity {
    /// A request begins: its header has arrived.
    pub(super) fn begin(&self, version: Version) -> Busy {
        self.0.is_http2.store(version == Version::HTTP_2, Ordering::Relaxed);
        self.0.begun.fetch_add(1, Ordering::AcqRel);
        Busy(self.clone())
    }

    /// How many requests have begun and how many ended. A request may do both between two looks.
    fn counts(&self) -> (usize, usize) {
        // In this order: what has ended had begun, so that the two are never equal while one is under way.
        let ended = self.0.ended.load(Ordering::Acquire);
        (self.0.begun.load(Ordering::Acquire), ended)
    }
}

impl Busy {
    pub(super) fn until_sent<B>(self, body: B) -> BusyBody<B> {
        BusyBody { body, _busy: self }
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.0.ended.fetch_add(1, Ordering::AcqRel);
    }
}

impl<B: Body + Unpin> Body for BusyBody<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

// === impl Timed ===

impl<I> Timed<I> {
    /// A new connection, which owes its first request's header.
    pub(super) fn new(stream: I, activity: Activity, header_timeout: Duration) -> Self {
        let deadline = Clock::system().instant() + header_timeout;
        Self { stream, activity, header_timeout, phase: Phase::Header, seen: 0, deadline, alarm: None }
    }

    fn enter(&mut self, phase: Phase, limit: Duration) {
        self.phase = phase;
        self.deadline = Clock::system().instant() + limit;
    }

    /// Ready when the time is up. The alarm is set only where there is really something to wait for, and moved only to an
    /// earlier time or when it goes off too early, so that a busy connection costs no timer at all.
    fn poll_late(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let deadline = self.deadline;
        let alarm = self.alarm.get_or_insert_with(|| Box::pin(sleep_until(deadline)));
        if alarm.deadline() > deadline {
            alarm.as_mut().reset(deadline);
        }
        while alarm.deadline() < deadline {
            ready!(alarm.as_mut().poll(cx));
            alarm.as_mut().reset(deadline);
        }
        alarm.as_mut().poll(cx)
    }
}

impl<I: AsyncRead + Unpin> AsyncRead for Timed<I> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let (begun, ended) = this.activity.counts();
        if begun != ended {
            this.phase = Phase::Busy;
        } else if begun != this.seen {
            this.seen = begun;
            this.enter(Phase::Rest, IDLE_TIMEOUT);
        }
        let before = buffer.filled().len();
        let outcome = Pin::new(&mut this.stream).poll_read(cx, buffer);
        match this.phase {
            Phase::Busy => return outcome,
            Phase::Header => {}
            // On HTTP/2 there is more to read than headers, pings above all: they are no reason to hurry.
            Phase::Rest if this.activity.0.is_http2.load(Ordering::Relaxed) => {}
            Phase::Rest => {
                if outcome.is_ready() && buffer.filled().len() > before {
                    this.enter(Phase::Header, this.header_timeout);
                }
            }
        }
        if outcome.is_pending() && this.poll_late(cx).is_ready() {
            let said = if this.phase == Phase::Rest { "no request came" } else { "the header took too long" };
            return Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, said)));
        }
        outcome
    }
}

impl<I: AsyncWrite + Unpin> AsyncWrite for Timed<I> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};
    use tokio::time::sleep;

    use super::*;

    const HEADER: Duration = Duration::from_secs(5);

    fn connection() -> (Timed<DuplexStream>, DuplexStream, Activity) {
        let (server, client) = duplex(1024);
        let activity = Activity::default();
        (Timed::new(server, activity.clone(), HEADER), client, activity)
    }

    /// After how many whole seconds of silence reading gives up.
    async fn patience(timed: &mut Timed<DuplexStream>) -> u64 {
        let begin = Clock::system().instant();
        let error = timed.read_u8().await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        begin.elapsed().as_secs()
    }

    #[tokio::test(start_paused = true)]
    async fn a_new_connection_owes_a_header() {
        let (mut timed, mut client, _) = connection();
        client.write_all(b"G").await.unwrap();
        assert_eq!(timed.read_u8().await.unwrap(), b'G');
        assert_eq!(patience(&mut timed).await, 5);
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_under_way_may_take_its_time() {
        let (mut timed, mut client, activity) = connection();
        let busy = activity.begin(Version::HTTP_11);
        let send = async {
            sleep(Duration::from_secs(3_600)).await;
            client.write_all(b"x").await.unwrap();
        };
        assert_eq!(tokio::join!(timed.read_u8(), send).0.unwrap(), b'x');
        drop(busy);
        assert_eq!(patience(&mut timed).await, 75);
    }

    #[tokio::test(start_paused = true)]
    async fn between_requests_there_is_more_time_until_the_next_begins() {
        for (version, expected) in [(Version::HTTP_11, 5), (Version::HTTP_2, 75 - 60)] {
            let (mut timed, mut client, activity) = connection();
            drop(activity.begin(version));
            let send = async {
                sleep(Duration::from_secs(60)).await;
                client.write_all(b"G").await.unwrap();
            };
            assert_eq!(tokio::join!(timed.read_u8(), send).0.unwrap(), b'G');
            assert_eq!(patience(&mut timed).await, expected);
            drop(activity.begin(version));
            assert_eq!(patience(&mut timed).await, 75);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_reply_that_is_still_being_sent_is_a_request_under_way() {
        let (mut timed, _client, activity) = connection();
        let body = activity.begin(Version::HTTP_11).until_sent(http_body_util::Empty::<bytes::Bytes>::new());
        let silence = tokio::time::timeout(Duration::from_secs(3_600), timed.read_u8());
        assert!(silence.await.is_err());
        drop(body);
        assert_eq!(patience(&mut timed).await, 75);
    }
}
