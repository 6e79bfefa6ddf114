//! A running server: its address, its log line by line, its signals, its end.

use std::io::{BufRead as _, BufReader, Read};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use serde_json::Value;

use crate::http::{self, Reply};
use crate::program::Ended;

/// Only for a server that hangs, so that its test says so.
const HANGS: Duration = Duration::from_secs(60);

/// A server process. It is killed when dropped.
pub(crate) struct Server {
    child: Child,
    out: Lines,
    err: Lines,
    pub(crate) address: SocketAddr,
    /// The metrics' address, where it has one.
    pub(crate) metrics: Option<SocketAddr>,
}

/// The lines of a stream, as they come.
struct Lines {
    incoming: Receiver<String>,
    seen: String,
}

impl Lines {
    fn of(stream: impl Read + Send + 'static) -> Self {
        let (sender, incoming) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(stream).lines() {
                let Ok(line) = line else { return };
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        Self { incoming, seen: String::new() }
    }

    fn next(&mut self) -> Option<String> {
        let line = match self.incoming.recv_timeout(HANGS) {
            Ok(line) => line,
            Err(std::sync::mpsc::RecvTimeoutError::Disconnected) => return None,
            Err(std::sync::mpsc::RecvTimeoutError::Timeout) => panic!("nothing more comes after:\n{}", self.seen),
        };
        self.seen.push_str(&line);
        self.seen.push('\n');
        Some(line)
    }

    #[track_caller]
    fn wait_for(&mut self, words: &str) -> String {
        while let Some(line) = self.next() {
            if line.contains(words) {
                return line;
            }
        }
        panic!("it ended without {words:?}:\n{}", self.seen)
    }
}

impl Server {
    /// Runs the command and waits until it listens.
    #[track_caller]
    pub(crate) fn start(mut command: Command) -> Self {
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the program runs");
        let out = Lines::of(child.stdout.take().expect("a pipe"));
        let mut err = Lines::of(child.stderr.take().expect("a pipe"));
        let line = err.wait_for("listening");
        let metrics = err.seen.lines().find(|line| line.contains("metrics are shown")).and_then(address_in);
        let address = address_in(&line).unwrap_or_else(|| panic!("no address in {line}"));
        Self { child, out, err, address, metrics }
    }

    /// Reads the log on until a line has these words, and gives that line.
    #[track_caller]
    pub(crate) fn wait_for(&mut self, words: &str) -> String {
        self.err.wait_for(words)
    }

    /// Reads standard output until a line has these words, and gives all of it so far.
    #[track_caller]
    pub(crate) fn printed_until(&mut self, words: &str) -> String {
        self.out.wait_for(words);
        self.out.seen.clone()
    }

    pub(crate) fn signal(&self, name: &str) {
        // The shell's own kill: there need be no other.
        let line = format!("kill -{name} {}", self.child.id());
        assert!(Command::new("sh").args(["-c", &line]).status().expect("a shell").success(), "{line}");
    }

    /// Stops it, and gives its whole log.
    pub(crate) fn stop(self) -> Ended {
        self.signal("TERM");
        self.end()
    }

    /// Waits for its end, and gives its whole log.
    pub(crate) fn end(mut self) -> Ended {
        while self.err.next().is_some() {}
        while self.out.next().is_some() {}
        let status = self.child.wait().expect("it ends");
        Ended { code: status.code(), out: std::mem::take(&mut self.out.seen), err: std::mem::take(&mut self.err.seen) }
    }

    /// Sends an event, and gives the reply's body, which must come with 200.
    #[track_caller]
    pub(crate) fn ask(&self, event: &str, token: &str, body: &Value) -> Value {
        let reply = self.post(&format!("/webhook/{event}"), Some(token), &body.to_string());
        assert_eq!(reply.status, 200, "{reply:?}");
        reply.json()
    }

    pub(crate) fn post(&self, path: &str, token: Option<&str>, body: &str) -> Reply {
        http::send(self.address, "POST", path, token, body)
    }

    pub(crate) fn get(&self, path: &str) -> Reply {
        http::send(self.address, "GET", path, None, "")
    }

    /// The page of the metrics.
    #[track_caller]
    pub(crate) fn metrics(&self) -> String {
        let reply = http::send(self.metrics.expect("it shows metrics"), "GET", "/metrics", None, "");
        assert_eq!(reply.status, 200, "{reply:?}");
        reply.body
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The address in a line of the log, be it text or JSON.
fn address_in(line: &str) -> Option<SocketAddr> {
    let rest = &line[line.find("127.0.0.1:")?..];
    let end = rest.find(|character: char| !character.is_ascii_digit() && !matches!(character, '.' | ':'));
    rest[..end.unwrap_or(rest.len())].parse().ok()
}
