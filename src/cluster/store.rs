//! The store of a server that is one of several: PostgreSQL, together with what is only in the log
//! yet. A client that has seen a message finds it here.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::common::Common;
use super::entry;
use super::error::LinkError;
use super::keys::{EntryId, MAX_SHARDS, shard_of};
use super::link::{Link, answer};
use super::merge::{Rows, add_reacted, amend, merge};
use super::stream::entries;
use super::unstored::{self, PAGE, Unstored, message_changes_from, unstored_from};
use crate::model::governance::{ChannelChange, Rules};
use crate::model::hook::Duty;
use crate::model::outgoing::{Attempt, Condition, Delivery, Held, Settled};
use crate::model::{
    Account, AccountId, AccountInvitation, Conversation, Erasing, History, Hook, Keeping,
    ListedAccount, Located, MAX_ROWS, Message, MessageId, Name, NewAccount, Notify, Once, Place,
    Profile, ProgramToken, Record, SavedChannel, Search, SearchScope, Secret, Seen, ServerRole,
    SignIn, ThreadSummary, Token, Unread, Who, Window, Written,
};
use crate::store::{Appended, Feed, MAX_AMENDED, Matches, Store, StoreError};

/// Idle connections kept for the next questions.
const IDLE_LINKS: usize = 4;
/// Entries read for one answer; with more, the store is too far behind.
const MOST_ENTRIES: usize = 200_000;
/// How long to wait until the store has what was written before the question.
const CATCH_UP: Duration = Duration::from_millis(500);
/// How often to check whether it has.
const LOOK_EVERY: Duration = Duration::from_millis(5);
/// Attempts when the log is trimmed while it is read.
pub const ATTEMPTS: usize = 4;

/// See the module's documentation.
pub struct ClusterStore {
    common: Arc<Common>,
    postgres: Arc<dyn Store>,
    links: Mutex<Vec<Link>>,
}

impl ClusterStore {
    pub fn new(common: Arc<Common>, postgres: Arc<dyn Store>) -> ClusterStore {
        ClusterStore {
            common,
            postgres,
            links: Mutex::default(),
        }
    }

    /// Runs a closure with a connection of its own.
    pub fn with<T>(
        &self,
        work: impl FnOnce(&mut Link) -> Result<T, LinkError>,
    ) -> Result<T, StoreError> {
        let idle = self.links.lock().pop();
        let mut link = idle.unwrap_or_else(|| self.common.link());
        let result = work(&mut link);
        let mut links = self.links.lock();
        if result.is_ok() && links.len() < IDLE_LINKS {
            links.push(link);
        }
        result.map_err(|error| match error {
            LinkError::Refused(why) => StoreError::Database(format!("Redis: {why}")),
            error => StoreError::Away(format!("Redis: {error}")),
        })
    }

    /// The store that all servers share.
    pub fn postgres(&self) -> &dyn Store {
        &*self.postgres
    }

    /// The key of a shard's stream.
    pub fn log_key(&self, shard: u32) -> String {
        self.common.key(&format!("log:{shard}"))
    }

    fn shard(&self, conversation: &Conversation) -> u32 {
        shard_of(conversation, self.common.settings.shards)
    }

    /// Finds the part of a shard that may not be in the store.
    pub fn unstored(&self, link: &mut Link, shard: u32) -> Result<Unstored, LinkError> {
        unstored_from(link, &self.common, shard)
    }

    /// The highest id that can exist in a conversation whose log has given out `newest` last.
    /// PostgreSQL counts, too: Redis may have lost what it knew.
    fn known_to(
        &self,
        conversation: &Conversation,
        window: Window,
        newest: MessageId,
    ) -> Result<Option<MessageId>, StoreError> {
        match window {
            Window::After(after) if after > newest => {
                let latest = self.postgres.history(conversation, Window::Latest, 1)?;
                let stored = latest.messages.last().map(|message| message.id);
                Ok(Some(newest.max(stored.unwrap_or_default())))
            }
            _ => Ok(Some(newest)),
        }
    }

    /// The entry of a shard before which entries may have been removed.
    pub fn removed(&self, link: &mut Link, shard: u32) -> Result<Option<EntryId>, LinkError> {
        let mut command = redis::cmd("HGET");
        command.arg(self.common.key("trimmed")).arg(shard);
        let last = link.call(&command)?;
        Ok(answer::text(last).and_then(|id| id.parse().ok()))
    }

    /// Reads a conversation from the log, beginning at an entry.
    fn rows(
        &self,
        link: &mut Link,
        conversation: &Conversation,
        from: EntryId,
        window: Window,
        limit: usize,
    ) -> Result<Option<Rows>, LinkError> {
        let shard = self.shard(conversation);
        let (mut low, mut high) = (from, None);
        match window {
            Window::After(id) => low = low.max(EntryId::floor(id)),
            Window::Before(id) => high = Some(EntryId::floor(id)),
            Window::Latest | Window::Page(_) => {}
        }
        let is_after = matches!(window, Window::After(_));
        let mut start = format!("{low}");
        let mut end = high.map_or_else(|| "+".to_owned(), |id| id.to_string());
        let mut rows = Rows::default();
        let mut looked_at = 0;
        loop {
            let mut command = redis::cmd(if is_after { "XRANGE" } else { "XREVRANGE" });
            command.arg(self.common.key(&format!("log:{shard}")));
            let (first, second) = if is_after {
                (&start, &end)
            } else {
                (&end, &start)
            };
            command.arg(first).arg(second).arg("COUNT").arg(PAGE);
            let page = entries(link.call(&command)?);
            let is_last = page.len() < PAGE;
            looked_at += page.len();
            if let Some(last) = page.last() {
                let next = format!("({}", last.id);
                if is_after { start = next } else { end = next }
            }
            for entry in page {
                let id = entry.id.message(shard);
                let node = entry.node.unwrap_or(crate::hub::NodeId(0));
                let Ok(entry) = entry::decode(node, id, &entry.bytes) else {
                    continue;
                };
                if entry.conversation() == *conversation
                    && is_within(id, window)
                    && let Some(message) = entry.record.into_message()
                {
                    rows.messages.push(placed(message, conversation));
                }
            }
            rows.more = rows.messages.len() > limit;
            if is_last || rows.more {
                break;
            }
            if looked_at >= MOST_ENTRIES {
                return Ok(None);
            }
        }
        rows.messages.truncate(limit);
        if !is_after {
            rows.messages.reverse();
        }
        Ok(Some(rows))
    }

    /// Merges what PostgreSQL and the log have.
    fn merged(
        &self,
        conversation: &Conversation,
        window: Window,
        limit: usize,
    ) -> Result<History, StoreError> {
        let shard = self.shard(conversation);
        for _ in 0..ATTEMPTS {
            let Unstored { from, newest } = self.with(|link| self.unstored(link, shard))?;
            let newest = newest.message(shard);
            let stored = self.known_to(conversation, window, newest);
            let stored = stored.and_then(|newest| {
                let stored = self.postgres.history(conversation, window, limit)?;
                Ok((stored, newest))
            });
            let (stored, newest) = match stored {
                Ok(stored) => stored,
                Err(error) => {
                    let alone = self.read_log_alone(conversation, window, limit, error)?;
                    let newest = Some(newest);
                    return Ok(History { newest, ..alone });
                }
            };
            let (rows, changes, removed) = self.with(|link| {
                let rows = self.rows(link, conversation, from, window, limit)?;
                let log = self.log_key(shard);
                let changes = message_changes_from(link, &log, shard, from, conversation)?;
                Ok((rows, changes, self.removed(link, shard)?))
            })?;
            // Entries that were not stored when we asked, and were removed before we read them.
            if removed.is_some_and(|removed| removed >= from) {
                continue;
            }
            let rows = rows.ok_or(StoreError::Busy)?;
            let mut merged = merge(stored, rows, window, limit);
            let unnamed = amend(&mut merged, changes, window);
            self.name_reacted(&mut merged, unnamed)?;
            return Ok(History { newest, ..merged });
        }
        Err(StoreError::Busy)
    }

    /// While PostgreSQL is away: what the log still has, if it is known what is missing.
    fn read_log_alone(
        &self,
        conversation: &Conversation,
        window: Window,
        limit: usize,
        error: StoreError,
    ) -> Result<History, StoreError> {
        let shard = self.shard(conversation);
        let (rows, changes, removed) = self.with(|link| {
            let from = EntryId::default();
            let rows = self.rows(link, conversation, from, window, limit)?;
            let log = self.log_key(shard);
            let changes = message_changes_from(link, &log, shard, from, conversation)?;
            Ok((rows, changes, self.removed(link, shard)?))
        })?;
        let Some(rows) = rows else {
            return Err(error);
        };
        let more = match window {
            // There may have been others between this id and what is left.
            Window::After(id) if removed.is_some_and(|last| last >= EntryId::floor(id)) => {
                return Err(error);
            }
            Window::After(_) => rows.more,
            _ if rows.messages.is_empty() => return Err(error),
            // Anything older may be in PostgreSQL.
            _ => true,
        };
        let mut history = History {
            messages: rows.messages,
            more,
            ..History::default()
        };
        let unnamed = amend(&mut history, changes, window);
        // Nothing but PostgreSQL has the reactions to those from before.
        history.gap |= !unnamed.is_empty();
        Ok(history)
    }

    /// Adds messages to those that users have reacted to.
    fn name_reacted(
        &self,
        history: &mut History,
        messages: BTreeSet<MessageId>,
    ) -> Result<(), StoreError> {
        let room = MAX_AMENDED.saturating_sub(history.reacted.len());
        history.gap |= messages.len() > room;
        let mut found = Vec::new();
        for id in messages.into_iter().take(room) {
            found.extend(self.find_message(id)?.map(|found| found.message));
        }
        found.retain(|message| !message.body.is_deleted());
        add_reacted(history, found);
        Ok(())
    }

    /// Waits a little until PostgreSQL has everything written up to now, so that answers that
    /// cannot be merged are right. Returns whether it has.
    fn catch_up(&self, shards: impl Iterator<Item = u32>) -> bool {
        let deadline = Instant::now() + CATCH_UP;
        let caught_up = self.with(|link| {
            for shard in shards {
                let mut command = redis::cmd("XREVRANGE");
                command.arg(self.common.key(&format!("log:{shard}")));
                command.arg("+").arg("-").arg("COUNT").arg(1);
                let last = entries(link.call(&command)?).pop();
                let Some(last) = last else { continue };
                while self.unstored(link, shard)?.from <= last.id {
                    if Instant::now() >= deadline {
                        return Ok(false);
                    }
                    std::thread::sleep(LOOK_EVERY);
                }
            }
            Ok(true)
        });
        caught_up.unwrap_or_else(|error| {
            log::debug!("asking PostgreSQL without knowing whether it has everything: {error}");
            false
        })
    }

    /// A page counted from the end of what PostgreSQL and the log have.
    fn merged_page(
        &self,
        conversation: &Conversation,
        page: usize,
        limit: usize,
    ) -> Result<History, StoreError> {
        let mut history = self.merged(conversation, Window::Latest, page * limit)?;
        let newer = (page - 1) * limit;
        let end = history.messages.len().saturating_sub(newer);
        let start = end.saturating_sub(limit);
        history.messages.truncate(end);
        history.messages.drain(..start);
        history.more |= start > 0;
        Ok(history)
    }

    pub fn all_shards(&self) -> std::ops::Range<u32> {
        0..self.common.settings.shards
    }
}

fn is_within(id: MessageId, window: Window) -> bool {
    match window {
        Window::After(after) => id > after,
        Window::Before(before) => id < before,
        Window::Latest | Window::Page(_) => true,
    }
}

/// A message of the log.
fn located(entry: entry::LogEntry) -> Option<Located> {
    Some(Located {
        message: entry.record.into_message()?,
        to: entry.to,
        is_held: false,
    })
}

/// Gives a channel the name that the reader asked for, as the store does.
fn placed(mut message: Message, of: &Conversation) -> Message {
    if let (Place::Channel { channel, .. }, Conversation::Channel(name)) = (&mut message.place, of)
    {
        *channel = name.clone();
    }
    message
}

impl Store for ClusterStore {
    /// Messages are appended to the log, never here.
    fn commit(&self, _: &[Record]) -> Result<Vec<Appended>, StoreError> {
        let why = "messages of several servers are stored from their common log";
        Err(StoreError::Database(why.to_owned()))
    }

    fn channels(
        &self,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<(Name, Rules)>, StoreError> {
        self.postgres.channels(after, limit)
    }

    fn changes(
        &self,
        channel: &Name,
        window: Window,
        limit: usize,
    ) -> Result<Vec<ChannelChange>, StoreError> {
        self.postgres.changes(channel, window, limit)
    }

    fn last_message_id(&self) -> Result<MessageId, StoreError> {
        self.postgres.last_message_id()
    }

    fn history(
        &self,
        conversation: &Conversation,
        window: Window,
        limit: usize,
    ) -> Result<History, StoreError> {
        let limit = limit.min(MAX_ROWS);
        match window {
            Window::Page(0 | 1) => self.merged(conversation, Window::Latest, limit),
            // Counting needs all messages in one place. While PostgreSQL is behind, that can be
            // here, unless the page is far from the end.
            Window::Page(page) => {
                let has_all = self.catch_up(std::iter::once(self.shard(conversation)));
                match usize::try_from(page) {
                    Ok(page) if !has_all && page.saturating_mul(limit) <= MAX_ROWS => {
                        self.merged_page(conversation, page, limit)
                    }
                    _ => self.postgres.history(conversation, window, limit),
                }
            }
            _ => self.merged(conversation, window, limit),
        }
    }

    fn find_message(&self, id: MessageId) -> Result<Option<Located>, StoreError> {
        let shard = u32::try_from(id.sequence % u64::from(MAX_SHARDS)).unwrap_or(0);
        let log = self.log_key(shard);
        // Asked first: what is stored meanwhile is in what PostgreSQL says afterwards.
        let from = self.with(|link| Ok(self.unstored(link, shard)?.from))?;
        let stored = self.postgres.find_message(id)?;
        let found = match stored {
            Some(found) => Some(found),
            None => self
                .with(|link| unstored::message(link, &log, shard, id))?
                .and_then(located),
        };
        let Some(mut found) = found else {
            return Ok(None);
        };
        if let Place::Channel { channel, .. } = &found.message.place {
            found.is_held = self.postgres.keeping(channel)?.is_held;
        }
        let of = found.message.conversation();
        let changes = self.with(|link| message_changes_from(link, &log, shard, from, &of))?;
        changes.apply(&mut found.message);
        Ok(Some(found))
    }

    fn inbox(
        &self,
        account: AccountId,
        page: u64,
        per_page: usize,
    ) -> Result<Vec<ThreadSummary>, StoreError> {
        self.catch_up(self.all_shards());
        self.postgres.inbox(account, page, per_page)
    }

    fn mark_read(
        &self,
        account: AccountId,
        peer: AccountId,
        up_to: MessageId,
    ) -> Result<(), StoreError> {
        // Only a message that exists can be marked as read.
        let thread = Conversation::Thread(account, peer);
        self.catch_up(std::iter::once(self.shard(&thread)));
        self.postgres.mark_read(account, peer, up_to)
    }

    fn search(&self, search: &Search) -> Result<Matches, StoreError> {
        match &search.scope {
            SearchScope::Within(conversation) => {
                self.catch_up(std::iter::once(self.shard(conversation)));
            }
            SearchScope::ThreadsOf(_) | SearchScope::Everywhere => {
                self.catch_up(self.all_shards());
            }
        }
        self.postgres.search(search)
    }

    fn create_account(&self, account: &NewAccount) -> Result<Account, StoreError> {
        self.postgres.create_account(account)
    }

    fn create_invited(
        &self,
        account: &NewAccount,
        secret_hash: &str,
    ) -> Result<Option<Account>, StoreError> {
        self.postgres.create_invited(account, secret_hash)
    }

    fn add_invitation(&self, invitation: &AccountInvitation) -> Result<bool, StoreError> {
        self.postgres.add_invitation(invitation)
    }

    fn invitations(&self, now_ms: u64) -> Result<Vec<AccountInvitation>, StoreError> {
        self.postgres.invitations(now_ms)
    }

    fn remove_invitation(&self, id: &str) -> Result<bool, StoreError> {
        self.postgres.remove_invitation(id)
    }

    fn create_bot(&self, account: &NewAccount) -> Result<Account, StoreError> {
        self.postgres.create_bot(account)
    }

    fn bots(&self, most: usize) -> Result<Vec<AccountId>, StoreError> {
        self.postgres.bots(most)
    }

    fn is_bot(&self, account: AccountId) -> Result<bool, StoreError> {
        self.postgres.is_bot(account)
    }

    fn add_program(&self, token: &ProgramToken) -> Result<bool, StoreError> {
        self.postgres.add_program(token)
    }

    fn programs(&self) -> Result<Vec<ProgramToken>, StoreError> {
        self.postgres.programs()
    }

    fn program(&self, secret_hash: &str) -> Result<Option<ProgramToken>, StoreError> {
        self.postgres.program(secret_hash)
    }

    fn remove_program(&self, id: &str) -> Result<Option<ProgramToken>, StoreError> {
        self.postgres.remove_program(id)
    }

    fn add_hook(&self, hook: &Hook, after: MessageId) -> Result<bool, StoreError> {
        self.postgres.add_hook(hook, after)
    }

    fn claim_hooks(
        &self,
        holder: &str,
        times: (u64, u64),
        has_others: bool,
    ) -> Result<Vec<Duty>, StoreError> {
        self.postgres.claim_hooks(holder, times, has_others)
    }

    fn hooks_held(&self, holder: &str) -> Result<Held, StoreError> {
        self.postgres.hooks_held(holder)
    }

    fn release_hooks(&self, holder: &str) -> Result<(), StoreError> {
        self.postgres.release_hooks(holder)
    }

    fn feed_hook(&self, feed: &Feed<'_>) -> Result<u64, StoreError> {
        self.postgres.feed_hook(feed)
    }

    fn deliveries(&self, id: &str, failed: bool, limit: i64) -> Result<Vec<Delivery>, StoreError> {
        self.postgres.deliveries(id, failed, limit)
    }

    fn settle_delivery(
        &self,
        id: &str,
        message: MessageId,
        settled: &Settled,
    ) -> Result<(), StoreError> {
        self.postgres.settle_delivery(id, message, settled)
    }

    fn note_attempt(&self, id: &str, attempt: &Attempt) -> Result<(), StoreError> {
        self.postgres.note_attempt(id, attempt)
    }

    fn pause_hook(&self, id: &str, why: &str, now_ms: u64) -> Result<bool, StoreError> {
        self.postgres.pause_hook(id, why, now_ms)
    }

    fn resend(&self, id: &str) -> Result<bool, StoreError> {
        self.postgres.resend(id)
    }

    fn hook_condition(&self, id: &str) -> Result<Option<Condition>, StoreError> {
        self.postgres.hook_condition(id)
    }

    fn hooks(&self, channel: Option<&Name>) -> Result<Vec<Hook>, StoreError> {
        self.postgres.hooks(channel)
    }

    fn hook(&self, id: &str) -> Result<Option<Hook>, StoreError> {
        self.postgres.hook(id)
    }

    fn call_seen(&self, once: &Once, now_ms: u64) -> Result<Option<Seen>, StoreError> {
        self.postgres.call_seen(once, now_ms)
    }

    fn note_call(&self, once: &Once, message: MessageId, now_ms: u64) -> Result<(), StoreError> {
        self.postgres.note_call(once, message, now_ms)
    }

    fn note_program_used(&self, id: &str, at_ms: u64) -> Result<(), StoreError> {
        self.postgres.note_program_used(id, at_ms)
    }

    fn account(&self, who: &Who) -> Result<Option<Account>, StoreError> {
        self.postgres.account(who)
    }

    fn rehash_password(
        &self,
        account: AccountId,
        from: &Secret,
        to: &Secret,
    ) -> Result<(), StoreError> {
        self.postgres.rehash_password(account, from, to)
    }

    fn change_password(
        &self,
        account: AccountId,
        hash: &Secret,
        now_ms: u64,
    ) -> Result<(), StoreError> {
        self.postgres.change_password(account, hash, now_ms)
    }

    fn change_own_password(
        &self,
        account: AccountId,
        changes: u64,
        hash: &Secret,
        now_ms: u64,
    ) -> Result<bool, StoreError> {
        self.postgres
            .change_own_password(account, changes, hash, now_ms)
    }

    fn set_profile(&self, account: AccountId, profile: &Profile) -> Result<(), StoreError> {
        self.postgres.set_profile(account, profile)
    }

    fn accounts(
        &self,
        prefix: &str,
        after: &str,
        limit: usize,
    ) -> Result<Vec<ListedAccount>, StoreError> {
        self.postgres.accounts(prefix, after, limit)
    }

    fn note_seen(&self, account: AccountId, at_ms: u64) -> Result<(), StoreError> {
        self.postgres.note_seen(account, at_ms)
    }

    fn disable_account(&self, account: AccountId, now_ms: u64) -> Result<(), StoreError> {
        self.postgres.disable_account(account, now_ms)
    }

    fn enable_account(&self, account: AccountId) -> Result<(), StoreError> {
        self.postgres.enable_account(account)
    }

    fn set_role(&self, account: AccountId, role: Option<ServerRole>) -> Result<(), StoreError> {
        self.postgres.set_role(account, role)
    }

    fn create_remote(&self, account: &NewAccount, user: &str) -> Result<Account, StoreError> {
        self.postgres.create_remote(account, user)
    }

    fn link_remote(&self, account: AccountId, user: Option<&str>) -> Result<bool, StoreError> {
        self.postgres.link_remote(account, user)
    }

    fn has_administrator(&self) -> Result<bool, StoreError> {
        self.postgres.has_administrator()
    }

    fn delete_account(&self, account: AccountId, now_ms: u64) -> Result<(), StoreError> {
        self.postgres.delete_account(account, now_ms)
    }

    fn keeping(&self, channel: &Name) -> Result<Keeping, StoreError> {
        self.postgres.keeping(channel)
    }

    fn set_keeping(&self, of: &Keeping) -> Result<(), StoreError> {
        self.postgres.set_keeping(of)
    }

    fn order_erasing(
        &self,
        account: AccountId,
        since: MessageId,
        now_ms: u64,
    ) -> Result<(), StoreError> {
        self.postgres.order_erasing(account, since, now_ms)
    }

    fn claim_erasing(&self, now_ms: u64, stale_ms: u64) -> Result<Option<Erasing>, StoreError> {
        self.postgres.claim_erasing(now_ms, stale_ms)
    }

    fn note_erasing(&self, order: &Erasing, now_ms: u64) -> Result<(), StoreError> {
        self.postgres.note_erasing(order, now_ms)
    }

    fn erasing(&self, account: AccountId) -> Result<Option<Erasing>, StoreError> {
        self.postgres.erasing(account)
    }

    fn written_by(
        &self,
        account: AccountId,
        (after, since): (MessageId, MessageId),
        rows: usize,
    ) -> Result<Written, StoreError> {
        // What was said last may not be in PostgreSQL yet.
        if after == MessageId::default() && !self.catch_up(self.all_shards()) {
            return Err(StoreError::Busy);
        }
        self.postgres.written_by(account, (after, since), rows)
    }

    fn offer_reset(
        &self,
        account: AccountId,
        secret_hash: &str,
        expires_at: u64,
    ) -> Result<(), StoreError> {
        self.postgres.offer_reset(account, secret_hash, expires_at)
    }

    fn reset_of(&self, secret_hash: &str, now_ms: u64) -> Result<Option<AccountId>, StoreError> {
        self.postgres.reset_of(secret_hash, now_ms)
    }

    fn use_reset(
        &self,
        secret_hash: &str,
        password_hash: &Secret,
        now_ms: u64,
    ) -> Result<Option<AccountId>, StoreError> {
        self.postgres.use_reset(secret_hash, password_hash, now_ms)
    }

    fn note_sign_in(&self, sign_in: &SignIn) -> Result<(), StoreError> {
        self.postgres.note_sign_in(sign_in)
    }

    fn sign_in_used_at(&self, id: &str) -> Result<Option<u64>, StoreError> {
        self.postgres.sign_in_used_at(id)
    }

    fn sign_ins(&self, account: AccountId, now_ms: u64) -> Result<Vec<SignIn>, StoreError> {
        self.postgres.sign_ins(account, now_ms)
    }

    fn end_sign_ins(&self, account: AccountId, now_ms: u64) -> Result<(), StoreError> {
        self.postgres.end_sign_ins(account, now_ms)
    }

    fn end_pass(&self, pass: &str, expires_at: u64) -> Result<(), StoreError> {
        self.postgres.end_pass(pass, expires_at)
    }

    fn is_pass_ended(&self, pass: &str) -> Result<bool, StoreError> {
        self.postgres.is_pass_ended(pass)
    }

    fn set_ignored(
        &self,
        account: AccountId,
        nickname: &Name,
        ignored: bool,
    ) -> Result<(), StoreError> {
        self.postgres.set_ignored(account, nickname, ignored)
    }

    fn saved_channels(&self, of: AccountId) -> Result<Vec<SavedChannel>, StoreError> {
        self.postgres.saved_channels(of)
    }

    fn save_channel(
        &self,
        of: AccountId,
        channel: &Name,
        read_up_to: MessageId,
    ) -> Result<bool, StoreError> {
        self.postgres.save_channel(of, channel, read_up_to)
    }

    fn forget_channel(&self, of: AccountId, channel: &Name) -> Result<(), StoreError> {
        self.postgres.forget_channel(of, channel)
    }

    fn mark_channel_read(
        &self,
        of: AccountId,
        channel: &Name,
        up_to: MessageId,
    ) -> Result<bool, StoreError> {
        self.postgres.mark_channel_read(of, channel, up_to)
    }

    fn mark_channels_read(&self, marks: &[(AccountId, Name, MessageId)]) -> Result<(), StoreError> {
        self.postgres.mark_channels_read(marks)
    }

    fn mute_channel(&self, of: AccountId, channel: &Name, muted: bool) -> Result<bool, StoreError> {
        self.postgres.mute_channel(of, channel, muted)
    }

    fn notify_of_channel(
        &self,
        of: AccountId,
        channel: &Name,
        notify: Notify,
    ) -> Result<bool, StoreError> {
        self.postgres.notify_of_channel(of, channel, notify)
    }

    fn unread(
        &self,
        of: (AccountId, &Name),
        channels: &[(Name, MessageId)],
    ) -> Result<Vec<Unread>, StoreError> {
        self.postgres.unread(of, channels)
    }

    fn channel_accounts(
        &self,
        channel: &Name,
        after: Option<&Name>,
        limit: usize,
    ) -> Result<Vec<(AccountId, Name)>, StoreError> {
        self.postgres.channel_accounts(channel, after, limit)
    }

    fn add_token(&self, token: &Token) -> Result<(), StoreError> {
        self.postgres.add_token(token)
    }

    fn token(&self, access_key_id: &str) -> Result<Option<Token>, StoreError> {
        self.postgres.token(access_key_id)
    }

    fn exchange_token(
        &self,
        refresh_token: &Secret,
        new: &Token,
        now_ms: u64,
    ) -> Result<Option<Token>, StoreError> {
        self.postgres.exchange_token(refresh_token, new, now_ms)
    }

    fn deactivate_token(&self, access_key_id: &str, now_ms: u64) -> Result<bool, StoreError> {
        self.postgres.deactivate_token(access_key_id, now_ms)
    }

    fn check_writable(&self) -> Result<(), StoreError> {
        self.postgres.check_writable()
    }

    /// The storer thread does that.
    fn tend(&self, _: u64) -> Result<bool, StoreError> {
        Ok(false)
    }

    fn close(&self) -> Result<(), StoreError> {
        self.postgres.close()
    }
}
