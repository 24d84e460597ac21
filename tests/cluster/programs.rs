//! Programs of several servers that are one chat: their tokens, streams and hooks are the same on
//! each, whichever it is that they call.

use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::shared::Common;
use crate::support::{
    EventStream, JsonClient, LineClient, Receiver, Server, Told, User, call, run_python, wait_until,
};

/// How long a server may have a hook after it was killed, and as much again.
const HELD: Duration = Duration::from_secs(200);

fn post(server: &Server, token: &str, text: &str) {
    let told = server.call(token, "POST /api/channels/dev/messages", text);
    assert_eq!(told.status, 201, "{}", told.body);
}

fn status(server: &Server, token: &str, request: &str, body: &str) -> u16 {
    server.call(token, request, body).status
}

#[test]
fn a_token_is_good_on_every_server_until_it_is_removed_on_any() {
    let common = Common::new();
    let [one, two] = common.servers();
    let fields = json!({ "name": "builds", "scopes": ["post:#dev", "read:#dev"] });
    let (id, token) = one.new_token(fields);
    post(&one, &token, "from one");
    post(&two, &token, "from two");
    for server in [&one, &two] {
        let there = server
            .call(&token, "GET /api/channels/dev/messages", "")
            .json();
        let texts = there["messages"].as_array().unwrap().iter();
        let texts: Vec<&str> = texts.map(|it| it["text"].as_str().unwrap()).collect();
        assert_eq!(texts, ["from one", "from two"]);
        // What it may not do on one server, it may not do on the other.
        let elsewhere = server.call(&token, "POST /api/channels/ops/messages", "x");
        assert_eq!(
            (elsewhere.status, elsewhere.code()),
            (403, "missing_scope".into())
        );
        assert!(elsewhere.body.contains("post:#ops"), "{}", elsewhere.body);
    }
    let open = |server: &Server| {
        EventStream::open(server, &token, "channel=dev")
            .unwrap()
            .caught_up(1)
    };
    let mut streams = [&one, &two].map(open);
    assert_eq!(two.delete(&format!("/admin/tokens/{id}")).status, 204);
    for stream in &mut streams {
        assert_eq!(stream.expect("end")["code"], "token_revoked");
    }
    for server in [&one, &two] {
        assert_eq!(
            status(server, &token, "POST /api/channels/dev/messages", "x"),
            401
        );
    }
}

#[test]
fn a_stream_tells_what_is_posted_on_another_server_and_goes_on_there() {
    let common = Common::new();
    let [one, mut two] = common.servers();
    let scopes = ["post:#dev", "read:#dev"];
    let (_, token) = one.new_token(json!({ "name": "builds", "scopes": scopes, "rate": 60_000 }));
    post(&one, &token, "first");
    let mut stream = EventStream::open(&two, &token, "channel=dev")
        .unwrap()
        .caught_up(1);
    for n in 0..20 {
        post(&one, &token, &format!("live {n}"));
    }
    for n in 0..20 {
        stream.expect_message(&format!("live {n}"));
    }
    let cursor = stream.cursor.clone();
    // The server of the stream is lost, and its client goes on at the other one.
    two.kill();
    for n in 0..20 {
        post(&one, &token, &format!("meanwhile {n}"));
    }
    let mut stream = EventStream::resume(&one, &token, "channel=dev", &cursor).unwrap();
    for n in 0..10 {
        stream.expect_message(&format!("meanwhile {n}"));
    }
    let cursor = stream.cursor.clone();
    drop(stream);
    two.start_again();
    let mut stream = EventStream::resume(&two, &token, "channel=dev", &cursor).unwrap();
    for n in 10..20 {
        stream.expect_message(&format!("meanwhile {n}"));
    }
    stream.expect("caught_up");
    post(&one, &token, "live again");
    stream.expect_message("live again");
}

#[test]
fn a_hook_is_posted_to_on_every_server_and_a_call_that_comes_again_counts_once() {
    let common = Common::new();
    let [one, two] = common.servers();
    let made = one.post("/admin/hooks", json!({ "channel": "dev", "name": "forge" }));
    assert_eq!(made.status, 201, "{}", made.body);
    let made: Value = made.json();
    let path = made["url"].as_str().unwrap().to_owned();
    let mut ann = LineClient::enter_channel(&two, "ann", "dev");
    let call_at = |server: &Server, text: &str| -> Told {
        let delivery = "X-GitHub-Delivery: 72d3162e\r\n";
        call(server.web(), "", &format!("POST {path}"), delivery, text)
    };
    let first = call_at(&one, "once");
    assert_eq!(first.status, 201, "{}", first.body);
    ann.expect_message("forge", "once");
    for server in [&two, &one] {
        let again = call_at(server, "once");
        assert_eq!((again.status, again.json()), (200, first.json()));
    }
    let removed = two.delete(&format!("/admin/hooks/{}", made["id"].as_str().unwrap()));
    assert_eq!(removed.status, 204, "{}", removed.body);
    for server in [&one, &two] {
        assert!([401, 404].contains(&call_at(server, "too late").status));
    }
}

#[test]
fn a_key_publishes_once_on_every_server_also_if_one_is_killed() {
    let common = Common::new();
    let [mut one, two] = common.servers();
    let token = one.token_for("builds", &["post:#dev", "read:#dev"]);
    let post_at = |server: &Server, text: &str| {
        let key = "Idempotency-Key: build-512\r\n";
        let request = "POST /api/channels/dev/messages";
        call(server.rest().unwrap(), &token, request, key, text)
    };
    let first = post_at(&one, "once");
    assert_eq!(first.status, 201, "{}", first.body);
    one.kill();
    one.start_again();
    for server in [&two, &one] {
        let again = post_at(server, "once");
        assert_eq!((again.status, again.json()), (201, first.json()));
    }
    // Once the log is in the database, every server knows what the key stands for.
    for server in [&two, &one] {
        wait_until("the key is known", || match post_at(server, "else") {
            told if told.status == 409 => told.code() == "tag_used",
            told => {
                assert_eq!((told.status, told.json()), (201, first.json()));
                false
            }
        });
    }
    let there = two
        .call(&token, "GET /api/channels/dev/messages", "")
        .json();
    assert_eq!(there["messages"].as_array().unwrap().len(), 1, "{there}");
}

#[test]
fn a_bot_is_shown_as_one_on_every_server() {
    let common = Common::new();
    let [one, two] = common.servers();
    let mut ann = JsonClient::enter(&two, "ann");
    ann.send("join", json!({ "room": "dev" }));
    while ann.expect("joined")["room"] != "dev" {}
    // The other server has heard of no bot when it starts.
    let (_, token) = one.new_token(json!({ "name": "builds", "scopes": ["post:#dev"] }));
    post(&one, &token, "build 1 ok");
    let told = ann.expect("message");
    assert_eq!(
        (&told["from"], &told["bot"]),
        (&json!("builds"), &json!(true))
    );
    wait_until("it is listed as a bot", || {
        ann.send("listusers", json!({ "room": "dev" }));
        ann.expect("users")["bots"] == json!(["builds"])
    });
    let users = two.get("/admin/users").json();
    let mut users = users["users"].as_array().unwrap().iter();
    assert_eq!(
        users.find(|it| it["nickname"] == "builds").unwrap()["bot"],
        true
    );
    // One that starts later reads it from the store.
    let three = common.server();
    let mut bob = JsonClient::enter(&three, "bob");
    bob.send("join", json!({ "room": "dev" }));
    while bob.expect("joined")["room"] != "dev" {}
    wait_until("the message is stored", || {
        bob.send("history", json!({ "room": "dev" }));
        bob.expect("history")["messages"][0]["bot"] == true
    });
}

/// Waits longer than any other test: until a server that was killed has a hook no more.
fn wait_long(what: &str, is_so: impl Fn() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < HELD, "{what}: waited in vain");
        sleep(Duration::from_millis(50));
    }
}

#[test]
fn one_server_sends_for_a_hook_and_another_when_that_is_killed() {
    let common = Common::new();
    let start =
        || common.server_with(|config| config["hooks"] = json!({ "allow": ["127.0.0.0/8"] }));
    let mut one = start();
    let receiver = Receiver::start();
    let hook = json!({
        "channel": "dev", "name": "relay", "direction": "out", "url": receiver.url("/"),
    });
    let made = one.post("/admin/hooks", hook);
    assert_eq!(made.status, 201, "{}", made.body);
    let mut ann = LineClient::enter_channel(&one, "ann", "dev");
    ann.send("0");
    receiver.expect(1);
    // The first one has the hook; the second one has only what is said there.
    let two = start();
    let mut bob = LineClient::enter_channel(&two, "bob", "dev");
    for n in (1..20).step_by(2) {
        ann.send(&n.to_string());
        bob.expect_message("ann", &n.to_string());
        bob.send(&(n + 1).to_string());
        ann.expect_message("bob", &(n + 1).to_string());
    }
    let texts = || {
        let calls = receiver.calls();
        calls.iter().map(|call| call.text()).collect::<Vec<_>>()
    };
    let expected = |most: u32| (0..=most).map(|n| n.to_string()).collect::<Vec<_>>();
    wait_until("all were sent", || texts().len() > 20);
    one.kill();
    for n in 21..25 {
        bob.send(&n.to_string());
        bob.expect_message("bob", &n.to_string());
    }
    wait_long("the other server sends", || {
        texts().last().is_some_and(|last| last == "24")
    });
    // In order, and each once for a receiver that knows calls by their ids.
    let (mut ids, mut once) = (Vec::new(), Vec::new());
    for call in receiver.calls() {
        let id = call.field("webhook-id");
        if !ids.contains(&id) {
            ids.push(id);
            once.push(call.text());
        }
    }
    assert_eq!(once, expected(24));
    // While both were there, none was sent twice.
    assert_eq!(texts()[..20], expected(19)[..]);
}

#[cfg(feature = "grpc")]
#[test]
fn a_tail_ends_when_its_token_is_removed_on_another_server() {
    let common = Common::new();
    let token = "the-same-for-all-servers-of-this-chat";
    let start = || {
        common.server_with(|config| {
            config["listen"]["grpc"] = "127.0.0.1:0".into();
            config["admin"]["token"] = token.into();
        })
    };
    let (one, two) = (start(), start());
    let arguments = [
        two.address("grpc").to_string(),
        token.to_owned(),
        one.rest().unwrap().to_string(),
    ];
    run_python("grpc_tail_ends.py", &arguments);
}
