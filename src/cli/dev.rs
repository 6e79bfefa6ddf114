//! What `serve --dev` stands on: a secret, a token, a place for data, and curl lines that work when pasted.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use super::token;
use crate::app::Source;
use crate::auth::{self, hash_password};
use crate::base::ids::{hex, random_bytes};
use crate::base::secret::SecretRef;
use crate::config::{Environment, Settings};
use crate::event::{Spec, catalog};

/// The rules of the demonstration, for whoever has the program and not its repository.
const DEMO: &str = include_str!("../../config/demo.toml");
const DEMO_PATH: &str = "config/demo.toml";
const SECRET: &str = "HOOKREEVE_JWT_SECRET";
/// What the demonstration names for the systems beside Cymmetri.
const LUMOS: &str = "HOOKREEVE_LUMOS_SECRET";
const OPTIMALCLOUD: &str = "HOOKREEVE_OPTIMALCLOUD_KEY";
const PASSWORD: &str = "HOOKREEVE_PAYLOCITY_PASSWORD";
const PASSWORD_HASH: &str = "HOOKREEVE_PAYLOCITY_PASSWORD_HASH";
const LISTEN: &str = "HOOKREEVE__SERVER__LISTEN";
const DATA_DIR: &str = "HOOKREEVE__SERVER__DATA_DIR";
/// How long the token lasts: a day of trying things out.
const TOKEN_SECONDS: i64 = 12 * 3600;

/// A server's surroundings while it is tried out. They are gone when this is dropped.
pub(super) struct Playground {
    directory: PathBuf,
    secret: String,
    /// The secrets of the other systems, by the variables that hold them.
    others: Vec<(&'static str, String)>,
}

impl Playground {
    pub(super) fn open(source: &Source) -> anyhow::Result<Self> {
        let directory = std::env::temp_dir().join(format!("hookreeve-dev-{}", hex(&random_bytes::<8>())));
        std::fs::create_dir(&directory).with_context(|| format!("{} cannot be made", directory.display()))?;
        // Never the one that is in the environment: this one is printed.
        let mut others: Vec<(&'static str, String)> =
            [LUMOS, OPTIMALCLOUD, PASSWORD].map(|name| (name, hex(&random_bytes::<16>()))).into();
        let hash = others.last().map(|(_, password)| hash_password(password.as_bytes()));
        others.push((PASSWORD_HASH, hash.transpose()?.unwrap_or_default()));
        let playground = Self { directory, secret: hex(&random_bytes::<32>()), others };
        if source.path.is_none() && !Path::new(DEMO_PATH).exists() {
            std::fs::write(playground.directory.join("demo.toml"), DEMO)
                .context("the demonstration cannot be written")?;
        }
        Ok(playground)
    }

    fn data(&self) -> PathBuf {
        self.directory.join("data")
    }

    /// The source with what the playground gives over what is there.
    pub(super) fn source(&self, source: Source) -> Source {
        let mut variables: Vec<(String, std::ffi::OsString)> =
            source.environment.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        variables.retain(|(name, _)| name != SECRET && name != DATA_DIR);
        if source.environment.get(LISTEN).is_none() {
            variables.push((LISTEN.to_owned(), "127.0.0.1:8080".into()));
        }
        variables.push((SECRET.to_owned(), self.secret.clone().into()));
        for (name, value) in &self.others {
            variables.retain(|(other, _)| other != name);
            variables.push(((*name).to_owned(), value.into()));
        }
        variables.push((DATA_DIR.to_owned(), self.data().into()));
        let demo = || if Path::new(DEMO_PATH).exists() { DEMO_PATH.into() } else { self.directory.join("demo.toml") };
        Source { path: Some(source.path.unwrap_or_else(demo)), environment: Environment::new(variables), ..source }
    }

    /// What is printed: where it listens, what to export, a curl line for each event.
    pub(super) fn invitation(&self, settings: &Settings, address: SocketAddr, source: &Source) -> String {
        let claims = token::claims(settings, source.clock.unix_seconds(), TOKEN_SECONDS);
        let token = token::sign(settings, &Environment::new([(SECRET, self.secret.as_str())]).secrets("."), &claims);
        let scheme = if settings.server.tls.is_some() { "https" } else { "http" };
        let config = source.path.as_deref().unwrap_or(Path::new(DEMO_PATH)).display();
        let mut text = format!("hookreeve listens on {scheme}://{address} with the rules of {config}.\n");
        match token {
            Ok(token) => {
                let _ = write!(
                    text,
                    "Its secrets and its token are good for this run. Paste into another terminal:\n\n\
                     export HOST={scheme}://{address}\nexport TOKEN={token}\nexport {SECRET}={}\nexport {DATA_DIR}={}\n",
                    self.secret,
                    self.data().display()
                );
                let named = |section: &str| settings.systems().iter().any(|(name, ..)| *name == section);
                for (name, value) in &self.others {
                    let section = match *name {
                        LUMOS => "lumos",
                        OPTIMALCLOUD => "optimalcloud",
                        _ => "paylocity",
                    };
                    if named(section) {
                        // A hash has dollars in it.
                        let _ = writeln!(text, "export {name}='{value}'");
                    }
                }
                text.push('\n');
            }
            Err(_) => {
                let _ = writeln!(
                    text,
                    "This configuration takes no token that it can sign: set HOST and TOKEN yourself.\n"
                );
            }
        }
        for (section, paths, _) in settings.systems() {
            let base = paths.first().map_or("", String::as_str).trim_end_matches('/');
            let Some(credential) = settings.auth_of(section).map(shown_credential) else { continue };
            for spec in catalog::of(section) {
                let _ = writeln!(text, "# {}\n{}\n", spec.doc, curl_line(spec, base, &credential));
            }
        }
        let _ = write!(
            text,
            "Change {config} and save it: the rules are in force at once.\n\
             `hookreeve send validateUser --config {config} --url \"$HOST\" --set user.login=you` plays the cloud without\n\
             curl, and `hookreeve events list --config {config}` tells what came in. Ctrl-C stops.\n"
        );
        text
    }
}

impl Drop for Playground {
    fn drop(&mut self) {
        // What cannot be removed is in the system's directory for such things, and holds nothing but a key of its own.
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}

/// A line that sends the documented sample, with HOST and credentials from the shell's environment. `scripts/curl` holds the
/// same.
fn curl_line(spec: &Spec, base: &str, credential: &str) -> String {
    let path = spec.path.replace('*', "1");
    let slash = if path.is_empty() { "" } else { "/" };
    format!(
        "curl -sS --fail-with-body --max-time 10 -w '\\n' \"$HOST{base}{slash}{path}\" {credential} \
         -H 'Content-Type: application/json' -d '{}'",
        spec.sample_value()
    )
}

/// How curl shows a credential; what is a secret stands in the shell's environment.
fn shown_credential(auth: &auth::Config) -> String {
    let variable = |place: Option<&SecretRef>| match place {
        Some(SecretRef::Env(name)) => name.clone(),
        Some(SecretRef::File(_)) | None => "TOKEN".to_owned(),
    };
    if let Some(header) = &auth.header {
        return format!("-H \"{}: ${}\"", header.name, variable(header.value.iter().next()));
    }
    if let Some(keys) = &auth.api_key {
        return format!("-H \"Authorization: ApiKey ${}\"", variable(keys.iter().next()));
    }
    if let Some(entry) = auth.basic.as_ref().and_then(|entries| entries.first()) {
        return format!("-u \"{}:${PASSWORD}\"", entry.user);
    }
    "-H \"Authorization: Bearer $TOKEN\"".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_sample_can_stand_in_single_quotes() {
        for spec in catalog::events() {
            let line = curl_line(spec, "/webhook", "-H \"Authorization: Bearer $TOKEN\"");
            assert_eq!(line.matches('\'').count(), 6, "{}", spec.name);
        }
    }
}
