//! Requests as the cloud makes them, and what comes back.

use std::net::SocketAddr;
use std::time::Duration;

use hyper_util::client::legacy::connect::HttpInfo;
use reqwest::Method;

use crate::base::clock::Clock;

/// Longer than any receiver may take; what takes longer is told as no reply.
const TIMEOUT: Duration = Duration::from_secs(30);

/// The largest reply that is read.
const MAX_REPLY_BYTES: usize = 64 << 20;

/// Calls a receiver.
#[derive(Clone, Debug)]
pub struct Client {
    http: reqwest::Client,
    base: String,
    clock: Clock,
}

/// Why there is no reply. It does not name the address, which may hold a secret.
#[derive(Debug, thiserror::Error)]
#[error("no reply: {0}")]
pub struct ClientError(String);

/// A reply.
#[derive(Clone, Debug)]
pub struct Reply {
    /// The status.
    pub status: u16,
    /// The media type, as it is written.
    pub content_type: String,
    /// The body.
    pub body: Vec<u8>,
    /// From the request's first byte to the reply's last.
    pub took: Duration,
    /// Our end of the connection.
    pub local: Option<SocketAddr>,
}

/// A request that is out of the ordinary.
pub(super) struct Odd<'a> {
    pub(super) method: &'static str,
    pub(super) content_type: Option<&'static str>,
    pub(super) token: Option<&'a str>,
    pub(super) body: Vec<u8>,
}

impl Client {
    /// A client for the receiver at this address, to which `/` and an event's name are added. `authorities` are PEM, beside
    /// those of the system.
    ///
    /// # Errors
    ///
    /// Authorities that cannot be read.
    pub fn try_new(base: &str, authorities: Option<&[u8]>, clock: Clock) -> Result<Self, ClientError> {
        let mut builder = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(TIMEOUT)
            .no_proxy()
            .user_agent(concat!("hookreeve/", env!("CARGO_PKG_VERSION")));
        if let Some(pem) = authorities {
            let certificates = reqwest::Certificate::from_pem_bundle(pem).map_err(said)?;
            for certificate in certificates {
                builder = builder.add_root_certificate(certificate);
            }
        }
        let http = builder.build().map_err(said)?;
        Ok(Self { http, base: base.trim_end_matches('/').to_owned(), clock })
    }

    /// Sends an event as the cloud does.
    ///
    /// # Errors
    ///
    /// Where no whole reply comes.
    pub async fn post(&self, name: &str, body: Vec<u8>, token: Option<&str>) -> Result<Reply, ClientError> {
        self.send(name, Odd { method: "POST", content_type: Some("application/json"), token, body }).await
    }

    pub(super) async fn send(&self, name: &str, odd: Odd<'_>) -> Result<Reply, ClientError> {
        let method = Method::from_bytes(odd.method.as_bytes()).map_err(|error| ClientError(error.to_string()))?;
        let mut request = self.http.request(method, format!("{}/{name}", self.base)).body(odd.body);
        if let Some(content_type) = odd.content_type {
            request = request.header("content-type", content_type);
        }
        if let Some(token) = odd.token {
            request = request.bearer_auth(token);
        }
        let start = self.clock.instant();
        let mut reply = request.send().await.map_err(said)?;
        let local = reply.extensions().get::<HttpInfo>().map(HttpInfo::local_addr);
        let content_type =
            reply.headers().get("content-type").and_then(|value| value.to_str().ok()).unwrap_or_default();
        let (status, content_type) = (reply.status().as_u16(), content_type.to_owned());
        let mut body = Vec::new();
        while let Some(chunk) = reply.chunk().await.map_err(said)? {
            if body.len() + chunk.len() > MAX_REPLY_BYTES {
                return Err(ClientError("the reply does not end".to_owned()));
            }
            body.extend_from_slice(&chunk);
        }
        let took = self.clock.instant().saturating_duration_since(start);
        Ok(Reply { status, content_type, body, took, local })
    }
}

fn said(error: reqwest::Error) -> ClientError {
    let error = error.without_url();
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(&error);
    while let Some(next) = cause {
        text = format!("{text}: {next}");
        cause = next.source();
    }
    ClientError(text)
}

impl Reply {
    /// The status and how the body begins.
    pub(super) fn words(&self) -> String {
        let text = String::from_utf8_lossy(&self.body);
        let begin: String = text.chars().take(120).collect();
        let more = if text.chars().count() > 120 { "…" } else { "" };
        format!("{} {begin}{more}", self.status)
    }
}
