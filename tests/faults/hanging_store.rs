//! Another program locks the database: reading continues, and so does
//! everything that need not be stored.

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use serde_json::json;

use crate::bystander::Bystanders;
use crate::process::Level;
use crate::support::{JsonClient, LineClient, Server, User, wait_until};

#[test]
fn while_the_store_hangs_senders_are_told_and_everything_else_is_answered() {
    let server = Server::start(|_| {});
    let level = Level::of(&server);
    let mut alice = LineClient::enter_channel(&server, "alice", "dev");
    alice.send("before");
    alice.expect_message("alice", "before");
    let bystanders = Bystanders::start(&server);

    let path = server.dir().join("data/chat.db");
    let mut lock = SqliteConnection::establish(path.to_str().unwrap()).unwrap();
    lock.batch_execute("PRAGMA busy_timeout = 20000; BEGIN EXCLUSIVE")
        .unwrap();
    alice.send("meanwhile");
    // What needs no store is answered at once and does not queue behind the
    // message: clients log in, list users, and read the history.
    let mut bob = LineClient::enter(&server, "bob");
    bob.send("/join #dev");
    bob.expect_message("alice", "before");
    bob.send("/rooms");
    bob.expect("#lounge");
    let mut eve = JsonClient::enter(&server, "eve");
    eve.send("join", json!({ "room": "dev" }));
    eve.expect("history");
    assert_eq!(server.get("/admin/users").status, 200);
    alice.expect("could not be stored");
    wait_until("the server says it is not ready", || {
        server.get("/readyz").status == 503
    });
    wait_until("a bystander is refused something", || {
        bystanders.were_refused()
    });
    lock.batch_execute("ROLLBACK").unwrap();
    drop(lock);
    wait_until("the server is ready again", || {
        server.get("/readyz").status == 200
    });
    alice.send("after");
    bob.expect_message("alice", "after");
    assert!(!bob.transcript().contains("meanwhile"));
    bystanders.finish("a store that hangs");
    drop((alice, bob, eve));
    level.wait_back(&server);
}

#[test]
fn a_store_that_hangs_does_not_hold_up_the_end() {
    let mut server = Server::start(|config| config["shutdown_seconds"] = 2.into());
    let mut alice = LineClient::enter_channel(&server, "alice", "dev");
    let path = server.dir().join("data/chat.db");
    let mut lock = SqliteConnection::establish(path.to_str().unwrap()).unwrap();
    lock.batch_execute("PRAGMA busy_timeout = 20000; BEGIN EXCLUSIVE")
        .unwrap();
    alice.send("never stored");
    server.signal(rustix::process::Signal::TERM);
    server.wait_exit();
    let heard = alice.expect_close();
    assert!(
        !heard
            .iter()
            .any(|line| line.ends_with("@alice: never stored"))
    );
    lock.batch_execute("ROLLBACK").unwrap();
    drop(lock);
    server.start_again();
    let mut alice = LineClient::enter_channel(&server, "alice", "dev");
    alice.send("stored");
    alice.expect_message("alice", "stored");
}
