//! Request ids, random bytes, and how bytes are written.

use std::fmt;

use uuid::Uuid;

/// What names one request in the log, in errors and in the reply's `x-request-id`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RequestId(String);

impl RequestId {
    /// The longest id that is taken over from a caller, in bytes.
    pub const MAX_BYTES: usize = 64;

    /// A new id: a version 7 UUID, so that ids sort by time.
    #[expect(clippy::disallowed_methods, reason = "the one place that makes ids")]
    pub fn random() -> Self {
        Self(Uuid::now_v7().to_string())
    }

    /// A caller's own id, if it is short and made of `[A-Za-z0-9._-]` only, so that it is safe in a log line.
    pub fn parse(text: &str) -> Option<Self> {
        let safe = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
        (!text.is_empty() && text.len() <= Self::MAX_BYTES && text.bytes().all(safe)).then(|| Self(text.to_owned()))
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// `N` bytes from the operating system's generator.
///
/// # Panics
///
/// Where the operating system has no randomness to give, nothing that follows would be safe.
pub fn random_bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    // Not the crypto library's generator: it gathers noise for 20 ms when it is first used, which a start would wait for.
    getrandom::fill(&mut bytes).expect("the operating system gives random bytes");
    bytes
}

/// Bytes as hex digits.
pub fn hex(bytes: &[u8]) -> String {
    use fmt::Write as _;
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
