//! `scripts/curl`, and the request as the vendor's documents write it, against `serve --dev`.

use std::collections::BTreeSet;
use std::fs;

use serde_json::Value;

use crate::dev::{Printed, place};
use crate::program::{Ended, documented_reply, have, read, repository, sample};
use crate::server::Server;

/// The vendor's own words; `{server}`, `{event}`, `{token}` and the body are ours to fill in.
const VENDOR: &str = r"curl --location --request POST 'https://{server}/webhook/{event}' \
--header 'Authorization: Bearer {token}' \
--header 'Content-Type: application/json' \
--data-raw '{body}'";

#[test]
fn there_is_a_script_for_each_event_and_it_sends_the_documented_sample() {
    let scripts = fs::read_dir(repository("scripts/curl")).expect("a directory");
    let names: BTreeSet<String> =
        scripts.map(|entry| entry.expect("an entry").file_name().into_string().expect("UTF-8")).collect();
    assert_eq!(names, hookreeve::event::catalog::names_of("cymmetri").map(|event| format!("{event}.sh")).collect());
    for event in hookreeve::event::catalog::names_of("cymmetri") {
        let script = read(&format!("scripts/curl/{event}.sh"));
        let body = script.split("-d '").nth(1).and_then(|rest| rest.trim_end().strip_suffix('\''));
        let body: Value = serde_json::from_str(body.expect("a body")).expect("JSON");
        assert_eq!(body, sample(event, "request"), "{event}");
    }
}

#[test]
fn each_script_gives_the_documented_reply() {
    if !have("curl", "scripts/curl") {
        return;
    }
    let place = place();
    let mut server = Server::start(place.command(&["serve", "--dev"]));
    let printed = Printed::by(&mut server);
    for event in hookreeve::event::catalog::names_of("cymmetri") {
        let script = repository(&format!("scripts/curl/{event}.sh"));
        let ended: Ended = printed.shell().arg(script).output().expect("a shell").into();
        assert_eq!(ended.code, Some(0), "{event}: {ended:?}");
        assert_eq!(ended.json(), documented_reply(event), "{event}");
        let text = read(&format!("scripts/curl/{event}.sh"));
        let line = text.lines().last().expect("a line");
        assert!(printed.text.lines().any(|printed| printed == line), "{event}: not the line that is printed: {line}");
    }
    // What goes wrong shows in the exit status.
    let script = repository("scripts/curl/test.sh");
    let refused: Ended = printed.shell().arg(&script).env("TOKEN", "none").output().expect("a shell").into();
    assert_eq!(refused.code, Some(22), "{refused:?}");
    let without: Ended = printed.shell().arg(&script).env_remove("TOKEN").output().expect("a shell").into();
    assert!(without.code != Some(0) && without.err.contains("TOKEN is not set"), "{without:?}");
}

#[test]
fn the_vendors_own_request_gives_the_documented_reply_with_and_without_the_context_path() {
    if !have("curl", "the vendor's own request") {
        return;
    }
    let place = place();
    let mut server = Server::start(place.command(&["serve", "--dev"]));
    let printed = Printed::by(&mut server);
    for event in hookreeve::event::catalog::names_of("cymmetri") {
        for base in ["/webhook/", "/"] {
            let line = VENDOR
                .replace("https://{server}/webhook/{event}", &format!("{}{base}{event}", printed.export("HOST")))
                .replace("{token}", printed.export("TOKEN"))
                .replace("{body}", &read(&format!("tests/data/cymmetri/{event}.request.json")));
            let ended: Ended = printed.shell().args(["-c", &line]).output().expect("a shell").into();
            assert_eq!(ended.code, Some(0), "{base}{event}: {ended:?}");
            assert_eq!(ended.json(), documented_reply(event), "{base}{event}");
        }
    }
}
