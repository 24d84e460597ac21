//! Starting and stopping as the administrator and the clients see it.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};

use crate::support::{LineClient, Server, User, WsClient, wait_until};
use rustix::process::Signal;
use serde_json::json;

#[test]
fn starting_names_every_listener_the_admin_token_and_then_is_ready() {
    let server = Server::start(|_| {});
    let output = server.output();
    for listener in ["telnet", "rest", "web"] {
        let port = server.address(listener).port();
        assert_ne!(port, 0, "{output}");
    }
    assert!(server.admin_token().len() >= 32, "{output}");
    assert!(
        !output.contains(&server.admin_token()),
        "the token itself is secret"
    );
    LineClient::enter(&server, "alice");
}

#[test]
fn a_port_in_use_is_named_with_how_to_change_it() {
    for listener in ["telnet", "rest", "web", "tcp", "ws", "irc"] {
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = taken.local_addr().unwrap().to_string();
        let mut server = Server::spawn(|config| {
            config["listen"][listener] = address.as_str().into();
        });
        let status = server.wait_exit();
        let output = server.output();
        assert!(status.code().is_some_and(|code| code != 0), "{output}");
        assert!(output.contains(&address), "{output}");
        assert!(output.contains(&format!("listen.{listener}")), "{output}");
        assert!(!output.lines().any(|line| line == "ready"), "{output}");
        assert!(!output.contains("panicked"), "{output}");
    }
}

#[test]
fn everyone_is_told_when_the_server_is_stopped() {
    for signal in [Signal::TERM, Signal::INT] {
        let mut server = Server::start(|_| {});
        let mut alice = LineClient::enter_channel(&server, "alice", "dev");
        let mut bob = LineClient::enter_channel(&server, "bob", "dev");
        let mut nameless = LineClient::connect(server.telnet());
        nameless.expect("nickname");
        alice.settle();
        server.signal(signal);
        for client in [&mut alice, &mut bob, &mut nameless] {
            let words = client.expect_close();
            assert_eq!(words.len(), 1, "{words:?}");
            assert!(words[0].contains("shutting down"), "{words:?}");
        }
        drop((alice, bob, nameless));
        let status = server.wait_exit();
        assert!(status.success(), "{status}\n{}", server.output());
    }
}

#[test]
fn web_sockets_are_closed_properly_when_the_server_is_stopped() {
    let mut server = Server::start(|_| {});
    let mut alice = WsClient::enter(&server, "alice");
    server.signal(Signal::TERM);
    let words = alice.expect_close();
    assert!(words[0].contains("shutting down"), "{words:?}");
    assert_eq!(alice.close_code(), Some(1001));
    drop(alice);
    assert!(server.wait_exit().success(), "{}", server.output());
}

#[test]
fn what_was_said_before_the_stop_is_delivered() {
    let mut server = Server::start(|config| config["limits"]["message_rate"] = 0.into());
    let mut alice = LineClient::enter_channel(&server, "alice", "dev");
    let mut bob = LineClient::enter_channel(&server, "bob", "dev");
    alice.settle();
    alice.send_bytes("word\n".repeat(1000).as_bytes());
    alice.send("the end");
    alice.expect_message("alice", "the end");
    server.signal(Signal::TERM);
    let words = bob.expect_close();
    let heard = words.iter().filter(|line| line.ends_with("@alice: word"));
    assert_eq!(heard.count(), 1000);
    drop((alice, bob));
    assert!(server.wait_exit().success(), "{}", server.output());
}

#[test]
fn who_does_not_hang_up_cannot_keep_the_server_from_stopping() {
    let mut server = Server::start(|config| config["shutdown_seconds"] = 1.into());
    let mut alice = LineClient::enter(&server, "alice");
    server.signal(Signal::TERM);
    alice.expect("shutting down");
    // Alice keeps the connection open.
    let status = server.wait_exit();
    assert!(status.success(), "{status}\n{}", server.output());
}

#[test]
fn while_it_drains_it_is_not_ready_and_serves_all_the_same() {
    let mut server = Server::start(|config| config["drain_seconds"] = 3600.into());
    let mut alice = LineClient::enter_channel(&server, "alice", "dev");
    assert_eq!(server.get("/readyz").status, 200);
    server.signal(Signal::TERM);
    wait_until("it is not ready", || server.get("/readyz").status == 503);
    let ready = server.get("/readyz").json();
    assert_eq!(ready["reasons"]["stopping"], "the server is being stopped");
    assert_eq!(server.get("/healthz").status, 200);
    assert_eq!(server.get("/api/nodes/best").status, 503);
    let mut bob = LineClient::enter_channel(&server, "bob", "dev");
    bob.send("still here");
    alice.expect_message("bob", "still here");
    // A second signal ends the server at once.
    server.signal(Signal::TERM);
    assert_eq!(server.wait_exit().code(), Some(130));
}

#[test]
fn after_it_has_drained_it_ends_in_order() {
    let mut server = Server::start(|config| config["drain_seconds"] = 1.into());
    let mut alice = LineClient::enter(&server, "alice");
    server.signal(Signal::TERM);
    let words = alice.expect_close();
    assert!(words.iter().any(|line| line.contains("shutting down")));
    drop(alice);
    assert!(server.wait_exit().success(), "{}", server.output());
}

#[test]
fn a_second_signal_ends_it_at_once() {
    let mut server = Server::start(|config| {
        config["shutdown_seconds"] = 3600.into();
        config["limits"]["message_rate"] = 0.into();
        config["limits"]["backlog_bytes"] = (1 << 30).into();
    });
    // More than the kernel buffers waits for a client that does not read: the
    // server would go on trying for an hour.
    let mut alice = LineClient::enter_channel(&server, "alice", "dev");
    let _sleepy = LineClient::enter_channel(&server, "sleepy", "dev");
    let line = "long ".repeat(800);
    for _ in 0..4000 {
        alice.send(&line);
        alice.expect("@alice: ");
    }
    server.signal(Signal::TERM);
    alice.expect("shutting down");
    server.signal(Signal::TERM);
    let status = server.wait_exit();
    assert!(!status.success(), "not all was sent: {status}");
}

#[test]
fn a_hang_up_signal_puts_the_changed_configuration_in_force() {
    let server = Server::start(|config| {
        config["greeting"] = "Before.".into();
        config["limits"]["line_bytes"] = 100.into();
    });
    let mut alice = LineClient::enter_channel(&server, "alice", "dev");
    let mut early = LineClient::connect(server.telnet());
    early.expect_next("Before.");
    let long = "x".repeat(150);
    alice.send(&long);
    alice.expect("100 bytes");
    server.reload(|config| {
        config["greeting"] = "After.".into();
        config["limits"]["line_bytes"] = 200.into();
        config["shutdown_seconds"] = 7.into();
    });
    for change in [
        r#"greeting: "Before." -> "After.""#,
        "limits.line_bytes: 100 -> 200",
        "shutdown_seconds: 10 -> 7 (at the next start)",
        "reloaded: 3 settings have changed (1 at the next start)",
    ] {
        let output = server.output();
        assert!(output.contains(change), "{change}\n{output}");
    }
    let mut late = LineClient::connect(server.telnet());
    late.expect_next("After.");
    late.login("late");
    late.send("/join #dev");
    late.settle();
    late.send(&long);
    // No client was disconnected by it; each has the limits of when it
    // connected.
    alice.expect_message("late", &long);
    alice.send(&long);
    alice.expect("100 bytes");
    // Announcements may be longer as well.
    let announced = server.post("/admin/announce", json!({"message": long}));
    assert_eq!(announced.status, 200, "{}", announced.body);
    // A setting that waits for a restart still counts as a change; one in force
    // does not.
    server.hang_up();
    let output = server.output();
    assert!(
        output.contains("reloaded: 1 setting has changed (1 at the next start)"),
        "{output}"
    );
}

#[test]
fn a_hang_up_signal_with_a_broken_configuration_changes_nothing() {
    let server = Server::start(|config| config["greeting"] = "Before.".into());
    server.reload(|config| {
        config["greeting"] = "After.".into();
        config["limits"]["line_bytes"] = 7.into();
        config["limits"]["colour"] = "red".into();
    });
    let output = server.output();
    for words in ["limits.line_bytes", "limits.colour", "not reloaded"] {
        assert!(output.contains(words), "{words}\n{output}");
    }
    let mut alice = LineClient::connect(server.telnet());
    alice.expect_next("Before.");
    // Once corrected, the file is accepted.
    server.reload(|config| {
        config["limits"] = json!({});
    });
    let mut bob = LineClient::connect(server.telnet());
    bob.expect_next("After.");
}

#[test]
fn a_hang_up_signal_decides_whether_private_messages_are_logged() {
    let server = Server::start(|_| {});
    let mut alice = LineClient::enter(&server, "alice");
    let mut say = |text: &str| {
        alice.send(&format!("/msg @alice {text}"));
        alice.expect_private("alice", text);
        // What is delivered is logged before the next command is carried out.
        alice.settle();
    };
    say("first");
    server.reload(|config| config["chat_log"]["private_messages"] = false.into());
    say("second");
    server.reload(|config| config["chat_log"]["private_messages"] = true.into());
    say("third");
    let logged = server.log_texts("kind=private", 2);
    assert_eq!(logged, ["third", "first"]);
}

#[test]
fn after_a_hang_up_signal_a_chat_log_moved_away_is_left_alone() {
    let server = Server::start(|_| {});
    let mut alice = LineClient::enter_channel(&server, "alice", "dev");
    let folder = server.dir().join("data/chatlog");
    let (current, moved) = (folder.join("chat.log"), folder.join("moved"));
    let holds = |path: &std::path::Path, text: &str| {
        std::fs::read_to_string(path).is_ok_and(|content| content.contains(text))
    };
    alice.send("before the move");
    wait_until("the message is logged", || {
        holds(&current, "before the move")
    });
    std::fs::rename(&current, &moved).unwrap();
    // Even with an invalid configuration the log is opened anew.
    std::fs::write(server.dir().join("config.json"), "{").unwrap();
    server.hang_up();
    alice.send("after the move");
    wait_until("the new file has it", || holds(&current, "after the move"));
    assert!(!holds(&current, "before the move"));
    assert!(!holds(&moved, "after the move"));
}

#[test]
fn the_admin_token_is_reloaded_from_its_file() {
    let server = Server::start(|_| {});
    assert_eq!(server.get("/admin/users").status, 200);
    let path = server.dir().join("data/admin-token");
    let before = server.admin_token();
    std::fs::write(&path, "another-token-0123456789\n").unwrap();
    server.hang_up();
    assert_eq!(server.get("/admin/users").status, 200);
    assert_eq!(server.get_as(&before, "/admin/users").status, 401);
    // A token in the configuration takes precedence; without it the file's
    // applies again.
    server.reload(|config| config["admin"] = json!({"token": "configured-0123456789"}));
    assert_eq!(
        server
            .get_as("configured-0123456789", "/admin/users")
            .status,
        200
    );
    assert_eq!(server.get("/admin/users").status, 401);
    server.reload(|config| config["admin"] = json!({}));
    assert_eq!(server.get("/admin/users").status, 200);
    let output = server.output();
    assert!(!output.contains("0123456789"), "{output}");
    assert!(output.contains("admin.token"), "{output}");
}

#[test]
fn an_admin_token_in_the_environment_is_never_printed() {
    const TOKEN: &str = "only-in-the-environment-42";
    let mut server = Server::spawn_with(&[("CHAT_SERVER_ADMIN_TOKEN", TOKEN)], |config| {
        config["log_level"] = "trace".into();
    });
    server.wait_ready();
    assert_eq!(server.get_as(TOKEN, "/admin/users").status, 200);
    assert_eq!(server.get_as("wrong-token-42", "/admin/users").status, 401);
    server.hang_up();
    assert_eq!(server.get_as(TOKEN, "/admin/users").status, 200);
    server.signal(Signal::TERM);
    server.wait_exit();
    let output = server.output();
    assert!(output.contains("admin token: as configured"), "{output}");
    for secret in [TOKEN, "wrong-token-42"] {
        assert!(!output.contains(secret), "{output}");
    }
}

#[test]
fn connections_that_ask_for_nothing_do_not_hold_up_the_stop() {
    let mut server = Server::start(|config| {
        config["limits"]["http_seconds"] = 3600.into();
        config["shutdown_seconds"] = 3600.into();
    });
    // Browsers open connections in advance, and keep those they have used.
    let silent = TcpStream::connect(server.web()).unwrap();
    let mut used = TcpStream::connect(server.web()).unwrap();
    used.write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        .unwrap();
    let mut start = [0; 12];
    used.read_exact(&mut start).unwrap();
    assert_eq!(&start, b"HTTP/1.1 200");
    server.signal(Signal::TERM);
    assert!(server.wait_exit().success(), "{}", server.output());
    drop((silent, used));
}

#[test]
fn threads_take_turns_unless_somebody_has_made_the_program_nice() {
    // Fields of proc_pid_stat(5), counted from behind the name in parentheses.
    const NICE: usize = 16;
    const POLICY: usize = 38;
    const SCHED_BATCH: i64 = 3;
    let server = Server::start(|_| {});
    let alice = LineClient::enter(&server, "alice");
    let folder = format!("/proc/{}/task", server.pid());
    let mut names = Vec::new();
    for thread in std::fs::read_dir(folder).unwrap() {
        // A thread may end while the others are read.
        let Ok(stat) = std::fs::read_to_string(thread.unwrap().path().join("stat")) else {
            continue;
        };
        let (name, fields) = stat.rsplit_once(") ").unwrap();
        let field = |n: usize| -> i64 { fields.split(' ').nth(n).unwrap().parse().unwrap() };
        let ours = rustix::process::getpriority_process(None).unwrap();
        assert_eq!(field(NICE), i64::from(ours), "{name}");
        // The threads that write the program's output start before the program
        // knows that it is a server.
        let is_output = ["(stdout", "(stderr"].iter().any(|it| name.ends_with(it));
        let batch = ours == 0 && !is_output;
        let expected = if batch { SCHED_BATCH } else { 0 };
        assert_eq!(field(POLICY), expected, "{name}");
        names.push(name.to_owned());
    }
    drop(alice);
    assert!(names.iter().any(|name| name.ends_with("(hub")), "{names:?}");
}
