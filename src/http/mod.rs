//! HTTP: the only floor that knows axum.
//!
//! Connections are taken in `listener`, encrypted in `tls`; `router` has the routes, `receive` the way of one request,
//! `system` who sends it, `refusal` turns what goes wrong into responses. What is decided of an event is the matter of `judge`.

pub mod body;
pub mod listener;
mod perform;
pub mod receive;
pub mod refusal;
mod report;
pub mod route;
pub mod router;
pub mod system;
pub mod tls;
