//! What tests of databases are made against.

pub(crate) mod server;
