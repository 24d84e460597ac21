//! The channels of accounts: queries that are the same for every database, as those in
//! [`super::accounts`].

use diesel::prelude::*;

/// Messages whose texts are looked through for mentions in one request.
pub const SCANNED: i64 = 20_000;

/// A channel of an account, as it is stored.
#[derive(Queryable, Insertable)]
#[diesel(table_name = super::schema::account_channel)]
pub struct SavedRow {
    pub account_id: i64,
    pub channel_key: String,
    pub channel: String,
    pub read_up_to: i64,
    pub is_muted: bool,
    pub notify: i16,
}

/// Defines the queries for one type of connection. Each has to run inside a transaction.
macro_rules! queries {
    ($connection:ty) => {
        use diesel::prelude::*;

        use crate::model::key::{clamp, unpack};
        use crate::model::{AccountId, MAX_SAVED, MessageId, Name, Notify, SavedChannel};
        use crate::store::row::name;
        use crate::store::saved::SavedRow;
        use crate::store::schema::{account, account_channel};

        /// See [`crate::store::Store::saved_channels`].
        pub fn of(connection: &mut $connection, of: AccountId) -> QueryResult<Vec<SavedChannel>> {
            let rows: Vec<SavedRow> = account_channel::table
                .filter(account_channel::account_id.eq(of.0))
                .order(account_channel::channel_key)
                .limit(MAX_SAVED as i64)
                .load(connection)?;
            let saved = |row: SavedRow| {
                Ok(SavedChannel {
                    channel: name(&row.channel)?,
                    read_up_to: unpack(row.read_up_to),
                    is_muted: row.is_muted,
                    notify: Notify::from_number(row.notify),
                })
            };
            rows.into_iter().map(saved).collect()
        }

        /// See [`crate::store::Store::save_channel`].
        pub fn save(
            connection: &mut $connection,
            of: AccountId,
            channel: &Name,
            read_up_to: MessageId,
        ) -> QueryResult<bool> {
            let known: bool = diesel::select(diesel::dsl::exists(account::table.find(of.0)))
                .get_result(connection)?;
            let saved: i64 = account_channel::table
                .filter(account_channel::account_id.eq(of.0))
                .count()
                .get_result(connection)?;
            let is_saved: bool = diesel::select(diesel::dsl::exists(
                account_channel::table.find((of.0, &**channel.key())),
            ))
            .get_result(connection)?;
            if is_saved || !known || saved >= MAX_SAVED as i64 {
                return Ok(is_saved);
            }
            diesel::insert_into(account_channel::table)
                .values(SavedRow {
                    account_id: of.0,
                    channel_key: channel.key().to_string(),
                    channel: channel.to_string(),
                    read_up_to: clamp(read_up_to),
                    is_muted: false,
                    notify: Notify::default().number(),
                })
                // Another server may have been first.
                .on_conflict_do_nothing()
                .execute(connection)?;
            Ok(true)
        }

        /// See [`crate::store::Store::forget_channel`].
        pub fn forget(
            connection: &mut $connection,
            of: AccountId,
            channel: &Name,
        ) -> QueryResult<()> {
            let row = account_channel::table.find((of.0, &**channel.key()));
            diesel::delete(row).execute(connection)?;
            Ok(())
        }

        /// See [`crate::store::Store::mark_channel_read`].
        pub fn mark(
            connection: &mut $connection,
            of: AccountId,
            channel: &Name,
            up_to: MessageId,
        ) -> QueryResult<bool> {
            // A marker never goes back.
            let moved = diesel::update(account_channel::table.find((of.0, &**channel.key())))
                .filter(account_channel::read_up_to.lt(clamp(up_to)))
                .set(account_channel::read_up_to.eq(clamp(up_to)))
                .execute(connection)?;
            Ok(moved > 0)
        }

        /// See [`crate::store::Store::mark_channels_read`].
        pub fn mark_all(
            connection: &mut $connection,
            marks: &[(AccountId, Name, MessageId)],
        ) -> QueryResult<()> {
            for (of, channel, up_to) in marks {
                mark(connection, *of, channel, *up_to)?;
            }
            Ok(())
        }

        /// See [`crate::store::Store::mute_channel`].
        pub fn mute(
            connection: &mut $connection,
            of: AccountId,
            channel: &Name,
            muted: bool,
        ) -> QueryResult<bool> {
            let found = diesel::update(account_channel::table.find((of.0, &**channel.key())))
                .set(account_channel::is_muted.eq(muted))
                .execute(connection)?;
            Ok(found > 0)
        }

        /// See [`crate::store::Store::notify_of_channel`].
        pub fn notify(
            connection: &mut $connection,
            of: AccountId,
            channel: &Name,
            notify: Notify,
        ) -> QueryResult<bool> {
            let found = diesel::update(account_channel::table.find((of.0, &**channel.key())))
                .set(account_channel::notify.eq(notify.number()))
                .execute(connection)?;
            Ok(found > 0)
        }

        /// See [`crate::store::Store::channel_accounts`].
        pub fn accounts(
            connection: &mut $connection,
            channel: &Name,
            after: Option<&str>,
            limit: i64,
        ) -> QueryResult<Vec<(AccountId, Name)>> {
            let rows: Vec<(i64, String)> = account_channel::table
                .inner_join(account::table)
                .filter(account_channel::channel_key.eq(&**channel.key()))
                .filter(account::username_key.gt(after.unwrap_or_default()))
                .order(account::username_key)
                .limit(limit)
                .select((account::id, account::username))
                .load(connection)?;
            let rows = rows.into_iter();
            rows.map(|(id, username)| Ok((AccountId(id), name(&username)?)))
                .collect()
        }
    };
}
pub(super) use queries;
