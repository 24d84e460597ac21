//! One server's clock is wrong. Ids come from Redis, so clients notice nothing;
//! the administrator is warned.

use std::path::Path;

use serde_json::{Value, json};

use super::{Common, hindrances, metric};
use crate::support::{JsonClient, LineClient, Server, User, wait_until};

/// Debian's path of the library for programs with threads: .ci/install-tools.
const LIBRARIES: [&str; 2] = [
    "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1",
    "/usr/lib/aarch64-linux-gnu/faketime/libfaketimeMT.so.1",
];

impl Common {
    /// A server with a clock that is off by this much.
    fn server_off_by(&self, offset: &'static str, change: impl FnOnce(&mut Value)) -> Server {
        let library = LIBRARIES.into_iter().find(|path| Path::new(path).exists());
        let library = library.expect("libfaketime: .ci/install-tools");
        let environment = [
            ("LD_PRELOAD", library),
            ("FAKETIME", offset),
            // The monotonic clock is right.
            ("FAKETIME_DONT_FAKE_MONOTONIC", "1"),
            ("DONT_FAKE_MONOTONIC", "1"),
        ];
        let mut server = Server::spawn_with(&environment, |config| {
            self.configure(config);
            change(config);
        });
        server.wait_ready();
        server
    }
}

/// Reads up to the final answer: the texts received, and that answer.
fn resume(client: &mut JsonClient, after: &Value) -> (Vec<String>, Value) {
    client.send("resume", json!({ "room": "dev", "after": after }));
    let mut bodies = Vec::new();
    loop {
        let frame = client.next().expect("an answer");
        match frame["type"].as_str() {
            Some("resumed") => return (bodies, frame),
            Some("message") => bodies.push(frame["body"].as_str().unwrap().to_owned()),
            Some("error") => panic!("{frame}"),
            _ => {}
        }
    }
}

/// Sends lines with the line client; returns the id of the last one.
fn say(line: &mut LineClient, witness: &mut JsonClient, texts: &[String]) -> Value {
    for text in texts {
        line.send(text);
    }
    loop {
        let frame = witness.expect("message");
        if frame["body"] == texts[texts.len() - 1].as_str() {
            return frame["id"].clone();
        }
    }
}

#[test]
fn who_resumes_on_a_server_whose_clock_is_wrong_is_told_everything_once() {
    let common = Common::new();
    let right = common.server();
    let behind = common.server_off_by("-5m", |_| {});
    let ahead = common.server_off_by("+5m", |_| {});
    let mut alice = LineClient::enter_channel(&right, "alice", "dev");
    let mut witness = JsonClient::enter(&right, "witness");
    witness.send("join", json!({ "room": "dev" }));
    while witness.expect("joined")["room"] != "dev" {}
    let texts = |range: std::ops::Range<u32>| range.map(|n| format!("n{n}")).collect::<Vec<_>>();
    let first = say(&mut alice, &mut witness, &texts(0..1));
    let mut last = say(&mut alice, &mut witness, &texts(1..50));
    let mut said = texts(1..50);
    for (server, name) in [(&behind, "bea"), (&ahead, "ann")] {
        let mut client = JsonClient::enter(server, name);
        let mut is_all = |after: &Value, expected: &[String]| {
            let (told, end) = resume(&mut client, after);
            assert_eq!(told, expected, "{name}");
            let end = (&end["complete"], &end["more"]);
            assert_eq!(end, (&json!(true), &json!(false)), "{name}");
        };
        is_all(&first, &said);
        // There is nothing new: no message comes, and there is no further page.
        is_all(&last, &[]);
        // An id that was never assigned does not hold back live messages.
        for far in [
            "9999999999999-0",
            "18446744073709551615-18446744073709551615",
        ] {
            let (told, end) = resume(&mut client, &json!(far));
            assert_eq!((told.len(), &end["complete"]), (0, &json!(false)), "{name}");
        }
        said.push(format!("live for {name}"));
        alice.send(&said[said.len() - 1]);
        let live = client.expect("message");
        assert_eq!(live["body"], said[said.len() - 1].as_str());
        last = live["id"].clone();
    }
}

#[test]
fn a_clock_that_is_wrong_is_measured_and_logged_and_not_ready() {
    let common = Common::new();
    let right = common.server();
    let behind = common.server_off_by("-5m", |_| {});
    let ahead = common.server_off_by("+40s", |_| {});
    let lenient = common.server_off_by("-5m", |config| {
        config["cluster"]["clock_seconds"] = 0.into();
    });
    let name = "chat_cluster_clock_seconds";
    let about = |server: &Server, wanted: f64| {
        wait_until(&format!("the clock is off by {wanted}"), || {
            metric(server, name).is_some_and(|off| (off - wanted).abs() < 1.0)
        });
    };
    about(&right, 0.0);
    about(&behind, -300.0);
    about(&lenient, -300.0);
    about(&ahead, 40.0);
    behind.wait_output("seconds behind that of Redis");
    ahead.wait_output("seconds ahead of that of Redis");
    let why = hindrances(&behind);
    assert!(
        why.contains("clock") && why.contains("seconds behind"),
        "{why}"
    );
    assert!(hindrances(&ahead).contains("seconds ahead of"));
    for server in [&right, &lenient] {
        wait_until("the server is ready", || hindrances(server).is_empty());
    }
    assert!(!right.output().contains("this server's clock"));
}
