//! What tasks share that call a server which runs: which one, with which token, and what is done
//! about calls that fail.
//!
//! A token never comes by the command line, which process lists show.

mod address;
mod client;
mod failed;
mod patience;
mod problem;

use std::ffi::OsString;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use clap::Args;

use crate::model::{Name, Secret};

pub(super) use address::ServerUrl;
pub(super) use client::{Client, Stream};
pub(super) use failed::Failed;
pub(super) use patience::Patience;
pub(super) use problem::{Problem, on_one_line};

/// The variables that take the place of options.
const URL_VARIABLE: &str = "CHAT_URL";
const TOKEN_VARIABLE: &str = "CHAT_TOKEN";
const TOKEN_FILE_VARIABLE: &str = "CHAT_TOKEN_FILE";
/// Far longer than any token, in bytes.
const MOST_TOKEN: u64 = 4096;

/// What takes the place of options, for the help.
pub(super) const VARIABLES: &str = "\
Variables, where the option is not given:
  CHAT_URL         as --server; without both, http://127.0.0.1:4001
  CHAT_TOKEN_FILE  as --token-file
  CHAT_TOKEN       the token itself (never an option: process lists show those)
";

/// What the help of each such task ends with.
pub(super) const EXIT_CODES: &str = "\
Exit codes:
  0    done
  1    the server refused it, or something failed here
  2    a mistake in the command line, a variable or the token's file
  3    the server cannot be reached, or had no time for as long as was tried: try later
  4    the token was refused, or lacks a scope
  130  Ctrl-C";

/// Which server, and with which token.
#[derive(Args, Clone, Debug, Default, PartialEq, Eq)]
pub struct Remote {
    /// The server's address.
    #[arg(long, help = "The server's address, such as https://chat.example.org", value_name = "URL", value_parser = ServerUrl::parse)]
    server: Option<ServerUrl>,
    /// File with the token
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// Trust the certificates in this PEM file, not those that the system trusts
    #[arg(long, value_name = "FILE")]
    tls_trust: Option<PathBuf>,
}

impl Remote {
    /// The server that is to be called, if the command line names one.
    pub(super) fn named(&self) -> Option<&ServerUrl> {
        self.server.as_ref()
    }

    /// A client of the server, with the token.
    pub(super) fn client(&self, environment: &[(OsString, OsString)]) -> Result<Client, Failed> {
        let server = match (&self.server, variable(environment, URL_VARIABLE)?) {
            (Some(server), _) => server.clone(),
            (None, Some(url)) => ServerUrl::parse(&url)
                .map_err(|why| Failed::Variable(URL_VARIABLE, why.to_string()))?,
            (None, None) => ServerUrl::default(),
        };
        Client::new(server, self.token(environment)?, self.tls_trust.as_deref())
    }

    /// A client of another server than the usual one, with a token from this file unless the
    /// command line names one.
    pub(super) fn client_of(&self, server: ServerUrl, token: &Path) -> Result<Client, Failed> {
        let token = read_token(self.token_file.as_deref().unwrap_or(token))?;
        Client::new(server, token, self.tls_trust.as_deref())
    }

    /// A client of another server than the usual one, with this token unless the command line
    /// names one.
    pub(super) fn client_with(&self, server: ServerUrl, token: Secret) -> Result<Client, Failed> {
        let token = match &self.token_file {
            Some(path) => read_token(path)?,
            None => token,
        };
        Client::new(server, token, self.tls_trust.as_deref())
    }

    fn token(&self, environment: &[(OsString, OsString)]) -> Result<Secret, Failed> {
        if let Some(path) = &self.token_file {
            return read_token(path);
        }
        let file = variable(environment, TOKEN_FILE_VARIABLE)?;
        match (file, variable(environment, TOKEN_VARIABLE)?) {
            (Some(path), None) => read_token(Path::new(&path)),
            (None, Some(token)) => parse_token(&token)
                .ok_or_else(|| Failed::Variable(TOKEN_VARIABLE, "holds no token".into())),
            (Some(_), Some(_)) => Err(Failed::TwoTokens),
            (None, None) => Err(Failed::NoToken),
        }
    }
}

/// A channel on the command line.
pub(super) fn channel(raw: &str) -> Result<Name, String> {
    Name::parse_channel(raw).map_err(|error| error.to_string())
}

/// A variable that is set, and not to nothing.
fn variable(
    environment: &[(OsString, OsString)],
    name: &'static str,
) -> Result<Option<String>, Failed> {
    let found = environment.iter().find(|(own, _)| own == name);
    let Some((_, value)) = found.filter(|(_, value)| !value.is_empty()) else {
        return Ok(None);
    };
    let value = value.to_str().map(str::to_owned);
    let value = value.ok_or_else(|| Failed::Variable(name, "is not UTF-8".into()));
    value.map(Some)
}

/// The token in a file, which may be a pipe.
fn read_token(path: &Path) -> Result<Secret, Failed> {
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(MOST_TOKEN + 1).read_to_end(&mut bytes))
        .map_err(|error| Failed::TokenFile(path.to_owned(), error))?;
    let text = String::from_utf8(bytes).ok();
    let text = text.filter(|text| text.len() as u64 <= MOST_TOKEN);
    let token = text.and_then(|text| parse_token(&text));
    token.ok_or_else(|| Failed::BadToken(path.to_owned()))
}

/// A token without the white space around it.
fn parse_token(raw: &str) -> Option<Secret> {
    let token = raw.trim();
    let is_token = !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_graphic());
    is_token.then(|| Secret::new(token))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(environment: &[(&str, &str)]) -> Result<String, Failed> {
        let environment: Vec<(OsString, OsString)> = environment
            .iter()
            .map(|(name, value)| (name.into(), value.into()))
            .collect();
        let token = Remote::default().token(&environment);
        token.map(|token| token.expose().to_owned())
    }

    #[test]
    fn a_token_comes_from_one_place() {
        let folder = tempfile::tempdir().unwrap();
        let file = |text: &[u8]| {
            let path = folder.path().join("token");
            std::fs::write(&path, text).unwrap();
            path.to_str().unwrap().to_owned()
        };
        assert_eq!(token(&[("CHAT_TOKEN", "cst_a\n")]).unwrap(), "cst_a");
        let path = file(b"\n cst_b\r\n");
        assert_eq!(token(&[("CHAT_TOKEN_FILE", &path)]).unwrap(), "cst_b");
        let both = [("CHAT_TOKEN_FILE", path.as_str()), ("CHAT_TOKEN", "cst_a")];
        assert!(matches!(token(&both), Err(Failed::TwoTokens)));
        assert!(matches!(token(&[("CHAT_TOKEN", "")]), Err(Failed::NoToken)));
        for bad in ["two words", " ", "caf\u{e9}"] {
            let found = token(&[("CHAT_TOKEN", bad)]);
            assert!(matches!(found, Err(Failed::Variable(..))), "{bad:?}");
        }
        for bad in [&b""[..], b"\xff\xff", &[b'a'; 5000]] {
            let path = file(bad);
            let found = token(&[("CHAT_TOKEN_FILE", &path)]);
            assert!(matches!(found, Err(Failed::BadToken(_))), "{bad:?}");
        }
        let absent = token(&[("CHAT_TOKEN_FILE", "/nonexistent")]);
        assert!(matches!(absent, Err(Failed::TokenFile(..))));
    }
}
