//! The credentials beside tokens, and how they go together.

use std::net::IpAddr;

use super::*;

struct Request {
    headers: HeaderMap,
    peer: &'static str,
    path_secret: Option<&'static str>,
    client: Option<ClientIdentity>,
}

impl Request {
    fn new() -> Self {
        Self { headers: HeaderMap::new(), peer: "203.0.113.7", path_secret: None, client: None }
    }

    fn bearer(value: &str) -> Self {
        let headers = HeaderMap::from_iter([(AUTHORIZATION, format!("Bearer {value}").parse().unwrap())]);
        Self { headers, ..Self::new() }
    }

    async fn code(&self, authenticator: &Authenticator) -> &'static str {
        let peer: IpAddr = self.peer.parse().unwrap();
        let client = self.client.as_ref();
        let presented = Presented { headers: &self.headers, peer, path_secret: self.path_secret, client };
        authenticator.verify(&presented).await.map_or_else(|denied| denied.code(), |_| "verified")
    }
}

fn identity(name: &str) -> ClientIdentity {
    let params = rcgen::CertificateParams::new([name.to_owned()]).unwrap();
    ClientIdentity::from_der(params.self_signed(&rcgen::KeyPair::generate().unwrap()).unwrap().der()).unwrap()
}

fn with_client_ca(config: &str) -> Authenticator {
    let exposure = Exposure { client_ca: true, loopback: false };
    let config = toml::from_str(config).unwrap();
    Authenticator::try_new(&config, &secrets(&[]), Path::new("."), exposure, &sample_clock()).unwrap()
}

#[tokio::test]
async fn one_of_the_bearer_values_must_be_sent() {
    let config = r#"bearer = [{ env = "S" }, { env = "B" }]"#;
    let authenticator = try_new(config, &secrets(&[("B", "other")]), Path::new("."), &sample_clock()).unwrap();
    assert_eq!(Request::bearer(SECRET).code(&authenticator).await, "verified");
    assert_eq!(Request::bearer("other").code(&authenticator).await, "verified");
    assert_eq!(Request::bearer("othe").code(&authenticator).await, "wrong_bearer");
    assert_eq!(Request::new().code(&authenticator).await, "missing_token");
}

#[tokio::test]
async fn the_path_secret_must_be_the_one() {
    let authenticator = authenticator(r#"path_secret = { env = "S" }"#);
    let with = |path_secret| Request { path_secret, ..Request::new() };
    assert_eq!(with(Some(SECRET)).code(&authenticator).await, "verified");
    assert_eq!(with(Some("")).code(&authenticator).await, "wrong_path_secret");
    assert_eq!(with(None).code(&authenticator).await, "wrong_path_secret");
}

#[tokio::test]
async fn only_addresses_in_the_list_may_send() {
    let authenticator = authenticator(r#"allow_from = ["203.0.113.0/24", "2001:db8::1"]"#);
    for (peer, expected) in [
        ("203.0.113.255", "verified"),
        ("::ffff:203.0.113.7", "verified"),
        ("2001:db8::1", "verified"),
        ("203.0.114.1", "address_not_allowed"),
        ("2001:db8::2", "address_not_allowed"),
    ] {
        assert_eq!(Request { peer, ..Request::new() }.code(&authenticator).await, expected, "{peer}");
    }
}

#[tokio::test]
async fn a_client_certificate_is_asked_for_wherever_the_listener_knows_an_authority() {
    for config in ["", "[client_cert]", r#"client_cert = { names = ["cloud.example"] }"#] {
        let authenticator = with_client_ca(config);
        let known = Request { client: Some(identity("cloud.example")), ..Request::new() };
        assert_eq!(known.code(&authenticator).await, "verified", "{config}");
        assert_eq!(Request::new().code(&authenticator).await, "no_client_certificate", "{config}");
        let other = Request { client: Some(identity("other.example")), ..Request::new() };
        let expected = if config.contains("names") { "client_certificate_name" } else { "verified" };
        assert_eq!(other.code(&authenticator).await, expected, "{config}");
    }
}

#[tokio::test]
async fn every_credential_that_is_named_must_hold() {
    let config = r#"
        path_secret = { env = "S" }
        allow_from = ["203.0.113.7"]
        jwt = { secret = { env = "S" } }"#;
    let authenticator = authenticator(config);
    let good = || Request { path_secret: Some(SECRET), ..Request::bearer(&hs256(SAMPLE)) };
    assert_eq!(good().code(&authenticator).await, "verified");
    assert_eq!(Request { path_secret: None, ..good() }.code(&authenticator).await, "wrong_path_secret");
    assert_eq!(Request { peer: "192.0.2.1", ..good() }.code(&authenticator).await, "address_not_allowed");
    assert_eq!(Request { headers: HeaderMap::new(), ..good() }.code(&authenticator).await, "missing_token");
}

#[test]
fn the_proof_is_waived_only_where_the_configuration_says_so() {
    assert!(authenticator(r#"path_secret = { env = "S" }"#).waive().is_none());
    let accepting = authenticator("unverified = \"accept\"\naccept_everyone = true");
    assert!(accepting.waive().is_some_and(|verified| verified.claims().is_none()));
}

#[test]
fn every_reason_has_a_code_of_its_own_and_a_challenge() {
    let mut codes: Vec<_> = DeniedReason::ALL.iter().map(|reason| reason.code()).collect();
    codes.sort_unstable();
    codes.dedup();
    assert_eq!(codes.len(), DeniedReason::ALL.len());
    for (reason, challenge) in [
        (DeniedReason::MissingToken, r#"Bearer realm="hookreeve""#),
        (DeniedReason::AddressNotAllowed, r#"Bearer realm="hookreeve""#),
        (DeniedReason::Expired, r#"Bearer realm="hookreeve", error="invalid_token""#),
    ] {
        assert_eq!(Denied::from(reason).www_authenticate(), challenge);
    }
}
