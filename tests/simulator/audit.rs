//! Compares the hub's own tables with the model.

use chat_server::hub::{After, ChannelInfo, Listing, Place};

use super::invariant::{Check, Invariant, ensure};
use super::judge::{HELD_MESSAGES, MAX_WAITING};
use super::model::Model;
use super::names::{NICKS, Nick, ROOMS, nicks, room, shown};
use super::world::World;
use super::world::administration::BANS;
use super::world::connections::{ADDRESSES, FIRST_PORT};

/// Messages of a channel that the hub keeps for connections that join.
const REMEMBERED: usize = 20;

impl World {
    /// Checks everything that the hub shows of its state.
    pub(super) fn audit(&self) -> Check {
        self.audit_without_lists()?;
        self.audit_users()?;
        self.audit_channels()
    }

    /// Checks what takes no reading of whole lists.
    pub(super) fn audit_without_lists(&self) -> Check {
        self.audit_sizes()?;
        self.audit_ignored()
    }

    fn audit_sizes(&self) -> Check {
        let (counts, sizes, model) = (self.hub.counts(), self.hub.sizes(), &self.model);
        let alive = model.all_alive().count();
        let deadlines = model
            .all_alive()
            .filter(|(_, conn)| conn.deadline.is_some());
        let rooms = (0..ROOMS).filter(|&room| model.exists(room)).count();
        let awaited = model.channels.iter().any(|room| room.awaited.is_some());
        let untold = model.channels.iter();
        let untold = untold.filter(|room| room.came != 0 || room.went != 0 || room.miscounted);
        let places = || model.all_alive().flat_map(|(_, conn)| &conn.places);
        let catching_up = || places().filter_map(|place| place.catching_up.as_ref());
        let reading = catching_up().filter(|those| those.is_reading()).count();
        // The hub may have read a page that it has not published yet.
        let resuming = places().filter(|place| place.resumed || place.catching_up.is_some());
        let resuming = resuming.count();
        let expiries = model.all_alive();
        let expiries = expiries.filter(|(_, conn)| conn.expiry.is_some()).count();
        let tagged = model.drafts.values().filter(|draft| draft.tag.is_some());
        let held_tagged = model.settling().filter(|(_, draft)| draft.tag.is_some());
        let tagged = tagged.count() + held_tagged.count();
        let settling = model.settling().count();
        let bounded = counts.connections == alive
            && counts.users == model.users.iter().flatten().count()
            && counts.channels == rooms
            && sizes.connection_slots <= model.slots.len()
            && sizes.login_deadlines == deadlines.count()
            // One more, if that ends the connection.
            && sizes.waiting_commands <= alive * (MAX_WAITING + 1)
            && sizes.channel_slots <= ROOMS
            && sizes.channel_makers <= ADDRESSES
            && sizes.open_questions <= alive
            && sizes.due_notices <= untold.count()
            && sizes.remembered_messages <= rooms * REMEMBERED
            && (sizes.held_messages == 0 || awaited)
            && sizes.held_messages <= rooms * HELD_MESSAGES
            && catching_up().count() <= sizes.catching_up
            && sizes.catching_up <= resuming
            && sizes.held_for_catching_up <= reading * HELD_MESSAGES
            && sizes.aging_tags == model.tags.remembered()
            && sizes.tags <= sizes.aging_tags + tagged
            && sizes.expiries == expiries
            && sizes.bans <= model.bans.len().max(BANS)
            && sizes.unsettled_messages == model.drafts.len()
            && sizes.held_settlements <= sizes.held_messages
            && sizes.held_settlements == settling
            && sizes.departures <= model.drafts.len() + settling
            && sizes.held_nicknames <= NICKS;
        ensure(bounded, Invariant::MemoryBounded, || {
            let drafts = model.drafts.len();
            let tags = model.tags.remembered();
            format!(
                "{alive} connections, {rooms} channels, {drafts} unsettled, \
                 {resuming} resuming, {reading} of them reading, {tags} tags: {counts:?} {sizes:?}"
            )
        })
    }

    fn audit_users(&self) -> Check {
        let listing = Listing {
            here: true,
            after: After::Nothing,
        };
        let mut users = Vec::new();
        let mut page = self.hub.everybody(&listing);
        // A page may be small, so one call may not bring all users.
        while let (true, Some(last)) = (page.1, page.0.last()) {
            let after = After::Entry(Box::new(last.entry.clone()));
            let next = self.hub.everybody(&Listing { here: true, after });
            users.append(&mut page.0);
            page = next;
        }
        users.append(&mut page.0);
        let named = self.model.all_alive();
        let named = named.filter(|(_, conn)| conn.name.is_some()).count();
        ensure(
            users.len() == named,
            Invariant::MembershipConsistent,
            || format!("the hub lists {} users, expected {named}", users.len()),
        )?;
        for user in users {
            let Place::Here { address, .. } = user.place else {
                continue;
            };
            let slot = usize::from(address.port() - FIRST_PORT);
            let conn = self.model.alive(slot);
            let right = conn.is_some_and(|conn| {
                let name = conn.name.as_ref();
                let rooms = conn.places.iter().map(|place| place.room);
                name.is_some_and(|name| name.as_str() == user.nickname.as_str())
                    && rooms.eq(user.channels.iter().map(room))
            });
            ensure(right, Invariant::MembershipConsistent, || {
                let known = conn.map(|conn| (&conn.name, Model::rooms(conn)));
                format!("the hub lists {user:?}, expected {known:?}")
            })?;
        }
        Ok(())
    }

    fn audit_channels(&self) -> Check {
        let mut all: Vec<ChannelInfo> = Vec::new();
        let mut last: Option<ChannelInfo> = None;
        loop {
            let (page, more) = self.hub.channels(last.as_ref());
            last = page.last().cloned();
            for info in page {
                match all.last_mut() {
                    Some(before) if before.more && before.name == info.name => {
                        before.members.extend(info.members);
                        before.more = info.more;
                    }
                    _ => all.push(info),
                }
            }
            if !more {
                break;
            }
        }
        let rooms = (0..ROOMS).filter(|&room| self.model.exists(room)).count();
        ensure(all.len() == rooms, Invariant::ListsTrue, || {
            format!("the hub lists {all:?}, expected {rooms} channels")
        })?;
        for channel in all {
            let listed = nicks(&channel.members);
            let people = self.model.people(room(&channel.name));
            ensure(listed == people, Invariant::MembershipConsistent, || {
                let people = shown(people);
                format!("the hub lists {channel:?}, expected members {people}")
            })?;
        }
        Ok(())
    }

    fn audit_ignored(&self) -> Check {
        for nick in 0..NICKS {
            self.check_remembered(nick)?;
        }
        Ok(())
    }

    /// Once the store has carried out all changes, it has the account's ignore
    /// list.
    fn check_remembered(&self, nick: Nick) -> Check {
        let user = self.model.users[nick].as_ref();
        let Some(user) = user.filter(|user| user.is_account && !user.unsure) else {
            return Ok(());
        };
        let remembered = self.store.ignored(nick);
        let right = remembered == user.ignored || self.store.is_ignoring(nick);
        ensure(right, Invariant::IgnoreRemembered, || {
            let (remembered, ignored) = (shown(remembered), shown(user.ignored));
            format!("the store's ignore list of {nick} is {remembered}, expected {ignored}")
        })
    }
}
