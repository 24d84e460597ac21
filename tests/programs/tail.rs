//! `chat-server tail`: what is said comes once and in order, whatever becomes of the server, and a
//! pipeline ends when it should.

use std::process::Stdio;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use crate::shell::{Running, call, plain, run, task};
use crate::support::{
    JsonClient, LineClient, Receiver, Reserved, Server, User, answer, free_address,
};

fn server() -> Server {
    Server::start(|config| config["limits"]["message_rate"] = 0.into())
}

/// Says something in #dev, and waits until it is stored.
fn say(client: &mut JsonClient, body: &str) -> String {
    client.send("message", json!({ "room": "dev", "body": body }));
    loop {
        let frame = client.expect("message");
        if frame["body"] == body {
            return frame["id"].as_str().unwrap().to_owned();
        }
    }
}

fn ann(server: &Server) -> JsonClient {
    let mut ann = JsonClient::enter(server, "ann");
    ann.send("join", json!({ "room": "dev" }));
    ann.expect("joined");
    ann
}

/// What a line says after its time.
fn timeless(line: &str) -> &str {
    let (time, rest) = line.split_once(' ').unwrap();
    let parts: Vec<&str> = time.split(':').collect();
    let is_time = parts.len() == 3 && parts.iter().all(|part| part.len() == 2);
    assert!(is_time, "{line}");
    rest
}

#[test]
fn what_happens_is_a_line_each() {
    let server = server();
    let mut ann = ann(&server);
    let first = say(&mut ann, "before");
    let token = server.token_for("watcher", &["read:#dev", "read:#ops"]);
    let mut bob = LineClient::enter_channel(&server, "bob", "ops");
    let arguments = [
        "tail",
        "-C",
        "#dev",
        "--channel",
        "ops",
        "--last",
        "1",
        "--count",
        "4",
    ];
    let mut tail = Running::start(&mut task(server.rest().unwrap(), &token, &arguments));
    let mut line = || timeless(&tail.line().unwrap()).to_owned();
    assert_eq!(line(), "#dev @ann: before");
    bob.send("from bob");
    assert_eq!(line(), "#ops @bob: from bob");
    ann.send("edit", json!({ "id": first, "body": "after" }));
    assert_eq!(line(), "#dev * @ann edited a message: after");
    ann.send("delete", json!({ "id": first }));
    assert_eq!(line(), "#dev * @ann deleted a message");
    say(&mut ann, "two\nlines");
    assert_eq!(line(), "#dev @ann: two \u{23ce} lines");
    bob.send("/topic tea");
    assert_eq!(line(), "#ops * @bob set the topic: tea");
    bob.send("/me leaves");
    assert_eq!(line(), "#ops * @bob leaves");
    // That was the fourth message.
    assert_eq!(tail.rest(), (String::new(), Some(0)));
}

#[test]
fn json_comes_as_it_is_and_its_cursor_leads_on() {
    let server = server();
    let mut ann = ann(&server);
    say(&mut ann, "one");
    say(&mut ann, "two");
    let token = server.token_for("watcher", &["read:#dev"]);
    let arguments = ["tail", "-C", "dev", "--json", "--last", "2", "--count", "1"];
    let printed = call(&server, &token, &arguments).ok();
    let events: Vec<Value> = (printed.lines())
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(events[0]["event"], "open");
    assert_eq!(events[1]["text"], "one");
    assert_eq!(events.len(), 2);
    let cursor = events[1]["cursor"].as_str().unwrap();
    let after = ["tail", "-C", "dev", "--after", cursor, "--count", "1"];
    let printed = call(&server, &token, &after).ok();
    assert_eq!(timeless(printed.trim_end()), "#dev @ann: two");
}

#[test]
fn tail_goes_on_over_kills_without_gap_or_double() {
    let mut server = Server::start(|config| {
        config["listen"]["rest"] = free_address().to_string().into();
        config["limits"]["message_rate"] = 0.into();
    });
    let token = server.token_for("watcher", &["read:#dev"]);
    let mut writer = ann(&server);
    say(&mut writer, "first");
    let arguments = ["tail", "-C", "dev", "--last", "1"];
    let mut command = task(server.rest().unwrap(), &token, &arguments);
    let mut tail = Running::start(command.stderr(Stdio::piped()));
    let mut seen = vec![timeless(&tail.line().unwrap()).to_owned()];
    for round in 0..3 {
        for number in 0..20 {
            say(&mut writer, &format!("{round} {number}"));
        }
        // Of this one nobody knows whether it is stored.
        writer.send(
            "message",
            json!({ "room": "dev", "body": format!("{round} last") }),
        );
        server.kill();
        server.start_again();
        writer = ann(&server);
    }
    say(&mut writer, "the end");
    while !seen.last().unwrap().ends_with("the end") {
        seen.push(timeless(&tail.line().expect("the end")).to_owned());
    }
    let page = server
        .get_as(&token, "/api/channels/dev/messages?limit=500")
        .json();
    let stored: Vec<String> = (page["messages"].as_array().unwrap().iter())
        .map(|message| format!("#dev @ann: {}", message["text"].as_str().unwrap()))
        .collect();
    assert!(stored.len() >= 62, "{stored:?}");
    assert_eq!(seen, stored);
}

#[test]
fn a_pipeline_ends_when_nobody_reads_any_more() {
    let server = server();
    let mut ann = ann(&server);
    say(&mut ann, "one");
    say(&mut ann, "two");
    let token = server.token_for("watcher", &["read:#dev"]);
    let pipe = |words: &str| {
        let mut bash = plain("bash");
        bash.args([
            "-c",
            &format!("set -o pipefail; {words}"),
            crate::shell::PROGRAM,
        ]);
        bash.env("CHAT_URL", format!("http://{}", server.rest().unwrap()));
        bash.env("CHAT_TOKEN", &token);
        run(&mut bash, b"").ok()
    };
    assert!(pipe("\"$0\" tail -C dev --last 2 --count 1 | cat").ends_with("@ann: one\n"));
    // Nothing is said after the reader has gone.
    assert!(pipe("\"$0\" tail -C dev --last 2 | head -n 1").ends_with("@ann: one\n"));
    // What goes to a file ends, too.
    let file = server.dir().join("out");
    pipe(&format!(
        "\"$0\" tail -C dev --last 2 --count 2 > {}",
        file.display()
    ));
    assert_eq!(std::fs::read_to_string(file).unwrap().lines().count(), 2);
}

#[test]
fn it_ends_in_time_and_when_interrupted() {
    let server = server();
    let token = server.token_for("watcher", &["read:#dev"]);
    let mut ann = ann(&server);
    let lasts = ["tail", "-C", "dev", "--for", "1"];
    assert_eq!(call(&server, &token, &lasts).ok(), "");
    let waits = ["tail", "-C", "dev", "--for", "1", "--count", "1"];
    let done = call(&server, &token, &waits);
    assert_eq!((done.code, done.err.as_str()), (Some(1), ""), "{done:?}");

    let arguments = ["tail", "-C", "dev", "--json"];
    let mut tail = Running::start(&mut task(server.rest().unwrap(), &token, &arguments));
    tail.expect("caught_up");
    say(&mut ann, "whole");
    tail.expect("whole");
    kill_process(Pid::from_child(&tail.child), Signal::INT).unwrap();
    assert_eq!(tail.rest(), (String::new(), Some(130)));
}

#[test]
fn what_cannot_be_followed_is_said_and_an_exit_code() {
    let server = server();
    let (id, token) = server.new_token(json!({"name": "watcher", "scopes": ["read:#dev"]}));
    let _ann = ann(&server);
    call(&server, "cst_wrong", &["tail", "-C", "dev"]).failed(4, "nor one of a program");
    call(&server, &token, &["tail", "-C", "ops"]).failed(4, "lacks the scope read:#ops");
    let all = server.token_for("all", &["read:*"]);
    call(&server, &all, &["tail", "-C", "nowhere"]).failed(1, "nowhere");
    call(&server, &token, &["tail", "-C", "dev", "--last", "500"]).failed(2, "0 to 499");
    call(&server, &token, &["tail", "-C", "dev", "--after", "x"]).failed(1, "a cursor looks like");
    let many: Vec<String> = (0..51).map(|n| format!("-Cc{n}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let many = [&["tail"], &many[..]].concat();
    call(&server, &token, &many).failed(2, "more than 50 channels");
    let gone = Reserved::new().address;
    run(&mut task(gone, &token, &["tail", "-C", "dev"]), b"").failed(3, "connection refused");
    // A stream that ends because its token is removed.
    let mut command = task(
        server.rest().unwrap(),
        &token,
        &["tail", "-C", "dev", "--json"],
    );
    let mut tail = Running::start(command.stderr(Stdio::piped()));
    tail.expect("caught_up");
    assert_eq!(server.delete(&format!("/admin/tokens/{id}")).status, 204);
    assert_eq!(tail.rest().1, Some(4));
}

#[test]
fn a_bot_that_is_put_out_of_all_channels_has_nothing_to_wait_for() {
    let server = server();
    let token = server.token_for("watcher", &["read:#dev"]);
    let _ann = ann(&server);
    let mut command = task(
        server.rest().unwrap(),
        &token,
        &["tail", "-C", "dev", "--json"],
    );
    let mut tail = Running::start(command.stderr(Stdio::piped()));
    tail.expect("caught_up");
    let told = server.delete("/admin/channels/dev/members/watcher");
    assert_eq!(told.status, 204, "{}", told.body);
    tail.expect("removed");
    assert_eq!(tail.rest().1, Some(1));
}

#[test]
fn nothing_that_a_server_sends_controls_the_terminal() {
    let stream = |body: &str| answer(200, "Content-Type: application/x-ndjson\r\n", body);
    let message = "{\"event\":\"message\",\"channel\":\"d\\u001b[2J\",\"at\":\"2030-01-31T12:00:00Z\",\
         \"author\":\"a\\u009b\",\"text\":\"x\\u001b]0;y\\u0007\",\"cursor\":\"dev:1-0\"}\n";
    let receiver = Receiver::start();
    let tail = |more: &[&str]| {
        let arguments = [&["tail", "-C", "dev", "--count", "1"], more].concat();
        run(&mut task(receiver.address, "cst_x", &arguments), b"").ok()
    };
    receiver.will_answer([stream(message)]);
    let shown = tail(&[]);
    assert_eq!(timeless(shown.trim_end()), "#d[2J @a: x]0;y");
    receiver.will_answer([stream(&message.replace("\\u009b", "\u{9b}"))]);
    let shown = tail(&["--json"]);
    assert!(!shown.trim_end().chars().any(char::is_control), "{shown:?}");
    receiver.will_answer([stream("nonsense\n")]);
    let broken = run(
        &mut task(receiver.address, "cst_x", &["tail", "-C", "dev"]),
        b"",
    );
    broken.failed(1, "not as a chat-server does");
}
