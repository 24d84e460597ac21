//! Where accounts are signed in: queries that are the same for every database, as those in
//! [`super::accounts`].

use diesel::prelude::*;

use super::accounts::time;
use super::schema::sign_in;
use crate::model::{AccountId, SignIn};

#[derive(Queryable, Insertable)]
#[diesel(table_name = sign_in)]
pub struct SignInRow {
    pub id: String,
    account_id: i64,
    is_token: bool,
    created_at: i64,
    used_at: i64,
    expires_at: i64,
    address: String,
    client: String,
}

impl From<&SignIn> for SignInRow {
    fn from(sign_in: &SignIn) -> SignInRow {
        SignInRow {
            id: sign_in.id.clone(),
            account_id: sign_in.account.0,
            is_token: sign_in.is_token,
            created_at: time(sign_in.created_at),
            used_at: time(sign_in.used_at),
            expires_at: time(sign_in.expires_at),
            address: sign_in.address.clone(),
            client: sign_in.client.clone(),
        }
    }
}

impl From<SignInRow> for SignIn {
    fn from(row: SignInRow) -> SignIn {
        SignIn {
            id: row.id,
            account: AccountId(row.account_id),
            is_token: row.is_token,
            created_at: row.created_at.try_into().unwrap_or(0),
            used_at: row.used_at.try_into().unwrap_or(0),
            expires_at: row.expires_at.try_into().unwrap_or(0),
            address: row.address,
            client: row.client,
        }
    }
}

/// Defines the queries for one type of connection. Each has to run inside a transaction.
macro_rules! queries {
    ($connection:ty) => {
        use diesel::prelude::*;
        use diesel::upsert::excluded;

        use super::accounts;
        use crate::model::sign_in::MAX_SIGN_INS;
        use crate::model::{AccountId, SignIn};
        use crate::store::accounts::time;
        use crate::store::schema::{account, ended_pass, sign_in};
        use crate::store::sign_ins::SignInRow;

        /// See [`crate::store::Store::note_sign_in`].
        pub fn note(connection: &mut $connection, noted: &SignIn) -> QueryResult<()> {
            // One that has ended meanwhile does not come back.
            let ended = ended_pass::table.find(&noted.id);
            if diesel::select(diesel::dsl::exists(ended)).get_result(connection)? {
                return Ok(());
            }
            diesel::insert_into(sign_in::table)
                .values(SignInRow::from(noted))
                .on_conflict(sign_in::id)
                .do_update()
                .set((
                    sign_in::used_at.eq(excluded(sign_in::used_at)),
                    sign_in::expires_at.eq(excluded(sign_in::expires_at)),
                ))
                .execute(connection)?;
            let own = sign_in::table.filter(sign_in::account_id.eq(noted.account.0));
            let one_too_many: Option<i64> = own
                .order((sign_in::used_at.desc(), sign_in::id))
                .offset(MAX_SIGN_INS as i64)
                .select(sign_in::used_at)
                .first(connection)
                .optional()?;
            if let Some(at) = one_too_many {
                let old = own
                    .filter(sign_in::used_at.le(at))
                    .filter(sign_in::id.ne(&noted.id));
                diesel::delete(old).execute(connection)?;
            }
            Ok(())
        }

        /// See [`crate::store::Store::sign_in_used_at`].
        pub fn used_at(connection: &mut $connection, id: &str) -> QueryResult<Option<u64>> {
            let at: Option<i64> = sign_in::table
                .find(id)
                .select(sign_in::used_at)
                .get_result(connection)
                .optional()?;
            Ok(at.and_then(|at| at.try_into().ok()))
        }

        /// See [`crate::store::Store::sign_ins`].
        pub fn of(
            connection: &mut $connection,
            account: AccountId,
            now_ms: u64,
        ) -> QueryResult<Vec<SignIn>> {
            let rows: Vec<SignInRow> = sign_in::table
                .filter(sign_in::account_id.eq(account.0))
                .filter(sign_in::expires_at.gt(time(now_ms)))
                .order((sign_in::used_at.desc(), sign_in::id))
                .limit(MAX_SIGN_INS as i64)
                .load(connection)?;
            Ok(rows.into_iter().map(SignIn::from).collect())
        }

        /// See [`crate::store::Store::end_sign_ins`]. `None` if there is no such account.
        pub fn end_all(
            connection: &mut $connection,
            of: AccountId,
            now_ms: u64,
        ) -> QueryResult<Option<()>> {
            let ended = diesel::update(account::table.find(of.0))
                .filter(account::deleted_at.is_null())
                .filter(account::disabled_at.is_null())
                // The passes given out so far are those of an earlier password.
                .set(account::password_changes.eq(account::password_changes + 1))
                .execute(connection)?;
            accounts::revoke_tokens(connection, of, now_ms)?;
            Ok((ended > 0).then_some(()))
        }
    };
}
pub(super) use queries;
