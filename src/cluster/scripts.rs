//! The scripts that Redis executes as one step, each in a file of its own.

use redis::Script;

/// All scripts. They use keys that are not among their `KEYS`, because one Redis holds the whole
/// chat.
pub struct Scripts {
    pub batch: Script,
    pub join: Script,
    pub leave: Script,
    pub beat: Script,
    pub trim: Script,
    pub unstored: Script,
    pub consumers: Script,
    pub state: Script,
    pub bans: Script,
    pub ban_number: Script,
    pub guess: Script,
    pub heads: Script,
    pub recent: Script,
    pub forget: Script,
}

impl Scripts {
    pub fn new() -> Scripts {
        Scripts {
            batch: telling(include_str!("lua/batch.lua")),
            join: telling(include_str!("lua/join.lua")),
            leave: telling(include_str!("lua/leave.lua")),
            beat: telling(include_str!("lua/beat.lua")),
            trim: Script::new(include_str!("lua/trim.lua")),
            unstored: Script::new(include_str!("lua/unstored.lua")),
            consumers: Script::new(include_str!("lua/consumers.lua")),
            state: Script::new(include_str!("lua/state.lua")),
            bans: Script::new(include_str!("lua/bans.lua")),
            ban_number: Script::new(include_str!("lua/ban_number.lua")),
            guess: Script::new(include_str!("lua/guess.lua")),
            heads: Script::new(include_str!("lua/heads.lua")),
            recent: Script::new(include_str!("lua/recent.lua")),
            forget: Script::new(include_str!("lua/forget.lua")),
        }
    }
}

/// A script that adds to the news.
fn telling(script: &str) -> Script {
    Script::new(&[include_str!("lua/tell.lua"), script].concat())
}
