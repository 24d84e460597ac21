//! Who is where, with which rights: learned from what clients are told and from the
//! changes that are committed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chat_server::hub::{ConnectionId, Draft, MessageId};
use chat_server::model::Record;
use chat_server::model::governance::{Change, ChannelChange, Flag, Key, List, Role};
use chat_server::store::{AccountId, Message};

use super::super::names::{Nick, ROOMS, Room, nick, nickname, room};
use super::law::{Face, Law, concerns};
use super::reacting::Reacting;
use super::screens::Screens;

/// A connection that the hub has.
pub struct Conn {
    pub id: ConnectionId,
    pub nick: Nick,
    pub account: Option<AccountId>,
    pub aliases: Vec<Nick>,
    /// Whether it leaves its channel when it joins another.
    pub one_channel: bool,
    /// Its channels, and when it joined each.
    pub rooms: Vec<(Room, Since)>,
    /// All keys that it has shown.
    pub keys: Vec<Key>,
    /// The hashes of all invitation links that it has followed.
    pub links: Vec<Arc<str>>,
}

/// When a connection joined.
#[derive(Clone, Copy, Debug)]
pub struct Since {
    /// After which message, committed or not.
    pub id: MessageId,
    /// How many messages were committed by then.
    pub committed: usize,
    /// Nothing up to this message was shown to anyone then.
    pub floor: MessageId,
}

/// A channel.
#[derive(Default)]
pub struct Place {
    pub law: Law,
    /// The roles of those who are in it, as far as they are not kept.
    pub roles: BTreeMap<Nick, Role>,
    /// Who is invited.
    pub passes: BTreeSet<Nick>,
    /// When those who are in it last spoke, in slow mode.
    pub spoke: BTreeMap<Nick, u64>,
    /// Uses of links that are being committed.
    pub uses: BTreeMap<Arc<str>, u32>,
    /// The last message when everyone had left, if it was restricted then.
    pub closed: MessageId,
    /// The message that was said last.
    pub newest: MessageId,
    /// The same when the first of those who are in it came: what is said while the past is still
    /// being read does not make it an old channel.
    pub before: MessageId,
}

/// See the module documentation.
pub struct Model {
    pub conns: Vec<Option<Conn>>,
    pub places: [Place; ROOMS],
    pub drafts: BTreeMap<MessageId, Draft>,
    pub last_id: MessageId,
    /// Messages in the order in which the hub has learned that they are committed.
    pub committed: Vec<MessageId>,
    /// Whom changes that were committed in this call have removed, and from where.
    pub removed: Vec<(Room, Nick)>,
    pub screens: Screens,
    pub reacting: Reacting,
    /// What answers of connections' threads show.
    pub answers: BTreeMap<Vec<u8>, Vec<Message>>,
    /// The invitation links that clients were told.
    pub links: Vec<(Room, Arc<str>)>,
    /// The monotonic clock.
    pub ticks_ms: u64,
    /// Where a change has just been committed.
    pub changed: Vec<ChannelChange>,
}

impl Place {
    /// The roles of those who are in it, in the order of the hub's lists.
    pub fn roles_in_order(&self) -> impl Iterator<Item = (Nick, Role)> {
        let roles = self.roles.iter().map(|(nick, role)| (*nick, *role));
        let mut roles: Vec<(Nick, Role)> = roles.collect();
        roles.sort_by_key(|(nick, _)| nickname(*nick, 0).key().clone());
        roles.into_iter()
    }
}

impl Place {
    /// Whether a link lets one more in.
    fn is_let_in_by(&self, hash: &Arc<str>) -> bool {
        let under_way = self.uses.get(hash).copied().unwrap_or_default();
        let uses = self.law.links.get(hash);
        uses.is_some_and(|uses| uses.is_none_or(|left| left > under_way))
    }

    /// Whether one who has spoken has to wait, because of slow mode.
    fn must_wait(&self, nick: Nick, ticks_ms: u64) -> bool {
        let slow_ms = u64::from(self.law.slow) * 1000;
        let last = self.spoke.get(&nick);
        last.is_some_and(|last| last + slow_ms > ticks_ms)
    }
}

impl Conn {
    pub fn face(&self) -> Face {
        Face {
            nick: self.nick,
            account: self.account,
            aliases: self.aliases.clone(),
        }
    }

    pub fn joined(&self, room: Room) -> Option<Since> {
        let place = self.rooms.iter().find(|(it, _)| *it == room);
        place.map(|(_, since)| *since)
    }
}

impl Model {
    pub fn new() -> Model {
        let place = |_| Place {
            law: Law::open(),
            ..Place::default()
        };
        Model {
            conns: Vec::new(),
            places: std::array::from_fn(place),
            drafts: BTreeMap::new(),
            last_id: MessageId::default(),
            committed: Vec::new(),
            removed: Vec::new(),
            screens: Screens::default(),
            reacting: Reacting::default(),
            answers: BTreeMap::new(),
            links: Vec::new(),
            ticks_ms: 0,
            changed: Vec::new(),
        }
    }

    pub fn conn(&self, id: ConnectionId) -> Option<&Conn> {
        let conn = self.conns.get(id.index as usize)?.as_ref()?;
        (conn.id == id).then_some(conn)
    }

    pub fn conn_mut(&mut self, id: ConnectionId) -> Option<&mut Conn> {
        let conn = self.conns.get_mut(id.index as usize)?.as_mut()?;
        (conn.id == id).then_some(conn)
    }

    pub fn is_in(&self, id: ConnectionId, room: Room) -> bool {
        let conn = self.conn(id);
        conn.is_some_and(|conn| conn.joined(room).is_some())
    }

    /// Whether a channel is as a new one: the first in it operates it.
    pub fn is_new(&self, room: Room) -> bool {
        let place = &self.places[room];
        let has_operator = place.roles.values().any(|role| *role >= Role::Operator);
        let is_silent = place.before <= place.law.floor.max(place.closed);
        let open = Law {
            floor: place.law.floor,
            ..Law::open()
        };
        place.law.is_as(&open) && is_silent && !has_operator
    }

    /// The connections in a channel.
    pub fn members(&self, room: Room) -> impl Iterator<Item = &Conn> {
        let conns = self.conns.iter().flatten();
        conns.filter(move |conn| conn.joined(room).is_some())
    }

    pub fn role(&self, conn: &Conn, room: Room) -> Option<Role> {
        let place = &self.places[room];
        let present = place.roles.get(&conn.nick).copied();
        place.law.kept_role(conn.account).max(present)
    }

    pub fn operates(&self, conn: &Conn, room: Room) -> bool {
        self.role(conn, room) >= Some(Role::Operator)
    }

    /// Whether the rules let a connection in, with any of the keys it has shown.
    pub fn admits(&self, conn: &Conn, room: Room) -> bool {
        let place = &self.places[room];
        let law = &place.law;
        let has_link = conn.links.iter().any(|hash| place.is_let_in_by(hash));
        let is_invited = law.belongs(conn.account) || place.passes.contains(&conn.nick) || has_link;
        let has_key = law.key.as_ref().is_none_or(|key| conn.keys.contains(key));
        self.operates(conn, room)
            || !concerns(&law.bans, &conn.face())
                && (!law.has(Flag::RegisteredOnly) || conn.account.is_some())
                && (!law.has(Flag::InviteOnly) || is_invited)
                && (has_key || is_invited)
    }

    pub fn lets_speak(&self, conn: &Conn, room: Room) -> bool {
        let law = &self.places[room].law;
        self.role(conn, room) >= Some(Role::Voice)
            || !law.has(Flag::Moderated)
                && (!law.has(Flag::RegisteredSpeak) || conn.account.is_some())
                && !concerns(&law.mutes, &conn.face())
                && !self.places[room].must_wait(conn.nick, self.ticks_ms)
    }

    /// Whether a connection may know of a channel.
    pub fn shows(&self, id: ConnectionId, room: Room) -> bool {
        let law = &self.places[room].law;
        if !law.has(Flag::Secret) {
            return true;
        }
        // It is the user that is in the channel, by whichever connection.
        self.conn(id).is_some_and(|conn| {
            law.belongs(conn.account) || self.members(room).any(|it| it.nick == conn.nick)
        })
    }

    /// The message after which a member may read a channel.
    pub fn bound(&self, id: ConnectionId, room: Room) -> Option<MessageId> {
        let conn = self.conn(id)?;
        let joined = conn.joined(room)?;
        let place = &self.places[room];
        let grant = conn.account.and_then(|it| place.law.grants.get(&it));
        let since = match (place.law.since, grant) {
            (false, _) => MessageId::default(),
            (true, Some((_, since))) => joined.id.min(*since),
            (true, None) => joined.id,
        };
        Some(since.max(place.law.floor).max(place.closed))
    }

    /// Whether a message was committed only after a member had joined: it was not said
    /// before then, whatever its id, and is not from before everyone had left.
    pub fn heard(&self, id: ConnectionId, room: Room, message: MessageId) -> bool {
        let Some(joined) = self.conn(id).and_then(|conn| conn.joined(room)) else {
            return false;
        };
        let later = &self.committed[joined.committed.min(self.committed.len())..];
        message > joined.floor && later.contains(&message)
    }

    pub fn join(&mut self, id: ConnectionId, room: Room) {
        if self.members(room).next().is_none() {
            self.places[room].before = self.places[room].newest;
        }
        let place = &self.places[room];
        let since = Since {
            id: self.last_id,
            committed: self.committed.len(),
            floor: place.law.floor.max(place.closed),
        };
        if let Some(conn) = self.conn_mut(id) {
            let nick = conn.nick;
            conn.rooms.push((room, since));
            self.places[room].passes.remove(&nick);
        }
    }

    pub fn leave(&mut self, id: ConnectionId, room: Room) {
        self.clear_screen(id, room);
        let Some(conn) = self.conn_mut(id) else {
            return;
        };
        conn.rooms.retain(|(it, _)| *it != room);
        let nick = conn.nick;
        // It may come in again at once.
        self.removed.retain(|it| *it != (room, nick));
        let is_gone = self.members(room).all(|conn| conn.nick != nick);
        if is_gone {
            self.places[room].roles.remove(&nick);
            self.places[room].spoke.remove(&nick);
        }
        self.vacated(room);
    }

    /// Notes that nobody may be in a channel any more.
    pub fn vacated(&mut self, room: Room) {
        let is_used = self.members(room).next().is_some();
        let last_id = self.last_id;
        let place = &mut self.places[room];
        if is_used || place.law.founder.is_some() {
            return;
        }
        place.roles.clear();
        place.passes.clear();
        place.spoke.clear();
        if place.law.is_restricted() {
            place.closed = last_id;
        }
    }

    pub fn end(&mut self, id: ConnectionId) {
        let rooms = self.conn(id).map(|conn| conn.rooms.clone());
        for (room, _) in rooms.unwrap_or_default() {
            self.leave(id, room);
        }
        if self.conn(id).is_some() {
            self.conns[id.index as usize] = None;
        }
    }

    pub fn rename(&mut self, id: ConnectionId, to: Nick) {
        let Some(conn) = self.conn_mut(id) else {
            return;
        };
        let from = std::mem::replace(&mut conn.nick, to);
        conn.aliases.push(from);
        for place in &mut self.places {
            if let Some(role) = place.roles.remove(&from) {
                place.roles.insert(to, role);
            }
            if let Some(at) = place.spoke.remove(&from) {
                place.spoke.insert(to, at);
            }
        }
    }

    /// The hub learns what became of a draft.
    pub fn settled(&mut self, id: MessageId, is_committed: bool) {
        let Some(draft) = self.drafts.remove(&id) else {
            return;
        };
        match draft.record {
            Record::Change(change) => {
                self.links_are_used(&change);
                if is_committed {
                    self.fold(&change);
                }
            }
            _ if !is_committed => {}
            Record::Amend(amendment) => self.is_mended(&amendment),
            Record::React(reaction) => self.is_reacted(&reaction),
            Record::Keyed(keyed) => unreachable!("no program posts {keyed:?}"),
            Record::Message(message) => {
                self.committed.push(id);
                if let Some(channel) = message.place.channel() {
                    self.places[room(channel)].newest = id;
                }
            }
        }
    }

    /// Notes whose links are being used, by a change that is drafted.
    pub fn uses_links(&mut self, change: &ChannelChange) {
        let place = &mut self.places[room(&change.channel)];
        for hash in change.changes.iter().filter_map(Change::used_link) {
            *place.uses.entry(hash.clone()).or_default() += 1;
        }
    }

    fn links_are_used(&mut self, change: &ChannelChange) {
        let place = &mut self.places[room(&change.channel)];
        for hash in change.changes.iter().filter_map(Change::used_link) {
            if let Some(count) = place.uses.get_mut(hash) {
                *count -= 1;
            }
        }
    }

    pub fn fold(&mut self, change: &ChannelChange) {
        let room = room(&change.channel);
        self.places[room].law.fold(change);
        for one in &change.changes {
            match one {
                Change::Role { who, role, keep } => {
                    let nick = nick(&who.name);
                    let is_present = self.members(room).any(|conn| conn.nick == nick);
                    let is_kept = *keep && who.account.is_some();
                    let roles = &mut self.places[room].roles;
                    roles.remove(&nick);
                    if let Some(role) = role.filter(|_| is_present && !is_kept) {
                        roles.insert(nick, role);
                    }
                }
                Change::Register(who) => {
                    self.places[room].roles.remove(&nick(&who.name));
                }
                Change::Kick { who, .. } => {
                    let nick = nick(&who.name);
                    self.places[room].passes.remove(&nick);
                    // Who is not in it may come in at once.
                    if self.members(room).any(|conn| conn.nick == nick) {
                        self.removed.push((room, nick));
                    }
                }
                Change::Add(List::Ban, ..) => {
                    let law = &self.places[room].law;
                    let banned = self.members(room).filter(|conn| {
                        concerns(&law.bans, &conn.face()) && !self.operates(conn, room)
                    });
                    let banned: Vec<_> = banned.map(|conn| (room, conn.nick)).collect();
                    self.removed.extend(banned);
                }
                _ => {}
            }
        }
        self.vacated(room);
        self.changed.push(change.clone());
    }
}
