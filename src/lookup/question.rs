//! What a source is asked: plain values in a fixed order, by which answers are kept.

pub use crate::sql::Parameter;

/// The parameters of a lookup for one event, in the order in which they are written.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Question(pub Vec<Parameter>);

impl Question {
    /// About how many bytes it takes.
    pub(super) fn size(&self) -> usize {
        let size = |parameter: &Parameter| match parameter {
            Parameter::Null | Parameter::Bool(_) | Parameter::Int(_) => 0,
            Parameter::Number(text) | Parameter::Text(text) => text.len(),
        };
        self.0.iter().map(|parameter| size_of::<Parameter>() + size(parameter)).sum()
    }

    /// The texts of its parameters, of which those that are `null` are empty.
    pub fn texts(&self) -> Vec<String> {
        self.0.iter().map(|parameter| parameter.to_text().unwrap_or_default()).collect()
    }
}
