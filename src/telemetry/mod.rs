//! What the server tells about itself: the log, and how it names persons.

pub mod log;
pub mod metrics;
mod pseudonym;

pub use pseudonym::{PersonName, Pseudonyms};
