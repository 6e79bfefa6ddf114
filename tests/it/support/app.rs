//! A server of its own for each test, on a thread of its own, which ends with the test and shows that it ended well.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::thread::{self, JoinHandle};

use hookreeve::app::{App, Source};
use hookreeve::base::clock::Clock;
use hookreeve::base::diagnostic::Diagnostic;
use hookreeve::config::Environment;
use hookreeve::http::listener::Stop;
use hookreeve::judge::{Handler, Registry};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use super::log::{Follow, Log};
use super::wire::{Reply, Request};
use super::{soon, tokens};

/// The shared secret, unless a test has its own. 48 characters that are no base64, for the dots.
pub(crate) const SECRET: &str = "a.shared.secret.of.forty-eight.characters.12345";
/// The tenant's own fields in tests.
const OWN_FIELDS: [&str; 19] = [
    "a",
    "age",
    "alsoNotThere",
    "b",
    "c",
    "count",
    "flag",
    "gone",
    "list",
    "mark",
    "maybe",
    "missing",
    "n",
    "new",
    "notThere",
    "seen",
    "tags",
    "x",
    "zero",
];
const CREDENTIAL: &str = "\n[cymmetri.auth]\njwt = { secret = { env = \"HOOKREEVE_JWT_SECRET\" } }\n";

/// What a server is started from.
pub(crate) struct Builder {
    text: String,
    files: Vec<(String, String)>,
    variables: Vec<(String, String)>,
    secret: String,
    registry: Registry,
    clock: Clock,
    may_drop: bool,
}

/// A running server. When dropped it drains; it is an error if anything was left, or a credential was logged.
pub(crate) struct TestApp {
    pub(crate) address: SocketAddr,
    pub(crate) metrics: Option<SocketAddr>,
    pub(crate) clock: Clock,
    pub(crate) stop: Stop,
    pub(crate) log: Log,
    directory: TempDir,
    token: String,
    unspeakable: Vec<String>,
    may_drop: bool,
    ended: oneshot::Receiver<()>,
    thread: Option<JoinHandle<anyhow::Result<()>>>,
}

impl TestApp {
    /// A server that has no rules and wants the sample token.
    pub(crate) async fn start() -> Self {
        Self::with("").start().await
    }

    /// A server with this configuration. Listener and data are its own; where it names no credential it wants the token.
    pub(crate) fn with(text: &str) -> Builder {
        let credential = if text.contains("cymmetri.auth") { "" } else { CREDENTIAL };
        Builder {
            text: format!("{text}{credential}{}", own_fields()),
            files: Vec::new(),
            variables: Vec::new(),
            secret: SECRET.to_owned(),
            registry: Registry::new(),
            clock: tokens::clock(),
            may_drop: false,
        }
        .env("HOOKREEVE__SERVER__LISTEN", "127.0.0.1:0")
    }

    /// The token that the server wants.
    pub(crate) fn token(&self) -> &str {
        &self.token
    }

    /// A request for an event, with the token.
    pub(crate) fn event(&self, event: &str) -> Request {
        self.request(&format!("/webhook/{event}"))
    }

    /// A request to a path, with the token.
    pub(crate) fn request(&self, path: &str) -> Request {
        Request::post(self.address, path).token(&self.token)
    }

    pub(crate) async fn post(&self, event: &str, body: impl Into<Vec<u8>>) -> Reply {
        self.event(event).body(body).send().await
    }

    pub(crate) async fn get(&self, path: &str) -> Reply {
        Request::post(self.address, path).method("GET").send().await
    }

    /// The numbers as they are now.
    pub(crate) async fn metrics(&self) -> String {
        Request::post(self.metrics.expect("[metrics]"), "/metrics").method("GET").send().await.body
    }

    /// Writes a file beside the configuration, which is `hookreeve.toml`.
    pub(crate) fn write(&self, name: &str, text: &str) {
        write(&self.directory, name, text);
    }

    /// Writes the configuration anew, with the credential where it names none.
    pub(crate) fn configure(&self, text: &str) {
        let credential = if text.contains("cymmetri.auth") { "" } else { CREDENTIAL };
        self.write("hookreeve.toml", &format!("{text}{credential}{}", own_fields()));
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub(crate) fn follow(&self) -> Follow {
        self.log.follow()
    }

    /// Drains and returns all that was logged. A client that speaks HTTP/2 needs this, for it has to answer meanwhile.
    pub(crate) async fn stop(mut self) -> String {
        self.stop.drain();
        let _ = soon(&mut self.ended).await;
        self.log.text()
    }
}

impl Drop for TestApp {
    fn drop(&mut self) {
        let Some(thread) = self.thread.take() else { return };
        if thread::panicking() {
            self.stop.abort();
            let _ = thread.join();
            eprintln!("the server's log:\n{}", self.log.text());
            return;
        }
        self.stop.drain();
        thread.join().expect("the server does not panic").expect("the server ends well");
        let log = self.log.text();
        assert!(log.trim_end().ends_with("stopped"), "{log}");
        assert!(self.may_drop || !log.contains("connections are dropped"), "not everything was finished\n{log}");
        for word in &self.unspeakable {
            assert!(!log.contains(word), "{word} is in the log\n{log}");
        }
    }
}

// === impl Builder ===

impl Builder {
    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.variables.retain(|(other, _)| other != name);
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The listener that the file names, not one of the test's own.
    pub(crate) fn own_listener(mut self) -> Self {
        self.variables.retain(|(name, _)| name != "HOOKREEVE__SERVER__LISTEN");
        self
    }

    /// The shared secret.
    pub(crate) fn secret(mut self, secret: &str) -> Self {
        secret.clone_into(&mut self.secret);
        self
    }

    /// A file beside the configuration.
    pub(crate) fn file(mut self, name: &str, text: &str) -> Self {
        self.files.push((name.to_owned(), text.to_owned()));
        self
    }

    pub(crate) fn bind(mut self, event: &str, handler: impl Handler + 'static) -> Self {
        self.registry = self.registry.bind(event, handler);
        self
    }

    /// Requests may be left when the time to drain is up.
    pub(crate) fn may_drop(mut self) -> Self {
        self.may_drop = true;
        self
    }

    pub(crate) async fn start(self) -> TestApp {
        let (directory, source) = self.source();
        let (log, stop) = (Log::new(), Stop::new());
        let (started, start) = oneshot::channel();
        let (ending, ended) = oneshot::channel();
        let server = serve(source, stop.clone(), log.clone(), started, ending);
        let thread = thread::Builder::new().name("server".to_owned()).spawn(server).unwrap();
        let Ok((address, metrics)) = soon(start).await else { panic!("{:?}", thread.join()) };
        let token = tokens::good(&self.secret);
        assert!(!log.text().contains("is not a field that is known"), "{}", log.text());
        TestApp {
            address,
            metrics,
            clock: self.clock,
            stop,
            log,
            directory,
            unspeakable: vec![self.secret, token.clone(), "Welcome@123".to_owned()],
            token,
            may_drop: self.may_drop,
            ended,
            thread: Some(thread),
        }
    }

    /// The server, if nothing is wrong with what it is started from.
    pub(crate) async fn start_if_correct(self) -> Option<TestApp> {
        let (_directory, source) = self.source();
        let loaded = source.load();
        let correct = App::build(source, loaded, Stop::new()).is_ok();
        if correct { Some(self.start().await) } else { None }
    }

    /// Why no server can be built from it: a line for each finding.
    #[track_caller]
    pub(crate) fn refused(self) -> String {
        let (_directory, source) = self.source();
        let loaded = source.load();
        let findings = App::build(source, loaded, Stop::new()).err().expect("it cannot be built");
        findings.iter().map(|finding| finding.one_line() + "\n").collect()
    }

    fn source(&self) -> (TempDir, Source) {
        let directory = tempfile::tempdir().unwrap();
        write(&directory, "hookreeve.toml", &self.text);
        for (name, text) in &self.files {
            write(&directory, name, text);
        }
        let data = directory.path().join("data").to_str().unwrap().to_owned();
        // Those of the demonstration, too.
        let hash = "$argon2id$v=19$m=8,t=1,p=1$c29tZXNhbHQ$9sTbSlTio3Biev89thdrlKKiCaYsjjYVJxGAL3swxpQ";
        let own = [
            ("HOOKREEVE_LUMOS_SECRET".to_owned(), "a secret of Lumos".to_owned()),
            ("HOOKREEVE_OPTIMALCLOUD_KEY".to_owned(), "a key of a help desk".to_owned()),
            ("HOOKREEVE_PAYLOCITY_PASSWORD_HASH".to_owned(), hash.to_owned()),
            ("HOOKREEVE_JWT_SECRET".to_owned(), self.secret.clone()),
            ("HOOKREEVE__SERVER__DATA_DIR".to_owned(), data),
        ];
        let source = Source {
            path: Some(directory.path().join("hookreeve.toml")),
            environment: Environment::new(own.into_iter().chain(self.variables.iter().cloned())),
            registry: self.registry.clone(),
            clock: self.clock.clone(),
        };
        (directory, source)
    }
}

fn own_fields() -> String {
    let declared = OWN_FIELDS.map(|name| format!("\"user.{name}\" = \"any\"\n"));
    format!("\n[attributes]\n\"request.missing\" = \"any\"\n{}", declared.concat())
}

type Addresses = (SocketAddr, Option<SocketAddr>);

fn serve(
    source: Source,
    stop: Stop,
    log: Log,
    started: oneshot::Sender<Addresses>,
    ending: oneshot::Sender<()>,
) -> impl FnOnce() -> anyhow::Result<()> {
    move || {
        // Dropped when the thread ends, whichever way.
        let _ending = ending;
        let _logging = tracing::subscriber::set_default(log.subscriber());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            let loaded = source.load();
            let app = App::build(source, loaded, stop).map_err(|findings| {
                anyhow::anyhow!(findings.iter().map(Diagnostic::one_line).collect::<Vec<_>>().join("\n"))
            })?;
            let listeners = app.bind().await?;
            let metrics = listeners.metrics.as_ref().map(TcpListener::local_addr).transpose()?;
            started.send((listeners.receiver.local_addr()?, metrics)).expect("the test waits");
            Box::pin(app.run(listeners)).await
        })
    }
}

/// Writes a file so that nobody sees half of it.
fn write(directory: &TempDir, name: &str, text: &str) {
    let path = directory.path().join(name);
    let new = path.with_extension("new");
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(&new, text).unwrap();
    std::fs::rename(new, path).unwrap();
}
