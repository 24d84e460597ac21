//! The system calls of a process that is stopped for a moment and continued are
//! interrupted. That is no error, and no client is told of one.

use rustix::process::Signal;
use serde_json::json;

use super::{Common, hindrances};
use crate::support::{JsonClient, LineClient, User, wait_until};

#[test]
fn a_server_that_is_stopped_for_a_moment_has_no_errors() {
    let common = Common::new();
    let server = common.server();
    let mut alice = JsonClient::enter(&server, "alice");
    alice.send("join", json!({ "room": "dev" }));
    let mut bob = LineClient::enter_channel(&server, "bob", "dev");
    for number in 0..40 {
        server.signal(Signal::STOP);
        server.signal(Signal::CONT);
        let text = format!("number {number}");
        alice.send("message", json!({ "room": "dev", "body": text }));
        bob.expect_message("alice", &text);
        assert_eq!(server.get("/api/nodes").status, 200);
        // Every thread is waiting again before the next signal.
        alice.settle();
    }
    wait_until("it is ready", || hindrances(&server).is_empty());
    let output = server.output();
    assert!(
        !output.contains(" ERROR ") && !output.contains(" WARN "),
        "{output}"
    );
}
