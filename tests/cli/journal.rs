//! The journal from the command line: verified, measured, backed up and restored, forgotten, with and without a server.

use std::fs::{self, OpenOptions};
use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;

use serde_json::json;

use crate::kept::Kept;
use crate::program::{BASIC, Place};

/// Whether a file under the directory holds these bytes.
fn somewhere(directory: &Path, needle: &str) -> bool {
    fs::read_dir(directory).expect("a directory").any(|entry| {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            return somewhere(&path, needle);
        }
        let bytes = fs::read(&path).unwrap_or_default();
        bytes.windows(needle.len()).any(|window| window == needle.as_bytes())
    })
}

#[test]
fn without_a_journal_each_command_says_that_there_is_none() {
    let place = Place::new(BASIC);
    for arguments in [
        &["events"][..],
        &["events", "show", "1"],
        &["events", "tail"],
        &["events", "fields"],
        &["dead", "list"],
        &["dead", "retry", "--all"],
        &["dead", "retry", "1.0"],
        &["forget", "--person", "quinn", "--yes"],
        &["replay", "--since", "1h"],
        &["replay", "--unverified"],
        &["journal", "verify"],
        &["journal", "head"],
        &["journal", "stats"],
        &["journal", "backup", "b.db"],
        &["journal", "rekey"],
    ] {
        let ended = place.run(arguments);
        assert_eq!((ended.code, ended.out.as_str()), (Some(2), ""), "{arguments:?}: {ended:?}");
        assert!(ended.err.contains("there is no journal yet at "), "{arguments:?}: {ended:?}");
    }
    assert!(!place.path("config/data").exists() && !place.path("data").exists(), "looking makes nothing");
}

#[test]
fn it_is_verified_and_measured_beside_a_server_and_without_one() {
    let kept = Kept::new(200, "");
    let server = kept.place.serve();
    for login in ["quinn", "bob", "eve"] {
        kept.created(&server, login);
        assert_eq!(kept.target.next().body, json!({ "login": login }));
    }
    let head = kept.run(&["journal", "head"]);
    assert!(head.starts_with("3:") && head.trim().len() == 66, "{head}");
    for server in [Some(server), None] {
        let text = kept.run(&["journal", "verify", "--against", head.trim()]);
        assert_eq!(text, format!("3 entries, 0 forgotten: nothing is wrong\nhead {head}"));
        let report = &kept.json(&["journal", "verify"])[0];
        assert_eq!((&report["sound"], &report["entries"], &report["found"]), (&json!(true), &json!(3), &json!(0)));
        let stats = &kept.json(&["journal", "stats"])[0];
        assert_eq!((&stats["entries"], &stats["head"]), (&json!(3), &json!(head.trim())));
        assert_eq!(stats["actions"], json!([{ "action": "crm", "pending": 0, "dead": 0 }]));
        assert!(kept.run(&["journal", "stats"]).contains("entries     3, the last is number 3\n"));
        if let Some(server) = server {
            assert_eq!(server.stop().code, Some(0));
        }
    }
    let other = head.trim().replace("3:", "4:");
    let ended = kept.refused(&["journal", "verify", "--against", &other], 1, "");
    assert!(ended.out.contains("its tail was cut off") && ended.out.contains("1 finding"), "{ended:?}");
    kept.refused(&["journal", "verify", "--against", "3:abc"], 2, "a head looks like");
}

#[test]
fn a_journal_that_somebody_changed_is_found_out() {
    let kept = Kept::new(200, "");
    let server = kept.place.serve();
    kept.created(&server, "quinn");
    assert_eq!(server.stop().code, Some(0));
    kept.place.write("config/chain.key", "another-key-of-the-chain-of-entries\n");
    let ended = kept.refused(&["journal", "verify"], 1, "");
    assert!(ended.out.starts_with("entry 1: its header or its place in the chain was changed"), "{ended:?}");
    let ended = kept.refused(&["journal", "verify", "--format", "json"], 1, "");
    assert_eq!(ended.json()["sound"], false);
}

#[test]
fn a_person_who_is_forgotten_can_be_read_nowhere() {
    let kept = Kept::new(500, "");
    for server_runs in [true, false] {
        let login = if server_runs { "quellendorf" } else { "rasselstein" };
        let server = kept.place.serve();
        kept.tell(&server, "postCreateUser", login, "Zwickmuehle");
        kept.tell(&server, "postUpdateUser", login, "Zwickmuehle");
        kept.created(&server, "quinn");
        let waits = ["dead", "list", "--pending", "--personal"];
        kept.until(&waits, |waiting| waiting.iter().any(|one| one["person"] == login && one["attempts"] == 1));
        kept.run(&["journal", "backup", &format!("{login}.db")]);
        let server = if server_runs {
            Some(server)
        } else {
            _ = server.stop();
            None
        };
        assert!(kept.run(&["events", "--person", login, "--personal"]).contains(login));
        kept.refused(&["forget", "--person", login], 2, "say so with --yes");
        let said = kept.run(&["forget", "--person", &login.to_uppercase(), "--yes"]);
        assert!(said.starts_with("2 entries can no longer be read"), "{said}");
        assert!(said.contains("Not reached: copies of the journal's files made by other means"), "{said}");
        kept.refused(&["forget", "--person", login, "--yes"], 1, "");
        for text in ["events", "dead list --pending", "dead list", "events show 1"] {
            let arguments: Vec<&str> = text.split(' ').chain(["--personal"]).collect();
            let shown = kept.run(&arguments);
            assert!(!shown.contains(login) && !shown.contains("Zwickmuehle"), "{text}: {shown}");
        }
        assert!(kept.run(&["events"]).contains("(forgotten)"));
        let data = kept.place.path("data");
        assert!(!somewhere(&data, login) && !somewhere(&data, "Zwickmuehle"));
        assert_eq!(kept.json(&["journal", "verify"])[0]["sound"], true);
        if let Some(server) = server {
            assert_eq!(server.stop().code, Some(0));
        }
        // A backup from before does not bring it back.
        kept.run(&["journal", "restore", &format!("{login}.db")]);
        let shown = kept.run(&["events", "--personal"]);
        assert!(!shown.contains(login) && shown.contains("quinn"), "{shown}");
        assert_eq!(kept.json(&["journal", "verify"])[0]["sound"], true);
    }
}

#[test]
fn a_backup_is_made_while_it_serves_and_is_restored_while_it_does_not() {
    let kept = Kept::new(200, "");
    let server = kept.place.serve();
    kept.created(&server, "quinn");
    kept.target.next();
    let said = kept.run(&["journal", "backup", "b.db"]);
    assert!(said.contains("/b.db holds entries up to 1:"), "{said}");
    assert_eq!(fs::metadata(kept.place.path("b.db")).expect("a file").permissions().mode() & 0o777, 0o600);
    kept.refused(&["journal", "backup", "b.db"], 2, "no backup was made at ");
    kept.created(&server, "bob");
    kept.target.next();
    kept.refused(&["journal", "restore", "b.db"], 2, "is in use by another process");
    assert_eq!(server.stop().code, Some(0));
    kept.refused(&["journal", "restore", "none.db"], 2, "none.db was not restored");
    let restored = &kept.json(&["journal", "restore", "b.db"])[0];
    assert!(restored["head"].as_str().is_some_and(|head| head.starts_with("1:")), "{restored}");
    let replaced = restored["replaced"].as_str().expect("a path");
    assert!(replaced.contains("hookreeve.db.replaced-") && kept.place.path(replaced).exists(), "{restored}");
    let events = kept.json(&["events", "--personal"]);
    assert_eq!(events.len(), 1, "{events:?}");
    assert_eq!((&events[0]["person"], &events[0]["event"]), (&json!("quinn"), &json!("postCreateUser")));
    let server = kept.place.serve();
    kept.created(&server, "eve");
    assert_eq!(kept.json(&["journal", "verify"])[0]["sound"], true);
}

#[test]
fn keys_are_changed_while_it_serves() {
    let kept = Kept::new(200, "");
    let server = kept.place.serve();
    kept.created(&server, "quinn");
    kept.target.next();
    assert_eq!(server.stop().code, Some(0));
    let config = fs::read_to_string(kept.place.path("config/hookreeve.toml")).expect("a file");
    let both = r#"[{ file = "second.key" }, { file = "journal.key" }]"#;
    kept.place.write("config/second.key", "the-second-key-of-the-journal-002\n");
    kept.place.write("config/hookreeve.toml", &config.replace(r#"{ file = "journal.key" }"#, both));
    let server = kept.place.serve();
    assert_eq!(kept.json(&["journal", "rekey"]), [json!({ "sealed": 1 })]);
    assert_eq!(server.stop().code, Some(0));
    kept.place.write("config/hookreeve.toml", &config.replace("journal.key", "second.key"));
    assert!(kept.run(&["journal", "rekey"]).starts_with("0 keys and secrets sealed anew"));
    let events = kept.json(&["events", "list", "--personal"]);
    assert_eq!(events[0]["person"], "quinn", "{events:?}");
}

#[test]
fn a_lock_that_another_has_is_told() {
    let kept = Kept::new(200, "");
    let server = kept.place.serve();
    kept.created(&server, "quinn");
    assert_eq!(server.stop().code, Some(0));
    assert!(!kept.place.path("data/hookreeve.sock").exists(), "it takes its socket with it");
    let lock = OpenOptions::new().write(true).open(kept.place.path("data/hookreeve.db.lock")).expect("a lock");
    lock.lock().expect("it is free");
    let said = "is in use by another process";
    kept.refused(&["forget", "--person", "quinn", "--yes"], 2, said);
    let ended = kept.refused(&["dead", "retry", "1.0"], 2, said);
    assert!(ended.err.contains("no server answers at "), "{ended:?}");
    // Reading needs no lock.
    assert_eq!(kept.json(&["events", "list"]).len(), 1);
    kept.run(&["journal", "verify"]);
    drop(lock);
    kept.refused(&["dead", "retry", "1.0"], 1, "1.0: the delivery is ");
}

#[test]
fn the_socket_is_the_owners_and_one_that_was_left_behind_is_replaced() {
    let kept = Kept::new(200, "");
    let data = kept.place.path("data");
    fs::create_dir(&data).expect("made");
    drop(UnixListener::bind(data.join("hookreeve.sock")).expect("a socket"));
    let mut server = kept.place.serve();
    let socket = fs::symlink_metadata(data.join("hookreeve.sock")).expect("a socket");
    assert!(socket.file_type().is_socket());
    assert_eq!(socket.permissions().mode() & 0o777, 0o600);
    for (sent, answer) in [
        ("{\"do\":\"dance\"}\n", "is no request that the server knows"),
        ("nonsense\n", "is no request that the server knows"),
        (
            r#"{"do":"skip","action":"crm","person":{"system":"x","tenant":"","key":"k"},"reason":"r"}"#,
            "one line of at most",
        ),
    ] {
        let mut stream = UnixStream::connect(data.join("hookreeve.sock")).expect("it listens");
        std::io::Write::write_all(&mut stream, sent.as_bytes()).expect("sent");
        stream.shutdown(std::net::Shutdown::Write).expect("shut");
        let text = std::io::read_to_string(&stream).expect("an answer");
        assert!(text.contains(answer), "{sent}: {text}");
    }
    kept.created(&server, "quinn");
    kept.refused(&["dead", "drop", "7.0", "--reason", "none"], 1, "7.0: the journal has no such delivery");
    server.wait_for("a command asks for a change request=\"drop\"");
}

#[test]
fn only_so_many_can_ask_at_once() {
    let kept = Kept::new(200, "");
    let mut server = kept.place.serve();
    let connect = || UnixStream::connect(kept.place.path("data/hookreeve.sock")).expect("it listens");
    let held: Vec<UnixStream> = (0..16).map(|_| connect()).collect();
    let said = std::io::read_to_string(connect()).expect("an end");
    assert!(said.contains("as many commands as it may: try again"), "{said}");
    server.wait_for("too many commands at once");
    for _ in 0..20 {
        kept.refused(&["journal", "rekey"], 2, "the server carries out as many commands as it may: try again");
    }
    drop(held);
    // And a stop waits for none that has asked nothing.
    let _idle = connect();
    assert_eq!(server.stop().code, Some(0));
}

#[test]
fn a_data_directory_in_which_no_socket_can_be_is_told_with_its_place() {
    let long = format!("/tmp/{}", "d".repeat(120));
    let place =
        Place::new(&format!("{BASIC}[journal]\n").replace("[server]\n", &format!("[server]\ndata_dir = \"{long}\"\n")));
    for command in ["check", "serve"] {
        let ended = place.run(&[command]);
        assert_eq!(ended.code, Some(1), "{ended:?}");
        let said = ended.out + &ended.err;
        assert!(said.contains("error[long-path]: the path of `data_dir` is longer than"), "{said}");
    }
    assert!(!Path::new(&long).exists());
}
