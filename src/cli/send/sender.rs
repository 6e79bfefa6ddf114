//! What a system shows to be let in: the path that it posts to and the headers that it sends, as the configuration has them.

use anyhow::Context as _;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::Arguments;
use crate::app::Source;
use crate::auth;
use crate::base::secret::{SecretRef, SecretSource as _};
use crate::cli::token;
use crate::config::{Loaded, Settings};
use crate::event::Spec;

/// A system that sends events, as far as whoever plays it must know.
pub(in crate::cli) struct Sender<'a> {
    settings: &'a Settings,
    loaded: &'a Loaded,
    auth: &'a auth::Config,
    base_path: &'a str,
    section: &'static str,
}

impl<'a> Sender<'a> {
    /// The one that sends events of this name.
    pub(in crate::cli) fn of(spec: &Spec, settings: &'a Settings, loaded: &'a Loaded) -> anyhow::Result<Self> {
        let section = spec.sender();
        let (_, paths, _) = settings
            .systems()
            .into_iter()
            .find(|(name, ..)| *name == section)
            .with_context(|| format!("this configuration takes no events of {section}: it has no `[{section}]`"))?;
        let auth = settings.auth_of(section).unwrap_or(&settings.cymmetri.auth);
        let base_path = paths.first().map_or("", |path| path.trim_end_matches('/'));
        Ok(Self { settings, loaded, auth, base_path, section })
    }

    /// The path that events are under, a secret segment included.
    pub(in crate::cli) fn base_path(&self) -> anyhow::Result<String> {
        let secret = match self.auth.path_secret.as_ref().and_then(|places| places.iter().next()) {
            Some(place) => format!("/{}", self.text(place)?),
            None => String::new(),
        };
        Ok(format!("{}{secret}", self.base_path))
    }

    /// The path of an event.
    pub(in crate::cli) fn path(&self, spec: &Spec) -> anyhow::Result<String> {
        let path = spec.path.replace('*', "1");
        let slash = if path.is_empty() { "" } else { "/" };
        Ok(format!("{}{slash}{path}", self.base_path()?))
    }

    /// The headers with which it shows who it is, as far as the configuration knows them.
    pub(super) fn headers(&self, arguments: &Arguments, source: &Source) -> anyhow::Result<Vec<(String, String)>> {
        let mut headers = Vec::new();
        if let Some(header) = &self.auth.header
            && let Some(place) = header.value.iter().next()
        {
            headers.push((header.name.clone(), self.text(place)?));
        }
        headers.extend(self.authorization(arguments, source)?.map(|value| ("authorization".to_owned(), value)));
        for header in &arguments.header {
            let (name, value) = header.split_once(':').context("--header: expected NAME: VALUE")?;
            let name = name.trim().to_owned();
            headers.retain(|(other, _)| !other.eq_ignore_ascii_case(&name));
            headers.push((name, value.trim().to_owned()));
        }
        Ok(headers)
    }

    fn authorization(&self, arguments: &Arguments, source: &Source) -> anyhow::Result<Option<String>> {
        if let Some(token) = &arguments.token {
            return Ok(Some(format!("Bearer {token}")));
        }
        if let Some(user) = &arguments.user {
            return Ok(Some(format!("Basic {}", STANDARD.encode(user))));
        }
        if let Some(place) = self.auth.bearer.as_ref().and_then(|places| places.first()) {
            return Ok(Some(format!("Bearer {}", self.text(place)?)));
        }
        if let Some(place) = self.auth.api_key.as_ref().and_then(|places| places.iter().next()) {
            return Ok(Some(format!("ApiKey {}", self.text(place)?)));
        }
        if self.auth.jwt.is_none() {
            return Ok(None);
        }
        if self.section != "cymmetri" {
            anyhow::bail!("only Cymmetri's tokens can be made here: give one of `[{}]` with --token", self.section);
        }
        let claims = token::claims(self.settings, source.clock.unix_seconds(), 60);
        Ok(Some(format!("Bearer {}", token::sign(self.settings, &self.loaded.secrets(), &claims)?)))
    }

    fn text(&self, place: &SecretRef) -> anyhow::Result<String> {
        Ok(String::from_utf8_lossy(self.loaded.secrets().resolve(place)?.expose()).into_owned())
    }
}
