//! Accounts and direct messages as a client program meets them: every call and
//! every error.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use crate::support::{DEADLINE, LineClient, Server, User, WsClient, wait_until};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};
use tungstenite::Message;
use ureq::http::{Method, Request, Response};

const FORM: &str = "application/x-www-form-urlencoded";

fn start() -> Server {
    Server::start(|config| config["limits"] = json!({"auth_attempts": 0}))
}

/// Makes a call; returns the answer with its body as text.
fn call_with(
    server: &Server,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> Response<String> {
    call_within(DEADLINE, server, (method, path), headers, body)
}

/// The same, with a deadline of its own.
fn call_within(
    deadline: Duration,
    server: &Server,
    (method, path): (&str, &str),
    headers: &[(&str, &str)],
    body: &str,
) -> Response<String> {
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .timeout_global(Some(deadline))
        .build()
        .into();
    let mut request = Request::builder()
        .method(Method::from_bytes(method.as_bytes()).unwrap())
        .uri(format!("http://{}{path}", server.web()));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(body.to_owned()).unwrap();
    let request = agent.configure_request(request);
    let request = request.allow_non_standard_methods(true).build();
    let (head, mut body) = agent.run(request).unwrap().into_parts();
    Response::from_parts(head, body.read_to_string().unwrap())
}

/// The envelope of an answer, which must have one.
fn envelope(answer: &Response<String>) -> Value {
    let body = answer.body();
    let envelope: Value = serde_json::from_str(body).unwrap_or_else(|_| panic!("{answer:?}"));
    let mut fields: Vec<&str> = envelope.as_object().unwrap().keys().map(|k| &**k).collect();
    fields.sort_unstable();
    let expected = [
        "current_page",
        "data",
        "error",
        "page",
        "per_page",
        "status",
    ];
    assert_eq!(fields, expected, "{body}");
    let content_type = answer.headers().get("content-type");
    let content_type = content_type.and_then(|value| value.to_str().ok());
    assert_eq!(content_type, Some("application/json; charset=utf-8"));
    let status = answer.status().as_u16();
    let good = status == 200;
    assert_eq!(envelope["status"], if good { "success" } else { "fail" });
    assert_eq!(envelope["error"]["code"], status, "{body}");
    assert_eq!(envelope["error"]["message"] == "", good, "{body}");
    assert_eq!(envelope["per_page"], 10);
    let rows = envelope["data"].as_array().unwrap().len();
    assert_eq!(envelope["current_page"], rows);
    envelope
}

/// POST of a JSON object; returns status and envelope.
fn post(server: &Server, path: &str, body: &Value) -> (u16, Value) {
    let headers = [("Content-Type", "application/json")];
    let answer = call_with(server, "POST", path, &headers, &body.to_string());
    (answer.status().as_u16(), envelope(&answer))
}

/// A signed call without a body; returns status and envelope.
fn signed(server: &Server, method: &str, path: &str, token: &Value) -> (u16, Value) {
    let authorization = format!("Bearer {}", jwt(token, &json!({})));
    let headers = [("Authorization", authorization.as_str())];
    let answer = call_with(server, method, path, &headers, "");
    (answer.status().as_u16(), envelope(&answer))
}

/// Signs with a token as a client does.
fn jwt(token: &Value, claims: &Value) -> String {
    let mut header = Header::new(Algorithm::HS256);
    let access_key = token["access_key_id"].as_str().unwrap();
    header.extras.insert("access_key", access_key);
    let secret = token["secret_access_key"].as_str().unwrap();
    encode(
        &header,
        claims,
        &EncodingKey::from_secret(secret.as_bytes()),
    )
    .unwrap()
}

fn form(username: &str) -> Value {
    static PHONE: AtomicUsize = AtomicUsize::new(5_550_000);
    json!({
        "first_name": "Mina", "last_name": "Harker", "username": username,
        "password": "whitby 1897", "email": format!("{username}@example.org"),
        "phone": PHONE.fetch_add(1, Ordering::Relaxed),
    })
}

/// Registers an account; returns its first token.
fn register(server: &Server, username: &str) -> Value {
    let (status, mut envelope) = post(server, "/api/register", &form(username));
    assert_eq!(status, 200, "{envelope}");
    envelope["data"][0]["token"].take()
}

/// The fields with errors, and the errors.
fn errors(envelope: &Value) -> Vec<(&str, &str)> {
    let errors = envelope["error"]["errors"].as_object().unwrap().iter();
    errors.map(|(k, v)| (&**k, v.as_str().unwrap())).collect()
}

fn connect(server: &Server, token: &Value) -> WsClient {
    let authorization = format!("Bearer {}", jwt(token, &json!({})));
    WsClient::open(
        server.web(),
        "/api/ws",
        &[("Authorization", &authorization)],
    )
    .unwrap()
    .settled()
}

/// The next frame, which must be this message.
fn expect(client: &mut WsClient, author: &str, recipient: &str, words: &str) -> Value {
    let frame = client.next_json().expect("a message");
    let fields = ["author", "recipient", "message"].map(|field| frame[field].as_str());
    assert_eq!(fields, [author, recipient, words].map(Some), "{frame}");
    frame
}

/// The next frame, which must be this error.
fn expect_failure(client: &mut WsClient, code: u16, field: Option<&str>) {
    let frame = client.next_json().expect("a failure");
    assert_eq!(frame["status"], "fail", "{frame}");
    assert_eq!(frame["error"]["code"], code, "{frame}");
    let named = errors(&frame).into_iter().map(|(field, _)| field);
    let fields: Vec<&str> = named.filter(|field| *field != "error").collect();
    assert_eq!(fields, field.as_slice(), "{frame}");
}

fn say(client: &mut WsClient, recipient: &str, words: &str) {
    client.send(&json!({"author": "x", "recipient": recipient, "message": words}).to_string());
}

#[test]
fn an_account_is_made_used_and_given_up() {
    let server = start();
    let (status, made) = post(&server, "/api/register", &form("Mina"));
    assert_eq!(status, 200, "{made}");
    let user = &made["data"][0];
    assert_eq!(user["username"], "Mina");
    assert_eq!(user["email"], "Mina@example.org");
    assert_eq!(user["phone_number"].as_str().unwrap().len(), 7);
    assert_eq!(
        (&user["first_name"], &user["last_name"]),
        (&json!("Mina"), &json!("Harker"))
    );
    assert_eq!(user.get("password"), None);
    for key in ["access_key_id", "secret_access_key", "refresh_token"] {
        assert_eq!(user["token"][key].as_str().unwrap().len(), 52, "{key}");
    }
    assert_eq!(user["token"]["is_refreshable"], true);
    let time = |field: &str| -> jiff::Timestamp {
        user["token"][field].as_str().unwrap().parse().unwrap()
    };
    let life = time("expires_at").as_second() - time("created_at").as_second();
    assert_eq!(life, 30 * 24 * 3600);
    assert_eq!(time("modified_at"), time("created_at"));

    // A form as browsers send it, with another spelling of the name.
    let body = "username=MINA&password=whitby+1897";
    let answer = call_with(
        &server,
        "POST",
        "/api/auth_token",
        &[("Content-Type", FORM)],
        body,
    );
    let second = envelope(&answer)["data"][0].clone();
    assert_ne!(second["access_key_id"], user["token"]["access_key_id"]);

    assert_eq!(signed(&server, "GET", "/api/inbox", &second).0, 200);
    assert_eq!(signed(&server, "DELETE", "/api/auth_token", &second).0, 200);
    assert_eq!(signed(&server, "GET", "/api/inbox", &second).0, 401);
    assert_eq!(signed(&server, "DELETE", "/api/auth_token", &second).0, 401);
    assert_eq!(signed(&server, "GET", "/api/inbox", &user["token"]).0, 200);
}

#[test]
fn every_mistake_in_a_form_is_named() {
    let server = start();
    let (status, empty) = post(&server, "/api/register", &json!({}));
    assert_eq!(
        (status, &empty["error"]["message"]),
        (400, &json!("Form error"))
    );
    let fields = [
        "email",
        "first_name",
        "last_name",
        "password",
        "phone",
        "username",
    ];
    assert_eq!(errors(&empty), fields.map(|field| (field, "is required")));

    let taken = form("mina");
    assert_eq!(post(&server, "/api/register", &taken).0, 200);
    let (status, again) = post(&server, "/api/register", &taken);
    assert_eq!(
        (status, &again["error"]["message"]),
        (400, &json!("User error"))
    );
    let why = "is taken already";
    assert_eq!(
        errors(&again),
        [
            ("email", why),
            ("error", "Some fileds are not unique"),
            ("phone", why),
            ("username", why)
        ]
    );
    let mut posing = form("m\u{456}na");
    posing["email"] = json!("other@example.org");
    let (status, posing) = post(&server, "/api/register", &posing);
    let expected = vec![("error", "Some fileds are not unique"), ("username", why)];
    assert_eq!((status, errors(&posing)), (400, expected));

    for (path, body, fields) in [
        ("/api/register", r#"{"username": ["#, vec!["body"]),
        ("/api/register", r#"{"phone": 7777778.5}"#, vec!["phone"]),
        ("/api/auth_token", "", vec!["password", "username"]),
        ("/api/auth_token", "username=mina", vec!["password"]),
        ("/api/auth_token", "username=9&password=x", vec!["username"]),
        ("/api/auth_token", "username=%zz", vec!["body"]),
        ("/api/auth_token", r#"{"username": {}}"#, vec!["username"]),
        ("/api/auth_token/refresh", "", vec!["refresh_token"]),
        (
            "/api/auth_token/refresh",
            "refresh_token=x",
            vec!["refresh_token"],
        ),
    ] {
        let answer = call_with(&server, "POST", path, &[("Content-Type", FORM)], body);
        assert_eq!(answer.status(), 400, "{path} {body}");
        let envelope = envelope(&answer);
        assert_eq!(envelope["error"]["message"], "Form error");
        let named: Vec<&str> = errors(&envelope).iter().map(|(field, _)| *field).collect();
        assert_eq!(named, fields, "{path} {body}");
    }
    let body = json!({"username": "mina", "password": "whitby 1898"});
    let (status, wrong) = post(&server, "/api/auth_token", &body);
    assert_eq!(
        (status, errors(&wrong)),
        (401, vec![("error", "Unauthenticated")])
    );
}

#[test]
fn every_other_answer_has_the_envelope_too() {
    let server = Server::start(|config| {
        config["limits"] = json!({"auth_attempts": 0, "http_body_bytes": 2048});
    });
    let token = register(&server, "mina");
    for (method, path, status) in [
        ("GET", "/api/nowhere", 404),
        ("GET", "/api/register", 405),
        ("PUT", "/api/auth_token", 405),
        ("POST", "/api/inbox", 405),
        ("GET", "/api/thread/mina/read", 405),
        ("GET", "/api/ws", 426),
        ("GET", "/api/thread/nobody", 400),
        ("GET", "/api/thread/9", 400),
        ("GET", "/api/thread/%zz", 400),
        // As clients know it: an invalid page means the first.
        ("GET", "/api/inbox?page=0", 200),
        ("GET", "/api/inbox?page=-1", 200),
        ("GET", "/api/inbox?page=x", 200),
        ("GET", "/api/thread/mina?page=1.5", 200),
        ("GET", "/api/inbox?page=1&page=2", 200),
        ("GET", "/api/inbox?page=%zz", 200),
        ("GET", "/api/thread/mina?page=%ff&page=2", 200),
        ("GET", "/api/inbox?access_token=%zz", 400),
        ("POST", "/api/thread/nobody/read", 400),
        ("GET", "/api/inbox?page=&cache=buster&_", 200),
        ("GET", "/api/inbox?page=18446744073709551615", 200),
        ("GET", "/api/thread/MINA?page=99", 200),
    ] {
        let answer = signed(&server, method, path, &token);
        assert_eq!(answer.0, status, "{method} {path}: {}", answer.1);
    }
    let answer = call_with(&server, "DELETE", "/api/register", &[], "");
    assert_eq!(envelope(&answer)["error"]["code"], 405);
    assert_eq!(answer.headers()["allow"], "POST, OPTIONS");
    let long = "x".repeat(2049);
    let answer = call_with(&server, "POST", "/api/register", &[], &long);
    assert_eq!(envelope(&answer)["error"]["code"], 413);

    // The older names keep their own forms.
    let answer = call_with(&server, "GET", "/api/status", &[], "");
    let status: Value = serde_json::from_str(answer.body()).unwrap();
    assert_eq!(
        (answer.status().as_u16(), status.get("per_page")),
        (200, None)
    );
    let answer = call_with(&server, "GET", "/api/message", &[], "");
    let refused: Value = serde_json::from_str(answer.body()).unwrap();
    assert_eq!(refused["error"]["code"], "unauthorised");
}

#[test]
fn only_a_good_signature_opens_anything() {
    let server = start();
    let token = register(&server, "mina");
    let other = register(&server, "lucy");
    let mut forged = token.clone();
    forged["secret_access_key"] = other["secret_access_key"].clone();
    let mut unknown = token.clone();
    unknown["access_key_id"] = json!("A".repeat(52));
    let now = jiff::Timestamp::now().as_second();
    let good = jwt(&token, &json!({"exp": now + 3600, "nbf": now - 60}));
    let bad = [
        jwt(&forged, &json!({})),
        jwt(&unknown, &json!({})),
        jwt(&token, &json!({"exp": now - 60})),
        jwt(&token, &json!({"nbf": now + 3600})),
        "nonsense".to_owned(),
    ];
    for path in ["/api/inbox", "/api/thread/lucy"] {
        for (name, value) in [
            ("Authorization", format!("Bearer {good}")),
            ("Authorization", format!("bEARER  {good}")),
        ] {
            let answer = call_with(&server, "GET", path, &[(name, &value)], "");
            assert_eq!(envelope(&answer)["error"]["code"], 200);
        }
        let answer = call_with(&server, "GET", &format!("{path}?token={good}"), &[], "");
        assert_eq!(envelope(&answer)["error"]["code"], 200);
        let mut refused = vec![call_with(&server, "GET", path, &[], "")];
        for jwt in &bad {
            let value = format!("Bearer {jwt}");
            let headers = [("Authorization", value.as_str())];
            refused.push(call_with(&server, "GET", path, &headers, ""));
            refused.push(call_with(
                &server,
                "GET",
                &format!("{path}?token={jwt}"),
                &[],
                "",
            ));
        }
        let scheme = format!("Basic {good}");
        refused.push(call_with(
            &server,
            "GET",
            path,
            &[("Authorization", &scheme)],
            "",
        ));
        for answer in refused {
            let envelope = envelope(&answer);
            assert_eq!(answer.status(), 401, "{envelope}");
            assert_eq!(
                envelope["error"]["errors"],
                json!({"error": "Unauthenticated"})
            );
            assert!(answer.headers().contains_key("www-authenticate"));
        }
    }
    // The WebSocket refuses the same tokens before it opens.
    let upgrade = [
        ("Connection", "Upgrade"),
        ("Upgrade", "websocket"),
        ("Sec-WebSocket-Version", "13"),
        ("Sec-WebSocket-Key", "AAAAAAAAAAAAAAAAAAAAAA=="),
    ];
    let mut paths: Vec<String> = bad
        .iter()
        .map(|jwt| format!("/api/ws?token={jwt}"))
        .collect();
    paths.push("/api/ws".to_owned());
    for path in paths {
        let answer = call_with(&server, "GET", &path, &upgrade, "");
        let envelope = envelope(&answer);
        assert_eq!(
            envelope["error"]["errors"],
            json!({"error": "Unauthenticated"})
        );
    }
    let protocol = "Sec-WebSocket-Protocol";
    let bearer = format!("Bearer {good}");
    let pair = format!("Bearer, {good}");
    let address = server.web();
    let path = format!("/api/ws?token={good}");
    WsClient::open(address, &path, &[]).unwrap();
    for value in [&good, &pair] {
        WsClient::open(address, "/api/ws", &[(protocol, value)]).unwrap();
    }
    let mut headers = upgrade.to_vec();
    headers.push((protocol, &bearer));
    let answer = call_with(&server, "GET", "/api/ws", &headers, "");
    assert_eq!(answer.status(), 101);
    assert_eq!(answer.headers()[protocol], bearer.as_str());
}

#[test]
fn a_token_is_exchanged_once_and_takes_its_connections_along() {
    let server = start();
    let first = register(&server, "mina");
    let mut old = connect(&server, &first);
    let refresh = json!({"refresh_token": first["refresh_token"]});
    let (status, exchanged) = post(&server, "/api/auth_token/refresh", &refresh);
    assert_eq!(status, 200, "{exchanged}");
    let second = &exchanged["data"][0];
    assert_eq!(old.next_frame(), None);
    assert_eq!(old.close_code(), Some(1008));
    assert_eq!(signed(&server, "GET", "/api/inbox", &first).0, 401);
    assert_eq!(signed(&server, "GET", "/api/inbox", second).0, 200);
    assert_eq!(post(&server, "/api/auth_token/refresh", &refresh).0, 400);

    // This token is revoked, and no other.
    let login = json!({"username": "mina", "password": "whitby 1897"});
    let third = post(&server, "/api/auth_token", &login).1["data"][0].clone();
    let (mut ends, mut stays) = (connect(&server, second), connect(&server, &third));
    say(&mut ends, "mina", "both are on");
    expect(&mut stays, "mina", "mina", "both are on");
    expect(&mut ends, "mina", "mina", "both are on");
    assert_eq!(signed(&server, "DELETE", "/api/auth_token", second).0, 200);
    assert_eq!(ends.next_frame(), None);
    assert_eq!(ends.close_code(), Some(1008));
    say(&mut stays, "mina", "still on");
    expect(&mut stays, "mina", "mina", "still on");
}

#[test]
fn messages_reach_every_device_and_wait_for_those_who_are_away() {
    let server = start();
    let (mina, lucy) = (register(&server, "Mina"), register(&server, "lucy"));
    let mut phone = connect(&server, &mina);
    let mut desk = connect(&server, &mina);
    // Both devices are connected once both got the message.
    say(&mut phone, "mina", "0");
    expect(&mut phone, "Mina", "Mina", "0");
    let first = expect(&mut desk, "Mina", "Mina", "0");
    assert_eq!(first["message_type"], 0);
    assert!(
        first["created_at"]
            .as_str()
            .unwrap()
            .parse::<jiff::Timestamp>()
            .is_ok()
    );

    // Lucy is away; Mina's other device sees what was sent.
    for n in 1..=12 {
        say(&mut phone, "LUCY", &n.to_string());
    }
    for n in 1..=12 {
        expect(&mut desk, "Mina", "lucy", &n.to_string());
    }
    let (_, inbox) = signed(&server, "GET", "/api/inbox", &lucy);
    assert_eq!(inbox["data"].as_array().unwrap().len(), 1);
    let thread = &inbox["data"][0];
    assert_eq!(
        (&thread["author_username"], &thread["latest_message"]),
        (&json!("Mina"), &json!("12"))
    );
    assert_eq!(thread["unread"], 12);
    let words = |page: &Value| -> Vec<String> {
        let rows = page["data"].as_array().unwrap().iter();
        rows.map(|row| row["message"].as_str().unwrap().to_owned())
            .collect()
    };
    let (_, page) = signed(&server, "GET", "/api/thread/mina?page=2", &lucy);
    assert_eq!(
        (words(&page), &page["page"]),
        (vec!["2".into(), "1".into()], &json!(2))
    );
    assert_eq!(
        signed(&server, "GET", "/api/inbox", &lucy).1["data"][0]["unread"],
        12
    );
    let (_, page) = signed(&server, "GET", "/api/thread/mina", &lucy);
    let newest: Vec<String> = (3..=12).rev().map(|n| n.to_string()).collect();
    assert_eq!(words(&page), newest);
    let row = &page["data"][0];
    assert_eq!(
        (&row["author"], &row["recipient"]),
        (&json!("Mina"), &json!("lucy"))
    );
    assert_eq!(row["message_type"], 0);
    // The first page was read, and so the thread counts as read.
    assert_eq!(
        signed(&server, "GET", "/api/inbox", &lucy).1["data"][0]["unread"],
        0
    );

    // Both are connected; then one reports how far she has read.
    let mut lucys = connect(&server, &lucy);
    say(&mut lucys, "mina", "here I am");
    expect(&mut phone, "lucy", "Mina", "here I am");
    let arrived = expect(&mut desk, "lucy", "Mina", "here I am");
    say(&mut desk, "lucy", "at last");
    let live = expect(&mut lucys, "Mina", "lucy", "at last");
    expect(&mut phone, "Mina", "lucy", "at last");
    assert!(live["id"].as_str().unwrap() > arrived["id"].as_str().unwrap());
    let unread = || {
        let inbox = signed(&server, "GET", "/api/inbox", &lucy).1;
        inbox["data"][0]["unread"].as_u64().unwrap()
    };
    assert_eq!(unread(), 1);
    let authorization = format!("Bearer {}", jwt(&lucy, &json!({})));
    for (body, status, left) in [("up_to=x", 400, 1), ("up_to=1-1", 200, 1), ("", 200, 0)] {
        let headers = [
            ("Authorization", authorization.as_str()),
            ("Content-Type", FORM),
        ];
        let answer = call_with(&server, "POST", "/api/thread/Mina/read", &headers, body);
        assert_eq!(envelope(&answer)["error"]["code"], status);
        assert_eq!(unread(), left, "{body}");
    }
    let history = signed(&server, "GET", "/api/thread/mina", &lucy).1;
    let far = "/api/thread/mina?page=18446744073709551615";
    assert_eq!(signed(&server, "GET", far, &lucy).1["data"], json!([]));
    assert_eq!(history["data"][0], live, "live and stored are the same");
}

#[test]
fn a_frame_that_is_wrong_gets_an_answer_and_nothing_else() {
    let server = Server::start(|config| {
        config["limits"] = json!({"auth_attempts": 0, "line_bytes": 256});
    });
    let mina = register(&server, "mina");
    let mut client = connect(&server, &mina);
    let long = "x".repeat(300);
    let message = |recipient: &str, words: &str| {
        json!({"recipient": recipient, "message": words}).to_string()
    };
    for (frame, code, field) in [
        ("nonsense".to_owned(), 400, "frame"),
        ("{".to_owned(), 400, "frame"),
        (message("mina", &long), 400, "frame"),
        (message("", "hi"), 400, "recipient"),
        (message("#x", "hi"), 400, "recipient"),
        (message("nobody", "hi"), 400, "recipient"),
        (message("mina", ""), 400, "message"),
        (message("mina", "\u{1b}\n "), 400, "message"),
        (json!({"recipient": "mina"}).to_string(), 400, "message"),
    ] {
        client.send(&frame);
        expect_failure(&mut client, code, Some(field));
    }
    client.send_frame(Message::binary(vec![1, 2, 3]));
    expect_failure(&mut client, 400, Some("frame"));
    client.send(r#"{"author":[],"recipient":"@mina","message":"fine","more":{"x":1}}"#);
    expect(&mut client, "mina", "mina", "fine");
    // Beyond sixteen times the limit the connection is closed.
    client.send(&"x".repeat(256 * 17));
    assert_eq!(client.next_frame(), None);
    assert_eq!(client.close_code(), Some(1009));
}

#[test]
fn whoever_sends_too_fast_is_told_and_then_closed() {
    let server = Server::start(|config| {
        let limits = json!({"auth_attempts": 0, "message_rate": 0.1, "message_burst": 2});
        config["limits"] = limits;
    });
    let mina = register(&server, "mina");
    let mut client = connect(&server, &mina);
    for n in 0..14 {
        let message = json!({"author": "x", "recipient": "mina", "message": n.to_string()});
        // The connection may end before the last is sent.
        client.try_send(&message.to_string());
    }
    expect(&mut client, "mina", "mina", "0");
    expect(&mut client, "mina", "mina", "1");
    expect_failure(&mut client, 429, None);
    assert_eq!(client.next_frame(), None);
    assert_eq!(client.close_code(), Some(1008));
}

#[test]
fn telnet_and_api_users_share_names_and_messages() {
    let server = start();
    let mut guest = LineClient::enter(&server, "lucy");
    // A connected guest keeps the nickname.
    let (status, refused) = post(&server, "/api/register", &form("Lucy"));
    assert_eq!(status, 400, "{refused}");
    assert!(
        errors(&refused)
            .iter()
            .any(|(field, _)| *field == "username")
    );

    let mina = register(&server, "mina");
    let mut client = connect(&server, &mina);
    say(&mut client, "lucy", "to a guest");
    guest.expect_private("mina", "to a guest");
    guest.send("/msg @mina to an account");
    expect(&mut client, "lucy", "mina", "to an account");
    // Private messages between guests are not stored.
    assert_eq!(
        signed(&server, "GET", "/api/inbox", &mina).1["data"],
        json!([])
    );

    let announced = server.post("/admin/announce", json!({"message": "Soup."}));
    assert_eq!(announced.status, 200);
    let frame = expect(&mut client, "system", "*", "Soup.");
    assert_eq!(frame["message_type"], 1);
    assert!(frame["created_at"].is_string());

    let kicked = server.delete("/admin/users/mina?reason=Enough");
    assert_eq!(kicked.json()["disconnected"], 1);
    assert_eq!(client.next_frame(), None);
    assert_eq!(client.close_code(), Some(1008));
}

#[test]
fn an_account_is_the_same_on_telnet() {
    let server = start();
    let (mina, lucy) = (register(&server, "mina"), register(&server, "lucy"));
    let mut line = LineClient::connect(server.telnet());
    line.send("mina");
    line.expect("Its password");
    line.send("whitby 1897");
    line.expect("Welcome");
    line.settle();
    let mut minas = connect(&server, &mina);
    say(&mut minas, "mina", "on");
    expect(&mut minas, "mina", "mina", "on");
    line.expect_private("mina", "on");

    // Lucy is away at first, and connected later.
    line.send("/msg @lucy from telnet");
    expect(&mut minas, "mina", "lucy", "from telnet");
    let (_, thread) = signed(&server, "GET", "/api/thread/mina", &lucy);
    assert_eq!(thread["data"][0]["message"], "from telnet");
    let mut lucys = connect(&server, &lucy);
    say(&mut lucys, "mina", "from a program");
    expect(&mut minas, "lucy", "mina", "from a program");
    line.expect_private("lucy", "from a program");
    line.send("/msg @lucy and back");
    expect(&mut lucys, "mina", "lucy", "and back");
}

#[test]
fn who_cannot_have_the_nickname_is_told_and_closed() {
    let server = start();
    let mina = register(&server, "mina");
    let ban = server.post(
        "/admin/bans",
        json!({"nickname": "mina", "reason": "Biting"}),
    );
    assert_eq!(ban.status, 201, "{}", ban.body);
    let mut client = connect(&server, &mina);
    expect_failure(&mut client, 403, None);
    assert_eq!(client.next_frame(), None);
    assert_eq!(client.close_code(), Some(1008));
}

/// Ends a storm when it is dropped: also if the test fails, which would wait for it for ever.
struct Calm<'a>(&'a AtomicBool);

impl Drop for Calm<'_> {
    fn drop(&mut self) {
        self.0.store(false, Ordering::SeqCst);
    }
}

#[test]
fn a_storm_of_logins_holds_up_nobody_else() {
    let server = start();
    register(&server, "mina");
    let mut alice = LineClient::enter_channel(&server, "alice", "storm");
    let mut bob = LineClient::enter_channel(&server, "bob", "storm");
    let left = AtomicUsize::new(50);
    let raging = AtomicBool::new(true);
    let answers: Vec<u16> = thread::scope(|scope| {
        let calm = Calm(&raging);
        let storm: Vec<_> = (0..50)
            .map(|_| {
                scope.spawn(|| {
                    let mut statuses = Vec::new();
                    let login = json!({"username": "mina", "password": "whitby 1897"});
                    let headers = [("Content-Type", "application/json")];
                    while raging.load(Ordering::SeqCst) {
                        // The storm itself may keep a busy machine from its own calls.
                        let call = ("POST", "/api/auth_token");
                        let body = login.to_string();
                        let answer = call_within(8 * DEADLINE, &server, call, &headers, &body);
                        if envelope(&answer)["error"]["code"] == 503 {
                            assert!(answer.headers().contains_key("retry-after"));
                            // As a client does that is asked to try again.
                            thread::yield_now();
                        }
                        if statuses.is_empty() {
                            left.fetch_sub(1, Ordering::SeqCst);
                        }
                        statuses.push(answer.status().as_u16());
                    }
                    statuses
                })
            })
            .collect();
        let mut said = 0;
        // Until every client has had an answer and has called again. One that has ended has failed.
        let has_failed = || storm.iter().any(thread::ScopedJoinHandle::is_finished);
        while (left.load(Ordering::SeqCst) > 0 || said < 20) && !has_failed() {
            alice.send(&format!("line {said}"));
            bob.expect_message("alice", &format!("line {said}"));
            assert_eq!(server.get("/healthz").status, 200);
            assert_eq!(server.get("/admin/users").status, 200);
            said += 1;
        }
        drop(calm);
        storm
            .into_iter()
            .flat_map(|thread| thread.join().unwrap())
            .collect()
    });
    assert!(answers.contains(&200), "some get in");
    assert!(answers.contains(&503), "the rest is not kept waiting");
    assert!(
        answers.iter().all(|status| [200, 503].contains(status)),
        "{answers:?}"
    );
}

#[test]
fn a_storm_for_passes_leaves_workers_to_others() {
    let server = start();
    register(&server, "mina");
    let raging = AtomicBool::new(true);
    let (let_in, put_off) = (AtomicUsize::new(0), AtomicUsize::new(0));
    thread::scope(|scope| {
        let _calm = Calm(&raging);
        for _ in 0..20 {
            scope.spawn(|| {
                let login = [("nickname", "mina"), ("password", "whitby 1897")];
                while raging.load(Ordering::SeqCst) {
                    match server.post_form("/auth", &login).status {
                        201 => let_in.fetch_add(1, Ordering::SeqCst),
                        503 => put_off.fetch_add(1, Ordering::SeqCst),
                        status => panic!("{status}"),
                    };
                    thread::yield_now();
                }
            });
        }
        let mut guests = 0;
        crate::support::wait_until("some are let in, and the rest put off", || {
            // A guest without a password logs in at any time.
            guests += 1;
            let guest = format!("guest{guests}");
            let answer = server.post_form("/auth", &[("nickname", &guest)]);
            assert_eq!(answer.status, 201, "{}", answer.body);
            let_in.load(Ordering::SeqCst) > 3 && put_off.load(Ordering::SeqCst) > 3
        });
    });
}

#[test]
fn guessing_is_answered_with_patience() {
    let server = Server::start(|config| config["limits"] = json!({"auth_attempts": 3}));
    let login = json!({"username": "mina", "password": "a guess"});
    for _ in 0..3 {
        assert_eq!(post(&server, "/api/auth_token", &login).0, 401);
    }
    let headers = [("Content-Type", "application/json")];
    let body = login.to_string();
    let answer = call_with(&server, "POST", "/api/auth_token", &headers, &body);
    assert_eq!(envelope(&answer)["error"]["code"], 429);
    let seconds = answer.headers()["retry-after"].to_str().unwrap();
    assert!(
        (1..=20).contains(&seconds.parse::<u64>().unwrap()),
        "{seconds}"
    );
    assert_eq!(post(&server, "/api/register", &form("lucy")).0, 429);
}

/// Each password check takes 19 MiB for a moment, on one of many threads.
#[test]
fn memory_for_passwords_goes_back_to_the_system() {
    let server = start();
    register(&server, "warm");
    let before = server.resident_kib();
    thread::scope(|scope| {
        for person in 0..4 {
            let server = &server;
            scope.spawn(move || {
                for number in 0..3 {
                    register(server, &format!("p{person}n{number}"));
                }
            });
        }
    });
    wait_until("the memory is released", || {
        server.resident_kib() < before + 16 * 1024
    });
}
