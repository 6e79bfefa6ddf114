//! Gives up what somebody waited for and nobody has begun, when its time is over.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use tokio::time::sleep_until;

use super::Tools;
use super::attempt::tell_fallen;
use crate::journal::{JournalError, Lapse};

/// How long it is not looked at most. Whoever waits is known, but for those of an earlier run.
const AT_LEAST_EVERY: TimeDelta = TimeDelta::minutes(1);
/// How long after the journal could not be read.
const AGAIN: TimeDelta = TimeDelta::seconds(1);

/// Works until the server drains.
pub(super) async fn run(tools: Tools) {
    let stop = tools.stop.clone();
    loop {
        let now = tools.clock.now();
        let next = match pass(&tools, now).await {
            Ok(next) => tools.performances.looks_at(next, now, now + AT_LEAST_EVERY),
            Err(error) => {
                tracing::warn!(%error, "what nobody waits for any more cannot be given up, and is looked for again");
                now + AGAIN
            }
        };
        let wait = (next - now).to_std().unwrap_or_default().max(Duration::from_millis(1));
        let wake_up = sleep_until(tools.clock.instant() + wait);
        tokio::select! {
            biased;
            () = stop.draining() => break,
            () = tools.performances.sooner() => {}
            () = wake_up => {}
        }
    }
}

/// Gives up what is late, and says when there is more.
async fn pass(tools: &Tools, now: DateTime<Utc>) -> Result<Option<DateTime<Utc>>, JournalError> {
    while tools.journal.next_lapse().await?.is_some_and(|next| next <= now) {
        give_up(tools, Lapse::Late { now }).await?;
    }
    tools.journal.next_lapse().await
}

/// Gives up performed deliveries, tells of each, and answers how many there were.
pub(super) async fn give_up(tools: &Tools, lapse: Lapse) -> Result<usize, JournalError> {
    let fallen = tools.journal.lapse(lapse).await?;
    tell_fallen(&fallen, tools);
    Ok(fallen.len())
}
