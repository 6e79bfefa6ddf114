//! Another `encryption_key`: what was sealed under an older one is sealed under the first.

use rusqlite::params;

use super::append::{self, Prepared, secret_aad};
use super::persons::NOBODY;
use super::writer::Writing;
use super::{SqliteJournal, codes, failure, unverified};
use crate::journal::seal::key_id;
use crate::journal::{EntryId, EntryKind, JournalError};

/// How many secrets are sealed anew in one transaction.
const PART: usize = 500;

/// A secret field with where it belongs.
struct Field {
    id: i64,
    name: String,
    value: Vec<u8>,
    tenant: String,
    event: String,
    entry: EntryId,
}

impl SqliteJournal {
    /// Seals every person's key, every secret that waits and every unverified notice under the first of the operator's keys. Afterwards the older
    /// ones are needed no more. Answers how many there were.
    pub async fn rotate_keys(&self) -> Result<u64, JournalError> {
        let persons = self.shared.persons.clone();
        let rewrap = tokio::task::spawn_blocking(move || persons.rewrap());
        let mut rotated = rewrap.await.map_err(|_| JournalError::Closed)??;
        let mut after = 0;
        loop {
            let part = self.shared.queue.run(true, move |writing| secrets(writing, after)).await?;
            rotated += part.0;
            let Some(last) = part.1 else { break };
            after = last;
        }
        after = 0;
        loop {
            let part = self.shared.queue.run(true, move |writing| unverified::rotate(writing, after, PART)).await?;
            rotated += part.0;
            let Some(last) = part.1 else { break };
            after = last;
        }
        let record = format!(r#"{{"rotated":{rotated}}}"#);
        self.shared
            .queue
            .run(true, move |writing| {
                let now = codes::time(writing.shared.options.clock.now());
                let mut entry = Prepared::act(EntryKind::KeyRotation, now, NOBODY, record.as_bytes());
                append::insert(&mut entry, writing)
            })
            .await?;
        Ok(rotated)
    }
}

/// A part of the secrets; where it ended, unless that was the end.
fn secrets(writing: &mut Writing<'_>, after: i64) -> Result<(u64, Option<i64>), JournalError> {
    let current = writing.shared.keyring.current().ok_or(JournalError::NoKey)?;
    let rows: Vec<Field> = writing
        .connection
        .prepare_cached(
            "SELECT secrets.id AS id, field, sealed, tenant, event, entries.id AS entry FROM secrets
             JOIN entries ON entries.seq = delivery / 65536
             WHERE expires IS NOT NULL AND secrets.id > ?1 ORDER BY secrets.id LIMIT ?2",
        )
        .and_then(|mut select| {
            select
                .query_map(params![after, PART], |row| {
                    Ok(Field {
                        id: row.get("id")?,
                        name: row.get("field")?,
                        value: row.get("sealed")?,
                        tenant: row.get("tenant")?,
                        event: row.get("event")?,
                        entry: EntryId::from_bytes(codes::bytes(row, "entry")?),
                    })
                })?
                .collect()
        })
        .map_err(failure::reading)?;
    let next = rows.last().filter(|_| rows.len() == PART).map(|last| last.id);
    let mut rotated = 0;
    for row in rows {
        if key_id(&row.value) == Some(current.id()) {
            continue;
        }
        let aad = secret_aad(&row.tenant, &row.event, &row.name, &row.entry);
        let plain = writing.shared.keyring.open(&row.value, &aad, "a secret field")?;
        writing
            .connection
            .prepare_cached("UPDATE secrets SET sealed = ?2 WHERE id = ?1")
            .and_then(|mut update| update.execute(params![row.id, current.seal(plain, &aad)]))
            .map_err(failure::writing)?;
        rotated += 1;
    }
    Ok((rotated, next))
}
