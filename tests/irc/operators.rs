//! OPER and what operators of the server do; the modes of users.

use std::io::Write;
use std::process::{Command, Stdio};

use serde_json::json;

use crate::support::{IrcClient, Server};
use crate::{enter_account, start_with, two_in, words};

/// The hash of "operpassword", with the cheapest parameters that there are.
pub const HASH: &str = "$argon2id$v=19$m=8192,t=1,p=1$dkRHb/6bs2g3vTmWczI7uQ\
    $+0rnqBIgWItlX6isDcemyJSPO0KEr1Z+uCVlqGRdO/Y";

fn start() -> Server {
    start_with(|config| {
        config["irc"]["operators"] = vec![format!("boss:{HASH}")].into();
    })
}

#[test]
fn an_operator_has_a_name_and_a_password() {
    let server = start();
    let (mut ann, mut bob) = two_in(&server, "c");
    assert!(ann.ask("OPER boss").contains(" 461 ann OPER "));
    assert!(ann.ask("OPER boss wrong").contains(" 464 ann "));
    assert!(ann.ask("OPER nobody operpassword").contains(" 464 ann "));
    assert!(ann.ask("KILL bob").contains(" 481 ann "));
    assert!(ann.ask("WALLOPS :hello").contains(" 481 ann "));
    ann.send("OPER boss operpassword");
    assert!(ann.next().contains(" 381 ann "));
    assert!(ann.next().ends_with(" MODE ann :+o"));
    bob.send("WHOIS ann");
    bob.expect(" 313 bob ann ");
    bob.send("WHO #c");
    assert!(bob.expect(" 352 ").contains(" ann H*@ "));
    bob.send("LUSERS");
    bob.expect(" 252 bob 1 ");
    bob.settle();
    // The mode is no way in, but one out.
    assert!(bob.settle().is_empty());
    bob.send("MODE bob +o");
    assert!(bob.settle().is_empty());
    ann.send("MODE ann -o");
    assert!(ann.next().ends_with(" MODE ann :-o"));
    assert!(ann.ask("KILL bob").contains(" 481 ann "));
    bob.send("WHOIS ann");
    assert!(!bob.settle().iter().any(|line| line.contains(" 313 ")));
}

#[test]
fn an_operator_disconnects_people_and_writes_to_those_who_want_it() {
    let server = start();
    let (mut ann, mut bob) = two_in(&server, "c");
    let mut eve = IrcClient::enter_channel(&server, "eve", "c");
    ann.send("OPER boss operpassword");
    ann.expect(" MODE ann ");
    bob.send("MODE bob +w");
    assert!(bob.expect(" MODE ").ends_with(" MODE bob :+w"));
    eve.settle();
    ann.send("WALLOPS :the server restarts");
    let line = bob.expect(" WALLOPS ");
    assert!(line.starts_with(":ann!~user@"), "{line}");
    assert!(line.ends_with(" WALLOPS :the server restarts"), "{line}");
    assert!(eve.settle().is_empty(), "eve has not asked for it");
    ann.send("KILL eve :enough");
    assert!(eve.expect("ERROR ").contains("enough"));
    assert!(eve.is_closed());
    assert!(bob.expect(" QUIT ").starts_with(":eve!~user@"));
    assert!(ann.expect(" QUIT ").starts_with(":eve!~user@"));
    assert!(ann.ask("KILL eve").contains(" 401 ann eve "));
}

#[test]
fn wrong_passwords_are_limited() {
    let server = start_with(|config| {
        config["irc"]["operators"] = vec![format!("boss:{HASH}")].into();
        config["limits"]["auth_attempts"] = 2.into();
    });
    let mut ann = IrcClient::enter(&server, "ann");
    for _ in 0..2 {
        assert!(ann.ask("OPER boss wrong").contains(" 464 ann "));
    }
    // Nor is a right one told then.
    assert!(ann.ask("OPER boss operpassword").contains(" 491 ann "));
}

#[test]
fn a_hash_is_made_on_the_command_line() {
    let program = env!("CARGO_BIN_EXE_chat-server");
    let mut child = Command::new(program)
        .arg("hash-password")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(b"a new one\n")
        .unwrap();
    let output = child.wait_with_output().unwrap();
    let hash = String::from_utf8(output.stdout).unwrap();
    assert!(
        output.status.success() && hash.starts_with("$argon2id$"),
        "{hash}"
    );
    let server = start_with(|config| {
        config["irc"]["operators"] = vec![format!("boss:{}", hash.trim())].into();
    });
    let mut ann = IrcClient::enter(&server, "ann");
    ann.send("OPER boss :a new one");
    ann.expect(" 381 ann ");
}

#[test]
fn a_bot_says_that_it_is_one() {
    let server = start();
    let mut ann = IrcClient::enter_with(&server, "ann", "message-tags");
    ann.send("JOIN #c");
    ann.expect(" 366 ");
    let mut bot = IrcClient::enter(&server, "bot");
    bot.send("MODE bot +Bi-w");
    assert!(bot.next().ends_with(" MODE bot :+Bi"));
    assert!(bot.ask("MODE bot").ends_with(" 221 bot :+Bi"));
    assert!(bot.ask("MODE bot +x").contains(" 501 bot "));
    bot.send("JOIN #c");
    bot.expect(" 366 ");
    bot.send("PRIVMSG #c :beep");
    let line = ann.expect(" PRIVMSG #c ");
    let tags = line.split(' ').next().unwrap();
    assert!(tags.split([';', '@']).any(|tag| tag == "bot"), "{line}");
    ann.send("WHOIS bot");
    ann.expect(" 335 ann bot ");
    ann.send("WHO bot");
    assert!(ann.expect(" 352 ").contains(" bot HB "));
    ann.send("LUSERS");
    let line = ann.expect(" 251 ");
    assert!(words(&line).contains("1 users and 1 invisible"), "{line}");
}

#[test]
fn messages_of_guests_can_be_refused() {
    let server = start();
    let mut ann = IrcClient::enter(&server, "ann");
    let mut bob = IrcClient::enter(&server, "bob");
    ann.send("MODE ann +R");
    ann.expect(" MODE ann ");
    assert!(bob.ask("PRIVMSG ann :hi").contains(" 477 bob ann "));
    let request = bob.ask("PRIVMSG ann :\u{1}VERSION\u{1}");
    assert!(request.contains(" 477 bob ann "), "{request}");
    ann.send("MODE ann -R");
    ann.settle();
    bob.send("PRIVMSG ann :hi");
    ann.expect(" PRIVMSG ann :hi");
}

#[test]
fn who_wants_no_words_of_guests_is_not_told_that_they_type() {
    use crate::support::JsonClient;
    use serde_json::json;

    let server = start();
    let mut ann = IrcClient::enter_with(&server, "ann", "message-tags");
    let mut bob = JsonClient::enter(&server, "bob");
    ann.send("MODE ann +R");
    ann.expect(" MODE ann ");
    bob.send("typing", json!({ "to": "ann" }));
    assert_eq!(bob.expect("error")["code"], "accounts_only");
    ann.send("MODE ann -R");
    ann.expect(" MODE ann ");
    bob.send("typing", json!({ "to": "ann" }));
    assert!(ann.next().contains("+typing=active"));
}

#[test]
fn many_guesses_at_once_are_no_more_than_one_after_the_other() {
    let server = start_with(|config| {
        config["irc"]["operators"] = vec![format!("boss:{HASH}")].into();
        config["limits"]["auth_attempts"] = 3.into();
    });
    let clients = (0..8).map(|n| IrcClient::enter(&server, &format!("eve{n}")));
    let mut clients: Vec<IrcClient> = clients.collect();
    for client in &mut clients {
        client.send("OPER boss wrong");
    }
    let checked = clients.iter_mut().filter_map(|client| {
        let line = client.next();
        line.contains(" 464 ").then_some(())
    });
    assert_eq!(checked.count(), 3);
}

#[test]
fn an_account_with_a_role_operates_the_server_for_as_long_as_it_has_it() {
    let server = start();
    let mut ann = enter_account(&server, "ann", "");
    let mut mona = enter_account(&server, "mona", "");
    let mut bob = IrcClient::enter(&server, "bob");
    assert!(ann.ask("KILL bob").contains(" 481 ann "));
    for (nickname, role) in [("ann", "administrator"), ("mona", "moderator")] {
        let path = format!("/admin/accounts/{nickname}");
        let given = server.patch(&path, json!({ "role": role }));
        assert_eq!(given.status, 200, "{}", given.body);
    }
    // Moderators disconnect and ban people, and leave the server alone.
    assert!(mona.ask("REHASH").contains(" 481 mona "));
    assert!(mona.ask("WALLOPS :hello").contains(" 481 mona "));
    mona.send("KILL bob :spam");
    assert!(bob.is_closed());
    assert!(mona.ask("KLINE bob").contains("bob is banned"));
    assert!(mona.ask("UNKLINE bob").contains("bob is not banned"));
    assert!(ann.ask("REHASH").contains(" 382 ann "));
    let texts = [
        "mona: disconnected bob: spam",
        "mona: KLINE bob",
        "ann: REHASH",
    ];
    let texts = texts.map(|text| format!("IRC operator {text}"));
    server.log_with("kind=admin", &texts.each_ref().map(String::as_str));
    // The end of a role counts at once, on connections that are open.
    server.patch("/admin/accounts/ann", json!({ "role": "none" }));
    assert!(ann.ask("REHASH").contains(" 481 ann "));
}
