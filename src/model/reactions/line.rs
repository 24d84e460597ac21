//! One user's reaction with one sign, as a line of the text that is stored.

use std::fmt::Write;

use super::super::account::AccountId;
use super::super::id::MessageId;

/// One user's reaction with one sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Given<'a> {
    /// The id of the log.
    pub id: MessageId,
    /// Whether it was not taken back.
    pub on: bool,
    /// The user's account; guests have none.
    pub account: Option<AccountId>,
    /// The sign.
    pub sign: &'a str,
    /// The key of the user's nickname.
    pub key: &'a str,
    /// The user's nickname at the time.
    pub user: &'a str,
}

/// The same in memory.
#[derive(Debug)]
pub(super) struct Line {
    pub id: MessageId,
    pub on: bool,
    pub account: Option<AccountId>,
    /// Sign, key and user behind one another, so that a line is one piece of memory more.
    text: Box<str>,
    key_at: usize,
    user_at: usize,
}

impl Line {
    pub fn new(given: &Given<'_>) -> Line {
        let text = [given.sign, given.key, given.user].concat();
        Line {
            id: given.id,
            on: given.on,
            account: given.account,
            text: text.into(),
            key_at: given.sign.len(),
            user_at: given.sign.len() + given.key.len(),
        }
    }

    pub fn sign(&self) -> &str {
        self.text.get(..self.key_at).unwrap_or_default()
    }

    pub fn key(&self) -> &str {
        self.text.get(self.key_at..self.user_at).unwrap_or_default()
    }

    pub fn given(&self) -> Given<'_> {
        Given {
            id: self.id,
            on: self.on,
            account: self.account,
            sign: self.sign(),
            key: self.key(),
            user: self.text.get(self.user_at..).unwrap_or_default(),
        }
    }

    /// How many bytes it holds.
    pub fn bytes(&self) -> usize {
        size_of::<Line>() + self.text.len()
    }
}

impl<'a> Given<'a> {
    pub(super) fn read(line: &'a str) -> Option<Given<'a>> {
        let mut parts = line.split('\t');
        let (is_on, id) = parts.next()?.split_at_checked(1)?;
        Some(Given {
            id: id.parse().ok()?,
            on: is_on == "+",
            account: parts.next()?.parse().ok().map(AccountId),
            sign: parts.next()?,
            key: parts.next()?,
            user: parts.next()?,
        })
    }

    pub(super) fn write(&self, out: &mut String) {
        let sign = if self.on { '+' } else { '-' };
        // Writing to a String cannot fail.
        let _ = match self.account {
            Some(AccountId(account)) => write!(out, "{sign}{}\t{account}", self.id),
            None => write!(out, "{sign}{}\t", self.id),
        };
        let _ = writeln!(out, "\t{}\t{}\t{}", self.sign, self.key, self.user);
    }

    /// The line that says only that this was the last change.
    pub(super) fn mark(id: MessageId) -> Given<'static> {
        Given {
            id,
            on: false,
            account: None,
            sign: "",
            key: "",
            user: "",
        }
    }
}
