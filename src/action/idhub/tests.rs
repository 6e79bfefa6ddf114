//! Operations at servers that answer as IDHub does, and as it should not.

use serde_json::{Value as Json, json};

use crate::action::tests::{compile, job, job_about, prepare, ready};
use crate::action::{Answer, Fate, Trouble};
use crate::base::secret::Secret;
use crate::outgoing::tests::servers::Behaviour::{Each, Reset, Say, SayAndFlood, SayAndHang};
use crate::outgoing::tests::servers::{Behaviour, Server};

const PLAIN: Fate = Fate::Retry { after: None, trouble: Trouble::Plain };
const TARGET: Fate = Fate::Retry { after: None, trouble: Trouble::Target };

/// The documented answer to a cart that is made.
const CART: &str = "HTTP/1.1 200 OK\r\n\r\n{ \"correlationId\": \"657820f1171a9761e416ee25\", \"result\": true }";
const SUBMITTED: &str = "HTTP/1.1 202 Accepted\r\n\r\n";
const REFUSED: &str = "HTTP/1.1 200 OK\r\n\r\n{ \"correlationId\": \"x\", \"result\": false }";
const NOTHING: &str = "HTTP/1.1 200 OK\r\n\r\n{}";
const ALLOWS: &str = "HTTP/1.1 200 OK\r\n\r\n{\"possibleActions\":[\"Claim\",\"Approve\",\"Re-Assign\"]}";
const DOWN: &str = "HTTP/1.1 503 Down\r\n\r\n";

fn toml(port: u16, more: &str) -> String {
    format!("on = 'postCreateUser'\ntype = 'idhub'\nurl = 'http://127.0.0.1:{port}/base'\nallow_private = true\n{more}")
}

const CARTS: &str = r#"
tenant = { header = "X-Tenant", value = "acme" }
headers = { authorization = { env = "T", prefix = "Bearer " } }
do = ["create_cart", "submit_cart"]
[action.operations.submit_cart]
method = "PUT"
path = "/carts/${step.create_cart.correlationId}/submit"
when = 'step.create_cart.result'
[action.operations.create_cart]
path = "/carts"
query = { owner = 'user.login', note = 'user.?none' }
body = { name = '"default"', cartItems = [{ entityId = '"63af"', beneficiaries = { login = 'user.login' } }] }
"#;

async fn attempt(behaviour: Behaviour, more: &str, user: Json) -> (Answer, Vec<String>) {
    let server = Server::start(behaviour).await;
    let action = ready(&toml(server.port, more), &[("T", "t0ken")]);
    (action.attempt(&job_about("postCreateUser", &user)).await, server.asked())
}

#[tokio::test]
async fn a_cart_is_made_and_then_submitted() {
    let (answer, asked) = attempt(Each(&[CART, SUBMITTED]), CARTS, json!({ "login": "jerome" })).await;
    assert_eq!(answer, Answer::done("HTTP 202"));
    let [create, submit] = &asked[..] else { panic!("{asked:?}") };
    let (head, body) = create.split_once("\r\n\r\n").expect("a head");
    assert!(head.starts_with("POST /base/carts?owner=jerome HTTP/1.1\r\n"), "{head}");
    for line in [
        "authorization: Bearer t0ken",
        "x-tenant: acme",
        "content-type: application/json",
        "idempotency-key: 018f0000-0000-7000-8000-000000000001_a-create_cart",
    ] {
        assert!(head.contains(line), "{line}: {head}");
    }
    let body: Json = serde_json::from_str(body).expect("JSON");
    assert_eq!(body["cartItems"][0], json!({ "entityId": "63af", "beneficiaries": { "login": "jerome" } }));
    assert!(submit.starts_with("PUT /base/carts/657820f1171a9761e416ee25/submit HTTP/1.1\r\n"), "{submit}");
}

#[tokio::test]
async fn an_attempt_that_was_broken_off_goes_on_where_it_stopped() {
    let server = Server::start(Each(&[CART, DOWN, SUBMITTED, CART, SUBMITTED])).await;
    let action = ready(&toml(server.port, CARTS), &[("T", "t")]);
    let jerome = job_about("postCreateUser", &json!({ "login": "jerome" }));
    assert_eq!(action.attempt(&jerome).await, Answer::retry("submit_cart: HTTP 503"));
    assert_eq!(action.attempt(&jerome).await, Answer::done("HTTP 202"));
    let paths = |asked: Vec<String>| {
        let word = |asked: &String| asked.split(' ').take(1).collect::<String>();
        asked.iter().map(word).collect::<Vec<_>>()
    };
    assert_eq!(paths(server.asked()), ["POST", "PUT", "PUT"], "the cart is made once");
    // Another work of the same person has a cart of its own.
    let mut other = job_about("postCreateUser", &json!({ "login": "jerome" }));
    other.idempotency_key = "another".into();
    assert_eq!(action.attempt(&other).await, Answer::done("HTTP 202"));
    assert_eq!(paths(server.asked()), ["POST", "PUT", "PUT", "POST", "PUT"]);
}

#[tokio::test]
async fn what_is_only_read_is_read_anew_by_the_next_attempt() {
    const NONE: &str = "HTTP/1.1 200 OK\r\n\r\n[]";
    const OPEN: &str = "HTTP/1.1 200 OK\r\n\r\n[{\"id\":\"7\"}]";
    let more = r#"
do = ["open", "make"]
[action.operations.open]
path = "/carts"
[action.operations.make]
when = 'size(step.open) == 0'
path = "/carts"
body = { name = '"default"' }
"#;
    // The cart is made, and the answer lost.
    let server = Server::start(Each(&[NONE, "", OPEN])).await;
    let action = ready(&toml(server.port, more), &[]);
    let jerome = job_about("postCreateUser", &json!({ "login": "jerome" }));
    assert_eq!(action.attempt(&jerome).await.fate, PLAIN);
    assert_eq!(action.attempt(&jerome).await, Answer::done("HTTP 200"));
    let words: Vec<String> = server.asked().iter().map(|asked| asked.split(' ').take(1).collect()).collect();
    assert_eq!(words, ["GET", "POST", "GET"]);
}

#[tokio::test]
async fn a_step_whose_condition_does_not_hold_is_left_out() {
    let (answer, asked) = attempt(Each(&[REFUSED]), CARTS, json!({ "login": "jerome" })).await;
    assert_eq!((answer, asked.len()), (Answer::done("HTTP 200"), 1));
}

#[tokio::test]
async fn ids_are_texts_and_objects_are_lists_where_that_is_meant() {
    let more = r#"
do = ["find", "fetch"]
[action.operations.find]
path = "/roles"
lists = ["$.items"]
[action.operations.fetch]
path = "/roles/${step.find.items[0].id}?n=${size(step.find.items)}"
"#;
    for found in [
        "HTTP/1.1 200 OK\r\n\r\n{\"items\":{\"_id\":{\"$oid\":\"7\"}}}",
        "HTTP/1.1 206 Partial\r\n\r\n{\"items\":[{\"id\":{\"$oid\":\"7\"}}]}",
        "HTTP/1.1 200 OK\r\n\r\n{\"items\":[{\"id\":\"7\"}]}",
    ] {
        let said: &'static [&'static str] = Box::leak(Box::new([found, SUBMITTED]));
        let (answer, asked) = attempt(Each(said), more, json!({ "login": "x" })).await;
        assert_eq!(answer.fate, Fate::Done, "{answer:?}");
        assert!(asked[1].starts_with("GET /base/roles/7?n=1 HTTP/1.1"), "{}", asked[1]);
    }
    let (answer, asked) = attempt(Each(&[NOTHING]), more, json!({ "login": "x" })).await;
    assert!(answer.fate == Fate::Dead && answer.what.starts_with("fetch: `path`"), "{answer:?}");
    assert_eq!(asked.len(), 1);
}

const TASKS: &str = r#"
when = 'user.userType == "Contractor"'
do = ["task", "act"]
[action.operations.task]
path = "/tasks/${user.task}"
[action.operations.act]
path = "/tasks/${user.task}/${word}"
word = '"approve"'
possible = 'step.task.possibleActions'
body = { userLogin = 'user.login', comment = '"by rule"', action = 'word' }
"#;

#[tokio::test]
async fn a_task_is_acted_on_with_a_word_of_its_own_or_not_at_all() {
    let user = json!({ "login": "jerome", "task": "7" });
    let (answer, asked) = attempt(Each(&[ALLOWS, SUBMITTED]), TASKS, user.clone()).await;
    assert_eq!(answer, Answer::done("HTTP 202"));
    assert!(asked[1].starts_with("POST /base/tasks/7/Approve HTTP/1.1"), "{}", asked[1]);
    assert!(asked[1].ends_with(r#"{"userLogin":"jerome","comment":"by rule","action":"Approve"}"#), "{}", asked[1]);
    for (said, why) in [
        ("HTTP/1.1 200 OK\r\n\r\n{\"possibleActions\":[\"Claim\"]}", "act: the task does not allow this word now"),
        ("HTTP/1.1 200 OK\r\n\r\n{\"possibleActions\":[]}", "act: the task does not allow this word now"),
        ("HTTP/1.1 200 OK\r\n\r\n{\"possibleActions\":\"Approve\"}", "act: `possible` is no list"),
        ("HTTP/1.1 200 OK\r\n\r\n{}", "act: `possible`: the field `possibleActions` is missing"),
    ] {
        let said: &'static [&'static str] = Box::leak(Box::new([said]));
        let (answer, asked) = attempt(Each(said), TASKS, user.clone()).await;
        assert_eq!((answer, asked.len()), (Answer::dead(why), 1));
    }
}

#[tokio::test]
async fn a_comment_is_sent_in_parts() {
    let more = r#"
[action.operations.comment]
path = "/tasks/${user.task}/comments"
expect = [201]
[action.operations.comment.multipart]
properties = { json = { comment = 'user.login + " joins"' } }
attachment = { text = 'user.login', filename = "per\"son.txt" }
"#;
    let user = json!({ "login": "jé\r\n--hookreeve", "task": "7" });
    let (answer, asked) = attempt(Say("HTTP/1.1 201 Created\r\n\r\nok"), more, user).await;
    assert_eq!(answer, Answer::done("HTTP 201"));
    let (head, body) = asked[0].split_once("\r\n\r\n").expect("a head");
    let boundary = head.split("multipart/form-data; boundary=").nth(1).and_then(|rest| rest.lines().next());
    let boundary = format!("--{}", boundary.expect("a boundary"));
    let parts: Vec<&str> = body.split(&boundary).collect();
    assert_eq!(
        parts,
        [
            "",
            "\r\ncontent-disposition: form-data; name=\"properties\"\r\ncontent-type: application/json\r\n\r\n\
             {\"comment\":\"jé\\r\\n--hookreeve joins\"}\r\n",
            "\r\ncontent-disposition: form-data; name=\"attachment\"; filename=\"per%22son.txt\"\r\n\
             content-type: text/plain; charset=utf-8\r\n\r\njé\r\n--hookreeve\r\n",
            "--\r\n",
        ]
    );
}

#[tokio::test]
async fn a_form_is_encoded() {
    let more =
        "[action.operations.x]\npath = '/x'\nmethod = 'PATCH'\nform = { a = 'user.login', b = 'user.?none', c = '1' }";
    let (answer, asked) = attempt(Say(SUBMITTED), more, json!({ "login": "a&b=c é" })).await;
    assert_eq!(answer.fate, Fate::Done);
    assert!(
        asked[0].starts_with("PATCH /base/x ") && asked[0].ends_with("\r\n\r\na=a%26b%3Dc%20%C3%A9&c=1"),
        "{}",
        asked[0]
    );
}

#[tokio::test]
async fn whatever_a_server_answers_has_its_fate() {
    let more = "headers = { authorization = { env = 'T', prefix = 'Bearer ' } }\n[action.operations.x]\npath = '/x'\n";
    let strict = format!("{more}expect = [201]\n");
    let cases: [(Behaviour, &str, Fate, &str, Option<&str>); 16] = [
        (Say("HTTP/1.1 200 OK\r\n\r\n{}"), more, Fate::Done, "HTTP 200", None),
        (Say("HTTP/1.1 204 No Content\r\n\r\n"), more, Fate::Done, "HTTP 204", None),
        (Say("HTTP/1.1 200 OK\r\n\r\nok"), more, Fate::Done, "HTTP 200", None),
        (Say("HTTP/1.1 200 OK\r\n\r\n{}"), &strict, Fate::Dead, "HTTP 200, and 201 is expected", Some("{}")),
        (Say("HTTP/1.1 201 OK\r\n\r\n{}"), &strict, Fate::Done, "HTTP 201", None),
        (
            Say("HTTP/1.1 200 OK\r\n\r\n<html>Log in"),
            more,
            TARGET,
            "HTTP 200, but it is HTML or XML",
            Some("<html>Log in"),
        ),
        (Say("HTTP/1.1 400 No\r\n\r\nBearer t0ken t0ken"), more, Fate::Dead, "HTTP 400", Some("… …")),
        (Say("HTTP/1.1 401 No\r\n\r\n"), more, TARGET, "HTTP 401", None),
        (Say("HTTP/1.1 404 No\r\n\r\n"), more, TARGET, "HTTP 404", None),
        (Say("HTTP/1.1 302 No\r\nlocation: /y\r\ncontent-length: 0\r\n\r\n"), more, Fate::Dead, "HTTP 302", None),
        (Say("HTTP/1.1 503 No\r\n\r\n"), more, PLAIN, "HTTP 503", None),
        (
            Say("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{"),
            more,
            PLAIN,
            "HTTP 200, but end of file before message length reached",
            None,
        ),
        (
            SayAndFlood("HTTP/1.1 200 OK\r\n\r\n"),
            more,
            Fate::Dead,
            "HTTP 200, but the answer is larger than 256 KiB",
            None,
        ),
        (Reset, more, PLAIN, "connection reset", None),
        (Say(""), more, PLAIN, "connection closed before message completed", None),
        (Say("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"), more, Fate::Done, "HTTP 200", None),
    ];
    for (behaviour, more, fate, what, detail) in cases {
        let (answer, _) = attempt(behaviour, more, json!({ "login": "x" })).await;
        assert_eq!(
            (answer.fate, answer.what.as_str(), answer.detail.as_deref()),
            (fate, what, detail),
            "{behaviour:?}"
        );
    }
    let (answer, _) = attempt(SayAndHang(""), &format!("timeout = '300ms'\n{more}"), json!({ "login": "x" })).await;
    assert!(answer.fate == PLAIN && answer.what.contains("within 300ms"), "{answer:?}");
}

#[tokio::test]
async fn what_cannot_be_taken_back_is_not_done_by_a_made_up_path_either() {
    let more = "[action.operations.x]\npath = '/roles/7/${user.verb}'\nmethod = 'POST'";
    let (answer, asked) = attempt(Say(SUBMITTED), more, json!({ "login": "x", "verb": "Retire" })).await;
    assert_eq!(answer, Answer::dead("x: it would retire, and nothing in the action says so"));
    assert!(asked.is_empty());
    let confirmed = format!("{more}\nconfirm = 'retire'");
    let (answer, _) = attempt(Say(SUBMITTED), &confirmed, json!({ "login": "x", "verb": "Retire" })).await;
    assert_eq!(answer.fate, Fate::Done);
}

#[test]
fn what_is_wrong_with_the_keys_is_found() {
    let one = "[action.operations.x]\npath = '/x'\n";
    let two = format!("{one}[action.operations.y]\npath = '/y'\n");
    for (toml, expected) in [
        (String::new(), "takes `operations`"),
        ("[action.operations.x]\nmethod = 'GET'".into(), "the operation `x` has no `path`"),
        ("[action.operations.x]\npath = ''".into(), "the operation `x` has no `path`"),
        ("[action.operations.x]\npath = 'x'".into(), "a path begins with `/`"),
        ("[action.operations.x]\npath = '/a b'".into(), "not in its normal form"),
        ("[action.operations.X-y]\npath = '/x'".into(), "`X-y` is no operation's name"),
        (two.clone(), "nothing says which operations are run"),
        (format!("do = ['x', 'z']\n{two}"), "there is no such operation"),
        (format!("do = ['x', 'x']\n{two}"), "an operation is run once"),
        (format!("{one}body = {{ a = '1' }}\nform = {{ a = '1' }}"), "two forms of the same"),
        (format!("{one}method = 'GET'\nbody = {{ a = '1' }}"), "nothing is sent with a GET"),
        (format!("{one}expect = [99]"), "99 is no status"),
        (format!("{one}lists = ['items']"), "`items` is no way to a list"),
        (format!("{one}word = '\"Approve\"'"), "takes the words that the task allows"),
        (format!("{one}possible = '[\"a\"]'"), "goes with `word`"),
        (format!("{one}word = '\"Approve\"'\npossible = '[\"Approve\"]'"), "only by a rule that says so"),
        ("[action.operations.x]\npath = '/roles/7/retire'".into(), "cannot be taken back (retire)"),
        (
            "[action.operations.x]\npath = '/reconciliations/7/provision'".into(),
            "cannot be taken back (reconciliation-provision)",
        ),
        (format!("{one}body = {{ status = '\"RETIRED\"' }}"), "cannot be taken back (retire)"),
        (format!("{one}[action.operations.x.multipart]\na = {{ filename = 'x' }}"), "either `json` or `text`"),
        (format!("tenant = {{ header = 'a b', value = 'x' }}\n{one}"), "no header's name"),
        (format!("{one}query = {{ a = 'step.z' }}"), "z"),
        (format!("{one}pth = '/x'"), "pth"),
    ] {
        let base = "[[action]]\nid = 'a'\non = 'postCreateUser'\ntype = 'idhub'\nurl = 'https://idhub.example'\n";
        let (_, findings) = compile(&format!("{base}{toml}"));
        let said: Vec<String> = findings.iter().map(|finding| finding.message.clone()).collect();
        assert!(findings.has_errors() && said.iter().any(|said| said.contains(expected)), "{toml}: {said:?}");
    }
}

#[test]
fn an_operation_without_a_path_is_told_where_and_what_to_do() {
    let (_, findings) = compile(
        "[[action]]\nid = 'a'\non = 'postCreateUser'\ntype = 'idhub'\nurl = 'https://idhub.example'\n\
         do = ['cart']\n[action.operations.cart]\nbody = { a = '1' }",
    );
    let finding = findings.iter().next().expect("a finding");
    assert_eq!(finding.place.as_ref().map(|place| place.line_and_column().0), Some(7), "{finding:?}");
    assert!(finding.hint.as_deref().is_some_and(|hint| hint.contains("GET /api/esearch/catalog")), "{finding:?}");
}

#[test]
fn a_secret_that_is_missing_is_found_before_anything_is_asked() {
    let (set, findings) = compile(
        "[[action]]\nid = 'a'\non = 'postCreateUser'\ntype = 'idhub'\nurl = 'https://idhub.example'\n\
         oauth = { token_url = 'https://login.example/t', client_id = 'c', client_secret = { env = 'NONE' } }\n\
         [action.operations.x]\npath = '/x'",
    );
    assert!(findings.is_empty(), "{findings:?}");
    let findings = prepare(&set, &[]).err().expect("findings");
    let said: Vec<&str> = findings.iter().map(|finding| finding.code).collect();
    assert_eq!(said, ["missing-secret"]);
}

#[tokio::test]
async fn granted_secret_fields_are_sent_and_nothing_of_the_answer_is_kept() {
    let server = Server::start(Say("HTTP/1.1 400 No\r\n\r\nhunter2")).await;
    let action = ready(
        &format!(
            "on = 'changePassword'\ntype = 'idhub'\nurl = 'http://127.0.0.1:{}'\nallow_private = true\n\
             secrets = ['passwordText']\n[action.operations.x]\npath = '/x'\nbody = {{ p = 'secret.passwordText' }}",
            server.port
        ),
        &[],
    );
    let mut job = job("changePassword");
    job.secrets = vec![crate::action::Granted { field: "passwordText".into(), json: Secret::new(r#""hunter2""#) }];
    assert_eq!(action.attempt(&job).await, Answer::dead("HTTP 400"));
    assert!(server.asked()[0].ends_with(r#"{"p":"hunter2"}"#));
}
