//! What is found wrong with actions of type sql.

use expect_test::{Expect, expect};

use super::*;

#[track_caller]
fn check(toml: &str, expected: &Expect) {
    let (_, findings) = compile(toml);
    let lines: Vec<_> = findings.iter().map(|finding| finding.one_line() + "\n").collect();
    expected.assert_eq(&lines.concat());
}

#[test]
fn statements_and_parameters_are_checked_at_load() {
    check(
        r#"
[[action]]
id = "a"
on = "postCreateUser"
type = "sql"
[[action]]
id = "b"
on = "postCreateUser"
type = "sql"
url = "mysql://x"
statements = ["insert into p values (:login, :mail)", "commit", " ", "select 1; select 2", "select '", 5]
params = { login = "user.lgin", unused = "1 +" }
idempotency = "a b"
tls = { key = "k.pem" }
proxy = "http://x"
[[action]]
id = "c"
on = "postCreateUser"
type = "sql"
url = "postgres://u:hunter2@db.example/x"
statement = "select 1"
statements = ["select 1"]
[[action]]
id = "d"
on = "changePassword"
type = "sql"
url = "postgres://u@db.example/x"
statement = "select :p, ':x', :x::text"
params = { p = "secret.passwordText", x = "user.password", y = "1" }
secrets = ["passwordText"]
[[action]]
id = "e"
on = ["changePassword", "postCreateUser"]
type = "sql"
url = "postgres://u@db.example/x?sslmode=require"
statements = []
params = { p = "secret.passwordText" }
secrets = ["passwordText"]
"#,
        &expect![[r#"
            t.toml:5:8: an action of type sql takes a `url` (url = "sqlite:people.db")
            t.toml:5:8: an action of type sql takes a `statement`, or `statements` (statement = "insert into people (login) values (:login)")
            t.toml:10:7: expected "sqlite:PATH" or "postgres://user@host/database"
            t.toml:11:46: nothing is given for `:mail`: params = { mail = 'text(user.?mail)' }
            t.toml:11:55: `commit` cannot stand here: all statements are one transaction, which the action makes
            t.toml:11:65: there is no statement in it
            t.toml:11:79: a text is one statement
            t.toml:11:100: this text, name or comment is not closed
            t.toml:11:104: `statements`: expected text, found an integer (put it in quotes)
            t.toml:12:21: `user.lgin` is not a field that is known (did you mean `user.login`? If not, declare it under `[attributes]`: "user.lgin" = "string")
            t.toml:12:46: the expression ends too early (something is missing behind the `+`)
            t.toml:13:15: expected the name of a table, such as "hookreeve_done"
            t.toml:14:7: a client certificate takes both `cert` and `key`
            t.toml:15:1: `proxy` is no key of an action of type sql (it is one of type http, scim, idhub, cymmetri or optimalcloud)
            t.toml:20:7: a password is never in the configuration itself: url = { env = "NAME" }, the whole address
            t.toml:21:1: `statement` and `statements` are two forms of the same
            t.toml:27:7: secret fields are sent over TLS only (end the address in `?sslmode=require`)
            t.toml:29:44: `user.password` is a secret and cannot be named by a rule
            t.toml:29:60: no statement has a parameter `:y`
            t.toml:34:8: an action of type sql takes a `statement`, or `statements` (statement = "insert into people (login) values (:login)")
            t.toml:37:12: no statement has a parameter `:p`
            t.toml:37:17: unknown name `secret` (a text stands in quotes: "secret"; known names: event, user, request, token, now, lookup, decision, answers)
        "#]],
    );
}

#[test]
fn an_address_that_is_a_secret_is_checked_when_it_is_read() {
    let of = |url: &str| {
        let (set, findings) = compile(
            "[[action]]\nid = 'a'\non = 'changePassword'\ntype = 'sql'\nurl = { env = 'DB' }\nsecrets = ['passwordText']\n\
             statement = 'select :p'\nparams = { p = 'secret.passwordText' }",
        );
        assert!(findings.is_empty(), "{findings:?}");
        match prepare(&set, &[("DB", url)]) {
            Ok(_) => String::new(),
            Err(findings) => findings.iter().map(crate::base::diagnostic::Diagnostic::one_line).collect(),
        }
    };
    let open = "t.toml:5:7: secret fields are sent over TLS only (end the address in `?sslmode=require`)";
    assert_eq!(of("postgres://u:hunter2@db.example/x"), open);
    assert_eq!(of("postgres://u:hunter2@db.example/x?sslmode=require"), "");
    assert_eq!(of("postgres://u:hunter2@127.0.0.1/x"), "");
    let told = of("hunter2hunter2");
    assert_eq!(told, "t.toml:5:7: expected \"sqlite:PATH\" or \"postgres://user@host/database\"");
}
