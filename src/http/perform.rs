//! Performing: what rules name is begun as soon as the event is on disk, and its reply waits for what becomes of it.

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;

use crate::delivery::{self, Performances};
use crate::event::{Decision, Event, Performance, Performed};
use crate::journal::{EntryId, Journal};
use crate::judge::{Recorded, Timing};

/// So long before the deadline nobody waits any more.
const MARGIN: Duration = Duration::from_millis(100);

/// What a reply waits for.
pub(super) struct Waiting {
    performances: Arc<Performances>,
    expected: Option<delivery::Performance>,
    actions: Vec<Arc<str>>,
    timing: Timing,
}

/// Until when deliveries are waited for that belong to a reply.
pub(super) fn until(event: &Event, timing: Timing) -> chrono::DateTime<chrono::Utc> {
    let time = TimeDelta::from_std(timing.deadline.saturating_sub(MARGIN)).unwrap_or_default();
    event.received_at() + time
}

impl Waiting {
    /// To be made before the event is kept, or nobody may hear of what becomes of it.
    pub(super) fn of(
        performances: &Arc<Performances>,
        id: EntryId,
        event: &Event,
        decision: &Decision,
        timing: Timing,
    ) -> Self {
        let actions = if let Decision::Perform(actions) = decision { actions.clone() } else { Vec::new() };
        let expected =
            (!actions.is_empty()).then(|| performances.expect(id, actions.iter().cloned(), until(event, timing)));
        Self { performances: performances.clone(), expected, actions, timing }
    }

    /// What became of the actions, as far as that is known in time.
    pub(super) async fn end(self, recorded: &Recorded, journal: &dyn Journal) -> Performance {
        let Self { performances, expected, actions, timing } = self;
        let Some(expected) = expected else { return Performance::default() };
        let performance = match recorded {
            Recorded::Kept { appended, .. } => {
                if let Some((earlier, _)) = appended.repeat_of {
                    // It was asked for before: what became of it then is the answer.
                    performances.of_earlier(journal, earlier).await.ok()
                } else {
                    expected.note_dead(&appended.dead);
                    Some(expected)
                }
            }
            Recorded::Queued { .. } | Recorded::Off | Recorded::Lost { .. } | Recorded::Refused { .. } => None,
        };
        let known = match performance {
            Some(performance) => performance.wait(timing.before(MARGIN)).await,
            None => Vec::new(),
        };
        let of = |action: Arc<str>| {
            let found = known.iter().find(|(of, _)| *of == action);
            let performed = found.map_or(Performed::Failed, |(_, performed)| in_words(performed));
            (action, performed)
        };
        Performance { actions: actions.into_iter().map(of).collect(), number: None }
    }
}

fn in_words(performed: &delivery::Performed) -> Performed {
    match performed {
        delivery::Performed::Done { captured } if captured.is_empty() => Performed::Done(None),
        delivery::Performed::Done { captured } => Performed::Done(Some(captured.clone().into())),
        delivery::Performed::Rejected { .. } => Performed::Rejected,
        delivery::Performed::Failed { .. } => Performed::Failed,
        delivery::Performed::Late => Performed::Late,
    }
}
