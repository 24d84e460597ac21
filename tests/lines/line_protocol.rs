//! What a user of the line protocol types and sees.

use crate::support::{LineClient, Server, User, WsClient, is_message};

#[test]
fn a_newcomer_is_greeted_counted_and_welcomed() {
    let server = Server::start(|config| config["greeting"] = "Good evening.".into());
    let mut alice = LineClient::connect(server.telnet());
    alice.expect_next("Good evening.");
    alice.expect_next("Nobody else is here yet.");
    alice.expect_next("nickname");
    alice.send("alice");
    let welcome = alice.expect_next("alice");
    assert!(welcome.contains("/join #channel") && welcome.contains("/help"));

    let mut bob = LineClient::connect(server.telnet());
    bob.expect("1 other person");
    bob.login("bob");
    let mut carol = LineClient::connect(server.telnet());
    carol.expect("2 other people");
}

#[test]
fn a_nickname_that_is_taken_or_invalid_is_asked_for_again() {
    let server = Server::start(|_| {});
    let _alice = LineClient::enter(&server, "alice");
    let mut other = LineClient::connect(server.telnet());
    for (nickname, why) in [
        ("alice", "taken"),
        ("ALICE", "taken"),
        ("\u{430}lice", "taken"),
        ("9lives", "starts with"),
        ("two words", "spaces"),
        (&"x".repeat(33), "32"),
    ] {
        other.send(nickname);
        let answer = other.expect(why);
        if !answer.contains("please") {
            other.expect_next("please");
        }
    }
    other.send("/help");
    other.expect("/join #channel");
    other.login("bob");
}

#[test]
fn a_nickname_is_free_again_when_its_owner_has_left() {
    let server = Server::start(|_| {});
    let mut watcher = LineClient::enter_channel(&server, "watcher", "x");
    let alice = LineClient::enter_channel(&server, "alice", "x");
    watcher.expect("@alice joined");
    drop(alice);
    watcher.expect("@alice left");
    LineClient::enter(&server, "alice");
}

#[test]
fn talking_without_a_channel_gets_a_hint() {
    let server = Server::start(|_| {});
    let mut alice = LineClient::enter(&server, "alice");
    alice.send("hello?");
    alice.expect_next("/join #channel");
    for command in ["/list", "/leave"] {
        alice.send(command);
        alice.expect_next("You are not in a channel");
    }
}

#[test]
fn help_lists_every_command_with_a_tab_before_what_it_does() {
    let server = Server::start(|_| {});
    let mut alice = LineClient::enter(&server, "alice");
    alice.send("/help");
    let help = alice.settle();
    for syntax in [
        "/help",
        "/list",
        "/ignore [@nick]",
        "/join #channel [key]",
        "/msg @nick text",
        "/quit [why]",
        "/nick name",
        "/rooms",
        "/leave [why]",
        "/unignore @nick",
    ] {
        let entry = help.iter().find_map(|line| {
            let (found, description) = line.split_once('\t')?;
            (found == syntax).then_some(description)
        });
        assert!(
            entry.is_some_and(|words| !words.is_empty()),
            "{syntax} in {help:#?}"
        );
    }
}

#[test]
fn a_channel_message_reaches_every_member_and_its_sender_and_nobody_else() {
    let server = Server::start(|_| {});
    let mut alice = LineClient::enter(&server, "alice");
    alice.send("/join #dev");
    alice.expect_next("#dev");
    let mut bob = LineClient::enter(&server, "bob");
    bob.send("/join dev");
    let joined = bob.expect_next("#dev");
    assert!(joined.contains("1 other"), "{joined}");
    alice.expect_next("@bob joined");
    let mut carol = LineClient::enter_channel(&server, "carol", "other");

    bob.send("hello, dev");
    bob.expect_message("bob", "hello, dev");
    alice.expect_message("bob", "hello, dev");
    assert_eq!(carol.settle(), [""; 0]);
}

#[test]
fn the_first_member_of_a_channel_is_told_so() {
    let server = Server::start(|_| {});
    let mut alice = LineClient::enter(&server, "alice");
    alice.send("/join #new");
    let joined = alice.expect_next("#new");
    assert!(joined.contains("first"), "{joined}");
}

#[test]
fn joining_leaves_the_channel_before() {
    let server = Server::start(|_| {});
    let mut alice = LineClient::enter_channel(&server, "alice", "one");
    let mut bob = LineClient::enter_channel(&server, "bob", "one");
    alice.expect("@bob joined");
    bob.send("/join #two");
    bob.expect("#two");
    alice.expect_next("@bob left");
    bob.send("anybody?");
    bob.expect_message("bob", "anybody?");
    assert_eq!(alice.settle(), [""; 0]);
    bob.send("/join #two");
    bob.expect_next("already in #two");
}

#[test]
fn leaving_tells_those_who_stay() {
    let server = Server::start(|_| {});
    let mut alice = LineClient::enter_channel(&server, "alice", "dev");
    let mut bob = LineClient::enter_channel(&server, "bob", "dev");
    alice.expect("@bob joined");
    bob.send("/leave");
    bob.expect_next("left #dev");
    alice.expect_next("@bob left");
    bob.send("still here?");
    bob.expect_next("not in a channel");
    assert_eq!(alice.settle(), [""; 0]);
}

#[test]
fn list_names_the_members_with_an_at() {
    let server = Server::start(|_| {});
    let _alice = LineClient::enter_channel(&server, "alice", "dev");
    let _carol = LineClient::enter_channel(&server, "carol", "other");
    let mut bob = LineClient::enter_channel(&server, "bob", "dev");
    bob.send("/list");
    let list = bob.settle().join("\n");
    assert!(list.contains("@alice") && list.contains("@bob"), "{list}");
    assert!(!list.contains("@carol"), "{list}");
}

#[test]
fn rooms_counts_the_members_of_each() {
    let server = Server::start(|_| {});
    let _alice = LineClient::enter_channel(&server, "alice", "dev");
    let _carol = LineClient::enter_channel(&server, "carol", "music");
    let mut bob = LineClient::enter_channel(&server, "bob", "dev");
    bob.send("/rooms");
    let rooms = bob.settle();
    assert!(rooms.contains(&"#dev\t2 people".to_owned()), "{rooms:#?}");
    assert!(rooms.contains(&"#music\t1 person".to_owned()), "{rooms:#?}");
    assert!(
        rooms.contains(&"#global\t0 people".to_owned()),
        "{rooms:#?}"
    );
}

#[test]
fn a_channel_is_gone_with_its_last_member() {
    let server = Server::start(|_| {});
    let mut alice = LineClient::enter_channel(&server, "alice", "dev");
    alice.send("/leave");
    alice.send("/rooms");
    let rooms = alice.settle().join("\n");
    assert!(!rooms.contains("#dev\t"), "{rooms}");
}

#[test]
fn a_private_message_reaches_one_person_only() {
    let server = Server::start(|_| {});
    let mut alice = LineClient::enter_channel(&server, "alice", "dev");
    let mut bob = LineClient::enter_channel(&server, "bob", "dev");
    let mut carol = LineClient::enter_channel(&server, "carol", "dev");
    alice.settle();
    bob.settle();
    alice.send("/msg @bob just for you");
    bob.expect_private("alice", "just for you");
    alice.expect_next("@bob: just for you");
    bob.send("/msg alice without an at");
    alice.expect_private("bob", "without an at");
    assert_eq!(carol.settle(), [""; 0]);

    alice.send("/msg @nobody hello");
    alice.expect_next("@nobody");
    alice.send("/msg @bob");
    alice.expect_next("/msg @nick text");
}

#[test]
fn ignored_people_cannot_write_until_unignored() {
    let server = Server::start(|_| {});
    let mut alice = LineClient::enter_channel(&server, "alice", "dev");
    let mut bob = LineClient::enter_channel(&server, "bob", "dev");
    bob.send("/ignore @alice");
    bob.expect_next("@alice");
    alice.send("/msg @bob can you hear me?");
    alice.expect("can you hear me?");
    alice.send("in the channel you can");
    // Ignoring covers private messages only, so the channel message comes next.
    let line = bob.next_line().unwrap();
    assert!(
        is_message(&line, "alice", "in the channel you can"),
        "{line}"
    );

    // The other user cannot evade it with a new nickname.
    alice.send("/nick alicia");
    alice.expect("@alicia");
    alice.send("/msg @bob me again");
    alice.expect("me again");
    bob.expect_next("@alice is now @alicia");
    assert_eq!(bob.settle(), [""; 0]);

    bob.send("/unignore @alicia");
    bob.expect_next("@alicia");
    alice.send("/msg @bob and now?");
    bob.expect_private("alicia", "and now?");
}

#[test]
fn one_cannot_ignore_oneself_or_nobody() {
    let server = Server::start(|_| {});
    let mut alice = LineClient::enter(&server, "alice");
    alice.send("/ignore @alice");
    alice.expect_next("yourself");
    alice.send("/ignore @nobody");
    alice.expect_next("@nobody");
    alice.send("/unignore @nobody");
    alice.expect_next("@nobody");
}

#[test]
fn a_new_nickname_is_told_to_the_channel_and_frees_the_old_one() {
    let server = Server::start(|_| {});
    let mut alice = LineClient::enter_channel(&server, "alice", "dev");
    let mut bob = LineClient::enter_channel(&server, "bob", "dev");
    bob.send("/nick alice");
    bob.expect_next("taken");
    bob.send("/nick 9lives");
    bob.expect_next("starts with");
    bob.send("/nick robert");
    bob.expect_next("@robert");
    alice.expect("@bob is now @robert");
    bob.send("hi");
    alice.expect_message("robert", "hi");
    LineClient::enter(&server, "bob");
}

#[test]
fn quitting_says_good_bye_and_closes() {
    let server = Server::start(|_| {});
    let mut alice = LineClient::enter_channel(&server, "alice", "dev");
    let mut bob = LineClient::enter_channel(&server, "bob", "dev");
    alice.settle();
    bob.send("/quit");
    let last = bob.expect_close();
    assert!(last.last().unwrap().contains("Good-bye"), "{last:?}");
    alice.expect_next("@bob left");
}

#[test]
fn an_unknown_command_is_named_and_points_to_help() {
    let server = Server::start(|_| {});
    let mut alice = LineClient::enter_channel(&server, "alice", "dev");
    alice.send("/dance wildly");
    let error = alice.expect_next("/dance");
    assert!(error.contains("/help"), "{error}");
    alice.send("/");
    alice.expect_next("/help");
    alice.send("/join");
    alice.expect_next("/join #channel");
    alice.send("/join #a #b");
    alice.expect_next("/join #channel");
}

#[test]
fn a_doubled_slash_sends_one() {
    let server = Server::start(|_| {});
    let mut alice = LineClient::enter_channel(&server, "alice", "dev");
    alice.send("//help is a command");
    alice.expect_message("alice", "/help is a command");
}

#[test]
fn commands_do_not_mind_their_case() {
    let server = Server::start(|_| {});
    let mut alice = LineClient::enter(&server, "alice");
    alice.send("/JOIN #dev");
    alice.expect_next("#dev");
}

#[test]
fn empty_lines_are_nothing() {
    let server = Server::start(|_| {});
    let mut alice = LineClient::enter_channel(&server, "alice", "dev");
    alice.send("");
    alice.send("   ");
    assert_eq!(alice.settle(), [""; 0]);
}

#[test]
fn a_message_of_many_lines_cannot_swamp_who_reads_it() {
    let server = Server::start(|_| {});
    let mut alice = LineClient::enter_channel(&server, "alice", "dev");
    let mut bob = WsClient::enter(&server, "bob");
    bob.send("/join #dev");
    bob.settle();
    alice.settle();
    bob.send(&format!("first{}last", "\n".repeat(4000)));
    bob.send("after");
    let mut lines = Vec::new();
    loop {
        let line = alice.next_line().expect("alice stays");
        if line.ends_with("@bob: after") {
            break;
        }
        assert!(line[6..].starts_with("@bob: "), "{line:?}");
        lines.push(line);
    }
    assert!(lines[0].ends_with("@bob: first"), "{lines:?}");
    assert!(lines.last().unwrap().ends_with("last"), "nothing is lost");
    assert_eq!(lines.len(), 20);
}
