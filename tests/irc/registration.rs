//! How clients get their nickname: NICK, USER, PASS, PING, QUIT.

use crate::support::{IrcClient, LineClient, User};
use crate::{start, start_with, words};

#[test]
fn a_client_is_welcomed_with_what_there_is_to_know() {
    let server = start_with(|config| {
        config["irc"]["motd"] = "Be kind.\nHave fun.".into();
        config["irc"]["network"] = "testnet".into();
    });
    let mut ann = IrcClient::connect(server.address("irc"));
    ann.send("USER ann 0 * :Ann Example");
    ann.send("NICK ann");
    let welcome = ann.next();
    assert_eq!(
        welcome,
        ":irc.example.org 001 ann :Welcome to the testnet network, ann"
    );
    let mut codes = Vec::new();
    let mut tokens = String::new();
    loop {
        let line = ann.next();
        let code = words(&line).split(' ').next().unwrap().to_owned();
        if code == "005" {
            tokens.push_str(words(&line));
        }
        let is_last = code == "376";
        codes.push(code);
        if is_last {
            break;
        }
    }
    codes.dedup();
    let wanted = [
        "002", "003", "004", "005", "251", "252", "253", "254", "255", "265", "266", "375", "372",
        "376",
    ];
    assert_eq!(codes, wanted);
    for token in [
        " CASEMAPPING=ascii ",
        " CHANMODES=Ibe,k,l,CMRUimnstu ",
        " CHANTYPES=# ",
        " NETWORK=testnet ",
        " NICKLEN=32 ",
        " PREFIX=(qov)~@+ ",
    ] {
        assert!(tokens.contains(token), "{token} in {tokens}");
    }
    assert_eq!(words(&ann.ask("PING hello")), "PONG irc.example.org :hello");
}

#[test]
fn before_that_only_what_leads_to_it_is_understood() {
    let server = start();
    let mut ann = IrcClient::connect(server.address("irc"));
    ann.send("JOIN #c");
    assert!(ann.next().contains(" 451 * "));
    ann.send("NICK");
    assert!(ann.next().contains(" 431 * "));
    ann.send("NICK 1abc");
    assert!(ann.next().contains(" 432 * 1abc "));
    ann.send("NICK @ann");
    assert!(ann.next().contains(" 432 * @ann "));
    ann.send("USER ann");
    assert!(ann.next().contains(" 461 * USER "));
    ann.send("DANCE");
    assert!(ann.next().contains(" 421 * DANCE "));
    ann.send("PING early");
    assert!(ann.next().ends_with(":early"));
    ann.send("USER ann 0 * :Ann");
    ann.send("NICK ann");
    ann.expect(" 422 ann ");
    assert!(ann.ask("USER again 0 * :Ann").contains(" 462 ann "));
    assert!(ann.ask("PASS again").contains(" 462 ann "));
    ann.send("QUIT :bye");
    ann.expect("ERROR :");
    assert!(ann.is_closed());
}

#[test]
fn a_nickname_belongs_to_one() {
    let server = start();
    let mut ann = IrcClient::enter(&server, "ann");
    let mut other = IrcClient::connect(server.address("irc"));
    other.send("USER other 0 * :Other");
    other.send("NICK ANN");
    assert!(other.next().contains(" 433 * ANN "));
    other.send("NICK other");
    other.expect(" 001 other ");
    other.settle();
    assert!(other.ask("NICK ann").contains(" 433 other ann "));
    let line = other.ask("NICK Other2");
    assert!(line.starts_with(":other!~other@"), "{line}");
    assert!(line.ends_with(" NICK :Other2"), "{line}");
    assert!(other.ask("PING x").contains("PONG"));
    // The name is free again, for everyone.
    ann.send("NICK other");
    ann.expect(" NICK :other");
    let mut telnet = LineClient::connect(server.telnet());
    telnet.send("ann");
    telnet.expect("Welcome, ann!");
}

#[test]
fn a_password_of_the_server_must_be_given() {
    let server = start_with(|config| config["irc"]["password"] = "open-sesame-please".into());
    let mut wrong = IrcClient::connect(server.address("irc"));
    wrong.send("PASS :nonsense");
    wrong.send("NICK ann");
    wrong.send("USER ann 0 * :Ann");
    wrong.expect(" 464 * ");
    assert!(wrong.is_closed());
    let mut right = IrcClient::connect(server.address("irc"));
    right.send("PASS :open-sesame-please");
    right.send("NICK ann");
    right.send("USER ann 0 * :Ann");
    right.expect(" 001 ann ");
}

#[test]
fn too_long_a_line_is_refused_and_the_next_is_taken() {
    let server = start();
    let mut ann = IrcClient::enter(&server, "ann");
    assert!(
        ann.ask(&format!("PRIVMSG ann :{}", "x".repeat(600)))
            .contains(" 417 ann ")
    );
    assert!(
        ann.ask(&format!("@{} PING x", "t".repeat(5000)))
            .contains(" 417 ann ")
    );
    assert!(ann.ask(&"y".repeat(20_000)).contains(" 417 ann "));
    assert!(ann.ask("PING still").ends_with(":still"));
}

#[test]
fn an_http_request_is_not_taken_for_lines() {
    let server = start();
    let mut browser = IrcClient::connect(server.address("irc"));
    browser.send("POST / HTTP/1.1");
    browser.send("NICK ann");
    browser.expect("ERROR :");
    assert!(browser.is_closed());
}
