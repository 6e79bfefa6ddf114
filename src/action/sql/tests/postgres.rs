//! A real PostgreSQL, where there is one.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use serde_json::json;

use super::*;
use crate::outgoing::tests::servers::Behaviour::{Reset, SayAndFlood, SayAndHang};
use crate::outgoing::tests::servers::{self, Files};
use crate::sql::tests::server::Server;

/// None, and a word about it, where there is no PostgreSQL.
fn told(server: Option<Server>) -> Option<Server> {
    if server.is_none() {
        eprintln!("left out: there is no PostgreSQL that can be started here");
    }
    server
}

fn action(server: &Server, more: &str) -> Arc<dyn Action> {
    ready(&toml(&server.url(), more), &[])
}

#[tokio::test]
async fn values_are_parameters_of_whatever_type_is_wanted() {
    let Some(server) = told(Server::start()) else { return };
    server.execute(
        "create table people (id uuid, login text primary key, mobile bigint, born date, active boolean, tags jsonb, pay numeric(9,2), seen timestamptz);
         create table log (at timestamptz default now(), login text references people (login) deferrable initially deferred);",
    );
    let action = action(
        &server,
        r#"
        statements = [
            """insert into people values (:id, :login, :mobile, :born, :active, :tags, :pay, :seen)
               on conflict (login) do update set mobile = excluded.mobile""",
            "insert into log (login) values (:login) returning at",
        ]
        params = { id = '"018f0000-0000-7000-8000-000000000001"', login = 'user.login', mobile = 'user.mobile', born = '"2000-02-29"', active = 'true', tags = '{"a": [1, user.login]}', pay = '1.5', seen = 'now' }
        "#,
    );
    let login = "o'neill'); drop table people; --";
    let user = json!({ "login": login, "mobile": "42" });
    assert_eq!(attempt(&action, user).await, Answer::done("2 rows"));
    let row = server
        .query("select login, mobile, born, active, tags->'a'->>1 = login, pay, seen at time zone 'UTC' from people");
    assert_eq!(row, format!("{login}|42|2000-02-29|t|t|1.50|2026-11-21 08:30:00"));
    // Null is null, and a second time it is an update.
    assert_eq!(attempt(&action, json!({ "login": login, "mobile": null })).await, Answer::done("2 rows"));
    assert_eq!(server.query("select count(*), max(mobile) from people"), "1|");
    // One transaction: the first statement leaves nothing where the second fails, be it at the very end.
    let fails = self::action(
        &server,
        "statements = ['delete from people', 'select :login::text']\nparams = { login = 'user.login' }",
    );
    let answer = attempt(&fails, json!({ "login": "x" })).await;
    assert_eq!(answer.fate, Fate::Dead);
    assert_eq!(server.query("select count(*) from people"), "1");
}

#[tokio::test]
async fn what_was_done_is_not_done_again_where_keys_are_kept() {
    let Some(server) = told(Server::start()) else { return };
    server.execute(
        "create schema audit; create table counted (n int); create role poor login; grant insert on counted to poor;",
    );
    let more = "statement = 'insert into counted values (1)'\nidempotency = 'audit.done'";
    let action = action(&server, more);
    let attempts = futures_util::future::join_all((0..8).map(|_| attempt(&action, json!({})))).await;
    let words: Vec<&str> = attempts.iter().map(|answer| answer.what.as_str()).collect();
    assert_eq!(words.iter().filter(|word| **word == "1 row").count(), 1, "{attempts:?}");
    assert_eq!(attempt(&action, json!({})).await, Answer::done("it was done before"));
    assert_eq!(server.query("select count(*) from counted"), "1");
    assert_eq!(server.query("select idempotency_key from audit.done"), "018f0000-0000-7000-8000-000000000001_a");
    // Who may not make the table is told so, and nothing is written.
    let poor = ready(&toml(&server.url().replace("hookreeve@", "poor@"), &more.replace("audit.done", "nobodys")), &[]);
    let answer = attempt(&poor, json!({})).await;
    assert_eq!(answer, Answer::trouble("PostgreSQL: the user may not do this (SQLSTATE 42501)"));
    assert_eq!(server.query("select count(*) from counted"), "1");
}

#[tokio::test]
async fn every_error_has_its_fate_and_tells_no_value() {
    let Some(server) = told(Server::start()) else { return };
    server.execute(
        "create table people (login text constraint people_login unique, mail varchar(3) not null, age int check (age > 0));
         insert into people values ('PRIVATE', 'a', 1);
         create function refuse() returns trigger language plpgsql as $$ begin raise exception 'no: %', new.login; end $$;
         create table refused (login text); create trigger t before insert on refused execute function refuse();
         create function rolled_back() returns int language plpgsql as $$ begin raise exception sqlstate '40001'; end $$;",
    );
    for (statement, fate, what) in [
        (
            "insert into people values (:x, 'a', 1)",
            Fate::Dead,
            "a value that must be unique is there already (SQLSTATE 23505): people_login",
        ),
        ("insert into people values (:x || 'a', null, 1)", Fate::Dead, "a value must not be null (SQLSTATE 23502)"),
        ("insert into people values (:x || 'a', :x, 1)", Fate::Dead, "a value is too long (SQLSTATE 22001)"),
        (
            "insert into people values (:x || 'a', 'a', -1)",
            Fate::Dead,
            "a value breaks a check (SQLSTATE 23514): people_age_check",
        ),
        (
            "insert into people values ('b', 'b', :x)",
            Fate::Dead,
            "a value is none of the type that is wanted (SQLSTATE 22P02)",
        ),
        ("insert into refused values (:x)", Fate::Dead, "SQLSTATE P0001"),
        ("insert into nowhere values (:x)", TARGET, "there is no such table (SQLSTATE 42P01)"),
        ("insert into people (nothing) values (:x)", Fate::Dead, "there is no such column (SQLSTATE 42703)"),
        ("insrt into people values (:x)", Fate::Dead, "a statement is no SQL (SQLSTATE 42601)"),
        ("select rolled_back(), :x::text", PLAIN, "it was rolled back beside another transaction (SQLSTATE 40001)"),
        (
            "select pg_terminate_backend(pg_backend_pid()), :x::text",
            PLAIN,
            "it is shutting down, or starting (SQLSTATE 57P01)",
        ),
        ("select pg_sleep(60), :x::text", PLAIN, ""),
    ] {
        let more = format!("timeout = '2s'\nstatement = '''{statement}'''\nparams = {{ x = 'user.login' }}");
        let answer = attempt(&action(&server, &more), json!({ "login": "PRIVATE" })).await;
        assert_eq!((answer.fate, &answer.detail), (fate, &None), "{statement}: {answer:?}");
        let expected = match what {
            "" => answer.what.as_str(),
            _ => what,
        };
        assert!(answer.what.ends_with(expected) && !answer.what.contains("PRIVATE"), "{statement}: {answer:?}");
    }
    let reads = format!("{}?options=-c%20default_transaction_read_only%3Don", server.url());
    let answer = attempt(&ready(&toml(&reads, "statement = 'delete from people'"), &[]), json!({})).await;
    assert_eq!(answer, Answer::trouble("PostgreSQL: it only reads (SQLSTATE 25006)"));
    assert_eq!(server.query("select count(*) from people"), "1");
}

#[tokio::test]
async fn who_may_not_come_in_and_where_nothing_is_are_somebodys_trouble() {
    let access = [
        "host all wrong 127.0.0.1/32 scram-sha-256",
        "host all barred 127.0.0.1/32 reject",
        "host all all 127.0.0.1/32 trust",
    ];
    let options = "-c max_connections=4 -c superuser_reserved_connections=1";
    let Some(server) = told(Server::listening(options, &access)) else { return };
    server.execute("create role poor login; create role wrong login password 'right'; create role barred login");
    let port = server.port.expect("a port");
    for (user, database, fate, what) in [
        ("wrong:hunter2", "postgres", TARGET, "PostgreSQL: the user or the password is refused (SQLSTATE 28P01)"),
        ("wrong", "postgres", TARGET, "PostgreSQL: it wants another way to log in, or a password"),
        ("barred", "postgres", TARGET, "PostgreSQL: the user or the password is refused (SQLSTATE 28000)"),
        ("hookreeve", "nowhere", TARGET, "PostgreSQL: there is no such database (SQLSTATE 3D000)"),
    ] {
        let url = format!("postgres://{user}@127.0.0.1:{port}/{database}");
        let (set, findings) = compile(
            "[[action]]\nid = 'a'\non = 'postCreateUser'\ntype = 'sql'\nurl = { env = 'DB' }\nstatement = 'select 1'",
        );
        assert!(findings.is_empty(), "{findings:?}");
        let action = prepare(&set, &[("DB", &url)]).unwrap_or_else(|findings| panic!("{findings:?}"))["a"].clone();
        let answer = attempt(&action, json!({})).await;
        assert_eq!((answer.fate, answer.what.as_str()), (fate, what), "{user}");
    }
    // Nobody else gets in while others have all connections.
    let url = format!("postgres://poor@127.0.0.1:{port}/postgres");
    let busy = ready(&toml(&url, "statement = 'select pg_sleep(1)'\ntimeout = '5s'"), &[]);
    let answers = futures_util::future::join_all((0..8).map(|_| attempt(&busy, json!({})))).await;
    let late: Vec<_> = answers.iter().filter(|answer| answer.fate != Fate::Done).collect();
    let expected = Answer::retry("PostgreSQL: it has too many connections (SQLSTATE 53300)");
    assert!(!late.is_empty() && late.iter().all(|answer| **answer == expected), "{answers:?}");
    server.stop("fast");
    let gone = attempt(&busy, json!({})).await;
    assert_eq!(gone.fate, PLAIN, "{gone:?}");
    let refused = attempt(&ready(&toml(&url, "statement = 'select 1'"), &[]), json!({})).await;
    assert_eq!(refused, Answer::retry("PostgreSQL: connection refused"));
    assert!(server.start_again());
    let answer = attempt(&ready(&toml(&url, "statement = 'select 1'"), &[]), json!({})).await;
    assert_eq!(answer, Answer::done("1 row"));
}

#[tokio::test]
async fn a_time_out_ends_what_the_server_is_at() {
    let Some(server) = told(Server::start()) else { return };
    server.execute("create table people (login text); insert into people values ('a')");
    let action = action(
        &server,
        "timeout = '500ms'\nstatements = ['delete from people', 'select pg_sleep(0.3)', 'select pg_sleep(60)']",
    );
    let answer = attempt(&action, json!({})).await;
    assert_eq!(answer, Answer::retry("not done within 500ms"));
    let mut active = String::new();
    for _ in 0..100 {
        active = server
            .query("select count(*) from pg_stat_activity where application_name = 'hookreeve' and state = 'active'");
        if active == "0" {
            break;
        }
    }
    assert_eq!(active, "0");
    assert_eq!(server.query("select count(*) from people"), "1");
}

#[tokio::test]
async fn what_is_no_postgresql_is_tried_again() {
    for behaviour in
        [Reset, SayAndHang("HTTP/1.1 400 Bad Request\r\n\r\n"), SayAndFlood("HTTP/1.1 200 OK\r\n\r\n"), SayAndHang("")]
    {
        let server = servers::Server::start(behaviour).await;
        let url = format!("postgres://u@127.0.0.1:{}/x", server.port);
        let answer = attempt(&ready(&toml(&url, "statement = 'select 1'\ntimeout = '300ms'"), &[]), json!({})).await;
        assert_eq!((answer.fate, &answer.detail), (PLAIN, &None), "{behaviour:?}: {answer:?}");
        assert!(answer.what.starts_with("PostgreSQL: ") || answer.what.starts_with("not done"), "{answer:?}");
    }
}

#[tokio::test]
async fn secret_fields_go_over_tls_to_a_server_that_is_known() {
    let Some(first) = told(Server::start()) else { return };
    let files = Files::new();
    let [cert, key, ca] = ["localhost.pem", "localhost.key", "ca.pem"].map(|name| files.path(name));
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o600)).unwrap();
    for path in [files.dir.path(), Path::new(&cert), Path::new(&key)] {
        assert!(first.own(path));
    }
    let options = format!("-c ssl=on -c ssl_cert_file={cert} -c ssl_key_file={key}");
    let server = Server::listening(&options, &["hostssl all all 127.0.0.1/32 trust"]).expect("another one started");
    server.execute("create table t (ssl boolean)");
    let port = server.port.expect("a port");
    let action = |host: &str, tls: &str| {
        let url = format!("postgres://hookreeve@{host}:{port}/postgres?sslmode=require&hostaddr=127.0.0.1");
        let statement = "insert into t select ssl from pg_stat_ssl where pid = pg_backend_pid()";
        ready(&toml(&url, &format!("statement = '{statement}'\n{tls}")), &[])
    };
    let tls = format!("tls = {{ ca = '{ca}' }}");
    assert_eq!(attempt(&action("localhost", &tls), json!({})).await, Answer::done("1 row"));
    assert_eq!(server.query("select ssl from t"), "t");
    for (host, tls) in [("localhost", ""), ("db.example", tls.as_str())] {
        let answer = attempt(&action(host, tls), json!({})).await;
        assert_eq!(answer, Answer::retry("PostgreSQL: invalid data"), "{host}");
    }
}
