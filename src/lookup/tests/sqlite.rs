//! A database in a file.

use rusqlite::Connection;

use super::*;

fn database(sql: &str) -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    Connection::open(directory.path().join("p.db")).unwrap().execute_batch(sql).unwrap();
    directory
}

fn toml(directory: &tempfile::TempDir, query: &str, params: &str) -> String {
    let path = directory.path().join("p.db");
    format!(
        "[[lookup]]\nid = 'p'\ntype = 'sql'\nurl = 'sqlite:{}'\nquery = '''{query}'''\nparams = {{ {params} }}",
        path.display()
    )
}

const PEOPLE: &str = "create table people (login text, mobile integer, rate real, photo blob, note);
    insert into people values ('anna', 42, 1.5, x'00ff', null), ('o''neill', 43, 2, null, 'é'), ('bert', 42, 1, null, '');";

#[tokio::test]
async fn the_first_row_is_the_value_and_parameters_are_never_text_of_the_query() {
    let directory = database(PEOPLE);
    let by_login =
        ready(&toml(&directory, "select * from people where login = :login -- ':x'", "login = 'user.login'"));
    assert_eq!(
        told(&by_login, json!({ "login": "anna" })).await,
        r#"{"login":"anna","mobile":42,"rate":1.5,"photo":"AP8=","note":null}"#
    );
    assert_eq!(
        told(&by_login, json!({ "login": "o'neill" })).await,
        r#"{"login":"o'neill","mobile":43,"rate":2.0,"photo":null,"note":"é"}"#
    );
    for login in ["carl", "' or 1=1 --", "anna\0", "  "] {
        assert_eq!(told(&by_login, json!({ "login": login })).await, "not found", "{login:?}");
    }
    let by_mobile =
        ready(&toml(&directory, "select login from people where mobile = :m order by login", "m = 'user.mobile'"));
    for mobile in [json!(42), json!("42")] {
        assert_eq!(told(&by_mobile, json!({ "mobile": mobile })).await, r#"{"login":"anna"}"#);
    }
    assert_eq!(told(&by_mobile, json!({ "mobile": [1] })).await, "failed: `params.m`: a list is no single value");
}

#[tokio::test]
async fn nothing_is_written_and_what_takes_long_is_ended() {
    let directory = database(PEOPLE);
    let sneaky = "with x as (select 1) delete from people returning login";
    let lookup = ready(&toml(&directory, sneaky, ""));
    assert_eq!(told(&lookup, json!({})).await, "failed: SQLite: ReadOnly");
    let endless = "with recursive n(i) as (select 1 union all select i + 1 from n) select count(*) from n";
    let lookup = ready(&toml(&directory, endless, ""));
    for _ in 0..3 {
        assert_eq!(told(&lookup, json!({})).await, "failed: no answer within 300ms");
    }
    let unnamed = ready(&toml(&directory, "select * from people where login = ?", ""));
    assert_eq!(told(&unnamed, json!({})).await, "failed: the query has parameters that have no name");
    let nothing = ready(&toml(&directory, "select * from nowhere", ""));
    assert_eq!(told(&nothing, json!({})).await, "failed: SQLite: no such table: nowhere");
}

#[tokio::test]
async fn a_database_that_comes_later_is_asked_then() {
    let directory = tempfile::tempdir().unwrap();
    let (lookups, findings) = prepare(&toml(&directory, "select login from people", ""), "", None);
    assert!(said(&findings).contains("until it is there, the lookup fails"), "{}", said(&findings));
    let lookups = lookups.unwrap();
    assert_eq!(told(&lookups, json!({})).await, "failed: the file cannot be opened");
    Connection::open(directory.path().join("p.db")).unwrap().execute_batch(PEOPLE).unwrap();
    assert_eq!(told(&lookups, json!({})).await, r#"{"login":"anna"}"#);
}
