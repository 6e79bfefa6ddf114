//! As much of an HTTP client as these tests need, so that they see each byte of a reply.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::Value;

/// Only for a server that hangs, so that its test says so.
const HANGS: Duration = Duration::from_secs(60);

/// A reply.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) body: String,
}

impl Reply {
    /// Reads a reply from its status line to its end.
    #[track_caller]
    pub(crate) fn parse(text: &str) -> Self {
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no whole reply: {text:?}"));
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
        let status = status.unwrap_or_else(|| panic!("no status: {text:?}"));
        Self { status, body: body.to_owned() }
    }

    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error} in {self:?}"))
    }
}

pub(crate) fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).expect("the server listens");
    stream.set_read_timeout(Some(HANGS)).expect("a time limit");
    stream
}

/// A request's head, which asks for the connection's end after the reply.
pub(crate) fn head(method: &str, path: &str, token: Option<&str>, length: usize) -> String {
    let token = token.map(|token| format!("Authorization: Bearer {token}\r\n")).unwrap_or_default();
    format!("{method} {path} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n{token}Content-Length: {length}\r\n")
}

/// One request on a connection of its own.
#[track_caller]
pub(crate) fn send(address: SocketAddr, method: &str, path: &str, token: Option<&str>, body: &str) -> Reply {
    exchange(connect(address), &format!("{}\r\n{body}", head(method, path, token, body.len())))
}

/// Sends a request, and reads until the other side closes.
#[track_caller]
pub(crate) fn exchange(mut stream: impl Read + Write, request: &str) -> Reply {
    stream.write_all(request.as_bytes()).expect("the request is sent");
    let mut text = String::new();
    stream.read_to_string(&mut text).expect("the reply is read");
    Reply::parse(&text)
}
