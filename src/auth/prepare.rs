//! The way from a configuration to prepared credentials: secrets looked up, key files read, everything wrong collected.

use std::path::Path;

use http::HeaderName;

use super::basic::Passwords;
use super::config::{BasicConfig, HeaderConfig, JwtConfig, KeyFiles};
use super::jwt::{Keys, Verifier};
use super::keys::{Key, is_symmetric};
use super::source::Source;
use crate::base::clock::Clock;
use crate::base::diagnostic::Problem;
use crate::base::secret::{Secret, SecretError, SecretRef, SecretSource, TextOrSecret};

/// What preparing needs, and what it found wrong so far.
pub(super) struct Preparation<'a> {
    pub(super) secrets: &'a dyn SecretSource,
    pub(super) base_dir: &'a Path,
    pub(super) clock: &'a Clock,
    pub(super) problems: Vec<Problem>,
}

impl Preparation<'_> {
    /// The secrets of the list at `path`. Where it is one secret in place of a list, an index leads nowhere, and so to it.
    pub(super) fn secrets<'p>(&mut self, path: &[&str], places: impl Iterator<Item = &'p SecretRef>) -> Vec<Secret> {
        places.enumerate().filter_map(|(index, place)| self.secret(path, index, place)).collect()
    }

    fn secret(&mut self, path: &[&str], index: usize, place: &SecretRef) -> Option<Secret> {
        let refuse = |error: SecretError| {
            let problem = Problem::error("missing-secret", &[path, &[&index.to_string()]].concat(), error.to_string());
            self.problems.push(problem.hint(error.remedy()));
        };
        self.secrets.resolve(place).map_err(refuse).ok()
    }

    pub(super) fn path_secrets<'p>(&mut self, places: impl Iterator<Item = &'p SecretRef>) -> Vec<Secret> {
        let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~".contains(byte);
        let mut secrets = Vec::new();
        for (index, place) in places.enumerate() {
            let Some(secret) = self.secret(&["path_secret"], index, place) else { continue };
            if !secret.expose().iter().all(plain) {
                let message = format!("{place} holds characters that do not stand in a path as they are");
                let problem = Problem::error("auth-path-secret", &["path_secret", &index.to_string()], message);
                self.problems.push(problem.hint("use letters, digits, '-', '.', '_' and '~' only"));
            }
            secrets.push(secret);
        }
        secrets
    }

    pub(super) fn header(&mut self, config: &HeaderConfig) -> Option<(HeaderName, Vec<Secret>)> {
        let secrets = self.secrets(&["header", "value"], config.value.iter());
        // What is wrong with the name is found in `check`.
        HeaderName::from_bytes(config.name.as_bytes()).ok().map(|name| (name, secrets))
    }

    pub(super) fn basic(&mut self, entries: &[BasicConfig]) -> Passwords {
        let mut known = Vec::new();
        for (index, entry) in entries.iter().enumerate() {
            let path = ["basic", &index.to_string(), "password_hash"];
            let hash = match &entry.password_hash {
                TextOrSecret::Text(text) => text.clone(),
                TextOrSecret::Secret(secret) => match secret.resolve(self.secrets) {
                    Ok(secret) => String::from_utf8_lossy(secret.expose()).into_owned(),
                    Err(error) => {
                        let problem = Problem::error("missing-secret", &path, error.to_string());
                        self.problems.push(problem.hint(error.remedy()));
                        continue;
                    }
                },
            };
            match Passwords::check(&hash) {
                Ok(()) => known.push((entry.user.clone(), hash)),
                Err(error) => {
                    let problem = Problem::error("auth-password", &path, error.to_string());
                    self.problems.push(problem.hint("`hookreeve hash-password` makes one"));
                }
            }
        }
        Passwords::new(known)
    }

    pub(super) fn jwt(&mut self, config: &JwtConfig) -> Verifier {
        let mut keys = Vec::new();
        for (index, place) in config.secret.iter().flatten().enumerate() {
            let path = ["jwt", "secret", &index.to_string()];
            let Some(secret) = self.secret(&path[..2], index, place) else { continue };
            match Key::from_secret(secret.expose(), config.form) {
                Ok(forms) => keys.extend(forms),
                Err(error) => self.refuse_key(&path, format!("{place} is no shared secret: {error}")),
            }
        }
        for (index, file) in config.key.iter().flat_map(KeyFiles::as_slice).enumerate() {
            let path = ["jwt", "key", &index.to_string()];
            let shown = file.display();
            match std::fs::read(self.base_dir.join(file)) {
                Ok(text) => match Key::from_pem(&text) {
                    Ok(found) => keys.extend(found),
                    Err(error) => self.refuse_key(&path, format!("file {shown} is no key file: {error}")),
                },
                Err(error) => self.refuse_key(&path, format!("file {shown} could not be read: {error}")),
            }
        }
        let keys = Keys::new(keys);
        let algorithms: Vec<_> = config.known_algorithms().collect();
        let published = config.jwks_url.as_ref().and_then(|url| self.source(url, config));
        for algorithm in algorithms.iter().filter(|algorithm| !is_symmetric(**algorithm)) {
            if config.jwks_url.is_none() && self.problems.is_empty() && !keys.serve(*algorithm) {
                self.refuse_key(&["jwt", "key"], format!("no key named here is for {algorithm:?}"));
            }
        }
        let clock = self.clock.clone();
        Verifier { algorithms, keys, published, leeway: config.leeway.0, tenants: config.tenants.clone(), clock }
    }

    fn source(&mut self, url: &str, config: &JwtConfig) -> Option<Source> {
        let source = Source::try_new(url, config.jwks_refresh.0, self.clock);
        source
            .map_err(|error| self.problems.push(Problem::error("auth-jwks", &["jwt", "jwks_url"], error.to_string())))
            .ok()
    }

    fn refuse_key(&mut self, path: &[&str], message: String) {
        self.problems.push(Problem::error("auth-key", path, message));
    }
}
