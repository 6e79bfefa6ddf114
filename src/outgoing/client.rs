//! Connections: TLS, a proxy, time-outs, and a resolver whose answers are checked and then connected to.
//!
//! Redirects are not followed, no cookie is kept, and the environment's proxies are not used. Through a proxy it is the
//! proxy that looks a target's name up: what a name may mean there is the proxy's matter, and only an address that is
//! written as one is checked here.

use std::error::Error;
use std::fmt;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::redirect::Policy;
use reqwest::{Certificate, Identity, Proxy};

use super::{Guard, Method, Outlet, Refused, Request, check_host};

/// Sends the requests of one action, or of one lookup.
pub struct Client {
    inner: reqwest::Client,
    guard: Guard,
    timeout: Duration,
}

/// What came back.
pub struct Received {
    /// The status.
    pub status: u16,
    /// What `Retry-After` says.
    pub retry_after: Option<String>,
    /// What `ETag` says: the version of what the answer is about.
    pub etag: Option<String>,
    /// The beginning of what the target said.
    pub body: Vec<u8>,
    /// Why the rest of it did not come.
    pub broken: Option<Failure>,
}

/// Why nothing came back. It never holds the address, whose path may tell of a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The destination is none for us.
    Refused(Refused),
    /// The proxy wants credentials.
    ProxyDenied,
    /// The time was up.
    TimedOut(Duration),
    /// The name has no address.
    Name,
    /// Anything else, in the words of whoever met it.
    Network(String),
}

/// How long connecting may take, where an attempt has more time.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a connection is kept for the next attempt.
const IDLE_TIMEOUT: Duration = Duration::from_secs(30);
/// The largest file of certificates.
const MAX_FILE_BYTES: u64 = 4 << 20;

impl Client {
    /// Reads the certificates; the error names the key that it is about.
    pub fn try_new(outlet: &Outlet) -> Result<Self, (&'static str, String)> {
        let mut builder = reqwest::Client::builder()
            .redirect(Policy::none())
            .retry(reqwest::retry::never())
            .referer(false)
            .no_proxy()
            .timeout(outlet.timeout)
            .connect_timeout(outlet.timeout.min(CONNECT_TIMEOUT))
            .pool_idle_timeout(IDLE_TIMEOUT);
        builder = match &outlet.proxy {
            // Everything goes to the proxy, which the operator named.
            Some(proxy) => builder.proxy(Proxy::all(proxy.clone()).map_err(|error| ("proxy", cause(&error)))?),
            None => builder.dns_resolver(Arc::new(Resolver(outlet.guard.clone()))),
        };
        if let Some(path) = &outlet.tls.ca {
            let certificates = Certificate::from_pem_bundle(&read("authority", path)?);
            let certificates =
                certificates.map_err(|error| ("tls", format!("{}: {}", path.display(), cause(&error))))?;
            if certificates.is_empty() {
                return Err(("tls", format!("authority {} holds no certificate", path.display())));
            }
            builder = builder.tls_certs_only(certificates);
        }
        if let (Some(cert), Some(key)) = (&outlet.tls.cert, &outlet.tls.key) {
            let pem = [read("certificate", cert)?, b"\n".to_vec(), read("key", key)?].concat();
            let identity = Identity::from_pem(&pem).map_err(|error| {
                ("tls", format!("certificate {} and key {}: {}", cert.display(), key.display(), cause(&error)))
            })?;
            builder = builder.identity(identity);
        }
        let inner = builder.build().map_err(|error| ("tls", format!("no client could be made: {}", cause(&error))))?;
        Ok(Self { inner, guard: outlet.guard.clone(), timeout: outlet.timeout })
    }

    /// Sends a request and reads the answer, so many bytes of it.
    pub async fn send(&self, method: Method, request: Request, limit: usize) -> Result<Received, Failure> {
        check_host(&request.url, &self.guard).map_err(Failure::Refused)?;
        let mut sent = self.inner.request(method_of(method), request.url).headers(request.headers);
        if let Some(body) = request.body {
            sent = sent.body(body);
        }
        let mut answer = sent.send().await.map_err(|error| self.failure(&error))?;
        let said = |name: &str| answer.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let mut received = Received {
            status: answer.status().as_u16(),
            retry_after: said("retry-after"),
            etag: said("etag"),
            body: Vec::new(),
            broken: None,
        };
        while received.body.len() < limit {
            match answer.chunk().await {
                Ok(Some(chunk)) => {
                    let room = limit - received.body.len();
                    received.body.extend_from_slice(&chunk[..chunk.len().min(room)]);
                }
                Ok(None) => break,
                Err(error) => {
                    received.broken = Some(self.failure(&error));
                    break;
                }
            }
        }
        Ok(received)
    }

    fn failure(&self, error: &reqwest::Error) -> Failure {
        if let Some(refused) = causes(error).find_map(|cause| cause.downcast_ref::<Refused>()) {
            return Failure::Refused(*refused);
        }
        if error.is_timeout() {
            return Failure::TimedOut(self.timeout);
        }
        if error.is_dns() {
            return Failure::Name;
        }
        if causes(error).any(|cause| cause.to_string().ends_with("proxy authorization required")) {
            return Failure::ProxyDenied;
        }
        let kind = causes(error).find_map(|cause| cause.downcast_ref::<io::Error>()).map(io::Error::kind);
        Failure::Network(match kind {
            Some(io::ErrorKind::ConnectionRefused) => "connection refused".to_owned(),
            Some(io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe) => "connection reset".to_owned(),
            _ => cause(error),
        })
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(refused) => write!(f, "the destination cannot be used: {refused}"),
            Self::ProxyDenied => f.write_str("the proxy wants credentials"),
            Self::TimedOut(time) => write!(f, "no whole answer within {}", crate::base::units::Span(*time)),
            Self::Name => f.write_str("the name could not be looked up"),
            Self::Network(what) => f.write_str(what),
        }
    }
}

/// Looks names up with the operating system's help, and hands on only what may be connected to.
struct Resolver(Guard);

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let guard = self.0.clone();
        Box::pin(async move {
            let found: Vec<_> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            let checked: Vec<_> = found.iter().map(|address| guard.check(address.ip()).map(|()| *address)).collect();
            let allowed: Vec<_> = checked.iter().filter_map(|address| address.ok()).collect();
            match checked.iter().find_map(|address| address.err()) {
                Some(refused) if allowed.is_empty() => Err(refused.into()),
                _ => Ok(Box::new(allowed.into_iter()) as Addrs),
            }
        })
    }
}

fn method_of(method: Method) -> reqwest::Method {
    match method {
        Method::Post => reqwest::Method::POST,
        Method::Put => reqwest::Method::PUT,
        Method::Patch => reqwest::Method::PATCH,
        Method::Delete => reqwest::Method::DELETE,
        Method::Get => reqwest::Method::GET,
    }
}

fn read(what: &str, path: &Path) -> Result<Vec<u8>, (&'static str, String)> {
    use io::Read as _;
    let mut bytes = Vec::new();
    let read = std::fs::File::open(path).and_then(|file| file.take(MAX_FILE_BYTES).read_to_end(&mut bytes));
    read.map_err(|error| ("tls", format!("{what} {} could not be read: {error}", path.display())))?;
    Ok(bytes)
}

/// An error and its causes.
fn causes<'e>(error: &'e (dyn Error + 'static)) -> impl Iterator<Item = &'e (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&error| error.source())
}

/// The last of an error's causes, which is the one that says something.
fn cause(error: &(dyn Error + 'static)) -> String {
    causes(error).last().map(ToString::to_string).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_name_that_means_this_machine_is_not_connected_to() {
        let strict = Resolver(Guard::default());
        let builder = reqwest::Client::builder().no_proxy().dns_resolver(Arc::new(strict));
        // What is checked before it is looked up lets everything pass here.
        let guard = Guard { allow_private: true, allow: Vec::new() };
        let client = Client { inner: builder.build().unwrap(), guard, timeout: Duration::from_secs(5) };
        let url = reqwest::Url::parse("http://localhost:9/").unwrap();
        let request = Request { url, headers: ::http::HeaderMap::new(), body: None };
        let failure = client.send(Method::Get, request, 1).await.err().expect("a failure");
        assert_eq!(failure, Failure::Refused(Refused(super::super::destination::Kind::Loopback)));
    }

    #[tokio::test]
    async fn only_allowed_addresses_of_a_name_are_handed_on() {
        let resolve = async |guard: Guard| Resolver(guard).resolve("localhost".parse().unwrap()).await;
        let four = Guard { allow_private: false, allow: vec!["127.0.0.0/8".parse().unwrap()] };
        let found: Vec<_> = resolve(four).await.unwrap().map(|address| address.ip().to_string()).collect();
        assert!(!found.is_empty() && found.iter().all(|ip| ip == "127.0.0.1"), "{found:?}");
        let error = resolve(Guard::default()).await.err().expect("refused");
        assert!(error.downcast_ref::<Refused>().is_some(), "{error}");
    }
}
