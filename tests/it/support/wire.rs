//! A client that sends exactly the bytes that a test wants, over HTTP/1.1.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::soon;

/// A request, put together line by line. Its body goes with its length unless a test says otherwise.
#[derive(Clone)]
pub(crate) struct Request {
    address: SocketAddr,
    method: String,
    target: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    framed: bool,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Request {
    pub(crate) fn post(address: SocketAddr, target: impl Into<String>) -> Self {
        let host = ("host".to_owned(), address.to_string());
        let (method, target) = ("POST".to_owned(), target.into());
        Self { address, method, target, headers: vec![host], body: Vec::new(), framed: true }
    }

    pub(crate) fn method(mut self, method: &str) -> Self {
        method.clone_into(&mut self.method);
        self
    }

    pub(crate) fn target(mut self, target: impl Into<String>) -> Self {
        self.target = target.into();
        self
    }

    /// One more header, also where there is one of that name.
    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn without(mut self, name: &str) -> Self {
        self.headers.retain(|(other, _)| other != name);
        self
    }

    /// This token instead of another.
    pub(crate) fn token(self, token: &str) -> Self {
        self.without("authorization").header("authorization", &format!("Bearer {token}"))
    }

    pub(crate) fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    /// Claims so many bytes of body, however many there are.
    pub(crate) fn claim(mut self, length: u64) -> Self {
        self.framed = false;
        self.header("content-length", &length.to_string())
    }

    /// The body so far becomes one chunk. The body ends after it, unless it is `open`.
    pub(crate) fn chunked(mut self, open: bool) -> Self {
        self.framed = false;
        let mut body = format!("{:x}\r\n", self.body.len()).into_bytes();
        body.append(&mut self.body);
        body.extend_from_slice(if open { b"\r\n" } else { b"\r\n0\r\n\r\n" });
        self.body = body;
        self.header("transfer-encoding", "chunked")
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        let line = format!("{} {} HTTP/1.1\r\n", self.method, self.target);
        let headers = self.headers.iter().map(|(name, value)| format!("{name}: {value}\r\n"));
        let length = self.framed.then(|| format!("content-length: {}\r\n", self.body.len()));
        let head: String = std::iter::once(line).chain(headers).chain(length).collect();
        [head.as_bytes(), b"\r\n", &self.body].concat()
    }

    /// Sends it on a connection of its own, and waits for no reply.
    pub(crate) async fn begin(&self) -> TcpStream {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        // The server may have its say before it has read everything.
        let _ = stream.write_all(&self.bytes()).await;
        stream
    }

    /// The reply to it, on a connection of its own.
    pub(crate) async fn send(&self) -> Reply {
        read_reply(&mut self.begin().await).await
    }
}

impl Reply {
    #[track_caller]
    fn parse(head: &str, body: String) -> Self {
        let mut lines = head.split("\r\n");
        let status = lines.next().and_then(|line| line.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok());
        let header = |line: &str| line.split_once(": ").map(|(name, value)| (name.to_owned(), value.to_owned()));
        Self { status: status.expect(head), headers: lines.filter_map(header).collect(), body }
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
    }

    #[track_caller]
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The code of an error; the body must be one that an error has, and hold no more.
    #[track_caller]
    pub(crate) fn code(&self) -> String {
        let body = self.json();
        let id = self.header("x-request-id").expect("a request id");
        let error = body.as_object().and_then(|body| body.get("error")?.as_object()).expect("an error");
        assert_eq!(body.as_object().unwrap().len(), 1, "{body}");
        assert_eq!(error.keys().collect::<Vec<_>>(), ["code", "message", "request_id"], "{body}");
        assert_eq!(error["request_id"], id, "{body}");
        assert!(error["message"].as_str().is_some_and(|message| message.ends_with('.')), "{body}");
        assert_eq!(self.header("content-type"), Some("application/json"), "{self:?}");
        error["code"].as_str().expect("a code").to_owned()
    }

    /// The body of a 200 that is JSON, as bytes.
    #[track_caller]
    pub(crate) fn accepted(&self) -> &str {
        assert_eq!((self.status, self.header("content-type")), (200, Some("application/json")), "{self:?}");
        assert_eq!(self.header("cache-control"), Some("no-store"), "{self:?}");
        assert!(self.header("x-request-id").is_some(), "{self:?}");
        &self.body
    }
}

/// The next reply on a connection, interim ones passed over. Every reply of ours has a length.
pub(crate) async fn read_reply(stream: &mut TcpStream) -> Reply {
    loop {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let byte = soon(stream.read_u8()).await;
            head.push(byte.unwrap_or_else(|error| panic!("{error} after {:?}", String::from_utf8_lossy(&head))));
        }
        let head = String::from_utf8(head).unwrap();
        let mut reply = Reply::parse(head.trim_end(), String::new());
        if reply.status == 100 {
            continue;
        }
        let length: usize = reply.header("content-length").expect(&head).parse().unwrap();
        let mut body = vec![0; length];
        soon(stream.read_exact(&mut body)).await.unwrap();
        reply.body = String::from_utf8(body).unwrap();
        return reply;
    }
}

/// What else comes until the connection ends, whichever way.
pub(crate) async fn read_to_end(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    let _ = soon(stream.read_to_end(&mut bytes)).await;
    String::from_utf8_lossy(&bytes).into_owned()
}
