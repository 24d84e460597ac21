//! Logging in to another account while on: the connection is the other account's then.

use serde_json::json;

use crate::support::{IrcClient, LineClient, User, wait_until};
use crate::{enter_account, register, start, start_with, words};

const PASSWORD: &str = "correct horse";

fn encoded(account: &str) -> String {
    data_encoding::BASE64.encode(format!("\0{account}\0{PASSWORD}").as_bytes())
}

/// Logs in by SASL, and reads what answers that.
pub(super) fn log_in(client: &mut IrcClient, account: &str) {
    client.settle();
    client.send("AUTHENTICATE PLAIN");
    assert_eq!(client.next(), "AUTHENTICATE +");
    client.send(&format!("AUTHENTICATE {}", encoded(account)));
    let line = client.next();
    assert!(
        line.contains(" 900 ") && line.contains(&format!("@{account}.user {account} ")),
        "{line}"
    );
    assert!(client.next().contains(" 903 "));
}

fn join(client: &mut IrcClient, channel: &str) {
    client.send(&format!("JOIN {channel}"));
    client.expect(" 366 ");
}

#[test]
fn the_connection_is_the_other_accounts() {
    let server = start();
    register(&server, "eve", PASSWORD);
    let caps = "sasl extended-join account-notify";
    let mut ann = enter_account(&server, "ann", caps);
    for channel in ["#own", "#shut", "#c"] {
        join(&mut ann, channel);
    }
    ann.send("CS REGISTER #own");
    ann.expect(" MODE #own ");
    ann.send("MODE #shut +b ~account:eve");
    ann.expect(" MODE #shut ");
    let mut bob = IrcClient::enter_with(&server, "bob", "extended-join account-notify");
    bob.send("MONITOR + ann,eve");
    bob.expect(" 731 ");
    join(&mut bob, "#own");
    join(&mut bob, "#shut");
    bob.settle();
    log_in(&mut ann, "eve");
    for channel in ["#c", "#shut", "#own"] {
        let line = ann.next();
        assert!(
            line.contains(&format!(":ann!~user@ann.user PART {channel} :")),
            "{line}"
        );
    }
    assert_eq!(ann.next(), ":ann!~user@ann.user NICK :eve");
    let line = ann.expect(" JOIN ");
    assert_eq!(line, ":eve!~user@eve.user JOIN #own eve :Real Name");
    assert!(ann.expect(" 474 ").contains(" 474 eve #shut "));
    ann.expect(" JOIN #c ");
    ann.settle();
    let told = bob.settle();
    let is_told = |needle: &str| told.iter().filter(|line| line.contains(needle)).count();
    assert_eq!(is_told(":ann!~user@ann.user PART #own "), 1, "{told:#?}");
    assert_eq!(is_told(":ann!~user@ann.user PART #shut "), 1, "{told:#?}");
    assert_eq!(
        is_told(":eve!~user@eve.user JOIN #own eve "),
        1,
        "{told:#?}"
    );
    assert_eq!(is_told(" JOIN #shut "), 0, "{told:#?}");
    assert_eq!(is_told(" 731 * :ann"), 1, "{told:#?}");
    assert_eq!(is_told(" 730 * :eve!"), 1, "{told:#?}");
    // The role was ann's.
    assert!(ann.ask("TOPIC #own :mine").contains(" 482 eve #own "));
    ann.send("WHOIS eve");
    ann.expect(" 330 eve eve eve ");
    bob.send("PRIVMSG eve :hello");
    assert!(ann.expect(" PRIVMSG ").ends_with(" PRIVMSG eve :hello"));
    assert!(bob.ask("ISON ann").ends_with(" 303 bob :"));
    // The channels are still those of ann, and the role, too.
    let mut again = IrcClient::connect(server.address("irc"));
    again.send(&format!("PASS :ann:{PASSWORD}"));
    again.begin("ann", "");
    again.send("WHOIS ann");
    let line = again.expect(" 319 ");
    assert!(line.contains("~#own") && line.contains("#shut"), "{line}");
}

#[test]
fn other_connections_of_the_account_stay_its() {
    let server = start();
    register(&server, "eve", PASSWORD);
    let mut one = enter_account(&server, "ann", "");
    join(&mut one, "#c");
    let mut two = IrcClient::connect(server.address("irc"));
    two.send(&format!("PASS :ann:{PASSWORD}"));
    two.begin("ann", "");
    let mut bob = IrcClient::enter_channel(&server, "bob", "c");
    bob.settle();
    log_in(&mut two, "eve");
    two.expect(" 366 eve #c ");
    let told = bob.settle();
    assert_eq!(told.len(), 1, "ann has not left: {told:#?}");
    assert!(
        told[0].starts_with(":eve!~user@eve.user JOIN "),
        "{told:#?}"
    );
    one.expect(":eve!~user@eve.user JOIN ");
    two.send("PRIVMSG #c :I am eve");
    assert!(bob.next().starts_with(":eve!"));
    one.send("PRIVMSG #c :I am ann");
    assert!(bob.next().starts_with(":ann!"));
    // With a wrong password nothing changes.
    assert!(two.ask("NS IDENTIFY ann wrong").contains(" NOTICE eve "));
    two.send("PRIVMSG #c :still eve");
    assert!(bob.next().starts_with(":eve!"));
}

#[test]
fn nickserv_logs_in_to_another_account() {
    let server = start();
    for account in ["ann", "eve"] {
        register(&server, account, "correct-horse");
    }
    let mut bob = IrcClient::enter_channel(&server, "bob", "c");
    let mut client = IrcClient::enter(&server, "guest");
    client.send("NS IDENTIFY ann correct-horse");
    client.expect(" NICK :ann");
    client.expect("You are now logged in as ann.");
    join(&mut client, "#c");
    bob.expect(" JOIN ");
    let line = client.ask("NS IDENTIFY correct-horse");
    assert!(line.contains("You are logged in as ann already."), "{line}");
    client.send("NS IDENTIFY eve correct-horse");
    client.expect(" PART #c ");
    assert_eq!(client.next(), ":ann!~user@ann.user NICK :eve");
    client.expect("You are now logged in as eve.");
    client.expect(" 366 eve #c ");
    assert!(bob.next().contains(":ann!~user@ann.user PART #c "));
    assert!(bob.next().contains(":eve!~user@eve.user JOIN "));
}

#[test]
fn an_account_that_it_cannot_be_is_refused_with_the_reason() {
    let server = start();
    register(&server, "eve", PASSWORD);
    let mut ann = enter_account(&server, "ann", "sasl");
    join(&mut ann, "#c");
    ann.settle();
    let ban = server.post("/admin/bans", json!({"nickname": "eve"}));
    assert_eq!(ban.status, 201);
    ann.send("AUTHENTICATE PLAIN");
    ann.expect("AUTHENTICATE +");
    ann.send(&format!("AUTHENTICATE {}", encoded("eve")));
    let line = ann.next();
    assert!(line.contains(" 904 ann ") && line.contains("ban"), "{line}");
    assert!(ann.settle().is_empty(), "nothing has changed");
    ann.send("WHOIS ann");
    ann.expect(" 330 ann ann ann ");
}

#[test]
fn before_it_has_its_nickname_the_last_account_counts() {
    let server = start();
    for account in ["ann", "eve"] {
        register(&server, account, PASSWORD);
    }
    let mut client = IrcClient::connect(server.address("irc"));
    client.send("CAP REQ :sasl");
    client.expect(" ACK ");
    log_in(&mut client, "ann");
    log_in(&mut client, "eve");
    client.send("NICK other");
    client.send("USER user 0 * :Real Name");
    client.send("CAP END");
    client.expect(" 001 eve ");
}

#[test]
fn the_account_is_called_what_it_has_chosen() {
    let server = start_with(|config| config["irc"]["nicknames"] = "free".into());
    for account in ["ann", "eve"] {
        register(&server, account, PASSWORD);
    }
    let enter = |account: &str, nick: &str| {
        let mut client = IrcClient::connect(server.address("irc"));
        client.send(&format!("PASS :{account}:{PASSWORD}"));
        client.begin(nick, "");
        client
    };
    let mut other = enter("eve", "bar");
    let mut client = enter("ann", "foo");
    log_in(&mut client, "eve");
    assert_eq!(client.next(), ":foo!~user@ann.user NICK :bar");
    client.send("NICK foo");
    for client in [&mut client, &mut other] {
        assert_eq!(client.expect(" NICK "), ":bar!~user@eve.user NICK :foo");
    }
    // Its own name, if it has chosen none.
    log_in(&mut client, "ann");
    assert_eq!(client.next(), ":foo!~user@eve.user NICK :ann");
    client.settle();
    // What answers it names it so.
    assert!(client.ask("MODE #nowhere").contains(" ann #nowhere "));
}

#[test]
fn a_guest_who_logs_in_is_in_the_channels_of_the_account() {
    let server = start();
    let mut ann = enter_account(&server, "ann", "");
    join(&mut ann, "#c");
    let mut guest = IrcClient::enter_channel(&server, "guest", "d");
    log_in(&mut guest, "ann");
    guest.expect(" NICK :ann");
    guest.expect(" 366 ann #c ");
    let mut telnet = LineClient::enter_channel(&server, "telnet", "d");
    guest.expect(" JOIN ");
    guest.send("PRIVMSG #d :hello");
    telnet.expect_message("ann", "hello");
    wait_until("it is in both", || {
        guest.send("WHOIS ann");
        let line = guest.expect(" 319 ");
        words(&line).contains("#c") && line.contains("#d")
    });
}
