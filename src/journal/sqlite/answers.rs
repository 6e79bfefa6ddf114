//! What targets answered, as it is stored with a delivery: the last attempts, sealed under the person's key where payloads
//! are.

use super::append::{PLAIN, WIPED};
use super::codes;
use super::persons::{Persons, Reference};
use crate::journal::seal::bound_to;
use crate::journal::{Attempt, JournalError};

/// The attempts with one more.
pub(super) fn write(
    persons: &Persons,
    mut all: Vec<Attempt>,
    attempt: &Attempt,
    delivery: u64,
    person: Option<&Reference>,
) -> Result<Vec<u8>, JournalError> {
    let mut attempt = attempt.clone();
    let mut end = Attempt::MAX_BYTES.min(attempt.answer.len());
    while !attempt.answer.is_char_boundary(end) {
        end -= 1;
    }
    attempt.answer.truncate(end);
    all.push(attempt);
    let kept = &all[all.len().saturating_sub(Attempt::KEPT)..];
    let rows: Vec<_> = kept.iter().map(|one| (codes::time(one.at), one.took_ms, &one.answer)).collect();
    let mut text = vec![PLAIN];
    // Numbers and texts can always be written.
    serde_json::to_writer(&mut text, &rows).map_err(|_| JournalError::Closed)?;
    let Some(person) = person.filter(|_| persons.seals()) else { return Ok(text) };
    let key = persons.key(person)?.ok_or(JournalError::KeyMissing { what: "an answer" })?;
    Ok(key.seal(text, &aad(delivery)))
}

/// The attempts as they were stored; none where they were wiped, or their key is not there.
pub(super) fn read(persons: &Persons, stored: Option<&[u8]>, delivery: u64, person: &Reference) -> Vec<Attempt> {
    let text = match stored {
        None | Some([] | [WIPED, ..]) => return Vec::new(),
        Some([PLAIN, text @ ..]) => text.to_vec(),
        Some(sealed) => {
            let opened =
                persons.key(person).ok().flatten().and_then(|key| key.open(sealed, &aad(delivery), "an answer").ok());
            opened.map(|mut text| text.split_off(text.len().min(1))).unwrap_or_default()
        }
    };
    let rows: Vec<(i64, u64, String)> = serde_json::from_slice(&text).unwrap_or_default();
    rows.into_iter().map(|(at, took_ms, answer)| Attempt { at: codes::to_time(at), took_ms, answer }).collect()
}

fn aad(delivery: u64) -> Vec<u8> {
    bound_to(&[b"answers", &delivery.to_be_bytes()])
}
