//! The accept loop over real sockets of the loopback interface.

mod encrypted;
mod limits;
mod stopping;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::extract::{Extension, State};
use axum::routing::get;
use axum::{Router, body};
use http::{Request, StatusCode};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio_util::task::TaskTracker;

use super::*;

/// A server of its own for each test. It stops when dropped.
struct Server {
    address: SocketAddr,
    max_connections: Arc<AtomicUsize>,
    gate: Arc<Gate>,
    tasks: TaskTracker,
    stop: Stop,
}

/// Where `/wait` waits.
#[derive(Default)]
struct Gate {
    entered: Notify,
    opened: Notify,
}

impl Server {
    async fn start(header_timeout: Duration, max_connections: usize, tls: Option<Arc<tls::Acceptor>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = Self {
            address: listener.local_addr().unwrap(),
            max_connections: Arc::new(AtomicUsize::new(max_connections)),
            gate: Arc::default(),
            tasks: TaskTracker::new(),
            stop: Stop::new(),
        };
        let router = Router::new()
            .route("/", get(async || "hello"))
            .route("/who", get(who))
            .route("/wait", get(wait).with_state(server.gate.clone()))
            .fallback(async |request: Request<body::Body>| {
                body::to_bytes(request.into_body(), 1 << 20).await.map_err(|_| StatusCode::BAD_REQUEST)
            });
        let max = server.max_connections.clone();
        let limits = move || Limits { header_timeout, max_connections: max.load(Ordering::SeqCst) };
        let (tasks, stop) = (server.tasks.clone(), server.stop.clone());
        server.tasks.spawn(serve(listener, tls, Arc::new(limits), router, tasks, stop));
        server
    }

    /// One with limits that no test reaches.
    async fn patient() -> Self {
        Self::start(Duration::from_secs(30), 1_000, None).await
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// Sends these bytes on a new connection and reads until the server closes it.
    async fn exchange(&self, bytes: &str) -> String {
        let mut stream = self.connect().await;
        let _ = stream.write_all(bytes.as_bytes()).await;
        read_to_end(&mut stream).await
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.abort();
    }
}

async fn who(Extension(connection): Extension<Connection>) -> String {
    let names = connection.client.as_ref().map(|client| client.names().join(" "));
    format!("{} {} {}", connection.peer.ip(), connection.tls, names.as_deref().unwrap_or("nobody"))
}

async fn wait(State(gate): State<Arc<Gate>>) -> &'static str {
    gate.entered.notify_one();
    gate.opened.notified().await;
    "done"
}

/// What came until the connection ended, whichever way.
async fn read_to_end(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    let _ = stream.read_to_end(&mut bytes).await;
    String::from_utf8_lossy(&bytes).into_owned()
}

/// One reply with a known length.
async fn read_reply(stream: &mut TcpStream) -> String {
    let mut text = String::new();
    loop {
        text.push(char::from(stream.read_u8().await.unwrap()));
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
        if body.len() == length.parse::<usize>().unwrap() {
            return text;
        }
    }
}

const GET: &str = "GET / HTTP/1.1\r\nhost: here\r\n\r\n";
const LAST_GET: &str = "GET / HTTP/1.1\r\nhost: here\r\nconnection: close\r\n\r\n";

#[tokio::test]
async fn requests_know_where_they_came_in() {
    let server = Server::patient().await;
    let reply = server.exchange("GET /who HTTP/1.1\r\nhost: here\r\nconnection: close\r\n\r\n").await;
    assert!(reply.ends_with("127.0.0.1 false nobody"), "{reply}");
}

#[tokio::test]
async fn both_versions_are_spoken_in_clear() {
    let server = Server::patient().await;
    for builder in [reqwest::Client::builder().http1_only(), reqwest::Client::builder().http2_prior_knowledge()] {
        let client = builder.no_proxy().build().unwrap();
        let body = vec![b'x'; 300_000];
        let reply = client.post(format!("http://{}/echo", server.address)).body(body.clone()).send().await.unwrap();
        assert_eq!(reply.bytes().await.unwrap(), body);
    }
}
