//! Several connections of one account: they share channels, and a new one is in them at once.

use serde_json::Value;

use crate::support::{IrcClient, JsonClient, Server, wait_until};
use crate::switching::log_in;
use crate::{enter_account, start, start_with};

/// Another connection of an account.
fn another(server: &Server, nick: &str) -> IrcClient {
    let mut client = IrcClient::connect(server.address("irc"));
    client.send(&format!("PASS :{nick}:correct horse"));
    client.begin(nick, "");
    client
}

/// Waits until it is stored that an account has these rooms: that is a little later than it is
/// told that they are joined or left.
fn wait_rooms(server: &Server, nick: &str, expected: &[&str]) {
    let form = [("nickname", nick), ("password", "correct horse")];
    let token = server.post_form("/auth", &form).json()["token"].clone();
    let mut page = JsonClient::come_in(server, token.as_str().unwrap());
    wait_until(&format!("{expected:?} are stored"), || {
        page.send("myrooms", Value::Null);
        let answer = page.expect("myrooms");
        let rooms = answer["rooms"].as_array().unwrap().iter();
        rooms
            .map(|room| &room["name"])
            .filter(|name| *name != "global")
            .eq(expected)
    });
    page.send("exit", Value::Null);
    while page.next().is_some() {}
}

#[test]
fn what_one_connection_joins_and_leaves_the_others_do_too() {
    let server = start();
    let mut bob = IrcClient::enter_channel(&server, "bob", "c");
    let mut one = enter_account(&server, "ann", "");
    let mut two = another(&server, "ann");
    bob.settle();
    one.send("JOIN #c");
    for client in [&mut one, &mut two] {
        client.expect(":ann!~user@ann.user JOIN :#c");
        client.expect(" 366 ann #c ");
    }
    two.send("PRIVMSG #c :from the second");
    assert!(one.next().ends_with(" PRIVMSG #c :from the second"));
    let told = bob.settle();
    let joins = told.iter().filter(|line| line.contains(" JOIN ")).count();
    assert_eq!(joins, 1, "{told:?}");
    two.send("PART #c :all of me");
    for client in [&mut one, &mut two] {
        client.expect(" PART #c :all of me");
    }
    let told = bob.settle();
    let parts = told.iter().filter(|line| line.contains(" PART ")).count();
    assert_eq!(parts, 1, "{told:?}");
    // A key that opens the channel opens it for all.
    bob.send("MODE #c +k sesame");
    bob.expect(" MODE ");
    one.send("JOIN #c sesame");
    two.expect(" 366 ann #c ");
}

#[test]
fn a_new_connection_is_in_the_channels_of_its_account() {
    let server = start();
    let mut one = enter_account(&server, "ann", "");
    for channel in ["c", "d", "e"] {
        one.send(&format!("JOIN #{channel}"));
        one.expect(" 366 ");
    }
    one.send("PART #d");
    one.expect(" PART ");
    wait_rooms(&server, "ann", &["c", "e"]);
    one.send("QUIT");
    assert!(one.is_closed());
    let mut two = another(&server, "ann");
    two.send("WHOIS ann");
    assert!(two.expect(" 319 ").replace('@', "").ends_with(":#c #e"));
    let server = start_with(|config| config["irc"]["rejoin"] = false.into());
    let mut one = enter_account(&server, "ann", "");
    one.send("JOIN #c");
    one.expect(" 366 ");
    one.send("QUIT");
    assert!(one.is_closed());
    let mut two = another(&server, "ann");
    assert!(two.settle().is_empty());
    two.send("WHOIS ann");
    assert!(two.settle().iter().all(|line| !line.contains(" 319 ")));
}

#[test]
fn what_was_read_is_known_on_the_next_connection() {
    let server = start();
    let mut one = enter_account(&server, "ann", "draft/read-marker");
    one.send("JOIN #c");
    one.expect(" 366 ");
    one.send("MARKREAD #c timestamp=2021-05-20T08:30:00.000Z");
    one.expect(" MARKREAD #c ");
    one.send("QUIT");
    assert!(one.is_closed());
    // What was read is stored soon after it is answered.
    wait_until("it is known", || {
        let mut two = IrcClient::connect(server.address("irc"));
        two.send("CAP REQ :draft/read-marker");
        two.send("PASS :ann:correct horse");
        two.send("NICK ann");
        two.send("USER user 0 * :Real Name");
        two.send("CAP END");
        two.expect(" JOIN :#c");
        let line = two.expect(" MARKREAD #c ");
        line.ends_with("timestamp=2021-05-20T08:30:00.000Z")
    });
}

#[test]
fn a_guest_who_logs_in_brings_the_other_connections_along() {
    let server = start();
    let mut one = enter_account(&server, "ann", "");
    let mut bob = IrcClient::enter_channel(&server, "bob", "open");
    bob.send("JOIN #shut");
    bob.expect(" 366 ");
    bob.send("MODE #shut +k sesame");
    bob.expect(" MODE ");
    let mut guest = IrcClient::enter(&server, "guest");
    for channel in ["#open", "#shut sesame"] {
        guest.send(&format!("JOIN {channel}"));
        guest.expect(" 366 ");
    }
    bob.settle();
    log_in(&mut guest, "ann");
    for channel in ["#open", "#shut"] {
        one.expect(&format!(":ann!~user@ann.user JOIN :{channel}"));
        one.expect(&format!(" 366 ann {channel} "));
    }
    let told = bob.settle();
    assert!(told.iter().all(|line| !line.contains(" JOIN ")), "{told:?}");
    one.send("PRIVMSG #shut :from the other");
    bob.expect(":ann!~user@ann.user PRIVMSG #shut :from the other");
    guest.expect(" PRIVMSG #shut :from the other");
}
