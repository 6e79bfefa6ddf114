//! Who may send: tokens, secret paths and headers, static bearers, API keys, passwords, address lists and client certificates.
//!
//! [`Config`] is what was written, [`Authenticator`] what it means, and only it makes a [`Verified`]. Which route a
//! request is for, and what the sender hears, is the matter of `http`.

mod address;
mod authenticator;
mod basic;
mod check;
mod claims;
mod config;
mod denied;
mod identity;
mod jwks;
mod jwt;
mod keys;
mod prepare;
mod source;
#[cfg(test)]
mod tests;

pub use address::client_address;
pub use authenticator::{Authenticator, Presented, Verified};
pub use basic::{PasswordError, hash_password};
pub use check::{Exposure, NO_CREDENTIAL};
pub use claims::Claims;
pub use config::{BasicConfig, ClientCertConfig, Config, HeaderConfig, JwtConfig, KeyFiles, SecretForm, Unverified};
pub use denied::{Denied, DeniedReason};
pub use identity::{ClientIdentity, IdentityError};
