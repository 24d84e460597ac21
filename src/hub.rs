//! The hub: all chat state, as a deterministic state machine.
//!
//! Commands go in together with the time at which they happened; effects come
//! out. The same calls always give the same effects: the hub does no I/O, reads
//! no clock, draws no random numbers, and knows neither threads nor protocols.
//! Production, unit tests and the simulator run this same code.

mod admin;
mod apply;
mod asking;
mod away;
mod banned;
mod bans;
mod card;
mod channel;
mod command;
mod connection_id;
mod departures;
mod door;
mod effects;
mod ending;
mod erasing;
mod event;
mod expiry;
mod face;
mod farewell;
mod following;
mod foremost;
mod gateway;
mod governance;
mod guesses;
mod held;
mod history;
mod holds;
mod ignoring;
mod introducing;
mod last_here;
mod late;
mod leavings;
mod listing;
mod lists;
mod lookalikes;
mod makers;
mod mark;
mod membership;
mod mended;
mod mending;
mod mending_for;
mod messages;
mod moving;
mod news;
mod nickname;
mod nicknames;
mod noting;
mod observers;
mod own_channels;
mod page;
mod parted;
mod past;
mod people;
mod programs;
mod properties;
mod property;
mod reacting;
mod refusal;
mod remote;
mod renaming;
mod replying;
mod resume;
mod roster;
mod rows;
mod seen;
mod settling;
mod shared;
mod sighting;
mod signal;
mod signals;
mod similar;
mod since;
mod sizes;
mod switching;
mod tags;
mod together;
mod traits;
mod typing;
mod unannounced;
mod unconfirmed;
mod users;
mod watching;
mod whispered;
mod who;
mod whois;
mod whowas;
mod wish;
mod work;

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use crate::model::governance::LinkSecret;
use crate::model::{AccountId, Entry, Kind, Name, Text};

pub use crate::model::{BadMessageId, Message, MessageId};
pub use admin::{ChannelInfo, Counts, ProtocolCounts};
pub use asking::{Question, Reply};
pub use away::MAX_REASON_CHARS;
pub use bans::{Ban, BanError, BanTarget, MAX_BANS};
pub use card::{UserCard, UserChannel};
use channel::Channels;
pub use command::{Command, Credential, Profile, Replying};
pub use connection_id::ConnectionId;
pub use door::WayIn;
pub use effects::{Chore, Circumstances, Effect, Effects, Keeping, Reading, Recall, Recipients};
pub use erasing::MOST_ERASED;
pub use event::{Event, Private};
pub use face::{Face, Introduction};
pub use farewell::{Farewell, FrameFault, SignedOut};
pub use governance::{ChannelTerms, Governing, Registrars};
pub use governance::{Deed, MAX_CHANGES, Overview, Pass, RulesSummary, RulesView, Target, Ticket};
pub use listing::{After, Entry as ListEntry, Listed, Listing, Place};
pub use lists::MemberPage;
pub use mark::Mark;
pub use nickname::Nickname;
pub use noting::Note;
pub use page::{PAGE_ROWS, Page, Part};
pub use programs::MOST_PROGRAMS;
pub use property::{MAX_PROPERTIES, MAX_SUBSCRIPTIONS, Owner, Properties, Told, Unmet};
pub use refusal::{Refusal, Silence};
pub use roster::RosterNews;
pub use rows::{ChannelRow, Member, OwnChannel};
pub use seen::Seen;
pub use shared::{Draft, Fate, News, NodeId, Order, RosterChange, Settled, Shared, SharedTag};
pub use sighting::{Sighting, Sightings, SightingsFrom, Sought};
pub use signal::{Signal, SignalKind, Signalled};
pub use sizes::Sizes;
pub use tags::{BadTag, Tag};
pub use traits::Traits;
pub use typing::Audience;
pub use watching::{MAX_WATCHED, Watched};
pub use whispered::Whisper;
pub use whowas::PastUser;
pub use wish::{Finding, Purpose, Which, Wish, Within};

/// The channel that always exists.
pub const GLOBAL: &str = "global";

/// The time at which the hub does something.
#[derive(Clone, Copy, Debug)]
pub struct Now {
    /// Wall clock, milliseconds since 1970 UTC. It may jump in either direction.
    pub unix_ms: u64,
    /// Monotonic clock, milliseconds since an arbitrary start.
    pub ticks_ms: u64,
}

/// The limits that the hub itself enforces.
#[derive(Clone, Debug, PartialEq)]
pub struct Limits {
    /// How long a connection may stay without a nickname; zero is for ever.
    pub login: Duration,
    /// Channels one connection may be in; 0 is no limit.
    pub channels_per_connection: usize,
    /// Channels altogether; 0 is no limit.
    pub channels: usize,
    /// Existing channels that were created from one address; 0 is no limit.
    pub channels_per_address: usize,
    /// Channels created from one address within a minute; 0 is no limit.
    pub new_channels_per_minute: usize,
    /// Message tags remembered at once, for all clients together.
    pub tags: usize,
    /// Message tags remembered at once for one client.
    pub tags_per_client: usize,
    /// Users who have left, and whose time of leaving the hub remembers.
    pub departures: usize,
    /// Rows in one answer.
    pub page_rows: usize,
    /// How much of any deferred work is done in one piece: connections closed
    /// plus channels they leave, deadlines met, notices told.
    pub piece: usize,
    /// Whether channel messages are committed before they are delivered.
    pub history: bool,
    /// Seconds within which a message may be edited; 0 is no limit.
    pub edit_seconds: u64,
    /// Whether the former text of a channel message is kept in the audit trail.
    pub keep_edits: bool,
    /// What channels may be.
    pub channel_terms: ChannelTerms,
    /// Whether channels are changed through this hub, if it is one of several.
    pub governing: Governing,
}

/// The usual [`Limits::piece`]: well below a millisecond's work.
pub const PIECE: usize = 256;
/// Channels that are told their counted notices in one turn.
const NOTICES_AT_ONCE: usize = 64;
/// Connections that one call of [`Hub::send_away`] closes at most, and slots it
/// looks at.
const MOST_SENT_AWAY: usize = 500;
const MOST_LOOKED_AT: usize = 4_000;

impl Limits {
    /// No limits except on the cost of one answer, and no history.
    pub fn none() -> Limits {
        Limits {
            login: Duration::ZERO,
            channels_per_connection: 0,
            channels: 0,
            channels_per_address: 0,
            new_channels_per_minute: 0,
            tags: usize::MAX,
            tags_per_client: usize::MAX,
            departures: usize::MAX,
            page_rows: PAGE_ROWS,
            piece: PIECE,
            history: false,
            edit_seconds: 0,
            keep_edits: false,
            channel_terms: ChannelTerms::default(),
            governing: Governing::Always,
        }
    }
}

/// All chat state. See the module's documentation.
pub struct Hub {
    limits: Limits,
    /// By [`ConnectionId::index`].
    connections: Vec<Option<Connection>>,
    online: usize,
    /// By protocol.
    traffic: BTreeMap<&'static str, ProtocolCounts>,
    users: people::People,
    /// The nicknames of `users` that look like other names.
    looks: lookalikes::Lookalikes,
    /// What accounts are called that are not called by their names.
    nicknames: nicknames::Nicknames,
    /// The connections that logged in with each token.
    by_token: HashMap<Arc<str>, BTreeSet<ConnectionId>>,
    channels: Channels,
    /// Those of them that are to be open again.
    vacant: governance::Vacant,
    /// The look at when registered channels were visited.
    sweep: governance::Sweep,
    /// The connections by address, in the form in which bans compare them.
    by_address: BTreeSet<(IpAddr, ConnectionId)>,
    bans: banned::Bans,
    guesses: guesses::Guesses,
    endings: ending::Endings,
    expulsions: governance::Expulsions,
    /// Connections with waiting commands that can now be carried out.
    ready: VecDeque<ConnectionId>,
    /// The kind of deferred work whose turn is next.
    next_kind: usize,
    holds: holds::Holds,
    last_id: MessageId,
    /// Closed connections with messages that are still being committed.
    departures: departures::Departures,
    last_here: last_here::LastHere,
    past_users: whowas::PastUsers,
    watchers: watching::Watchers,
    standing: traits::Standing,
    /// The secrets of invitation links that are being committed.
    link_secrets: BTreeMap<MessageId, LinkSecret>,
    /// Messages that wait to be committed.
    unsettled: BTreeMap<MessageId, messages::Unsettled>,
    /// The administrators who wait for a change among them to be in force.
    tickets: BTreeMap<MessageId, Ticket>,
    last_recall: u64,
    /// Guests who may come again.
    parted: parted::Parted,
    /// The last changes of messages.
    mended: mended::Mended,
    /// Reactions that are being committed.
    reacting: reacting::Pending,
    /// Changes of messages that are waited for by others than connections.
    awaited: mending_for::Awaited,
    /// See [`Hub::take_withdrawn`].
    withdrawn: u64,
    tags: tags::Tags,
    /// The people on the other servers, if this hub is one of several.
    remote: Option<remote::Remote>,
    /// Whether all servers were known to carry out changes of channels at some time.
    all_can_govern: bool,
    /// Grows with every change of `remote`, so that pages made before are stale.
    roster_version: u64,
    /// Lists that connections have asked for and not yet been given.
    questions: lists::Questions,
    /// Deadlines of the connections without a nickname. Not in the order of
    /// arrival: the limit may change meanwhile.
    login_deadlines: BTreeSet<(u64, ConnectionId)>,
    /// When the token of a connection expires.
    expiries: BTreeSet<(u64, ConnectionId)>,
}

/// One connection's state.
struct Connection {
    id: ConnectionId,
    profile: Profile,
    opened_ms: u64,
    nickname: Option<Name>,
    /// What it wants its account to be called.
    wished: Option<Name>,
    /// The time by which it must have taken a nickname.
    login_deadline: Option<u64>,
    /// When its token expires.
    expiry: Option<u64>,
    /// The token it came with.
    token: Option<Arc<str>>,
    /// The account of the program that takes part with it, without a socket.
    program: Option<AccountId>,
    /// Answers of the store it waits for: messages of its own to be committed,
    /// the past of channels to be read.
    pending: usize,
    /// Messages of its own among them.
    unsettled: usize,
    /// Pages among them of what it has missed.
    resuming: usize,
    /// What it says in answer to a message that is being looked for.
    replying: Option<Replying>,
    /// It is being closed.
    is_going: bool,
    /// It is queued to be closed; its commands no longer count.
    is_ending: bool,
    /// Its number in [`lists::Questions`].
    question: Option<u64>,
    /// Commands that wait for them; so many at most.
    waiting: VecDeque<Command>,
    /// It is in [`Hub::ready`].
    is_ready: bool,
    /// A channel that looks like another one, and whether it has a history.
    looked_up: Option<(Name, bool)>,
    /// What opens a channel, for the command that is being carried out.
    pass: Option<Pass>,
    /// What goes back with the answers to that command.
    mark: Option<Mark>,
    /// What its program says about its user.
    introduction: Option<Arc<Introduction>>,
    /// What its user is and wants.
    traits: Traits,
    /// The users that it watches, by key.
    watched: BTreeMap<Arc<str>, Name>,
    /// The keys of properties of which it is told.
    subscribed: BTreeSet<Arc<str>>,
    /// Why it leaves the channel that it is leaving.
    parting: Option<Text>,
    /// When it last said something, on the monotonic clock.
    spoke_ms: u64,
    listens_for_typing: bool,
    /// Until when its typing is not told again.
    typing_told_until_ms: u64,
    /// The last one is the current channel.
    memberships: Vec<channel::Membership>,
}

impl Hub {
    /// A hub without connections.
    pub fn new(limits: Limits) -> Hub {
        Hub {
            limits,
            connections: Vec::new(),
            online: 0,
            traffic: BTreeMap::new(),
            users: people::People::default(),
            looks: lookalikes::Lookalikes::default(),
            nicknames: nicknames::Nicknames::default(),
            by_token: HashMap::new(),
            channels: Channels::new(),
            vacant: governance::Vacant::default(),
            sweep: governance::Sweep::default(),
            by_address: BTreeSet::new(),
            bans: banned::Bans::default(),
            guesses: guesses::Guesses::default(),
            endings: ending::Endings::default(),
            expulsions: governance::Expulsions::default(),
            ready: VecDeque::new(),
            next_kind: 0,
            holds: holds::Holds::default(),
            last_id: MessageId::default(),
            link_secrets: BTreeMap::new(),
            unsettled: BTreeMap::new(),
            tickets: BTreeMap::new(),
            departures: departures::Departures::default(),
            last_here: last_here::LastHere::default(),
            past_users: whowas::PastUsers::default(),
            watchers: watching::Watchers::new(),
            standing: traits::Standing::default(),
            last_recall: 0,
            parted: parted::Parted::default(),
            mended: mended::Mended::default(),
            reacting: reacting::Pending::default(),
            awaited: mending_for::Awaited::default(),
            withdrawn: 0,
            tags: tags::Tags::default(),
            remote: None,
            all_can_govern: false,
            roster_version: 0,
            questions: lists::Questions::default(),
            login_deadlines: BTreeSet::new(),
            expiries: BTreeSet::new(),
        }
    }

    /// Puts new limits in force; whatever already exceeds them stays.
    pub fn set_limits(&mut self, limits: Limits) {
        self.limits = limits;
    }

    /// Whether channel messages are stored.
    pub fn keeps_history(&self) -> bool {
        self.limits.history
    }

    /// Adds a connection: greets it, or closes it if its address is banned.
    pub fn open(&mut self, id: ConnectionId, profile: Profile, now: Now, fx: &mut Effects) {
        self.place(id, profile, None, now, fx);
    }

    /// Adds the connection of a program that takes part without a socket, as the user of this
    /// account. No ban of an address hits it, and limits are counted for the account.
    pub fn open_program(
        &mut self,
        id: ConnectionId,
        profile: Profile,
        account: AccountId,
        now: Now,
        fx: &mut Effects,
    ) {
        self.program_comes_in(account, fx);
        self.place(id, profile, Some(account), now, fx);
    }

    fn place(
        &mut self,
        id: ConnectionId,
        profile: Profile,
        program: Option<AccountId>,
        now: Now,
        fx: &mut Effects,
    ) {
        fx.log(Entry {
            address: Some(profile.address),
            protocol: Some(profile.protocol),
            ..Entry::new(now.unix_ms, Kind::Open)
        });
        let address = Some(profile.address.ip()).filter(|_| program.is_none());
        let banned = address.and_then(|address| self.bans.address(address, now.unix_ms));
        let banned = banned.map(|ban| Farewell::Banned(ban.reason.clone()));
        let others = self.people();
        let index = id.index as usize;
        if self.connections.len() <= index {
            self.connections.resize_with(index + 1, || None);
        }
        let place = |profile: &Profile, id| (profile.address.ip().to_canonical(), id);
        if let Some(slot) = self.connections.get_mut(index) {
            if program.is_none() {
                self.by_address.insert(place(&profile, id));
            }
            if let Some(before) = slot {
                self.by_address.remove(&place(&before.profile, before.id));
            } else {
                self.online += 1;
                let traffic = self.traffic.entry(profile.protocol).or_default();
                traffic.open += 1;
                traffic.opened += 1;
            }
            *slot = Some(Connection {
                id,
                profile,
                opened_ms: now.unix_ms,
                nickname: None,
                wished: None,
                login_deadline: None,
                expiry: None,
                token: None,
                pending: 0,
                unsettled: 0,
                resuming: 0,
                replying: None,
                is_going: false,
                is_ending: false,
                question: None,
                waiting: VecDeque::new(),
                is_ready: false,
                looked_up: None,
                pass: None,
                mark: None,
                introduction: None,
                program,
                traits: Traits {
                    is_bot: program.is_some(),
                    ..Traits::default()
                },
                watched: BTreeMap::new(),
                subscribed: BTreeSet::new(),
                parting: None,
                spoke_ms: now.ticks_ms,
                listens_for_typing: false,
                typing_told_until_ms: 0,
                memberships: Vec::new(),
            });
        }
        if let Some(farewell) = banned {
            self.close(id, farewell, now, fx);
            return;
        }
        self.await_login(id, now);
        fx.tell(id, Event::Greeting { others });
    }

    /// Starts the time within which a connection must take a nickname.
    fn await_login(&mut self, id: ConnectionId, now: Now) {
        if self.limits.login.is_zero() {
            return;
        }
        let deadline = now.ticks_ms + self.limits.login.as_millis() as u64;
        if let Some(connection) = self.connection_mut(id) {
            connection.login_deadline = Some(deadline);
            self.login_deadlines.insert((deadline, id));
        }
    }

    /// Closes a connection; the user leaves with their last one. Closing a
    /// connection that is closed already does nothing.
    pub fn close(&mut self, id: ConnectionId, farewell: Farewell, now: Now, fx: &mut Effects) {
        if self.connection(id).is_none() {
            return;
        }
        if let Some(connection) = self.connection_mut(id) {
            connection.is_going = true;
        }
        self.tell_quit(id, &farewell, now, fx);
        while let Some(channel) = self.current_channel(id) {
            self.leave_channel(id, channel, now, fx);
        }
        self.log_close(id, &farewell, now, fx);
        self.note_parting(id);
        self.set_token(id, None);
        self.forget_expiry(id);
        let slot = self.connections.get_mut(id.index as usize);
        let Some(connection) = slot.and_then(Option::take) else {
            return;
        };
        self.online -= 1;
        let address = connection.profile.address.ip().to_canonical();
        self.by_address.remove(&(address, id));
        self.tags.forget(&tags::TagOwner::Connection(id));
        self.questions.forget(connection.question);
        if let Some(traffic) = self.traffic.get_mut(connection.profile.protocol) {
            traffic.open -= 1;
        }
        if let Some(deadline) = connection.login_deadline {
            self.login_deadlines.remove(&(deadline, id));
        }
        for key in connection.watched.keys() {
            self.forget_watcher(id, key);
        }
        if let Some(nickname) = &connection.nickname {
            self.release_nickname(nickname, id, now, fx);
        }
        self.forget_traits(id, connection.nickname.as_ref(), connection.traits);
        fx.close(id, farewell);
        self.settle_abandoned(now, fx);
    }

    fn log_close(&mut self, id: ConnectionId, farewell: &Farewell, now: Now, fx: &mut Effects) {
        let Some(connection) = self.connection(id) else {
            return;
        };
        let entry = Entry {
            nick: connection.nickname.as_ref().map(Name::shown),
            address: Some(connection.profile.address),
            protocol: Some(connection.profile.protocol),
            text: Some(farewell.to_string().into()),
            ..Entry::new(now.unix_ms, Kind::Close)
        };
        match farewell {
            // The process ends: there may be no later turn that could write it.
            Farewell::Shutdown => fx.log(entry),
            _ => self.log_departure(id, entry, fx),
        }
    }

    /// Does a bounded part of what is due. Call it when [`Hub::next_deadline`] has
    /// passed, and again for as long as it has.
    pub fn tick(&mut self, now: Now, fx: &mut Effects) {
        for _ in 0..self.limits.piece {
            let Some(&(deadline, id)) = self.login_deadlines.first() else {
                break;
            };
            if deadline > now.ticks_ms {
                break;
            }
            self.login_deadlines.pop_first();
            self.close(id, Farewell::LoginTimeout, now, fx);
        }
        self.end_expired(now, fx);
        self.channels.flush_notices(NOTICES_AT_ONCE, now, fx);
        self.channels.tell_some_late(now, fx);
        self.begin_sweep(now);
    }

    /// When [`Hub::tick`] next has something to do, on the monotonic clock.
    pub fn next_deadline(&self) -> Option<u64> {
        let login = self.login_deadlines.first().map(|&(deadline, _)| deadline);
        let expiry = self.expiries.first().map(|&(deadline, _)| deadline);
        let notices = self.channels.next_notice();
        let late = self.channels.next_late();
        let others = login.into_iter().chain(expiry).chain(notices).chain(late);
        others.chain(self.next_sweep()).min()
    }

    /// Closes up to `count` connections, from slot `from` on, because the server
    /// is about to shut down. Returns the slot to go on with, which is 0 after
    /// the last one. Looks at a bounded number of slots.
    pub fn send_away(&mut self, from: usize, count: usize, now: Now, fx: &mut Effects) -> usize {
        let mut next = from;
        let mut left = count.min(MOST_SENT_AWAY);
        for _ in 0..MOST_LOOKED_AT {
            if left == 0 {
                break;
            }
            let Some(slot) = self.connections.get(next) else {
                return 0;
            };
            next += 1;
            if let Some(id) = slot.as_ref().map(|connection| connection.id) {
                self.close(id, Farewell::Shutdown, now, fx);
                left -= 1;
            }
        }
        next
    }

    /// Closes every connection.
    pub fn shut_down(&mut self, now: Now, fx: &mut Effects) {
        let all: Vec<ConnectionId> = self.connections.iter().flatten().map(|c| c.id).collect();
        self.tell_all_departures(now, fx);
        // Every connection goes: no member is left to be told that another left.
        self.channels.clear();
        for id in all {
            if let Some(connection) = self.connection_mut(id) {
                connection.memberships.clear();
            }
            self.close(id, Farewell::Shutdown, now, fx);
        }
    }

    fn address_of(&self, id: ConnectionId) -> IpAddr {
        self.connection(id)
            .map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |connection| {
                connection.profile.address.ip()
            })
    }

    fn connection(&self, id: ConnectionId) -> Option<&Connection> {
        let connection = self.connections.get(id.index as usize)?.as_ref()?;
        (connection.id == id).then_some(connection)
    }

    fn connection_mut(&mut self, id: ConnectionId) -> Option<&mut Connection> {
        let connection = self.connections.get_mut(id.index as usize)?.as_mut()?;
        (connection.id == id).then_some(connection)
    }
}
