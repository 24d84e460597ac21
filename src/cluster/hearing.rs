//! What the hub is told of an entry, however this server has heard of it.

use std::collections::HashMap;
use std::sync::atomic::Ordering;

use crate::hub::{Fate, News, NodeId, Order, Settled};
use crate::model::{Conversation, MessageId, Record};

use super::common::{Common, Life};
use super::entry::{self, LogEntry, Unreadable};
use super::keys::EntryId;
use super::notice::Notice;
use super::stream::Entry;

/// Why a life is over.
pub const MISSING: &str = "what the others wrote meanwhile is no longer there";

/// How far a life has read.
pub struct Cursors {
    pub life: Life,
    pub news: EntryId,
    /// By shard.
    pub logs: Vec<EntryId>,
    /// The news up to which the hub knows who is online on a server.
    pub known: HashMap<NodeId, EntryId>,
}

impl Cursors {
    /// Where a life begins.
    pub fn of(life: &Life) -> Cursors {
        Cursors {
            news: life.start.news,
            logs: life.start.logs.clone(),
            known: HashMap::new(),
            life: life.clone(),
        }
    }
}

/// The entry of a log, if it can be read; otherwise that is counted.
pub fn read_entry(
    common: &Common,
    id: MessageId,
    (node, bytes): (Option<NodeId>, &[u8]),
) -> Option<LogEntry> {
    let read = match node {
        Some(node) => entry::decode(node, id, bytes),
        None => Err(Unreadable::Bad),
    };
    read.map_err(|why| common.skipped(why)).ok()
}

/// What the hub is told of an entry of a log: nothing, one or two things.
pub fn hear_entry(
    common: &Common,
    own: NodeId,
    id: MessageId,
    written: (Option<NodeId>, &[u8]),
) -> [Option<News>; 2] {
    let Some(entry) = read_entry(common, id, written) else {
        return [None, None];
    };
    let is_own = entry.node == own;
    if entry.private_message().is_some() {
        return [to_recipient(&entry), to_sender(&entry, is_own)];
    }
    let heard = match entry.record {
        // The answer to the batch has settled it.
        _ if is_own && is_direct(&entry.record) => None,
        _ if is_own => Some(own_draft(common, &entry)),
        record => Some(others(record)),
    };
    [heard, None]
}

/// Whether a record belongs to a thread between two people.
fn is_direct(record: &Record) -> bool {
    matches!(record.conversation(), Conversation::Thread(..))
}

/// A private message, for its recipient.
pub fn to_recipient(entry: &LogEntry) -> Option<News> {
    let (message, from) = entry.private_message()?;
    Some(News::Private {
        message,
        from: Some(from),
    })
}

/// A private message, for the other connections of its sender.
pub fn to_sender(entry: &LogEntry, is_own: bool) -> Option<News> {
    let (message, from) = entry.private_message()?;
    Some(News::Copy {
        message,
        from: Some(from),
        except: is_own.then_some(entry.sender),
    })
}

/// A draft of this server's own in the log.
pub fn own_draft(common: &Common, entry: &LogEntry) -> News {
    match &common.interest {
        Some(interest) => interest.heard_own(entry.draft),
        None => drop(common.unread.fetch_sub(1, Ordering::AcqRel)),
    }
    News::Settled(Settled {
        draft: entry.draft,
        fate: Fate::Committed(entry.record.id()),
    })
}

/// A record of another server.
pub fn others(record: Record) -> News {
    match record {
        Record::Message(message) => News::Message(message),
        Record::Keyed(keyed) => News::Message(keyed.message),
        Record::Change(change) => News::Changed(change),
        Record::Amend(amendment) => News::Amended(amendment),
        Record::React(reaction) => News::Reacted(reaction),
    }
}

/// Whether something was removed before it was read: the last that was removed comes after what was
/// read, and before the first that is there now. It may have been removed just after it was read.
pub fn is_missing(read: EntryId, removed: Option<EntryId>, first: Option<EntryId>) -> bool {
    removed.is_some_and(|removed| read < removed && first.is_none_or(|first| first > removed))
}

/// Adds what the hub is told of entries of the news, up to the one that ends this life.
pub fn hear_news(
    common: &Common,
    cursors: &mut Cursors,
    entries: Vec<Entry>,
    news: &mut Vec<News>,
) {
    for entry in entries {
        hear_notice(common, cursors, entry, news);
        if common.life().is_over {
            return;
        }
    }
}

fn hear_notice(common: &Common, cursors: &mut Cursors, entry: Entry, news: &mut Vec<News>) {
    cursors.news = entry.id;
    let own = cursors.life.node;
    if let Some(id) = entry.message {
        let heard = hear_entry(common, own, id, (entry.node, &entry.bytes));
        news.extend(heard.into_iter().flatten());
        return;
    }
    let Some(node) = entry.node else {
        return common.skipped(Unreadable::Bad);
    };
    match Notice::decode(&entry.bytes) {
        Err(why) => common.skipped(why),
        Ok(Notice::Gone) if node == own => {
            let why = "the others had not heard from it for too long";
            common.cut_off(cursors.life.number, why);
        }
        // Of two servers that ban the same target at the same moment, the later one in the
        // log wins: both have to know which that is.
        Ok(Notice::Order(order @ (Order::Ban(_) | Order::Unban(_)))) if node == own => {
            news.push(News::Ordered(order));
        }
        // A server knows its own news.
        Ok(_) if node == own => {}
        Ok(Notice::Gone) => {
            cursors.known.remove(&node);
            news.push(News::Gone(node));
        }
        Ok(Notice::Roster(change)) => {
            let known = cursors.known.get(&node);
            if known.is_none_or(|known| *known < entry.id) {
                news.push(News::Roster(node, change));
            }
        }
        Ok(Notice::Order(order)) => news.push(News::Order(order)),
        Ok(Notice::Whisper { message, from }) => {
            news.push(News::Private {
                message: message.clone(),
                from,
            });
            news.push(News::Copy {
                message,
                from,
                except: None,
            });
        }
    }
}
