//! The channels of an account over the line protocol.

use crate::support::{LineClient, Server, User, wait_until};

/// A client that has registered this nickname.
fn registered(server: &Server, nickname: &str) -> LineClient {
    let mut client = LineClient::enter(server, nickname);
    client.send("/register long enough");
    client.expect("is yours now");
    client
}

fn rooms(client: &mut LineClient) -> Vec<String> {
    client.send("/rooms");
    client.settle()
}

#[test]
fn rooms_says_where_something_is_unread() {
    let server = Server::start(|config| config["limits"]["message_rate"] = 0.into());
    let mut ann = registered(&server, "ann");
    for channel in ["dev", "ops", "den"] {
        ann.send(&format!("/join #{channel}"));
        ann.expect(&format!("You are now in #{channel}"));
    }
    let mut bob = LineClient::enter_channel(&server, "bob", "dev");
    bob.send("/topic the plan");
    bob.send("one");
    bob.send("two for @ann");
    bob.expect_message("bob", "two for @ann");
    bob.send("/join #ops");
    bob.send("three");
    bob.expect_message("bob", "three");
    bob.send("/join #den");
    bob.send("seen");
    ann.expect_message("bob", "seen");
    let unread = [
        "* Unread in your channels:",
        "#dev\t2 unread, 1 for you",
        "#ops\t1 unread",
    ];
    wait_until("the channels are kept", || {
        let said = rooms(&mut ann);
        said.iter()
            .zip(unread)
            .all(|(line, start)| line.starts_with(start))
    });
    // A page of the list does not repeat it, and a guest has no channels.
    ann.send("/rooms #dev");
    assert!(!ann.settle().join(" ").contains("Unread"));
    assert!(!rooms(&mut bob).join(" ").contains("Unread"));
    // What is read once is not unread any more, nor is a channel that is left.
    ann.send("/join #dev");
    ann.expect("You are now in #dev");
    ann.send("/join #ops");
    ann.send("/leave");
    ann.expect("You have left #ops");
    wait_until("nothing is unread", || {
        !rooms(&mut ann).join(" ").contains("Unread")
    });
}

#[test]
fn the_accounts_of_a_channel_are_listed() {
    let server = Server::start(|_| {});
    let mut ann = registered(&server, "ann");
    let mut eve = registered(&server, "Eve");
    ann.send("/members");
    ann.expect("! You are not in a channel");
    for client in [&mut ann, &mut eve] {
        client.send("/join #dev");
        client.expect("You are now in #dev");
    }
    drop(eve);
    ann.expect("@Eve left");
    wait_until("both are listed", || {
        ann.send("/members");
        let said = ann.settle();
        said == ["* 2 people with an account in #dev:", "@ann @Eve (offline)"]
    });
    ann.send("/members @ann");
    assert_eq!(
        ann.settle(),
        ["* 1 person with an account in #dev:", "@Eve (offline)"]
    );
}
