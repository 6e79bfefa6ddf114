//! Looking somebody up: is there another person who has these values?

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::reserve::{Asker, Reserved};
use super::{Directory, Fields, Plan};
use crate::base::future::BoxFuture;
use crate::base::ids::hex;
use crate::event::{Event, catalog};
use crate::facts::Answer;
use crate::journal::{FieldForm, FieldKey, Listed, Reader, Search};
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
        let Some(asked) = Keys::of(&self.plan.fields, &sought)? else { return Ok(Found::Nobody) };
        self.complete_in(&asked.all)?;
        self.complete_in(&asked.except)?;
        let person = sought.event.person();
        // Held before the journal is asked: what another person gave up meanwhile is on disk by then.
        let reserve = sought.reserve.filter(|_| reserves(sought.event));
        let mut held = None;
        if let Some(time) = reserve {
            let mut own = asked.except.clone();
            own.extend(sought.event.user().into_iter().flat_map(|user| self.plan.fields.identity(user)));
            let asker = Asker { person, own: &own, request: sought.event.request_id() };
            match self.reservations.reserve(asker, &asked.all, self.clock.instant(), time) {
                Reserved::New => held = Some(asked.all.clone()),
                Reserved::Own => {}
                Reserved::Other => return Ok(Found::Reserved),
                Reserved::Full => return Err("more values are reserved than can be".to_owned()),
            }
        }
        let found = self.journal.find_person(asked.search(&sought)).await.map_err(|error| error.to_string())?;
        Ok(match found {
            None => Found::Nobody,
            Some(listed) => {
                // Where the journal did not answer, the asker may pass all the same.
                held.inspect(|keys| self.reservations.give_back(person, keys));
                Found::Person(told(&listed, sought.give))
            }
        })
    }
}

/// The people of a journal that is only read: nothing is held for anybody.
pub struct ReadOnly {
    fields: Arc<Fields>,
    reader: Arc<dyn Reader>,
}

impl ReadOnly {
    /// Those of this journal, by what this plan says.
    pub fn new(plan: &Plan, reader: Arc<dyn Reader>) -> Self {
        Self { fields: plan.fields.clone(), reader }
    }

    async fn look(&self, sought: Sought<'_>) -> Result<Answer, String> {
        let Some(asked) = Keys::of(&self.fields, &sought)? else { return Ok(Answer::nothing()) };
        let keys = asked.all.iter().chain(&asked.except);
        let forms = keys.map(|key| FieldForm { name: key.name.clone(), form: key.form.clone() }).collect();
        let unready = self.reader.unready_people(forms).await.map_err(|error| error.to_string())?;
        if let Some(name) = unready.first() {
            return Err(format!("the journal's directory does not have `{name}` of everybody, or in another form"));
        }
        let found = self.reader.find_person(asked.search(&sought)).await.map_err(|error| error.to_string())?;
        Ok(found.map_or_else(Answer::nothing, |listed| Answer::found(told(&listed, sought.give))))
    }
}

impl People for ReadOnly {
    fn find<'a>(&'a self, sought: Sought<'a>) -> BoxFuture<'a, Result<Answer, Failure>> {
        Box::pin(async move { self.look(sought).await.map_err(Failure) })
    }
}

/// What is asked, in normal forms.
struct Keys {
    all: Vec<FieldKey>,
    except: Vec<FieldKey>,
}

impl Keys {
    /// None where one that must be had is empty, which nobody has.
    fn of(fields: &Fields, sought: &Sought<'_>) -> Result<Option<Self>, String> {
        let key = |(name, text): &(Arc<str>, String)| {
            let field = fields.find(name);
            field.map(|field| field.key(text)).ok_or_else(|| format!("the directory does not keep `{name}`"))
        };
        let all: Vec<FieldKey> = sought.all.iter().map(key).collect::<Result<_, _>>()?;
        if all.is_empty() || all.iter().any(|key| key.normal.is_empty()) {
            return Ok(None);
        }
        let mut except: Vec<FieldKey> = sought.except.iter().map(key).collect::<Result<_, _>>()?;
        except.retain(|key| !key.normal.is_empty());
        Ok(Some(Self { all, except }))
    }

    fn search(self, sought: &Sought<'_>) -> Search {
        let person = sought.event.person();
        Search {
            system: person.system,
            tenant: person.tenant.clone(),
            asker: person.known.then(|| person.clone()),
            all: self.all,
            except: self.except,
            fields: !sought.give.is_empty(),
        }
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
