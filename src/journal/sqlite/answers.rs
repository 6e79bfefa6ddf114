//! What targets answered, as it is stored with a delivery: the last attempts, sealed under the person's key where payloads
//! are.

use serde::{Deserialize, Serialize};

use super::append::{PLAIN, WIPED};
use super::codes;
use super::persons::{Persons, Reference};
use crate::journal::seal::bound_to;
use crate::journal::{Attempt, JournalError};

/// An attempt as it is stored: when, how long in milliseconds, the answer, and what the target said.
#[derive(Serialize, Deserialize)]
struct Row(i64, u64, String, #[serde(default)] Option<String>);

/// The attempts with one more.
pub(super) fn write(
    persons: &Persons,
    mut all: Vec<Attempt>,
    attempt: &Attempt,
    delivery: u64,
    person: Option<&Reference>,
) -> Result<Vec<u8>, JournalError> {
    all.push(attempt.clone());
    let kept = all.split_off(all.len().saturating_sub(Attempt::KEPT));
    let row = |one: Attempt| Row(codes::time(one.at), one.took_ms, bounded(one.answer), one.said.map(bounded));
    let rows: Vec<Row> = kept.into_iter().map(row).collect();
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
    let rows: Vec<Row> = serde_json::from_slice(&text).unwrap_or_default();
    let attempt = |Row(at, took_ms, answer, said)| Attempt { at: codes::to_time(at), took_ms, answer, said };
    rows.into_iter().map(attempt).collect()
}

/// As much of a text as is kept.
fn bounded(mut text: String) -> String {
    let mut end = Attempt::MAX_BYTES.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.truncate(end);
    text
}

fn aad(delivery: u64) -> Vec<u8> {
    bound_to(&[b"answers", &delivery.to_be_bytes()])
}
