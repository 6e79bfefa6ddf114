//! A real PostgreSQL, where there is one.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::*;

/// A server of its own, on a socket in its directory, until it is dropped.
struct Server {
    directory: tempfile::TempDir,
    programs: PathBuf,
    /// PostgreSQL refuses to run as root.
    as_other: bool,
}

impl Server {
    /// None where there is no PostgreSQL, or none that may run here.
    fn start() -> Option<Self> {
        let found = glob::glob("/usr/lib/postgresql/*/bin/initdb").unwrap().flatten().last();
        let initdb = found.or_else(|| Some(PathBuf::from("/usr/bin/initdb")).filter(|path| path.exists()))?;
        let id = Command::new("id").arg("-u").output().ok()?;
        let server = Self {
            directory: tempfile::tempdir().unwrap(),
            programs: initdb.parent()?.to_owned(),
            as_other: id.stdout.trim_ascii() == b"0",
        };
        if server.as_other {
            let owned = Command::new("chown").arg("postgres").arg(server.directory.path()).status().ok()?;
            owned.success().then_some(())?;
        }
        server
            .run("initdb", &["-A", "trust", "-U", "hookreeve", "--no-sync", "-D", &server.path("data")])
            .then_some(())?;
        let options = format!("-k {} -c listen_addresses= -c fsync=off", server.directory.path().display());
        let started = ["start", "-w", "-D", &server.path("data"), "-l", &server.path("log"), "-o", &options];
        server.run("pg_ctl", &started).then_some(server)
    }

    fn run(&self, program: &str, arguments: &[&str]) -> bool {
        let program = self.programs.join(program);
        let mut command = if self.as_other {
            let mut command = Command::new("runuser");
            command.args(["-u", "postgres", "--"]).arg(program);
            command
        } else {
            Command::new(program)
        };
        let command = command.args(arguments).current_dir("/").stdout(Stdio::null()).stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    }

    fn path(&self, name: &str) -> String {
        self.directory.path().join(name).display().to_string()
    }

    fn toml(&self, query: &str, params: &str) -> String {
        let host: String = self.directory.path().display().to_string().replace('/', "%2F");
        format!(
            "[[lookup]]\nid = 'p'\ntype = 'sql'\ntimeout = '2s'\nurl = 'postgres://hookreeve@{host}/postgres'\nquery = '''{query}'''\nparams = {{ {params} }}"
        )
    }

    fn execute(&self, sql: &str) {
        let (host, program) = (self.path(""), Path::new("psql"));
        assert!(
            self.run(&program.display().to_string(), &["-h", &host, "-U", "hookreeve", "-q", "-c", sql, "postgres"])
        );
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.run("pg_ctl", &["stop", "-m", "immediate", "-D", &self.path("data")]);
    }
}

#[tokio::test]
async fn a_row_of_postgresql_is_the_value_whatever_the_types_are() {
    let Some(server) = Server::start() else {
        eprintln!("left out: there is no PostgreSQL that can be started here");
        return;
    };
    server.execute(
        "create table people (id uuid primary key, login text, mobile bigint, born date, active boolean, tags text[], pay numeric(9,2));
         insert into people values ('018f0000-0000-7000-8000-000000000001', 'anna', 42, '2000-02-29', true, '{a,b}', 1.50),
                                   ('018f0000-0000-7000-8000-000000000002', 'o''neill', 43, null, false, null, null);",
    );
    let row = r#"{"login":"anna","mobile":42,"born":"2000-02-29","active":true,"tags":["a","b"],"pay":1.5}"#;
    let columns = "select login, mobile, born, active, tags, pay from people";
    for (condition, parameter) in [
        ("login = :x", "\"anna\""),
        ("mobile = :x", "42"),
        ("mobile = :x", "\"42\""),
        ("id = :x", "\"018f0000-0000-7000-8000-000000000001\""),
        ("born = :x", "date(\"2000-02-29\")"),
        ("active = :x", "true"),
        (":x = any(tags) -- the end", "\"b\""),
        ("pay = :x::numeric; ", "1.5"),
        ("login = :x or login = lower(:x)", "\"ANNA\""),
    ] {
        let query = format!("{columns} where {condition}");
        let lookups = ready(&server.toml(&query, &format!("x = '{parameter}'")));
        assert_eq!(told(&lookups, json!({})).await, row, "{condition} with {parameter}");
    }
    let by_login = ready(&server.toml("select login from people where login = :login", "login = 'user.login'"));
    assert_eq!(told(&by_login, json!({ "login": "o'neill" })).await, r#"{"login":"o'neill"}"#);
    for login in ["carl", "' or 1=1 --", "$1", "  "] {
        assert_eq!(told(&by_login, json!({ "login": login })).await, "not found", "{login}");
    }
    for (query, parameter, why) in [
        (
            "select * from people where mobile = :x",
            "\"PRIVATE\"",
            "a parameter is none of the type that it is compared with (SQLSTATE 22P02)",
        ),
        ("select * from nothing where :x = 1", "1", "there is no such table (SQLSTATE 42P01)"),
        ("with x as (delete from people where login = :x returning 1) select * from x", "\"anna\"", ""),
        ("select pg_sleep(60), :x::text", "\"a\"", "no answer within 2s"),
    ] {
        let lookups = ready(&server.toml(query, &format!("x = '{parameter}'")));
        let told = told(&lookups, json!({})).await;
        assert!(told.starts_with("failed: ") && told.ends_with(why) && !told.contains("PRIVATE"), "{query}: {told}");
    }
    assert_eq!(told(&by_login, json!({ "login": "anna" })).await, r#"{"login":"anna"}"#, "nothing was deleted");
    drop(server);
    assert!(told(&by_login, json!({ "login": "anna" })).await.starts_with("failed: PostgreSQL: "));
}

#[tokio::test]
async fn a_database_that_is_down_keeps_nobody_from_starting() {
    let lookups =
        ready("[[lookup]]\nid = 'p'\ntype = 'sql'\nurl = 'postgres://hookreeve@127.0.0.1:1/x'\nquery = 'select 1'");
    assert_eq!(told(&lookups, json!({})).await, "failed: PostgreSQL: connection refused");
}

#[tokio::test]
#[expect(clippy::disallowed_methods, reason = "the server of this test ends with its runtime")]
async fn a_connection_that_hangs_is_not_asked_again() {
    let server = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = server.local_addr().unwrap();
    let (connected, mut connections) = tokio::sync::mpsc::unbounded_channel();
    tokio::spawn(async move {
        let mut open = Vec::new();
        loop {
            let (mut stream, _) = server.accept().await.unwrap();
            // Whoever comes is let in, and is never answered.
            tokio::io::AsyncWriteExt::write_all(&mut stream, b"R\0\0\0\x08\0\0\0\0Z\0\0\0\x05I").await.unwrap();
            open.push(stream);
            connected.send(()).unwrap();
        }
    });
    let lookups = ready(&format!(
        "[[lookup]]\nid = 'p'\ntype = 'sql'\nconcurrency = 1\ntimeout = '300ms'\nquery = 'select 1'\n\
         url = 'postgres://hookreeve@{address}/x?sslmode=disable'"
    ));
    for _ in 0..2 {
        let told = told(&lookups, json!({})).await;
        assert!(told.ends_with("no answer within 300ms"), "{told}");
        assert!(connections.try_recv().is_ok(), "it connects anew");
    }
}
