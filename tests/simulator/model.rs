//! What the hub should be in: a small model of who is on, under which
//! nickname, in which channels, and what they are still owed.
//!
//! It learns from what clients are told, never from the hub's own tables,
//! so that the two can be compared.

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

/// Earlier nicknames of a guest that count when somebody ignores them.
const ALIASES: usize = 16;

/// Messages shown to somebody who joins.
pub const RECALLED: usize = 20;

/// Position of a connection in [`Model::slots`]: the index of its id.
pub type Slot = usize;

/// See the module's documentation.
pub struct Model {
    pub limits: Limits,
    /// By index of the connection's id.
    pub slots: Vec<Option<Conn>>,
    pub users: [Option<User>; NICKS],
    pub bans: Vec<Ban>,
    pub holds: [Option<Hold>; NICKS],
    pub channels: [Channel; ROOMS],
    /// Everything anybody wanted to say; texts are numbers into this.
    pub sent: Vec<Sent>,
    /// Messages that wait to be committed.
    pub drafts: BTreeMap<MessageId, Draft>,
    /// Channels of those who have ended while a message of theirs waited: that
    /// they have left is told behind it.
    pub late: Vec<(ConnectionId, Room, Nick)>,
    /// What members are to get and have not got yet.
    pub owed: Vec<Owed>,
    pub tags: Tags,
    /// Who has made channels lately, and when.
    pub makings: Vec<(IpAddr, u64)>,
    pub last_id: MessageId,
    /// What the call under way is about.
    pub call: Call,
}

/// A connection.
pub struct Conn {
    pub id: ConnectionId,
    pub profile: Profile,
    /// Whether the hub has not ended it.
    pub alive: bool,
    pub name: Option<Name>,
    pub token: Option<Arc<str>>,
    /// Until when it has to have a nickname.
    pub deadline: Option<u64>,
    /// The last one is the current channel.
    pub places: Vec<Place>,
    /// Requests to go somewhere that have not been answered.
    pub moves: VecDeque<Move>,
    /// Its own thread's answers that have not been passed on.
    pub answers: VecDeque<u64>,
    /// Questions for all channels that have not been answered.
    pub lists: usize,
    /// Tags it has sent, and whether it waits to hear of them.
    pub tags: BTreeMap<TagNumber, bool>,
    /// Whether it is told who is typing.
    pub listens: bool,
    /// Wishes about that which have not been answered.
    pub wishes: VecDeque<bool>,
    /// Until when nobody may be told again that it types.
    pub typing_told_until: u64,
    /// When its token ends.
    pub expiry: Option<u64>,
    /// The last of its messages that was taken.
    pub last_said: usize,
    /// Whether it has ever asked anything.
    pub has_asked: bool,
}

/// A connection's place in a channel.
pub struct Place {
    pub room: Room,
    /// Who is in it, as far as the connection has been told.
    pub view: Nicks,
    /// The newest message of the past it was shown.
    pub past: MessageId,
    /// It has been cut off, and catches up.
    pub catching_up: Option<CatchingUp>,
    /// It has caught up since it came.
    pub resumed: bool,
}

/// A request to go somewhere.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Move {
    Join,
    Switch,
    Create,
    /// To get what was said in a channel after a message.
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
    /// What is remembered of an account may differ from what it has now.
    pub unsure: bool,
}

/// A nickname kept for who has a token.
pub struct Hold {
    pub token: Arc<str>,
    pub until_ms: u64,
}

/// What a channel's members have not been told of yet.
#[derive(Default)]
pub struct Channel {
    /// Whose channel it is, if it is anybody's.
    pub maker: Option<IpAddr>,
    /// The question for its past that has not been answered.
    pub awaited: Option<u64>,
    /// What was said meanwhile, with the length of each: whoever comes in
    /// before the answer gets it.
    pub held: Vec<(MessageId, usize)>,
    /// Those of them that were committed here: nobody hears that they are
    /// stored before they are told.
    pub settling: Vec<(MessageId, Draft)>,
    /// If nothing is kept: what was said last.
    pub recent: VecDeque<MessageId>,
    /// Comings and goings not told by name.
    pub came: i64,
    pub went: i64,
    /// Since when there are any.
    pub untold_since: Option<u64>,
    /// Too large to be told each by name.
    pub rationed: bool,
    /// Emptied while comings and goings were being counted.
    pub miscounted: bool,
}

/// Something somebody wanted to say.
pub struct Sent {
    pub by: ConnectionId,
    /// To an account, as far as the connection's thread knew.
    pub to_account: bool,
    /// What its client calls it.
    pub tag: Option<TagNumber>,
    /// Once it has been taken: its id, channel and author.
    pub taken: Option<(MessageId, Option<Room>, Arc<str>)>,
}

/// A message that waits to be committed.
#[derive(Clone, Copy, Debug)]
pub struct Draft {
    pub by: ConnectionId,
    pub tag: Option<TagNumber>,
    pub from_account: bool,
}

/// A member is to get a message.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Owed {
    pub slot: Slot,
    pub room: Room,
    pub id: MessageId,
}

impl User {
    /// Was called something else before.
    pub fn add_alias(&mut self, nick: Nick) {
        if self.aliases.len() == ALIASES {
            self.aliases.pop_front();
        }
        self.aliases.push_back(nick);
    }
}

impl Channel {
    /// Something was said that is not kept.
    pub fn said(&mut self, id: MessageId) {
        if self.recent.len() == RECALLED {
            self.recent.pop_front();
        }
        self.recent.push_back(id);
    }
}

impl Conn {
    /// A connection that has just come.
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
    /// An empty hub, which goes on from `last_id`.
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

    /// A connection the hub has not ended.
    pub fn alive(&self, slot: Slot) -> Option<&Conn> {
        let conn = self.slots.get(slot)?.as_ref()?;
        conn.alive.then_some(conn)
    }

    pub fn alive_mut(&mut self, slot: Slot) -> Option<&mut Conn> {
        let conn = self.slots.get_mut(slot)?.as_mut()?;
        conn.alive.then_some(conn)
    }

    /// The slot of a connection the hub has not ended.
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

    /// Where a connection is, its current channel last.
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

    /// Whether a user wants nothing from who wrote as `from`, and is `other`
    /// now, if still on.
    pub fn ignores(user: &User, from: &Name, other: Option<&User>) -> bool {
        let aliases = other.into_iter().flat_map(|other| &other.aliases);
        has(user.ignored, from) || { aliases }.any(|&alias| user.ignored & bit(alias) != 0)
    }

    /// A connection gets a nickname.
    pub fn take_name(&mut self, slot: Slot, name: &Name, is_account: bool, ignored: Nicks) {
        self.nobody_is_late(nick(name));
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

    /// A connection gives its nickname back.
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

    /// A guest has another nickname from now on.
    pub fn rename(&mut self, slot: Slot, to: &Name) {
        let Some(from) = self.nick_of(slot) else {
            return;
        };
        let Some(mut user) = self.users[from].take() else {
            return;
        };
        self.nobody_is_late(nick(to));
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

    /// The others where a connection is are to be told that it is called
    /// something else, if only that one went and one came.
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

    /// A connection is called something else, and knows it.
    pub fn call_self(&mut self, slot: Slot, from: Nick, to: &Name) {
        if let Some(conn) = self.alive_mut(slot) {
            conn.name = Some(to.clone());
            for place in &mut conn.places {
                place.view = place.view & !bit(from) | bit(nick(to));
            }
        }
    }

    /// A connection enters a channel.
    pub fn arrive(&mut self, slot: Slot, room: Room) -> Check {
        let Some(own) = self.nick_of(slot) else {
            return ensure(false, Invariant::MembershipConsistent, || {
                format!("a connection without nickname is in {room}")
            });
        };
        self.nobody_is_late(own);
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

    /// Nobody waits for the past of a channel any more: what was held is told,
    /// and with each message its tag is one of a message that is published.
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

    /// A message is committed and handed over.
    pub fn message_settled(&mut self, room: Option<Room>, id: MessageId, draft: Draft, now: Now) {
        match room.map(|room| &mut self.channels[room]) {
            Some(channel) if channel.awaited.is_some() => channel.settling.push((id, draft)),
            _ => self.publish_tags(vec![(id, draft)], now),
        }
    }

    /// Messages that are committed, and held until a past has been read.
    pub fn settling(&self) -> impl Iterator<Item = &(MessageId, Draft)> {
        self.channels.iter().flat_map(|channel| &channel.settling)
    }

    /// A connection is no longer in a channel.
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

    /// Notes whether a channel is too large for each notice.
    fn ration(&mut self, room: Room) {
        if self.members(room).count() > super::call::LARGE {
            self.channels[room].rationed = true;
        }
    }

    /// A connection has ended.
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
        // The current one first, as the hub does: so tags make way.
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

    /// Whose leaving a channel may not have been told yet.
    pub fn late_in(&self, room: Room) -> impl Iterator<Item = Nick> {
        let late = self.late.iter().filter(move |&&(_, late, _)| late == room);
        late.map(|&(_, _, nick)| nick)
    }

    /// Who is in a channel as far as can be told: with those whose leaving is
    /// told later.
    pub fn seen_in(&self, room: Room) -> Nicks {
        self.late_in(room)
            .fold(self.people(room), |seen, nick| seen | bit(nick))
    }

    /// A nickname is used, by another connection than before: that those who
    /// had it have left is told by now, if only as a number.
    fn nobody_is_late(&mut self, nickname: Nick) {
        self.late.retain(|&(_, _, nick)| nick != nickname);
    }

    /// Somebody's leaving has been told.
    pub fn told_left(&mut self, room: Room, nick: Nick) {
        let mut late = self.late.iter();
        if let Some(at) = late.position(|&(_, of, who)| (of, who) == (room, nick)) {
            self.late.remove(at);
        }
    }

    /// Whether a message of a connection has yet to be committed, or told.
    fn waits_to_be_told(&self, id: ConnectionId) -> bool {
        let held = self.settling().map(|(_, draft)| draft);
        let mut drafts = self.drafts.values().chain(held);
        drafts.any(|draft| draft.by == id)
    }

    /// What was put off until messages were settled that are settled now is due.
    pub fn end_lateness(&mut self) {
        let mut late = std::mem::take(&mut self.late);
        late.retain(|&(id, ..)| self.waits_to_be_told(id));
        self.late = late;
    }
}
