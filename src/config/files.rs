//! The main file and those that it includes, as one tree.
//!
//! What the keys mean is not known here, but for `include`.

mod include;
mod merge;
mod read;
mod shadow;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::watch;
use crate::base::diagnostic::{Diagnostic, Diagnostics, Place, Source};
use crate::base::tree::{self, Node};

pub(super) use include::PATTERN_OPTIONS;
pub(super) use read::read_at_most;
pub(super) use shadow::Named;

/// Where the main file is looked for unless the command line says.
const DEFAULTS: [&str; 2] = ["config/hookreeve.toml", "/etc/hookreeve/hookreeve.toml"];

/// What was read.
pub(super) struct Files {
    /// Each file's own tree, main file first.
    pub(super) each: Vec<Node>,
    /// All of them as one.
    pub(super) tree: Node,
    /// The main file.
    pub(super) main: PathBuf,
    /// The shadow file, where one is named.
    pub(super) shadow: Option<Named>,
    /// Whether every file could be read and is TOML.
    pub(super) complete: bool,
}

/// Reads the file at `path`, or else the first default that exists, and what it includes.
pub(super) fn read(path: Option<&Path>, watched: &mut watch::Files, findings: &mut Diagnostics) -> Option<Files> {
    let main = find(path, &DEFAULTS, findings)?;
    let before = findings.errors();
    let mut tree = file(&main, None, watched, findings)?;
    let whole = tree.clone();
    let shadow = shadow::take(&mut tree, &main, findings);
    Some(with_includes(whole, tree, main, shadow, before, watched, findings))
}

/// Reads the shadow file and what it includes.
pub(super) fn read_shadow(named: &Named, watched: &mut watch::Files, findings: &mut Diagnostics) -> Option<Files> {
    let before = findings.errors();
    let mut tree = file(&named.path, Some(&named.place), watched, findings)?;
    let whole = tree.clone();
    shadow::report_nested(&mut tree, "a shadow file", findings);
    Some(with_includes(whole, tree, named.path.clone(), None, before, watched, findings))
}

/// A file's tree with those of the files that it includes.
fn with_includes(
    whole: Node,
    mut tree: Node,
    main: PathBuf,
    shadow: Option<Named>,
    before: usize,
    watched: &mut watch::Files,
    findings: &mut Diagnostics,
) -> Files {
    let mut each = vec![whole];
    include::report_misplaced(&mut tree, findings);
    for include in include::take(&mut tree, &main, shadow.as_ref(), watched, findings) {
        let Some(mut included) = file(&include.path, Some(&include.place), watched, findings) else { continue };
        each.push(included.clone());
        include::report_nested(&mut included, findings);
        shadow::report_nested(&mut included, "an included file", findings);
        merge::merge(&mut tree, included, findings);
    }
    Files { each, tree, main, shadow, complete: findings.errors() == before }
}

fn find(path: Option<&Path>, defaults: &[&str], findings: &mut Diagnostics) -> Option<PathBuf> {
    if let Some(path) = path {
        return Some(path.to_owned());
    }
    // One that cannot be looked at is taken, so that reading it says why.
    let default = defaults.iter().map(PathBuf::from).find(|path| path.try_exists().unwrap_or(true));
    if default.is_none() {
        let message = format!("there is no configuration: neither {} exists", defaults.join(" nor "));
        findings.push(Diagnostic::error("no-file", message).hint("name a file by --config FILE"));
    }
    default
}

/// One file's tree; `named_at` is the place that names it.
fn file(path: &Path, named_at: Option<&Place>, watched: &mut watch::Files, findings: &mut Diagnostics) -> Option<Node> {
    let (source, fingerprint) = read::read(path);
    watched.insert(path, Some(fingerprint));
    let text = match source {
        Ok(text) => text,
        Err(error) => {
            findings.push(error.finding(named_at));
            return None;
        }
    };
    let source = Arc::new(Source { name: path.display().to_string(), text });
    Some(tree::parse(&source, findings))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_default_that_exists_is_taken_unless_a_file_is_named() {
        let directory = tempfile::tempdir().expect("a directory");
        let paths = ["a.toml", "b.toml"].map(|name| directory.path().join(name));
        let names = paths.each_ref().map(|path| path.to_str().expect("UTF-8"));
        let mut findings = Diagnostics::default();
        assert_eq!(find(None, &names, &mut findings), None);
        let messages: Vec<_> = findings.iter().map(Diagnostic::one_line).collect();
        let expected = format!(
            "there is no configuration: neither {} nor {} exists (name a file by --config FILE)",
            names[0], names[1]
        );
        assert_eq!(messages, [expected]);
        for path in paths.iter().rev() {
            std::fs::write(path, "").expect("written");
            assert_eq!(find(None, &names, &mut findings).as_ref(), Some(path));
        }
        assert_eq!(find(Some(Path::new("c")), &names, &mut findings), Some("c".into()));
    }
}
