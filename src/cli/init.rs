//! `init`: a first configuration with keys of its own.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use clap::Args;

use super::{Ended, output};
use crate::app::Source;
use crate::base::ids::{hex, random_bytes};

/// Writes a first configuration, with keys
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  hookreeve init
  hookreeve init /etc/hookreeve

It writes hookreeve.toml and, each readable for its owner only, jwt.secret, journal.key, chain.key and pseudonym.key. It \
replaces nothing that is there.")]
pub(super) struct Arguments {
    /// The directory; it is made if need be
    #[arg(value_name = "DIR", default_value = "config")]
    directory: PathBuf,
}

const CONFIGURATION: &str = r#"# Written by `hookreeve init`. `hookreeve check` tells what is wrong with it, docs/rules.md what a rule can do,
# docs/operations.md the rest. Every event is answered neutrally until you write a rule.

# include = ["rules/*.toml"]                # more rules, in files of their own

[server]
listen = "0.0.0.0:8080"
data_dir = "data"                           # the journal and its persons' keys, beside this file
# tls = { cert = "cert.pem", key = "key.pem" }

[cymmetri]
base_paths = ["/webhook"]                   # the context path that you set in the cloud

[cymmetri.auth]
# The secret that the cloud signs its tokens with: set the same there, or paste the cloud's into the file.
jwt = { algorithms = ["HS256"], secret = { file = "jwt.secret" } }
# unverified = "observe"                    # for the first days: answer neutrally and log, instead of 401

[journal]
retention = "90d"
encryption_key = { file = "journal.key" }   # without it nobody reads what the journal holds: keep a copy elsewhere
chain_key = { file = "chain.key" }          # without it nobody can change the journal unnoticed: keep a copy elsewhere

[log]
pseudonym_key = { file = "pseudonym.key" }  # names persons in the log and on the command line

# [[rule]]
# id = "corporate-email"
# on = ["validateUser", "validateUpdateUser"]
# when = 'text(user.?email) != "" && !lower(text(user.?email)).endsWith("@corp.example")'
# deny = "CorporateEmailRequired"
# shadow = true                             # first see in the log whom it would refuse

# [[action]]
# id = "tell-crm"
# on = ["postCreateUser", "postUpdateUser"]
# type = "http"
# url = "https://crm.example/people"
# headers = { authorization = { env = "CRM_TOKEN", prefix = "Bearer " } }
"#;

const MAIN: &str = "hookreeve.toml";
const KEYS: [&str; 4] = ["jwt.secret", "journal.key", "chain.key", "pseudonym.key"];

pub(super) fn run(arguments: &Arguments, _: &Source) -> anyhow::Result<Ended> {
    let directory = &arguments.directory;
    let there: Vec<&str> =
        KEYS.into_iter().chain([MAIN]).filter(|name| directory.join(name).symlink_metadata().is_ok()).collect();
    if !there.is_empty() {
        bail!("{} has {} already, and nothing is replaced", directory.display(), there.join(", "));
    }
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o750)
        .create(directory)
        .with_context(|| format!("{} cannot be made", directory.display()))?;
    for name in KEYS {
        write(&directory.join(name), format!("{}\n", hex(&random_bytes::<32>())).as_bytes(), 0o600)?;
    }
    // Last, so that what is there is whole.
    write(&directory.join(MAIN), CONFIGURATION.as_bytes(), 0o640)?;
    output::print(&next_steps(directory));
    Ok(Ended::Well)
}

fn write(path: &Path, bytes: &[u8], mode: u32) -> anyhow::Result<()> {
    let write = || {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(path)?;
        file.write_all(bytes)?;
        file.sync_all()
    };
    write().with_context(|| format!("{} cannot be written", path.display()))
}

fn next_steps(directory: &Path) -> String {
    let at = |name: &str| directory.join(name).display().to_string();
    let found = directory == Path::new("config") || directory == Path::new("/etc/hookreeve");
    let config = if found { String::new() } else { format!(" --config {}", at(MAIN)) };
    format!(
        "{main} is a first configuration. Beside it stand four keys, readable for you only.\n\n\
         1. Set the secret in {secret} in the cloud, too; or paste the cloud's own into that file.\n\
         2. Keep copies of {journal} and {chain} where backups of the journal are not: without the first\n\
         \x20  nobody reads the journal. Keep all of them out of version control.\n\
         3. hookreeve check{config} --secrets\n\
         4. hookreeve serve{config}\n\
         5. hookreeve send validateUser{config}           in another terminal: plays the cloud\n\
         6. hookreeve events{config}                      what came in, and what was decided",
        main = at(MAIN),
        secret = at(KEYS[0]),
        journal = at(KEYS[1]),
        chain = at(KEYS[2]),
    )
}
