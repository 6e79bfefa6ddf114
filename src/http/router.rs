//! The routes, and what stands around every request.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::header::{AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderValue, Method, Response, StatusCode};
use axum::routing::{any, get};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::sensitive_headers::SetSensitiveRequestHeadersLayer;
use tower_http::set_header::SetResponseHeaderLayer;

use super::receive::{Receiver, receive};
use super::refusal::Refusal;
use crate::base::ids::RequestId;
use crate::telemetry::metrics;

/// Whether a listener has the health checks; a reload may change it.
pub type HealthSwitch = Arc<AtomicBool>;

/// Everything that the receiver's listener answers.
pub fn receiver(receiver: &Arc<Receiver>, health: &HealthSwitch) -> Router {
    let guarded = |answer: fn(&Receiver) -> Response<Body>| {
        let health = health.clone();
        // Not `get`, which would put its `Allow` on what `receive` answers to the other methods.
        any(async move |state: State<Arc<Receiver>>, request: axum::extract::Request| {
            let asked = matches!(*request.method(), Method::GET | Method::HEAD);
            if asked && health.load(Ordering::Relaxed) { answer(&state.0) } else { receive(state, request).await }
        })
    };
    Router::new()
        .route("/healthz", guarded(|_| plain(StatusCode::OK, "ok\n")))
        .route("/readyz", guarded(ready))
        .fallback(receive)
        .with_state(receiver.clone())
        .layer(SetResponseHeaderLayer::if_not_present(CACHE_CONTROL, HeaderValue::from_static("no-store")))
        .layer(CatchPanicLayer::custom(panicked))
        .layer(SetSensitiveRequestHeadersLayer::new([AUTHORIZATION]))
}

/// Everything that the metrics' listener answers.
pub fn metrics(receiver: &Arc<Receiver>) -> Router {
    let show = async |State(receiver): State<Arc<Receiver>>| {
        let mut response = plain(StatusCode::OK, "");
        *response.body_mut() = Body::from(receiver.metrics().encode());
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(metrics::CONTENT_TYPE));
        response
    };
    Router::new()
        .route("/metrics", get(show))
        .route("/healthz", get(async || plain(StatusCode::OK, "ok\n")))
        .route("/readyz", get(async |State(receiver): State<Arc<Receiver>>| ready(&receiver)))
        .with_state(receiver.clone())
}

fn ready(receiver: &Receiver) -> Response<Body> {
    if receiver.is_ready() {
        plain(StatusCode::OK, "ready\n")
    } else {
        plain(StatusCode::SERVICE_UNAVAILABLE, "not ready\n")
    }
}

fn plain(status: StatusCode, text: &'static str) -> Response<Body> {
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}

/// The panic's own message may hold anything, so that it goes nowhere.
fn panicked(_: Box<dyn std::any::Any + Send>) -> Response<Body> {
    let request_id = RequestId::random();
    tracing::error!(%request_id, "a request ended in a panic");
    Refusal::Internal.into_response(&request_id)
}
