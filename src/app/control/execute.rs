//! What changes the journal because somebody asks: the same whether a server is asked or a command has the lock itself.

use std::sync::Arc;

use chrono::SecondsFormat;

use super::people;
use super::protocol::{Admitted, Again, Id, MAX_DELIVERIES, Reply, Request, Told, ToldGuarded, Whom};
use crate::action::Order;
use crate::base::clock::Clock;
use crate::event::Person;
use crate::journal::{DeliveryId, GuardAct, Journal, JournalError, Receipt, Unverified};
use crate::judge::{Guards, Recorder};
use crate::record::{ReadError, Record};

/// How many are on their way to the journal's writer at once.
const PART: usize = 100;

/// What a request is carried out with.
pub struct Desk<'a> {
    /// The journal.
    pub journal: &'a Arc<dyn Journal>,
    /// What keeps events, and knows the actions; none where the configuration in force is not known.
    pub recorder: Option<&'a Recorder>,
    /// What the guards of a server that runs know.
    pub guards: Option<&'a Guards>,
    /// The clock.
    pub clock: &'a Clock,
}

/// Carries a request out. `progress` hears how much is done, now and then.
pub async fn execute(desk: &Desk<'_>, request: Request, progress: &(dyn Fn(u64) + Send + Sync)) -> Reply {
    let journal = desk.journal;
    match request {
        Request::Retry { deliveries } => each(&deliveries, progress, |id| journal.retry(id)).await,
        Request::Drop { deliveries, reason } => {
            each(&deliveries, progress, |id| journal.drop_delivery(id, &reason)).await
        }
        Request::Skip { action, person, reason } => match known(&person) {
            Ok(person) => match journal.skip(&action, &person, &reason).await {
                Ok(delivery) => Reply::Skipped { delivery: Id(delivery) },
                Err(error) => Reply::failed(error),
            },
            Err(reply) => reply,
        },
        Request::Replay { deliveries } => replay(desk, &deliveries, progress).await,
        Request::Admit { up_to } => admit(desk, up_to, progress).await,
        Request::Forget { person } => match known(&person) {
            Ok(person) => {
                let reference = journal.reference(&person);
                // What was answered before is to be in the journal, and goes with the rest.
                if let Some(recorder) = desk.recorder {
                    recorder.hurry().await;
                }
                match journal.forget(&person).await {
                    Ok(entries) => {
                        desk.guards.inspect(|guards| guards.forget(&reference));
                        people::directory(desk).inspect(|directory| directory.forget(&person));
                        Reply::Forgotten { entries }
                    }
                    Err(error) => Reply::failed(error),
                }
            }
            Err(reply) => reply,
        },
        Request::Reload { .. } => {
            Reply::failed("no server runs here, and so nothing is in force that could be reloaded")
        }
        Request::GuardRelease { guarded, reason } => {
            guarded_each(desk, &guarded, GuardAct::Release, &reason, progress).await
        }
        Request::GuardDrop { guarded, reason } => guarded_each(desk, &guarded, GuardAct::Drop, &reason, progress).await,
        Request::Tell { people } => people::tell(desk, people).await,
        Request::Remove { people } => people::remove(desk, &people).await,
        Request::Complete { fields } => people::complete(desk, fields).await,
        Request::Rebuild => people::rebuild(desk, progress).await,
        Request::Rekey => match journal.rekey().await {
            Ok(sealed) => Reply::Rekeyed { sealed },
            Err(error) => Reply::failed(error),
        },
    }
}

pub(super) fn known(whom: &Whom) -> Result<Person, Reply> {
    match whom.person() {
        Some(person) if person.known => Ok(person),
        Some(_) => Err(Reply::failed("a person has a key, and this one is empty")),
        None => Err(Reply::failed(format!("there is no system `{}`", whom.system))),
    }
}

/// Does something to each delivery; one that cannot be done does not keep the others from it.
async fn each(
    deliveries: &[Id],
    progress: &(dyn Fn(u64) + Send + Sync),
    one: impl Fn(DeliveryId) -> Receipt<()>,
) -> Reply {
    if deliveries.len() > MAX_DELIVERIES {
        return too_many();
    }
    let mut told = Vec::new();
    for part in deliveries.chunks(PART) {
        let receipts: Vec<_> = part.iter().map(|id| (*id, one(id.0))).collect();
        for (delivery, receipt) in receipts {
            told.push(Told { delivery, error: receipt.await.err().map(|error| error.to_string()) });
        }
        progress(told.len() as u64);
    }
    Reply::Deliveries(told)
}

/// Releases or drops each of these. A server's guards know it as soon as it is on disk.
async fn guarded_each(
    desk: &Desk<'_>,
    guarded: &[u64],
    act: GuardAct,
    reason: &str,
    progress: &(dyn Fn(u64) + Send + Sync),
) -> Reply {
    if guarded.len() > MAX_DELIVERIES {
        return Reply::failed(format!("more than {MAX_DELIVERIES} persons in one request"));
    }
    let mut told = Vec::new();
    for part in guarded.chunks(PART) {
        let receipts: Vec<_> =
            part.iter().map(|number| (*number, desk.journal.act_on_guarded(*number, act, reason))).collect();
        for (guarded, receipt) in receipts {
            told.push(match receipt.await {
                Ok(acted) => {
                    desk.guards.inspect(|guards| guards.acted(&acted));
                    let pass_until = acted.pass_until.map(|until| until.to_rfc3339_opts(SecondsFormat::Secs, true));
                    ToldGuarded { guarded, pass_until, error: None }
                }
                Err(error) => ToldGuarded { guarded, pass_until: None, error: Some(error.to_string()) },
            });
        }
        progress(told.len() as u64);
    }
    Reply::Guarded(told)
}

async fn replay(desk: &Desk<'_>, deliveries: &[Again], progress: &(dyn Fn(u64) + Send + Sync)) -> Reply {
    if deliveries.len() > MAX_DELIVERIES {
        return too_many();
    }
    let Some(recorder) = desk.recorder else { return without_configuration() };
    // All or nothing, as far as that can be known before: half a replay is hard to tell from a whole one.
    let mut orders = Vec::new();
    for again in deliveries {
        let Some(action) = recorder.actions().find(&again.action) else {
            return Reply::failed(format!("there is no action `{}` in the configuration", again.action));
        };
        orders.push((action.delivery.order == Order::Person, &action.after));
    }
    let mut told = Vec::new();
    let all: Vec<_> = deliveries.iter().zip(orders).collect();
    for part in all.chunks(PART) {
        let receipts = part
            .iter()
            .map(|(again, (ordered, after))| desk.journal.requeue(again.seq, &again.action, *ordered, after));
        let receipts: Vec<_> = receipts.collect();
        for ((again, _), receipt) in part.iter().zip(receipts) {
            told.push(match receipt.await {
                Ok(delivery) => Told { delivery: Id(delivery), error: None },
                Err(error) => {
                    let entry = DeliveryId(again.seq.saturating_mul(DeliveryId::PER_ENTRY));
                    Told { delivery: Id(entry), error: Some(error.to_string()) }
                }
            });
        }
        progress(told.len() as u64);
    }
    Reply::Deliveries(told)
}

/// Each notice is removed once it is an event on disk: a crash in between makes it an event twice, never none.
async fn admit(desk: &Desk<'_>, up_to: u64, progress: &(dyn Fn(u64) + Send + Sync)) -> Reply {
    let Some(recorder) = desk.recorder else { return without_configuration() };
    let mut admitted = Admitted::default();
    let mut after = 0;
    let mut done = 0;
    loop {
        let page = match desk.journal.unverified(after, PART).await {
            Ok(page) => page,
            Err(error) => return Reply::failed(error),
        };
        let Some(last) = page.iter().map(|notice| notice.number).filter(|number| *number <= up_to).max() else {
            return Reply::Admitted(admitted);
        };
        for notice in page.iter().filter(|notice| notice.number <= up_to) {
            if let Err(why) = admit_one(desk, recorder, notice, &mut admitted).await {
                // Those before it are events already.
                let removed = desk.journal.remove_unverified(notice.number.saturating_sub(1)).await;
                let more = removed.err().map(|error| format!("; {error}")).unwrap_or_default();
                return Reply::failed(format!("the notice of {} stays, and those after it: {why}{more}", notice.id));
            }
            done += 1;
        }
        if let Err(error) = desk.journal.remove_unverified(last).await {
            return Reply::failed(error);
        }
        progress(done);
        after = last;
    }
}

async fn admit_one(
    desk: &Desk<'_>,
    recorder: &Recorder,
    notice: &Unverified,
    admitted: &mut Admitted,
) -> Result<(), String> {
    let bytes = match &notice.record {
        crate::journal::Record::Bytes(bytes) => bytes,
        crate::journal::Record::Sealed => return Err("it is sealed under a key that is not set".to_owned()),
        crate::journal::Record::Forgotten | crate::journal::Record::Unread => {
            admitted.unreadable += 1;
            return Ok(());
        }
    };
    // It is received now: its deliveries have their whole time, and entries stay in the order of their times.
    let read = |bytes| Record::parse(bytes)?.event(&notice.event, desk.clock.now(), &notice.id.to_string());
    let event = match read(bytes) {
        Ok(event) => event,
        Err(error @ ReadError::Version(_)) => return Err(error.to_string()),
        Err(error) => {
            tracing::warn!(notice = %notice.id, event = notice.event, %error, "an unverified notice is no event, and is removed");
            admitted.unreadable += 1;
            return Ok(());
        }
    };
    let appended = recorder.admit(&event).await.map_err(|error| error.to_string())?;
    admitted.events += 1;
    admitted.deliveries += appended.deliveries.len() as u64;
    admitted.repeats += u64::from(appended.repeat_of.is_some());
    Ok(())
}

fn too_many() -> Reply {
    Reply::failed(format!("more than {MAX_DELIVERIES} deliveries in one request"))
}

fn without_configuration() -> Reply {
    Reply::failed(JournalError::Setting("no configuration is in force that names the actions".to_owned()))
}
