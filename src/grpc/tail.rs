//! The live tail: streams what is logged, as it happens.
//!
//! The hub never waits for a reader: it puts entries into a bounded queue and rings the alarm.
//! Entries that do not fit are lost, and the reader is told how many.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_util::stream::Stream;
use futures_util::task::AtomicWaker;
use tonic::Status;

use crate::model::{Entry, Kind, Name};
use crate::watch::{self, Watch, Watcher};

use super::places::Place;
use super::proto::admin::{LogEntry, TailLogResponse, tail_log_response::Item};

/// Entries examined before the other calls of the connection get a turn.
const BATCH: usize = 128;
/// What a reader is told whose token was removed or has expired.
pub const TOKEN_OVER: &str = "the token is no longer valid";

/// Conditions for entries; all must hold.
pub struct Wanted {
    /// Only these kinds; all, if empty.
    pub kinds: Vec<Kind>,
    /// Only entries by or to this nickname.
    pub nick: Option<Name>,
    /// Only entries of this channel.
    pub channel: Option<Name>,
    /// No private messages.
    pub without_private: bool,
}

/// The entries, as a stream. Ends with the chat, and with the token that it was asked for with.
pub struct Tail {
    watch: Watch,
    waker: Arc<AtomicWaker>,
    wanted: Wanted,
    /// The number of losses already reported.
    told: u64,
    /// Whether the last word was said.
    is_over: bool,
    _place: Place,
}

impl Wanted {
    fn takes(&self, entry: &Entry) -> bool {
        let is = |wanted: &Option<Name>, shown: &Option<Arc<str>>| match (wanted, shown) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(wanted), Some(shown)) => {
                wanted.as_str() == &**shown || Name::parse(shown).is_ok_and(|name| name == *wanted)
            }
        };
        !(self.without_private && entry.kind == Kind::Private)
            && (self.kinds.is_empty() || self.kinds.contains(&entry.kind))
            && is(&self.channel, &entry.channel)
            && (is(&self.nick, &entry.nick) || (self.nick.is_some() && is(&self.nick, &entry.to)))
    }
}

impl Tail {
    /// Creates a tail, and the hub's end of it.
    pub fn new(wanted: Wanted, place: Place) -> (Tail, Watcher) {
        let waker = Arc::new(AtomicWaker::new());
        let ring = waker.clone();
        let (watch, watcher) = watch::channel_with_alert(move || ring.wake());
        let tail = Tail {
            watch,
            waker,
            wanted,
            told: 0,
            is_over: false,
            _place: place,
        };
        (tail, watcher)
    }

    fn losses(&mut self) -> Option<Item> {
        let lost = self.watch.lost();
        let missed = lost - std::mem::replace(&mut self.told, lost);
        (missed > 0).then_some(Item::Missed(missed))
    }

    /// What its reader is told at the end, once.
    fn last_word(&mut self) -> Option<Result<TailLogResponse, Status>> {
        let is_told = std::mem::replace(&mut self.is_over, true);
        let is_due = !is_told && self.watch.is_token_over();
        is_due.then(|| Err(Status::unauthenticated(TOKEN_OVER)))
    }
}

impl Stream for Tail {
    type Item = Result<TailLogResponse, Status>;

    fn poll_next(mut self: Pin<&mut Tail>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let tail = &mut *self;
        // Registered before looking, so that entries that come in between wake it.
        tail.waker.register(context.waker());
        let ready = |item| Poll::Ready(Some(Ok(TailLogResponse { item: Some(item) })));
        for _ in 0..BATCH {
            let looked = tail.watch.look();
            match looked {
                Poll::Ready(Some(entry)) if tail.wanted.takes(&entry) => {
                    return ready(Item::Entry(log_entry(entry)));
                }
                Poll::Ready(Some(_)) => {}
                // Entries were lost after those that waited.
                Poll::Ready(None) | Poll::Pending => {
                    return match tail.losses() {
                        Some(missed) => ready(missed),
                        None => looked.map(|_| tail.last_word()),
                    };
                }
            }
        }
        context.waker().wake_by_ref();
        Poll::Pending
    }
}

fn log_entry(entry: Entry) -> LogEntry {
    let text = |text: Option<Arc<str>>| text.map(|text| text.to_string());
    LogEntry {
        at_ms: entry.at_ms,
        kind: entry.kind.word().to_owned(),
        id: entry.id.map(|id| id.to_string()),
        nick: text(entry.nick),
        channel: text(entry.channel),
        to: text(entry.to),
        address: entry.address.map(crate::model::peer::written),
        protocol: entry.protocol.map(str::to_owned),
        text: text(entry.text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grpc::places::Places;
    use futures_util::FutureExt;
    use futures_util::stream::StreamExt;

    fn wanted(kinds: &[Kind], nick: Option<&str>) -> Wanted {
        Wanted {
            kinds: kinds.to_vec(),
            nick: nick.map(|nick| Name::parse(nick).unwrap()),
            channel: None,
            without_private: false,
        }
    }

    fn place() -> Place {
        Places::new(1).take().unwrap()
    }

    fn items(tail: &mut Tail) -> Vec<Item> {
        let mut items = Vec::new();
        while let Some(Some(Ok(next))) = tail.next().now_or_never() {
            items.push(next.item.unwrap());
        }
        items
    }

    #[test]
    fn a_slow_reader_gets_what_waited_and_then_how_much_is_missing() {
        let (mut tail, watcher) = Tail::new(wanted(&[], None), place());
        let entries: Vec<Entry> = (0..watch::QUEUE as u64 + 5)
            .map(|at_ms| Entry::new(at_ms, Kind::Message))
            .collect();
        assert!(watcher.tell(&entries));
        let items = items(&mut tail);
        assert_eq!(items.len(), watch::QUEUE + 1);
        assert_eq!(items.last(), Some(&Item::Missed(5)));
        drop(watcher);
        assert!(matches!(tail.next().now_or_never(), Some(None)));
    }

    #[test]
    fn the_reader_is_told_that_the_token_is_over() {
        let (mut tail, watcher) = Tail::new(wanted(&[], None), place());
        let watcher = watcher.with_token("program:1".to_owned(), None);
        watcher.tell(&[Entry::new(7, Kind::Message)]);
        watcher.end_with_token();
        assert_eq!(items(&mut tail).len(), 1);
        // `items` has taken the last word, after which there is nothing.
        assert!(matches!(tail.next().now_or_never(), Some(None)));
        let (mut tail, watcher) = Tail::new(wanted(&[], None), place());
        watcher.end_with_token();
        let Some(Some(Err(last))) = tail.next().now_or_never() else {
            panic!("no last word");
        };
        assert_eq!(last.code(), tonic::Code::Unauthenticated);
    }

    #[test]
    fn only_what_is_wanted_is_told() {
        let (mut tail, watcher) = Tail::new(wanted(&[Kind::Private], Some("Alice")), place());
        let entry = |kind, nick: &str, to: Option<&str>| Entry {
            nick: Some(nick.into()),
            to: to.map(Into::into),
            ..Entry::new(7, kind)
        };
        watcher.tell(&[
            entry(Kind::Message, "alice", None),
            entry(Kind::Private, "alice", Some("bob")),
            entry(Kind::Private, "bob", Some("ALICE")),
            entry(Kind::Private, "bob", Some("carol")),
        ]);
        let nicks: Vec<Option<String>> = items(&mut tail)
            .into_iter()
            .map(|item| match item {
                Item::Entry(entry) => entry.nick,
                Item::Missed(_) => panic!("nothing was lost"),
            })
            .collect();
        assert_eq!(nicks, [Some("alice".to_owned()), Some("bob".to_owned())]);
    }
}
