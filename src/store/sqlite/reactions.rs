//! Reactions to messages.

use diesel::prelude::*;

use super::amended::write_reactions;
use super::schema::message;
use crate::model::key::clamp;
use crate::model::{Reaction, Reactions};
use crate::store::amendments::DELETED;

/// Adds a reaction to its message, or takes it away. Call it inside a transaction.
pub fn commit(connection: &mut SqliteConnection, reaction: &Reaction) -> QueryResult<()> {
    let stored: Option<Option<String>> = message::table
        .find(clamp(reaction.message))
        .filter(message::kind.ne(DELETED))
        .select(message::reactions)
        .get_result(connection)
        .optional()?;
    // Retention may have removed the message, or it was deleted meanwhile.
    let Some(stored) = stored else {
        return Ok(());
    };
    let mut reactions = Reactions::restored(stored.as_deref().unwrap_or_default());
    reactions.give(reaction.given());
    write_reactions(connection, reaction.message, &reactions)
}
