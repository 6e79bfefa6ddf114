//! The end of a log that was being written when the machine stopped: SQLite skips it, we tell how much that was.
//!
//! A log is a header and frames, each with the log's two salts and a running checksum; a frame that ends a transaction
//! says so. What follows the last such frame with the log's salts was never acknowledged. Frames with other salts are of
//! an older round and mean nothing. The format is in SQLite's documentation, "WAL-mode File Format".

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

use super::connect;

const HEADER: usize = 32;
const FRAME: usize = 24;

/// The low bit of the magic number says that checksums are of big-endian words.
const MAGIC: u32 = 0x377f_0682;

/// How many bytes of a journal's log are skipped when it is opened. It must not be open yet.
pub(super) fn torn(journal: &Path) -> u64 {
    let Ok(file) = File::open(connect::beside(journal, "-wal")) else { return 0 };
    measure(BufReader::with_capacity(1 << 18, file)).unwrap_or(0)
}

fn measure(mut log: impl Read) -> Option<u64> {
    let mut header = [0; HEADER];
    log.read_exact(&mut header).ok()?;
    let word = |bytes: &[u8], at: usize| bytes[at..].first_chunk().map(|word| u32::from_be_bytes(*word));
    let magic = word(&header, 0)?;
    let page = usize::try_from(word(&header, 8)?).ok()?;
    if magic & !1 != MAGIC || !(512..=65_536).contains(&page) {
        return None;
    }
    let big = magic & 1 == 1;
    let mut sum = checksum((0, 0), &header[..24], big);
    let mut frame = vec![0; FRAME + page];
    let (mut torn, mut whole) = (0, sum == (word(&header, 24)?, word(&header, 28)?));
    loop {
        let length = fill(&mut log, &mut frame)?;
        if length < 16 || frame[8..16] != header[16..24] {
            return Some(torn);
        }
        torn += length as u64;
        if length < frame.len() {
            return Some(torn);
        }
        sum = checksum(checksum(sum, &frame[..8], big), &frame[FRAME..], big);
        // After one frame that is not whole, none counts.
        whole &= sum == (word(&frame, 16)?, word(&frame, 20)?);
        if whole && word(&frame, 4)? != 0 {
            torn = 0;
        }
    }
}

/// Reads until the buffer is full or there is no more.
fn fill(log: &mut impl Read, buffer: &mut [u8]) -> Option<usize> {
    let mut length = 0;
    while length < buffer.len() {
        match log.read(&mut buffer[length..]).ok()? {
            0 => break,
            read => length += read,
        }
    }
    Some(length)
}

fn checksum(start: (u32, u32), bytes: &[u8], big: bool) -> (u32, u32) {
    let word = |bytes: &[u8; 4]| if big { u32::from_be_bytes(*bytes) } else { u32::from_le_bytes(*bytes) };
    let (words, _) = bytes.as_chunks::<4>();
    words.as_chunks::<2>().0.iter().fold(start, |(first, second), [left, right]| {
        let first = first.wrapping_add(word(left)).wrapping_add(second);
        (first, second.wrapping_add(word(right)).wrapping_add(first))
    })
}
