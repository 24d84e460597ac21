//! What an administrator does to a running server, and what clients see of it.

use std::collections::HashSet;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};

use crate::support::{DEADLINE, LineClient, Server, User, WsClient, wait_until};
use serde_json::{Value, json};

/// Everything the server sends to a client that connects and sends nothing.
fn what_a_stranger_reads(address: SocketAddr) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).expect("words and an end");
    text
}

/// The answer to a request for a path, by a client that accepts these types.
fn what_is_answered(address: SocketAddr, path: &str, accept: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    let request =
        format!("GET {path} HTTP/1.1\r\nHost: x\r\nAccept: {accept}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut text = String::new();
    stream
        .read_to_string(&mut text)
        .expect("an answer and an end");
    text
}

#[test]
fn what_is_not_there_is_a_page_for_browsers_and_json_for_programs() {
    let server = Server::start(|_| {});
    let browser = "text/html,application/xhtml+xml,*/*;q=0.8";
    let page = what_is_answered(server.web(), "/no/<where>", browser);
    assert!(page.starts_with("HTTP/1.1 404 "), "{page}");
    assert!(
        page.contains("<p>There is nothing at /no/&#60;where&#62;"),
        "{page}"
    );
    assert!(page.contains("href=\"../client\""), "{page}");
    for accept in ["*/*", "application/json", "text/html"] {
        let answer = what_is_answered(server.web(), "/no/where", accept);
        assert!(
            answer.contains("\"code\":\"not_found\""),
            "{accept}: {answer}"
        );
    }
    // Answers of the protocol for direct messages stay what they are.
    let answer = what_is_answered(server.web(), "/api/inbox", browser);
    assert!(answer.contains("\"status\":\"fail\""), "{answer}");
}

#[test]
fn a_full_server_refuses_in_the_words_of_the_protocol() {
    let server = Server::start(|config| config["limits"]["connections"] = 1.into());
    let alice = LineClient::enter(&server, "alice");
    // Administrators are admitted all the same.
    assert_eq!(server.get("/healthz").status, 200);
    let answer = what_a_stranger_reads(server.web());
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 503 "), "{answer}");
    assert!(head.contains("\r\nRetry-After: "), "{answer}");
    assert!(head.contains("\r\nConnection: close"), "{answer}");
    let length = format!("\r\nContent-Length: {}\r\n", body.len());
    assert!(head.contains(&length), "{answer}");
    let parsed: Value = serde_json::from_str(body).unwrap();
    assert_eq!(parsed["error"]["code"], "server_full");
    assert!(parsed["error"]["message"].is_string());
    // A browser gets a page, a program what it has always got.
    let browser = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
    let page = what_is_answered(server.web(), "/client", browser);
    assert!(page.starts_with("HTTP/1.1 503 "), "{page}");
    assert!(
        page.contains("\r\nContent-Type: text/html; charset=utf-8\r\n"),
        "{page}"
    );
    assert!(
        page.contains("<p>The server is full. Try again later.</p>"),
        "{page}"
    );
    let program = what_is_answered(server.web(), "/client", "*/*");
    assert!(program.ends_with(body), "{program}");
    let words = what_a_stranger_reads(server.telnet());
    assert!(words.contains("The server is full"), "{words}");
    assert_eq!(words.lines().count(), 1, "{words}");
    assert_eq!(
        WsClient::open(server.web(), "/ws", &[]).err(),
        Some(503),
        "a WebSocket is refused before it is one"
    );
    server.wait_output("web: refused 127.0.0.1");
    drop(alice);
    // The place is free once the server has noticed.
    wait_until("a client may connect", || {
        let mut bob = LineClient::connect(server.telnet());
        bob.next_line()
            .is_some_and(|line| line.starts_with("Welcome"))
    });
    wait_until("the administrator is told of the three", || {
        metrics_if_admitted(&server).is_some_and(|text| {
            let refused = "chat_connections_refused_total ";
            let count = text.lines().find_map(|line| line.strip_prefix(refused));
            count.unwrap().parse::<u64>().unwrap() >= 3
        })
    });
}

/// The metrics, unless the server is full.
fn metrics_if_admitted(server: &Server) -> Option<String> {
    let mut stream = TcpStream::connect(server.rest()?).ok()?;
    let token = server.admin_token();
    let request = format!(
        "GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer {token}\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    answer.starts_with("HTTP/1.1 200 ").then_some(answer)
}

#[test]
fn an_announcement_reaches_everyone_whatever_they_use() {
    let server = Server::start(|_| {});
    let mut telnet = LineClient::enter_channel(&server, "alice", "dev");
    let mut web = WsClient::enter(&server, "bob");
    let mut nameless = LineClient::connect(server.telnet());
    nameless.expect("nickname");
    for (path, text) in [
        ("/admin/announce", "Maintenance at noon."),
        ("/api/message", "The older way."),
    ] {
        let answer = server.post(path, json!({"message": text}));
        assert_eq!(answer.status, 200, "{}", answer.body);
        let answer = answer.json();
        let (delivered, count) = (&answer["delivered_to"], &answer["metadata"]["count"]);
        assert!(*delivered == 3 || *count == 3, "{answer}");
        let line = format!("Public Server Announcement: {text}");
        for user in [&mut telnet as &mut dyn User, &mut web, &mut nameless] {
            user.expect_line(&line, &|seen| seen == line);
        }
    }
    let logged = server.log_texts("kind=announcement", 2);
    assert_eq!(logged, ["The older way.", "Maintenance at noon."]);
}

#[test]
fn an_announcement_steers_no_terminal() {
    let server = Server::start(|_| {});
    let mut alice = LineClient::enter(&server, "alice");
    let answer = server.post("/admin/announce", json!({"message": "red\u{1b}[31m alert"}));
    assert_eq!(answer.status, 200, "{}", answer.body);
    alice.expect("alert");
    assert!(!alice.received().contains(&0x1b));
}

#[test]
fn whoever_is_kicked_reads_why_and_may_come_back() {
    let server = Server::start(|_| {});
    let mut alice = LineClient::enter_channel(&server, "alice", "dev");
    let mut mallory = LineClient::enter_channel(&server, "mallory", "dev");
    alice.settle();
    let answer = server.delete("/admin/users/Mallory?reason=please%20be%20kind");
    assert_eq!(
        (answer.status, &answer.json()["disconnected"]),
        (200, &json!(1))
    );
    let words = mallory.expect_close();
    assert_eq!(words.len(), 1, "{words:?}");
    assert!(words[0].contains("please be kind"), "{words:?}");
    alice.expect("mallory");
    let mut web = WsClient::enter(&server, "bob");
    assert_eq!(server.delete("/admin/users/bob").status, 200);
    let words = web.expect_close();
    assert!(words[0].contains("administrator"), "{words:?}");
    assert!(web.close_code().is_some());
    assert_eq!(server.delete("/admin/users/bob").status, 404);
    LineClient::enter(&server, "mallory");
    LineClient::enter(&server, "bob");
    let users = server.get("/admin/users").json();
    let nicknames = users["users"].as_array().unwrap().iter();
    let nicknames: HashSet<&str> = nicknames.map(|u| u["nickname"].as_str().unwrap()).collect();
    assert!(nicknames.contains("alice"), "{users}");
}

#[test]
fn a_banned_nickname_is_refused_in_every_spelling_even_after_a_restart() {
    let mut server = Server::start(|_| {});
    let mut eve = LineClient::enter(&server, "eve");
    let ban = json!({"nickname": "eve", "reason": "spam"});
    let answer = server.post("/admin/bans", ban);
    assert_eq!(answer.status, 201, "{}", answer.body);
    let id = answer.json()["id"].clone();
    let words = eve.expect_close();
    assert!(words[0].contains("spam"), "{words:?}");
    drop(eve);
    for restarted in [false, true] {
        if restarted {
            server.restart();
        }
        let mut client = LineClient::connect(server.telnet());
        // The last one begins with a Cyrillic letter.
        for spelling in ["eve", "EVE", "\u{435}ve"] {
            client.send(spelling);
            client.expect("banned");
        }
        client.login("somebody");
        client.send("/nick eve");
        client.expect("banned");
    }
    assert_eq!(
        server.get("/admin/bans").json()["bans"][0]["reason"],
        "spam"
    );
    assert_eq!(server.delete(&format!("/admin/bans/{id}")).status, 204);
    LineClient::enter(&server, "eve");
    server.restart();
    LineClient::enter(&server, "eve");
    assert_eq!(server.get("/admin/bans").json(), json!({"bans": []}));
}

#[test]
fn a_banned_address_is_turned_away_even_after_a_restart() {
    let mut server = Server::start(|_| {});
    let mut alice = LineClient::enter(&server, "alice");
    let mut bob = WsClient::enter(&server, "bob");
    let ban = json!({"address": "127.0.0.0/8", "reason": "closed today"});
    let answer = server.post("/admin/bans", ban);
    assert_eq!(answer.status, 201, "{}", answer.body);
    let id = answer.json()["id"].clone();
    for user in [&mut alice as &mut dyn User, &mut bob] {
        let words = user.expect_close();
        assert!(words[0].contains("closed today"), "{words:?}");
    }
    drop((alice, bob));
    for restarted in [false, true] {
        if restarted {
            server.restart();
        }
        let words = what_a_stranger_reads(server.telnet());
        assert!(words.contains("closed today"), "{words}");
        assert!(!words.contains("nickname"), "{words}");
        let mut web = WsClient::open(server.web(), "/ws", &[]).unwrap();
        let words = web.expect_close();
        assert!(words[0].contains("closed today"), "{words:?}");
        // Nor can a client there register accounts or reserve nicknames.
        for path in ["/auth", "/api/register", "/api/auth_token"] {
            let fields = [("nickname", "eve"), ("username", "eve"), ("password", "x")];
            let answer = server.post_form(path, &fields);
            assert_eq!(answer.status, 403, "{path}: {}", answer.body);
            assert!(answer.body.contains("closed today"), "{}", answer.body);
        }
    }
    // A ban keeps clients out of the chat; it does not prevent lifting it.
    assert_eq!(server.delete(&format!("/admin/bans/{id}")).status, 204);
    LineClient::enter(&server, "alice");
}

#[test]
fn a_ban_ends_when_it_was_to_end() {
    let server = Server::start(|_| {});
    let ban = json!({"nickname": "eve", "expires_in_seconds": 1});
    assert_eq!(server.post("/admin/bans", ban).status, 201);
    wait_until("the ban has ended", || {
        server.get("/admin/bans").json() == json!({"bans": []})
    });
    LineClient::enter(&server, "eve");
}

#[test]
fn the_log_has_what_happened() {
    let server = Server::start(|_| {});
    let mut alice = LineClient::enter_channel(&server, "alice", "dev");
    let mut bob = WsClient::enter(&server, "bob");
    bob.send("/join #dev");
    alice.expect("bob");
    alice.send("hello \"everyone\" \u{2603}");
    bob.expect("hello");
    bob.send("/msg @alice psst");
    alice.expect_private("bob", "psst");
    bob.send("/leave");
    alice.expect("bob");
    server.post("/admin/announce", json!({"message": "hear, hear"}));
    alice.send("/quit");
    alice.expect_close();
    drop(alice);

    let one = |parameters: &str| {
        let entries = server.log(parameters, 1);
        assert_eq!(entries.len(), 1, "{parameters}: {entries:?}");
        entries[0].clone()
    };
    let message = one("kind=message");
    assert_eq!(message["nick"], "alice");
    assert_eq!(message["channel"], "dev");
    assert_eq!(message["text"], "hello \"everyone\" \u{2603}");
    assert!(message["id"].is_string());
    let at: jiff::Timestamp = message["at"].as_str().unwrap().parse().unwrap();
    assert!(at <= jiff::Timestamp::now());
    let private = one("kind=private");
    assert_eq!(
        (&private["nick"], &private["to"]),
        (&json!("bob"), &json!("alice"))
    );
    assert_eq!(private["text"], "psst");
    assert_eq!(one("kind=announcement")["text"], "hear, hear");
    assert_eq!(one("kind=leave&nick=bob")["channel"], "dev");
    for nick in ["alice", "bob"] {
        assert_eq!(one(&format!("kind=join&nick={nick}"))["channel"], "dev");
    }
    let close = one("kind=close");
    assert_eq!(
        (&close["nick"], &close["protocol"]),
        (&json!("alice"), &json!("telnet"))
    );
    let opened = server.log("kind=open", 2);
    let protocols = opened
        .iter()
        .map(|entry| entry["protocol"].as_str().unwrap());
    assert_eq!(protocols.collect::<Vec<_>>(), ["websocket", "telnet"]);
    assert!(opened.iter().all(|entry| entry["address"].is_string()));
    assert_eq!(
        server.log_texts("kind=command&nick=alice&pattern=quit%7Cjoin", 2),
        ["quit", "join #dev"]
    );
    assert_eq!(
        server.log_texts("kind=command&nick=bob&pattern=leave%7Cjoin", 2),
        ["leave", "join #dev"]
    );
    // The older path finds the same.
    let found = server.get("/api/message?pattern=every.n").json();
    let line = found["occurrences"][0].as_str().unwrap();
    assert!(line.starts_with(message["at"].as_str().unwrap()), "{line}");
    let text = message["text"].as_str().unwrap();
    let said = format!(" message \t @alice to #dev message={text}");
    assert!(line.ends_with(&said), "{line}");
}

#[test]
fn what_was_logged_is_found_after_a_restart_and_while_logging_is_off() {
    let mut server = Server::start(|_| {});
    let mut alice = LineClient::enter_channel(&server, "alice", "dev");
    alice.send("remember me");
    alice.expect_message("alice", "remember me");
    drop(alice);
    server.reload(|config| config["chat_log"] = json!({"enabled": false}));
    assert!(server.output().contains("at the next start"));
    server.restart();
    let mut alice = LineClient::enter_channel(&server, "alice", "dev");
    alice.send("forget me");
    alice.expect_message("alice", "forget me");
    alice.settle();
    assert_eq!(server.log_texts("kind=message", 1), ["remember me"]);
}

#[test]
fn metrics_tell_what_the_server_does() {
    let server = Server::start(|_| {});
    let mut alice = LineClient::enter_channel(&server, "alice", "dev");
    let mut bob = WsClient::enter(&server, "bob");
    bob.send("/join #dev");
    alice.expect("bob");
    let before = metric(&server, "chat_deliveries_total");
    for _ in 0..10 {
        alice.send("hello");
        bob.expect_message("alice", "hello");
    }
    assert!(metric(&server, "chat_deliveries_total") >= before + 20.0);
    assert_eq!(metric(&server, "chat_messages_total"), 10.0);
    for counter in ["chat_sends_total", "chat_turns_total", "chat_inputs_total"] {
        assert!(metric(&server, counter) >= 10.0, "{counter}");
    }
    assert!(metric(&server, "chat_sent_bytes_total") > 100.0);
    assert_eq!(metric(&server, "chat_users"), 2.0);
    assert_eq!(metric(&server, "chat_channels"), 2.0);
    assert_eq!(metric(&server, "chat_log_entries_dropped_total"), 0.0);
    assert_eq!(metric(&server, "chat_hub_answered"), 1.0);
    let telnet = "chat_connections{protocol=\"telnet\"}";
    assert_eq!(metric(&server, telnet), 1.0);
    assert_eq!(
        metric(&server, "chat_connections{protocol=\"websocket\"}"),
        1.0
    );
    drop(alice);
    bob.expect("alice");
    assert_eq!(metric(&server, telnet), 0.0);
    let opened = "chat_connections_opened_total{protocol=\"telnet\"}";
    assert_eq!(metric(&server, opened), 1.0);
}

/// The current value of a metric.
fn metric(server: &Server, name: &str) -> f64 {
    let text = server.get("/metrics").body;
    let value = text.lines().find_map(|line| {
        let rest = line.strip_prefix(name)?.strip_prefix(' ')?;
        rest.parse().ok()
    });
    value.unwrap_or_else(|| panic!("no {name} in\n{text}"))
}

#[test]
fn an_ipv4_client_of_a_dual_stack_listener_is_listed_as_one() {
    if TcpListener::bind("[::]:0").is_err() {
        return crate::support::not_tested("a listener for IPv4 and IPv6: there is no IPv6 here");
    }
    let server = Server::start(|config| config["listen"]["telnet"] = "[::]:0".into());
    let mut alice = LineClient::connect(([127, 0, 0, 1], server.telnet().port()).into());
    alice.login("alice");
    let users = server.get("/admin/users").json();
    let address = users["users"][0]["address"].as_str().unwrap().to_owned();
    assert!(address.starts_with("127.0.0.1:"), "{address}");
}

/// The web port's answer: head and body.
fn web_answer(server: &Server, method: &str, path: &str) -> (String, String) {
    let mut stream = TcpStream::connect(server.web()).unwrap();
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    let token = server.admin_token();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer {token}\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.to_owned(), body.to_owned())
}

#[test]
fn the_administrators_page_stands_in_the_way_of_no_call() {
    let server = Server::start(|_| {});
    let (head, _) = web_answer(&server, "GET", "/admin");
    assert!(head.starts_with("HTTP/1.1 302 "), "{head}");
    assert!(head.contains("\r\nLocation: admin/"), "{head}");
    let (head, page) = web_answer(&server, "GET", "/admin/");
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
    assert!(head.contains("\r\nContent-Security-Policy: default-src 'self';"));
    assert!(page.contains("src=\"assets/app.js\""), "{page}");
    let (head, _) = web_answer(&server, "GET", "/admin/assets/app.js");
    assert!(head.contains("\r\nContent-Type: text/javascript"), "{head}");

    let (_, api) = web_answer(&server, "GET", "/openapi.json");
    let api: Value = serde_json::from_str(&api).unwrap();
    let mut seen = 0;
    for (path, methods) in api["paths"].as_object().unwrap() {
        if !path.starts_with("/admin") {
            continue;
        }
        let path = ["{nickname}", "{username}", "{name}", "{user}"]
            .into_iter()
            .fold(path.replace("{id}", "7"), |path, name| {
                path.replace(name, "x")
            });
        assert!(!path.contains('{'), "{path} needs an argument");
        for method in methods.as_object().unwrap().keys() {
            let (head, body) = web_answer(&server, &method.to_uppercase(), &path);
            // REST answers in JSON, and would say so if the path did not exist.
            let body: Value = serde_json::from_str(&body)
                .unwrap_or_else(|error| panic!("{method} {path}: {error} in {head}\n{body}"));
            let words = body["error"]["message"].as_str().unwrap_or_default();
            assert!(!words.contains("see /docs"), "{method} {path}: {words}");
            assert!(!head.starts_with("HTTP/1.1 405 "), "{method} {path}");
            seen += 1;
        }
    }
    assert!(seen >= 9, "only {seen} calls");
}

#[test]
fn the_process_shows_in_the_metrics_under_its_usual_names() {
    let server = Server::start(|_| {});
    let text = metrics_if_admitted(&server).unwrap();
    for name in [
        "process_cpu_seconds_total",
        "process_resident_memory_bytes",
        "process_threads",
        "process_open_fds",
        "process_max_fds",
        "process_start_time_seconds",
    ] {
        let mut lines = text.lines();
        let value = lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        let value: f64 = value
            .unwrap_or_else(|| panic!("{name} in {text}"))
            .parse()
            .unwrap();
        assert!(value >= 0.0, "{name} {value}");
    }
}
