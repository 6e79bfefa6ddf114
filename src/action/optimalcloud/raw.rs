//! The keys of an action of type optimalcloud as they are written.

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::Deserialize;

use super::words::Operation;
use crate::action::api::Keys;
use crate::base::secret::{SecretRef, SecretText, TextOrSecret};

/// `type = "optimalcloud"`
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::action) struct RawOptimalCloud {
    /// Where the API is. Literal.
    pub(super) url: Option<String>,
    /// Headers of each request, each a text with `${CEL}`, or a secret's place with a `prefix` if need be.
    #[serde(default)]
    pub(super) headers: IndexMap<String, TextOrSecret>,
    /// What is asked for.
    pub(super) operation: Option<Operation>,
    /// The id of the provisioning plug-in, for a person's operations.
    pub(super) plugin_id: Option<String>,
    /// An API key, with `prefix = "Bearer "` or `"ApiKey "` if need be.
    pub(super) api_key: Option<SecretText>,
    /// A service account.
    pub(super) account: Option<RawAccount>,
    /// What is sent; every text in it is CEL.
    #[expect(dead_code, reason = "it is compiled from its place")]
    fields: Option<serde_json::Value>,
}

/// `account = { … }`
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::action) struct RawAccount {
    /// Its e-mail.
    pub(super) email: String,
    /// Its password.
    pub(super) password: SecretRef,
}

impl RawOptimalCloud {
    /// The keys that it shares with other APIs.
    pub(super) fn keys(&self) -> Keys<'_> {
        Keys { url: self.url.as_deref(), headers: &self.headers, oauth: None }
    }
}
