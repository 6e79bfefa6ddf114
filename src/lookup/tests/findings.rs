//! What is found wrong with lookups, at once and with its place.

use expect_test::{Expect, expect};

use super::*;

#[track_caller]
#[expect(clippy::needless_pass_by_value, reason = "the cases read better without an ampersand")]
fn check(toml: &str, expected: Expect) {
    let (_, findings) = compile(toml);
    expected.assert_eq(&said(&findings));
}

#[test]
fn everything_wrong_is_said_at_once() {
    check(
        r#"
[[lookup]]
id = "Same Mobile"
type = "htpp"
[[lookup]]
id = "a"
type = "csv"
key = "Cost Centre"
match = { x = 'user.password' }
delimiter = "ab"
cache = "60s"
timeout = "0s"
[[lookup]]
id = "a"
type = "http"
url = "https://${user.login}/x"
query = "select 1"
value = "data"
not_found = [200]
headers = { authorization = "Bearer x" }
[[lookup]]
id = "c"
type = "sql"
url = "postgres://u:secret@h/d"
query = "select 1 where a = :b"
params = { c = 'user.logn' }
[[lookup]]
id = "d"
type = "sql"
url = "mysql://h/d"
query = "select 1"
concurrency = 0
[[lookup]]
id = "e"
type = "http"
"#,
        expect![[r#"
            t.toml:3:6: a lookup's id is a small letter, then small letters, digits and `_` (rules name it: `lookup.same_mobile.found`)
            t.toml:4:8: there is no such type of lookup (did you mean `http`?)
            t.toml:7:8: a lookup of type csv takes a `file` (file = "people.csv")
            t.toml:8:1: `key` and `match` are two forms of the same (key = "login" means match = { login = 'text(user.?login)' })
            t.toml:8:7: `Cost Centre` is no field's name (write what it must hold: match = { "Staff No" = 'user.employeeId' })
            t.toml:9:16: `user.password` is a secret and cannot be named by a rule
            t.toml:10:13: what stands between columns is one character of ASCII (such as ";" or "\t")
            t.toml:11:1: `cache` changes nothing: the whole file is in memory
            t.toml:12:11: a fetch takes some time
            t.toml:14:6: the id `a` is another lookup's, first used here: t.toml:6:6 (ids are unique across all files)
            t.toml:16:18: an expression cannot choose scheme, host or port (write them literally, and a `/` behind them: "https://host/…")
            t.toml:17:1: `query` is no key of a lookup of type http (it is one of type sql)
            t.toml:18:9: the way to the value begins with `$` (such as "$.data.0.name"; `$` is the whole answer)
            t.toml:19:14: expected a status such as 404 or 410 (a source that fails is no answer, and never "not found")
            t.toml:20:29: what stands in `authorization` is a secret, and a secret is never in the configuration itself (authorization = { env = "NAME", prefix = "Bearer " })
            t.toml:24:7: a password is never in the configuration itself: url = { env = "NAME" }, the whole address
            t.toml:25:29: nothing is given for `:b`: params = { b = 'text(user.?b)' }
            t.toml:30:7: expected "sqlite:PATH" or "postgres://user@host/database"
            t.toml:32:15: at least one fetch must be allowed at once
            t.toml:35:8: a lookup of type http takes a `url` (url = "https://hr.example/people/${user.login}")
        "#]],
    );
}

#[test]
fn what_is_wrong_with_a_body_is_said() {
    check(
        "[[lookup]]\nid = 'hr'\ntype = 'http'\nurl = 'https://hr.example/'\nmethod = 'GET'\nbody = { n = 1, m = 'usr.login' }\n\
         [[lookup]]\nid = 'q'\ntype = 'csv'\nfile = 'x.csv'\nkey = 'login'\nbody = { n = '1' }\n",
        expect![[r#"
            t.toml:6:1: a request by GET has no body (method = "POST")
            t.toml:6:14: a value of `body` must be a text with an expression, and is an integer (write it as an expression: '1')
            t.toml:6:22: unknown name `usr` (did you mean `user`?)
            t.toml:12:1: `body` is no key of a lookup of type csv (it is one of type http)
        "#]],
    );
}

#[test]
fn a_lookup_that_nothing_names_is_a_warning() {
    let source = Arc::new(Text {
        name: "t.toml".into(),
        text: "[[lookup]]\nid = 'hr'\ntype = 'http'\nurl = 'https://hr.example/${user.login}'".into(),
    });
    let tree = tree::parse(&source, &mut Diagnostics::default());
    let entries = tree.get("lookup").and_then(Node::as_array).unwrap();
    let mut findings = Diagnostics::default();
    let set = LookupSet::compile(entries, &Context::default(), &mut findings);
    assert_eq!(set.len(), 1);
    assert!(
        said(&findings).contains("no rule and no action names `lookup.hr`: it is never asked"),
        "{}",
        said(&findings)
    );
}
