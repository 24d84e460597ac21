//! What administrators do to accounts.

use super::schema::participant;

crate::store::standing::queries!(diesel::sqlite::SqliteConnection);

/// See [`crate::store::Store::delete_account`]. `None` if there is no such account.
pub fn delete(
    connection: &mut SqliteConnection,
    of: AccountId,
    now_ms: u64,
) -> QueryResult<Option<()>> {
    let own = participant::table.filter(participant::account_id.eq(of.0));
    diesel::update(own)
        .set(participant::received_read.eq(0))
        .execute(connection)?;
    delete_common(connection, of, now_ms)
}
