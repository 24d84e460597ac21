//! What a JSON client over WebSocket sends and gets.

#[path = "../support/mod.rs"]
mod support;

mod converging;
mod json_commands;
mod json_documented;
mod json_governance;
mod json_invitations;
mod json_moderation;
mod json_presence;
mod json_resume;
mod mending;
mod my_rooms;
mod private_past;
mod reacting;
mod replying;
mod room;
mod websocket_close;
