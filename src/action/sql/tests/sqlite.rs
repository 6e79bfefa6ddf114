//! A database in a file.

use rusqlite::Connection;
use serde_json::json;

use super::*;

struct Database(tempfile::TempDir);

impl Database {
    fn new(sql: &str) -> Self {
        let database = Self(tempfile::tempdir().unwrap());
        database.open().execute_batch(sql).unwrap();
        database
    }

    fn open(&self) -> Connection {
        Connection::open(self.0.path().join("p.db")).unwrap()
    }

    fn url(&self) -> String {
        format!("sqlite:{}", self.0.path().join("p.db").display())
    }

    fn action(&self, more: &str) -> Arc<dyn Action> {
        ready(&toml(&self.url(), more), &[])
    }

    /// The first column of each row.
    fn column(&self, sql: &str) -> Vec<String> {
        let connection = self.open();
        let mut statement = connection.prepare(sql).unwrap();
        let rows = statement.query_map([], |row| row.get(0)).unwrap();
        rows.map(Result::unwrap).collect()
    }
}

const PEOPLE: &str =
    "create table people (login text primary key, mail text not null, data, check (login <> 'nobody'));
     create table log (login text references people (login), what text);";

#[tokio::test]
async fn values_are_parameters_and_all_statements_are_one_transaction() {
    let database = Database::new(PEOPLE);
    let action = database.action(
        "statements = ['insert into people values (:login, :mail, :data)', 'insert into log values (:login, :what)']\n\
         params = { login = 'user.login', mail = 'user.email', data = '[1, user.?x, {\"a\": true}]', what = 'event' }",
    );
    let login = "o'neill'); drop table people; --";
    let user = json!({ "login": login, "email": ":login", "x": null });
    assert_eq!(attempt(&action, user).await, Answer::done("2 rows"));
    assert_eq!(database.column("select login from people"), [login]);
    assert_eq!(database.column("select mail || ' ' || data from people"), [":login [1,null,{\"a\":true}]"]);
    assert_eq!(database.column("select what from log"), ["postCreateUser"]);
    // The second statement fails: nothing of the first is left.
    let refers = database.action(
        "statements = ['delete from log', 'delete from people', 'insert into log values (:login, :login)']\nparams = { login = 'user.login' }",
    );
    assert_eq!(
        attempt(&refers, json!({ "login": "carl" })).await,
        Answer::dead("statement 3: SQLite: a row that is referred to is not there, or one still refers to it")
    );
    assert_eq!(database.column("select login from people"), [login]);
    assert_eq!(database.column("select login from log"), [login]);
}

#[tokio::test]
async fn what_was_done_is_not_done_again_where_keys_are_kept() {
    let database = Database::new(PEOPLE);
    let more =
        "statement = \"insert into people values (:login || random(), '', null)\"\nparams = { login = 'user.login' }";
    let action = database.action(&format!("{more}\nidempotency = 'hookreeve_done'"));
    let user = json!({ "login": "anna" });
    assert_eq!(attempt(&action, user.clone()).await, Answer::done("1 row"));
    assert_eq!(attempt(&action, user.clone()).await, Answer::done("it was done before"));
    assert_eq!(
        attempt(&database.action(&format!("{more}\nidempotency = 'hookreeve_done'")), user.clone()).await.what,
        "it was done before"
    );
    assert_eq!(database.column("select count(*) || '' from people"), ["1"]);
    let kept = database.column("select idempotency_key || ' ' || (done_at > '2026-01-01') from hookreeve_done");
    assert_eq!(kept, ["018f0000-0000-7000-8000-000000000001_a 1"]);
    // A failure keeps no key.
    let fails =
        database.action("statement = \"insert into people values ('nobody', '', null)\"\nidempotency = 'other'");
    for _ in 0..2 {
        assert_eq!(attempt(&fails, user.clone()).await, Answer::dead("SQLite: a value breaks a check"));
    }
    // Without the table the same is done each time.
    let each = database.action(more);
    for _ in 0..2 {
        assert_eq!(attempt(&each, user.clone()).await, Answer::done("1 row"));
    }
    assert_eq!(database.column("select count(*) || '' from people"), ["3"]);
}

#[tokio::test]
async fn every_error_has_its_fate() {
    let database = Database::new(PEOPLE);
    let nowhere = format!("sqlite:{}", database.0.path().join("nowhere.db").display());
    let text = database.0.path().join("text.db");
    std::fs::write(&text, "this is no database, but a text that is long enough to be looked at as one\n".repeat(40))
        .unwrap();
    let own = database.url();
    for (url, statement, fate, what) in [
        (
            own.as_str(),
            "insert into people values (:login, null, null)",
            Fate::Dead,
            "SQLite: a value must not be null",
        ),
        (&own, "insert into nowhere values (:login)", TARGET, "SQLite: no such table: nowhere"),
        (&own, "insert into people (x) values (:login)", Fate::Dead, "SQLite: table people has no column named x"),
        (&own, "insrt into people values (:login)", Fate::Dead, "SQLite: near \"insrt\": syntax error"),
        (
            &own,
            "insert into people values (:login, ?, null)",
            Fate::Dead,
            "a statement has parameters that have no name",
        ),
        (&own, "select :login from people, (select 1)", Fate::Done, "0 rows"),
        (&nowhere, "select :login", TARGET, "the file cannot be opened"),
        (&format!("sqlite:{}", text.display()), "select :login", TARGET, "the file is no database"),
    ] {
        let more = format!("statement = '''{statement}'''\nparams = {{ login = 'user.login' }}");
        let answer = attempt(&ready(&toml(url, &more), &[]), json!({ "login": "PRIVATE" })).await;
        assert_eq!((answer.fate, answer.what.as_str(), &answer.detail), (fate, what, &None), "{statement}");
    }
    let missing = database.action("statement = 'select :x'\nparams = { x = 'user.grade' }");
    assert_eq!(attempt(&missing, json!({})).await, Answer::dead("`params.x`: the field `grade` is missing"));
}

#[tokio::test]
async fn a_file_that_comes_later_is_written_to_then() {
    let directory = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", directory.path().join("p.db").display());
    let action = ready(
        &toml(&url, "statement = 'insert into people values (:l, :l, null)'\nparams = { l = 'user.login' }"),
        &[],
    );
    assert_eq!(attempt(&action, json!({ "login": "a" })).await.fate, TARGET);
    let database = Database(directory);
    database.open().execute_batch(PEOPLE).unwrap();
    assert_eq!(attempt(&action, json!({ "login": "a" })).await, Answer::done("1 row"));
}

#[tokio::test]
async fn what_takes_too_long_is_ended_and_leaves_nothing() {
    let database = Database::new(PEOPLE);
    let endless =
        "insert into people with recursive n(i) as (select 1 union all select i + 1 from n) select i, i, i from n";
    let action = database.action(&format!("timeout = '200ms'\nstatement = '{endless}'"));
    for _ in 0..2 {
        assert_eq!(attempt(&action, json!({})).await, Answer::retry("not done within 200ms"));
    }
    assert_eq!(database.column("select login from people"), [""; 0]);
    // Somebody else writes.
    let other = database.open();
    other.execute_batch("begin immediate").unwrap();
    let waits = database.action("timeout = '200ms'\nstatement = \"insert into people values ('a', 'a', null)\"");
    let answer = attempt(&waits, json!({})).await;
    assert!(matches!(answer.what.as_str(), "the database is busy" | "not done within 200ms"), "{answer:?}");
    assert_eq!(answer.fate, PLAIN);
    other.execute_batch("rollback").unwrap();
    assert_eq!(attempt(&waits, json!({})).await, Answer::done("1 row"));
}

#[tokio::test]
async fn a_granted_secret_field_is_a_parameter_and_never_in_what_is_said() {
    let database = Database::new("create table passwords (login text, password text check (length(password) > 3))");
    let (set, findings) = compile(&format!(
        "[[action]]\nid = 'a'\non = 'changePassword'\ntype = 'sql'\nurl = '{}'\nsecrets = ['passwordText']\n\
         statement = 'insert into passwords values (:login, :password)'\n\
         params = {{ login = 'user.login', password = 'secret.passwordText' }}",
        database.url()
    ));
    assert!(findings.is_empty(), "{findings:?}");
    let action = prepare(&set, &[]).unwrap_or_else(|findings| panic!("{findings:?}"))["a"].clone();
    assert_eq!(action.attempt(&secret_job("h'u\"nter2")).await, Answer::done("1 row"));
    assert_eq!(database.column("select password from passwords"), ["h'u\"nter2"]);
    assert_eq!(action.attempt(&secret_job("abc")).await, Answer::dead("SQLite: a value breaks a check"));
}

#[tokio::test]
async fn many_at_once_are_each_done_once() {
    let database = Database::new(PEOPLE);
    let action = database
        .action("statement = 'insert into people values (:login, :login, null)'\nparams = { login = 'user.login' }");
    let logins: Vec<_> = (0..50).map(|number| json!({ "login": format!("p{number}") })).collect();
    let answers = futures_util::future::join_all(logins.into_iter().map(|user| attempt(&action, user))).await;
    assert!(answers.iter().all(|answer| *answer == Answer::done("1 row")), "{answers:?}");
    assert_eq!(database.column("select count(*) || '' from people"), ["50"]);
}
