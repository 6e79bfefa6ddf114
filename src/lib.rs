//! Hookreeve: a webhook receiver that an identity cloud's tenant runs.

pub mod app;
pub mod auth;
pub mod base;
pub mod cli;
pub mod config;
pub mod dialect;
pub mod event;
pub mod expr;
pub mod http;
pub mod judge;
pub mod rules;
pub mod telemetry;
