//! What tests of requests that go out are made against.

pub(crate) mod servers;
