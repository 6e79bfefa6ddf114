//! Why a request is not answered as an event, and what its sender hears: the one place that turns errors into responses.

use http::header::{ALLOW, CACHE_CONTROL, CONNECTION, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderName, HeaderValue, Response, StatusCode};

use super::body::{Body, whole};
use super::receive::{NO_STORE, REQUEST_ID, header_value};
use crate::auth::Denied;
use crate::base::ids::RequestId;
use crate::dialect::{DecodeError, Dialect, Refused};

/// Why a request is refused, in the order in which refusals are looked for.
#[derive(Debug)]
pub enum Refusal {
    /// More requests than the limit.
    Overloaded,
    /// More connections than the limit.
    TooManyConnections,
    /// No configuration is in force yet.
    Starting,
    /// Under no base path.
    NotFound,
    /// Not a POST.
    Method,
    /// A credential does not hold.
    Unauthorized(Denied),
    /// No system sends such an event.
    UnknownEvent,
    /// The body is larger than the limit.
    TooLarge {
        /// The limit, in bytes.
        limit: u64,
    },
    /// The body is encoded.
    Encoding,
    /// The body did not arrive in time.
    Slow,
    /// The body broke off.
    Broken,
    /// The body is no event.
    Body(DecodeError),
    /// It cannot be kept now, and what cannot be kept is not acknowledged.
    Unrecorded,
    /// Our own fault.
    Internal,
}

impl Refusal {
    /// A stable code for the sender.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Overloaded => "overloaded",
            Self::TooManyConnections => "too_many_connections",
            Self::Starting => "starting",
            Self::NotFound => "not_found",
            Self::Method => "method_not_allowed",
            Self::Unauthorized(_) => "unauthorized",
            Self::UnknownEvent => "unknown_event",
            Self::TooLarge { .. } => "body_too_large",
            Self::Encoding => "unsupported_encoding",
            Self::Slow => "body_timeout",
            Self::Broken => "body_incomplete",
            Self::Body(error) => error.code(),
            Self::Unrecorded => "not_recorded",
            Self::Internal => "internal",
        }
    }

    fn status(&self) -> StatusCode {
        match self {
            Self::Overloaded | Self::TooManyConnections | Self::Starting | Self::Unrecorded => {
                StatusCode::SERVICE_UNAVAILABLE
            }
            Self::NotFound | Self::UnknownEvent => StatusCode::NOT_FOUND,
            Self::Method => StatusCode::METHOD_NOT_ALLOWED,
            Self::Unauthorized(_) => StatusCode::UNAUTHORIZED,
            Self::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Encoding => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Slow => StatusCode::REQUEST_TIMEOUT,
            Self::Broken | Self::Body(_) => StatusCode::BAD_REQUEST,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// A sentence for the sender. It repeats nothing of the request but names of keys.
    fn message(&self) -> String {
        match self {
            Self::Overloaded => "The server has as much work as it is allowed; try again in a second.".into(),
            Self::TooManyConnections => {
                "The server has as many connections as it is allowed; try again in a second.".into()
            }
            Self::Starting => "The server has no configuration in force yet; try again in a second.".into(),
            Self::NotFound => "There is nothing at this path.".into(),
            Self::Method => "Events are sent by POST.".into(),
            Self::Unauthorized(_) => "A credential is missing or does not hold.".into(),
            Self::UnknownEvent => "There is no event of this name.".into(),
            Self::TooLarge { limit } => format!("The body is larger than {limit} bytes."),
            Self::Encoding => "The body must not be compressed.".into(),
            Self::Slow => "The body did not arrive in time.".into(),
            Self::Broken => "The body broke off.".into(),
            Self::Body(error) => {
                let text = error.to_string();
                let mut characters = text.chars();
                let first = characters.next().map(|first| first.to_uppercase().to_string()).unwrap_or_default();
                format!("{first}{}.", characters.as_str())
            }
            Self::Unrecorded => {
                "The event cannot be kept right now, so that it is not acknowledged; send it again.".into()
            }
            Self::Internal => "Something went wrong here.".into(),
        }
    }

    /// A header that goes with it.
    fn header(&self) -> Option<(HeaderName, HeaderValue)> {
        match self {
            Self::Overloaded | Self::TooManyConnections | Self::Starting => {
                Some((RETRY_AFTER, HeaderValue::from_static("1")))
            }
            Self::Unrecorded => Some((RETRY_AFTER, HeaderValue::from_static("5"))),
            Self::Method => Some((ALLOW, HeaderValue::from_static("POST"))),
            Self::Unauthorized(denied) => Some((WWW_AUTHENTICATE, HeaderValue::from_static(denied.www_authenticate()))),
            // What is left of the body would be taken for the next request.
            Self::TooLarge { .. } | Self::Slow | Self::Broken => Some((CONNECTION, HeaderValue::from_static("close"))),
            Self::NotFound | Self::UnknownEvent | Self::Encoding | Self::Body(_) | Self::Internal => None,
        }
    }

    /// The response in a system's own words, where it has some for this.
    pub(super) fn in_words_of(self, dialect: &dyn Dialect, request_id: &RequestId) -> Response<Body> {
        let message = self.message();
        let body = if let Self::Body(error) = &self { Some(error) } else { None };
        let refused = Refused { status: self.status().as_u16(), code: self.code(), message: &message, body };
        let reply = dialect.refusal(&refused);
        let mut response = self.into_response(request_id);
        if let Some(reply) = reply {
            *response.status_mut() = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            *response.body_mut() = whole(reply.body.into_owned());
            response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(reply.content_type));
        }
        response
    }

    /// The response: a code, a sentence, the request's id.
    pub fn into_response(self, request_id: &RequestId) -> Response<Body> {
        let error = serde_json::json!({
            "error": { "code": self.code(), "message": self.message(), "request_id": request_id.as_str() }
        });
        let mut response = Response::new(whole(error.to_string()));
        *response.status_mut() = self.status();
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        response.headers_mut().insert(CACHE_CONTROL, NO_STORE);
        response.headers_mut().insert(REQUEST_ID, header_value(request_id));
        response.headers_mut().extend(self.header().map(|(name, value)| (Some(name), value)));
        response
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt as _;

    use super::*;
    use crate::auth::DeniedReason;
    use crate::base::json::ParseError;

    #[tokio::test]
    async fn every_refusal_has_its_status_code_and_header() {
        let json = |error| Refusal::Body(DecodeError::Json(error));
        let table = [
            (Refusal::Overloaded, 503, "overloaded", "retry-after: 1"),
            (Refusal::TooManyConnections, 503, "too_many_connections", "retry-after: 1"),
            (Refusal::Starting, 503, "starting", "retry-after: 1"),
            (Refusal::NotFound, 404, "not_found", ""),
            (Refusal::Method, 405, "method_not_allowed", "allow: POST"),
            (
                Refusal::Unauthorized(DeniedReason::BadSignature.into()),
                401,
                "unauthorized",
                "www-authenticate: Bearer realm=\"hookreeve\", error=\"invalid_token\"",
            ),
            (Refusal::UnknownEvent, 404, "unknown_event", ""),
            (Refusal::TooLarge { limit: 5 }, 413, "body_too_large", "connection: close"),
            (Refusal::Encoding, 415, "unsupported_encoding", ""),
            (Refusal::Slow, 408, "body_timeout", "connection: close"),
            (Refusal::Broken, 400, "body_incomplete", "connection: close"),
            (json(ParseError::Syntax { offset: 3, found: "end" }), 400, "invalid_json", ""),
            (json(ParseError::Utf8 { offset: 3 }), 400, "invalid_utf8", ""),
            (json(ParseError::Depth { offset: 3 }), 400, "too_deep", ""),
            (json(ParseError::DuplicateKey { path: "a.b".into() }), 400, "duplicate_key", ""),
            (Refusal::Body(DecodeError::Shape { path: "request", expected: "x" }), 400, "invalid_shape", ""),
            (Refusal::Unrecorded, 503, "not_recorded", "retry-after: 5"),
            (Refusal::Internal, 500, "internal", ""),
        ];
        for (refusal, status, code, header) in table {
            let response = refusal.into_response(&RequestId::parse("r-1").expect("an id"));
            assert_eq!(response.status().as_u16(), status, "{code}");
            let headers: Vec<String> = response
                .headers()
                .iter()
                .filter(|(name, _)| ![&CONTENT_TYPE, &CACHE_CONTROL, &REQUEST_ID].contains(name))
                .map(|(name, value)| format!("{name}: {}", value.to_str().expect("text")))
                .collect();
            assert_eq!(headers.concat(), header, "{code}");
            assert_eq!(response.headers().get(REQUEST_ID), Some(&HeaderValue::from_static("r-1")));
            let body = response.into_body().collect().await.expect("a body").to_bytes();
            let body: serde_json::Value = serde_json::from_slice(&body).expect("JSON");
            assert_eq!((&body["error"]["code"], &body["error"]["request_id"]), (&code.into(), &"r-1".into()));
            assert!(body["error"]["message"].as_str().is_some_and(|message| message.ends_with('.')), "{body}");
        }
    }
}
