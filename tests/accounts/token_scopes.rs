//! Each secret permits its own uses and no others, and what it opened ends when
//! it expires.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::support::{Server, WsClient};
use chat_server::account::new_token;
use chat_server::store::{SqliteSettings, SqliteStore, Store, Token, Who};
use data_encoding::BASE64URL_NOPAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};

/// A use that requires a secret; returns whether the server permits it.
type Door = (&'static str, fn(&Server, &str) -> bool);

const DOORS: [Door; 5] = [
    ("administration", |server, shown| {
        let users = server.get_as(shown, "/admin/users").status;
        assert_eq!(users, server.get_as(shown, "/metrics").status);
        is_in(users)
    }),
    ("JSON commands", |server, shown| opens(server, "/ws", shown)),
    ("accounts", |server, shown| {
        is_in(server.get_as(shown, "/api/inbox").status)
    }),
    ("direct messages", |server, shown| {
        opens(server, "/api/ws", shown)
    }),
    ("refreshing", |server, shown| {
        let fields = [("refresh_token", shown)];
        server.post_form("/api/auth_token/refresh", &fields).status == 200
    }),
];

fn is_in(status: u16) -> bool {
    // 403: the account of a pass has no role.
    assert!([200, 401, 403].contains(&status), "{status}");
    status == 200
}

fn opens(server: &Server, path: &str, shown: &str) -> bool {
    let bearer = format!("Bearer {shown}");
    let header = WsClient::open(server.web(), path, &[("Authorization", &bearer)]);
    let query = WsClient::open(server.web(), &format!("{path}?token={shown}"), &[]);
    match (header, query) {
        (Ok(_), Ok(_)) => true,
        (Err(401), Err(401)) => false,
        (header, query) => panic!("{path}: {:?} {:?}", header.err(), query.err()),
    }
}

fn start() -> Server {
    Server::start(|config| config["limits"] = json!({"auth_attempts": 0}))
}

/// Registers an account; returns its token.
fn register(server: &Server, username: &str) -> Value {
    static PHONE: AtomicUsize = AtomicUsize::new(5_550_000);
    let phone = PHONE.fetch_add(1, Ordering::Relaxed).to_string();
    let email = format!("{username}@example.org");
    let fields = [
        ("first_name", "Mina"),
        ("last_name", "Harker"),
        ("username", username),
        ("password", "whitby 1897"),
        ("email", &email),
        ("phone", &phone),
    ];
    let answer = server.post_form("/api/register", &fields);
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.json()["data"][0]["token"].take()
}

/// Gets a pass for a nickname.
fn pass(server: &Server, fields: &[(&str, &str)]) -> String {
    let answer = server.post_form("/auth", fields);
    assert_eq!(answer.status, 201, "{}", answer.body);
    answer.json()["token"].as_str().unwrap().to_owned()
}

fn sign(header: &Header, claims: &Value, secret: &str) -> String {
    encode(header, claims, &EncodingKey::from_secret(secret.as_bytes())).unwrap()
}

fn header(algorithm: Algorithm, access_key: &str) -> Header {
    let mut header = Header::new(algorithm);
    header.extras.insert("access_key", access_key);
    header
}

fn text<'a>(token: &'a Value, field: &str) -> &'a str {
    token[field].as_str().unwrap()
}

/// The signature that a token's owner presents.
fn signature(key: &str, secret: &str) -> String {
    sign(&header(Algorithm::HS256, key), &json!({}), secret)
}

#[test]
fn each_secret_opens_its_own_doors_only() {
    let server = start();
    let mina = register(&server, "mina");
    let (key, secret) = (
        text(&mina, "access_key_id"),
        text(&mina, "secret_access_key"),
    );
    let owner = [("nickname", "mina"), ("password", "whitby 1897")];
    let secrets = [
        (
            "the admin token",
            server.admin_token(),
            vec!["administration"],
        ),
        (
            "a guest's pass",
            pass(&server, &[("nickname", "guest")]),
            vec!["JSON commands"],
        ),
        (
            "an owner's pass",
            pass(&server, &owner),
            vec!["JSON commands"],
        ),
        (
            "an account's signature",
            signature(key, secret),
            vec!["accounts", "direct messages"],
        ),
        ("an access key by itself", key.to_owned(), vec![]),
        ("a secret key by itself", secret.to_owned(), vec![]),
        ("a password", "whitby 1897".to_owned(), vec![]),
        // This use comes last: it revokes the token and its signature.
        (
            "a refresh token",
            text(&mina, "refresh_token").to_owned(),
            vec!["refreshing"],
        ),
    ];
    for (what, shown, opened) in &secrets {
        for (door, is_open) in DOORS {
            let shown = shown.replace(' ', "+");
            assert_eq!(
                is_open(&server, &shown),
                opened.contains(&door),
                "{what} at {door}"
            );
        }
    }
}

#[test]
fn forged_signatures_open_nothing() {
    let server = start();
    let mina = register(&server, "mina");
    let (key, secret) = (
        text(&mina, "access_key_id"),
        text(&mina, "secret_access_key"),
    );
    let lucy = register(&server, "lucy");
    let lucys = text(&lucy, "secret_access_key");
    let pass = pass(&server, &[("nickname", "guest")]);
    let part = |json: &Value| BASE64URL_NOPAD.encode(json.to_string().as_bytes());
    let unsigned = |header: Value, claims: Value| format!("{}.{}.", part(&header), part(&claims));
    let far = json!({"sub": "guest", "jti": "x", "exp": 4_000_000_000_u64});
    let mut pointing = header(Algorithm::HS256, key);
    pointing.kid = Some("../../dev/null".into());
    pointing.jku = Some("http://127.0.0.1:1/keys".into());
    let [pass_header, _, pass_signature] = *pass.split('.').collect::<Vec<_>>() else {
        panic!("{pass}")
    };
    for (what, forged) in [
        ("another's key", signature(key, lucys)),
        ("no key", signature(key, "")),
        ("a key that is SQL", signature("' OR '1'='1", lucys)),
        ("no such key", signature("nobody", lucys)),
        ("a pass's signing", sign(&Header::default(), &far, lucys)),
        (
            "none",
            unsigned(json!({"alg": "none", "access_key": key}), json!({})),
        ),
        (
            "None",
            unsigned(json!({"alg": "None", "access_key": key}), json!({})),
        ),
        (
            "none, for a pass",
            unsigned(json!({"alg": "none"}), far.clone()),
        ),
        (
            "HS384",
            sign(&header(Algorithm::HS384, key), &json!({}), secret),
        ),
        (
            "HS512",
            sign(&header(Algorithm::HS512, key), &json!({}), secret),
        ),
        ("pointers", sign(&pointing, &json!({}), lucys)),
        (
            "other claims",
            format!("{pass_header}.{}.{pass_signature}", part(&far)),
        ),
        ("no signature", format!("{pass_header}.{}.", part(&far))),
    ] {
        for (door, is_open) in DOORS {
            let shown = forged.replace([' ', '\''], "+");
            assert!(!is_open(&server, &shown), "{what} at {door}");
        }
    }
}

fn now_ms() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_millis() as u64
}

/// Adds a token of the account with this expiry to the stopped server's store.
fn add_token(server: &Server, username: &str, expires_at: u64) -> Token {
    let store = SqliteSettings::new(server.dir().join("data/chat.db"));
    let store = SqliteStore::open(store).unwrap();
    let who = Who::Username(chat_server::name::Name::parse(username).unwrap());
    let account = store.account(&who).unwrap().unwrap();
    let token = Token {
        expires_at,
        ..new_token(account.id, now_ms()).unwrap()
    };
    store.add_token(&token).unwrap();
    store.close().unwrap();
    token
}

#[test]
fn a_connection_ends_with_the_token_it_was_opened_with() {
    let mut server = start();
    register(&server, "mina");
    server.kill();
    let short = add_token(&server, "mina", now_ms() + 6000);
    let long = add_token(&server, "mina", now_ms() + 3_600_000);
    server.start_again();
    let connect = |token: &Token| {
        let jwt = signature(&token.access_key_id, token.secret_access_key.expose());
        WsClient::open(server.web(), &format!("/api/ws?token={jwt}"), &[])
    };
    let mut stays = connect(&long).unwrap();
    let Ok(mut ends) = connect(&short) else {
        // Only a machine that stood still for seconds gets here.
        assert!(now_ms() >= short.expires_at);
        return crate::support::not_tested(
            "a pass that expires while it is used: it took too long to come",
        );
    };
    while ends.next_frame().is_some() {}
    assert!(now_ms() >= short.expires_at, "ended too early");
    assert_eq!(ends.close_code(), Some(1008));
    assert_eq!(connect(&short).err(), Some(401));
    assert!(server.log_texts("kind=close", 1)[0].contains("no longer valid"));
    stays.send_frame(tungstenite::Message::text("{}"));
    assert!(stays.next_frame().is_some(), "the other one goes on");
}
