//! Messages that were edited or deleted.
//!
//! Several servers store what they read from one log, each its share of it, so the changes of a
//! message may come in any order: of several texts that with the highest id counts, and a deleted
//! message stays deleted. A server that stores a change stores its message, too, unless it is there.

use diesel::sql_types::{BigInt, Nullable, SmallInt, Text};

use super::conversations::pair;
use super::search::vector;
use crate::model::Styled;

crate::store::amendments::queries!(diesel::pg::PgConnection, super::schema);

/// Changes messages, and nothing is left of their former texts.
pub fn commit(connection: &mut PgConnection, amendments: &[&Amendment]) -> QueryResult<()> {
    // In the order of the messages, so that two servers never deadlock.
    let mut amendments = amendments.to_vec();
    amendments.sort_by_key(|amendment| (amendment.message, amendment.id));
    for amendment in amendments {
        commit_one(connection, amendment)?;
    }
    Ok(())
}

fn commit_one(connection: &mut PgConnection, amendment: &Amendment) -> QueryResult<()> {
    let target = clamp(amendment.message);
    let in_conversation: Option<i64> = message::table
        .find(target)
        .select(message::conversation_id)
        .get_result(connection)
        .optional()?;
    // Retention may have removed the message.
    let Some(conversation_id) = in_conversation else {
        return Ok(());
    };
    let accounts = match amendment.place {
        Place::Channel { .. } => None,
        Place::Direct { from, to } => Some(pair(from, to)),
    };
    let body = &amendment.body;
    diesel::sql_query(
        "UPDATE message SET text = $2, kind = $3, styled = $4, changed = $5,
             words = array_to_tsvector(string_to_array($6, ' ')),
             reply_to = CASE WHEN $3 = $7 THEN NULL ELSE reply_to END,
             reply_author = CASE WHEN $3 = $7 THEN NULL ELSE reply_author END,
             reactions = CASE WHEN $3 = $7 THEN NULL ELSE reactions END,
             reacted = CASE WHEN $3 = $7 THEN NULL ELSE reacted END
         WHERE id = $1 AND kind <> $7 AND ($3 = $7 OR changed IS NULL OR changed < $5)",
    )
    .bind::<BigInt, _>(target)
    .bind::<Text, _>(body.text.as_str())
    .bind::<SmallInt, _>(i16::from(body.kind.number()))
    .bind::<Nullable<Text>, _>(body.styled.as_ref().map(Styled::as_str))
    .bind::<BigInt, _>(clamp(amendment.id))
    .bind::<Text, _>(vector(body.text.as_str(), conversation_id, accounts))
    .bind::<SmallInt, _>(DELETED)
    .execute(connection)?;
    Ok(())
}
