//! Passwords are text, the same text however it is typed; and guesses are
//! counted for the address that makes them.

use std::net::SocketAddr;

use crate::support::{Answer, LineClient, Server, User};
use argon2::password_hash::phc::PasswordHash;
use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::Text;
use serde_json::{Value, json};

const KOI8: &[u8] = b"\xd0\xc1\xd2\xcf\xcc\xd8\xd0\xc1";

fn register(server: &Server, nickname: &str, password: &str) {
    let fields = [("nickname", nickname), ("password", password)];
    let answer = server.post_form("/auth/register", &fields);
    assert_eq!(answer.status, 201, "{}", answer.body);
}

fn log_in(server: &Server, nickname: &str, password: &str) -> Answer {
    server.post_form("/auth", &[("nickname", nickname), ("password", password)])
}

/// Sends a body unchanged.
fn post_bytes(to: SocketAddr, path: &str, content_type: &str, body: &[u8]) -> Answer {
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .build()
        .into();
    let request = agent.post(format!("http://{to}{path}"));
    Answer::of(request.header("Content-Type", content_type).send(body))
}

#[test]
fn a_password_that_is_not_utf8_is_refused_by_telnet_in_words() {
    let server = Server::start(|config| config["limits"]["auth_attempts"] = 0.into());
    let mut mina = LineClient::enter(&server, "mina");
    mina.send("/register");
    mina.expect("A password");
    mina.send_bytes(&[KOI8, b"\r\n"].concat());
    mina.expect("is not UTF-8");
    mina.send_bytes(&[b"/register ", KOI8, b"\r\n"].concat());
    mina.expect("is not UTF-8");
    let replaced = "\u{fffd}".repeat(8);
    mina.send(&format!("/register {replaced}"));
    mina.expect("is not UTF-8");
    mina.send("/register пароль123");
    mina.expect("is yours now");
    // Nor does one of those log in to an account.
    for wrong in [KOI8, replaced.as_bytes()] {
        let mut client = LineClient::connect(server.telnet());
        client.send("mina");
        client.expect("Its password");
        client.send_bytes(&[wrong, b"\r\n"].concat());
        client.expect("is not UTF-8");
        client.send_bytes(&[b"/login mina ", wrong, b"\r\n"].concat());
        client.expect("is not UTF-8");
        client.send("/login mina пароль123");
        client.expect("Welcome, mina");
    }
}

#[test]
fn a_password_that_is_not_utf8_is_refused_by_http_in_words() {
    let server = Server::start(|config| config["limits"]["auth_attempts"] = 0.into());
    let form = "application/x-www-form-urlencoded";
    let lone = br#"{"nickname":"mina","username":"mina","password":"\ud83d\ud83d\ud83d\ud83d"}"#;
    for path in [
        "/auth",
        "/auth/register",
        "/api/register",
        "/api/auth_token",
    ] {
        for (content_type, body) in [
            (
                form,
                &b"nickname=mina&username=mina&password=%d0%c1%d2%cf%cc%d8%d0%c1"[..],
            ),
            (
                form,
                b"nickname=mina&username=mina&password=\xd0\xc1\xd2\xcf\xcc\xd8\xd0\xc1",
            ),
            (
                form,
                b"nickname=mina&username=mina&password=%ef%bf%bd%ef%bf%bd%ef%bf%bd%ef%bf%bd",
            ),
            ("application/json", lone),
            (
                "application/json",
                b"{\"nickname\":\"mina\",\"username\":\"mina\",\"password\":\"\xd0\xc1\xd2\xcf\"}",
            ),
        ] {
            if path == "/auth" {
                // Only an account's password is checked.
                let _ = server.post_form(
                    "/auth/register",
                    &[("nickname", "mina"), ("password", "long enough")],
                );
            }
            let Answer { status, body } = post_bytes(server.web(), path, content_type, body);
            assert_eq!(status, 400, "{path} {content_type}: {body}");
            let said = ["UTF-8", "unicode", "surrogate", "hex escape"];
            assert!(
                said.iter().any(|word| body.contains(word)),
                "{path}: {body}"
            );
        }
    }
    let in_query = "/auth?nickname=mina&password=%d0%c1";
    assert_eq!(post_bytes(server.web(), in_query, form, b"").status, 400);
}

#[test]
fn a_password_is_the_same_however_it_is_composed() {
    let server = Server::start(|config| config["limits"]["auth_attempts"] = 0.into());
    register(&server, "mina", "pa\u{308}ssw\u{f6}rd\u{a0}1");
    for same in ["p\u{e4}ssw\u{f6}rd 1", "p\u{e4}sswo\u{308}rd\u{3000}1"] {
        assert_eq!(log_in(&server, "mina", same).status, 201, "{same}");
    }
    for other in ["passw\u{f6}rd 1", "P\u{e4}ssw\u{f6}rd 1"] {
        assert_eq!(log_in(&server, "mina", other).status, 401, "{other}");
    }
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = Text)]
    password_hash: String,
}

#[test]
fn hashes_of_older_servers_are_accepted_and_replaced() {
    let mut server = Server::start(|config| {
        config["store"] = json!({});
        config["limits"]["auth_attempts"] = 0.into();
    });
    register(&server, "mina", "something else");
    server.kill();
    // As typed, without composition.
    let typed = "pa\u{308}ssword";
    let workers = chat_server::account::PasswordWorkers::new(1);
    let old = workers
        .hash(&chat_server::store::Secret::new(typed))
        .unwrap();
    let path = server.dir().join("data/chat.db");
    let mut database = SqliteConnection::establish(path.to_str().unwrap()).unwrap();
    sql_query("UPDATE account SET password_hash = ?")
        .bind::<Text, _>(old.expose())
        .execute(&mut database)
        .unwrap();
    drop(database);
    server.start_again();
    assert_eq!(log_in(&server, "mina", "p\u{e4}ssword").status, 401);
    assert_eq!(log_in(&server, "mina", typed).status, 201);
    assert_eq!(log_in(&server, "mina", "p\u{e4}ssword").status, 201);
    server.kill();
    let mut database = SqliteConnection::establish(path.to_str().unwrap()).unwrap();
    let row: Row = sql_query("SELECT password_hash FROM account")
        .get_result(&mut database)
        .unwrap();
    assert!(PasswordHash::new(&row.password_hash).is_ok());
    assert_ne!(row.password_hash, old.expose());
}

#[test]
fn an_administrator_gives_another_password() {
    let server = Server::start(|config| config["limits"]["auth_attempts"] = 0.into());
    register(&server, "mina", "forgotten words");
    let path = "/admin/accounts/Mina/password";
    let set = |path: &str, body: Value| server.put(path, body);
    assert_eq!(set(path, json!({"password": "short"})).status, 400);
    assert_eq!(
        set(path, json!({"password": "\u{fffd}".repeat(8)})).status,
        400
    );
    assert_eq!(set(path, json!({})).status, 400);
    let missing = set(
        "/admin/accounts/nobody/password",
        json!({"password": "long enough"}),
    );
    assert_eq!(missing.status, 404);
    let done = set(path, json!({"password": "a bette\u{301}r one"}));
    assert_eq!(
        (done.status, &done.json()["username"]),
        (200, &json!("mina"))
    );
    assert_eq!(log_in(&server, "mina", "forgotten words").status, 401);
    assert_eq!(log_in(&server, "mina", "a bett\u{e9}r one").status, 201);
    let noted = server.log_texts("kind=admin", 1);
    assert_eq!(noted, ["changed the password of mina"]);
    assert!(!server.output().contains("better"));
}

/// A server behind a proxy that names the clients' addresses.
fn behind_a_proxy(change: impl FnOnce(&mut Value)) -> Server {
    Server::start(|config| {
        config["web"]["trusted_proxies"] = json!(["127.0.0.1"]);
        change(config);
    })
}

fn guess(server: &Server, from: &str, nickname: &str, password: &str) -> u16 {
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .build()
        .into();
    let request = agent.post(format!("http://{}/auth", server.web()));
    let request = request.header("X-Forwarded-For", from);
    let form = [("nickname", nickname), ("password", password)];
    Answer::of(request.send_form(form)).status
}

#[test]
fn guesses_lock_out_whoever_makes_them_and_not_the_owner() {
    // Another guess becomes possible half a minute later only.
    let server = behind_a_proxy(|config| config["limits"]["auth_attempts"] = 2.into());
    register(&server, "Mina", "long enough");
    for _ in 0..2 {
        assert_eq!(guess(&server, "198.51.100.1", "mina", "wrong"), 401);
    }
    assert_eq!(guess(&server, "198.51.100.1", "mina", "wrong"), 429);
    // In every spelling of the name, and with the right password as well.
    assert_eq!(guess(&server, "198.51.100.1", "MINA", "wrong"), 429);
    assert_eq!(
        guess(&server, "198.51.100.1", "\u{41c}ina", "long enough"),
        429
    );
    assert_eq!(guess(&server, "198.51.100.2", "mina", "long enough"), 201);
}

#[test]
fn guesses_of_many_addresses_have_an_end_but_for_the_owners() {
    let server = behind_a_proxy(|config| {
        // Another guess becomes possible 20 seconds later only.
        config["limits"] = json!({"auth_attempts": 1, "account_attempts": 3});
    });
    register(&server, "mina", "long enough");
    let home = "203.0.113.7";
    assert_eq!(guess(&server, home, "mina", "long enough"), 201);
    for n in 0..2 {
        let from = format!("198.51.100.{n}");
        assert_eq!(guess(&server, &from, "mina", "wrong"), 401, "{from}");
    }
    assert_eq!(guess(&server, "198.51.100.99", "mina", "long enough"), 429);
    // Guesses from the owner's own address do not lock the owner out at once
    // either.
    for _ in 0..2 {
        assert_eq!(guess(&server, home, "mina", "wrong"), 401);
    }
    assert_eq!(guess(&server, home, "mina", "long enough"), 201);
    // But there is a limit to them.
    assert_eq!(guess(&server, home, "mina", "wrong"), 429);
}
