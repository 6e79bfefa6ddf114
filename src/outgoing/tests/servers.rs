//! Servers on the loopback interface that answer as they are told, and remember what they were asked.

use std::sync::{Arc, Mutex};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

/// What a server does with each request.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Behaviour {
    /// Says this and closes.
    Say(&'static str),
    /// Says the first to the first request, and so on, the last to all that follow.
    Each(&'static [&'static str]),
    /// Says this, and leaves the connection as it is.
    SayAndHang(&'static str),
    /// Says this, and goes on for ever.
    SayAndFlood(&'static str),
    /// Resets the connection.
    Reset,
}

/// A server, until it is dropped.
pub(crate) struct Server {
    pub(crate) port: u16,
    asked: Arc<Mutex<Vec<String>>>,
    _tasks: JoinSet<()>,
}

impl Server {
    pub(crate) async fn start(behaviour: Behaviour) -> Self {
        Self::with(behaviour, None).await
    }

    pub(crate) async fn with(behaviour: Behaviour, tls: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let mut tasks = JoinSet::new();
        let seen = asked.clone();
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let (seen, tls) = (seen.clone(), tls.clone());
                connections.spawn(async move {
                    if matches!(behaviour, Behaviour::Reset) {
                        // Closed at once, nothing is said goodbye to.
                        socket2::SockRef::from(&stream).set_linger(Some(std::time::Duration::ZERO)).unwrap();
                        return;
                    }
                    match tls {
                        None => answer(stream, behaviour, &seen).await,
                        Some(tls) => {
                            if let Ok(stream) = tls.accept(stream).await {
                                answer(stream, behaviour, &seen).await;
                            }
                        }
                    }
                });
            }
        });
        Self { port, asked, _tasks: tasks }
    }

    /// The requests so far, as they came.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

async fn answer(mut stream: impl AsyncRead + AsyncWrite + Unpin, behaviour: Behaviour, asked: &Mutex<Vec<String>>) {
    let mut request = Vec::new();
    let body_at = loop {
        let Ok(byte) = stream.read_u8().await else { return };
        request.push(byte);
        if request.ends_with(b"\r\n\r\n") {
            break request.len();
        }
    };
    let head = String::from_utf8_lossy(&request).to_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse::<usize>().ok());
    request.resize(body_at + length.unwrap_or(0), 0);
    if stream.read_exact(&mut request[body_at..]).await.is_err() {
        return;
    }
    let number = {
        let mut asked = asked.lock().unwrap();
        asked.push(String::from_utf8_lossy(&request).into_owned());
        asked.len()
    };
    let behaviour = match behaviour {
        Behaviour::Each(texts) => Behaviour::Say(texts[(number - 1).min(texts.len() - 1)]),
        other => other,
    };
    match behaviour {
        Behaviour::Say(text) => {
            let _ = stream.write_all(text.as_bytes()).await;
            let _ = stream.shutdown().await;
        }
        Behaviour::SayAndHang(text) => {
            let _ = stream.write_all(text.as_bytes()).await;
            let _ = stream.flush().await;
            std::future::pending::<()>().await;
        }
        Behaviour::SayAndFlood(text) => {
            let _ = stream.write_all(text.as_bytes()).await;
            while stream.write_all(&[b'x'; 4096]).await.is_ok() {}
        }
        Behaviour::Reset | Behaviour::Each(_) => {}
    }
}

/// A directory with an authority, a server's certificate, and a client's.
pub(crate) struct Files {
    pub(crate) dir: tempfile::TempDir,
    authority: CertifiedIssuer<'static, KeyPair>,
}

impl Files {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let files = Self { dir: tempfile::tempdir().unwrap(), authority };
        files.write("ca.pem", &files.authority.pem());
        for name in ["localhost", "client"] {
            let key = KeyPair::generate().unwrap();
            let params = CertificateParams::new([name.to_owned()]).unwrap();
            files.write(&format!("{name}.pem"), &params.signed_by(&key, &files.authority).unwrap().pem());
            files.write(&format!("{name}.key"), &key.serialize_pem());
        }
        files
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.dir.path().join(name), text).unwrap();
    }

    pub(crate) fn path(&self, name: &str) -> String {
        self.dir.path().join(name).display().to_string()
    }

    /// Encrypts with the server's certificate; may demand one of the client.
    pub(crate) fn acceptor(&self, demand_client: bool) -> TlsAcceptor {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let certificate = |name: &str| CertificateDer::from_pem_file(self.dir.path().join(name)).unwrap();
        let builder =
            ServerConfig::builder_with_provider(provider.clone()).with_safe_default_protocol_versions().unwrap();
        let builder = if demand_client {
            let mut roots = RootCertStore::empty();
            roots.add(certificate("ca.pem")).unwrap();
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build().unwrap();
            builder.with_client_cert_verifier(verifier)
        } else {
            builder.with_no_client_auth()
        };
        let key = PrivateKeyDer::from_pem_file(self.dir.path().join("localhost.key")).unwrap();
        let config = builder.with_single_cert(vec![certificate("localhost.pem")], key).unwrap();
        TlsAcceptor::from(Arc::new(config))
    }
}
