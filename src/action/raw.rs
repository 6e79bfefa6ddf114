//! An `[[action]]` as it is written, as far as types of actions share it. What is a type's own stands with the type.

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::Deserialize;

use super::capture::RawPart;
use super::limits::{Order, Rate, Retry};
use crate::base::many::OneOrMany;
use crate::base::net::Network;
use crate::base::units::Span;
use crate::outgoing::TlsFiles;

/// The keys that every type of action has, and those that several share. What it means is made of it at load; it goes no
/// further.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RawAction {
    /// Names the action in logs, in the journal and on the command line. Unique; an action that is renamed is a new one.
    pub(super) id: String,
    /// The event it follows, or several.
    pub(super) on: OneOrMany,
    /// When it is wanted: CEL, a bool, evaluated once for each event. Absent: always.
    #[expect(dead_code, reason = "it is compiled from its place")]
    when: Option<String>,
    /// Only where this was decided. On pre and validate events and policyMap it must be `refused`.
    pub(super) decision: Option<Decided>,
    /// The actions that must have done their work on the same event before. Default: none.
    #[expect(dead_code, reason = "it is read from its place, with that of all others")]
    after: Option<OneOrMany>,
    /// Parts of the target's answer that are kept for the actions that come after it, by name: `{ cart = "$.data.id" }`.
    #[serde(default)]
    pub(super) capture: IndexMap<String, RawPart>,
    /// What it does.
    #[serde(rename = "type")]
    #[expect(dead_code, reason = "it is looked at before the rest is read")]
    kind: String,
    /// For people.
    #[expect(dead_code, reason = "for people")]
    description: Option<String>,
    /// What waits for what. Default: `person`.
    #[serde(default)]
    pub(super) order: Order,
    /// How long and how often it is tried.
    #[serde(default)]
    pub(super) retry: Retry,
    /// How long one attempt may take. Default: `10s`.
    pub(super) timeout: Option<Span>,
    /// How many attempts may be under way at once. Default: 16.
    pub(super) concurrency: Option<u16>,
    /// How many attempts may begin in a length of time, `"100/s"`. Default: no limit.
    pub(super) rate: Option<Rate>,
    /// Secret fields that it is given, from `request` downwards: `passwordText`.
    #[serde(default)]
    #[expect(dead_code, reason = "each is read from its place")]
    secrets: Vec<String>,
    /// How long they are kept for it. Default: `72h`.
    pub(super) secret_ttl: Option<Span>,
    /// Authorities and a client certificate.
    pub(super) tls: Option<TlsFiles>,
    /// The proxy to go through, `http://host:port`. Default: none.
    pub(super) proxy: Option<String>,
    /// Whether addresses within the house are allowed. Default: false.
    #[serde(default)]
    pub(super) allow_private: bool,
    /// Networks that are allowed whatever they are, `"10.0.0.0/8"`.
    #[serde(default)]
    pub(super) allow: Vec<Network>,
}

/// What must have been decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum Decided {
    /// A refusal.
    Refused,
}
