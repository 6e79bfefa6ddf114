//! TLS of connections that are not HTTP's. Whoever the server is, its certificate must be one that an authority vouches for.

use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::BuilderVerifierExt as _;

use super::TlsFiles;

/// Reads the certificates, and makes of them what a connection needs. Without authorities those of the operating system
/// count.
///
/// # Errors
///
/// What is wrong with a file, in words that name it.
pub fn tls(files: &TlsFiles) -> Result<ClientConfig, String> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?;
    let builder = match &files.ca {
        None => builder.with_platform_verifier().map_err(|error| error.to_string())?,
        Some(path) => {
            let mut roots = RootCertStore::empty();
            for certificate in certificates(path)? {
                roots.add(certificate).map_err(|error| format!("{}: {error}", path.display()))?;
            }
            builder.with_root_certificates(roots)
        }
    };
    match (&files.cert, &files.key) {
        (Some(cert), Some(key)) => {
            let key = PrivateKeyDer::from_pem_file(key)
                .map_err(|error| format!("key {} could not be read: {error}", key.display()))?;
            let made = builder.with_client_auth_cert(certificates(cert)?, key);
            made.map_err(|error| format!("{}: {error}", cert.display()))
        }
        _ => Ok(builder.with_no_client_auth()),
    }
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let wrong = |error: rustls::pki_types::pem::Error| format!("{} could not be read: {error}", path.display());
    let certificates = CertificateDer::pem_file_iter(path).map_err(wrong)?;
    let certificates = certificates.collect::<Result<Vec<_>, _>>().map_err(wrong)?;
    if certificates.is_empty() { Err(format!("{} holds no certificate", path.display())) } else { Ok(certificates) }
}
