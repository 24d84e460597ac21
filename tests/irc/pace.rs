//! How fast clients may ask: what they are answered, and not what they write, has a cost.

use crate::support::{IrcClient, LineClient, Server, User};
use crate::{start, start_with};

/// What a client has at once here. No more comes back during a test.
const BURST: usize = 40;

fn start_slow() -> Server {
    start_with(|config| {
        config["limits"]["message_rate"] = 0.1.into();
        config["limits"]["message_burst"] = BURST.into();
    })
}

/// Sends these lines many times, and then a message, which nobody gets: the client has to
/// wait for its turn long before.
fn waits_after(lines: &[&str]) {
    let server = start_slow();
    let mut bob = LineClient::enter_channel(&server, "bob", "c");
    let caps = "batch message-tags labeled-response draft/multiline";
    let mut ann = IrcClient::enter_with(&server, "ann", caps);
    ann.send("JOIN #c");
    ann.expect(" 366 ");
    ann.send("PRIVMSG #c :before");
    bob.expect_message("ann", "before");
    for line in lines.iter().cycle().take(4 * BURST * lines.len()) {
        ann.send(line);
    }
    ann.send("PRIVMSG #c :after");
    // Someone else has all the time to come in and be heard.
    let mut carl = IrcClient::enter_channel(&server, "carl", "c");
    for n in 0..5 {
        carl.send(&format!("PRIVMSG #c :{n}"));
        let line = bob.expect_message("carl", &n.to_string());
        assert!(!line.contains("after"), "{line}");
    }
    let heard = String::from_utf8_lossy(bob.received()).into_owned();
    assert!(!heard.contains("after"), "{lines:?}: {heard}");
}

#[test]
fn what_the_server_does_not_understand_has_a_cost() {
    waits_after(&["NONSENSE"]);
    let long = format!("PRIVMSG #c :{}", "x".repeat(600));
    waits_after(&[&long]);
}

#[test]
fn answers_to_free_commands_have_a_cost() {
    waits_after(&["@label=x PONG"]);
    waits_after(&["@label=x"]);
    waits_after(&["BATCH +1 draft/multiline #c", "BATCH -1"]);
}

#[test]
fn long_tags_have_a_cost() {
    let server = start_slow();
    let mut bob = LineClient::enter_channel(&server, "bob", "c");
    let mut ann = IrcClient::enter_with(&server, "ann", "message-tags");
    ann.send("JOIN #c");
    ann.expect(" 366 ");
    // As many without tags leave enough for the message.
    let tags = "x".repeat(4_000);
    for _ in 0..10 {
        ann.send(&format!("@+t={tags} TAGMSG #c"));
    }
    ann.send("PRIVMSG #c :after");
    let mut carl = IrcClient::enter_channel(&server, "carl", "c");
    carl.send("PRIVMSG #c :heard");
    bob.expect_message("carl", "heard");
    let heard = String::from_utf8_lossy(bob.received()).into_owned();
    assert!(!heard.contains("after"), "{heard}");
}

#[test]
fn each_target_of_a_command_has_a_cost() {
    let server = start_slow();
    let mut bob = LineClient::enter_channel(&server, "bob", "c");
    let mut ann = IrcClient::enter_channel(&server, "ann", "c");
    for n in 0..BURST {
        ann.send(&format!("PRIVMSG #c,#c,#c,#c :said {n}"));
    }
    bob.expect("said 5");
    let mut carl = IrcClient::enter_channel(&server, "carl", "c");
    for n in 0..5 {
        carl.send(&format!("PRIVMSG #c :{n}"));
        bob.expect_message("carl", &n.to_string());
    }
    let heard = String::from_utf8_lossy(bob.received()).into_owned();
    let count = heard.matches("said ").count();
    assert!(count <= BURST, "{count}");
}

#[test]
fn a_client_without_a_nickname_sends_only_so_many_lines_of_any_kind() {
    let server = start();
    let mut client = IrcClient::connect(server.address("irc"));
    for _ in 0..101 {
        client.send("NONSENSE");
    }
    let mut answers = 0;
    loop {
        let line = client.next();
        if line.contains("Excess Flood") {
            break;
        }
        assert!(line.contains(" 421 "), "{line}");
        answers += 1;
    }
    assert_eq!(answers, 100);
}
