//! What is found wrong with actions, all at once and with its place.

use expect_test::{Expect, expect};

use super::*;
use crate::base::diagnostic::Severity::{Error, Warning};

#[track_caller]
fn check(toml: &str, expected: &Expect) {
    let (_, findings) = compile(toml);
    let lines: Vec<_> = findings.iter().map(|finding| finding.one_line() + "\n").collect();
    expected.assert_eq(&lines.concat());
}

#[test]
fn every_error_of_an_action_is_found_at_once() {
    check(
        "[[action]]\nid = 'a b'\non = ['postCreateUsr', 'validateUser', 'test', 'preProvision', 'preProvision']\n\
         when = 'user.userTyp == 1'\ntype = 'htp'\nconcurrency = 0\ntimeout = '0s'\n\
         retry = { first = '2h', count = 0 }\nsecrets = ['login']\nsecret_ttl = '0s'",
        &expect![[r#"
            t.toml:2:6: an action's id is 1 to 64 letters, digits, `-`, `_` and `.` (it names the action in the journal, in metrics and on the command line)
            t.toml:3:6: validateUser asks about what may not happen: no action can follow it (add `decision = "refused"`, or follow the event that tells of it)
            t.toml:3:6: test asks only whether anybody is there: no action can follow it
            t.toml:3:6: preProvision tells of what is about to happen, and may yet not happen (postProvision tells how it went)
            t.toml:3:7: there is no event `postCreateUsr` (did you mean `postCreateUser`?)
            t.toml:3:64: `preProvision` stands here twice
            t.toml:4:9: `user.userTyp` is not a field that is known (did you mean `user.userType`? If not, declare it under `[attributes]`: "user.userTyp" = "int")
            t.toml:5:8: there is no such type of action (did you mean `http`?)
            t.toml:6:15: at least one attempt must be allowed at once
            t.toml:7:11: an attempt takes some time
            t.toml:8:9: `count` must allow at least one attempt
            t.toml:8:9: `first` is longer than `max_delay`
            t.toml:9:12: `login` is no secret field of an event that the action follows (secret fields: user.securityQuestion, user.password, user.pin; others are there without a grant)
            t.toml:10:14: secret fields must be kept for some time
        "#]],
    );
}

#[test]
fn what_cannot_be_read_is_found_at_once() {
    check(
        "[[action]]\nid = 'a'\non = 1\ntype = 'http'\nrate = '0/s'\norder = 'x'\nretry = { fro = '1s' }\n\
         headers = { x = 5, y = { env = 'A', prefix = 1 } }\nallow = ['x']\nurll = 'x'\nmethod = 'post'\nconcurency = 1\nx = 1\n\
         [[action]]\nid = 'b'\non = 1\ntype = 'log'\nlevel = 'loud'\ntimout = '1s'\nheaders = { x = 5 }\nargvv = 1\n\
         [[action]]\nidd = 'c'\non = 'postCreateUser'\ntype = 'lgo'\nlevel = 'loud'\nurl = 5\n\
         [[action]]\nid = 'd'\non = 'postCreateUser'\ntype = 1\nlevel = 'info'\n\
         [[action]]\nid = 'e'\non = 'postCreateUser'\nlevel = 'info'",
        &expect![[r#"
            t.toml:3:6: `on`: expected a text or a list of texts
            t.toml:5:8: `rate`: expected a rate such as "100/s" or "30/m"
            t.toml:6:9: `order`: expected `person` or `none`
            t.toml:7:11: unknown key `fro` (did you mean `for`?)
            t.toml:8:17: `headers.x`: expected a text, or a secret's place as { env = "NAME" } or { file = "path" }
            t.toml:8:24: `headers.y`: expected a text, or a secret's place as { env = "NAME" } or { file = "path" }
            t.toml:9:10: `allow`: expected a network or an address, such as "10.0.0.0/8" or "203.0.113.7"
            t.toml:10:1: unknown key `urll` (did you mean `url`?)
            t.toml:11:10: `method`: expected one of `POST`, `PUT`, `PATCH`, `DELETE`, `GET` (did you mean `POST`?)
            t.toml:12:1: unknown key `concurency` (did you mean `concurrency`?)
            t.toml:13:1: unknown key `x` (known keys here: id, on, when, decision, after, capture, type, description, order, retry, timeout, concurrency, rate, secrets, secret_ttl, tls, proxy, allow_private, allow, url, method, headers, body, text, content_type, format, sign, done)
            t.toml:16:6: `on`: expected a text or a list of texts
            t.toml:18:9: `level`: expected `info` or `warn`
            t.toml:19:1: unknown key `timout` (did you mean `timeout`?)
            t.toml:20:1: `headers` is no key of an action of type log (it is one of type http, scim, idhub, cymmetri or optimalcloud)
            t.toml:21:1: unknown key `argvv` (known keys here: id, on, when, decision, after, type, description, order, retry, timeout, concurrency, rate, message, level)
            t.toml:23:1: unknown key `idd` (did you mean `id`?)
            t.toml:25:8: there is no such type of action (did you mean `log`?)
            t.toml:31:8: `type`: expected text, found an integer (put it in quotes)
            t.toml:33:1: the key `type` is missing (add `type = …` to this table)
        "#]],
    );
}

#[test]
fn every_event_is_one_that_an_action_may_follow_or_not() {
    for (on, decision) in [
        ("test", ""),
        ("preCreateUser", ""),
        ("validateUser", ""),
        ("policyMap", ""),
        ("preProvision", ""),
        ("preCreateUser", "decision = 'refused'"),
        ("validateUser", "decision = 'refused'"),
        ("policyMap", "decision = 'refused'"),
        ("postCreateUser", "decision = 'refused'"),
        ("runDeprovision", "decision = 'refused'"),
        ("postCreateUser", ""),
        ("changePassword", ""),
        ("postProvision", ""),
        ("runDeprovision", ""),
    ] {
        let (_, findings) = compile(&format!("[[action]]\nid = 'a'\non = '{on}'\n{decision}\ntype = 'log'"));
        let found: Vec<_> = findings.iter().map(|finding| finding.severity).collect();
        let expected = match (on, decision.is_empty()) {
            ("test" | "preCreateUser" | "validateUser" | "policyMap", true) => vec![Error],
            ("validateUser", false)
            | ("postCreateUser" | "changePassword" | "postProvision" | "runDeprovision", true) => {
                vec![]
            }
            (_, _) => vec![Warning],
        };
        assert_eq!(found, expected, "{on} {decision}");
    }
}

#[test]
fn keys_belong_to_types_and_ids_are_unique() {
    check(
        "[[action]]\nid = 'a'\non = 'postCreateUser'\ntype = 'log'\nurl = 'https://x.example/'\ndead = [1]\nsecrets = []\n\
         [[action]]\nid = 'a'\non = []\ntype = 'sql'\n\
         [[action]]\nid = 'c'\non = 'postCreateUser'\ntype = 'log'\nmessage = '${user.login}'",
        &expect![[r"
            t.toml:5:1: `url` is no key of an action of type log (it is one of type http, scim, idhub, cymmetri or optimalcloud)
            t.toml:6:1: `dead` is no key of an action of type log (it is one of type command)
            t.toml:7:1: `secrets` is no key of an action of type log (it is one of type http, command, scim, idhub, cymmetri or optimalcloud)
            t.toml:9:6: the id `a` is another action's, first used here: t.toml:2:6 (ids are unique across all files)
            t.toml:10:6: the action follows no event
            t.toml:11:8: actions of type `sql` are not in this version (types: http, command, log, scim, idhub, cymmetri, optimalcloud)
            t.toml:16:11: the message is taken literally (the line names event, entry, person and decision by itself; fields of the event are for no log)
        "]],
    );
}

#[test]
fn a_request_is_checked_down_to_its_expressions() {
    check(
        r#"
[[action]]
id = "a"
on = ["postCreateUser", "changePassword"]
type = "http"
url = "https://crm.example/people/${user.passwrd}/${secret.passwordText}"
headers = { Host = "x", x-a = "${", X-A = "y", authorization = "Bearer abc", x-b = "${secret.passwordText}" }
body = { a = "user.password", b = 5, c = ["1 +", "lookup.x"], d.e = "decision.outcome + 1" }
text = "x"
content_type = "a\nb"
secrets = ["passwordText"]
done = [204, 409, 99]
proxy = "ftp://proxy"
tls = { cert = "cert.pem" }
[[action]]
id = "b"
on = "postCreateUser"
type = "http"
[[action]]
id = "c"
on = "changePassword"
type = "http"
url = "http://crm.example/"
text = "x"
format = "cloudevents"
secrets = ["passwordText"]
"#,
        &expect![[r#"
            t.toml:6:37: `user.passwrd` is not a field that is known (declare it under `[attributes]`: "user.passwrd" = "string")
            t.toml:6:53: unknown name `secret` (a text stands in quotes: "secret"; known names: event, user, request, token, now, lookup, decision)
            t.toml:7:13: the header `host` cannot be written (the host is that of `url`)
            t.toml:7:32: `${` is not closed (write `$${` for a literal `${`)
            t.toml:7:37: `x-a` stands here twice
            t.toml:7:64: what stands in `authorization` is a secret, and a secret is never in the configuration itself (authorization = { env = "NAME", prefix = "Bearer " })
            t.toml:7:87: unknown name `secret` (a text stands in quotes: "secret"; known names: event, user, request, token, now, lookup, decision)
            t.toml:8:15: `user.password` is a secret and cannot be named by a rule
            t.toml:8:35: a value of `body` must be a text with an expression, and is an integer (write it as an expression: '5')
            t.toml:8:47: the expression ends too early (something is missing behind the `+`)
            t.toml:8:51: there is no lookup `x` (there are: hr)
            t.toml:8:70: `+` does not take a string and an int (`text(…)` makes a text of a value)
            t.toml:9:1: `body` and `text` are two forms of the same
            t.toml:10:1: expected a content type, such as "application/json"
            t.toml:12:9: every 2xx counts as done anyway
            t.toml:12:19: expected a status such as 409
            t.toml:13:9: expected a proxy's address, such as "http://proxy.corp.example:3128"
            t.toml:14:7: a client certificate takes both `cert` and `key`
            t.toml:18:8: an action of type http takes a `url`
            t.toml:23:7: secret fields are sent over TLS only (write `https://`)
            t.toml:24:1: CloudEvents take JSON: write `body`, or nothing for the event itself
        "#]],
    );
}

#[test]
fn an_address_is_literal_up_to_its_path() {
    for (url, expected) in [
        ("https://crm.example", ""),
        ("https://crm.example/a/${user.login}?q=${user.login}&r=1", ""),
        ("https://crm.example?q=${user.login}", ""),
        ("http://8.8.8.8:8080/", ""),
        ("https://[2001:4860:4860::8888]/", ""),
        ("${user.login}", "an expression cannot choose"),
        ("https://${user.login}/", "an expression cannot choose"),
        ("https://crm.example:${user.login}/", "an expression cannot choose"),
        ("https://crm.${user.login}.example/", "an expression cannot choose"),
        ("https://crm.example${user.login}", "an expression cannot choose"),
        ("https://a${user.login}@crm.example/", "an expression cannot choose"),
        ("https://a:b@crm.example/", "holds no name and password"),
        ("https://crm.example/#a", "never sent"),
        ("https://crm.example/a/../b", "normal form"),
        ("https://crm.example/a b", "normal form"),
        ("https://crm.example/é", "normal form"),
        (r"https://crm.example\\a", "normal form"),
        ("ftp://crm.example/", "the scheme must be"),
        ("crm.example/a", "this is no address"),
        ("https:///", "this is no address"),
        ("http://127.0.0.1/", "this machine's own"),
        ("http://2130706433/", "this machine's own"),
        ("http://0x7f.1/", "this machine's own"),
        ("http://[::1]/", "this machine's own"),
        ("http://localhost:8080/", "this machine's own"),
        ("http://[::ffff:10.0.0.1]/", "a private one"),
        ("http://169.254.169.254/latest", "metadata"),
        ("http://0/", "no address at all"),
    ] {
        let (_, findings) =
            compile(&format!("[[action]]\nid = 'a'\non = 'postCreateUser'\ntype = 'http'\nurl = \"{url}\""));
        let found: Vec<_> = findings.iter().map(|finding| finding.message.as_str()).collect();
        match found[..] {
            [] => assert_eq!(expected, "", "{url}"),
            [one] => assert!(!expected.is_empty() && one.contains(expected), "{url}: {one}"),
            _ => panic!("{url}: {found:?}"),
        }
    }
}

#[test]
fn a_program_is_called_with_literals_only() {
    check(
        "[[action]]\nid = 'a'\non = 'changePassword'\ntype = 'command'\nargv = ['./x', '${user.login}']\n\
         env = ['A B', 'HOOKREEVE_EVENT', 'PATH']\ndone = [0, 3, 300]\ndead = [3, 65]\nmessage = 'x'\n\
         [[action]]\nid = 'b'\non = 'changePassword'\ntype = 'command'",
        &expect![[r#"
            t.toml:5:9: the program must be an absolute path, or a name alone (a name alone is looked for in /usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin)
            t.toml:5:16: what a program is called with is taken literally (the event comes as JSON on the program's standard input)
            t.toml:6:8: expected a variable's name
            t.toml:6:15: this variable is there anyway
            t.toml:7:9: expected an exit code from 1 to 255
            t.toml:7:15: expected an exit code from 1 to 255
            t.toml:8:9: 3 cannot count as both done and dead
            t.toml:9:1: `message` is no key of an action of type command (it is one of type log)
            t.toml:13:8: an action of type command takes an `argv` (argv = ["/usr/local/bin/tell-crm"])
        "#]],
    );
}

#[test]
fn a_finding_never_shows_a_secret_that_was_written_in_place_of_its_name() {
    let (_, findings) = compile(
        "[[action]]\nid = 'a'\non = 'changePassword'\ntype = 'http'\nurl = 'https://x.example/'\n\
         headers = { authorization = 'Bearer hunter2', x = { env = 'hunter2!' } }\nsign = { standard_webhooks = 'hunter2' }",
    );
    assert!(findings.errors() >= 2, "{findings:?}");
    for finding in &findings {
        assert!(!finding.one_line().contains("hunter2"), "{finding:?}");
    }
}

#[test]
fn what_a_secret_holds_is_checked_when_it_is_read() {
    let (set, findings) = compile(
        "[[action]]\nid = 'a'\non = 'postCreateUser'\ntype = 'http'\nurl = { env = 'URL' }\n\
         headers = { x = { env = 'X' }, y = { env = 'Y' } }\nsign = { standard_webhooks = [{ env = 'K' }, { env = 'L' }] }",
    );
    assert!(findings.is_empty(), "{findings:?}");
    let secrets = [("URL", "http://10.0.0.1/T000"), ("X", "a\nb"), ("K", "whsec_AAAA"), ("L", "hunter2")];
    let findings = prepare(&set, &secrets).err().expect("findings");
    let lines: Vec<_> = findings.iter().map(|finding| finding.one_line() + "\n").collect();
    expect![[r"
        t.toml:5:7: the destination cannot be used: its address is a private one, which is not allowed
        t.toml:6:17: what stands in environment variable X is no header's value
        t.toml:6:36: environment variable Y is not set (set it where the server is started: `export Y=…` in a shell, `--env Y` for a container)
        t.toml:7:31: what stands in environment variable K is no key: a key of Standard Webhooks has 24 to 64 bytes
        t.toml:7:46: what stands in environment variable L is no key: a key of Standard Webhooks begins with `whsec_`
    "]].assert_eq(&lines.concat());
}
