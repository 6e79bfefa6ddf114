//! The `hookreeve` program: the library's command line, with rules as the only handler.

use std::process::ExitCode;

use hookreeve::judge::Registry;

fn main() -> ExitCode {
    hookreeve::cli::main(Registry::new())
}
