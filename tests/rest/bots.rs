//! Everyone is shown which users are programs, and what they have said, on every protocol.

use serde_json::{Value, json};

use crate::support::{EventStream, IrcClient, JsonClient, LineClient, Server};

/// A server with IRC, and a program that has posted in #dev, where ann is with a client.
fn start() -> (Server, String, JsonClient) {
    let server = Server::start(|config| config["listen"]["irc"] = "127.0.0.1:0".into());
    let token = server.token_for("builds", &["post:#dev", "read:#dev"]);
    let mut ann = JsonClient::enter(&server, "ann");
    ann.send("join", json!({ "room": "dev" }));
    while ann.expect("joined")["room"] != "dev" {}
    (server, token, ann)
}

fn post(server: &Server, token: &str, text: &str) {
    let told = server.call(token, "POST /api/channels/dev/messages", text);
    assert_eq!(told.status, 201, "{}", told.body);
}

fn say(client: &mut JsonClient, body: &str) {
    client.send("message", json!({ "room": "dev", "body": body }));
    let said = client.expect("message");
    assert_eq!((&said["body"], &said["bot"]), (&json!(body), &Value::Null));
}

/// Of the messages in a list, who has said each, and whether that is marked as a program's.
fn authors(list: &Value, field: &str) -> Vec<(String, bool)> {
    let list = list.as_array().unwrap().iter();
    let author = |it: &Value| it[field].as_str().unwrap().to_owned();
    list.map(|it| (author(it), it["bot"] == true)).collect()
}

fn both() -> Vec<(String, bool)> {
    vec![("ann".to_owned(), false), ("builds".to_owned(), true)]
}

#[test]
fn json_clients_are_told_of_messages_lists_and_users() {
    let (mut server, token, mut ann) = start();
    say(&mut ann, "hello");
    let watch = server.token_for("watch", &["read:#dev"]);
    let mut stream = EventStream::open(&server, &watch, "channel=dev")
        .unwrap()
        .caught_up(1);
    let came = ann.expect("join");
    assert_eq!(
        (&came["user"], &came["bot"]),
        (&json!("watch"), &json!(true))
    );
    post(&server, &token, "build 1 ok");
    let came = stream.expect("joined");
    assert_eq!(
        (&came["user"], &came["bot"]),
        (&json!("builds"), &json!(true))
    );
    let mut eve = JsonClient::enter(&server, "eve");
    eve.send("join", json!({ "room": "dev" }));
    let came = stream.expect("joined");
    assert_eq!((&came["user"], &came["bot"]), (&json!("eve"), &Value::Null));
    let told = ann.expect("message");
    assert_eq!(
        (&told["from"], &told["bot"]),
        (&json!("builds"), &json!(true))
    );
    ann.send("listusers", json!({ "room": "dev" }));
    assert_eq!(ann.expect("users")["bots"], json!(["builds", "watch"]));
    for (user, is_bot) in [("builds", json!(true)), ("ann", Value::Null)] {
        ann.send("whois", json!({ "user": user }));
        let card = ann.expect("user");
        assert_eq!((&card["user"], &card["bot"]), (&json!(user), &is_bot));
    }
    ann.send("history", json!({ "room": "dev" }));
    assert_eq!(authors(&ann.expect("history")["messages"], "from"), both());
    // Those who read it later see the same, whether the bot is there or not.
    server.restart();
    let mut bob = JsonClient::enter(&server, "bob");
    bob.send("join", json!({ "room": "dev" }));
    while bob.expect("joined")["room"] != "dev" {}
    bob.send("history", json!({ "room": "dev" }));
    assert_eq!(authors(&bob.expect("history")["messages"], "from"), both());
    bob.send("listusers", json!({ "room": "dev" }));
    assert!(bob.expect("users")["bots"].is_null());
    // A list without programs says nothing of them.
    bob.send("listusers", json!({ "room": "global" }));
    assert!(bob.expect("users").get("bots").is_none());
}

#[test]
fn programs_and_administrators_are_told_too() {
    let (server, token, mut ann) = start();
    let mut stream = EventStream::open(&server, &token, "channel=dev")
        .unwrap()
        .caught_up(1);
    say(&mut ann, "hello");
    post(&server, &token, "build 1 ok");
    let told = [stream.expect("message"), stream.expect("message")];
    assert_eq!(authors(&json!(told), "author"), both());
    let read = server
        .call(&token, "GET /api/channels/dev/messages", "")
        .json();
    assert_eq!(authors(&read["messages"], "author"), both());
    let users = server.get("/admin/users").json();
    let all = authors(&users["users"], "nickname");
    assert!(
        all.contains(&both()[0]) && all.contains(&both()[1]),
        "{all:?}"
    );
    // Also by the connections of its streams alone.
    assert!(
        all.iter()
            .all(|(name, is_bot)| *is_bot == (name == "builds")),
        "{all:?}"
    );
    let channel = server.get("/admin/channels/dev").json();
    assert_eq!(channel["bots"], json!(["builds"]));
    let global = server.get("/admin/channels/global").json();
    assert!(global.get("bots").is_none(), "{global}");
}

#[test]
fn irc_clients_are_told_by_a_tag_and_a_flag() {
    let (server, token, _ann) = start();
    let caps = "message-tags server-time draft/chathistory batch";
    let mut eve = IrcClient::enter_with(&server, "eve", caps);
    eve.send("JOIN #dev");
    eve.settle();
    post(&server, &token, "build 1 ok");
    let line = eve.expect("PRIVMSG #dev :build 1 ok");
    let has_tag = |line: &str| {
        let tags = line
            .strip_prefix('@')
            .and_then(|line| line.split(' ').next());
        tags.is_some_and(|tags| tags.split(';').any(|tag| tag == "bot"))
    };
    assert!(has_tag(&line), "{line}");
    eve.send("CHATHISTORY LATEST #dev * 10");
    let line = eve.expect("PRIVMSG #dev :build 1 ok");
    assert!(has_tag(&line), "{line}");
    eve.send("WHO #dev");
    let rows = eve.settle();
    let row = |name: &str| {
        let mut rows = rows.iter();
        rows.find(|row| row.contains(&format!(" {name} ")))
            .unwrap()
            .clone()
    };
    assert!(row("builds").contains(" builds HB"), "{rows:?}");
    assert!(!row("ann").contains(" ann HB"), "{rows:?}");
    eve.send("WHOIS builds");
    let card = eve.settle().join("\n");
    assert!(card.contains("builds :is a bot"), "{card}");
}

#[test]
fn nobody_signs_in_as_a_program_and_it_has_no_address() {
    let server = Server::start(|_| {});
    JsonClient::registered(&server, "ann");
    let _ann = LineClient::enter(&server, "guest");
    let token = server.token_for("builds", &["post:#dev"]);
    post(&server, &token, "built");
    let words = "builds is a program: it has tokens and no password";
    let password = json!({"password": "a long password"});
    let told = server.put("/admin/accounts/builds/password", password);
    assert_eq!(told.status, 409, "{}", told.body);
    assert!(told.body.contains(words), "{}", told.body);
    let told = server.post("/admin/accounts/builds/reset", json!({}));
    assert_eq!(told.status, 409, "{}", told.body);
    assert!(told.body.contains(words), "{}", told.body);
    let form = [("nickname", "builds"), ("password", "a long password")];
    assert_eq!(server.post_form("/auth", &form).status, 401);
    let told = server.post("/admin/accounts/ann/reset", json!({}));
    assert_eq!(told.status, 201, "{}", told.body);
    let users = server.get("/admin/users").json()["users"].take();
    for user in users.as_array().unwrap() {
        let is_bot = user["nickname"] == "builds";
        assert_eq!(user["address"].is_null(), is_bot, "{user}");
    }
}
