//! What a connection beyond the limit hears: 503, come again later.

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use http::header::{CONNECTION, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderValue, Request, Response, StatusCode, Version};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use tokio::net::TcpStream;
use tower::service_fn;

use super::connection::{self, Terms};
use crate::http::tls;

const BODY: &[u8] =
    br#"{"error":{"code":"too_many_connections","message":"this server has as many connections as it takes"}}"#;
const RETRY_AFTER_SECONDS: HeaderValue = HeaderValue::from_static("1");
/// As much of a request's body is read before the reply: a connection closed with unread bytes would lose the reply.
const MAX_READ_BYTES: usize = 64 * 1024;

/// Serves a connection that refuses every request, for as long as a header may take.
pub(super) async fn serve(stream: TcpStream, peer: SocketAddr, tls: Option<Arc<tls::Acceptor>>, terms: Terms) {
    let limit = terms.header_timeout;
    let refusing = service_fn(async |request| Ok(refuse(request).await));
    let _ = tokio::time::timeout(limit, connection::serve(stream, peer, tls, refusing, terms)).await;
}

async fn refuse(request: Request<Incoming>) -> Response<Full<Bytes>> {
    let version = request.version();
    let _ = Limited::new(request.into_body(), MAX_READ_BYTES).collect().await;
    let mut response = Response::new(Full::new(Bytes::from_static(BODY)));
    *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
    let headers = response.headers_mut();
    headers.insert(RETRY_AFTER, RETRY_AFTER_SECONDS);
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if version < Version::HTTP_2 {
        headers.insert(CONNECTION, HeaderValue::from_static("close"));
    }
    response
}
