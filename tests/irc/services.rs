//! NickServ and ChanServ.

use crate::support::IrcClient;
use crate::{register, start, start_with, two_in};

#[test]
fn a_nickname_is_registered_and_got_back() {
    let server = start();
    let mut ann = IrcClient::enter(&server, "ann");
    ann.send("PRIVMSG NickServ :REGISTER short");
    let line = ann.expect(" NOTICE ann ");
    let service = ":NickServ!NickServ@services.irc.example.org ";
    assert!(line.starts_with(service), "{line}");
    assert!(line.contains("at least 8 bytes"), "{line}");
    ann.send("NS REGISTER correct-horse");
    ann.expect("is yours now");
    ann.send("WHOIS ann");
    ann.expect(" 330 ann ann ann ");
    ann.settle();
    ann.send("NICKSERV REGISTER correct-horse");
    ann.expect("logged in as ann already");
    let mut bob = IrcClient::enter(&server, "bob");
    bob.send("PRIVMSG nickserv :IDENTIFY ann wrong-horse");
    bob.expect(" NOTICE bob ");
    bob.send("NS IDENTIFY ann correct-horse");
    assert!(bob.expect(" NICK ").ends_with(" NICK :ann"));
    bob.expect("now logged in as ann");
    bob.send("NS INFO ann");
    bob.expect("ann is registered.");
    bob.send("NS GHOST");
    bob.expect("Ended 1 other connections.");
    assert!(ann.expect("ERROR ").contains("elsewhere"));
    // Programs do not answer notices, and nobody has the names of services.
    bob.send("NOTICE NickServ :HELP");
    assert!(bob.settle().is_empty());
    let mut fake = IrcClient::connect(server.address("irc"));
    fake.send("NICK ChanServ");
    fake.send("USER u 0 * :Real Name");
    fake.expect(" 432 ");
}

#[test]
fn a_channel_is_registered_and_operated() {
    let server = start();
    register(&server, "ann", "correct horse");
    register(&server, "cat", "correct horse");
    let mut ann = IrcClient::connect(server.address("irc"));
    ann.send("PASS :ann:correct horse");
    ann.begin("ann", "");
    ann.send("JOIN #dev");
    ann.expect(" 366 ");
    let mut bob = IrcClient::enter_channel(&server, "bob", "dev");
    bob.send("CS REGISTER #dev");
    bob.expect(" 477 bob #dev ");
    ann.send("PRIVMSG ChanServ :REGISTER #dev");
    assert!(bob.expect(" MODE ").contains(" MODE #dev -o+q ann ann"));
    ann.send("CS VOICE #dev bob");
    assert!(bob.expect(" MODE ").ends_with(" MODE #dev +v bob"));
    ann.send("CS AMODE #dev cat OP");
    ann.send("CS AMODE #dev cat KING");
    ann.expect("OP, VOICE or NONE");
    ann.send("CS NONSENSE #dev");
    ann.expect("That is no command.");
    ann.send("CHANSERV HELP");
    ann.expect("TRANSFER #channel nick");
    let mut cat = IrcClient::connect(server.address("irc"));
    cat.send("PASS :cat:correct horse");
    cat.begin("cat", "");
    cat.send("JOIN #dev");
    cat.expect(" 366 ");
    cat.send("MODE #dev +m");
    assert!(cat.expect(" MODE ").ends_with(" MODE #dev +m"));
    ann.send("CS KICK #dev bob good night");
    assert!(bob.expect(" KICK ").ends_with(" KICK #dev bob :good night"));
}

#[test]
fn the_length_of_passwords_is_set() {
    let server = start_with(|config| {
        config["accounts"]["min_password_bytes"] = 1.into();
        config["accounts"]["max_password_bytes"] = 64.into();
    });
    let (mut ann, mut bob) = two_in(&server, "c");
    ann.send(&format!("NS REGISTER {}", "x".repeat(65)));
    ann.expect("at most 64 bytes");
    ann.send("NS REGISTER x");
    ann.expect("is yours now");
    bob.settle();
}
