//! Going through the chain, a page at a time, so that neither memory nor the log grows while it goes on.

use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension as _, Row};

use super::append::WIPED;
use super::read::{COLUMNS, Reading};
use super::{codes, failure};
use crate::journal::chain::{Hash, Header, START, sha256};
use crate::journal::{Entry, EntryKind, Finding, Head, JournalError, Progress, Record, Report};

/// How many entries are looked at in one transaction.
const PAGE: u64 = 1000;

/// How many findings are kept.
const FINDINGS: usize = 1000;

/// How far a verification is.
struct Walk {
    reading: Arc<Reading>,
    against: Option<Head>,
    /// The last entry that was looked at.
    last: Head,
    /// What the file says was cut off, until a cut entry says the same.
    cut: Option<Head>,
    report: Report,
    buffer: Vec<u8>,
}

/// Goes through all of it.
pub(super) async fn verify(
    reading: Arc<Reading>,
    against: Option<Head>,
    progress: Progress,
) -> Result<Report, JournalError> {
    let start = START;
    let mut walk = Walk {
        reading: reading.clone(),
        against,
        last: Head { seq: 0, hash: start },
        cut: None,
        report: Report::default(),
        buffer: Vec::new(),
    };
    walk = reading
        .pool
        .read(move |connection| {
            walk.begin(connection).map_err(failure::reading)?;
            Ok(walk)
        })
        .await?;
    loop {
        let before = walk.last.seq;
        walk = reading
            .pool
            .read(move |connection| {
                walk.page(connection).map_err(failure::reading)?;
                Ok(walk)
            })
            .await?;
        if walk.last.seq == before {
            return Ok(walk.end());
        }
        progress(walk.report.entries);
    }
}

/// What a cut says of itself, in its record and in the file.
pub(super) fn read_cut(bytes: &[u8]) -> Option<Head> {
    std::str::from_utf8(bytes).ok().and_then(Head::parse)
}

impl Walk {
    fn begin(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        let cut: Option<Vec<u8>> =
            connection.query_row("SELECT value FROM meta WHERE name = 'cut'", [], |row| row.get(0)).optional()?;
        if let Some(cut) = cut.and_then(|cut| read_cut(&cut)) {
            // What is left of it is being removed.
            self.report.cut = cut.seq;
            self.cut = Some(cut);
            self.last = cut;
        }
        Ok(())
    }

    fn page(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        let mut select = connection.prepare_cached(&format!(
            "SELECT {COLUMNS}, digest, hash, stored,
             (SELECT 1 FROM tombstones JOIN entries AS act ON act.seq = tombstones.seq WHERE act.kind = 1
              AND act.person = entries.person AND tombstones.person = entries.person AND act.seq > entries.seq)
             AS forgotten FROM entries WHERE seq > ?1 ORDER BY seq LIMIT ?2"
        ))?;
        let mut rows = select.query([self.last.seq, PAGE])?;
        while let Some(row) = rows.next()? {
            let seq: u64 = row.get("seq")?;
            self.report.entries += 1;
            if seq != self.last.seq + 1 {
                self.gap(seq);
            }
            if self.entry(row, seq, seq == self.last.seq + 1).is_err() {
                self.find(Finding::Unreadable(seq));
                self.last.seq = seq;
                self.last.hash = codes::bytes(row, "hash").unwrap_or(START);
            }
        }
        Ok(())
    }

    fn gap(&mut self, seq: u64) {
        let before = self.last.seq;
        self.find(if before == 0 { Finding::Prefix(seq) } else { Finding::Gap(before + 1, seq - 1) });
    }

    fn entry(&mut self, row: &Row<'_>, seq: u64, follows: bool) -> rusqlite::Result<()> {
        let entry = self.reading.entry(row, false)?;
        let (digest, hash): (Hash, Hash) = (row.get("digest")?, row.get("hash")?);
        // Without the entry before it, it cannot be told whether the link holds.
        if follows && self.link(&entry, digest) != hash {
            self.find(Finding::Header(seq));
        }
        let stored: Option<Vec<u8>> = row.get("stored")?;
        match stored.filter(|stored| stored.first() != Some(&WIPED)) {
            Some(stored) if sha256(&stored) != digest => self.find(Finding::Payload(seq)),
            Some(stored) => self.cut_entry(&entry, stored),
            None if row.get::<_, Option<i64>>("forgotten")?.is_some() => self.report.forgotten += 1,
            None => self.find(Finding::Missing(seq)),
        }
        self.last = Head { seq, hash };
        if let Some(against) = self.against
            && against.seq == seq
            && against.hash != hash
        {
            self.find(Finding::Other(seq));
        }
        Ok(())
    }

    fn link(&mut self, entry: &Entry, digest: Hash) -> Hash {
        let header = Header {
            seq: entry.seq,
            id: entry.id.into_bytes(),
            at: codes::time(entry.received_at),
            kind: entry.kind,
            system: &entry.system,
            tenant: &entry.tenant,
            event: &entry.event,
            person: entry.person,
            outcome: &entry.outcome,
            cause: &entry.cause,
            rule: entry.rule.as_deref(),
            rule_set: entry.rule_set,
            took: i64::try_from(entry.took.as_micros()).unwrap_or(i64::MAX),
            repeat_of: entry.repeat_of,
            digest,
        };
        self.reading.chain.link(&self.last.hash, &header, &mut self.buffer)
    }

    /// A cut that the chain itself bears out.
    fn cut_entry(&mut self, entry: &Entry, stored: Vec<u8>) {
        if entry.kind == EntryKind::Cut
            && let Record::Bytes(record) = self.reading.record(Some(stored), &entry.id, &entry.person)
            && read_cut(&record) == self.cut
        {
            self.cut = None;
        }
    }

    fn end(mut self) -> Report {
        if let Some(cut) = self.cut {
            self.find(Finding::Prefix(cut.seq + 1));
        }
        if let Some(against) = self.against {
            if against.seq > self.last.seq {
                self.find(Finding::Tail { found: self.last.seq, expected: against.seq });
            } else if against.seq < self.report.cut {
                tracing::info!("the head that was kept is older than the oldest entry, so that it says nothing");
            }
        }
        if self.reading.torn > 0 {
            self.find(Finding::Torn(self.reading.torn));
        }
        self.report.head = Some(self.last);
        self.report
    }

    fn find(&mut self, finding: Finding) {
        self.report.found += 1;
        if self.report.findings.len() < FINDINGS {
            self.report.findings.push(finding);
        }
    }
}
