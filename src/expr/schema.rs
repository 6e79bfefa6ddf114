//! What the names in an expression mean: variables, known fields with their types, and fields that must not be named.

use std::fmt;

use crate::base::tree::closest;

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
    open: Vec<Vec<String>>,
    secrets: Vec<Vec<String>>,
    /// With what is to be done where one has not the name that is meant.
    families: Vec<(String, Option<String>)>,
}

/// A field that something names and a [`Schema`] does not list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownField {
    /// The way to it, the variable's name first. It ends with the first name that is not listed.
    pub path: Vec<String>,
    /// The listed name beside it that was probably meant.
    pub near: Option<String>,
    /// What its use says of its type; [`Type::Dyn`] where that is nothing.
    pub kind: Type,
}

impl Schema {
    /// Adds a variable.
    #[must_use]
    pub fn variable(mut self, name: &str, kind: Type) -> Self {
        self.variables.push((name.to_owned(), kind));
        self
    }

    /// Adds a variable that is no value itself: only what is listed under it is one. A name that is not listed is an
    /// error, and so are fields that are not listed of what is, where any are.
    #[must_use]
    pub fn family(mut self, name: &str) -> Self {
        self.families.push((name.to_owned(), None));
        self.variable(name, Type::Map)
    }

    /// The same for one whose members are not declared under its name; `remedy` says how they come to be there.
    #[must_use]
    pub fn family_with(mut self, name: &str, remedy: &str) -> Self {
        self.families.push((name.to_owned(), Some(remedy.to_owned())));
        self.variable(name, Type::Map)
    }

    /// Lists a field of a variable, the variable's name first. Where a field is listed twice, the first type counts.
    ///
    /// An object with a listed field has no others that are known; one without may have any.
    pub fn add_field(&mut self, path: &[impl AsRef<str>], kind: Type) {
        self.fields.push((path.iter().map(|name| name.as_ref().to_owned()).collect(), kind));
    }

    /// Says of an object that it may have fields beside those that are listed.
    pub fn leave_open(&mut self, path: &[impl AsRef<str>]) {
        self.open.push(path.iter().map(|name| name.as_ref().to_owned()).collect());
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
        match self.fields.iter().find(|(field, _)| field == path) {
            Some((_, kind)) => *kind,
            None if self.has_listed(path) => Type::Map,
            None => Type::Dyn,
        }
    }

    /// The first name on a path that is not listed where those beside it are, or is nearly one of them.
    pub fn unknown(&self, path: &[String]) -> Option<UnknownField> {
        for depth in 1..path.len() {
            let (above, here) = (&path[..depth], &path[..=depth]);
            if self.fields.iter().any(|(field, _)| field.starts_with(here)) {
                continue;
            }
            let near = closest(&path[depth], &self.listed(above)).map(str::to_owned);
            let closed = self.has_listed(above) && !self.open.iter().any(|open| open == above);
            if !closed && near.is_none() {
                return None;
            }
            // Something that has fields is an object.
            let kind = if here.len() < path.len() { Type::Map } else { Type::Dyn };
            return Some(UnknownField { path: here.to_vec(), near, kind });
        }
        None
    }

    /// The variable that has a field of this name.
    pub fn holder(&self, name: &str) -> Option<&str> {
        self.fields.iter().find_map(|(field, _)| match field.as_slice() {
            [variable, field] if field == name => Some(variable.as_str()),
            _ => None,
        })
    }

    /// Whether a variable is a [family](Self::family).
    pub fn is_family(&self, variable: &str) -> bool {
        self.families.iter().any(|(family, _)| family == variable)
    }

    /// What is to be done where a [family](Self::family_with) has not the name that is meant.
    pub(super) fn remedy(&self, family: &str) -> Option<&str> {
        self.families.iter().find(|(name, _)| name == family)?.1.as_deref()
    }

    fn has_listed(&self, path: &[String]) -> bool {
        self.fields.iter().any(|(field, _)| field.len() > path.len() && field.starts_with(path))
    }

    /// The names that are listed right under `path`.
    pub(super) fn listed(&self, path: &[String]) -> Vec<&str> {
        let below = self.fields.iter().filter(|(field, _)| field.starts_with(path));
        below.filter_map(|(field, _)| field.get(path.len()).map(String::as_str)).collect()
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
