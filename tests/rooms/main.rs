//! What members of a channel notice of each other: who gets what, in which
//! order, and how much one of them may take of what all share.

#[path = "../support/mod.rs"]
mod support;

mod allowance;
mod channel_settings;
mod crowd;
mod every_protocol;
mod fair_shares;
mod governance;
mod last_words;
mod limits;
mod secret;
mod similar;
mod slow_reader;
mod unreadable;
