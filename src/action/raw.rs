//! An `[[action]]` as it is written.

use std::path::PathBuf;

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::Deserialize;

use super::limits::{Order, Rate, Retry};
use crate::base::many::OneOrMany;
use crate::base::net::Network;
use crate::base::secret::{SecretRefs, TextOrSecret};
use crate::base::units::Span;
use crate::outgoing::{Method, TlsFiles};

/// An `[[action]]` as it is written. What it means is made of it at load; it goes no further.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawAction {
    /// Names the action in logs, in the journal and on the command line. Unique; an action that is renamed is a new one.
    pub id: String,
    /// The event it follows, or several.
    pub on: OneOrMany,
    /// When it is wanted: CEL, a bool, evaluated once for each event. Absent: always.
    pub when: Option<String>,
    /// Only where this was decided. On pre and validate events and policyMap it must be `refused`.
    pub decision: Option<Decided>,
    /// What it does.
    #[serde(rename = "type")]
    #[schemars(extend("enum" = ["http", "command", "log"]))]
    pub kind: String,
    /// For people.
    pub description: Option<String>,
    /// What waits for what. Default: `person`.
    #[serde(default)]
    pub order: Order,
    /// How long and how often it is tried.
    #[serde(default)]
    pub retry: Retry,
    /// How long one attempt may take. Default: `10s`.
    pub timeout: Option<Span>,
    /// How many attempts may be under way at once. Default: 16.
    pub concurrency: Option<u16>,
    /// How many attempts may begin in a length of time, `"100/s"`. Default: no limit.
    pub rate: Option<Rate>,
    /// Secret fields that it is given, from `request` downwards: `passwordText`.
    #[serde(default)]
    pub secrets: Vec<String>,
    /// How long they are kept for it. Default: `72h`.
    pub secret_ttl: Option<Span>,
    /// http: answers that count as done beside 2xx. command: exit codes that count as done beside 0.
    #[serde(default)]
    pub done: Vec<u16>,
    /// command: exit codes that no further attempt can help.
    #[serde(default)]
    pub dead: Vec<u16>,
    /// http: where to, with `${CEL}` in path and query; or a secret's place.
    pub url: Option<TextOrSecret>,
    /// http: Default: `POST`.
    pub method: Option<Method>,
    /// http: headers, each a text with `${CEL}`, or a secret's place with a `prefix` if need be.
    #[serde(default)]
    pub headers: IndexMap<String, TextOrSecret>,
    /// http: the body as JSON; every text in it is CEL. Absent: the event without its secret fields.
    pub body: Option<serde_json::Value>,
    /// http: the body as text with `${CEL}`.
    pub text: Option<String>,
    /// http: what the body is. Default: `application/json`, for `text` `text/plain; charset=utf-8`.
    pub content_type: Option<String>,
    /// http: what the body is wrapped in. Default: nothing.
    pub format: Option<Format>,
    /// http: signatures of the body.
    pub sign: Option<RawSign>,
    /// http: authorities and a client certificate.
    pub tls: Option<TlsFiles>,
    /// http: the proxy to go through, `http://host:port`. Default: none.
    pub proxy: Option<String>,
    /// http: whether addresses within the house are allowed. Default: false.
    #[serde(default)]
    pub allow_private: bool,
    /// http: networks that are allowed whatever they are, `"10.0.0.0/8"`.
    #[serde(default)]
    pub allow: Vec<Network>,
    /// command: the program and what it is called with.
    #[serde(default)]
    pub argv: Vec<String>,
    /// command: variables of the server's environment that it sees.
    #[serde(default)]
    pub env: Vec<String>,
    /// command: the directory that it runs in. Default: `/`.
    #[schemars(extend("format" = "directory"))]
    pub dir: Option<PathBuf>,
    /// log: what the line says. Default: `an event`.
    pub message: Option<String>,
    /// log: how loud. Default: `info`.
    pub level: Option<Level>,
}

/// What must have been decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Decided {
    /// A refusal.
    Refused,
}

/// What a body is wrapped in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
pub enum Format {
    /// CloudEvents 1.0, structured: attributes and data in one JSON object.
    #[serde(rename = "cloudevents")]
    CloudEvents,
    /// CloudEvents 1.0, binary: attributes as headers, data as body.
    #[serde(rename = "cloudevents-binary")]
    CloudEventsBinary,
}

/// `sign = { … }`: how a target can tell that a request is ours.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawSign {
    /// Keys of Standard Webhooks, `whsec_` and base64: one or several, each of which signs.
    pub standard_webhooks: SecretRefs,
}

/// How loud a line is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    #[default]
    Info,
    Warn,
}
