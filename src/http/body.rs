//! Bodies. A request's is read not more than allowed, not slower than allowed, not compressed.

use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH};
use http_body_util::{BodyExt as _, Full};
use tokio::time::timeout;

use super::refusal::Refusal;

/// How long a refused body is listened to.
const DRAIN_TIME: Duration = Duration::from_secs(1);

/// The body of a reply, which is always there as a whole.
pub type Body = Full<Bytes>;

/// A reply's body of this text.
pub fn whole(text: impl Into<Bytes>) -> Body {
    Body::new(text.into())
}

/// What a body may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BodyLimits {
    /// In bytes.
    pub size: u64,
    /// From the first look at it to its last byte.
    pub time: Duration,
}

/// What can be said of a body before any of it is read.
pub fn check_head(headers: &HeaderMap, limits: BodyLimits) -> Result<(), Refusal> {
    let length = headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    if length.is_some_and(|length| length > limits.size) {
        return Err(Refusal::TooLarge { limit: limits.size });
    }
    let plain = |encoding: &str| encoding.split(',').all(|coding| coding.trim().eq_ignore_ascii_case("identity"));
    if headers.get_all(CONTENT_ENCODING).iter().any(|encoding| !encoding.to_str().is_ok_and(plain)) {
        return Err(Refusal::Encoding);
    }
    Ok(())
}

/// The whole body.
pub async fn read<B: http_body::Body<Data = Bytes> + Unpin>(body: B, limits: BodyLimits) -> Result<Vec<u8>, Refusal> {
    timeout(limits.time, read_all(body, limits.size)).await.unwrap_or(Err(Refusal::Slow))
}

/// Takes what a refused sender still sends, within bounds, so that it reads the refusal: a connection that is closed with
/// bytes unread loses the reply on its way.
pub async fn drain<B: http_body::Body<Data = Bytes> + Unpin>(body: B, limits: BodyLimits) {
    let _ = timeout(limits.time.min(DRAIN_TIME), async {
        let mut body = body;
        let mut left = limits.size;
        while let Some(Ok(frame)) = body.frame().await {
            let length = frame.data_ref().map_or(0, |data| u64::try_from(data.len()).unwrap_or(u64::MAX));
            match left.checked_sub(length) {
                Some(rest) => left = rest,
                None => return,
            }
        }
    })
    .await;
}

async fn read_all<B: http_body::Body<Data = Bytes> + Unpin>(mut body: B, limit: u64) -> Result<Vec<u8>, Refusal> {
    let mut whole = Vec::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|_| Refusal::Broken)?.into_data() else { continue };
        let length = u64::try_from(whole.len() + data.len()).unwrap_or(u64::MAX);
        if length > limit {
            return Err(Refusal::TooLarge { limit });
        }
        if whole.is_empty() && body.is_end_stream() {
            // The usual body comes in one piece, which need not be copied.
            return Ok(Vec::from(data));
        }
        whole.extend_from_slice(&data);
    }
    Ok(whole)
}
