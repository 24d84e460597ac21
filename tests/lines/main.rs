//! What a user types and sees in a terminal: the line protocol, room lines, the
//! bytes beneath them, and the real `telnet` and `nc`.

#[path = "../support/mod.rs"]
mod support;

mod behind_a_balancer;
mod commands;
mod governance;
mod governance_bans;
mod kinds;
mod line_accounts;
mod line_protocol;
mod other_protocols;
mod own_channels;
mod room_lines;
mod telnet_bytes;
mod telnet_real;
mod text_bytes;
