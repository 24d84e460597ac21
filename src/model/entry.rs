//! Entries of the chat log, one a line.

use std::net::SocketAddr;
use std::sync::Arc;

use serde::{Serialize, Serializer};

use super::id::MessageId;
use super::peer;
use super::stamp::Stamp;

/// One thing that happened. The fields stand in the line in this order, and
/// search relies on it: `at` and `kind` first, absent fields left out, `text`
/// last. In a file the entry's number (`seq`) comes after the kind.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Entry {
    /// The time, in milliseconds since 1970 UTC; written as RFC 3339.
    #[serde(rename = "at", serialize_with = "stamp")]
    pub at_ms: u64,
    /// The kind of entry.
    pub kind: Kind,
    /// The message's id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<MessageId>,
    /// The nickname of the user who did it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nick: Option<Arc<str>>,
    /// The channel, without `#`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub channel: Option<Arc<str>>,
    /// The recipient of a private message, or the target of an administrator's
    /// action.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<Arc<str>>,
    /// The peer's address.
    #[serde(
        skip_serializing_if = "Option::is_none",
        serialize_with = "peer::serialize"
    )]
    pub address: Option<SocketAddr>,
    /// The name of the token by which a program did it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token: Option<Arc<str>>,
    /// The id of that token: several may have one name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_id: Option<Arc<str>>,
    /// The protocol the connection speaks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub protocol: Option<&'static str>,
    /// The message, the command, or the reason.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<Arc<str>>,
    /// Whether an administrator's request was refused. Any client can cause such
    /// entries, so they are kept apart from actions that were carried out.
    #[serde(skip)]
    pub is_refusal: bool,
}

/// The kinds of entry, and the words for them in the file and in filters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A message to a channel.
    Message,
    /// A private message.
    Private,
    /// A command that was carried out.
    Command,
    /// A connection opened.
    Open,
    /// A connection closed.
    Close,
    /// A user joined a channel.
    Join,
    /// A user left a channel.
    Leave,
    /// An announcement by an administrator.
    Announcement,
    /// An administrator's action, or a failed attempt at one.
    Admin,
    /// A failure, such as entries that had to be dropped, or a refused command:
    /// then `text` is the command and the reason.
    Error,
}

/// From where an administrator acts, for the audit trail; the program itself has no address.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origin {
    /// The address.
    pub address: Option<SocketAddr>,
    /// The name of the token, unless it is the administrators' own.
    pub token: Option<Arc<str>>,
    /// The account that acts with its role on the server.
    pub account: Option<Arc<str>>,
    /// Its id.
    pub token_id: Option<Arc<str>>,
}

impl Entry {
    /// An entry with nothing but its time and kind.
    pub fn new(at_ms: u64, kind: Kind) -> Entry {
        Entry {
            at_ms,
            kind,
            id: None,
            nick: None,
            channel: None,
            to: None,
            address: None,
            token: None,
            token_id: None,
            protocol: None,
            text: None,
            is_refusal: false,
        }
    }

    /// An entry of the audit trail, with the action in words.
    pub fn admin(at_ms: u64, what: impl Into<Arc<str>>) -> Entry {
        Entry {
            text: Some(what.into()),
            ..Entry::new(at_ms, Kind::Admin)
        }
    }
}

fn stamp<S: Serializer>(at_ms: &u64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(Stamp::of(*at_ms).as_str())
}

impl Kind {
    /// Every kind.
    pub const ALL: [Kind; 10] = [
        Kind::Message,
        Kind::Private,
        Kind::Command,
        Kind::Open,
        Kind::Close,
        Kind::Join,
        Kind::Leave,
        Kind::Announcement,
        Kind::Admin,
        Kind::Error,
    ];

    /// The word for it in the file and in filters.
    pub fn word(self) -> &'static str {
        match self {
            Kind::Message => "message",
            Kind::Private => "private",
            Kind::Command => "command",
            Kind::Open => "open",
            Kind::Close => "close",
            Kind::Join => "join",
            Kind::Leave => "leave",
            Kind::Announcement => "announcement",
            Kind::Admin => "admin",
            Kind::Error => "error",
        }
    }

    /// The kind that `word` stands for.
    pub fn from_word(word: &str) -> Option<Kind> {
        Kind::ALL.into_iter().find(|kind| kind.word() == word)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_has_a_fixed_shape() {
        let entry = Entry {
            id: Some(MessageId { ms: 7, sequence: 1 }),
            nick: Some("alice".into()),
            channel: Some("lobby".into()),
            address: Some(SocketAddr::from(([127, 0, 0, 1], 9))),
            protocol: Some("telnet"),
            text: Some("say \"hi\"\n".into()),
            ..Entry::new(1_795_248_000_123, Kind::Message)
        };
        assert_eq!(
            serde_json::to_string(&entry).unwrap(),
            r#"{"at":"2026-11-21T08:00:00.123Z","kind":"message","id":"7-1","nick":"alice","channel":"lobby","address":"127.0.0.1:9","protocol":"telnet","text":"say \"hi\"\n"}"#
        );
    }

    #[test]
    fn filters_and_lines_use_the_same_words() {
        for kind in Kind::ALL {
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.word());
            assert_eq!(Kind::from_word(kind.word()), Some(kind));
        }
        assert_eq!(Kind::from_word("nonsense"), None);
    }
}
