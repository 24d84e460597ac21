//! Reads a whole database, a batch at a time, to copy it elsewhere.

use std::os::unix::fs::MetadataExt;
use std::path::Path;

use diesel::prelude::*;
use diesel::sql_types::BigInt;

use super::lock::LockedFile;
use super::schema::{channel, conversation, message};
use super::{SqliteSettings, open, translate};
use crate::store::accounts::{AccountCopy, IgnoredCopy, TokenRow};
use crate::store::erasing::ErasingRow;
use crate::store::hooks::HookRow;
use crate::store::invitations::InvitationRow;
use crate::store::keeping::KeepingRow;
use crate::store::migrate::{
    BATCH, CallCopy, ConversationCopy, Counts, EndedPassCopy, KnownCopy, MessageCopy, ReadMarkCopy,
    RemoteUserCopy, ResetCopy, RulesCopy,
};
use crate::store::outgoing::{DeliveryRow, OutRow};
use crate::store::programs::ProgramRow;
use crate::store::rules::EventRow;
use crate::store::saved::SavedRow;
use crate::store::schema::{
    account, account_channel, account_invitation, bot, call_seen, channel_event, delivery,
    ended_pass, erasing, hook, hook_out, ignored, keeping, known_address, password_reset,
    program_token, remote_user, sign_in, token,
};
use crate::store::sign_ins::SignInRow;
use crate::store::{OpenError, StoreError};

/// A database being read. Servers are kept out meanwhile.
pub struct Export {
    connection: SqliteConnection,
    /// Identifies the file, wherever it is moved.
    identity: u64,
    /// Dropped last, because closing the file releases the locks SQLite holds.
    _lock: LockedFile,
}

#[derive(QueryableByName)]
struct Number {
    #[diesel(sql_type = BigInt)]
    number: i64,
}

type Read<T> = Result<Vec<T>, StoreError>;

impl Export {
    /// Opens an existing database.
    pub fn open(path: &Path) -> Result<Export, OpenError> {
        let unreadable =
            |error: std::io::Error| OpenError::Unreadable(path.to_owned(), error.to_string());
        let identity = path.metadata().map_err(unreadable)?.ino();
        let (lock, connection) = open::open(&SqliteSettings::new(path))?;
        Ok(Export {
            connection,
            identity,
            _lock: lock,
        })
    }

    /// Tells the file from others that had its name before.
    pub fn identity(&self) -> u64 {
        self.identity
    }

    /// The number of rows in each table that is copied.
    pub fn counts(&mut self) -> Result<Counts, StoreError> {
        let mut count = |query: &str| -> Result<u64, StoreError> {
            let row: Number = diesel::sql_query(format!("SELECT count(*) AS number FROM {query}"))
                .get_result(&mut self.connection)
                .map_err(|error| translate(&error))?;
            Ok(row.number.max(0).cast_unsigned())
        };
        Counts::of(|table| match table {
            "read_mark" => count(&format!("({READ_MARKS}) WHERE up_to IS NOT NULL")),
            same => count(same),
        })
    }

    /// Accounts after this id.
    pub fn accounts(&mut self, after: i64) -> Read<AccountCopy> {
        account::table
            .filter(account::id.gt(after))
            .order(account::id)
            .limit(BATCH)
            .load(&mut self.connection)
            .map_err(|error| translate(&error))
    }

    /// Ignored nicknames after this account and key.
    pub fn ignored(&mut self, after: (i64, &str)) -> Read<IgnoredCopy> {
        let (account, key) = after;
        let same = ignored::account_id.eq(account);
        ignored::table
            .filter(
                ignored::account_id
                    .gt(account)
                    .or(same.and(ignored::nickname_key.gt(key))),
            )
            .order((ignored::account_id, ignored::nickname_key))
            .limit(BATCH)
            .load(&mut self.connection)
            .map_err(|error| translate(&error))
    }

    /// Tokens after this access key.
    pub fn tokens(&mut self, after: &str) -> Read<TokenRow> {
        token::table
            .filter(token::access_key_id.gt(after))
            .order(token::access_key_id)
            .limit(BATCH)
            .load(&mut self.connection)
            .map_err(|error| translate(&error))
    }

    /// Invitations after this id.
    pub fn invitations(&mut self, after: &str) -> Read<InvitationRow> {
        account_invitation::table
            .filter(account_invitation::id.gt(after))
            .order(account_invitation::id)
            .limit(BATCH)
            .load(&mut self.connection)
            .map_err(|error| translate(&error))
    }

    /// Sign-ins after this id.
    pub fn sign_ins(&mut self, after: &str) -> Read<SignInRow> {
        sign_in::table
            .filter(sign_in::id.gt(after))
            .order(sign_in::id)
            .limit(BATCH)
            .load(&mut self.connection)
            .map_err(|error| translate(&error))
    }

    /// Passes that have ended, after this one.
    pub fn ended_passes(&mut self, after: &str) -> Read<EndedPassCopy> {
        ended_pass::table
            .filter(ended_pass::pass.gt(after))
            .order(ended_pass::pass)
            .limit(BATCH)
            .load(&mut self.connection)
            .map_err(|error| translate(&error))
    }

    /// Links to reset the passwords of accounts after this one.
    pub fn resets(&mut self, after: i64) -> Read<ResetCopy> {
        password_reset::table
            .filter(password_reset::account_id.gt(after))
            .order(password_reset::account_id)
            .limit(BATCH)
            .load(&mut self.connection)
            .map_err(|error| translate(&error))
    }

    /// Addresses that accounts were logged in to from, after this account and address.
    pub fn known_addresses(&mut self, after: (i64, &str)) -> Read<KnownCopy> {
        let (account, address) = after;
        let same = known_address::account_id.eq(account);
        known_address::table
            .filter(
                known_address::account_id
                    .gt(account)
                    .or(same.and(known_address::address.gt(address))),
            )
            .order((known_address::account_id, known_address::address))
            .limit(BATCH)
            .load(&mut self.connection)
            .map_err(|error| translate(&error))
    }

    /// The users of proxies whose accounts come after this one.
    pub fn remote_users(&mut self, after: i64) -> Read<RemoteUserCopy> {
        remote_user::table
            .filter(remote_user::account_id.gt(after))
            .order(remote_user::account_id)
            .limit(BATCH)
            .load(&mut self.connection)
            .map_err(|error| translate(&error))
    }

    /// Accounts of bots after this one.
    pub fn bots(&mut self, after: i64) -> Read<i64> {
        bot::table
            .filter(bot::account_id.gt(after))
            .order(bot::account_id)
            .select(bot::account_id)
            .limit(BATCH)
            .load(&mut self.connection)
            .map_err(|error| translate(&error))
    }

    /// Tokens of programs after this id.
    pub fn programs(&mut self, after: &str) -> Read<ProgramRow> {
        program_token::table
            .filter(program_token::id.gt(after))
            .order(program_token::id)
            .limit(BATCH)
            .load(&mut self.connection)
            .map_err(|error| translate(&error))
    }

    /// Hooks of channels after this id.
    pub fn hooks(&mut self, after: &str) -> Read<HookRow> {
        hook::table
            .filter(hook::id.gt(after))
            .order(hook::id)
            .limit(BATCH)
            .load(&mut self.connection)
            .map_err(|error| translate(&error))
    }

    /// Calls of programs after this program and mark.
    pub fn calls(&mut self, after: (&str, &str)) -> Read<CallCopy> {
        let (program, mark) = after;
        let same = call_seen::program_id.eq(program);
        call_seen::table
            .filter(
                call_seen::program_id
                    .gt(program)
                    .or(same.and(call_seen::mark.gt(mark))),
            )
            .order((call_seen::program_id, call_seen::mark))
            .limit(BATCH)
            .load(&mut self.connection)
            .map_err(|error| translate(&error))
    }

    /// Where hooks after this id send.
    pub fn outgoing(&mut self, after: &str) -> Read<OutRow> {
        hook_out::table
            .filter(hook_out::id.gt(after))
            .order(hook_out::id)
            .limit(BATCH)
            .load(&mut self.connection)
            .map_err(|error| translate(&error))
    }

    /// Deliveries of hooks after this hook and message.
    pub fn deliveries(&mut self, after: (&str, i64)) -> Read<DeliveryRow> {
        let (hook, message) = after;
        let same = delivery::hook_id.eq(hook);
        delivery::table
            .filter(
                delivery::hook_id
                    .gt(hook)
                    .or(same.and(delivery::message_id.gt(message))),
            )
            .order((delivery::hook_id, delivery::message_id))
            .limit(BATCH)
            .load(&mut self.connection)
            .map_err(|error| translate(&error))
    }

    /// Conversations after this row.
    pub fn conversations(&mut self, after: i64) -> Read<ConversationCopy> {
        conversation::table
            .filter(conversation::id.gt(after))
            .order(conversation::id)
            .limit(BATCH)
            .select((
                conversation::id,
                conversation::channel,
                conversation::channel_key,
                conversation::low_account,
                conversation::high_account,
                conversation::removed_id,
            ))
            .load(&mut self.connection)
            .map_err(|error| translate(&error))
    }

    /// Messages after this id.
    pub fn messages(&mut self, after: i64) -> Read<MessageCopy> {
        message::table
            .inner_join(conversation::table)
            .filter(message::id.gt(after))
            .order(message::id)
            .limit(BATCH)
            .select((
                message::id,
                message::conversation_id,
                message::author,
                message::account_id,
                message::at_ms,
                message::text,
                message::kind,
                message::styled,
                message::changed,
                message::reply_to,
                message::reply_author,
                message::reactions,
                message::reacted,
                conversation::low_account,
                conversation::high_account,
            ))
            .load(&mut self.connection)
            .map_err(|error| translate(&error))
    }

    /// The rules of channels after this key.
    pub fn rules(&mut self, after: &str) -> Read<RulesCopy> {
        channel::table
            .filter(channel::channel_key.gt(after))
            .order(channel::channel_key)
            .limit(BATCH)
            .load(&mut self.connection)
            .map_err(|error| translate(&error))
    }

    /// Changes of rules after this id.
    pub fn changes(&mut self, after: i64) -> Read<EventRow> {
        channel_event::table
            .filter(channel_event::id.gt(after))
            .order(channel_event::id)
            .limit(BATCH)
            .load(&mut self.connection)
            .map_err(|error| translate(&error))
    }

    /// The channels of accounts after this account and key.
    pub fn saved_channels(&mut self, after: (i64, &str)) -> Read<SavedRow> {
        let (account, key) = after;
        let same = account_channel::account_id.eq(account);
        account_channel::table
            .filter(
                account_channel::account_id
                    .gt(account)
                    .or(same.and(account_channel::channel_key.gt(key))),
            )
            .order((account_channel::account_id, account_channel::channel_key))
            .limit(BATCH)
            .load(&mut self.connection)
            .map_err(|error| translate(&error))
    }

    /// What is laid down for channels after this key.
    pub fn keepings(&mut self, after: &str) -> Read<KeepingRow> {
        keeping::table
            .filter(keeping::channel_key.gt(after))
            .order(keeping::channel_key)
            .limit(BATCH)
            .load(&mut self.connection)
            .map_err(|error| translate(&error))
    }

    /// Orders to erase what accounts after this one have written.
    pub fn erasings(&mut self, after: i64) -> Read<ErasingRow> {
        erasing::table
            .filter(erasing::account_id.gt(after))
            .order(erasing::account_id)
            .limit(BATCH)
            .load(&mut self.connection)
            .map_err(|error| translate(&error))
    }

    /// How far threads have been read, after this account and peer.
    pub fn read_marks(&mut self, after: (i64, i64)) -> Read<ReadMarkCopy> {
        diesel::sql_query(format!(
            "{READ_MARKS} AND (account_id, peer_id) > (?, ?)
             ORDER BY account_id, peer_id LIMIT {BATCH}"
        ))
        .bind::<BigInt, _>(after.0)
        .bind::<BigInt, _>(after.1)
        .load(&mut self.connection)
        .map_err(|error| translate(&error))
    }
}

/// SQLite counts messages read; PostgreSQL stores a position: the newest message up to which the
/// account had received no more than it has read.
const READ_MARKS: &str = "\
    SELECT account_id, peer_id, conversation_id, (
        SELECT id FROM message
        WHERE conversation_id = participant.conversation_id
          AND CASE WHEN peer_id < participant.account_id
              THEN from_low ELSE number - from_low END <= received_read
        ORDER BY number DESC LIMIT 1
    ) AS up_to
    FROM participant WHERE account_id <> peer_id";
