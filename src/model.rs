//! The ground floor: the plain words that every part may use and that know no
//! part. Ids, names, texts, times, messages, accounts and log entries.
//!
//! No I/O, no thread, no clock but in [`time`], and nothing of any other module.

pub mod account;
pub mod entry;
pub mod governance;
pub mod id;
pub mod key;
pub mod mention;
pub mod message;
pub mod name;
pub mod peer;
pub mod record;
pub mod saved;
pub mod secret;
pub mod stamp;
pub mod subscriber;
pub mod text;
pub mod time;

pub use account::{Account, AccountId, KnownAddress, NewAccount, Token, UniqueField, Who};
pub use entry::{Entry, Kind};
pub use id::{BadMessageId, MessageId};
pub use message::{
    Conversation, History, MAX_ROWS, Message, Place, Search, SearchScope, ThreadSummary, Window,
};
pub use name::{Name, NameError};
pub use record::Record;
pub use saved::{MAX_SAVED, MAX_UNREAD, SavedChannel, Unread};
pub use secret::Secret;
pub use stamp::Stamp;
pub use text::Text;
