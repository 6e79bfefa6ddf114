//! What is watched, and by what its contents are told from others.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf, absolute};

use aws_lc_rs::digest::{Context, SHA256};
use glob::Pattern;

use super::super::files::PATTERN_OPTIONS;
use super::directories::on_the_way;

/// How much of a file counts: more than any file that a configuration names may have.
const LIMIT: u64 = 4 << 30;

/// A digest of a file's contents, or of why it has none.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Fingerprint([u8; 32]);

/// The files and patterns of a configuration, and what a load saw in them.
#[derive(Clone, Debug, Default)]
pub struct Files(BTreeMap<Item, Option<Fingerprint>>);

/// Something to watch.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Item {
    /// A file's contents.
    File(PathBuf),
    /// Which files match.
    Pattern(String),
}

// === impl Fingerprint ===

impl Fingerprint {
    /// Of what a read came back with.
    pub fn of(contents: &io::Result<Vec<u8>>) -> Self {
        match contents {
            Ok(bytes) => Self::digest(b"contents", [bytes.as_slice()]),
            Err(error) => Self::digest(b"error", [error.kind().to_string().as_bytes()]),
        }
    }

    /// Of what stands in a file, which is never in memory as a whole: the same as that of its contents.
    fn of_file(path: &Path) -> io::Result<Self> {
        let mut file = File::open(path)?.take(LIMIT);
        let mut context = Context::new(&SHA256);
        context.update(b"contents\0");
        let mut part = [0; 8 << 10];
        loop {
            match file.read(&mut part) {
                Ok(0) => return Ok(Self::finish(context)),
                Ok(length) => context.update(&part[..length]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    fn digest<'a>(kind: &[u8], parts: impl IntoIterator<Item = &'a [u8]>) -> Self {
        let mut context = Context::new(&SHA256);
        context.update(kind);
        for part in parts {
            context.update(&[0]);
            context.update(part);
        }
        Self::finish(context)
    }

    fn finish(context: Context) -> Self {
        let mut bytes = [0; 32];
        bytes.copy_from_slice(context.finish().as_ref());
        Self(bytes)
    }
}

impl fmt::Debug for Fingerprint {
    /// The digest of a short secret tells the secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

// === impl Files ===

impl Files {
    /// Adds a file; `seen` is what was read of it, if it was.
    pub fn insert(&mut self, path: &Path, seen: Option<Fingerprint>) {
        // Without a working directory there is no relative file either.
        let Ok(path) = absolute(path) else { return };
        let known = self.0.entry(Item::File(path)).or_insert(seen);
        *known = seen.or(*known);
    }

    /// Adds whatever files match `pattern`, now and later.
    pub fn insert_pattern(&mut self, pattern: &str) {
        let pattern = if Path::new(pattern).is_absolute() {
            pattern.to_owned()
        } else {
            let here = absolute(".").map(|here| here.join("").display().to_string()).unwrap_or_default();
            Pattern::escape(&here) + pattern
        };
        self.0.insert(Item::Pattern(pattern), None);
    }

    /// The files, without those that a pattern may match later.
    pub fn paths(&self) -> impl Iterator<Item = &Path> {
        self.0.keys().filter_map(|item| match item {
            Item::File(path) => Some(path.as_path()),
            Item::Pattern(_) => None,
        })
    }

    pub(super) fn items(&self) -> impl Iterator<Item = Item> {
        self.0.keys().cloned()
    }

    /// What a load saw.
    pub(super) fn known(&self) -> BTreeMap<Item, Fingerprint> {
        self.0.iter().filter_map(|(item, seen)| Some((item.clone(), (*seen)?))).collect()
    }

    /// What there is now.
    pub(super) fn fingerprints(&self) -> BTreeMap<Item, Fingerprint> {
        self.0.keys().map(|item| (item.clone(), item.fingerprint())).collect()
    }

    /// Where something has to happen for any of it to change.
    pub(super) fn directories(&self) -> BTreeSet<PathBuf> {
        let mut directories = BTreeSet::new();
        for item in self.0.keys() {
            match item {
                Item::File(path) => on_the_way(path, &mut directories),
                Item::Pattern(pattern) => {
                    // Of `rules/*/a*.toml`: the directories `rules`, which may be yet to come, and those of `rules/*`.
                    let plain = pattern.find(['*', '?', '[']).unwrap_or(pattern.len());
                    let fixed = pattern[..plain].rfind('/').unwrap_or(0);
                    on_the_way(Path::new(&pattern[..=fixed]), &mut directories);
                    for (end, _) in pattern.match_indices('/').filter(|(end, _)| *end > fixed) {
                        for path in matches(&pattern[..end]) {
                            on_the_way(&path, &mut directories);
                        }
                    }
                }
            }
        }
        directories
    }
}

// === impl Item ===

impl Item {
    pub(super) fn fingerprint(&self) -> Fingerprint {
        match self {
            Self::File(path) => Fingerprint::of_file(path).unwrap_or_else(|error| Fingerprint::of(&Err(error))),
            Self::Pattern(pattern) => {
                let paths = matches(pattern);
                Fingerprint::digest(b"paths", paths.iter().map(|path| path.as_os_str().as_encoded_bytes()))
            }
        }
    }
}

fn matches(pattern: &str) -> Vec<PathBuf> {
    glob::glob_with(pattern, PATTERN_OPTIONS).into_iter().flatten().flatten().collect()
}
