//! PostgreSQL, in sessions that only read.

use tokio_postgres::Config;
use tokio_postgres::types::ToSql;

use super::super::{Asked, Failure, Source};
use super::{ROWS, row};
use crate::base::future::BoxFuture;
use crate::facts::Answer;
use crate::outgoing::TlsFiles;
use crate::sql::postgres::{Connections, Unconnected, words};
use crate::sql::{Limits, Statement, Text};

/// The lookup, ready to be asked.
pub(super) struct Postgres {
    connections: Connections,
    query: String,
}

impl Postgres {
    /// A pool that is empty. The error says what is wrong with the certificates.
    pub(super) fn try_new(config: &Config, query: &Statement, limits: Limits, tls: &TlsFiles) -> Result<Self, String> {
        let connections = Connections::try_new(config, limits, "-c default_transaction_read_only=on", tls)?;
        // Whatever the types of its columns are, the row comes as one text.
        let inner = query.numbered('$');
        let query = format!("select row_to_json(hookreeve)::text from (\n{inner}\n) as hookreeve limit {ROWS}");
        Ok(Self { connections, query })
    }
}

impl Source for Postgres {
    fn ask<'a>(&'a self, asked: &'a Asked) -> BoxFuture<'a, Result<Answer, Failure>> {
        Box::pin(async move {
            let none = || Failure("no connection".to_owned());
            let mut lent = self.connections.lend().await.map_err(|unconnected| match unconnected {
                Unconnected::Told(error) => failure(&error),
                Unconnected::Late => Failure("no connection in time".to_owned()),
                Unconnected::Closed => none(),
            })?;
            let client = lent.client().ok_or_else(none)?;
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

fn failure(error: &tokio_postgres::Error) -> Failure {
    let of_lookups = |code: &str| {
        Some(match code {
            "42501" => "the user may not read this",
            "42601" => "the query is no SQL",
            "57014" => "the query took too long",
            "22P02" | "22003" | "22007" | "22008" => "a parameter is none of the type that it is compared with",
            "25006" => "a lookup only reads",
            _ => return None,
        })
    };
    Failure(words(error, of_lookups))
}
