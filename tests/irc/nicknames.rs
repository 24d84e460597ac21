//! Accounts that are called otherwise than by their names (`irc.nicknames: free`).

use serde_json::json;

use crate::support::{IrcClient, JsonClient, LineClient, Server, User, wait_until};
use crate::{register, start, start_with, words};

const PASSWORD: &str = "correct-horse";

fn free() -> Server {
    start_with(|config| config["irc"]["nicknames"] = "free".into())
}

/// A client that is logged in to an account and wants another nickname.
fn enter_as(server: &Server, account: &str, nick: &str, caps: &str) -> IrcClient {
    let mut client = IrcClient::connect(server.address("irc"));
    client.send(&format!("PASS :{account}:{PASSWORD}"));
    client.begin(nick, caps);
    client
}

#[test]
fn an_account_keeps_its_name_unless_nicknames_are_free() {
    let server = start();
    register(&server, "ann", PASSWORD);
    let mut ann = enter_as(&server, "ann", "foo", "");
    assert!(ann.ask("NICK foo").contains(" 447 ann "));
}

#[test]
fn others_on_irc_see_the_nickname_and_the_account() {
    let server = free();
    register(&server, "ann", PASSWORD);
    let caps = "extended-join account-tag message-tags";
    let mut bob = IrcClient::enter_with(&server, "bob", caps);
    bob.send("MONITOR + foo,ann");
    assert_eq!(words(&bob.next()), "731 bob :foo,ann");
    bob.send("JOIN #c");
    bob.expect(" 366 ");
    let mut ann = enter_as(&server, "ann", "foo", "");
    assert_eq!(
        words(&bob.next()),
        "730 * :foo!~user@ann.user",
        "only the nickname is online"
    );
    ann.send("JOIN #c");
    assert!(ann.next().starts_with(":foo!~user@ann.user JOIN "));
    assert!(ann.expect(" 353 ").starts_with(":irc.example.org 353 foo "));
    ann.expect(" 366 foo #c ");
    assert_eq!(
        bob.expect(" JOIN "),
        "@account=ann :foo!~user@ann.user JOIN #c ann :Real Name"
    );
    ann.send("PRIVMSG #c :hello");
    let said = bob.expect(" PRIVMSG ");
    assert!(
        said.contains("account=ann") && said.contains(" :foo!~user@ann.user PRIVMSG #c :hello")
    );
    bob.send("MONITOR S");
    assert_eq!(words(&bob.next()), "730 bob :foo!~user@ann.user");
    assert_eq!(words(&bob.next()), "731 bob :ann");
    assert_eq!(bob.ask("ISON foo"), ":irc.example.org 303 bob :foo");
    bob.send("WHO foo %na");
    assert_eq!(words(&bob.next()), "354 bob foo ann");
    bob.send("WHO fo* %na");
    assert_eq!(words(&bob.expect(" 354 ")), "354 bob foo ann");
    bob.send("WHOIS foo");
    assert!(bob.expect(" 311 ").contains(" 311 bob foo ~user ann.user "));
    assert!(bob.next().contains(" 319 bob foo :#c"));
    assert!(bob.expect(" 330 ").contains(" 330 bob foo ann :"));
    bob.send("NAMES #c");
    let names = bob.expect(" 353 ");
    assert!(names.contains("foo") && !names.contains("ann"), "{names}");
    bob.send("MODE #c +v foo");
    for client in [&mut ann, &mut bob] {
        let line = client.expect(" MODE #c +v ");
        assert!(line.ends_with("foo"), "{line}");
    }
    bob.settle();
    bob.send("KICK #c foo :out");
    assert!(ann.expect(" KICK ").ends_with(" KICK #c foo :out"));
    assert!(bob.expect(" KICK ").ends_with(" KICK #c foo :out"));
    bob.send("INVITE foo #c");
    assert!(words(&bob.expect(" 341 ")).starts_with("341 bob foo "));
    assert!(ann.expect(" INVITE ").ends_with(" INVITE foo :#c"));
}

#[test]
fn direct_messages_reach_the_account() {
    let server = free();
    register(&server, "ann", PASSWORD);
    let mut ann = enter_as(&server, "ann", "foo", "echo-message");
    let mut bob = IrcClient::enter_with(&server, "bob", "echo-message");
    let mut kim = JsonClient::come_in(&server, &JsonClient::registered(&server, "kim"));
    bob.send("PRIVMSG foo :from a guest");
    assert!(
        ann.expect(" PRIVMSG ")
            .ends_with(" PRIVMSG foo :from a guest")
    );
    assert!(
        bob.expect(" PRIVMSG ")
            .ends_with(" PRIVMSG foo :from a guest")
    );
    ann.send("PRIVMSG bob :answer");
    assert!(
        bob.expect(" PRIVMSG ")
            .starts_with(":foo!~user@ann.user PRIVMSG bob ")
    );
    // Elsewhere the account has its name, and no other.
    ann.send("PRIVMSG kim :hello");
    let told = kim.expect("private");
    assert_eq!(told["from"], "ann", "{told}");
    kim.send("private", json!({"to": "foo", "body": "nobody"}));
    kim.expect("error");
    kim.send("private", json!({"to": "ann", "body": "from elsewhere"}));
    let line = ann.expect("from elsewhere");
    assert!(line.ends_with(" PRIVMSG foo :from elsewhere"), "{line}");
    ann.send("QUIT");
    assert!(ann.is_closed());
    wait_until("the nickname is nobody's", || {
        bob.ask("ISON foo").ends_with(" 303 bob :")
    });
    assert!(bob.ask("PRIVMSG foo :gone").contains(" 401 bob foo "));
}

#[test]
fn those_who_see_it_are_told_of_a_change() {
    let server = free();
    register(&server, "ann", PASSWORD);
    let mut bob = IrcClient::enter_channel(&server, "bob", "c");
    let mut dan = LineClient::enter_channel(&server, "dan", "c");
    let mut ann = enter_as(&server, "ann", "ann", "");
    ann.send("JOIN #c");
    ann.expect(" 366 ann #c ");
    dan.expect("ann joined");
    for (from, to) in [("ann", "foo"), ("foo", "Bar"), ("Bar", "ann")] {
        ann.send(&format!("NICK {to}"));
        let line = format!(":{from}!~user@ann.user NICK :{to}");
        assert_eq!(ann.next(), line);
        assert_eq!(bob.expect(" NICK "), line);
        ann.send("MODE #nowhere");
        assert!(ann.next().contains(&format!(" {to} #nowhere ")));
    }
    ann.send("NICK foo");
    ann.expect(" NICK :foo");
    bob.expect(" NICK :foo");
    // On lines it is the account all the time.
    ann.send("PRIVMSG #c :hello");
    dan.expect_message("ann", "hello");
    assert!(!dan.transcript().contains("foo"), "{}", dan.transcript());
    bob.expect(" PRIVMSG ");
    ann.send("QUIT :bye");
    assert_eq!(bob.next(), ":foo!~user@ann.user QUIT :Quit: bye");
    bob.send("WHOWAS foo");
    assert!(bob.next().contains(" 314 bob foo ~user ann.user "));
}

#[test]
fn a_nickname_that_is_taken_is_nobody_elses() {
    let server = free();
    for account in ["ann", "eve"] {
        register(&server, account, PASSWORD);
    }
    let mut ann = enter_as(&server, "ann", "foo", "");
    let mut guest = IrcClient::connect(server.address("irc"));
    guest.send("NICK Foo");
    guest.send("USER user 0 * :Real Name");
    assert!(guest.next().contains(" 433 * Foo "));
    guest.send("NICK guest");
    guest.expect(" 001 guest ");
    guest.settle();
    assert!(guest.ask("NICK foo").contains(" 433 guest foo "));
    let mut eve = enter_as(&server, "eve", "other", "");
    assert!(eve.ask("NICK foo").contains(" 433 other foo "));
    // Nor can it be an account.
    assert!(eve.ask("NICK ann").contains(" 433 other ann "));
    assert!(ann.ask("NICK eve").contains(" 433 foo eve "));
    let mut dan = LineClient::enter(&server, "dan");
    dan.send("/nick foo");
    dan.expect_line("a refusal", &|line| line.starts_with('!'));
    let form = [("nickname", "foo"), ("password", "long enough")];
    let answer = server.post_form("/auth/register", &form);
    assert_eq!(answer.status, 409, "{}", answer.body);
    // A user has one besides the account's name, and the one before is free.
    ann.send("NICK bar");
    ann.expect(" NICK :bar");
    guest.send("NICK foo");
    guest.expect(" NICK :foo");
    ann.send("QUIT");
    assert!(ann.is_closed());
    wait_until("the other one is free, too", || {
        guest.ask("NICK bar").contains(" NICK :bar")
    });
}

#[test]
fn connections_of_an_account_have_one_nickname() {
    let server = free();
    register(&server, "ann", PASSWORD);
    let mut bob = IrcClient::enter_channel(&server, "bob", "c");
    let mut one = enter_as(&server, "ann", "foo", "");
    one.send("JOIN #c");
    one.expect(" 366 ");
    bob.expect(" JOIN ");
    let mut two = IrcClient::connect(server.address("irc"));
    two.send(&format!("PASS :ann:{PASSWORD}"));
    two.send("NICK bar");
    two.send("USER user 0 * :Real Name");
    two.expect(" 001 foo ");
    two.expect(" 366 foo #c ");
    assert!(bob.settle().is_empty());
    two.send("NICK bar");
    for client in [&mut one, &mut two, &mut bob] {
        assert_eq!(client.expect(" NICK "), ":foo!~user@ann.user NICK :bar");
    }
    assert!(one.ask("NICK bob").contains(" 433 bar bob "));
    one.send("QUIT");
    assert!(one.is_closed());
    two.send("PRIVMSG #c :still bar");
    assert!(bob.next().starts_with(":bar!~user@ann.user PRIVMSG "));
    // The account goes on elsewhere, and is called by its name again.
    let mut line = LineClient::connect(server.telnet());
    line.send("ann");
    line.expect("Its password");
    line.send(PASSWORD);
    line.expect("Welcome");
    line.send("/join #c");
    line.settle();
    two.send("QUIT");
    assert!(two.is_closed());
    assert_eq!(bob.expect(" NICK "), ":bar!~user@ann.user NICK :ann");
}

#[test]
fn who_comes_first_says_what_an_account_is_called() {
    let server = free();
    register(&server, "ann", PASSWORD);
    let mut one = enter_as(&server, "ann", "ann", "");
    let mut two = IrcClient::connect(server.address("irc"));
    two.send(&format!("PASS :ann:{PASSWORD}"));
    two.send("NICK bar");
    two.send("USER user 0 * :Real Name");
    two.expect(" 001 ann ");
    // A guest who logs in has the account's nickname then, too.
    let mut guest = IrcClient::enter(&server, "guest");
    guest.send(&format!("NS IDENTIFY ann {PASSWORD}"));
    guest.expect(" NICK :ann");
    assert!(one.settle().is_empty());
    guest.send("NICK foo");
    for client in [&mut one, &mut two, &mut guest] {
        client.expect(":ann!~user@ann.user NICK :foo");
    }
}

#[test]
fn a_guest_who_logs_in_keeps_the_nickname() {
    let server = free();
    register(&server, "ann", PASSWORD);
    let caps = "extended-monitor account-notify";
    let mut bob = IrcClient::enter_with(&server, "bob", caps);
    bob.send("MONITOR + foo");
    bob.expect(" 731 ");
    bob.send("JOIN #c");
    bob.expect(" 366 ");
    let mut dan = LineClient::enter_channel(&server, "dan", "c");
    bob.expect(" JOIN ");
    let mut foo = IrcClient::enter_channel(&server, "foo", "c");
    bob.expect(" 730 ");
    bob.expect(" JOIN ");
    dan.expect("foo joined");
    foo.send("CAP REQ :sasl");
    foo.expect(" ACK ");
    foo.send("AUTHENTICATE PLAIN");
    let plain = data_encoding::BASE64.encode(format!("\0ann\0{PASSWORD}").as_bytes());
    foo.send(&format!("AUTHENTICATE {plain}"));
    foo.settle();
    assert_eq!(bob.settle(), [":foo!~user@ann.user ACCOUNT :ann"]);
    dan.expect("ann");
    foo.send("PRIVMSG #c :hello");
    dan.expect_message("ann", "hello");
    assert!(bob.next().starts_with(":foo!~user@ann.user PRIVMSG "));
    foo.send("QUIT");
    assert!(foo.is_closed());
    assert_eq!(words(&bob.expect(" 731 ")), "731 * :foo");
}

#[test]
fn what_an_account_may_do_does_not_depend_on_what_it_is_called() {
    let server = free();
    register(&server, "ann", PASSWORD);
    let caps = "message-tags echo-message draft/message-redaction batch draft/chathistory";
    let mut ann = enter_as(&server, "ann", "foo", caps);
    ann.send("JOIN #c");
    ann.expect(" 366 ");
    ann.send("CS REGISTER #c");
    let line = ann.expect(" MODE #c ");
    assert!(line.ends_with("+q foo foo"), "{line}");
    ann.send("PRIVMSG #c :mine");
    let said = ann.expect(" PRIVMSG ");
    let id = said.split("msgid=").nth(1).unwrap();
    let id = id.split([';', ' ']).next().unwrap();
    ann.send("NICK bar");
    ann.expect(" NICK ");
    ann.send(&format!("REDACT #c {id}"));
    assert!(
        ann.expect(" REDACT ")
            .contains(":bar!~user@ann.user REDACT #c ")
    );
    ann.send("QUIT");
    assert!(ann.is_closed());
    let mut ann = enter_as(&server, "ann", "third", caps);
    // Unless it is there already: what was joined is stored a little later.
    ann.send("JOIN #c");
    ann.send("PRIVMSG #c :again");
    ann.expect(" PRIVMSG ");
    ann.send("CHATHISTORY LATEST #c * 5");
    let past = ann.expect(" :again");
    assert!(
        past.contains(":third!") && past.contains("@ann.user PRIVMSG "),
        "{past}"
    );
    ann.send("WHOIS third");
    assert!(ann.expect(" 319 ").ends_with(" third :~#c"));
}

#[test]
fn a_ban_of_a_nickname_holds_when_that_is_another_one() {
    let server = free();
    register(&server, "ann", PASSWORD);
    let mut bob = IrcClient::enter_channel(&server, "bob", "c");
    let mut ann = enter_as(&server, "ann", "foo", "");
    for mask in ["fo?!*@*", "foo"] {
        ann.send("JOIN #c");
        ann.expect(" 366 ");
        bob.send(&format!("MODE #c +b {mask}"));
        assert!(ann.expect(" KICK ").contains(" KICK #c foo "));
        ann.send("JOIN #c");
        ann.expect(" 474 foo #c ");
        bob.settle();
        bob.send("MODE #c");
        bob.settle();
        if mask != "foo" {
            bob.send(&format!("MODE #c -b {mask}"));
            bob.expect(" -b ");
        }
    }
    // What it is called does not matter.
    ann.send("NICK bar");
    ann.expect(" NICK ");
    ann.send("JOIN #c");
    ann.expect(" 474 bar #c ");
}
