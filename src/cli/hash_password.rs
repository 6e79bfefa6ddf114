//! `hash-password`: the hash of a password, for `[…auth] basic`.

use std::io::{IsTerminal as _, Read as _};

use anyhow::Context as _;
use clap::Args;
use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};

use super::{Ended, output};
use crate::auth::hash_password;
use crate::base::secret::Secret;

/// As much of a password is read.
const MAX_PASSWORD_BYTES: u64 = 1024;

/// Prints the Argon2 hash of a password, for a configuration
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  hookreeve hash-password
  openssl rand -hex 24 | tee password.txt | hookreeve hash-password

The password is asked for, or read from standard input; a line break at its end is not part of it. The hash goes to
standard output, for

  [optimalcloud.auth]
  basic = [{ user = \"svc@corp.example\", password_hash = \"$argon2id$…\" }]")]
pub(super) struct Arguments {}

pub(super) fn run(_: &Arguments) -> anyhow::Result<Ended> {
    let password = read().context("the password cannot be read")?;
    output::print(&hash_password(password.expose())?);
    Ok(Ended::Well)
}

fn read() -> std::io::Result<Secret> {
    let input = std::io::stdin();
    if !input.is_terminal() {
        let mut bytes = Vec::new();
        input.lock().take(MAX_PASSWORD_BYTES).read_to_end(&mut bytes)?;
        return Ok(Secret::new(trimmed(&bytes)));
    }
    output::complain("Password (it is not shown):");
    let before = tcgetattr(&input)?;
    let mut silent = before.clone();
    silent.local_modes.remove(LocalModes::ECHO);
    tcsetattr(&input, OptionalActions::Now, &silent)?;
    let mut line = String::new();
    let read = input.read_line(&mut line);
    tcsetattr(&input, OptionalActions::Now, &before)?;
    read?;
    Ok(Secret::new(trimmed(line.as_bytes())))
}

fn trimmed(bytes: &[u8]) -> &[u8] {
    let bytes = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    bytes.strip_suffix(b"\r").unwrap_or(bytes)
}
