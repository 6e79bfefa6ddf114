//! A file beside the journal that holds a little space, and is thrown over board where a start finds none left.
//!
//! SQLite needs some to open a file at all: the index of its log, for the journal and for the persons' file. Without it a
//! server that was stopped on a full disk could not start there, and would answer nothing. What it frees is not enough to
//! take entries: below the reserve none are taken.

use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::path::Path;

use super::connect::beside;
use super::space::free;
use crate::base::ids::random_bytes;

/// How large it is.
const BYTES: u64 = 1 << 20;
/// How much is written at once.
const PART: usize = 4096;

/// Gives the space back if the disk of this journal has less.
pub(super) fn throw_over_board(journal: &Path) {
    let path = beside(journal, SUFFIX);
    if free(journal).is_none_or(|free| free >= BYTES) || !path.exists() {
        return;
    }
    match std::fs::remove_file(&path) {
        Ok(()) => tracing::warn!("the journal's disk is full: what was kept free for a start is used now"),
        Err(error) => tracing::warn!(%error, path = %path.display(), "space that was kept for a start cannot be had"),
    }
}

/// Takes the space, unless it is there already or would be missed: where less than so much beyond the reserve is left.
pub(super) fn take_on(journal: &Path, reserve: u64) {
    let path = beside(journal, SUFFIX);
    let there = std::fs::metadata(&path).is_ok_and(|file| file.len() == BYTES);
    let plenty = free(journal).is_some_and(|free| free > reserve.saturating_add(8 * BYTES));
    if there || !plenty {
        return;
    }
    if let Err(error) = write(&path) {
        let _ = std::fs::remove_file(&path);
        tracing::debug!(%error, path = %path.display(), "no space can be kept for a start on a full disk");
    }
}

/// At the end of its name.
pub(super) const SUFFIX: &str = "-ballast";

/// At random, so that no file system makes it smaller.
fn write(path: &Path) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    let mut left = BYTES;
    while left > 0 {
        file.write_all(&random_bytes::<PART>())?;
        left -= PART as u64;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_there_while_there_is_space_and_only_then() {
        let directory = tempfile::tempdir().expect("a directory");
        let journal = directory.path().join("hookreeve.db");
        let ballast = directory.path().join("hookreeve.db-ballast");
        take_on(&journal, u64::MAX);
        assert!(!ballast.exists(), "the reserve comes first");
        take_on(&journal, 0);
        assert_eq!(std::fs::metadata(&ballast).expect("a file").len(), BYTES);
        std::fs::write(&ballast, "cut short").expect("written");
        take_on(&journal, 0);
        assert_eq!(std::fs::metadata(&ballast).expect("a file").len(), BYTES);
        throw_over_board(&journal);
        assert!(ballast.exists(), "this disk is not full");
    }
}
