//! Who comes to and goes from channels, and who is told.

use chat_server::hub::Refusal;
use chat_server::name::Name;

use super::super::invariant::{Check, Invariant, ensure};
use super::super::model::{Model, Move, Slot};
use super::super::names::{bit, nick, room};

impl Model {
    pub(super) fn joined(&mut self, to: &[Slot], channel: &Name, others: usize) -> Check {
        let (slot, room) = (to[0], room(channel));
        let Some(conn) = self.alive_mut(slot) else {
            return Ok(());
        };
        let asked = conn.moves.front().copied();
        // Who resumes comes in first, and then gets what was missed.
        if !matches!(asked, Some(Move::Resume(..))) {
            conn.moves.pop_front();
        }
        let one_channel = conn.profile.one_channel;
        ensure(asked.is_some(), Invariant::MembershipConsistent, || {
            format!("{slot} is in {channel} and has not asked")
        })?;
        if self.place(slot, room).is_some() {
            ensure(
                asked == Some(Move::Switch),
                Invariant::MembershipConsistent,
                || format!("{slot} was in {channel} and comes in once more: {asked:?}"),
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
                self.depart(slot, current);
            }
            let joined = self.alive(slot).map_or(0, |conn| conn.places.len());
            let most = match self.limits.channels_per_connection {
                _ if one_channel => 1,
                0 => usize::MAX,
                most => most,
            };
            ensure(joined < most, Invariant::LimitsKept, || {
                format!("{slot} is in {joined} channels and comes into {channel}")
            })?;
            self.arrive(slot, room)?;
        }
        let known = self.members(room).count() - 1;
        ensure(others == known, Invariant::ListsTrue, || {
            format!("{slot} is told of {others} others in {channel}, there are {known}")
        })
    }

    /// A request to go somewhere may have been refused.
    pub(super) fn answered_move(&mut self, slot: Slot, refusal: &Refusal) {
        let about_move = matches!(
            refusal,
            Refusal::AlreadyInChannel(_)
                | Refusal::TooManyChannels(_)
                | Refusal::NoSuchChannel(_)
                | Refusal::ChannelExists(_)
        );
        if let Some(conn) = self.alive_mut(slot)
            && about_move
        {
            conn.moves.pop_front();
        }
    }

    pub(super) fn left(&mut self, to: &[Slot], channel: &Name) -> Check {
        self.all_in(to, room(channel))?;
        for &slot in to {
            self.depart(slot, room(channel));
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
        let people = self.people(room);
        let untold = &mut self.channels[room];
        let right = untold.came == joined as i64 && untold.went == left as i64;
        let right = right && joined + left > 0;
        ensure(right || untold.miscounted, Invariant::NoticesAgree, || {
            let (came, went) = (untold.came, untold.went);
            format!("{joined} came to and {left} left {channel}, it was {came} and {went}")
        })?;
        untold.came = 0;
        untold.went = 0;
        untold.untold_since = None;
        untold.miscounted = false;
        for &slot in to {
            if let Some(place) = self.place_mut(slot, room) {
                place.view = people;
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
        for &slot in to {
            if let Some(place) = self.place_mut(slot, room) {
                place.view = place.view & !bit(nick(from)) | bit(nick(name));
            }
        }
        Ok(())
    }
}
