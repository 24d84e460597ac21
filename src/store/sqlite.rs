//! The store in one SQLite file, which needs no set-up.
//!
//! One connection writes, behind a lock; a few others read, and thanks to
//! write-ahead logging neither waits for the other. All waiting is bounded.
//!
//! A query for at most one row uses `get_result`, not `first`: `first` adds a LIMIT, and SQLite
//! prepares a statement anew whenever the value of its LIMIT is bound.

mod accounts;
mod amended;
mod amendments;
mod append;
mod backup;
mod calls;
mod channels;
mod erasing;
#[cfg(feature = "cluster")]
mod export;
mod file;
mod history;
mod hooks;
mod insert;
mod inspect;
mod invitations;
mod keeping;
mod lock;
mod lookalikes;
mod open;
mod outgoing;
mod programs;
mod reactions;
mod readers;
mod saved;
mod schema;
mod search;
mod sign_ins;
mod standing;
mod traces;
mod upkeep;

use std::path::PathBuf;
use std::time::Duration;

use diesel::prelude::*;
use diesel::result::{DatabaseErrorKind, Error};
use parking_lot::Mutex;

use super::matches::{Allowed, Matches};
use super::{Appended, Feed, OpenError, Retention, SEARCH_TIME, Store, StoreError};
use crate::model::governance::{ChannelChange, Rules};
use crate::model::hook::Duty;
use crate::model::outgoing::{Attempt, Condition, Delivery, Held, Settled};
use crate::model::{
    Account, AccountId, AccountInvitation, Conversation, Erasing, History, Hook, Keeping,
    KnownAddress, ListedAccount, Located, MAX_ROWS, MessageId, Name, NewAccount, Notify, Once,
    Profile, ProgramToken, Record, SavedChannel, Search, Secret, Seen, ServerRole, SignIn,
    ThreadSummary, Token, Unread, Who, Window, Written, key,
};
use append::Tails;
pub use backup::{BackupContents, BackupError, BackupStep, backup};
#[cfg(feature = "cluster")]
pub(super) use export::Export;
use lock::LockedFile;
use readers::Readers;
use upkeep::Upkeep;

/// How the database is kept.
#[derive(Clone, Debug)]
pub struct SqliteSettings {
    /// The file; SQLite keeps two more beside it, ending in `-wal` and `-shm`.
    pub path: PathBuf,
    /// What a commit survives.
    pub durability: Durability,
    /// The number of connections that read.
    pub readers: usize,
    /// How long to wait for a connection, or for another process's lock on the file, before it is
    /// [`StoreError::Busy`].
    pub wait: Duration,
    /// How large the file may become; 0 is as large as the disk allows.
    pub max_bytes: u64,
    /// How long a search may run; its answer is what it has found by then.
    pub search_time: Duration,
    /// Which messages are removed, and when.
    pub retention: Retention,
}

/// What a commit survives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// The end of the process, however sudden.
    Process,
    /// Also a crash of the operating system, and loss of power.
    Power,
}

/// Messages and accounts in one SQLite file.
pub struct SqliteStore {
    settings: SqliteSettings,
    readers: Readers,
    writing: Mutex<Writing>,
    /// Keeps other servers out; `None` once the store is closed. Dropped last, because closing the
    /// file releases the locks that SQLite holds on it.
    lock: Mutex<Option<LockedFile>>,
}

/// The error text of a store that is closed.
const CLOSED: &str = "it is closed";

/// The writing side.
struct Writing {
    /// `None` after a failure: the next use opens a new one, so that nothing of the failed
    /// transaction remains.
    connection: Option<SqliteConnection>,
    tails: Tails,
    upkeep: Upkeep,
    max_bytes: u64,
    closed: bool,
}

impl SqliteSettings {
    /// The default settings for a database in this file.
    pub fn new(path: impl Into<PathBuf>) -> SqliteSettings {
        SqliteSettings {
            path: path.into(),
            durability: Durability::Power,
            // One for each thread that may read at the same time: two for clients' questions, two
            // for account look-ups, the hub's own, and those behind REST.
            readers: 10,
            wait: Duration::from_secs(2),
            max_bytes: 0,
            search_time: SEARCH_TIME,
            retention: Retention::default(),
        }
    }
}

impl SqliteStore {
    /// Opens the database, or creates one. A database that is damaged, foreign or of a newer
    /// version is not changed.
    pub fn open(settings: SqliteSettings) -> Result<SqliteStore, OpenError> {
        let (lock, mut connection) = open::open(&settings)?;
        let damaged = |error: Error| OpenError::Damaged(settings.path.clone(), cause(&error));
        let last_id = upkeep::last_id(&mut connection).map_err(damaged)?;
        let writing = Writing {
            connection: Some(connection),
            tails: Tails::new(last_id),
            upkeep: Upkeep::default(),
            max_bytes: settings.max_bytes,
            closed: false,
        };
        Ok(SqliteStore {
            readers: Readers::new(&settings),
            writing: Mutex::new(writing),
            settings,
            lock: Mutex::new(Some(lock)),
        })
    }

    /// Changes the limit on the size of the file.
    pub fn set_max_bytes(&self, max_bytes: u64) {
        let mut writing = self.writing.lock();
        writing.max_bytes = max_bytes;
        // The next connection is opened with the new limit.
        writing.connection = None;
    }

    /// Reads, all from one snapshot of the database.
    fn read<T>(
        &self,
        query: impl FnOnce(&mut SqliteConnection) -> QueryResult<T>,
    ) -> Result<T, StoreError> {
        self.readers.read(query)
    }

    /// Empties the write-ahead log, if deleted texts are to be cleaned out of it. Returns whether it
    /// did. As long as a connection reads an older state that cannot be done, and is tried again the
    /// next time.
    fn empty_log_if_due(&self) -> Result<bool, StoreError> {
        let mut writing = self
            .writing
            .try_lock_for(self.settings.wait)
            .ok_or(StoreError::Busy)?;
        let writing = &mut *writing;
        let Some(connection) = writing.connection.as_mut() else {
            return Ok(false);
        };
        if !writing.upkeep.wants_empty_log() {
            return Ok(false);
        }
        let is_empty =
            open::empty_log(connection, self.settings.wait).map_err(|error| translate(&error))?;
        if is_empty {
            writing.upkeep.log_is_empty();
        }
        Ok(is_empty)
    }

    /// Writes in one transaction.
    fn write<T>(
        &self,
        change: impl FnOnce(&mut SqliteConnection, &mut Tails, &mut Upkeep) -> QueryResult<T>,
    ) -> Result<T, StoreError> {
        let mut writing = self
            .writing
            .try_lock_for(self.settings.wait)
            .ok_or(StoreError::Busy)?;
        let writing = &mut *writing;
        if writing.closed {
            return Err(StoreError::Database(CLOSED.to_owned()));
        }
        let mut connection = match writing.connection.take() {
            Some(connection) => connection,
            None => open::writer(&self.settings, writing.max_bytes)
                .map_err(|error| StoreError::Database(error.to_string()))?,
        };
        let last_id = writing.tails.last_id();
        let mut cause = None;
        let result = connection.immediate_transaction(|connection| {
            change(connection, &mut writing.tails, &mut writing.upkeep)
                .inspect_err(|error| cause = Some(translate(error)))
        });
        match result {
            Ok(value) => {
                writing.connection = Some(connection);
                Ok(value)
            }
            Err(error) => {
                writing.tails = Tails::new(last_id);
                writing.upkeep.begin_cleaning_anew();
                // The rollback may fail too, but that is not the cause.
                Err(cause.unwrap_or_else(|| translate(&error)))
            }
        }
    }
}

impl Store for SqliteStore {
    fn commit(&self, records: &[Record]) -> Result<Vec<Appended>, StoreError> {
        self.write(|connection, tails, _| tails.append(connection, records))
    }

    fn channels(
        &self,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<(Name, Rules)>, StoreError> {
        self.read(|connection| channels::after(connection, after, limit))
    }

    fn changes(
        &self,
        channel: &Name,
        window: Window,
        limit: usize,
    ) -> Result<Vec<ChannelChange>, StoreError> {
        self.read(|connection| channels::changes(connection, channel, window, limit))
    }

    fn last_message_id(&self) -> Result<MessageId, StoreError> {
        let writing = self.writing.try_lock_for(self.settings.wait);
        let writing = writing.ok_or(StoreError::Busy)?;
        Ok(key::unpack(writing.tails.last_id()))
    }

    fn history(
        &self,
        conversation: &Conversation,
        window: Window,
        limit: usize,
    ) -> Result<History, StoreError> {
        self.read(|connection| history::history(connection, conversation, window, limit))
    }

    fn find_message(&self, id: MessageId) -> Result<Option<Located>, StoreError> {
        self.read(|connection| amended::find(connection, id))
    }

    fn inbox(
        &self,
        account: AccountId,
        page: u64,
        per_page: usize,
    ) -> Result<Vec<ThreadSummary>, StoreError> {
        self.read(|connection| history::inbox(connection, account, page, per_page))
    }

    fn mark_read(
        &self,
        account: AccountId,
        peer: AccountId,
        up_to: MessageId,
    ) -> Result<(), StoreError> {
        self.write(|connection, _, _| history::mark_read(connection, account, peer, up_to))
    }

    fn search(&self, search: &Search) -> Result<Matches, StoreError> {
        let allowed = Allowed::from_now(self.settings.search_time);
        self.read(|connection| search::search(connection, search, allowed))
    }

    fn create_account(&self, account: &NewAccount) -> Result<Account, StoreError> {
        let made = self.write(|connection, _, _| accounts::create(connection, account))?;
        made.map_err(StoreError::Taken)
    }

    fn create_invited(
        &self,
        account: &NewAccount,
        secret_hash: &str,
    ) -> Result<Option<Account>, StoreError> {
        let made = self.write(|connection, _, _| {
            invitations::create_invited(connection, account, secret_hash)
        })?;
        made.transpose().map_err(StoreError::Taken)
    }

    fn add_invitation(&self, invitation: &AccountInvitation) -> Result<bool, StoreError> {
        self.write(|connection, _, _| invitations::add(connection, invitation))
    }

    fn invitations(&self, now_ms: u64) -> Result<Vec<AccountInvitation>, StoreError> {
        self.read(|connection| invitations::all(connection, now_ms))
    }

    fn remove_invitation(&self, id: &str) -> Result<bool, StoreError> {
        self.write(|connection, _, _| invitations::remove(connection, id))
    }

    fn create_bot(&self, account: &NewAccount) -> Result<Account, StoreError> {
        let made = self.write(|connection, _, _| programs::create_bot(connection, account))?;
        made.map_err(StoreError::Taken)
    }

    fn bots(&self, most: usize) -> Result<Vec<AccountId>, StoreError> {
        self.read(|connection| programs::bots(connection, most))
    }

    fn is_bot(&self, account: AccountId) -> Result<bool, StoreError> {
        self.read(|connection| programs::is_bot(connection, account))
    }

    fn add_program(&self, token: &ProgramToken) -> Result<bool, StoreError> {
        self.write(|connection, _, _| programs::add(connection, token))
    }

    fn programs(&self) -> Result<Vec<ProgramToken>, StoreError> {
        self.read(programs::all)
    }

    fn program(&self, secret_hash: &str) -> Result<Option<ProgramToken>, StoreError> {
        self.read(|connection| programs::find(connection, secret_hash))
    }

    fn remove_program(&self, id: &str) -> Result<Option<ProgramToken>, StoreError> {
        self.write(|connection, _, _| hooks::remove(connection, id))
    }

    fn add_hook(&self, hook: &Hook, after: MessageId) -> Result<bool, StoreError> {
        self.write(|connection, _, _| hooks::add(connection, hook, after))
    }

    fn claim_hooks(
        &self,
        holder: &str,
        times: (u64, u64),
        has_others: bool,
    ) -> Result<Vec<Duty>, StoreError> {
        self.write(|connection, _, _| hooks::claim(connection, holder, times, has_others))
    }

    fn hooks_held(&self, holder: &str) -> Result<Held, StoreError> {
        self.read(|connection| outgoing::held(connection, holder))
    }

    fn release_hooks(&self, holder: &str) -> Result<(), StoreError> {
        self.write(|connection, _, _| outgoing::release(connection, holder))
    }

    fn feed_hook(&self, feed: &Feed<'_>) -> Result<u64, StoreError> {
        self.write(|connection, _, _| outgoing::feed(connection, feed))
    }

    fn deliveries(&self, id: &str, failed: bool, limit: i64) -> Result<Vec<Delivery>, StoreError> {
        self.read(|connection| outgoing::list(connection, id, failed, limit))
    }

    fn settle_delivery(
        &self,
        id: &str,
        message: MessageId,
        settled: &Settled,
    ) -> Result<(), StoreError> {
        self.write(|connection, _, _| outgoing::settle(connection, id, message, settled))
    }

    fn note_attempt(&self, id: &str, attempt: &Attempt) -> Result<(), StoreError> {
        self.write(|connection, _, _| outgoing::note_last(connection, id, attempt))
    }

    fn pause_hook(&self, id: &str, why: &str, now_ms: u64) -> Result<bool, StoreError> {
        self.write(|connection, _, _| outgoing::pause(connection, id, why, now_ms))
    }

    fn resend(&self, id: &str) -> Result<bool, StoreError> {
        self.write(|connection, _, _| outgoing::resend(connection, id))
    }

    fn hook_condition(&self, id: &str) -> Result<Option<Condition>, StoreError> {
        self.read(|connection| outgoing::condition(connection, id))
    }

    fn hooks(&self, channel: Option<&Name>) -> Result<Vec<Hook>, StoreError> {
        self.read(|connection| hooks::all(connection, channel))
    }

    fn hook(&self, id: &str) -> Result<Option<Hook>, StoreError> {
        self.read(|connection| hooks::find(connection, id))
    }

    fn call_seen(&self, once: &Once, now_ms: u64) -> Result<Option<Seen>, StoreError> {
        self.read(|connection| calls::seen(connection, once, now_ms))
    }

    fn note_call(&self, once: &Once, message: MessageId, now_ms: u64) -> Result<(), StoreError> {
        self.write(|connection, _, _| calls::note(connection, once, message, now_ms))
    }

    fn note_program_used(&self, id: &str, at_ms: u64) -> Result<(), StoreError> {
        self.write(|connection, _, _| programs::note_used(connection, id, at_ms))
    }

    fn account(&self, who: &Who) -> Result<Option<Account>, StoreError> {
        self.read(|connection| accounts::find(connection, who))
    }

    fn rehash_password(
        &self,
        account: AccountId,
        from: &Secret,
        to: &Secret,
    ) -> Result<(), StoreError> {
        self.write(|connection, _, _| accounts::rehash_password(connection, account, (from, to)))
    }

    fn change_password(
        &self,
        account: AccountId,
        hash: &Secret,
        now_ms: u64,
    ) -> Result<(), StoreError> {
        self.write(|connection, _, _| accounts::change_password(connection, account, hash, now_ms))?
            .ok_or(StoreError::NoSuchAccount)
    }

    fn change_own_password(
        &self,
        account: AccountId,
        changes: u64,
        hash: &Secret,
        now_ms: u64,
    ) -> Result<bool, StoreError> {
        self.write(|connection, _, _| {
            accounts::change_own_password(connection, (account, changes), hash, now_ms)
        })
    }

    fn set_profile(&self, account: AccountId, profile: &Profile) -> Result<(), StoreError> {
        self.write(|connection, _, _| accounts::set_profile(connection, account, profile))?
            .ok_or(StoreError::NoSuchAccount)
    }

    fn accounts(
        &self,
        prefix: &str,
        after: &str,
        limit: usize,
    ) -> Result<Vec<ListedAccount>, StoreError> {
        let limit = limit.min(MAX_ROWS) as i64;
        self.read(|connection| standing::list(connection, prefix, after, limit))
    }

    fn note_seen(&self, account: AccountId, at_ms: u64) -> Result<(), StoreError> {
        self.write(|connection, _, _| standing::note_seen(connection, account, at_ms))
    }

    fn disable_account(&self, account: AccountId, now_ms: u64) -> Result<(), StoreError> {
        self.write(|connection, _, _| standing::disable(connection, account, now_ms))?
            .ok_or(StoreError::NoSuchAccount)
    }

    fn enable_account(&self, account: AccountId) -> Result<(), StoreError> {
        self.write(|connection, _, _| standing::enable(connection, account))?
            .ok_or(StoreError::NoSuchAccount)
    }

    fn set_role(&self, account: AccountId, role: Option<ServerRole>) -> Result<(), StoreError> {
        self.write(|connection, _, _| standing::set_role(connection, account, role))?
            .ok_or(StoreError::NoSuchAccount)
    }

    fn create_remote(&self, account: &NewAccount, user: &str) -> Result<Account, StoreError> {
        let made =
            self.write(|connection, _, _| accounts::create_remote(connection, account, user))?;
        made.map_err(StoreError::Taken)
    }

    fn link_remote(&self, account: AccountId, user: Option<&str>) -> Result<bool, StoreError> {
        self.write(|connection, _, _| accounts::link_remote(connection, account, user))?
            .ok_or(StoreError::NoSuchAccount)
    }

    fn has_administrator(&self) -> Result<bool, StoreError> {
        self.read(standing::has_administrator)
    }

    fn delete_account(&self, account: AccountId, now_ms: u64) -> Result<(), StoreError> {
        self.write(|connection, _, _| standing::delete(connection, account, now_ms))?
            .ok_or(StoreError::NoSuchAccount)
    }

    fn keeping(&self, channel: &Name) -> Result<Keeping, StoreError> {
        self.read(|connection| keeping::of(connection, channel))
    }

    fn set_keeping(&self, of: &Keeping) -> Result<(), StoreError> {
        self.write(|connection, _, _| keeping::set(connection, of))
    }

    fn order_erasing(
        &self,
        account: AccountId,
        since: MessageId,
        now_ms: u64,
    ) -> Result<(), StoreError> {
        self.write(|connection, _, _| erasing::begin(connection, account, since, now_ms))
    }

    fn claim_erasing(&self, now_ms: u64, stale_ms: u64) -> Result<Option<Erasing>, StoreError> {
        self.write(|connection, _, _| erasing::claim(connection, now_ms, stale_ms))
    }

    fn note_erasing(&self, order: &Erasing, now_ms: u64) -> Result<(), StoreError> {
        self.write(|connection, _, _| erasing::note(connection, order, now_ms))
    }

    fn erasing(&self, account: AccountId) -> Result<Option<Erasing>, StoreError> {
        self.read(|connection| erasing::find(connection, account))
    }

    fn written_by(
        &self,
        account: AccountId,
        (after, since): (MessageId, MessageId),
        rows: usize,
    ) -> Result<Written, StoreError> {
        let rows = rows.try_into().unwrap_or(i64::MAX);
        self.read(|connection| erasing::written_by(connection, account, (after, since), rows))
    }

    fn offer_reset(
        &self,
        account: AccountId,
        secret_hash: &str,
        expires_at: u64,
    ) -> Result<(), StoreError> {
        self.write(|connection, _, _| {
            standing::offer_reset(connection, account, secret_hash, expires_at)
        })?
        .ok_or(StoreError::NoSuchAccount)
    }

    fn reset_of(&self, secret_hash: &str, now_ms: u64) -> Result<Option<AccountId>, StoreError> {
        self.read(|connection| standing::reset_of(connection, secret_hash, now_ms))
    }

    fn use_reset(
        &self,
        secret_hash: &str,
        password_hash: &Secret,
        now_ms: u64,
    ) -> Result<Option<AccountId>, StoreError> {
        self.write(|connection, _, _| {
            standing::use_reset(connection, secret_hash, password_hash, now_ms)
        })
    }

    fn add_known_address(
        &self,
        account: AccountId,
        address: &str,
        at_ms: u64,
    ) -> Result<(), StoreError> {
        self.write(|connection, _, _| {
            accounts::add_known_address(connection, account, address, at_ms)
        })
    }

    fn known_addresses(&self, since_ms: u64) -> Result<Vec<KnownAddress>, StoreError> {
        self.write(|connection, _, _| accounts::known_addresses(connection, since_ms))
    }

    fn note_sign_in(&self, sign_in: &SignIn) -> Result<(), StoreError> {
        self.write(|connection, _, _| sign_ins::note(connection, sign_in))
    }

    fn sign_in_used_at(&self, id: &str) -> Result<Option<u64>, StoreError> {
        self.read(|connection| sign_ins::used_at(connection, id))
    }

    fn sign_ins(&self, account: AccountId, now_ms: u64) -> Result<Vec<SignIn>, StoreError> {
        self.read(|connection| sign_ins::of(connection, account, now_ms))
    }

    fn end_sign_ins(&self, account: AccountId, now_ms: u64) -> Result<(), StoreError> {
        self.write(|connection, _, _| sign_ins::end_all(connection, account, now_ms))?
            .ok_or(StoreError::NoSuchAccount)
    }

    fn end_pass(&self, pass: &str, expires_at: u64) -> Result<(), StoreError> {
        self.write(|connection, _, _| accounts::end_pass(connection, pass, expires_at))
    }

    fn is_pass_ended(&self, pass: &str) -> Result<bool, StoreError> {
        self.read(|connection| accounts::is_pass_ended(connection, pass))
    }

    fn set_ignored(
        &self,
        account: AccountId,
        nickname: &Name,
        ignored: bool,
    ) -> Result<(), StoreError> {
        self.write(|connection, _, _| {
            accounts::set_ignored(connection, account, nickname, ignored)
        })?
        .ok_or(StoreError::NoSuchAccount)
    }

    fn saved_channels(&self, of: AccountId) -> Result<Vec<SavedChannel>, StoreError> {
        self.read(|connection| saved::of(connection, of))
    }

    fn save_channel(
        &self,
        of: AccountId,
        channel: &Name,
        read_up_to: MessageId,
    ) -> Result<bool, StoreError> {
        self.write(|connection, _, _| saved::save(connection, of, channel, read_up_to))
    }

    fn forget_channel(&self, of: AccountId, channel: &Name) -> Result<(), StoreError> {
        self.write(|connection, _, _| saved::forget(connection, of, channel))
    }

    fn mark_channel_read(
        &self,
        of: AccountId,
        channel: &Name,
        up_to: MessageId,
    ) -> Result<bool, StoreError> {
        self.write(|connection, _, _| saved::mark(connection, of, channel, up_to))
    }

    fn mark_channels_read(&self, marks: &[(AccountId, Name, MessageId)]) -> Result<(), StoreError> {
        self.write(|connection, _, _| saved::mark_all(connection, marks))
    }

    fn mute_channel(&self, of: AccountId, channel: &Name, muted: bool) -> Result<bool, StoreError> {
        self.write(|connection, _, _| saved::mute(connection, of, channel, muted))
    }

    fn notify_of_channel(
        &self,
        of: AccountId,
        channel: &Name,
        notify: Notify,
    ) -> Result<bool, StoreError> {
        self.write(|connection, _, _| saved::notify(connection, of, channel, notify))
    }

    fn unread(
        &self,
        of: (AccountId, &Name),
        channels: &[(Name, MessageId)],
    ) -> Result<Vec<Unread>, StoreError> {
        self.read(|connection| saved::unread(connection, of, channels))
    }

    fn channel_accounts(
        &self,
        channel: &Name,
        after: Option<&Name>,
        limit: usize,
    ) -> Result<Vec<(AccountId, Name)>, StoreError> {
        let limit = limit.min(MAX_ROWS) as i64;
        let after = after.map(|it| &**it.key());
        self.read(|connection| saved::accounts(connection, channel, after, limit))
    }

    fn add_token(&self, token: &Token) -> Result<(), StoreError> {
        self.write(|connection, _, _| accounts::add_token(connection, token))?
            .ok_or(StoreError::NoSuchAccount)
    }

    fn token(&self, access_key_id: &str) -> Result<Option<Token>, StoreError> {
        self.read(|connection| accounts::token(connection, access_key_id))
    }

    fn exchange_token(
        &self,
        refresh_token: &Secret,
        new: &Token,
        now_ms: u64,
    ) -> Result<Option<Token>, StoreError> {
        self.write(|connection, _, _| {
            accounts::exchange_token(connection, refresh_token, new, now_ms)
        })
    }

    fn deactivate_token(&self, access_key_id: &str, now_ms: u64) -> Result<bool, StoreError> {
        self.write(|connection, _, _| accounts::deactivate_token(connection, access_key_id, now_ms))
    }

    fn check_writable(&self) -> Result<(), StoreError> {
        self.write(|connection, _, _| upkeep::touch(connection))
    }

    fn tend(&self, now_ms: u64) -> Result<bool, StoreError> {
        let retention = self.settings.retention;
        let more = self
            .write(|connection, tails, upkeep| upkeep.tend(connection, tails, retention, now_ms))?;
        Ok(self.empty_log_if_due()? || more)
    }

    fn close(&self) -> Result<(), StoreError> {
        let mut writing = self.writing.lock();
        writing.closed = true;
        let tidied = match writing.connection.take() {
            Some(mut connection) => open::checkpoint(&mut connection),
            None => Ok(()),
        };
        self.readers.close()?;
        *self.lock.lock() = None;
        tidied.map_err(|error| translate(&error))
    }
}

/// The cause of a failure to open, without advice: the caller that cannot open the database adds
/// its own.
fn cause(error: &Error) -> String {
    match translate(error) {
        StoreError::Damaged(what) | StoreError::Database(what) => what,
        other => other.to_string(),
    }
}

/// Sorts SQLite's errors by what can be done about them.
fn translate(error: &Error) -> StoreError {
    let words = match error {
        Error::DatabaseError(DatabaseErrorKind::UnableToSendCommand, _) => error.to_string(),
        Error::DatabaseError(_, information) => information.message().to_owned(),
        Error::DeserializationError(cause) => return StoreError::Damaged(cause.to_string()),
        other => other.to_string(),
    };
    match words.as_str() {
        "database or disk is full" => StoreError::Full,
        "database is locked" | "database table is locked" => StoreError::Busy,
        "database disk image is malformed" | "file is not a database" => StoreError::Damaged(words),
        _ => StoreError::Database(words),
    }
}
