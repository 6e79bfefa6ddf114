//! `[metrics]`: where the metrics can be read. What they are is the matter of `telemetry`.

use std::net::{Ipv4Addr, SocketAddr};

use schemars::JsonSchema;
use serde::Deserialize;

use crate::base::net::Listen;

/// `[metrics]`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(rename = "Metrics")]
pub struct Config {
    /// The address and port of the metrics endpoint. Default: `127.0.0.1:9464`.
    pub listen: Listen,
}

impl Default for Config {
    fn default() -> Self {
        Self { listen: Listen(SocketAddr::from((Ipv4Addr::LOCALHOST, 9464))) }
    }
}
