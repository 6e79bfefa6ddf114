//! A `[[rule]]` as it is written.

use schemars::JsonSchema;
use serde::Deserialize;

use super::OnError;
use crate::base::many::OneOrMany;

/// A `[[rule]]` as it is written. What it means is made of it at load; it goes no further.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawRule {
    /// Names the rule in logs and explanations. Any text, unique.
    pub id: String,
    /// The event it applies to, or several.
    pub on: OneOrMany,
    /// When it holds: CEL, a bool. Absent: always.
    pub when: Option<String>,
    /// validate events, and those on which something can be performed: refuse with this message. The first refusal in order wins.
    pub deny: Option<String>,
    /// policyMap: the value, in CEL. The first rule that holds wins.
    pub map: Option<String>,
    /// runDeprovision: whether access is removed now. The first rule that holds wins.
    pub deprovision: Option<bool>,
    /// Events on which something can be performed: actions, by their ids, which are done now; the reply says whether they were.
    pub perform: Option<Vec<String>>,
    /// pre and validate events: fields of the person and their values, in CEL. Nested tables and dotted keys are the same path.
    pub set: Option<serde_json::Map<String, serde_json::Value>>,
    /// pre and validate events: fields of the person that are taken away.
    pub unset: Option<Vec<String>>,
    /// Evaluated and recorded, never applied. Default: false.
    #[serde(default)]
    pub shadow: bool,
    /// validate events: what counts when the rule errs, instead of the section's `on_error`.
    pub on_error: Option<OnError>,
    /// For people.
    pub description: Option<String>,
}
