//! What IRC clients send and see, over real sockets. The files follow the parts of the
//! protocol.

#[path = "../support/mod.rs"]
mod support;

mod accounts;
mod capabilities;
mod channels;
mod crowd;
mod gateways;
mod history;
mod irssi;
mod labels;
mod library;
mod long_answers;
mod marks;
mod metadata;
mod modes;
mod multiline;
mod nicknames;
mod operating;
mod operators;
mod pace;
mod people;
mod programs;
mod reactions;
mod redact;
mod registration;
mod sasl;
mod services;
mod sharing;
mod switching;
mod tags;
mod talk;
mod together;
mod watching;
mod websocket;

use serde_json::Value;
use support::{IrcClient, LineClient, Server, User};

/// A server for IRC.
fn start() -> Server {
    start_with(|_| {})
}

/// The same, with other settings.
fn start_with(change: impl FnOnce(&mut Value)) -> Server {
    Server::start(|config| {
        config["listen"]["irc"] = "127.0.0.1:0".into();
        config["irc"]["name"] = "irc.example.org".into();
        config["limits"]["message_rate"] = 0.into();
        change(config);
    })
}

/// Two people in a channel, of whom the first operates it.
fn two_in(server: &Server, channel: &str) -> (IrcClient, IrcClient) {
    let mut ann = IrcClient::enter_channel(server, "ann", channel);
    let bob = IrcClient::enter_channel(server, "bob", channel);
    ann.expect(" JOIN ");
    (ann, bob)
}

/// Registers an account over telnet.
fn register(server: &Server, nick: &str, password: &str) {
    let mut client = LineClient::enter(server, nick);
    client.send(&format!("/register {password}"));
    client.expect("is yours now");
    client.send("/quit");
    client.expect_close();
}

/// A client with capabilities that has logged in to an account of its own.
fn enter_account(server: &Server, nick: &str, caps: &str) -> IrcClient {
    register(server, nick, "correct horse");
    let mut client = IrcClient::connect(server.address("irc"));
    client.send(&format!("PASS :{nick}:correct horse"));
    client.begin(nick, caps);
    client
}

/// The words of a line from the numeric or command on.
fn words(line: &str) -> &str {
    line.split_once(' ').map_or("", |(_, words)| words)
}
