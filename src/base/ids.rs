//! Request ids, random bytes, and how bytes are written.

use std::cell::RefCell;
use std::fmt;

use uuid::Uuid;

use super::clock::Clock;

/// What names one request in the log, in errors and in the reply's `x-request-id`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RequestId {
    text: String,
    /// Where it was made here.
    uuid: Option<Uuid>,
}

impl RequestId {
    /// The longest id that is taken over from a caller, in bytes.
    pub const MAX_BYTES: usize = 64;

    /// A new id: a version 7 UUID, so that ids sort by time.
    pub fn random() -> Self {
        let uuid = new_uuid();
        let mut text = Uuid::encode_buffer();
        Self { text: uuid.hyphenated().encode_lower(&mut text).to_owned(), uuid: Some(uuid) }
    }

    /// A caller's own id, if it is short and made of `[A-Za-z0-9._-]` only, so that it is safe in a log line.
    pub fn parse(text: &str) -> Option<Self> {
        let safe = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
        (!text.is_empty() && text.len() <= Self::MAX_BYTES && text.bytes().all(safe))
            .then(|| Self { text: text.to_owned(), uuid: None })
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The same as a number, where it was made here and so is nobody else's.
    pub fn uuid(&self) -> Option<Uuid> {
        self.uuid
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// A version 7 UUID of now. What is random in it is nobody's secret, so that a thread may hold some for the next.
pub fn new_uuid() -> Uuid {
    const RANDOM: usize = 10;
    thread_local! {
        static STOCK: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
    }
    let millis = u64::try_from(Clock::system().now().timestamp_millis()).unwrap_or(0);
    let random = STOCK.with_borrow_mut(|stock| {
        if stock.len() < RANDOM {
            // One call for many: each costs more than all the rest of an id.
            *stock = random_bytes::<{ 100 * RANDOM }>().to_vec();
        }
        stock.split_off(stock.len() - RANDOM)
    });
    let random = random.try_into().expect("so many were split off");
    uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid()
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
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |half: u8| char::from(DIGITS[usize::from(half & 15)]);
    let mut text = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        text.extend([digit(byte >> 4), digit(*byte)]);
    }
    text
}
