//! A bot made with the Python library `irc`.

use std::process::Child;

use crate::support::{IrcClient, LineClient, User, free_address, python};
use crate::{register, start_with};

/// Ends the bot with the test.
struct Bot(Child);

impl Drop for Bot {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_bot_keeps_its_lists_answers_and_comes_again() {
    let address = free_address();
    let mut server = start_with(|config| config["listen"]["irc"] = address.to_string().into());
    register(&server, "robot", "correct-horse");
    let mut ann = IrcClient::enter_channel(&server, "ann", "c");
    ann.send("TOPIC #c :cats");
    ann.expect(" TOPIC ");
    let mut telnet = LineClient::enter_channel(&server, "telnet", "c");
    let (host, port) = (address.ip().to_string(), address.port().to_string());
    let arguments = [&host, &port, "robot", "correct-horse", "#c"];
    let arguments = arguments.map(|it: &str| it.to_owned());
    let _bot = Bot(python("irc_bot.py", &arguments).spawn().unwrap());
    telnet.expect("@robot joined");
    telnet.send("topic?");
    telnet.expect_message("robot", "it is about cats");
    telnet.send("who?");
    telnet.expect_message("robot", "here are ann robot telnet");
    telnet.send("operators?");
    telnet.expect_message("robot", "they are ann");
    telnet.send("/msg @robot psst");
    telnet.expect_private("robot", "you said psst");
    telnet.send("rest");
    telnet.expect_message("robot", "I rest");
    ann.settle();
    assert!(
        ann.ask("PRIVMSG robot :there?")
            .contains(" 301 ann robot :resting")
    );
    ann.expect(" PRIVMSG ann :you said there?");
    ann.send("MODE #c +v telnet");
    ann.send("NICK anna");
    ann.send("KICK #c robot :out");
    telnet.expect("@robot joined");
    telnet.send("who?");
    telnet.expect_message("robot", "here are anna robot telnet");
    telnet.send("/nick line");
    telnet.send("who?");
    telnet.expect_message("robot", "here are anna line robot");
    ann.send("QUIT");
    assert!(ann.is_closed());
    telnet.send("who?");
    telnet.expect_message("robot", "here are line robot");
    server.restart();
    let mut telnet = LineClient::enter_channel(&server, "telnet", "c");
    telnet.send("/list");
    if !telnet.settle().iter().any(|line| line.contains("@robot")) {
        telnet.expect("@robot joined");
    }
    telnet.send("who?");
    telnet.expect_message("robot", "here are robot telnet");
}
