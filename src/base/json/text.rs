//! JSON texts and their escapes.

use std::borrow::Cow;

/// A `\u` escape stands for half of a character, so that the text cannot be one in UTF-8.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a \\u escape stands for half a character")]
pub struct LoneSurrogate;

/// The text that `raw`, quotes included, stands for. `raw` has passed the parser.
pub(super) fn decode(raw: &str, escaped: bool) -> Result<Cow<'_, str>, LoneSurrogate> {
    let inner = &raw[1..raw.len() - 1];
    if !escaped {
        return Ok(Cow::Borrowed(inner));
    }
    String::from_utf8(decode_bytes(inner)).map(Cow::Owned).map_err(|_| LoneSurrogate)
}

/// The bytes that `inner` stands for. Half characters come out as three bytes that are not UTF-8, so that two texts are
/// the same exactly if their bytes are.
pub(super) fn decode_bytes(inner: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(inner.len());
    let mut rest = inner;
    while let Some(at) = rest.find('\\') {
        bytes.extend_from_slice(&rest.as_bytes()[..at]);
        let escape = rest.as_bytes()[at + 1];
        rest = &rest[at + 2..];
        match escape {
            b'b' => bytes.push(8),
            b'f' => bytes.push(12),
            b'n' => bytes.push(b'\n'),
            b'r' => bytes.push(b'\r'),
            b't' => bytes.push(b'\t'),
            b'u' => rest = unicode(rest, &mut bytes),
            other => bytes.push(other),
        }
    }
    bytes.extend_from_slice(rest.as_bytes());
    bytes
}

/// Decodes what follows `\u`, the second half of a pair included, and returns what is left.
fn unicode<'a>(rest: &'a str, bytes: &mut Vec<u8>) -> &'a str {
    let (unit, rest) = hex(rest);
    if (0xD800..0xDC00).contains(&unit)
        && let Some((low, after)) = rest.strip_prefix("\\u").map(hex)
        && (0xDC00..0xE000).contains(&low)
    {
        push(0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00), bytes);
        return after;
    }
    push(unit, bytes);
    rest
}

fn hex(rest: &str) -> (u32, &str) {
    let (digits, rest) = rest.split_at(4);
    (u32::from_str_radix(digits, 16).unwrap_or(0xFFFD), rest)
}

fn push(code: u32, bytes: &mut Vec<u8>) {
    if let Some(character) = char::from_u32(code) {
        let mut buffer = [0; 4];
        bytes.extend_from_slice(character.encode_utf8(&mut buffer).as_bytes());
    } else {
        // Half a character, spelled the way UTF-8 would if it allowed it.
        let [_, _, high, low] = code.to_be_bytes();
        bytes.extend_from_slice(&[0xE0 | (high >> 4), 0x80 | ((high & 15) << 2) | (low >> 6), 0x80 | (low & 63)]);
    }
}
