//! Invitations to register an account: queries that are the same for every database, as those in
//! [`super::accounts`].

use diesel::prelude::*;

use super::accounts::time;
use super::schema::account_invitation;
use crate::model::AccountInvitation;

#[derive(Queryable, Insertable)]
#[diesel(table_name = account_invitation)]
pub struct InvitationRow {
    pub id: String,
    secret_hash: String,
    uses: i64,
    uses_left: i64,
    created_at: i64,
    expires_at: i64,
}

impl From<&AccountInvitation> for InvitationRow {
    fn from(invitation: &AccountInvitation) -> InvitationRow {
        InvitationRow {
            id: invitation.id.clone(),
            secret_hash: invitation.secret_hash.clone(),
            uses: invitation.uses.into(),
            uses_left: invitation.uses_left.into(),
            created_at: time(invitation.created_at),
            expires_at: time(invitation.expires_at),
        }
    }
}

impl From<InvitationRow> for AccountInvitation {
    fn from(row: InvitationRow) -> AccountInvitation {
        AccountInvitation {
            id: row.id,
            secret_hash: row.secret_hash,
            uses: row.uses.try_into().unwrap_or(0),
            uses_left: row.uses_left.try_into().unwrap_or(0),
            created_at: row.created_at.try_into().unwrap_or(0),
            expires_at: row.expires_at.try_into().unwrap_or(0),
        }
    }
}

/// Defines the queries for one type of connection. Each has to run inside a transaction.
macro_rules! queries {
    ($connection:ty) => {
        use diesel::prelude::*;

        use super::accounts;
        use crate::model::invitation::MAX_INVITATIONS;
        use crate::model::{Account, AccountInvitation, NewAccount, UniqueField};
        use crate::store::accounts::time;
        use crate::store::invitations::InvitationRow;
        use crate::store::schema::account_invitation as table;

        /// See [`crate::store::Store::add_invitation`].
        pub fn add(
            connection: &mut $connection,
            invitation: &AccountInvitation,
        ) -> QueryResult<bool> {
            let over = table::table.filter(table::expires_at.le(time(invitation.created_at)));
            diesel::delete(over).execute(connection)?;
            let there: i64 = table::table.count().get_result(connection)?;
            if there >= MAX_INVITATIONS as i64 {
                return Ok(false);
            }
            diesel::insert_into(table::table)
                .values(InvitationRow::from(invitation))
                .execute(connection)?;
            Ok(true)
        }

        /// See [`crate::store::Store::invitations`].
        pub fn all(
            connection: &mut $connection,
            now_ms: u64,
        ) -> QueryResult<Vec<AccountInvitation>> {
            let rows: Vec<InvitationRow> = table::table
                .filter(table::expires_at.gt(time(now_ms)))
                .order((table::created_at, table::id))
                .limit(MAX_INVITATIONS as i64)
                .load(connection)?;
            Ok(rows.into_iter().map(AccountInvitation::from).collect())
        }

        /// See [`crate::store::Store::remove_invitation`].
        pub fn remove(connection: &mut $connection, id: &str) -> QueryResult<bool> {
            let removed = diesel::delete(table::table.find(id)).execute(connection)?;
            Ok(removed > 0)
        }

        /// See [`crate::store::Store::create_invited`].
        pub fn create_invited(
            connection: &mut $connection,
            new: &NewAccount,
            secret_hash: &str,
        ) -> QueryResult<Option<Result<Account, Vec<UniqueField>>>> {
            // Also locks the row: nobody else can use the last of its uses meanwhile.
            let used = diesel::update(table::table)
                .filter(table::secret_hash.eq(secret_hash))
                .filter(table::uses_left.gt(0))
                .filter(table::expires_at.gt(time(new.created_at)))
                .set(table::uses_left.eq(table::uses_left - 1))
                .execute(connection)?;
            if used == 0 {
                return Ok(None);
            }
            let made = accounts::create(connection, new)?;
            if made.is_err() {
                diesel::update(table::table)
                    .filter(table::secret_hash.eq(secret_hash))
                    .set(table::uses_left.eq(table::uses_left + 1))
                    .execute(connection)?;
            }
            Ok(Some(made))
        }
    };
}
pub(super) use queries;
