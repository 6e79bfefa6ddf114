//! Who a client certificate says it is. That an authority vouches for it was settled in the TLS handshake.

use std::fmt::Write as _;

use aws_lc_rs::digest;
use x509_parser::prelude::{FromDer, GeneralName, X509Certificate};

/// A verified client certificate's names and fingerprint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientIdentity {
    names: Vec<String>,
    fingerprint: String,
}

/// Why a certificate has no identity.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdentityError {
    /// The certificate is not well-formed.
    #[error("the client certificate could not be read: {0}")]
    Malformed(String),
}

impl ClientIdentity {
    /// Reads a certificate that the listener has verified, in DER.
    pub fn from_der(der: &[u8]) -> Result<Self, IdentityError> {
        let malformed = |error: String| IdentityError::Malformed(error);
        let (_, certificate) = X509Certificate::from_der(der).map_err(|error| malformed(error.to_string()))?;
        let alternatives = certificate.subject_alternative_name().map_err(|error| malformed(error.to_string()))?;
        let mut names = Vec::new();
        for name in alternatives.iter().flat_map(|extension| &extension.value.general_names) {
            if let GeneralName::DNSName(name) | GeneralName::URI(name) | GeneralName::RFC822Name(name) = name {
                names.push((*name).to_owned());
            }
        }
        let common = certificate.subject().iter_common_name().filter_map(|name| name.as_str().ok());
        names.extend(common.map(ToOwned::to_owned));
        let mut fingerprint = String::with_capacity(64);
        for byte in digest::digest(&digest::SHA256, der).as_ref() {
            let _ = write!(fingerprint, "{byte:02x}");
        }
        Ok(Self { names, fingerprint })
    }

    /// Its alternative names (DNS, URI, e-mail), then its subject's common names.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// The certificate's SHA-256 in lower-case hexadecimal digits.
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// Whether it bears one of `names`, letter by letter.
    pub(super) fn bears_one_of(&self, names: &[String]) -> bool {
        self.names.iter().any(|own| names.contains(own))
    }
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, DnType, KeyPair, SanType};

    use super::*;

    #[test]
    fn names_of_every_kind_are_read() {
        let mut params = CertificateParams::new(["cloud.example".to_owned()]).unwrap();
        params.subject_alt_names.push(SanType::URI("spiffe://cloud/hooks".try_into().unwrap()));
        params.subject_alt_names.push(SanType::Rfc822Name("hooks@cloud.example".try_into().unwrap()));
        params.distinguished_name.push(DnType::CommonName, "The cloud");
        let certificate = params.self_signed(&KeyPair::generate().unwrap()).unwrap();
        let identity = ClientIdentity::from_der(certificate.der()).unwrap();
        let names = identity.names();
        for name in ["cloud.example", "spiffe://cloud/hooks", "hooks@cloud.example", "The cloud"] {
            assert!(names.contains(&name.to_owned()), "{name} in {names:?}");
        }
        assert_eq!(identity.fingerprint().len(), 64);
        assert!(identity.bears_one_of(&["elsewhere".to_owned(), "cloud.example".to_owned()]));
        assert!(!identity.bears_one_of(&["cloud".to_owned()]));
    }

    #[test]
    fn what_is_no_certificate_has_no_identity() {
        assert!(ClientIdentity::from_der(b"").is_err());
        assert!(ClientIdentity::from_der(&[0x30, 0x82, 0xff, 0xff]).is_err());
    }
}
