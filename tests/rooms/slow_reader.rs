//! A client that does not read cannot hold up any other client.

use std::time::{Duration, Instant};

use crate::support::{LineClient, Server, User};

/// Many times as much as the kernel buffers at both ends.
const MOST_MESSAGES: usize = 20_000;
const ROUND: usize = 50;
/// A client that does not begin to read its last words within this time loses them.
const LINGER: Duration = Duration::from_secs(2);

#[test]
fn who_does_not_read_is_disconnected_and_nobody_waits_for_them() {
    let server = Server::start(|config| {
        config["limits"]["message_rate"] = 0.into();
        config["limits"]["backlog_bytes"] = (256 * 1024).into();
    });
    let mut alice = LineClient::enter_channel(&server, "alice", "dev");
    let mut bob = LineClient::enter_channel(&server, "bob", "dev");
    let mut attempts = 0;
    loop {
        let mut sleepy = LineClient::enter_channel(&server, "sleepy", "dev");
        bob.settle();
        alice.settle();
        let still_there = talk_until_sleepy_is_gone(&server, &mut alice, &mut bob);
        // A client that resumes reading gets the reason after everything in flight.
        let last = sleepy.expect_close().pop().unwrap();
        if last.contains("too slow") {
            break;
        }
        // Unless this machine stood still, and it came too late.
        assert!(still_there.elapsed() >= LINGER, "{last}");
        attempts += 1;
        assert!(attempts < 10, "it comes too late each time");
    }
    // The nickname is free.
    LineClient::enter(&server, "sleepy");
}

/// Returns a time at which sleepy was still there.
fn talk_until_sleepy_is_gone(
    server: &Server,
    alice: &mut LineClient,
    bob: &mut LineClient,
) -> Instant {
    let mut sent = 0;
    loop {
        assert!(
            sent < MOST_MESSAGES,
            "sleepy is still there\n{}",
            server.output()
        );
        let still_there = Instant::now();
        let mut gone = false;
        for number in sent..sent + ROUND {
            alice.send(&message(number));
        }
        for number in sent..sent + ROUND {
            let echo = alice.expect("@alice: ");
            assert!(echo.ends_with(&message(number)), "lost before {number}");
            loop {
                let heard = bob.next_line().unwrap();
                if heard.contains("@sleepy left") {
                    gone = true;
                } else {
                    assert!(heard.ends_with(&message(number)), "lost before {number}");
                    break;
                }
            }
        }
        sent += ROUND;
        let told = bob.settle();
        if gone || told.iter().any(|line| line.contains("@sleepy left")) {
            return still_there;
        }
    }
}

#[test]
fn who_reads_in_time_gets_everything_however_much_it_is() {
    let server = Server::start(|config| {
        config["limits"]["message_rate"] = 0.into();
        config["limits"]["backlog_bytes"] = (1 << 30).into();
    });
    let mut alice = LineClient::enter_channel(&server, "alice", "dev");
    let mut late = LineClient::enter_channel(&server, "late", "dev");
    alice.settle();
    // More than the kernel buffers, so that the server must queue some.
    const MESSAGES: usize = 4000;
    for number in 0..MESSAGES {
        alice.send(&message(number));
        alice.expect("@alice: ");
    }
    for number in 0..MESSAGES {
        let line = late.next_line().unwrap();
        assert!(line.ends_with(&message(number)), "lost before {number}");
    }
    assert_eq!(late.settle(), [""; 0]);
}

/// A long line that ends in its number.
fn message(number: usize) -> String {
    format!("{}{number:08}", "long ".repeat(780))
}
