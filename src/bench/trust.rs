//! TLS for the clients.

use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore};

use super::error::BenchError;

/// The certificates to trust, and the server's name.
#[derive(Clone)]
pub(super) struct Trust {
    config: Arc<ClientConfig>,
    name: ServerName<'static>,
}

impl Trust {
    pub(super) fn new(certificates: &Path, host: String) -> Result<Trust, BenchError> {
        let failed = |error: &dyn std::fmt::Display| {
            BenchError::Tls(format!("{}: {error}", certificates.display()))
        };
        let mut roots = RootCertStore::empty();
        let found = CertificateDer::pem_file_iter(certificates).map_err(|e| failed(&e))?;
        for certificate in found {
            let certificate = certificate.map_err(|e| failed(&e))?;
            roots.add(certificate).map_err(|e| failed(&e))?;
        }
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|e| failed(&e))?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let name = ServerName::try_from(host.clone());
        Ok(Trust {
            config: Arc::new(config),
            name: name.map_err(|_| BenchError::Tls(format!("{host:?} is no name of a host")))?,
        })
    }

    /// The state of a new connection.
    pub(super) fn begin(&self) -> Result<Box<ClientConnection>, BenchError> {
        let connection = ClientConnection::new(self.config.clone(), self.name.clone());
        let connection = connection.map_err(|error| BenchError::Tls(error.to_string()))?;
        Ok(Box::new(connection))
    }
}
