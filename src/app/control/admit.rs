//! Unverified notices that somebody vouches for: events from now on.
//!
//! What lookups find for them is asked first, some at a time, as for any event that an action or a rule needs it for. Each
//! notice is removed once it is an event on disk: a crash in between makes it an event twice, never none.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream;

use super::execute::{Desk, PART, without_configuration};
use super::protocol::{Admitted, Reply};
use crate::base::future::BoxFuture;
use crate::event::Event;
use crate::facts::Facts;
use crate::journal::{self, Unverified};
use crate::judge::Recorder;
use crate::record::{ReadError, Record};

/// For how many of them lookups are asked at once: fewer than a lookup lets in, for a server's own events ask them, too.
const ASKED_AT_ONCE: usize = 8;
/// How long the lookups of one event are waited for; each has a time-out of its own.
const LOOKING_UP: Duration = Duration::from_secs(10);

/// A notice, opened.
enum Opened {
    Event(Arc<Event>, Arc<Facts>),
    /// It can never be one.
    Unreadable,
}

/// Brings in the notices up to this number.
pub(super) async fn admit(desk: &Desk<'_>, up_to: u64, progress: &(dyn Fn(u64) + Send + Sync)) -> Reply {
    let Some(recorder) = desk.recorder else { return without_configuration() };
    let mut admitted = Admitted::default();
    let mut after = 0;
    let mut done = 0;
    loop {
        let mut page = match desk.journal.unverified(after, PART).await {
            Ok(page) => page,
            Err(error) => return Reply::failed(error),
        };
        page.retain(|notice| notice.number <= up_to);
        let Some(last) = page.last().map(|notice| notice.number) else { return Reply::Admitted(admitted) };
        let notices: Vec<BoxFuture<'_, _>> = page.iter().map(|notice| Box::pin(open(desk, notice)) as _).collect();
        let mut opened = stream::iter(notices).buffered(ASKED_AT_ONCE);
        for notice in &page {
            let outcome = match opened.next().await {
                Some(Ok(opened)) => append(recorder, opened, &mut admitted).await,
                Some(Err(why)) => Err(why),
                None => Err("it was not opened".to_owned()),
            };
            if let Err(why) = outcome {
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

/// Reads a notice, and asks what is to be known about it.
async fn open(desk: &Desk<'_>, notice: &Unverified) -> Result<Opened, String> {
    let bytes = match &notice.record {
        journal::Record::Bytes(bytes) => bytes,
        journal::Record::Sealed => return Err("it is sealed under a key that is not set".to_owned()),
        journal::Record::Forgotten | journal::Record::Unread => return Ok(Opened::Unreadable),
    };
    // It is received now: its deliveries have their whole time, and entries stay in the order of their times.
    let read = |bytes| Record::parse(bytes)?.event(&notice.event, desk.clock.now(), &notice.id.to_string());
    let event = match read(bytes) {
        Ok(event) => Arc::new(event),
        Err(error @ ReadError::Version(_)) => return Err(error.to_string()),
        Err(error) => {
            tracing::warn!(notice = %notice.id, event = notice.event, %error, "an unverified notice is no event, and is removed");
            return Ok(Opened::Unreadable);
        }
    };
    let facts = match desk.lookups {
        Some(lookups) if !lookups.is_idle(event.name()) => {
            Arc::new(lookups.fetch(&event, desk.clock.instant() + LOOKING_UP).await)
        }
        Some(_) | None => Arc::default(),
    };
    Ok(Opened::Event(event, facts))
}

async fn append(recorder: &Recorder, opened: Opened, admitted: &mut Admitted) -> Result<(), String> {
    let (event, facts) = match opened {
        Opened::Event(event, facts) => (event, facts),
        Opened::Unreadable => {
            admitted.unreadable += 1;
            return Ok(());
        }
    };
    let appended = recorder.admit(&event, facts).await.map_err(|error| error.to_string())?;
    admitted.events += 1;
    admitted.deliveries += appended.deliveries.len() as u64;
    admitted.repeats += u64::from(appended.repeat_of.is_some());
    Ok(())
}
