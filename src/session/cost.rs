//! What a command costs of what `limits.message_rate` and
//! `limits.message_burst` allow, whatever the protocol. A message costs 1;
//! what takes the server as long as several messages costs as many.
//!
//! Coming back into rooms costs no more than a message: a client that was cut
//! off does so for all of its rooms at once, and the reading that it leads to
//! waits for its own turn.

use crate::hub::{Command, PAGE_ROWS};
use crate::protocol::json::Query;

/// A page of a list: its rows are put together, and sent.
const LIST: u32 = 5;
/// A look through everything that was said in a room.
const SEARCH: u32 = 10;
/// A page of the inbox, for which each thread is looked at.
const INBOX: u32 = 5;
/// Another nickname, of which all rooms are told.
const NICKNAME: u32 = 5;
/// Messages of a history that cost as much as sending one.
const READ_FOR_ONE: usize = 50;
/// Users whose presence costs as much as one message.
const PRESENCE_FOR_ONE: usize = 10;

/// What a command of a connection costs.
pub fn of_command(command: &Command) -> u32 {
    match command {
        Command::ListMembers(..) | Command::ListChannels(_) | Command::ListIgnored(_) => LIST,
        Command::Rename(_) => NICKNAME,
        Command::History { limit, .. } => of_reading(*limit),
        Command::Tagged { message, .. } => of_command(message),
        Command::Say { .. }
        | Command::Line(_)
        | Command::Private { .. }
        | Command::Join(_)
        | Command::Resume { .. }
        | Command::Switch(_)
        | Command::Create(_)
        | Command::Leave(_)
        | Command::Ignore(_)
        | Command::Unignore(_)
        | Command::Typing(_)
        | Command::Listen { .. }
        | Command::Answer(_)
        | Command::Noted { .. }
        | Command::Refuse { .. }
        | Command::Quit
        | Command::End(_) => 1,
    }
}

/// Whether a JSON command is not refused when it comes too fast, but waits
/// for a moment, and what is sent behind it with it: what a client asks for
/// all at once when it comes.
pub fn may_wait(kind: &str) -> bool {
    matches!(
        kind,
        "join"
            | "resume"
            | "listrooms"
            | "listusers"
            | "ignores"
            | "history"
            | "search"
            | "inbox"
            | "thread"
            | "presence"
    )
}

/// What a question costs that a connection's own thread answers.
pub fn of_query(query: &Query) -> u32 {
    match query {
        Query::Search { .. } => SEARCH,
        Query::Inbox { .. } => INBOX,
        Query::Thread { limit, .. } => of_reading(*limit),
        Query::Read { .. } => 1,
        Query::Presence(users) => 1 + whole(users.len() / PRESENCE_FOR_ONE),
    }
}

fn of_reading(limit: usize) -> u32 {
    1 + whole(limit.min(PAGE_ROWS) / READ_FOR_ONE)
}

fn whole(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hub::Part;
    use crate::model::{Name, Window};

    #[test]
    fn what_takes_longer_costs_more_than_a_message() {
        let history = |limit| Command::History {
            channel: None,
            window: Window::Latest,
            limit,
        };
        assert_eq!(of_command(&Command::Leave(None)), 1);
        assert_eq!(of_command(&history(20)), 1);
        assert_eq!(of_command(&history(500)), 11);
        assert_eq!(of_command(&Command::ListChannels(Part::default())), LIST);
        let users = vec![Name::parse("ada").unwrap(); 100];
        assert_eq!(of_query(&Query::Presence(users)), 11);
    }
}
