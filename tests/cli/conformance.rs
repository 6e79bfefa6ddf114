//! `conformance`: ours meets every expectation; a wrong receiver is found out; nobody is sent anything by accident.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};

use serde_json::Value;

use crate::program::{BASIC, Place, SECRET};
use crate::testing::parsed;

const RULES: &str = r#"
[[rule]]
id = "display name"
on = ["preCreateUser", "preUpdateUser"]
set.displayName = 'user.firstName + " " + user.lastName'
[[rule]]
id = "email"
on = "validateUser"
when = 'text(user.?email).contains("throwaway")'
deny = "EmailRequired"
"#;

/// Answers every request so, whatever it is.
fn receiver(head: &'static str, body: &'static str) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(stream) = stream else { return };
            answer(stream, head, body);
        }
    });
    address
}

fn answer(mut stream: TcpStream, head: &str, body: &str) {
    let mut request = Vec::new();
    let mut part = [0; 8192];
    loop {
        let text = String::from_utf8_lossy(&request).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length =
                head.lines().find_map(|line| line.to_lowercase().strip_prefix("content-length:").map(str::to_owned));
            let length: usize = length.and_then(|length| length.trim().parse().ok()).unwrap_or(0);
            if body.len() >= length {
                break;
            }
        }
        match stream.read(&mut part) {
            Ok(0) | Err(_) => break,
            Ok(read) => request.extend_from_slice(&part[..read]),
        }
    }
    let length = body.len();
    let _ = write!(stream, "HTTP/1.1 {head}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}");
}

/// What is not met, as `event: expectation`.
fn not_met(said: &Value) -> Vec<String> {
    let all = said["expectations"].as_array().expect("a list");
    let text = |check: &Value, key: &str| check[key].as_str().expect("a text").to_owned();
    let not_met = all.iter().filter(|check| check["result"] == "not_met");
    not_met.map(|check| format!("{}: {}", text(check, "event"), text(check, "expected"))).collect()
}

#[test]
fn ours_meets_every_expectation() {
    let place = Place::new(&format!("{BASIC}{RULES}"));
    let server = place.serve();
    let url = format!("http://{}", server.address);
    let ended = place.run(&["conformance", "--url", &url, "--calls", "5", "--format", "json"]);
    let said = ended.json();
    assert_eq!((ended.code, not_met(&said)), (Some(0), Vec::new()), "{}", ended.err);
    assert!(said["met"].as_u64().is_some_and(|met| met > 110), "{said}");
    assert!(ended.err.contains("about the made-up person hookreeve-conformance"), "{}", ended.err);
    let all = said["expectations"].as_array().expect("a list");
    for check in all {
        assert!(["documented", "reading"].iter().any(|kind| check["source"]["kind"] == *kind), "{check}");
        assert!(check["source"]["says"].as_str().is_some_and(|says| says.len() > 10), "{check}");
    }
    for event in hookreeve::event::catalog::names_of("cymmetri") {
        assert!(all.iter().filter(|check| check["event"] == event).count() >= 7, "{event}");
    }
    // The same without our configuration, as another's receiver would be asked.
    let config = place.path("config/hookreeve.toml");
    std::fs::rename(config, place.path("elsewhere.toml")).expect("renamed");
    let other = place.run(&[
        "conformance",
        "--url",
        &format!("{url}/webhook"),
        "--secret-env",
        "HOOKREEVE_JWT_SECRET",
        "--documented",
        "--only",
        "policymap",
        "--only",
        "runDeprovision",
        "--calls",
        "1",
    ]);
    assert_eq!(other.code, Some(0), "{other:?}");
    assert!(!other.out.contains("reading") && !other.out.contains("validateUser"), "{other:?}");
    assert!(!format!("{}{}", other.out, other.err).contains(SECRET), "{other:?}");
    let log = server.stop().err;
    assert!(!log.contains("panicked"), "{log}");
}

#[test]
fn a_fixed_bearer_value_and_a_secret_path_are_credentials_too() {
    let auth = "[server]\nlisten = \"127.0.0.1:0\"\n[cymmetri.auth]\nbearer = [{ env = \"BEARER\" }]\npath_secret = { env = \"PATH_SECRET\" }\n";
    let place = Place::new(auth).variable("BEARER", &"b".repeat(40)).variable("PATH_SECRET", &"p".repeat(40));
    let server = place.serve();
    let url = format!("http://{}", server.address);
    let ended = place.run(&["conformance", "--url", &url, "--only", "validateUser", "--calls", "2"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.out.contains("a fixed bearer value neither is signed nor expires"), "{ended:?}");
    assert!(!ended.out.contains("pppp") && !ended.err.contains("pppp") && !ended.err.contains("bbbb"), "{ended:?}");
    assert_eq!(server.stop().code, Some(0));
}

#[test]
fn a_receiver_that_says_yes_to_everybody_is_found_out() {
    let place = Place::new(BASIC);
    let address = receiver("200 OK\r\nContent-Type: text/html", "{\"response\":{\"data\":{\"x-decimal\":0.1}}}");
    let url = format!("http://{address}/hooks");
    let ask = |format: &str| {
        place.run(&[
            "conformance",
            "--url",
            &url,
            "--calls",
            "1",
            "--format",
            format,
            "--only",
            "preCreateUser",
            "--only",
            "runDeprovision",
        ])
    };
    let ended = ask("json");
    let not_met = not_met(&ended.json());
    assert_eq!(ended.code, Some(1), "{ended:?}");
    for expected in [
        "preCreateUser: has a reply of type application/json",
        "preCreateUser: with no token is refused with 401 or 403",
        "preCreateUser: with an unsigned token (`alg: none`) is refused with 401 or 403",
        "preCreateUser: gives back values that no rule knows",
        "preCreateUser: gives them back byte for byte",
        "preCreateUser: by GET is refused with a 4xx",
        "preCreateUser: with a body that is no JSON is refused with a 4xx",
        "preCreateUser: keeps the connection",
        "runDeprovision: is answered `{\"response\":{\"data\":true or false}}`",
        "runDeprovision: with a token that has expired is refused with 401 or 403",
    ] {
        assert!(not_met.iter().any(|found| found == expected), "{expected} is not in {not_met:#?}");
    }
    let text = ask("human").out;
    assert!(text.contains("NOT MET  documented  with no token is refused") && text.contains("found: 200 "), "{text}");
    assert!(text.contains("documented: each call brings a token"), "{text}");
    let cases = parsed(&place, &ask("junit").out, "the report on a receiver");
    assert!(cases.is_none_or(|cases| cases.as_array().is_some_and(|cases| cases.len() > 20)));
    let broken = receiver("500 Internal Server Error\r\nContent-Type: application/json", "{}");
    let ended = place.run(&["conformance", "--url", &format!("http://{broken}/"), "--calls", "1", "--format", "json"]);
    assert_eq!((ended.code, ended.json()["met"].as_u64().is_some_and(|met| met < 50)), (Some(1), true), "{ended:?}");
}

#[test]
fn nobody_is_sent_anything_by_accident() {
    let place = Place::new(BASIC);
    for (arguments, said) in [
        (&["--url", "http://receiver.invalid/hooks"][..], "say so with --yes"),
        (&["--url", "http://127.0.0.1:1/hooks"], "http://127.0.0.1:1 cannot be asked: no reply"),
        (&["--url", "ftp://127.0.0.1/hooks"], "--url takes an address such as"),
        (&["--url", "http://127.0.0.1:1", "--secret-env", "NOT_THERE"], "the variable NOT_THERE is not set"),
        (&["--config", "nowhere.toml"], "nowhere.toml"),
    ] {
        let ended = place.run(&[&["conformance"], arguments].concat());
        assert_eq!((ended.code, ended.out.as_str()), (Some(2), ""), "{ended:?}");
        assert!(ended.err.contains(said), "{said:?} in {ended:?}");
    }
}
