//! A server with a journal and a target, and what its tests do with them again and again.

use std::time::Duration;

use serde_json::{Value, json};

use crate::program::{BASIC, Ended, Place};
use crate::server::Server;
use crate::target::Target;

/// How often something that comes by itself is looked for, a little apart, before its test gives up.
const LOOKS: usize = 2000;

/// Where a server keeps its journal sealed.
pub(crate) struct Kept {
    pub(crate) place: Place,
    pub(crate) target: Target,
    pub(crate) token: String,
}

impl Kept {
    /// A target that answers so, and a configuration with an action to it. `more` is the end of the configuration.
    pub(crate) fn new(status: u16, more: &str) -> Self {
        let target = Target::start(status);
        let journal = "[journal]\nencryption_key = { file = \"journal.key\" }\nchain_key = { file = \"chain.key\" }\n";
        let action = target.action("crm", "retry = { first = \"1h\", max_delay = \"1h\" }");
        let place = Place::new(&format!("{BASIC}{journal}{action}{more}"))
            .file("config/journal.key", "the-first-key-of-the-journal-0001\n")
            .file("config/chain.key", "the-key-of-the-chain-of-entries-01\n");
        let token = place.token();
        Self { place, target, token }
    }

    /// Sends a notice about a person.
    #[track_caller]
    pub(crate) fn created(&self, server: &Server, login: &str) {
        self.tell(server, "postCreateUser", login, "Pune");
    }

    #[track_caller]
    pub(crate) fn tell(&self, server: &Server, event: &str, login: &str, city: &str) {
        let body = json!({ "request": { "user": { "login": login, "city": city, "userType": "Employee" } } });
        assert_eq!(server.ask(event, &self.token, &body), json!({ "response": {} }));
    }

    /// Runs a command that must end well.
    #[track_caller]
    pub(crate) fn run(&self, arguments: &[&str]) -> String {
        let ended = self.place.run(arguments);
        assert_eq!(ended.code, Some(0), "{arguments:?}: {ended:?}");
        ended.out
    }

    /// The same with `--format json`: a value a line.
    #[track_caller]
    pub(crate) fn json(&self, arguments: &[&str]) -> Vec<Value> {
        lines(&self.run(&[arguments, &["--format", "json"]].concat()))
    }

    /// Runs a command that must end with this status, and say this on standard error.
    #[track_caller]
    pub(crate) fn refused(&self, arguments: &[&str], code: i32, said: &str) -> Ended {
        let ended = self.place.run(arguments);
        assert_eq!(ended.code, Some(code), "{arguments:?}: {ended:?}");
        assert!(ended.err.contains(said), "{arguments:?}: {said:?} in {ended:?}");
        ended
    }

    /// Lists until there are so many in the state; what is asked for comes by itself.
    #[track_caller]
    pub(crate) fn until(&self, arguments: &[&str], is: impl Fn(&[Value]) -> bool) -> Vec<Value> {
        let mut last = Vec::new();
        for _ in 0..LOOKS {
            last = self.json(arguments);
            if is(&last) {
                return last;
            }
            std::thread::park_timeout(Duration::from_millis(20));
        }
        panic!("{arguments:?}: it does not come: {last:?}")
    }

    /// Waits until so many deliveries are dead.
    #[track_caller]
    pub(crate) fn dead(&self, number: usize) -> Vec<Value> {
        self.until(&["dead", "list"], |dead| dead.len() == number)
    }
}

/// JSON, a value a line.
#[track_caller]
pub(crate) fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))).collect()
}
