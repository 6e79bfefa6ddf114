//! The command line: one file per command. It is in the library, so that a program with handlers of its own keeps it.
//!
//! Commands decide nothing themselves: they call what the server calls, and print.

mod backtest;
mod check;
mod conformance;
mod costs;
mod dead;
mod dev;
mod directory;
mod events;
mod explain;
mod forget;
mod guard;
mod hash_password;
mod health;
mod hygiene;
mod init;
mod journal;
mod junit;
mod output;
mod pseudonym;
mod reload;
mod replay;
mod schema;
mod select;
mod send;
mod serve;
mod shadow;
mod shown;
mod store;
mod test;
mod token;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{CommandFactory as _, Parser, Subcommand};

use crate::app::Source;
use crate::base::clock::Clock;
use crate::config::Environment;
use crate::judge::Registry;

/// A webhook receiver that an identity cloud's tenant runs: it answers by rules, in time, and says why.
#[derive(Debug, Parser)]
#[command(name = "hookreeve", version, max_term_width = 110, after_help = EXAMPLES, arg_required_else_help = true)]
struct Arguments {
    /// The configuration. Default: config/hookreeve.toml, else /etc/hookreeve/hookreeve.toml
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,

    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Serve(serve::Arguments),
    Check(check::Arguments),
    Test(test::Arguments),
    Send(send::Arguments),
    Token(token::Arguments),
    Conformance(conformance::Arguments),
    Health(health::Arguments),
    Events(events::Arguments),
    Explain(explain::Arguments),
    Backtest(backtest::Arguments),
    Hygiene(hygiene::Arguments),
    Reload(reload::Arguments),
    Replay(replay::Arguments),
    Dead(dead::Arguments),
    Guard(guard::Arguments),
    Shadow(shadow::Arguments),
    Directory(directory::Arguments),
    Forget(forget::Arguments),
    Journal(journal::Arguments),
    Init(init::Arguments),
    Schema(schema::Arguments),
    Pseudonym(pseudonym::Arguments),
    HashPassword(hash_password::Arguments),
    /// Prints a completion script for a shell
    #[command(after_help = "Examples:\n  hookreeve completions bash > /etc/bash_completion.d/hookreeve")]
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
}

const EXAMPLES: &str = "\
Examples:
  hookreeve serve --dev                      try it: a server on loopback, and curl lines to paste
  hookreeve check                            everything that is wrong with the configuration
  hookreeve test                             the tests that the rules carry
  hookreeve serve                            run it
  hookreeve send validateUser --set user.email=a@b.example
  hookreeve init                             a first configuration, with keys
  hookreeve events --person shreyash2        what is known of a person
  hookreeve dead list                        what could not be delivered

Exit status: 0 fine, 1 something was found or went wrong, 2 it could not be looked at.";

/// What a command ends with, beside an error.
enum Ended {
    /// All is well.
    Well,
    /// Something was found, and was said.
    Findings,
    /// There was nothing to look at, and that was said.
    Nothing,
    /// Too much of what was looked at cannot be told, and that was said.
    Unknown,
}

/// Runs the program: reads the command line, and does what it says with the handlers of `registry`.
pub fn main(registry: Registry) -> ExitCode {
    let arguments = Arguments::parse();
    let source =
        Source { path: arguments.config, environment: Environment::process(), registry, clock: Clock::system() };
    let ended = match arguments.command {
        Command::Serve(arguments) => serve::run(&arguments, source),
        Command::Check(arguments) => Ok(check::run(&arguments, &source)),
        Command::Test(arguments) => Ok(test::run(&arguments, &source)),
        Command::Send(arguments) => send::run(&arguments, &source),
        Command::Conformance(arguments) => conformance::run(&arguments, &source),
        Command::Token(arguments) => token::run(&arguments, &source),
        Command::Health(arguments) => health::run(&arguments, &source),
        Command::Events(arguments) => events::run(&arguments, &source),
        Command::Explain(arguments) => explain::run(&arguments, &source),
        Command::Backtest(arguments) => backtest::run(&arguments, &source),
        Command::Hygiene(arguments) => hygiene::run(&arguments, &source),
        Command::Reload(arguments) => reload::run(&arguments, &source),
        Command::Replay(arguments) => replay::run(&arguments, &source),
        Command::Dead(arguments) => dead::run(&arguments, &source),
        Command::Guard(arguments) => guard::run(&arguments, &source),
        Command::Shadow(arguments) => shadow::run(&arguments, &source),
        Command::Directory(arguments) => directory::run(&arguments, &source),
        Command::Forget(arguments) => forget::run(&arguments, &source),
        Command::Journal(arguments) => journal::run(&arguments, &source),
        Command::Init(arguments) => init::run(&arguments, &source),
        Command::Schema(arguments) => schema::run(&arguments),
        Command::Pseudonym(arguments) => pseudonym::run(&arguments, &source),
        Command::HashPassword(arguments) => hash_password::run(&arguments),
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Arguments::command(), "hookreeve", &mut script);
            output::print(&String::from_utf8_lossy(&script));
            Ok(Ended::Well)
        }
    };
    match ended {
        Ok(Ended::Well) => ExitCode::SUCCESS,
        Ok(Ended::Findings) => ExitCode::from(1),
        Ok(Ended::Nothing) => ExitCode::from(2),
        Ok(Ended::Unknown) => ExitCode::from(3),
        Err(error) => {
            output::complain(&format!("error: {error:#}"));
            ExitCode::from(2)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_contradicts_itself_nowhere_and_every_command_has_an_example() {
        let command = Arguments::command();
        command.clone().debug_assert();
        for command in command.get_subcommands() {
            let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            assert!(help.contains("Examples:\n") && help.contains("  hookreeve "), "{}", command.get_name());
            for part in command.get_subcommands() {
                let about = part.get_about().map(ToString::to_string).unwrap_or_default();
                assert!(!about.is_empty(), "{} {}", command.get_name(), part.get_name());
            }
        }
    }
}
