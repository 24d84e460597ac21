//! What is done in quiet moments, a slice at a time: indexing for search,
//! removing what retention says, forgetting tokens long expired.

use std::time::Duration;

use diesel::prelude::*;

use super::Retention;
use super::append::Tails;
use super::schema::{conversation, message, participant, token};
use super::search;
use crate::hub::MessageId;
use crate::store::key::clamp;

/// Conversations looked at in one slice.
const CONVERSATIONS: i64 = 100;
/// Messages removed in one slice.
const REMOVALS: i64 = 500;
/// Pause between two rounds through all conversations.
const ROUND_MS: u64 = 60_000;
const DAY_MS: u64 = Duration::from_hours(24).as_millis() as u64;

/// How far the quiet work has got.
#[derive(Default)]
pub struct Upkeep {
    /// The conversation looked at last.
    conversation: i64,
    next_round_ms: u64,
    next_tokens_ms: u64,
}

#[derive(Queryable)]
struct Candidate {
    id: i64,
    low_account: Option<i64>,
    high_account: Option<i64>,
    removed_number: i64,
}

impl Upkeep {
    /// One slice; whether there is more to do.
    pub fn tend(
        &mut self,
        connection: &mut SqliteConnection,
        tails: &mut Tails,
        retention: Retention,
        now_ms: u64,
    ) -> QueryResult<bool> {
        let indexed = search::index_some(connection)?;
        if now_ms >= self.next_tokens_ms {
            forget_tokens(connection, now_ms)?;
            self.next_tokens_ms = now_ms + ROUND_MS;
        }
        if retention == Retention::default() || now_ms < self.next_round_ms {
            return Ok(indexed);
        }
        let more = self.remove_some(connection, tails, retention, now_ms)?;
        if !more {
            self.conversation = 0;
            self.next_round_ms = now_ms + ROUND_MS;
        }
        Ok(indexed || more)
    }

    fn remove_some(
        &mut self,
        connection: &mut SqliteConnection,
        tails: &mut Tails,
        retention: Retention,
        now_ms: u64,
    ) -> QueryResult<bool> {
        let candidates: Vec<Candidate> = conversation::table
            .filter(conversation::id.gt(self.conversation))
            .order(conversation::id)
            .limit(CONVERSATIONS)
            .select((
                conversation::id,
                conversation::low_account,
                conversation::high_account,
                conversation::removed_number,
            ))
            .load(connection)?;
        let more = candidates.len() as i64 == CONVERSATIONS;
        let mut left = REMOVALS;
        for candidate in &candidates {
            let removed = candidate.shorten(connection, retention, now_ms, left)?;
            if removed > 0 {
                tails.forget();
            }
            left -= removed;
            if left <= 0 {
                // There may be more of this one: begin with it next time.
                return Ok(true);
            }
            self.conversation = candidate.id;
        }
        Ok(more)
    }
}

impl Candidate {
    /// Removes up to `most` messages; how many it were.
    fn shorten(
        &self,
        connection: &mut SqliteConnection,
        retention: Retention,
        now_ms: u64,
        most: i64,
    ) -> QueryResult<i64> {
        let is_channel = self.low_account.is_none();
        let (days, keep) = if is_channel {
            (retention.channel_days, retention.channel_messages)
        } else {
            (retention.direct_days, 0)
        };
        let last: Option<i64> = message::table
            .filter(message::conversation_id.eq(self.id))
            .select(diesel::dsl::max(message::number))
            .first(connection)?;
        let Some(last) = last else {
            return Ok(0);
        };
        let by_count = match keep {
            0 => 0,
            keep => last.saturating_sub(keep.try_into().unwrap_or(i64::MAX)),
        };
        let oldest_kept = match days {
            0 => 0,
            days => clamp(MessageId {
                ms: now_ms.saturating_sub(days.saturating_mul(DAY_MS)),
                sequence: 0,
            }),
        };
        let victims: Vec<(i64, i64, i64)> = message::table
            .filter(message::conversation_id.eq(self.id))
            .filter(message::number.gt(self.removed_number))
            .order(message::number)
            .limit(most)
            .select((message::id, message::number, message::from_low))
            .load::<(i64, i64, i64)>(connection)?
            .into_iter()
            .take_while(|&(id, number, _)| number <= by_count || id < oldest_kept)
            .collect();
        let Some(&(id, number, from_low)) = victims.last() else {
            return Ok(0);
        };
        let ids: Vec<i64> = victims.iter().map(|&(id, ..)| id).collect();
        search::forget(connection, &ids)?;
        diesel::delete(message::table.filter(message::id.eq_any(&ids))).execute(connection)?;
        diesel::update(conversation::table.find(self.id))
            .set((
                conversation::removed_number.eq(number),
                conversation::removed_from_low.eq(from_low),
                conversation::removed_id.eq(id),
            ))
            .execute(connection)?;
        if number == last {
            self.empty_inboxes(connection)?;
        }
        Ok(victims.len() as i64)
    }

    /// A thread without messages is in no inbox.
    fn empty_inboxes(&self, connection: &mut SqliteConnection) -> QueryResult<()> {
        let (Some(low), Some(high)) = (self.low_account, self.high_account) else {
            return Ok(());
        };
        for side in [(low, high), (high, low)] {
            diesel::update(participant::table.find(side))
                .set(participant::last_message_id.eq(0))
                .execute(connection)?;
        }
        Ok(())
    }
}

fn forget_tokens(connection: &mut SqliteConnection, now_ms: u64) -> QueryResult<()> {
    let long_ago: i64 = now_ms.saturating_sub(DAY_MS).try_into().unwrap_or(i64::MAX);
    diesel::delete(token::table.filter(token::expires_at.lt(long_ago))).execute(connection)?;
    Ok(())
}

/// The highest id there has ever been, even if retention has removed it.
pub fn last_id(connection: &mut SqliteConnection) -> QueryResult<i64> {
    let stored: Option<i64> = message::table
        .select(diesel::dsl::max(message::id))
        .first(connection)?;
    let removed: Option<i64> = conversation::table
        .select(diesel::dsl::max(conversation::removed_id))
        .first(connection)?;
    Ok(stored.max(removed).unwrap_or(0))
}

/// Writes as much as a message may need, to see whether that works.
pub fn touch(connection: &mut SqliteConnection) -> QueryResult<()> {
    diesel::sql_query("INSERT INTO scratch (filler) VALUES (zeroblob(65536))")
        .execute(connection)?;
    diesel::sql_query("DELETE FROM scratch").execute(connection)?;
    Ok(())
}
