//! What administrators do to accounts: queries that are the same for every database, as those in
//! [`super::accounts`].

/// Defines the queries for one type of connection. Each has to run inside a transaction.
macro_rules! queries {
    ($connection:ty) => {
        use diesel::prelude::*;
        use diesel::upsert::excluded;

        use super::accounts;
        use crate::model::{AccountId, ListedAccount, Secret, ServerRole};
        use crate::store::accounts::{standing, time};
        use crate::store::row::name;
        use crate::store::schema::{
            account, account_channel, ignored, known_address, password_reset,
        };

        /// See [`crate::store::Store::accounts`].
        pub fn list(
            connection: &mut $connection,
            prefix: &str,
            after: &str,
            limit: i64,
        ) -> QueryResult<Vec<ListedAccount>> {
            type Row = (
                String,
                i64,
                Option<i64>,
                Option<i64>,
                Option<i64>,
                Option<i16>,
            );
            // Keys are compared by their bytes, so all that begin with the prefix stand together.
            let beyond = format!("{prefix}{}", char::MAX);
            let rows: Vec<Row> = account::table
                .filter(account::username_key.gt(after))
                .filter(account::username_key.ge(prefix))
                .filter(account::username_key.lt(beyond))
                .order(account::username_key)
                .limit(limit)
                .select((
                    account::username,
                    account::created_at,
                    account::seen_at,
                    account::disabled_at,
                    account::deleted_at,
                    account::role,
                ))
                .load(connection)?;
            let listed = |(username, created, seen, disabled, deleted, role): Row| {
                Ok(ListedAccount {
                    username: name(&username)?,
                    created_at: created.try_into().unwrap_or(0),
                    seen_at: seen.and_then(|at| at.try_into().ok()),
                    standing: standing(disabled, deleted),
                    role: role.and_then(ServerRole::of_number),
                })
            };
            rows.into_iter().map(listed).collect()
        }

        /// See [`crate::store::Store::note_seen`].
        pub fn note_seen(
            connection: &mut $connection,
            of: AccountId,
            at_ms: u64,
        ) -> QueryResult<()> {
            diesel::update(account::table.find(of.0))
                .set(account::seen_at.eq(time(at_ms)))
                .execute(connection)?;
            Ok(())
        }

        /// See [`crate::store::Store::set_role`]. `None` if there is no such account.
        pub fn set_role(
            connection: &mut $connection,
            of: AccountId,
            role: Option<ServerRole>,
        ) -> QueryResult<Option<()>> {
            let changed = diesel::update(account::table.find(of.0))
                .filter(account::deleted_at.is_null())
                .set(account::role.eq(role.map(ServerRole::number)))
                .execute(connection)?;
            Ok((changed > 0).then_some(()))
        }

        /// See [`crate::store::Store::has_administrator`].
        pub fn has_administrator(connection: &mut $connection) -> QueryResult<bool> {
            let administrators = account::table
                .filter(account::role.eq(ServerRole::Administrator.number()))
                .filter(account::deleted_at.is_null());
            diesel::select(diesel::dsl::exists(administrators)).get_result(connection)
        }

        /// See [`crate::store::Store::disable_account`]. `None` if there is no such account.
        pub fn disable(
            connection: &mut $connection,
            of: AccountId,
            now_ms: u64,
        ) -> QueryResult<Option<()>> {
            let disabled = diesel::update(account::table.find(of.0))
                .filter(account::deleted_at.is_null())
                .set((
                    account::disabled_at.eq(time(now_ms)),
                    // The passes given out so far are not valid again once it is enabled.
                    account::password_changes.eq(account::password_changes + 1),
                ))
                .execute(connection)?;
            accounts::revoke_tokens(connection, of, now_ms)?;
            diesel::delete(password_reset::table.find(of.0)).execute(connection)?;
            Ok((disabled > 0).then_some(()))
        }

        /// See [`crate::store::Store::enable_account`]. `None` if there is no such account.
        pub fn enable(connection: &mut $connection, of: AccountId) -> QueryResult<Option<()>> {
            let enabled = diesel::update(account::table.find(of.0))
                .filter(account::deleted_at.is_null())
                .set(account::disabled_at.eq(None::<i64>))
                .execute(connection)?;
            Ok((enabled > 0).then_some(()))
        }

        /// Deletes what is the same in every database. `None` if there is no such account.
        fn delete_common(
            connection: &mut $connection,
            of: AccountId,
            now_ms: u64,
        ) -> QueryResult<Option<()>> {
            if disable(connection, of, now_ms)?.is_none() {
                return Ok(None);
            }
            diesel::update(account::table.find(of.0))
                .set((
                    account::deleted_at.eq(time(now_ms)),
                    account::first_name.eq(""),
                    account::last_name.eq(""),
                    account::email.eq(None::<String>),
                    account::email_key.eq(None::<String>),
                    account::phone.eq(None::<String>),
                    account::phone_key.eq(None::<String>),
                    account::password_hash.eq(""),
                    account::seen_at.eq(None::<i64>),
                    account::role.eq(None::<i16>),
                ))
                .execute(connection)?;
            let tokens = crate::store::schema::token::table
                .filter(crate::store::schema::token::account_id.eq(of.0));
            diesel::delete(tokens).execute(connection)?;
            let ignored = ignored::table.filter(ignored::account_id.eq(of.0));
            diesel::delete(ignored).execute(connection)?;
            let known = known_address::table.filter(known_address::account_id.eq(of.0));
            diesel::delete(known).execute(connection)?;
            let rooms = account_channel::table.filter(account_channel::account_id.eq(of.0));
            diesel::delete(rooms).execute(connection)?;
            Ok(Some(()))
        }

        /// See [`crate::store::Store::offer_reset`]. `None` if there is no such account.
        pub fn offer_reset(
            connection: &mut $connection,
            of: AccountId,
            secret_hash: &str,
            expires_at: u64,
        ) -> QueryResult<Option<()>> {
            let usable = account::table
                .find(of.0)
                .filter(account::deleted_at.is_null())
                .filter(account::disabled_at.is_null());
            if !diesel::select(diesel::dsl::exists(usable)).get_result::<bool>(connection)? {
                return Ok(None);
            }
            diesel::insert_into(password_reset::table)
                .values((
                    password_reset::account_id.eq(of.0),
                    password_reset::secret_hash.eq(secret_hash),
                    password_reset::expires_at.eq(time(expires_at)),
                ))
                .on_conflict(password_reset::account_id)
                .do_update()
                .set((
                    password_reset::secret_hash.eq(excluded(password_reset::secret_hash)),
                    password_reset::expires_at.eq(excluded(password_reset::expires_at)),
                ))
                .execute(connection)?;
            Ok(Some(()))
        }

        /// See [`crate::store::Store::reset_of`].
        pub fn reset_of(
            connection: &mut $connection,
            secret_hash: &str,
            now_ms: u64,
        ) -> QueryResult<Option<AccountId>> {
            let offered: Option<i64> = password_reset::table
                .filter(password_reset::secret_hash.eq(secret_hash))
                .filter(password_reset::expires_at.gt(time(now_ms)))
                .select(password_reset::account_id)
                .get_result(connection)
                .optional()?;
            Ok(offered.map(AccountId))
        }

        /// See [`crate::store::Store::use_reset`].
        pub fn use_reset(
            connection: &mut $connection,
            secret_hash: &str,
            password_hash: &Secret,
            now_ms: u64,
        ) -> QueryResult<Option<AccountId>> {
            // The one that deletes the row has used the link; all others come too late.
            let used: Option<i64> = diesel::delete(
                password_reset::table
                    .filter(password_reset::secret_hash.eq(secret_hash))
                    .filter(password_reset::expires_at.gt(time(now_ms))),
            )
            .returning(password_reset::account_id)
            .get_result(connection)
            .optional()?;
            let Some(of) = used.map(AccountId) else {
                return Ok(None);
            };
            let changed = accounts::change_password(connection, of, password_hash, now_ms)?;
            Ok(changed.map(|()| of))
        }
    };
}
pub(super) use queries;
