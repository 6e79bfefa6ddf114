//! What a verified token says. Most events are decided without a look at it.

use std::fmt;
use std::sync::OnceLock;

use serde_json::Value;

/// The claims of a token, an object, and the tenant that it names.
#[derive(Clone)]
pub struct Token {
    raw: String,
    tenant: Option<String>,
    claims: OnceLock<Value>,
}

impl Token {
    /// A token whose claims are this JSON object's.
    pub fn new(raw: String, tenant: Option<String>) -> Self {
        Self { raw, tenant, claims: OnceLock::new() }
    }

    /// Its claims, read when they are first asked for.
    pub fn claims(&self) -> &Value {
        self.claims.get_or_init(|| serde_json::from_str(&self.raw).unwrap_or(Value::Null))
    }

    /// The tenant, where it names one.
    pub fn tenant(&self) -> Option<&str> {
        self.tenant.as_deref()
    }

    /// Its claims as they were signed: the text of a JSON object.
    pub fn raw(&self) -> &str {
        &self.raw
    }
}

impl From<Value> for Token {
    fn from(claims: Value) -> Self {
        let tenant = claims.get("tenantId").and_then(Value::as_str).map(str::to_owned);
        Self::new(claims.to_string(), tenant)
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(***)")
    }
}
