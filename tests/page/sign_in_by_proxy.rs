//! Users whom a reverse proxy names are signed in, and nobody else is by saying the same.

use std::net::SocketAddr;

use crate::support::{
    Answer, JsonClient, LineClient, Proxy, Script, Server, WsClient, deployed, free_address,
};
use serde_json::{Value, json};

/// A server that believes this machine, or another one, in `Remote-User`.
fn start_with(trusted: &str, change: impl FnOnce(&mut Value)) -> Server {
    Server::start(|config| {
        config["web"]["trusted_proxies"] = json!([trusted]);
        config["remote_user"]["header"] = "Remote-User".into();
        config["limits"]["auth_attempts"] = 0.into();
        change(config);
    })
}

fn start() -> Server {
    start_with("127.0.0.1", |_| {})
}

fn agent() -> ureq::Agent {
    let config = ureq::config::Config::builder();
    config
        .http_status_as_error(false)
        .max_redirects(0)
        .build()
        .into()
}

/// `POST /auth/remote` with these header fields.
fn sign_in(server: &Server, fields: &[(&str, &str)]) -> Answer {
    let mut call = agent().post(format!("http://{}/auth/remote", server.web()));
    for (name, value) in fields {
        call = call.header(*name, *value);
    }
    Answer::of(call.send_empty())
}

fn token(answer: &Answer) -> String {
    assert_eq!(answer.status, 201, "{}", answer.body);
    answer.json()["token"].as_str().unwrap().to_owned()
}

fn refused(answer: &Answer, status: u16, code: &str) {
    assert_eq!(answer.status, status, "{}", answer.body);
    assert_eq!(answer.json()["error"]["code"], code, "{}", answer.body);
}

/// The name that the server says it was told.
fn named(server: &Server, fields: &[(&str, &str)]) -> Value {
    let mut call = agent().get(format!("http://{}/auth/register", server.web()));
    for (name, value) in fields {
        call = call.header(*name, *value);
    }
    Answer::of(call.call()).json()["remote_user"].clone()
}

#[test]
fn a_user_has_an_account_from_the_first_sign_in_on() {
    let server = start_with("127.0.0.1", |config| {
        config["accounts"]["registration"] = "closed".into();
        config["remote_user"]["logout_url"] = "https://auth.example.org/logout".into();
    });
    let mina = [
        ("remote-USER", "Mina"),
        ("Remote-Email", "mina@example.org"),
    ];
    let told = json!({"name": "Mina", "logout_url": "https://auth.example.org/logout"});
    assert_eq!(named(&server, &mina), told);
    let first = token(&sign_in(&server, &mina));
    let again = token(&sign_in(&server, &mina));
    for pass in [&first, &again] {
        let own = server.get_as(pass, "/auth/account").json();
        assert_eq!(
            (&own["nickname"], &own["email"]),
            (&json!("Mina"), &json!("mina@example.org"))
        );
    }
    JsonClient::come_in(&server, &first);
    let accounts = server.get("/admin/accounts").json();
    assert_eq!(accounts["accounts"].as_array().unwrap().len(), 1);
    // It has no password, and its name is nobody else's.
    for password in ["", "password"] {
        let form = [("nickname", "Mina"), ("password", password)];
        assert!(server.post_form("/auth", &form).status >= 400);
    }
    // The header is good for a token and for nothing else.
    let call = agent().get(format!("http://{}/auth/account", server.web()));
    let call = Answer::of(call.header("Remote-User", "Mina").call());
    assert_eq!(call.status, 401, "{}", call.body);
}

#[test]
fn nobody_is_believed_whom_the_settings_do_not_name() {
    let server = start_with("10.0.0.0/8", |_| {});
    for fields in [
        vec![("Remote-User", "mina")],
        vec![("Remote-User", "mina"), ("X-Forwarded-For", "10.0.0.1")],
        vec![
            ("Remote-User", "mina"),
            ("X-Forwarded-For", "127.0.0.1, 10.0.0.1"),
        ],
    ] {
        refused(&sign_in(&server, &fields), 401, "unauthorised");
        assert_eq!(named(&server, &fields), json!({}));
    }
    let server = start();
    for fields in [
        vec![],
        vec![("Remote-User", "")],
        vec![("Remote_User", "mina")],
        vec![("X-Remote-User", "mina")],
        vec![("X-Forwarded-User", "mina")],
        vec![("X-Auth-Request-User", "mina")],
    ] {
        refused(&sign_in(&server, &fields), 401, "unauthorised");
    }
    let two = [("Remote-User", "mina"), ("Remote-User", "eve")];
    refused(&sign_in(&server, &two), 403, "not_a_nickname");
    // Pages of others get nothing by what the browser sends.
    let fields = [("Remote-User", "mina"), ("Origin", "https://evil.example")];
    refused(&sign_in(&server, &fields), 403, "origin_not_allowed");
    let listed = server.get("/admin/accounts").json();
    assert_eq!(listed["accounts"], json!([]));
    let off = Server::start(|config| config["web"]["trusted_proxies"] = json!(["127.0.0.1"]));
    refused(&sign_in(&off, &[("Remote-User", "mina")]), 404, "not_found");
    assert_eq!(named(&off, &[("Remote-User", "mina")]), Value::Null);
}

#[test]
fn a_name_that_is_another_ones_is_refused_until_it_is_linked() {
    let server = start();
    JsonClient::registered(&server, "Bob");
    let bob = [("Remote-User", "bob")];
    refused(&sign_in(&server, &bob), 403, "not_your_account");
    // It looks like Bob's, with a Cyrillic letter.
    refused(
        &sign_in(&server, &[("Remote-User", "B\u{43e}b")]),
        403,
        "not_your_account",
    );
    let link = |user: Value| server.patch("/admin/accounts/Bob", json!({ "remote_user": user }));
    assert_eq!(link(json!("bob")).status, 200);
    let pass = token(&sign_in(&server, &bob));
    assert_eq!(server.get_as(&pass, "/auth").json()["nickname"], "Bob");
    refused(
        &sign_in(&server, &[("Remote-User", "BOB")]),
        403,
        "not_your_account",
    );
    // A name that cannot be a nickname.
    let mail = [("Remote-User", "bob@example.org")];
    refused(&sign_in(&server, &mail), 403, "not_a_nickname");
    assert_eq!(link(json!("bob@example.org")).status, 200);
    token(&sign_in(&server, &mail));
    refused(&sign_in(&server, &bob), 403, "not_your_account");
    // One user has one account.
    token(&sign_in(&server, &[("Remote-User", "eve")]));
    let second = server.patch(
        "/admin/accounts/eve",
        json!({ "remote_user": "bob@example.org" }),
    );
    assert_eq!(second.status, 409, "{}", second.body);
    assert_eq!(link(Value::Null).status, 200);
    refused(&sign_in(&server, &mail), 403, "not_a_nickname");
    // Reserved, and in use by a guest.
    refused(
        &sign_in(&server, &[("Remote-User", "system")]),
        403,
        "not_a_nickname",
    );
    let _guest = LineClient::enter(&server, "zoe");
    refused(
        &sign_in(&server, &[("Remote-User", "zoe")]),
        409,
        "conflict",
    );
    // Disabled.
    server.patch("/admin/accounts/eve", json!({ "disabled": true }));
    refused(
        &sign_in(&server, &[("Remote-User", "eve")]),
        403,
        "account_disabled",
    );
    server.delete("/admin/accounts/eve");
    refused(
        &sign_in(&server, &[("Remote-User", "eve")]),
        403,
        "account_disabled",
    );
}

#[test]
fn accounts_are_not_made_if_the_settings_forbid_it() {
    let server = start_with("127.0.0.1", |config| {
        config["remote_user"]["create"] = false.into();
    });
    refused(
        &sign_in(&server, &[("Remote-User", "mina")]),
        403,
        "no_account",
    );
}

#[test]
fn groups_give_and_take_roles() {
    let server = start_with("127.0.0.1", |config| {
        config["remote_user"]["administrators"] = "chat-admins".into();
        config["remote_user"]["moderators"] = "chat-mods".into();
    });
    let with = |groups: &str| {
        let fields = [("Remote-User", "mina"), ("Remote-Groups", groups)];
        token(&sign_in(&server, &fields))
    };
    let own = |pass: &str| server.get_as(pass, "/auth/account").json()["role"].clone();
    let pass = with("staff,chat-mods");
    assert_eq!(own(&pass), "moderator");
    assert_eq!(server.get_as(&pass, "/admin/bans").status, 200);
    with("chat-mods, chat-admins");
    assert_eq!(own(&pass), "administrator");
    with("staff");
    assert_eq!(own(&pass), Value::Null);
    assert_eq!(server.get_as(&pass, "/admin/bans").status, 403);
    let texts = server.log_texts("kind=admin", 3);
    assert_eq!(
        texts[0],
        "took, by the groups of its owner, the role of mina"
    );
}

/// nginx with the file in `deploy/`, and in place of the identity provider another one, for which a
/// cookie says who the user is.
fn nginx_before(server: &Server) -> (Proxy, SocketAddr) {
    let (address, provider) = (free_address(), free_address());
    let config = deployed("nginx/sign-in.conf")
        .replace("listen 80;", &format!("listen {address};"))
        .replace("127.0.0.1:9091", &provider.to_string())
        .replace("https://auth.example.org", &format!("http://{provider}"))
        .replace("127.0.0.1:4004", &server.web().to_string());
    let provider = format!(
        "server {{ listen {provider};\n\
         location = /api/authz/auth-request {{\n\
         if ($cookie_who = \"\") {{ return 401; }}\n\
         add_header Remote-User $cookie_who; add_header Remote-Groups $cookie_groups;\n\
         return 200; }}\n\
         location / {{ default_type text/plain; return 200 \"the provider\"; }} }}\n"
    );
    (Proxy::nginx(&(config + &provider), address), address)
}

#[test]
fn nginx_asks_who_the_user_is_and_clients_cannot_say_it() {
    let server = start_with("127.0.0.1", |config| {
        config["remote_user"]["administrators"] = "chat-admins".into();
    });
    let (_nginx, address) = nginx_before(&server);
    let call = |fields: &[(&str, &str)]| {
        let mut call = agent().post(format!("http://{address}/auth/remote"));
        for (name, value) in fields {
            call = call.header(*name, *value);
        }
        Answer::of(call.send_empty())
    };
    // Who has not signed in is led there, whatever they claim.
    assert_eq!(call(&[]).status, 302);
    assert_eq!(call(&[("Remote-User", "mina")]).status, 302);
    // Who has is the one they are, and in their own groups.
    let fields = [
        ("Cookie", "who=eve; groups=staff"),
        ("Remote-User", "mina"),
        ("Remote-Groups", "chat-admins"),
    ];
    let eve = token(&call(&fields));
    let own = server.get_as(&eve, "/auth/account").json();
    assert_eq!((&own["nickname"], own.get("role")), (&json!("eve"), None));
    let origin = format!("http://{address}");
    let fields = [("Cookie", "who=eve"), ("Origin", &*origin)];
    let opened = WsClient::open(address, &format!("/ws?token={eve}"), &fields);
    JsonClient(opened.unwrap()).expect("joined");
}

#[test]
fn the_page_is_signed_in_at_once_and_signs_out_where_it_is_told() {
    let server = start_with("127.0.0.1", |config| {
        config["remote_user"]["logout_url"] = "/gone".into();
        config["remote_user"]["administrators"] = "chat-admins".into();
        config["listen"]["tcp"] = "127.0.0.1:0".into();
    });
    let (_nginx, address) = nginx_before(&server);
    let more = json!({ "web": address.to_string() });
    let script = Script::start_at("browser_sign_in_by_proxy.py", &server, &more);
    script.run(|line| panic!("asked for {line:?}"));
}
