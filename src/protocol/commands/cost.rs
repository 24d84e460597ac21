//! What a command costs of what `limits.message_rate` and
//! `limits.message_burst` allow, whatever the protocol. A message costs 1;
//! what takes the server as long as several messages costs as many.
//!
//! Coming back into rooms costs no more than a message: a client that was cut
//! off does so for all of its rooms at once, and the reading that it leads to
//! waits for its own turn.

use std::fmt;

use crate::hub::PAGE_ROWS;

/// A page of a list: its rows are put together, and sent.
const LIST: u32 = 5;
/// Messages of a history that cost as much as sending one.
const READ_FOR_ONE: usize = 50;
/// Users whose presence costs as much as one message.
const PRESENCE_FOR_ONE: usize = 10;

/// What a command costs, in messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cost {
    /// As much as so many messages.
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
    /// A look through everything that was said in a room.
    pub const SEARCH: Cost = Cost::Flat(10);
    /// A page of the inbox, for which each thread is looked at.
    pub const INBOX: Cost = Cost::Flat(5);
    /// Another nickname, of which all rooms are told.
    pub const NICKNAME: Cost = Cost::Flat(5);

    /// With so many rows asked for.
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
