//! A system that actions tell of events: it answers as it is told, and hands over what it was asked.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use serde_json::Value;

/// Only for a server that sends nothing, so that its test says so.
const HANGS: Duration = Duration::from_secs(60);

/// What it says beside its status.
const SAID: &str = r#"{"number":"N-17"}"#;

/// The system, on a port of its own.
pub(crate) struct Target {
    status: Arc<AtomicU16>,
    asked: Receiver<Asked>,
    port: u16,
}

/// A request.
#[derive(Debug)]
pub(crate) struct Asked {
    pub(crate) key: String,
    pub(crate) body: Value,
}

impl Target {
    /// Answers with this status until it is told another.
    pub(crate) fn start(status: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let status = Arc::new(AtomicU16::new(status));
        let (sender, asked) = channel();
        let own = status.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(stream) = stream else { return };
                let Some(request) = answer(stream, own.load(Ordering::SeqCst)) else { continue };
                if sender.send(request).is_err() {
                    return;
                }
            }
        });
        Self { status, asked, port }
    }

    pub(crate) fn answers(&self, status: u16) {
        self.status.store(status, Ordering::SeqCst);
    }

    /// The next request.
    #[track_caller]
    pub(crate) fn next(&self) -> Asked {
        self.asked.recv_timeout(HANGS).expect("it is asked")
    }

    /// Whether there was no request that nobody has looked at.
    pub(crate) fn is_silent(&self) -> bool {
        self.asked.try_recv().is_err()
    }

    /// An action that tells it of created and updated persons; `more` are further keys.
    pub(crate) fn action(&self, id: &str, more: &str) -> String {
        let url = format!("http://127.0.0.1:{}/people", self.port);
        format!(
            "[[action]]\nid = \"{id}\"\non = [\"postCreateUser\", \"postUpdateUser\"]\ntype = \"http\"\n\
             url = \"{url}\"\nallow_private = true\nbody = {{ login = 'text(user.?login)' }}\n{more}\n"
        )
    }
}

fn answer(stream: TcpStream, status: u16) -> Option<Asked> {
    let mut reader = BufReader::new(stream);
    let (mut length, mut key) = (0, String::new());
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
        if line.trim_end().is_empty() {
            break;
        }
        // The first line has none.
        let Some((name, value)) = line.trim_end().split_once(": ") else { continue };
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.parse().ok()?,
            "idempotency-key" => value.clone_into(&mut key),
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let mut stream = reader.into_inner();
    // As many do, it repeats what it was told where it does not like it.
    let said = if status == 422 { String::from_utf8_lossy(&body).into_owned() } else { SAID.to_owned() };
    write!(stream, "HTTP/1.1 {status} As Told\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{said}", said.len())
        .ok()?;
    Some(Asked { key, body: serde_json::from_slice(&body).ok()? })
}
