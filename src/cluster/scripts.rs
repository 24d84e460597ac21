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
}

impl Scripts {
    pub fn new() -> Scripts {
        Scripts {
            batch: Script::new(include_str!("lua/batch.lua")),
            join: Script::new(include_str!("lua/join.lua")),
            leave: Script::new(include_str!("lua/leave.lua")),
            beat: Script::new(include_str!("lua/beat.lua")),
            trim: Script::new(include_str!("lua/trim.lua")),
            unstored: Script::new(include_str!("lua/unstored.lua")),
            consumers: Script::new(include_str!("lua/consumers.lua")),
            state: Script::new(include_str!("lua/state.lua")),
            bans: Script::new(include_str!("lua/bans.lua")),
            ban_number: Script::new(include_str!("lua/ban_number.lua")),
            guess: Script::new(include_str!("lua/guess.lua")),
        }
    }
}
