//! How log lines name persons, and the key of their pseudonyms.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use crate::base::diagnostic::Problem;
use crate::base::ids::{hex, random_bytes};
use crate::base::secret::{Secret, SecretSource};
use crate::config::log::{Config, Person};
use crate::telemetry::{PersonName, Pseudonyms};

/// The key's file in the data directory.
const KEY_FILE: &str = "pseudonym.key";

pub(super) fn name(config: &Config, secrets: &dyn SecretSource, data_dir: &Path) -> Result<PersonName, Problem> {
    Ok(match config.person {
        Person::Key => PersonName::Key,
        Person::None => PersonName::None,
        Person::Pseudonym => {
            let key = match &config.pseudonym_key {
                Some(place) => secrets.resolve(place).map_err(|error| {
                    Problem::error("missing-secret", &["pseudonym_key"], error.to_string()).hint(error.remedy())
                })?,
                None => pseudonym_key(data_dir),
            };
            PersonName::Pseudonym(Pseudonyms::new(&key))
        }
    })
}

/// The key in the data directory, made if it is not there. Where none can be kept it lasts as long as the process, which
/// the log says: pseudonyms then change with every start.
pub fn pseudonym_key(data_dir: &Path) -> Secret {
    if let Some(key) = read_pseudonym_key(data_dir) {
        return key;
    }
    let key = hex(&random_bytes::<32>());
    if let Err(error) = write_new(data_dir, key.as_bytes()) {
        // Another process may have been faster.
        if let Some(key) = read_pseudonym_key(data_dir) {
            return key;
        }
        tracing::warn!(%error, path = %path(data_dir).display(), "no key can be kept: pseudonyms change with every start");
    }
    Secret::new(key)
}

/// The key in the data directory, if it is there.
pub fn read_pseudonym_key(data_dir: &Path) -> Option<Secret> {
    let key = std::fs::read(path(data_dir)).ok()?;
    (!key.trim_ascii().is_empty()).then(|| Secret::new(key.trim_ascii()))
}

fn path(data_dir: &Path) -> PathBuf {
    data_dir.join(KEY_FILE)
}

fn write_new(data_dir: &Path, key: &[u8]) -> io::Result<()> {
    use std::os::unix::fs::OpenOptionsExt as _;
    std::fs::create_dir_all(data_dir)?;
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path(data_dir))?;
    file.write_all(key)?;
    file.sync_all()
}
