//! `[server]`: where requests come in, and the limits that hold for all of them.

use std::net::{Ipv4Addr, SocketAddr};
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::base::diagnostic::Problem;
use crate::base::net::{Listen, Network};
use crate::base::units::{Size, Span};
use crate::http::tls;

/// The socket in the data directory by which commands reach the server.
pub(crate) const SOCKET: &str = "hookreeve.sock";

/// The longest path that a socket can have, in bytes, on every system that this runs on.
const MAX_SOCKET_PATH: usize = 103;

/// `[server]`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(rename = "Server")]
pub struct Config {
    /// The address and port of the receiver. Default: `0.0.0.0:8080`. A change needs a restart.
    pub listen: Listen,
    /// Where the server keeps what it must not lose. Default: `data` in the working directory; one that is written in a
    /// file is relative to that file. A change needs a restart.
    #[schemars(extend("format" = "directory"))]
    pub data_dir: PathBuf,
    /// The largest body of a request. Default: `1MiB`.
    pub body_limit: Size,
    /// How long a request's head may take to arrive. Default: `5s`.
    pub header_timeout: Span,
    /// How long a request's body may take to arrive. Default: `10s`.
    pub body_timeout: Span,
    /// How many connections may be open at once. Default: 10000.
    pub max_connections: usize,
    /// How many requests may be worked on at once. Default: 1024.
    pub max_in_flight: usize,
    /// How many threads serve requests. Default: one for each core. A change needs a restart.
    pub workers: Option<NonZeroUsize>,
    /// How long accepted requests may take to finish when the server stops. Default: `20s`.
    pub drain: Span,
    /// The networks whose word in `X-Forwarded-For` counts. Default: none.
    pub trusted_proxies: Vec<Network>,
    /// Whether `/healthz` and `/readyz` answer here, too, without detail. Default: true.
    pub health: bool,
    /// TLS. Absent: none, for a proxy that speaks it stands in front.
    pub tls: Option<tls::Config>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: Listen(SocketAddr::from((Ipv4Addr::UNSPECIFIED, 8080))),
            data_dir: "data".into(),
            body_limit: Size(1 << 20),
            header_timeout: Span(Duration::from_secs(5)),
            body_timeout: Span(Duration::from_secs(10)),
            max_connections: 10_000,
            max_in_flight: 1024,
            workers: None,
            drain: Span(Duration::from_secs(20)),
            trusted_proxies: Vec::new(),
            health: true,
            tls: None,
        }
    }
}

impl Config {
    /// What is wrong with values that are right in themselves.
    pub fn problems(&self) -> Vec<Problem> {
        let zeros = [
            ("body_limit", self.body_limit.0 == 0),
            ("header_timeout", self.header_timeout.0.is_zero()),
            ("body_timeout", self.body_timeout.0.is_zero()),
            ("max_connections", self.max_connections == 0),
            ("max_in_flight", self.max_in_flight == 0),
        ];
        let mut problems: Vec<Problem> = zeros
            .into_iter()
            .filter(|(_, zero)| *zero)
            .map(|(key, _)| {
                Problem::error("zero-limit", &[key], format!("`{key}` is zero: no request could be served"))
                    .hint("leave it out for the default")
            })
            .collect();
        if self.data_dir.as_os_str().is_empty() {
            let problem = Problem::error("empty-path", &["data_dir"], "`data_dir` is empty");
            problems.push(problem.hint("leave it out for `data` in the working directory"));
        }
        let length = self.data_dir.join(SOCKET).as_os_str().len();
        if length > MAX_SOCKET_PATH {
            let longest = MAX_SOCKET_PATH - SOCKET.len() - 1;
            let message = format!("the path of `data_dir` is longer than {longest} bytes: no socket can be in it");
            let problem = Problem::error("long-path", &["data_dir"], message);
            problems.push(problem.hint("choose a directory nearer to the root"));
        }
        if self.trusted_proxies.iter().any(|network| network.0.prefix_len() == 0) {
            let message = "every sender may claim any address in X-Forwarded-For";
            let problem = Problem::warning("everybody-trusted", &["trusted_proxies"], message);
            problems.push(problem.hint("name the proxies' own networks"));
        }
        problems
    }
}
