//! The commands around the server: `token`, `send`, `health`, `schema`, `completions`.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::program::{BASIC, Place, sample};

/// The parts of a token, decoded.
#[track_caller]
fn parts(token: &str) -> (Value, Value) {
    let mut parts = token.split('.').map(|part| URL_SAFE_NO_PAD.decode(part).expect("base64"));
    let mut part = || serde_json::from_slice(&parts.next().expect("a part")).expect("JSON");
    (part(), part())
}

#[test]
fn token_prints_a_token_without_any_rights_and_nothing_else() {
    let ended = Place::new(BASIC).run(&["token"]);
    assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""));
    assert_eq!((ended.out.lines().count(), ended.out.matches('.').count()), (1, 2), "{ended:?}");
    let (header, claims) = parts(ended.out.trim());
    assert_eq!(header, json!({ "alg": "HS256" }));
    let (issued, expires) = (claims["iat"].as_i64().expect("a time"), claims["exp"].as_i64().expect("a time"));
    assert_eq!(expires - issued, 300);
    assert_eq!(claims, json!({ "sub": "hookreeve", "roles": [], "iat": issued, "exp": expires }));
    let tenants = BASIC.replace("secret = {", "tenants = [\"as100\"], secret = {");
    let (_, claims) = parts(Place::new(&tenants).run(&["token"]).out.trim());
    assert_eq!(claims["tenantId"], "as100");
}

#[test]
fn token_takes_claims_of_ones_own_with_a_warning() {
    let place = Place::new(BASIC).file("claims.json", r#"{ "sub": "admin", "exp": 7, "tenantId": "as100" }"#);
    let ended = place.run(&["token", "--claims", "claims.json"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.err.starts_with("warning: "), "{ended:?}");
    let (_, claims) = parts(ended.out.trim());
    assert_eq!((&claims["sub"], &claims["exp"], &claims["tenantId"]), (&"admin".into(), &7.into(), &"as100".into()));
    assert_eq!(claims["roles"], json!([]), "what is not named stays");
    for (text, said) in [("[]", "is no JSON object"), ("{", "is not JSON")] {
        place.write("claims.json", text);
        let ended = place.run(&["token", "--claims", "claims.json"]);
        assert_eq!((ended.code, ended.out.as_str()), (Some(2), ""));
        assert!(ended.err.contains(said), "{ended:?}");
    }
}

#[test]
fn token_says_why_there_is_none() {
    let ended = Place::new(BASIC).without_secret().run(&["token"]);
    assert_eq!((ended.code, ended.out.as_str()), (Some(2), ""));
    assert!(ended.err.contains("environment variable HOOKREEVE_JWT_SECRET is not set"), "{ended:?}");
    let bearer = BASIC.replace("jwt = { secret = { env = \"HOOKREEVE_JWT_SECRET\" } }", "bearer = [{ env = \"B\" }]");
    let ended = Place::new(&bearer).variable("B", "0123456789abcdef0123456789abcdef").run(&["token"]);
    assert_eq!(ended.code, Some(2));
    assert!(ended.err.contains("names no jwt"), "{ended:?}");
}

/// Refuses whoever is younger than 18, and maps to the field that is asked for.
const RULES: &str = r#"
[attributes]
"user.age" = "int"
[[rule]]
id = "age"
on = "validateUser"
when = 'user.?age.orValue(99) < 18'
deny = "TooYoung"
[[rule]]
id = "city"
on = "preCreateUser"
set.city = 'text(user.?address.?city)'
"#;

#[test]
fn send_shows_the_reply_on_standard_output_and_status_and_time_beside_it() {
    let place = Place::new(&format!("{BASIC}{RULES}"));
    let server = place.serve();
    let place = place.variable("HOOKREEVE__SERVER__LISTEN", &server.address.to_string());
    let user = sample("validateUser", "request")["request"]["user"].clone();
    // The event's name in any case, the configured listener, the documented sample.
    let ended = place.run(&["send", "validateuser"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(ended.json(), json!({ "response": { "data": user } }));
    assert!(ended.err.starts_with("validateUser -> 200 OK in ") && ended.err.ends_with(" ms\n"), "{ended:?}");
    // A refusal by a rule is an answer like another.
    let ended = place.run(&["send", "validateUser", "--set", "user.age=17", "--set", "user.note=a=b"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(ended.json()["response"]["message"], "TooYoung");
    let ended = place.run(&["send", "preCreateUser", "--set", "user.address.city=Pune"]);
    assert_eq!(ended.json()["response"]["data"]["city"], "Pune", "{ended:?}");
    let body = r#"{"request":{"user":{"login":"a","age":17}}}"#;
    assert_eq!(place.run_with_input(&["send", "validateUser", "--body", "-"], body).json()["response"]["error"], true);
    place.write("body.json", body);
    let ended = place.run(&["send", "validateUser", "--body", "body.json", "--set", "user.age=18"]);
    assert_eq!(ended.json(), json!({ "response": { "data": { "login": "a", "age": 18 } } }));
}

#[test]
fn send_ends_with_1_for_another_status_and_with_2_without_a_reply() {
    let place = Place::new(BASIC);
    let server = place.serve();
    let url = format!("http://{}/", server.address);
    let ended = place.run(&["send", "test", "--url", &url, "--token", "none"]);
    assert_eq!(ended.code, Some(1));
    assert_eq!(ended.json()["error"]["code"], "unauthorized");
    assert!(ended.err.starts_with("test -> 401 Unauthorized in "), "{ended:?}");
    let ended = place.run_with_input(&["send", "changePassword", "--url", &url, "--body", "-"], "{");
    assert_eq!(ended.code, Some(1));
    assert_eq!(ended.json()["error"]["code"], "invalid_json");
    assert_eq!(server.stop().code, Some(0));
    let ended = place.run(&["send", "test", "--url", &url]);
    assert_eq!((ended.code, ended.out.as_str()), (Some(2), ""));
    assert!(ended.err.starts_with("error: no reply"), "{ended:?}");
    let ended = place.run(&["send", "validatUser"]);
    assert_eq!(ended.code, Some(2));
    assert!(ended.err.contains("validateUser"), "{ended:?}");
}

#[test]
fn send_says_what_cannot_be_set() {
    let place = Place::new(BASIC).file("list.json", "[1]").file("text.json", "no JSON");
    for (arguments, said) in [
        (&["--body", "list.json", "--set", "user.age=1"][..], "the body is no JSON object"),
        (&["--body", "text.json", "--set", "user.age=1"], "the body is not JSON"),
        (&["--set", "user.login.x=1"], "`x` is there and is no object"),
        (&["--set", "user"], "expected FIELD=VALUE"),
        (&["--set", "user..x=1"], "a name is missing in the path"),
        (&["--body", "none.json"], "none.json cannot be read"),
    ] {
        let ended = place.run(&[&["send", "validateUser"], arguments].concat());
        assert_eq!(ended.code, Some(2), "{arguments:?}: {ended:?}");
        assert!(ended.err.contains(said), "{arguments:?}: {ended:?}");
    }
}

#[test]
fn send_knows_the_other_credentials() {
    let auth = "bearer = [{ env = \"B\" }]\npath_secret = { env = \"P\" }";
    let config = BASIC.replace("jwt = { secret = { env = \"HOOKREEVE_JWT_SECRET\" } }", auth);
    let place = Place::new(&config).variable("B", "0123456789abcdef0123456789abcdef");
    let place = place.variable("P", "fedcba9876543210fedcba9876543210");
    let server = place.serve();
    let url = format!("http://{}", server.address);
    let ended = place.run(&["send", "test", "--url", &url]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(ended.json(), json!({ "response": {} }));
    // The path holds a secret, so that not even an error repeats it.
    assert_eq!(server.stop().code, Some(0));
    let ended = place.run(&["send", "test", "--url", &url]);
    assert!(!ended.err.contains("fedcba98"), "{ended:?}");
}

#[test]
fn health_is_0_where_it_is_ready_1_where_it_is_not_and_2_without_a_reply() {
    let place = Place::new(BASIC);
    let server = place.serve();
    let url = format!("http://{}", server.address);
    for arguments in [&["health", "--url", &url][..], &["health", "--live", "--url", &url]] {
        let ended = place.run(arguments);
        assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""));
        assert!(ended.out.starts_with(&url) && ended.out.ends_with(": 200 OK\n"), "{ended:?}");
    }
    let place = place.variable("HOOKREEVE__SERVER__LISTEN", &server.address.to_string());
    assert_eq!(place.run(&["health"]).code, Some(0));
    // A configuration that was broken after the start says nothing about the server.
    place.write("config/hookreeve.toml", &format!("{BASIC}[[rule]]\n"));
    assert_eq!(place.run(&["health"]).code, Some(0));
    let ended = place.run(&["health", "--url", &format!("{url}/elsewhere")]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert_eq!(server.stop().code, Some(0));
    let ended = place.run(&["health"]);
    assert_eq!((ended.code, ended.out.as_str()), (Some(2), ""));
    assert!(ended.err.starts_with("error: no reply from "), "{ended:?}");
}

#[test]
fn schema_is_a_json_schema_that_has_every_section_and_rules() {
    let ended = Place::empty().run(&["schema"]);
    assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""));
    let schema = ended.json();
    assert!(schema["$schema"].as_str().is_some_and(|uri| uri.contains("json-schema.org")), "{}", schema["$schema"]);
    for section in ["include", "server", "cymmetri", "log", "metrics", "attributes", "rule"] {
        assert!(schema["properties"][section].is_object(), "{section}");
    }
    assert_eq!(schema["properties"]["rule"]["type"], "array");
}

#[test]
fn completions_are_there_for_the_shells() {
    for (shell, words) in [("bash", "_hookreeve()"), ("zsh", "#compdef hookreeve"), ("fish", "complete -c hookreeve")] {
        let ended = Place::empty().run(&["completions", shell]);
        assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""), "{shell}");
        assert!(ended.out.contains(words) && ended.out.contains("pseudonym"), "{shell}");
    }
    assert_eq!(Place::empty().run(&["completions", "none"]).code, Some(2));
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let place = Place::empty();
    let line = format!("{} schema | head -n 1", env!("CARGO_BIN_EXE_hookreeve"));
    let output = std::process::Command::new("sh").args(["-c", &line]).current_dir(place.path("")).output();
    let output = output.expect("a shell");
    assert_eq!((output.status.code(), String::from_utf8_lossy(&output.stderr).as_ref()), (Some(0), ""));
}
