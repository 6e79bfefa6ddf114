//! An operation as it is written.

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::outgoing::Method;

/// An operation as it is written: a request of which every part may be made of the event and of earlier answers.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::action) struct RawOperation {
    /// Default: `GET` where nothing is sent with it, else `POST`.
    pub(in crate::action) method: Option<Method>,
    /// Where, below `url`, with `${CEL}`. There is no default: nothing is guessed.
    pub(in crate::action) path: Option<String>,
    /// What stands behind the path, each value CEL; `optional.none()` leaves its key out.
    #[serde(default)]
    pub(in crate::action) query: IndexMap<String, String>,
    /// The body as JSON; every text in it is CEL.
    pub(in crate::action) body: Option<serde_json::Value>,
    /// The body as a form, each value CEL.
    pub(in crate::action) form: Option<IndexMap<String, String>>,
    /// The body in several parts, by their names.
    pub(in crate::action) multipart: Option<IndexMap<String, RawPart>>,
    /// Statuses that are success. Default: every 2xx.
    #[serde(default)]
    pub(in crate::action) expect: Vec<u16>,
    /// Whether the step is made: CEL, a bool. Absent: always.
    pub(in crate::action) when: Option<String>,
    /// Where lists are meant in the answer, `"$.items"`: an object that stands there is a list of one.
    #[serde(default)]
    pub(in crate::action) lists: Vec<String>,
    /// The word of an act on a task: CEL, a text. It is `word` in the other keys.
    pub(in crate::action) word: Option<String>,
    /// The words that the task itself allows: CEL, a list of texts.
    pub(in crate::action) possible: Option<String>,
    /// Says of an operation that cannot be taken back that it is meant.
    pub(in crate::action) confirm: Option<Confirm>,
}

/// What an operation does that cannot be taken back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(in crate::action) enum Confirm {
    /// A role, an application or the like is retired.
    Retire,
    /// What a reconciliation found is provisioned.
    ReconciliationProvision,
}

/// A part of a body. It is `json` or `text`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::action) struct RawPart {
    /// JSON; every text in it is CEL.
    pub(in crate::action) json: Option<serde_json::Value>,
    /// A text: CEL.
    pub(in crate::action) text: Option<String>,
    /// The file's name, literally. Default: none.
    pub(in crate::action) filename: Option<String>,
    /// What it is. Default: `application/json`, or `text/plain; charset=utf-8`.
    pub(in crate::action) content_type: Option<String>,
}
