//! TLS: both versions, certificates that change, and clients with a name.

use std::fs;
use std::path::Path;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use reqwest::{Certificate, Client, ClientBuilder, Identity, Version};

use super::*;
use crate::http::tls::{Acceptor, Config, TlsError};

type Authority = CertifiedIssuer<'static, KeyPair>;

/// A directory with an authority's certificate, and a server's certificate and key.
pub(super) struct Files {
    dir: tempfile::TempDir,
    authority: Authority,
}

fn authority() -> Authority {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// Certificate and key in PEM.
fn issue(authority: &Authority, name: &str) -> (String, String) {
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new([name.to_owned()]).unwrap().signed_by(&key, authority).unwrap();
    (certificate.pem(), key.serialize_pem())
}

impl Files {
    pub(super) fn new() -> Self {
        let mut files = Self { dir: tempfile::tempdir().unwrap(), authority: authority() };
        files.replace();
        files
    }

    /// Another authority, and a server's certificate from it.
    fn replace(&mut self) {
        self.authority = authority();
        let (cert, key) = issue(&self.authority, "localhost");
        for (name, text) in [("cert.pem", &cert), ("key.pem", &key), ("ca.pem", &self.authority.pem())] {
            fs::write(self.path(name), text).unwrap();
        }
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.dir.path().join(name)
    }

    fn try_acceptor(&self, client_ca: Option<&str>) -> Result<Acceptor, TlsError> {
        let config = Config { cert: "cert.pem".into(), key: "key.pem".into(), client_ca: client_ca.map(Into::into) };
        Acceptor::try_new(&config, self.dir.path())
    }

    pub(super) fn acceptor(&self) -> Arc<Acceptor> {
        Arc::new(self.try_acceptor(None).unwrap())
    }

    fn builder(&self) -> ClientBuilder {
        let root = Certificate::from_pem(self.authority.pem().as_bytes()).unwrap();
        Client::builder().no_proxy().tls_certs_only([root])
    }

    /// A client that trusts the authority; with an identity, if given one's PEM texts.
    pub(super) fn client(&self, identity: &[&str]) -> Client {
        let builder = self.builder();
        if identity.is_empty() {
            return builder.build().unwrap();
        }
        builder.identity(Identity::from_pem(identity.concat().as_bytes()).unwrap()).build().unwrap()
    }
}

impl Server {
    pub(super) fn url(&self, path: &str) -> String {
        format!("https://localhost:{}{path}", self.address.port())
    }

    async fn encrypted(acceptor: &Arc<Acceptor>) -> Self {
        Self::start(Duration::from_secs(30), 1_000, Some(acceptor.clone())).await
    }
}

#[tokio::test]
async fn both_versions_are_spoken_encrypted() {
    let files = Files::new();
    let server = Server::encrypted(&files.acceptor()).await;
    for (builder, version) in [(files.builder(), Version::HTTP_2), (files.builder().http1_only(), Version::HTTP_11)] {
        let reply = builder.build().unwrap().get(server.url("/who")).send().await.unwrap();
        assert_eq!(reply.version(), version);
        assert_eq!(reply.text().await.unwrap(), "127.0.0.1 true nobody");
    }
}

#[tokio::test]
async fn new_connections_see_a_new_certificate_and_old_ones_go_on() {
    let mut files = Files::new();
    let acceptor = files.acceptor();
    let server = Server::encrypted(&acceptor).await;
    let before = files.client(&[]);
    assert!(before.get(server.url("/")).send().await.is_ok());
    let late = files.client(&[]);
    files.replace();
    let after = files.client(&[]);
    assert!(after.get(server.url("/")).send().await.is_err());
    acceptor.reload().unwrap();
    assert!(after.get(server.url("/")).send().await.is_ok());
    assert!(before.get(server.url("/")).send().await.is_ok());
    assert!(late.get(server.url("/")).send().await.is_err());
}

#[tokio::test]
async fn files_that_do_not_fit_leave_everything_as_it_was() {
    let files = Files::new();
    let acceptor = files.acceptor();
    let server = Server::encrypted(&acceptor).await;
    let (_, other_key) = issue(&authority(), "localhost");
    let good = fs::read_to_string(files.path("key.pem")).unwrap();
    for (name, text, said) in [
        ("key.pem", other_key.as_str(), "could not be used"),
        ("key.pem", "", "key"),
        ("key.pem", &good[..good.len() / 2], "key"),
        ("cert.pem", "", "holds no certificate"),
        ("cert.pem", "-----BEGIN CERTIFICATE-----\n!!\n-----END CERTIFICATE-----\n", "could not be read"),
    ] {
        let path = files.path(name);
        let kept = fs::read(&path).unwrap();
        fs::write(&path, text).unwrap();
        let error = acceptor.reload().unwrap_err().to_string();
        assert!(error.contains(said) && error.contains(name), "{error}");
        assert!(!error.contains("PRIVATE"), "{error}");
        assert!(files.client(&[]).get(server.url("/")).send().await.is_ok(), "{name} {said}");
        fs::write(&path, kept).unwrap();
        acceptor.reload().unwrap();
    }
    fs::remove_file(files.path("key.pem")).unwrap();
    assert!(matches!(acceptor.reload(), Err(TlsError::File { what: "key", .. })));
    assert!(matches!(files.try_acceptor(Some("gone.pem")), Err(TlsError::File { .. })));
}

#[tokio::test]
async fn a_client_certificate_names_its_bearer_and_is_not_demanded_here() {
    let files = Files::new();
    let acceptor = Arc::new(files.try_acceptor(Some("ca.pem")).unwrap());
    assert!(acceptor.has_client_ca());
    let server = Server::encrypted(&acceptor).await;
    let (cert, key) = issue(&files.authority, "cloud.example");
    for (client, expected) in
        [(files.client(&[&cert, &key]), "127.0.0.1 true cloud.example"), (files.client(&[]), "127.0.0.1 true nobody")]
    {
        let said = client.get(server.url("/who")).send().await.unwrap().text().await.unwrap();
        assert!(said.starts_with(expected), "{said}");
    }
    let (cert, key) = issue(&authority(), "cloud.example");
    assert!(files.client(&[&cert, &key]).get(server.url("/who")).send().await.is_err());
}

#[tokio::test]
async fn beyond_the_limit_encrypted_connections_are_told_too() {
    let files = Files::new();
    let server = Server::start(Duration::from_secs(30), 0, Some(files.acceptor())).await;
    for builder in [files.builder(), files.builder().http1_only()] {
        let reply = builder.build().unwrap().get(server.url("/")).send().await.unwrap();
        assert_eq!((reply.status().as_u16(), reply.headers()["retry-after"].as_bytes()), (503, b"1".as_slice()));
    }
}

#[test]
fn paths_are_relative_to_the_file_that_names_them() {
    let config: Config = toml::from_str("cert = \"cert.pem\"\nkey = \"key.pem\"").unwrap();
    assert!(
        Acceptor::try_new(&config, Path::new("/nonexistent"))
            .unwrap_err()
            .to_string()
            .contains("/nonexistent/cert.pem")
    );
    assert!(toml::from_str::<Config>("cert = \"a\"").is_err());
}
