//! The store in a PostgreSQL database, which several servers may share.
//!
//! One connection of each server appends, behind a lock; others, each with a thread of its own, do
//! the rest. A server assumes nothing about what others do at the same time: the database decides
//! what must not happen twice. Every wait is bounded, by time limits on each connection and, for a
//! database that does not even answer, by the thread that waits for the connection's thread. Only
//! `append` waits for as long as the connection lives, because its messages may have been
//! committed.

mod accounts;
mod amendments;
mod append;
mod calls;
mod channels;
mod company;
mod connect;
mod conversations;
mod erasing;
mod health;
mod history;
mod hooks;
mod import;
mod invitations;
mod keeping;
mod lanes;
mod lookalikes;
mod outgoing;
mod programs;
mod reactions;
mod renewal;
mod saved;
pub(super) mod schema;
mod search;
mod sign_ins;
mod standing;
mod upkeep;

use std::sync::Arc;
use std::time::Duration;

use diesel::connection::SimpleConnection;
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::result::{DatabaseErrorKind, Error};
use parking_lot::{Mutex, RwLock};

use super::matches::{Allowed, Matches};
use super::{Appended, DatabaseUrl, Feed, OpenError, Retention, SEARCH_TIME, Store, StoreError};
use crate::model::governance::{ChannelChange, Rules};
use crate::model::hook::Duty;
use crate::model::outgoing::{Attempt, Condition, Delivery, Held, Settled};
use crate::model::{
    Account, AccountId, AccountInvitation, Conversation, Erasing, History, Hook, Keeping,
    KnownAddress, ListedAccount, Located, MAX_ROWS, MessageId, Name, NewAccount, Notify, Once,
    Profile, ProgramToken, Record, SavedChannel, Search, Secret, Seen, ServerRole, SignIn,
    ThreadSummary, Token, Unread, Who, Window, Written, key,
};
pub(super) use append::Row;
use append::{Memory, Order};
use company::Company;
use connect::Unfinished;
pub(super) use import::Import;
use lanes::Lanes;
use upkeep::Upkeep;

/// How the database is reached and kept.
#[derive(Clone, Debug)]
pub struct PostgresSettings {
    /// Where it is. Parameters in the URL override what is set here.
    pub url: DatabaseUrl,
    /// Connections besides the one that appends.
    pub connections: u32,
    /// How long to wait for a connection to become free before it is
    /// [`StoreError::Busy`].
    pub wait: Duration,
    /// How long connecting may take.
    pub connect_timeout: Duration,
    /// How long the database's machine may leave data unacknowledged.
    pub network_timeout: Duration,
    /// How long one statement may run.
    pub statement_timeout: Duration,
    /// How long to wait for the answer to a short question, before it is [`StoreError::Silent`], or
    /// [`StoreError::Slow`] if the database answers others. The database gets less time for each
    /// statement, so that it is the first to give up.
    pub answer_timeout: Duration,
    /// How long a search may run; its answer is what it has found by then.
    pub search_time: Duration,
    /// Which messages are removed, and when.
    pub retention: Retention,
}

/// Messages and accounts in a PostgreSQL database.
pub struct PostgresStore {
    settings: PostgresSettings,
    /// `None` once closed.
    lanes: RwLock<Option<Lanes>>,
    writing: Arc<Mutex<Writing>>,
    upkeep: Arc<Mutex<Upkeep>>,
    company: Mutex<Company>,
}

/// The error text of a store that is closed.
const CLOSED: &str = "it is closed";

/// The appending side.
struct Writing {
    /// `None` until the next use opens one.
    connection: Option<PgConnection>,
    memory: Memory,
    closed: bool,
}

impl PostgresSettings {
    /// The default settings for a database.
    pub fn new(url: DatabaseUrl) -> PostgresSettings {
        PostgresSettings {
            url,
            connections: 8,
            wait: Duration::from_secs(2),
            connect_timeout: Duration::from_secs(3),
            network_timeout: Duration::from_secs(10),
            statement_timeout: Duration::from_secs(10),
            answer_timeout: Duration::from_secs(4),
            search_time: SEARCH_TIME,
            retention: Retention::default(),
        }
    }
}

impl PostgresStore {
    /// Connects to the database, and creates its tables if it has none. A database of a newer
    /// version is not changed.
    pub fn open(settings: PostgresSettings) -> Result<PostgresStore, OpenError> {
        let mut connection = connect::open(&settings, Unfinished::Refused)?;
        lookalikes::complete(&mut connection)
            .and_then(|_| lookalikes::report(&mut connection))
            .map_err(|error| {
                let why = connect::words(&error.to_string());
                OpenError::Migration(settings.url.to_string(), why)
            })?;
        let writing = Writing {
            connection: Some(connection),
            memory: Memory::default(),
            closed: false,
        };
        let lanes = Lanes::open(&settings)
            .map_err(|error| OpenError::Unreachable(settings.url.to_string(), error.to_string()))?;
        Ok(PostgresStore {
            lanes: RwLock::new(Some(lanes)),
            writing: Arc::new(Mutex::new(writing)),
            upkeep: Arc::default(),
            company: Mutex::default(),
            settings,
        })
    }

    /// Runs a short question in one transaction, on any connection.
    fn transaction<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut PgConnection) -> QueryResult<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let patience = self.settings.answer_timeout;
        self.lanes()?
            .ask(patience, move |lane| lane.transaction(work))
    }

    /// Runs a question that may take long, in one transaction, on any connection.
    fn long_transaction<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut PgConnection) -> QueryResult<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let limit = self.settings.statement_timeout.as_millis();
        self.lanes()?.ask(self.longest(), move |lane| {
            lane.transaction(|connection| {
                connection.batch_execute(&format!("SET LOCAL statement_timeout = {limit}"))?;
                work(connection)
            })
        })
    }

    fn lanes(&self) -> Result<Lanes, StoreError> {
        self.lanes.read().clone().ok_or_else(closed)
    }

    /// The time by which the database itself would have cancelled a statement.
    fn longest(&self) -> Duration {
        self.settings.statement_timeout + self.settings.answer_timeout
    }
}

/// Appends, once the append before this one is done.
fn write(
    writing: &Mutex<Writing>,
    settings: &PostgresSettings,
    records: &[Record],
    order: Order,
) -> Result<Vec<Appended>, StoreError> {
    let mut writing = writing
        .try_lock_for(settings.wait)
        .ok_or(StoreError::Busy)?;
    match writing.closed {
        true => Err(closed()),
        false => writing.append(settings, records, order),
    }
}

impl Writing {
    /// A standby may have taken over, with other conversation rows for what it lacks.
    fn connect(&mut self, settings: &PostgresSettings) -> Result<PgConnection, StoreError> {
        self.memory.forget_conversations();
        connect::connect(settings).map_err(|error| away(&error))
    }

    /// Appends. Replaces a dead connection once: the database may have been restarted since the
    /// last use.
    fn append(
        &mut self,
        settings: &PostgresSettings,
        records: &[Record],
        order: Order,
    ) -> Result<Vec<Appended>, StoreError> {
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => self.connect(settings)?,
        };
        let mut result = self.memory.append(&mut connection, records, order);
        if result.is_err() && is_dead(&mut connection) {
            connection = self.connect(settings)?;
            // What the dead connection has committed is not stored twice.
            result = self.memory.append(&mut connection, records, order);
        }
        match result {
            Ok(appended) => {
                self.connection = Some(connection);
                Ok(appended)
            }
            Err(error) if is_dead(&mut connection) => Err(cut_off(&error)),
            Err(error) => {
                self.connection = Some(connection);
                Err(translate(&error))
            }
        }
    }
}

fn is_dead(connection: &mut PgConnection) -> bool {
    diesel::sql_query("SELECT 1").execute(connection).is_err()
}

impl Store for PostgresStore {
    fn commit(&self, records: &[Record]) -> Result<Vec<Appended>, StoreError> {
        write(&self.writing, &self.settings, records, Order::Checked)
    }

    fn channels(
        &self,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<(Name, Rules)>, StoreError> {
        let after = after.map(str::to_owned);
        self.long_transaction(move |connection| {
            channels::after(connection, after.as_deref(), limit)
        })
    }

    fn merge(&self, records: &[Record]) -> Result<Vec<Appended>, StoreError> {
        // Repeating it does no harm.
        let (writing, settings) = (self.writing.clone(), self.settings.clone());
        let records = records.to_vec();
        self.lanes()?.ask(self.longest(), move |_| {
            write(&writing, &settings, &records, Order::Settled)
        })
    }

    fn last_message_id(&self) -> Result<MessageId, StoreError> {
        self.transaction(history::last_id).map(key::unpack)
    }

    fn changes(
        &self,
        channel: &Name,
        window: Window,
        limit: usize,
    ) -> Result<Vec<ChannelChange>, StoreError> {
        let channel = channel.clone();
        self.transaction(move |connection| channels::changes(connection, &channel, window, limit))
    }

    fn history(
        &self,
        conversation: &Conversation,
        window: Window,
        limit: usize,
    ) -> Result<History, StoreError> {
        let conversation = conversation.clone();
        self.transaction(move |connection| {
            history::history(connection, &conversation, window, limit)
        })
    }

    fn find_message(&self, id: MessageId) -> Result<Option<Located>, StoreError> {
        self.transaction(move |connection| amendments::find(connection, id))
    }

    fn inbox(
        &self,
        account: AccountId,
        page: u64,
        per_page: usize,
    ) -> Result<Vec<ThreadSummary>, StoreError> {
        let limit = self.settings.search_time.as_millis();
        self.long_transaction(move |connection| {
            connection.batch_execute(&format!("SET LOCAL statement_timeout = {limit}"))?;
            history::inbox(connection, account, page, per_page)
        })
    }

    fn mark_read(
        &self,
        account: AccountId,
        peer: AccountId,
        up_to: MessageId,
    ) -> Result<(), StoreError> {
        self.transaction(move |connection| history::mark_read(connection, account, peer, up_to))
    }

    fn search(&self, search: &Search) -> Result<Matches, StoreError> {
        let search = search.clone();
        let allowed = Allowed::from_now(self.settings.search_time);
        self.long_transaction(move |connection| search::search(connection, &search, allowed))
    }

    fn create_account(&self, account: &NewAccount) -> Result<Account, StoreError> {
        let account = account.clone();
        let made = self.transaction(move |connection| accounts::create(connection, &account))?;
        made.map_err(StoreError::Taken)
    }

    fn create_invited(
        &self,
        account: &NewAccount,
        secret_hash: &str,
    ) -> Result<Option<Account>, StoreError> {
        let (account, hash) = (account.clone(), secret_hash.to_owned());
        let made = self.transaction(move |connection| {
            invitations::create_invited(connection, &account, &hash)
        })?;
        made.transpose().map_err(StoreError::Taken)
    }

    fn add_invitation(&self, invitation: &AccountInvitation) -> Result<bool, StoreError> {
        let invitation = invitation.clone();
        self.transaction(move |connection| invitations::add(connection, &invitation))
    }

    fn invitations(&self, now_ms: u64) -> Result<Vec<AccountInvitation>, StoreError> {
        self.transaction(move |connection| invitations::all(connection, now_ms))
    }

    fn remove_invitation(&self, id: &str) -> Result<bool, StoreError> {
        if cannot_be_stored(id) {
            return Ok(false);
        }
        let id = id.to_owned();
        self.transaction(move |connection| invitations::remove(connection, &id))
    }

    fn create_bot(&self, account: &NewAccount) -> Result<Account, StoreError> {
        let account = account.clone();
        let made =
            self.transaction(move |connection| programs::create_bot(connection, &account))?;
        made.map_err(StoreError::Taken)
    }

    fn bots(&self, most: usize) -> Result<Vec<AccountId>, StoreError> {
        self.transaction(move |connection| programs::bots(connection, most))
    }

    fn is_bot(&self, account: AccountId) -> Result<bool, StoreError> {
        self.transaction(move |connection| programs::is_bot(connection, account))
    }

    fn add_program(&self, token: &ProgramToken) -> Result<bool, StoreError> {
        let token = token.clone();
        self.transaction(move |connection| programs::add(connection, &token))
    }

    fn programs(&self) -> Result<Vec<ProgramToken>, StoreError> {
        self.transaction(programs::all)
    }

    fn program(&self, secret_hash: &str) -> Result<Option<ProgramToken>, StoreError> {
        let hash = secret_hash.to_owned();
        self.transaction(move |connection| programs::find(connection, &hash))
    }

    fn remove_program(&self, id: &str) -> Result<Option<ProgramToken>, StoreError> {
        let id = id.to_owned();
        self.transaction(move |connection| hooks::remove(connection, &id))
    }

    fn add_hook(&self, hook: &Hook, after: MessageId) -> Result<bool, StoreError> {
        let hook = hook.clone();
        self.transaction(move |connection| hooks::add(connection, &hook, after))
    }

    fn claim_hooks(
        &self,
        holder: &str,
        times: (u64, u64),
        has_others: bool,
    ) -> Result<Vec<Duty>, StoreError> {
        let holder = holder.to_owned();
        self.transaction(move |connection| hooks::claim(connection, &holder, times, has_others))
    }

    fn hooks_held(&self, holder: &str) -> Result<Held, StoreError> {
        let holder = holder.to_owned();
        self.transaction(move |connection| outgoing::held(connection, &holder))
    }

    fn release_hooks(&self, holder: &str) -> Result<(), StoreError> {
        let holder = holder.to_owned();
        self.transaction(move |connection| outgoing::release(connection, &holder))
    }

    fn feed_hook(&self, feed: &Feed<'_>) -> Result<u64, StoreError> {
        let (hook, messages, fed_to) = (feed.hook.to_owned(), feed.messages.to_vec(), feed.fed_to);
        self.transaction(move |connection| {
            let feed = Feed {
                hook: &hook,
                messages: &messages,
                fed_to,
            };
            outgoing::feed(connection, &feed)
        })
    }

    fn deliveries(&self, id: &str, failed: bool, limit: i64) -> Result<Vec<Delivery>, StoreError> {
        let id = id.to_owned();
        self.transaction(move |connection| outgoing::list(connection, &id, failed, limit))
    }

    fn settle_delivery(
        &self,
        id: &str,
        message: MessageId,
        settled: &Settled,
    ) -> Result<(), StoreError> {
        let (id, settled) = (id.to_owned(), settled.clone());
        self.transaction(move |connection| outgoing::settle(connection, &id, message, &settled))
    }

    fn note_attempt(&self, id: &str, attempt: &Attempt) -> Result<(), StoreError> {
        let (id, attempt) = (id.to_owned(), attempt.clone());
        self.transaction(move |connection| outgoing::note_last(connection, &id, &attempt))
    }

    fn pause_hook(&self, id: &str, why: &str, now_ms: u64) -> Result<bool, StoreError> {
        let (id, why) = (id.to_owned(), why.to_owned());
        self.transaction(move |connection| outgoing::pause(connection, &id, &why, now_ms))
    }

    fn resend(&self, id: &str) -> Result<bool, StoreError> {
        let id = id.to_owned();
        self.transaction(move |connection| outgoing::resend(connection, &id))
    }

    fn hook_condition(&self, id: &str) -> Result<Option<Condition>, StoreError> {
        let id = id.to_owned();
        self.transaction(move |connection| outgoing::condition(connection, &id))
    }

    fn hooks(&self, channel: Option<&Name>) -> Result<Vec<Hook>, StoreError> {
        let channel = channel.cloned();
        self.transaction(move |connection| hooks::all(connection, channel.as_ref()))
    }

    fn hook(&self, id: &str) -> Result<Option<Hook>, StoreError> {
        let id = id.to_owned();
        self.transaction(move |connection| hooks::find(connection, &id))
    }

    fn call_seen(&self, once: &Once, now_ms: u64) -> Result<Option<Seen>, StoreError> {
        let once = once.clone();
        self.transaction(move |connection| calls::seen(connection, &once, now_ms))
    }

    fn note_call(&self, once: &Once, message: MessageId, now_ms: u64) -> Result<(), StoreError> {
        let once = once.clone();
        self.transaction(move |connection| calls::note(connection, &once, message, now_ms))
    }

    fn note_program_used(&self, id: &str, at_ms: u64) -> Result<(), StoreError> {
        let id = id.to_owned();
        self.transaction(move |connection| programs::note_used(connection, &id, at_ms))
    }

    fn account(&self, who: &Who) -> Result<Option<Account>, StoreError> {
        let who = who.clone();
        self.transaction(move |connection| accounts::find(connection, &who))
    }

    fn rehash_password(
        &self,
        account: AccountId,
        from: &Secret,
        to: &Secret,
    ) -> Result<(), StoreError> {
        let (from, to) = (from.clone(), to.clone());
        self.transaction(move |connection| {
            accounts::rehash_password(connection, account, (&from, &to))
        })
    }

    fn change_password(
        &self,
        account: AccountId,
        hash: &Secret,
        now_ms: u64,
    ) -> Result<(), StoreError> {
        let hash = hash.clone();
        self.transaction(move |connection| {
            accounts::change_password(connection, account, &hash, now_ms)
        })?
        .ok_or(StoreError::NoSuchAccount)
    }

    fn change_own_password(
        &self,
        account: AccountId,
        changes: u64,
        hash: &Secret,
        now_ms: u64,
    ) -> Result<bool, StoreError> {
        let hash = hash.clone();
        self.transaction(move |connection| {
            accounts::change_own_password(connection, (account, changes), &hash, now_ms)
        })
    }

    fn set_profile(&self, account: AccountId, profile: &Profile) -> Result<(), StoreError> {
        let profile = profile.clone();
        self.transaction(move |connection| accounts::set_profile(connection, account, &profile))?
            .ok_or(StoreError::NoSuchAccount)
    }

    fn accounts(
        &self,
        prefix: &str,
        after: &str,
        limit: usize,
    ) -> Result<Vec<ListedAccount>, StoreError> {
        if cannot_be_stored(prefix) || cannot_be_stored(after) {
            return Ok(Vec::new());
        }
        let limit = limit.min(MAX_ROWS) as i64;
        let (prefix, after) = (prefix.to_owned(), after.to_owned());
        self.transaction(move |connection| standing::list(connection, &prefix, &after, limit))
    }

    fn note_seen(&self, account: AccountId, at_ms: u64) -> Result<(), StoreError> {
        self.transaction(move |connection| standing::note_seen(connection, account, at_ms))
    }

    fn disable_account(&self, account: AccountId, now_ms: u64) -> Result<(), StoreError> {
        self.transaction(move |connection| standing::disable(connection, account, now_ms))?
            .ok_or(StoreError::NoSuchAccount)
    }

    fn enable_account(&self, account: AccountId) -> Result<(), StoreError> {
        self.transaction(move |connection| standing::enable(connection, account))?
            .ok_or(StoreError::NoSuchAccount)
    }

    fn set_role(&self, account: AccountId, role: Option<ServerRole>) -> Result<(), StoreError> {
        self.transaction(move |connection| standing::set_role(connection, account, role))?
            .ok_or(StoreError::NoSuchAccount)
    }

    fn create_remote(&self, account: &NewAccount, user: &str) -> Result<Account, StoreError> {
        let (account, user) = (account.clone(), user.to_owned());
        let made = self
            .transaction(move |connection| accounts::create_remote(connection, &account, &user))?;
        made.map_err(StoreError::Taken)
    }

    fn link_remote(&self, account: AccountId, user: Option<&str>) -> Result<bool, StoreError> {
        let user = user.map(str::to_owned);
        self.transaction(move |connection| {
            accounts::link_remote(connection, account, user.as_deref())
        })?
        .ok_or(StoreError::NoSuchAccount)
    }

    fn has_administrator(&self) -> Result<bool, StoreError> {
        self.transaction(standing::has_administrator)
    }

    fn delete_account(&self, account: AccountId, now_ms: u64) -> Result<(), StoreError> {
        self.transaction(move |connection| standing::delete(connection, account, now_ms))?
            .ok_or(StoreError::NoSuchAccount)
    }

    fn keeping(&self, channel: &Name) -> Result<Keeping, StoreError> {
        let channel = channel.clone();
        self.transaction(move |connection| keeping::of(connection, &channel))
    }

    fn set_keeping(&self, of: &Keeping) -> Result<(), StoreError> {
        let of = of.clone();
        self.transaction(move |connection| keeping::set(connection, &of))
    }

    fn order_erasing(
        &self,
        account: AccountId,
        since: MessageId,
        now_ms: u64,
    ) -> Result<(), StoreError> {
        self.transaction(move |connection| erasing::begin(connection, account, since, now_ms))
    }

    fn claim_erasing(&self, now_ms: u64, stale_ms: u64) -> Result<Option<Erasing>, StoreError> {
        self.transaction(move |connection| erasing::claim(connection, now_ms, stale_ms))
    }

    fn note_erasing(&self, order: &Erasing, now_ms: u64) -> Result<(), StoreError> {
        let order = order.clone();
        self.transaction(move |connection| erasing::note(connection, &order, now_ms))
    }

    fn erasing(&self, account: AccountId) -> Result<Option<Erasing>, StoreError> {
        self.transaction(move |connection| erasing::find(connection, account))
    }

    fn written_by(
        &self,
        account: AccountId,
        (after, since): (MessageId, MessageId),
        rows: usize,
    ) -> Result<Written, StoreError> {
        let rows = rows.try_into().unwrap_or(i64::MAX);
        self.long_transaction(move |connection| {
            erasing::written_by(connection, account, (after, since), rows)
        })
    }

    fn offer_reset(
        &self,
        account: AccountId,
        secret_hash: &str,
        expires_at: u64,
    ) -> Result<(), StoreError> {
        let hash = secret_hash.to_owned();
        self.transaction(move |connection| {
            standing::offer_reset(connection, account, &hash, expires_at)
        })?
        .ok_or(StoreError::NoSuchAccount)
    }

    fn reset_of(&self, secret_hash: &str, now_ms: u64) -> Result<Option<AccountId>, StoreError> {
        let hash = secret_hash.to_owned();
        self.transaction(move |connection| standing::reset_of(connection, &hash, now_ms))
    }

    fn use_reset(
        &self,
        secret_hash: &str,
        password_hash: &Secret,
        now_ms: u64,
    ) -> Result<Option<AccountId>, StoreError> {
        let (hash, password) = (secret_hash.to_owned(), password_hash.clone());
        self.transaction(move |connection| {
            standing::use_reset(connection, &hash, &password, now_ms)
        })
    }

    fn add_known_address(
        &self,
        account: AccountId,
        address: &str,
        at_ms: u64,
    ) -> Result<(), StoreError> {
        let address = address.to_owned();
        self.transaction(move |connection| {
            accounts::add_known_address(connection, account, &address, at_ms)
        })
    }

    fn known_addresses(&self, since_ms: u64) -> Result<Vec<KnownAddress>, StoreError> {
        self.transaction(move |connection| accounts::known_addresses(connection, since_ms))
    }

    fn note_sign_in(&self, sign_in: &SignIn) -> Result<(), StoreError> {
        let sign_in = sign_in.clone();
        self.transaction(move |connection| sign_ins::note(connection, &sign_in))
    }

    fn sign_in_used_at(&self, id: &str) -> Result<Option<u64>, StoreError> {
        let id = id.to_owned();
        self.transaction(move |connection| sign_ins::used_at(connection, &id))
    }

    fn sign_ins(&self, account: AccountId, now_ms: u64) -> Result<Vec<SignIn>, StoreError> {
        self.transaction(move |connection| sign_ins::of(connection, account, now_ms))
    }

    fn end_sign_ins(&self, account: AccountId, now_ms: u64) -> Result<(), StoreError> {
        self.transaction(move |connection| sign_ins::end_all(connection, account, now_ms))?
            .ok_or(StoreError::NoSuchAccount)
    }

    fn end_pass(&self, pass: &str, expires_at: u64) -> Result<(), StoreError> {
        let pass = pass.to_owned();
        self.transaction(move |connection| accounts::end_pass(connection, &pass, expires_at))
    }

    fn is_pass_ended(&self, pass: &str) -> Result<bool, StoreError> {
        if cannot_be_stored(pass) {
            return Ok(false);
        }
        let pass = pass.to_owned();
        self.transaction(move |connection| accounts::is_pass_ended(connection, &pass))
    }

    fn set_ignored(
        &self,
        account: AccountId,
        nickname: &Name,
        ignored: bool,
    ) -> Result<(), StoreError> {
        let nickname = nickname.clone();
        self.transaction(move |connection| {
            accounts::set_ignored(connection, account, &nickname, ignored)
        })?
        .ok_or(StoreError::NoSuchAccount)
    }

    fn saved_channels(&self, of: AccountId) -> Result<Vec<SavedChannel>, StoreError> {
        self.transaction(move |connection| saved::of(connection, of))
    }

    fn save_channel(
        &self,
        of: AccountId,
        channel: &Name,
        read_up_to: MessageId,
    ) -> Result<bool, StoreError> {
        let channel = channel.clone();
        self.transaction(move |connection| saved::save(connection, of, &channel, read_up_to))
    }

    fn forget_channel(&self, of: AccountId, channel: &Name) -> Result<(), StoreError> {
        let channel = channel.clone();
        self.transaction(move |connection| saved::forget(connection, of, &channel))
    }

    fn mark_channel_read(
        &self,
        of: AccountId,
        channel: &Name,
        up_to: MessageId,
    ) -> Result<bool, StoreError> {
        let channel = channel.clone();
        self.transaction(move |connection| saved::mark(connection, of, &channel, up_to))
    }

    fn mark_channels_read(&self, marks: &[(AccountId, Name, MessageId)]) -> Result<(), StoreError> {
        // Two servers that mark the same rows in different orders would wait for each other.
        let mut marks = marks.to_vec();
        marks.sort_by(|a, b| (a.0, a.1.key()).cmp(&(b.0, b.1.key())));
        self.transaction(move |connection| saved::mark_all(connection, &marks))
    }

    fn mute_channel(&self, of: AccountId, channel: &Name, muted: bool) -> Result<bool, StoreError> {
        let channel = channel.clone();
        self.transaction(move |connection| saved::mute(connection, of, &channel, muted))
    }

    fn notify_of_channel(
        &self,
        of: AccountId,
        channel: &Name,
        notify: Notify,
    ) -> Result<bool, StoreError> {
        let channel = channel.clone();
        self.transaction(move |connection| saved::notify(connection, of, &channel, notify))
    }

    fn unread(
        &self,
        of: (AccountId, &Name),
        channels: &[(Name, MessageId)],
    ) -> Result<Vec<Unread>, StoreError> {
        let (account, name) = (of.0, of.1.clone());
        let channels = channels.to_vec();
        self.long_transaction(move |connection| {
            saved::unread(connection, (account, &name), &channels)
        })
    }

    fn channel_accounts(
        &self,
        channel: &Name,
        after: Option<&Name>,
        limit: usize,
    ) -> Result<Vec<(AccountId, Name)>, StoreError> {
        let limit = limit.min(MAX_ROWS) as i64;
        let (channel, after) = (channel.clone(), after.map(|it| it.key().to_string()));
        self.transaction(move |connection| {
            saved::accounts(connection, &channel, after.as_deref(), limit)
        })
    }

    fn add_token(&self, token: &Token) -> Result<(), StoreError> {
        let token = token.clone();
        self.transaction(move |connection| accounts::add_token(connection, &token))?
            .ok_or(StoreError::NoSuchAccount)
    }

    fn token(&self, access_key_id: &str) -> Result<Option<Token>, StoreError> {
        if cannot_be_stored(access_key_id) {
            return Ok(None);
        }
        let access_key_id = access_key_id.to_owned();
        self.transaction(move |connection| accounts::token(connection, &access_key_id))
    }

    fn exchange_token(
        &self,
        refresh_token: &Secret,
        new: &Token,
        now_ms: u64,
    ) -> Result<Option<Token>, StoreError> {
        if cannot_be_stored(refresh_token.expose()) {
            return Ok(None);
        }
        let (refresh_token, new) = (refresh_token.clone(), new.clone());
        self.transaction(move |connection| {
            accounts::exchange_token(connection, &refresh_token, &new, now_ms)
        })
    }

    fn deactivate_token(&self, access_key_id: &str, now_ms: u64) -> Result<bool, StoreError> {
        if cannot_be_stored(access_key_id) {
            return Ok(false);
        }
        let access_key_id = access_key_id.to_owned();
        self.transaction(move |connection| {
            accounts::deactivate_token(connection, &access_key_id, now_ms)
        })
    }

    fn others_have_log(&self, own: i32, has_log: bool) -> Result<bool, StoreError> {
        self.company.lock().meet(&self.settings, own, has_log)
    }

    fn timeline(&self) -> Result<Option<String>, StoreError> {
        self.transaction(connect::timeline).map(Some)
    }

    fn check_writable(&self) -> Result<(), StoreError> {
        self.transaction(upkeep::touch)
    }

    fn tend(&self, now_ms: u64) -> Result<bool, StoreError> {
        let retention = self.settings.retention;
        // The lock may be held by a slice that the database has not answered yet.
        let is_due = |upkeep: &Upkeep| upkeep.is_due(now_ms);
        if !self.upkeep.try_lock().is_some_and(|upkeep| is_due(&upkeep)) {
            return Ok(false);
        }
        let upkeep = self.upkeep.clone();
        self.long_transaction(move |connection| upkeep.lock().tend(connection, retention, now_ms))
    }

    fn close(&self) -> Result<(), StoreError> {
        *self.lanes.write() = None;
        let mut writing = self
            .writing
            .try_lock_for(self.settings.wait)
            .ok_or(StoreError::Busy)?;
        writing.closed = true;
        writing.connection = None;
        drop(writing);
        // A thread that still holds the lock ends with its own connection.
        if let Some(mut company) = self.company.try_lock() {
            *company = Company::default();
        }
        Ok(())
    }
}

fn closed() -> StoreError {
    StoreError::Database(CLOSED.to_owned())
}

/// The database refused the connection.
fn away(error: &ConnectionError) -> StoreError {
    StoreError::Away(connect::words(&error.to_string()))
}

/// An operation failed, and its connection with it.
fn cut_off(error: &Error) -> StoreError {
    match translate(error) {
        StoreError::Database(words) => StoreError::Away(words),
        other => other,
    }
}

/// PostgreSQL cannot hold this character, so no row contains it.
fn cannot_be_stored(text: &str) -> bool {
    text.contains('\0')
}

/// Sorts PostgreSQL's errors by what can be done about them.
fn translate(error: &Error) -> StoreError {
    let words = match error {
        Error::DatabaseError(DatabaseErrorKind::UnableToSendCommand, _) => error.to_string(),
        Error::DatabaseError(_, information) => information.message().to_owned(),
        Error::DeserializationError(cause) => return StoreError::Damaged(cause.to_string()),
        other => other.to_string(),
    };
    let says = |what: &str| words.contains(what);
    if says("No space left on device") {
        StoreError::Full
    } else if says("due to statement timeout") || says("due to lock timeout") {
        StoreError::Slow
    } else {
        StoreError::Database(connect::words(&words))
    }
}
