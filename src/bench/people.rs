//! The identities of the clients: nicknames unique to the run and, where the protocol needs them,
//! accounts.

use super::Run;
use super::error::BenchError;
use super::login::Way;
use super::protocol::Protocol;
use super::random::fill;
use super::register::{Form, register};

/// Letters that look like no others.
const LETTERS: &[u8; 16] = b"bcdfghjkpqrstvxz";

/// The identities of one run.
pub(super) struct People {
    names: Names,
    /// The token of each; empty where a nickname is enough.
    tokens: Vec<String>,
}

/// Names that no two runs share.
struct Names {
    letters: String,
    random: u32,
}

impl People {
    /// Creates that many, registering their accounts if need be.
    pub(super) fn new(run: &Run, count: usize) -> Result<People, BenchError> {
        let is_api = run.options.protocol == Protocol::Api;
        // Accounts persist; for nicknames some IRC servers allow only nine characters.
        let names = Names::new(if is_api { 10 } else { 4 })?;
        let tokens = match is_api {
            true => register(run, count, |number| names.form(number))?,
            false => Vec::new(),
        };
        Ok(People { names, tokens })
    }

    /// The login of a client, and where it goes. Beyond the number of accounts, the first are used
    /// again.
    pub(super) fn way(&self, number: usize, place: Option<String>) -> Way {
        let number = number.checked_rem(self.tokens.len()).unwrap_or(number);
        Way {
            nickname: self.names.nickname(number),
            place,
            token: self.tokens.get(number).cloned(),
        }
    }

    /// Where a pair talks, of which this client is one: in a room or, where there are none, each to
    /// the other.
    pub(super) fn place_of_two(&self, number: usize) -> String {
        match self.tokens.is_empty() {
            true => format!("pair{}", number / 2),
            false => self.names.nickname(number ^ 1),
        }
    }
}

impl Names {
    /// Names with this many letters before the number.
    fn new(letters: usize) -> Result<Names, BenchError> {
        let mut random = vec![0; letters];
        fill(&mut random)?;
        let mut digits = [0; 4];
        fill(&mut digits)?;
        let letter = |byte: u8| LETTERS.get(usize::from(byte % 16)).copied().unwrap_or(b'b');
        Ok(Names {
            letters: random
                .into_iter()
                .map(|byte| char::from(letter(byte)))
                .collect(),
            random: u32::from_ne_bytes(digits),
        })
    }

    fn nickname(&self, number: usize) -> String {
        format!("{}{number:05}", self.letters)
    }

    fn form(&self, number: usize) -> Form {
        Form {
            username: self.nickname(number),
            // Fifteen digits, the most that a telephone number may have.
            phone: format!("{:08}{number:07}", self.random % 100_000_000),
        }
    }
}
