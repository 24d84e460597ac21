//! Everything that an account has written is erased, by an administrator or by its owner, and channels
//! that are on hold stay whole.

use serde_json::{Value, json};

use crate::support::{Answer, JsonClient, Server, wait_until};

/// The password of [`JsonClient::registered`].
const PASSWORD: &str = "long enough";

fn start() -> Server {
    Server::start(|config| {
        config["limits"]["auth_attempts"] = 0.into();
        config["limits"]["message_rate"] = 0.into();
    })
}

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

/// The texts of a room's history that are shown.
fn history(client: &mut JsonClient, room: &str) -> Vec<String> {
    client.send("history", json!({ "room": room, "limit": 500 }));
    let frame = client.expect("history");
    let messages = frame["messages"].as_array().unwrap().iter();
    let left = messages.filter(|it| it["deleted"] != true);
    left.map(|it| it["body"].as_str().unwrap().to_owned())
        .collect()
}

fn erase(server: &Server, nickname: &str) {
    let answer = server.delete(&format!("/admin/accounts/{nickname}?messages=erase"));
    assert_eq!(answer.status, 202, "{}", answer.body);
    assert_eq!(answer.json()["username"], nickname);
}

/// The report, once all is erased.
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

/// Messages, channels, direct messages, and what is held, of a report.
fn counts(report: &Value) -> [u64; 4] {
    ["messages", "channels", "direct_messages", "held"].map(|it| report[it].as_u64().unwrap())
}

fn hold(server: &Server, room: &str, hold: bool) {
    let path = format!("/admin/channels/{room}/keeping");
    let answer = server.put(&path, json!({ "hold": hold }));
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!(answer.json()["hold"], hold);
}

#[test]
fn everything_that_an_account_has_written_is_erased() {
    let server = start();
    let tokens = ["ann", "bob"].map(|name| JsonClient::registered(&server, name));
    let [mut ann, mut bob] = tokens.map(|token| JsonClient::come_in(&server, &token));
    for room in ["dev", "ops"] {
        join(&mut ann, room);
        join(&mut bob, room);
    }
    let mut erased: Vec<String> = ["one", "two"].map(|body| say(&mut ann, "dev", body)).into();
    say(&mut bob, "dev", "three");
    erased.push(say(&mut ann, "ops", "four"));
    ann.send("private", json!({ "to": "bob", "body": "five" }));
    let five = bob.expect("private");
    erased.push(five["id"].as_str().unwrap().to_owned());
    bob.send("private", json!({ "to": "ann", "body": "six" }));
    ann.expect("private");
    erase(&server, "ann");
    // Everyone who sees them is told, in any order.
    let mut told: Vec<String> = Vec::new();
    while told.len() < erased.len() {
        let frame = bob.expect("deleted");
        told.push(frame["id"].as_str().unwrap().to_owned());
    }
    told.sort();
    erased.sort();
    assert_eq!(told, erased);
    assert_eq!(counts(&report(&server, "ann")), [3, 2, 1, 0]);
    assert_eq!(history(&mut bob, "dev"), ["three"]);
    assert_eq!(history(&mut bob, "ops"), Vec::<String>::new());
    bob.send("thread", json!({ "user": "ann" }));
    let thread = bob.expect("thread");
    let thread = thread["messages"].as_array().unwrap().iter();
    let left: Vec<_> = thread.filter(|it| it["deleted"] != true).collect();
    assert_eq!(left.len(), 1);
    assert_eq!(left[0]["body"], "six");
    let found = server.get("/admin/messages?q=two");
    assert_eq!(found.json()["messages"], json!([]));
    let words =
        "erased what ann has written: 3 messages in 2 channels, 1 direct messages, 0 reactions";
    server.log_with("kind=admin&nick=ann", &[words]);
    // The account is gone, and its name is not free.
    let answer = server.post_form("/auth", &[("nickname", "ann"), ("password", PASSWORD)]);
    assert_ne!(answer.status, 201);
}

/// Reacts as a user, and waits until that is told.
fn react(client: &mut JsonClient, user: &str, id: &str, sign: &str) {
    client.send("react", json!({ "id": id, "sign": sign, "on": true }));
    loop {
        let frame = client.expect("reacted");
        if frame["id"] == id && frame["sign"] == sign && frame["user"] == user {
            return;
        }
    }
}

/// Waits until a client is told that someone has taken a sign back from a message.
fn taken_back(client: &mut JsonClient, id: &str, user: &str) {
    loop {
        let frame = client.expect("reacted");
        if frame["id"] == id && frame["user"] == user && frame["on"] == false {
            return;
        }
    }
}

#[test]
fn what_an_account_has_reacted_with_is_taken_back() {
    let server = start();
    let tokens = ["ann", "bob"].map(|name| JsonClient::registered(&server, name));
    let [mut ann, mut bob] = tokens.map(|token| JsonClient::come_in(&server, &token));
    join(&mut ann, "dev");
    join(&mut bob, "dev");
    let said = say(&mut bob, "dev", "lunch is here");
    bob.send("private", json!({ "to": "ann", "body": "for you" }));
    let private = ann.expect("private")["id"].as_str().unwrap().to_owned();
    react(&mut ann, "ann", &said, "👍");
    react(&mut bob, "bob", &said, "👍");
    react(&mut ann, "ann", &said, "yum");
    react(&mut ann, "ann", &private, "👍");
    erase(&server, "ann");
    taken_back(&mut bob, &said, "ann");
    let report = report(&server, "ann");
    assert_eq!((counts(&report), &report["reactions"]), ([0; 4], &json!(3)));
    bob.send("history", json!({ "room": "dev" }));
    let frame = bob.expect("history");
    let left = json!([{ "sign": "👍", "count": 1, "users": ["bob"] }]);
    assert_eq!(frame["messages"][0]["reactions"], left);
    bob.send("thread", json!({ "user": "ann" }));
    let thread = bob.expect("thread");
    assert_eq!(thread["messages"][0]["reactions"], json!([]));
    let trail = server.log_texts("kind=admin&nick=ann", 3);
    assert!(
        trail.iter().any(|it| it.ends_with(", 3 reactions")),
        "{trail:?}"
    );
}

#[test]
fn erasing_goes_on_after_the_server_was_killed() {
    const MESSAGES: usize = 300;
    let mut server = start();
    let tokens = ["ann", "bob"].map(|name| JsonClient::registered(&server, name));
    let [mut ann, mut bob] = tokens.map(|token| JsonClient::come_in(&server, &token));
    join(&mut ann, "dev");
    join(&mut bob, "dev");
    for n in 0..MESSAGES {
        say(&mut ann, "dev", &format!("message {n}"));
    }
    erase(&server, "ann");
    // It has begun, and is not at its end.
    bob.expect("deleted");
    server.kill();
    server.start_again();
    assert_eq!(counts(&report(&server, "ann")), [MESSAGES as u64, 1, 0, 0]);
    let mut bob = JsonClient::enter(&server, "eve");
    join(&mut bob, "dev");
    assert_eq!(history(&mut bob, "dev"), Vec::<String>::new());
}

fn leave(server: &Server, fields: &[(&str, &str)]) -> Answer {
    let url = format!("http://{}/auth/account", server.web());
    let form: Vec<String> = fields
        .iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    let config = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .build();
    let request = ureq::Agent::from(config)
        .delete(url)
        .force_send_body()
        .content_type("application/x-www-form-urlencoded");
    Answer::of(request.send(form.join("&")))
}

#[test]
fn the_owner_of_an_account_deletes_it_with_everything_written() {
    let server = start();
    let tokens = ["ann", "bob"].map(|name| JsonClient::registered(&server, name));
    let [mut ann, mut bob] = tokens.map(|token| JsonClient::come_in(&server, &token));
    join(&mut ann, "dev");
    join(&mut bob, "dev");
    let id = say(&mut ann, "dev", "mine");
    let password = PASSWORD.replace(' ', "+");
    let ask = |password: &str, messages: &str| {
        let fields = [
            ("nickname", "ann"),
            ("password", password),
            ("messages", messages),
        ];
        leave(&server, &fields)
    };
    assert_eq!(ask("a+wrong+guess", "erase").status, 401);
    assert_eq!(ask(&password, "burn").status, 400);
    assert_eq!(ask("", "erase").status, 400);
    let answer = ask(&password, "erase");
    assert_eq!(answer.status, 202, "{}", answer.body);
    assert_eq!(ann.expect("bye")["code"], "account_deleted");
    assert_eq!(bob.expect("deleted")["id"], id.as_str());
    assert_eq!(counts(&report(&server, "ann")), [1, 1, 0, 0]);
    assert_eq!(ask(&password, "erase").status, 401);
    // Without that word everything stays.
    say(&mut bob, "dev", "what stays");
    let fields = [("nickname", "bob"), ("password", password.as_str())];
    assert_eq!(leave(&server, &fields).status, 204);
    assert_eq!(server.get("/admin/accounts/bob/erasing").status, 404);
    let mut eve = JsonClient::enter(&server, "eve");
    join(&mut eve, "dev");
    assert_eq!(history(&mut eve, "dev"), ["what stays"]);
}

#[test]
fn nothing_is_edited_deleted_or_erased_in_a_channel_on_hold() {
    let server = start();
    let token = JsonClient::registered(&server, "ann");
    let mut ann = JsonClient::come_in(&server, &token);
    join(&mut ann, "dev");
    join(&mut ann, "ops");
    let id = say(&mut ann, "dev", "evidence");
    say(&mut ann, "ops", "nothing");
    hold(&server, "dev", true);
    for (frame, rest) in [
        ("edit", json!({ "id": id, "body": "something else" })),
        ("delete", json!({ "id": id })),
    ] {
        ann.send(frame, rest);
        assert_eq!(ann.expect("error")["code"], "on_hold");
    }
    assert_eq!(history(&mut ann, "dev"), ["evidence"]);
    erase(&server, "ann");
    assert_eq!(counts(&report(&server, "ann")), [1, 1, 0, 1]);
    let mut eve = JsonClient::enter(&server, "eve");
    join(&mut eve, "dev");
    assert_eq!(history(&mut eve, "dev"), ["evidence"]);
    // Once the hold has ended, it is ordered again.
    hold(&server, "dev", false);
    erase(&server, "ann");
    assert_eq!(eve.expect("deleted")["id"], id.as_str());
    assert_eq!(counts(&report(&server, "ann")), [1, 1, 0, 0]);
    let trail = server.log_texts("kind=admin&channel=dev", 2);
    assert!(
        trail.iter().any(|it| it.contains("on hold: yes")),
        "{trail:?}"
    );
}

#[test]
fn what_is_laid_down_for_a_channel_names_mistakes() {
    let server = start();
    let put = |body: Value| server.put("/admin/channels/dev/keeping", body);
    for (body, field) in [
        (json!({ "days": 40_000 }), "days"),
        (json!({ "messages": 5 }), "messages"),
        (json!({ "hold": "yes" }), "hold"),
        (json!({ "held": true }), "held"),
    ] {
        let answer = put(body);
        assert_eq!(answer.status, 400, "{}", answer.body);
        assert!(answer.body.contains(field), "{}", answer.body);
    }
    assert_eq!(
        server
            .put("/admin/channels/a%20b/keeping", json!({}))
            .status,
        400
    );
    let answer = put(json!({ "days": 30, "messages": 20 }));
    assert_eq!(answer.status, 200, "{}", answer.body);
    // What is not named stays.
    put(json!({ "hold": true }));
    let shown = server.get("/admin/channels/DEV/keeping").json();
    let expected = json!({ "channel": "DEV", "days": 30, "messages": 20, "hold": true });
    assert_eq!(shown, expected);
    let refused = server.delete("/admin/accounts/ann?messages=some");
    assert_eq!(refused.status, 400, "{}", refused.body);
}
