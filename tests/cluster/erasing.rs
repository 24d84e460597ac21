//! What an account has written is erased on all servers, and what is laid down for a channel holds
//! on all.

use serde_json::{Value, json};

use crate::shared::Common;
use crate::support::{JsonClient, Server, wait_until};

fn join(client: &mut JsonClient, room: &str) {
    client.send("join", json!({ "room": room }));
    while client.expect("joined")["room"] != room {}
}

/// Says something in a room, and returns the message's id.
fn say(client: &mut JsonClient, room: &str, body: &str) -> String {
    client.send(
        "message",
        json!({ "room": room, "body": body, "tag": body }),
    );
    loop {
        let stored = client.expect("stored");
        if stored["tag"] == body {
            return stored["id"].as_str().unwrap().to_owned();
        }
    }
}

/// Waits until a frame of this kind is about a message.
fn told(client: &mut JsonClient, kind: &str, id: &str) -> Value {
    loop {
        let frame = client.expect(kind);
        if frame["id"] == id {
            return frame;
        }
    }
}

/// Reacts as a user, and waits until that is told.
fn react(client: &mut JsonClient, user: &str, id: &str, sign: &str) {
    client.send("react", json!({ "id": id, "sign": sign, "on": true }));
    loop {
        let frame = told(client, "reacted", id);
        if frame["sign"] == sign && frame["user"] == user {
            return;
        }
    }
}

/// The messages of a room that are not deleted.
fn history(client: &mut JsonClient, room: &str) -> Vec<Value> {
    // On joining, the past of a room is told in such a frame, too.
    client.settle();
    client.send("history", json!({ "room": room, "limit": 500 }));
    let frame = client.expect("history");
    assert_eq!(frame["room"], room);
    let messages = frame["messages"].as_array().unwrap().iter();
    messages
        .filter(|it| it["deleted"] != true)
        .cloned()
        .collect()
}

fn bodies(client: &mut JsonClient, room: &str) -> Vec<String> {
    let messages = history(client, room).into_iter();
    messages
        .map(|it| it["body"].as_str().unwrap().to_owned())
        .collect()
}

fn erase(server: &Server, nickname: &str) {
    let answer = server.delete(&format!("/admin/accounts/{nickname}?messages=erase"));
    assert_eq!(answer.status, 202, "{}", answer.body);
}

/// The report of any server, once all is erased.
fn report(server: &Server, nickname: &str) -> Value {
    let mut report = Value::Null;
    wait_until("everything is erased", || {
        let answer = server.get(&format!("/admin/accounts/{nickname}/erasing"));
        assert_eq!(answer.status, 200, "{}", answer.body);
        report = answer.json();
        report["state"] == "erased"
    });
    report
}

fn lay_down(server: &Server, room: &str, keeping: Value) {
    let path = format!("/admin/channels/{room}/keeping");
    let answer = server.put(&path, keeping);
    assert_eq!(answer.status, 200, "{}", answer.body);
}

#[test]
fn what_an_account_has_written_is_erased_on_all_servers() {
    let common = Common::new();
    let [one, two] = common.servers();
    let tokens = ["ann", "bob"].map(|name| JsonClient::registered(&one, name));
    let mut ann = JsonClient::come_in(&one, &tokens[0]);
    let mut bob = JsonClient::come_in(&two, &tokens[1]);
    let mut eve = JsonClient::enter(&one, "eve");
    for client in [&mut ann, &mut bob, &mut eve] {
        join(client, "dev");
        join(client, "held");
    }
    let mut erased: Vec<String> = ["one", "two"].map(|it| say(&mut ann, "dev", it)).into();
    let evidence = say(&mut ann, "held", "evidence");
    let kept = say(&mut bob, "dev", "what stays");
    told(&mut ann, "message", &kept);
    ann.send("private", json!({ "to": "bob", "body": "for you" }));
    erased.push(bob.expect("private")["id"].as_str().unwrap().to_owned());
    react(&mut ann, "ann", &kept, "👍");
    react(&mut bob, "bob", &kept, "👍");
    react(&mut ann, "ann", &kept, "yum");
    lay_down(&one, "held", json!({ "hold": true }));
    // The order comes to the server that ann is not on.
    erase(&two, "ann");
    assert_eq!(ann.expect("bye")["code"], "account_deleted");
    let mut deleted: Vec<String> = Vec::new();
    while deleted.len() < erased.len() {
        let frame = bob.expect("deleted");
        deleted.push(frame["id"].as_str().unwrap().to_owned());
    }
    deleted.sort();
    erased.sort();
    assert_eq!(deleted, erased);
    let counts = json!([2, 1, 1, 2, 1]);
    for server in [&one, &two] {
        let report = report(server, "ann");
        let names = [
            "messages",
            "channels",
            "direct_messages",
            "reactions",
            "held",
        ];
        assert_eq!(json!(names.map(|it| report[it].clone())), counts);
    }
    // The reactions are taken back on every screen, and on a server that starts afterwards.
    let left = json!([{ "sign": "👍", "count": 1, "users": ["bob"] }]);
    let [three, _] = common.servers();
    let mut dan = JsonClient::enter(&three, "dan");
    join(&mut dan, "dev");
    join(&mut dan, "held");
    for client in [&mut bob, &mut eve, &mut dan] {
        let there = history(client, "dev");
        assert_eq!(there.len(), 1);
        assert_eq!(
            (&there[0]["body"], &there[0]["reactions"]),
            (&json!("what stays"), &left)
        );
        assert_eq!(bodies(client, "held"), ["evidence"]);
    }
    bob.send("thread", json!({ "user": "ann" }));
    let thread = bob.expect("thread");
    let thread = thread["messages"].as_array().unwrap().iter();
    assert!(thread.clone().all(|it| it["deleted"] == true));
    // Once the hold has ended, the rest goes, by the order of yet another server.
    lay_down(&three, "held", json!({ "hold": false }));
    erase(&three, "ann");
    told(&mut eve, "deleted", &evidence);
    assert_eq!(report(&one, "ann")["held"], 0);
}

#[test]
fn what_is_laid_down_for_a_channel_holds_on_all_servers() {
    const SAID: usize = 30;
    let common = Common::new();
    let [one, two] = common.servers();
    let mut ann = JsonClient::enter(&one, "ann");
    let mut bob = JsonClient::enter(&two, "bob");
    for client in [&mut ann, &mut bob] {
        join(client, "dev");
        join(client, "short");
    }
    let evidence = say(&mut bob, "dev", "evidence");
    told(&mut ann, "message", &evidence);
    lay_down(&one, "dev", json!({ "hold": true, "messages": 20 }));
    let shown = two.get("/admin/channels/dev/keeping").json();
    assert_eq!(
        (&shown["hold"], &shown["messages"]),
        (&json!(true), &json!(20))
    );
    for (frame, rest) in [
        ("edit", json!({ "id": evidence, "body": "something else" })),
        ("delete", json!({ "id": evidence })),
    ] {
        bob.send(frame, rest);
        assert_eq!(bob.expect("error")["code"], "on_hold");
    }
    lay_down(&two, "short", json!({ "messages": 20 }));
    for room in ["dev", "short"] {
        for n in 0..SAID {
            say(&mut ann, room, &format!("{room} {n}"));
        }
    }
    // A server looks what is to be removed when it starts, and then once a minute.
    wait_until("all of it is stored", || {
        let query = json!({ "room": "short", "query": "29" });
        bob.send("search", query);
        bob.expect("found")["messages"] != json!([])
    });
    let _three = common.server();
    for client in [&mut ann, &mut bob] {
        wait_until("what is too much is removed", || {
            bodies(client, "short").len() == 20
        });
        assert_eq!(bodies(client, "short").last().unwrap(), "short 29");
        // Nothing of what is on hold is.
        assert_eq!(bodies(client, "dev").len(), SAID + 1);
    }
    lay_down(&two, "dev", json!({ "hold": false }));
    let _four = common.server();
    for client in [&mut ann, &mut bob] {
        wait_until("what was on hold is removed", || {
            bodies(client, "dev").len() == 20
        });
    }
}
