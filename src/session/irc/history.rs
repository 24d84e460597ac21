//! CHATHISTORY: the past of channels and of conversations with other accounts. The
//! connection's own thread reads it; the hub says how much of it the client may see.

use std::ops::RangeInclusive;

use crate::account::Accounts;
use crate::hub::{Command, PAGE_ROWS, Refusal, Seen};
use crate::model::{Account, Conversation, History, MessageId, Name, Window};
use crate::protocol::irc::Cap;
use crate::protocol::irc::history::{self, Bound, Fault, Pair, Part, Told, Wanted};
use crate::protocol::irc::message::Message as Line;
use crate::protocol::irc::numerics::ERR_NEEDMOREPARAMS;
use crate::protocol::irc::requests::Request;

use super::IrcSession;
use crate::session::attached::Flow;

/// Why there is no answer.
enum NoHistory {
    /// The target is not one whose past the client may see.
    Target,
    /// The server keeps none.
    NotKept,
    /// The store cannot say, or the hub does not answer.
    Failed,
}

/// What a client may read of a conversation: what the hub says of a channel, or all of a
/// thread of its own account.
struct Readable {
    conversation: Conversation,
    /// The message after which it may.
    after: MessageId,
}

impl IrcSession {
    pub(super) fn chathistory(&mut self, line: &Line<'_>) -> Flow {
        let subcommand = line.param(0).to_ascii_uppercase();
        if subcommand.is_empty() {
            let words = "Not enough parameters";
            return self.numeric(ERR_NEEDMOREPARAMS, &["CHATHISTORY", words]);
        }
        if subcommand == "TARGETS" {
            return match targets_wanted(line) {
                Ok((from, to, limit)) => self.say_targets(from, to, limit),
                Err(fault) => self.history_fault(fault, &subcommand),
            };
        }
        let rest = line.params.get(2..).unwrap_or_default();
        match history::wanted(&subcommand, rest) {
            Ok(wanted) => self.say_history(&subcommand, line.param(1), wanted),
            Err(fault) => self.history_fault(fault, &subcommand),
        }
    }

    fn history_fault(&mut self, fault: Fault, subcommand: &str) -> Flow {
        let (code, words) = fault.words();
        self.fail("CHATHISTORY", code, &[subcommand], words)
    }

    fn no_history(&mut self, why: &NoHistory, subcommand: &str, target: &str) -> Flow {
        let (code, words) = match why {
            NoHistory::Target => ("INVALID_TARGET", "You cannot read the history of that"),
            NoHistory::NotKept => ("MESSAGE_ERROR", "This server keeps no history"),
            NoHistory::Failed => ("MESSAGE_ERROR", "The history cannot be read at the moment"),
        };
        self.fail("CHATHISTORY", code, &[subcommand, target], words)
    }

    fn say_history(&mut self, subcommand: &str, target: &str, wanted: (Wanted, usize)) -> Flow {
        // What the client has sent before is in its place.
        let _ = (self.attached.context.hub).wait_until_settled(self.attached.id);
        let said = match target.strip_prefix('#').map(Name::parse) {
            Some(Ok(channel)) => self.channel_history(subcommand, target, channel, wanted),
            Some(Err(_)) => Err(NoHistory::Target),
            None => self.thread(target, wanted),
        };
        match said {
            Ok(flow) => flow,
            Err(why) => self.no_history(&why, subcommand, target),
        }
    }

    fn channel_history(
        &mut self,
        subcommand: &str,
        target: &str,
        channel: Name,
        (wanted, limit): (Wanted, usize),
    ) -> Result<Flow, NoHistory> {
        let (channel, readable) = self.readable(channel)?;
        let count = self.change_count()?;
        let messages = self.read(&readable, wanted.parts(limit))?;
        let (messages, seen) = self.mend(count, messages)?;
        let bytes = self.written(target, &messages, None);
        let request = Request {
            command: "CHATHISTORY",
            target,
            detail: subcommand,
            ..Request::default()
        };
        let answer = Command::AnswerFromPast {
            channel,
            after: readable.after,
            bytes,
        };
        let answer = Command::AsSeen {
            seen,
            answer: Box::new(answer),
        };
        Ok(self.ask(&request, answer))
    }

    fn written(&self, target: &str, told: &[Told], pair: Option<Pair<'_>>) -> Vec<u8> {
        let about = (pair, self.wants_reactions());
        self.lines(|_, lines| history::write(target, told, about, lines))
    }

    /// Whether the client is told what reactions earlier messages have.
    fn wants_reactions(&self) -> bool {
        self.reader.has(Cap::EventPlayback) && self.reader.has(Cap::MessageTags)
    }

    fn change_count(&self) -> Result<u64, NoHistory> {
        let changes = self.attached.context.hub.changes();
        changes.map_err(|_| NoHistory::Failed)
    }

    /// Applies to what was read after so many changes what has become of it meanwhile.
    fn mend(&self, after: u64, mut told: Vec<Told>) -> Result<(Vec<Told>, Seen), NoHistory> {
        let mended = self.attached.context.hub.ask(move |hub, _, _| {
            let messages = told.iter_mut().filter_map(|told| match told {
                Told::Message(message) => Some(message),
                Told::Whisper(_) | Told::Change(_) => None,
            });
            let seen = hub.mend_read(after, messages);
            (told, seen)
        });
        mended.map_err(|_| NoHistory::Failed)
    }

    /// A channel that the client is in, and what it may read of it.
    fn readable(&self, channel: Name) -> Result<(Name, Readable), NoHistory> {
        let id = self.attached.id;
        let readable = self.attached.context.hub.ask(move |hub, now, _| {
            let readable = hub.readable_part(id, Some(channel), now)?;
            match hub.keeps_history() {
                true => Ok(readable),
                false => Err(Refusal::NoHistory),
            }
        });
        match readable {
            Ok(Ok((channel, after))) => {
                let conversation = Conversation::Channel(channel.clone());
                Ok((
                    channel,
                    Readable {
                        conversation,
                        after,
                    },
                ))
            }
            Ok(Err(Refusal::NoHistory)) => Err(NoHistory::NotKept),
            Ok(Err(_)) => Err(NoHistory::Target),
            Err(_) => Err(NoHistory::Failed),
        }
    }

    fn thread(
        &mut self,
        target: &str,
        (wanted, limit): (Wanted, usize),
    ) -> Result<Flow, NoHistory> {
        let (own, peer) = match (self.account.clone(), self.registered(target)) {
            (Some(own), Ok(peer)) => (own, peer),
            (_, Err(NoHistory::Failed)) => return Err(NoHistory::Failed),
            _ => return self.whispers(target, (wanted, limit)),
        };
        let readable = Readable {
            conversation: Conversation::Thread(own.id, peer.id),
            after: MessageId::default(),
        };
        let count = self.change_count()?;
        let messages = self.read(&readable, wanted.parts(limit))?;
        let (messages, seen) = self.mend(count, messages)?;
        self.refresh_nick();
        let pair = Pair {
            own: (own.id, &own.username),
            peer: &peer.username,
        };
        let bytes = self.written(target, &messages, Some(pair));
        if bytes.is_empty() {
            // Nothing at all would be the end of the answers.
            return Ok(Flow::Continue);
        }
        let answer = Command::AsSeen {
            seen,
            answer: Box::new(Command::Answer(bytes)),
        };
        Ok(self.answer_with(answer))
    }

    /// What was said to a guest, or as one, which only the hub remembers.
    fn whispers(
        &mut self,
        target: &str,
        (wanted, limit): (Wanted, usize),
    ) -> Result<Flow, NoHistory> {
        let with = Name::parse(target).map_err(|_| NoHistory::Target)?;
        let with = self.terms().nicknames.meant(with);
        let id = self.attached.id;
        let hub = &self.attached.context.hub;
        let whispers = hub.ask(move |hub, _, _| hub.whispers(id, &with));
        let whispers = whispers.map_err(|_| NoHistory::Failed)?;
        if whispers.is_empty() {
            return Err(NoHistory::Target);
        }
        let parts = wanted.parts(limit).into_iter();
        let told: Vec<Told> = parts.flat_map(|part| part.of(&whispers)).collect();
        Ok(self.write(|_, lines| history::write(target, &told, (None, false), lines)))
    }

    fn registered(&self, target: &str) -> Result<Account, NoHistory> {
        let name = Name::parse(target).map_err(|_| NoHistory::Target)?;
        let name = self.terms().nicknames.meant(name);
        let accounts: &Accounts = &self.attached.context.accounts;
        let found = accounts.find(self.attached.asker(), &name);
        let found = found.map_err(|_| NoHistory::Failed)?;
        found.ok_or(NoHistory::Target)
    }

    /// Reads parts of what the client may read.
    fn read(&self, readable: &Readable, parts: Vec<Part>) -> Result<Vec<Told>, NoHistory> {
        let after = readable.after;
        let mut told: Vec<Told> = Vec::new();
        for part in parts.into_iter().filter(|part| part.limit > 0) {
            let window = match part.window {
                Window::After(id) => Window::After(id.max(after)),
                window => window,
            };
            let accounts = &self.attached.context.accounts;
            let history = accounts.question(&self.attached.asker(), |store| {
                store.history(&readable.conversation, window, part.limit)
            });
            let mut history: History = history.map_err(|error| {
                error.log("a history could not be read");
                NoHistory::Failed
            })?;
            history.cut(after.max(part.after), window);
            history::shorten(&mut history, window, self.wants_reactions());
            let edge = edge(&history, window);
            let found = history.messages.into_iter().map(Told::Message);
            let found: Vec<Told> = found.collect();
            let mut changes = self.changes(readable, window, part.limit)?;
            changes.retain(|change| edge.as_ref().is_none_or(|edge| edge.contains(&change.id())));
            let mut found = merged(found, changes, window, part.limit);
            found.retain(|told| told.id() > after.max(part.after) && told.id() < part.before);
            told.extend(found);
        }
        Ok(told)
    }

    /// The changes of a channel in part of its past, for clients that want them.
    fn changes(
        &self,
        readable: &Readable,
        window: Window,
        limit: usize,
    ) -> Result<Vec<Told>, NoHistory> {
        let Conversation::Channel(channel) = &readable.conversation else {
            return Ok(Vec::new());
        };
        if !self.reader.has(Cap::EventPlayback) {
            return Ok(Vec::new());
        }
        let accounts = &self.attached.context.accounts;
        let changes = accounts.question(&self.attached.asker(), |store| {
            store.changes(channel, window, limit)
        });
        let changes = changes.map_err(|error| {
            error.log("the changes of a channel could not be read");
            NoHistory::Failed
        })?;
        Ok(changes.into_iter().map(Told::Change).collect())
    }

    /// The conversations whose newest message is between two places, by the time of that.
    fn say_targets(&mut self, from: Bound, to: Bound, limit: usize) -> Flow {
        let _ = (self.attached.context.hub).wait_until_settled(self.attached.id);
        let id = self.attached.id;
        let hub = &self.attached.context.hub;
        let Ok(channels) = hub.ask(move |hub, now, _| hub.newest_in_own(id, now)) else {
            return self.no_history(&NoHistory::Failed, "TARGETS", "*");
        };
        let channels = channels.into_iter();
        let mut targets: Vec<(String, MessageId)> = channels
            .map(|(channel, newest)| (format!("#{channel}"), newest))
            .collect();
        if let Some(account) = &self.account {
            let accounts = &self.attached.context.accounts;
            let threads = accounts.question(&self.attached.asker(), |store| {
                store.inbox(account.id, 1, PAGE_ROWS)
            });
            let Ok(threads) = threads else {
                return self.no_history(&NoHistory::Failed, "TARGETS", "*");
            };
            let threads = threads.into_iter();
            let nicknames = &self.terms().nicknames;
            let called = threads.map(|it| (nicknames.shown(&it.peer_name), it.latest.id));
            targets.extend(called.map(|(name, newest)| (name.to_string(), newest)));
        }
        let hub = &self.attached.context.hub;
        let Ok(guests) = hub.ask(move |hub, _, _| hub.whispered_with(id)) else {
            return self.no_history(&NoHistory::Failed, "TARGETS", "*");
        };
        for (guest, newest) in guests {
            let guest = self.terms().nicknames.shown(&guest).to_string();
            if targets.iter().all(|(known, _)| *known != guest) {
                targets.push((guest, newest));
            }
        }
        let (low, high) = match from.last <= to.last {
            true => (from, to),
            false => (to, from),
        };
        targets.retain(|(_, newest)| *newest > low.last && *newest < high.first);
        targets.sort_by_key(|(_, newest)| *newest);
        if from.last > to.last {
            targets.reverse();
        }
        targets.truncate(limit);
        self.write(|_, lines| history::write_targets(&targets, lines))
    }
}

/// Where messages of a part of the past are told: beyond there are more of them, and changes
/// from there would make the client believe that there are none between. `None` if
/// everything there is is told.
fn edge(history: &History, window: Window) -> Option<RangeInclusive<MessageId>> {
    if !history.more {
        return None;
    }
    let (first, last) = (history.messages.first()?.id, history.messages.last()?.id);
    Some(match window {
        Window::After(_) => MessageId::default()..=last,
        _ => first..=MessageId::LAST,
    })
}

/// Messages and changes of a part of the past in one order: as many of them as are asked
/// for, from the side from which they are.
fn merged(messages: Vec<Told>, changes: Vec<Told>, window: Window, limit: usize) -> Vec<Told> {
    if changes.is_empty() {
        return messages;
    }
    let mut all = messages;
    all.extend(changes);
    all.sort_by_key(Told::id);
    match window {
        Window::After(_) => all.truncate(limit),
        _ => {
            all.drain(..all.len().saturating_sub(limit));
        }
    }
    all
}

fn targets_wanted(line: &Line<'_>) -> Result<(Bound, Bound, usize), Fault> {
    match line.params.as_slice() {
        [_, from, to, limit, ..] => Ok((
            history::bound(from)?,
            history::bound(to)?,
            history::limit(limit)?,
        )),
        _ => Err(Fault::Params),
    }
}
