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

    /// A token whose claims are this JSON object's, and the tenant that they name.
    pub fn read(raw: String) -> Self {
        let token = Self::new(raw, None);
        let tenant = match token.claims().get("tenantId") {
            Some(Value::String(tenant)) => Some(tenant.clone()),
            Some(Value::Number(tenant)) => Some(tenant.to_string()),
            _ => None,
        };
        Self { tenant, ..token }
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
        Self::read(claims.to_string())
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(***)")
    }
}
