//! The keys of an action of type cymmetri as they are written.

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::action::api::Keys;
use crate::action::operation::{RawOperation, RawPart};
use crate::base::secret::{SecretRef, TextOrSecret};
use crate::outgoing::Method;
use crate::outgoing::oauth::RawOAuth;

/// `type = "cymmetri"`
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::action) struct RawCymmetri {
    /// Where the API is. Literal.
    pub(super) url: Option<String>,
    /// Headers of each request, each a text with `${CEL}`, or a secret's place with a `prefix` if need be.
    #[serde(default)]
    pub(super) headers: IndexMap<String, TextOrSecret>,
    /// The client's credentials, for which tokens are given out.
    pub(super) oauth: Option<RawOAuth>,
    /// A client's token.
    pub(super) token: Option<SecretRef>,
    /// What the header `Tenant` holds. Literal.
    pub(super) tenant: Option<String>,
    /// What the header `UserId` holds. Literal.
    pub(super) user_id: Option<String>,
    /// Default: `GET` where nothing is sent with it, else `POST`.
    pub(super) method: Option<Method>,
    /// Where, below `url`, with `${CEL}`.
    pub(super) path: Option<String>,
    /// What stands behind the path, each value CEL.
    #[serde(default)]
    pub(super) query: IndexMap<String, String>,
    /// The body as JSON; every text in it is CEL.
    pub(super) body: Option<serde_json::Value>,
    /// The body as a form, each value CEL.
    pub(super) form: Option<IndexMap<String, String>>,
    /// The body in several parts, by their names.
    pub(super) multipart: Option<IndexMap<String, RawPart>>,
    /// Statuses that are success. Default: every 2xx.
    #[serde(default)]
    pub(super) expect: Vec<u16>,
    /// Whether there must be something in `data`. Default: true, but for a `DELETE`.
    pub(super) expect_data: Option<bool>,
    /// Values of `errorCode` that may pass: it is tried again.
    #[serde(default)]
    pub(super) retry_codes: Vec<String>,
    /// Values of `errorCode` that mean that it is done.
    #[serde(default)]
    pub(super) done_codes: Vec<String>,
}

impl RawCymmetri {
    /// The keys that it shares with other APIs.
    pub(super) fn keys(&self) -> Keys<'_> {
        Keys { url: self.url.as_deref(), headers: &self.headers, oauth: self.oauth.as_ref() }
    }

    /// The operation that stands in the action's own table.
    pub(super) fn operation(&self) -> RawOperation {
        RawOperation {
            method: self.method,
            path: self.path.clone(),
            query: self.query.clone(),
            body: self.body.clone(),
            form: self.form.clone(),
            multipart: self.multipart.clone(),
            expect: self.expect.clone(),
            ..RawOperation::default()
        }
    }
}
