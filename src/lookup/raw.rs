//! A `[[lookup]]` as it is written.

use std::path::PathBuf;

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::base::many::OneOrMany;
use crate::base::net::Network;
use crate::base::secret::TextOrSecret;
use crate::base::units::{Size, Span};
use crate::outgoing::TlsFiles;

/// A `[[lookup]]` as it is written. What it means is made of it at load; it goes no further.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawLookup {
    /// The name by which rules name it, `lookup.<id>`: a small letter, then small letters, digits and `_`. Unique.
    pub id: String,
    /// Who is asked.
    #[serde(rename = "type")]
    #[schemars(extend("enum" = ["csv", "directory", "http", "sql"]))]
    pub kind: String,
    /// For people.
    pub description: Option<String>,
    /// How long one fetch may take. Default: `300ms`.
    pub timeout: Option<Span>,
    /// How long an answer is kept and given again, "not found" included. Default: not at all.
    pub cache: Option<Span>,
    /// How long the last answer is given while the source has none. Default: not at all.
    pub stale_for: Option<Span>,
    /// How many answers are kept. Default: 10000.
    pub cache_entries: Option<u32>,
    /// How many fetches may be under way at once. Default: 16.
    pub concurrency: Option<u16>,
    /// csv, directory: what must stand in which column, or field of the other person: a CEL expression for each. One that is
    /// empty is not found.
    #[serde(rename = "match")]
    pub matches: Option<IndexMap<String, String>>,
    /// csv: the file. The first line has the names of its columns.
    #[schemars(extend("format" = "data-file"))]
    pub file: Option<PathBuf>,
    /// csv: the column, or several, that has the name of a field of the person and must hold what that holds.
    pub key: Option<OneOrMany>,
    /// csv: what stands between two columns. Default: `,`.
    pub delimiter: Option<String>,
    /// http: where to, with `${CEL}` in path and query; or a secret's place. A value in the path that is empty is not found.
    /// sql: `sqlite:PATH` or `postgres://user@host/database`; or a secret's place.
    pub url: Option<TextOrSecret>,
    /// http: Default: `GET`, with a `body` `POST`.
    pub method: Option<AskMethod>,
    /// http: what is asked as JSON, by `POST`; every text in it is CEL. Where one of them comes to an empty text that is not
    /// found. Default: no body.
    pub body: Option<serde_json::Value>,
    /// http: headers, each a text with `${CEL}`, or a secret's place with a `prefix` if need be.
    #[serde(default)]
    pub headers: IndexMap<String, TextOrSecret>,
    /// http: the way to the value in the answer, `$.data.0.name`; what is not there, or null, is not found. Absent: all of
    /// it.
    pub value: Option<String>,
    /// http: answers that mean that there is no such thing. Default: `[404]`.
    pub not_found: Option<Vec<u16>>,
    /// http, sql: authorities and a client certificate.
    pub tls: Option<TlsFiles>,
    /// http: the proxy to go through, `http://host:port`. Default: none.
    pub proxy: Option<String>,
    /// http: whether addresses within the house are allowed. Default: false.
    #[serde(default)]
    pub allow_private: bool,
    /// http: networks that are allowed whatever they are, `"10.0.0.0/8"`.
    #[serde(default)]
    pub allow: Vec<Network>,
    /// sql: one `select`, with parameters by name, `:mobile`. Its first row is the value.
    pub query: Option<String>,
    /// sql: a CEL expression for each parameter. A text that is empty is not found.
    #[serde(default)]
    pub params: IndexMap<String, String>,
    /// csv: the largest file that is read. Default: `64MiB`. http: the largest answer. Default: `256KiB`.
    pub size_limit: Option<Size>,
    /// directory: who is not meant. Whoever has one of these, where it is not empty, is not found. The person of the event
    /// is never found.
    pub except: Option<IndexMap<String, String>>,
    /// directory: for how long values that nobody has are held for the person of an event that asks whether it may be
    /// created or changed; another who asks meanwhile is told that somebody has them. Default: not at all.
    pub reserve: Option<Span>,
    /// directory: the fields of the other person that `value` has. They are kept with the event, where `forget` of the other
    /// person does not reach them. Default: none.
    #[serde(rename = "return")]
    pub returns: Option<Vec<String>>,
}

/// A method that a source is asked with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum AskMethod {
    Get,
    Post,
}
