//! Messages of channels are edited, deleted and reacted to by REST: by accounts with their rights in
//! the channel, and deleted by administrators.

use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};
use ureq::http::{Method, Request};

use crate::support::{
    Answer, DEADLINE, IrcClient, JsonClient, Server, User, WsClient, call as call_raw,
};

/// An account that calls the API.
struct Account {
    token: Value,
}

impl Account {
    /// Registers an account, and has a client of it join a room.
    fn enter(server: &Server, name: &str, room: &str) -> (Account, JsonClient) {
        let pass = JsonClient::registered(server, name);
        let form = [("username", name), ("password", "long enough")];
        let answer = server.post_form("/api/auth_token", &form);
        let token = answer.json()["data"][0].clone();
        assert!(token["access_key_id"].is_string(), "{}", answer.body);
        let mut client = JsonClient::come_in(server, &pass);
        client.send("join", json!({ "room": room }));
        client.expect("joined");
        (Account { token }, client)
    }

    fn jwt(&self) -> String {
        let mut header = Header::new(Algorithm::HS256);
        let key = |field: &str| self.token[field].as_str().unwrap().to_owned();
        header.extras.insert("access_key", key("access_key_id"));
        let secret = key("secret_access_key");
        let secret = EncodingKey::from_secret(secret.as_bytes());
        encode(&header, &json!({}), &secret).unwrap()
    }

    /// A signed call. Returns the status, and the code of the error if there is one.
    fn call(&self, server: &Server, method: &str, path: &str, body: &Value) -> (u16, Value) {
        call(server, method, path, Some(&self.jwt()), body)
    }
}

fn call(
    server: &Server,
    method: &str,
    path: &str,
    token: Option<&str>,
    body: &Value,
) -> (u16, Value) {
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .timeout_global(Some(DEADLINE))
        .build()
        .into();
    let mut request = Request::builder()
        .method(Method::from_bytes(method.as_bytes()).unwrap())
        .uri(format!("http://{}{path}", server.web()));
    if let Some(token) = token {
        request = request.header("Authorization", format!("Bearer {token}"));
    }
    let body = match body {
        Value::Null => String::new(),
        body => body.to_string(),
    };
    let request = agent.configure_request(request.body(body).unwrap());
    let request = request.allow_non_standard_methods(true).build();
    let answer = agent.run(request).unwrap();
    let status = answer.status().as_u16();
    let body = answer.into_body().read_to_string().unwrap();
    let body: Value = serde_json::from_str(&body).unwrap_or_default();
    (status, body["error"]["code"].clone())
}

fn say(client: &mut JsonClient, room: &str, body: &str) -> String {
    client.send("message", json!({ "room": room, "body": body }));
    loop {
        let frame = client.expect("message");
        if frame["body"] == body {
            return frame["id"].as_str().unwrap().to_owned();
        }
    }
}

fn at(room: &str, id: &str) -> String {
    format!("/api/channels/{room}/messages/{id}")
}

const DONE: (u16, Value) = (204, Value::Null);
const THUMB: &str = "%F0%9F%91%8D";

fn refused(status: u16, code: &str) -> (u16, Value) {
    (status, json!(code))
}

#[test]
fn an_account_changes_messages_with_its_rights() {
    let server = Server::start(|config| config["limits"]["auth_attempts"] = 0.into());
    let (ann, mut ann_client) = Account::enter(&server, "ann", "dev");
    let (bob, mut bob_client) = Account::enter(&server, "bob", "dev");
    let (eve, _eve_client) = Account::enter(&server, "eve", "other");
    let id = say(&mut bob_client, "dev", "teh cat");
    let path = at("dev", &id);
    let text = json!({ "text": "the cat" });
    assert_eq!(bob.call(&server, "PATCH", &path, &text), DONE);
    let frame = ann_client.expect("edited");
    assert_eq!(
        (&frame["id"], &frame["body"]),
        (&json!(id), &json!("the cat"))
    );
    assert_eq!(
        ann.call(&server, "PATCH", &path, &text),
        refused(409, "not_author")
    );
    // Signs are percent-encoded in the path.
    let sign = format!("{path}/reactions/{THUMB}");
    for _ in 0..2 {
        assert_eq!(ann.call(&server, "PUT", &sign, &Value::Null), DONE);
    }
    let frame = bob_client.expect("reacted");
    assert_eq!(
        (&frame["user"], &frame["sign"]),
        (&json!("ann"), &json!("👍"))
    );
    assert_eq!(ann.call(&server, "DELETE", &sign, &Value::Null), DONE);
    assert_eq!(bob_client.expect("reacted")["on"], false);
    let wrong = format!("{path}/reactions/two%20words");
    assert_eq!(ann.call(&server, "PUT", &wrong, &Value::Null).0, 400);
    assert_eq!(bob.call(&server, "PATCH", &path, &json!({})).0, 400);
    assert_eq!(bob.call(&server, "PATCH", &at("dev", "x"), &text).0, 400);
    // An account that is not there is told the same of what exists and of what does not.
    let nothing = at("dev", "1763712000123-0");
    for path in [&path, &nothing] {
        assert_eq!(
            eve.call(&server, "PATCH", path, &text),
            refused(409, "not_in_channel")
        );
    }
    let missing = refused(404, "no_such_message");
    assert_eq!(bob.call(&server, "PATCH", &nothing, &text), missing);
    // Nor is a message in another channel than the path says.
    let elsewhere = say(&mut ann_client, "dev", "here");
    ann_client.send("join", json!({ "room": "other" }));
    ann_client.expect("joined");
    let path_elsewhere = at("other", &elsewhere);
    assert_eq!(ann.call(&server, "PATCH", &path_elsewhere, &text), missing);
    // Without a signature, nothing.
    assert_eq!(call(&server, "DELETE", &path, None, &Value::Null).0, 401);
    // Ann operates the channel, so she deletes what bob said, and says why.
    assert_eq!(
        bob.call(&server, "DELETE", &at("dev", &elsewhere), &Value::Null),
        refused(409, "not_operator")
    );
    let why = format!("{path}?reason=spam");
    assert_eq!(ann.call(&server, "DELETE", &why, &Value::Null), DONE);
    let frame = bob_client.expect("deleted");
    let told = ["id", "by", "reason"].map(|field| frame[field].as_str().unwrap());
    assert_eq!(told, [id.as_str(), "ann", "spam"]);
    for method in ["PATCH", "DELETE"] {
        assert_eq!(bob.call(&server, method, &path, &text), missing);
    }
}

/// An id of the same time: no message has it.
fn beside(id: &str) -> String {
    let (ms, sequence) = id.split_once('-').unwrap();
    let sequence: u64 = sequence.parse().unwrap();
    format!("{ms}-{}", sequence + 1000)
}

#[test]
fn no_call_tells_a_message_that_may_not_be_read_from_none() {
    let server = Server::start(|config| {
        config["limits"]["auth_attempts"] = 0.into();
        config["limits"]["message_rate"] = 0.into();
    });
    let (_ann, mut ann) = Account::enter(&server, "ann", "lair");
    for (room, rule) in [("lair", "secret"), ("club", "since")] {
        ann.send("join", json!({ "room": room }));
        ann.send("register_room", json!({ "room": room }));
        while ann.expect("rules")["room"] != room {}
        let change = match rule {
            "since" => json!({ "rule": "history", "value": "since" }),
            rule => json!({ "rule": rule, "value": true }),
        };
        ann.send("setrules", json!({ "room": room, "changes": [change] }));
        while ann.expect("rules")["changes"].is_null() {}
    }
    ann.send("join", json!({ "room": "open" }));
    let hidden = ["lair", "club", "open"].map(|room| say(&mut ann, room, "the plan"));
    let (bob, mut bob_client) = Account::enter(&server, "bob", "dev");
    bob_client.send("join", json!({ "room": "club" }));
    while bob_client.expect("joined")["room"] != "club" {}
    let (_cat, mut cat) = Account::enter(&server, "cat", "dev");
    cat.send("private", json!({ "to": "ann", "body": "the plan" }));
    let private = ann.expect("private")["id"].as_str().unwrap().to_owned();
    ann.send("join", json!({ "room": "dev" }));
    while ann.expect("joined")["room"] != "dev" {}
    let gone = say(&mut ann, "dev", "the plan");
    ann.send("delete", json!({ "id": gone }));
    ann.expect("deleted");
    for client in [&mut ann, &mut cat, &mut bob_client] {
        client.settle();
    }
    let calls = [
        ("PATCH", "", json!({ "text": "mine" })),
        ("PATCH", "", json!({ "text": "" })),
        ("DELETE", "", Value::Null),
        ("DELETE", "?reason=spam", Value::Null),
        ("PUT", "/reactions/lol", Value::Null),
        ("DELETE", "/reactions/lol", Value::Null),
    ];
    for id in hidden.iter().chain([&private, &gone]) {
        for room in ["lair", "club", "open", "dev", "nowhere"] {
            for (method, end, body) in &calls {
                let told = [id.clone(), beside(id)].map(|id| {
                    let path = format!("{}{end}", at(room, &id));
                    bob.call(&server, method, &path, body)
                });
                assert_eq!(told[0], told[1], "{method} {end} in {room}");
                assert_ne!(told[0].0, 204, "{method} {end} in {room}");
            }
        }
    }
    // Nor does the room of a message say that it is there.
    for (method, end, body) in &calls {
        let told = ["lair", "nowhere"].map(|room| {
            let path = format!("{}{end}", at(room, &hidden[0]));
            bob.call(&server, method, &path, body)
        });
        assert_eq!(told[0], told[1], "{method} {end}");
    }
    // Nothing has changed, and nobody was told anything.
    let changes = ["edited", "deleted", "reacted", "reactions"];
    for client in [&mut ann, &mut cat, &mut bob_client] {
        let told = client.settle();
        assert!(
            !told.iter().any(|it| changes.contains(&it.as_str())),
            "{told:?}"
        );
    }
}

#[test]
fn reactions_stand_with_the_messages_of_a_thread() {
    let server = Server::start(|_| {});
    let (ann, mut ann_client) = Account::enter(&server, "ann", "dev");
    let (_, mut bob_client) = Account::enter(&server, "bob", "dev");
    ann_client.send("private", json!({ "to": "bob", "body": "tea?" }));
    let id = bob_client.expect("private")["id"].clone();
    bob_client.send("react", json!({ "id": id, "sign": "👍" }));
    ann_client.expect("reacted");
    let thread = server.get_as(&ann.jwt(), "/api/thread/bob").json();
    assert_eq!(
        thread["data"][0]["reactions"],
        json!([{ "sign": "👍", "count": 1, "users": ["bob"] }]),
        "{thread}"
    );
}

#[test]
fn an_administrator_deletes_any_message_of_a_channel() {
    let server = Server::start(|_| {});
    let (_, mut ann) = Account::enter(&server, "ann", "dev");
    let id = say(&mut ann, "dev", "an insult");
    let path = format!("/admin/channels/dev/messages/{id}");
    let status = |answer: Answer| answer.status;
    assert_eq!(status(server.delete_as("wrong", &path)), 401);
    let elsewhere = path.replace("/dev/", "/other/");
    assert_eq!(status(server.delete(&elsewhere)), 404);
    assert_eq!(status(server.delete("/admin/channels/dev/messages/x")), 400);
    let answer = server.delete(&format!("{path}?reason=an%20insult"));
    assert_eq!(answer.status, 204, "{}", answer.body);
    let frame = ann.expect("deleted");
    let told = ["id", "by", "reason"].map(|field| frame[field].as_str().unwrap());
    assert_eq!(told, [id.as_str(), "administrator", "an insult"]);
    assert_eq!(frame["body"], "an administrator removed a message.");
    assert_eq!(status(server.delete(&path)), 404);
    let what = format!("deleted message {id} in #dev");
    server.log_with("kind=admin", &[&what]);
}

/// A call of an account as it was answered: status, code, and the seconds to wait.
fn paced(account: &Account, server: &Server, request: &str, body: &Value) -> (u16, String, u64) {
    let told = call_raw(
        server.web(),
        &account.jwt(),
        request,
        "Content-Type: application/json\r\n",
        &body.to_string(),
    );
    let wait = told
        .field("Retry-After")
        .map_or(0, |it| it.parse().unwrap());
    let code = match told.status {
        204 => String::new(),
        _ => told.code(),
    };
    (told.status, code, wait)
}

#[test]
fn an_account_that_changes_messages_too_fast_waits_and_nobody_else_does() {
    let server = Server::start(|config| {
        // Twelve a minute; a client may say as many at once.
        config["limits"] = json!({ "auth_attempts": 0, "message_rate": 0.2, "message_burst": 12 });
    });
    let (ann, mut ann_client) = Account::enter(&server, "ann", "dev");
    let (bob, mut bob_client) = Account::enter(&server, "bob", "dev");
    let mine = at("dev", &say(&mut ann_client, "dev", "one"));
    let theirs = at("dev", &say(&mut bob_client, "dev", "two"));
    let text = json!({ "text": "changed" });
    let edit = format!("PATCH {mine}");
    let mut done = 0;
    let refused = loop {
        match paced(&ann, &server, &edit, &text) {
            (204, ..) => done += 1,
            refused => break refused,
        }
        assert!(done < 100, "there is no limit");
    };
    assert!(done >= 12, "{done}");
    assert_eq!((refused.0, refused.1.as_str()), (429, "too_fast"));
    assert!((1..=5).contains(&refused.2), "{refused:?}");
    // Another account has calls of its own, from the same address.
    let told = paced(&bob, &server, &format!("PATCH {theirs}"), &text);
    assert_eq!(told.0, 204, "{told:?}");
}

#[test]
fn deletions_and_reactions_count_as_edits_do() {
    let server = Server::start(|config| {
        config["limits"] = json!({ "auth_attempts": 0, "message_rate": 0.1, "message_burst": 12 });
    });
    let (ann, mut ann_client) = Account::enter(&server, "ann", "dev");
    let path = at("dev", &say(&mut ann_client, "dev", "one"));
    let calls = [
        format!("PUT {path}/reactions/lol"),
        format!("DELETE {path}/reactions/lol"),
        format!("DELETE {path}"),
    ];
    // A call that is refused for another reason has been made, too.
    let mut round = calls.iter().cycle();
    let mut made = 0;
    loop {
        let told = paced(&ann, &server, round.next().unwrap(), &Value::Null);
        if told.0 == 429 {
            assert!(told.2 > 0, "{told:?}");
            break;
        }
        made += 1;
        assert!(made < 100, "there is no limit");
    }
    for request in &calls {
        let told = paced(&ann, &server, request, &Value::Null);
        assert_eq!((told.0, told.1.as_str()), (429, "too_fast"), "{request}");
    }
}

#[test]
fn edits_count_against_the_allowance_of_their_address() {
    let server = Server::start(|config| {
        config["limits"] = json!({
            "auth_attempts": 0, "message_rate": 0, "bytes_per_address": 65536,
        });
    });
    let (ann, mut ann_client) = Account::enter(&server, "ann", "dev");
    let edit = format!("PATCH {}", at("dev", &say(&mut ann_client, "dev", "one")));
    let long = json!({ "text": "long ".repeat(700) });
    let mut done = 0;
    let refused = loop {
        match paced(&ann, &server, &edit, &long) {
            (204, ..) => done += 1,
            refused => break refused,
        }
        assert!(done < 1000, "there is no limit");
    };
    assert_eq!((refused.0, refused.1.as_str()), (429, "allowance_spent"));
    assert!(refused.2 > 0, "{refused:?}");
}

/// The code that a JSON client is refused with.
fn refused_as(client: &mut JsonClient, kind: &str, args: Value) -> Value {
    client.send(kind, args);
    client.expect("error")["code"].clone()
}

/// Whoever names a channel means a message of that channel: one of another is not there, though the
/// same user could change it there.
#[test]
fn on_every_front_a_message_of_another_channel_is_not_there() {
    let server = Server::start(|config| {
        config["listen"]["irc"] = "127.0.0.1:0".into();
        config["limits"] = json!({ "auth_attempts": 0, "message_rate": 0 });
    });
    let (ann, mut client) = Account::enter(&server, "ann", "dev");
    client.send("join", json!({ "room": "other" }));
    while client.expect("joined")["room"] != "other" {}
    let (_bob, _bob_client) = Account::enter(&server, "bob", "dev");
    let id = say(&mut client, "other", "there");
    client.send("private", json!({ "to": "bob", "body": "between us" }));
    let private = client.expect("private")["id"].as_str().unwrap().to_owned();

    let missing = refused(404, "no_such_message");
    let text = json!({ "text": "mine" });
    for id in [&id, &private] {
        for (method, end, body) in [
            ("PATCH", "", &text),
            ("DELETE", "", &Value::Null),
            ("PUT", "/reactions/lol", &Value::Null),
            ("DELETE", "/reactions/lol", &Value::Null),
        ] {
            let path = format!("{}{end}", at("dev", id));
            let told = ann.call(&server, method, &path, body);
            assert_eq!(told, missing, "{method} {end}");
        }
        let answer = server.delete(&format!("/admin/channels/dev/messages/{id}"));
        assert_eq!(answer.status, 404, "{}", answer.body);
        let token = server.token_for(&format!("t-{id}"), &["post:#dev"]);
        let body = json!({ "text": "yes", "reply_to": id });
        let path = "/api/channels/dev/messages";
        let told = call(&server, "POST", path, Some(&token), &body);
        assert_eq!(told, missing, "an answer of a program");

        for (kind, args) in [
            ("edit", json!({ "room": "dev", "id": id, "body": "mine" })),
            ("delete", json!({ "room": "dev", "id": id })),
            ("react", json!({ "room": "dev", "id": id, "sign": "lol" })),
            (
                "message",
                json!({ "room": "dev", "body": "yes", "reply_to": id }),
            ),
        ] {
            let code = refused_as(&mut client, kind, args);
            assert_eq!(code, "no_such_message", "{kind}");
        }
        let args = json!({ "to": "bob", "body": "yes", "reply_to": id });
        if *id != private {
            assert_eq!(refused_as(&mut client, "private", args), "no_such_message");
        }
    }

    let caps = "message-tags echo-message draft/message-redaction standard-replies";
    let mut irc = IrcClient::connect(server.address("irc"));
    irc.send("PASS :ann:long enough");
    irc.begin("ann", caps);
    for channel in ["dev", "other"] {
        // The account is in its channels at once.
        irc.send(&format!("NAMES #{channel}"));
        irc.expect(" 366 ");
    }
    let cases = [
        ("#dev", &id),
        ("#dev", &private),
        ("bob", &id),
        ("cat", &private),
        ("#other", &private),
    ];
    for (target, id) in cases {
        let line = irc.ask(&format!("REDACT {target} {id}"));
        let unknown = format!(" FAIL REDACT UNKNOWN_MSGID {target} {id} :");
        assert!(line.contains(&unknown), "{line}");
        let line = irc.ask(&format!(
            "@+draft/reply={id};+draft/react=lol TAGMSG {target}"
        ));
        assert!(line.contains("There is no such message."), "{line}");
    }
    irc.send(&format!("@+draft/reply={id} PRIVMSG #dev :to that"));
    let line = irc.expect(" PRIVMSG #dev :to that");
    assert!(!line.contains("draft/reply"), "{line}");

    // It is as it was, and can be changed where it is.
    client.settle();
    client.send("history", json!({ "room": "other" }));
    let history = client.expect("history");
    let there = &history["messages"][0];
    assert_eq!(
        (&there["id"], &there["body"]),
        (&json!(id), &json!("there"))
    );
    assert_eq!(there["reactions"], Value::Null, "{there}");
    for line in [
        format!("@+draft/reply={id};+draft/react=lol TAGMSG #OTHER"),
        format!("@+draft/reply={private};+draft/react=lol TAGMSG Bob"),
    ] {
        irc.send(&line);
        irc.expect("+draft/react=lol");
    }
    client.send("edit", json!({ "room": "Other", "id": id, "body": "here" }));
    assert_eq!(client.expect("edited")["body"], "here");
    for (target, id) in [("#other", &id), ("bob", &private)] {
        let line = irc.ask(&format!("REDACT {target} {id}"));
        assert!(line.ends_with(&format!(" REDACT {target} {id}")), "{line}");
    }
}

/// The WebSocket for direct messages.
fn socket(server: &Server, of: &Account) -> WsClient {
    let path = format!("/api/ws?token={}", of.jwt());
    WsClient::open(server.web(), &path, &[]).unwrap().settled()
}

#[test]
fn reactions_come_over_the_socket_for_direct_messages() {
    let server = Server::start(|_| {});
    let (ann, mut ann_client) = Account::enter(&server, "ann", "dev");
    let (bob, mut bob_client) = Account::enter(&server, "bob", "dev");
    let (mut ann_socket, mut bob_socket) = (socket(&server, &ann), socket(&server, &bob));
    ann_client.send("private", json!({ "to": "bob", "body": "tea?" }));
    let id = bob_client.expect("private")["id"].clone();
    for socket in [&mut ann_socket, &mut bob_socket] {
        assert_eq!(socket.next_json().unwrap()["message"], "tea?");
    }
    let room = say(&mut ann_client, "dev", "in a room");
    for (author, recipient, on) in [
        ("bob", "ann", true),
        ("ann", "bob", true),
        ("bob", "ann", false),
    ] {
        let client = match author {
            "ann" => &mut ann_client,
            _ => &mut bob_client,
        };
        // Reactions in rooms are no direct messages.
        client.send("react", json!({ "id": room, "sign": "no", "on": on }));
        client.send("react", json!({ "id": id, "sign": "👍", "on": on }));
        for socket in [&mut ann_socket, &mut bob_socket] {
            let frame = socket.next_json().unwrap();
            assert_eq!(frame["message_type"], 2, "{frame}");
            let told = ["author", "recipient"].map(|field| frame[field].as_str().unwrap());
            assert_eq!(told, [author, recipient], "{frame}");
            let reaction = json!({ "to": id, "sign": "👍", "on": on });
            assert_eq!(frame["reaction"], reaction);
            assert!(frame["message"].as_str().unwrap().contains("👍"), "{frame}");
            assert!(frame["created_at"].is_string() && frame["id"].is_null());
        }
    }
}

/// Whoever has the socket alone edits, answers, reacts to and removes messages with it, and both sides
/// come to show the same.
#[test]
fn messages_are_changed_over_the_socket_for_direct_messages() {
    let server = Server::start(|config| config["limits"]["message_rate"] = 0.into());
    let (ann, _ann_client) = Account::enter(&server, "ann", "dev");
    let (bob, _bob_client) = Account::enter(&server, "bob", "dev");
    let (mut ann_socket, mut bob_socket) = (socket(&server, &ann), socket(&server, &bob));
    ann_socket.send(&json!({ "recipient": "bob", "message": "teh tea?" }).to_string());
    let id = bob_socket.next_json().unwrap()["id"].clone();

    ann_socket.send(&json!({ "recipient": "bob", "edit": id, "message": "the tea?" }).to_string());
    for socket in [&mut ann_socket, &mut bob_socket] {
        let frame = socket.next_json().unwrap();
        let told = ["id", "message", "author", "recipient"].map(|field| &frame[field]);
        assert_eq!(
            told,
            [&id, &json!("the tea?"), &json!("ann"), &json!("bob")]
        );
        assert!(frame["edited_at"].is_string(), "{frame}");
    }
    bob_socket.send(&json!({ "recipient": "ann", "message": "yes", "reply_to": id }).to_string());
    let answer = ann_socket.next_json().unwrap();
    assert_eq!(
        (&answer["message"], &answer["reply_to"]),
        (&json!("yes"), &id)
    );
    for on in [true, false] {
        bob_socket
            .send(&json!({ "recipient": "ann", "react": id, "sign": "👍", "on": on }).to_string());
        for socket in [&mut ann_socket, &mut bob_socket] {
            let frame = socket.next_json().unwrap();
            assert_eq!(
                frame["reaction"],
                json!({ "to": id, "sign": "👍", "on": on })
            );
        }
    }
    ann_socket.send(&json!({ "recipient": "bob", "delete": id }).to_string());
    for socket in [&mut ann_socket, &mut bob_socket] {
        let frame = socket.next_json().unwrap();
        let told = ["message_type", "deleted", "author", "recipient", "id"].map(|it| &frame[it]);
        let expected = [
            json!(3),
            id.clone(),
            json!("ann"),
            json!("bob"),
            Value::Null,
        ];
        assert_eq!(told, expected.each_ref(), "{frame}");
        assert_eq!(frame["message"], "@ann removed a message.");
    }
    let thread = server.get_as(&ann.jwt(), "/api/thread/bob").json();
    let left: Vec<&Value> = thread["data"].as_array().unwrap().iter().collect();
    assert_eq!(left.len(), 1, "{thread}");
    assert_eq!(left[0]["id"], answer["id"]);
}

/// The other side changes nothing, and a message of others or of a channel is not there: it is refused as
/// one that never was.
#[test]
fn nobody_else_changes_messages_over_the_socket_for_direct_messages() {
    let server = Server::start(|config| config["limits"]["message_rate"] = 0.into());
    let (_ann, mut ann_client) = Account::enter(&server, "ann", "dev");
    let (bob, mut bob_client) = Account::enter(&server, "bob", "dev");
    let (eve, mut eve_client) = Account::enter(&server, "eve", "dev");
    let own = say(&mut eve_client, "dev", "in a room");
    ann_client.send("private", json!({ "to": "bob", "body": "tea?" }));
    let private = bob_client.expect("private")["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let (mut bob_socket, mut eve_socket) = (socket(&server, &bob), socket(&server, &eve));
    let refused = |socket: &mut WsClient, frame: Value| {
        socket.send(&frame.to_string());
        let told = socket.next_json().unwrap();
        assert_eq!(told["status"], "fail", "{told}");
        told
    };
    for recipient in ["ann", "bob"] {
        for frame in [
            json!({ "message": "mine", "edit": "" }),
            json!({ "delete": "" }),
            json!({ "react": "", "sign": "lol" }),
            json!({ "message": "so do I", "reply_to": "" }),
        ] {
            let ask = |id: &str| {
                let mut frame = frame.clone();
                frame["recipient"] = recipient.into();
                for field in ["edit", "delete", "react", "reply_to"] {
                    if !frame[field].is_null() {
                        frame[field] = id.into();
                    }
                }
                frame
            };
            let nothing = refused(&mut eve_socket, ask(&beside(&private)));
            assert_eq!(nothing["error"]["code"], 404, "{nothing}");
            for id in [&private, &own] {
                assert_eq!(refused(&mut eve_socket, ask(id)), nothing, "{frame}");
            }
        }
    }
    let edit = json!({ "recipient": "ann", "edit": private, "message": "coffee?" });
    let delete = json!({ "recipient": "ann", "delete": private });
    for frame in [edit, delete] {
        let told = refused(&mut bob_socket, frame);
        assert_eq!(told["error"]["code"], 403, "{told}");
    }
    for (frame, field) in [
        (json!({ "recipient": "ann", "delete": "x" }), "delete"),
        (json!({ "recipient": "ann", "edit": private }), "message"),
        (
            json!({ "recipient": "ann", "react": private, "sign": "a b" }),
            "sign",
        ),
        (
            json!({ "recipient": "ann", "react": private, "delete": private }),
            "frame",
        ),
    ] {
        let told = refused(&mut bob_socket, frame);
        assert!(told["error"]["errors"][field].is_string(), "{told}");
    }
    // Nothing has changed, and nobody was told anything.
    let changes = ["edited", "deleted", "reacted", "reactions"];
    for client in [&mut ann_client, &mut bob_client, &mut eve_client] {
        let told = client.settle();
        assert!(
            !told.iter().any(|it| changes.contains(&it.as_str())),
            "{told:?}"
        );
    }
}
