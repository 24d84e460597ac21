//! Invalid entries in the log do no harm.

use crate::node::{Chat, channel, texts};
use crate::support::{Redis, wait_until};

#[test]
fn entries_that_make_no_sense_are_passed_over() {
    let chat = Chat::new();
    let node = chat.node();
    let other = chat.node();
    let mut redis = Redis::shared().connect();
    let sender = format!("{:016x}", other.cluster.node().0);
    let mut add = |stream: &str, fields: &[(&str, &str)]| {
        let mut command = redis::cmd("XADD");
        command.arg(format!("{}:{stream}", chat.prefix)).arg("*");
        for (name, value) in fields {
            command.arg(name).arg(value);
        }
        let _: String = command.query(&mut redis).unwrap();
    };
    for stream in ["log:0", "log:1", "log:2", "log:3", "news"] {
        add(stream, &[("n", &sender), ("e", "no JSON")]);
        add(stream, &[("n", &sender), ("e", r#"{"v":1}"#)]);
        add(
            stream,
            &[("n", &sender), ("e", r#"{"v":2,"d":"tomorrow"}"#)],
        );
        add(stream, &[("n", "nobody"), ("e", "{}")]);
        add(stream, &[("x", "y")]);
    }
    for number in 0..20 {
        other.say(number, &format!("room{number}"), "sense");
    }
    node.wait_told(20);
    wait_until("all were counted", || node.cluster.skipped() >= 25);
    for number in 0..20 {
        let found = texts(&*node.cluster.store(), &channel(&format!("room{number}")));
        assert_eq!(found, ["sense"]);
    }
    // The message is stored, although a newer server's entries wait in the log.
    wait_until("it is stored", || {
        (0..20).all(|number| texts(&*node.postgres, &channel(&format!("room{number}"))).len() == 1)
    });
}
