//! The kind of world a seed makes: how many clients, how often they do what,
//! which limits hold and what fails.
//!
//! Each seed draws its own plan (*swarm testing*): a world where no client ever
//! leaves finds faults that a world where everything happens equally often
//! hides.

use super::names::{NICKS, ROOMS};
use super::random::{Random, Weighted};

/// One step of the world.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// A connection is opened.
    Open,
    /// A client takes a nickname or logs in.
    LogIn,
    /// A connection sends a command.
    Ask,
    /// A connection that the hub has ended sends a command, because its thread
    /// does not know yet.
    AskLate,
    /// A connection sends more commands at once than may wait.
    Flood,
    /// A client disconnects.
    HangUp,
    /// The network fails: nearly every client disconnects.
    Outage,
    /// A client loses its connection, reconnects at once and resumes.
    ComeBack,
    /// The thread of a connection that the hub has ended finishes.
    Done,
    /// The network delivers some packets.
    Receive,
    /// The store commits a group, or fails to.
    Commit,
    /// The store reports outcomes of messages.
    Settle,
    /// The store looks up the answer to a question.
    LookUp,
    /// The store reports an answer.
    Answer,
    /// The store carries out a change of an ignore list.
    Remember,
    /// Time passes.
    Pass,
    /// The wall clock is set.
    SetClock,
    /// A nickname is registered.
    Register,
    /// A nickname is held for the owner of a token.
    Hold,
    /// An account's token is revoked.
    Revoke,
    /// A connection gets an expiry with its token.
    Expire,
    /// Retention removes the oldest messages of a channel.
    Retain,
    /// REST asks for users and the like.
    Look,
    /// The hub does a piece of deferred work.
    Work,
    /// An administrator makes an announcement.
    Announce,
    /// An administrator ends a user's connections.
    Kick,
    /// An administrator bans.
    Ban,
    /// An administrator lifts a ban.
    Unban,
    /// The limits change.
    Configure,
    /// The store answers everything, until no client waits.
    Calm,
    /// The process dies and starts again.
    Crash,
}

/// A command of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ask {
    Say,
    SayNothing,
    Private,
    Tagged,
    Resend,
    Resume,
    Typing,
    Listen,
    Join,
    Switch,
    Create,
    Leave,
    Rename,
    Ignore,
    ListIgnored,
    Question,
    Unignore,
    ListMembers,
    ListChannels,
    History,
    Answer,
    Quit,
    End,
}

/// The relative frequency of each act, in a world that has all of them.
const ACTS: [(Act, usize); 31] = [
    (Act::Open, 150),
    (Act::LogIn, 300),
    (Act::Ask, 1500),
    (Act::AskLate, 20),
    (Act::Flood, 1),
    (Act::HangUp, 60),
    (Act::Outage, 3),
    (Act::ComeBack, 30),
    (Act::Done, 60),
    (Act::Receive, 300),
    (Act::Commit, 300),
    (Act::Settle, 300),
    (Act::LookUp, 150),
    (Act::Answer, 150),
    (Act::Remember, 60),
    (Act::Pass, 150),
    (Act::SetClock, 15),
    (Act::Register, 30),
    (Act::Hold, 15),
    (Act::Revoke, 6),
    (Act::Expire, 6),
    (Act::Retain, 15),
    (Act::Look, 15),
    (Act::Work, 200),
    (Act::Announce, 15),
    (Act::Kick, 8),
    (Act::Ban, 10),
    (Act::Unban, 20),
    (Act::Configure, 5),
    (Act::Calm, 3),
    (Act::Crash, 3),
];

/// Acts without which a world stands still.
const ESSENTIAL: [Act; 9] = [
    Act::Open,
    Act::LogIn,
    Act::Ask,
    Act::Commit,
    Act::Settle,
    Act::LookUp,
    Act::Answer,
    Act::Work,
    Act::Pass,
];

const ASKS: [(Ask, usize); 23] = [
    (Ask::Say, 300),
    (Ask::SayNothing, 5),
    (Ask::Private, 120),
    (Ask::Tagged, 80),
    (Ask::Resend, 60),
    (Ask::Resume, 120),
    (Ask::Typing, 60),
    (Ask::Listen, 30),
    (Ask::Join, 150),
    (Ask::Switch, 50),
    (Ask::Create, 40),
    (Ask::Leave, 50),
    (Ask::Rename, 60),
    (Ask::Ignore, 40),
    (Ask::Unignore, 30),
    (Ask::ListIgnored, 10),
    (Ask::Question, 10),
    (Ask::ListMembers, 20),
    (Ask::ListChannels, 20),
    (Ask::History, 50),
    (Ask::Answer, 30),
    (Ask::Quit, 8),
    (Ask::End, 8),
];

/// The parameters of one world.
pub struct Plan {
    /// Connections at the same time.
    pub slots: usize,
    /// Nicknames in use.
    pub nicks: usize,
    /// The first so many nicknames may be registered.
    pub registrable: usize,
    /// Channels in use.
    pub rooms: usize,
    /// Connections that are in one channel at a time, per thousand.
    pub one_channel: usize,
    /// Whether channel messages are kept.
    pub history: bool,
    /// Time to log in, in milliseconds; 0 is no limit.
    pub login_ms: u64,
    /// Channels of a connection; 0 is no limit.
    pub channels_per_connection: usize,
    /// Channels in all, channels made by one address, and those of one address
    /// in a minute; 0 is no limit.
    pub channels: usize,
    pub channels_per_address: usize,
    pub new_channels_per_minute: usize,
    /// Tags remembered for one client.
    pub tags_per_client: usize,
    /// Users with a time of leaving that the hub remembers.
    pub departures: usize,
    /// Rows of one page of a list.
    pub page_rows: usize,
    /// Connections that the hub ends in one piece of work.
    pub piece: usize,
    /// Messages that may wait for the store.
    pub store_room: usize,
    /// Most messages in a transaction.
    pub group: usize,
    /// Commits that fail, per thousand.
    pub commits_fail: usize,
    /// Questions that cannot be answered, per thousand.
    pub reads_fail: usize,
    /// Most messages the store returns to a client that catches up.
    pub page: usize,
    /// Messages that are very long, per thousand.
    pub long: usize,
    /// Packets that may be on their way to a client.
    pub pipe: usize,
    /// How far the clock moves in a step, in milliseconds.
    pub pass_ms: usize,
    pub acts: Weighted<Act>,
    pub asks: Weighted<Ask>,
}

impl Plan {
    pub fn draw(random: &mut Random) -> Plan {
        // Large channels have rules of their own.
        let crowded = random.chance(150);
        let acts = ACTS.map(|(act, weight)| {
            let scale = match act {
                Act::HangUp | Act::Kick | Act::Ban | Act::Crash if crowded => 0,
                Act::Outage if crowded => *random.pick(&[0, 1]),
                Act::Open | Act::LogIn | Act::Receive if crowded => 4,
                _ if ESSENTIAL.contains(&act) => *random.pick(&[1, 2, 4]),
                _ => *random.pick(&[0, 1, 2, 6]),
            };
            (act, weight * scale)
        });
        let asks = ASKS.map(|(ask, weight)| {
            let scale = match ask {
                Ask::Say | Ask::Join => *random.pick(&[1, 2, 4]),
                Ask::Quit | Ask::End if crowded => 1,
                _ => *random.pick(&[0, 1, 2, 6]),
            };
            (ask, weight * scale)
        });
        Plan {
            slots: if crowded { 28 } else { random.between(2, 8) },
            nicks: if crowded { NICKS } else { random.between(2, 8) },
            registrable: random.between(0, 4),
            rooms: if crowded {
                *random.pick(&[1, 1, 2])
            } else {
                random.between(1, ROOMS)
            },
            one_channel: *random.pick(&[0, 500, 1000]),
            history: random.chance(800),
            login_ms: *random.pick(&[0, 500, 5_000, 60_000]),
            channels_per_connection: random.between(0, 4),
            channels: *random.pick(&[0, 0, 0, 2, 4]),
            channels_per_address: *random.pick(&[0, 0, 0, 1, 2]),
            new_channels_per_minute: *random.pick(&[0, 0, 0, 2, 30]),
            tags_per_client: *random.pick(&[1, 3, 1024]),
            departures: *random.pick(&[1, 3, 1024]),
            page_rows: *random.pick(&[1, 2, 5, 500]),
            piece: *random.pick(&[1, 3, 256]),
            store_room: *random.pick(&[1, 8, 200]),
            group: *random.pick(&[1, 4, 64]),
            commits_fail: *random.pick(&[0, 0, 20, 300]),
            reads_fail: *random.pick(&[0, 0, 20, 300]),
            page: *random.pick(&[1, 3, 20, 5000]),
            long: *random.pick(&[0, 0, 0, 20, 100]),
            pipe: if crowded {
                600
            } else {
                *random.pick(&[8, 60, 600])
            },
            pass_ms: *random.pick(&[2, 50, 400, 3_000]),
            acts: Weighted::new(acts),
            asks: Weighted::new(asks),
        }
    }
}
