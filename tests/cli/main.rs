//! The program as its users have it: a process with arguments, an environment, signals and sockets.
//!
//! What a part does in itself is tested beside it, and the library's public interface in `tests/it`. A test that needs a
//! program which this machine lacks says so on standard error, in a line that begins with `left out:`.

mod api;
mod apis;
mod backtest;
mod check;
mod conformance;
mod deliveries;
mod dev;
mod directory;
mod events;
mod examples;
mod explain;
mod guard;
mod guide;
mod http;
mod init;
mod journal;
mod kept;
mod log;
#[expect(dead_code, reason = "tests beside the code start it in more ways")]
#[path = "../../src/sql/tests/server.rs"]
mod postgres;
mod program;
mod reload;
mod scripts;
mod serve;
mod server;
mod shadow;
mod shipped;
mod target;
mod testing;
mod tls;
mod tools;
