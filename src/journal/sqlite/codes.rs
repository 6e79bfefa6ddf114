//! How values stand in columns.

use chrono::{DateTime, Utc};
use rusqlite::{Row, RowIndex};

use super::persons::Reference;
use crate::journal::{DeliveryId, DeliveryState, EntryKind};

/// Microseconds since 1970.
pub(super) fn time(time: DateTime<Utc>) -> i64 {
    time.timestamp_micros()
}

/// A time from a column. One that cannot be is 1970.
pub(super) fn to_time(micros: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_micros(micros).unwrap_or_default()
}

/// A person's lane. Two persons who share one by chance wait for each other, no more.
pub(super) fn lane(person: &Reference) -> i64 {
    first_number(person)
}

/// The first eight bytes as a number.
pub(super) fn first_number(bytes: &[u8]) -> i64 {
    let (first, _) = bytes.split_first_chunk().expect("a code has more than 8 bytes");
    i64::from_be_bytes(*first)
}

/// What a person's entries are indexed by: short, so that the index is small; whoever reads compares the reference.
pub(super) fn bucket(person: &Reference) -> i32 {
    let (_, last) = person.split_last_chunk().expect("16 bytes are more than 4");
    i32::from_be_bytes(*last)
}

const KINDS: [EntryKind; 7] = [
    EntryKind::Event,
    EntryKind::Tombstone,
    EntryKind::Cut,
    EntryKind::KeyRotation,
    EntryKind::Restored,
    EntryKind::GuardRelease,
    EntryKind::GuardDrop,
];

pub(super) fn of_kind(kind: EntryKind) -> i64 {
    match kind {
        EntryKind::Event => 0,
        EntryKind::Tombstone => 1,
        EntryKind::Cut => 2,
        EntryKind::KeyRotation => 3,
        EntryKind::Restored => 4,
        EntryKind::GuardRelease => 5,
        EntryKind::GuardDrop => 6,
    }
}

pub(super) fn to_kind(code: i64) -> Option<EntryKind> {
    KINDS.into_iter().find(|kind| of_kind(*kind) == code)
}

pub(super) const PENDING: i64 = 0;
pub(super) const DONE: i64 = 1;
pub(super) const DEAD: i64 = 2;
pub(super) const DROPPED: i64 = 3;

pub(super) fn of_state(state: DeliveryState) -> i64 {
    match state {
        DeliveryState::Pending => PENDING,
        DeliveryState::Done => DONE,
        DeliveryState::Dead => DEAD,
        DeliveryState::Dropped => DROPPED,
    }
}

pub(super) fn to_state(code: i64) -> DeliveryState {
    match code {
        PENDING => DeliveryState::Pending,
        DONE => DeliveryState::Done,
        DEAD => DeliveryState::Dead,
        _ => DeliveryState::Dropped,
    }
}

/// The deliveries of one entry that another comes after, by which of the entry's they are; none where there are none.
pub(super) fn of_earlier(earlier: &[u64]) -> Option<Vec<u8>> {
    let index = |id: &u64| u16::try_from(id % DeliveryId::PER_ENTRY).unwrap_or_default().to_be_bytes();
    (!earlier.is_empty()).then(|| earlier.iter().flat_map(index).collect())
}

/// The deliveries that the one of this name comes after.
pub(super) fn to_earlier(id: u64, after: &[u8]) -> Vec<u64> {
    let first = DeliveryId(id).seq() * DeliveryId::PER_ENTRY;
    after.chunks_exact(2).map(|index| first + u64::from(index[0]) * 256 + u64::from(index[1])).collect()
}

/// A column of bytes of a fixed length; zeros where it is not.
pub(super) fn bytes<const N: usize>(row: &Row<'_>, column: impl RowIndex) -> rusqlite::Result<[u8; N]> {
    let found = row.get_ref(column)?.as_blob()?;
    Ok(found.try_into().unwrap_or([0; N]))
}
