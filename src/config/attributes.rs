//! `[attributes]`: the tenant's own fields and their types, so that rules on them can be checked at load.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::base::diagnostic::Problem;
use crate::event::FieldPath;
use crate::expr::Type;

/// The type of a tenant's own field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum AttributeType {
    /// Text.
    String,
    /// A number without a fraction.
    Int,
    /// Any number.
    Double,
    /// `true` or `false`.
    Bool,
    /// A list.
    List,
    /// An object.
    Map,
    /// Anything: only the name is known.
    Any,
}

impl AttributeType {
    /// As expressions see it.
    pub fn as_type(self) -> Type {
        match self {
            Self::String => Type::String,
            Self::Int => Type::Int,
            // A number without a fraction comes as an int whatever the field holds otherwise.
            Self::Double | Self::Any => Type::Dyn,
            Self::Bool => Type::Bool,
            Self::List => Type::List,
            Self::Map => Type::Map,
        }
    }
}

/// What is wrong with a path of `[attributes]`.
pub(super) fn problem(path: &str) -> Option<Problem> {
    let message = match FieldPath::parse(path).as_ref().map(FieldPath::names) {
        Ok([start, _, ..]) if start == "user" || start == "request" => return None,
        Ok(_) => "an attribute's path starts with `user.` or `request.`".to_owned(),
        Err(error) => error.to_string(),
    };
    Some(Problem::error("attribute", &[path], message).on_key().hint("for example \"user.costCentre\" = \"string\""))
}
