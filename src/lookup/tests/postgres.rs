//! A real PostgreSQL, where there is one.

use super::*;
use crate::sql::tests::server::Server;

fn toml(server: &Server, query: &str, params: &str) -> String {
    let url = server.url();
    format!(
        "[[lookup]]\nid = 'p'\ntype = 'sql'\ntimeout = '2s'\nurl = '{url}'\nquery = '''{query}'''\nparams = {{ {params} }}"
    )
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
        let lookups = ready(&toml(&server, &query, &format!("x = '{parameter}'")));
        assert_eq!(told(&lookups, json!({})).await, row, "{condition} with {parameter}");
    }
    let by_login = ready(&toml(&server, "select login from people where login = :login", "login = 'user.login'"));
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
        let lookups = ready(&toml(&server, query, &format!("x = '{parameter}'")));
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
