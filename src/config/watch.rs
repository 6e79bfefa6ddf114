//! Says when a file of the configuration has changed, and only then.
//!
//! It watches directories, not files: an editor renames a new file over the old one, and a ConfigMap swaps a symbolic link,
//! after which a watch on the file itself sees nothing more. Events only say when to look; what counts is whether the
//! contents are others. What to do about it is the app's matter.

mod directories;
mod fingerprint;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use notify::event::{AccessKind, AccessMode, EventKind};
use notify::{RecommendedWatcher, RecursiveMode, Watcher as _};
use tokio::sync::Notify;
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use fingerprint::Item;

pub use fingerprint::{Files, Fingerprint};

/// How long nothing may happen before it looks: a file is rarely written in one go.
const QUIET: Duration = Duration::from_millis(200);
/// How long it waits for that.
const PATIENCE: Duration = Duration::from_secs(2);
/// How often it looks without being told: network file systems tell nothing.
const SELDOM: Duration = Duration::from_secs(30);
/// How often it looks where nothing can tell it.
const OFTEN: Duration = Duration::from_secs(2);

/// A watch on the files of a configuration.
pub struct Watch {
    files: Files,
    seen: BTreeMap<Item, Fingerprint>,
    directories: BTreeSet<PathBuf>,
    /// `None`: it looks at intervals only.
    watcher: Option<RecommendedWatcher>,
    /// Holds one wake-up, however many events there were.
    signal: Arc<Notify>,
    interval: Duration,
    /// There is something to look at: kept here so that a dropped [`Watch::changed`] loses nothing.
    pending: bool,
}

impl Watch {
    /// Watches `files`. Start it before the secrets are read that they name, so that none changes in between unseen.
    pub fn start(files: Files) -> Self {
        let signal = Arc::new(Notify::new());
        let wake = signal.clone();
        let watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            if event.map_or(true, |event| may_be_a_change(event.kind)) {
                wake.notify_one();
            }
        });
        match watcher {
            Ok(watcher) => Self::new(files, signal, Some(watcher), SELDOM),
            Err(error) => {
                tracing::warn!(%error, "the system does not report changes of files: looking every two seconds");
                Self::new(files, signal, None, OFTEN)
            }
        }
    }

    fn new(files: Files, signal: Arc<Notify>, watcher: Option<RecommendedWatcher>, interval: Duration) -> Self {
        let mut watch = Self {
            files: Files::default(),
            seen: BTreeMap::new(),
            directories: BTreeSet::new(),
            watcher,
            signal,
            interval,
            pending: false,
        };
        watch.replace(files);
        watch
    }

    /// Watches `files` instead: after each load, whether it went well or not.
    pub fn replace(&mut self, files: Files) {
        self.watch(files.directories());
        // What was loaded is the measure, so that a change since then is seen; what was not read by the load, as a secret,
        // has not changed since the last look unless the next one says so.
        let mut seen = files.known();
        for item in files.items() {
            let last = || self.seen.get(&item).copied().unwrap_or_else(|| item.fingerprint());
            seen.entry(item.clone()).or_insert_with(last);
        }
        self.seen = seen;
        self.files = files;
        self.pending = true;
    }

    /// Whether it looks every two seconds, because the system reports no changes.
    pub fn is_polling(&self) -> bool {
        self.watcher.is_none()
    }

    /// Waits until the contents have changed since they were loaded, or since this last said so. It may be dropped and
    /// called again.
    pub async fn changed(&mut self) {
        loop {
            if !self.pending {
                let _ = timeout(self.interval, self.signal.notified()).await;
                self.pending = true;
            }
            let _ = timeout(PATIENCE, self.quiet()).await;
            let changed = self.look().await;
            self.pending = false;
            if changed {
                return;
            }
        }
    }

    async fn quiet(&self) {
        while timeout(QUIET, self.signal.notified()).await.is_ok() {}
    }

    /// Whether anything has changed since the last look.
    async fn look(&mut self) -> bool {
        let files = self.files.clone();
        let Ok(directories) = spawn_blocking(move || files.directories()).await else { return false };
        // First watch, then read: a change in between is read now, or wakes the next look.
        self.watch(directories);
        let files = self.files.clone();
        let Ok(now) = spawn_blocking(move || files.fingerprints()).await else { return false };
        let changed = now != self.seen;
        self.seen = now;
        changed
    }

    /// Watches these directories and no others. Those that it watches already are set anew, for a directory that was
    /// removed and made again is another one.
    fn watch(&mut self, directories: BTreeSet<PathBuf>) {
        let Some(watcher) = &mut self.watcher else { return };
        for gone in self.directories.difference(&directories) {
            // It may be gone from the disk, too.
            let _ = watcher.unwatch(gone);
        }
        let failure = directories.iter().find_map(|directory| watch_one(watcher, directory).err());
        self.directories = directories;
        if let Some(error) = failure {
            tracing::warn!(%error, "the system does not report changes of files: looking every two seconds");
            self.watcher = None;
            self.interval = OFTEN;
        }
    }
}

fn watch_one(watcher: &mut RecommendedWatcher, directory: &Path) -> notify::Result<()> {
    match watcher.watch(directory, RecursiveMode::NonRecursive) {
        // It went away since it was found; that was an event of its parent.
        Err(error) if matches!(error.kind, notify::ErrorKind::PathNotFound) => Ok(()),
        Err(error) if matches!(&error.kind, notify::ErrorKind::Io(io) if io.kind() == std::io::ErrorKind::NotFound) => {
            Ok(())
        }
        other => other,
    }
}

/// Reading a file is an event, too: its own look must not wake it again.
fn may_be_a_change(kind: EventKind) -> bool {
    !kind.is_access() || kind == EventKind::Access(AccessKind::Close(AccessMode::Write))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use tempfile::TempDir;

    use super::*;

    fn directory() -> TempDir {
        tempfile::tempdir().expect("a directory")
    }

    fn files<const N: usize>(paths: [&PathBuf; N]) -> Files {
        let mut files = Files::default();
        for path in paths {
            files.insert(path, None);
        }
        files
    }

    #[track_caller]
    fn write(path: impl AsRef<Path>, text: &str) {
        fs::write(path, text).expect("written");
    }

    #[track_caller]
    fn rename(from: impl AsRef<Path>, to: impl AsRef<Path>) {
        fs::rename(from, to).expect("renamed");
    }

    async fn changes(watch: &mut Watch) {
        timeout(Duration::from_secs(20), watch.changed()).await.expect("a change within twenty seconds");
    }

    #[tokio::test]
    async fn a_file_that_is_written_renamed_over_removed_or_made_again_has_changed() {
        let directory = directory();
        let path = directory.path().join("hookreeve.toml");
        write(&path, "a");
        let mut watch = Watch::start(files([&path]));
        assert!(!watch.is_polling());
        write(&path, "b");
        changes(&mut watch).await;
        for text in ["c", "d"] {
            write(directory.path().join(".hookreeve.toml.new"), text);
            rename(directory.path().join(".hookreeve.toml.new"), &path);
            changes(&mut watch).await;
        }
        fs::remove_file(&path).expect("removed");
        changes(&mut watch).await;
        write(&path, "e");
        changes(&mut watch).await;
    }

    #[tokio::test]
    async fn a_config_map_is_seen_to_swap_its_links_twice() {
        let directory = directory();
        let root = directory.path();
        let mount = |version: &str| {
            fs::create_dir(root.join(version)).expect("made");
            write(root.join(version).join("hookreeve.toml"), version);
            symlink(version, root.join("..data_tmp")).expect("linked");
            rename(root.join("..data_tmp"), root.join("..data"));
        };
        mount("..v1");
        symlink("..data/hookreeve.toml", root.join("hookreeve.toml")).expect("linked");
        let mut watch = Watch::start(files([&root.join("hookreeve.toml")]));
        for (new, old) in [("..v2", "..v1"), ("..v3", "..v2")] {
            mount(new);
            fs::remove_dir_all(root.join(old)).expect("removed");
            changes(&mut watch).await;
        }
        assert!(watch.directories.contains(&root.join("..v3").canonicalize().expect("there")));
    }

    #[tokio::test]
    async fn a_link_further_up_is_watched_too() {
        let directory = directory();
        let root = directory.path();
        for release in ["r1", "r2"] {
            fs::create_dir_all(root.join("releases").join(release)).expect("made");
            write(root.join("releases").join(release).join("hookreeve.toml"), release);
        }
        symlink("releases/r1", root.join("current")).expect("linked");
        let mut watch = Watch::start(files([&root.join("current/hookreeve.toml")]));
        symlink("releases/r2", root.join("next")).expect("linked");
        rename(root.join("next"), root.join("current"));
        changes(&mut watch).await;
    }

    #[tokio::test]
    async fn the_same_contents_and_other_files_are_no_change() {
        let directory = directory();
        let path = directory.path().join("hookreeve.toml");
        write(&path, "a");
        let mut watch = Watch::start(files([&path]));
        write(&path, "a");
        write(directory.path().join("other"), "a");
        write(directory.path().join("new"), "a");
        rename(directory.path().join("new"), &path);
        assert!(!watch.look().await);
    }

    #[tokio::test]
    async fn a_new_file_that_a_pattern_matches_is_a_change_and_its_like_is_not() {
        let directory = directory();
        let rules = directory.path().join("rules");
        fs::create_dir(&rules).expect("made");
        let mut files = Files::default();
        files.insert_pattern(&format!("{}/*/*.toml", rules.display()));
        let mut watch = Watch::start(files);
        write(rules.join("a.toml"), "");
        assert!(!watch.look().await);
        fs::create_dir(rules.join("team")).expect("made");
        write(rules.join("team/.a.toml.swp"), "");
        assert!(!watch.look().await);
        write(rules.join("team/a.toml"), "");
        changes(&mut watch).await;
    }

    #[tokio::test]
    async fn a_change_between_load_and_watch_is_seen() {
        let directory = directory();
        let path = directory.path().join("hookreeve.toml");
        let mut files = Files::default();
        files.insert(&path, Some(Fingerprint::of(&Ok(b"loaded".to_vec()))));
        write(&path, "since then");
        let mut watch = Watch::start(files.clone());
        changes(&mut watch).await;
        // A secret is not read by the load: its last look counts.
        let secret = directory.path().join("secret");
        files.insert(&path, Some(Fingerprint::of(&Ok(b"since then".to_vec()))));
        files.insert(&secret, None);
        watch.replace(files.clone());
        write(&secret, "new");
        watch.replace(files);
        changes(&mut watch).await;
    }

    #[tokio::test]
    async fn it_looks_at_intervals_where_nothing_tells_it() {
        let directory = directory();
        let path = directory.path().join("hookreeve.toml");
        write(&path, "a");
        let mut watch = Watch::new(files([&path]), Arc::new(Notify::new()), None, Duration::from_millis(10));
        assert!(watch.is_polling());
        write(&path, "b");
        changes(&mut watch).await;
        write(&path, "c");
        changes(&mut watch).await;
    }

    #[tokio::test]
    async fn a_dropped_wait_loses_nothing() {
        let directory = directory();
        let path = directory.path().join("hookreeve.toml");
        write(&path, "a");
        let mut watch = Watch::start(files([&path]));
        write(&path, "b");
        for _ in 0..20 {
            let _ = timeout(Duration::from_millis(1), watch.changed()).await;
        }
        changes(&mut watch).await;
    }
}
