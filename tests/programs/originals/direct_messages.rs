//! The direct-message server's calls and its WebSocket.

use std::collections::BTreeMap;

use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};

use super::wire::{Answer, Wire, call};
use crate::support::Server;

const TYPE: &str = "application/json; charset=utf-8";

/// Sends a form as Go's `http.PostForm` does.
fn post(server: &Server, path: &str, form: &[(&str, &str)]) -> Answer {
    let form: Vec<String> = form
        .iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    let body = form.join("&");
    let at = server.web();
    let answer = call(
        at,
        &format!(
            "POST {path} HTTP/1.1\r\nHost: {at}\r\nUser-Agent: Go-http-client/1.1\r\n\
             Content-Length: {}\r\nContent-Type: application/x-www-form-urlencoded\r\n\
             Accept-Encoding: gzip\r\n\r\n{body}",
            body.len()
        ),
    );
    assert_eq!(answer.field("content-type"), Some(TYPE));
    answer
}

fn signed(server: &Server, method: &str, path: &str, scheme: &str, jwt: &str) -> Answer {
    let at = server.web();
    let authorization = match jwt {
        "" => String::new(),
        jwt => format!("Authorization: {scheme} {jwt}\r\n"),
    };
    call(
        at,
        &format!(
            "{method} {path} HTTP/1.1\r\nHost: {at}\r\nUser-Agent: Go-http-client/1.1\r\n{authorization}\r\n"
        ),
    )
}

/// Signs as its test client does: no claims, the access key in the header.
fn sign(token: &Value) -> String {
    let mut header = Header::new(Algorithm::HS256);
    header.extras.insert("access_key", &token["access_key_id"]);
    let key = EncodingKey::from_secret(token["secret_access_key"].as_str().unwrap().as_bytes());
    encode(&header, &json!({}), &key).unwrap()
}

fn user<'a>(username: &'a str, email: &'a str, phone: &'a str) -> [(&'a str, &'a str); 6] {
    [
        ("username", username),
        ("first_name", "Test"),
        ("last_name", "Last"),
        ("email", email),
        ("phone", phone),
        ("password", "password123"),
    ]
}

/// Status, page fields and the list of data, which its clients read first.
fn envelope(answer: &Answer) -> (Value, Vec<Value>) {
    let body = answer.json();
    let data = body["data"].as_array().expect("a list").clone();
    assert_eq!((&body["page"], &body["per_page"]), (&json!(1), &json!(10)));
    assert_eq!(body["current_page"], data.len());
    (body, data)
}

fn success(answer: &Answer) -> Vec<Value> {
    let (body, data) = envelope(answer);
    assert_eq!((answer.status, &body["status"]), (200, &json!("success")));
    assert_eq!(
        body["error"],
        json!({"code": 200, "errors": null, "message": ""})
    );
    data
}

/// The message, and what is wrong with each field.
fn failure(answer: &Answer, code: u16) -> (String, BTreeMap<String, String>) {
    let (body, data) = envelope(answer);
    assert_eq!((answer.status, &body["status"]), (code, &json!("fail")));
    assert_eq!((&body["error"]["code"], data.len()), (&json!(code), 0));
    let errors = serde_json::from_value(body["error"]["errors"].clone());
    let message = body["error"]["message"].as_str().unwrap().to_owned();
    (message, errors.expect("words by field"))
}

fn register(server: &Server, username: &str, phone: &str) -> Value {
    let email = format!("{username}@example.com");
    let answer = post(server, "/api/register", &user(username, &email, phone));
    success(&answer)[0]["token"].clone()
}

#[test]
fn registering_gives_the_user_and_a_token() {
    let server = Server::start(|_| {});
    let form = user("username", "Test_Last%40example.com", "135792468");
    let [data] = &success(&post(&server, "/api/register", &form))[..] else {
        panic!("one user");
    };
    for (field, value) in [
        ("first_name", "Test"),
        ("last_name", "Last"),
        ("username", "username"),
        ("email", "Test_Last@example.com"),
        ("phone_number", "135792468"),
    ] {
        assert_eq!(data[field], value);
    }
    assert_token(&data["token"]);
    let [token] = &success(&post(
        &server,
        "/api/auth_token",
        &[("username", "username"), ("password", "password123")],
    ))[..] else {
        panic!("one token");
    };
    assert_token(token);
}

fn assert_token(token: &Value) {
    for key in ["access_key_id", "secret_access_key", "refresh_token"] {
        let key = token[key].as_str().unwrap();
        assert_eq!(key.len(), 52);
        assert!(
            key.bytes()
                .all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
        );
    }
    let time = |field: &str| {
        token[field]
            .as_str()
            .unwrap()
            .parse::<jiff::Timestamp>()
            .unwrap()
    };
    let life = time("expires_at").duration_since(time("created_at"));
    assert_eq!(life.as_secs(), 30 * 24 * 3600);
    time("modified_at");
    assert_eq!(token["is_refreshable"], true);
}

#[test]
fn mistakes_in_a_form_are_named_by_field() {
    let server = Server::start(|_| {});
    let form = [("first_name", "Test"), ("last_name", "Last")];
    let (message, errors) = failure(&post(&server, "/api/register", &form), 400);
    assert_eq!(message, "Form error");
    let required = ["email", "password", "phone", "username"];
    let required = required.map(|field| (field.to_owned(), "is required".to_owned()));
    assert_eq!(errors, BTreeMap::from(required));
    let mut form = user("username", "Test_Last", "135792468");
    form[5].1 = "pass";
    let (message, errors) = failure(&post(&server, "/api/register", &form), 400);
    assert_eq!(message, "Form error");
    let fields: Vec<&str> = errors.keys().map(String::as_str).collect();
    assert_eq!(fields, ["email", "password"]);
}

#[test]
fn what_is_not_unique_says_so_as_documented() {
    let server = Server::start(|_| {});
    let form = user("bob", "bob%40example.com", "0123456789");
    success(&post(&server, "/api/register", &form));
    for (form, field) in [
        (user("bob", "b%40example.com", "0123456780"), "username"),
        (user("bob2", "bob%40example.com", "0123456780"), "email"),
        (user("bob2", "b%40example.com", "0123456789"), "phone"),
    ] {
        let (message, errors) = failure(&post(&server, "/api/register", &form), 400);
        assert_eq!(message, "User error");
        assert_eq!(errors["error"], "Some fileds are not unique");
        assert!(
            errors.contains_key(field) && errors.len() == 2,
            "{errors:?}"
        );
    }
}

#[test]
fn who_is_not_signed_in_is_told_so() {
    let server = Server::start(|_| {});
    register(&server, "bob", "0123456789");
    let form = [("username", "bob"), ("password", "wrong")];
    let wrong = post(&server, "/api/auth_token", &form);
    let unsigned = ["/api/inbox", "/api/thread/bob", "/api/ws"]
        .map(|path| signed(&server, "GET", path, "", ""));
    let forged = signed(&server, "GET", "/api/inbox", "BEARER", "a.b.c");
    for answer in unsigned[..2].iter().chain([&wrong, &forged]) {
        let (message, errors) = failure(answer, 401);
        assert_eq!(message, "Authentication error");
        let expected = BTreeMap::from([("error".to_owned(), "Unauthenticated".to_owned())]);
        assert_eq!(errors, expected);
    }
}

#[test]
fn a_token_opens_inbox_and_thread_until_it_is_given_up() {
    let server = Server::start(|_| {});
    let jwt = sign(&register(&server, "username", "1234567890"));
    for path in ["/api/inbox", "/api/thread/username", "/api/inbox?page=0"] {
        for scheme in ["BEARER", "Bearer", "bearer"] {
            let answer = signed(&server, "GET", path, scheme, &jwt);
            assert_eq!(answer.field("content-type"), Some(TYPE));
            assert_eq!(success(&answer), [Value::Null; 0]);
        }
        let by_parameter = if path.contains('?') {
            format!("{path}&access_token={jwt}")
        } else {
            format!("{path}?access_token={jwt}")
        };
        success(&signed(&server, "GET", &by_parameter, "", ""));
    }
    let unknown = signed(&server, "GET", "/api/thread/nobody", "BEARER", &jwt);
    let (message, errors) = failure(&unknown, 400);
    assert_eq!(
        (message.as_str(), errors["error"].as_str()),
        ("User error", "unknown username")
    );
    let given_up = signed(&server, "DELETE", "/api/auth_token", "BEARER", &jwt);
    assert_eq!(success(&given_up), [Value::Null; 0]);
    failure(&signed(&server, "GET", "/api/inbox", "BEARER", &jwt), 401);
}

/// Opens the WebSocket as its documentation says.
fn websocket(server: &Server, jwt: &str) -> Wire {
    let at = server.web();
    let mut wire = Wire::connect(at);
    wire.send(format!(
        "GET /api/ws HTTP/1.1\r\nHost: {at}\r\nUser-Agent: Go-http-client/1.1\r\n\
         Authorization: BEARER {jwt}\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\
         Upgrade: websocket\r\n\r\n"
    ));
    let answer = wire.answer();
    assert_eq!(answer.status, 101, "{}", answer.body);
    // A client that can send to itself is connected.
    wire
}

#[test]
fn packets_reach_every_connection_of_the_recipient_and_are_kept() {
    let server = Server::start(|_| {});
    let bob = sign(&register(&server, "bob", "0123456789"));
    let alice = sign(&register(&server, "alice", "1234567890"));
    let mut bobs = websocket(&server, &bob);
    let mut alices = [websocket(&server, &alice), websocket(&server, &alice)];
    // A message to oneself proves that the connection is registered; the second one may have
    // missed the first one's.
    for (number, said) in ["here", "and here"].into_iter().enumerate() {
        let packet = json!({"author": "alice", "recipient": "alice", "message": said});
        alices[number].send_text(&packet.to_string());
        for wire in &mut alices[..=number] {
            wire.text_with(&format!("\"{said}\""));
        }
    }
    bobs.send_text(r#"{"author":"bob","recipient":"alice","message":"hello"}"#);
    for wire in &mut alices {
        let packet: Value = serde_json::from_str(&wire.text()).unwrap();
        assert_eq!(packet["author"], "bob");
        assert_eq!(packet["recipient"], "alice");
        assert_eq!(packet["message"], "hello");
        assert_eq!(packet["message_type"], 0);
        assert!(
            packet["created_at"]
                .as_str()
                .unwrap()
                .parse::<jiff::Timestamp>()
                .is_ok()
        );
    }
    let inbox = success(&signed(&server, "GET", "/api/inbox", "BEARER", &alice));
    assert_eq!(inbox[0]["author_username"], "bob");
    assert_eq!(inbox[0]["latest_message"], "hello");
    assert!(inbox[0]["created_at"].is_string());
    let thread = success(&signed(&server, "GET", "/api/thread/bob", "BEARER", &alice));
    assert_eq!(thread.len(), 1);
    assert_eq!(
        (&thread[0]["author"], &thread[0]["message"]),
        (&json!("bob"), &json!("hello"))
    );
    assert_eq!(thread[0]["recipient"], "alice");
    // The older server dropped input it could not read; ours says so, so that
    // no client waits in vain.
    bobs.send_text("no JSON");
    let said: Value = serde_json::from_str(&bobs.text_with("fail")).unwrap();
    assert_eq!(said["error"]["code"], 400);
}
