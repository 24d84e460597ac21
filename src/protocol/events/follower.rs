//! One stream: the channels it follows, and how far it has come in each.
//!
//! Its cursor must be true after every event: all up to it was told, and nothing after it. What the
//! hub tells a connection that is catching up does not come in the order of the ids: pages of
//! missed messages, with the changes of earlier messages, are read from the store, and changes that
//! are made meanwhile are told at once. So while a stream catches up with a channel, changes are
//! held until all before them was told. From then on the hub tells everything in order.

use std::fmt;

use crate::hub::Event;
use crate::model::{MessageId, Name, Place};

use super::cursor::{Cursor, PlaceIn, write_place};

/// The most changes that are held of one channel: two pages of the store, and what happens while
/// they are read. If there are more, the client is told that some are missing.
const MOST_HELD: usize = 4096;

/// Where a stream is in each of its channels.
#[derive(Debug, Default)]
pub struct Follower {
    /// In the order in which the client asked for them.
    channels: Vec<Followed>,
}

/// How a stream begins in a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Begin {
    /// Nothing can have been missed: everything is live at once.
    Live,
    /// With what was said since its place.
    CatchingUp {
        /// Whether that is all that the client has missed.
        is_all: bool,
    },
}

/// A channel that is followed.
#[derive(Debug)]
struct Followed {
    name: Name,
    /// Everything up to this id was told.
    place: MessageId,
    state: State,
}

#[derive(Debug)]
enum State {
    /// Messages that were missed are being told.
    CatchingUp {
        /// Changes of messages, each with its id, in the order of the ids.
        held: Vec<(MessageId, Event)>,
        /// Whether nothing is known to be missing.
        complete: bool,
    },
    /// Everything comes in the order of the ids.
    Live,
    /// It is not followed any more.
    Over,
}

/// What a stream is told of an event.
#[derive(Debug)]
pub enum Taken {
    /// Nothing.
    Nothing,
    /// The event, which is at no place.
    AtNoPlace,
    /// The event, which is the next one of the one channel of the stream, or of one of several.
    Next,
    /// These events, one after the other; each is at a place ([`Follower::move_on`]).
    Several(Vec<Event>),
}

impl Follower {
    /// Follows channels from these places on.
    pub fn new(channels: impl IntoIterator<Item = (Name, MessageId, Begin)>) -> Follower {
        let channels = channels.into_iter().map(|(name, place, begin)| {
            let state = match begin {
                Begin::CatchingUp { is_all } => State::CatchingUp {
                    held: Vec::new(),
                    complete: is_all,
                },
                Begin::Live => State::Live,
            };
            Followed { name, place, state }
        });
        Follower {
            channels: channels.collect(),
        }
    }

    /// How far it has come in a channel.
    pub fn place(&self, channel: &Name) -> Option<MessageId> {
        let followed = self.channels.iter().find(|it| it.name == *channel);
        followed.map(|it| it.place)
    }

    /// Whether none of its channels is followed any more.
    pub fn is_over(&self) -> bool {
        let mut channels = self.channels.iter();
        channels.all(|it| matches!(it.state, State::Over))
    }

    /// Whether its cursor is the same as that of other streams that follow the same channel.
    pub fn is_of_one(&self) -> bool {
        self.channels.len() == 1
    }

    /// The cursor.
    pub fn cursor(&self) -> Cursor {
        let places = self.channels.iter().map(|it| (it.name.clone(), it.place));
        Cursor::of(places)
    }

    /// Takes an event that the hub tells the stream's connection.
    pub fn take(&mut self, event: &Event) -> Taken {
        if let Some((channel, id)) = place_of(event) {
            return self.take_placed(channel, id, event);
        }
        match event {
            Event::Resumed {
                channel,
                complete,
                more,
            } => {
                self.page_ended(channel, *complete, *more);
                Taken::Nothing
            }
            Event::Kicked { channel, .. } | Event::Left { channel, .. } => {
                if let Some(followed) = self.find(channel) {
                    followed.state = State::Over;
                }
                Taken::AtNoPlace
            }
            Event::MemberJoined { channel, .. }
            | Event::MemberLeft { channel, .. }
            | Event::MembersChanged { channel, .. }
            | Event::MemberRenamed { channel, .. } => self.beside(channel),
            Event::Changed(change) => self.beside(&change.channel),
            _ => Taken::Nothing,
        }
    }

    /// Notes that an event that was taken is told. The cursor is true after it.
    pub fn move_on(&mut self, event: &Event) {
        if let Some((channel, id)) = place_of(event)
            && let Some(followed) = self.find(channel)
        {
            followed.place = followed.place.max(id);
        }
    }

    /// Takes note that the hub has told all that was missed of a channel, and what follows is live.
    /// Returns what was held, and whether nothing is missing; `None` if it is not followed.
    pub fn caught_up(&mut self, channel: &Name) -> Option<(Vec<Event>, bool)> {
        let followed = self.find(channel)?;
        match std::mem::replace(&mut followed.state, State::Live) {
            State::CatchingUp { held, complete } => {
                let events = held.into_iter().map(|(_, event)| event);
                Some((events.collect(), complete))
            }
            State::Live => Some((Vec::new(), true)),
            State::Over => {
                followed.state = State::Over;
                None
            }
        }
    }

    fn find(&mut self, channel: &Name) -> Option<&mut Followed> {
        self.channels.iter_mut().find(|it| it.name == *channel)
    }

    /// Takes an event that has no place, unless its channel is not followed any more.
    fn beside(&mut self, channel: &Name) -> Taken {
        match self.find(channel).map(|it| &it.state) {
            Some(State::CatchingUp { .. } | State::Live) => Taken::AtNoPlace,
            Some(State::Over) | None => Taken::Nothing,
        }
    }

    fn take_placed(&mut self, channel: &Name, id: MessageId, event: &Event) -> Taken {
        let Some(followed) = self.find(channel) else {
            return Taken::Nothing;
        };
        if id <= followed.place {
            // It was told before the client was cut off, or with a page.
            return Taken::Nothing;
        }
        match (&mut followed.state, event) {
            (State::Over, _) => Taken::Nothing,
            (State::Live, _) => {
                followed.place = id;
                Taken::Next
            }
            (State::CatchingUp { held, .. }, Event::Message(_)) => {
                let before = held.partition_point(|(held, _)| *held < id);
                let mut events: Vec<Event> = held.drain(..before).map(|(_, it)| it).collect();
                events.push(event.clone());
                Taken::Several(events)
            }
            (State::CatchingUp { held, complete }, _) => {
                hold(held, complete, id, event);
                Taken::Nothing
            }
        }
    }

    /// Notes that a page of missed messages was told.
    fn page_ended(&mut self, channel: &Name, is_complete: bool, more: bool) {
        let Some(followed) = self.find(channel) else {
            return;
        };
        if let State::CatchingUp { held, complete } = &mut followed.state {
            *complete &= is_complete || more;
            if more {
                // The next page begins after the last message, and has all changes since.
                held.clear();
            }
        }
    }
}

/// Holds a change of a message. Of a reaction and of all that the message has by then, which have
/// one id, the latter is kept.
fn hold(held: &mut Vec<(MessageId, Event)>, complete: &mut bool, id: MessageId, event: &Event) {
    let place = held.partition_point(|(held, _)| *held < id);
    let is_full = held.len() >= MOST_HELD;
    match held.get_mut(place).filter(|(held, _)| *held == id) {
        Some((_, known)) if matches!(event, Event::Reactions(_)) => *known = event.clone(),
        Some(_) => {}
        None if is_full => *complete = false,
        None => held.insert(place, (id, event.clone())),
    }
}

/// The channel and the id of an event that has them.
fn place_of(event: &Event) -> Option<(&Name, MessageId)> {
    let (place, id): (&Place, MessageId) = match event {
        Event::Message(message) => (&message.place, message.id),
        Event::Amended(amendment) => (&amendment.place, amendment.id),
        Event::Reacted(reaction) => (&reaction.place, reaction.id),
        Event::Reactions(found) => {
            let last = found.message.body.reactions().and_then(|it| it.last());
            (&found.message.place, last?)
        }
        _ => return None,
    };
    Some((place.channel()?, id))
}

/// The cursor of a stream that follows one channel, after an event.
pub(super) fn place_after(event: &Event) -> Option<PlaceIn<'_>> {
    place_of(event).map(|(channel, id)| PlaceIn(channel, id))
}

/// The cursor.
impl fmt::Display for Follower {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, followed) in self.channels.iter().enumerate() {
            if n > 0 {
                f.write_str(",")?;
            }
            write_place(&followed.name, followed.place, f)?;
        }
        Ok(())
    }
}
