//! `init`: what it writes can be checked and run, and it replaces nothing.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use crate::program::{Place, sample};
use crate::server::Server;

const KEYS: [&str; 4] = ["jwt.secret", "journal.key", "chain.key", "pseudonym.key"];

#[test]
fn a_first_configuration_is_clean_runs_and_replaces_nothing() {
    let place = Place::empty().without_secret();
    let ended = place.run(&["init"]);
    assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""), "{ended:?}");
    for step in ["hookreeve check --secrets\n", "hookreeve serve\n", "config/jwt.secret in the cloud"] {
        assert!(ended.out.contains(step), "{step} in {ended:?}");
    }
    let mut seen = Vec::new();
    for key in KEYS {
        let path = place.path("config").join(key);
        assert_eq!(fs::metadata(&path).expect("a file").permissions().mode() & 0o777, 0o600, "{key}");
        let text = fs::read_to_string(&path).expect("text");
        assert_eq!(text.trim_end().len(), 64, "{key}");
        assert!(!ended.out.contains(text.trim_end()) && !seen.contains(&text), "{key}");
        seen.push(text);
    }
    let ended = place.run(&["check", "--secrets", "--deny-warnings"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let ended = place.run(&["init"]);
    assert_eq!(ended.code, Some(2));
    assert!(ended.err.contains("config has jwt.secret, journal.key, chain.key, pseudonym.key, hookreeve.toml already"));
    assert_eq!(fs::read_to_string(place.path("config/jwt.secret")).expect("text"), seen[0]);

    let place = place.variable("HOOKREEVE__SERVER__LISTEN", "127.0.0.1:0");
    let server = place.serve();
    let reply = server.ask("postCreateUser", &place.token(), &sample("postCreateUser", "request"));
    assert_eq!(reply, serde_json::json!({ "response": {} }));
    let events = place.run(&["events"]);
    assert!(events.out.contains("postCreateUser"), "{events:?}");
    assert_eq!(place.run(&["journal", "verify"]).code, Some(0));
}

#[test]
fn it_goes_where_it_is_told_to_and_one_key_that_is_there_stops_it() {
    let place = Place::empty().without_secret();
    let ended = place.run(&["init", "deep/er"]);
    assert!(ended.out.contains("hookreeve check --config deep/er/hookreeve.toml --secrets"), "{ended:?}");
    let command = place.variable("HOOKREEVE__SERVER__LISTEN", "127.0.0.1:0");
    let _server = Server::start(command.command(&["serve", "--config", "deep/er/hookreeve.toml"]));
    assert!(command.path("deep/er/data/hookreeve.db").exists());
    let other = Place::empty().file("config/chain.key", "mine");
    let ended = other.run(&["init"]);
    assert_eq!(ended.code, Some(2));
    assert!(ended.err.contains("config has chain.key already"), "{ended:?}");
    assert_eq!(fs::read_dir(other.path("config")).expect("a directory").count(), 1);
}
