//! Checks joins and leaves of channels, and the notices about them.

use std::net::IpAddr;

use chat_server::hub::{Now, Refusal};
use chat_server::model::subscriber::subscriber;
use chat_server::name::Name;

use super::super::invariant::{Check, Invariant, ensure};
use super::super::model::{Model, Move, Slot};
use super::super::names::{ROOMS, Room, bit, nick, room};

/// The period in which new channels are counted.
const MINUTE_MS: u64 = 60_000;

impl Model {
    pub(super) fn joined(&mut self, to: &[Slot], channel: &Name, others: usize, now: Now) -> Check {
        let (slot, room) = (to[0], room(channel));
        let Some(conn) = self.alive_mut(slot) else {
            return Ok(());
        };
        let asked = conn.moves.front().copied();
        // A client that resumes joins first and then gets the missed messages.
        if !matches!(asked, Some(Move::Resume(..))) {
            conn.moves.pop_front();
        }
        let one_channel = conn.profile.one_channel;
        ensure(asked.is_some(), Invariant::MembershipConsistent, || {
            format!("{slot} enters {channel} without a request")
        })?;
        if self.place(slot, room).is_some() {
            ensure(
                asked == Some(Move::Switch),
                Invariant::MembershipConsistent,
                || format!("{slot} is in {channel} already and enters again: {asked:?}"),
            )?;
            if let Some(conn) = self.alive_mut(slot) {
                conn.places.sort_by_key(|place| place.room == room);
            }
        } else {
            let leaves = one_channel || matches!(asked, Some(Move::Switch | Move::Create));
            let current = self.alive(slot).and_then(|conn| conn.places.last());
            if let Some(current) = current.map(|place| place.room)
                && leaves
            {
                self.depart(slot, current, now);
            }
            let joined = self.alive(slot).map_or(0, |conn| conn.places.len());
            let most = match self.limits.channels_per_connection {
                _ if one_channel => 1,
                0 => usize::MAX,
                most => most,
            };
            ensure(joined < most, Invariant::LimitsKept, || {
                format!("{slot} is in {joined} channels and enters {channel}")
            })?;
            self.check_making(slot, room, now)?;
            self.arrive(slot, room)?;
        }
        let known = self.people(room).count_ones() as usize - 1;
        ensure(others == known, Invariant::ListsTrue, || {
            format!("{slot} is told of {others} other people in {channel}, there are {known}")
        })
    }

    /// A client that joins a channel that does not exist makes it.
    fn check_making(&mut self, slot: Slot, room: Room, now: Now) -> Check {
        let address = self.alive(slot).map(|conn| conn.profile.address.ip());
        let Some(address) = address.filter(|_| !self.exists(room)) else {
            return Ok(());
        };
        let maker = subscriber(address);
        let within = |most: usize, count: usize| most == 0 || count < most;
        let (rooms, made) = (self.room_count(), self.made_by(address));
        let limits = &self.limits;
        let a_minute = limits.new_channels_per_minute;
        let right = within(limits.channels, rooms) && within(limits.channels_per_address, made);
        let makings = &mut self.makings;
        makings.retain(|&(_, at_ms)| at_ms + MINUTE_MS > now.ticks_ms);
        let lately = makings.iter().filter(|(by, _)| *by == maker).count();
        // At most a minute's allowance at once, and what has become free since.
        let right = right && (a_minute == 0 || lately < 2 * a_minute);
        makings.push((maker, now.ticks_ms));
        self.channels[room].maker = Some(maker);
        ensure(right, Invariant::LimitsKept, || {
            format!("{slot} makes {room}, one of {rooms}, {made} of {maker}, {lately} lately")
        })
    }

    /// The number of channels.
    pub(super) fn room_count(&self) -> usize {
        (0..ROOMS).filter(|&room| self.exists(room)).count()
    }

    /// The number of channels made by an address.
    pub(super) fn made_by(&self, address: IpAddr) -> usize {
        let maker = Some(subscriber(address));
        let channels = self.channels.iter();
        channels.filter(|channel| channel.maker == maker).count()
    }

    /// Drops the oldest request to enter a channel if this refusal answers it.
    pub(super) fn answered_move(&mut self, slot: Slot, refusal: &Refusal) {
        let about_move = matches!(
            refusal,
            Refusal::AlreadyInChannel(_)
                | Refusal::TooManyChannels(_)
                | Refusal::NoMoreChannels(_)
                | Refusal::TooManyMade(_)
                | Refusal::MadeTooFast(_)
                | Refusal::NoSuchChannel(_)
                | Refusal::ChannelExists(_)
        );
        if let Some(conn) = self.alive_mut(slot)
            && about_move
        {
            conn.moves.pop_front();
        }
    }

    pub(super) fn left(&mut self, to: &[Slot], channel: &Name, now: Now) -> Check {
        self.all_in(to, room(channel))?;
        for &slot in to {
            self.depart(slot, room(channel), now);
        }
        Ok(())
    }

    pub(super) fn member_joined(&mut self, to: &[Slot], channel: &Name, name: &Name) -> Check {
        let room = room(channel);
        self.all_in(to, room)?;
        self.channels[room].came -= 1;
        for &slot in to {
            if let Some(place) = self.place_mut(slot, room) {
                place.view |= bit(nick(name));
            }
        }
        Ok(())
    }

    pub(super) fn member_left(&mut self, to: &[Slot], channel: &Name, name: &Name) -> Check {
        let room = room(channel);
        self.all_in(to, room)?;
        self.channels[room].went -= 1;
        self.told_left(room, nick(name));
        for &slot in to {
            if let Some(place) = self.place_mut(slot, room) {
                place.view &= !bit(nick(name));
            }
        }
        Ok(())
    }

    pub(super) fn members_changed(
        &mut self,
        to: &[Slot],
        channel: &Name,
        (joined, left): (usize, usize),
    ) -> Check {
        let room = room(channel);
        self.all_in(to, room)?;
        // Leaves that are put off are not part of the counts.
        let (late, view) = (self.late_in(room).count() as i64, self.seen_in(room));
        let untold = &mut self.channels[room];
        let (came, went) = (joined as i64, left as i64);
        let right = untold.came == came && untold.went - late == went;
        let right = right && joined + left > 0;
        ensure(right || untold.miscounted, Invariant::NoticesAgree, || {
            let (came, went) = (untold.came, untold.went);
            format!(
                "{channel}: announced {joined} joins and {left} leaves, expected {came} and {went}"
            )
        })?;
        untold.came = 0;
        untold.went = late;
        untold.untold_since = None;
        untold.miscounted = false;
        for &slot in to {
            if let Some(place) = self.place_mut(slot, room) {
                place.view = view;
            }
        }
        Ok(())
    }

    pub(super) fn member_renamed(
        &mut self,
        to: &[Slot],
        channel: &Name,
        from: &Name,
        name: &Name,
    ) -> Check {
        let room = room(channel);
        self.all_in(to, room)?;
        self.channels[room].came -= 1;
        self.channels[room].went -= 1;
        for &slot in to {
            if let Some(place) = self.place_mut(slot, room) {
                place.view = place.view & !bit(nick(from)) | bit(nick(name));
            }
        }
        Ok(())
    }
}
