//! How long the messages of single channels are kept: queries that are the same for every database.

use diesel::prelude::*;

/// What is laid down for a channel, as it is stored.
#[derive(Queryable, Insertable)]
#[diesel(table_name = super::schema::keeping)]
pub struct KeepingRow {
    pub channel_key: String,
    pub channel: String,
    pub days: i64,
    pub messages: i64,
    pub is_held: bool,
}

/// Defines the queries for one type of connection. Each has to run inside a transaction.
macro_rules! queries {
    ($connection:ty) => {
        use diesel::dsl::{exists, select};
        use diesel::prelude::*;
        use diesel::upsert::excluded;

        use super::schema::conversation;
        use crate::model::{Keeping, Name};
        use crate::store::Retention;
        use crate::store::schema::keeping;

        /// See [`crate::store::Store::keeping`].
        pub fn of(connection: &mut $connection, channel: &Name) -> QueryResult<Keeping> {
            let row: Option<(i64, i64, bool)> = keeping::table
                .find(&**channel.key())
                .select((keeping::days, keeping::messages, keeping::is_held))
                .get_result(connection)
                .optional()?;
            let (days, messages, is_held) = row.unwrap_or_default();
            Ok(Keeping {
                channel: channel.clone(),
                days: days.try_into().unwrap_or(0),
                messages: messages.try_into().unwrap_or(0),
                is_held,
            })
        }

        /// See [`crate::store::Store::set_keeping`].
        pub fn set(connection: &mut $connection, of: &Keeping) -> QueryResult<()> {
            let key = &**of.channel.key();
            if of.is_usual() {
                diesel::delete(keeping::table.find(key)).execute(connection)?;
                return Ok(());
            }
            let column = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
            diesel::insert_into(keeping::table)
                .values((
                    keeping::channel_key.eq(key),
                    keeping::channel.eq(of.channel.as_str()),
                    keeping::days.eq(column(of.days)),
                    keeping::messages.eq(column(of.messages)),
                    keeping::is_held.eq(of.is_held),
                ))
                .on_conflict(keeping::channel_key)
                .do_update()
                .set((
                    keeping::days.eq(excluded(keeping::days)),
                    keeping::messages.eq(excluded(keeping::messages)),
                    keeping::is_held.eq(excluded(keeping::is_held)),
                ))
                .execute(connection)?;
            Ok(())
        }

        /// Whether anything is laid down for any channel.
        pub fn is_any(connection: &mut $connection) -> QueryResult<bool> {
            select(exists(keeping::table.select(keeping::channel_key))).get_result(connection)
        }

        /// Whether the channel that a conversation is, if it is one, is on hold.
        pub fn is_held(connection: &mut $connection, conversation_id: i64) -> QueryResult<bool> {
            let held = keeping::table
                .inner_join(
                    conversation::table
                        .on(conversation::channel_key.eq(keeping::channel_key.nullable())),
                )
                .filter(conversation::id.eq(conversation_id))
                .filter(keeping::is_held);
            select(exists(held)).get_result(connection)
        }

        /// What holds for a channel, given what holds for all. `None` if nothing of it is removed.
        pub fn retention(
            connection: &mut $connection,
            conversation_id: i64,
            usual: Retention,
        ) -> QueryResult<Option<Retention>> {
            let row: Option<(i64, i64, bool)> = keeping::table
                .inner_join(
                    conversation::table
                        .on(conversation::channel_key.eq(keeping::channel_key.nullable())),
                )
                .filter(conversation::id.eq(conversation_id))
                .select((keeping::days, keeping::messages, keeping::is_held))
                .get_result(connection)
                .optional()?;
            let Some((days, messages, is_held)) = row else {
                return Ok(Some(usual));
            };
            let own = |value: i64, usual: u64| match u64::try_from(value) {
                Ok(own @ 1..) => own,
                _ => usual,
            };
            Ok((!is_held).then_some(Retention {
                channel_days: own(days, usual.channel_days),
                channel_messages: own(messages, usual.channel_messages),
                direct_days: usual.direct_days,
            }))
        }
    };
}
pub(super) use queries;
