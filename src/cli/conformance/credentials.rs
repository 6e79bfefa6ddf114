//! The credentials that the cloud is played with: a good one, and those that must not be accepted.

use anyhow::{Context as _, bail};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey};
use serde_json::{Value, json};

use super::Arguments;
use crate::app::Source;
use crate::base::ids::{hex, random_bytes};
use crate::base::secret::SecretSource as _;
use crate::cli::token;
use crate::config::{Loaded, Settings};
use crate::conformance::{BadToken, LOGIN};

/// A token that is good, and those that are not.
pub(super) fn tokens(
    arguments: &Arguments,
    settings: Option<&Settings>,
    loaded: &Loaded,
    source: &Source,
) -> anyhow::Result<(Option<String>, Vec<BadToken>)> {
    let now = source.clock.unix_seconds();
    let usual = json!({ "sub": LOGIN, "roles": [], "iat": now, "exp": now + 900 });
    let mut fresh = settings.map_or(usual, |settings| token::claims(settings, now, 900));
    let secret = match &arguments.secret_env {
        Some(name) => {
            let secret = source.environment.get(name).filter(|secret| !secret.is_empty());
            Some(secret.with_context(|| format!("the variable {name} is not set"))?)
        }
        None => None,
    };
    let sign = |claims: &Value| match (secret, settings) {
        (Some(secret), _) => token::sign_with(Algorithm::HS256, &EncodingKey::from_secret(secret.as_bytes()), claims),
        (None, Some(settings)) => token::sign(settings, &loaded.secrets(), claims),
        (None, None) => bail!("--secret-env says what signs tokens"),
    };
    let auth = settings.map(|settings| &settings.cymmetri.auth);
    let bearer = auth.and_then(|auth| auth.bearer.as_ref()).and_then(|places| places.first());
    if let (Some(place), None) = (bearer, secret) {
        let value = String::from_utf8_lossy(loaded.secrets().resolve(place)?.expose()).into_owned();
        let fixed = "a fixed bearer value neither is signed nor expires";
        return Ok((
            Some(value),
            vec![
                BadToken { what: "no token", token: Ok(None) },
                BadToken { what: "a wrong token", token: Ok(Some(hex(&random_bytes::<16>()))) },
                BadToken { what: "a token that has expired", token: Err(fixed) },
            ],
        ));
    }
    if secret.is_none() && auth.is_some_and(|auth| auth.jwt.is_none()) {
        let none = "the configuration asks for no token";
        return Ok((None, vec![BadToken { what: "no token", token: Err(none) }]));
    }
    let good = sign(&fresh)?;
    let forged = token::sign_with(Algorithm::HS256, &EncodingKey::from_secret(&random_bytes::<32>()), &fresh)?;
    let unsigned = {
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        format!("{}.{}.", part(&json!({ "alg": "none" })), part(&fresh))
    };
    fresh["iat"] = (now - 7200).into();
    fresh["exp"] = (now - 3600).into();
    let expired = sign(&fresh)?;
    let bad = [
        ("no token", None),
        ("a token that another secret signed", Some(forged)),
        ("a token that has expired", Some(expired)),
        ("an unsigned token (`alg: none`)", Some(unsigned)),
    ];
    Ok((Some(good), bad.into_iter().map(|(what, token)| BadToken { what, token: Ok(token) }).collect()))
}
