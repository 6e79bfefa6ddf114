//! What a journal is opened with.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::base::clock::Clock;
use crate::base::secret::{Secret, SecretSource};
use crate::journal::seal::LEAST_KEY;
use crate::journal::{Config, JournalError};

/// What a journal is opened with; [`Config`] with its secrets looked up.
#[derive(Clone, Debug)]
pub struct Options {
    /// The file.
    pub path: PathBuf,
    /// How long entries are kept.
    pub retention: Duration,
    /// How long after an event an equal one is a repeat.
    pub repeat_window: Duration,
    /// The bytes below which no entry is taken.
    pub reserve: u64,
    /// The first seals, any opens. None: payloads are in clear, and no secret is taken.
    pub encryption_keys: Vec<Secret>,
    /// The key of the chain.
    pub chain_key: Option<Secret>,
    /// For tests: how much longer each sync takes.
    pub sync_delay: Duration,
    /// For tests: the most pages that the file may have.
    pub max_pages: Option<u32>,
    /// Tells the time.
    pub clock: Clock,
}

impl Options {
    /// The defaults of [`Config`] for a file.
    pub fn new(path: impl Into<PathBuf>, clock: Clock) -> Self {
        let config = Config::default();
        Self {
            path: path.into(),
            retention: config.retention.0,
            repeat_window: config.repeat_window.0,
            reserve: config.reserve.0,
            encryption_keys: Vec::new(),
            chain_key: None,
            sync_delay: Duration::ZERO,
            max_pages: None,
            clock,
        }
    }

    /// What a configuration says. Its path is relative to `data_dir`.
    pub fn of(
        config: &Config,
        data_dir: &Path,
        secrets: &impl SecretSource,
        clock: Clock,
    ) -> Result<Self, JournalError> {
        let setting = |error: &dyn std::fmt::Display| JournalError::Setting(error.to_string());
        let path = config.sqlite_path().ok_or_else(|| setting(&"this version keeps its journal in SQLite only"))?;
        let resolve = |place| secrets.resolve(place).map_err(|error| setting(&error));
        let keys = config.encryption_key.iter().flatten().map(resolve).collect::<Result<_, _>>()?;
        let options = Self {
            retention: config.retention.0,
            repeat_window: config.repeat_window.0,
            reserve: config.reserve.0,
            encryption_keys: keys,
            chain_key: config.chain_key.as_ref().map(resolve).transpose()?,
            sync_delay: config.sync_delay.0,
            ..Self::new(data_dir.join(path), clock)
        };
        options.check()?;
        Ok(options)
    }

    /// Whether the keys are long enough to be keys.
    pub(super) fn check(&self) -> Result<(), JournalError> {
        let short = |key: &Secret| key.expose().len() < LEAST_KEY;
        let name = if self.encryption_keys.iter().any(short) {
            "encryption_key"
        } else if self.chain_key.as_ref().is_some_and(short) {
            "chain_key"
        } else {
            return Ok(());
        };
        Err(JournalError::Setting(format!(
            "{name} has fewer than {LEAST_KEY} bytes; `head -c 32 /dev/urandom | base64` makes one"
        )))
    }
}
