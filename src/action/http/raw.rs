//! The keys of an action of type http, as written.

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::action::body::Format;
use crate::base::secret::{SecretRefs, TextOrSecret};
use crate::outgoing::Method;
use crate::outgoing::oauth::RawOAuth;

/// The keys that are this type's own.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::action) struct RawHttp {
    /// Where to, with `${CEL}` in path and query; or a secret's place.
    pub(super) url: Option<TextOrSecret>,
    /// Default: `POST`.
    pub(super) method: Option<Method>,
    /// Headers, each a text with `${CEL}`, or a secret's place with a `prefix` if need be.
    #[serde(default)]
    pub(super) headers: IndexMap<String, TextOrSecret>,
    /// The client's credentials, for which tokens are given out.
    pub(super) oauth: Option<RawOAuth>,
    /// The body as JSON; every text in it is CEL. Absent: the event without its secret fields.
    #[expect(dead_code, reason = "it is compiled from its place")]
    body: Option<serde_json::Value>,
    /// The body as text with `${CEL}`.
    #[expect(dead_code, reason = "it is compiled from its place")]
    text: Option<String>,
    /// What the body is. Default: `application/json`, for `text` `text/plain; charset=utf-8`.
    pub(super) content_type: Option<String>,
    /// What the body is wrapped in. Default: nothing.
    pub(super) format: Option<Format>,
    /// Signatures of the body.
    pub(super) sign: Option<RawSign>,
    /// Answers that count as done beside 2xx.
    #[serde(default)]
    pub(super) done: Vec<u16>,
}

/// `sign = { … }`: how a target can tell that a request is ours.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::action) struct RawSign {
    /// Keys of Standard Webhooks, `whsec_` and base64: one or several, each of which signs.
    pub(super) standard_webhooks: SecretRefs,
}
