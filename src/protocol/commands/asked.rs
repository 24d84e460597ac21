//! What a command of a client comes to.

use crate::hub::{Command, Question};
use crate::model::{MessageId, Name, Secret, Window};

/// What a client asks for, and what that costs.
#[derive(Debug)]
pub struct Asked<S> {
    /// What.
    pub step: S,
    /// In messages.
    pub cost: u32,
    /// What the chat log calls it; nothing if the log has no word of it.
    pub word: &'static str,
}

/// What a command of the line protocol comes to.
#[derive(Debug)]
pub enum Action {
    /// The hub carries it out.
    Hub(Command),
    /// The list of commands.
    Help,
    /// Registers the current nickname; without a password it is asked for.
    Register(Option<Secret>),
    /// Logs in to an account; without a password it is asked for.
    LogIn(Name, Option<Secret>),
}

/// What a command of a JSON client comes to.
#[derive(Debug)]
pub enum Step {
    /// For the hub.
    Command(Command),
    /// For the connection's own thread, which asks the store or the hub.
    Query(Query),
}

/// A question that changes nothing of what others see.
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
        /// With whom.
        user: Name,
        /// Which part.
        window: Window,
        /// How many messages at most.
        limit: usize,
    },
    /// What this user wrote has been read.
    Read {
        /// Who wrote.
        user: Name,
        /// Up to which message.
        up_to: MessageId,
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
            Action::Help | Action::Register(_) | Action::LogIn(..) => 0,
        }
    }
}

impl Step {
    /// As [`Action::rows`].
    pub fn rows(&self) -> usize {
        match self {
            Step::Command(command) => rows(command),
            Step::Query(Query::Thread { limit, .. }) => *limit,
            Step::Query(Query::Search { .. } | Query::Inbox { .. } | Query::Read { .. }) => 0,
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
