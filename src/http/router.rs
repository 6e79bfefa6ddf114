//! The routes, and what stands around every request.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::Router;
use axum::extract::State;
use axum::routing::get;
use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use tower::Service;
use tower_http::catch_panic::CatchPanicLayer;

use super::body::{Body, whole};
use super::receive::{Active, NO_STORE, Receiver, receive};
use super::refusal::Refusal;
use crate::base::ids::RequestId;
use crate::base::panics::caught;
use crate::journal::Health;
use crate::telemetry::metrics;

/// Whether a listener has the health checks; a reload may change it.
pub type HealthSwitch = Arc<AtomicBool>;

/// Everything that the receiver's listener answers. No router: there are two paths beside the events', and what stands
/// between a request and its answer is paid for by every verdict.
pub fn receiver<B>(
    receiver: &Arc<Receiver>,
    health: &HealthSwitch,
) -> impl Service<Request<B>, Response = Response<Body>, Error = Infallible, Future: Send> + Clone + use<B>
where
    B: http_body::Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: Send,
{
    let (receiver, health) = (receiver.clone(), health.clone());
    tower::service_fn(move |request: Request<B>| {
        let (receiver, health) = (receiver.clone(), health.clone());
        async move {
            let asked = matches!(*request.method(), Method::GET | Method::HEAD) && health.load(Ordering::Relaxed);
            Ok(match request.uri().path() {
                "/healthz" if asked => plain(StatusCode::OK, "ok\n"),
                "/readyz" if asked => ready(&receiver),
                _ => caught(|| receive(&receiver, request)).await.unwrap_or_else(|_| panicked()),
            })
        }
    })
}

/// Everything that the metrics' listener answers.
pub fn metrics(receiver: &Arc<Receiver>) -> Router {
    let show = async |State(receiver): State<Arc<Receiver>>| {
        let mut response = plain(StatusCode::OK, "");
        *response.body_mut() = whole(receiver.metrics().encode());
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(metrics::CONTENT_TYPE));
        response
    };
    Router::new()
        .route("/metrics", get(show))
        .route("/healthz", get(async || plain(StatusCode::OK, "ok\n")))
        .route("/readyz", get(async |State(receiver): State<Arc<Receiver>>| ready_in_detail(&receiver)))
        .layer(CatchPanicLayer::custom(|_| panicked()))
        .with_state(receiver.clone())
}

fn ready(receiver: &Receiver) -> Response<Body> {
    if receiver.is_ready() {
        plain(StatusCode::OK, "ready\n")
    } else {
        plain(StatusCode::SERVICE_UNAVAILABLE, "not ready\n")
    }
}

/// The same for whoever may see the metrics: also how the journal is, without which verdicts go on,
/// and a reload that was not taken.
fn ready_in_detail(receiver: &Receiver) -> Response<Body> {
    let mut response = ready(receiver);
    if let Some(active) = receiver.active() {
        let line = match active.recorder.journal().health() {
            Health::Ok => "the journal writes\n".to_owned(),
            Health::Full { since } => format!("the journal takes no entries since {since}: its disk is full\n"),
            Health::Unavailable { reason, since } => format!("the journal does not write since {since}: {reason}\n"),
        };
        let refused = receiver.refused_reload();
        let refused = refused.map(|why| format!("the last reload was not taken, {why}\n")).unwrap_or_default();
        let state = if receiver.is_ready() { "ready" } else { "not ready" };
        *response.body_mut() = whole(format!("{state}\n{line}{}{refused}", guards(&active)));
    }
    response
}

/// A line for each guard that holds persons.
fn guards(active: &Active) -> String {
    let holding = active.guards.held().into_iter().filter(|(_, held)| *held > 0);
    let lines = holding.map(|(guard, held)| {
        let persons = if held == 1 { "person" } else { "persons" };
        format!("the guard {guard} holds {held} {persons}: see `hookreeve guard list`\n")
    });
    lines.collect()
}

fn plain(status: StatusCode, text: &'static str) -> Response<Body> {
    let mut response = Response::new(whole(text));
    *response.status_mut() = status;
    response.headers_mut().insert(CACHE_CONTROL, NO_STORE);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}

fn panicked() -> Response<Body> {
    let request_id = RequestId::random();
    tracing::error!(%request_id, "a request ended in a panic");
    Refusal::Internal.into_response(&request_id)
}
