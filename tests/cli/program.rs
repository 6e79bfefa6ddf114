//! The program, in a directory and an environment of its own.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use crate::server::Server;

pub(crate) const SECRET: &str = "s3cret-of-the-tests-0123456789abcdef";

/// A server on a free port, with the shared secret as its one credential. Rules and sections can follow.
pub(crate) const BASIC: &str = r#"
[server]
listen = "127.0.0.1:0"
[cymmetri.auth]
jwt = { secret = { env = "HOOKREEVE_JWT_SECRET" } }
"#;

/// Where a test runs the program.
pub(crate) struct Place {
    directory: TempDir,
    variables: BTreeMap<String, String>,
}

/// What a run of the program ended with.
#[derive(Debug)]
pub(crate) struct Ended {
    /// The exit status; none after a signal.
    pub(crate) code: Option<i32>,
    /// Standard output.
    pub(crate) out: String,
    /// Standard error.
    pub(crate) err: String,
}

/// The hash of some password.
const PASSWORD_HASH: &str = "$argon2id$v=19$m=8,t=1,p=1$c29tZXNhbHQ$9sTbSlTio3Biev89thdrlKKiCaYsjjYVJxGAL3swxpQ";

impl Place {
    /// A directory with nothing in it but `tmp`, which the program takes for the system's. The secret is set.
    pub(crate) fn empty() -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let tmp = directory.path().join("tmp");
        fs::create_dir(&tmp).expect("made");
        let variables = [
            ("HOOKREEVE_JWT_SECRET".to_owned(), SECRET.to_owned()),
            ("TMPDIR".to_owned(), tmp.to_str().expect("UTF-8").to_owned()),
        ];
        Self { directory, variables: variables.into() }
    }

    /// A directory with this `config/hookreeve.toml`.
    pub(crate) fn new(config: &str) -> Self {
        Self::empty().file("config/hookreeve.toml", config)
    }

    pub(crate) fn file(self, path: &str, text: &str) -> Self {
        self.write(path, text);
        self
    }

    pub(crate) fn variable(mut self, name: &str, value: &str) -> Self {
        self.variables.insert(name.to_owned(), value.to_owned());
        self
    }

    /// A value for each secret that a configuration names in the environment and that has none yet.
    pub(crate) fn with_secrets_of(mut self, config: &str) -> Self {
        let names = config.split("env = \"").skip(1).filter_map(|rest| rest.split('"').next());
        for name in names.filter(|name| !name.is_empty()) {
            let value = match name.rsplit('_').next() {
                Some("HASH") => PASSWORD_HASH,
                Some("DATABASE") => "postgres://hookreeve:hunter2@127.0.0.1:1/people",
                _ => "0123456789abcdef0123456789abcdef",
            };
            self.variables.entry(name.to_owned()).or_insert_with(|| value.to_owned());
        }
        self
    }

    pub(crate) fn without_secret(mut self) -> Self {
        self.variables.remove("HOOKREEVE_JWT_SECRET");
        self
    }

    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.directory.path().join(path)
    }

    /// Writes a file as a careful editor does: a new one, renamed over the old one.
    pub(crate) fn write(&self, path: &str, text: &str) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().expect("a parent")).expect("made");
        let new = path.with_extension("new");
        fs::write(&new, text).expect("written");
        fs::rename(new, path).expect("renamed");
    }

    /// What the program has left in the system's directory for temporary files.
    pub(crate) fn left_behind(&self) -> Vec<PathBuf> {
        fs::read_dir(self.path("tmp")).expect("a directory").map(|entry| entry.expect("an entry").path()).collect()
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_hookreeve"));
        command.args(arguments).current_dir(self.directory.path()).env_clear().envs(&self.variables);
        command.stdin(Stdio::null());
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Ended {
        self.command(arguments).output().expect("the program runs").into()
    }

    pub(crate) fn run_with_input(&self, arguments: &[&str], input: &str) -> Ended {
        let mut command = self.command(arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the program runs");
        child.stdin.take().expect("a pipe").write_all(input.as_bytes()).expect("it reads its input");
        child.wait_with_output().expect("it ends").into()
    }

    pub(crate) fn serve(&self) -> Server {
        Server::start(self.command(&["serve"]))
    }

    /// A token that the program signs for itself.
    pub(crate) fn token(&self) -> String {
        let ended = self.run(&["token"]);
        assert_eq!(ended.code, Some(0), "{ended:?}");
        ended.out.trim().to_owned()
    }

    /// The text with the directory's own path as `/…`.
    pub(crate) fn shorten(&self, text: &str) -> String {
        let path = self.directory.path().canonicalize().expect("a directory");
        text.replace(path.to_str().expect("UTF-8"), "/…").replace(self.path("").to_str().expect("UTF-8"), "/…/")
    }
}

impl From<Output> for Ended {
    fn from(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).expect("the program prints UTF-8");
        Self { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
    }
}

impl Ended {
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error} in {self:?}"))
    }
}

/// A file of this repository.
pub(crate) fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// The text of a file of this repository.
#[track_caller]
pub(crate) fn read(path: &str) -> String {
    fs::read_to_string(repository(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// A documented request or reply.
#[track_caller]
pub(crate) fn sample(event: &str, what: &str) -> Value {
    serde_json::from_str(&read(&format!("tests/data/cymmetri/{event}.{what}.json"))).expect("JSON")
}

/// The documented reply to an event's sample, as the rules of `config/demo.toml` give it.
pub(crate) fn documented_reply(event: &str) -> Value {
    match event {
        // The documents' "valid" stands for a value; this is the one that the demonstration maps.
        "policyMap" => serde_json::json!({ "response": { "mappedValue": "shreyash2.pande2@corp.example" } }),
        "changePassword" | "postCreateUser" | "postUpdateUser" | "preProvision" | "postProvision" => {
            serde_json::json!({ "response": {} })
        }
        documented => sample(documented, "response"),
    }
}

/// Whether a program is there; if not, says on standard error, past the test runner, what is left out for want of it.
pub(crate) fn have(program: &str, what: &str) -> bool {
    let found = Command::new(program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    let there = found.is_ok_and(|status| status.success());
    if !there {
        leave_out(what, &format!("{program} is not there"));
    }
    there
}

/// Says on standard error, past the test runner, what is left out and why.
pub(crate) fn leave_out(what: &str, why: &str) {
    let _ = writeln!(std::io::stderr(), "left out: {what}: {why}");
}
