//! Where a database is: `sqlite:PATH`, `postgres://user@host/database`, or what a secret says of these.

use std::net::IpAddr;
use std::path::{Path, PathBuf, absolute};

use tokio_postgres::config::{Host, SslMode};

use crate::base::diagnostic::Place;
use crate::base::secret::{Secret, SecretText, TextOrSecret};

/// Where a database is.
#[derive(Clone, Debug)]
pub enum Database {
    /// A file.
    Sqlite(PathBuf),
    /// A server. It prints without its password.
    Postgres(Box<tokio_postgres::Config>),
}

/// An address as far as a configuration tells it.
#[derive(Clone, Debug)]
pub enum Address {
    /// It was written.
    Known(Database),
    /// A secret tells it.
    Secret(SecretText),
}

impl Address {
    /// Reads a `url` that stands at `place`. A path is relative to the file that names it.
    ///
    /// # Errors
    ///
    /// What is wrong with it, in words that do not repeat it.
    pub fn compile(url: &TextOrSecret, place: &Place) -> Result<Self, String> {
        match url {
            TextOrSecret::Secret(text) => Ok(Self::Secret(text.clone())),
            TextOrSecret::Text(text) => {
                let database = Database::parse(text, Path::new(&place.source.name).parent())?;
                if database.has_password() {
                    let why =
                        "a password is never in the configuration itself: url = { env = \"NAME\" }, the whole address";
                    return Err(why.to_owned());
                }
                Ok(Self::Known(database))
            }
        }
    }
}

impl Database {
    /// Reads an address that was kept secret.
    ///
    /// # Errors
    ///
    /// What is wrong with it, in words that do not repeat it.
    pub fn of_secret(secret: &Secret) -> Result<Self, String> {
        let text = std::str::from_utf8(secret.expose()).map_err(|_| "the address is no text".to_owned())?;
        Self::parse(text.trim(), None)
    }

    fn parse(text: &str, directory: Option<&Path>) -> Result<Self, String> {
        if let Some(path) = text.strip_prefix("sqlite:") {
            let path = path.strip_prefix("//").unwrap_or(path);
            let whole = directory.unwrap_or(Path::new("")).join(path);
            let absolute = absolute(whole).map_err(|_| "the address names no file: \"sqlite:people.db\"".to_owned())?;
            return Ok(Self::Sqlite(absolute));
        }
        if !text.starts_with("postgres://") && !text.starts_with("postgresql://") {
            return Err("expected \"sqlite:PATH\" or \"postgres://user@host/database\"".to_owned());
        }
        let config: tokio_postgres::Config =
            text.parse().map_err(|_| "this is no address such as \"postgres://user@host/database\"".to_owned())?;
        Ok(Self::Postgres(Box::new(config)))
    }

    fn has_password(&self) -> bool {
        match self {
            Self::Sqlite(_) => false,
            Self::Postgres(config) => config.get_password().is_some(),
        }
    }

    /// Whether what is sent to it could be read on its way.
    pub fn is_open(&self) -> bool {
        let Self::Postgres(config) = self else { return false };
        let is_own = |host: &Host| match host {
            Host::Unix(_) => true,
            Host::Tcp(name) => name == "localhost" || name.parse().is_ok_and(|address: IpAddr| address.is_loopback()),
        };
        let stays = config.get_hosts().iter().all(is_own) && config.get_hostaddrs().iter().all(IpAddr::is_loopback);
        !stays && config.get_ssl_mode() != SslMode::Require
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_leaves_the_machine_is_encrypted_only_where_that_is_required() {
        for (text, open) in [
            ("sqlite:x.db", false),
            ("postgres://a@db.example/x", true),
            ("postgres://a@db.example/x?sslmode=prefer", true),
            ("postgres://a@db.example/x?sslmode=require", false),
            ("postgres://a@localhost/x", false),
            ("postgres://a@127.0.0.1,[::1]/x", false),
            ("postgres://a@%2Frun%2Fpostgresql/x", false),
            ("postgres://a@localhost,db.example/x", true),
            ("postgres://a@localhost/x?hostaddr=192.0.2.1", true),
        ] {
            assert_eq!(Database::parse(text, None).expect(text).is_open(), open, "{text}");
        }
    }
}
