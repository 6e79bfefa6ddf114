//! Hookreeve: a webhook receiver that an identity cloud's tenant runs.

pub mod auth;
pub mod base;
pub mod http;
