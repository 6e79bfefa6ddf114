//! The reply to an event, put together again: in the system's words, with what has become of what was performed.

use serde_json::Value;

use super::mask::Eyes;
use crate::app::systems::dialect;
use crate::cli::store::Store;
use crate::dialect::Dialect;
use crate::dialect::cymmetri::{AcceptShape, Cymmetri};
use crate::event::{Event, Performance, Performed};
use crate::journal::sqlite::SqliteReader;
use crate::journal::{Delivery, DeliveryState, Entry, Reader as _};
use crate::retrial::Case;

/// The reply as the dialect wrote it; none where it cannot be told.
pub(super) fn reply(
    case: &Case<'_>,
    shape: AcceptShape,
    eyes: Eyes,
    store: &Store<'_>,
    reader: &SqliteReader,
) -> anyhow::Result<Option<Value>> {
    let words: Box<dyn Dialect> = match eyes.spec.sender() {
        // As the rules of then had it.
        "cymmetri" => Box::new(Cymmetri { accept_shape: shape }),
        sender => match dialect(&store.settings, sender) {
            Some(words) => words,
            None => return Ok(None),
        },
    };
    let performance = performance(case.entry(), store, reader)?;
    Ok(reply_of(case, &*words, &performance, eyes))
}

/// A number of our own that the reply may have had is not kept.
fn reply_of(case: &Case<'_>, words: &dyn Dialect, performance: &Performance, eyes: Eyes) -> Option<Value> {
    let event: &Event = case.event();
    let decision = case.record().decision(event.spec().kind, &case.entry().outcome)?;
    if words.wants_number(event, &decision, performance) {
        return None;
    }
    let body = words.encode(event, &decision, performance).ok()?.body;
    Some(eyes.reply(serde_json::from_str(&body).unwrap_or_else(|_| Value::String(body.into_owned()))))
}

/// What became of the actions that were performed, as the journal has it now; of a repeat, of the entry that it repeats.
fn performance(entry: &Entry, store: &Store<'_>, reader: &SqliteReader) -> anyhow::Result<Performance> {
    let seq = entry.repeat_of.unwrap_or(entry.seq);
    let found = store.wait(reader.entry_at(seq))?;
    let deliveries = found.map(|(_, deliveries)| deliveries).unwrap_or_default();
    let performed = |delivery: Delivery| {
        let performed = match delivery.state {
            DeliveryState::Done => Performed::Done(delivery.captured.map(Value::Object)),
            DeliveryState::Pending => Performed::Late,
            DeliveryState::Dead | DeliveryState::Dropped => Performed::Failed,
        };
        (delivery.action.into(), performed)
    };
    let actions = deliveries.into_iter().filter(|delivery| delivery.performed).map(performed).collect();
    Ok(Performance { actions, number: None })
}
