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
    let start = FieldPath::parse(path).ok().filter(|path| path.names().len() > 1).map(|path| path.names()[0].clone());
    let known = matches!(start.as_deref(), Some("user" | "request"));
    let hint = "quote the whole path: \"user.costCentre\" = \"string\"";
    (!known).then(|| {
        Problem::error("attribute", &[path], "an attribute's path starts with `user.` or `request.`").hint(hint)
    })
}
