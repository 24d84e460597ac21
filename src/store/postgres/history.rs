//! Reading conversations: by page, by id, and as an inbox.

use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Nullable, SmallInt, Text};

use super::amendments;
use super::channels;
use super::conversations::{extent, pair};
use super::schema::{MESSAGE, conversation, message};
use crate::model::key::clamp;
use crate::model::{AccountId, Conversation, History, MAX_ROWS, MessageId, ThreadSummary, Window};
use crate::store::row::{MessageRow, name, stored};

/// See [`crate::store::Store::history`].
pub fn history(
    connection: &mut PgConnection,
    conversation: &Conversation,
    window: Window,
    limit: usize,
) -> QueryResult<History> {
    let Some(extent) = extent(connection, conversation)? else {
        return Ok(History::default());
    };
    let limit = limit.min(MAX_ROWS);
    let rows = limit as i64;
    let all = message::table.filter(message::conversation_id.eq(extent.id));
    // One more than asked for shows whether there are more.
    let all = all.select(MESSAGE).limit(rows + 1).into_boxed();
    let query = match window {
        Window::After(id) => all.filter(message::id.gt(clamp(id))).order(message::id),
        Window::Before(id) => all
            .filter(message::id.lt(clamp(id)))
            .order(message::id.desc()),
        Window::Latest => all.order(message::id.desc()),
        Window::Page(page) => {
            let before = i64::try_from(page.saturating_sub(1)).unwrap_or(i64::MAX);
            all.order(message::id.desc())
                .offset(before.saturating_mul(rows))
        }
    };
    let mut rows: Vec<MessageRow> = query.load(connection)?;
    let more = rows.len() > limit;
    rows.truncate(limit);
    let gap = match window {
        Window::After(id) => extent.removed_id > clamp(id),
        _ => {
            rows.reverse();
            extent.removed_id > 0
        }
    };
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
        Window::After(id) => amendments::since(connection, extent.id, conversation, id, history),
        _ => Ok(history),
    }
}

#[derive(QueryableByName)]
struct Line {
    #[diesel(sql_type = BigInt)]
    peer: i64,
    #[diesel(sql_type = Text)]
    username: String,
    #[diesel(sql_type = BigInt)]
    unread: i64,
    #[diesel(sql_type = BigInt)]
    id: i64,
    #[diesel(sql_type = BigInt)]
    at_ms: i64,
    #[diesel(sql_type = Text)]
    author: String,
    #[diesel(sql_type = Nullable<BigInt>)]
    account_id: Option<i64>,
    #[diesel(sql_type = SmallInt)]
    kind: i16,
    #[diesel(sql_type = Text)]
    text: String,
    #[diesel(sql_type = Nullable<Text>)]
    styled: Option<String>,
    #[diesel(sql_type = Nullable<BigInt>)]
    changed: Option<i64>,
    #[diesel(sql_type = Nullable<BigInt>)]
    reply_to: Option<i64>,
    #[diesel(sql_type = Nullable<Text>)]
    reply_author: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    reactions: Option<String>,
}

/// See [`crate::store::Store::inbox`].
pub fn inbox(
    connection: &mut PgConnection,
    account: AccountId,
    page: u64,
    per_page: usize,
) -> QueryResult<Vec<ThreadSummary>> {
    let per_page = per_page.min(MAX_ROWS) as i64;
    let before = i64::try_from(page.saturating_sub(1)).unwrap_or(i64::MAX);
    // Finding the newest message of each thread is one look-up. Keeping it with the thread would
    // make servers that write to one thread wait for each other.
    let lines: Vec<Line> = diesel::sql_query(
        "WITH thread AS (
             SELECT id, high_account AS peer FROM conversation WHERE low_account = $1
             UNION ALL
             SELECT id, low_account FROM conversation
             WHERE high_account = $1 AND low_account <> $1
         ), line AS (
             SELECT thread.id AS conversation_id, peer, latest.id
             FROM thread CROSS JOIN LATERAL (
                 SELECT id FROM message WHERE conversation_id = thread.id AND kind <> 3
                 ORDER BY id DESC LIMIT 1
             ) AS latest
             ORDER BY latest.id DESC LIMIT $2 OFFSET $3
         )
         SELECT peer, username, m.id, at_ms, author, m.account_id, kind, text, styled, changed,
                reply_to, reply_author, reactions,
                (SELECT count(*) FROM message AS received
                 WHERE received.conversation_id = line.conversation_id
                   AND received.id > coalesce(up_to, 0)
                   AND received.account_id = peer AND peer <> $1
                   AND received.kind <> 3) AS unread
         FROM line
         JOIN account ON account.id = peer
         JOIN message AS m ON m.id = line.id
         LEFT JOIN read_mark
           ON read_mark.account_id = $1 AND read_mark.conversation_id = line.conversation_id
         ORDER BY m.id DESC",
    )
    .bind::<BigInt, _>(account.0)
    .bind::<BigInt, _>(per_page)
    .bind::<BigInt, _>(before.saturating_mul(per_page))
    .load(connection)?;
    let lines = lines.into_iter();
    lines.map(|line| summary(account, line)).collect()
}

fn summary(account: AccountId, line: Line) -> QueryResult<ThreadSummary> {
    let reply = (line.reply_to, line.reply_author);
    let body = (
        line.kind,
        line.text,
        line.styled,
        line.changed,
        reply,
        line.reactions,
    );
    let latest = (line.id, line.at_ms, line.author, line.account_id, body);
    let thread = Conversation::Thread(account, AccountId(line.peer));
    Ok(ThreadSummary {
        peer: AccountId(line.peer),
        peer_name: name(&line.username)?,
        latest: stored(latest, &thread)?,
        unread: u64::try_from(line.unread).unwrap_or(0),
    })
}

/// See [`crate::store::Store::mark_read`]. One statement, so that a marker never goes back, even if
/// another server moves it at the same moment.
pub fn mark_read(
    connection: &mut PgConnection,
    account: AccountId,
    peer: AccountId,
    up_to: MessageId,
) -> QueryResult<()> {
    let (low, high) = pair(account, peer);
    // Only a message that exists can have been read.
    diesel::sql_query(
        "INSERT INTO read_mark (account_id, conversation_id, up_to)
         SELECT $1, conversation_id, max(id) FROM message
         WHERE conversation_id = (SELECT id FROM conversation
                                  WHERE low_account = $2 AND high_account = $3)
           AND id <= $4
         GROUP BY conversation_id
         ON CONFLICT (account_id, conversation_id) DO UPDATE SET up_to = excluded.up_to
         WHERE read_mark.up_to < excluded.up_to",
    )
    .bind::<BigInt, _>(account.0)
    .bind::<BigInt, _>(low)
    .bind::<BigInt, _>(high)
    .bind::<BigInt, _>(clamp(up_to))
    .execute(connection)?;
    Ok(())
}

/// The highest id ever stored, even if retention has removed its message.
pub fn last_id(connection: &mut PgConnection) -> QueryResult<i64> {
    let stored: Option<i64> = message::table
        .select(diesel::dsl::max(message::id))
        .first(connection)?;
    let removed: Option<i64> = conversation::table
        .select(diesel::dsl::max(conversation::removed_id))
        .first(connection)?;
    let changed = channels::last_id(connection)?;
    let amended = amendments::last_id(connection)?;
    Ok(stored.max(removed).max(changed).max(amended).unwrap_or(0))
}
