//! The first chapter of `docs/rules.md`, followed to the letter: its files are written where it says, its commands run, and
//! what they print is what stands there.

use std::fs;
use std::os::unix::fs::symlink;
use std::process::Command;

use crate::program::{Place, read};
use crate::server::Server;

/// How often a command is run that tells of what comes by itself, before its step fails.
const TRIES: usize = 400;

/// What one reads from top to bottom.
enum Part {
    /// A file of this name.
    File(String, String),
    /// Commands, each with what it prints.
    Commands(Vec<(String, Vec<String>)>),
}

/// The chapter's files and commands, in order. A file's name is the last one before its text.
fn parts() -> Vec<Part> {
    let document = read("docs/rules.md");
    let chapter =
        document.split("\n## ").find(|chapter| chapter.starts_with("From a first rule")).expect("the chapter");
    let mut parts = Vec::new();
    let mut name = String::new();
    // Text and blocks in turn.
    for (index, text) in chapter.split("```").enumerate() {
        let Some((info, body)) = text.split_once('\n').filter(|_| index % 2 == 1) else {
            let code = text.split('`').skip(1).step_by(2);
            name = code
                .filter(|code| std::path::Path::new(code).extension().is_some_and(|extension| extension == "toml"))
                .last()
                .map_or(name, str::to_owned);
            continue;
        };
        match info {
            "toml" => parts.push(Part::File(name.clone(), body.to_owned())),
            "console" => {
                let mut commands: Vec<(String, Vec<String>)> = Vec::new();
                for line in body.lines() {
                    match line.strip_prefix("$ ") {
                        Some(command) => commands.push((command.to_owned(), Vec::new())),
                        None => commands.last_mut().expect("a command").1.push(line.to_owned()),
                    }
                }
                parts.push(Part::Commands(commands));
            }
            other => panic!("the guide has a block of {other:?}"),
        }
    }
    parts
}

/// Whether a text is a line in which `…` stands for anything.
fn is(text: &str, line: &str) -> bool {
    let mut parts = line.split('…');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else { return false };
    let mut last = first;
    for part in parts {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
        last = part;
    }
    rest.is_empty() || (last.is_empty() && line.ends_with('…'))
}

/// Whether each of these lines is printed, in this order.
fn are_printed(expected: &[String], printed: &str) -> bool {
    let mut lines = printed.lines();
    expected.iter().filter(|line| !line.is_empty()).all(|line| lines.any(|text| is(text, line)))
}

/// The command line as a shell runs it, in which `hookreeve` is the program.
fn shell(place: &Place, line: &str) -> Command {
    let mut command = place.command(&[]);
    let variables: Vec<_> =
        command.get_envs().map(|(name, value)| (name.to_owned(), value.map(ToOwned::to_owned))).collect();
    let directory = place.path("");
    command = Command::new("/bin/sh");
    command.args(["-c", line]).current_dir(&directory).env_clear();
    command.envs(variables.into_iter().filter_map(|(name, value)| Some((name, value?))));
    command.env("PATH", format!("{}:/usr/bin:/bin", directory.join("tmp").display()));
    command
}

#[test]
fn the_guide_can_be_followed_from_the_first_rule_to_a_reviewed_set() {
    let mut place = Place::empty().variable("HOOKREEVE__SERVER__LISTEN", "127.0.0.1:0");
    symlink(env!("CARGO_BIN_EXE_hookreeve"), place.path("tmp/hookreeve")).expect("linked");
    let mut server: Option<Server> = None;
    let mut followed = 0;
    for part in parts() {
        let commands = match part {
            Part::File(name, text) => {
                place.write(&name, &text);
                continue;
            }
            Part::Commands(commands) => commands,
        };
        for (line, expected) in commands {
            // In the third step it is said to run in another terminal.
            if line.starts_with("hookreeve send") && server.is_none() {
                let started = place.serve();
                place = place.variable("HOOKREEVE__SERVER__LISTEN", &started.address.to_string());
                server = Some(started);
            }
            let mut printed = String::new();
            let said = (0..TRIES).any(|_| {
                let output = shell(&place, &line).output().expect("a shell");
                printed = String::from_utf8(output.stdout).expect("text");
                let said = are_printed(&expected, &printed);
                // What was sent would be sent again.
                said || line.contains("send ") || {
                    std::thread::park_timeout(std::time::Duration::from_millis(20));
                    false
                }
            });
            assert!(said, "$ {line}\n{}\nis not what it prints:\n{printed}", expected.join("\n"));
            followed += 1;
            if line == "hookreeve init" {
                let path = place.path("config/hookreeve.toml");
                let config = fs::read_to_string(&path).expect("a configuration");
                assert!(config.contains("\n# include = "), "{config}");
                place.write("config/hookreeve.toml", &config.replace("\n# include = ", "\ninclude = "));
            }
        }
    }
    assert!(followed > 15, "only {followed} commands");
    assert_eq!(server.expect("it was started").stop().code, Some(0));
}
