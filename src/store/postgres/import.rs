//! Filling an empty database from another one.

use diesel::connection::SimpleConnection;
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Nullable};
use diesel::upsert::excluded;

use super::append::{Columns, Insert};
use super::connect::{self, Unfinished};
use super::schema::{channel, conversation, message, migrated, read_mark};
use super::{PostgresSettings, translate};
use crate::store::accounts::{AccountCopy, IgnoredCopy, TokenRow};
use crate::store::erasing::ErasingRow;
use crate::store::hooks::HookRow;
use crate::store::invitations::InvitationRow;
use crate::store::keeping::KeepingRow;
use crate::store::migrate::{
    CallCopy, ConversationCopy, Counts, EndedPassCopy, KnownCopy, MessageCopy, MigrateError,
    ReadMarkCopy, RemoteUserCopy, ResetCopy, RulesCopy,
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

/// The migration that fills the database holds this advisory lock: "Chat", then 3.
const IMPORT_LOCK: i64 = 0x4368_6174_0003;
/// How long to wait for the connection of a killed migration to end.
const LOCK_WAIT_MS: u32 = 10_000;

/// A database that is being filled.
pub struct Import {
    connection: PgConnection,
}

#[derive(QueryableByName)]
struct Number {
    #[diesel(sql_type = Nullable<BigInt>)]
    number: Option<i64>,
}

type Written = Result<(), StoreError>;

impl Import {
    /// Creates the tables, if there are none. Servers refuse to start with the database until the
    /// copy is finished.
    pub fn open(settings: &PostgresSettings) -> Result<Import, OpenError> {
        let mut connection = connect::open(settings, Unfinished::Accepted)?;
        let set_up = connection.batch_execute(&format!(
            "SET application_name = 'chat-server migrate';
             SET statement_timeout = 0;
             SET idle_in_transaction_session_timeout = 0;
             SET lock_timeout = {LOCK_WAIT_MS};
             SELECT pg_advisory_lock({IMPORT_LOCK});
             SET lock_timeout = 0;"
        ));
        match set_up {
            Ok(()) => Ok(Import { connection }),
            Err(error) => {
                let why = format!("another migration may be filling it: {}", translate(&error));
                Err(OpenError::Unsuitable(settings.url.to_string(), why))
            }
        }
    }

    /// Begins with an empty database, or continues an interrupted copy of the same source.
    pub fn begin(&mut self, source: &str) -> Result<(), MigrateError> {
        if self.number(SERVERS)? > 0 {
            return Err(MigrateError::InUse);
        }
        let begun: Option<(String, bool)> = migrated::table
            .first(&mut self.connection)
            .optional()
            .map_err(|error| translate(&error))?;
        match begun {
            Some((begun, _)) if begun != source => Err(MigrateError::OtherSource(begun)),
            Some((_, true)) => Err(MigrateError::Finished),
            Some((_, false)) => Ok(self.forget_what_may_have_changed()?),
            None if self.number(ANYTHING)? > 0 => Err(MigrateError::NotEmpty),
            None => {
                let row = (migrated::source.eq(source), migrated::finished.eq(false));
                let begun = diesel::insert_into(migrated::table).values(row);
                let begun = begun.execute(&mut self.connection);
                begun.map_err(|error| translate(&error))?;
                Ok(())
            }
        }
    }

    /// Removes the few rows that a server may have changed in the source since they were copied.
    fn forget_what_may_have_changed(&mut self) -> Written {
        self.connection
            .batch_execute(
                "TRUNCATE ignored, token, read_mark, channel, channel_event, account_channel, \
                  keeping, erasing, delivery, hook_out, hook_seen, hook, program_token, bot, \
                  sign_in, ended_pass, password_reset, known_address, account_invitation, \
                  remote_user",
            )
            .map_err(|error| translate(&error))
    }

    /// The highest id copied so far.
    pub fn last_message(&mut self) -> Result<i64, StoreError> {
        self.number("SELECT max(id) AS number FROM message")
    }

    fn number(&mut self, query: &str) -> Result<i64, StoreError> {
        let row: Number = diesel::sql_query(query)
            .get_result(&mut self.connection)
            .map_err(|error| translate(&error))?;
        Ok(row.number.unwrap_or(0))
    }

    /// The number of rows in each table that is copied.
    pub fn counts(&mut self) -> Result<Counts, StoreError> {
        let mut count = |table: &str| -> Result<u64, StoreError> {
            let number = self.number(&format!("SELECT count(*) AS number FROM {table}"))?;
            Ok(number.max(0).cast_unsigned())
        };
        Counts::of(&mut count)
    }

    /// Those that were copied before may have changed.
    pub fn accounts(&mut self, rows: &[AccountCopy]) -> Written {
        let insert = diesel::insert_into(account::table).values(rows);
        let done = insert
            .on_conflict(account::id)
            .do_update()
            .set((
                account::first_name.eq(excluded(account::first_name)),
                account::last_name.eq(excluded(account::last_name)),
                account::email.eq(excluded(account::email)),
                account::email_key.eq(excluded(account::email_key)),
                account::phone.eq(excluded(account::phone)),
                account::phone_key.eq(excluded(account::phone_key)),
                account::password_hash.eq(excluded(account::password_hash)),
                account::password_changes.eq(excluded(account::password_changes)),
                account::disabled_at.eq(excluded(account::disabled_at)),
                account::deleted_at.eq(excluded(account::deleted_at)),
                account::seen_at.eq(excluded(account::seen_at)),
                account::role.eq(excluded(account::role)),
            ))
            .execute(&mut self.connection);
        written(done)
    }

    pub fn ignored(&mut self, rows: &[IgnoredCopy]) -> Written {
        let insert = diesel::insert_into(ignored::table).values(rows);
        written(insert.execute(&mut self.connection))
    }

    pub fn tokens(&mut self, rows: &[TokenRow]) -> Written {
        let insert = diesel::insert_into(token::table).values(rows);
        written(insert.execute(&mut self.connection))
    }

    pub fn invitations(&mut self, rows: &[InvitationRow]) -> Written {
        let insert = diesel::insert_into(account_invitation::table).values(rows);
        written(insert.execute(&mut self.connection))
    }

    pub fn sign_ins(&mut self, rows: &[SignInRow]) -> Written {
        let insert = diesel::insert_into(sign_in::table).values(rows);
        written(insert.execute(&mut self.connection))
    }

    pub fn ended_passes(&mut self, rows: &[EndedPassCopy]) -> Written {
        let insert = diesel::insert_into(ended_pass::table).values(rows);
        written(insert.execute(&mut self.connection))
    }

    pub fn resets(&mut self, rows: &[ResetCopy]) -> Written {
        let insert = diesel::insert_into(password_reset::table).values(rows);
        written(insert.execute(&mut self.connection))
    }

    pub fn known_addresses(&mut self, rows: &[KnownCopy]) -> Written {
        let insert = diesel::insert_into(known_address::table).values(rows);
        written(insert.execute(&mut self.connection))
    }

    pub fn remote_users(&mut self, rows: &[RemoteUserCopy]) -> Written {
        let insert = diesel::insert_into(remote_user::table).values(rows);
        written(insert.execute(&mut self.connection))
    }

    pub fn bots(&mut self, rows: &[i64]) -> Written {
        let rows: Vec<_> = rows.iter().map(|id| bot::account_id.eq(*id)).collect();
        let insert = diesel::insert_into(bot::table).values(rows);
        written(insert.execute(&mut self.connection))
    }

    pub fn programs(&mut self, rows: &[ProgramRow]) -> Written {
        let insert = diesel::insert_into(program_token::table).values(rows);
        written(insert.execute(&mut self.connection))
    }

    pub fn hooks(&mut self, rows: &[HookRow]) -> Written {
        let insert = diesel::insert_into(hook::table).values(rows);
        written(insert.execute(&mut self.connection))
    }

    pub fn calls(&mut self, rows: &[CallCopy]) -> Written {
        let insert = diesel::insert_into(call_seen::table).values(rows);
        written(insert.execute(&mut self.connection))
    }

    pub fn outgoing(&mut self, rows: &[OutRow]) -> Written {
        let insert = diesel::insert_into(hook_out::table).values(rows);
        written(insert.execute(&mut self.connection))
    }

    pub fn deliveries(&mut self, rows: &[DeliveryRow]) -> Written {
        let insert = diesel::insert_into(delivery::table).values(rows);
        written(insert.execute(&mut self.connection))
    }

    pub fn conversations(&mut self, rows: &[ConversationCopy]) -> Written {
        let insert = diesel::insert_into(conversation::table).values(rows);
        let done = insert
            .on_conflict(conversation::id)
            .do_update()
            .set(conversation::removed_id.eq(excluded(conversation::removed_id)))
            .execute(&mut self.connection);
        written(done)
    }

    pub fn messages(&mut self, rows: &[MessageCopy]) -> Written {
        let mut columns = Columns::default();
        for row in rows {
            columns.push(row.columns());
        }
        let copied = self.connection.transaction(|connection| {
            let inserted: Vec<i64> = Insert(&columns).load(connection)?;
            let is_changed = |row: &&MessageCopy| row.changed.or(row.reacted).is_some();
            for row in rows.iter().filter(is_changed) {
                diesel::update(message::table.find(row.id))
                    .set((
                        message::changed.eq(row.changed),
                        message::reactions.eq(row.reactions.as_deref()),
                        message::reacted.eq(row.reacted),
                    ))
                    .execute(connection)?;
            }
            Ok(inserted.len())
        });
        written(copied)
    }

    pub fn read_marks(&mut self, rows: &[ReadMarkCopy]) -> Written {
        let marks: Vec<_> = rows
            .iter()
            .filter_map(|row| {
                Some((
                    read_mark::account_id.eq(row.account_id),
                    read_mark::conversation_id.eq(row.conversation_id),
                    read_mark::up_to.eq(row.up_to?),
                ))
            })
            .collect();
        let insert = diesel::insert_into(read_mark::table).values(marks);
        written(insert.execute(&mut self.connection))
    }

    /// All changes of the source are folded into its rows.
    pub fn rules(&mut self, rows: &[RulesCopy]) -> Written {
        let rows: Vec<_> = rows
            .iter()
            .map(|row| {
                (
                    channel::channel_key.eq(&row.channel_key),
                    channel::name.eq(&row.name),
                    channel::version.eq(row.version),
                    channel::newest.eq(row.version),
                    channel::rules.eq(&row.rules),
                )
            })
            .collect();
        let insert = diesel::insert_into(channel::table).values(rows);
        written(insert.execute(&mut self.connection))
    }

    pub fn changes(&mut self, rows: &[EventRow]) -> Written {
        let insert = diesel::insert_into(channel_event::table).values(rows);
        written(insert.execute(&mut self.connection))
    }

    pub fn saved_channels(&mut self, rows: &[SavedRow]) -> Written {
        let insert = diesel::insert_into(account_channel::table).values(rows);
        written(insert.execute(&mut self.connection))
    }

    pub fn keepings(&mut self, rows: &[KeepingRow]) -> Written {
        let insert = diesel::insert_into(keeping::table).values(rows);
        let insert = insert.on_conflict_do_nothing();
        written(insert.execute(&mut self.connection))
    }

    pub fn erasings(&mut self, rows: &[ErasingRow]) -> Written {
        let insert = diesel::insert_into(erasing::table).values(rows);
        let insert = insert.on_conflict_do_nothing();
        written(insert.execute(&mut self.connection))
    }

    /// Lets servers use the database. New rows are numbered after the copied ones.
    pub fn finish(&mut self) -> Written {
        let finished = self.connection.transaction(|connection| {
            connection.batch_execute(
                "SELECT setval(pg_get_serial_sequence('account', 'id'),
                               coalesce(max(id), 0) + 1, false) FROM account;
                 SELECT setval(pg_get_serial_sequence('conversation', 'id'),
                               coalesce(max(id), 0) + 1, false) FROM conversation;",
            )?;
            diesel::update(migrated::table)
                .set(migrated::finished.eq(true))
                .execute(connection)?;
            // So that the planner has statistics for the first queries.
            connection.batch_execute("ANALYZE")
        });
        written(finished.map(|()| 1))
    }
}

/// Servers that have the database open.
const SERVERS: &str = "\
    SELECT count(*) AS number FROM pg_stat_activity
    WHERE datname = current_database() AND application_name = 'chat-server'
      AND pid <> pg_backend_pid()";

/// Whether there is anything that a server has written.
const ANYTHING: &str = "\
    SELECT (EXISTS (SELECT FROM account) OR EXISTS (SELECT FROM conversation)
            OR EXISTS (SELECT FROM message) OR EXISTS (SELECT FROM channel)
            OR EXISTS (SELECT FROM channel_event))::int::bigint AS number";

fn written(result: QueryResult<usize>) -> Written {
    result.map(|_| ()).map_err(|error| translate(&error))
}
