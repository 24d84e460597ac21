//! What the clients of the four older servers send, byte for byte, and whether
//! the answers are what those clients need: one module for each server.
//! docs/coming-from.md says which test proves which expectation.

mod direct_messages;
mod json_commands;
mod line_server;
mod room_lines;
mod the_page;
mod wire;
