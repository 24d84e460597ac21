//! Who registers accounts: everyone, those who are invited, nobody; on every way in.

use crate::support::{Answer, IrcClient, LineClient, Server, User};
use serde_json::{Value, json};

const PASSWORD: &str = "correct-horse";

fn start(registration: &str) -> Server {
    Server::start(|config| {
        config["accounts"]["registration"] = registration.into();
        config["limits"]["auth_attempts"] = 0.into();
        config["listen"]["irc"] = "127.0.0.1:0".into();
    })
}

fn register(server: &Server, nickname: &str, invitation: &str) -> Answer {
    let fields = [
        ("nickname", nickname),
        ("password", PASSWORD),
        ("invitation", invitation),
    ];
    server.post_form("/auth/register", &fields)
}

/// Registers as a client for direct messages does.
fn register_for_messages(server: &Server, username: &str, invitation: &str) -> Answer {
    let fields = [
        ("username", username),
        ("password", PASSWORD),
        ("first_name", "A"),
        ("last_name", "B"),
        ("email", &format!("{username}@example.org")),
        ("phone", "+49 170 1234"),
        ("invitation", invitation),
    ];
    server.post_form("/api/register", &fields)
}

/// Makes an invitation. Returns its id and its secret.
fn invite(server: &Server, wanted: Value) -> (String, String) {
    let answer = server.post("/admin/invitations", wanted);
    assert_eq!(answer.status, 201, "{}", answer.body);
    let made = answer.json();
    let link = made["link"].as_str().unwrap();
    let secret = link.strip_prefix("/client#register=").unwrap().to_owned();
    (made["id"].as_str().unwrap().to_owned(), secret)
}

fn code(answer: &Answer) -> String {
    assert_eq!(answer.status, 403, "{}", answer.body);
    answer.json()["error"]["code"].as_str().unwrap().to_owned()
}

/// Whether the account is there, and not only the nickname.
fn is_registered(server: &Server, nickname: &str) -> bool {
    let fields = [("nickname", nickname), ("password", PASSWORD)];
    server.post_form("/auth", &fields).status == 201
        && server
            .get(&format!("/admin/accounts?prefix={nickname}"))
            .json()["accounts"]
            .as_array()
            .is_some_and(|rows| !rows.is_empty())
}

#[test]
fn nobody_registers_where_registration_is_closed() {
    let server = start("closed");
    let (_, secret) = invite(&server, json!({}));
    let said = server.get("/auth/register").json();
    assert_eq!(said["registration"], "closed");
    assert_eq!(
        code(&register(&server, "ann", &secret)),
        "registration_closed"
    );
    assert_eq!(register_for_messages(&server, "ann", &secret).status, 403);
    let mut lines = LineClient::enter(&server, "bob");
    for command in ["/register", "/register correct-horse"] {
        lines.send(command);
        lines.expect("No accounts are registered here");
    }
    let mut irc = IrcClient::enter(&server, "cat");
    irc.send(&format!("NS REGISTER {PASSWORD} * {secret}"));
    irc.expect("no accounts are registered here");
    irc.send(&format!("REGISTER * * {PASSWORD}"));
    irc.expect("FAIL REGISTER REGISTRATION_CLOSED");
    for nickname in ["ann", "bob", "cat"] {
        assert!(!is_registered(&server, nickname), "{nickname}");
    }
    // The administrator opens it without a restart.
    server.reload(|config| config["accounts"]["registration"] = "open".into());
    assert_eq!(server.get("/auth/register").json()["registration"], "open");
    assert_eq!(register(&server, "dora", "").status, 201);
}

#[test]
fn an_invitation_makes_so_many_accounts_on_every_way_in() {
    let server = start("invitation");
    assert_eq!(
        server.get("/auth/register").json()["registration"],
        "invitation"
    );
    let (id, secret) = invite(&server, json!({ "uses": 5 }));
    for none in ["", &"0".repeat(32)] {
        assert_eq!(code(&register(&server, "ann", none)), "not_invited");
        assert_eq!(register_for_messages(&server, "ann", none).status, 403);
    }
    let wrong = register(&server, "ann", "nonsense");
    assert_eq!(
        (wrong.status, &wrong.json()["error"]["field"]),
        (400, &json!("invitation"))
    );
    // A nickname that is taken does not use it up. The link itself does as well.
    assert_eq!(register(&server, "ann", &secret).status, 201);
    assert_eq!(register(&server, "Ann", &secret).status, 409);
    let link = format!("https://chat.example.org/client#register={secret}");
    assert_eq!(register_for_messages(&server, "ben", &link).status, 200);
    let mut lines = LineClient::enter(&server, "cid");
    lines.send("/register");
    lines.expect("needs an invitation");
    lines.send(&"0".repeat(32));
    lines.expect("A password for your nickname");
    lines.send(PASSWORD);
    lines.expect("Once more");
    lines.send(PASSWORD);
    lines.expect("Registering needs an invitation");
    lines.send("/register");
    lines.expect("needs an invitation");
    lines.send(&secret);
    lines.expect("A password for your nickname");
    lines.send(PASSWORD);
    lines.expect("Once more");
    lines.send(PASSWORD);
    lines.expect("is yours now");
    let mut irc = IrcClient::enter(&server, "dot");
    irc.send(&format!("NS REGISTER {PASSWORD}"));
    irc.expect("needs an invitation");
    irc.send(&format!("NS REGISTER {PASSWORD} * {secret}"));
    irc.expect("is yours now");
    let mut irc = IrcClient::enter(&server, "eve");
    irc.send(&format!("REGISTER * * {PASSWORD}"));
    irc.expect("FAIL REGISTER INVITATION_REQUIRED");
    irc.send(&format!("REGISTER * * {PASSWORD} {secret}"));
    irc.expect("REGISTER SUCCESS");
    for nickname in ["ann", "ben", "cid", "dot", "eve"] {
        assert!(is_registered(&server, nickname), "{nickname}");
    }
    // That were five.
    assert_eq!(code(&register(&server, "flo", &secret)), "not_invited");
    let listed = server.get("/admin/invitations").json();
    assert_eq!(listed["invitations"][0]["id"], id.as_str());
    assert_eq!(listed["invitations"][0]["uses_left"], 0);
    assert!(!listed.to_string().contains(&secret), "{listed}");
}

#[test]
fn invitations_are_withdrawn_and_recorded() {
    let server = start("invitation");
    let (id, secret) = invite(&server, json!({ "uses": 2, "days": 1 }));
    assert_eq!(register(&server, "ann", &secret).status, 201);
    assert_eq!(
        server.delete(&format!("/admin/invitations/{id}")).status,
        204
    );
    assert_eq!(
        server.delete(&format!("/admin/invitations/{id}")).status,
        404
    );
    assert_eq!(code(&register(&server, "bob", &secret)), "not_invited");
    assert_eq!(
        server.get("/admin/invitations").json(),
        json!({ "invitations": [] })
    );
    for wrong in [
        json!({ "uses": 0 }),
        json!({ "uses": 1001 }),
        json!({ "days": 366 }),
        json!({ "day": 1 }),
    ] {
        let answer = server.post("/admin/invitations", wrong.clone());
        assert_eq!(answer.status, 400, "{wrong}");
    }
    assert_eq!(
        server.get_as("not-the-token", "/admin/invitations").status,
        401
    );
    server.log_with(
        "kind=admin",
        &[
            &format!("made the invitation {id} to register 2 accounts in 1 days"),
            &format!("withdrew the invitation {id} to register"),
        ],
    );
}
