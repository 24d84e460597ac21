//! Who is where: questions for several users at once.

use std::collections::HashSet;

use crate::model::Name;
use crate::model::governance::Role;
use crate::model::name::Form;

use super::channel::ChannelIndex;
use super::governance::Act;
use super::sighting::{Sightings, SightingsFrom};
use super::{ConnectionId, Hub, Now, PAGE_ROWS, Part, Sighting, Sought};

/// The most connections of a user that are looked at for one row.
const MAX_CONNECTIONS: usize = 20;

impl Hub {
    /// Those of these users who are online. The protocol bounds their number.
    pub(super) fn sightings_of(
        &self,
        asker: ConnectionId,
        names: &[Name],
        now: Now,
    ) -> Vec<Sighting> {
        let seen = names.iter().filter_map(|name| {
            let (name, is_on) = self.presence(name.clone());
            let shared = self.shared_channel(asker, &name);
            is_on.then(|| self.sighting(name, shared, now))
        });
        seen.collect()
    }

    /// A page of the users that a question is about, as far as the one who asks may know of
    /// them: of the people from a place on, at most a page is looked at.
    pub fn sightings_from(
        &self,
        asker: ConnectionId,
        sought: &Sought,
        from: SightingsFrom,
        now: Now,
    ) -> Sightings {
        match sought {
            Sought::Channel(channel) => match self.channels.find(channel) {
                Some(index) => self.sightings_in(asker, &[index], sought, from, now),
                None => Sightings::default(),
            },
            Sought::Users(names) => Sightings {
                rows: self.sightings_of(asker, names, now),
                ..Sightings::default()
            },
            Sought::Like(_) => {
                let own = self.nickname_of(asker);
                let own = own.map(|own| self.channels_of_user(&own));
                self.sightings_in(asker, &own.unwrap_or_default(), sought, from, now)
            }
        }
    }

    /// Looks at a page of the members of these channels, from a place on.
    fn sightings_in(
        &self,
        asker: ConnectionId,
        channels: &[ChannelIndex],
        sought: &Sought,
        from: SightingsFrom,
        now: Now,
    ) -> Sightings {
        let mut found = Sightings::default();
        let mut seen = HashSet::new();
        let SightingsFrom { channel, mut after } = from;
        let rest = channels.iter().filter(|&&index| index >= channel);
        for &index in rest {
            let may_ask = self.may(asker, index, &Act::See, now).is_ok();
            let Some(here) = self.channels.get(index).filter(|_| may_ask) else {
                continue;
            };
            // Somewhere else the list begins anew.
            let after = after.take().filter(|_| index == channel);
            let part = Part {
                after,
                prefix: None,
            };
            let mut names = self.member_names(&here.name, &part).peekable();
            while let Some(name) = names.next() {
                found.looked_at += 1;
                let is_sought = match sought {
                    Sought::Like(pattern) => pattern.matches(&Form::of(self.shown(&name))),
                    Sought::Channel(_) | Sought::Users(_) => true,
                };
                if is_sought && seen.insert(name.clone()) {
                    let shared = Some((here.name.clone(), self.role_in(index, &name)));
                    found.rows.push(self.sighting(name.clone(), shared, now));
                }
                if found.looked_at >= PAGE_ROWS {
                    let next = match names.peek() {
                        Some(_) => (index, Some(name)),
                        None => (index + 1, None),
                    };
                    found.next = Some(SightingsFrom {
                        channel: next.0,
                        after: next.1,
                    });
                    return found;
                }
            }
        }
        found
    }

    fn sighting(&self, name: Name, channel: Option<(Name, Option<Role>)>, now: Now) -> Sighting {
        let user = self.users.get(name.key());
        let connections = user.map(|user| user.connections()).unwrap_or_default();
        let connections = connections.iter().take(MAX_CONNECTIONS);
        let spoke = connections.filter_map(|&id| Some(self.connection(id)?.spoke_ms));
        Sighting {
            face: self.face_of(&name).unwrap_or_default(),
            is_away: self.away_of(&name).is_some(),
            idle_ms: spoke.max().map(|at| now.ticks_ms.saturating_sub(at)),
            channel,
            name,
        }
    }

    /// A channel that a connection shares with a user, and what the user is in it.
    fn shared_channel(&self, asker: ConnectionId, name: &Name) -> Option<(Name, Option<Role>)> {
        let connection = self.connection(asker)?;
        let mut shared = connection.memberships.iter().rev().map(|it| it.channel);
        let index = shared.find(|&index| self.user_is_in(name, index))?;
        let channel = self.channels.get(index)?;
        Some((channel.name.clone(), self.role_in(index, name)))
    }
}
