//! What is kept of an event and its decision: written when it is journaled, read to deliver, show and replay it.
//!
//! A record is JSON, `{"v":1,"request":{…},"token":{…},"decision":{…},"facts":[…],"trace":[…]}`. What stands in `request` are the bytes
//! that came in, without the secret fields. Where it is kept, and under which key, is the matter of `journal`.

mod facts;
mod mask;
mod read;
mod write;

#[cfg(test)]
mod tests;

pub use mask::{masked, shown};
pub use read::{ReadError, Record, RuleNote};
pub use write::{Payload, write};
