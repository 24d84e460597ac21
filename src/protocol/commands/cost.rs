//! The cost of a command, which `limits.message_rate` and `limits.message_burst`
//! limit in every protocol. A message costs 1; a command that takes the server as
//! long as several messages costs as many.
//!
//! Resuming a room costs no more than a message: a client that was cut off resumes
//! all of its rooms at once, and reading the missed messages waits for fair turns.

use std::fmt;

use crate::hub::PAGE_ROWS;

/// A page of a list, whose rows have to be collected and sent.
const LIST: u32 = 5;
/// Messages of a history that cost as much as sending one.
const READ_FOR_ONE: usize = 50;
/// Users whose presence costs as much as one message.
const PRESENCE_FOR_ONE: usize = 10;

/// The cost of a command, in messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cost {
    /// As much as this many messages.
    Flat(u32),
    /// As much as a message, or as a list if it asks for one.
    OneOrList,
    /// 1, and another for every 50 messages that are asked for.
    Messages,
    /// 1, and another for every 10 users that are asked about.
    Users,
}

impl Cost {
    /// That of a message.
    pub const ONE: Cost = Cost::Flat(1);
    /// A page of a list.
    pub const LIST: Cost = Cost::Flat(LIST);
    /// A search through all messages of a room.
    pub const SEARCH: Cost = Cost::Flat(10);
    /// A page of the inbox, for which each thread is read.
    pub const INBOX: Cost = Cost::Flat(5);
    /// A change of nickname, which all rooms are told about.
    pub const NICKNAME: Cost = Cost::Flat(5);

    /// The cost if this many rows are asked for.
    pub fn of(self, rows: usize) -> u32 {
        match self {
            Cost::Flat(cost) => cost,
            Cost::OneOrList if rows == 0 => 1,
            Cost::OneOrList => LIST,
            Cost::Messages => 1 + whole(rows.min(PAGE_ROWS) / READ_FOR_ONE),
            Cost::Users => 1 + whole(rows / PRESENCE_FOR_ONE),
        }
    }
}

/// As the documentation has it.
impl fmt::Display for Cost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Cost::Flat(cost) => write!(f, "{cost}"),
            Cost::OneOrList => write!(f, "1; {LIST} for the list"),
            Cost::Messages => write!(f, "1 + 1 for every {READ_FOR_ONE} messages"),
            Cost::Users => write!(f, "1 + 1 for every {PRESENCE_FOR_ONE} users"),
        }
    }
}

fn whole(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
