//! A restricted channel that everyone leaves: what was said in it before is told to nobody
//! who comes after, on whichever server.

use crate::shared::Common;
use crate::support::{LineClient, User, wait_until};

fn assert_knows_no_secret(client: &LineClient) {
    let received = String::from_utf8_lossy(client.received());
    assert!(!received.contains("secret"), "{received}");
}

#[test]
fn what_the_last_one_has_said_on_the_way_out_is_told_to_nobody() {
    let common = Common::new();
    let [one, two] = common.servers();
    let mut ann = LineClient::enter_channel(&one, "ann", "den");
    wait_until("ann operates it", || {
        ann.send("/mode key sesame");
        ann.settle()
            .iter()
            .any(|line| line.contains("set a new key"))
    });
    ann.send("an old secret");
    ann.expect_message("ann", "an old secret");
    let mut bob = LineClient::enter(&one, "bob");
    let mut cem = LineClient::enter(&two, "cem");
    // Nothing reaches the log, and nobody is told that ann leaves, before bob has come.
    common.redis.stop();
    ann.send("the last secret");
    // Who is ended does not wait for what is on its way to the log.
    let kicked = one.delete("/admin/users/ann");
    assert_eq!(kicked.status, 200, "{}", kicked.body);
    wait_until("ann has left", || {
        !one.get("/admin/users?here=true").body.contains("\"ann\"")
    });
    bob.send("/join #den sesame");
    bob.expect("You are now in #den");
    common.redis.go_on();
    bob.send("good morning");
    bob.expect_message("bob", "good morning");
    assert_knows_no_secret(&bob);
    // The key does not hold any more.
    wait_until("the channel is open", || {
        cem.send("/join #den");
        cem.settle().iter().any(|line| line.contains("You are"))
    });
    bob.send("welcome");
    cem.expect_message("bob", "welcome");
    // Nor does a server know it that starts only now.
    let three = common.server();
    let mut dan = LineClient::enter_channel(&three, "dan", "den");
    for client in [&mut bob, &mut cem, &mut dan] {
        client.send("/history 50");
        client.settle();
        assert_knows_no_secret(client);
    }
}
