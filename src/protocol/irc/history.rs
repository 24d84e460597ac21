//! CHATHISTORY: which part of a history a client asks for, and how it is told.

use std::sync::Arc;

use crate::hub::{Event, Face, Whisper};
use crate::model::governance::{By, ChannelChange};
use crate::model::time::from_rfc3339;
use crate::model::{AccountId, History, Message, MessageId, Name, Place, Window};
use crate::protocol::rfc3339;

use super::encode::{changed, reaction, say};
use super::lines::Lines;
use super::tags;

/// The most messages of an answer.
pub const MOST: usize = 200;

/// A place in a history that a client has named: the messages after it and before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bound {
    /// The last id that is not after it.
    pub last: MessageId,
    /// The first id that is not before it.
    pub first: MessageId,
}

/// What a client has asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// The newest messages, after a place.
    Latest(Option<Bound>),
    /// The newest messages before a place.
    Before(Bound),
    /// The oldest messages after a place.
    After(Bound),
    /// As many before a place as after it.
    Around(Bound),
    /// Those between two places, from the first one on.
    Between(Bound, Bound),
}

/// What is wrong with a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The subcommand is not known.
    Subcommand,
    /// There are too few parameters, or the limit is no number.
    Params,
    /// A place is neither an id nor a time.
    Reference,
}

impl Fault {
    /// The word for it, and how it reads.
    pub fn words(self) -> (&'static str, &'static str) {
        match self {
            Fault::Subcommand => (
                "INVALID_PARAMS",
                "The subcommand is LATEST, BEFORE, AFTER, AROUND, BETWEEN or TARGETS",
            ),
            Fault::Params => (
                "INVALID_PARAMS",
                "Give a target, the place in its history, and how many messages",
            ),
            Fault::Reference => (
                "INVALID_MSGREFTYPE",
                "A place is written msgid=... or timestamp=...",
            ),
        }
    }
}

/// Reads a place in a history.
pub fn bound(written: &str) -> Result<Bound, Fault> {
    let (kind, value) = written.split_once('=').ok_or(Fault::Reference)?;
    match kind {
        "msgid" => {
            let id: MessageId = value.parse().map_err(|_| Fault::Reference)?;
            Ok(Bound {
                last: id,
                first: id,
            })
        }
        "timestamp" => {
            let ms = from_rfc3339(value).ok_or(Fault::Reference)?;
            let ms = ms.min(MessageId::LAST.ms - 1);
            let at = |ms, sequence| MessageId { ms, sequence };
            Ok(Bound {
                last: at(ms + 1, 0).previous(),
                first: at(ms, 0),
            })
        }
        _ => Err(Fault::Reference),
    }
}

/// Reads a number of messages, which is at most [`MOST`].
pub fn limit(written: &str) -> Result<usize, Fault> {
    let limit: usize = written.parse().map_err(|_| Fault::Params)?;
    Ok(limit.min(MOST))
}

/// Reads what a client asks for of a target: what follows the target.
pub fn wanted(subcommand: &str, rest: &[&str]) -> Result<(Wanted, usize), Fault> {
    let is_known = matches!(
        subcommand,
        "LATEST" | "BEFORE" | "AFTER" | "AROUND" | "BETWEEN"
    );
    if !is_known {
        return Err(Fault::Subcommand);
    }
    let (place, second, count) = match rest {
        [first, second, count, ..] if subcommand == "BETWEEN" => (first, Some(second), count),
        [first, count, ..] if subcommand != "BETWEEN" => (first, None, count),
        _ => return Err(Fault::Params),
    };
    let wanted = match (subcommand, *place) {
        ("LATEST", "*") => Wanted::Latest(None),
        ("LATEST", place) => Wanted::Latest(Some(bound(place)?)),
        ("BEFORE", place) => Wanted::Before(bound(place)?),
        ("AFTER", place) => Wanted::After(bound(place)?),
        ("AROUND", place) => Wanted::Around(bound(place)?),
        (_, place) => Wanted::Between(bound(place)?, bound(second.copied().unwrap_or(place))?),
    };
    Ok((wanted, limit(count)?))
}

/// A part of a history to read, and which of its messages belong to the answer: those
/// after one id and before another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// What to read.
    pub window: Window,
    /// How many messages.
    pub limit: usize,
    /// Messages up to this one are left out.
    pub after: MessageId,
    /// Messages from this one on are left out.
    pub before: MessageId,
}

impl Wanted {
    /// What to read for it, in the order of the answer.
    pub fn parts(self, limit: usize) -> Vec<Part> {
        let (first, last) = (MessageId::default(), MessageId::LAST);
        let part = |window, limit, after, before| Part {
            window,
            limit,
            after,
            before,
        };
        match self {
            Wanted::Latest(bound) => {
                let after = bound.map_or(first, |bound| bound.last);
                vec![part(Window::Latest, limit, after, last)]
            }
            Wanted::Before(at) => vec![part(Window::Before(at.first), limit, first, last)],
            Wanted::After(at) => vec![part(Window::After(at.last), limit, first, last)],
            Wanted::Around(at) => {
                let older = limit / 2;
                let from = at.first.previous();
                vec![
                    part(Window::Before(at.first), older, first, last),
                    part(Window::After(from), limit - older, first, last),
                ]
            }
            Wanted::Between(from, to) if from.last <= to.last => {
                vec![part(Window::After(from.last), limit, first, to.first)]
            }
            Wanted::Between(from, to) => {
                vec![part(Window::Before(from.first), limit, to.last, last)]
            }
        }
    }
}

impl Part {
    /// What belongs to it of messages that are in memory, oldest first.
    pub fn of(self, all: &[Whisper]) -> Vec<Told> {
        let ids = |whisper: &&Whisper| match self.window {
            Window::Before(id) => whisper.message.id < id,
            Window::After(id) => whisper.message.id > id,
            Window::Latest | Window::Page(_) => true,
        };
        let mut found: Vec<&Whisper> = all.iter().filter(ids).collect();
        match self.window {
            Window::After(_) => found.truncate(self.limit),
            _ => {
                found.drain(..found.len().saturating_sub(self.limit));
            }
        }
        found.retain(|it| it.message.id > self.after && it.message.id < self.before);
        found.into_iter().cloned().map(Told::Whisper).collect()
    }
}

/// The people of a direct conversation.
#[derive(Clone, Copy, Debug)]
pub struct Pair<'a> {
    /// The account that reads.
    pub own: (AccountId, &'a Name),
    /// The other one.
    pub peer: &'a Name,
}

/// The most bytes that one reading of a history is written in, roughly: far less than a
/// connection's backlog may hold.
const MOST_BYTES: usize = 384 * 1024;
/// Tags, prefix and command of a line, in bytes.
const AROUND_LINE: usize = 256;
/// Bytes of text that fit a line in any case.
const TEXT_IN_LINE: usize = 256;

/// Keeps of a history what may be written at once: messages of many lines become much
/// longer than their text, as do those with reactions if these are told, too.
pub fn shorten(history: &mut History, window: Window, with_reactions: bool) {
    history.shorten_to(MOST_BYTES, window, |message| {
        let text = message.body.text.as_str();
        let breaks = memchr::memchr_iter(b'\n', text.as_bytes()).count();
        let reactions = message.body.reactions().filter(|_| with_reactions);
        let reactions = reactions.map_or(0, |it| it.given().filter(|given| given.on).count());
        let lines = 1 + breaks + text.len() / TEXT_IN_LINE + reactions;
        message.body.bytes() + lines * AROUND_LINE
    });
}

/// Something that a history tells.
#[derive(Clone, Debug)]
pub enum Told {
    /// A message.
    Message(Message),
    /// A direct message with a guest.
    Whisper(Whisper),
    /// A change of a channel, for clients that want those, too.
    Change(ChannelChange),
}

impl Told {
    /// Its id, by which it is in its place.
    pub fn id(&self) -> MessageId {
        match self {
            Told::Message(message) => message.id,
            Told::Whisper(whisper) => whisper.message.id,
            Told::Change(change) => change.id,
        }
    }
}

/// Writes part of a history as a batch, oldest message first, each with its reactions if the
/// client wants events.
pub fn write(
    target: &str,
    told: &[Told],
    (pair, with_reactions): (Option<Pair<'_>>, bool),
    lines: &mut Lines<'_>,
) {
    let batch = format!("h{}", lines.now_ms() % 1_000_000);
    lines.begin_batch(&batch, &["chathistory", target]);
    for told in told {
        match told {
            Told::Message(message) => {
                write_one(message, pair, lines);
                if with_reactions {
                    write_reactions(message, pair, lines);
                }
            }
            Told::Whisper(whisper) => write_whisper(whisper, lines),
            Told::Change(change) => write_change(change, lines),
        }
    }
    lines.end_batch();
}

fn write_whisper(whisper: &Whisper, lines: &mut Lines<'_>) {
    let message = &whisper.message;
    let face = Face {
        account: whisper.is_by_account.then(|| message.from.clone()),
        ..Face::default()
    };
    let said = (message.id, &message.body);
    let nicknames = &lines.terms.nicknames;
    let (from, to) = (nicknames.shown(&message.from), nicknames.shown(&message.to));
    say((&from, Some(&face)), to.as_str(), said, lines);
}

/// Writes a change of a channel's topic and modes.
fn write_change(change: &ChannelChange, lines: &mut Lines<'_>) {
    let By::User(person) = &change.by else {
        return changed(change, None, lines);
    };
    let face = Face {
        account: person.account.map(|_| person.name.clone()),
        ..Face::default()
    };
    let told = Event::Changed(Arc::new(change.clone()));
    match lines.terms.nicknames.event(&told) {
        Some(Event::Changed(told)) => changed(&told, Some(&face), lines),
        _ => changed(change, Some(&face), lines),
    }
}

/// Writes a message that was said before.
pub fn write_one(message: &Message, pair: Option<Pair<'_>>, lines: &mut Lines<'_>) {
    let (target, has_account) = match (&message.place, pair) {
        (Place::Channel { channel, account }, _) => (format!("#{channel}"), account.is_some()),
        (Place::Direct { from, .. }, Some(pair)) => {
            let is_own = *from == pair.own.0;
            let to = if is_own { pair.peer } else { pair.own.1 };
            (lines.terms.nicknames.shown(to).to_string(), true)
        }
        (Place::Direct { .. }, None) => return,
    };
    // What an account was called then is not known; its name is told beside what it is
    // called now.
    let face = Face {
        account: has_account.then(|| message.author.clone()),
        ..Face::default()
    };
    let said = (message.id, &message.body);
    let author = lines.terms.nicknames.shown(&message.author);
    say((&author, Some(&face)), &target, said, lines);
}

/// Writes what a message has of reactions. They have the time of their message and no id of their
/// own, because clients ask for what follows the last line that they were told: what was said
/// between a message and a late reaction to it must not be passed over.
fn write_reactions(message: &Message, pair: Option<Pair<'_>>, lines: &mut Lines<'_>) {
    let Some(reactions) = message.body.reactions() else {
        return;
    };
    for given in reactions.given().filter(|given| given.on) {
        let Ok(user) = Name::restore(given.user) else {
            continue;
        };
        let target = match (&message.place, pair) {
            (Place::Channel { channel, .. }, _) => format!("#{channel}"),
            (Place::Direct { .. }, Some(pair)) => {
                let is_own = given.account == Some(pair.own.0);
                let to = if is_own { pair.peer } else { pair.own.1 };
                lines.terms.nicknames.shown(to).to_string()
            }
            (Place::Direct { .. }, None) => return,
        };
        let face = Face {
            account: given.account.map(|_| user.clone()),
            ..Face::default()
        };
        let shown = lines.terms.nicknames.shown(&user);
        let tags = tags::given(message.id, &given);
        reaction(
            (&shown, Some(&face)),
            &target,
            (message.id.ms, &tags),
            lines,
        );
    }
}

/// Writes the conversations of a client, each with the time of its newest message.
pub fn write_targets(targets: &[(String, MessageId)], lines: &mut Lines<'_>) {
    let batch = format!("t{}", lines.now_ms() % 1_000_000);
    lines.begin_batch(&batch, &["draft/chathistory-targets"]);
    for (target, newest) in targets {
        let at = rfc3339(newest.ms);
        lines.by_server_words("CHATHISTORY", &["TARGETS", target, &at]);
    }
    lines.end_batch();
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn id(ms: u64, sequence: u64) -> MessageId {
        MessageId { ms, sequence }
    }

    #[test]
    fn a_place_is_an_id_or_a_time() {
        let at = bound("msgid=5-2").unwrap();
        assert_eq!((at.last, at.first), (id(5, 2), id(5, 2)));
        let at = bound("timestamp=1970-01-01T00:00:01.500Z").unwrap();
        assert_eq!(at.first, id(1500, 0));
        assert!(at.last > id(1500, 7) && at.last < id(1501, 0));
        for bad in ["", "*", "msgid=", "timestamp=soon", "5-2"] {
            assert_eq!(bound(bad), Err(Fault::Reference), "{bad}");
        }
        assert!(bound("timestamp=2262-01-01T00:00:00.000Z").is_ok());
    }

    #[test]
    fn a_question_is_read_in_parts() {
        let parts = |sub: &str, rest: &[&str]| {
            let (wanted, limit) = wanted(sub, rest).unwrap();
            wanted.parts(limit)
        };
        let around = parts("AROUND", &["msgid=5-2", "3"]);
        let windows: Vec<_> = around.iter().map(|it| (it.window, it.limit)).collect();
        assert_eq!(
            windows,
            [(Window::Before(id(5, 2)), 1), (Window::After(id(5, 1)), 2)]
        );
        let between = parts("BETWEEN", &["msgid=9-0", "msgid=5-2", "1000"]);
        let expected = Part {
            window: Window::Before(id(9, 0)),
            limit: MOST,
            after: id(5, 2),
            before: MessageId::LAST,
        };
        assert_eq!(between, [expected]);
        assert_eq!(wanted("NEWEST", &[]), Err(Fault::Subcommand));
        assert_eq!(wanted("LATEST", &["*"]), Err(Fault::Params));
        assert_eq!(wanted("BETWEEN", &["msgid=1-1", "9"]), Err(Fault::Params));
        assert_eq!(wanted("BEFORE", &["*", "9"]), Err(Fault::Reference));
    }
}
