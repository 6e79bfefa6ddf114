//! The keys of an action of type sql, as written.

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::base::secret::TextOrSecret;

/// The keys that are this type's own.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::action) struct RawSql {
    /// `sqlite:PATH` or `postgres://user@host/database`; or a secret's place.
    pub(super) url: Option<TextOrSecret>,
    /// One statement, with parameters by name, `:login`.
    pub(super) statement: Option<String>,
    /// Several statements, in one transaction.
    pub(super) statements: Option<Vec<String>>,
    /// A CEL expression for each parameter. Lists and maps are JSON.
    #[serde(default)]
    pub(super) params: IndexMap<String, String>,
    /// The table that keeps the keys of what is done, so that nothing is done twice. It is made where it is missing. Default:
    /// none.
    pub(super) idempotency: Option<String>,
}
