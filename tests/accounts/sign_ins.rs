//! Where an account is signed in: listed, and ended one by one or all at once.

use crate::support::{Answer, JsonClient, LineClient, Server, User};
use serde_json::{Value, json};

const PASSWORD: &str = "correct horse";

fn start() -> Server {
    Server::start(|config| config["limits"]["auth_attempts"] = 0.into())
}

fn token(answer: &Answer, status: u16) -> String {
    assert_eq!(answer.status, status, "{}", answer.body);
    answer.json()["token"].as_str().unwrap().to_owned()
}

fn register(server: &Server, nickname: &str) -> String {
    let fields = [("nickname", nickname), ("password", PASSWORD)];
    token(&server.post_form("/auth/register", &fields), 201)
}

/// Logs in with a client of this name.
fn log_in_as(server: &Server, nickname: &str, client: &str) -> String {
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .build()
        .into();
    let request = agent.post(format!("http://{}/auth", server.web()));
    let request = request.header("User-Agent", client);
    let fields = [
        ("nickname", nickname),
        ("password", PASSWORD),
        ("keep", "true"),
    ];
    token(&Answer::of(request.send_form(fields)), 201)
}

/// Takes a token of the API for direct messages. Returns its key and the secret to exchange it.
fn direct_token(server: &Server, username: &str) -> (String, String) {
    let fields = [("username", username), ("password", PASSWORD)];
    let answer = server.post_form("/api/auth_token", &fields);
    assert_eq!(answer.status, 200, "{}", answer.body);
    let made = &answer.json()["data"][0];
    let text = |name: &str| made[name].as_str().unwrap().to_owned();
    (text("access_key_id"), text("refresh_token"))
}

fn listed(server: &Server, pass: &str) -> Vec<Value> {
    let answer = server.get_as(pass, "/auth/sign-ins");
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.json()["sign_ins"].as_array().unwrap().clone()
}

fn end(server: &Server, pass: &str, id: &str) -> u16 {
    server
        .delete_as(pass, &format!("/auth/sign-ins/{id}"))
        .status
}

#[test]
fn owners_see_where_they_are_signed_in_and_end_one_of_it() {
    let server = start();
    let own = register(&server, "ann");
    let phone = log_in_as(&server, "ann", "Phone 1.0");
    let other = register(&server, "bob");
    let rows = listed(&server, &own);
    assert_eq!(rows.len(), 2, "{rows:?}");
    let of_phone = rows.iter().find(|row| row["client"] == "Phone 1.0");
    let of_phone = of_phone.unwrap_or_else(|| panic!("{rows:?}"));
    assert_eq!(of_phone["address"], "127.0.0.1");
    assert_eq!(
        (&of_phone["kind"], &of_phone["current"]),
        (&json!("chat"), &json!(false))
    );
    assert_eq!(rows.iter().filter(|row| row["current"] == true).count(), 1);
    let id = of_phone["id"].as_str().unwrap();
    let mut on_phone = JsonClient::come_in(&server, &phone);
    let mut at_desk = JsonClient::come_in(&server, &own);
    // Nobody else ends it.
    assert_eq!(end(&server, &other, id), 404);
    assert_eq!(end(&server, "no token", id), 401);
    assert_eq!(end(&server, &own, id), 204);
    assert_eq!(on_phone.expect("bye")["code"], "token_revoked");
    assert_eq!(server.get_as(&phone, "/auth").status, 401);
    assert_eq!(server.get_as(&own, "/auth").status, 200);
    at_desk.settle();
    assert_eq!(end(&server, &own, id), 404);
    assert_eq!(listed(&server, &own).len(), 1);
    // Guests are not signed in.
    let guest = token(&server.post_form("/auth", &[("nickname", "eve")]), 201);
    assert_eq!(server.get_as(&guest, "/auth/sign-ins").status, 401);
}

#[test]
fn tokens_for_direct_messages_are_listed_until_they_end() {
    let server = start();
    let own = register(&server, "ann");
    let (first, refresh) = direct_token(&server, "ann");
    let (second, _) = direct_token(&server, "ann");
    let ids = || {
        let rows = listed(&server, &own);
        let direct = rows.iter().filter(|row| row["kind"] == "direct");
        let mut ids: Vec<String> = direct
            .map(|row| row["id"].as_str().unwrap().to_owned())
            .collect();
        ids.sort();
        ids
    };
    let mut both = [first.clone(), second.clone()];
    both.sort();
    assert_eq!(ids(), both);
    // One that is exchanged has another key.
    let answer = server.post_form("/api/auth_token/refresh", &[("refresh_token", &refresh)]);
    let third = answer.json()["data"][0]["access_key_id"]
        .as_str()
        .unwrap()
        .to_owned();
    let mut both = [third.clone(), second.clone()];
    both.sort();
    assert_eq!(ids(), both);
    assert_eq!(end(&server, &own, &second), 204);
    assert_eq!(ids(), [third]);
    let disabled = server.patch("/admin/accounts/ann", json!({ "disabled": true }));
    assert_eq!(disabled.status, 200);
    let enabled = server.patch("/admin/accounts/ann", json!({ "disabled": false }));
    assert_eq!(enabled.status, 200);
    let own = log_in_as(&server, "ann", "again");
    assert_eq!(listed(&server, &own).len(), 1);
}

#[test]
fn all_sign_ins_end_at_once_and_survive_no_restart() {
    let mut server = start();
    let own = register(&server, "ann");
    let phone = log_in_as(&server, "ann", "Phone");
    let (key, _) = direct_token(&server, "ann");
    let mut on_phone = JsonClient::come_in(&server, &phone);
    let mut lines = LineClient::connect(server.telnet());
    lines.send(&format!("/login ann {PASSWORD}"));
    lines.expect("Welcome, ann");
    assert_eq!(server.delete_as("no token", "/auth/sign-ins").status, 401);
    let new = token(&server.delete_as(&own, "/auth/sign-ins"), 200);
    assert_eq!(on_phone.expect("bye")["code"], "token_revoked");
    lines.expect_close();
    server.log_with("kind=admin", &["ended as its owner all sign-ins of ann"]);
    server.restart();
    for over in [&own, &phone] {
        assert_eq!(server.get_as(over, "/auth").status, 401);
    }
    assert_eq!(server.get_as(&new, "/auth").status, 200);
    let rows = listed(&server, &new);
    assert_eq!(rows.len(), 1, "{rows:?}");
    assert_eq!(rows[0]["current"], true);
    assert_ne!(rows[0]["id"], key.as_str());
    // The password is the same.
    log_in_as(&server, "ann", "Phone");
}

#[test]
fn a_bounded_number_is_listed_and_all_of_them_end() {
    let server = Server::start(|config| {
        config["limits"]["auth_attempts"] = 0.into();
        config["limits"]["account_attempts"] = 0.into();
    });
    let first = register(&server, "ann");
    let mut last = String::new();
    for _ in 0..110 {
        last = log_in_as(&server, "ann", "Script");
    }
    assert_eq!(listed(&server, &last).len(), 100);
    // One that has fallen from the list still works; used again, it is on it again.
    assert_eq!(server.get_as(&first, "/auth").status, 200);
    let new = token(&server.delete_as(&last, "/auth/sign-ins"), 200);
    assert_eq!(server.get_as(&first, "/auth").status, 401);
    assert_eq!(listed(&server, &new).len(), 1);
}
