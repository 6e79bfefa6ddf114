//! The configurations that are shipped: nothing is wrong with them, in whatever they offer to switch on, and another
//! parser than ours reads them alike.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::program::{Ended, Place, leave_out, read, repository};
use crate::tls::Certificate;

/// Every shipped configuration.
fn shipped() -> Vec<String> {
    let examples = fs::read_dir(repository("config/examples")).expect("a directory");
    let examples = examples.map(|entry| entry.expect("an entry").file_name().into_string().expect("UTF-8"));
    let examples = examples.filter(|name| Path::new(name).extension().is_some_and(|extension| extension == "toml"));
    let mut paths: Vec<String> = examples.map(|name| format!("config/examples/{name}")).collect();
    paths.sort();
    assert!(paths.len() >= 4, "{paths:?}");
    paths.extend(["config/demo.toml".to_owned(), "config/hookreeve.toml".to_owned()]);
    paths
}

/// Nothing is found in this configuration, with everything that it names in place.
#[track_caller]
fn is_well(config: &str, what: &str) {
    let key = "0123456789abcdef0123456789abcdef\n";
    let place = Place::new(config).file("config/rules/own.toml", "# Nothing yet.\n");
    let place = place.file("config/journal.key", key).file("config/chain.key", key);
    Certificate::new().write(&place);
    let place = place.file("config/no-rehire.csv", &read("config/examples/no-rehire.csv"));
    let place = place.with_secrets_of(config);
    let ended = place.run(&["check", "--deny-warnings", "--secrets"]);
    assert_eq!(ended.code, Some(0), "{what}:\n{config}\n{}", ended.out);
}

#[test]
fn nothing_is_wrong_with_what_is_shipped() {
    for path in shipped() {
        is_well(&read(&path), &path);
    }
}

/// The blocks of a file that are a table when the `# ` before each line is taken away: each begins with a header.
fn commented_out(text: &str) -> Vec<String> {
    let mut blocks: Vec<String> = Vec::new();
    let mut within = false;
    for line in text.lines() {
        match line.strip_prefix("# ") {
            Some(header) if header.starts_with('[') => {
                blocks.push(format!("{header}\n"));
                within = true;
            }
            Some(line) if within => blocks.last_mut().expect("a header").extend([line, "\n"]),
            _ => within = false,
        }
    }
    blocks
}

/// Lines within a section that are a key when the `# ` is taken away: each offers one setting.
fn offered_keys(text: &str) -> Vec<&str> {
    let key = |line: &str| {
        let name = line.split_once(" = ").map(|(name, _)| name);
        name.is_some_and(|name| name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'))
    };
    let mut within = false;
    let mut keys = Vec::new();
    for line in text.lines() {
        let uncommented = line.strip_prefix("# ");
        // What belongs to a block that is commented out is tried with its block.
        within = uncommented.is_some_and(|line| line.starts_with('[')) || (within && uncommented.is_some());
        keys.extend(uncommented.filter(|line| !within && key(line)));
    }
    keys
}

#[test]
fn nothing_is_wrong_with_a_rule_that_is_switched_on() {
    for (path, count) in [("config/hookreeve.toml", 8), ("config/demo.toml", 1)] {
        let text = read(path);
        let blocks = commented_out(&text);
        assert_eq!(blocks.len(), count, "{blocks:?}");
        for block in &blocks {
            is_well(&format!("{text}\n{block}"), path);
        }
        is_well(&format!("{text}\n{}", blocks.concat()), path);
    }
}

#[test]
fn nothing_is_wrong_with_a_setting_that_is_switched_on() {
    let text = read("config/hookreeve.toml");
    let keys = offered_keys(&text);
    assert!(keys.len() >= 5, "{keys:?}");
    for key in keys {
        is_well(&text.replacen(&format!("# {key}"), key, 1), key);
    }
}

#[test]
fn another_parser_reads_the_same_in_what_is_shipped() {
    let script =
        "import json, sys, tomllib\nprint(json.dumps([tomllib.load(open(path, 'rb')) for path in sys.argv[1:]]))";
    let python = |arguments: &[&str]| Command::new("python3").args(arguments).stdin(Stdio::null()).output();
    if !python(&["-c", "import tomllib"]).is_ok_and(|output| output.status.success()) {
        return leave_out("shipped files before a parser of TOML 1.0", "there is no python3 of 3.11 or later");
    }
    let mut paths = shipped();
    let directory = tempfile::tempdir().expect("a directory");
    for path in &mut paths {
        let blocks = commented_out(&read(path)).concat();
        let text = format!("{}\n{blocks}", read(path));
        *path = directory.path().join(path.replace('/', "-")).to_str().expect("UTF-8").to_owned();
        fs::write(path, text).expect("written");
    }
    let arguments: Vec<&str> = ["-c", script].into_iter().chain(paths.iter().map(String::as_str)).collect();
    let ended: Ended = python(&arguments).expect("it runs").into();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let theirs = ended.json();
    for (path, theirs) in paths.iter().zip(theirs.as_array().expect("a list")) {
        let ours: Value = toml::from_str(&fs::read_to_string(path).expect("there")).expect("TOML");
        assert_eq!(&ours, theirs, "{path}");
    }
}
