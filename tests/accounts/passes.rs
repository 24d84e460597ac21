//! Staying signed in, and signing out.

use crate::support::{Answer, JsonClient, LineClient, Server, User, WsClient};
use data_encoding::BASE64URL_NOPAD;
use jsonwebtoken::{Algorithm, EncodingKey};
use serde_json::{Value, json};

const PASSWORD: &str = "long enough";

fn start() -> Server {
    Server::start(|config| config["limits"]["auth_attempts"] = 0.into())
}

fn token(answer: &Answer) -> String {
    assert_eq!(answer.status, 201, "{}", answer.body);
    answer.json()["token"].as_str().unwrap().to_owned()
}

fn register(server: &Server, fields: &[(&str, &str)]) -> Answer {
    server.post_form("/auth/register", fields)
}

fn log_in(server: &Server, nickname: &str, keep: &str) -> String {
    let form = [
        ("nickname", nickname),
        ("password", PASSWORD),
        ("keep", keep),
    ];
    token(&server.post_form("/auth", &form))
}

/// The remaining life of a token, in seconds.
fn life(token: &str) -> u64 {
    let claims = token.split('.').nth(1).unwrap();
    let claims = BASE64URL_NOPAD.decode(claims.as_bytes()).unwrap();
    let claims: Value = serde_json::from_slice(&claims).unwrap();
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap();
    claims["exp"].as_u64().unwrap() - now.as_secs()
}

fn is_let_in(server: &Server, token: &str) -> bool {
    match WsClient::open(server.web(), &format!("/ws?token={token}"), &[]) {
        Ok(_) => true,
        Err(401) => false,
        Err(other) => panic!("{other}"),
    }
}

#[test]
fn a_nickname_and_a_password_are_an_account() {
    let server = start();
    let short = [("nickname", "mina"), ("password", PASSWORD)];
    let pass = token(&register(&server, &short));
    JsonClient::come_in(&server, &pass);
    // E-mail addresses and phone numbers need not be unique, so no answer
    // reveals that another account has them.
    for nickname in ["ada", "bob"] {
        let full = [
            ("nickname", nickname),
            ("password", PASSWORD),
            ("email", "same@example.org"),
            ("phone", "12345"),
            ("first_name", ""),
        ];
        token(&register(&server, &full));
    }
    let direct = |username: &str| {
        let form = [
            ("username", username),
            ("password", PASSWORD),
            ("first_name", "A"),
            ("last_name", "B"),
            ("email", "same@example.org"),
            ("phone", "12345"),
        ];
        server.post_form("/api/register", &form)
    };
    assert_eq!(direct("cleo").status, 200);
    // The direct-message protocol documents that they are required.
    assert_eq!(direct("dora").status, 400);
    let again = register(&server, &[("nickname", "MINA"), ("password", PASSWORD)]);
    assert_eq!(again.status, 409, "{}", again.body);
    let wrong = register(
        &server,
        &[("nickname", "eve"), ("password", "short"), ("email", "no")],
    );
    assert_eq!(wrong.status, 400);
    let fields = &wrong.json()["error"]["fields"];
    assert!(
        fields["password"].is_string() && fields["email"].is_string(),
        "{fields}"
    );
    assert!(fields["nickname"].is_null(), "{fields}");
    // Registration does not evict a guest of that name.
    let mut guest = LineClient::enter(&server, "fred");
    let taken = register(&server, &[("nickname", "Fred"), ("password", PASSWORD)]);
    assert_eq!(taken.status, 409);
    guest.send("/register long enough");
    guest.expect("is yours now");
}

#[test]
fn a_kept_sign_in_lasts_thirty_days_and_is_renewed() {
    const DAY: u64 = 86_400;
    let mut server = start();
    register(&server, &[("nickname", "mina"), ("password", PASSWORD)]);
    let once = log_in(&server, "mina", "false");
    assert!((DAY - 600..=DAY).contains(&life(&once)), "{}", life(&once));
    assert_eq!(server.post_as(&once, "/auth/renew").status, 409);
    let kept = log_in(&server, "mina", "true");
    let month = 30 * DAY;
    assert!(
        (month - 600..=month).contains(&life(&kept)),
        "{}",
        life(&kept)
    );
    server.restart();
    let renewed = token(&server.post_as(&kept, "/auth/renew"));
    assert!(life(&renewed) >= life(&kept));
    JsonClient::come_in(&server, &renewed);
    assert!(is_let_in(&server, &kept));
    // After a reload the new lifetime applies to passes issued from then on.
    server.reload(|config| config["limits"]["kept_pass_days"] = 2.into());
    let kept = log_in(&server, "mina", "on");
    assert!(life(&kept) <= 2 * DAY);
    let nonsense = server.post_form(
        "/auth",
        &[
            ("nickname", "mina"),
            ("password", PASSWORD),
            ("keep", "maybe"),
        ],
    );
    assert_eq!(nonsense.status, 400);
    assert_eq!(server.post_as("x.y.z", "/auth/renew").status, 401);
}

#[test]
fn who_has_signed_out_is_out_everywhere_and_for_good() {
    let mut server = start();
    register(&server, &[("nickname", "mina"), ("password", PASSWORD)]);
    let kept = log_in(&server, "mina", "true");
    let renewed = token(&server.post_as(&kept, "/auth/renew"));
    let other = log_in(&server, "mina", "true");
    let mut tab = JsonClient::come_in(&server, &kept);
    let mut other_tab = JsonClient::come_in(&server, &renewed);
    let mut phone = JsonClient::come_in(&server, &other);
    assert_eq!(server.delete_as(&kept, "/auth").status, 204);
    for tab in [&mut tab, &mut other_tab] {
        assert_eq!(tab.expect("bye")["code"], "token_revoked");
    }
    phone.send("message", json!({"body": "still here"}));
    phone.expect("message");
    for _ in 0..2 {
        assert!(!is_let_in(&server, &kept));
        assert!(!is_let_in(&server, &renewed));
        assert_eq!(server.post_as(&kept, "/auth/renew").status, 401);
        assert_eq!(server.get_as(&renewed, "/auth").status, 401);
        assert_eq!(server.delete_as(&renewed, "/auth").status, 401);
        assert!(is_let_in(&server, &other));
        server.restart();
    }
    assert_eq!(server.delete_as("", "/auth").status, 401);
    assert_eq!(server.delete_as("x.y.z", "/auth").status, 401);
}

#[test]
fn a_guest_gives_a_nickname_back() {
    let server = start();
    let held = JsonClient::token(&server, "mina");
    assert_eq!(server.delete_as(&held, "/auth").status, 204);
    let again = JsonClient::token(&server, "Mina");
    let mut mina = JsonClient::come_in(&server, &again);
    assert!(!is_let_in(&server, &held));
    assert_eq!(server.delete_as(&again, "/auth").status, 204);
    assert_eq!(mina.expect("bye")["code"], "token_revoked");
    LineClient::enter(&server, "mina");
}

/// Exchanging an account's token ends the connections made with the old token,
/// not those made with passes.
#[test]
fn other_tokens_of_the_account_are_not_concerned() {
    let server = start();
    let pass = JsonClient::registered(&server, "mina");
    let mut page = JsonClient::come_in(&server, &pass);
    let form = [("username", "mina"), ("password", PASSWORD)];
    let issued = server.post_form("/api/auth_token", &form).json();
    let refresh = issued["data"][0]["refresh_token"].as_str().unwrap();
    let refreshed = server.post_form("/api/auth_token/refresh", &[("refresh_token", refresh)]);
    assert_eq!(refreshed.status, 200, "{}", refreshed.body);
    page.send("message", json!({"body": "still here"}));
    page.expect("message");
}

/// A correctly signed token with this header.
fn signed(header: &Value, claims: &Value, key: &str) -> String {
    let part = |json: &Value| BASE64URL_NOPAD.encode(json.to_string().as_bytes());
    let parts = format!("{}.{}", part(header), part(claims));
    let key = EncodingKey::from_secret(key.as_bytes());
    let signature = jsonwebtoken::crypto::sign(parts.as_bytes(), &key, Algorithm::HS256).unwrap();
    format!("{parts}.{signature}")
}

#[test]
fn a_token_that_asks_for_more_than_is_understood_is_refused() {
    let server = start();
    let form = [
        ("username", "mina"),
        ("password", PASSWORD),
        ("first_name", "A"),
        ("last_name", "B"),
        ("email", "mina@example.org"),
        ("phone", "12345"),
    ];
    let user = server.post_form("/api/register", &form).json();
    let issued = &user["data"][0]["token"];
    let secret = issued["secret_access_key"].as_str().unwrap();
    let signing_key = std::fs::read_to_string(server.dir().join("data/signing-key")).unwrap();
    let pass = json!({"sub": "guest", "jti": "x", "exp": 4_000_000_000_u64});
    let status = |fields: Value| {
        let mut header = json!({"alg": "HS256", "typ": "JWT"});
        let fields = fields.as_object().unwrap().clone();
        header.as_object_mut().unwrap().extend(fields);
        let of_guest = signed(&header, &pass, signing_key.trim());
        header["access_key"] = issued["access_key_id"].clone();
        let of_account = signed(&header, &json!({}), secret);
        assert_eq!(
            is_let_in(&server, &of_guest),
            server.get_as(&of_guest, "/auth").status == 200,
            "{header}"
        );
        let direct = WsClient::open(server.web(), &format!("/api/ws?token={of_account}"), &[]);
        let inbox = server.get_as(&of_account, "/api/inbox").status;
        assert_eq!(direct.err().unwrap_or(200), inbox, "{header}");
        (server.get_as(&of_guest, "/auth").status, inbox)
    };
    for understood in [
        json!({}),
        json!({"typ": "jwt"}),
        json!({"kid": "1", "jwk": {"kty": "oct", "k": "AAAA"}, "x5u": "http://127.0.0.1:1/"}),
    ] {
        assert_eq!(status(understood.clone()), (200, 200), "{understood}");
    }
    for refused in [
        json!({"crit": ["exp"]}),
        json!({"crit": []}),
        json!({"crit": null}),
        json!({"b64": false, "crit": ["b64"]}),
        json!({"b64": true}),
        json!({"alg": "none"}),
        json!({"alg": "HS512"}),
        json!({"typ": "at+jwt"}),
        json!({"cty": "JWT"}),
        json!({"zip": "DEF"}),
        json!({"kid": "x".repeat(2000)}),
    ] {
        assert_eq!(status(refused.clone()), (401, 401), "{refused}");
    }
}
