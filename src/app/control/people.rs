//! What commands change in the directory of people.

use super::execute::{Desk, known};
use super::protocol::{Introduced, MAX_PEOPLE, Reply, Whom};
use crate::directory::{Directory, TELLING};
use crate::event::Person;
use crate::journal::{self, Filter, Order, Sighting};
use crate::record::Record;

/// How many entries are looked at at once.
const PAGE: usize = 200;
/// What stands in a masked record for a value.
const MASK: &str = "***";

/// Tells of people that somebody lists.
pub(super) async fn tell(desk: &Desk<'_>, people: Vec<Introduced>) -> Reply {
    let Some(directory) = directory(desk) else { return without() };
    if people.len() > MAX_PEOPLE {
        return Reply::failed(format!("more than {MAX_PEOPLE} people in one request"));
    }
    let mut sightings = Vec::with_capacity(people.len());
    for Introduced { person, fields } in people {
        match known(&person) {
            Ok(person) => sightings.push((person, Sighting::Seen(directory.fields().of_texts(&fields)))),
            Err(reply) => return reply,
        }
    }
    told(desk, sightings).await
}

/// Takes people out.
pub(super) async fn remove(desk: &Desk<'_>, people: &[Whom]) -> Reply {
    if people.len() > MAX_PEOPLE {
        return Reply::failed(format!("more than {MAX_PEOPLE} people in one request"));
    }
    let mut sightings = Vec::with_capacity(people.len());
    for whom in people {
        match known(whom) {
            Ok(person) => sightings.push((person, Sighting::Removed)),
            Err(reply) => return reply,
        }
    }
    told(desk, sightings).await
}

/// Takes it that the list that was told had these fields of everybody.
pub(super) async fn complete(desk: &Desk<'_>, fields: Vec<String>) -> Reply {
    let Some(directory) = directory(desk) else { return without() };
    match directory.complete(fields.into_iter().map(Into::into).collect()).await {
        Ok(()) => Reply::Listed { told: 0, changed: 0 },
        Err(error) => Reply::failed(error),
    }
}

async fn told(desk: &Desk<'_>, sightings: Vec<(Person, Sighting)>) -> Reply {
    let told = sightings.len() as u64;
    match desk.journal.tell_people(sightings).await {
        Ok(changed) => Reply::Listed { told, changed },
        Err(error) => Reply::failed(error),
    }
}

/// Goes through the notices that are kept, the oldest first.
pub(super) async fn rebuild(desk: &Desk<'_>, progress: &(dyn Fn(u64) + Send + Sync)) -> Reply {
    let Some(directory) = directory(desk) else { return without() };
    let mut filter = Filter {
        events: TELLING.map(str::to_owned).to_vec(),
        records: true,
        order: Order::Oldest,
        ..Filter::default()
    };
    let (mut told, mut changed) = (0, 0);
    loop {
        let page = match desk.journal.entries(filter.clone(), PAGE).await {
            Ok(page) => page,
            Err(error) => return Reply::failed(error),
        };
        let sightings: Vec<_> = page.items.iter().filter_map(|entry| sighting(directory, entry)).collect();
        told += sightings.len() as u64;
        match desk.journal.tell_people(sightings).await {
            Ok(more) => changed += more,
            Err(error) => return Reply::failed(error),
        }
        progress(told);
        let Some(next) = page.next else {
            let all = directory.fields().iter().map(|field| field.name.clone()).collect();
            return match directory.complete(all).await {
                Ok(()) => Reply::Listed { told, changed },
                Err(error) => Reply::failed(error),
            };
        };
        filter.after = Some(next);
    }
}

/// What a notice told; nothing where its body was not kept, or only the names of its fields.
fn sighting(directory: &Directory, entry: &journal::Entry) -> Option<(Person, Sighting)> {
    let journal::Record::Bytes(bytes) = &entry.record else { return None };
    let event =
        Record::parse(bytes).and_then(|record| record.event(&entry.event, entry.received_at, &entry.id.to_string()));
    let event = event.ok().filter(|event| event.person().key != MASK)?;
    // The tenant as it was then, also where the token was not kept.
    let person = Person { tenant: entry.tenant.clone(), ..event.person().clone() };
    let sighting = directory.sighting(&event)?;
    Some((person, Sighting::Then(entry.received_at, Box::new(sighting))))
}

pub(super) fn directory<'a>(desk: &Desk<'a>) -> Option<&'a Directory> {
    desk.recorder.and_then(|recorder| recorder.directory()).map(AsRef::as_ref)
}

fn without() -> Reply {
    Reply::failed("no directory is kept: write `[directory]`, or a lookup of type directory, into the configuration")
}
