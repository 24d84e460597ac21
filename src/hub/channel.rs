//! Channels, their members, and notices of members joining and leaving.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Bound;
use std::sync::Arc;

use crate::model::governance::{Rules, Topic};
use crate::model::name::Alphabetical;
use crate::model::subscriber::Subscriber;
use crate::model::{AccountId, MessageId, Name};

use super::governance::{Expelled, Governed};
use super::late::{Late, LateDue, Leaving};
use super::lookalikes::Lookalikes;
use super::makers::Makers;
use super::page::Shelf;
use super::past::{Past, Settlement};
use super::property::Properties;
use super::resume::CatchingUp;
use super::rows::{ChannelRow, Member};
use super::since::Since;
use super::unannounced::Unannounced;
use super::{ConnectionId, Effects, Event, GLOBAL, Message, Now};

/// From this many members on, notices of joining and leaving are rationed.
const LARGE_CHANNEL: usize = 20;
/// Single notices that a large channel gets within [`NOTICE_WINDOW_MS`].
const NOTICES_PER_WINDOW: u32 = 5;
/// How long further joins and leaves are counted before the channel is told the
/// numbers.
const NOTICE_WINDOW_MS: u64 = 1000;

/// Position of a channel in the table.
pub(super) type ChannelIndex = usize;

/// A connection's place in a channel.
#[derive(Clone, Copy, Debug)]
pub(super) struct Membership {
    pub channel: ChannelIndex,
    /// Position in [`Channel::members`], so that leaving costs no search.
    pub position: usize,
    /// The last id when it became a member.
    pub since: MessageId,
    /// That no list kept it from speaking, when it last spoke.
    pub heard: Option<Heard>,
}

/// What was found when a member last spoke.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Heard {
    /// The [`Governed::round`] of it.
    pub round: u64,
    /// Until when it holds unless the rules change, in milliseconds since 1970 UTC.
    pub until_ms: u64,
}

impl Heard {
    /// Whether it still holds in this round.
    pub fn holds(self, round: u64, now: Now) -> bool {
        self.round == round && now.unix_ms < self.until_ms
    }
}

/// One channel.
pub(super) struct Channel {
    pub name: Name,
    pub members: Vec<ConnectionId>,
    /// The people in it, each with the number of their member connections.
    people: BTreeMap<Alphabetical, usize>,
    /// Pages of `people` that were asked for.
    pub pages: Shelf<Member>,
    /// When the first one came, in milliseconds since 1970 UTC.
    pub since_ms: Option<u64>,
    /// The address whose limits it counts towards.
    maker: Option<Subscriber>,
    /// Its rules and roles, unless it is simply open.
    pub governed: Option<Box<Governed>>,
    /// Whether its rules are needed although it has no member here: people on other
    /// servers are, or the log has yet to say that it is open again.
    pub is_needed: bool,
    /// What its operators say of it.
    pub properties: Properties,
    /// Its last messages.
    pub past: Past,
    /// Members that get missed messages instead of live ones.
    pub catching_up: CatchingUp,
    /// The members whose clients keep lists of members, sorted.
    pub named: Vec<ConnectionId>,
    /// Members that they have not been told of.
    pub unannounced: Unannounced,
    /// Members that have left, of which they have not been told.
    pub late: Option<Box<Late>>,
    /// Members that are not told anything, because they are about to be taken out.
    pub expelled: Expelled,
    notices: Notices,
    /// Changes each time the channel becomes empty: no later member can be told
    /// about anything from an earlier era.
    pub era: u64,
}

/// How a leaving is told.
#[derive(Clone, Copy, Debug)]
pub(super) struct LeftHow {
    /// The user has left the chat altogether.
    pub has_quit: bool,
    /// It may be told later.
    pub may_be_late: bool,
}

/// Joins and leaves that were counted instead of told.
#[derive(Default)]
struct Notices {
    window_start_ms: u64,
    told: u32,
    joined: usize,
    left: usize,
}

/// All channels.
pub(super) struct Channels {
    table: Vec<Option<Channel>>,
    free: Vec<ChannelIndex>,
    /// The channels that outsiders are not shown.
    secret: BTreeSet<ChannelIndex>,
    by_key: HashMap<Arc<str>, ChannelIndex>,
    by_name: BTreeMap<Alphabetical, ChannelIndex>,
    /// Those of them that everyone is shown.
    public: BTreeMap<Alphabetical, ChannelIndex>,
    /// The account that has registered each channel, and the channels of each account.
    founders: HashMap<ChannelIndex, AccountId>,
    founded: HashMap<AccountId, BTreeSet<ChannelIndex>>,
    /// The channels that look like other names.
    looks: Lookalikes,
    /// The ids up to which nothing is shown of channels that do not exist at present,
    /// by key.
    floors: HashMap<Arc<str>, Opened>,
    /// Pages of the channel list that were asked for.
    pub pages: Shelf<ChannelRow>,
    pub makers: Makers,
    /// Settlements of held messages whose channels have since been removed.
    pub abandoned: Vec<Settlement>,
    /// Channels with counted joins and leaves, by when these are to be told.
    due: BTreeSet<(u64, ChannelIndex)>,
    pub late_due: LateDue,
    /// The last [`Channel::era`] of any.
    last_era: u64,
}

/// What is left of the rules of a channel that is open again.
struct Opened {
    /// Nothing up to this message is shown.
    floor: MessageId,
    /// The change that was made last: an older order to open the channel is void.
    version: MessageId,
}

impl Channels {
    pub fn new() -> Channels {
        let mut channels = Channels {
            table: Vec::new(),
            free: Vec::new(),
            secret: BTreeSet::new(),
            by_key: HashMap::new(),
            by_name: BTreeMap::new(),
            public: BTreeMap::new(),
            founders: HashMap::new(),
            founded: HashMap::new(),
            looks: Lookalikes::default(),
            floors: HashMap::new(),
            pages: Shelf::default(),
            makers: Makers::default(),
            abandoned: Vec::new(),
            due: BTreeSet::new(),
            late_due: LateDue::default(),
            last_era: 0,
        };
        channels.create_global();
        channels
    }

    fn create_global(&mut self) {
        if let Ok(name) = Name::parse(GLOBAL) {
            self.get_or_create(name, None);
        }
    }

    /// How many channels there are.
    pub fn len(&self) -> usize {
        self.by_key.len()
    }

    /// The channels from `start` on, sorted by name.
    pub fn from(&self, start: Bound<Alphabetical>) -> impl Iterator<Item = &Channel> {
        let indices = self.by_name.range((start, Bound::Unbounded));
        indices.filter_map(|(_, &index)| self.get(index))
    }

    /// The channels from `start` on that everyone is shown, sorted by name.
    pub fn public_from(&self, start: Bound<Alphabetical>) -> impl Iterator<Item = &Channel> {
        let indices = self.public.range((start, Bound::Unbounded));
        indices.filter_map(|(_, &index)| self.get(index))
    }

    pub fn get(&self, index: ChannelIndex) -> Option<&Channel> {
        self.table.get(index)?.as_ref()
    }

    pub fn get_mut(&mut self, index: ChannelIndex) -> Option<&mut Channel> {
        self.table.get_mut(index)?.as_mut()
    }

    pub fn find(&self, name: &Name) -> Option<ChannelIndex> {
        self.by_key.get(name.key()).copied()
    }

    /// A channel that looks like the name with these claims, the first of which is
    /// the name's own key.
    pub fn like(&self, claims: &[Arc<str>]) -> Option<&Name> {
        let mut others = claims.iter().skip(1);
        let by_key = others.find_map(|key| self.get(*self.by_key.get(key)?));
        let by_key = by_key.map(|channel| &channel.name);
        by_key.or_else(|| self.looks.like(claims).next())
    }

    /// Finds a channel, or creates it on the account of `maker`.
    pub fn get_or_create(&mut self, name: Name, maker: Option<Subscriber>) -> ChannelIndex {
        if let Some(index) = self.find(&name) {
            return index;
        }
        let key = name.key().clone();
        let listed = Alphabetical(name.clone());
        self.looks.add(&name);
        self.last_era += 1;
        let opened = self.floors.get(&key);
        let governed = opened.map(|opened| {
            let rules = Rules {
                floor: opened.floor,
                version: opened.version,
                ..Rules::default()
            };
            Box::new(Governed::of(rules))
        });
        let channel = Some(Channel {
            governed,
            is_needed: false,
            name,
            members: Vec::new(),
            people: BTreeMap::new(),
            pages: Shelf::default(),
            since_ms: None,
            maker,
            properties: Properties::default(),
            past: Past::default(),
            catching_up: CatchingUp::default(),
            named: Vec::new(),
            unannounced: Unannounced::default(),
            late: None,
            expelled: Expelled::default(),
            notices: Notices::default(),
            era: self.last_era,
        });
        let index = match self.free.pop() {
            Some(index) => index,
            None => {
                self.table.push(None);
                self.table.len() - 1
            }
        };
        if let Some(slot) = self.table.get_mut(index) {
            *slot = channel;
        }
        self.by_key.insert(key, index);
        self.by_name.insert(listed.clone(), index);
        self.public.insert(listed, index);
        self.pages.clear();
        index
    }

    /// Adds one of a user's connections as a member, after the message `since`. Returns
    /// its place.
    pub fn add(
        &mut self,
        index: ChannelIndex,
        (id, user): (ConnectionId, &Name),
        since: MessageId,
    ) -> Membership {
        let mut position = 0;
        self.pages.clear();
        if let Some(channel) = self.get_mut(index) {
            position = channel.members.len();
            channel.members.push(id);
            channel.list(user);
        }
        Membership {
            channel: index,
            position,
            since,
            heard: None,
        }
    }

    /// Notes that the client of a member keeps a list of members.
    pub fn keeps_roster(&mut self, index: ChannelIndex, id: ConnectionId) {
        if let Some(channel) = self.get_mut(index)
            && let Err(place) = channel.named.binary_search(&id)
        {
            channel.named.insert(place, id);
        }
    }

    /// Removes a member. Returns the member that took its position, if any. A
    /// channel that becomes empty is removed, except `global`.
    pub fn remove(&mut self, membership: Membership, user: Option<&Name>) -> Option<ConnectionId> {
        self.pages.clear();
        self.last_era += 1;
        let era = self.last_era;
        let channel = self.get_mut(membership.channel)?;
        if let Some(user) = user {
            channel.unlist(user);
        }
        if membership.position < channel.members.len() {
            let gone = channel.members.swap_remove(membership.position);
            channel.catching_up.remove(gone);
            channel.expelled.remove(gone);
            if let Ok(place) = channel.named.binary_search(&gone) {
                channel.named.remove(place);
            }
        }
        let moved = channel.members.get(membership.position).copied();
        if channel.members.is_empty() {
            channel.era = era;
        }
        if channel.named.is_empty() {
            channel.unannounced.clear();
            self.forget_late(membership.channel);
        }
        self.tidy(membership.channel);
        moved
    }

    /// Removes a channel without members, unless it stays.
    pub fn tidy(&mut self, index: ChannelIndex) {
        let Some(channel) = self.get_mut(index).filter(|it| it.is_over()) else {
            return;
        };
        let name = channel.name.clone();
        let abandoned = channel.past.take_settlements();
        let due = (channel.notices.due(), index);
        let maker = channel.maker;
        let rules = channel.governed.take().map(|governed| governed.rules);
        self.abandoned.extend(abandoned);
        self.makers.channel_gone(maker);
        self.due.remove(&due);
        self.looks.remove(&name);
        self.by_key.remove(name.key());
        if let Some(rules) = rules {
            self.keep_floor(&name, &rules);
        }
        let listed = Alphabetical(name);
        self.by_name.remove(&listed);
        self.public.remove(&listed);
        if let Some(slot) = self.table.get_mut(index) {
            *slot = None;
        }
        self.secret.remove(&index);
        self.file_founder(index);
        self.free.push(index);
    }

    /// The message up to which nothing is shown of a channel that does not exist at
    /// present.
    pub fn floor_of(&self, name: &Name) -> MessageId {
        let opened = self.floors.get(name.key());
        opened.map(|opened| opened.floor).unwrap_or_default()
    }

    /// Remembers how much of the past of an open channel is not shown any more.
    fn keep_floor(&mut self, name: &Name, rules: &Rules) {
        if rules.floor > MessageId::default() {
            let opened = Opened {
                floor: rules.floor,
                version: rules.version,
            };
            self.floors.insert(name.key().clone(), opened);
        }
    }

    /// Takes up the rules of a channel as they were stored. Returns the channel if they
    /// hold only while people are in it.
    pub fn restore(&mut self, name: Name, rules: Rules) -> Option<ChannelIndex> {
        let is_registered = rules.registered.is_some();
        if rules.is_open() {
            self.keep_floor(&name, &rules);
            return None;
        }
        let is_global = name.as_str() == GLOBAL;
        let index = self.get_or_create(name, None);
        if let Some(channel) = self.get_mut(index) {
            channel.governed = Some(Box::new(Governed::of(rules)));
        }
        self.rules_changed(index);
        (!is_registered && !is_global).then_some(index)
    }

    /// Forgets the past of a channel without members here: what is said there on
    /// other servers is not remembered.
    pub fn forget_past(&mut self, index: ChannelIndex) {
        if let Some(channel) = self.get_mut(index)
            && channel.members.is_empty()
        {
            let settlements = std::mem::take(&mut channel.past).take_settlements();
            self.abandoned.extend(settlements);
        }
    }

    /// Takes up the rules of a channel that all servers know, unless later ones are in
    /// force.
    pub fn take_rules(&mut self, name: Name, rules: Rules) {
        let is_open = rules.is_open();
        if is_open && self.find(&name).is_none() {
            return self.keep_floor(&name, &rules);
        }
        let index = self.get_or_create(name, None);
        if let Some(channel) = self.get_mut(index) {
            channel.is_needed |= !is_open;
            let governed = channel.governed.get_or_insert_default();
            if governed.rules.version <= rules.version {
                let is_settled = is_open || rules.registered.is_some();
                governed.rules = rules;
                if is_settled {
                    governed.was_opened();
                }
            }
        }
        self.rules_changed(index);
    }

    /// Opens the channels that are not among those with rules, and forgets what was
    /// known only while people were in any.
    pub fn forget_rules_except(&mut self, known: &BTreeMap<Arc<str>, (Name, Rules)>) {
        for channel in self.table.iter_mut().flatten() {
            if let Some(governed) = channel.governed.as_deref_mut() {
                if channel.members.is_empty() {
                    governed.all_left();
                }
                if !known.contains_key(channel.name.key()) {
                    governed.rules = Rules {
                        version: governed.rules.version,
                        ..Rules::default()
                    };
                    governed.was_opened();
                    channel.is_needed = true;
                }
            }
        }
        self.floors.retain(|key, _| known.contains_key(key));
    }

    /// Whether the rules of a channel are kept although it may have no member here.
    pub fn is_needed(&self, index: ChannelIndex) -> bool {
        let channel = self.get(index);
        channel.is_some_and(|channel| channel.is_needed || channel.has_rules())
    }

    /// How many channels an account has registered.
    pub fn founded_by(&self, account: AccountId) -> usize {
        self.founded.get(&account).map_or(0, BTreeSet::len)
    }

    /// The channels that an account has registered, those after this one.
    pub fn founded_after(
        &self,
        account: AccountId,
        after: Option<ChannelIndex>,
    ) -> impl Iterator<Item = &Channel> {
        let start = after.map_or(Bound::Unbounded, Bound::Excluded);
        let theirs = self.founded.get(&account).into_iter();
        theirs
            .flat_map(move |theirs| theirs.range((start, Bound::Unbounded)))
            .filter_map(|&index| self.get(index))
    }

    /// The channels from `start` on, by name, each with its place.
    pub fn indexed_from(
        &self,
        start: Bound<Alphabetical>,
    ) -> impl Iterator<Item = (&Alphabetical, ChannelIndex)> {
        let indices = self.by_name.range((start, Bound::Unbounded));
        indices.map(|(name, &index)| (name, index))
    }

    /// Files a channel under the account that has registered it, if there is one.
    fn file_founder(&mut self, index: ChannelIndex) {
        let channel = self.get(index);
        let governed = channel.and_then(|channel| channel.governed.as_deref());
        let registered = governed.and_then(|governed| governed.rules.registered.as_ref());
        let now = registered.map(|registered| registered.founder);
        let before = match now {
            Some(founder) => self.founders.insert(index, founder),
            None => self.founders.remove(&index),
        };
        if let Some(before) = before.filter(|&before| now != Some(before))
            && let Some(theirs) = self.founded.get_mut(&before)
        {
            theirs.remove(&index);
            if theirs.is_empty() {
                self.founded.remove(&before);
            }
        }
        if let Some(founder) = now {
            self.founded.entry(founder).or_default().insert(index);
        }
    }

    /// Notes that the rules of a channel have changed: lists show them.
    pub fn rules_changed(&mut self, index: ChannelIndex) {
        self.pages.clear();
        self.file_founder(index);
        let Some(channel) = self.get_mut(index) else {
            return;
        };
        channel.pages.clear();
        if let Some(governed) = channel.governed.as_deref_mut() {
            governed.round += 1;
        }
        let listed = Alphabetical(channel.name.clone());
        match channel.is_secret() {
            true => {
                self.secret.insert(index);
                self.public.remove(&listed);
            }
            false => {
                self.secret.remove(&index);
                self.public.insert(listed, index);
            }
        }
    }

    /// How many channels outsiders are shown.
    pub fn shown(&self) -> usize {
        self.len() - self.secret.len()
    }

    /// Notes that the rows of a channel's members have changed.
    pub fn members_changed(&mut self, index: ChannelIndex) {
        if let Some(channel) = self.get_mut(index) {
            channel.pages.clear();
        }
    }

    /// Lists a member connection under another user, or under its user's new
    /// nickname.
    pub fn list_as(&mut self, index: ChannelIndex, from: &Name, to: &Name) {
        let Some(channel) = self.get_mut(index) else {
            return;
        };
        let before = channel.people_count();
        channel.unlist(from);
        channel.list(to);
        let is_as_many = channel.people_count() == before;
        if let Some(governed) = channel.governed.as_deref_mut() {
            governed.user_renamed(from.key(), to.key());
        }
        if !is_as_many {
            // The rows of channels show how many people are in them.
            self.pages.clear();
        }
    }

    /// Forgets all channels but an empty `global`.
    pub fn clear(&mut self) {
        *self = Channels::new();
    }

    /// Drops the settlements of all held messages.
    pub fn forget_settlements(&mut self) {
        for channel in self.table.iter_mut().flatten() {
            channel.past.take_settlements();
        }
    }

    /// Every channel, in no particular order.
    pub fn iter(&self) -> impl Iterator<Item = &Channel> {
        self.table.iter().flatten()
    }

    /// Tells a channel that a user joined. Large channels hear of a few users a
    /// second by name and of the rest as a number: naming every user to every
    /// member costs the square of the membership.
    pub fn tell_joined(
        &mut self,
        index: ChannelIndex,
        who: (&Name, Option<ConnectionId>),
        is_bot: bool,
        now: Now,
        fx: &mut Effects,
    ) {
        let (nickname, id) = who;
        let by_name = self.told_by_name(index, now, |notices| notices.joined += 1);
        let by_name = by_name.is_some();
        let Some(channel) = self.get_mut(index) else {
            return;
        };
        let is_watched = channel.named.iter().any(|&member| Some(member) != id);
        let unannounced = &mut channel.unannounced;
        unannounced.note_coming(nickname, by_name, is_watched);
        if by_name {
            let event = Event::MemberJoined {
                channel: channel.name.clone(),
                nickname: nickname.clone(),
                is_bot,
            };
            let others = |member: &ConnectionId| Some(*member) != id;
            fx.tell_all(channel.listeners().filter(others), event);
        }
    }

    /// Tells a channel that a user left, as [`Channels::tell_joined`] does. Of one who
    /// has left the chat altogether, those who keep lists of members are told apart; of one
    /// whose coming they do not know they are not told. If they are many, they are told later
    /// of those of whom the others are told the number.
    pub fn tell_left(
        &mut self,
        index: ChannelIndex,
        leaving: Leaving,
        told: LeftHow,
        now: Now,
        fx: &mut Effects,
    ) {
        let nickname = &leaving.name;
        let by_name = self.told_by_name(index, now, |notices| notices.left += 1);
        let by_name = by_name.is_some();
        let Some(channel) = self.get_mut(index) else {
            return;
        };
        let is_told_apart = told.has_quit || channel.unannounced.conceals(nickname);
        channel.unannounced.remove(nickname);
        let is_late = told.may_be_late && channel.named.len() > LARGE_CHANNEL;
        if !by_name && !is_told_apart && is_late {
            return self.leave_late(index, leaving, now, fx);
        }
        let event = Event::MemberLeft {
            channel: channel.name.clone(),
            nickname: leaving.name,
            reason: leaving.reason,
        };
        fx.shown_as(leaving.face, |fx| match (by_name, is_told_apart) {
            (true, false) => fx.tell_all(channel.listeners(), event),
            (true, true) => fx.tell_all(channel.without_roster(), event),
            (false, false) => fx.tell_all(channel.roster_keepers(), event),
            (false, true) => {}
        });
    }

    /// Whether a leaving at this time is told later to those who keep lists of members.
    pub fn is_left_late(&self, index: ChannelIndex, now: Now) -> bool {
        self.get(index).is_some_and(|channel| {
            let notices = &channel.notices;
            let is_spent = notices.told >= NOTICES_PER_WINDOW && now.ticks_ms < notices.due();
            channel.named.len() > LARGE_CHANNEL && (notices.has_pending() || is_spent)
        })
    }

    /// Tells a channel about a new nickname, as [`Channels::tell_joined`] does.
    /// Where members are only counted, a rename is one leave and one join. Those who keep
    /// lists of members are told apart, once for all channels. `was_there` says whether a user
    /// with the new nickname was there before: an account, which the renamed one has logged in to.
    pub fn tell_renamed(
        &mut self,
        index: ChannelIndex,
        own: &[ConnectionId],
        (from, to): (&Name, &Name),
        was_there: bool,
        now: Now,
        fx: &mut Effects,
    ) {
        let count = |notices: &mut Notices| {
            notices.joined += 1;
            notices.left += 1;
        };
        if let Some(channel) = self.get_mut(index) {
            channel.unannounced.rename(from, to, was_there);
        }
        if let Some(channel) = self.told_by_name(index, now, count) {
            let others = channel.without_roster();
            let event = Event::MemberRenamed {
                channel: channel.name.clone(),
                from: from.clone(),
                to: to.clone(),
            };
            fx.tell_all(others.filter(|member| !own.contains(member)), event);
        }
    }

    /// The channel, if it is to be told by name now. Otherwise counts the notice
    /// for the next summary.
    fn told_by_name(
        &mut self,
        index: ChannelIndex,
        now: Now,
        count: impl FnOnce(&mut Notices),
    ) -> Option<&Channel> {
        let channel = self.table.get_mut(index)?.as_mut()?;
        let notices = &mut channel.notices;
        let pending = notices.has_pending();
        if !pending && now.ticks_ms >= notices.due() {
            notices.window_start_ms = now.ticks_ms;
            notices.told = 0;
        }
        let by_name = channel.members.len() <= LARGE_CHANNEL || notices.told < NOTICES_PER_WINDOW;
        if by_name && !pending {
            notices.told += 1;
            return Some(channel);
        }
        count(notices);
        self.due.insert((notices.due(), index));
        None
    }

    /// Tells up to `most` channels the numbers of joins and leaves that have
    /// waited long enough.
    pub fn flush_notices(&mut self, most: usize, now: Now, fx: &mut Effects) {
        for _ in 0..most {
            let Some(&(due, index)) = self.due.first() else {
                break;
            };
            if due > now.ticks_ms {
                break;
            }
            self.due.pop_first();
            let Some(channel) = self.get_mut(index) else {
                continue;
            };
            let pending = std::mem::take(&mut channel.notices);
            channel.notices.window_start_ms = now.ticks_ms;
            // The summary uses up the window: a channel hears one a second, not more.
            channel.notices.told = NOTICES_PER_WINDOW;
            let event = Event::MembersChanged {
                channel: channel.name.clone(),
                joined: pending.joined,
                left: pending.left,
            };
            fx.tell_all(channel.listeners(), event);
        }
    }

    /// Slots of the table, in use or not.
    pub fn slots(&self) -> usize {
        self.table.len()
    }

    /// How many channels have counted joins and leaves to be told.
    pub fn due_notices(&self) -> usize {
        self.due.len()
    }

    /// When [`Channels::flush_notices`] next has something to tell.
    pub fn next_notice(&self) -> Option<u64> {
        self.due.first().map(|&(due, _)| due)
    }
}

impl Channel {
    fn list(&mut self, user: &Name) {
        let user = Alphabetical(user.clone());
        *self.people.entry(user).or_default() += 1;
        self.pages.clear();
    }

    fn unlist(&mut self, user: &Name) {
        let user = Alphabetical(user.clone());
        if let Some(connections) = self.people.get_mut(&user) {
            *connections -= 1;
            if *connections == 0 {
                self.people.remove(&user);
            }
        }
        self.pages.clear();
    }

    /// Whether a user, as this server lists it, is in the channel.
    pub fn has(&self, user: &Name) -> bool {
        self.people.contains_key(&Alphabetical(user.clone()))
    }

    /// The people in it from `start` on, sorted by name.
    pub fn people_from(&self, start: Bound<Alphabetical>) -> impl Iterator<Item = &Name> {
        let people = self.people.range((start, Bound::Unbounded));
        people.map(|(name, _)| &name.0)
    }

    /// Whether the channel, created by `maker`, disappears when its only member
    /// leaves, so that it makes room for a new channel.
    pub fn goes_with(&self, maker: Subscriber) -> bool {
        self.members.len() == 1 && self.maker == Some(maker) && !self.is_kept()
    }

    /// How many people are in it.
    pub fn people_count(&self) -> usize {
        self.people.len()
    }

    /// Whether an account has registered it.
    pub fn is_registered(&self) -> bool {
        let governed = self.governed.as_deref();
        governed.is_some_and(|governed| governed.rules.registered.is_some())
    }

    /// Whether it is left out of what outsiders are shown.
    pub fn is_secret(&self) -> bool {
        let governed = self.governed.as_deref();
        governed.is_some_and(|governed| governed.rules.is_secret())
    }

    /// Whether a message is not shown to anyone any more.
    pub fn hides(&self, message: MessageId) -> bool {
        let governed = self.governed.as_deref();
        governed.is_some_and(|governed| message <= governed.floor())
    }

    /// What it is about.
    pub fn topic(&self) -> Option<&Topic> {
        self.governed.as_deref()?.rules.topic.as_ref()
    }

    /// Whether there are rules that are not those of an open channel, or were when everyone left,
    /// and the log has yet to say that it is open.
    pub fn has_rules(&self) -> bool {
        let governed = self.governed.as_deref();
        governed.is_some_and(|governed| !governed.rules.is_open() || governed.is_closed())
    }

    /// Whether it stays when its last member leaves: rules end only by a change.
    fn is_kept(&self) -> bool {
        self.is_needed || self.has_rules() || self.name.as_str() == GLOBAL
    }

    /// Whether it goes, because it has no members and nothing keeps it.
    fn is_over(&self) -> bool {
        self.members.is_empty() && !self.is_kept()
    }

    /// Delivers a message to the live members, and holds it for those that are
    /// catching up.
    pub fn tell_message(&mut self, message: Message, fx: &mut Effects) {
        let is_plain = self.catching_up.is_empty() && self.expelled.is_empty();
        if is_plain {
            fx.tell_all(self.members.iter().copied(), Event::Message(message));
            return;
        }
        self.tell_held(message, &Since::default(), fx);
    }

    /// As [`Channel::tell_message`], for a message that was held: some members may read only what was
    /// said after a message.
    pub fn tell_held(&mut self, message: Message, since: &Since, fx: &mut Effects) {
        let live = self.listeners();
        let live = live.filter(|&member| since.lets_read(member, message.id));
        let live = live.filter(|&member| self.catching_up.lets_through(member, &message));
        fx.tell_all(live, Event::Message(message.clone()));
        self.catching_up.publish(&message);
    }

    /// As [`Channel::tell_message`], for a message that the past contained. Every
    /// member was shown it with the past, except those that are catching up.
    pub fn tell_known(&mut self, message: Message, fx: &mut Effects) {
        let to = self.catching_up.publish_known(&message);
        fx.tell_all(to, Event::Message(message));
    }

    /// The members that are told what happens in the channel.
    pub fn listeners(&self) -> impl Iterator<Item = ConnectionId> {
        let members = self.members.iter().copied();
        members.filter(|&member| !self.expelled.contains(member))
    }

    /// Those of them whose clients keep lists of members.
    pub fn roster_keepers(&self) -> impl Iterator<Item = ConnectionId> {
        let named = self.named.iter().copied();
        named.filter(|&member| !self.expelled.contains(member))
    }

    /// Those of them whose clients do not.
    pub fn without_roster(&self) -> impl Iterator<Item = ConnectionId> {
        let listeners = self.listeners();
        listeners.filter(|id| self.named.is_empty() || self.named.binary_search(id).is_err())
    }

    /// How many connections of a user, as this server lists it, are in the channel.
    pub fn connections_of(&self, user: &Name) -> usize {
        let place = Alphabetical(user.clone());
        self.people.get(&place).copied().unwrap_or_default()
    }

    /// Those of them that are not catching up.
    pub fn live(&self) -> impl Iterator<Item = ConnectionId> {
        let listeners = self.listeners();
        listeners.filter(|&member| !self.catching_up.contains(member))
    }
}

impl Notices {
    fn has_pending(&self) -> bool {
        self.joined + self.left > 0
    }

    fn due(&self) -> u64 {
        self.window_start_ms + NOTICE_WINDOW_MS
    }
}
