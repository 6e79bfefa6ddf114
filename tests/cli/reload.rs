//! Changes while it runs: by SIGHUP and by files, taken whole or not at all, and said in the log.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use serde_json::json;

use crate::program::{BASIC, Place, sample};
use crate::server::Server;

const TAKEN: &str = "the configuration is in force";
const NOT_TAKEN: &str = "the configuration is not taken; the last good one stays in force";

/// The basic configuration with a rule that refuses with this message.
fn refusing(message: &str) -> String {
    format!(
        "{BASIC}[metrics]\nlisten = \"127.0.0.1:0\"\n[[rule]]\nid = \"r\"\non = \"validateUser\"\ndeny = \"{message}\"\n"
    )
}

#[track_caller]
fn says(server: &Server, token: &str, message: &str) {
    let reply = server.ask("validateUser", token, &sample("validateUser", "request"));
    assert_eq!(reply, json!({ "response": { "error": true, "message": message } }));
}

#[track_caller]
fn counts(server: &Server, result: &str, times: u32) {
    let line = format!("hookreeve_reloads_total{{result=\"{result}\"}} {times}");
    let page = server.metrics();
    assert!(page.lines().any(|written| written == line), "{line} in\n{page}");
}

#[test]
fn sighup_reads_the_configuration_again() {
    let place = Place::new(&refusing("One"));
    let mut server = place.serve();
    server.signal("HUP");
    server.wait_for("SIGHUP");
    server.wait_for(TAKEN);
    says(&server, &place.token(), "One");
    counts(&server, "applied", 1);
}

#[test]
fn a_file_that_an_editor_replaces_is_in_force_at_once() {
    let place = Place::new(&refusing("One"));
    let mut server = place.serve();
    let token = place.token();
    says(&server, &token, "One");
    for message in ["Two", "Three"] {
        place.write("config/hookreeve.toml", &refusing(message));
        server.wait_for("a file has changed");
        server.wait_for(TAKEN);
        says(&server, &token, message);
    }
    counts(&server, "applied", 2);
}

/// As kubelet does it: a directory for each version, a link to it that is swapped, and links through that link.
fn mount(root: &Path, version: &str, text: &str) {
    fs::create_dir(root.join(version)).expect("made");
    fs::write(root.join(version).join("hookreeve.toml"), text).expect("written");
    symlink(version, root.join("..data_tmp")).expect("linked");
    fs::rename(root.join("..data_tmp"), root.join("..data")).expect("renamed");
}

#[test]
fn a_config_map_that_is_swapped_is_in_force_at_once() {
    let place = Place::empty();
    let root = place.path("config");
    fs::create_dir(&root).expect("made");
    mount(&root, "..v1", &refusing("One"));
    symlink("..data/hookreeve.toml", root.join("hookreeve.toml")).expect("linked");
    let mut server = place.serve();
    let token = place.token();
    for (new, old, message) in [("..v2", "..v1", "Two"), ("..v3", "..v2", "Three")] {
        mount(&root, new, &refusing(message));
        fs::remove_dir_all(root.join(old)).expect("removed");
        server.wait_for(TAKEN);
        says(&server, &token, message);
    }
}

#[test]
fn an_included_file_that_is_added_counts() {
    let place = Place::new(&format!("include = [\"rules/*.toml\"]\n{BASIC}"));
    fs::create_dir(place.path("config/rules")).expect("made");
    let mut server = place.serve();
    let (token, body) = (place.token(), sample("policyMap", "request"));
    let mapped = |server: &Server| server.ask("policyMap", &token, &body)["response"]["mappedValue"].clone();
    assert_eq!(mapped(&server), json!("example@gmail.com"));
    place.write("config/rules/mail.toml", "[[rule]]\nid = \"m\"\non = \"policyMap\"\nmap = '\"mapped\"'\n");
    server.wait_for(TAKEN);
    assert_eq!(mapped(&server), json!("mapped"));
}

#[test]
fn a_bad_configuration_is_told_with_its_place_and_the_last_good_one_stays() {
    let place = Place::new(&refusing("One"));
    let mut server = place.serve();
    let token = place.token();
    for (bad, told) in [
        (refusing("Two").replace("validateUser", "validatUser"), "config/hookreeve.toml:10:6: there is no event"),
        (refusing("Two").replace("[[rule]]", "[[rule"), "config/hookreeve.toml:8:"),
        (String::new(), "no credential is named"),
        (refusing("Two").replacen("127.0.0.1:0", "127.0.0.1:1", 1), "a change of `server.listen` needs a restart"),
    ] {
        place.write("config/hookreeve.toml", &bad);
        server.wait_for(told);
        server.wait_for(NOT_TAKEN);
        says(&server, &token, "One");
    }
    counts(&server, "rejected", 4);
    // The way back is the same way.
    place.write("config/hookreeve.toml", &refusing("Two"));
    server.wait_for(TAKEN);
    says(&server, &token, "Two");
}

#[test]
fn a_warning_is_told_at_the_start_and_at_each_reload() {
    let place = Place::new(&refusing("not one word"));
    let mut server = place.serve();
    server.signal("HUP");
    server.wait_for("the cloud takes the message for a code in its own table");
    server.wait_for(TAKEN);
    let log = server.stop().err;
    assert_eq!(log.matches("the cloud takes the message for a code").count(), 2, "{log}");
}

#[test]
fn a_secret_in_a_file_is_changed_without_a_restart() {
    let config = BASIC.replace(r#"{ env = "HOOKREEVE_JWT_SECRET" }"#, r#"[{ file = "new" }, { file = "old" }]"#);
    let place = Place::new(&config).file("config/new", "one-secret-of-32-bytes-and-more\n").file("config/old", "x");
    let mut server = place.serve();
    let ask = |server: &Server, token: &str| server.post("/webhook/test", Some(token), "{}").status;
    let first = place.token();
    assert_eq!(ask(&server, &first), 200);
    place.write("config/new", "another-secret-of-32-bytes-and-more\n");
    server.wait_for(TAKEN);
    assert_eq!(ask(&server, &first), 401);
    assert_eq!(ask(&server, &place.token()), 200);
    place.write("config/old", "\n");
    server.wait_for("config/old is empty");
    server.wait_for(NOT_TAKEN);
    assert_eq!(ask(&server, &place.token()), 200);
}

#[test]
fn the_level_of_the_log_changes_with_a_reload() {
    let place = Place::new(BASIC);
    let mut server = place.serve();
    place.write("config/hookreeve.toml", &format!("{BASIC}[log]\nlevel = \"debug\"\n"));
    server.wait_for(TAKEN);
    server.ask("test", &place.token(), &json!({}));
    server.wait_for("what the rules did");
}
