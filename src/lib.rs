//! Hookreeve: a webhook receiver that an identity cloud's tenant runs.
//!
//! The cloud asks whether a person may be created, with which fields, what an attribute maps to, whether access is to be
//! removed, and tells what has happened. This crate is the server that answers, by rules or by a [`judge::Handler`]
//! written in Rust. `README.md` shows how to run it, `docs/rules.md` what a rule can do, `docs/operations.md` how to keep
//! it running, `docs/architecture.md` how it is built.
//!
//! # What is where
//!
//! A request comes in through [`http`], which asks [`auth`] who sent it. [`dialect`] makes an [`event::Event`] of its
//! body, [`judge`] brings that to its handler and back to an [`event::Decision`] in time, and [`dialect`] writes the
//! decision in the cloud's words. The usual handler are [`rules`], whose expressions [`expr`] compiles and evaluates;
//! [`scope`] says what they can name, and [`lookup`] asks beforehand for the [`facts`] from outside. [`action`] tells other
//! systems what has happened; requests that go out are made by [`outgoing`], and other people's databases are [`sql`]'s. [`event::catalog`] is the table of events from
//! which routes, checks, samples and documents derive.
//!
//! [`journal`] keeps what came in and what it must still set off, on disk before anybody is told that it was received.
//! [`directory`] says what it keeps of the people that were seen, and finds them again.
//!
//! [`testing`] runs the tests that rules carry, on the code that decides events, and makes tests of events.
//! [`conformance`] plays the documented cloud against a receiver, and says what is as the documents have it.
//! [`retrial`] judges kept events again, for commands that tell why something was decided and what other rules would say.
//!
//! [`config`] reads files and environment and says what is wrong with them; [`app`] makes a server of a configuration and
//! a [`judge::Registry`], and keeps it up to date; [`cli`] is the command line around it. [`telemetry`] is the log and the
//! metrics. [`base`] is what all of them stand on: clock, ids, JSON whose bytes survive, findings with a place, secrets.
//!
//! # A program of your own
//!
//! Most programs want the whole command line, with a handler in place of the rules on one event. That is
//! [`cli::main`]; `examples/custom_handler.rs` is one to copy, and [`judge::Handler`] says what a handler must keep to.
//!
//! A server within a larger program is an [`app::App`]: the caller owns the sockets and the signal to stop.
//!
//! ```
//! use hookreeve::app::{App, Source};
//! use hookreeve::base::clock::Clock;
//! use hookreeve::config::Environment;
//! use hookreeve::http::listener::Stop;
//! use hookreeve::judge::Registry;
//!
//! # fn main() -> anyhow::Result<()> {
//! # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
//! let directory = tempfile::tempdir()?;
//! let path = directory.path().join("hookreeve.toml");
//! std::fs::write(
//!     &path,
//!     r#"
//!     server = { listen = "127.0.0.1:0" }
//!     cymmetri.auth.jwt = { secret = { env = "JWT_SECRET" } }
//!     log.person = "none"
//!
//!     [[rule]]
//!     id = "email required"
//!     on = "validateUser"
//!     when = 'text(user.?email) == ""'
//!     deny = "EmailRequired"
//!     "#,
//! )?;
//! let source = Source {
//!     path: Some(path),
//!     environment: Environment::new([("JWT_SECRET", "the secret that the cloud holds, too")]),
//!     registry: Registry::new(),
//!     clock: Clock::system(),
//! };
//! let stop = Stop::new();
//! let app = App::build(source.clone(), source.load(), stop.clone()).expect("nothing is wrong with it");
//! let listeners = app.bind().await?;
//! println!("http://{}/webhook/validateUser", listeners.receiver.local_addr()?);
//! stop.drain(); // Elsewhere a signal does; `run` returns once every request that was begun is answered.
//! app.run(listeners).await?;
//! # anyhow::Ok(())
//! # })
//! # }
//! ```

pub mod action;
pub mod app;
pub mod auth;
pub mod base;
pub mod cli;
pub mod config;
pub mod conformance;
pub mod delivery;
pub mod dialect;
pub mod directory;
pub mod event;
pub mod expr;
pub mod facts;
pub mod http;
pub mod journal;
pub mod judge;
pub mod lookup;
pub mod outgoing;
pub mod record;
pub mod retrial;
pub mod rules;
pub mod scope;
pub mod sql;
pub mod telemetry;
pub mod testing;
