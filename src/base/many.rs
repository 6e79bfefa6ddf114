//! A key that takes one text or a list of them.

use schemars::JsonSchema;
use serde::Deserialize;

/// One text or several.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(untagged, expecting = "expected a text or a list of texts")]
pub enum OneOrMany {
    /// Only one.
    One(String),
    /// Several.
    Many(Vec<String>),
}

impl OneOrMany {
    /// Each of them.
    pub fn iter(&self) -> std::slice::Iter<'_, String> {
        match self {
            Self::One(one) => std::slice::from_ref(one).iter(),
            Self::Many(many) => many.iter(),
        }
    }
}

impl<'a> IntoIterator for &'a OneOrMany {
    type Item = &'a String;
    type IntoIter = std::slice::Iter<'a, String>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}
