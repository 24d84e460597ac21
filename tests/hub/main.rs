//! The inner parts without a server: the hub by commands and effects, also in a
//! simulated world, the outbox over sockets, and the codecs.

#[path = "../checks/mod.rs"]
mod checks;
#[path = "../simulator/mod.rs"]
mod simulator;

mod administering;
mod channel_bans;
mod closing;
mod codecs;
mod commands;
mod elsewhere;
mod following;
mod governing;
mod guesses;
mod hub_costs;
mod hub_resume;
mod hub_support;
mod irc_screen;
mod keeping_house;
mod last_here;
mod mended;
mod nicknames;
mod outbox;
mod outsiders;
mod registering;
mod rosters;
mod simulation;
mod storms;
mod withdrawn;
