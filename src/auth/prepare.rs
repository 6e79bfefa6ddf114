//! The way from a configuration to prepared credentials: secrets looked up, key files read, everything wrong collected.

use std::path::Path;

use super::config::{JwtConfig, KeyFiles};
use super::jwt::{Keys, Verifier};
use super::keys::{Key, is_symmetric};
use super::source::Source;
use crate::base::clock::Clock;
use crate::base::diagnostic::Problem;
use crate::base::secret::{Secret, SecretRef, SecretSource};

/// What preparing needs, and what it found wrong so far.
pub(super) struct Preparation<'a> {
    pub(super) secrets: &'a dyn SecretSource,
    pub(super) base_dir: &'a Path,
    pub(super) clock: &'a Clock,
    pub(super) problems: Vec<Problem>,
}

impl Preparation<'_> {
    pub(super) fn secrets<'p>(&mut self, path: &[&str], places: impl Iterator<Item = &'p SecretRef>) -> Vec<Secret> {
        let mut secrets = Vec::new();
        for place in places {
            match self.secrets.resolve(place) {
                Ok(secret) => secrets.push(secret),
                Err(error) => self.problems.push(Problem::error("secret-missing", path, error.to_string())),
            }
        }
        secrets
    }

    pub(super) fn path_secrets<'p>(&mut self, places: impl Iterator<Item = &'p SecretRef>) -> Vec<Secret> {
        let secrets = self.secrets(&["path_secret"], places);
        let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~".contains(byte);
        if secrets.iter().any(|secret| !secret.expose().iter().all(plain)) {
            let message = "a path secret holds characters that do not stand in a path as they are";
            let problem = Problem::error("auth-path-secret", &["path_secret"], message);
            self.problems.push(problem.hint("use letters, digits, '-', '.', '_' and '~' only"));
        }
        secrets
    }

    pub(super) fn jwt(&mut self, config: &JwtConfig) -> Verifier {
        let mut keys = Vec::new();
        for place in config.secret.iter().flat_map(|places| places.iter()) {
            for secret in self.secrets(&["jwt", "secret"], std::iter::once(place)) {
                match Key::from_secret(secret.expose(), config.form) {
                    Ok(forms) => keys.extend(forms),
                    Err(error) => self.refuse_key("secret", format!("{place} is no shared secret: {error}")),
                }
            }
        }
        for path in config.key.iter().flat_map(KeyFiles::as_slice) {
            let shown = path.display();
            match std::fs::read(self.base_dir.join(path)) {
                Ok(text) => match Key::from_pem(&text) {
                    Ok(found) => keys.extend(found),
                    Err(error) => self.refuse_key("key", format!("file {shown} is no key file: {error}")),
                },
                Err(error) => self.refuse_key("key", format!("file {shown} could not be read: {error}")),
            }
        }
        let keys = Keys::new(keys);
        let algorithms: Vec<_> = config.known_algorithms().collect();
        let published = config.jwks_url.as_ref().and_then(|url| self.source(url, config));
        for algorithm in algorithms.iter().filter(|algorithm| !is_symmetric(**algorithm)) {
            if config.jwks_url.is_none() && self.problems.is_empty() && !keys.serve(*algorithm) {
                self.refuse_key("key", format!("no key named here is for {algorithm:?}"));
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

    fn refuse_key(&mut self, key: &str, message: String) {
        self.problems.push(Problem::error("auth-key", &["jwt", key], message));
    }
}
