//! Reactions to messages.

use diesel::prelude::*;

use super::amended::write_reactions;
use super::schema::message;
use crate::model::key::clamp;
use crate::model::{Reaction, Reactions};
use crate::store::amendments::DELETED;

/// Adds reactions, which come in their order, to their messages, or takes them away. Call it inside
/// a transaction.
pub fn commit(connection: &mut SqliteConnection, reactions: &mut [&Reaction]) -> QueryResult<()> {
    reactions.sort_by_key(|reaction| reaction.message);
    for of_one in reactions.chunk_by(|one, next| one.message == next.message) {
        let Some(first) = of_one.first() else {
            continue;
        };
        let stored: Option<Option<String>> = message::table
            .find(clamp(first.message))
            .filter(message::kind.ne(DELETED))
            .select(message::reactions)
            .get_result(connection)
            .optional()?;
        // Retention may have removed the message, or it was deleted meanwhile.
        let Some(stored) = stored else {
            continue;
        };
        let mut all = Reactions::restored(stored.as_deref().unwrap_or_default());
        for reaction in of_one {
            all.give(reaction.given());
        }
        write_reactions(connection, first.message, &all)?;
    }
    Ok(())
}
