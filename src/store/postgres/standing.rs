//! What administrators do to accounts.

use super::schema::read_mark;

crate::store::standing::queries!(diesel::pg::PgConnection);

/// See [`crate::store::Store::delete_account`]. `None` if there is no such account.
pub fn delete(
    connection: &mut PgConnection,
    of: AccountId,
    now_ms: u64,
) -> QueryResult<Option<()>> {
    let marks = read_mark::table.filter(read_mark::account_id.eq(of.0));
    diesel::delete(marks).execute(connection)?;
    delete_common(connection, of, now_ms)
}
