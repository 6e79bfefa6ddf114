//! Secret fields that an action is given: which, for how long, and taken out of an event.

use std::time::Duration;

use super::Granted;
use crate::base::secret::Secret;
use crate::event::{Event, FieldPath};

/// The secret fields that an action is given. Whoever keeps them seals them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Grant {
    pub(super) fields: Vec<FieldPath>,
    /// How long they are kept at most.
    pub ttl: Duration,
}

impl Grant {
    /// Whether it is given none.
    pub fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }

    /// The fields, from `request` downwards.
    pub fn fields(&self) -> &[FieldPath] {
        &self.fields
    }

    /// What stands in these fields of an event, as received; a field that is not there is left out.
    pub fn take(&self, event: &Event) -> Vec<Granted> {
        let Some(request) = event.request() else { return Vec::new() };
        let found = self.fields.iter().filter_map(|path| Some((path, request.find(path.names())?)));
        found.map(|(path, json)| Granted { field: path.to_string(), json: Secret::new(json.raw()) }).collect()
    }
}
