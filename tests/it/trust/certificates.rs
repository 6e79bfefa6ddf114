//! TLS, and client certificates as credentials.

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use reqwest::{Certificate, Client, Identity, Version};

use super::super::support::Builder;
use super::*;

/// An authority of this test alone.
struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    /// Certificate and key in PEM.
    fn issue(&self, name: &str) -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let certificate = CertificateParams::new([name.to_owned()]).unwrap().signed_by(&key, &self.0).unwrap();
        (certificate.pem(), key.serialize_pem())
    }

    /// A server with a certificate of this authority, which vouches for clients as well.
    fn app(&self, text: &str) -> Builder {
        let (cert, key) = self.issue("localhost");
        let tls = "[server]\ntls = { cert = \"cert.pem\", key = \"key.pem\", client_ca = \"ca.pem\" }\n";
        let app = TestApp::with(&format!("{tls}{text}"));
        app.file("cert.pem", &cert).file("key.pem", &key).file("ca.pem", &self.0.pem())
    }

    /// A client that trusts this authority, and presents a certificate where it has one.
    fn client(&self, app: &TestApp, identity: Option<(String, String)>) -> Client {
        let root = Certificate::from_pem(self.0.pem().as_bytes()).unwrap();
        let mut builder = Client::builder().no_proxy().tls_certs_only([root]).resolve("localhost", app.address);
        if let Some((cert, key)) = identity {
            builder = builder.identity(Identity::from_pem(format!("{cert}{key}").as_bytes()).unwrap());
        }
        builder.build().unwrap()
    }
}

/// Status and body of the reply to an event without a token.
async fn post(client: &Client, app: &TestApp) -> (u16, String) {
    let url = format!("https://localhost:{}/webhook/runDeprovision", app.address.port());
    let reply = client.post(url).body(sample("runDeprovision")).send().await.unwrap();
    assert_eq!(reply.version(), Version::HTTP_2);
    (reply.status().as_u16(), reply.text().await.unwrap())
}

const KEPT: &str = r#"{"response":{"data":false}}"#;

#[tokio::test]
async fn a_certificate_of_the_authority_is_a_credential() {
    let authority = Authority::new();
    let app = authority.app("[cymmetri.auth]\n").start().await;
    let named = authority.client(&app, Some(authority.issue("anybody")));
    assert_eq!(post(&named, &app).await, (200, KEPT.to_owned()));
    let mut log = app.follow();
    let nobody = authority.client(&app, None);
    assert_eq!(post(&nobody, &app).await.0, 401);
    assert!(log.until("refused: not verified").await.contains(r#"reason="no_client_certificate""#));
    let stranger = authority.client(&app, Some(Authority::new().issue("anybody")));
    let url = format!("https://localhost:{}/webhook/test", app.address.port());
    assert!(stranger.post(url).send().await.is_err());
    app.stop().await;
}

#[tokio::test]
async fn a_certificate_bears_one_of_the_names_asked_for() {
    let authority = Authority::new();
    let text = "[cymmetri.auth]\nclient_cert = { names = [\"hooks.cloud.example\", \"hooks2.cloud.example\"] }\n";
    let app = authority.app(text).start().await;
    for (name, status) in [("hooks.cloud.example", 200), ("hooks2.cloud.example", 200), ("cloud.example", 401)] {
        let client = authority.client(&app, Some(authority.issue(name)));
        assert_eq!(post(&client, &app).await.0, status, "{name}");
    }
    assert!(app.stop().await.contains(r#"reason="client_certificate_name""#));
}

#[tokio::test]
async fn a_certificate_does_not_replace_the_token() {
    let authority = Authority::new();
    let app = authority.app("").start().await;
    let client = authority.client(&app, Some(authority.issue("anybody")));
    assert_eq!(post(&client, &app).await.0, 401);
    let url = format!("https://localhost:{}/webhook/runDeprovision", app.address.port());
    let request = client.post(url).bearer_auth(app.token()).body(sample("runDeprovision"));
    assert_eq!(request.send().await.unwrap().text().await.unwrap(), KEPT);
    app.stop().await;
}

#[tokio::test]
async fn a_new_authority_is_taken_up_while_the_server_runs() {
    let (old, new) = (Authority::new(), Authority::new());
    let app = old.app("[cymmetri.auth]\n").start().await;
    let url = format!("https://localhost:{}/webhook/test", app.address.port());
    let client = |authority: &Authority| old.client(&app, Some(authority.issue("anybody")));
    assert_eq!(post(&client(&old), &app).await.0, 200);
    assert!(client(&new).post(&url).send().await.is_err());
    let mut log = app.follow();
    app.write("ca.pem", &new.0.pem());
    log.until("the configuration is in force").await;
    assert_eq!(post(&client(&new), &app).await.0, 200);
    assert!(client(&old).post(&url).send().await.is_err());

    app.write("ca.pem", "no certificate");
    assert!(log.until("the configuration is not taken").await.contains("ca.pem"));
    assert_eq!(post(&client(&new), &app).await.0, 200);
    app.stop().await;
}
