//! Requests that go out: where they may go, what their headers may hold, and the connections. What they are for, and what an
//! answer means, is the matter of whoever makes them.

mod client;
pub mod destination;
pub mod headers;
pub mod oauth;
mod tls;

#[cfg(test)]
pub(crate) mod tests;

use std::path::PathBuf;
use std::time::Duration;

use ::http::HeaderMap;
use reqwest::Url;
use schemars::JsonSchema;
use serde::Deserialize;

pub use client::{Client, Failure, Received};
pub use destination::{Guard, Refused};
pub use tls::tls;

/// What a client is made of.
#[derive(Clone, Debug)]
pub struct Outlet {
    /// How long a request may take, answer included.
    pub timeout: Duration,
    /// Where it may go.
    pub guard: Guard,
    /// The proxy that everything goes through.
    pub proxy: Option<Url>,
    /// Authorities and a client certificate.
    pub tls: TlsFiles,
}

/// A request as it is sent.
#[derive(Clone, Debug)]
pub struct Request {
    /// Where to.
    pub url: Url,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Option<Vec<u8>>,
}

/// A method that a target is asked with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
#[expect(missing_docs, reason = "the names are HTTP's")]
pub enum Method {
    #[default]
    Post,
    Put,
    Patch,
    Delete,
    Get,
}

/// `tls = { … }`: files in PEM.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TlsFiles {
    /// The authorities that count, instead of those of the operating system.
    #[schemars(extend("format" = "file"))]
    pub ca: Option<PathBuf>,
    /// The client's certificate, followed by those that lead to its authority.
    #[schemars(extend("format" = "file"))]
    pub cert: Option<PathBuf>,
    /// The certificate's private key.
    #[schemars(extend("format" = "file"))]
    pub key: Option<PathBuf>,
}

/// Whether a host may be connected to, as far as that can be said without looking its name up.
pub fn check_host(url: &Url, guard: &Guard) -> Result<(), Refused> {
    let host = url.host_str().unwrap_or_default();
    match host.trim_start_matches('[').trim_end_matches(']').parse() {
        Ok(address) => guard.check(address),
        Err(_) => guard.check_name(host),
    }
}

/// Whether what is sent there can be read on the way: without TLS, and not to this machine itself.
pub fn is_open(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
    let local = host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback());
    url.scheme() != "https" && !local
}

/// `value` as it stands in a path, a query or a form: only letters, digits and `-._~` as they are, and no byte of it that
/// could end its place.
pub fn encode(value: &str) -> String {
    use std::fmt::Write as _;
    let mut text = String::with_capacity(value.len());
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            text.push(char::from(byte));
        } else {
            let _ = write!(text, "%{byte:02X}");
        }
    }
    text
}

/// A proxy's address. The operator wrote it, so that it may be within the house; it is no metadata service.
///
/// # Errors
///
/// What is wrong with it, in words.
pub fn proxy(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|error| format!("this is no proxy's address: {error}"))?;
    let bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
    if !matches!(url.scheme(), "http" | "https") || !bare {
        return Err("expected a proxy's address, such as \"http://proxy.corp.example:3128\"".to_owned());
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("a proxy with credentials is not in this version".to_owned());
    }
    let guard = Guard { allow_private: true, allow: Vec::new() };
    check_host(&url, &guard).map_err(|refused| format!("the proxy cannot be used: {refused}"))?;
    Ok(url)
}
