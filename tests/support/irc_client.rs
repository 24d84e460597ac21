//! An IRC client that sees every line.

use std::net::SocketAddr;

use super::line_client::LineClient;
use super::server::Server;
use super::user::User;

/// A connection that sends nothing that a test does not send.
pub struct IrcClient {
    lines: LineClient,
    pings: usize,
}

impl IrcClient {
    /// Connects and sends nothing.
    pub fn connect(address: SocketAddr) -> IrcClient {
        IrcClient {
            lines: LineClient::connect(address),
            pings: 0,
        }
    }

    /// Connects to the server's listener and says who it is.
    pub fn enter(server: &Server, nick: &str) -> IrcClient {
        IrcClient::enter_with(server, nick, "")
    }

    /// The same, with capabilities.
    pub fn enter_with(server: &Server, nick: &str, caps: &str) -> IrcClient {
        let mut client = IrcClient::connect(server.address("irc"));
        client.begin(nick, caps);
        client
    }

    /// Asks for capabilities, and says who it is.
    pub fn begin(&mut self, nick: &str, caps: &str) {
        if !caps.is_empty() {
            self.send("CAP LS 302");
            self.send(&format!("CAP REQ :{caps}"));
            self.expect(" ACK ");
            self.send("CAP END");
        }
        self.send(&format!("NICK {nick}"));
        self.send("USER user 0 * :Real Name");
        self.expect(" 001 ");
        self.settle();
    }

    /// Says who it is, joins a channel and reads everything about that.
    pub fn enter_channel(server: &Server, nick: &str, channel: &str) -> IrcClient {
        let mut client = IrcClient::enter(server, nick);
        client.send(&format!("JOIN #{channel}"));
        client.expect(" 366 ");
        client
    }

    /// Sends a line.
    pub fn send(&mut self, line: &str) {
        self.lines.send_bytes(format!("{line}\r\n").as_bytes());
    }

    /// Reads up to the next line that contains `needle`, and returns it.
    pub fn expect(&mut self, needle: &str) -> String {
        loop {
            let line = self.next();
            if line.contains(needle) {
                return line;
            }
        }
    }

    /// The next line.
    pub fn next(&mut self) -> String {
        let line = self.lines.next_line();
        line.unwrap_or_else(|| panic!("the connection has ended\n{}", self.transcript()))
    }

    /// Everything up to the answer to a question that is asked now: what was sent before
    /// has been answered.
    pub fn settle(&mut self) -> Vec<String> {
        self.pings += 1;
        let token = format!("settle-{}", self.pings);
        self.send(&format!("PING {token}"));
        let mut lines = Vec::new();
        loop {
            let line = self.next();
            if line.contains(" PONG ") && line.ends_with(&token) {
                return lines;
            }
            lines.push(line);
        }
    }

    /// Sends a line, and returns the one line that it is answered with.
    pub fn ask(&mut self, line: &str) -> String {
        self.settle();
        self.send(line);
        let answers = self.settle();
        assert_eq!(answers.len(), 1, "{line}: {answers:#?}");
        answers.into_iter().next().unwrap_or_default()
    }

    /// Whether the server has closed the connection; reads the rest.
    pub fn is_closed(&mut self) -> bool {
        while self.lines.next_line().is_some() {}
        true
    }

    fn transcript(&self) -> String {
        String::from_utf8_lossy(self.lines.received()).into_owned()
    }
}
