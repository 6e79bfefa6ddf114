//! What a connection beyond the limit hears: 503, come again later.

use std::net::SocketAddr;
use std::sync::Arc;

use http::header::CONNECTION;
use http::{HeaderValue, Request, Response, Version};
use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming;
use tokio::net::TcpStream;
use tower::service_fn;

use super::connection::{self, Terms};
use crate::base::ids::RequestId;
use crate::http::body::Body;
use crate::http::refusal::Refusal;
use crate::http::tls;

/// As much of a request's body is read before the reply: a connection closed with unread bytes would lose the reply.
const MAX_READ_BYTES: usize = 64 * 1024;

/// Serves a connection that refuses every request, for as long as a header may take.
pub(super) async fn serve(stream: TcpStream, peer: SocketAddr, tls: Option<Arc<tls::Acceptor>>, terms: Terms) {
    let limit = terms.header_timeout;
    let refusing = service_fn(async |request| Ok(refuse(request).await));
    let _ = tokio::time::timeout(limit, connection::serve(stream, peer, tls, refusing, terms)).await;
}

async fn refuse(request: Request<Incoming>) -> Response<Body> {
    let version = request.version();
    let _ = Limited::new(request.into_body(), MAX_READ_BYTES).collect().await;
    let mut response = Refusal::TooManyConnections.into_response(&RequestId::random());
    if version < Version::HTTP_2 {
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    response
}
