//! The keys of an action of type scim as they are written.

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::action::api::Keys;
use crate::base::secret::TextOrSecret;
use crate::outgoing::oauth::RawOAuth;

/// `type = "scim"`
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::action) struct RawScim {
    /// Where the API is. Literal.
    pub(super) url: Option<String>,
    /// Headers of each request, each a text with `${CEL}`, or a secret's place with a `prefix` if need be.
    #[serde(default)]
    pub(super) headers: IndexMap<String, TextOrSecret>,
    /// The client's credentials, for which tokens are given out.
    pub(super) oauth: Option<RawOAuth>,
    /// What is done. Default: `upsert`.
    pub(super) operation: Option<Operation>,
    /// How a change is sent. Default: `patch`.
    pub(super) change: Option<Change>,
    /// What becomes of the work where there is no resource. Default: `dead` for an update, `done` for deactivate and delete.
    pub(super) absent: Option<Absent>,
    /// The name of the resources below `url`. Default: `Users`.
    pub(super) resource: Option<String>,
    /// The URN of their schema. Default: that of `Users` or `Groups`.
    pub(super) schema: Option<String>,
    /// By what a resource is found: attributes' paths, each with its value in CEL.
    #[serde(default)]
    #[expect(dead_code, reason = "it is compiled from its place")]
    find: IndexMap<String, String>,
    /// The attributes that it is to have; every text in them is CEL.
    #[expect(dead_code, reason = "it is compiled from its place")]
    attributes: Option<IndexMap<String, serde_json::Value>>,
}

impl RawScim {
    /// The keys that it shares with other APIs.
    pub(super) fn keys(&self) -> Keys<'_> {
        Keys { url: self.url.as_deref(), headers: &self.headers, oauth: self.oauth.as_ref() }
    }
}

/// What is done about a resource.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(in crate::action) enum Operation {
    /// It is made where there is none, and changed where it differs.
    #[default]
    Upsert,
    /// It is made where there is none, and left alone where there is one.
    Create,
    /// It is changed where it differs.
    Update,
    /// Its `active` becomes false.
    Deactivate,
    /// It is deleted.
    Delete,
}

/// How a change is sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(in crate::action) enum Change {
    /// Only what differs.
    #[default]
    Patch,
    /// The whole resource as it was read, with what differs in its place.
    Replace,
}

/// What becomes of the work where there is no resource to work on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(in crate::action) enum Absent {
    /// It is done.
    Done,
    /// It is a dead letter.
    Dead,
    /// It is tried again.
    Retry,
}
