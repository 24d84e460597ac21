//! A small model of the hub's correct state: the connections, their nicknames
//! and channels, and the messages they are still owed.
//!
//! The model learns from what clients are told, never from the hub's own
//! tables, so that the two can be compared.

use std::collections::{BTreeMap, VecDeque};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use chat_server::hub::{Ban, BanTarget, ConnectionId, Limits, MessageId, Now, Profile};
use chat_server::name::Name;

use super::call::Call;
use super::invariant::{Check, Invariant, ensure};
use super::judge::{CatchingUp, TagNumber, Tags};
use super::names::{GLOBAL_ROOM, NICKS, Nick, Nicks, ROOMS, Room, bit, nick};
use super::store::has;

/// Earlier nicknames of a guest under which an ignore still applies.
const ALIASES: usize = 16;

/// Messages shown to a connection that joins.
pub const RECALLED: usize = 20;

/// Position of a connection in [`Model::slots`]: the index of its id.
pub type Slot = usize;

/// See the module documentation.
pub struct Model {
    pub limits: Limits,
    /// By index of the connection's id.
    pub slots: Vec<Option<Conn>>,
    pub users: [Option<User>; NICKS],
    pub bans: Vec<Ban>,
    pub holds: [Option<Hold>; NICKS],
    pub channels: [Channel; ROOMS],
    /// Every text that a client sent; a text is a number, the index in this
    /// list.
    pub sent: Vec<Sent>,
    /// Messages waiting to be committed.
    pub drafts: BTreeMap<MessageId, Draft>,
    /// Leaves that are announced late: a connection ended while a message of
    /// its own was waiting, and the leave follows that message.
    pub late: Vec<(ConnectionId, Room, Nick)>,
    /// Messages that members must get and have not got yet.
    pub owed: Vec<Owed>,
    pub tags: Tags,
    /// The addresses that made channels recently, and when.
    pub makings: Vec<(IpAddr, u64)>,
    pub last_id: MessageId,
    /// The call under way.
    pub call: Call,
}

/// One connection.
pub struct Conn {
    pub id: ConnectionId,
    pub profile: Profile,
    /// Whether the hub still has it.
    pub alive: bool,
    pub name: Option<Name>,
    pub token: Option<Arc<str>>,
    /// When its time to get a nickname ends.
    pub deadline: Option<u64>,
    /// Its channels; the last one is the current channel.
    pub places: Vec<Place>,
    /// Join and switch requests that have not been answered.
    pub moves: VecDeque<Move>,
    /// Answers of its own thread that have not been passed on.
    pub answers: VecDeque<u64>,
    /// Requests to list all channels that have not been answered.
    pub lists: usize,
    /// The tags it has sent, and whether it still waits for their outcome.
    pub tags: BTreeMap<TagNumber, bool>,
    /// Whether it gets typing notices.
    pub listens: bool,
    /// Changes of that setting that have not been confirmed.
    pub wishes: VecDeque<bool>,
    /// The hub must not announce its typing again before this time.
    pub typing_told_until: u64,
    /// When its token expires.
    pub expiry: Option<u64>,
    /// Its last accepted message, as an index in `sent` plus one.
    pub last_said: usize,
    /// Whether it has ever sent a command.
    pub has_asked: bool,
}

/// A connection's membership in a channel.
pub struct Place {
    pub room: Room,
    /// The members, as far as the connection has been told.
    pub view: Nicks,
    /// The newest message of the past that it was shown.
    pub past: MessageId,
    /// Set while it catches up with the messages it missed.
    pub catching_up: Option<CatchingUp>,
    /// Whether it has caught up since it joined.
    pub resumed: bool,
}

/// A request to enter a channel.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Move {
    Join,
    Switch,
    Create,
    /// Resume a channel after this message.
    Resume(Room, MessageId),
}

/// A nickname in use.
#[derive(Debug)]
pub struct User {
    pub slots: Vec<Slot>,
    pub is_account: bool,
    pub ignored: Nicks,
    /// Earlier nicknames.
    pub aliases: VecDeque<Nick>,
    /// The store's ignore list may differ from the current one.
    pub unsure: bool,
}

/// A nickname held for the owner of a token.
pub struct Hold {
    pub token: Arc<str>,
    pub until_ms: u64,
}

/// A channel, and what its members have not been told yet.
#[derive(Default)]
pub struct Channel {
    /// The address that made the channel.
    pub maker: Option<IpAddr>,
    /// The number of the unanswered question for its past.
    pub awaited: Option<u64>,
    /// Messages published meanwhile, with the length of each. Connections that
    /// join before the answer get them.
    pub held: Vec<(MessageId, usize)>,
    /// The held messages that are committed. Their senders are told so only
    /// after the messages are delivered.
    pub settling: Vec<(MessageId, Draft)>,
    /// The last messages, where no history is kept.
    pub recent: VecDeque<MessageId>,
    /// Joins not announced by name.
    pub came: i64,
    pub went: i64,
    /// When the oldest of these counts began.
    pub untold_since: Option<u64>,
    /// Whether the channel is too large for notices by name.
    pub rationed: bool,
    /// Whether the channel became empty while joins and leaves were being
    /// counted.
    pub miscounted: bool,
}

/// A text that a client sent.
pub struct Sent {
    pub by: ConnectionId,
    /// Whether the connection's thread took the recipient for an account.
    pub to_account: bool,
    /// The tag the client gave it.
    pub tag: Option<TagNumber>,
    /// Once accepted: its id, channel and author.
    pub taken: Option<(MessageId, Option<Room>, Arc<str>)>,
}

/// A message waiting to be committed.
#[derive(Clone, Copy, Debug)]
pub struct Draft {
    pub by: ConnectionId,
    pub tag: Option<TagNumber>,
    pub from_account: bool,
}

/// A message that a member must get.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Owed {
    pub slot: Slot,
    pub room: Room,
    pub id: MessageId,
}

impl User {
    /// Records an earlier nickname.
    pub fn add_alias(&mut self, nick: Nick) {
        if self.aliases.len() == ALIASES {
            self.aliases.pop_front();
        }
        self.aliases.push_back(nick);
    }
}

impl Channel {
    /// Records a published message where no history is kept.
    pub fn said(&mut self, id: MessageId) {
        if self.recent.len() == RECALLED {
            self.recent.pop_front();
        }
        self.recent.push_back(id);
    }
}

impl Conn {
    /// A connection that has just been opened.
    pub fn new(id: ConnectionId, profile: Profile, deadline: Option<u64>) -> Conn {
        Conn {
            id,
            profile,
            alive: true,
            name: None,
            token: None,
            deadline,
            places: Vec::new(),
            moves: VecDeque::new(),
            answers: VecDeque::new(),
            lists: 0,
            tags: BTreeMap::new(),
            listens: false,
            wishes: VecDeque::new(),
            typing_told_until: 0,
            expiry: None,
            last_said: 0,
            has_asked: false,
        }
    }
}

impl Model {
    /// An empty hub that continues after `last_id`.
    pub fn new(limits: Limits, last_id: MessageId, bans: Vec<Ban>) -> Model {
        Model {
            limits,
            slots: Vec::new(),
            users: std::array::from_fn(|_| None),
            bans,
            holds: std::array::from_fn(|_| None),
            channels: std::array::from_fn(|_| Channel::default()),
            sent: Vec::new(),
            drafts: BTreeMap::new(),
            late: Vec::new(),
            owed: Vec::new(),
            tags: Tags::default(),
            makings: Vec::new(),
            last_id,
            call: Call::default(),
        }
    }

    /// A connection that the hub still has.
    pub fn alive(&self, slot: Slot) -> Option<&Conn> {
        let conn = self.slots.get(slot)?.as_ref()?;
        conn.alive.then_some(conn)
    }

    pub fn alive_mut(&mut self, slot: Slot) -> Option<&mut Conn> {
        let conn = self.slots.get_mut(slot)?.as_mut()?;
        conn.alive.then_some(conn)
    }

    /// The slot of a connection that the hub still has.
    pub fn slot_of(&self, id: ConnectionId) -> Option<Slot> {
        let slot = id.index as Slot;
        self.alive(slot)
            .is_some_and(|conn| conn.id == id)
            .then_some(slot)
    }

    pub fn all_alive(&self) -> impl Iterator<Item = (Slot, &Conn)> {
        let slots = self.slots.iter().enumerate();
        slots.filter_map(|(slot, conn)| Some((slot, conn.as_ref().filter(|conn| conn.alive)?)))
    }

    pub fn nick_of(&self, slot: Slot) -> Option<Nick> {
        self.alive(slot)?.name.as_ref().map(nick)
    }

    pub fn user_of(&self, slot: Slot) -> Option<&User> {
        self.users[self.nick_of(slot)?].as_ref()
    }

    pub fn is_account(&self, slot: Slot) -> bool {
        self.user_of(slot).is_some_and(|user| user.is_account)
    }

    pub fn place(&self, slot: Slot, room: Room) -> Option<&Place> {
        let places = &self.alive(slot)?.places;
        places.iter().find(|place| place.room == room)
    }

    pub fn place_mut(&mut self, slot: Slot, room: Room) -> Option<&mut Place> {
        let places = &mut self.alive_mut(slot)?.places;
        places.iter_mut().find(|place| place.room == room)
    }

    /// The connections in a channel.
    pub fn members(&self, room: Room) -> impl Iterator<Item = (Slot, &Conn)> {
        self.all_alive()
            .filter(move |(_, conn)| conn.places.iter().any(|place| place.room == room))
    }

    /// The people in a channel.
    pub fn people(&self, room: Room) -> Nicks {
        let names = self
            .members(room)
            .filter_map(|(_, conn)| conn.name.as_ref());
        super::names::nicks(names)
    }

    /// A connection's channels; the current one is last.
    pub fn rooms(conn: &Conn) -> Vec<Room> {
        conn.places.iter().map(|place| place.room).collect()
    }

    pub fn exists(&self, room: Room) -> bool {
        room == GLOBAL_ROOM || self.members(room).next().is_some()
    }

    pub fn bans_nick(&self, nickname: Nick, now: Now) -> bool {
        self.bans_in_force(now).any(|ban| match &ban.target {
            BanTarget::Nickname(name) => nick(name) == nickname,
            BanTarget::Address(_) => false,
        })
    }

    pub fn bans_address(&self, address: SocketAddr, now: Now) -> bool {
        let address = address.ip().to_canonical();
        self.bans_in_force(now)
            .any(|ban| matches!(&ban.target, BanTarget::Address(net) if net.contains(&address)))
    }

    pub fn bans_in_force(&self, now: Now) -> impl Iterator<Item = &Ban> {
        let bans = self.bans.iter();
        bans.filter(move |ban| ban.expires_ms.is_none_or(|end| end > now.unix_ms))
    }

    pub fn is_held(&self, nick: Nick, now: Now) -> bool {
        let hold = self.holds[nick].as_ref();
        hold.is_some_and(|hold| hold.until_ms > now.ticks_ms)
    }

    /// Whether a user ignores the author `from`, who is `other` now if still
    /// connected.
    pub fn ignores(user: &User, from: &Name, other: Option<&User>) -> bool {
        let aliases = other.into_iter().flat_map(|other| &other.aliases);
        has(user.ignored, from) || { aliases }.any(|&alias| user.ignored & bit(alias) != 0)
    }

    /// Gives a connection its nickname.
    pub fn take_name(&mut self, slot: Slot, name: &Name, is_account: bool, ignored: Nicks) {
        self.forget_late(nick(name));
        let user = self.users[nick(name)].get_or_insert_with(|| User {
            slots: Vec::new(),
            is_account,
            ignored,
            aliases: VecDeque::new(),
            unsure: false,
        });
        user.slots.push(slot);
        if let Some(conn) = self.alive_mut(slot) {
            conn.name = Some(name.clone());
            conn.deadline = None;
        }
    }

    /// Takes a connection's nickname away.
    pub fn release_name(&mut self, slot: Slot) {
        let Some(name) = self.alive_mut(slot).and_then(|conn| conn.name.take()) else {
            return;
        };
        let user = &mut self.users[nick(&name)];
        if let Some(on) = user {
            on.slots.retain(|&other| other != slot);
            if on.slots.is_empty() {
                *user = None;
            }
        }
    }

    /// Renames a guest.
    pub fn rename(&mut self, slot: Slot, to: &Name) {
        let Some(from) = self.nick_of(slot) else {
            return;
        };
        let Some(mut user) = self.users[from].take() else {
            return;
        };
        self.forget_late(nick(to));
        if from != nick(to) {
            user.add_alias(from);
        }
        for &slot in &user.slots {
            let conn = self.alive(slot).and_then(|conn| conn.name.as_ref());
            if conn.is_some_and(|name| name.as_str() != to.as_str()) {
                self.owe_new_name(slot);
            }
            self.call_self(slot, from, to);
        }
        self.users[nick(to)] = Some(user);
    }

    /// Notes that the other members must be told of a connection's new
    /// nickname, if only as one join and one leave.
    pub fn owe_new_name(&mut self, slot: Slot) {
        let rooms = self.alive(slot).map(Model::rooms).unwrap_or_default();
        for room in rooms {
            let others = self.members(room).count() > 1;
            let late = self.late_in(room).count() as i64;
            let channel = &mut self.channels[room];
            if others || channel.came != 0 || channel.went > late {
                channel.came += 1;
                channel.went += 1;
            }
        }
    }

    /// Changes a connection's own nickname in its view of a channel.
    pub fn call_self(&mut self, slot: Slot, from: Nick, to: &Name) {
        if let Some(conn) = self.alive_mut(slot) {
            conn.name = Some(to.clone());
            for place in &mut conn.places {
                place.view = place.view & !bit(from) | bit(nick(to));
            }
        }
    }

    /// Puts a connection into a channel.
    pub fn arrive(&mut self, slot: Slot, room: Room) -> Check {
        let Some(own) = self.nick_of(slot) else {
            return ensure(false, Invariant::MembershipConsistent, || {
                format!("a connection without nickname is in {room}")
            });
        };
        self.forget_late(own);
        let (before, view) = (self.people(room), self.seen_in(room) | bit(own));
        if before & bit(own) == 0 && before != 0 {
            self.channels[room].came += 1;
        }
        if let Some(conn) = self.alive_mut(slot) {
            conn.places.push(Place {
                room,
                view,
                past: MessageId::default(),
                catching_up: None,
                resumed: false,
            });
        }
        let held = self.channels[room].held.iter();
        self.owed
            .extend(held.map(|&(id, _)| Owed { slot, room, id }));
        self.ration(room);
        Ok(())
    }

    /// Ends the wait for the past of a channel: the held messages are
    /// published, and so are their tags.
    pub fn past_settled(&mut self, room: Room, now: Now) {
        let channel = &mut self.channels[room];
        channel.awaited = None;
        channel.held.clear();
        let settling = std::mem::take(&mut channel.settling);
        self.publish_tags(settling, now);
    }

    fn publish_tags(&mut self, messages: Vec<(MessageId, Draft)>, now: Now) {
        for (id, draft) in messages {
            if draft.tag.is_some() {
                self.tags.publish(id, self.limits.tags_per_client, now);
            }
        }
    }

    /// Records that a message is committed and delivered.
    pub fn message_settled(&mut self, room: Option<Room>, id: MessageId, draft: Draft, now: Now) {
        match room.map(|room| &mut self.channels[room]) {
            Some(channel) if channel.awaited.is_some() => channel.settling.push((id, draft)),
            _ => self.publish_tags(vec![(id, draft)], now),
        }
    }

    /// Committed messages that are held until a past has been read.
    pub fn settling(&self) -> impl Iterator<Item = &(MessageId, Draft)> {
        self.channels.iter().flat_map(|channel| &channel.settling)
    }

    /// Takes a connection out of a channel.
    pub fn depart(&mut self, slot: Slot, room: Room, now: Now) {
        self.ration(room);
        let own = self.nick_of(slot);
        if let Some(conn) = self.alive_mut(slot) {
            conn.places.retain(|place| place.room != room);
        }
        self.owed
            .retain(|owed| owed.slot != slot || owed.room != room);
        let people = self.people(room);
        let channel = &mut self.channels[room];
        match own {
            _ if people == 0 => {
                self.late.retain(|&(_, late, _)| late != room);
                let miscounted = channel.rationed || channel.miscounted;
                let before = std::mem::take(channel);
                if room == GLOBAL_ROOM {
                    channel.awaited = before.awaited;
                    channel.held = before.held;
                    channel.settling = before.settling;
                    channel.recent = before.recent;
                    channel.miscounted = miscounted;
                    channel.rationed = miscounted;
                } else {
                    self.publish_tags(before.settling, now);
                }
            }
            Some(own) if people & bit(own) == 0 => channel.went += 1,
            _ => {}
        }
    }

    /// Notes whether a channel is too large for notices by name.
    fn ration(&mut self, room: Room) {
        if self.members(room).count() > super::call::LARGE {
            self.channels[room].rationed = true;
        }
    }

    /// Ends a connection.
    pub fn end(&mut self, slot: Slot, now: Now) {
        let rooms: Vec<Room> = match self.alive(slot) {
            Some(conn) => Model::rooms(conn),
            None => return,
        };
        let id = self.alive(slot).map(|conn| conn.id);
        if let Some(id) = id {
            self.tags.end(id);
        }
        let late = id.filter(|&id| self.waits_to_be_told(id));
        let late = late.zip(self.nick_of(slot));
        // The current channel first, as in the hub: the order decides which
        // tags are dropped.
        for room in rooms.into_iter().rev() {
            let before = self.channels[room].went;
            self.depart(slot, room, now);
            if let Some((id, own)) = late
                && self.channels[room].went > before
            {
                self.late.push((id, room, own));
            }
        }
        self.release_name(slot);
        if let Some(conn) = self.alive_mut(slot) {
            conn.alive = false;
        }
    }

    /// Users who left a channel while their leave is still to be announced.
    pub fn late_in(&self, room: Room) -> impl Iterator<Item = Nick> {
        let late = self.late.iter().filter(move |&&(_, late, _)| late == room);
        late.map(|&(_, _, nick)| nick)
    }

    /// The members a client can know of: those whose leave is still to be
    /// announced are included.
    pub fn seen_in(&self, room: Room) -> Nicks {
        self.late_in(room)
            .fold(self.people(room), |seen, nick| seen | bit(nick))
    }

    /// Clears late leaves of a nickname that another connection takes: the
    /// leaves of its previous owners have been announced by then, if only as a
    /// count.
    fn forget_late(&mut self, nickname: Nick) {
        self.late.retain(|&(_, _, nick)| nick != nickname);
    }

    /// Records that a leave was announced.
    pub fn told_left(&mut self, room: Room, nick: Nick) {
        let mut late = self.late.iter();
        if let Some(at) = late.position(|&(_, of, who)| (of, who) == (room, nick)) {
            self.late.remove(at);
        }
    }

    /// Whether a message of a connection still has to be committed or
    /// delivered.
    fn waits_to_be_told(&self, id: ConnectionId) -> bool {
        let held = self.settling().map(|(_, draft)| draft);
        let mut drafts = self.drafts.values().chain(held);
        drafts.any(|draft| draft.by == id)
    }

    /// Drops the late leaves that waited for messages settled now: from here on
    /// the members must know of them.
    pub fn end_lateness(&mut self) {
        let mut late = std::mem::take(&mut self.late);
        late.retain(|&(id, ..)| self.waits_to_be_told(id));
        self.late = late;
    }
}
