//! Judges the hub's effects one by one.
//!
//! [`Model::witness`] gets every effect in order. It checks the effect against
//! the model and then updates the model from it.

mod lists;
mod membership;
mod messages;
mod names;
mod resume;
mod tags;
mod typing;

pub use names::Denied;
pub use resume::{CatchingUp, HELD_MESSAGES};
pub use tags::{TagNumber, Tags};

use std::sync::Arc;

use chat_server::hub::{Chore, ConnectionId, Event, Farewell, Now, Refusal, Reply};
use chat_server::name::Name;

use super::effect::Out;
use super::invariant::{Check, Invariant, ensure};
use super::model::{Model, Slot};
use super::names::{nicks, room};
use super::store::Store;

/// Commands that may wait for one connection.
pub const MAX_WAITING: usize = 1024;

impl Model {
    pub fn witness(&mut self, out: &Out, store: &Store, now: Now) -> Check {
        match out {
            Out::Tell(to, event) => {
                let slots = self.living(to)?;
                self.told(&slots, event, store, now)
            }
            Out::Write(to, bytes) => {
                let slots = self.living(&[*to])?;
                self.written(slots[0], bytes)
            }
            Out::Close(id, farewell) => {
                let slots = self.living(&[*id])?;
                self.closed(slots[0], farewell, now)
            }
            Out::Log(entry) => self.logged(entry, store, now),
            Out::Append(message) => self.appended(message, now),
            Out::Chore(Chore::Recall(recall)) => {
                self.channels[room(&recall.channel)].awaited = Some(recall.number);
                Ok(())
            }
            Out::Chore(Chore::Read(reading)) if reading.catching_up => self.catches_up(reading),
            Out::Chore(
                Chore::Read(_) | Chore::Find(_) | Chore::SetIgnored { .. } | Chore::Keep(_),
            ) => Ok(()),
            Out::Settled(id, committed) => {
                self.settled(*id, *committed);
                Ok(())
            }
        }
    }

    fn living(&self, to: &[ConnectionId]) -> Check<Vec<Slot>> {
        let mut slots = Vec::with_capacity(to.len());
        for &id in to {
            let slot = self.slot_of(id);
            ensure(slot.is_some(), Invariant::LivingOnly, || {
                format!("{id:?} gets an event but does not exist")
            })?;
            slots.extend(slot);
        }
        Ok(slots)
    }

    fn told(&mut self, to: &[Slot], event: &Event, store: &Store, now: Now) -> Check {
        match event {
            Event::Greeting { others } => self.greeted(to, *others),
            Event::Welcome { nickname } => self.welcomed(to, nickname, now),
            Event::Renamed { to: name } => self.renamed(to, name, now),
            Event::Message(message) => self.delivered(to, message, store),
            Event::Private(message) => self.private(to, message),
            Event::PrivateCopy(message) => self.private_copy(to, message),
            Event::PrivateSent(message) => self.private_sent(to, message),
            Event::History {
                channel,
                messages,
                complete,
                ..
            } => self.history(to, channel, messages, *complete, store),
            Event::Joined {
                channel, others, ..
            } => self.joined(to, channel, *others, now),
            Event::Left { channel, .. } => self.left(to, channel, now),
            Event::MemberJoined {
                channel, nickname, ..
            } => self.member_joined(to, channel, nickname),
            Event::MemberLeft {
                channel, nickname, ..
            } => self.member_left(to, channel, nickname),
            Event::MembersChanged {
                channel,
                joined,
                left,
            } => self.members_changed(to, channel, (*joined, *left)),
            Event::MemberRenamed {
                channel,
                from,
                to: name,
            } => self.member_renamed(to, channel, from, name),
            Event::Members { channel, page, .. } => self.members_listed(to, channel, page),
            Event::Channels(page) => self.channels_listed(to, page),
            Event::Ignored(name) => self.ignored(to, name),
            Event::Unignored(name) => self.unignored(to, name),
            Event::IgnoreList(page) => self.ignored_listed(to, page),
            Event::Announcement { .. } => self.announced(to),
            Event::Resumed {
                channel,
                complete,
                more,
            } => self.resumed(to, channel, *complete, *more),
            Event::Stored { tag, id } => self.stored(to, tag, *id, store),
            Event::NotSent { tag, refusal } => self.not_sent(to, tag, refusal, now),
            Event::Typing {
                from,
                channel,
                to: user,
            } => self.typing(to, from, (channel.as_ref(), user.as_ref()), now),
            Event::Listening { typing } => self.listening(to, *typing),
            Event::Role { .. }
            | Event::ChannelRead { .. }
            | Event::ChannelMuted { .. }
            | Event::ChannelNotifies { .. } => Ok(()),
            Event::OwnChannels(_) => Ok(()),
            // No client of the simulator keeps lists of members.
            Event::Roster(_)
            | Event::Signal(_)
            | Event::Amended(_)
            | Event::Reacted(_)
            | Event::Reactions(_)
            | Event::Kicked { .. }
            | Event::Changed(_)
            | Event::Topic { .. }
            | Event::Lists(_)
            | Event::LinkMade { .. }
            | Event::Rules(_)
            | Event::Invited { .. }
            | Event::Away { .. }
            | Event::InviteSent { .. } => ensure(false, Invariant::RefusalsTrue, || {
                format!("{to:?} are told {event:?}, which no client asked for")
            }),
            Event::Answered(reply) => self.answered(reply),
            Event::Refused(refusal) => {
                for &slot in to {
                    self.refused(slot, refusal, now)?;
                }
                Ok(())
            }
        }
    }

    fn answered(&self, reply: &Reply) -> Check {
        match reply {
            Reply::Presence(users) => {
                for (name, on) in users {
                    self.said_to_be_on(name, *on)?;
                }
                Ok(())
            }
            Reply::Seen { user, online, left } => {
                self.said_to_be_on(user, *online)?;
                ensure(!*online || left.is_none(), Invariant::ListsTrue, || {
                    format!("{user} is online, but the hub gives a time of leaving")
                })
            }
            Reply::User(card) => self.said_to_be_on(&card.name, true),
            Reply::Who(seen) => {
                for one in seen {
                    self.said_to_be_on(&one.name, true)?;
                }
                Ok(())
            }
        }
    }

    fn said_to_be_on(&self, name: &Name, on: bool) -> Check {
        let known = self.users[super::names::nick(name)].is_some();
        ensure(on == known, Invariant::ListsTrue, || {
            format!("the hub says that {name} is online: {on}; expected {known}")
        })
    }

    fn greeted(&mut self, to: &[Slot], others: usize) -> Check {
        let opened = self.call.opened.take();
        ensure(to == opened.as_slice(), Invariant::LivingOnly, || {
            format!("{to:?} are greeted, but {opened:?} connected")
        })?;
        let on = self.users.iter().flatten().count();
        ensure(others == on, Invariant::ListsTrue, || {
            format!("the greeting counts {others} users, there are {on}")
        })
    }

    fn announced(&mut self, to: &[Slot]) -> Check {
        for slot in to {
            let waiting = self.call.announced.as_mut();
            let place = waiting.and_then(|all| {
                let place = all.iter().position(|other| other == slot)?;
                Some(all.swap_remove(place))
            });
            ensure(place.is_some(), Invariant::AllTold, || {
                format!("{slot} is told an announcement that it already had or that was never made")
            })?;
        }
        Ok(())
    }

    /// The answer of a connection's own thread is a number.
    fn written(&mut self, slot: Slot, bytes: &[u8]) -> Check {
        let number = bytes.try_into().map(u64::from_le_bytes).ok();
        let expected = self
            .alive_mut(slot)
            .and_then(|conn| conn.answers.pop_front());
        ensure(number == expected, Invariant::OwnOrder, || {
            format!("{slot} gets answer {number:?}, expected {expected:?}")
        })
    }

    fn closed(&mut self, slot: Slot, farewell: &Farewell, now: Now) -> Check {
        if let Some(conn) = self.alive(slot)
            && *farewell == Farewell::LoginTimeout
        {
            let due = conn.deadline.is_some_and(|due| due <= now.ticks_ms);
            ensure(due, Invariant::LimitsKept, || {
                format!(
                    "{slot} timed out; its time to log in ends at {:?}",
                    conn.deadline
                )
            })?;
        }
        if let Some(conn) = self.alive(slot)
            && *farewell == Farewell::TokenRevoked
            && !self.call.revoking
        {
            let due = conn.expiry.is_some_and(|due| due <= now.ticks_ms);
            ensure(due, Invariant::LimitsKept, || {
                format!("{slot} lost its token, which expires at {:?}", conn.expiry)
            })?;
        }
        if self.call.opened == Some(slot) {
            let address = self.alive(slot).map(|conn| conn.profile.address);
            let banned = address.is_some_and(|address| self.bans_address(address, now));
            ensure(banned, Invariant::BansHold, || {
                format!("{slot} is turned away, but its address is not banned")
            })?;
            self.call.opened = None;
        }
        self.end(slot, now);
        Ok(())
    }

    fn ignored(&mut self, to: &[Slot], name: &chat_server::name::Name) -> Check {
        for &slot in to {
            if let Some(own) = self.nick_of(slot)
                && let Some(user) = &mut self.users[own]
            {
                user.ignored |= nicks([name]);
            }
        }
        Ok(())
    }

    fn unignored(&mut self, to: &[Slot], name: &chat_server::name::Name) -> Check {
        let user = self.users[super::names::nick(name)].as_ref();
        let aliases = user.into_iter().flat_map(|user| &user.aliases);
        let set = aliases.fold(nicks([name]), |set, &nick| set | super::names::bit(nick));
        for &slot in to {
            if let Some(own) = self.nick_of(slot)
                && let Some(user) = &mut self.users[own]
            {
                user.ignored &= !set;
            }
        }
        Ok(())
    }

    fn refused(&mut self, slot: Slot, refusal: &Refusal, now: Now) -> Check {
        self.answered_move(slot, refusal);
        if *refusal == Refusal::NotStored {
            return self.told_not_stored(slot, None);
        }
        self.check_reason(slot, refusal, now)
    }

    /// Checks that the reason given for a refusal is true.
    fn check_reason(&mut self, slot: Slot, refusal: &Refusal, now: Now) -> Check {
        let Some(conn) = self.alive(slot) else {
            return Ok(());
        };
        let is_in = |name| self.place(slot, room(name)).is_some();
        let joined = conn.places.len();
        let true_reason = match refusal {
            Refusal::TooManyWaiting(most) => {
                self.call.overflowed = true;
                *most == MAX_WAITING
            }
            Refusal::NicknameInUse(name) => {
                let nick = super::names::nick(name);
                self.users[nick].is_some() || self.is_held(nick, now)
            }
            Refusal::NicknameBanned(name) => self.bans_nick(super::names::nick(name), now),
            Refusal::NoChannel => joined == 0 || conn.name.is_none(),
            Refusal::NotInChannel(name) => !is_in(name),
            Refusal::AlreadyInChannel(name) => is_in(name),
            Refusal::TooManyChannels(most) => {
                *most == self.limits.channels_per_connection && joined >= *most
            }
            Refusal::NoMoreChannels(most) => {
                *most == self.limits.channels && self.room_count() >= *most
            }
            Refusal::TooManyMade(most) => {
                let made = self.made_by(conn.profile.address.ip());
                *most == self.limits.channels_per_address && made >= *most
            }
            Refusal::MadeTooFast(most) => *most == self.limits.new_channels_per_minute,
            Refusal::NoSuchUser(name) => self.users[super::names::nick(name)].is_none(),
            Refusal::NoSuchChannel(name) => !self.exists(room(name)),
            Refusal::ChannelExists(name) => self.exists(room(name)),
            Refusal::ChannelLooksLike(name, other) => {
                name != other && name.resembles(other) && self.exists(room(other))
            }
            // All channels can be seen here.
            Refusal::ChannelNameTaken(_) => false,
            Refusal::NoHistory => !self.limits.history,
            Refusal::NicknameIsAccount => self.is_account(slot),
            Refusal::HistoryUnavailable => self.reading_failed(slot),
            Refusal::NotStored
            | Refusal::NoSuchMessage
            | Refusal::NotAuthor
            | Refusal::NotYourReaction
            | Refusal::TooManySigns(_)
            | Refusal::TooManyOwnSigns(_)
            | Refusal::TooManyReactions(_)
            | Refusal::OnHold(_)
            | Refusal::TooLateToEdit(_)
            | Refusal::TagUsed
            | Refusal::BadName(_)
            | Refusal::CannotAgree
            | Refusal::CannotLookUp
            | Refusal::TooManyHeld
            | Refusal::TooManyHeldForAddress
            | Refusal::AllowanceSpent(_)
            | Refusal::NotOperator(_)
            | Refusal::NotFounder(_)
            | Refusal::InviteOnly(_)
            | Refusal::BannedFromChannel(_)
            | Refusal::WrongKey(_)
            | Refusal::TooManyWrongKeys(_)
            | Refusal::ChannelFull(_)
            | Refusal::NeedsAccount(_)
            | Refusal::CannotSpeak(..)
            | Refusal::SlowMode(..)
            | Refusal::ListFull(..)
            | Refusal::NotOnChannel(..)
            | Refusal::AlreadyOnChannel(..)
            | Refusal::HasRole(..)
            | Refusal::LacksRole(..)
            | Refusal::NotListed(..)
            | Refusal::NoSuchAccount(_)
            | Refusal::TooManyInvited(_)
            | Refusal::NoSuchLink(_)
            | Refusal::ChannelNotRegistered(_)
            | Refusal::ChannelRegistered(_)
            | Refusal::ReasonTooLong(_)
            | Refusal::TooManyRegistered(_)
            | Refusal::MayNotRegister
            | Refusal::GovernanceOff
            | Refusal::NotSupported(_)
            | Refusal::ChangeNotStored
            | Refusal::ChannelIsGlobal
            | Refusal::NicknameRegistered(_) => false,
            Refusal::AccountsOnly(_)
            | Refusal::CannotIgnoreSelf
            | Refusal::NotIgnored(_)
            | Refusal::TooManyIgnored(_)
            | Refusal::EmptyMessage => true,
        };
        ensure(true_reason, Invariant::RefusalsTrue, || {
            format!("{slot} is refused for a reason that is not true: {refusal:?}")
        })
    }

    /// Checks that all these connections are members of a channel.
    fn all_in(&self, to: &[Slot], room: usize) -> Check {
        let stranger = to.iter().find(|&&slot| self.place(slot, room).is_none());
        ensure(stranger.is_none(), Invariant::MembersOnly, || {
            format!("{stranger:?} is told about channel {room} but is not a member")
        })
    }

    /// The number at the start of a text; a long text continues after it.
    fn number(text: &str) -> usize {
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        text[..digits].parse().unwrap_or(usize::MAX)
    }

    fn text_of(text: &Option<Arc<str>>) -> usize {
        text.as_deref().map_or(usize::MAX, Model::number)
    }
}
