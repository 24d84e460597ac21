//! What accounts are called on IRC is the same on all servers.

use crate::shared::Common;
use crate::support::{IrcClient, LineClient, Server, User, wait_until};

const PASSWORD: &str = "correct-horse";

fn server(common: &Common) -> Server {
    common.server_with(|config| {
        config["listen"]["irc"] = "127.0.0.1:0".into();
        config["irc"]["nicknames"] = "free".into();
    })
}

fn enter_as(server: &Server, account: &str, nick: &str) -> IrcClient {
    let mut client = IrcClient::connect(server.address("irc"));
    client.send(&format!("PASS :{account}:{PASSWORD}"));
    client.begin(nick, "");
    client
}

fn register(server: &Server, nick: &str) {
    let mut line = LineClient::enter(server, nick);
    line.send(&format!("/register {PASSWORD}"));
    line.expect("is yours now");
    line.send("/quit");
    line.expect_close();
}

#[test]
fn an_account_is_called_alike_on_all_servers() {
    let common = Common::new();
    let (one, two) = (server(&common), server(&common));
    register(&one, "ann");
    let mut bob = IrcClient::enter_channel(&two, "bob", "c");
    bob.send("MONITOR + foo");
    bob.expect(" 731 ");
    let mut ann = enter_as(&one, "ann", "foo");
    assert!(bob.expect(" 730 ").contains(" 730 * :foo!"));
    ann.send("JOIN #c");
    ann.expect(" 366 foo #c ");
    assert!(bob.expect(" JOIN ").starts_with(":foo!~u@ann.user JOIN "));
    ann.send("PRIVMSG #c :hello");
    assert!(bob.expect(" PRIVMSG ").starts_with(":foo!"));
    bob.send("PRIVMSG foo :hello");
    assert!(ann.expect(" PRIVMSG ").ends_with(" PRIVMSG foo :hello"));
    // Nobody else gets it, on any server, and a server that starts later knows it.
    let three = server(&common);
    for server in [&one, &two, &three] {
        let mut guest = IrcClient::connect(server.address("irc"));
        guest.send("NICK foo");
        guest.send("USER user 0 * :Real Name");
        guest.expect(" 433 * foo ");
    }
    let mut dan = IrcClient::enter(&three, "dan");
    assert!(dan.ask("ISON foo").ends_with(" 303 dan :foo"));
    // The account's connections to other servers share it.
    let mut again = IrcClient::connect(two.address("irc"));
    again.send(&format!("PASS :ann:{PASSWORD}"));
    again.send("NICK other");
    again.send("USER user 0 * :Real Name");
    again.expect(" 001 foo ");
    ann.send("NICK bar");
    ann.expect(" NICK :bar");
    again.expect(" NICK :bar");
    bob.expect(" NICK :bar");
    ann.send("QUIT");
    assert!(ann.is_closed());
    // Unless it is there already: what was joined is stored a little later.
    again.send("JOIN #c");
    again.send("PRIVMSG #c :still here");
    assert!(bob.expect(" PRIVMSG #c :still").starts_with(":bar!"));
    again.send("QUIT");
    assert!(again.is_closed());
    wait_until("it is free again on the other servers", || {
        let line = dan.ask("NICK bar");
        line.contains(" NICK :bar")
    });
}

#[test]
fn a_guest_who_logs_in_keeps_the_nickname_on_all_servers() {
    let common = Common::new();
    let (one, two) = (server(&common), server(&common));
    register(&one, "ann");
    let caps = "account-notify chghost extended-monitor";
    let mut bob = IrcClient::enter_with(&two, "bob", caps);
    bob.send("MONITOR + foo");
    bob.expect(" 731 ");
    bob.send("JOIN #c");
    bob.expect(" 366 ");
    let mut dan = LineClient::enter_channel(&two, "dan", "c");
    bob.expect(" JOIN ");
    let mut foo = IrcClient::enter_channel(&one, "foo", "c");
    bob.expect(" JOIN ");
    foo.send(&format!("NS IDENTIFY ann {PASSWORD}"));
    foo.expect("You are now logged in as ann.");
    foo.send("PRIVMSG #c :hello");
    let mut told = Vec::new();
    while !told
        .last()
        .is_some_and(|line: &String| line.contains(" PRIVMSG "))
    {
        told.push(bob.next());
    }
    let words: Vec<&str> = told
        .iter()
        .filter_map(|line| line.split(' ').nth(1))
        .collect();
    assert_eq!(words, ["ACCOUNT", "CHGHOST", "PRIVMSG"], "{told:#?}");
    assert!(
        told.iter().all(|line| line.starts_with(":foo!")),
        "{told:#?}"
    );
    dan.expect_message("ann", "hello");
}

#[test]
fn a_guest_who_logs_in_has_one_other_nickname_on_other_servers() {
    let common = Common::new();
    let account = |config: &mut serde_json::Value| {
        config["listen"]["irc"] = "127.0.0.1:0".into();
    };
    let (one, two) = (common.server_with(account), common.server_with(account));
    register(&one, "ann");
    let mut bob = IrcClient::enter_with(&two, "bob", "account-notify");
    bob.send("JOIN #c");
    bob.expect(" 366 ");
    let mut foo = IrcClient::enter_channel(&one, "foo", "c");
    bob.expect(" JOIN ");
    foo.send(&format!("NS IDENTIFY ann {PASSWORD}"));
    foo.expect("You are now logged in as ann.");
    foo.send("PRIVMSG #c :hello");
    assert!(bob.next().ends_with(" NICK :ann"));
    assert_eq!(bob.next(), ":ann!~u@ann.user ACCOUNT :ann");
    assert!(bob.next().contains(":ann!~u@ann.user PRIVMSG #c :hello"));
}
