//! The keys of an action of type idhub as they are written.

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::action::api::Keys;
use crate::action::operation::RawOperation;
use crate::base::secret::TextOrSecret;
use crate::outgoing::oauth::RawOAuth;

/// `type = "idhub"`
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::action) struct RawIdHub {
    /// Where the API is. Literal.
    pub(super) url: Option<String>,
    /// Headers of each request, each a text with `${CEL}`, or a secret's place with a `prefix` if need be.
    #[serde(default)]
    pub(super) headers: IndexMap<String, TextOrSecret>,
    /// The client's credentials, for which tokens are given out.
    pub(super) oauth: Option<RawOAuth>,
    /// The header that names the tenant, and what it holds.
    pub(super) tenant: Option<RawTenant>,
    /// Requests as named templates.
    #[serde(default)]
    pub(super) operations: IndexMap<String, RawOperation>,
    /// The operations that are run, in order. Default: the only one.
    #[serde(default, rename = "do")]
    pub(super) steps: Vec<String>,
}

/// `tenant = { … }`
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::action) struct RawTenant {
    /// The header's name.
    pub(super) header: String,
    /// The tenant, literally.
    pub(super) value: String,
}

impl RawIdHub {
    /// The keys that it shares with other APIs.
    pub(super) fn keys(&self) -> Keys<'_> {
        Keys { url: self.url.as_deref(), headers: &self.headers, oauth: self.oauth.as_ref() }
    }
}
