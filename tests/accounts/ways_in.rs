//! Every way to log in or to get a token, with a ban, another user's password,
//! and a guest's own token.

use crate::support::{Answer, JsonClient, LineClient, Server, User, WsClient};
use serde_json::{Value, json};

const PASSWORD: &str = "correct horse";
const DIRECT: [(&str, &str); 6] = [
    ("first_name", "K"),
    ("last_name", "K"),
    ("username", "Kevin"),
    ("password", PASSWORD),
    ("email", "k@example.org"),
    ("phone", "+49123456"),
];

fn start() -> Server {
    Server::start(|config| config["limits"]["auth_attempts"] = 0.into())
}

fn token(answer: &Answer) -> String {
    assert_eq!(answer.status, 201, "{}", answer.body);
    answer.json()["token"].as_str().unwrap().to_owned()
}

fn log_in(server: &Server, nickname: &str, password: &str) -> Answer {
    let fields = [
        ("nickname", nickname),
        ("password", password),
        ("keep", "true"),
    ];
    server.post_form("/auth", &fields)
}

fn log_in_direct(server: &Server, username: &str, password: &str) -> Answer {
    let fields = [("username", username), ("password", password)];
    server.post_form("/api/auth_token", &fields)
}

fn refresh(server: &Server, token: &Value) -> Answer {
    let token = token["refresh_token"].as_str().unwrap();
    server.post_form("/api/auth_token/refresh", &[("refresh_token", token)])
}

/// Registers with a guest's token.
fn register_as(server: &Server, token: &str, path: &str, fields: &[(&str, &str)]) -> Answer {
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .build()
        .into();
    let request = agent.post(format!("http://{}{path}", server.web()));
    let request = request.header("Authorization", format!("Bearer {token}"));
    Answer::of(request.send_form(fields.iter().copied()))
}

#[test]
fn a_banned_nickname_gets_no_token_by_any_way_in() {
    let server = start();
    let registered = server.post_form("/api/register", &DIRECT);
    assert_eq!(registered.status, 200, "{}", registered.body);
    let direct = registered.json()["data"][0]["token"].clone();
    let kept = token(&log_in(&server, "Kevin", PASSWORD));
    let ban = json!({"nickname": "Kevin"});
    assert_eq!(server.post("/admin/bans", ban).status, 201);
    let mut ways = vec![
        ("renewing", server.post_as(&kept, "/auth/renew")),
        ("refreshing", refresh(&server, &direct)),
    ];
    for nickname in ["Kevin", "kevin", "\u{41a}evin"] {
        ways.extend([
            ("logging in", log_in(&server, nickname, PASSWORD)),
            ("direct", log_in_direct(&server, nickname, PASSWORD)),
        ]);
    }
    // A nickname without an account is banned as well.
    let ban = json!({"nickname": "ghost"});
    assert_eq!(server.post("/admin/bans", ban).status, 201);
    ways.push(("guest", server.post_form("/auth", &[("nickname", "Ghost")])));
    for (way, answer) in ways {
        assert_eq!(answer.status, 403, "{way}: {}", answer.body);
        assert!(answer.body.contains("is banned"), "{way}: {}", answer.body);
    }
    let mut line = LineClient::connect(server.telnet());
    line.send("Kevin");
    line.expect("Its password");
    line.send(PASSWORD);
    line.expect("is banned");
    // A client that does not know the password learns no more than before.
    assert_eq!(log_in(&server, "Kevin", "wrong guess").status, 401);
}

#[test]
fn guests_register_their_own_nickname_with_their_own_token() {
    let server = start();
    for (at, (path, name)) in [
        ("/auth/register", "nickname"),
        ("/api/register", "username"),
    ]
    .into_iter()
    .enumerate()
    {
        let nickname = format!("Mina{at}");
        let own = JsonClient::token(&server, &nickname);
        let others = JsonClient::token(&server, &format!("eve{at}"));
        let mut guest = JsonClient::come_in(&server, &own);
        let mut fields = DIRECT.to_vec();
        fields.retain(|(field, _)| !["username", "email", "phone"].contains(field));
        let email = format!("{nickname}@example.org");
        let phone = format!("+49123456{at}");
        fields.extend([(name, &*nickname), ("email", &email), ("phone", &phone)]);
        let refused = server.post_form(path, &fields);
        assert!(
            refused.body.contains("a guest is using"),
            "{}",
            refused.body
        );
        let refused = register_as(&server, &others, path, &fields);
        assert!(
            refused.body.contains("a guest is using"),
            "{}",
            refused.body
        );
        let made = register_as(&server, &own, path, &fields);
        assert!([200, 201].contains(&made.status), "{}", made.body);
        // The guest's token is no longer valid, and the server says so.
        assert_eq!(guest.expect("bye")["code"], "token_revoked");
        assert_eq!(server.get_as(&own, "/auth").status, 401);
        JsonClient::come_in(&server, &token(&log_in(&server, &nickname, PASSWORD)));
        // The other guest still has the nickname.
        JsonClient::come_in(&server, &others);
    }
    // A token proves the owner's current nickname.
    let own = JsonClient::token(&server, "ada");
    let mut ada = JsonClient::come_in(&server, &own);
    ada.send("setnick", json!({"nickname": "lovelace"}));
    ada.expect("nickname");
    let _other = LineClient::enter(&server, "ada");
    let refused = register_as(
        &server,
        &own,
        "/auth/register",
        &[("nickname", "ada"), ("password", PASSWORD)],
    );
    assert_eq!(refused.status, 409, "{}", refused.body);
    let fields = [("nickname", "lovelace"), ("password", PASSWORD)];
    let bad = register_as(&server, "x.y.z", "/auth/register", &fields);
    assert_eq!(bad.status, 401, "{}", bad.body);
    token(&register_as(&server, &own, "/auth/register", &fields));
}

#[test]
fn another_password_ends_everything_that_the_one_before_opened() {
    let server = start();
    let registered = server.post_form("/api/register", &DIRECT);
    let direct = registered.json()["data"][0]["token"].clone();
    let kept = token(&log_in(&server, "Kevin", PASSWORD));
    let mut json = JsonClient::come_in(&server, &kept);
    let mut line = LineClient::connect(server.telnet());
    line.send(&format!("/login Kevin {PASSWORD}"));
    line.expect("Welcome");
    let guest = JsonClient::enter(&server, "guest");
    let path = "/admin/accounts/kevin/password";
    let changed = server.put(path, json!({"password": "a better one"}));
    assert_eq!(changed.status, 200, "{}", changed.body);
    assert_eq!(json.expect("bye")["code"], "password_changed");
    line.expect("password of your account was changed");
    assert_eq!(server.get_as(&kept, "/auth").status, 401);
    assert_eq!(server.post_as(&kept, "/auth/renew").status, 401);
    assert_eq!(refresh(&server, &direct).status, 400);
    let opened = WsClient::open(server.web(), &format!("/ws?token={kept}"), &[]);
    assert_eq!(opened.err(), Some(401));
    assert_eq!(log_in(&server, "Kevin", PASSWORD).status, 401);
    let new = token(&log_in(&server, "Kevin", "a better one"));
    JsonClient::come_in(&server, &new);
    drop(guest);
    // Even if it is the same password again.
    let changed = server.put(path, json!({"password": "a better one"}));
    assert_eq!(changed.status, 200, "{}", changed.body);
    assert_eq!(server.get_as(&new, "/auth").status, 401);
}

fn log_in_from(server: &Server, from: &str, password: &str) -> u16 {
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .build()
        .into();
    let request = agent.post(format!("http://{}/auth", server.web()));
    let request = request.header("X-Forwarded-For", from);
    let form = [("nickname", "mina"), ("password", password)];
    Answer::of(request.send_form(form)).status
}

#[test]
fn an_owner_is_not_locked_out_after_a_restart_either() {
    let mut server = Server::start(|config| {
        config["limits"]["auth_attempts"] = 2.into();
        config["limits"]["account_attempts"] = 3.into();
        config["web"]["trusted_proxies"] = json!(["127.0.0.1"]);
    });
    let fields = [("nickname", "mina"), ("password", PASSWORD)];
    token(&server.post_form("/auth/register", &fields));
    assert_eq!(log_in_from(&server, "192.0.2.1", PASSWORD), 201);
    server.restart();
    for other in 1..=3 {
        let from = format!("198.51.100.{other}");
        assert_eq!(log_in_from(&server, &from, "wrong guess"), 401);
    }
    assert_eq!(log_in_from(&server, "198.51.100.9", PASSWORD), 429);
    assert_eq!(log_in_from(&server, "192.0.2.1", PASSWORD), 201);
    // A new password clears the account's known addresses.
    let path = "/admin/accounts/mina/password";
    let changed = server.put(path, json!({"password": PASSWORD}));
    assert_eq!(changed.status, 200, "{}", changed.body);
    assert_eq!(log_in_from(&server, "192.0.2.1", PASSWORD), 429);
    server.restart();
    for other in 1..=3 {
        let from = format!("198.51.100.{other}");
        assert_eq!(log_in_from(&server, &from, "wrong guess"), 401);
    }
    assert_eq!(log_in_from(&server, "192.0.2.1", PASSWORD), 429);
}

#[test]
fn control_characters_are_in_no_new_password_by_any_way() {
    let server = start();
    let fields = [("nickname", "ada"), ("password", PASSWORD)];
    token(&server.post_form("/auth/register", &fields));
    let mut line = LineClient::enter(&server, "mina");
    line.send("/register long\u{1}enough");
    line.expect("has no control characters");
    for bad in [
        "long\0enough",
        "long\tenough",
        "long\u{85}enough",
        "long\nenough",
    ] {
        for path in ["/auth/register", "/api/register"] {
            let mut fields = DIRECT.to_vec();
            fields.retain(|(field, _)| *field != "password");
            fields.extend([("nickname", "Kevin"), ("password", bad)]);
            let answer = server.post_form(path, &fields);
            let is_said = answer.body.contains("has no control characters");
            assert!(is_said, "{path} {bad:?}: {}", answer.body);
        }
        let set = server.put("/admin/accounts/ada/password", json!({"password": bad}));
        assert!(
            set.body.contains("has no control characters"),
            "{}",
            set.body
        );
    }
    let long = "x".repeat(1025);
    let answer = server.post_form(
        "/auth/register",
        &[("nickname", "bob"), ("password", &long)],
    );
    assert!(
        answer.body.contains("at most 1024 bytes"),
        "{}",
        answer.body
    );
}
