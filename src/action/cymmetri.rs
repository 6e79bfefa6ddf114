//! `type = "cymmetri"`: one request to Cymmetri's own API, with a client's token, the tenant and the user's id, and its
//! envelope read. The paths are the operator's.

mod envelope;
mod plan;
mod raw;

#[cfg(test)]
mod tests;

pub(super) use raw::RawCymmetri;
