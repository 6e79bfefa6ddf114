//! What a server logs, kept in memory: to wait for a line, and to see what is never in one.

use std::io;
use std::sync::Arc;

use tokio::sync::watch;
use tracing::Subscriber;
use tracing_subscriber::fmt::MakeWriter;

use super::soon;

/// A server's log. Clones are the same log.
#[derive(Clone)]
pub(crate) struct Log(Arc<watch::Sender<String>>);

/// A reader of a log, which goes on from where it was.
pub(crate) struct Follow {
    receiver: watch::Receiver<String>,
    at: usize,
}

impl Log {
    pub(crate) fn new() -> Self {
        Self(Arc::new(watch::Sender::new(String::new())))
    }

    /// Writes every line to this log, whatever its level.
    pub(crate) fn subscriber(&self) -> impl Subscriber + Send + Sync {
        tracing_subscriber::fmt()
            .with_max_level(tracing::Level::TRACE)
            .with_ansi(false)
            .with_writer(self.clone())
            .finish()
    }

    /// All that was logged so far.
    pub(crate) fn text(&self) -> String {
        self.0.borrow().clone()
    }

    /// Reads what is logged from now on.
    pub(crate) fn follow(&self) -> Follow {
        let receiver = self.0.subscribe();
        let at = receiver.borrow().len();
        Follow { receiver, at }
    }
}

impl Follow {
    /// Waits for the next line with this text, and returns all that was logged up to it.
    pub(crate) async fn until(&mut self, text: &str) -> String {
        let at = self.at;
        let end = |log: &str| {
            let found = at + log[at..].find(text)?;
            Some(found + log[found..].find('\n')? + 1)
        };
        let log = soon(self.receiver.wait_for(|log| end(log).is_some())).await.expect("the server logs");
        let end = end(&log).expect("the text was found");
        self.at = end;
        log[at..end].to_owned()
    }
}

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.send_modify(|log| log.push_str(&String::from_utf8_lossy(bytes)));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}
