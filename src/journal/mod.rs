//! What came in, what was decided, and what it must still set off: on disk before anybody is told that it was received.
//!
//! [`Journal`] is what a store of entries promises, [`Reader`] the part of it that needs no writer. [`sqlite`] is the
//! store that is built in. Who attempts deliveries is the matter of `delivery`; what a record says, of its caller.
//!
//! # Words
//!
//! An *entry* is one event with its decision, or one of the journal's own acts; entries are chained, so that damage shows.
//! A *delivery* is what an entry must set off at one *action*; the deliveries of one person to one action are a *lane*
//! and are delivered in order. One delivery may come *after* another of its entry, and see what that *captured* of its
//! target's answer; a *performed* one is made while somebody waits for it. A *lease* keeps a lane for whoever attempts its head. A *guarded* person is one whom a guard
//! holds until somebody says otherwise.
//! The *directory* is the people that were seen, with the few fields by which lookups find them.

mod chain;
mod config;
mod contract;
mod delivery;
mod entry;
mod error;
mod guarded;
mod people;
mod receipt;
mod seal;
pub mod sqlite;
#[cfg(test)]
mod tests;

pub use config::{Config, Keeping, Payload, Records, Shed, Unavailable};
pub use contract::{BoxFuture, Journal, Progress, Reader};
pub use delivery::{
    Attempt, Captured, Claimed, Delivery, DeliveryFilter, DeliveryId, DeliveryState, EarlierAnswer, Fallen, Fate,
    Lapse, NewDelivery, Places, SealedField, Settled, Settlement,
};
pub use entry::{
    Appended, Entry, EntryId, EntryKind, Filter, Finding, Full, Head, Health, NewEntry, Order, Page, Record, Report,
    Stats, Unverified,
};
pub use error::JournalError;
pub use guarded::{GuardAct, GuardActed, GuardMark, Guarded, GuardedFilter, Reference};
pub use people::{Anew, FieldForm, FieldKey, Listed, PersonField, Search, Sighting};
pub use receipt::{Answer, Bell, Receipt, Round, receipt};
