//! A PostgreSQL of a test's own. It stands by itself, so that the tests of the program use it, too.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A server in a directory of its own, until it is dropped. Who comes by its socket, there, as `hookreeve` may do everything.
pub(crate) struct Server {
    directory: tempfile::TempDir,
    programs: PathBuf,
    /// PostgreSQL refuses to run as root.
    as_other: bool,
    options: String,
    /// Where it listens beside its socket, on 127.0.0.1.
    pub(crate) port: Option<u16>,
}

impl Server {
    /// None where there is no PostgreSQL, or none that may run here.
    pub(crate) fn start() -> Option<Self> {
        Self::with(None, "", &[])
    }

    /// One that listens at a free port, is started with these options, and lets in whom these lines of `pg_hba.conf` let in.
    pub(crate) fn listening(options: &str, access: &[&str]) -> Option<Self> {
        let port = std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address").port();
        Self::with(Some(port), options, access)
    }

    fn with(port: Option<u16>, options: &str, access: &[&str]) -> Option<Self> {
        let found = glob::glob("/usr/lib/postgresql/*/bin/initdb").expect("a pattern").flatten().last();
        let initdb = found.or_else(|| Some(PathBuf::from("/usr/bin/initdb")).filter(|path| path.exists()))?;
        let id = Command::new("id").arg("-u").output().ok()?;
        let directory = tempfile::tempdir().expect("a directory");
        let listen =
            port.map_or("-c listen_addresses=".to_owned(), |port| format!("-c listen_addresses=127.0.0.1 -p {port}"));
        let options = format!("-k {} -c fsync=off {listen} {options}", directory.path().display());
        let as_other = id.stdout.trim_ascii() == b"0";
        let server = Self { directory, programs: initdb.parent()?.to_owned(), as_other, options, port };
        server.own(server.directory.path()).then_some(())?;
        server
            .run("initdb", &["-A", "trust", "-U", "hookreeve", "--no-sync", "-D", &server.path("data")])
            .then_some(())?;
        if !access.is_empty() {
            let lines = format!("local all all trust\n{}\n", access.join("\n"));
            std::fs::write(server.path("data/pg_hba.conf"), lines).expect("written");
        }
        server.start_again().then_some(server)
    }

    /// Starts it once more.
    pub(crate) fn start_again(&self) -> bool {
        let (data, log) = (self.path("data"), self.path("log"));
        self.run("pg_ctl", &["start", "-w", "-D", &data, "-l", &log, "-o", &self.options])
    }

    /// Stops it, `fast` or `immediate`.
    pub(crate) fn stop(&self, mode: &str) {
        self.run("pg_ctl", &["stop", "-w", "-m", mode, "-D", &self.path("data")]);
    }

    /// Gives a file to whom the server runs as, for it alone.
    pub(crate) fn own(&self, path: &Path) -> bool {
        let done = |command: &mut Command| command.status().is_ok_and(|status| status.success());
        !self.as_other || done(Command::new("chown").arg("postgres").arg(path))
    }

    fn run(&self, program: &str, arguments: &[&str]) -> bool {
        self.command(program, arguments).stdout(Stdio::null()).status().is_ok_and(|status| status.success())
    }

    fn command(&self, program: &str, arguments: &[&str]) -> Command {
        let program = self.programs.join(program);
        let mut command = if self.as_other {
            let mut command = Command::new("runuser");
            command.args(["-u", "postgres", "--"]).arg(program);
            command
        } else {
            Command::new(program)
        };
        command.args(arguments).current_dir("/").stderr(Stdio::null());
        command
    }

    /// A path in its directory.
    pub(crate) fn path(&self, name: &str) -> String {
        self.directory.path().join(name).display().to_string()
    }

    /// Its address, by its socket.
    pub(crate) fn url(&self) -> String {
        let host = self.directory.path().display().to_string().replace('/', "%2F");
        format!("postgres://hookreeve@{host}:{}/postgres", self.port.unwrap_or(5432))
    }

    /// Runs statements.
    #[track_caller]
    pub(crate) fn execute(&self, sql: &str) {
        self.query(sql);
    }

    /// What a query gives, a row a line, columns between bars.
    #[track_caller]
    pub(crate) fn query(&self, sql: &str) -> String {
        let (host, port) = (self.path(""), self.port.unwrap_or(5432).to_string());
        let arguments =
            ["-h", &host, "-p", &port, "-U", "hookreeve", "-qAt", "-v", "ON_ERROR_STOP=1", "-c", sql, "postgres"];
        let output = self.command("psql", &arguments).output().expect("psql runs");
        assert!(output.status.success(), "{sql}");
        String::from_utf8(output.stdout).expect("UTF-8").trim_end().to_owned()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop("immediate");
    }
}
