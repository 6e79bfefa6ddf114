//! What the names in an expression mean: variables, known fields with their types, and fields that must not be named.

use std::fmt;

/// The type of a value, as far as it is known at load.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are CEL's")]
pub enum Type {
    Bool,
    Int,
    Uint,
    Double,
    String,
    Bytes,
    Null,
    List,
    Map,
    Timestamp,
    Duration,
    Optional,
    Type,
    /// Not known before an event comes.
    Dyn,
}

/// What an expression can name.
#[derive(Clone, Debug, Default)]
pub struct Schema {
    variables: Vec<(String, Type)>,
    fields: Vec<(Vec<String>, Type)>,
    secrets: Vec<Vec<String>>,
}

impl Schema {
    /// Adds a variable.
    #[must_use]
    pub fn variable(mut self, name: &str, kind: Type) -> Self {
        self.variables.push((name.to_owned(), kind));
        self
    }

    /// Adds a known field of a variable, the variable's name first. Fields that are not known can be named too.
    pub fn add_field(&mut self, path: &[impl AsRef<str>], kind: Type) {
        self.fields.push((path.iter().map(|name| name.as_ref().to_owned()).collect(), kind));
    }

    /// Adds a field, the variable's name first, that no expression can name, nor anything under it.
    pub fn add_secret(&mut self, path: &[impl AsRef<str>]) {
        self.secrets.push(path.iter().map(|name| name.as_ref().to_owned()).collect());
    }

    /// The type of a variable.
    pub fn variable_type(&self, name: &str) -> Option<Type> {
        self.variables.iter().find(|(variable, _)| variable == name).map(|(_, kind)| *kind)
    }

    /// The names of all variables.
    pub fn variables(&self) -> impl Iterator<Item = &str> {
        self.variables.iter().map(|(name, _)| name.as_str())
    }

    /// The type of the field at `path`; [`Type::Dyn`] where it is not known.
    pub fn field_type(&self, path: &[String]) -> Type {
        self.fields.iter().find(|(field, _)| field == path).map_or(Type::Dyn, |(_, kind)| *kind)
    }

    /// Whether the field at `path` is known.
    pub fn knows(&self, path: &[String]) -> bool {
        self.fields.iter().any(|(field, _)| field == path)
    }

    /// The names of the known fields right under `path`.
    pub fn siblings(&self, path: &[String]) -> Vec<&str> {
        self.fields
            .iter()
            .filter(|(field, _)| field.len() == path.len() + 1 && field.starts_with(path))
            .filter_map(|(field, _)| field.last().map(String::as_str))
            .collect()
    }

    /// Whether the field at `path` is a secret or lies in one.
    pub fn is_secret(&self, path: &[String]) -> bool {
        self.secrets.iter().any(|secret| path.starts_with(secret))
    }
}

impl Type {
    /// Whether a value of this type may turn out to be one of `other`.
    pub fn may_be(self, other: Self) -> bool {
        self == other || self == Self::Dyn || other == Self::Dyn
    }

    /// As `a string` or `an int`.
    pub fn with_article(self) -> String {
        let article = if matches!(self, Self::Int | Self::Optional) { "an" } else { "a" };
        format!("{article} {self}")
    }

    /// Whether it is a number.
    pub fn is_number(self) -> bool {
        matches!(self, Self::Int | Self::Uint | Self::Double)
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Bool => "bool",
            Self::Int => "int",
            Self::Uint => "uint",
            Self::Double => "double",
            Self::String => "string",
            Self::Bytes => "bytes",
            Self::Null => "null",
            Self::List => "list",
            Self::Map => "map",
            Self::Timestamp => "timestamp",
            Self::Duration => "duration",
            Self::Optional => "optional",
            Self::Type => "type",
            Self::Dyn => "dyn",
        })
    }
}
