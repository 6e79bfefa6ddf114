//! The directories in which a change can make a path lead to something else.

use std::collections::{BTreeSet, VecDeque};
use std::ffi::OsString;
use std::fs;
use std::path::{Component, Path, PathBuf};

/// How many links one path may lead through; the system allows as many.
const MAX_LINKS: usize = 40;

/// The directory of the file at `path` and of each link on the way to it, or the last directory on the way that exists.
/// `path` is absolute.
pub(super) fn on_the_way(path: &Path, directories: &mut BTreeSet<PathBuf>) {
    let mut at = PathBuf::new();
    let mut rest = steps(path);
    let mut links = 0;
    while let Some(step) = rest.pop_front() {
        match Path::new(&step).components().next() {
            Some(Component::RootDir | Component::Prefix(_)) => {
                at.push(&step);
                continue;
            }
            Some(Component::ParentDir) => {
                at.pop();
                continue;
            }
            Some(Component::Normal(_)) => {}
            Some(Component::CurDir) | None => continue,
        }
        let next = at.join(&step);
        match fs::symlink_metadata(&next) {
            Ok(found) if found.is_symlink() => {
                directories.insert(at.clone());
                links += 1;
                let Ok(target) = fs::read_link(&next) else { return };
                if links > MAX_LINKS {
                    return;
                }
                let mut onward = steps(&target);
                onward.append(&mut rest);
                rest = onward;
            }
            Ok(found) if found.is_dir() => at = next,
            Ok(_) | Err(_) => {
                directories.insert(at);
                return;
            }
        }
    }
    directories.insert(at);
}

fn steps(path: &Path) -> VecDeque<OsString> {
    path.components().map(|component| component.as_os_str().to_owned()).collect()
}
