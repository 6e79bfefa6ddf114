//! How entries are chained: each one's hash is over the hash before it, its header and the digest of what is stored.
//!
//! Only what never changes is in a header. Deliveries come and go, and a payload may be destroyed: its digest stays.

use aws_lc_rs::{digest, hmac};

use super::entry::EntryKind;
use crate::base::secret::Secret;

/// A place in the chain.
pub(super) type Hash = [u8; 32];

/// Where every chain begins.
pub(super) const START: Hash = [0; 32];

/// Computes links; with a key only its owner can.
#[derive(Clone)]
pub(super) struct Chain(Option<hmac::Key>);

/// What of an entry never changes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Header<'a> {
    pub(super) seq: u64,
    pub(super) id: [u8; 16],
    pub(super) at: i64,
    pub(super) kind: EntryKind,
    pub(super) system: &'a str,
    pub(super) tenant: &'a str,
    pub(super) event: &'a str,
    pub(super) person: [u8; 16],
    pub(super) outcome: &'a str,
    pub(super) cause: &'a str,
    pub(super) rule: Option<&'a str>,
    pub(super) rule_set: [u8; 32],
    pub(super) took: i64,
    pub(super) repeat_of: Option<u64>,
    /// SHA-256 of what is stored.
    pub(super) digest: [u8; 32],
}

/// SHA-256.
pub(super) fn sha256(bytes: &[u8]) -> Hash {
    let mut hash = START;
    hash.copy_from_slice(digest::digest(&digest::SHA256, bytes).as_ref());
    hash
}

// === impl Chain ===

impl Chain {
    /// A chain of hashes, or of codes under a key.
    pub(super) fn new(key: Option<&Secret>) -> Self {
        Self(key.map(|key| hmac::Key::new(hmac::HMAC_SHA256, key.expose())))
    }

    /// The hash of the entry after `previous`. `buffer` is only there to be used again.
    pub(super) fn link(&self, previous: &Hash, header: &Header<'_>, buffer: &mut Vec<u8>) -> Hash {
        buffer.clear();
        buffer.extend_from_slice(previous);
        header.write(buffer);
        match &self.0 {
            None => sha256(buffer),
            Some(key) => {
                let mut hash = START;
                hash.copy_from_slice(hmac::sign(key, buffer).as_ref());
                hash
            }
        }
    }
}

// === impl Header ===

/// The form of the bytes below. Another form would be another number here.
const FORM: u8 = 1;

impl Header<'_> {
    /// Every field at a place of its own: numbers in 8 bytes, texts after their length, so that no two headers are alike.
    fn write(&self, to: &mut Vec<u8>) {
        let text = |to: &mut Vec<u8>, text: &str| {
            to.extend_from_slice(&(text.len() as u64).to_be_bytes());
            to.extend_from_slice(text.as_bytes());
        };
        to.push(FORM);
        to.extend_from_slice(&self.seq.to_be_bytes());
        to.extend_from_slice(&self.id);
        to.extend_from_slice(&self.at.to_be_bytes());
        text(to, self.kind.as_str());
        for field in [self.system, self.tenant, self.event, self.outcome, self.cause] {
            text(to, field);
        }
        to.extend_from_slice(&self.person);
        to.push(u8::from(self.rule.is_some()));
        text(to, self.rule.unwrap_or_default());
        to.extend_from_slice(&self.rule_set);
        to.extend_from_slice(&self.took.to_be_bytes());
        to.extend_from_slice(&self.repeat_of.unwrap_or_default().to_be_bytes());
        to.extend_from_slice(&self.digest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header() -> Header<'static> {
        Header {
            seq: 1,
            id: [1; 16],
            at: 5,
            kind: EntryKind::Event,
            system: "s",
            tenant: "t",
            event: "e",
            person: [2; 16],
            outcome: "accepted",
            cause: "decided",
            rule: None,
            rule_set: [3; 32],
            took: 7,
            repeat_of: None,
            digest: [4; 32],
        }
    }

    #[test]
    fn every_field_and_the_key_and_the_place_change_the_hash() {
        let base = header();
        let others = [
            Header { seq: 2, ..base },
            Header { id: [0; 16], ..base },
            Header { at: 6, ..base },
            Header { kind: EntryKind::Cut, ..base },
            Header { system: "st", tenant: "", ..base },
            Header { event: "f", ..base },
            Header { person: [0; 16], ..base },
            Header { outcome: "refused", ..base },
            Header { cause: "failed", ..base },
            Header { rule: Some(""), ..base },
            Header { rule_set: [0; 32], ..base },
            Header { took: 8, ..base },
            Header { repeat_of: Some(1), ..base },
            Header { digest: [0; 32], ..base },
        ];
        let (plain, keyed) = (Chain::new(None), Chain::new(Some(&Secret::new("a chain key"))));
        let mut buffer = Vec::new();
        let mut hashes = vec![
            plain.link(&START, &base, &mut buffer),
            plain.link(&[1; 32], &base, &mut buffer),
            keyed.link(&START, &base, &mut buffer),
        ];
        hashes.extend(others.iter().map(|header| plain.link(&START, header, &mut buffer)));
        let count = hashes.len();
        hashes.sort_unstable();
        hashes.dedup();
        assert_eq!(hashes.len(), count);
    }
}
