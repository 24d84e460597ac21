//! The store: messages and accounts that outlive the process.
//!
//! [`Store`] is what a database has to be able to do; [`SqliteStore`] is the
//! one that needs no set-up, and [`PostgresStore`], with the feature
//! `cluster`, the one several servers may share. Messages go in through a [`StoreWriter`], which
//! commits all that is waiting as one transaction. The store never decides
//! who may read or write what, and it knows of the hub no more than ids.
//! `docs/store.md` has the schema and what it promises.

mod accounts;
mod error;
mod lookalikes;
mod matches;
#[cfg(feature = "cluster")]
mod migrate;
mod pause;
#[cfg(feature = "cluster")]
mod postgres;
mod progress;
mod retention;
mod row;
mod schema;
mod shorten;
mod sqlite;
mod url;
mod words;
mod writer;

pub use error::{AppendError, OpenError, StoreError};
pub use matches::Matches;
#[cfg(feature = "cluster")]
pub use migrate::{Counts, MigrateError, migrate};
#[cfg(feature = "cluster")]
pub use postgres::{PostgresSettings, PostgresStore};
pub use retention::Retention;
pub use shorten::shorten_found;
pub use sqlite::{BackupContents, BackupError, BackupStep, backup};
pub use sqlite::{Durability, SqliteSettings, SqliteStore};
pub use url::{DatabaseUrl, UrlError};
pub use writer::{AppendRefused, Appender, Outcome, StoreWriter, Unfinished, WriterSettings};

pub use crate::model::{
    Account, AccountId, Conversation, Found, History, KnownAddress, MAX_ROWS, NewAccount,
    NewMessage, Place, Search, SearchScope, Secret, StoredMessage, ThreadSummary, Token,
    UniqueField, Who, Window,
};
use crate::model::{MessageId, Name};

/// How long a search may go on unless the settings say otherwise.
const SEARCH_TIME: std::time::Duration = std::time::Duration::from_secs(2);

/// What came of one message of a group.
pub type Appended = Result<(), AppendError>;

/// A database of messages and accounts. Calls may block for as long as its
/// settings say, so the hub never makes them. What writes has been committed
/// when it returns `Ok`.
pub trait Store: Send + Sync {
    /// Commits messages as one transaction, with one result for each in the
    /// same order. A message that is stored already counts as committed. If
    /// this returns an error, none of them is; only if the connection to a
    /// database broke for good on the way, all of them may be.
    fn append(&self, messages: &[NewMessage]) -> Result<Vec<Appended>, StoreError>;

    /// Commits messages whose order a log has settled already, in whatever
    /// order they come and however often: as [`Store::append`] else.
    fn merge(&self, messages: &[NewMessage]) -> Result<Vec<Appended>, StoreError> {
        self.append(messages)
    }

    /// The highest id there has ever been, to go on from.
    fn last_message_id(&self) -> Result<MessageId, StoreError>;

    /// At most `limit` messages of a conversation, oldest first.
    fn history(
        &self,
        conversation: &Conversation,
        window: Window,
        limit: usize,
    ) -> Result<History, StoreError>;

    /// Threads of an account, newest first; the first page is 1.
    fn inbox(
        &self,
        account: AccountId,
        page: u64,
        per_page: usize,
    ) -> Result<Vec<ThreadSummary>, StoreError>;

    /// Remembers that `account` has read what `peer` wrote up to a message.
    fn mark_read(
        &self,
        account: AccountId,
        peer: AccountId,
        up_to: MessageId,
    ) -> Result<(), StoreError>;

    /// Messages that contain all the words, newest first: as many as are found
    /// in the time that the store's settings allow.
    fn search(&self, search: &Search) -> Result<Matches, StoreError>;

    /// Makes an account, unless a unique field is taken.
    fn create_account(&self, account: &NewAccount) -> Result<Account, StoreError>;

    /// Finds an account.
    fn account(&self, who: &Who) -> Result<Option<Account>, StoreError>;

    /// Puts another hash of the same password in place of an account's, if
    /// that is still `from`.
    fn rehash_password(
        &self,
        account: AccountId,
        from: &Secret,
        to: &Secret,
    ) -> Result<(), StoreError>;

    /// Puts the hash of another password in place of an account's. Its tokens
    /// and passes end, and no address is known to it any more.
    fn change_password(
        &self,
        account: AccountId,
        hash: &Secret,
        now_ms: u64,
    ) -> Result<(), StoreError>;

    /// Remembers that an account was logged in to from an address: a bounded
    /// number of addresses, the newest. A store whose servers have that
    /// elsewhere remembers none.
    fn add_known_address(
        &self,
        _account: AccountId,
        _address: &str,
        _at_ms: u64,
    ) -> Result<(), StoreError> {
        Ok(())
    }

    /// The addresses from which accounts were logged in to since then, newest
    /// first; forgets the older ones.
    fn known_addresses(&self, _since_ms: u64) -> Result<Vec<KnownAddress>, StoreError> {
        Ok(Vec::new())
    }

    /// Remembers until `expires_at`, and as long after it as one pleases, that
    /// a pass has been given up.
    fn end_pass(&self, pass: &str, expires_at: u64) -> Result<(), StoreError>;

    /// Whether a pass has been given up.
    fn is_pass_ended(&self, pass: &str) -> Result<bool, StoreError>;

    /// Remembers, or forgets, that an account ignores a nickname.
    fn set_ignored(
        &self,
        account: AccountId,
        nickname: &Name,
        ignored: bool,
    ) -> Result<(), StoreError>;

    /// Keeps a token.
    fn add_token(&self, token: &Token) -> Result<(), StoreError>;

    /// Finds a token, whether it is still worth something or not.
    fn token(&self, access_key_id: &str) -> Result<Option<Token>, StoreError>;

    /// Puts `new`, made over to the same account, in place of the token with
    /// this refresh token. `None` if there is none, or it was exchanged or
    /// given up before, or has expired at `now_ms`.
    fn exchange_token(
        &self,
        refresh_token: &Secret,
        new: &Token,
        now_ms: u64,
    ) -> Result<Option<Token>, StoreError>;

    /// Gives a token up; whether it was active.
    fn deactivate_token(&self, access_key_id: &str, now_ms: u64) -> Result<bool, StoreError>;

    /// Says whether the server with this number has its log, and asks whether
    /// some other server that uses the same store has; only that counts what is
    /// said again and again. A store of one server knows of no other.
    fn others_have_log(&self, _own: i32, _has_log: bool) -> Result<bool, StoreError> {
        Ok(false)
    }

    /// Names the line of history that the database is on, if it can have
    /// several: another one begins when another machine takes over, which may lack
    /// what was committed last.
    fn timeline(&self) -> Result<Option<String>, StoreError> {
        Ok(None)
    }

    /// Fails if nothing can be committed at present.
    fn check_writable(&self) -> Result<(), StoreError>;

    /// Does a little of what is left for quiet moments (indexing for search,
    /// removing what is too old); whether there is more to do.
    fn tend(&self, now_ms: u64) -> Result<bool, StoreError>;

    /// Leaves the database tidy and lets go of it: others may open it. What is
    /// called afterwards fails.
    fn close(&self) -> Result<(), StoreError>;
}
