//! What the store keeps: messages, accounts and tokens.

use std::fmt;
use std::sync::Arc;

use subtle::ConstantTimeEq;

use crate::hub::MessageId;
use crate::name::Name;
use crate::text::Text;

/// Names one account, for as long as the database lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccountId(pub i64);

/// A message to be committed.
#[derive(Clone, Debug)]
pub struct NewMessage {
    /// Above every id before it.
    pub id: MessageId,
    /// When, in milliseconds since 1970 UTC.
    pub at_ms: u64,
    /// Who wrote it, as shown then.
    pub author: Name,
    /// Where it belongs.
    pub place: Place,
    /// What it says.
    pub text: Text,
}

/// Where a message belongs.
#[derive(Clone, Debug)]
pub enum Place {
    /// In a channel.
    Channel {
        /// Which.
        channel: Name,
        /// The author's account; guests have none.
        account: Option<AccountId>,
    },
    /// In the thread of two accounts.
    Direct {
        /// The author.
        from: AccountId,
        /// The recipient.
        to: AccountId,
    },
}

/// A message as it was committed.
#[derive(Clone, Debug)]
pub struct StoredMessage {
    /// Its id.
    pub id: MessageId,
    /// When, in milliseconds since 1970 UTC.
    pub at_ms: u64,
    /// Who wrote it, as shown then.
    pub author: Name,
    /// The author's account; guests have none.
    pub account: Option<AccountId>,
    /// What it says.
    pub text: Text,
}

/// A row of messages in one order: a channel, or the thread of two accounts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Conversation {
    /// A channel.
    Channel(Name),
    /// The thread of two accounts, in either order.
    Thread(AccountId, AccountId),
}

/// Which part of a conversation to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Window {
    /// The newest messages.
    Latest,
    /// The newest of those before this id.
    Before(MessageId),
    /// The oldest of those after this id.
    After(MessageId),
    /// A page, counted from the newest messages, which are on page 1.
    Page(u64),
}

/// Part of a conversation.
#[derive(Clone, Debug, Default)]
pub struct History {
    /// Ids strictly increase.
    pub messages: Vec<StoredMessage>,
    /// Whether the store has more on the side that was asked for: after the
    /// given id for [`Window::After`], else before the last of them.
    pub more: bool,
    /// Whether retention has removed some of that side.
    pub gap: bool,
    /// The highest id that can be known here, where the log of several servers
    /// gives out ids: whoever has seen a higher one has seen another history.
    /// A store whose ids are given out by its one user does not say.
    pub newest: Option<MessageId>,
}

impl History {
    /// Whether this is everything there ever was on the side that was asked
    /// for.
    pub fn is_complete(&self) -> bool {
        !self.more && !self.gap
    }
}

/// A line of an inbox: the thread with one other account.
#[derive(Clone, Debug)]
pub struct ThreadSummary {
    /// The other account.
    pub peer: AccountId,
    /// Its username.
    pub peer_name: Name,
    /// The newest message, by either of the two.
    pub latest: StoredMessage,
    /// Messages from the peer that have not been read.
    pub unread: u64,
}

/// A search for messages that contain all of some words.
#[derive(Clone, Debug)]
pub struct Search {
    /// The words, in any order; case and accents do not matter.
    pub words: String,
    /// Where to look.
    pub scope: SearchScope,
    /// Only messages before this one.
    pub before: Option<MessageId>,
    /// How many messages at most.
    pub limit: usize,
}

/// Where to look for messages.
#[derive(Clone, Debug)]
pub enum SearchScope {
    /// In one channel or thread.
    Within(Conversation),
    /// In every thread of an account.
    ThreadsOf(AccountId),
    /// In everything; for administrators only.
    Everywhere,
}

/// A message that was found.
#[derive(Clone, Debug)]
pub struct Found {
    /// Where.
    pub conversation: Conversation,
    /// The message.
    pub message: StoredMessage,
}

/// What an account is made from.
#[derive(Clone, Debug)]
pub struct NewAccount {
    /// Nobody else may have it.
    pub username: Name,
    /// May be empty.
    pub first_name: String,
    /// May be empty.
    pub last_name: String,
    /// An e-mail address, which nobody has verified.
    pub email: Option<String>,
    /// A telephone number, likewise.
    pub phone: Option<String>,
    /// Whether address and number, whatever their case and however their digits
    /// are grouped, are refused to others, as `/api/register` says. Who
    /// registers otherwise does not learn whose they are.
    pub unique_contacts: bool,
    /// A PHC string.
    pub password_hash: Secret,
    /// When, in milliseconds since 1970 UTC.
    pub created_at: u64,
}

/// A registered user.
#[derive(Clone, Debug)]
pub struct Account {
    /// Its id.
    pub id: AccountId,
    /// The nickname that only its owner may use.
    pub username: Name,
    /// May be empty.
    pub first_name: String,
    /// May be empty.
    pub last_name: String,
    /// As given.
    pub email: Option<String>,
    /// As given.
    pub phone: Option<String>,
    /// A PHC string.
    pub password_hash: Secret,
    /// When, in milliseconds since 1970 UTC.
    pub created_at: u64,
    /// Whose private messages it does not want.
    pub ignored: Vec<Name>,
}

/// How to find an account.
#[derive(Clone, Debug)]
pub enum Who {
    /// By its id.
    Id(AccountId),
    /// By its username, in any spelling of it.
    Username(Name),
}

/// What no two accounts may have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UniqueField {
    /// The username.
    Username,
    /// The e-mail address.
    Email,
    /// The telephone number.
    Phone,
}

/// The right to act for an account.
#[derive(Clone, Debug)]
pub struct Token {
    /// Names the token in public.
    pub access_key_id: String,
    /// Signs requests; kept as it is, because signatures are checked with it.
    pub secret_access_key: Secret,
    /// Exchanges the token for a new one.
    pub refresh_token: Secret,
    /// For whom.
    pub account: AccountId,
    /// When it was made, in milliseconds since 1970 UTC.
    pub created_at: u64,
    /// From when on it is worth nothing.
    pub expires_at: u64,
    /// When it was last changed.
    pub modified_at: u64,
    /// Whether it can still be exchanged.
    pub is_refreshable: bool,
    /// Whether it has been given up.
    pub is_active: bool,
}

/// How long messages are kept; 0 is for ever.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Retention {
    /// Days messages of channels are kept.
    pub channel_days: u64,
    /// Messages kept of each channel.
    pub channel_messages: u64,
    /// Days direct messages are kept.
    pub direct_days: u64,
}

/// A string that must not be seen: `Debug` prints nothing of it, and
/// comparing takes as long whatever differs.
#[derive(Clone)]
pub struct Secret(Arc<str>);

impl Secret {
    /// Keeps a string secret.
    pub fn new(secret: impl Into<Arc<str>>) -> Secret {
        Secret(secret.into())
    }

    /// The string, for the one place that needs it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl PartialEq for Secret {
    fn eq(&self, other: &Secret) -> bool {
        self.0.as_bytes().ct_eq(other.0.as_bytes()).into()
    }
}

impl Eq for Secret {}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(secret)")
    }
}

impl Conversation {
    /// The conversation a message at `place` belongs to.
    pub fn of(place: &Place) -> Conversation {
        match place {
            Place::Channel { channel, .. } => Conversation::Channel(channel.clone()),
            Place::Direct { from, to } => Conversation::Thread(*from, *to),
        }
    }
}

impl UniqueField {
    /// The field's name in forms.
    pub fn as_str(self) -> &'static str {
        match self {
            UniqueField::Username => "username",
            UniqueField::Email => "email",
            UniqueField::Phone => "phone",
        }
    }
}
