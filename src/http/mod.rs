//! HTTP: the only floor that knows axum. Connections are taken in `listener`, encrypted in `tls`.

pub mod listener;
pub mod tls;
