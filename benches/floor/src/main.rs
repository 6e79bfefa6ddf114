//! The floor: what axum alone does with the same request. Any POST gets its body back, and nothing is looked at.
//!
//! With `--journal FILE` it answers once the body is on disk (see `journal`), the floor of what must be kept.
//!
//! `echo-floor [--listen ADDRESS] [--threads N] [--journal FILE [--sync-delay-ms N]]`; prints the address that it listens
//! on. One thread unless told otherwise: the runtime of one thread, not one worker of many. Not a part of hookreeve.

mod journal;

use std::io::Write as _;
use std::time::Duration;

use axum::body::Bytes;
use axum::http::header::{CONTENT_TYPE, HeaderName};
use axum::{Router, routing};

async fn echo(body: Bytes) -> ([(HeaderName, &'static str); 1], Bytes) {
    ([(CONTENT_TYPE, "application/json")], body)
}

async fn serve(listen: &str, router: Router) -> std::io::Result<()> {
    let listener = tokio::net::TcpListener::bind(listen).await?;
    println!("{}", listener.local_addr()?);
    std::io::stdout().flush()?;
    axum::serve(listener, router).await
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut listen = "127.0.0.1:0".to_owned();
    let mut threads = 1;
    let mut file = None;
    let mut delay = Duration::ZERO;
    let mut arguments = std::env::args().skip(1);
    while let Some(flag) = arguments.next() {
        let value = arguments.next().ok_or_else(|| format!("{flag} wants a value"))?;
        match flag.as_str() {
            "--listen" => listen = value,
            "--threads" => threads = value.parse()?,
            "--journal" => file = Some(value),
            "--sync-delay-ms" => delay = Duration::from_millis(value.parse()?),
            _ => return Err(format!("unknown flag {flag}").into()),
        }
    }

    let router = match file {
        Some(file) => journal::router(&file, delay)?,
        None => Router::new().fallback(routing::post(echo)),
    };
    let mut runtime = match threads {
        1 => tokio::runtime::Builder::new_current_thread(),
        _ => tokio::runtime::Builder::new_multi_thread(),
    };
    Ok(runtime.worker_threads(threads).enable_all().build()?.block_on(serve(&listen, router))?)
}
