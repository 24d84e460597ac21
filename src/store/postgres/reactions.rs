//! Reactions to messages.
//!
//! As with other changes of messages, several servers store what they read from one log in any
//! order. What comes of the reactions of a message does not depend on it, and the row is locked
//! while they are added.

use diesel::pg::PgConnection;
use diesel::prelude::*;

use super::amendments::write_reactions;
use super::schema::message;
use crate::model::key::clamp;
use crate::model::{Reaction, Reactions};
use crate::store::amendments::DELETED;

/// Adds reactions to their messages, or takes them away. Call it inside a transaction.
pub fn commit(connection: &mut PgConnection, reactions: &[&Reaction]) -> QueryResult<()> {
    // In the order of the messages, so that two servers never deadlock.
    let mut reactions = reactions.to_vec();
    reactions.sort_by_key(|reaction| (reaction.message, reaction.id));
    for of_one in reactions.chunk_by(|one, next| one.message == next.message) {
        let Some(first) = of_one.first() else {
            continue;
        };
        let stored: Option<Option<String>> = message::table
            .find(clamp(first.message))
            .filter(message::kind.ne(DELETED))
            .select(message::reactions)
            .for_update()
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
