//! PostgreSQL: a pool that connects when there is something to do, so that a database that is down keeps nobody from
//! starting. No statement takes longer than it may.

use std::io;
use std::time::Duration;

use deadpool_postgres::{Manager, ManagerConfig, Object, Pool, RecyclingMethod, Runtime};
use tokio_postgres::{CancelToken, Config, Error};

use super::Limits;
use super::tls::MakeTls;
use crate::outgoing::TlsFiles;

/// How long what was sent may stay unacknowledged, where the address does not say it.
const UNACKNOWLEDGED: Duration = Duration::from_secs(5);
/// After how long a silent connection is probed, where the address does not say it.
const PROBED: Duration = Duration::from_secs(30);

/// Connections to a database, and how to end what one is at.
pub struct Connections {
    pool: Pool,
    tls: MakeTls,
}

/// Why there is no connection.
pub enum Unconnected {
    /// The server says why.
    Told(Error),
    /// None was made, or became free, in time.
    Late,
    /// The pool makes none any more.
    Closed,
}

impl Connections {
    /// None yet. Sessions begin with `settings`, `-c name=value`, beside those of the address.
    ///
    /// # Errors
    ///
    /// What is wrong with the certificates.
    pub fn try_new(config: &Config, limits: Limits, settings: &str, tls: &TlsFiles) -> Result<Self, String> {
        let mut config = config.clone();
        let timeout = limits.timeout.as_millis();
        let own = config.get_options().unwrap_or_default();
        let options = format!("{own} {settings} -c statement_timeout={timeout}");
        config.options(options.trim_start());
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(limits.timeout);
        }
        if config.get_tcp_user_timeout().is_none() {
            config.tcp_user_timeout(UNACKNOWLEDGED);
        }
        if config.get_keepalives_idle() == Config::new().get_keepalives_idle() {
            config.keepalives_idle(PROBED);
        }
        config.application_name("hookreeve");
        let tls = MakeTls::try_new(tls)?;
        let recycling = ManagerConfig { recycling_method: RecyclingMethod::Fast };
        let manager = Manager::from_config(config, tls.clone(), recycling);
        let pool = Pool::builder(manager)
            .max_size(limits.connections)
            .runtime(Runtime::Tokio1)
            .wait_timeout(Some(limits.timeout))
            .create_timeout(Some(limits.timeout))
            .build()
            .map_err(|error| error.to_string())?;
        Ok(Self { pool, tls })
    }

    /// A connection, as soon as one is free.
    pub async fn lend(&self) -> Result<Lent, Unconnected> {
        use deadpool_postgres::PoolError as P;
        match self.pool.get().await {
            Ok(client) => Ok(Lent(Some(client))),
            Err(P::Backend(error)) => Err(Unconnected::Told(error)),
            Err(P::Timeout(_)) => Err(Unconnected::Late),
            Err(P::Closed | P::NoRuntimeSpecified | P::PostCreateHook(_)) => Err(Unconnected::Closed),
        }
    }

    /// Asks the server to end what a connection is at. Whether it did is not told.
    pub async fn cancel(&self, token: &CancelToken) {
        let _ = token.cancel_query(self.tls.clone()).await;
    }
}

/// A connection that leaves the pool, unless what it was used for came to an end: whoever stops waiting does not know whether
/// the other side is still there.
pub struct Lent(Option<Object>);

impl Lent {
    /// The connection; none once it was given back.
    pub fn client(&self) -> Option<&Object> {
        self.0.as_ref()
    }

    /// What it was used for came to an end.
    pub fn give_back(&mut self) {
        drop(self.0.take());
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        if let Some(client) = self.0.take() {
            drop(Object::take(client));
        }
    }
}

/// What went wrong. The server's own words may repeat a value, so that only their code is told, in the `words` for it where
/// there are any, and else in those that mean the same to everybody.
pub fn words(error: &Error, words: fn(&str) -> Option<&'static str>) -> String {
    if let Some(code) = error.code() {
        let code = code.code();
        return match words(code).or_else(|| common(code)) {
            Some(what) => format!("PostgreSQL: {what} (SQLSTATE {code})"),
            None => format!("PostgreSQL: SQLSTATE {code}"),
        };
    }
    let causes = std::iter::successors(Some(error as &dyn std::error::Error), |cause| cause.source());
    let kind = causes.filter_map(|cause| cause.downcast_ref::<io::Error>()).map(io::Error::kind).next();
    match kind {
        Some(kind) => format!("PostgreSQL: {kind}"),
        None if error.is_closed() => "PostgreSQL: the connection was closed".to_owned(),
        None if is_login(error) => "PostgreSQL: it wants another way to log in, or a password".to_owned(),
        None => "PostgreSQL: no connection could be made".to_owned(),
    }
}

/// Whether the server would have had us log in otherwise than the address lets us.
pub fn is_login(error: &Error) -> bool {
    // The only way to tell these two kinds; the words are the crate's own, and hold nothing else.
    error.code().is_none() && matches!(error.to_string().as_str(), "authentication error" | "invalid configuration")
}

fn common(code: &str) -> Option<&'static str> {
    Some(match code {
        "28000" | "28P01" => "the user or the password is refused",
        "3D000" => "there is no such database",
        "42P01" => "there is no such table",
        "42703" => "there is no such column",
        "53300" => "it has too many connections",
        _ => return None,
    })
}
