//! The log: text or JSON lines on standard error, written by a thread of its own so that a slow reader delays no verdict.

mod json;
mod writer;

use tracing::Level;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{Layer as _, Registry, fmt, reload};

/// Libraries that see requests before they are understood. Below level info they quote them: h2, for one, the path of a
/// request that it refuses, which may hold a secret.
const RAW: [&str; 6] = ["h2", "hyper", "hyper_util", "axum", "reqwest", "rustls"];

/// The form of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// Keeps the log running; when dropped, what waits is written.
pub struct Log {
    level: reload::Handle<Targets, Registry>,
    _guard: writer::Guard,
}

/// Why there is no log.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// One exists already in this process.
    #[error("the log was set up before")]
    Twice,
    /// The operating system gave no thread to write it.
    #[error("the log cannot be started")]
    Thread(#[from] std::io::Error),
}

/// Starts the log, which tells of panics too. `terminal` allows colour.
pub fn start(form: Form, level: Level, terminal: bool) -> Result<Log, LogError> {
    let (writer, guard) = writer::start(std::io::stderr(), form)?;
    let (filter, handle) = reload::Layer::new(lines(level));
    let registry = tracing_subscriber::registry().with(filter);
    let started = match form {
        Form::Text => registry.with(text(writer, terminal).boxed()).try_init(),
        Form::Json => registry.with(fmt::layer().event_format(json::Lines).with_writer(writer).boxed()).try_init(),
    };
    started.map_err(|_| LogError::Twice)?;
    std::panic::set_hook(Box::new(|panic| {
        // Its words may hold anything, a value of an event as well.
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(place, "a panic: this is a mistake in the program, please report it with this place");
    }));
    Ok(Log { level: handle, _guard: guard })
}

/// Which lines are logged.
fn lines(level: Level) -> Targets {
    let raw = LevelFilter::from_level(level).min(LevelFilter::INFO);
    Targets::new().with_default(level).with_targets(RAW.map(|target| (target, raw)))
}

fn text<S, W>(writer: W, terminal: bool) -> impl tracing_subscriber::Layer<S>
where
    S: tracing::Subscriber + for<'a> tracing_subscriber::registry::LookupSpan<'a>,
    W: for<'a> MakeWriter<'a> + 'static,
{
    fmt::layer().with_ansi(terminal).with_target(false).with_writer(writer)
}

impl Log {
    /// Changes what is logged from now on.
    pub fn set_level(&self, level: Level) {
        // It fails only where the subscriber is gone, and then nothing is logged anyway.
        let _ = self.level.reload(lines(level));
    }
}
