//! The directory: the people that a server has seen, as a journal keeps them and finds them again.
//!
//! A journal knows neither which fields there are nor what their normal forms are: whoever tells it of a person says both.
//! What it keeps of a value for finding is a code under a key of its own.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::Record;
use crate::event::Person;

/// What a field is found by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldKey {
    /// The field's path below the person.
    pub name: Arc<str>,
    /// What names the normal form. Keys of different forms never meet.
    pub form: Arc<str>,
    /// The value in its normal form; empty where the person has none.
    pub normal: String,
}

/// A field as it is told. One that is not told stays as it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PersonField {
    /// What it is found by.
    pub key: FieldKey,
    /// The value as it came; of no account where its normal form is empty.
    pub value: String,
    /// Whether nobody else has this value: whoever had it before is this person under another name, and goes.
    pub identifies: bool,
}

/// What the directory learns of a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sighting {
    /// These are its fields.
    Seen(Vec<PersonField>),
    /// It has left.
    Left,
    /// Somebody has taken it out: what was learnt before, and is told again, does not bring it back.
    Removed,
    /// That was learnt then. Where something newer is known it says only what is not known at all.
    Then(DateTime<Utc>, Box<Sighting>),
}

/// Who is looked for.
#[derive(Clone, Debug)]
pub struct Search {
    /// The system that tells of the person.
    pub system: &'static str,
    /// Its tenant; people of another are not found.
    pub tenant: String,
    /// Who asks, and is not found.
    pub asker: Option<Person>,
    /// The person has all of these. The first leads to it.
    pub all: Vec<FieldKey>,
    /// The person has none of these.
    pub except: Vec<FieldKey>,
    /// Whether the fields are wanted, which costs most of the time.
    pub fields: bool,
}

/// A person of the directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Its number; whoever comes later has a higher one.
    pub number: u64,
    /// The person's reference, as entries have it.
    pub person: [u8; 16],
    /// The system that told of it.
    pub system: String,
    /// Its tenant; empty where none is known.
    pub tenant: String,
    /// When its fields last changed.
    pub at: DateTime<Utc>,
    /// Its fields, a JSON object of texts.
    pub record: Record,
}

/// The form that a field must have in the index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldForm {
    /// The field's path below the person.
    pub name: Arc<str>,
    /// What names the normal form.
    pub form: Arc<str>,
}

/// Makes the fields that are kept now of those that were kept before.
pub type Anew = Arc<dyn Fn(&BTreeMap<String, String>) -> Vec<PersonField> + Send + Sync>;

impl Listed {
    /// Its fields; none where they cannot be read.
    pub fn fields(&self) -> Option<BTreeMap<String, String>> {
        let Record::Bytes(bytes) = &self.record else { return None };
        serde_json::from_slice(bytes).ok()
    }
}
