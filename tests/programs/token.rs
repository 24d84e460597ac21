//! `chat-server token`: tokens of a server that runs, and of one that does not.

use std::process::Command;

use rustix::process::Signal;
use serde_json::Value;

use crate::shell::{Done, PROGRAM, call, plain, run};
use crate::support::{JsonClient, LineClient, Server, User, free_address};

/// A server whose REST listener is where its configuration says.
fn server() -> Server {
    Server::start(|config| config["listen"]["rest"] = free_address().to_string().into())
}

/// Runs `token` in the folder of a server, with its configuration.
fn token(server: &Server, arguments: &[&str]) -> Done {
    run(&mut command(server, arguments), b"")
}

fn command(server: &Server, arguments: &[&str]) -> Command {
    let mut command = plain(PROGRAM);
    command.arg("token").args(arguments);
    command.current_dir(server.dir());
    command
}

#[test]
fn tokens_of_a_server_that_runs() {
    let server = server();
    let made = token(
        &server,
        &[
            "add",
            "builds",
            "--scope",
            "post:#dev",
            "--scope",
            "read:#dev",
        ],
    );
    let secret = made.ok();
    assert!(
        secret.starts_with("cst_") && secret.lines().count() == 1,
        "{secret}"
    );
    let mut ann = LineClient::enter_channel(&server, "ann", "dev");
    call(&server, secret.trim(), &["say", "-C", "dev", "hello"]).ok();
    ann.expect_message("builds", "hello");

    let more = [
        "add", "other", "--scope", "post:*", "--bot", "robot", "--rate", "7", "--json",
    ];
    let other = token(&server, &[&more[..], &["--expires", "30d"]].concat()).ok();
    let other: Value = serde_json::from_str(&other).unwrap();
    assert_eq!(
        (&other["bot"], &other["rate"]),
        (&"robot".into(), &7.into())
    );
    let table = token(&server, &["list"]).ok();
    let rows: Vec<&str> = table.lines().collect();
    assert_eq!(rows.len(), 3, "{table}");
    assert!(rows[1].contains("post:#dev read:#dev"), "{table}");
    let cells: Vec<&str> = rows[2].split_whitespace().collect();
    assert_eq!(cells[1..4], ["other", "robot", "7"], "{table}");
    assert!(!table.contains(secret.trim()), "{table}");

    let listed: Value = serde_json::from_str(&token(&server, &["list", "--json"]).ok()).unwrap();
    let id = listed[0]["id"].as_str().unwrap();
    assert_eq!(token(&server, &["remove", id]).ok(), "");
    call(&server, secret.trim(), &["say", "-C", "dev", "x"]).failed(4, "nor one of a program");
    token(&server, &["remove", id]).failed(1, "there is none with the id");
    token(&server, &["list", "--offline"]).failed(1, "in use by another chat-server");

    // By address, as from another machine.
    let url = format!("http://{}", server.web());
    let admin = server.dir().join("data/admin-token");
    let mut far = plain(PROGRAM);
    far.args(["token", "list", "--json", "--server", &url, "--token-file"]);
    let listed: Value = serde_json::from_str(&run(far.arg(admin), b"").ok()).unwrap();
    assert_eq!(listed, serde_json::json!([without(&other, "token")]));
}

fn without(object: &Value, field: &str) -> Value {
    let mut object = object.clone();
    object.as_object_mut().unwrap().remove(field);
    object
}

#[test]
fn tokens_of_a_server_that_does_not_run() {
    let mut server = server();
    let before = server.token_for("before", &["post:#dev"]);
    server.signal(Signal::TERM);
    assert!(server.wait_exit().success());
    let secret = token(&server, &["add", "builds", "--scope", "post:#dev"]).ok();
    let again = [
        "add",
        "second",
        "--scope",
        "post:#dev",
        "--bot",
        "builds",
        "--offline",
    ];
    let second = token(&server, &again).ok();
    let listed: Value = serde_json::from_str(&token(&server, &["list", "--json"]).ok()).unwrap();
    let names: Vec<&str> = (listed.as_array().unwrap().iter())
        .map(|row| row["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["before", "builds", "second"]);
    token(&server, &["remove", listed[0]["id"].as_str().unwrap()]).ok();
    token(&server, &["remove", "abc"]).failed(1, "there is none with the id \"abc\"");

    server.start_again();
    let mut ann = LineClient::enter_channel(&server, "ann", "dev");
    for secret in [&secret, &second] {
        call(&server, secret.trim(), &["say", "-C", "dev", "hello"]).ok();
        ann.expect_message("builds", "hello");
    }
    call(&server, &before, &["say", "-C", "dev", "x"]).failed(4, "nor one of a program");
    // What the server lists is what was listed without it.
    let now: Value = serde_json::from_str(&token(&server, &["list", "--json"]).ok()).unwrap();
    for (now, before) in now
        .as_array()
        .unwrap()
        .iter()
        .zip(&listed.as_array().unwrap()[1..])
    {
        assert_eq!(without(now, "used_at"), without(before, "used_at"));
    }
}

#[test]
fn what_cannot_be_a_token_is_refused_by_name() {
    let mut server = server();
    JsonClient::registered(&server, "ann");
    let add = |server: &Server, more: &[&str]| token(server, &[&["add"], more].concat());
    for is_running in [true, false] {
        if !is_running {
            server.signal(Signal::TERM);
            assert!(server.wait_exit().success());
        }
        add(&server, &["ann", "--scope", "post:#dev"]).failed(1, "ann is registered to a person");
        add(&server, &["b", "--scope", "log", "--rate", "0"]).failed(1, "rate: must be from 1");
        add(
            &server,
            &["b", "--scope", "log", "--expires", "2001-01-01T00:00:00Z"],
        )
        .failed(1, "expires_at: must be in the future");
    }
    add(&server, &["b"]).failed(2, "--scope");
    add(&server, &["b", "--scope", "write:#dev"]).failed(2, "there is no scope \"write\"");
    add(&server, &["b", "--scope", "log", "--expires", "soon"]).failed(2, "expected 90m, 12h");
    add(&server, &["a b", "--scope", "log"]).failed(2, "a b");
    let empty = tempfile::tempdir().unwrap();
    let mut elsewhere = plain(PROGRAM);
    elsewhere.args(["token", "list"]).current_dir(&empty);
    let folder = empty.path().canonicalize().unwrap().join("data");
    let words = format!("there is no chat in {}:", folder.display());
    run(&mut elsewhere, b"").failed(1, &words);
    // The folder of the configuration's file changes nothing about that.
    let other = tempfile::tempdir().unwrap();
    let config = other.path().join("config.json");
    std::fs::write(&config, "{}").unwrap();
    let mut named = plain(PROGRAM);
    let config = ["-c".as_ref(), config.as_os_str()];
    named
        .args(config)
        .args(["token", "list"])
        .current_dir(&empty);
    run(&mut named, b"").failed(1, &words);
    // Nothing was made by looking.
    assert_eq!(std::fs::read_dir(&empty).unwrap().count(), 0);
}
