//! `chat-server say`: what a script says is said once, or the script is told why it is not.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::thread;

use crate::shell::{PROGRAM, call, plain, run, task};
use crate::support::{LineClient, Receiver, Reserved, Server, User, answer};

fn server() -> Server {
    Server::start(|config| config["limits"]["message_rate"] = 0.into())
}

#[test]
fn a_script_says_something_by_arguments_and_by_pipe() {
    let server = server();
    let token = server.token_for("builds", &["post:#dev", "read:#dev"]);
    let mut ann = LineClient::enter_channel(&server, "ann", "dev");
    let quiet = call(
        &server,
        &token,
        &["say", "--channel", "#dev", "build", "512", "ok"],
    )
    .ok();
    assert_eq!(quiet, "");
    ann.expect_message("builds", "build 512 ok");

    let address = server.rest().unwrap();
    let piped = &mut task(address, &token, &["say", "-C", "dev", "--print-id"]);
    let id = run(piped, b"{\"a\": 1}\nsecond line\n").ok();
    ann.expect_message("builds", "{\"a\": 1}");
    ann.expect_message("builds", "second line");

    let reply = [
        "say",
        "-C",
        "dev",
        "--reply-to",
        id.trim(),
        "--notice",
        "--",
        "--well",
    ];
    call(&server, &token, &reply).ok();
    ann.expect("-@builds- --well");
    let page = server
        .get_as(&token, "/api/channels/dev/messages?limit=1")
        .json();
    assert_eq!(page["messages"][0]["reply_to"], id.trim());
    assert_eq!(page["messages"][0]["notice"], true);

    // The longest text, and lines that come one after the other.
    let longest = vec![b'x'; 64 << 10];
    run(&mut task(address, &token, &["say", "-C", "dev"]), &longest).ok();
    let lines = &mut task(address, &token, &["say", "-C", "dev", "--each-line"]);
    run(lines, b"one\r\n\n  \ntwo\n\nthree").ok();
    for line in ["one", "two", "three"] {
        ann.expect_message("builds", line);
    }
}

#[test]
fn a_token_comes_from_a_file_or_a_variable_and_an_address_may_have_a_path() {
    let server = server();
    let token = server.token_for("builds", &["post:#dev"]);
    let file = server.dir().join("token");
    std::fs::write(&file, format!("{token}\n")).unwrap();
    let url = format!("http://{}/", server.web());
    let mut ann = LineClient::enter_channel(&server, "ann", "dev");
    let mut by_options = plain(PROGRAM);
    by_options.args([
        "say",
        "-C",
        "dev",
        "by options",
        "--server",
        &url,
        "--token-file",
    ]);
    run(by_options.arg(&file), b"").ok();
    ann.expect_message("builds", "by options");
    let mut by_variables = plain(PROGRAM);
    by_variables.args(["say", "-C", "dev", "by variables"]);
    by_variables
        .env("CHAT_URL", &url)
        .env("CHAT_TOKEN_FILE", &file);
    run(&mut by_variables, b"").ok();
    ann.expect_message("builds", "by variables");

    let receiver = Receiver::start();
    receiver.will_answer([answer(201, "", r#"{"id":"7-0","at":"x"}"#)]);
    let mut below = plain(PROGRAM);
    below.args(["say", "-C", "d\u{e9}v", "x", "--print-id", "--server"]);
    below.arg(receiver.url("/chat/")).env("CHAT_TOKEN", "cst_x");
    assert_eq!(run(&mut below, b"").ok(), "7-0\n");
    let head = &receiver.expect(1)[0].head;
    let path = "POST /chat/api/channels/d%C3%A9v/messages HTTP/1.1\r\n";
    assert!(head.starts_with(path), "{head}");
}

#[test]
fn what_is_not_said_is_a_clear_line_and_an_exit_code() {
    let server = server();
    let token = server.token_for("builds", &["post:#dev"]);
    let address = server.rest().unwrap();
    let say = |input: &[u8], more: &[&str]| {
        let arguments = [&["say", "-C", "dev"], more].concat();
        run(&mut task(address, &token, &arguments), input)
    };
    say(b"", &[]).failed(1, "nothing to say");
    say(b"\n \x1b\n", &[]).failed(1, "nothing to say");
    say(&vec![b'x'; (64 << 10) + 1], &[]).failed(1, "standard input is longer than 65536 bytes");
    say(b"caf\xe9", &[]).failed(1, "standard input is not UTF-8, from byte 4 on");
    let random = std::fs::read(PROGRAM).unwrap();
    say(&random[..60_000], &[]).failed(1, "standard input is not UTF-8");
    say(b"\xff", &["--each-line"]).failed(1, "line 1 is not UTF-8");
    say(&vec![b'x'; 200_000], &["--each-line"]).failed(1, "line 1 is longer than");
    say(b"", &["x", "--reply-to", "1-0"]).failed(1, "no such message");
    say(b"", &["x", "--reply-to", "soon"]).failed(1, "reply_to");
    // Mistakes in the command line.
    say(b"", &["x", "--retry-for", "0"]).failed(2, "1..=540");
    say(b"", &["x", "--server", "localhost:4001"]).failed(2, "must begin with http://");
    say(b"", &["x", "-c", "config.json"]).failed(2, "a channel is -C");
    say(b"", &["x", "--token-file", "/nonexistent"]).failed(2, "/nonexistent cannot be read");
    call(&server, &token, &["say", "x"]).failed(2, "--channel");
    call(&server, &token, &["say", "-C", "a b", "x"]).failed(2, "a b");
    call(&server, "", &["say", "-C", "dev", "x"]).failed(2, "no token");
    let mut wrong_url = task(address, &token, &["say", "-C", "dev", "x"]);
    run(wrong_url.env("CHAT_URL", "nonsense"), b"").failed(2, "CHAT_URL: must begin with");
    // Tokens.
    call(&server, &token, &["say", "-C", "ops", "x"]).failed(4, "lacks the scope post:#ops");
    call(&server, "cst_wrong", &["say", "-C", "dev", "x"]).failed(4, "nor one of a program");
}

#[test]
fn other_servers_are_recognised() {
    let say = |at: SocketAddr, seconds: &str| {
        let arguments = ["say", "-C", "dev", "x", "--retry-for", seconds];
        run(&mut task(at, "cst_x", &arguments), b"")
    };
    let gone = say(Reserved::new().address, "1");
    assert_eq!(gone.code, Some(3), "{gone:?}");
    assert!(
        gone.err.contains("cannot be reached: connection refused"),
        "{gone:?}"
    );
    assert!(!gone.err.contains("may have been done"), "{gone:?}");

    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let unanswered = say(silent.local_addr().unwrap(), "1");
    assert_eq!(unanswered.code, Some(3), "{unanswered:?}");
    assert!(
        unanswered
            .err
            .contains("no answer in time; it may have been done"),
        "{unanswered:?}"
    );

    let receiver = Receiver::start();
    let html = answer(404, "Content-Type: text/html\r\n", "<html>\u{1b}[2J");
    let redirect = answer(301, "Location: https://elsewhere.example/\r\n", "");
    receiver.will_answer([html, redirect, "nonsense\r\n\r\n".to_owned()]);
    say(receiver.address, "1").failed(1, "not as a chat-server does");
    say(receiver.address, "1").failed(1, "it is at https://elsewhere.example/: name that one");
    say(receiver.address, "1").failed(3, "the answer is not HTTP");
    // The token went to the address it was meant for, and a redirect was not followed.
    assert_eq!(receiver.calls().len(), 3);
}

#[test]
fn who_is_too_fast_waits_as_told_and_says_it_once() {
    let too_fast = |seconds: u32| {
        let field = format!("Retry-After: {seconds}\r\n");
        answer(
            429,
            &field,
            r#"{"error":{"code":"too_fast","message":"too fast\u001b[2J"}}"#,
        )
    };
    let receiver = Receiver::start();
    let done = answer(201, "", r#"{"id":"7-0"}"#);
    receiver.will_answer([too_fast(0), too_fast(0), done]);
    let say = || {
        run(
            &mut task(receiver.address, "cst_x", &["say", "-C", "dev", "x"]),
            b"",
        )
    };
    let said = say();
    let complaint = "chat-server: too fast[2J; trying again\n";
    assert_eq!((said.code, said.err.as_str()), (Some(0), complaint));
    let calls = receiver.calls();
    assert_eq!(calls.len(), 3);
    let keys = calls.iter().map(|call| call.field("Idempotency-Key"));
    let keys: std::collections::BTreeSet<String> = keys.collect();
    assert_eq!(keys.len(), 1, "{keys:?}");
    // It waits no longer than it was given time for.
    receiver.will_answer([too_fast(31)]);
    let refused = say();
    refused.failed(3, "too fast");
    assert!(!refused.err.contains("may have been done"), "{refused:?}");
    assert_eq!(receiver.calls().len(), 4);
}

#[test]
fn a_message_whose_answer_is_lost_is_said_once() {
    let server = server();
    let token = server.token_for("builds", &["post:#dev"]);
    let mut ann = LineClient::enter_channel(&server, "ann", "dev");
    let proxy = losing_answers(server.rest().unwrap(), 2);
    let said = run(
        &mut task(proxy, &token, &["say", "-C", "dev", "--print-id", "once"]),
        b"",
    );
    assert_eq!(said.code, Some(0), "{said:?}");
    assert!(said.err.contains("trying again"), "{said:?}");
    ann.expect_message("builds", "once");
    let token = server.token_for("reader", &["read:#dev"]);
    let page = server.get_as(&token, "/api/channels/dev/messages").json();
    let ids: Vec<&str> = (page["messages"].as_array().unwrap().iter())
        .map(|message| message["id"].as_str().unwrap())
        .collect();
    assert_eq!(ids, [said.out.trim()]);
}

/// A proxy that cuts off its first clients after the server has answered.
fn losing_answers(to: SocketAddr, first: usize) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for (number, client) in listener.incoming().enumerate() {
            let (mut client, mut server) = (client.unwrap(), TcpStream::connect(to).unwrap());
            let (mut from, mut up) = (client.try_clone().unwrap(), server.try_clone().unwrap());
            thread::spawn(move || std::io::copy(&mut from, &mut up));
            let mut chunk = [0; 64 << 10];
            while let Ok(count @ 1..) = server.read(&mut chunk) {
                if number < first || client.write_all(&chunk[..count]).is_err() {
                    break;
                }
            }
            // Both ends, so that the other thread ends.
            let _ = client.shutdown(Shutdown::Both);
        }
    });
    address
}
