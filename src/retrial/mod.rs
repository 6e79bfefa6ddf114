//! Kept events judged again: by which rules, with what result, and what is different from the first time.
//!
//! One way for all who ask: `explain`, `replay`, `backtest`, `hygiene` and the check before a reload. A [`Case`] is a kept
//! event with what was known and decided then; a [`Court`] judges it. There is no clock in it and nothing is sent, so that
//! the same rules say the same as they would have in the server. What is printed of it is `cli`'s matter.

mod case;
mod drift;
mod hygiene;
mod refusals;
mod sweep;
mod tally;
mod verdict;

#[cfg(test)]
mod tests;

pub use case::{Case, Court, Untold};
pub use drift::{Drift, Drifted};
pub use hygiene::{Census, RuleCount};
pub use refusals::Refusals;
pub use sweep::{Sweep, sweep};
pub use tally::{Example, Group, Live, Tally};
pub use verdict::{Difference, Kind, Verdict};
