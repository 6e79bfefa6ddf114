//! Guards beside the requests: what is over goes, and persons are counted for those that let a share of them pass.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;

use crate::base::clock::Clock;
use crate::http::listener::Stop;
use crate::http::receive::Receiver;

/// How often it is looked what is over.
const SWEEP_PAUSE: Duration = Duration::from_secs(60);
/// How many such pauses there are between two counts of persons.
const PAUSES_PER_COUNT: u32 = 10;

/// Keeps the guards in force tidy until the server drains.
pub(super) async fn keep(receiver: Arc<Receiver>, clock: Clock, stop: Stop) {
    let work = async {
        let mut pauses = 0;
        loop {
            let Some(active) = receiver.active() else { return };
            let guards = &active.guards;
            let asked = tokio::select! {
                () = sleep(SWEEP_PAUSE) => false,
                () = guards.wanted() => true,
            };
            pauses += 1;
            guards.sweep(&active.guard_set, clock.now());
            if (asked || pauses >= PAUSES_PER_COUNT)
                && let Err(error) = guards.count_people(&active.guard_set).await
            {
                tracing::warn!(%error, "persons cannot be counted: guards go by the last number");
            }
            pauses %= PAUSES_PER_COUNT;
        }
    };
    tokio::select! {
        () = stop.draining() => {}
        () = work => {}
    }
}
