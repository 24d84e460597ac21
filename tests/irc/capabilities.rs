//! CAP, and what each capability changes.

use crate::support::{Carrier, Identity, IrcClient, LineClient, User, free_address};
use crate::{start, start_with, words};

#[test]
fn capabilities_are_listed_requested_and_ended() {
    let server = start();
    let mut ann = IrcClient::connect(server.address("irc"));
    ann.send("CAP LS 302");
    let mut offered = ann.next();
    assert!(
        offered.starts_with(":irc.example.org CAP * LS "),
        "{offered}"
    );
    if offered.contains(" LS * ") {
        offered.push_str(&ann.next());
    }
    for cap in ["server-time", "message-tags", "sasl=PLAIN", "echo-message"] {
        assert!(offered.contains(cap), "{cap} in {offered}");
    }
    ann.send("CAP REQ :server-time no-such-thing");
    assert!(ann.next().contains(" CAP * NAK :server-time no-such-thing"));
    ann.send("CAP REQ :server-time");
    assert!(ann.next().contains(" CAP * ACK :server-time"));
    ann.send("CAP LIST");
    assert!(words(&ann.next()).contains("server-time"));
    ann.send("NICK ann");
    ann.send("USER ann 0 * :Ann");
    ann.send("CAP NONSENSE");
    assert!(ann.next().contains(" 410 * NONSENSE "));
    ann.send("CAP END");
    ann.expect(" 001 ann ");
    assert!(
        ann.ask("CAP REQ :-server-time")
            .contains(" CAP ann ACK :-server-time")
    );
}

#[test]
fn each_client_gets_the_tags_that_it_has_asked_for() {
    let server = start();
    let caps = "server-time message-tags account-tag";
    let mut tagged = IrcClient::enter_with(&server, "tagged", caps);
    tagged.send("JOIN #c");
    tagged.expect(" 366 ");
    let mut timed = IrcClient::enter_with(&server, "timed", "server-time");
    timed.send("JOIN #c");
    timed.expect(" 366 ");
    let mut plain = IrcClient::enter_channel(&server, "plain", "c");
    tagged.settle();
    timed.settle();
    plain.send("PRIVMSG #c :hello");
    let line = tagged.expect(" PRIVMSG ");
    assert!(
        line.starts_with("@time=") && line.contains(";msgid="),
        "{line}"
    );
    assert!(line.ends_with(" PRIVMSG #c :hello"), "{line}");
    let line = timed.expect(" PRIVMSG ");
    assert!(
        line.starts_with("@time=") && !line.contains("msgid"),
        "{line}"
    );
    tagged.send("PRIVMSG #c :and you");
    let line = plain.expect(" PRIVMSG ");
    assert!(line.starts_with(":tagged!~user@"), "{line}");
}

#[test]
fn an_echo_comes_only_to_those_who_want_it() {
    let server = start();
    let mut ann = IrcClient::enter_with(&server, "ann", "echo-message");
    ann.send("JOIN #c");
    ann.expect(" 366 ");
    let mut bob = IrcClient::enter_channel(&server, "bob", "c");
    ann.settle();
    assert!(ann.ask("PRIVMSG #c :hi").ends_with(" PRIVMSG #c :hi"));
    bob.expect(" PRIVMSG #c :hi");
    bob.send("PRIVMSG #c :hello");
    ann.expect(" PRIVMSG #c :hello");
    assert_eq!(bob.settle(), [""; 0]);
    let line = ann.ask("PRIVMSG bob :psst");
    assert!(
        line.starts_with(":ann!") && line.ends_with(" PRIVMSG bob :psst"),
        "{line}"
    );
}

#[test]
fn a_join_says_more_to_those_who_want_it() {
    let server = start();
    let mut ann = IrcClient::enter_with(&server, "ann", "extended-join away-notify setname");
    ann.send("JOIN #c");
    assert!(ann.next().ends_with(" JOIN #c * :Real Name"));
    ann.expect(" 366 ");
    let mut bob = IrcClient::enter_channel(&server, "bob", "c");
    assert!(ann.next().ends_with(" JOIN #c * :Real Name"));
    bob.send("AWAY :lunch");
    assert!(bob.next().contains(" 306 bob "));
    assert!(ann.next().ends_with(" AWAY :lunch"));
    bob.send("AWAY");
    assert!(bob.next().contains(" 305 bob "));
    assert!(ann.next().ends_with(" AWAY"));
    bob.send("SETNAME :Bob the Second");
    assert!(ann.next().ends_with(" SETNAME :Bob the Second"));
}

#[test]
fn members_are_told_of_invitations_and_lists_come_only_if_wanted() {
    let server = start();
    let mut ann = IrcClient::enter_channel(&server, "ann", "c");
    let caps = "invite-notify no-implicit-names draft/extended-isupport batch";
    let mut bob = IrcClient::connect(server.address("irc"));
    bob.send(&format!("CAP REQ :{caps}"));
    bob.expect(" ACK ");
    bob.send("ISUPPORT");
    assert!(bob.next().ends_with(" BATCH +i draft/isupport"));
    assert!(bob.next().starts_with("@batch=i :irc.example.org 005 * "));
    bob.send("CAP END");
    bob.begin("bob", "");
    bob.send("JOIN #c");
    let lines = bob.settle();
    assert!(lines.iter().any(|line| line.contains(" JOIN ")));
    assert!(
        !lines
            .iter()
            .any(|line| line.contains(" 353 ") || line.contains(" 366 "))
    );
    let mut eve = IrcClient::enter(&server, "eve");
    ann.expect(" JOIN ");
    assert!(ann.ask("INVITE eve #c").contains(" 341 ann eve "));
    assert!(eve.next().ends_with(" INVITE eve :#c"));
    let told = bob.next();
    assert!(
        told.starts_with(":ann!") && told.ends_with(" INVITE eve :#c"),
        "{told}"
    );
    assert!(ann.ask("ISUPPORT").contains(" 421 ann ISUPPORT "));
}

#[test]
fn clients_are_told_to_come_by_tls() {
    let identity = Identity::new();
    let secure = free_address();
    let server = start_with(|config| {
        identity.configure(config, &[]);
        config["tls"]["irc"] = secure.to_string().into();
        config["irc"]["sts_seconds"] = 3600.into();
    });
    let mut plain = IrcClient::connect(server.address("irc"));
    plain.send("CAP LS 302");
    let words = format!("sts=port={}", secure.port());
    plain.expect(&words);
    // It is nothing to ask for, nor for clients that read no values.
    plain.send("CAP REQ sts");
    plain.expect(" NAK ");
    let mut old = IrcClient::connect(server.address("irc"));
    old.send("CAP LS");
    assert!(!old.expect(" LS ").contains("sts"));
    let carrier = Carrier::tls(secure, &identity.certificate());
    let mut by_tls = LineClient::on(carrier);
    by_tls.send_bytes(b"CAP LS 302\r\n");
    by_tls.expect("sts=duration=3600");
}

#[test]
fn clients_that_know_one_line_of_capabilities_are_told_one() {
    let server = start();
    let mut ann = IrcClient::connect(server.address("irc"));
    ann.send("CAP LS");
    let line = ann.next();
    assert!(!line.contains(" LS * ") && line.contains(" sasl"), "{line}");
    ann.send("CAP LIST");
    assert!(ann.next().contains(" LIST "));
}
