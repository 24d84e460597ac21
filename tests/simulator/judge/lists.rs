//! Checks lists: a page, in order, with nothing left out.

use std::collections::BTreeSet;

use chat_server::hub::{ChannelRow, Member, Page};
use chat_server::name::{Alphabetical, Name};

use super::super::invariant::{Check, Invariant, ensure};
use super::super::model::{Model, Slot};
use super::super::names::{
    NICKS, Nicks, ROOMS, bit, channel_spellings, nick, nick_spellings, nicks, room, shown,
};

impl Model {
    pub(super) fn members_listed(&self, to: &[Slot], channel: &Name, page: &Page<Member>) -> Check {
        let room = room(channel);
        self.all_in(to, room)?;
        let names = page.rows.iter().map(|row| row.name.clone());
        let page = Page::new(page.part.clone(), names.collect(), page.more);
        self.people_listed(self.people(room), &page, channel)
    }

    pub(super) fn ignored_listed(&self, to: &[Slot], page: &Page<Name>) -> Check {
        let ignored = self.user_of(to[0]).map_or(0, |user| user.ignored);
        self.people_listed(ignored, page, &"those ignored")
    }

    fn people_listed(&self, people: Nicks, page: &Page<Name>, of: &dyn std::fmt::Display) -> Check {
        let listed = nicks(&page.rows);
        let missing = people & !listed;
        let mut missing = (0..NICKS).filter(|&nick| missing & bit(nick) != 0);
        let left_out = missing.find(|&nick| !is_outside(page, &page.rows, nick_spellings(nick)));
        let once = page.rows.iter().map(nick).collect::<BTreeSet<_>>().len();
        let right = listed & !people == 0 && once == page.rows.len() && left_out.is_none();
        let right = right && self.is_in_order(page, &page.rows);
        ensure(right, Invariant::ListsTrue, || {
            let people = shown(people);
            format!("{page:?} is the page of {of}, expected {people}; missing: {left_out:?}")
        })
    }

    pub(super) fn channels_listed(&mut self, to: &[Slot], page: &Page<ChannelRow>) -> Check {
        for &slot in to {
            if let Some(conn) = self.alive_mut(slot) {
                conn.lists = conn.lists.saturating_sub(1);
            }
        }
        let names: Vec<Name> = page.rows.iter().map(|row| row.name.clone()).collect();
        let listed: BTreeSet<usize> = names.iter().map(room).collect();
        let mut missing = (0..ROOMS).filter(|room| self.exists(*room) && !listed.contains(room));
        let left_out = missing.find(|&room| !is_outside(page, &names, channel_spellings(room)));
        let right = |row: &ChannelRow| {
            let room = room(&row.name);
            self.people(room).count_ones() as usize == row.people && self.exists(room)
        };
        let right = page.rows.iter().all(right) && listed.len() == names.len();
        let right = right && left_out.is_none() && self.is_in_order(page, &names);
        ensure(right, Invariant::ListsTrue, || {
            format!("wrong page of channels: {page:?}; missing: {left_out:?}")
        })
    }

    fn is_in_order<T>(&self, page: &Page<T>, names: &[Name]) -> bool {
        let place = |name: &Name| Alphabetical(name.clone());
        let after = page.part.after.as_ref().map(place);
        let is_wanted = |name: &Name| {
            let begins = page.part.prefix.as_ref();
            begins.is_none_or(|prefix| name.begins_like(prefix))
                && after.as_ref().is_none_or(|after| place(name) > *after)
        };
        let sorted = names.is_sorted_by(|one, other| place(one) < place(other));
        let most = self.limits.page_rows;
        let is_full = !page.more || names.len() == most;
        sorted && names.iter().all(is_wanted) && names.len() <= most && is_full
    }
}

/// Whether a name, in some spelling, is on another page of the list.
fn is_outside<T>(page: &Page<T>, names: &[Name], spellings: &[Name]) -> bool {
    let place = |name: &Name| Alphabetical(name.clone());
    let part = &page.part;
    spellings.iter().any(|name| {
        let is_before = part
            .after
            .as_ref()
            .is_some_and(|after| place(name) <= place(after));
        let is_other = part.prefix.as_ref().is_some_and(|it| !name.begins_like(it));
        let last = names.last().filter(|_| page.more);
        is_before || is_other || last.is_some_and(|last| place(name) > place(last))
    })
}
