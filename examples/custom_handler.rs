//! A server with a handler of its own: `validateUser` is decided in Rust, everything else by rules.
//!
//! ```console
//! $ cargo run --example custom_handler -- serve --dev
//! $ cargo run --example custom_handler -- send validateUser --set user.email=a@mailinator.com
//! {"response":{"error":true,"message":"EmailDomainNotAllowed"}}
//! ```
//!
//! The second line runs in another terminal, after the `export` lines that the first prints. The program has hookreeve's
//! whole command line: `check`, `serve`, `send`, `health` and the rest, with this handler in place. Rules on
//! `validateUser` are not used any more, and `check` says so.

use std::io;
use std::process::ExitCode;

use hookreeve::event::{Changes, Decision, Event, Kind, KindSet};
use hookreeve::judge::{BoxFuture, Cx, Handler, HandlerError, Registry};

fn main() -> ExitCode {
    hookreeve::cli::main(Registry::new().bind("validateUser", BlockedDomains))
}

/// Refuses people whose address is in a blocked domain.
struct BlockedDomains;

impl Handler for BlockedDomains {
    /// It gives a yes or no, so that it can be bound to `validateUser` and `validateUpdateUser`, and to nothing else.
    fn kinds(&self) -> KindSet {
        KindSet::of(&[Kind::Verdict])
    }

    fn handle<'a>(&'a self, event: &'a Event, _cx: &'a Cx) -> BoxFuture<'a, Result<Decision, HandlerError>> {
        Box::pin(async move {
            // A person without an address passes: what is missing never refuses by itself.
            let Some(domain) = email_domain(event) else { return Ok(Decision::Accept(Changes::default())) };
            // If this fails, or is not done before the deadline, `on_error` of the configuration decides.
            let blocked = is_blocked(&domain)
                .await
                .map_err(|error| HandlerError::with_source("the list of blocked domains cannot be read", error))?;
            Ok(if blocked {
                Decision::Refuse("EmailDomainNotAllowed".to_owned())
            } else {
                Decision::Accept(Changes::default())
            })
        })
    }
}

/// The part of the person's address behind the `@`, in lower case.
fn email_domain(event: &Event) -> Option<String> {
    let email = event.user()?.get("email")?.as_text()?.ok()?;
    let (_, domain) = email.trim().rsplit_once('@')?;
    Some(domain.to_lowercase())
}

/// Stands for a database or a service of yours. The file is read for each event, so that an edit counts at once.
async fn is_blocked(domain: &str) -> io::Result<bool> {
    let list = tokio::fs::read_to_string("examples/blocked-domains.txt").await?;
    Ok(list.lines().any(|line| line.trim() == domain))
}
