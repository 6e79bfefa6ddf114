//! The ground floor: time, ids, secrets, places in files, JSON as bytes. It knows nothing of events or rules.

pub mod backoff;
pub mod clock;
pub mod diagnostic;
pub mod future;
pub mod ids;
pub mod json;
pub mod many;
pub mod net;
pub mod panics;
pub mod secret;
pub mod stop;
pub mod tree;
pub mod units;
pub mod way;
