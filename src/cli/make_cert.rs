//! `make-cert`: a self-signed certificate, to try TLS with.
//!
//! It must never overwrite a certificate or key without `--force`, nor leave a
//! key that other users can read.

use std::fmt;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::net::IpAddr;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use clap::Args;
use jiff::civil::Date;
use jiff::{Timestamp, ToSpan, tz::TimeZone};
use rcgen::{
    CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair, KeyUsagePurpose,
    date_time_ymd,
};
use rustls::pki_types::DnsName;

/// Names every certificate is for.
const OWN_NAMES: [&str; 3] = ["localhost", "127.0.0.1", "::1"];
/// Validity in days; some clients refuse more than 398.
const DAYS: i32 = 365;

/// The arguments of `make-cert`.
#[derive(Args, Clone, Debug, PartialEq, Eq)]
pub struct MakeCert {
    /// Folder for certificate.pem and key.pem; created if missing
    #[arg(long, value_name = "DIR", default_value = "tls")]
    out: PathBuf,
    /// Another host name or address for the certificate, besides localhost, 127.0.0.1 and ::1
    #[arg(long = "name", value_name = "NAME")]
    names: Vec<String>,
    /// Replace existing files
    #[arg(long)]
    force: bool,
}

/// A certificate and its key, written.
pub struct Made {
    certificate: PathBuf,
    key: PathBuf,
    names: Vec<String>,
    until: Date,
}

/// Why there is no certificate.
#[derive(Debug)]
pub enum MakeCertError {
    /// Not a name a certificate can be for.
    BadName(String),
    /// A file is there already.
    InTheWay(PathBuf),
    /// A file or folder cannot be written.
    Unwritable(PathBuf, io::Error),
    /// The key or the signature cannot be made.
    Unmade(rcgen::Error),
}

impl MakeCert {
    /// Makes both files.
    pub fn run(&self) -> Result<Made, MakeCertError> {
        let names = self.names()?;
        let today = Timestamp::now().to_zoned(TimeZone::UTC).date();
        let until = today.saturating_add(DAYS.days());
        let (chain, key) = make(&names, today, until).map_err(MakeCertError::Unmade)?;
        let made = Made {
            certificate: self.out.join("certificate.pem"),
            key: self.out.join("key.pem"),
            names,
            until,
        };
        fs::create_dir_all(&self.out).map_err(unwritable(&self.out))?;
        if !self.force {
            for path in [&made.certificate, &made.key] {
                if path.symlink_metadata().is_ok() {
                    return Err(MakeCertError::InTheWay(path.clone()));
                }
            }
        }
        write(&made.key, &key, 0o600)?;
        write(&made.certificate, &chain, 0o644)?;
        Ok(made)
    }

    fn names(&self) -> Result<Vec<String>, MakeCertError> {
        let mut names: Vec<String> = OWN_NAMES.map(str::to_owned).to_vec();
        for name in &self.names {
            // For a whole domain: *.example.org
            let plain = name.strip_prefix("*.").unwrap_or(name);
            if name.parse::<IpAddr>().is_err() && DnsName::try_from(plain).is_err() {
                return Err(MakeCertError::BadName(name.clone()));
            }
            if !names.contains(name) {
                names.push(name.clone());
            }
        }
        Ok(names)
    }
}

fn make(names: &[String], today: Date, until: Date) -> Result<(String, String), rcgen::Error> {
    // A client's clock may be behind.
    let from = today.saturating_sub(1.day());
    let mut params = CertificateParams::new(names)?;
    params
        .distinguished_name
        .push(DnType::CommonName, "chat-server");
    params.is_ca = IsCa::ExplicitNoCa;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let midnight = |date: Date| {
        let (month, day) = (date.month().unsigned_abs(), date.day().unsigned_abs());
        date_time_ymd(date.year().into(), month, day)
    };
    params.not_before = midnight(from);
    params.not_after = midnight(until);
    let key = KeyPair::generate()?;
    let certificate = params.self_signed(&key)?;
    Ok((certificate.pem(), key.serialize_pem()))
}

/// Replaces a file atomically, so that a server that reads it meanwhile reads
/// either the old or the new one.
fn write(path: &Path, text: &str, mode: u32) -> Result<(), MakeCertError> {
    let mut unfinished = path.as_os_str().to_owned();
    unfinished.push(".new");
    let unfinished = PathBuf::from(unfinished);
    let written = || -> io::Result<()> {
        match fs::remove_file(&unfinished) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut options = OpenOptions::new();
        let mut file = options
            .write(true)
            .create_new(true)
            .mode(mode)
            .open(&unfinished)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&unfinished, path)
    };
    written().map_err(unwritable(path))
}

fn unwritable(path: &Path) -> impl FnOnce(io::Error) -> MakeCertError {
    let path = path.to_owned();
    move |error| MakeCertError::Unwritable(path, error)
}

/// What was made, and how to use it.
impl fmt::Display for Made {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (certificate, key) = (self.certificate.display(), self.key.display());
        let section = serde_json::json!({
            "certificate": self.certificate.to_string_lossy(),
            "key": self.key.to_string_lossy(),
            "telnet": "127.0.0.1:4992",
            "web": "127.0.0.1:4443",
        });
        writeln!(f, "{certificate}: for {}", self.names.join(", "))?;
        writeln!(f, "{key}: its key; keep it to yourself")?;
        writeln!(
            f,
            "valid until {}; it is self-signed, so clients must be told to trust it:\n",
            self.until
        )?;
        writeln!(f, "in config.json:")?;
        writeln!(f, "  \"tls\": {section}\n")?;
        writeln!(f, "or as flags:")?;
        writeln!(
            f,
            "  chat-server --tls-certificate {certificate} --tls-key {key} \
             --tls-telnet 4992 --tls-web 4443\n"
        )?;
        writeln!(f, "then:")?;
        writeln!(
            f,
            "  openssl s_client -quiet -CAfile {certificate} -connect localhost:4992"
        )?;
        writeln!(
            f,
            "  curl --cacert {certificate} https://localhost:4443/healthz"
        )
    }
}

impl fmt::Display for MakeCertError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            MakeCertError::BadName(name) => {
                write!(f, "--name {name:?}: neither a host name nor an IP address")
            }
            MakeCertError::InTheWay(path) => write!(
                f,
                "{} is there already; --force replaces it, --out names another folder",
                path.display()
            ),
            MakeCertError::Unwritable(path, error) => {
                write!(f, "{} cannot be written: {error}", path.display())
            }
            MakeCertError::Unmade(error) => write!(f, "no certificate can be made: {error}"),
        }
    }
}

impl std::error::Error for MakeCertError {}
