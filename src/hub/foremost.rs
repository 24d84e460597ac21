//! The members of a large channel whom a client that comes in should know before others:
//! those with a role, and those who spoke last.

use std::collections::HashSet;
use std::sync::Arc;

use crate::model::Name;

use super::channel::ChannelIndex;
use super::page::Page;
use super::rows::Member;
use super::{ConnectionId, Hub};

/// The most members with a role that are looked for.
const MOST: usize = 100;

impl Hub {
    /// The first page of the members of a channel as a client gets it that keeps a list of
    /// them: if there are more than fit, it begins with the foremost.
    pub(super) fn with_foremost(
        &mut self,
        id: ConnectionId,
        index: ChannelIndex,
        page: Arc<Page<Member>>,
    ) -> Arc<Page<Member>> {
        let keeps_roster = self.connection(id);
        let keeps_roster = keeps_roster.is_some_and(|it| it.profile.keeps_rosters);
        if !page.more || page.part.after.is_some() || !keeps_roster {
            return page;
        }
        let foremost = self.foremost(index, &page.rows);
        let rows = foremost.into_iter().chain(page.rows.iter().cloned());
        let page = Arc::new(Page::new(page.part.clone(), rows.collect(), true));
        self.note_listed(id, index, &page);
        page
    }

    /// The foremost members that these rows leave out.
    fn foremost(&self, index: ChannelIndex, rows: &[Member]) -> Vec<Member> {
        let Some(channel) = self.channels.get(index) else {
            return Vec::new();
        };
        let mut known: HashSet<Arc<str>> = rows.iter().map(|row| row.name.key().clone()).collect();
        let governed = channel.governed.as_deref();
        let present = governed.into_iter().flat_map(|governed| governed.roles());
        let present = present.filter_map(|(key, _)| Some(self.users.get(key)?.name.clone()));
        let kept = governed.into_iter().flat_map(|it| it.rules.grants.keys());
        let kept = kept.filter_map(|&account| Some(self.users.owner_of(account)?.name.clone()));
        let spoke = channel
            .past
            .recent()
            .into_iter()
            .map(|message| message.author);
        let names = present.take(MOST).chain(kept.take(MOST)).chain(spoke);
        let is_there = |name: &Name| {
            channel.has(&self.users.listed(name)) || self.is_remote_member(name, &channel.name)
        };
        let news = names.filter(|name| is_there(name) && known.insert(name.key().clone()));
        let members = news.map(|name| Member {
            role: self.role_in(index, &name),
            away: self.away_of(&name).cloned(),
            face: self.face_of(&name).unwrap_or_default(),
            name,
        });
        members.collect()
    }
}
