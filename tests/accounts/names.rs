//! Who may have which name: no user can pose as another, and every script has
//! the marks it needs.

use crate::support::{JsonClient, LineClient, Server, User};
use diesel::prelude::*;
use diesel::sql_query;
use serde_json::json;

const PASSWORD: &str = "correct horse";

fn register(client: &mut LineClient) {
    client.send(&format!("/register {PASSWORD}"));
    client.expect("is yours now");
}

/// Asks for a nickname over telnet and expects this answer.
fn asks_for(server: &Server, nickname: &str, answer: &str) -> LineClient {
    let mut client = LineClient::connect(server.telnet());
    client.send(nickname);
    client.expect(answer);
    client
}

#[test]
fn a_guest_is_no_double_of_another_guest() {
    let server = Server::start(|_| {});
    for (guest, doubles) in [
        ("Bob", ["\u{412}ob", "\u{392}OB"]),
        ("alice", ["AIice", "\u{391}lice"]),
        ("\u{41c}\u{422}\u{41a}", ["MTK", "mtk"]),
        ("Nina", ["\u{39d}\u{399}\u{39d}\u{391}", "\u{39d}ina"]),
    ] {
        let mut first = LineClient::enter(&server, guest);
        for double in doubles {
            asks_for(&server, double, "taken");
            let answer = server.post_form("/auth", &[("nickname", double)]);
            assert_eq!(answer.status, 409, "{double}");
            let mut other = LineClient::enter(&server, "other");
            other.send(&format!("/nick {double}"));
            other.expect("taken");
            other.send("/quit");
            other.expect("bye");
            // The owner may spell the nickname like this.
            first.send(&format!("/nick {double}"));
            first.expect("You are now");
            first.send(&format!("/nick {guest}"));
            first.expect("You are now");
        }
        first.send("/quit");
        first.expect("bye");
    }
    // A nickname that is held for a token is in use as well, and all are free
    // again once their users have gone.
    let token = JsonClient::token(&server, "\u{41a}evin");
    asks_for(&server, "Kevin", "taken");
    JsonClient::come_in(&server, &token);
    LineClient::enter(&server, "\u{412}ob");
    // Other nicknames are not affected.
    LineClient::enter(&server, "Nell");
    LineClient::enter(&server, "Neil");
}

#[test]
fn another_spelling_of_ones_own_nickname_is_nobody_elses() {
    let server = Server::start(|_| {});
    let small = "\u{442}\u{43e}\u{43c}\u{43c}\u{43e}";
    let capital = "\u{422}\u{41e}\u{41c}\u{41c}\u{41e}";
    let mut guest = LineClient::enter(&server, small);
    let tommo = LineClient::enter(&server, "TOMMO");
    guest.send(&format!("/nick {capital}"));
    guest.expect("taken");
    drop(tommo);
    server.log("kind=close&nick=TOMMO", 1);
    guest.send(&format!("/nick {capital}"));
    guest.expect("You are now");
    guest.send(&format!("/nick {small}"));
    guest.expect("You are now");
    let ban = json!({"nickname": "tommo"});
    assert_eq!(server.post("/admin/bans", ban).status, 201);
    guest.send(&format!("/nick {capital}"));
    guest.expect("is banned");
}

#[test]
fn a_capital_is_no_way_round_being_ignored() {
    let server = Server::start(|_| {});
    let mut alice = LineClient::enter(&server, "alice");
    let bob = LineClient::enter(&server, "Bobi");
    alice.send("/ignore @Bobi");
    alice.expect("Bobi");
    drop(bob);
    server.log("kind=close&nick=Bobi", 1);
    for double in ["\u{412}obi", "\u{412}\u{41e}\u{412}\u{406}"] {
        let mut other = LineClient::enter(&server, double);
        other.send("/msg @alice psst");
        other.settle();
        let heard = alice.settle();
        assert!(!heard.iter().any(|line| line.contains("psst")), "{heard:?}");
        other.send("/quit");
        other.expect("bye");
    }
    let mut stranger = LineClient::enter(&server, "stranger");
    stranger.send("/msg @alice hello");
    alice.expect_private("stranger", "hello");
}

#[test]
fn a_banned_nickname_is_not_to_be_registered() {
    let server = Server::start(|_| {});
    let ban = json!({"nickname": "Kevin"});
    assert_eq!(server.post("/admin/bans", ban).status, 201);
    for nickname in ["Kevin", "KEVIN", "\u{41a}evin"] {
        let fields = [("nickname", nickname), ("password", PASSWORD)];
        let answer = server.post_form("/auth/register", &fields);
        assert_eq!(answer.status, 403, "{}", answer.body);
        assert!(answer.body.contains("is banned"), "{}", answer.body);
        let fields = [
            ("first_name", "K"),
            ("last_name", "K"),
            ("username", nickname),
            ("password", PASSWORD),
            ("email", "k@example.org"),
            ("phone", "+49123456"),
        ];
        let answer = server.post_form("/api/register", &fields);
        assert_eq!(answer.status, 403, "{}", answer.body);
        assert_eq!(answer.json()["status"], "fail");
    }
}

#[test]
fn an_account_has_no_double_and_the_server_has_none() {
    let server = Server::start(|_| {});
    let mut bob = LineClient::enter(&server, "Bob");
    register(&mut bob);
    for double in ["\u{412}ob", "\u{392}ob", "\u{412}OB"] {
        // The nickname stands for Bob's account, so his password is required.
        let mut client = asks_for(&server, double, "The nickname Bob is registered");
        client.send(PASSWORD);
        client.expect("Welcome, Bob");
        let answer = server.post_form("/auth", &[("nickname", double)]);
        assert_eq!(answer.status, 409);
        let fields = [
            ("first_name", "B"),
            ("last_name", "B"),
            ("username", double),
            ("password", PASSWORD),
            ("email", "b@example.org"),
            ("phone", "12345"),
        ];
        let answer = server.post_form("/api/register", &fields);
        assert_eq!(answer.status, 400);
        assert!(answer.json()["error"]["errors"]["username"].is_string());
    }
    for double in ["SYS\u{3a4}EM", "\u{405}ystem", "SYSTEM"] {
        asks_for(&server, double, "the server itself has that name");
    }
}

#[test]
fn a_ban_holds_for_doubles() {
    let server = Server::start(|_| {});
    let mut already_on = LineClient::enter(&server, "\u{39a}evin");
    let ban = server.post("/admin/bans", json!({"nickname": "Kevin"}));
    assert_eq!(ban.status, 201);
    already_on.expect("banned");
    for double in ["\u{41a}evin", "\u{39a}EVIN", "kevin"] {
        asks_for(&server, double, "banned");
    }
    let ban = server.post("/admin/bans", json!({"nickname": "\u{41c}\u{422}\u{41a}"}));
    assert_eq!(ban.status, 201);
    asks_for(&server, "mtk", "banned");
    let id = ban.json()["id"].to_string();
    let gone = server.delete(&format!("/admin/bans/{id}"));
    assert_eq!(gone.status, 204);
    LineClient::enter(&server, "mtk");
}

#[test]
fn every_script_has_its_marks() {
    let server = Server::start(|_| {});
    for name in ["काव्य", "হিন্দু", "தமிழ்", "ที่นี่", "လျှော့", "ខ្មែរ"]
    {
        let mut client = LineClient::enter(&server, name);
        client.send(&format!("/join #{name}"));
        client.expect(name);
        client.send(&format!("from {name}"));
        client.expect(&format!("@{name}: from {name}"));
        JsonClient::come_in(&server, &JsonClient::token(&server, &format!("{name}2")));
    }
    asks_for(&server, &format!("a{}", "\u{301}".repeat(9)), "marks");
    asks_for(&server, "\u{93e}a", "starts with a letter");
    asks_for(&server, "a\u{200d}b", "U+200D");
    let longest = "\u{915}\u{93e}".repeat(16);
    LineClient::enter(&server, &longest);
    asks_for(&server, &format!("{longest}a"), "at most 32 characters");
}

#[test]
fn accounts_that_looked_alike_before_are_reported_and_go_on() {
    let mut server = Server::start(|config| {
        config["store"] = json!({});
    });
    for nickname in ["Bob", "Mina"] {
        let mut client = LineClient::enter(&server, nickname);
        register(&mut client);
    }
    server.kill();
    let database = server.dir().join("data/chat.db");
    let mut stranger = SqliteConnection::establish(database.to_str().unwrap()).unwrap();
    // As an earlier server made them.
    for statement in [
        "DELETE FROM account_key",
        "INSERT INTO account (username, username_key, first_name, last_name, password_hash, \
         created_at) SELECT 'Вob', 'ʙob', '', '', password_hash, 1 FROM account \
         WHERE username = 'Bob'",
    ] {
        sql_query(statement).execute(&mut stranger).unwrap();
    }
    drop(stranger);
    for _ in 0..2 {
        // The same at every start.
        server.start_again();
        server.wait_output("the usernames Bob and \u{412}ob look alike");
        for nickname in ["Bob", "\u{412}ob", "\u{432}ob", "BOB", "Mina"] {
            let mut client = LineClient::connect(server.telnet());
            client.send(nickname);
            client.expect("Its password");
            client.send(PASSWORD);
            client.expect("Welcome");
        }
        // The same with both at once.
        let both = ["Bob", "\u{412}ob"].map(|nickname| {
            let mut client = LineClient::connect(server.telnet());
            client.send(nickname);
            client.expect(&format!("The nickname {nickname} is registered"));
            client.send(PASSWORD);
            client.expect(&format!("Welcome, {nickname}"));
            client
        });
        drop(both);
        asks_for(&server, "\u{392}ob", "is registered");
        server.kill();
    }
}
