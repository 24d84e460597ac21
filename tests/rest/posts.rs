//! Programs post to channels and read them, with `curl` alone.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Command;

use serde_json::{Value, json};

use crate::support::{JsonClient, LineClient, Server, Told, User, call, wait_until};

const MESSAGES: &str = "/api/channels/dev/messages";

fn post(server: &Server, token: &str, fields: &str, body: &str) -> Told {
    let request = format!("POST {MESSAGES}");
    call(server.rest().unwrap(), token, &request, fields, body)
}

fn read(server: &Server, token: &str, query: &str) -> Value {
    let told = server.call(token, &format!("GET {MESSAGES}{query}"), "");
    assert_eq!(told.status, 200, "{}", told.body);
    told.json()
}

fn texts(read: &Value) -> Vec<&str> {
    let messages = read["messages"].as_array().unwrap().iter();
    messages.map(|it| it["text"].as_str().unwrap()).collect()
}

#[test]
fn a_line_of_curl_is_a_message_that_members_see_and_history_keeps() {
    let mut server = Server::start(|_| {});
    let mut alice = LineClient::enter_channel(&server, "alice", "dev");
    let token = server.token_for("builds", &["post:#dev", "read:#dev"]);
    for at in [server.rest().unwrap(), server.web()] {
        let curl = Command::new("curl")
            .args(["-sS", "-d", "build 512 ok"])
            .args(["-H", &format!("Authorization: Bearer {token}")])
            .arg(format!("http://{at}{MESSAGES}"))
            .output()
            .unwrap();
        let answer = String::from_utf8(curl.stdout).unwrap();
        let posted: Value = serde_json::from_str(&answer).expect(&answer);
        assert!(
            posted["id"].is_string() && posted["at"].is_string(),
            "{answer}"
        );
        alice.expect("@builds: build 512 ok");
    }
    // Both ways of writing it, and what each can say.
    for (fields, body, shown) in [
        (
            "Content-Type: text/plain\r\n",
            "{not JSON}\n",
            "@builds: {not JSON}",
        ),
        (
            "Content-Type: application/json\r\n",
            r#"{"text": "in JSON"}"#,
            "@builds: in JSON",
        ),
        (
            "",
            r#"{"text": "careful", "notice": true}"#,
            "-@builds- careful",
        ),
    ] {
        let told = post(&server, &token, fields, body);
        assert_eq!(told.status, 201, "{}", told.body);
        alice.expect(shown);
    }
    alice.send("well done");
    alice.expect("well done");
    let all = read(&server, &token, "");
    let expected = [
        "build 512 ok",
        "build 512 ok",
        "{not JSON}",
        "in JSON",
        "careful",
        "well done",
    ];
    assert_eq!(texts(&all), expected);
    assert_eq!(
        (&all["channel"], &all["more"]),
        (&json!("dev"), &json!(false))
    );
    let last = &all["messages"][5];
    assert_eq!(last["author"], "alice");
    assert_eq!(all["messages"][4]["notice"], true);
    // An answer, and parts of the past.
    let body = json!({"text": "thanks", "reply_to": last["id"]}).to_string();
    assert_eq!(post(&server, &token, "", &body).status, 201);
    alice.expect("thanks");
    let after = read(
        &server,
        &token,
        &format!("?after={}", last["id"].as_str().unwrap()),
    );
    assert_eq!(texts(&after), ["thanks"]);
    assert_eq!(after["messages"][0]["reply_to"], last["id"]);
    let before = format!("?limit=2&before={}", last["id"].as_str().unwrap());
    let before = read(&server, &token, &before);
    assert_eq!(texts(&before), ["in JSON", "careful"]);
    assert_eq!(before["more"], true);
    server.restart();
    assert_eq!(texts(&read(&server, &token, "?limit=1")), ["thanks"]);
    assert!(!server.output().contains(&token[4..]));
}

#[test]
fn a_report_may_be_longer_than_a_line() {
    let mut server = Server::start(|_| {});
    let token = server.token_for("builds", &["post:#dev", "read:#dev"]);
    let mut alice = JsonClient::enter(&server, "alice");
    alice.send("join", json!({"room": "dev"}));
    alice.expect("joined");
    let report = "each line says something\n".repeat(2_000);
    let told = post(&server, &token, "", &report);
    assert_eq!(told.status, 201, "{}", told.body);
    assert_eq!(alice.expect("message")["body"], report.trim_end());
    server.restart();
    assert_eq!(texts(&read(&server, &token, "")), [report.trim_end()]);
}

#[test]
fn a_program_that_reads_now_and_then_learns_what_has_become_of_messages() {
    let server = Server::start(|_| {});
    let token = server.token_for("watch", &["read:#dev"]);
    let mut alice = JsonClient::enter(&server, "alice");
    alice.send("join", json!({"room": "dev"}));
    alice.expect("joined");
    let mut say = |text: &str| {
        alice.send("message", json!({"room": "dev", "body": text}));
        let frame = alice.expect("message");
        assert_eq!(frame["body"], text);
        frame["id"].as_str().unwrap().to_owned()
    };
    let ids = ["teh cat", "a secret", "hello"].map(&mut say);
    let first = read(&server, &token, "");
    assert_eq!(first["next"], ids[2].as_str());
    alice.send("edit", json!({"id": ids[0], "body": "the cat"}));
    alice.expect("edited");
    alice.send("delete", json!({"id": ids[1]}));
    alice.expect("deleted");
    alice.send("react", json!({"id": ids[2], "sign": "ok", "on": true}));
    alice.expect("reacted");
    let second = read(&server, &token, &format!("?after={}", ids[2]));
    assert_eq!(second["messages"], json!([]));
    let changes = second["changes"].as_array().unwrap();
    let told: Vec<_> = changes.iter().map(|it| (&it["event"], &it["id"])).collect();
    let expected = [("edited", 0), ("deleted", 1), ("reactions", 2)];
    let expected = expected.map(|(event, at)| (json!(event), json!(ids[at])));
    let expected: Vec<_> = expected.iter().map(|(event, id)| (event, id)).collect();
    assert_eq!(told, expected, "{second}");
    assert_eq!(changes[0]["text"], "the cat");
    assert_eq!(changes[2]["reactions"][0]["count"], 1);
    let next = second["next"].as_str().unwrap();
    let third = read(&server, &token, &format!("?after={next}"));
    assert!(
        third.get("changes").is_none() && third.get("next").is_none(),
        "{third}"
    );
    // Who has read nothing yet is told how it is now.
    let all = read(&server, &token, "");
    assert_eq!(texts(&all), ["the cat", "", "hello"]);
    assert_eq!(all["messages"][1]["deleted"], true);
    assert_eq!(all["messages"][2]["reactions"][0]["sign"], "ok");
}

#[test]
fn the_same_key_publishes_once() {
    let server = Server::start(|_| {});
    let mut alice = LineClient::enter_channel(&server, "alice", "dev");
    let token = server.token_for("builds", &["post:*", "read:*"]);
    let key = "Idempotency-Key: build-512\r\n";
    let first = post(&server, &token, key, "once");
    let again = post(&server, &token, key, "once");
    assert_eq!((first.status, again.status), (201, 201));
    assert_eq!(first.json(), again.json());
    assert_eq!(post(&server, &token, "", "twice").status, 201);
    assert_eq!(post(&server, &token, "", "twice").status, 201);
    alice.expect("@builds: twice");
    alice.expect("@builds: twice");
    assert_eq!(
        texts(&read(&server, &token, "")),
        ["once", "twice", "twice"]
    );
    // It stands for one message in one place.
    let request = "POST /api/channels/ops/messages";
    let told = call(server.rest().unwrap(), &token, request, key, "once");
    assert!(told.body.contains("this Idempotency-Key"), "{}", told.body);
    assert_eq!(
        (told.status, told.code()),
        (409, "tag_used".into()),
        "{}",
        told.body
    );
    let long = format!("Idempotency-Key: {}\r\n", "x".repeat(65));
    let told = post(&server, &token, &long, "x");
    assert_eq!(told.status, 400, "{}", told.body);
    assert!(told.body.contains("1 to 64 printable"), "{}", told.body);
}

#[test]
fn the_same_key_publishes_once_also_if_the_server_is_killed() {
    let mut server = Server::start(|_| {});
    let token = server.token_for("builds", &["post:*", "read:*"]);
    for (round, waits) in [true, false, true, false].into_iter().enumerate() {
        let key = format!("Idempotency-Key: build {round}\r\n");
        let text = format!("build {round} ok");
        // Killed before, while or after the message is stored, or as it answers.
        let mut stream = TcpStream::connect(server.rest().unwrap()).unwrap();
        let request = format!(
            "POST {MESSAGES} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n{key}\
             Content-Length: {}\r\n\r\n{text}",
            text.len()
        );
        stream.write_all(request.as_bytes()).unwrap();
        if waits {
            stream.read_exact(&mut [0]).unwrap();
        }
        server.kill();
        server.start_again();
        let told = post(&server, &token, &key, &text);
        assert_eq!(told.status, 201, "{}", told.body);
        server.restart();
        let again = post(&server, &token, &key, &text);
        assert_eq!((again.status, again.json()), (201, told.json()));
        for (request, text) in [
            (MESSAGES, "something else"),
            ("/api/channels/ops/messages", &text),
        ] {
            let request = format!("POST {request}");
            let told = call(server.rest().unwrap(), &token, &request, &key, text);
            assert_eq!(
                (told.status, told.code()),
                (409, "tag_used".into()),
                "{}",
                told.body
            );
        }
    }
    let expected: Vec<String> = (0..4).map(|round| format!("build {round} ok")).collect();
    assert_eq!(texts(&read(&server, &token, "")), expected);
    // Another token's keys are its own, even if it speaks as the same bot.
    let fields = json!({ "name": "other", "bot": "builds", "scopes": ["post:*"] });
    let (_, other) = server.new_token(fields);
    let told = post(&server, &other, "Idempotency-Key: build 0\r\n", "mine");
    assert_eq!(told.status, 201, "{}", told.body);
}

#[test]
fn without_history_the_same_key_publishes_once_also_after_a_restart() {
    let mut server = Server::start(|config| config["history"] = "off".into());
    let token = server.token_for("builds", &["post:*"]);
    let key = "Idempotency-Key: build-512\r\n";
    let first = post(&server, &token, key, "once");
    assert_eq!(first.status, 201, "{}", first.body);
    server.restart();
    let mut alice = JsonClient::enter(&server, "alice");
    alice.send("join", json!({"room": "dev"}));
    alice.expect("joined");
    let again = post(&server, &token, key, "once");
    assert_eq!((again.status, again.json()), (201, first.json()));
    assert_eq!(post(&server, &token, key, "else").status, 409);
    assert_eq!(post(&server, &token, "", "twice").status, 201);
    assert_eq!(alice.expect("message")["body"], "twice");
}

#[test]
fn the_rules_of_a_channel_hold_for_programs_too() {
    let server = Server::start(|_| {});
    let mut alice = LineClient::enter_channel(&server, "alice", "dev");
    let token = server.token_for("builds", &["post:#dev", "read:#dev"]);
    let rules = |rules: Value| {
        let told = server.patch("/admin/channels/dev", json!({ "rules": rules }));
        assert_eq!(told.status, 200, "{}", told.body);
    };
    let refused = |told: Told, code: &str| {
        assert_eq!(
            (told.status, told.code()),
            (403, code.into()),
            "{}",
            told.body
        );
    };
    rules(json!({"invite_only": true}));
    refused(post(&server, &token, "", "let me in"), "invite_only");
    let read = format!("GET {MESSAGES}");
    let told = server.call(&token, &read, "");
    assert_eq!((told.status, told.code()), (404, "no_such_channel".into()));
    let mask = json!({"mask": "account:builds", "list": "invite"});
    let told = server.post("/admin/channels/dev/bans", mask);
    assert_eq!(told.status, 204, "{}", told.body);
    assert_eq!(post(&server, &token, "", "hello").status, 201);
    alice.expect("@builds: hello");
    rules(json!({"invite_only": false, "moderated": true}));
    refused(post(&server, &token, "", "quiet"), "cannot_speak");
    let role = json!({"role": "voice"});
    let told = server.put("/admin/channels/dev/roles/builds", role);
    assert_eq!(told.status, 204, "{}", told.body);
    assert_eq!(post(&server, &token, "", "loud").status, 201);
    alice.expect("@builds: loud");
    rules(json!({"moderated": false, "slow_seconds": 600}));
    let told = server.put(
        "/admin/channels/dev/roles/builds",
        json!({"role": "member"}),
    );
    assert_eq!(told.status, 204, "{}", told.body);
    assert_eq!(post(&server, &token, "", "one").status, 201);
    let told = post(&server, &token, "", "two");
    assert_eq!(
        (told.status, told.code()),
        (429, "slow_mode".into()),
        "{}",
        told.body
    );
    let wait: u64 = told.field("Retry-After").unwrap().parse().unwrap();
    assert!((1..=600).contains(&wait), "{}", told.head);
    let ban = json!({"mask": "account:builds", "list": "ban"});
    assert_eq!(server.post("/admin/channels/dev/bans", ban).status, 204);
    refused(post(&server, &token, "", "back"), "banned_from_channel");
    refused(server.call(&token, &read, ""), "banned_from_channel");
}

#[test]
fn a_program_is_a_user_that_is_disconnected_and_comes_again() {
    let server = Server::start(|_| {});
    let mut alice = JsonClient::enter(&server, "alice");
    alice.send("join", json!({"room": "dev"}));
    alice.expect("joined");
    let token = server.token_for("builds", &["post:#dev"]);
    let users = || server.get("/admin/users").body;
    assert!(!users().contains("builds"));
    assert_eq!(post(&server, &token, "", "one").status, 201);
    assert_eq!(alice.expect("message")["body"], "one");
    assert!(users().contains("builds"));
    assert_eq!(server.delete("/admin/users/builds").status, 200);
    wait_until("it is gone", || !users().contains("builds"));
    assert_eq!(post(&server, &token, "", "two").status, 201);
    assert_eq!(alice.expect("message")["body"], "two");
    // It goes with the last of its tokens.
    let fields = json!({"name": "spare", "bot": "builds", "scopes": ["post:#dev"]});
    let (id, _) = server.new_token(fields);
    let remove = |id: &str| server.delete(&format!("/admin/tokens/{id}")).status;
    assert_eq!(remove(&id), 204);
    assert!(users().contains("builds"));
    let tokens = server.get("/admin/tokens").json();
    let first = tokens["tokens"][0]["id"].as_str().unwrap().to_owned();
    assert_eq!(remove(&first), 204);
    wait_until("it is gone", || !users().contains("builds"));
    let (_, token) = server.new_token(json!({"name": "builds", "scopes": ["post:#dev"]}));
    assert_eq!(post(&server, &token, "", "three").status, 201);
    assert_eq!(alice.expect("message")["body"], "three");
    let told = server.patch("/admin/accounts/builds", json!({"disabled": true}));
    assert_eq!(told.status, 200, "{}", told.body);
    wait_until("it is gone", || !users().contains("builds"));
    let told = post(&server, &token, "", "four");
    assert_eq!((told.status, told.code()), (403, "account_disabled".into()));
}

#[test]
fn mistakes_in_messages_are_named() {
    let server = Server::start(|config| {
        config["limits"] = json!({"line_bytes": 1000, "http_body_bytes": 128 << 10});
    });
    let token = server.token_for("builds", &["post:*", "read:*"]);
    let long = "x".repeat((64 << 10) + 1);
    let json = "Content-Type: application/json\r\n";
    for (fields, body, words) in [
        ("", "", "nothing in it"),
        ("", " \n", "nothing in it"),
        ("", long.as_str(), "longer than 65536 bytes"),
        ("Content-Type: multipart/form-data\r\n", "x", "-d, not -F"),
        (json, "x", "not JSON"),
        (json, "{}", "text: missing"),
        (json, r#"{"text": 1}"#, "must be a string"),
        (json, r#"{"text": "x", "channel": "ops"}"#, "unknown"),
        (
            json,
            r#"{"text": "x", "reply_to": "first"}"#,
            "1700000000000-0",
        ),
    ] {
        let told = post(&server, &token, fields, body);
        assert_eq!(told.status, 400, "{body}: {}", told.body);
        assert!(told.body.contains(words), "{body}: {}", told.body);
    }
    let body = r#"{"text": "x", "reply_to": "1700000000000-0"}"#;
    let told = post(&server, &token, json, body);
    assert_eq!((told.status, told.code()), (404, "no_such_message".into()));
    let told = post(&server, &token, "", &"x".repeat(129 * 1024));
    assert_eq!(told.status, 413, "{}", told.body);
    for query in [
        "?limit=0",
        "?limit=501",
        "?after=x",
        "?before=x",
        "?after=1-1&before=2-1",
    ] {
        let told = server.call(&token, &format!("GET {MESSAGES}{query}"), "");
        assert_eq!(told.status, 400, "{query}: {}", told.body);
    }
    // An administrator is no user of the chat.
    let told = post(&server, &server.admin_token(), "", "x");
    assert_eq!((told.status, told.code()), (403, "no_nickname".into()));
    let told = post(&server, "cst_", "", "x");
    assert_eq!(told.status, 401, "{}", told.body);
}

#[test]
fn without_history_messages_are_posted_and_not_read() {
    let server = Server::start(|config| config["history"] = "off".into());
    let mut alice = LineClient::enter_channel(&server, "alice", "dev");
    let token = server.token_for("builds", &["post:*", "read:*"]);
    assert_eq!(post(&server, &token, "", "now").status, 201);
    alice.expect("@builds: now");
    let told = server.call(&token, &format!("GET {MESSAGES}"), "");
    assert_eq!((told.status, told.code()), (409, "no_history".into()));
}
