//! What a call of a program is known by, so that it publishes its message once, however often it
//! comes.

use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use data_encoding::HEXLOWER;

use super::body::Body;
use super::id::MessageId;
use super::message::Message;
use super::name::Name;

/// How long a call that has published a message is remembered.
pub const REMEMBERED_MS: u64 = 24 * 60 * 60 * 1000;
/// The hexadecimal digits of a mark.
const DIGITS: usize = 32;

/// Tells one thing from others, in few letters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark(Arc<str>);

/// What tells a call from others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Once {
    /// The token or hook that it came with.
    pub program: Arc<str>,
    /// Its mark among the calls of that program.
    pub mark: Mark,
    /// The mark of what it publishes, if the program may not use its own mark for anything else.
    pub content: Option<Mark>,
}

/// A message, with what the call that published it is known by.
#[derive(Clone, Debug)]
pub struct Keyed {
    /// The message.
    pub message: Message,
    /// The call.
    pub once: Arc<Once>,
}

/// What is remembered of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// The message that it has published.
    pub message: MessageId,
    /// See [`Once::content`].
    pub content: Option<Mark>,
}

impl Mark {
    /// The mark of a thing of this kind.
    pub fn of(kind: &str, value: &str) -> Mark {
        let hash = digest(&SHA256, format!("{kind}:{value}").as_bytes());
        let mut digits = HEXLOWER.encode(hash.as_ref());
        digits.truncate(DIGITS);
        Mark(digits.into())
    }

    /// The mark of what is said in a channel, under a key that the program has given it.
    pub fn of_message(key: &str, channel: &Name, body: &Body, reply_to: Option<MessageId>) -> Mark {
        let channel = channel.key();
        let reply = reply_to.map(|id| id.to_string()).unwrap_or_default();
        let (kind, text) = (body.kind.number(), body.text.as_str());
        Mark::of(key, &format!("{channel} {kind} {reply} {text}"))
    }

    /// A mark that was stored.
    pub fn restore(raw: &str) -> Mark {
        Mark(raw.into())
    }

    /// The mark as it is stored: hexadecimal digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Seen {
    /// Whether a call that comes with the same mark is the same call.
    pub fn is(&self, once: &Once) -> bool {
        let both = self.content.as_ref().zip(once.content.as_ref());
        both.is_none_or(|(stored, given)| stored == given)
    }
}
