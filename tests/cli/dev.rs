//! `serve --dev`: what it prints works when it is pasted, and nothing stays behind.

use std::process::Command;

use serde_json::Value;

use crate::program::{Ended, Place, documented_reply, have, repository};
use crate::server::Server;

/// A playground on a free port.
pub(crate) fn place() -> Place {
    Place::empty().variable("HOOKREEVE__SERVER__LISTEN", "127.0.0.1:0").without_secret()
}

/// What `serve --dev` has printed, taken apart.
pub(crate) struct Printed {
    pub(crate) text: String,
    pub(crate) exports: Vec<(String, String)>,
    lines: Vec<String>,
}

impl Printed {
    pub(crate) fn by(server: &mut Server) -> Self {
        let text = server.printed_until("Ctrl-C stops.");
        let exports = text.lines().filter_map(|line| line.strip_prefix("export ")?.split_once('='));
        let exports = exports.map(|(name, value)| (name.to_owned(), value.trim_matches('\'').to_owned())).collect();
        let lines = text.lines().filter(|line| line.starts_with("curl ")).map(str::to_owned).collect();
        Self { text, exports, lines }
    }

    pub(crate) fn export(&self, name: &str) -> &str {
        let export = self.exports.iter().find(|(export, _)| export == name);
        &export.unwrap_or_else(|| panic!("no {name} in {}", self.text)).1
    }

    /// A shell that has pasted the exports.
    pub(crate) fn shell(&self) -> Command {
        let mut command = Command::new("sh");
        command.envs(self.exports.iter().cloned()).env("no_proxy", "*").stdin(std::process::Stdio::null());
        command
    }
}

fn pasted(printed: &Printed, line: &str) -> Value {
    let output: Ended = printed.shell().args(["-c", line]).output().expect("a shell").into();
    assert_eq!(output.code, Some(0), "{line}: {output:?}");
    output.json()
}

/// The event that a curl line is for.
fn event_of(line: &str) -> &str {
    let path = line.split("$HOST/webhook/").nth(1).expect("a path");
    path.split('"').next().expect("an end")
}

#[test]
fn each_line_that_it_prints_gives_the_documented_reply() {
    if !have("curl", "the lines that serve --dev prints") {
        return;
    }
    let place = place();
    let mut server = Server::start(place.command(&["serve", "--dev"]));
    let printed = Printed::by(&mut server);
    assert_eq!(printed.export("HOST"), format!("http://{}", server.address));
    let lines: Vec<&String> = printed.lines.iter().filter(|line| line.contains("$HOST/webhook/")).collect();
    let events: Vec<&str> = lines.iter().map(|line| event_of(line)).collect();
    assert_eq!(events, hookreeve::event::catalog::names_of("cymmetri").collect::<Vec<_>>());
    for (event, line) in events.iter().zip(lines) {
        assert_eq!(pasted(&printed, line), documented_reply(event), "{event}");
    }
    // Without the token they are refused, as anybody's are.
    assert_eq!(server.post("/webhook/test", None, "{}").status, 401);
}

#[test]
fn the_send_that_it_names_works_from_the_same_directory() {
    let place = place();
    let mut server = Server::start(place.command(&["serve", "--dev"]));
    let printed = Printed::by(&mut server);
    let line = printed.text.lines().find_map(|line| line.split('`').find(|part| part.starts_with("hookreeve send ")));
    let line = line.unwrap_or_else(|| panic!("no command in {}", printed.text));
    let line = line.replacen("hookreeve", env!("CARGO_BIN_EXE_hookreeve"), 1);
    let output = printed.shell().args(["-c", &line]).current_dir(place.path("")).output().expect("a shell");
    let ended: Ended = output.into();
    assert_eq!(ended.code, Some(0), "{line}: {ended:?}");
    assert!(ended.err.starts_with("validateUser -> 200 OK"), "{ended:?}");
}

#[test]
fn nothing_stays_behind_when_it_is_stopped() {
    for signal in ["TERM", "INT"] {
        let place = place();
        let mut server = Server::start(place.command(&["serve", "--dev"]));
        Printed::by(&mut server);
        assert_eq!(place.left_behind().len(), 1, "its data");
        server.signal(signal);
        let ended = server.end();
        assert_eq!(ended.code, Some(0), "{ended:?}");
        assert!(place.left_behind().is_empty(), "{:?}", place.left_behind());
    }
}

#[test]
fn it_takes_the_demonstration_of_the_directory_where_there_is_one() {
    let place = place();
    let mut command = place.command(&["serve", "--dev"]);
    command.current_dir(repository(""));
    let mut server = Server::start(command);
    let printed = Printed::by(&mut server);
    assert!(printed.text.contains("with the rules of config/demo.toml"), "{}", printed.text);
    // Nor does it write there.
    assert_eq!(server.stop().code, Some(0));
    assert!(place.left_behind().is_empty());
}

#[test]
fn it_takes_a_configuration_that_is_given_and_no_secret() {
    let rule = "[[rule]]\nid = \"r\"\non = \"validateUser\"\ndeny = \"Mine\"\n";
    let config = format!("[cymmetri.auth]\njwt = {{ secret = {{ env = \"HOOKREEVE_JWT_SECRET\" }} }}\n{rule}");
    let place = place().file("mine.toml", &config).variable("HOOKREEVE_JWT_SECRET", "given-secret-of-32-bytes-or-more");
    let mut server = Server::start(place.command(&["serve", "--dev", "--config", "mine.toml"]));
    let printed = Printed::by(&mut server);
    assert!(printed.text.contains("with the rules of mine.toml"), "{}", printed.text);
    assert!(!printed.text.contains("given-secret"), "{}", printed.text);
    let reply = server.ask("validateUser", printed.export("TOKEN"), &crate::program::sample("validateUser", "request"));
    assert_eq!(reply["response"]["message"], "Mine");
    // What came in can be looked at, and is not kept beside the file.
    server.ask("postCreateUser", printed.export("TOKEN"), &crate::program::sample("postCreateUser", "request"));
    let mut events = place.command(&["events", "list", "--config", "mine.toml"]);
    let events = events.envs(printed.exports.iter().cloned()).output().expect("it runs");
    assert!(String::from_utf8_lossy(&events.stdout).contains("postCreateUser"), "{events:?}");
    assert!(!place.path("data").exists());
}

#[test]
fn it_listens_on_loopback_only() {
    for listen in ["0.0.0.0:0", "[::]:0", "192.0.2.1:0"] {
        let place = place().variable("HOOKREEVE__SERVER__LISTEN", listen);
        let ended = place.run(&["serve", "--dev"]);
        assert_eq!(ended.code, Some(2), "{ended:?}");
        assert!(ended.err.contains("--dev listens on loopback only"), "{ended:?}");
        assert!(place.left_behind().is_empty());
    }
}

#[test]
fn what_is_wrong_with_its_configuration_leaves_nothing_behind_either() {
    let place = place().file("mine.toml", "[[rule]]\n");
    let ended = place.run(&["serve", "--dev", "--config", "mine.toml"]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(place.left_behind().is_empty());
}
