//! Which fields of an event are secret: those of its row and those that the operator adds.

use super::catalog::Care;
use super::{FieldPath, PathError, Spec};

/// Fields that are left out, key and all, of everything but the reply to the system that sent them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SecretFields {
    /// From `request` downwards.
    extra: Vec<FieldPath>,
}

/// Why a text names no field of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SecretFieldError {
    /// No path.
    #[error(transparent)]
    Path(#[from] PathError),
    /// It starts with neither of the two names that a rule could start with.
    #[error("a secret field starts with `user.` or `request.`")]
    Start,
}

impl SecretFields {
    /// Those of every row, and these: `user.pin`, `request.token`.
    pub fn parse(extra: &[impl AsRef<str>]) -> Result<Self, (usize, SecretFieldError)> {
        let parse = |text: &str| {
            let path = FieldPath::parse(text)?;
            match path.names() {
                [first, rest @ ..] if first == "request" && !rest.is_empty() => Ok(FieldPath::of(rest)),
                [first, _, ..] if first == "user" => Ok(path),
                _ => Err(SecretFieldError::Start),
            }
        };
        let extra = extra.iter().enumerate().map(|(index, text)| parse(text.as_ref()).map_err(|error| (index, error)));
        Ok(Self { extra: extra.collect::<Result<_, _>>()? })
    }

    /// Those of an event, from `request` downwards.
    pub fn of(&self, spec: &Spec) -> Vec<FieldPath> {
        let own = spec.fields.iter().filter(|field| field.care == Care::Secret);
        own.filter_map(|field| FieldPath::parse(field.path).ok()).chain(self.extra.iter().cloned()).collect()
    }
}
