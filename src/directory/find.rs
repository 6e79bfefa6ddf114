//! Looking somebody up: is there another person who has these values?

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::Directory;
use super::reserve::Reserved;
use crate::base::future::BoxFuture;
use crate::base::ids::hex;
use crate::event::{Event, catalog};
use crate::facts::Answer;
use crate::journal::{FieldKey, Listed, Search};
use crate::lookup::{Failure, People, Sought};

/// Who was found.
#[derive(Clone, Debug, PartialEq)]
pub enum Found {
    /// Nobody.
    Nobody,
    /// Another person, with what may be told of it.
    Person(Value),
    /// Nobody is there yet, and another person's creation with these values is on its way.
    Reserved,
}

impl People for Directory {
    fn find<'a>(&'a self, sought: Sought<'a>) -> BoxFuture<'a, Result<Answer, Failure>> {
        Box::pin(async move {
            Ok(match self.look(sought).await.map_err(Failure)? {
                Found::Nobody => Answer::nothing(),
                Found::Person(value) => Answer::found(value),
                Found::Reserved => Answer::found(json!({ "reserved": true })),
            })
        })
    }
}

impl Directory {
    /// Looks for another person. The error is a sentence that holds no value.
    pub async fn look(&self, sought: Sought<'_>) -> Result<Found, String> {
        self.indexed().await?;
        let all = self.keys(&sought.all)?;
        if all.is_empty() || all.iter().any(|key| key.normal.is_empty()) {
            return Ok(Found::Nobody);
        }
        let mut except = self.keys(&sought.except)?;
        except.retain(|key| !key.normal.is_empty());
        let person = sought.event.person();
        // Held before the journal is asked: what another person gave up meanwhile is on disk by then.
        let reserve = sought.reserve.filter(|_| reserves(sought.event));
        if let Some(time) = reserve {
            match self.reservations.reserve(sought.lookup, person, &all, self.clock.instant(), time) {
                Reserved::Own => {}
                Reserved::Other => return Ok(Found::Reserved),
                Reserved::Full => return Err("more values are reserved than can be".to_owned()),
            }
        }
        let search = Search {
            system: person.system,
            tenant: person.tenant.clone(),
            asker: person.known.then(|| person.clone()),
            all: all.clone(),
            except,
            fields: !sought.give.is_empty(),
        };
        let found = self.journal.find_person(search).await.map_err(|error| error.to_string());
        if reserve.is_some() && !matches!(found, Ok(None)) {
            self.reservations.give_back(sought.lookup, person, &all);
        }
        Ok(match found? {
            None => Found::Nobody,
            Some(listed) => Found::Person(told(&listed, sought.give)),
        })
    }

    fn keys(&self, values: &[(Arc<str>, String)]) -> Result<Vec<FieldKey>, String> {
        let key = |(name, text): &(Arc<str>, String)| {
            let field = self.plan.fields.find(name);
            field.map(|field| field.key(text)).ok_or_else(|| format!("the directory does not keep `{name}`"))
        };
        values.iter().map(key).collect()
    }
}

/// Only what asks whether something may be begins a creation.
fn reserves(event: &Event) -> bool {
    matches!(event.spec().kind, catalog::Kind::Verdict | catalog::Kind::Mutate)
}

/// What is told of whom was found: by which reference the journal knows it, and the fields that are wanted.
fn told(listed: &Listed, give: &[Arc<str>]) -> Value {
    let mut value = Map::new();
    value.insert("person".to_owned(), json!(format!("ref-{}", hex(&listed.person[..6]))));
    if !give.is_empty() {
        let fields = listed.fields().unwrap_or_default();
        for name in give {
            value.insert(name.to_string(), fields.get(&**name).map_or(Value::Null, |text| json!(text)));
        }
    }
    Value::Object(value)
}
