//! Outgoing hooks: what is said in a channel reaches a receiver, in order, whatever happens to either
//! side, and nothing else is reached.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use aws_lc_rs::hmac;
use chat_server::model::{Body, Message, MessageId, MessageKind, Place, Text};
use chat_server::name::Name;
use chat_server::store::{SqliteSettings, SqliteStore, Store};
use data_encoding::BASE64;
use rustls::pki_types::PrivateKeyDer;
use serde_json::{Value, json};

use crate::support::{
    JsonClient, LineClient, Receiver, Reserved, Server, User, answer, not_tested, wait_until,
};

/// A server whose hooks may reach this machine.
pub fn start(change: impl FnOnce(&mut Value)) -> Server {
    Server::start(|config| {
        config["hooks"] = json!({"allow": ["127.0.0.0/8"]});
        config["limits"] = json!({"auth_attempts": 0, "message_rate": 0});
        change(config);
    })
}

/// Makes an outgoing hook of #dev; returns its id and its secret.
pub fn make(server: &Server, name: &str, url: &str, more: Value) -> (String, String) {
    let mut fields = json!({"channel": "dev", "name": name, "direction": "out", "url": url});
    for (field, value) in more.as_object().unwrap() {
        fields[field] = value.clone();
    }
    let made = server.post("/admin/hooks", fields);
    assert_eq!(made.status, 201, "{}", made.body);
    let made = made.json();
    assert_eq!(
        (&made["direction"], &made["url"]),
        (&json!("out"), &json!(url))
    );
    let text = |field: &str| made[field].as_str().unwrap().to_owned();
    (text("id"), text("secret"))
}

fn deliveries(server: &Server, id: &str) -> Value {
    let told = server.get(&format!("/admin/hooks/{id}/deliveries"));
    assert_eq!(told.status, 200, "{}", told.body);
    told.json()
}

/// What came of the last attempt.
fn last_error(server: &Server, id: &str) -> String {
    let mut error = String::new();
    wait_until("an attempt has failed", || {
        let deliveries = deliveries(server, id);
        error = deliveries["last"]["error"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        !error.is_empty()
    });
    error
}

fn resend(server: &Server, id: &str) {
    let told = server.post(&format!("/admin/hooks/{id}/resend"), json!({}));
    assert_eq!(told.status, 202, "{}", told.body);
}

#[test]
fn what_is_said_is_sent_in_order_and_signed() {
    let server = start(|_| {});
    let receiver = Receiver::start();
    let mut alice = LineClient::enter_channel(&server, "alice", "dev");
    alice.send("before");
    alice.expect("before");
    let (id, secret) = make(&server, "relay", &receiver.url("/in?x=1"), json!({}));
    for n in 0..5 {
        alice.send(&format!("message {n}"));
    }
    let calls = receiver.expect(5);
    let key = BASE64.decode(&secret.as_bytes()["whsec_".len()..]).unwrap();
    let key = hmac::Key::new(hmac::HMAC_SHA256, &key);
    for (n, call) in calls.iter().enumerate() {
        assert!(
            call.head.starts_with("POST /in?x=1 HTTP/1.1"),
            "{}",
            call.head
        );
        assert_eq!(call.field("Content-Type"), "application/json");
        let payload = call.json();
        let data = &payload["data"];
        assert_eq!(payload["type"], "message");
        assert_eq!(
            (&data["channel"], &data["author"]),
            (&json!("dev"), &json!("alice"))
        );
        assert_eq!(data["text"], format!("message {n}"));
        assert_eq!(data["hook"], id);
        let (own, at) = (call.field("webhook-id"), call.field("webhook-timestamp"));
        assert_eq!(own, format!("{id}_{}", data["id"].as_str().unwrap()));
        let signature = call.field("webhook-signature");
        let tag = BASE64.decode(signature.strip_prefix("v1,").unwrap().as_bytes());
        let signed = format!("{own}.{at}.{}", call.body);
        hmac::verify(&key, signed.as_bytes(), &tag.unwrap()).unwrap();
    }
    assert_eq!(
        receiver.calls().len(),
        5,
        "nothing from before, nothing twice"
    );
    wait_until("all is noted", || deliveries(&server, &id)["waiting"] == 0);
    let row = server.get("/admin/hooks").json()["hooks"][0].take();
    assert_eq!(row["condition"]["last"]["status"], 200);
    // Members see who listens.
    assert!(server.get("/admin/channels/dev").body.contains("relay"));
    // Nothing that the server writes has the address in it.
    assert!(!server.output().contains("/in?x=1"));
    assert_eq!(server.delete(&format!("/admin/hooks/{id}")).status, 204);
}

#[test]
fn a_trigger_or_a_mention_has_a_message_sent_and_the_answer_said() {
    let server = start(|_| {});
    let receiver = Receiver::start();
    let mut alice = LineClient::enter_channel(&server, "alice", "dev");
    let more = json!({"triggers": ["!deploy"]});
    let (id, _) = make(&server, "deployer", &receiver.url("/"), more);
    receiver.will_answer([
        answer(200, "", r#"{"text": "deployed"}"#),
        answer(204, "", ""),
    ]);
    alice.send("deploy?");
    alice.send("!Deploy now");
    alice.expect("deployed");
    alice.send("thanks, @deployer");
    let calls = receiver.expect(2);
    let texts: Vec<String> = calls.iter().map(|call| call.text()).collect();
    assert_eq!(texts, ["!Deploy now", "thanks, @deployer"]);
    // What a program says has no answer, so two of them cannot go on for ever.
    let token = server.token_for("other", &["post:#dev"]);
    let post = "POST /api/channels/dev/messages";
    assert_eq!(server.call(&token, post, "!deploy it").status, 201);
    alice.send("!deploy again");
    assert_eq!(receiver.expect(3)[2].text(), "!deploy again");
    for (fields, field) in [
        (json!({"url": "ftp://example.org"}), "url"),
        (json!({"url": "http://a:b@example.org"}), "url"),
        (json!({"triggers": ["a b"]}), "triggers"),
        (json!({"direction": "up"}), "direction"),
        (json!({"direction": "in"}), "url"),
    ] {
        let mut body =
            json!({"channel": "dev", "name": "x", "direction": "out", "url": "http://example.org"});
        for (name, value) in fields.as_object().unwrap() {
            body[name] = value.clone();
        }
        let told = server.post("/admin/hooks", body);
        assert_eq!(told.status, 400, "{fields}: {}", told.body);
        assert_eq!(told.json()["error"]["field"], field, "{}", told.body);
    }
    assert_eq!(server.delete(&format!("/admin/hooks/{id}")).status, 204);
}

#[test]
fn a_receiver_that_is_away_gets_everything_later_even_if_the_server_is_killed() {
    let mut server = start(|_| {});
    let away = Reserved::new();
    let address = away.address;
    let mut alice = LineClient::enter_channel(&server, "alice", "dev");
    let (id, _) = make(&server, "relay", &format!("http://{address}/"), json!({}));
    for n in 0..3 {
        alice.send(&format!("{n}"));
        alice.expect(&format!("@alice: {n}"));
    }
    assert!(last_error(&server, &id).contains("no connection"));
    server.kill();
    server.start_again();
    let mut alice = LineClient::enter_channel(&server, "alice", "dev");
    for n in 3..6 {
        alice.send(&format!("{n}"));
        alice.expect(&format!("@alice: {n}"));
    }
    server.kill();
    let receiver = Receiver::on(away.listen());
    // It fails a few times more, and each time the same message comes again.
    receiver.will_answer([answer(500, "", ""), answer(503, "", "")]);
    server.start_again();
    // As its keepers do who do not want to wait for the next attempt.
    resend(&server, &id);
    wait_until("the last one came", || {
        receiver.calls().iter().any(|call| call.text() == "5")
    });
    let mut texts = Vec::new();
    let mut ids = Vec::new();
    for call in receiver.calls() {
        let id = call.field("webhook-id");
        if !ids.contains(&id) {
            ids.push(id);
            texts.push(call.text());
        }
    }
    assert_eq!(texts, ["0", "1", "2", "3", "4", "5"]);
}

#[test]
fn what_fails_for_good_is_listed_and_sent_again_when_asked() {
    let server = start(|config| config["hooks"]["retry_seconds"] = 1.into());
    let receiver = Receiver::start();
    receiver.will_answer((0..50).map(|_| answer(500, "", "")));
    let mut alice = LineClient::enter_channel(&server, "alice", "dev");
    let (id, _) = make(&server, "relay", &receiver.url("/"), json!({}));
    alice.send("lost?");
    wait_until("it has failed", || deliveries(&server, &id)["failed"] == 1);
    let listed = deliveries(&server, &id);
    let failed = &listed["deliveries"][0];
    assert_eq!(
        (&failed["state"], &failed["last"]["status"]),
        (&json!("failed"), &json!(500))
    );
    assert_eq!(failed["last"]["error"], "answered 500");
    receiver.answers.lock().unwrap().clear();
    let before = receiver.calls().len();
    resend(&server, &id);
    assert_eq!(receiver.expect(before + 1)[before].text(), "lost?");
    wait_until("none is left", || {
        deliveries(&server, &id)["deliveries"] == json!([])
    });
}

/// A listener that counts who connects.
fn trap(address: &str) -> (SocketAddr, Arc<AtomicUsize>) {
    let listener = TcpListener::bind(address).unwrap();
    let address = listener.local_addr().unwrap();
    let count = Arc::new(AtomicUsize::new(0));
    let counted = count.clone();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            counted.fetch_add(1, Ordering::SeqCst);
            drop(stream);
        }
    });
    (address, count)
}

#[test]
fn addresses_that_are_not_public_are_not_reached_however_they_are_written() {
    let server = Server::start(|config| {
        config["hooks"] = json!({"allow": ["127.0.0.2"]});
        config["limits"] = json!({"auth_attempts": 0});
    });
    let (inside, count) = trap("127.0.0.1:0");
    let port = inside.port();
    let urls = [
        format!("http://127.0.0.1:{port}/"),
        format!("http://localhost:{port}/"),
        format!("http://0.0.0.0:{port}/"),
        format!("http://0:{port}/"),
        format!("http://2130706433:{port}/"),
        format!("http://0x7f000001:{port}/"),
        format!("http://127.1:{port}/"),
        format!("http://0177.0.0.1:{port}/"),
        format!("http://017700000001:{port}/"),
        format!("http://0x7f.0.0.1:{port}/"),
        format!("http://127.0.0.1.:{port}/"),
        format!("http://[2002:7f00:1::]:{port}/"),
        format!("http://[::ffff:0:127.0.0.1]:{port}/"),
        format!("http://[::1]:{port}/"),
        format!("http://[::ffff:127.0.0.1]:{port}/"),
        format!("http://[::ffff:7f00:1]:{port}/"),
        format!("http://[::]:{port}/"),
        format!("http://[64:ff9b::7f00:1]:{port}/"),
        "http://169.254.169.254/latest/meta-data/".to_owned(),
        "http://10.0.0.1/".to_owned(),
        "http://100.64.0.1/".to_owned(),
        "http://[fd00:ec2::254]/latest/meta-data/".to_owned(),
        "http://[fe80::1]/".to_owned(),
    ];
    for url in urls {
        let (id, _) = make(&server, "relay", &url, json!({}));
        let told = server.post(&format!("/admin/hooks/{id}/test"), json!({}));
        assert_eq!(told.status, 202, "{}", told.body);
        let error = last_error(&server, &id);
        // What a resolver does not take for an address is no way in either.
        let is_refused = error.contains("not public") || error.contains("no address");
        assert!(is_refused, "{url}: {error}");
        assert_eq!(server.delete(&format!("/admin/hooks/{id}")).status, 204);
    }
    assert_eq!(count.load(Ordering::SeqCst), 0, "something connected");
    // A redirect leads nowhere.
    let receiver = Receiver::at("127.0.0.2:0".parse().unwrap());
    let location = format!("Location: http://127.0.0.1:{port}/\r\n");
    receiver.will_answer([answer(302, &location, ""), answer(307, &location, "")]);
    let (id, _) = make(&server, "relay", &receiver.url("/"), json!({}));
    let test = || server.post(&format!("/admin/hooks/{id}/test"), json!({}));
    for _ in 0..2 {
        wait_until("no test waits", || test().status == 202);
    }
    receiver.expect(2);
    assert!(last_error(&server, &id).contains("redirects"));
    assert_eq!(receiver.calls()[0].json()["type"], "test");
    assert_eq!(count.load(Ordering::SeqCst), 0, "a redirect was followed");
    // What is allowed is a setting that a reload changes.
    server.reload(|config| config["hooks"]["allow"] = json!([]));
    wait_until("no test waits", || test().status == 202);
    wait_until("it is not allowed any more", || {
        let told = deliveries(&server, &id);
        told["last"]["error"]
            .as_str()
            .unwrap_or_default()
            .contains("not public")
    });
    assert_eq!(receiver.calls().len(), 2);
}

/// A metric's value.
fn metric(server: &Server, name: &str) -> u64 {
    let text = server.get("/metrics").body;
    let mut lines = text.lines();
    let value = lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    value
        .unwrap_or_else(|| panic!("{name} in {text}"))
        .parse()
        .unwrap()
}

#[test]
fn the_metrics_say_what_was_sent_what_waits_and_what_is_paused() {
    let server = start(|_| {});
    let receiver = Receiver::start();
    let (id, _) = make(&server, "relay", &receiver.url("/"), json!({}));
    let is = |name: &str, is_it: &dyn Fn(u64) -> bool| {
        wait_until(name, || is_it(metric(&server, name)));
    };
    let mut alice = LineClient::enter_channel(&server, "alice", "dev");
    alice.send("one");
    is("chat_hook_deliveries_total", &|count| count == 1);
    assert_eq!(metric(&server, "chat_hook_failures_total"), 0);
    receiver.will_answer((0..1000).map(|_| answer(500, "", "")));
    alice.send("two");
    is("chat_hook_waiting", &|count| count == 1);
    is("chat_hook_failed_attempts_total", &|count| count >= 1);
    is("chat_hook_oldest_seconds", &|seconds| seconds >= 1);
    // Time begins anew with `resend`, and now is over soon.
    server.reload(|config| config["hooks"]["retry_seconds"] = 1.into());
    resend(&server, &id);
    is("chat_hook_failures_total", &|count| count == 1);
    is("chat_hook_waiting", &|count| count == 0);
    is("chat_hook_oldest_seconds", &|seconds| seconds == 0);
    assert_eq!(metric(&server, "chat_hooks_paused"), 0);
    receiver.answers.lock().unwrap().clear();
    receiver.will_answer([answer(410, "", "")]);
    alice.send("three");
    is("chat_hooks_paused", &|count| count == 1);
    assert_eq!(metric(&server, "chat_hook_deliveries_total"), 1);
    resend(&server, &id);
    is("chat_hook_deliveries_total", &|count| count == 3);
    is("chat_hooks_paused", &|count| count == 0);
}

/// A receiver that accepts, and then answers in its own way for as long as it is asked.
pub fn tarpit(act: fn(TcpStream)) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            std::thread::spawn(move || act(stream));
        }
    });
    address
}

fn says_nothing(mut stream: TcpStream) {
    let mut buffer = [0; 1024];
    while stream.read(&mut buffer).is_ok_and(|read| read > 0) {}
}

fn answers_for_ever(mut stream: TcpStream) {
    let mut buffer = [0; 1024];
    let _ = stream.read(&mut buffer);
    let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    while stream.write_all(b"4\r\nword\r\n").is_ok() {}
}

fn has_an_endless_head(mut stream: TcpStream) {
    let mut buffer = [0; 1024];
    let _ = stream.read(&mut buffer);
    let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n");
    while stream.write_all(b"X-Word: word\r\n").is_ok() {}
}

#[test]
fn receivers_that_are_slow_or_answer_for_ever_hold_up_nobody() {
    let server = start(|_| {});
    let mut alice = LineClient::enter_channel(&server, "alice", "dev");
    let tarpits = [
        tarpit(says_nothing),
        tarpit(answers_for_ever),
        tarpit(has_an_endless_head),
    ];
    for (n, address) in tarpits.into_iter().enumerate() {
        make(
            &server,
            &format!("pit{n}"),
            &format!("http://{address}/"),
            json!({}),
        );
    }
    let receiver = Receiver::start();
    make(&server, "relay", &receiver.url("/"), json!({}));
    for n in 0..20 {
        alice.send(&format!("{n}"));
        alice.expect(&format!("@alice: {n}"));
    }
    let texts: Vec<String> = receiver.expect(20).iter().map(|call| call.text()).collect();
    let expected: Vec<String> = (0..20).map(|n| n.to_string()).collect();
    assert_eq!(texts, expected);
}

#[test]
fn a_receiver_that_is_gone_for_good_pauses_its_hook() {
    let server = start(|_| {});
    let receiver = Receiver::start();
    receiver.will_answer([answer(410, "", "")]);
    let mut alice = LineClient::enter_channel(&server, "alice", "dev");
    let (id, _) = make(&server, "relay", &receiver.url("/"), json!({}));
    alice.send("one");
    alice.expect("-@relay- This hook is paused");
    alice.send("two");
    let told = deliveries(&server, &id);
    assert!(told["paused_at"].is_string(), "{told}");
    resend(&server, &id);
    let calls = receiver.expect(3);
    let texts: Vec<String> = calls.iter().map(|call| call.text()).collect();
    assert_eq!(texts, ["one", "one", "two"]);
    wait_until("it is not paused", || {
        deliveries(&server, &id)["paused_at"].is_null()
    });
}

#[test]
fn with_ten_thousand_messages_waiting_a_hook_is_paused_and_loses_none() {
    if std::env::var_os("CHAT_TEST_POSTGRES").is_some() {
        return not_tested("writes into the SQLite file");
    }
    const MANY: u64 = 10_050;
    let mut server = start(|_| {});
    let away = Reserved::new();
    let address = away.address;
    let (id, _) = make(&server, "relay", &format!("http://{address}/"), json!({}));
    server.kill();
    let path = server.dir().join("data/chat.db");
    let store = SqliteStore::open(SqliteSettings::new(path)).unwrap();
    let newest = store.last_message_id().unwrap().ms.max(1_700_000_000_000);
    let messages: Vec<Message> = (1..=MANY)
        .map(|n| Message {
            id: MessageId {
                ms: newest + n,
                sequence: 0,
            },
            at_ms: newest + n,
            author: Name::parse("ann").unwrap(),
            place: Place::Channel {
                channel: Name::parse("dev").unwrap(),
                account: None,
            },
            body: Body::plain(MessageKind::Say, Text::clean(&n.to_string())),
        })
        .collect();
    assert!(store.append(&messages).unwrap().iter().all(Result::is_ok));
    store.close().unwrap();
    server.start_again();
    wait_until("it is paused", || {
        deliveries(&server, &id)["paused_why"].is_string()
    });
    let told = deliveries(&server, &id);
    assert_eq!(told["waiting"], 10_000, "{}", told["paused_why"]);
    let why = told["paused_why"].as_str().unwrap();
    assert!(why.starts_with("10000 messages wait"), "{why}");
    let receiver = Receiver::on(away.listen());
    resend(&server, &id);
    let calls = receiver.expect(100);
    let texts: Vec<String> = calls.iter().take(100).map(|call| call.text()).collect();
    let expected: Vec<String> = (1..=100).map(|n| n.to_string()).collect();
    assert_eq!(texts, expected);
    assert!(deliveries(&server, &id)["paused_at"].is_null());
}

#[test]
fn a_deleted_message_is_not_sent_and_neither_is_what_the_bot_may_not_read() {
    let server = start(|_| {});
    let away = Reserved::new();
    let address = away.address;
    let founder = JsonClient::registered(&server, "alice");
    let mut alice = JsonClient::come_in(&server, &founder);
    alice.send("join", json!({"room": "dev"}));
    alice.expect("joined");
    let (id, _) = make(&server, "relay", &format!("http://{address}/"), json!({}));
    let token = server.token_for("writer", &["post:#dev"]);
    let mut ids = Vec::new();
    for text in ["one", "two", "three"] {
        let told = server.call(&token, "POST /api/channels/dev/messages", text);
        assert_eq!(told.status, 201, "{}", told.body);
        ids.push(told.json()["id"].as_str().unwrap().to_owned());
    }
    last_error(&server, &id);
    let gone = format!("/admin/channels/dev/messages/{}", ids[1]);
    assert_eq!(server.delete(&gone).status, 204);
    let receiver = Receiver::on(away.listen());
    resend(&server, &id);
    let texts: Vec<String> = receiver.expect(2).iter().map(|call| call.text()).collect();
    assert_eq!(texts, ["one", "three"]);
    // Whom the channel keeps out, it tells nothing.
    let ban = json!({"mask": "account:relay", "list": "ban"});
    assert_eq!(server.post("/admin/channels/dev/bans", ban).status, 204);
    let told = server.call(&token, "POST /api/channels/dev/messages", "secret");
    assert_eq!(told.status, 201, "{}", told.body);
    wait_until("it is told why it gets nothing", || {
        let told = deliveries(&server, &id);
        told["last"]["error"]
            .as_str()
            .unwrap_or_default()
            .contains("banned")
    });
    assert_eq!(receiver.calls().len(), 2);
}

#[test]
fn a_receiver_with_tls_is_reached_if_its_certificate_is_trusted() {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("trusted.pem");
    std::fs::write(&path, made.cert.pem()).unwrap();
    let path: &'static str = Box::leak(path.to_str().unwrap().to_owned().into_boxed_str());
    let mut server = Server::spawn_with(&[("SSL_CERT_FILE", path)], |config| {
        config["hooks"] = json!({"allow": ["127.0.0.0/8", "::1"]});
    });
    server.wait_ready();
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let tls = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    let tls = Arc::new(tls);
    // It has the answers; what comes to its own address has no TLS.
    let receiver = Receiver::start();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let own = receiver.clone();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let (own, tls) = (own.clone(), tls.clone());
            std::thread::spawn(move || {
                let connection = rustls::ServerConnection::new(tls).unwrap();
                let stream = rustls::StreamOwned::new(connection, stream);
                let stream = std::sync::Mutex::new(stream);
                own.serve(Shared(&stream), Shared(&stream));
            });
        }
    });
    let (id, _) = make(
        &server,
        "relay",
        &format!("https://localhost:{port}/"),
        json!({}),
    );
    let told = server.post(&format!("/admin/hooks/{id}/test"), json!({}));
    assert_eq!(told.status, 202, "{}", told.body);
    assert_eq!(receiver.expect(1)[0].json()["type"], "test");
    // For another name the certificate is good for nothing.
    let (id, _) = make(
        &server,
        "other",
        &format!("https://127.0.0.1:{port}/"),
        json!({}),
    );
    let told = server.post(&format!("/admin/hooks/{id}/test"), json!({}));
    assert_eq!(told.status, 202, "{}", told.body);
    assert!(last_error(&server, &id).contains("TLS"));
    assert_eq!(receiver.calls().len(), 1);
}

/// Reads and writes one stream in turns.
struct Shared<'a, S>(&'a std::sync::Mutex<S>);

impl<S: Read> Read for Shared<'_, S> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().read(buffer)
    }
}

impl<S: Write> Write for Shared<'_, S> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.0.lock().unwrap().flush()
    }
}
