//! `token`: a token signed with the configured secret, for trying things out.

use std::path::PathBuf;

use anyhow::{Context as _, bail};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use clap::Args;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};

use super::{Ended, output};
use crate::app::Source;
use crate::auth::SecretForm;
use crate::base::secret::SecretSource;
use crate::config::Settings;

/// How long a token lasts, in seconds.
const LIFETIME: i64 = 300;

/// Prints a token signed with the configured secret
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  hookreeve token
  TOKEN=$(hookreeve token) scripts/curl/validateUser.sh
  hookreeve token --claims claims.json

The token says `sub` hookreeve, has no roles, and lasts five minutes: it is good for this server and for nothing else.")]
pub(super) struct Arguments {
    /// A JSON object whose members replace the token's own
    #[arg(long, value_name = "FILE")]
    claims: Option<PathBuf>,
}

pub(super) fn run(arguments: &Arguments, source: &Source) -> anyhow::Result<Ended> {
    let loaded = source.load();
    let Some(settings) = &loaded.settings else { return Ok(output::complain_of(&loaded.findings, source)) };
    let mut claims = claims(settings, source.clock.unix_seconds(), LIFETIME);
    if let Some(path) = &arguments.claims {
        let text = std::fs::read_to_string(path).with_context(|| format!("{} cannot be read", path.display()))?;
        let own: Value = serde_json::from_str(&text).with_context(|| format!("{} is not JSON", path.display()))?;
        let own = own.as_object().with_context(|| format!("{} is no JSON object", path.display()))?;
        for (name, value) in own {
            claims[name] = value.clone();
        }
        output::complain(
            "warning: a token with claims of your own may be good for the cloud's own API; keep it secret",
        );
    }
    output::print(&sign(settings, &loaded.secrets(), &claims)?);
    Ok(Ended::Well)
}

/// The claims of a token for this server that lasts so many seconds from `now` on.
pub(super) fn claims(settings: &Settings, now: i64, seconds: i64) -> Value {
    let mut claims = json!({ "sub": "hookreeve", "roles": [], "iat": now, "exp": now + seconds });
    let tenants = settings.cymmetri.auth.jwt.as_ref().map(|jwt| jwt.tenants.as_slice()).unwrap_or_default();
    if let Some(tenant) = tenants.first() {
        claims["tenantId"] = json!(tenant);
    }
    claims
}

/// Signs claims with the configured secret, the first where there are several.
pub(super) fn sign(settings: &Settings, secrets: &dyn SecretSource, claims: &Value) -> anyhow::Result<String> {
    let jwt = settings.cymmetri.auth.jwt.as_ref();
    let jwt = jwt.context("[cymmetri.auth] names no jwt, so that there is nothing to sign a token with")?;
    let symmetric = |name: &String| match name.as_str() {
        "HS256" => Some(Algorithm::HS256),
        "HS384" => Some(Algorithm::HS384),
        "HS512" => Some(Algorithm::HS512),
        _ => None,
    };
    let algorithm = jwt.algorithms.iter().find_map(symmetric);
    let place = jwt.secret.as_ref().and_then(|places| places.iter().next());
    let (Some(algorithm), Some(place)) = (algorithm, place) else {
        bail!("[cymmetri.auth] jwt has no shared secret: only the owner of the private key can sign such a token");
    };
    let secret = secrets.resolve(place)?;
    let key = match jwt.form {
        SecretForm::Auto | SecretForm::Raw => EncodingKey::from_secret(secret.expose()),
        SecretForm::Base64 => {
            let text = std::str::from_utf8(secret.expose()).unwrap_or_default().trim().trim_end_matches('=');
            let decoded = STANDARD_NO_PAD.decode(text).or_else(|_| URL_SAFE_NO_PAD.decode(text));
            EncodingKey::from_secret(&decoded.map_err(|_| anyhow::anyhow!("the secret is not base64"))?)
        }
    };
    sign_with(algorithm, &key, claims)
}

/// Signs claims as the cloud does: a header that names an algorithm, no type, no key id.
pub(super) fn sign_with(algorithm: Algorithm, key: &EncodingKey, claims: &Value) -> anyhow::Result<String> {
    let mut header = Header::new(algorithm);
    header.typ = None;
    let _ = jsonwebtoken::crypto::aws_lc::DEFAULT_PROVIDER.install_default();
    jsonwebtoken::encode(&header, claims, key).context("the token cannot be signed")
}
