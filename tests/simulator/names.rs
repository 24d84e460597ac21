//! The few names of the simulated world, in several spellings each, so that
//! they collide often.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use chat_server::hub::{GLOBAL, Message};
use chat_server::name::Name;

/// A nickname, whatever its spelling: an index, and a bit in a [`Nicks`].
pub type Nick = usize;
/// A channel, whatever its spelling.
pub type Room = usize;
/// A set of nicknames.
pub type Nicks = u32;

/// The room that always exists.
pub const GLOBAL_ROOM: Room = 0;
/// Number of channel names.
pub const ROOMS: usize = 6;
/// Number of nicknames.
pub const NICKS: usize = 30;

const NICKNAMES: [&[&str]; NICKS] = [
    // The second a is Cyrillic.
    &["alice", "Alice", "\u{430}lice"],
    &["bob0", "bobO", "BOB0"],
    &["straße", "STRASSE"],
    &["mina", "Mina"],
    &["omar"],
    &["zoë", "ZOË"],
    &["ann"],
    &["ben"],
    &["cleo"],
    &["dora"],
    &["emil"],
    &["fay"],
    &["gus"],
    &["hal"],
    &["ida"],
    &["jon"],
    &["kay"],
    &["leo"],
    &["max"],
    &["ned"],
    &["ola"],
    &["pia"],
    &["quin"],
    &["rex"],
    &["sue"],
    &["tom"],
    &["una"],
    &["vic"],
    &["wes"],
    &["yan"],
];

const CHANNELS: [&[&str]; ROOMS] = [
    &[GLOBAL, "GLOBAL"],
    &["tea", "Tea"],
    &["den", "d\u{435}n"],
    &["lab"],
    &["port"],
    &["quay"],
];

static NAMES: LazyLock<Names> = LazyLock::new(|| Names {
    nicknames: Table::new(&NICKNAMES),
    channels: Table::new(&CHANNELS),
});

struct Names {
    nicknames: Table,
    channels: Table,
}

struct Table {
    spellings: Vec<Vec<Name>>,
    by_key: HashMap<Arc<str>, usize>,
    by_shown: HashMap<Arc<str>, Name>,
}

impl Table {
    fn new(names: &[&[&str]]) -> Table {
        let parse = |raw: &&str| Name::parse(raw).expect("these names are valid");
        let spellings: Vec<Vec<Name>> = names
            .iter()
            .map(|spellings| spellings.iter().map(parse).collect())
            .collect();
        let mut by_key = HashMap::new();
        let mut by_shown = HashMap::new();
        for (index, spellings) in spellings.iter().enumerate() {
            for name in spellings {
                by_shown.insert(name.shown(), name.clone());
                let before = by_key.insert(name.key().clone(), index);
                assert!(before.is_none_or(|before| before == index), "{name}");
            }
        }
        Table {
            spellings,
            by_key,
            by_shown,
        }
    }
}

/// A nickname in one of its spellings.
pub fn nickname(nick: Nick, spelling: usize) -> Name {
    let spellings = &NAMES.nicknames.spellings[nick];
    spellings[spelling % spellings.len()].clone()
}

/// A channel's name in one of its spellings.
pub fn channel(room: Room, spelling: usize) -> Name {
    let spellings = &NAMES.channels.spellings[room];
    spellings[spelling % spellings.len()].clone()
}

/// A nickname in all its spellings.
pub fn nick_spellings(nick: Nick) -> &'static [Name] {
    &NAMES.nicknames.spellings[nick]
}

/// A channel's name in all its spellings.
pub fn channel_spellings(room: Room) -> &'static [Name] {
    &NAMES.channels.spellings[room]
}

/// The nickname a name stands for.
pub fn nick(name: &Name) -> Nick {
    NAMES.nicknames.by_key[name.key()]
}

/// The channel a name stands for.
pub fn room(name: &Name) -> Room {
    NAMES.channels.by_key[name.key()]
}

/// The channel a message is in.
pub fn room_of(message: &Message) -> Room {
    room(message.place.channel().expect("a channel's message"))
}

/// Finds a nickname by its written form; a table, because parsing is slow.
pub fn written_nickname(shown: &str) -> Option<&'static Name> {
    NAMES.nicknames.by_shown.get(shown)
}

/// Finds a channel by its written form.
pub fn written_room(shown: &str) -> Option<Room> {
    NAMES.channels.by_shown.get(shown).map(room)
}

/// The set of this one nickname.
pub fn bit(nick: Nick) -> Nicks {
    1 << nick
}

/// The set of these nicknames.
pub fn nicks<'a>(names: impl IntoIterator<Item = &'a Name>) -> Nicks {
    names.into_iter().fold(0, |set, name| set | bit(nick(name)))
}

/// The nicknames of a set, as text.
pub fn shown(set: Nicks) -> String {
    let all = (0..NICKS).filter(|&nick| set & bit(nick) != 0);
    let names: Vec<&str> = all.map(|nick| NICKNAMES[nick][0]).collect();
    names.join(" ")
}
