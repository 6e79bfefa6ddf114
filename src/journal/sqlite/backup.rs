//! Backups: a copy of the journal without the persons' file, and how it is brought back.

use std::fs::{File, OpenOptions};
use std::path::{Path, PathBuf};

use super::append::{self, Prepared};
use super::persons::{NOBODY, Persons, Reference};
use super::{Options, SqliteJournal, codes, connect, failure, forget, lock, read, schema, writer};
use crate::journal::seal::Keyring;
use crate::journal::{EntryKind, Head, Journal as _, JournalError};

/// What came of a restoration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Restored {
    /// The last entry of the backup.
    pub head: Head,
    /// Where the journal that was there is now.
    pub replaced: Option<PathBuf>,
    /// How many entries lost their payload again, because their person was forgotten.
    pub forgotten: u64,
}

/// Copies a journal to a file that is not there. It is packed: what was deleted is not in it.
pub(super) fn backup(from: &Path, to: &Path) -> Result<Head, JournalError> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(to).map_err(|error| failure::opening_file(to, error))?;
    let copy = || {
        let connection = connect::plain(from)?;
        let name = to.to_str().ok_or_else(|| JournalError::Setting("a backup's path must be text".to_owned()))?;
        connection.execute("VACUUM INTO ?1", [name]).map_err(failure::reading)?;
        file.sync_all().map_err(|error| failure::opening_file(to, error))?;
        let copy = connect::plain(to)?;
        writer::head(&copy).map_err(failure::reading)
    };
    copy().inspect_err(|_| {
        // What is not whole is no backup.
        let _ = std::fs::remove_file(to);
    })
}

/// Brings a backup to where `options` say. The journal that is there is moved aside; its persons' file stays and serves
/// the backup. Who was forgotten since stays forgotten: by the persons' file, and by the tombstones of the journal that is
/// replaced. What the backup holds as pending is delivered again.
pub async fn restore(backup: &Path, options: &Options) -> Result<Restored, JournalError> {
    let (from, own) = (backup.to_owned(), options.clone());
    let blocking = tokio::task::spawn_blocking(move || exchange(&from, &own)).await;
    let Exchanged { head, replaced, forgotten, journal } = blocking.map_err(|_| JournalError::Closed)??;
    let again = forgotten.clone();
    let buried = journal.shared.queue.run(true, move |writing| {
        let now = codes::time(writing.shared.options.clock.now());
        let mut entry = Prepared::act(EntryKind::Restored, now, NOBODY, head.to_string().as_bytes());
        append::insert(&mut entry, writing)?;
        forget::bury(writing, &again)
    });
    let entries = buried.await?;
    journal.finish_forgetting(forgotten).await?;
    journal.close().await;
    Ok(Restored { head, replaced, forgotten: entries })
}

/// What stands where it should, with what is still to be forgotten in it.
struct Exchanged {
    head: Head,
    replaced: Option<PathBuf>,
    forgotten: Vec<Reference>,
    journal: SqliteJournal,
}

fn exchange(backup: &Path, options: &Options) -> Result<Exchanged, JournalError> {
    options.check()?;
    let path = &options.path;
    let source = connect::plain(backup)?;
    if schema::version(&source, backup)? == 0 {
        let problem = "it was never completely made".to_owned();
        return Err(JournalError::Damaged { path: backup.to_owned(), problem });
    }
    let head = writer::head(&source).map_err(failure::reading)?;
    drop(source);
    let held = lock::Lock::take(path)?;
    let mut buried_there = Vec::new();
    let mut replaced = None;
    if path.exists() {
        // One that is too damaged to say is the reason for many a restoration; the persons' file knows as well.
        buried_there = buried(path).unwrap_or_default();
        let suffix = format!(".replaced-{}", options.clock.now().format("%Y%m%dT%H%M%S%.6fZ"));
        let aside = connect::beside(path, &suffix);
        for end in ["", "-wal", "-shm"] {
            let from = connect::beside(path, end);
            if from.exists() {
                std::fs::rename(&from, connect::beside(&aside, end))
                    .map_err(|error| failure::opening_file(&from, error))?;
            }
        }
        replaced = Some(aside);
    }
    // Beside it first: a crash leaves either no journal or a whole one.
    let draft = connect::beside(path, ".restoring");
    let moved = std::fs::copy(backup, &draft)
        .and_then(|_| File::open(&draft)?.sync_all())
        .and_then(|()| std::fs::rename(&draft, path));
    moved.map_err(|error| failure::opening_file(path, error))?;
    let persons = Persons::open(&read::persons_path(path), Keyring::new(&options.encryption_keys), false)?;
    persons.destroy(&buried_there)?;
    let forgotten = persons.forgotten();
    drop(persons);
    drop(held);
    Ok(Exchanged { head, replaced, forgotten, journal: SqliteJournal::open(options.clone())? })
}

/// Whom a journal's tombstones name.
fn buried(path: &Path) -> Result<Vec<Reference>, JournalError> {
    connect::plain(path)?
        .prepare("SELECT person FROM tombstones")
        .and_then(|mut select| select.query_map([], |row| row.get(0))?.collect())
        .map_err(failure::reading)
}
