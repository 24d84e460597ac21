//! The ground floor: the plain words that every part may use and that know no
//! part. Ids, names, texts, times, messages, accounts and log entries.
//!
//! No I/O, no thread, no clock but in [`time`], and nothing of any other module.

pub mod account;
pub mod amendment;
pub mod body;
pub mod entry;
pub mod erasing;
pub mod governance;
pub mod history;
pub mod hook;
pub mod id;
pub mod invitation;
pub mod keeping;
pub mod key;
pub mod mention;
pub mod message;
pub mod name;
pub mod once;
pub mod outgoing;
pub mod peer;
pub mod program;
pub mod reaction;
pub mod reactions;
pub mod record;
pub mod saved;
pub mod scope;
pub mod secret;
pub mod server_role;
pub mod sign;
pub mod sign_in;
pub mod stamp;
pub mod styled;
pub mod subscriber;
pub mod text;
pub mod time;

pub use account::{
    Account, AccountId, KnownAddress, ListedAccount, NewAccount, Profile, Standing, Token,
    UniqueField, Who,
};
pub use amendment::{Amendment, Located};
pub use body::{Body, MessageKind, More, ReplyTo};
pub use entry::{Entry, Kind, Origin};
pub use erasing::{Erased, Erasing, Written};
pub use history::History;
pub use hook::Hook;
pub use id::{BadMessageId, MessageId};
pub use invitation::AccountInvitation;
pub use keeping::Keeping;
pub use message::{
    Conversation, MAX_ROWS, Message, Place, Search, SearchScope, ThreadSummary, Window,
};
pub use name::{Name, NameError};
pub use once::{Keyed, Mark, Once, Seen};
pub use program::{ProgramSecret, ProgramToken};
pub use reaction::Reaction;
pub use reactions::{
    Counted, Full, Given, MAX_NAMED, MAX_REACTIONS, MAX_SIGNS, REMEMBERED_MS, Reactions,
};
pub use record::Record;
pub use saved::{MAX_SAVED, MAX_UNREAD, Notify, SavedChannel, Unread};
pub use scope::{Power, Scopes};
pub use secret::Secret;
pub use server_role::ServerRole;
pub use sign::{BadSign, MAX_SIGN_CHARS, Sign};
pub use sign_in::SignIn;
pub use stamp::Stamp;
pub use styled::Styled;
pub use text::Text;
