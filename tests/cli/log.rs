//! The log: its two forms, how it names persons, and what it never holds.

use std::io::{Read as _, Write as _};
use std::process::Command;

use serde_json::{Value, json};

use crate::program::{BASIC, Place, SECRET, sample};
use crate::server::Server;

const PATH_SECRET: &str = "path-s3cret-0123456789";

/// Rules that hold, err and are shadows, on values that must not be told.
const RULES: &str = r#"
[attributes]
"user.none" = "map"
[[rule]]
id = "errs"
on = "validateUser"
when = 'int(user.lastName) == 1 || user.none.x == user.firstName'
deny = "Errs"
[[rule]]
id = "shadow"
on = "validateUser"
when = 'user.firstName == "Shreyash2"'
deny = "Shadow"
shadow = true
[[rule]]
id = "changes"
on = ["preCreateUser", "preUpdateUser"]
set.nickName = 'user.firstName + " " + user.lastName'
[[rule]]
id = "maps"
on = "policyMap"
map = 'user.firstName'
"#;

fn config(format: &str, level: &str, person: &str) -> String {
    format!("{BASIC}[log]\nformat = \"{format}\"\nlevel = \"{level}\"\nperson = \"{person}\"\n{RULES}")
}

/// Every event, and requests that are refused, as text that a log could repeat.
fn everything(server: &Server, token: &str, base: &str) {
    for event in hookreeve::event::catalog::names_of("cymmetri") {
        let body = sample(event, "request").to_string();
        assert_eq!(server.post(&format!("{base}/{event}"), Some(token), &body).status, 200, "{event}");
    }
    let bodies = [
        r#"{"request":{"user":{"login":"shreyash2"},"passwordText":"Welcome@123""#,
        r#"{"request":{"passwordText":"Welcome@123","passwordText":"Welcome@123"}}"#,
        r#"{"request":"Welcome@123"}"#,
    ];
    for body in bodies {
        assert_eq!(server.post(&format!("{base}/changePassword"), Some(token), body).status, 400, "{body}");
    }
    let tampered = format!("{token}x");
    assert_eq!(server.post(&format!("{base}/test"), Some(&tampered), "{}").status, 401);
    assert_eq!(server.post(&format!("{base}/deleteUser"), Some(token), "{}").status, 404);
}

/// The same over HTTP/2.
fn everything_by_http2(server: &Server, token: &str, base: &str) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let client = reqwest::Client::builder().http2_prior_knowledge().no_proxy().build().expect("a client");
        for event in hookreeve::event::catalog::names_of("cymmetri") {
            let url = format!("http://{}{base}/{event}", server.address);
            let request = client.post(url).bearer_auth(token).body(sample(event, "request").to_string());
            let reply = request.send().await.expect("a reply");
            assert_eq!((reply.status().as_u16(), reply.version()), (200, reqwest::Version::HTTP_2), "{event}");
        }
    });
}

/// A request by HTTP/2 that no client would send, with what it must not be quoted for in its path; waits until it is refused.
fn malformed_by_http2(server: &Server, path: &str) {
    let frame = |kind: u8, flags: u8, stream: u8, payload: &[u8]| {
        let length = u8::try_from(payload.len()).expect("a short frame");
        [&[0, 0, length, kind, flags, 0, 0, 0, stream], payload].concat()
    };
    // POST, http, and the path as a literal without indexing.
    let mut fields = vec![0x83, 0x86, 0x04, u8::try_from(path.len()).expect("a short path")];
    fields.extend_from_slice(path.as_bytes());
    let mut stream = crate::http::connect(server.address);
    stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").expect("sent");
    stream.write_all(&[frame(4, 0, 0, &[]), frame(1, 5, 1, &fields)].concat()).expect("sent");
    loop {
        let mut head = [0; 9];
        stream.read_exact(&mut head).expect("a frame");
        let mut payload = vec![0; usize::from(head[1]) * 256 + usize::from(head[2])];
        stream.read_exact(&mut payload).expect("all of it");
        if head[3] == 3 {
            return;
        }
    }
}

#[track_caller]
fn tells_nothing(log: &str, more: &[&str]) {
    let payload = ["Welcome@123", "Shreyash2", "Pande2", "620231fee789224ec1cec3dd", "example@gmail.com"];
    for word in payload.iter().chain(&[SECRET]).chain(more) {
        if let Some(line) = log.lines().find(|line| line.contains(word)) {
            panic!("{word} in: {line}");
        }
    }
}

#[test]
fn no_line_of_any_level_or_form_holds_payload_token_or_secret() {
    for format in ["text", "json"] {
        let auth = "[cymmetri.auth]\npath_secret = { env = \"HOOKREEVE_PATH_SECRET\" }";
        let config = config(format, "trace", "pseudonym").replace("[cymmetri.auth]", auth);
        let place = Place::new(&config).variable("HOOKREEVE_PATH_SECRET", PATH_SECRET);
        let (server, token, base) = (place.serve(), place.token(), format!("/webhook/{PATH_SECRET}"));
        everything(&server, &token, &base);
        everything_by_http2(&server, &token, &base);
        malformed_by_http2(&server, &format!("{base}/no path"));
        assert_eq!(server.post("/webhook/wrong-path-secret/test", Some(&token), "{}").status, 401);
        let log = server.stop().err;
        assert!(log.contains("DEBUG") && log.contains("a rule erred"), "{log}");
        let parts: Vec<&str> = token.split('.').collect();
        tells_nothing(&log, &[PATH_SECRET, "wrong-path-secret", "shreyash2", parts[1], parts[2]]);
    }
}

#[test]
fn each_line_of_the_json_form_is_an_object_that_reads_alone() {
    let place = Place::new(&config("json", "trace", "pseudonym"));
    let (mut server, token) = (place.serve(), place.token());
    everything(&server, &token, "/webhook");
    place.write("config/hookreeve.toml", "[[rule]");
    server.wait_for("the last good one stays in force");
    let log = server.stop().err;
    let lines: Vec<Value> =
        log.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))).collect();
    for line in &lines {
        assert!(line["timestamp"].is_string() && line["level"].is_string(), "{line}");
    }
    let event = lines.iter().find(|line| line["message"] == "event" && line["event"] == "preCreateUser");
    let event = event.expect("a line for the event");
    assert_eq!((&event["outcome"], &event["rule"]), (&json!("changed"), &json!("changes")), "{event}");
    assert!(event["duration_us"].is_u64() && event["request_id"].is_string(), "{event}");
}

#[test]
fn a_line_of_the_text_form_says_what_was_asked_decided_and_by_which_rule() {
    let place = Place::new(&config("text", "info", "key"));
    let (mut server, token) = (place.serve(), place.token());
    server.ask("preCreateUser", &token, &sample("preCreateUser", "request"));
    let line = server.wait_for("event=\"preCreateUser\"");
    for part in [" INFO ", "outcome=\"changed\"", "cause=\"decided\"", "rule=\"changes\"", "person=\"shreyash2\""] {
        assert!(line.contains(part), "{part} in {line}");
    }
    assert!(!line.contains('\u{1b}'), "no colours for a file: {line}");
}

#[track_caller]
fn pseudonym(place: &Place, login: &str) -> String {
    let ended = place.run(&["pseudonym", login]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.out.starts_with("p-"), "{ended:?}");
    ended.out.trim().to_owned()
}

#[test]
fn persons_are_named_by_key_by_pseudonym_or_not_at_all() {
    for (person, named) in [("key", Some("shreyash2")), ("pseudonym", None), ("none", Some(""))] {
        let place = Place::new(&config("json", "info", person));
        let (mut server, token) = (place.serve(), place.token());
        // The same person, in another case.
        let mut body = sample("postCreateUser", "request");
        body["request"]["user"]["login"] = json!(" ShreYash2 ");
        server.ask("postCreateUser", &token, &body);
        let line = server.wait_for("postCreateUser");
        let line: Value = serde_json::from_str(&line).expect("JSON");
        let named = named.map_or_else(|| pseudonym(&place, "Shreyash2"), str::to_owned);
        assert_eq!(line["person"], json!(named), "{person}");
    }
}

#[test]
fn pseudonyms_outlast_a_restart_and_need_a_key() {
    let place = Place::new(BASIC);
    let ended = place.run(&["pseudonym", "shreyash2"]);
    assert_eq!(ended.code, Some(2));
    assert!(ended.err.contains("has no key of pseudonyms yet: a server makes it when it starts"), "{ended:?}");
    let mut names = Vec::new();
    for _ in 0..2 {
        let (mut server, token) = (place.serve(), place.token());
        server.ask("postCreateUser", &token, &sample("postCreateUser", "request"));
        let line = server.wait_for("person=");
        names.push(pseudonym(&place, "shreyash2"));
        assert!(line.contains(&format!("person=\"{}\"", names[0])), "{line}");
        assert_eq!(server.stop().code, Some(0));
    }
    assert_eq!(names[0], names[1]);
    let own = Place::new(&format!("{BASIC}[log]\npseudonym_key = {{ env = \"PSEUDONYM_KEY\" }}\n"));
    let own = own.variable("PSEUDONYM_KEY", "0123456789abcdef");
    assert_eq!(own.run(&["pseudonym", "shreyash2"]).code, Some(0));
}

#[test]
fn a_panic_is_logged_by_its_place_and_without_its_words() {
    const CHILD: &str = "HOOKREEVE_TEST_THAT_PANICS";
    #[expect(clippy::disallowed_methods, reason = "it is how this test tells itself from its child")]
    let child = std::env::var_os(CHILD).is_some();
    if child {
        let log = hookreeve::telemetry::log::start(hookreeve::telemetry::log::Form::Json, tracing::Level::INFO, false);
        let caught = std::panic::catch_unwind(|| panic!("Welcome@123"));
        assert!(caught.is_err());
        return drop(log);
    }
    let mut command = Command::new(std::env::current_exe().expect("this test"));
    command.args(["--exact", "log::a_panic_is_logged_by_its_place_and_without_its_words", "--nocapture"]);
    let output = command.env(CHILD, "1").output().expect("it runs");
    let err = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && err.contains("tests/cli/log.rs"), "{err}");
    tells_nothing(&err, &[]);
}
