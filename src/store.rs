//! The store: messages and accounts that outlive the process.
//!
//! [`Store`] is what the server asks of a database; [`SqliteStore`] needs no set-up, and
//! [`PostgresStore`] (feature `cluster`) can be shared by several servers. Messages go in through a
//! [`StoreWriter`], which commits everything that is waiting as one transaction. The store never
//! decides who may read or write what, and of the hub it knows only ids. `docs/store.md` describes
//! the schema and its guarantees.

mod accounts;
mod amendments;
mod calls;
mod erasing;
mod error;
mod hooks;
mod invitations;
mod keeping;
mod lookalikes;
mod matches;
#[cfg(feature = "cluster")]
mod migrate;
mod outgoing;
mod pause;
#[cfg(feature = "cluster")]
mod postgres;
mod programs;
mod progress;
mod retention;
mod row;
mod rules;
mod saved;
mod schema;
mod shorten;
mod sign_ins;
mod sqlite;
mod standing;
mod url;
mod words;
mod writer;

#[cfg(feature = "cluster")]
pub(crate) use amendments::MAX_AMENDED;
pub use error::{AppendError, OpenError, StoreError};
pub use matches::Matches;
#[cfg(feature = "cluster")]
pub use migrate::{Counts, MigrateError, migrate};
pub use outgoing::Feed;
#[cfg(feature = "cluster")]
pub use postgres::{PostgresSettings, PostgresStore};
pub use retention::Retention;
pub use shorten::shorten_found;
pub use sqlite::{BackupContents, BackupError, BackupStep, backup};
pub use sqlite::{Durability, SqliteSettings, SqliteStore};
pub use url::{DatabaseUrl, UrlError};
pub use writer::{AppendRefused, Appender, Outcome, StoreWriter, Unfinished, WriterSettings};

use crate::model::governance::{ChannelChange, Rules};
use crate::model::hook::Duty;
use crate::model::outgoing::{Attempt, Condition, Delivery, Held, Settled};
pub use crate::model::{
    Account, AccountId, AccountInvitation, Amendment, Conversation, Erased, Erasing, History, Hook,
    Keeping, KnownAddress, ListedAccount, Located, MAX_ROWS, Message, NewAccount, Notify, Once,
    Place, Profile, ProgramToken, Record, SavedChannel, Search, SearchScope, Secret, Seen,
    ServerRole, SignIn, Standing, ThreadSummary, Token, UniqueField, Unread, Who, Window, Written,
};
use crate::model::{MessageId, Name};

/// How long a search may run unless the settings say otherwise.
const SEARCH_TIME: std::time::Duration = std::time::Duration::from_secs(2);

/// Why a store without programs makes none.
const NO_PROGRAMS: &str = "this store keeps no programs";

/// The result for one message of a group.
pub type Appended = Result<(), AppendError>;

/// A database of messages and accounts. A call may block for as long as the settings allow, so the
/// hub never makes one. When a call that writes returns `Ok`, the change has been committed.
pub trait Store: Send + Sync {
    /// Commits entries of the log as one transaction and returns one result for each, in the same
    /// order. An entry that is stored already counts as committed. If this returns an error, none
    /// was committed; only after the connection to a database broke, all of them may have been. A
    /// change of a channel's rules is folded into the channel's row in the same transaction, and a
    /// change of a message into the message's row: nothing is left of a text that was deleted.
    fn commit(&self, records: &[Record]) -> Result<Vec<Appended>, StoreError>;

    /// As [`Store::commit`], for messages alone.
    fn append(&self, messages: &[Message]) -> Result<Vec<Appended>, StoreError> {
        let records: Vec<Record> = messages.iter().cloned().map(Record::from).collect();
        self.commit(&records)
    }

    /// Commits entries that a log has already put in order. They may come in any order and more
    /// than once; otherwise this is [`Store::commit`].
    fn merge(&self, records: &[Record]) -> Result<Vec<Appended>, StoreError> {
        self.commit(records)
    }

    /// At most `limit` of the channels that have rules to be kept, in the order of their keys,
    /// after the one with this key.
    fn channels(&self, after: Option<&str>, limit: usize)
    -> Result<Vec<(Name, Rules)>, StoreError>;

    /// The highest id ever given out; new ids continue from here.
    fn last_message_id(&self) -> Result<MessageId, StoreError>;

    /// At most `limit` messages of a conversation, oldest first.
    fn history(
        &self,
        conversation: &Conversation,
        window: Window,
        limit: usize,
    ) -> Result<History, StoreError>;

    /// The message with this id, in its present state, wherever it is: who may know of it is for
    /// the caller to decide.
    fn find_message(&self, id: MessageId) -> Result<Option<Located>, StoreError>;

    /// At most `limit` changes of a channel, oldest first; [`Window::Page`] is taken for the
    /// newest. A log of several servers may have some that are not stored yet.
    fn changes(
        &self,
        _channel: &Name,
        _window: Window,
        _limit: usize,
    ) -> Result<Vec<ChannelChange>, StoreError> {
        Ok(Vec::new())
    }

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

    /// Messages that contain all the words, newest first, as far as the search gets in the time
    /// that the settings allow.
    fn search(&self, search: &Search) -> Result<Matches, StoreError>;

    /// Creates an account, unless a unique field is taken.
    fn create_account(&self, account: &NewAccount) -> Result<Account, StoreError>;

    /// Finds an account.
    fn account(&self, who: &Who) -> Result<Option<Account>, StoreError>;

    /// Replaces the password hash of an account with another hash of the same password, if the
    /// present one is still `from`.
    fn rehash_password(
        &self,
        account: AccountId,
        from: &Secret,
        to: &Secret,
    ) -> Result<(), StoreError>;

    /// Replaces the password of an account. Revokes its tokens and passes, and forgets the addresses
    /// known to it.
    fn change_password(
        &self,
        account: AccountId,
        hash: &Secret,
        now_ms: u64,
    ) -> Result<(), StoreError>;

    /// As [`Store::change_password`], but only if the password has been changed so often before, and
    /// the account was not disabled since. Returns whether it was changed.
    fn change_own_password(
        &self,
        account: AccountId,
        changes: u64,
        hash: &Secret,
        now_ms: u64,
    ) -> Result<bool, StoreError>;

    /// Replaces what the owner of an account has said about themselves.
    fn set_profile(&self, account: AccountId, profile: &Profile) -> Result<(), StoreError>;

    /// At most `limit` accounts whose names' keys begin with `prefix`, in the order of these keys,
    /// after this one. Deleted ones are among them.
    fn accounts(
        &self,
        prefix: &str,
        after: &str,
        limit: usize,
    ) -> Result<Vec<ListedAccount>, StoreError>;

    /// Notes that the owner of an account was there.
    fn note_seen(&self, account: AccountId, at_ms: u64) -> Result<(), StoreError>;

    /// Disables an account, until it is enabled. Revokes its tokens and passes, and the link to
    /// reset its password.
    fn disable_account(&self, account: AccountId, now_ms: u64) -> Result<(), StoreError>;

    /// Enables an account that was disabled.
    fn enable_account(&self, account: AccountId) -> Result<(), StoreError>;

    /// Gives an account a role on the server in place of the one it has, or takes it.
    fn set_role(&self, account: AccountId, role: Option<ServerRole>) -> Result<(), StoreError>;

    /// Creates an account for the user whom a reverse proxy knows under this name, unless a unique
    /// field is taken.
    fn create_remote(&self, account: &NewAccount, user: &str) -> Result<Account, StoreError>;

    /// Says under which name a reverse proxy knows the owner of an account. Returns false if another
    /// account has the name.
    fn link_remote(&self, account: AccountId, user: Option<&str>) -> Result<bool, StoreError>;

    /// Whether an account has the role of an administrator.
    fn has_administrator(&self) -> Result<bool, StoreError>;

    /// Deletes an account with its tokens, what it ignores, its channels and how far it has read.
    /// Its name stays taken, and what it wrote stays.
    fn delete_account(&self, account: AccountId, now_ms: u64) -> Result<(), StoreError>;

    /// What is laid down for the past of a channel.
    fn keeping(&self, channel: &Name) -> Result<Keeping, StoreError> {
        Ok(Keeping::usual(channel.clone()))
    }

    /// Lays down how long the messages of a channel are kept, or that nothing of it is removed.
    fn set_keeping(&self, _of: &Keeping) -> Result<(), StoreError> {
        Ok(())
    }

    /// Orders that everything an account has written be erased. `since` is the last message before
    /// that. Replaces an earlier order.
    fn order_erasing(
        &self,
        _account: AccountId,
        _since: MessageId,
        _now_ms: u64,
    ) -> Result<(), StoreError> {
        Ok(())
    }

    /// An order that is not carried out yet, and of which nothing was noted for `stale_ms`. It is the
    /// caller's then, for as long as the caller notes how far it is.
    fn claim_erasing(&self, _now_ms: u64, _stale_ms: u64) -> Result<Option<Erasing>, StoreError> {
        Ok(None)
    }

    /// Notes what was erased by an order.
    fn note_erasing(&self, _order: &Erasing, _now_ms: u64) -> Result<(), StoreError> {
        Ok(())
    }

    /// The last order to erase what an account has written.
    fn erasing(&self, _account: AccountId) -> Result<Option<Erasing>, StoreError> {
        Ok(None)
    }

    /// What an account has written among the next `rows` messages of all after one; and
    /// how much of it was deleted after the message `since`.
    fn written_by(
        &self,
        _account: AccountId,
        (_after, _since): (MessageId, MessageId),
        _rows: usize,
    ) -> Result<Written, StoreError> {
        Ok(Written::default())
    }

    /// Lets the bearer of the secret with this hash set a new password for an account, once. Earlier
    /// secrets of the account become void.
    fn offer_reset(
        &self,
        account: AccountId,
        secret_hash: &str,
        expires_at: u64,
    ) -> Result<(), StoreError>;

    /// The account whose password can be set with the secret that has this hash.
    fn reset_of(&self, secret_hash: &str, now_ms: u64) -> Result<Option<AccountId>, StoreError>;

    /// As [`Store::change_password`], for the account whose password can be set with the secret
    /// that has this hash; afterwards it cannot any more. `None` if there is no such account.
    fn use_reset(
        &self,
        secret_hash: &str,
        password_hash: &Secret,
        now_ms: u64,
    ) -> Result<Option<AccountId>, StoreError>;

    /// Records a login to an account from an address. Only a bounded number of addresses is kept,
    /// the newest ones. A store whose servers keep them elsewhere records none.
    fn add_known_address(
        &self,
        _account: AccountId,
        _address: &str,
        _at_ms: u64,
    ) -> Result<(), StoreError> {
        Ok(())
    }

    /// The addresses from which accounts were logged in to since `since_ms`, newest first. Forgets
    /// the older ones.
    fn known_addresses(&self, _since_ms: u64) -> Result<Vec<KnownAddress>, StoreError> {
        Ok(Vec::new())
    }

    /// Notes that an account was signed in, or that this sign-in was used; its times are replaced,
    /// if it is noted already. Of each account a bounded number is kept, those used last.
    fn note_sign_in(&self, _sign_in: &SignIn) -> Result<(), StoreError> {
        Ok(())
    }

    /// When the use of a sign-in was last noted; `None` if it is not noted.
    fn sign_in_used_at(&self, _id: &str) -> Result<Option<u64>, StoreError> {
        Ok(None)
    }

    /// The sign-ins of an account that are not over, the one used last first.
    fn sign_ins(&self, _account: AccountId, _now_ms: u64) -> Result<Vec<SignIn>, StoreError> {
        Ok(Vec::new())
    }

    /// Revokes the tokens and passes of an account, also those that are not noted.
    fn end_sign_ins(&self, _account: AccountId, _now_ms: u64) -> Result<(), StoreError> {
        Ok(())
    }

    /// Records that a pass was revoked. The record must last until `expires_at` and may be kept
    /// longer.
    fn end_pass(&self, pass: &str, expires_at: u64) -> Result<(), StoreError>;

    /// Whether a pass was revoked.
    fn is_pass_ended(&self, pass: &str) -> Result<bool, StoreError>;

    /// Records whether an account ignores a nickname.
    fn set_ignored(
        &self,
        account: AccountId,
        nickname: &Name,
        ignored: bool,
    ) -> Result<(), StoreError>;

    /// The channels that belong to an account, in the order of their keys.
    fn saved_channels(&self, of: AccountId) -> Result<Vec<SavedChannel>, StoreError>;

    /// Makes a channel one of the account's, which has read it up to a message. Changes nothing if
    /// it is one already. Returns whether it is now: an account has a limited number.
    fn save_channel(
        &self,
        of: AccountId,
        channel: &Name,
        read_up_to: MessageId,
    ) -> Result<bool, StoreError>;

    /// Makes a channel one of the account's no longer.
    fn forget_channel(&self, of: AccountId, channel: &Name) -> Result<(), StoreError>;

    /// Remembers that an account has read one of its channels up to a message. Returns whether the
    /// marker has moved; it never goes back.
    fn mark_channel_read(
        &self,
        of: AccountId,
        channel: &Name,
        up_to: MessageId,
    ) -> Result<bool, StoreError>;

    /// As [`Store::mark_channel_read`], of several channels and accounts at once.
    fn mark_channels_read(&self, marks: &[(AccountId, Name, MessageId)]) -> Result<(), StoreError> {
        for (of, channel, up_to) in marks {
            self.mark_channel_read(*of, channel, *up_to)?;
        }
        Ok(())
    }

    /// Remembers whether an account has muted one of its channels. Returns whether it is one.
    fn mute_channel(&self, of: AccountId, channel: &Name, muted: bool) -> Result<bool, StoreError>;

    /// Remembers what an account wants to be notified of in one of its channels. Returns whether it
    /// is one.
    fn notify_of_channel(
        &self,
        of: AccountId,
        channel: &Name,
        notify: Notify,
    ) -> Result<bool, StoreError>;

    /// What others have written in each of these channels after a message, and how much of it speaks
    /// to the account. Mentions are looked for in a limited number of messages.
    fn unread(
        &self,
        of: (AccountId, &Name),
        channels: &[(Name, MessageId)],
    ) -> Result<Vec<Unread>, StoreError>;

    /// At most `limit` of the accounts to which a channel belongs, in the order of their names, after
    /// this one.
    fn channel_accounts(
        &self,
        channel: &Name,
        after: Option<&Name>,
        limit: usize,
    ) -> Result<Vec<(AccountId, Name)>, StoreError>;

    /// As [`Store::create_account`], and uses the invitation whose secret has this hash. `None` if
    /// there is none that is valid and has a use left. It is not used up if a field is taken.
    fn create_invited(
        &self,
        _account: &NewAccount,
        _secret_hash: &str,
    ) -> Result<Option<Account>, StoreError> {
        Ok(None)
    }

    /// Stores an invitation to register. Returns whether there was room.
    fn add_invitation(&self, _invitation: &AccountInvitation) -> Result<bool, StoreError> {
        Ok(false)
    }

    /// The invitations to register that are not over, the oldest first.
    fn invitations(&self, _now_ms: u64) -> Result<Vec<AccountInvitation>, StoreError> {
        Ok(Vec::new())
    }

    /// Removes an invitation to register. Returns whether there was one.
    fn remove_invitation(&self, _id: &str) -> Result<bool, StoreError> {
        Ok(false)
    }

    /// Creates an account that programs speak as, unless a unique field is taken.
    fn create_bot(&self, _account: &NewAccount) -> Result<Account, StoreError> {
        Err(StoreError::Database(NO_PROGRAMS.to_owned()))
    }

    /// At most so many of the accounts that programs speak as, the newest first.
    fn bots(&self, _most: usize) -> Result<Vec<AccountId>, StoreError> {
        Ok(Vec::new())
    }

    /// Whether programs speak as an account.
    fn is_bot(&self, _account: AccountId) -> Result<bool, StoreError> {
        Ok(false)
    }

    /// Stores the token or the hook of a program. Returns whether there was room.
    fn add_program(&self, _token: &ProgramToken) -> Result<bool, StoreError> {
        Ok(false)
    }

    /// The tokens and hooks of programs, the oldest first.
    fn programs(&self) -> Result<Vec<ProgramToken>, StoreError> {
        Ok(Vec::new())
    }

    /// The token or the hook of which the secret has this hash, valid or not.
    fn program(&self, _secret_hash: &str) -> Result<Option<ProgramToken>, StoreError> {
        Ok(None)
    }

    /// Removes a token or a hook, and returns it.
    fn remove_program(&self, _id: &str) -> Result<Option<ProgramToken>, StoreError> {
        Ok(None)
    }

    /// Stores the hook of a channel, with its program; an outgoing one sends what is said after a
    /// message. Returns whether there was room.
    fn add_hook(&self, _hook: &Hook, _after: MessageId) -> Result<bool, StoreError> {
        Ok(false)
    }

    /// The hooks of a channel, or of all, the oldest first.
    fn hooks(&self, _channel: Option<&Name>) -> Result<Vec<Hook>, StoreError> {
        Ok(Vec::new())
    }

    /// The hook with this id.
    fn hook(&self, _id: &str) -> Result<Option<Hook>, StoreError> {
        Ok(None)
    }

    /// What a call of a program has published lately, which is remembered with the message
    /// ([`Record::Keyed`]).
    fn call_seen(&self, _once: &Once, _now_ms: u64) -> Result<Option<Seen>, StoreError> {
        Ok(None)
    }

    /// Remembers for a while that a call of a program has published a message that is not stored.
    fn note_call(&self, _once: &Once, _message: MessageId, _now_ms: u64) -> Result<(), StoreError> {
        Ok(())
    }

    /// Takes the outgoing hooks that no other server has, until a time, and keeps those that this
    /// one has; of those that are not paused, what is to be done. If there are no others, all are
    /// this one's. Times are now and the end, in milliseconds since 1970 UTC.
    fn claim_hooks(
        &self,
        _holder: &str,
        _times: (u64, u64),
        _has_others: bool,
    ) -> Result<Vec<Duty>, StoreError> {
        Ok(Vec::new())
    }

    /// How the outgoing hooks do that a server has.
    fn hooks_held(&self, _holder: &str) -> Result<Held, StoreError> {
        Ok(Held::default())
    }

    /// Leaves the outgoing hooks that a server has to others.
    fn release_hooks(&self, _holder: &str) -> Result<(), StoreError> {
        Ok(())
    }

    /// Puts messages into the queue of a hook, unless it was fed with them before. Returns how many
    /// wait.
    fn feed_hook(&self, _feed: &Feed<'_>) -> Result<u64, StoreError> {
        Ok(0)
    }

    /// At most `limit` deliveries of a hook, oldest first: those that wait, or those that have failed
    /// for good.
    fn deliveries(
        &self,
        _id: &str,
        _failed: bool,
        _limit: i64,
    ) -> Result<Vec<Delivery>, StoreError> {
        Ok(Vec::new())
    }

    /// Notes what came of a delivery.
    fn settle_delivery(
        &self,
        _id: &str,
        _message: MessageId,
        _settled: &Settled,
    ) -> Result<(), StoreError> {
        Ok(())
    }

    /// Notes what came of the last attempt to reach the address of a hook.
    fn note_attempt(&self, _id: &str, _attempt: &Attempt) -> Result<(), StoreError> {
        Ok(())
    }

    /// Pauses an outgoing hook. Returns whether it was not paused.
    fn pause_hook(&self, _id: &str, _why: &str, _now_ms: u64) -> Result<bool, StoreError> {
        Ok(false)
    }

    /// Has an outgoing hook go on if it is paused, and has what has failed for good sent again.
    /// Returns whether there is such a hook.
    fn resend(&self, _id: &str) -> Result<bool, StoreError> {
        Ok(false)
    }

    /// How an outgoing hook does.
    fn hook_condition(&self, _id: &str) -> Result<Option<Condition>, StoreError> {
        Ok(None)
    }

    /// Notes that a token or a hook was used.
    fn note_program_used(&self, _id: &str, _at_ms: u64) -> Result<(), StoreError> {
        Ok(())
    }

    /// Stores a token.
    fn add_token(&self, token: &Token) -> Result<(), StoreError>;

    /// Finds a token, valid or not.
    fn token(&self, access_key_id: &str) -> Result<Option<Token>, StoreError>;

    /// Replaces the token that has this refresh token with `new`, for the same account. `None` if
    /// there is no such token, or if it was exchanged or revoked before or has expired at `now_ms`.
    fn exchange_token(
        &self,
        refresh_token: &Secret,
        new: &Token,
        now_ms: u64,
    ) -> Result<Option<Token>, StoreError>;

    /// Revokes a token. Returns whether it was active.
    fn deactivate_token(&self, access_key_id: &str, now_ms: u64) -> Result<bool, StoreError>;

    /// Reports whether the server with this number has its log, and returns whether another server
    /// on the same store has its own. A report counts only for as long as it is repeated. A store
    /// of one server knows of no other.
    fn others_have_log(&self, _own: i32, _has_log: bool) -> Result<bool, StoreError> {
        Ok(false)
    }

    /// Names the timeline of the database, if it can have several. A new one begins when a standby
    /// takes over, which may lack the latest commits.
    fn timeline(&self) -> Result<Option<String>, StoreError> {
        Ok(None)
    }

    /// Fails if nothing can be committed at the moment.
    fn check_writable(&self) -> Result<(), StoreError>;

    /// Does a slice of background work (indexes messages for search, removes what is too old).
    /// Returns whether there is more to do.
    fn tend(&self, now_ms: u64) -> Result<bool, StoreError>;

    /// Leaves the database tidy and releases it, so that other processes can open it. Every later
    /// call fails.
    fn close(&self) -> Result<(), StoreError>;
}
