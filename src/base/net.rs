//! Addresses as operators write them: where to listen, and which networks count.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use ipnet::IpNet;
use schemars::JsonSchema;
use serde::de::{Deserialize, Deserializer, Error};

/// An address and a port to listen on, `"0.0.0.0:8080"` or `"[::]:8080"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, JsonSchema)]
#[schemars(with = "String")]
pub struct Listen(pub SocketAddr);

/// A network, `"203.0.113.0/24"`, or a single address, which is the network of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, JsonSchema)]
#[schemars(with = "String")]
pub struct Network(pub IpNet);

/// Why a text is no network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected a network or an address, such as \"10.0.0.0/8\" or \"203.0.113.7\"")]
pub struct NetworkError;

impl Network {
    /// Whether `address` is in it. An IPv4 address that came in the clothes of IPv6 counts as what it is.
    pub fn contains(&self, address: IpAddr) -> bool {
        self.0.contains(&address.to_canonical())
    }
}

impl<'de> Deserialize<'de> for Listen {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse()
            .map(Self)
            .map_err(|_| D::Error::custom("expected an address and a port, such as \"0.0.0.0:8080\" or \"[::1]:8080\""))
    }
}

impl FromStr for Network {
    type Err = NetworkError;

    fn from_str(text: &str) -> Result<Self, NetworkError> {
        if let Ok(address) = text.parse::<IpAddr>() {
            return Ok(Self(IpNet::from(address.to_canonical())));
        }
        text.parse().map(Self).map_err(|_| NetworkError)
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<'de> Deserialize<'de> for Network {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_may_be_a_single_address() {
        let networks: Vec<Network> = serde_json::from_str(r#"["10.0.0.0/8", "::1"]"#).expect("networks");
        let contains = |address: &str| networks.iter().any(|network| network.contains(address.parse().expect("an IP")));
        assert!(contains("10.1.2.3") && contains("::ffff:10.1.2.3") && contains("::1"));
        assert!(!contains("11.1.2.3") && !contains("::2"));
    }

    #[test]
    fn anything_else_is_refused() {
        assert!(serde_json::from_str::<Network>(r#""10.0.0.0/33""#).is_err());
        assert!(serde_json::from_str::<Listen>(r#""8080""#).is_err());
        assert!(serde_json::from_str::<Listen>(r#""localhost:8080""#).is_err());
    }

    #[test]
    fn networks_are_read_with_and_without_a_length() {
        for (text, shown) in [("203.0.113.7", "203.0.113.7/32"), ("::1", "::1/128"), ("::ffff:10.0.0.1", "10.0.0.1/32")]
        {
            assert_eq!(text.parse::<Network>().map(|network| network.to_string()), Ok(shown.to_owned()));
        }
        for text in ["", "localhost", "10.0.0.0/33", "10.0.0", "10.0.0.1/24/1"] {
            assert_eq!(text.parse::<Network>(), Err(NetworkError), "{text}");
        }
    }
}
