//! Every action of an administrator is recorded; a client without the token is
//! recorded too, and made to wait.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, TcpStream};

use crate::support::{DEADLINE, LineClient, Server, User, texts_of, wait_for};
use rustix::net::{AddressFamily, SocketType, bind, connect, socket};
use serde_json::json;

/// GET with a token from one of this machine's addresses; returns head and
/// body.
fn get_from(source: Ipv4Addr, to: SocketAddr, path: &str, token: &str) -> String {
    let from = SocketAddrV4::new(source, 0);
    let socket = socket(AddressFamily::INET, SocketType::STREAM, None).unwrap();
    bind(&socket, &from).unwrap();
    connect(&socket, &to).unwrap();
    let mut stream = TcpStream::from(socket);
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer {token}\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

fn status(answer: &str) -> &str {
    answer.split(' ').nth(1).unwrap_or_default()
}

#[test]
fn everything_done_is_an_entry_that_says_who_did_what_to_whom() {
    let server = Server::start(|_| {});
    let mut mallory = LineClient::enter(&server, "mallory");
    server.post("/admin/announce", json!({"message": "Soup,\nsoon."}));
    assert_eq!(
        server
            .delete("/admin/users/MALLORY?reason=be%20kind")
            .status,
        200
    );
    mallory.expect_close();
    let ban =
        json!({"nickname": "Eve", "reason": "spam", "expires_at": "2100-01-01T00:00:00.000Z"});
    assert_eq!(server.post("/admin/bans", ban).status, 201);
    let ban = json!({"address": "::ffff:192.0.2.7/120"});
    assert_eq!(server.post("/admin/bans", ban).status, 201);
    assert_eq!(server.delete("/admin/bans/1").status, 204);
    // Refused actions are not recorded, nor are mere queries.
    assert_eq!(server.delete("/admin/users/mallory").status, 404);
    assert_eq!(server.delete("/admin/bans/1").status, 404);
    server.get("/admin/users");

    let entries = server.log("kind=admin", 5);
    let texts: Vec<&str> = entries
        .iter()
        .map(|e| e["text"].as_str().unwrap())
        .collect();
    assert_eq!(
        texts,
        [
            "lifted ban 1 of nickname Eve until 2100-01-01T00:00:00.000Z: spam",
            "made ban 2 of address 192.0.2.0/24 for ever",
            "made ban 1 of nickname Eve until 2100-01-01T00:00:00.000Z: spam",
            "disconnected MALLORY (1 connections): be kind",
            "announced to 1 connections: Soup,\nsoon.",
        ]
    );
    for entry in &entries {
        let address = entry["address"].as_str().unwrap();
        assert!(address.starts_with("127.0.0.1:"), "{entry}");
    }
    // The trail finds the users concerned by name.
    assert_eq!(server.log("kind=admin&nick=eve", 2).len(), 2);
    assert_eq!(server.log("kind=admin&nick=mallory", 1).len(), 1);
}

#[test]
fn reloads_and_a_new_token_are_entries_and_secrets_are_in_none() {
    let server = Server::start(|_| {});
    let old = server.admin_token();
    let (first, second) = ("first-secret-0123456789", "second-secret-0123456789");
    server.reload(|config| {
        config["admin"] = json!({"token": first});
        config["limits"] = json!({"line_bytes": 8192});
    });
    let answer = server.get_as(first, "/admin/log?kind=admin");
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!(server.get_as(&old, "/admin/users").status, 401);
    server.reload(|config| config["admin"] = json!({"token": second}));
    server.hang_up();
    let texts = wait_for("all of it is written", || {
        let answer = server.get_as(second, "/admin/log?kind=admin").json();
        let texts = texts_of(answer["entries"].as_array().unwrap());
        // The newest comes first.
        match texts.first() {
            Some(last) if last.starts_with("reload: no setting has changed") => Ok(texts),
            _ => Err(format!("{texts:#?}")),
        }
    });
    let first_of_all = texts.last().unwrap();
    let start = "reload: the admin token is now another";
    assert!(first_of_all.starts_with(start), "{texts:?}");
    assert!(texts.contains(&"reload: limits.line_bytes: 4096 -> 8192".to_owned()));
    assert!(texts.contains(&"refused: wrong admin token for GET /admin/users".to_owned()));
    let all = texts.join("\n");
    for secret in [&*old, first, second] {
        assert!(!all.contains(secret), "{all}");
    }
}

#[test]
fn whoever_guesses_at_the_token_has_to_wait_and_nobody_else() {
    let server = Server::start(|config| config["limits"] = json!({"auth_attempts": 3}));
    let (rest, token) = (server.address("rest"), server.admin_token());
    let guesser = Ipv4Addr::new(127, 0, 0, 9);
    for path in ["/admin/users", "/metrics", "/api/message"] {
        assert_eq!(status(&get_from(guesser, rest, path, "a-guess")), "401");
    }
    // Now even the right token is refused, on either listener.
    for listener in ["rest", "web"] {
        let to = server.address(listener);
        let answer = get_from(guesser, to, "/admin/users", &token);
        assert_eq!(status(&answer), "429", "{answer}");
        let wait = answer.lines().find_map(|l| l.strip_prefix("Retry-After: "));
        let wait: u64 = wait.expect("how long to wait").parse().unwrap();
        assert!((1..=20).contains(&wait), "{wait}");
    }
    // Calls without a token still work, and so do other clients.
    assert_eq!(status(&get_from(guesser, rest, "/healthz", "")), "200");
    for _ in 0..10 {
        assert_eq!(server.get("/admin/users").status, 200);
    }
    let refused = server.log("kind=admin", 3);
    assert_eq!(
        refused.len(),
        3,
        "guesses that were not looked at are no entries"
    );
    for entry in &refused {
        assert!(entry["address"].as_str().unwrap().starts_with("127.0.0.9:"));
        assert!(!entry.to_string().contains("a-guess"), "{entry}");
    }
    // The limit is that of the configuration in force.
    server.reload(|config| config["limits"] = json!({"auth_attempts": 0}));
    for _ in 0..20 {
        let answer = get_from(guesser, rest, "/admin/users", "a-guess");
        assert_eq!(status(&answer), "401");
    }
    assert_eq!(
        status(&get_from(guesser, rest, "/admin/users", &token)),
        "200"
    );
}
