//! Programs follow channels with `curl -N`, and go on where they were cut off.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::thread;

use serde_json::{Value, json};

use crate::support::{EventStream, JsonClient, LineClient, Server, Told, User, wait_until};

fn join(client: &mut JsonClient, room: &str) {
    client.send("join", json!({ "room": room }));
    client.expect("joined");
}

/// Says something in a room, and returns the message's id.
fn say(client: &mut JsonClient, room: &str, body: &str) -> String {
    client.send("message", json!({ "room": room, "body": body }));
    loop {
        let frame = client.expect("message");
        if frame["body"] == body {
            return frame["id"].as_str().unwrap().to_owned();
        }
    }
}

/// Somebody in two rooms.
fn ann_in_both(server: &Server) -> JsonClient {
    let mut ann = JsonClient::enter(server, "ann");
    join(&mut ann, "dev");
    join(&mut ann, "ops");
    ann
}

fn refused(told: Result<EventStream, Told>, status: u16, code: &str) -> Told {
    let told = told.err().expect("a refusal");
    assert_eq!(
        (told.status, told.code()),
        (status, code.to_owned()),
        "{}",
        told.body
    );
    told
}

/// A running `curl`.
struct Curl(Child, BufReader<ChildStdout>);

impl Curl {
    fn follow(server: &Server, token: &str, query: &str, more: &[&str]) -> Curl {
        let mut child = Command::new("curl")
            .args(["-sSN", "-H", &format!("Authorization: Bearer {token}")])
            .args(more)
            .arg(format!("http://{}/api/events?{query}", server.web()))
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        Curl(child, output)
    }

    /// Skips lines until one with this in it.
    fn expect(&mut self, wanted: &str) -> String {
        loop {
            let mut line = String::new();
            assert!(self.1.read_line(&mut line).unwrap() > 0, "no {wanted}");
            if line.contains(wanted) {
                return line.trim_end().to_owned();
            }
        }
    }
}

impl Drop for Curl {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn curl_follows_two_channels_and_goes_on_after_a_kill() {
    let mut server = Server::start(|_| {});
    let token = server.token_for("watch", &["read:*"]);
    let mut ann = ann_in_both(&server);
    say(&mut ann, "dev", "before");
    let mut curl = Curl::follow(&server, &token, "channel=dev&channel=ops", &[]);
    curl.expect("event: open");
    curl.expect("event: caught_up");
    curl.expect("event: caught_up");
    say(&mut ann, "dev", "one");
    say(&mut ann, "ops", "two");
    assert_eq!(curl.expect("event: message"), "event: message");
    let data = curl.expect("data: ");
    let told: Value = serde_json::from_str(data.strip_prefix("data: ").unwrap()).unwrap();
    assert_eq!(
        (&told["channel"], &told["author"], &told["text"]),
        (&json!("dev"), &json!("ann"), &json!("one"))
    );
    assert!(curl.expect("data: ").contains("\"two\""));
    let cursor = curl.expect("id: ");
    let cursor = cursor.strip_prefix("id: ").unwrap().to_owned();
    for name in ["dev:", "ops:"] {
        assert!(cursor.contains(name), "{cursor}");
    }
    say(&mut ann, "dev", "missed");
    server.kill();
    server.start_again();
    let mut ann = ann_in_both(&server);
    say(&mut ann, "ops", "missed, too");
    // As lines of JSON this time, which go on from the same cursor.
    let last = format!("Last-Event-ID: {cursor}");
    let lines = "Accept: application/x-ndjson";
    let more = ["-H", last.as_str(), "-H", lines];
    let mut curl = Curl::follow(&server, &token, "channel=dev&channel=ops", &more);
    let mut told = Vec::new();
    say(&mut ann, "dev", "now");
    while told.len() < 3 {
        let line: Value = serde_json::from_str(&curl.expect("{")).unwrap();
        if line["event"] == "message" {
            assert!(line["cursor"].is_string(), "{line}");
            told.push((line["channel"].clone(), line["text"].clone()));
        }
    }
    told.sort_by_key(|it| it.0.to_string());
    let expected = [("dev", "missed"), ("dev", "now"), ("ops", "missed, too")];
    assert_eq!(
        told,
        expected.map(|(room, text)| (json!(room), json!(text)))
    );
}

#[test]
fn a_stream_tells_what_becomes_of_messages_and_who_comes() {
    let server = Server::start(|_| {});
    let token = server.token_for("watch", &["read:#dev"]);
    let mut ann = JsonClient::enter(&server, "ann");
    join(&mut ann, "dev");
    let first = say(&mut ann, "dev", "teh cat");
    let mut stream = EventStream::open(&server, &token, "channel=%23Dev").unwrap();
    for field in [
        "Content-Type: text/event-stream",
        "Cache-Control: no-store",
        "Connection: close",
    ] {
        assert!(stream.head.contains(field), "{}", stream.head);
    }
    assert!(!stream.head.contains("Content-Length"), "{}", stream.head);
    assert_eq!(stream.expect("open")["channels"], json!(["dev"]));
    let caught_up = stream.expect("caught_up");
    assert_eq!(caught_up, json!({ "channel": "dev", "complete": true }));
    assert_eq!(stream.cursor, format!("dev:{first}"));

    let second = say(&mut ann, "dev", "hello");
    let told = stream.expect_message("hello");
    assert_eq!(told["id"], second.as_str());
    assert_eq!(stream.cursor, format!("dev:{second}"));
    ann.send("edit", json!({ "id": first, "body": "the cat" }));
    let told = stream.expect("edited");
    assert_eq!(
        (&told["id"], &told["text"], &told["by"]),
        (&json!(first), &json!("the cat"), &json!("ann"))
    );
    let change = told["change"].as_str().unwrap();
    assert_eq!(stream.cursor, format!("dev:{change}"));
    ann.send("react", json!({ "id": second, "sign": "👍", "on": true }));
    let told = stream.expect("reacted");
    assert_eq!(
        (&told["id"], &told["sign"], &told["on"], &told["by"]),
        (&json!(second), &json!("👍"), &json!(true), &json!("ann"))
    );
    ann.send("delete", json!({ "id": second, "reason": "wrong room" }));
    let told = stream.expect("deleted");
    assert_eq!(
        (&told["id"], &told["reason"]),
        (&json!(second), &json!("wrong room"))
    );
    assert!(told.get("text").is_none());
    let at = stream.cursor.clone();
    ann.send("topic", json!({ "room": "dev", "topic": "the plan" }));
    let told = stream.expect("topic");
    assert_eq!(
        (&told["channel"], &told["topic"], &told["by"]),
        (&json!("dev"), &json!("the plan"), &json!("ann"))
    );
    let bob = LineClient::enter_channel(&server, "bob", "dev");
    assert_eq!(stream.expect("joined")["user"], "bob");
    drop(bob);
    assert_eq!(stream.expect("left")["user"], "bob");
    assert_eq!(stream.cursor, at, "it is at no place");

    // One who comes back is told each change once, and a deleted message not at all.
    let mut again =
        EventStream::open(&server, &token, &format!("channel=dev&after={first}")).unwrap();
    assert_eq!(again.expect("edited")["text"], "the cat");
    again.expect("caught_up");
    let third = say(&mut ann, "dev", "still here");
    assert_eq!(again.expect_message("still here")["id"], third.as_str());
    let mut again = EventStream::resume(&server, &token, "channel=dev", &at).unwrap();
    assert_eq!(again.expect("open")["channels"], json!(["dev"]));
    assert_eq!(again.next().unwrap().0, "message");
    assert_eq!(again.next().unwrap().0, "caught_up");
}

#[test]
fn a_stream_that_begins_now_tells_nothing_of_before() {
    let mut server = Server::start(|_| {});
    let token = server.token_for("watch", &["read:#dev"]);
    let mut ann = JsonClient::enter(&server, "ann");
    join(&mut ann, "dev");
    let ids = ["a", "b", "c"].map(|text| say(&mut ann, "dev", text));
    ann.send("delete", json!({ "id": ids[0] }));
    ann.expect("deleted");
    ann.send("edit", json!({ "id": ids[1], "body": "B" }));
    ann.expect("edited");
    ann.send("react", json!({ "id": ids[2], "sign": "👍", "on": true }));
    let last = ann.expect("reacted")["reacted"].clone();
    let last = last.as_str().unwrap();
    for _ in 0..2 {
        let mut stream = EventStream::open(&server, &token, "channel=dev").unwrap();
        assert_eq!(stream.next().unwrap().0, "open");
        assert_eq!(stream.cursor, format!("dev:{last}"));
        assert_eq!(stream.next().unwrap().0, "caught_up");
        // Those who have read the messages before are told.
        let mut again =
            EventStream::open(&server, &token, &format!("channel=dev&after={}", ids[2])).unwrap();
        for wanted in ["open", "deleted", "edited", "reactions", "caught_up"] {
            assert_eq!(again.next().unwrap().0, wanted);
        }
        drop((stream, again));
        server.restart();
    }
}

#[test]
fn cut_off_again_and_again_it_tells_everything_once_and_in_order() {
    const MESSAGES: usize = 400;
    let server = Server::start(|config| {
        config["limits"] = json!({ "message_rate": 0, "streams_per_token": 0 });
    });
    let token = server.new_token(json!({
        "name": "watch", "scopes": ["read:*"], "rate": 60_000,
    }));
    let token = token.1;
    let mut ann = ann_in_both(&server);
    let query = "channel=dev&channel=ops";
    let mut stream = EventStream::open(&server, &token, query).unwrap();
    stream.expect("open");
    let talk = thread::spawn(move || {
        let mut ids = Vec::new();
        for number in 0..MESSAGES {
            let room = ["dev", "ops"][number % 2];
            ids.push(say(&mut ann, room, &format!("{number}")));
            // What was said some time ago is corrected, so that the stream has it, or has not.
            if number % 3 == 2 {
                let of = number - (number * 7) % number.min(40);
                let body = format!("{of} by {number}");
                ann.send("edit", json!({ "id": ids[of], "body": body }));
                ann.expect("edited");
            }
        }
        for room in ["dev", "ops"] {
            say(&mut ann, room, "end");
        }
        ann
    });
    let mut shown: BTreeMap<String, (String, String)> = BTreeMap::new();
    let mut order: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut changes = BTreeSet::new();
    let (mut random, mut ends) = (7_usize, 0);
    while ends < 2 {
        random = random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963);
        for _ in 0..(random >> 33) % 23 {
            let (name, told) = stream.next().expect("it does not end by itself");
            let text = |field: &str| told[field].as_str().unwrap_or_default().to_owned();
            match name.as_str() {
                "message" => {
                    ends += usize::from(told["text"] == "end");
                    let twice = shown.insert(text("id"), (text("channel"), text("text")));
                    assert_eq!(twice, None, "told twice: {told}");
                    order.entry(text("channel")).or_default().push(text("id"));
                }
                "edited" => {
                    assert!(changes.insert(text("change")), "told twice: {told}");
                    let known = shown
                        .get_mut(&text("id"))
                        .expect("of a message that was told");
                    known.1 = text("text");
                }
                "caught_up" => assert_eq!(told["complete"], true),
                _ => {}
            }
            if ends == 2 {
                break;
            }
        }
        let cursor = stream.cursor.clone();
        stream = EventStream::resume(&server, &token, query, &cursor).unwrap();
    }
    let mut ann = talk.join().unwrap();
    for room in ["dev", "ops"] {
        let told = &order[room];
        assert!(told.is_sorted(), "{room}: {told:?}");
        let mut stored = Vec::new();
        let mut before = None;
        loop {
            let mut args = json!({ "room": room, "limit": 200 });
            if let Some(before) = &before {
                args["before"] = json!(before);
            }
            ann.send("history", args);
            let page = ann.expect("history")["messages"]
                .as_array()
                .unwrap()
                .clone();
            let Some(oldest) = page.first() else { break };
            before = Some(oldest["id"].clone());
            stored.splice(0..0, page);
        }
        let stored: Vec<(String, String)> = stored
            .iter()
            .map(|it| [&it["id"], &it["body"]].map(|it| it.as_str().unwrap().to_owned()))
            .map(|[id, body]| (id, body))
            .collect();
        let told: Vec<(String, String)> = told
            .iter()
            .map(|id| (id.clone(), shown[id].1.clone()))
            .collect();
        assert_eq!(told, stored, "{room}");
    }
}

#[test]
fn a_long_absence_is_told_page_by_page() {
    const MESSAGES: usize = 1300;
    let server = Server::start(|config| config["limits"]["message_rate"] = 0.into());
    let token = server.token_for("watch", &["read:*"]);
    let mut ann = JsonClient::enter(&server, "ann");
    join(&mut ann, "dev");
    let first = say(&mut ann, "dev", "first");
    for number in 0..MESSAGES {
        ann.send(
            "message",
            json!({ "room": "dev", "body": format!("{number}") }),
        );
    }
    while ann.expect("message")["body"] != format!("{}", MESSAGES - 1) {}
    ann.send("edit", json!({ "id": first, "body": "the first" }));
    ann.expect("edited");
    let query = format!("channel=dev&after=dev:{first}");
    let mut stream = EventStream::open(&server, &token, &query).unwrap();
    for number in 0..MESSAGES {
        stream.expect_message(&format!("{number}"));
    }
    assert_eq!(stream.expect("edited")["text"], "the first");
    assert_eq!(stream.expect("caught_up")["complete"], true);
}

#[test]
fn what_a_program_may_not_read_is_like_what_is_not_there() {
    let server = Server::start(|_| {});
    let token = server.token_for("watch", &["read:*", "post:*"]);
    let mut ann = ann_in_both(&server);
    join(&mut ann, "hall");
    let rules = |room: &str, rules: Value| {
        let told = server.patch(
            &format!("/admin/channels/{room}"),
            json!({ "rules": rules }),
        );
        assert_eq!(told.status, 200, "{}", told.body);
    };
    rules("dev", json!({ "secret": true, "invite_only": true }));
    rules("ops", json!({ "invite_only": true }));
    let read = |room: &str| {
        let told = server.call(&token, &format!("GET /api/channels/{room}/messages"), "");
        assert_eq!(
            (told.status, told.code()),
            (404, "no_such_channel".into()),
            "{}",
            told.body
        );
        told.body.replace(room, "it")
    };
    let follow = |room: &str| {
        let query = format!("channel=hall&channel={room}");
        let told = EventStream::open(&server, &token, &query);
        refused(told, 404, "no_such_channel")
            .body
            .replace(room, "it")
    };
    let of_none = read("nowhere");
    assert_eq!(follow("nowhere"), of_none);
    for room in ["dev", "ops"] {
        assert_eq!(read(room), of_none);
        assert_eq!(follow(room), of_none);
    }
    // Nothing was made by looking.
    let channels = server.get("/admin/channels").body;
    assert!(!channels.contains("nowhere"), "{channels}");
    // Who is invited reads it.
    let mask = json!({ "mask": "account:watch", "list": "invite" });
    let told = server.post("/admin/channels/dev/bans", mask);
    assert_eq!(told.status, 204, "{}", told.body);
    let stream = EventStream::open(&server, &token, "channel=dev").unwrap();
    stream.caught_up(1);
    // What everyone knows of says why.
    let mask = json!({ "mask": "account:watch", "list": "ban" });
    assert_eq!(server.post("/admin/channels/hall/bans", mask).status, 204);
    let told = EventStream::open(&server, &token, "channel=hall");
    refused(told, 403, "banned_from_channel");
}

#[test]
fn a_channel_that_everyone_has_left_is_read_and_not_taken_over() {
    let mut server = Server::start(|_| {});
    let token = server.token_for("watch", &["read:*"]);
    let mut ann = JsonClient::enter(&server, "ann");
    join(&mut ann, "dev");
    let id = say(&mut ann, "dev", "for later");
    drop(ann);
    server.restart();
    let query = format!("channel=dev&after={}", "dev:1-0");
    let mut stream = EventStream::open(&server, &token, &query).unwrap();
    assert_eq!(stream.expect_message("for later")["id"], id.as_str());
    let channel = server.get("/admin/channels/dev").json();
    assert_eq!(channel["members"], json!(["watch"]), "{channel}");
    assert_eq!(channel["roles"], json!({}), "{channel}");
}

#[test]
fn each_channel_needs_its_scope_and_mistakes_are_named() {
    let server = Server::start(|_| {});
    let token = server.token_for("watch", &["read:#dev"]);
    let _ann = ann_in_both(&server);
    let open = |token: &str, query: &str| EventStream::open(&server, token, query);
    let told = refused(
        open(&token, "channel=dev&channel=ops"),
        403,
        "missing_scope",
    );
    assert!(told.body.contains("read:#ops"), "{}", told.body);
    refused(open("cst_", "channel=dev"), 401, "unauthorised");
    refused(
        open(&server.admin_token(), "channel=dev"),
        403,
        "no_nickname",
    );
    let posting = server.token_for("posts", &["post:#dev"]);
    let told = refused(open(&posting, "channel=dev"), 403, "missing_scope");
    assert!(told.body.contains("read:"), "{}", told.body);
    for (query, words) in [
        ("", "missing"),
        ("channel=", "channel"),
        ("channel=a+b", "channel"),
        ("channel=dev&after=x", "a cursor looks like"),
        ("channel=dev&after=dev:x", "a cursor looks like"),
        ("channel=dev&after=a:1-1&after=b:1-1", "twice"),
    ] {
        let told = refused(open(&token, query), 400, "bad_field");
        assert!(told.body.contains(words), "{query}: {}", told.body);
    }
    let many: Vec<String> = (0..51).map(|n| format!("channel=c{n}")).collect();
    let told = refused(open(&token, &many.join("&")), 400, "bad_field");
    assert!(told.body.contains("more than 50"), "{}", told.body);
    let told = server.call(&token, "HEAD /api/events?channel=dev", "");
    assert_eq!((told.status, told.body.as_str()), (200, ""));
    // Nothing is left of those.
    assert!(!server.get("/admin/users").body.contains("\"events\""));
}

#[test]
fn streams_are_limited_for_each_token_and_in_all() {
    let server = Server::start(|config| {
        config["limits"] = json!({ "streams": 3, "streams_per_token": 2 });
    });
    let _ann = ann_in_both(&server);
    let one = server.token_for("one", &["read:*"]);
    let two = server.token_for("two", &["read:*"]);
    let open = |token: &str| EventStream::open(&server, token, "channel=dev");
    let first = open(&one).unwrap();
    let _second = open(&one).unwrap();
    let told = refused(open(&one), 429, "too_many_streams");
    assert!(told.field("Retry-After").is_some(), "{}", told.head);
    let _third = open(&two).unwrap();
    let told = refused(open(&two), 503, "busy");
    assert!(told.field("Retry-After").is_some(), "{}", told.head);
    // A place comes back as soon as a client has gone, and is not lost with a refusal.
    drop(first);
    wait_until("there is a place", || match open(&two) {
        Ok(_) => true,
        Err(told) => {
            assert_eq!(told.status, 503, "{}", told.body);
            false
        }
    });
}

#[test]
fn a_token_that_opens_all_streams_it_may_have_takes_none_from_others() {
    const MOST: usize = 50;
    let server = Server::start(|config| {
        config["limits"] = json!({ "streams_per_token": MOST });
    });
    let mut ann = ann_in_both(&server);
    let greedy = server.token_for("greedy", &["read:*"]);
    let modest = server.token_for("modest", &["read:*", "post:*"]);
    let open = |token: &str| EventStream::open(&server, token, "channel=dev");
    let mut streams: Vec<EventStream> = (0..MOST)
        .map(|_| open(&greedy).unwrap().caught_up(1))
        .collect();
    for _ in 0..10 {
        refused(open(&greedy), 429, "too_many_streams");
    }
    let mut other = open(&modest).unwrap().caught_up(1);
    say(&mut ann, "dev", "to all");
    let told = server.call(&modest, "POST /api/channels/dev/messages", "to all, too");
    assert_eq!(told.status, 201, "{}", told.body);
    for stream in streams.iter_mut().chain([&mut other]) {
        stream.expect_message("to all");
        stream.expect_message("to all, too");
    }
}

#[test]
fn a_stream_ends_with_its_token() {
    let server = Server::start(|_| {});
    let mut ann = ann_in_both(&server);
    let (id, token) = server.new_token(json!({ "name": "watch", "scopes": ["read:*"] }));
    let fields = json!({ "name": "spare", "bot": "watch", "scopes": ["read:*"] });
    let (_, spare) = server.new_token(fields);
    let open = |token: &str| {
        let stream = EventStream::open(&server, token, "channel=dev&channel=ops");
        stream.unwrap().caught_up(2)
    };
    let mut streams = [open(&token), open(&token)];
    let mut other = open(&spare);
    assert_eq!(server.delete(&format!("/admin/tokens/{id}")).status, 204);
    for stream in &mut streams {
        assert_eq!(stream.expect("end")["code"], "token_revoked");
        assert_eq!(stream.next(), None);
    }
    // The other token speaks as the same bot.
    say(&mut ann, "dev", "still there");
    other.expect_message("still there");
    refused(
        EventStream::open(&server, &token, "channel=dev"),
        401,
        "unauthorised",
    );
}

#[test]
fn a_stream_ends_when_its_token_expires_and_with_the_server() {
    let mut server = Server::start(|_| {});
    let _ann = ann_in_both(&server);
    let soon = jiff::Timestamp::now() + std::time::Duration::from_secs(10);
    let fields = json!({
        "name": "short", "scopes": ["read:*"], "expires_at": soon.to_string(),
    });
    let (_, short) = server.new_token(fields);
    let long = server.token_for("long", &["read:*"]);
    match EventStream::open(&server, &short, "channel=dev") {
        Ok(mut stream) => assert_eq!(stream.expect("end")["code"], "token_revoked"),
        // Only a machine that stood still for seconds gets here.
        Err(told) => assert_eq!(told.status, 401),
    }
    let stream = EventStream::open(&server, &long, "channel=dev").unwrap();
    let mut stream = stream.caught_up(1);
    server.restart();
    assert_eq!(stream.expect("end")["code"], "shutdown");
    assert_eq!(stream.next(), None);
}

#[test]
fn a_program_that_is_put_out_of_a_channel_is_told_and_follows_the_others() {
    let server = Server::start(|_| {});
    let mut ann = ann_in_both(&server);
    let token = server.token_for("watch", &["read:*"]);
    let stream = EventStream::open(&server, &token, "channel=dev&channel=ops");
    let mut stream = stream.unwrap().caught_up(2);
    let told = server.delete("/admin/channels/dev/members/watch");
    assert_eq!(told.status, 204, "{}", told.body);
    assert_eq!(stream.expect("removed")["channel"], "dev");
    say(&mut ann, "dev", "without it");
    say(&mut ann, "ops", "with it");
    assert_eq!(stream.expect("message")["text"], "with it");
}

#[test]
fn a_stream_ends_when_its_last_channel_is_followed_no_more() {
    let server = Server::start(|_| {});
    let _ann = ann_in_both(&server);
    let token = server.token_for("watch", &["read:*"]);
    let stream = EventStream::open(&server, &token, "channel=dev&channel=ops");
    let mut stream = stream.unwrap().caught_up(2);
    for room in ["dev", "ops"] {
        let told = server.delete(&format!("/admin/channels/{room}/members/watch"));
        assert_eq!(told.status, 204, "{}", told.body);
        assert_eq!(stream.expect("removed")["channel"], room);
    }
    assert_eq!(stream.expect("end")["code"], "removed");
    assert_eq!(stream.next(), None);
}

#[test]
fn a_program_that_was_let_in_follows_what_is_shut_to_others() {
    for history in ["on", "off"] {
        let server = Server::start(|config| config["history"] = history.into());
        let mut ann = LineClient::enter_channel(&server, "ann", "dev");
        let token = server.token_for("watch", &["read:*", "post:*"]);
        let follow = || EventStream::open(&server, &token, "channel=dev").unwrap();
        let mut is_followed = |stream: &mut EventStream| {
            ann.send("hello");
            stream.expect_message("hello");
        };
        // It was in the channel before that was shut.
        let told = server.call(&token, "POST /api/channels/dev/messages", "here");
        assert_eq!(told.status, 201, "{}", told.body);
        for rules in [json!({ "invite_only": true }), json!({ "key": "sesame" })] {
            let told = server.patch("/admin/channels/dev", json!({ "rules": rules }));
            assert_eq!(told.status, 200, "{}", told.body);
            is_followed(&mut follow().caught_up(1));
        }
        // It is invited to a channel that is shut.
        let told = server.delete("/admin/channels/dev/members/watch");
        assert_eq!(told.status, 204, "{}", told.body);
        let refused = EventStream::open(&server, &token, "channel=dev");
        assert_eq!(refused.map(|_| ()).unwrap_err().status, 404);
        ann.send("/invite @watch");
        let mut stream = None;
        wait_until("it is let in", || {
            stream = EventStream::open(&server, &token, "channel=dev").ok();
            stream.is_some()
        });
        ann.send("hello");
        stream.unwrap().expect_message("hello");
    }
}

#[test]
fn a_place_that_was_never_given_out_is_told_apart_and_goes_on_from_now() {
    const TO_COME: &str = "99999999999999-0";
    for history in ["on", "off"] {
        let server = Server::start(|config| config["history"] = history.into());
        let token = server.token_for("watch", &["read:*", "post:*"]);
        let mut ann = ann_in_both(&server);
        let first = say(&mut ann, "dev", "first");
        let query = format!("channel=dev&after={TO_COME}");
        let mut stream = EventStream::open(&server, &token, &query).unwrap();
        stream.expect("open");
        assert_ne!(stream.cursor, format!("dev:{TO_COME}"));
        assert_eq!(stream.expect("caught_up")["complete"], false);
        let second = say(&mut ann, "dev", "second");
        assert_eq!(stream.expect_message("second")["id"], second.as_str());
        ann.send("delete", json!({ "id": second }));
        assert_eq!(stream.expect("deleted")["id"], second.as_str());
        if history == "off" {
            continue;
        }
        // So it is for programs that ask now and then.
        let read = |after: &str| {
            let request = format!("GET /api/channels/dev/messages?after={after}");
            let told = server.call(&token, &request, "");
            assert_eq!(told.status, 200, "{}", told.body);
            told.json()
        };
        let told = read(TO_COME);
        assert_eq!(
            (&told["messages"], &told["complete"]),
            (&json!([]), &json!(false))
        );
        let next = told["next"].as_str().unwrap().to_owned();
        let third = say(&mut ann, "dev", "third");
        let told = read(&next);
        assert_eq!(told["messages"][0]["id"], third.as_str(), "{told}");
        assert_eq!(told["complete"], true);
        // Of a place that was given out it is known what came after it.
        assert_eq!(read(&first)["complete"], true);
    }
}

#[test]
fn a_slow_reader_is_told_so_at_the_end() {
    /// Many times as much as the kernel buffers at both ends.
    const MOST_MESSAGES: usize = 1_000;
    const ROUND: usize = 10;
    let server = Server::start(|config| {
        config["limits"] = json!({ "message_rate": 0, "backlog_bytes": 256 << 10 });
    });
    let text = |number: usize| format!("{}{number:08}", "long ".repeat(12_000));
    let scopes = ["read:*", "post:*"];
    let fields = json!({ "name": "watch", "scopes": scopes, "rate": 60_000 });
    let (_, token) = server.new_token(fields);
    let post = |text: &str| {
        let told = server.call(&token, "POST /api/channels/dev/messages", text);
        assert_eq!(told.status, 201, "{}", told.body);
    };
    post("first");
    let open = || EventStream::open(&server, &token, "channel=dev").unwrap();
    let (mut slow, mut quick) = (open().caught_up(1), open().caught_up(1));
    let mut sent = 0;
    let slow_readers = || {
        let metrics = server.get("/metrics").body;
        let mut lines = metrics.lines();
        let count = lines.find_map(|line| line.strip_prefix("chat_slow_readers_total "));
        count.unwrap().parse::<u32>().unwrap()
    };
    while slow_readers() == 0 {
        assert!(sent < MOST_MESSAGES, "it is still there");
        for number in sent..sent + ROUND {
            post(&text(number));
            // One that reads is not held up.
            quick.expect_message(&text(number));
        }
        sent += ROUND;
    }
    // What it reads after all is in order, and ends with the reason.
    let mut got = 0;
    let end = loop {
        match slow.next().expect("a reason at the end") {
            (name, told) if name == "message" => {
                assert_eq!(told["text"], text(got), "lost before {got}");
                got += 1;
            }
            (name, told) if name == "end" => break told,
            _ => {}
        }
    };
    assert_eq!(end["code"], "slow_reader");
    assert!(got < sent, "{got} of {sent}");
    assert_eq!(slow_readers(), 1);
    // It goes on where it was.
    let cursor = slow.cursor.clone();
    let mut again = EventStream::resume(&server, &token, "channel=dev", &cursor).unwrap();
    again.expect_message(&text(got));
}

#[test]
fn without_history_a_stream_tells_what_is_said_from_now_on() {
    let server = Server::start(|config| config["history"] = "off".into());
    let token = server.token_for("watch", &["read:*"]);
    let mut ann = ann_in_both(&server);
    say(&mut ann, "dev", "before");
    let stream = EventStream::open(&server, &token, "channel=dev&channel=ops").unwrap();
    let mut stream = stream.caught_up(2);
    say(&mut ann, "dev", "one");
    stream.expect_message("one");
}
