//! PostgreSQL: a pool that connects when there is something to ask, so that a database that is down keeps nobody from
//! starting. Every session only reads, and no statement takes longer than the lookup may.

use std::io;
use std::time::Duration;

use bytes::BytesMut;
use deadpool_postgres::{Manager, ManagerConfig, Object, Pool, PoolError, RecyclingMethod, Runtime};
use tokio_postgres::Config;
use tokio_postgres::types::{Format, IsNull, ToSql, Type, to_sql_checked};

use super::super::frame::Terms;
use super::super::{Asked, Failure, Parameter, Source};
use super::query::Query;
use super::tls::MakeTls;
use super::{ROWS, row};
use crate::base::future::BoxFuture;
use crate::facts::Answer;
use crate::outgoing::TlsFiles;

/// How long what was sent may stay unacknowledged, where the address does not say it.
const UNACKNOWLEDGED: Duration = Duration::from_secs(5);
/// After how long a silent connection is probed, where the address does not say it.
const PROBED: Duration = Duration::from_secs(30);

/// The lookup, ready to be asked.
pub(super) struct Postgres {
    pool: Pool,
    query: String,
}

impl Postgres {
    /// A pool that is empty. The error says what is wrong with the certificates.
    pub(super) fn try_new(config: &Config, query: &Query, terms: Terms, tls: &TlsFiles) -> Result<Self, String> {
        let mut config = config.clone();
        let timeout = terms.timeout.as_millis();
        let own = config.get_options().unwrap_or_default();
        let options = format!("{own} -c default_transaction_read_only=on -c statement_timeout={timeout}");
        config.options(options.trim_start());
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(terms.timeout);
        }
        if config.get_tcp_user_timeout().is_none() {
            config.tcp_user_timeout(UNACKNOWLEDGED);
        }
        if config.get_keepalives_idle() == Config::new().get_keepalives_idle() {
            config.keepalives_idle(PROBED);
        }
        config.application_name("hookreeve");
        let recycling = ManagerConfig { recycling_method: RecyclingMethod::Fast };
        let manager = Manager::from_config(config, MakeTls::try_new(tls)?, recycling);
        let pool = Pool::builder(manager)
            .max_size(terms.concurrency)
            .runtime(Runtime::Tokio1)
            .wait_timeout(Some(terms.timeout))
            .create_timeout(Some(terms.timeout))
            .build()
            .map_err(|error| error.to_string())?;
        // Whatever the types of its columns are, the row comes as one text.
        let inner = query.numbered('$');
        let query = format!("select row_to_json(hookreeve)::text from (\n{inner}\n) as hookreeve limit {ROWS}");
        Ok(Self { pool, query })
    }
}

impl Source for Postgres {
    fn ask<'a>(&'a self, asked: &'a Asked) -> BoxFuture<'a, Result<Answer, Failure>> {
        Box::pin(async move {
            let client = self.pool.get().await.map_err(|error| match error {
                PoolError::Backend(error) => failure(&error),
                PoolError::Timeout(_) => Failure("no connection in time".to_owned()),
                PoolError::Closed | PoolError::NoRuntimeSpecified | PoolError::PostCreateHook(_) => {
                    Failure("no connection".to_owned())
                }
            })?;
            let mut lent = Lent(Some(client));
            let client = lent.client()?;
            let asking = async {
                let statement = client.prepare_cached(&self.query).await?;
                let parameters: Vec<Text<'_>> = asked.question.0.iter().map(Text).collect();
                let parameters: Vec<&(dyn ToSql + Sync)> = parameters.iter().map(|text| text as _).collect();
                client.query(&statement, &parameters).await
            };
            let told = asking.await;
            // A refusal that the server has a code for is an end, too.
            if told.as_ref().err().is_none_or(|error| error.code().is_some()) {
                lent.give_back();
            }
            let rows = told.map_err(|error| failure(&error))?;
            let Some(first) = rows.first() else { return Ok(Answer::nothing()) };
            let text: &str = first.try_get(0).map_err(|error| failure(&error))?;
            Ok(Answer::found(row(text)?))
        })
    }
}

/// A connection that leaves the pool, unless what it was asked came to an end: whoever stops waiting does not know whether
/// the other side is still there.
struct Lent(Option<Object>);

impl Lent {
    fn client(&self) -> Result<&Object, Failure> {
        self.0.as_ref().ok_or_else(|| Failure("no connection".to_owned()))
    }

    fn give_back(&mut self) {
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

/// A parameter as text, which the server reads as whatever type it is compared with.
#[derive(Debug)]
struct Text<'a>(&'a Parameter);

impl ToSql for Text<'_> {
    fn to_sql(&self, _: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        let Some(text) = self.0.to_text() else { return Ok(IsNull::Yes) };
        out.extend_from_slice(text.as_bytes());
        Ok(IsNull::No)
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    fn encode_format(&self, _: &Type) -> Format {
        Format::Text
    }

    to_sql_checked!();
}

/// What went wrong. The server's own words may repeat a value, so that only their code is told.
fn failure(error: &tokio_postgres::Error) -> Failure {
    if let Some(code) = error.code() {
        let code = code.code();
        let what = match code {
            "28000" | "28P01" => "the user or the password is refused",
            "3D000" => "there is no such database",
            "42501" => "the user may not read this",
            "42P01" => "there is no such table",
            "42703" => "there is no such column",
            "42601" => "the query is no SQL",
            "57014" => "the query took too long",
            "53300" => "it has too many connections",
            "22P02" | "22003" | "22007" | "22008" => "a parameter is none of the type that it is compared with",
            "25006" => "a lookup only reads",
            _ => return Failure(format!("PostgreSQL: SQLSTATE {code}")),
        };
        return Failure(format!("PostgreSQL: {what} (SQLSTATE {code})"));
    }
    let mut causes = std::iter::successors(std::error::Error::source(error), |cause| cause.source());
    let kind = causes.find_map(|cause| cause.downcast_ref::<io::Error>()).map(io::Error::kind);
    Failure(match kind {
        Some(kind) => format!("PostgreSQL: {kind}"),
        None if error.is_closed() => "PostgreSQL: the connection was closed".to_owned(),
        None => "PostgreSQL: no connection could be made".to_owned(),
    })
}
