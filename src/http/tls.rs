//! TLS for a listener: certificate, key and client authority from files, exchanged while connections go on.
//!
//! A client certificate is verified where one is presented; whether one is demanded is the matter of `auth`.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arc_swap::ArcSwap;
use rustls::pki_types::pem::{self, PemObject as _};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{VerifierBuilderError, WebPkiClientVerifier};
use rustls::{RootCertStore, ServerConfig, crypto::aws_lc_rs};
use schemars::JsonSchema;
use serde::Deserialize;
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// `[server.tls]`: files in PEM. They are watched; a new certificate is taken up without a restart.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Tls")]
pub struct Config {
    /// The server's certificate, followed by those that lead to its authority.
    #[schemars(extend("format" = "file"))]
    pub cert: PathBuf,
    /// The certificate's private key.
    #[schemars(extend("format" = "file"))]
    pub key: PathBuf,
    /// The authorities whose client certificates are verified; one is then demanded of whoever sends events. Default: none.
    #[serde(default)]
    #[schemars(extend("format" = "file"))]
    pub client_ca: Option<PathBuf>,
}

/// Why a listener cannot speak TLS, or cannot change to new files.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read, or holds no PEM.
    #[error("{what} {} could not be read: {source}", path.display())]
    File {
        /// What the file is for.
        what: &'static str,
        /// Where it is.
        path: PathBuf,
        /// What is wrong with it.
        source: pem::Error,
    },
    /// A file holds no certificate.
    #[error("{what} {} holds no certificate", path.display())]
    Empty {
        /// What the file is for.
        what: &'static str,
        /// Where it is.
        path: PathBuf,
    },
    /// The key does not belong to the certificate, or one of the two is unusable.
    #[error("certificate {} and key {} could not be used: {source}", cert.display(), key.display())]
    Pair {
        /// The certificate's file.
        cert: PathBuf,
        /// The key's file.
        key: PathBuf,
        /// What is wrong with them.
        source: rustls::Error,
    },
    /// An authority's certificate is unusable.
    #[error("client authority {} could not be used: {source}", path.display())]
    Authority {
        /// The authority's file.
        path: PathBuf,
        /// What is wrong with it.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// Makes TLS connections with the files as they were last read.
pub struct Acceptor {
    config: Config,
    current: ArcSwap<ServerConfig>,
}

impl Acceptor {
    /// Reads the files.
    pub fn try_new(config: &Config, base_dir: &Path) -> Result<Self, TlsError> {
        let config = Config {
            cert: base_dir.join(&config.cert),
            key: base_dir.join(&config.key),
            client_ca: config.client_ca.as_ref().map(|path| base_dir.join(path)),
        };
        let current = ArcSwap::from_pointee(read(&config)?);
        Ok(Self { config, current })
    }

    /// Reads the files again. New connections use what they hold now; on an error everything stays as it is.
    pub fn reload(&self) -> Result<(), TlsError> {
        self.current.store(Arc::new(read(&self.config)?));
        Ok(())
    }

    /// Whether client certificates are verified.
    pub fn has_client_ca(&self) -> bool {
        self.config.client_ca.is_some()
    }

    /// Shakes hands. How long that may take is the caller's matter.
    pub(super) async fn accept(&self, stream: TcpStream) -> io::Result<TlsStream<TcpStream>> {
        TlsAcceptor::from(self.current.load_full()).accept(stream).await
    }
}

impl fmt::Debug for Acceptor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Acceptor").field("config", &self.config).finish_non_exhaustive()
    }
}

fn read(config: &Config) -> Result<ServerConfig, TlsError> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let cert = config.cert.clone();
    let unusable = |source| TlsError::Pair { cert, key: config.key.clone(), source };
    let chain = certificates("certificate", &config.cert)?;
    let key = PrivateKeyDer::from_pem_file(&config.key);
    let key = key.map_err(|source| TlsError::File { what: "key", path: config.key.clone(), source })?;
    let builder = match ServerConfig::builder_with_provider(provider.clone()).with_safe_default_protocol_versions() {
        Ok(builder) => builder,
        Err(source) => return Err(unusable(source)),
    };
    let builder = match &config.client_ca {
        None => builder.with_no_client_auth(),
        Some(path) => {
            let roots = Arc::new(authorities(path)?);
            let verifier = WebPkiClientVerifier::builder_with_provider(roots, provider).allow_unauthenticated().build();
            let refused =
                |source: VerifierBuilderError| TlsError::Authority { path: path.clone(), source: source.into() };
            builder.with_client_cert_verifier(verifier.map_err(refused)?)
        }
    };
    let mut server = builder.with_single_cert(chain, key).map_err(unusable)?;
    server.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(server)
}

fn authorities(path: &Path) -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates("client authority", path)? {
        let added = roots.add(certificate);
        added.map_err(|source| TlsError::Authority { path: path.to_owned(), source: source.into() })?;
    }
    Ok(roots)
}

fn certificates(what: &'static str, path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let read = CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let found = read.map_err(|source| TlsError::File { what, path: path.to_owned(), source })?;
    if found.is_empty() { Err(TlsError::Empty { what, path: path.to_owned() }) } else { Ok(found) }
}
