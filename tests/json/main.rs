//! What a JSON client over WebSocket sends and gets.

#[path = "../support/mod.rs"]
mod support;

mod json_commands;
mod json_documented;
mod json_resume;
mod private_past;
mod websocket_close;
