//! `[cymmetri.auth]`, and that of every other system, as it is written. What is wrong with it is found in `check`, what it means in `authenticator`.

use std::path::PathBuf;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::base::net::Network;
use crate::base::secret::{SecretRef, SecretRefs, TextOrSecret};
use crate::base::units::Span;

/// Which credentials an event needs. Every credential that is named must hold.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(rename = "Auth")]
pub struct Config {
    /// What happens to an event whose credentials do not hold. Default: `refuse`.
    pub unverified: Unverified,
    /// Allows `unverified = "accept"` on a listener that others than this machine can reach. Default: false.
    pub accept_everyone: bool,
    /// A signed token in the `Authorization` header. Default: none is asked for.
    pub jwt: Option<JwtConfig>,
    /// The extra path segment that every event's path must have; one, or several during a rotation. Default: none.
    pub path_secret: Option<SecretRefs>,
    /// Static bearer values in the `Authorization` header, of which one must be sent. Default: none is asked for.
    pub bearer: Option<Vec<SecretRef>>,
    /// A header with a shared secret. Default: none is asked for.
    pub header: Option<HeaderConfig>,
    /// API keys in the `Authorization` header, bare, after `Bearer` or after `ApiKey`; one, or several during a rotation.
    /// Default: none is asked for.
    pub api_key: Option<SecretRefs>,
    /// Names and passwords in the `Authorization` header. Beside `api_key` either will do. Default: none is asked for.
    pub basic: Option<Vec<BasicConfig>>,
    /// Addresses and networks that events may come from, after `trusted_proxies`. Default: from anywhere.
    pub allow_from: Option<Vec<Network>>,
    /// Asks for a certificate of the listener's `client_ca`. Default: asked for where the listener has a `client_ca`.
    pub client_cert: Option<ClientCertConfig>,
}

/// What happens to an event whose credentials do not hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Unverified {
    /// 401.
    #[default]
    Refuse,
    /// The neutral reply, no rule, no action; notices are kept aside for a later replay.
    Observe,
    /// It is treated like any other.
    Accept,
}

/// A signed token in the `Authorization` header.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct JwtConfig {
    /// The algorithms that a token may be signed with. Default: `["HS256"]`.
    pub algorithms: Vec<String>,
    /// The shared secret for HS256, HS384 and HS512; one, or several during a rotation. Default: none.
    pub secret: Option<SecretRefs>,
    /// How the secret's text becomes a key. Default: `auto`.
    pub form: SecretForm,
    /// How far the sender's clock may be off. Default: 60s.
    pub leeway: Span,
    /// The tenants whose tokens count; empty means any. Default: empty.
    pub tenants: Vec<String>,
    /// Files with public keys or certificates in PEM, one or several, for RS*, PS*, ES* and `EdDSA`. Default: none.
    pub key: Option<KeyFiles>,
    /// Where the signer publishes its public keys. Default: none.
    pub jwks_url: Option<String>,
    /// How long published keys are used before they are fetched again. Default: 10m.
    pub jwks_refresh: Span,
}

/// A header with a shared secret.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HeaderConfig {
    /// Its name, whatever its case.
    pub name: String,
    /// The whole of its value; one, or several during a rotation.
    pub value: SecretRefs,
}

/// A name and its password.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BasicConfig {
    /// The name, such as a service account's mail address.
    pub user: String,
    /// The password's Argon2 hash, as `hookreeve hash-password` prints it; or where that is kept.
    pub password_hash: TextOrSecret,
}

/// How the shared secret's text becomes a key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum SecretForm {
    /// As it is and, where it is valid base64, decoded: both are tried.
    #[default]
    Auto,
    /// As it is.
    Raw,
    /// Decoded from base64, of either alphabet, padded or not.
    Base64,
}

/// One file or several, relative to the configuration file that names them.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(untagged, expecting = "expected a path in quotes, or a list of them")]
pub enum KeyFiles {
    /// The only one.
    One(PathBuf),
    /// All that count now.
    Many(Vec<PathBuf>),
}

/// A certificate that the listener's `client_ca` vouches for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ClientCertConfig {
    /// Names of which the certificate must bear one, as an alternative name (DNS, URI, e-mail) or as its subject's
    /// common name; empty means that any certificate of the authority will do. Default: empty.
    pub names: Vec<String>,
}

impl Default for JwtConfig {
    fn default() -> Self {
        Self {
            algorithms: vec!["HS256".to_owned()],
            secret: None,
            form: SecretForm::default(),
            leeway: Span(Duration::from_secs(60)),
            tenants: Vec::new(),
            key: None,
            jwks_url: None,
            jwks_refresh: Span(Duration::from_secs(600)),
        }
    }
}

impl JsonSchema for KeyFiles {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "KeyFiles".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let file = serde_json::json!({ "type": "string", "format": "file" });
        schemars::json_schema!({ "anyOf": [file, { "type": "array", "items": file }] })
    }
}

impl KeyFiles {
    /// Each of them.
    pub fn as_slice(&self) -> &[PathBuf] {
        match self {
            Self::One(one) => std::slice::from_ref(one),
            Self::Many(many) => many,
        }
    }
}
