//! `chat-server account`: accounts of a server that runs, and of one that does not.

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::shell::{Done, PROGRAM, plain, run};
use crate::support::{JsonClient, Server, free_address, wait_until};

/// A server whose REST listener is where its configuration says, with these accounts.
fn server(accounts: &[&str]) -> Server {
    let server =
        Server::start(|config| config["listen"]["rest"] = free_address().to_string().into());
    for nickname in accounts {
        JsonClient::registered(&server, nickname);
    }
    server
}

fn stop(server: &mut Server) {
    server.signal(Signal::TERM);
    assert!(server.wait_exit().success());
}

/// Runs `account` in the folder of a server, with its configuration.
fn account(server: &Server, arguments: &[&str]) -> Done {
    let mut command = plain(PROGRAM);
    command.arg("account").args(arguments);
    run(command.current_dir(server.dir()), b"")
}

/// The accounts with this of them, as listed.
fn listed(server: &Server, more: &[&str], field: &str) -> Vec<Value> {
    let out = account(server, &[&["list", "--json"], more].concat()).ok();
    let rows: Vec<Value> = serde_json::from_str(&out).unwrap();
    rows.into_iter().map(|row| row[field].clone()).collect()
}

#[test]
fn accounts_are_listed_whether_the_server_runs_or_not() {
    let mut server = server(&["ann", "Anton", "bob", "mina"]);
    for is_running in [true, false] {
        if !is_running {
            stop(&mut server);
        }
        assert_eq!(
            listed(&server, &[], "username"),
            ["ann", "Anton", "bob", "mina"]
        );
        assert_eq!(
            listed(&server, &["--prefix", "AN"], "username"),
            ["ann", "Anton"]
        );
        assert_eq!(
            listed(&server, &["--after", "Anton"], "username"),
            ["bob", "mina"]
        );
        assert_eq!(listed(&server, &["--prefix", "zoe"], "username"), [""; 0]);
        assert_eq!(listed(&server, &["--prefix", "bob"], "state"), ["active"]);
        let table = account(&server, &["list"]).ok();
        let rows: Vec<&str> = table.lines().collect();
        assert!(
            rows[0].starts_with("NAME   STATE   ROLE  ONLINE  REGISTERED"),
            "{table}"
        );
        assert_eq!(rows.len(), 5, "{table}");
        let cells: Vec<&str> = rows[2].split_whitespace().collect();
        assert_eq!(cells[..4], ["Anton", "active", "-", "no"], "{table}");

        let some = account(&server, &["list", "--limit", "2"]);
        assert_eq!((some.code, some.out.lines().count()), (Some(0), 3));
        assert!(
            some.err
                .contains("there are more: list them with --after Anton"),
            "{some:?}"
        );
        account(&server, &["list", "--limit", "0"]).failed(2, "--limit");
        account(&server, &["list", "--prefix", "a b"]).failed(2, "a b");
    }
}

#[test]
fn a_role_is_given_whether_the_server_runs_or_not() {
    let mut server = server(&["mina"]);
    for is_running in [true, false] {
        if !is_running {
            stop(&mut server);
        }
        for (word, role) in [
            ("moderator", json!("moderator")),
            ("administrator", json!("administrator")),
            ("none", Value::Null),
        ] {
            assert_eq!(account(&server, &["role", "MINA", word]).ok(), "");
            assert_eq!(listed(&server, &[], "role"), [role]);
        }
        account(&server, &["role", "mina", "king"]).failed(2, "king");
        account(&server, &["role", "zoe", "moderator"]).failed(1, "there is no account called zoe");
    }
}

/// Sets a new password with a link, and returns the status of the answer.
fn use_link(server: &Server, link: &str, password: &str) -> u16 {
    let (_, secret) = link.trim().split_once("/reset#").unwrap();
    let form = [("password", password)];
    server.post_form_as(secret, "/auth/reset", &form).status
}

#[test]
fn a_link_sets_a_new_password_once() {
    let mut server = server(&["mina"]);
    let from = account(&server, &["reset", "MINA"]).ok();
    assert!(
        from.starts_with("/reset#") && from.lines().count() == 1,
        "{from}"
    );
    let link = account(
        &server,
        &["reset", "mina", "--page", "https://chat.example.org/"],
    )
    .ok();
    assert!(
        link.starts_with("https://chat.example.org/reset#"),
        "{link}"
    );
    // The second has replaced the first.
    assert_eq!(use_link(&server, &from, "a newer password"), 401);
    assert_eq!(use_link(&server, &link, "a newer password"), 200);
    assert_eq!(use_link(&server, &link, "another password"), 401);
    account(&server, &["reset", "zoe"]).failed(1, "there is no account called zoe");

    // By address, as from another machine: the link leads there.
    let url = format!("http://{}", server.web());
    let admin = server.dir().join("data/admin-token");
    let mut far = plain(PROGRAM);
    far.args([
        "account",
        "reset",
        "mina",
        "--json",
        "--server",
        &url,
        "--token-file",
    ]);
    let made: Value = serde_json::from_str(&run(far.arg(&admin), b"").ok()).unwrap();
    assert_eq!(made["username"], "mina");
    assert!(
        made["link"]
            .as_str()
            .unwrap()
            .starts_with(&format!("{url}/reset#")),
        "{made}"
    );
    std::fs::write(server.dir().join("wrong"), "not-the-token").unwrap();
    let mut wrong = plain(PROGRAM);
    wrong.args(["account", "list", "--server", &url, "--token-file", "wrong"]);
    let wrong = run(wrong.current_dir(server.dir()), b"");
    assert_eq!(wrong.code, Some(4), "{wrong:?}");

    server.token_for("builds", &["post:*"]);
    let words = "builds is a program: it has tokens and no password";
    account(&server, &["reset", "builds"]).failed(1, words);

    stop(&mut server);
    account(&server, &["reset", "builds", "--offline"]).failed(1, words);
    let link = account(&server, &["reset", "mina", "--offline"]).ok();
    account(&server, &["reset", "zoe"]).failed(1, "there is no account called zoe");
    server.start_again();
    account(&server, &["list", "--offline"]).failed(1, "in use by another chat-server");
    assert_eq!(use_link(&server, &link, "the newest password"), 200);
}

#[test]
fn accounts_are_deleted() {
    let mut server = server(&["ann", "bob", "cid", "dora"]);
    let founder = json!({ "founder": "dora" });
    let given = server.put("/admin/channels/attic/registration", founder);
    assert!(given.status < 300, "{}", given.body);

    assert_eq!(account(&server, &["delete", "Ann"]).ok(), "");
    account(&server, &["delete", "ann"]).failed(1, "there is no account called ann");
    let erased = account(&server, &["delete", "bob", "--messages", "erase"]).ok();
    assert!(
        erased.contains("GET /admin/accounts/bob/erasing"),
        "{erased}"
    );
    wait_until("all of bob's is erased", || {
        server.get("/admin/accounts/bob/erasing").json()["state"] == "erased"
    });
    account(&server, &["delete", "cid", "--messages", "burn"]).failed(2, "burn");

    stop(&mut server);
    let erase = ["delete", "cid", "--messages", "erase"];
    account(&server, &erase).failed(1, "messages are erased by a server that runs");
    account(&server, &["delete", "dora"]).failed(1, "dora has registered the channel attic");
    assert_eq!(account(&server, &["delete", "cid"]).ok(), "");
    account(&server, &["reset", "cid"]).failed(1, "there is no account called cid");
    let states = ["deleted", "deleted", "deleted", "active"];
    assert_eq!(listed(&server, &[], "state"), states);
    server.start_again();
    assert_eq!(listed(&server, &[], "state"), states);
}
