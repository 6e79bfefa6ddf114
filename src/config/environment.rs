//! The environment, as a value: this is the only reader of the process's own.
//!
//! It prints names, never values.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::files::read_at_most;
use crate::base::secret::{Secret, SecretError, SecretRef, SecretSource};

/// The largest secret that is read from a file.
const LIMIT: u64 = 64 << 10;

/// Variables and their values.
#[derive(Clone, Default)]
pub struct Environment(Arc<BTreeMap<String, OsString>>);

/// Secrets of the environment and of files: the [`SecretSource`] of everything but tests.
#[derive(Clone, Debug)]
pub struct Secrets {
    environment: Environment,
    base_dir: PathBuf,
}

// === impl Environment ===

impl Environment {
    /// The variables of this process. Those whose names are not UTF-8 cannot be meant for it.
    #[expect(clippy::disallowed_methods, reason = "this is the reader that all others are kept from being")]
    pub fn process() -> Self {
        Self::new(std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value))))
    }

    /// These variables.
    pub fn new<N: Into<String>, V: Into<OsString>>(variables: impl IntoIterator<Item = (N, V)>) -> Self {
        Self(Arc::new(variables.into_iter().map(|(name, value)| (name.into(), value.into())).collect()))
    }

    /// The value of `name`, if it is set.
    pub fn variable(&self, name: &str) -> Option<OsString> {
        self.0.get(name).cloned()
    }

    /// The variable of that name, where it is text.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name)?.to_str()
    }

    /// Each variable, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &OsStr)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_os_str()))
    }

    /// The secrets of these variables, and of files, where a relative path is one from `base_dir`.
    pub fn secrets(&self, base_dir: impl Into<PathBuf>) -> Secrets {
        Secrets { environment: self.clone(), base_dir: base_dir.into() }
    }
}

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

// === impl Secrets ===

impl SecretSource for Secrets {
    fn resolve(&self, place: &SecretRef) -> Result<Secret, SecretError> {
        let bytes = match place {
            SecretRef::Env(name) => {
                let value = self.environment.0.get(name).ok_or_else(|| SecretError::Unset(name.clone()))?;
                value.as_encoded_bytes().to_vec()
            }
            SecretRef::File(path) => {
                self.read(path).map_err(|source| SecretError::Unreadable { place: place.clone(), source })?
            }
        };
        if bytes.is_empty() { Err(SecretError::Empty(place.clone())) } else { Ok(Secret::new(bytes)) }
    }
}

impl Secrets {
    /// The file's bytes, without one line break at the end.
    fn read(&self, path: &Path) -> std::io::Result<Vec<u8>> {
        let mut bytes = read_at_most(&self.base_dir.join(path), LIMIT)?;
        if bytes.ends_with(b"\n") {
            bytes.truncate(bytes.len() - if bytes.ends_with(b"\r\n") { 2 } else { 1 });
        }
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(secrets: &Secrets, place: &SecretRef) -> Result<Vec<u8>, String> {
        secrets.resolve(place).map(|secret| secret.expose().to_vec()).map_err(|error| error.to_string())
    }

    #[test]
    fn a_secret_comes_from_a_variable_or_a_file_without_its_last_line_break() {
        let directory = tempfile::tempdir().expect("a directory");
        for (name, text) in [("unix", "s3cret\n"), ("dos", "s3cret\r\n"), ("bare", "s3cret"), ("two", "s3cret\n\n")] {
            std::fs::write(directory.path().join(name), text).expect("written");
        }
        let secrets = Environment::new([("A", "s3cret\n")]).secrets(directory.path());
        for name in ["unix", "dos", "bare"] {
            assert_eq!(secret(&secrets, &SecretRef::File(name.into())), Ok(b"s3cret".to_vec()), "{name}");
        }
        assert_eq!(secret(&secrets, &SecretRef::File(directory.path().join("two"))), Ok(b"s3cret\n".to_vec()));
        assert_eq!(secret(&secrets, &SecretRef::Env("A".into())), Ok(b"s3cret\n".to_vec()));
    }

    #[test]
    fn a_missing_or_empty_secret_is_an_error_and_never_an_empty_text() {
        let directory = tempfile::tempdir().expect("a directory");
        std::fs::write(directory.path().join("empty"), "\n").expect("written");
        std::fs::write(directory.path().join("large"), vec![b'x'; 65_537]).expect("written");
        let secrets = Environment::new([("EMPTY", "")]).secrets(directory.path());
        let error = |place| secret(&secrets, &place).expect_err("no secret");
        assert_eq!(error(SecretRef::Env("EMPTY".into())), "environment variable EMPTY is empty");
        assert_eq!(error(SecretRef::Env("NONE".into())), "environment variable NONE is not set");
        assert_eq!(error(SecretRef::File("empty".into())), "file empty is empty");
        assert!(error(SecretRef::File("none".into())).starts_with("file none could not be read: "));
        assert_eq!(error(SecretRef::File("large".into())), "file large could not be read: it is larger than 64KiB");
    }

    #[test]
    fn an_environment_prints_names_only() {
        let environment = Environment::new([("NAME", "hunter2")]);
        assert_eq!(format!("{environment:?}"), r#"{"NAME"}"#);
        assert_eq!(environment.get("NAME"), Some("hunter2"));
    }
}
