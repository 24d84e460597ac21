//! Reading conversations: by page, by id, and as an inbox.
//!
//! The messages of a conversation are numbered without gaps, so every page is one range of numbers
//! and takes equally long to find.

use diesel::prelude::*;

use super::amended;
use super::schema::{MESSAGE, account, conversation, message, participant};
use crate::model::key::clamp;
use crate::model::{AccountId, Conversation, History, MAX_ROWS, MessageId, ThreadSummary, Window};
use crate::store::amendments::DELETED;
use crate::store::row::{MessageRow, name, stored};

/// Where a conversation begins.
#[derive(Queryable)]
pub struct Extent {
    pub id: i64,
    pub low_account: Option<i64>,
    pub high_account: Option<i64>,
    pub removed_number: i64,
    removed_from_low: i64,
    pub removed_id: i64,
}

/// Selects an [`Extent`].
const EXTENT: (
    conversation::id,
    conversation::low_account,
    conversation::high_account,
    conversation::removed_number,
    conversation::removed_from_low,
    conversation::removed_id,
) = (
    conversation::id,
    conversation::low_account,
    conversation::high_account,
    conversation::removed_number,
    conversation::removed_from_low,
    conversation::removed_id,
);

/// See [`crate::store::Store::history`].
pub fn history(
    connection: &mut SqliteConnection,
    conversation: &Conversation,
    window: Window,
    limit: usize,
) -> QueryResult<History> {
    let Some(extent) = extent(connection, conversation)? else {
        return Ok(History::default());
    };
    let rows = limit.min(MAX_ROWS) as i64;
    let last = extent.last_number(connection)?;
    // A page may be far beyond the last one.
    let downwards = |end: i64| (end.saturating_sub(rows - 1), end);
    let (start, end) = match window {
        Window::Latest => downwards(last),
        Window::Before(id) => downwards(extent.number_at(connection, clamp(id) - 1)?),
        Window::Page(page) => {
            let before = i64::try_from(page.saturating_sub(1)).unwrap_or(i64::MAX);
            downwards(last.saturating_sub(before.saturating_mul(rows)))
        }
        Window::After(id) => {
            let start = extent.number_at(connection, clamp(id))? + 1;
            (start, last.min(start + rows - 1))
        }
    };
    let (more, gap) = match window {
        Window::After(id) => (end < last, extent.removed_id > clamp(id)),
        _ => (start > extent.removed_number + 1, extent.removed_number > 0),
    };
    let rows: Vec<MessageRow> = message::table
        .filter(message::conversation_id.eq(extent.id))
        .filter(message::number.between(start, end))
        .order(message::number)
        .select(MESSAGE)
        .load(connection)?;
    let rows = rows.into_iter();
    let messages = rows.map(|row| stored(row, conversation));
    let messages = messages.collect::<QueryResult<_>>()?;
    let history = History {
        newest: None,
        messages,
        amended: Vec::new(),
        reacted: Vec::new(),
        more,
        gap,
    };
    match window {
        Window::After(id) => amended::since(connection, extent.id, conversation, id, history),
        _ => Ok(history),
    }
}

/// See [`crate::store::Store::inbox`].
pub fn inbox(
    connection: &mut SqliteConnection,
    account: AccountId,
    page: u64,
    per_page: usize,
) -> QueryResult<Vec<ThreadSummary>> {
    let per_page = per_page.min(MAX_ROWS) as i64;
    let before = i64::try_from(page.saturating_sub(1)).unwrap_or(i64::MAX);
    type Row = ((i64, String, i64), (i64, i64), MessageRow);
    let rows: Vec<Row> = participant::table
        .inner_join(account::table)
        .inner_join(message::table)
        .filter(participant::account_id.eq(account.0))
        .filter(participant::last_message_id.gt(0))
        .order(participant::last_message_id.desc())
        .limit(per_page)
        .offset(before.saturating_mul(per_page))
        .select((
            (
                participant::peer_id,
                account::username,
                participant::received_read,
            ),
            (message::number, message::from_low),
            MESSAGE,
        ))
        .load(connection)?;
    let mut summary = |((peer, username, read), (number, from_low), latest): Row| {
        let peer_is_low = peer < account.0;
        let received = received(peer_is_low, peer == account.0, number, from_low);
        let unread = received - read;
        let unread = match unread > 0 {
            true => unread - deleted_since(connection, (account.0, peer), (read, number))?,
            false => 0,
        };
        Ok(ThreadSummary {
            peer: AccountId(peer),
            peer_name: name(&username)?,
            latest: stored(latest, &Conversation::Thread(account, AccountId(peer)))?,
            unread: u64::try_from(unread).unwrap_or(0),
        })
    };
    rows.into_iter().map(&mut summary).collect()
}

/// How many messages of the peer were deleted before an account had read them, up to a message. Few
/// messages are changed, and those are indexed.
fn deleted_since(
    connection: &mut SqliteConnection,
    (account, peer): (i64, i64),
    (read, up_to): (i64, i64),
) -> QueryResult<i64> {
    let thread = Conversation::Thread(AccountId(account), AccountId(peer));
    let Some(id) = conversation_id(connection, &thread)? else {
        return Ok(0);
    };
    let deleted: Vec<(i64, i64)> = message::table
        .filter(message::conversation_id.eq(id))
        .filter(message::changed.is_not_null())
        .filter(message::kind.eq(DELETED))
        .filter(message::account_id.eq(peer))
        .filter(message::number.le(up_to))
        .select((message::number, message::from_low))
        .load(connection)?;
    let unread = deleted.iter().filter(|(number, from_low)| {
        received(peer < account, peer == account, *number, *from_low) > read
    });
    Ok(unread.count() as i64)
}

/// See [`crate::store::Store::mark_read`].
pub fn mark_read(
    connection: &mut SqliteConnection,
    account: AccountId,
    peer: AccountId,
    up_to: MessageId,
) -> QueryResult<()> {
    let Some(extent) = extent(connection, &Conversation::Thread(account, peer))? else {
        return Ok(());
    };
    let number = extent.number_at(connection, clamp(up_to))?;
    let from_low: Option<i64> = message::table
        .filter(message::conversation_id.eq(extent.id))
        .filter(message::number.eq(number))
        .select(message::from_low)
        .get_result(connection)
        .optional()?;
    let from_low = from_low.unwrap_or(extent.removed_from_low);
    let peer_is_low = extent.low_account == Some(peer.0);
    let read = received(peer_is_low, peer == account, number, from_low);
    // A marker never goes back.
    diesel::update(participant::table.find((account.0, peer.0)))
        .filter(participant::received_read.lt(read))
        .set(participant::received_read.eq(read))
        .execute(connection)?;
    Ok(())
}

/// How many of the first `number` messages of a thread one side received.
fn received(peer_is_low: bool, peer_is_self: bool, number: i64, from_low: i64) -> i64 {
    match (peer_is_self, peer_is_low) {
        (true, _) => 0,
        (false, true) => from_low,
        (false, false) => number - from_low,
    }
}

/// The id of the row of a conversation, if it has ever had a message.
pub fn conversation_id(
    connection: &mut SqliteConnection,
    of: &Conversation,
) -> QueryResult<Option<i64>> {
    Ok(extent(connection, of)?.map(|extent| extent.id))
}

/// A conversation, if it has ever had a message.
pub fn extent(connection: &mut SqliteConnection, of: &Conversation) -> QueryResult<Option<Extent>> {
    match of {
        Conversation::Channel(name) => conversation::table
            .filter(conversation::channel_key.eq(&**name.key()))
            .select(EXTENT)
            .get_result(connection)
            .optional(),
        Conversation::Thread(one, other) => conversation::table
            .filter(conversation::low_account.eq(one.min(other).0))
            .filter(conversation::high_account.eq(one.max(other).0))
            .select(EXTENT)
            .get_result(connection)
            .optional(),
    }
}

/// Some conversations, in the order of their rows.
pub fn extents_after(
    connection: &mut SqliteConnection,
    row: i64,
    limit: i64,
) -> QueryResult<Vec<Extent>> {
    conversation::table
        .filter(conversation::id.gt(row))
        .order(conversation::id)
        .limit(limit)
        .select(EXTENT)
        .load(connection)
}

impl Extent {
    /// The number of the newest message.
    pub fn last_number(&self, connection: &mut SqliteConnection) -> QueryResult<i64> {
        let last: Option<i64> = message::table
            .filter(message::conversation_id.eq(self.id))
            .select(diesel::dsl::max(message::number))
            .get_result(connection)?;
        Ok(last.unwrap_or(self.removed_number))
    }

    /// The number of the newest message whose id is at most `id`.
    pub fn number_at(&self, connection: &mut SqliteConnection, id: i64) -> QueryResult<i64> {
        if id <= self.removed_id {
            return Ok(self.removed_number);
        }
        let exactly: Option<i64> = message::table
            .find(id)
            .filter(message::conversation_id.eq(self.id))
            .select(message::number)
            .get_result(connection)
            .optional()?;
        match exactly {
            Some(number) => Ok(number),
            None => self.number_below(connection, id),
        }
    }

    /// A binary search over the numbers: twenty steps for a million. An index by id would save
    /// them, but would cost every message a write.
    fn number_below(&self, connection: &mut SqliteConnection, id: i64) -> QueryResult<i64> {
        let (mut low, mut high) = (self.removed_number, self.last_number(connection)?);
        while low < high {
            let middle = low + (high - low + 1) / 2;
            let at_middle: Option<i64> = message::table
                .filter(message::conversation_id.eq(self.id))
                .filter(message::number.eq(middle))
                .select(message::id)
                .get_result(connection)
                .optional()?;
            match at_middle {
                Some(at_middle) if at_middle > id => high = middle - 1,
                Some(_) | None => low = middle,
            }
        }
        Ok(low)
    }
}
