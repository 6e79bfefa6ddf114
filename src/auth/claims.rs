//! What a verified token says, and whether it says so for now and for this tenant.

use std::fmt;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde::de::{self, Deserializer, Visitor};

use super::denied::DeniedReason;

/// The claims of a token whose signature held. What they say is never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Claims {
    sub: Option<String>,
    tenant_id: Option<String>,
    raw: String,
}

/// The claims that are looked at. A claim that is there twice is an error of serde's.
#[derive(Deserialize)]
struct RawClaims {
    #[serde(default)]
    sub: OptionalText,
    #[serde(default, rename = "tenantId")]
    tenant_id: OptionalText,
    exp: Option<f64>,
    nbf: Option<f64>,
}

/// Text, an integer taken as its text, or nothing.
#[derive(Default)]
struct OptionalText(Option<String>);

impl Claims {
    /// Reads a token's payload and checks its times and tenant. The signature must have held: nothing here knows of it.
    pub(super) fn read(
        payload: Vec<u8>,
        now: DateTime<Utc>,
        leeway: Duration,
        tenants: &[String],
    ) -> Result<Self, DeniedReason> {
        let raw = String::from_utf8(payload).map_err(|_| DeniedReason::MalformedToken)?;
        // A struct would also be read from an array.
        if !raw.trim_ascii_start().starts_with('{') {
            return Err(DeniedReason::MalformedToken);
        }
        let claims: RawClaims = serde_json::from_str(&raw).map_err(|_| DeniedReason::MalformedToken)?;
        let now = seconds(now);
        let leeway = leeway.as_secs_f64();
        let expires = claims.exp.ok_or(DeniedReason::MissingExpiry)?;
        if now >= expires + leeway {
            return Err(DeniedReason::Expired);
        }
        if claims.nbf.is_some_and(|begins| now < begins - leeway) {
            return Err(DeniedReason::NotYetValid);
        }
        let tenant_id = claims.tenant_id.0;
        if !tenants.is_empty() && !tenant_id.as_ref().is_some_and(|tenant| tenants.contains(tenant)) {
            return Err(DeniedReason::WrongTenant);
        }
        Ok(Self { sub: claims.sub.0, tenant_id, raw })
    }

    /// Who the token was made out to.
    pub fn sub(&self) -> Option<&str> {
        self.sub.as_deref()
    }

    /// Which tenant it is for.
    pub fn tenant_id(&self) -> Option<&str> {
        self.tenant_id.as_deref()
    }

    /// All claims as they were signed: the text of a JSON object.
    pub fn raw(&self) -> &str {
        &self.raw
    }

    /// The same, and the tenant.
    pub fn into_parts(self) -> (String, Option<String>) {
        (self.raw, self.tenant_id)
    }
}

impl fmt::Debug for Claims {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Claims(***)")
    }
}

#[expect(clippy::cast_precision_loss, reason = "milliseconds since 1970 fit into 53 bits for 285,000 years")]
fn seconds(time: DateTime<Utc>) -> f64 {
    time.timestamp_millis() as f64 / 1000.0
}

// === impl OptionalText ===

impl<'de> Deserialize<'de> for OptionalText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TextVisitor)
    }
}

struct TextVisitor;

impl Visitor<'_> for TextVisitor {
    type Value = OptionalText;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("text")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<OptionalText, E> {
        Ok(OptionalText(Some(text.to_owned())))
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<OptionalText, E> {
        Ok(OptionalText(Some(number.to_string())))
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<OptionalText, E> {
        Ok(OptionalText(Some(number.to_string())))
    }

    fn visit_unit<E: de::Error>(self) -> Result<OptionalText, E> {
        Ok(OptionalText(None))
    }
}
