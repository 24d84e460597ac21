//! A certificate and its key, from PEM files, checked before anything uses
//! them. The key is never shown.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;

use crate::small_file;

/// A larger file is neither a certificate nor a key.
const MAX_FILE_BYTES: u64 = 1024 * 1024;

/// A certificate with its chain and its key.
#[derive(Clone, Debug)]
pub struct Certificate(Arc<CertifiedKey>);

/// Why a certificate and its key cannot be used.
#[derive(Debug)]
pub enum CertificateError {
    /// A file cannot be read.
    Unreadable(Which, PathBuf, io::Error),
    /// The file contains no certificate, or no key.
    Missing(Which, PathBuf),
    /// The certificate or key is damaged, or of a kind that is not supported.
    Unusable(Which, PathBuf, String),
    /// The key is protected by a passphrase.
    Encrypted(PathBuf),
    /// Key and certificate do not belong together.
    Mismatch {
        /// The file with the key.
        key: PathBuf,
        /// The file with the certificate.
        certificate: PathBuf,
    },
}

/// One of the two files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// The file with the certificate.
    Certificate,
    /// The file with the key.
    Key,
}

impl Certificate {
    /// Reads both files; they may be the same one.
    pub fn load(certificate: &Path, key: &Path) -> Result<Certificate, CertificateError> {
        let chain = read_chain(certificate)?;
        let private = read_key(key)?;
        let unusable = |which, path: &Path, error: rustls::Error| {
            CertificateError::Unusable(which, path.to_owned(), error.to_string())
        };
        let signing = aws_lc_rs::sign::any_supported_type(&private)
            .map_err(|error| unusable(Which::Key, key, error))?;
        let certified = CertifiedKey::new(chain, signing);
        match certified.keys_match() {
            Ok(()) => Ok(Certificate(Arc::new(certified))),
            Err(rustls::Error::InconsistentKeys(_)) => Err(CertificateError::Mismatch {
                key: key.to_owned(),
                certificate: certificate.to_owned(),
            }),
            Err(error) => Err(unusable(Which::Certificate, certificate, error)),
        }
    }

    pub(super) fn key(&self) -> &Arc<CertifiedKey> {
        &self.0
    }

    /// Whether clients would see no difference.
    pub fn is_same(&self, other: &Certificate) -> bool {
        self.0.cert == other.0.cert
    }
}

fn read_chain(path: &Path) -> Result<Vec<CertificateDer<'static>>, CertificateError> {
    let text = read(Which::Certificate, path)?;
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
    match chain {
        Ok(chain) if chain.is_empty() => {
            Err(CertificateError::Missing(Which::Certificate, path.into()))
        }
        Ok(chain) => Ok(chain),
        Err(error) => Err(CertificateError::Unusable(
            Which::Certificate,
            path.into(),
            error.to_string(),
        )),
    }
}

fn read_key(path: &Path) -> Result<PrivateKeyDer<'static>, CertificateError> {
    use rustls::pki_types::pem::Error;
    let text = read(Which::Key, path)?;
    // "BEGIN ENCRYPTED PRIVATE KEY", or "Proc-Type: 4,ENCRYPTED" inside.
    if memchr::memmem::find(&text, b"ENCRYPTED").is_some() {
        return Err(CertificateError::Encrypted(path.into()));
    }
    PrivateKeyDer::from_pem_slice(&text).map_err(|error| match error {
        Error::NoItemsFound => CertificateError::Missing(Which::Key, path.into()),
        other => CertificateError::Unusable(Which::Key, path.into(), other.to_string()),
    })
}

fn read(which: Which, path: &Path) -> Result<Vec<u8>, CertificateError> {
    let unreadable = |error| CertificateError::Unreadable(which, path.to_owned(), error);
    let file = small_file::open(path).map_err(unreadable)?;
    small_file::read(&file, MAX_FILE_BYTES).map_err(unreadable)
}

impl CertificateError {
    /// The file it is about.
    pub fn which(&self) -> Which {
        match self {
            CertificateError::Unreadable(which, ..)
            | CertificateError::Missing(which, _)
            | CertificateError::Unusable(which, ..) => *which,
            CertificateError::Encrypted(_) | CertificateError::Mismatch { .. } => Which::Key,
        }
    }
}

impl fmt::Display for CertificateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CertificateError::Unreadable(_, path, error) => {
                write!(f, "{} cannot be read: {error}", path.display())
            }
            CertificateError::Missing(Which::Certificate, path) => write!(
                f,
                "{} has no certificate in it; expected PEM, with a line \
                 -----BEGIN CERTIFICATE-----",
                path.display()
            ),
            CertificateError::Missing(Which::Key, path) => write!(
                f,
                "{} has no private key in it; expected PEM, with a line \
                 -----BEGIN PRIVATE KEY-----",
                path.display()
            ),
            CertificateError::Unusable(Which::Certificate, path, why) => {
                write!(
                    f,
                    "the certificate in {} cannot be used: {why}",
                    path.display()
                )
            }
            CertificateError::Unusable(Which::Key, path, why) => {
                write!(f, "the key in {} cannot be used: {why}", path.display())
            }
            CertificateError::Encrypted(path) => write!(
                f,
                "the key in {0} is encrypted, and nobody is there to type its passphrase; \
                 decrypt it with: openssl pkey -in {0} -out plain.pem",
                path.display()
            ),
            CertificateError::Mismatch { key, certificate } => write!(
                f,
                "the key in {} is not that of the certificate in {}; \
                 the server's own certificate has to come first there",
                key.display(),
                certificate.display()
            ),
        }
    }
}

impl std::error::Error for CertificateError {}
