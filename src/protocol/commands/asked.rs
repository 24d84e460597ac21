//! The meaning of a client's command.

use crate::hub::{Command, Question};
use crate::model::{MessageId, Name, Notify, Secret, Window};

/// A client's request and its cost.
#[derive(Debug)]
pub struct Asked<S> {
    /// The request.
    pub step: S,
    /// The cost, in messages.
    pub cost: u32,
    /// Its name in the chat log; empty if it is not logged.
    pub word: &'static str,
}

/// The meaning of a command in the line protocol.
#[derive(Debug)]
pub enum Action {
    /// The hub carries it out.
    Hub(Command),
    /// The list of commands.
    Help(Help),
    /// The accounts to which the current channel belongs, after this one.
    Accounts(Option<Name>),
    /// Registers the current nickname; without a password it is asked for.
    Register(Option<Secret>),
    /// Logs in to an account; without a password it is asked for.
    LogIn(Name, Option<Secret>),
    /// Changes the password of one's own account; both are asked for.
    ChangePassword,
}

/// What `/help` is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Help {
    /// The commands that everyone needs.
    Everyday,
    /// The commands of those who run a channel.
    Operators,
    /// The rules that a channel can have.
    Rules,
}

/// The meaning of a JSON client's command.
#[derive(Debug)]
pub enum Step {
    /// For the hub.
    Command(Command),
    /// For the connection's own thread, which asks the store or the hub.
    Query(Query),
}

/// A question that changes nothing that other users see.
#[derive(Debug)]
pub enum Query {
    /// Messages of a channel with these words.
    Search {
        /// The current channel if not given.
        room: Option<Name>,
        /// The words.
        words: String,
        /// Only messages before this one.
        before: Option<MessageId>,
        /// How many at most.
        limit: usize,
    },
    /// The threads of the account, newest first.
    Inbox {
        /// From 1.
        page: u64,
    },
    /// The thread with another account.
    Thread {
        /// The other account's username.
        user: Name,
        /// The part of the thread.
        window: Window,
        /// The most messages to return.
        limit: usize,
    },
    /// Marks the messages of a user as read.
    Read {
        /// The author of the messages.
        user: Name,
        /// The last message that was read.
        up_to: MessageId,
    },
    /// The rooms of the account, with what is unread.
    MyRooms,
    /// Marks the messages of a room as read.
    ReadRoom {
        /// The room.
        room: Name,
        /// The last message that was read.
        up_to: MessageId,
    },
    /// Mutes a room, or no longer does.
    MuteRoom {
        /// The room.
        room: Name,
        /// Whether only mentions are wanted.
        muted: bool,
    },
    /// Is notified otherwise of a room.
    NotifyOfRoom {
        /// The room.
        room: Name,
        /// What of.
        notify: Notify,
    },
    /// The accounts to which a room belongs.
    RoomMembers {
        /// The current room if not given.
        room: Option<Name>,
        /// Only those after this one.
        after: Option<Name>,
    },
}

impl From<Command> for Action {
    fn from(command: Command) -> Action {
        Action::Hub(command)
    }
}

impl From<Command> for Step {
    fn from(command: Command) -> Step {
        Step::Command(command)
    }
}

impl From<Query> for Step {
    fn from(query: Query) -> Step {
        Step::Query(query)
    }
}

impl Action {
    /// Rows that its answer may have, if its cost depends on them.
    pub fn rows(&self) -> usize {
        match self {
            Action::Hub(command) => rows(command),
            Action::Help(_) | Action::Register(_) | Action::LogIn(..) => 0,
            Action::ChangePassword | Action::Accounts(_) => 0,
        }
    }
}

impl Step {
    /// As [`Action::rows`].
    pub fn rows(&self) -> usize {
        match self {
            Step::Command(command) => rows(command),
            Step::Query(Query::Thread { limit, .. }) => *limit,
            Step::Query(_) => 0,
        }
    }
}

fn rows(command: &Command) -> usize {
    match command {
        Command::History { limit, .. } => *limit,
        Command::Ask {
            question: Question::Presence(users),
            ..
        } => users.len(),
        // Their rows are counted in pages.
        Command::ListMembers(..) | Command::ListChannels(_) | Command::ListIgnored(_) => 1,
        _ => 0,
    }
}
