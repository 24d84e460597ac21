//! The commands that connections send.

use chat_server::hub::{Audience, Command, Effects, Farewell, MessageId, Part, Question, Tag};
use chat_server::name::Name;
use chat_server::store::Window;
use chat_server::text::Text;

use super::super::bug::Bug;
use super::super::invariant::{Check, Invariant, ensure};
use super::super::judge::{MAX_WAITING, TagNumber};
use super::super::model::{Move, Sent, Slot};
use super::super::names::{Nick, channel, nick, room};
use super::super::plan::Ask;
use super::super::store::account_of;
use super::World;

/// Characters of a very long message.
const LONG: usize = 60 * 1024;
/// Most messages with a tag that are remembered, to send them again.
const UNSURE: usize = 16;

impl World {
    pub(super) fn ask(&mut self) -> Check<bool> {
        let Some(slot) = self.some_alive() else {
            return Ok(false);
        };
        let named = self.model.nick_of(slot).is_some();
        // The protocols refuse commands before a login; the hub must not rely
        // on it.
        if !named && !self.random.chance(20) {
            return Ok(false);
        }
        let ask = self.plan.asks.draw(&mut self.random);
        let command = self.command(slot, ask);
        self.submit(slot, command)?;
        Ok(true)
    }

    /// A command from a connection that the hub has ended and whose thread does
    /// not know yet.
    pub(super) fn ask_late(&mut self) -> Check<bool> {
        let late = |conn: &Option<_>| {
            let conn: Option<&super::super::model::Conn> = Option::as_ref(conn);
            conn.is_some_and(|conn| !conn.alive)
        };
        let Some(slot) = self.model.slots.iter().position(late) else {
            return Ok(false);
        };
        let ask = self.plan.asks.draw(&mut self.random);
        let command = self.command(slot, ask);
        self.submit(slot, command)?;
        Ok(true)
    }

    pub(super) fn command(&mut self, slot: Slot, ask: Ask) -> Command {
        match ask {
            Ask::Say => Command::Say {
                channel: self.some_channel_or_current(),
                body: self.words(slot, false, None).into(),
            },
            Ask::SayNothing => Command::Say {
                channel: self.some_channel_or_current(),
                body: Text::clean(" ").into(),
            },
            Ask::Private => {
                let to = self.some_nickname();
                let known = self.model.is_account(slot) && self.store.is_registered(nick(&to));
                Command::Private {
                    account: known.then(|| account_of(nick(&to))),
                    body: self.words(slot, known, None).into(),
                    to,
                }
            }
            Ask::Tagged => self.tagged(slot, None),
            Ask::Resend => {
                let own = self.model.nick_of(slot);
                let of_own = |&&(nick, _): &&(Nick, TagNumber)| Some(nick) == own;
                let again = self.unsure.iter().rev().find(of_own).map(|&(_, tag)| tag);
                self.tagged(slot, again)
            }
            Ask::Resume => self.resume(slot),
            Ask::Typing => Command::Typing(if self.random.chance(600) {
                Audience::Channel(self.some_channel_or_current())
            } else {
                Audience::User(self.some_nickname())
            }),
            Ask::Listen => Command::Listen {
                typing: self.random.chance(800),
            },
            Ask::Join => Command::Join(self.some_channel()),
            Ask::Switch => Command::Switch(self.some_channel()),
            Ask::Create => Command::Create(self.some_channel()),
            Ask::Leave => Command::Leave {
                channel: self.some_channel_or_current(),
                reason: None,
            },
            Ask::Rename => Command::Rename(self.some_unregistered()),
            Ask::Ignore => Command::Ignore(self.some_nickname()),
            Ask::ListIgnored => Command::ListIgnored(self.some_part(false)),
            Ask::Question => Command::Ask {
                question: self.some_question(),
                logged: None,
            },
            Ask::Unignore => Command::Unignore(self.some_nickname()),
            Ask::ListMembers => {
                let channel = self.some_channel_or_current();
                Command::ListMembers(channel, self.some_part(false))
            }
            Ask::ListChannels => Command::ListChannels(self.some_part(true)),
            Ask::History => Command::History {
                channel: self.some_channel_or_current(),
                window: self.some_window(),
                limit: *self.random.pick(&[0, 1, 5, 20, 5000]),
            },
            Ask::Answer => Command::Answer(self.random.next().to_le_bytes().to_vec()),
            Ask::Quit => Command::Quit { reason: None },
            Ask::End => Command::End(Farewell::Flooding),
        }
    }

    fn some_question(&mut self) -> Question {
        let each = Question::each(&self.some_nickname());
        self.random.pick(&each).clone()
    }

    fn some_channel(&mut self) -> Name {
        let room = self.random.below(self.plan.rooms);
        channel(room, self.random.below(2))
    }

    fn some_channel_or_current(&mut self) -> Option<Name> {
        self.random.chance(400).then(|| self.some_channel())
    }

    /// A part of a list, mostly the first.
    fn some_part(&mut self, of_channels: bool) -> Part {
        let mut name = || {
            let wanted = self.random.chance(300);
            wanted.then(|| {
                if of_channels {
                    self.some_channel()
                } else {
                    self.some_nickname()
                }
            })
        };
        Part {
            after: name(),
            prefix: name(),
        }
    }

    /// The connection's thread refuses registered nicknames.
    fn some_unregistered(&mut self) -> Name {
        loop {
            let name = match self.random.chance(900) {
                true => self.some_nickname(),
                // One nickname can never be registered.
                false => super::super::names::nickname(super::super::names::NICKS - 1, 0),
            };
            if !self.store.is_registered(nick(&name)) {
                return name;
            }
        }
    }

    fn some_window(&mut self) -> Window {
        let id = self.store.some_id(&mut self.random);
        match self.random.below(4) {
            0 => Window::Latest,
            1 => Window::Before(id),
            2 => Window::After(id),
            _ => Window::Page(self.random.below(4) as u64),
        }
    }

    /// A text that is sent only once: a number.
    fn words(&mut self, slot: Slot, to_account: bool, tag: Option<TagNumber>) -> Text {
        let number = self.model.sent.len();
        self.model.sent.push(Sent {
            by: self.id(slot),
            to_account,
            tag,
            taken: None,
        });
        if self.random.chance(self.plan.long) {
            Text::clean(&format!("{number} {}", "x".repeat(LONG)))
        } else {
            Text::clean(&number.to_string())
        }
    }

    /// A message with a tag: a new tag, or one used before.
    fn tagged(&mut self, slot: Slot, again: Option<TagNumber>) -> Command {
        let tag = again.unwrap_or_else(|| {
            self.last_tag += 1;
            self.last_tag
        });
        if let Some(nick) = self.model.nick_of(slot)
            && again.is_none()
        {
            if self.unsure.len() == UNSURE {
                self.unsure.remove(0);
            }
            self.unsure.push((nick, tag));
        }
        let message = match self.random.below(8) {
            0 => Command::Say {
                channel: None,
                body: Text::clean(" ").into(),
            },
            1..=5 => Command::Say {
                channel: self.some_channel_or_current(),
                body: self.words(slot, false, Some(tag)).into(),
            },
            _ => Command::Private {
                to: self.some_nickname(),
                account: None,
                body: self.words(slot, false, Some(tag)).into(),
            },
        };
        Command::Tagged {
            tag: Tag::parse(&format!("t{tag}")).expect("a short tag"),
            message: Box::new(message),
        }
    }

    /// Resumes a channel: with the next page, where a client left off, or
    /// anywhere.
    fn resume(&mut self, slot: Slot) -> Command {
        let conn = self.model.alive(slot);
        let paused = conn.and_then(|conn| {
            let mut places = conn.places.iter();
            places.find(|place| place.catching_up.is_some())
        });
        let (room, after) = match paused.map(|place| (place.room, place.past)) {
            Some(page) if self.random.chance(800) => page,
            _ if self.random.chance(600) && !self.left_off.is_empty() => {
                *self.random.pick(&self.left_off)
            }
            _ => (self.random.below(self.plan.rooms), self.some_place()),
        };
        if !self.plan.history {
            self.clients[slot].ask_again(room);
        }
        Command::Resume {
            channel: channel(room, self.random.below(2)),
            after,
        }
    }

    fn some_place(&mut self) -> MessageId {
        match self.random.below(4) {
            0 => MessageId::default(),
            1 => MessageId {
                ms: u64::MAX,
                sequence: 0,
            },
            _ => self.store.some_id(&mut self.random),
        }
    }

    /// Hands a command to the hub.
    pub(super) fn submit(&mut self, slot: Slot, command: Command) -> Check {
        let id = self.id(slot);
        self.trace.act(15, format_args!("{id:?} asks {command:?}"));
        let named = self.model.nick_of(slot).is_some();
        let Some(conn) = self.model.alive_mut(slot) else {
            return self.call(|hub, now, fx| hub.apply(id, command, now, fx));
        };
        conn.has_asked = true;
        let goes = match &command {
            Command::Join(_) => Some(Move::Join),
            Command::Switch(_) => Some(Move::Switch),
            Command::Create(_) => Some(Move::Create),
            Command::Resume { channel, after } => Some(Move::Resume(room(channel), *after)),
            _ => None,
        };
        let goes = goes.filter(|_| named);
        conn.moves.extend(goes);
        let answers = match &command {
            Command::Answer(bytes) => bytes.as_slice().try_into().map(u64::from_le_bytes).ok(),
            _ => None,
        };
        conn.answers.extend(answers);
        let lists = named && matches!(command, Command::ListChannels(_));
        conn.lists += usize::from(lists);
        let wish = match &command {
            Command::Listen { typing } => Some(*typing),
            _ => None,
        };
        conn.wishes.extend(wish);
        if let Some(tag) = tag_of(&command) {
            conn.tags.insert(tag, true);
        }
        self.model.call.overflowed = false;
        self.calls += 1;
        let command = match command {
            Command::Tagged { message, .. } if self.saboteur.is(Bug::ForgetsTags) => *message,
            command => command,
        };
        self.hub.apply(id, command, self.now, &mut self.effects);
        if self.saboteur.is(Bug::CatchesUpUnseen) {
            self.catch_up_unseen(slot);
        }
        self.carry_out()?;
        if self.model.call.overflowed
            && let Some(conn) = self.model.alive_mut(slot)
        {
            // The hub will never carry it out.
            goes.and_then(|_| conn.moves.pop_back());
            answers.and_then(|_| conn.answers.pop_back());
            wish.and_then(|_| conn.wishes.pop_back());
            conn.lists -= usize::from(lists);
        }
        self.model.end_call(self.now.ticks_ms)
    }

    /// Has a connection catch up without the model's knowledge: a fault that
    /// only [`Bug`] plants.
    fn catch_up_unseen(&mut self, slot: Slot) {
        let place = self.model.alive(slot).and_then(|conn| conn.places.last());
        if let Some(room) = place.map(|place| place.room) {
            let resume = Command::Resume {
                channel: channel(room, 0),
                after: MessageId::default(),
            };
            let id = self.id(slot);
            let mut unseen = Effects::default();
            self.hub.apply(id, resume, self.now, &mut unseen);
        }
    }

    /// Sends more commands at once than may wait.
    pub(super) fn flood(&mut self) -> Check<bool> {
        let Some(slot) = self.some_alive() else {
            return Ok(false);
        };
        let command = self.command(slot, Ask::History);
        self.submit(slot, command)?;
        for _ in 0..MAX_WAITING + 50 {
            if self.model.alive(slot).is_none() {
                break;
            }
            self.submit(slot, Command::ListChannels(Part::default()))?;
        }
        let waiting = self.model.alive(slot).map_or(0, |conn| conn.lists);
        // One more command is being carried out.
        ensure(waiting <= MAX_WAITING + 1, Invariant::LimitsKept, || {
            format!("{slot} has {waiting} waiting commands")
        })?;
        Ok(true)
    }

    /// Checks that a command is answered at once when the store is idle.
    pub(super) fn probe(&mut self) -> Check {
        let all: Vec<Slot> = self.model.all_alive().map(|(slot, _)| slot).collect();
        for slot in all {
            if self.model.alive(slot).is_some() {
                self.submit(slot, Command::ListChannels(Part::default()))?;
                self.work_off()?;
            }
            let Some(conn) = self.model.alive(slot) else {
                continue;
            };
            let tags = conn.tags.values().filter(|&&waits| waits).count();
            let left = conn.lists + conn.answers.len() + conn.moves.len();
            let left = left + conn.wishes.len() + tags;
            ensure(left == 0, Invariant::EverythingAnswered, || {
                format!("{slot} still waits for {left} answers")
            })?;
        }
        Ok(())
    }
}

fn tag_of(command: &Command) -> Option<TagNumber> {
    match command {
        Command::Tagged { tag, .. } => tag.as_str().strip_prefix('t')?.parse().ok(),
        _ => None,
    }
}
