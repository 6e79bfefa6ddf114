//! HTTPS with certificates made here, and their exchange while the server runs.

use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use serde_json::json;

use crate::http;
use crate::program::{BASIC, Place, sample};
use crate::server::Server;

/// An authority, and a certificate for this machine that it signed, in PEM.
pub(crate) struct Certificate {
    authority: CertifiedIssuer<'static, KeyPair>,
    cert: String,
    key: String,
}

impl Certificate {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority =
            CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key")).expect("an authority");
        let key = KeyPair::generate().expect("a key");
        let names = ["localhost".to_owned(), "127.0.0.1".to_owned()];
        let cert = CertificateParams::new(names).expect("names").signed_by(&key, &authority).expect("signed");
        Self { cert: cert.pem(), key: key.serialize_pem(), authority }
    }

    /// Writes the pair: the key first, so that only the second file makes them fit again.
    pub(crate) fn write(&self, place: &Place) {
        place.write("config/key.pem", &self.key);
        place.write("config/cert.pem", &self.cert);
    }

    /// A status over HTTPS for a client that trusts this authority alone.
    fn status(&self, server: &Server, token: &str) -> u16 {
        let mut roots = RootCertStore::empty();
        roots.add(self.authority.der().clone()).expect("an authority");
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let config = config.expect("versions").with_root_certificates(roots).with_no_client_auth();
        let name = ServerName::try_from("localhost").expect("a name");
        let session = ClientConnection::new(Arc::new(config), name).expect("a session");
        let stream = StreamOwned::new(session, http::connect(server.address));
        let head = http::head("POST", "/webhook/test", Some(token), 2);
        http::exchange(stream, &format!("{head}\r\n{{}}")).status
    }
}

fn config() -> String {
    BASIC.replace("[cymmetri.auth]", "tls = { cert = \"cert.pem\", key = \"key.pem\" }\n[cymmetri.auth]")
}

#[test]
fn a_certificate_is_exchanged_without_a_restart() {
    let (first, second) = (Certificate::new(), Certificate::new());
    let place = Place::new(&config());
    first.write(&place);
    let mut server = place.serve();
    let token = place.token();
    assert_eq!(first.status(&server, &token), 200);
    second.write(&place);
    server.wait_for("the configuration is in force");
    assert_eq!(second.status(&server, &token), 200);
    // A pair that does not fit is not taken.
    place.write("config/key.pem", &first.key);
    server.wait_for("the last good one stays in force");
    assert_eq!(second.status(&server, &token), 200);
}

#[test]
fn without_its_certificate_it_does_not_start() {
    let ended = Place::new(&config()).run(&["serve"]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.err.starts_with("error[missing-file]: file ") && ended.err.contains("cert.pem"), "{ended:?}");
}

#[test]
fn send_and_health_speak_https() {
    let certificate = Certificate::new();
    let place = Place::new(&config()).file("ca.pem", &certificate.authority.pem());
    certificate.write(&place);
    let server = place.serve();
    let url = format!("https://localhost:{}", server.address.port());
    let ended = place.run(&["send", "validateUser", "--url", &url, "--ca", "ca.pem"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(ended.json(), json!({ "response": { "data": sample("validateUser", "request")["request"]["user"] } }));
    let ended = place.run(&["send", "validateUser", "--url", &url]);
    assert_eq!(ended.code, Some(2), "a certificate of an authority that nobody trusts: {ended:?}");
    // On this machine a server asks itself whatever name its certificate has.
    let place = place.variable("HOOKREEVE__SERVER__LISTEN", &server.address.to_string());
    let ended = place.run(&["health"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(place.run(&["health", "--url", &url]).code, Some(2));
}
