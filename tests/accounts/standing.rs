//! What administrators do to accounts: they list, disable and delete them, and make links with
//! which owners set new passwords.

use crate::support::{Answer, JsonClient, LineClient, Server, User, WsClient};
use serde_json::{Value, json};

const PASSWORD: &str = "correct horse";

fn start() -> Server {
    Server::start(|config| config["limits"]["auth_attempts"] = 0.into())
}

fn register(server: &Server, nickname: &str) {
    let fields = [("nickname", nickname), ("password", PASSWORD)];
    let answer = server.post_form("/auth/register", &fields);
    assert_eq!(answer.status, 201, "{}", answer.body);
}

fn log_in(server: &Server, nickname: &str, password: &str) -> Answer {
    let fields = [
        ("nickname", nickname),
        ("password", password),
        ("keep", "true"),
    ];
    server.post_form("/auth", &fields)
}

fn token(answer: &Answer) -> String {
    assert_eq!(answer.status, 201, "{}", answer.body);
    answer.json()["token"].as_str().unwrap().to_owned()
}

fn disable(server: &Server, nickname: &str, disabled: bool) {
    let path = format!("/admin/accounts/{nickname}");
    let answer = server.patch(&path, json!({ "disabled": disabled }));
    let state = if disabled { "disabled" } else { "active" };
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!(answer.json()["state"], state);
}

/// Names and states of the accounts that a query lists, and whether there may be more.
fn listed(server: &Server, query: &str) -> (Vec<String>, bool) {
    let answer = server.get(&format!("/admin/accounts{query}"));
    assert_eq!(answer.status, 200, "{}", answer.body);
    let list = answer.json();
    let shown = |it: &Value| {
        let words = ["username", "state"].map(|field| it[field].as_str().unwrap());
        words.join(" ")
    };
    let rows = list["accounts"].as_array().unwrap().iter().map(shown);
    (rows.collect(), list["more"] == true)
}

#[test]
fn a_disabled_account_ends_everywhere_and_says_so_until_it_is_enabled() {
    let server = start();
    register(&server, "Kevin");
    let kept = token(&log_in(&server, "kevin", PASSWORD));
    let direct = [("username", "kevin"), ("password", PASSWORD)];
    assert_eq!(server.post_form("/api/auth_token", &direct).status, 200);
    let mut json = JsonClient::come_in(&server, &kept);
    let mut line = LineClient::connect(server.telnet());
    line.send(&format!("/login kevin {PASSWORD}"));
    line.expect("Welcome");
    disable(&server, "KEVIN", true);
    assert_eq!(json.expect("bye")["code"], "account_disabled");
    line.expect("an administrator has disabled your account");
    line.expect_close();
    // What was given out is over, and nothing else is given out.
    assert_eq!(server.get_as(&kept, "/auth").status, 401);
    assert_eq!(server.post_as(&kept, "/auth/renew").status, 401);
    let opened = WsClient::open(server.web(), &format!("/ws?token={kept}"), &[]);
    assert_eq!(opened.err(), Some(401));
    let refused = log_in(&server, "kevin", PASSWORD);
    assert_eq!(refused.status, 403, "{}", refused.body);
    assert_eq!(refused.json()["error"]["code"], "account_disabled");
    assert_eq!(server.post_form("/api/auth_token", &direct).status, 403);
    let mut line = LineClient::connect(server.telnet());
    line.send(&format!("/login kevin {PASSWORD}"));
    line.expect("The account is disabled.");
    // Only who knows the password is told.
    assert_eq!(log_in(&server, "kevin", "a wrong guess").status, 401);
    let guest = server.post_form("/auth", &[("nickname", "kevin")]);
    assert_eq!(guest.status, 409, "{}", guest.body);
    let reset = server.post("/admin/accounts/kevin/reset", json!({}));
    assert_eq!(reset.status, 409, "{}", reset.body);
    assert_eq!(
        listed(&server, ""),
        (vec!["Kevin disabled".to_owned()], false)
    );
    disable(&server, "kevin", false);
    assert_eq!(server.get_as(&kept, "/auth").status, 401);
    let again = token(&log_in(&server, "kevin", PASSWORD));
    JsonClient::come_in(&server, &again);
}

#[test]
fn accounts_are_listed_by_page_and_by_the_beginning_of_their_names() {
    let server = start();
    for nickname in ["bob", "Anna", "ann", "zoë"] {
        register(&server, nickname);
    }
    let names = |names: &[&str]| -> Vec<String> {
        names.iter().map(|name| format!("{name} active")).collect()
    };
    assert_eq!(
        listed(&server, ""),
        (names(&["ann", "Anna", "bob", "zoë"]), false)
    );
    assert_eq!(listed(&server, "?limit=2"), (names(&["ann", "Anna"]), true));
    assert_eq!(
        listed(&server, "?after=anna&limit=9"),
        (names(&["bob", "zoë"]), false)
    );
    assert_eq!(
        listed(&server, "?prefix=AN"),
        (names(&["ann", "Anna"]), false)
    );
    assert_eq!(
        listed(&server, "?prefix=zo%C3%AB"),
        (names(&["zoë"]), false)
    );
    for bad in [
        "?limit=0",
        "?limit=501",
        "?prefix=a%20b",
        "?after=%00",
        "?page=2",
    ] {
        let answer = server.get(&format!("/admin/accounts{bad}"));
        assert_eq!(answer.status, 400, "{bad}: {}", answer.body);
    }
    let bob = token(&log_in(&server, "bob", PASSWORD));
    let client = JsonClient::come_in(&server, &bob);
    let row = |name: &str| {
        let list = server.get(&format!("/admin/accounts?prefix={name}")).json();
        list["accounts"][0].clone()
    };
    assert_eq!(
        (&row("bob")["online"], &row("anna")["online"]),
        (&json!(true), &json!(false))
    );
    let seen = row("bob")["last_seen_at"].as_str().unwrap().to_owned();
    assert!(
        *seen >= *row("bob")["registered_at"].as_str().unwrap(),
        "{seen}"
    );
    assert_eq!(row("anna")["last_seen_at"], Value::Null);
    drop(client);
}

fn link(server: &Server, nickname: &str) -> String {
    let answer = server.post(&format!("/admin/accounts/{nickname}/reset"), json!({}));
    assert_eq!(answer.status, 201, "{}", answer.body);
    let link = answer.json()["link"].as_str().unwrap().to_owned();
    link.strip_prefix("/reset#").unwrap().to_owned()
}

fn reset(server: &Server, secret: &str, password: &str) -> Answer {
    server.post_form_as(secret, "/auth/reset", &[("password", password)])
}

#[test]
fn a_link_sets_a_new_password_once() {
    let server = start();
    register(&server, "Kevin");
    let kept = token(&log_in(&server, "kevin", PASSWORD));
    let mut json = JsonClient::come_in(&server, &kept);
    let older = link(&server, "kevin");
    let secret = link(&server, "kevin");
    assert_eq!(server.get_as(&older, "/auth/reset").status, 401);
    let known = server.get_as(&secret, "/auth/reset");
    assert_eq!(known.status, 200, "{}", known.body);
    assert_eq!(known.json()["nickname"], "Kevin");
    // A mistake does not use it up, and the password is as before until then.
    assert_eq!(reset(&server, &secret, "short").status, 400);
    assert_eq!(log_in(&server, "kevin", PASSWORD).status, 201);
    let done = reset(&server, &secret, "a better one");
    assert_eq!(done.status, 200, "{}", done.body);
    assert_eq!(json.expect("bye")["code"], "password_changed");
    assert_eq!(server.get_as(&kept, "/auth").status, 401);
    assert_eq!(log_in(&server, "kevin", PASSWORD).status, 401);
    assert_eq!(log_in(&server, "kevin", "a better one").status, 201);
    for secret in [secret.as_str(), &older, "not a secret", ""] {
        let again = reset(&server, secret, "yet another one");
        assert_eq!(again.status, 401, "{secret}: {}", again.body);
    }
    assert_eq!(
        server
            .post("/admin/accounts/nobody/reset", json!({}))
            .status,
        404
    );
}

#[test]
fn guesses_at_links_are_limited() {
    let server = Server::start(|config| config["limits"]["auth_attempts"] = 3.into());
    let statuses = [(); 4].map(|()| reset(&server, &"0".repeat(32), "long enough").status);
    assert_eq!(statuses, [401, 401, 401, 429]);
}

#[test]
fn a_deleted_account_leaves_its_name_and_messages_and_its_channels_to_an_operator() {
    let server = start();
    for nickname in ["amy", "ben", "cid", "dot"] {
        register(&server, nickname);
    }
    for channel in ["dev", "solo"] {
        let path = format!("/admin/channels/{channel}/registration");
        let answer = server.put(&path, json!({"founder": "amy"}));
        assert_eq!(answer.status, 200, "{}", answer.body);
    }
    for nickname in ["cid", "ben", "dot"] {
        let path = format!("/admin/channels/dev/roles/{nickname}");
        let answer = server.put(&path, json!({"role": "operator", "keep": true}));
        assert_eq!(answer.status, 204, "{}", answer.body);
    }
    // The one that has been there longest cannot be used.
    disable(&server, "cid", true);
    let amy = token(&log_in(&server, "amy", PASSWORD));
    let mut json = JsonClient::come_in(&server, &amy);
    let mut ben = LineClient::connect(server.telnet());
    ben.send(&format!("/login ben {PASSWORD}"));
    ben.expect("Welcome");
    ben.send("/join #dev");
    ben.expect("now in #dev");
    json.send("join", json!({"room": "dev"}));
    ben.expect("amy");
    json.send("message", json!({"room": "dev", "body": "this stays"}));
    ben.expect("this stays");
    assert_eq!(server.delete("/admin/accounts/AMY").status, 204);
    assert_eq!(json.expect("bye")["code"], "account_deleted");
    let dev = server.get("/admin/channels/dev").json();
    assert_eq!(dev["founder"], "ben", "{dev}");
    assert_eq!(dev["accounts"][0]["name"], "amy", "{dev}");
    assert_eq!(dev["accounts"][0]["role"], "member", "{dev}");
    assert_eq!(server.get("/admin/channels/solo").json()["founder"], "amy");
    // Nobody can take the name, and nobody is told that there is something.
    assert_eq!(log_in(&server, "amy", PASSWORD).status, 401);
    let fields = [("nickname", "Amy"), ("password", PASSWORD)];
    assert_eq!(server.post_form("/auth/register", &fields).status, 409);
    assert_eq!(
        server.post_form("/auth", &[("nickname", "amy")]).status,
        409
    );
    assert_eq!(server.get_as(&amy, "/auth").status, 401);
    assert_eq!(listed(&server, "?prefix=amy").0, ["amy deleted"]);
    ben.send("/history 1");
    ben.expect("@amy: this stays");
    for (answer, call) in [
        (server.delete("/admin/accounts/amy"), "delete"),
        (
            server.patch("/admin/accounts/amy", json!({"disabled": false})),
            "enable",
        ),
        (server.post("/admin/accounts/amy/reset", json!({})), "reset"),
        (
            server.put(
                "/admin/accounts/amy/password",
                json!({"password": PASSWORD}),
            ),
            "password",
        ),
    ] {
        assert_eq!(answer.status, 404, "{call}: {}", answer.body);
    }
}

#[test]
fn what_is_done_to_accounts_is_in_the_audit_trail_without_secrets() {
    let server = start();
    register(&server, "amy");
    let secret = link(&server, "amy");
    disable(&server, "amy", true);
    disable(&server, "amy", false);
    assert_eq!(server.delete("/admin/accounts/amy").status, 204);
    let entries = server.log("kind=admin", 4);
    let texts: Vec<&str> = entries
        .iter()
        .map(|it| it["text"].as_str().unwrap())
        .collect();
    let expected = [
        "deleted the account amy",
        "enabled the account amy",
        "disabled the account amy",
        "made a link to reset the password of amy",
    ];
    assert_eq!(texts, expected);
    assert!(
        entries.iter().all(|entry| entry["to"] == "amy"),
        "{entries:?}"
    );
    assert!(!format!("{entries:?}").contains(&secret));
    let mistake = server.patch("/admin/accounts/amy", json!({}));
    assert_eq!(mistake.status, 404, "{}", mistake.body);
}
