//! What owners of accounts do to them: another password, another e-mail address.

use crate::support::{Answer, IrcClient, JsonClient, LineClient, Server, User};
use serde_json::json;

const FIRST: &str = "correct horse";
const SECOND: &str = "better-battery";

fn start() -> Server {
    Server::start(|config| {
        config["limits"]["auth_attempts"] = 0.into();
        config["listen"]["irc"] = "127.0.0.1:0".into();
    })
}

fn register(server: &Server, nickname: &str) -> String {
    let fields = [("nickname", nickname), ("password", FIRST)];
    token(&server.post_form("/auth/register", &fields), 201)
}

fn log_in(server: &Server, nickname: &str, password: &str) -> Answer {
    server.post_form("/auth", &[("nickname", nickname), ("password", password)])
}

fn token(answer: &Answer, status: u16) -> String {
    assert_eq!(answer.status, status, "{}", answer.body);
    answer.json()["token"].as_str().unwrap().to_owned()
}

/// Asks for another password of `ann`'s account.
fn change(server: &Server, present: &str, new: &str) -> Answer {
    let body = json!({ "nickname": "ann", "password": present, "new_password": new });
    server.put("/auth/account/password", body)
}

/// A line client that has logged in to `ann`'s account.
fn on_lines(server: &Server, password: &str) -> LineClient {
    let mut client = LineClient::connect(server.telnet());
    client.send(&format!("/login ann {password}"));
    client.expect("Welcome, ann");
    client.settle();
    client
}

#[test]
fn a_new_password_ends_everything_that_the_old_one_had_granted() {
    let server = start();
    let old = register(&server, "ann");
    let mut json = JsonClient::come_in(&server, &old);
    let mut lines = on_lines(&server, FIRST);
    assert_eq!(change(&server, "a wrong guess", SECOND).status, 401);
    let short = change(&server, FIRST, "short");
    assert_eq!(short.status, 400);
    assert_eq!(short.json()["error"]["field"], "new_password");
    assert_eq!(change(&server, "", SECOND).status, 400);
    // None of that has changed anything.
    assert_eq!(server.get_as(&old, "/auth").status, 200);
    let new = token(&change(&server, FIRST, SECOND), 200);
    assert_eq!(json.expect("bye")["code"], "password_changed");
    lines.expect_close();
    assert_eq!(server.get_as(&old, "/auth").status, 401);
    assert_eq!(server.get_as(&new, "/auth").status, 200);
    assert_eq!(log_in(&server, "ann", FIRST).status, 401);
    assert_eq!(log_in(&server, "ann", SECOND).status, 201);
    JsonClient::come_in(&server, &new);
    server.log_with("kind=admin", &["changed as its owner the password of ann"]);
}

#[test]
fn a_wrong_present_password_counts_as_a_guess() {
    let server = Server::start(|config| config["limits"]["auth_attempts"] = 3.into());
    register(&server, "ann");
    let statuses = [(); 3].map(|()| change(&server, "a wrong guess", SECOND).status);
    // Registering was the first attempt of this address.
    assert_eq!(statuses, [401, 401, 429]);
    assert_eq!(change(&server, FIRST, SECOND).status, 429);
}

#[test]
fn on_lines_the_password_is_asked_for_and_this_connection_stays() {
    let server = start();
    let old = register(&server, "ann");
    let mut guest = LineClient::enter(&server, "bob");
    guest.send("/password");
    guest.expect("You have no account");
    let mut json = JsonClient::come_in(&server, &old);
    let mut lines = on_lines(&server, FIRST);
    for (present, new, again, answer) in [
        (
            "a wrong guess",
            SECOND,
            SECOND,
            "Wrong username or password",
        ),
        (FIRST, SECOND, "something else", "two different passwords"),
        (FIRST, SECOND, SECOND, "Your password is changed"),
    ] {
        lines.send("/password");
        lines.expect("Your present password");
        lines.send(present);
        lines.expect("A new one");
        lines.send(new);
        lines.expect("Once more");
        lines.send(again);
        lines.expect(answer);
    }
    assert_eq!(json.expect("bye")["code"], "password_changed");
    lines.settle();
    assert_eq!(log_in(&server, "ann", FIRST).status, 401);
    on_lines(&server, SECOND);
    let logged = server.log_with("kind=command", &["password"]);
    let logged = serde_json::to_string(&logged).unwrap();
    assert!(!logged.contains(SECOND), "{logged}");
}

#[test]
fn nickserv_changes_password_and_address() {
    let server = start();
    register(&server, "ann");
    let mut guest = IrcClient::enter(&server, "bob");
    guest.send("NS PASSWD one another-one");
    guest.expect("You are not logged in");
    let mut lines = on_lines(&server, FIRST);
    let mut irc = IrcClient::enter(&server, "visitor");
    irc.send(&format!("PRIVMSG NickServ :IDENTIFY ann {SECOND}"));
    irc.expect("wrong username or password");
    // The first password has a space, so it is changed elsewhere first.
    token(&change(&server, FIRST, SECOND), 200);
    lines.expect_close();
    irc.send(&format!("PRIVMSG NickServ :IDENTIFY ann {SECOND}"));
    irc.expect("now logged in as ann");
    irc.send("NS SET EMAIL a-wrong-guess ann@example.org");
    irc.expect("Nothing is changed: wrong username or password");
    irc.send(&format!("NS SET EMAIL {SECOND} nonsense"));
    irc.expect("is not an e-mail address");
    irc.send(&format!("NS SET EMAIL {SECOND} ann@example.org"));
    irc.expect("address is changed");
    let own = server.get_as(
        &token(&log_in(&server, "ann", SECOND), 201),
        "/auth/account",
    );
    assert_eq!(own.json()["email"], "ann@example.org");
    irc.send(&format!("NS PASSWD {SECOND} short"));
    irc.expect("at least 8 bytes");
    irc.send("NS SET PASSWORD a-wrong-guess third-password");
    irc.expect("Nothing is changed: wrong username or password");
    irc.send(&format!("NS SET PASSWORD {SECOND} third-password"));
    irc.expect("Your password is changed");
    irc.settle();
    assert_eq!(log_in(&server, "ann", "third-password").status, 201);
}

#[test]
fn owners_see_and_change_what_is_known_of_them() {
    let server = start();
    let form = [
        ("username", "ann"),
        ("password", FIRST),
        ("first_name", "Ann"),
        ("last_name", "Lee"),
        ("email", "ann@example.org"),
        ("phone", "+49 170 1234"),
    ];
    assert_eq!(server.post_form("/api/register", &form).status, 200);
    let pass = token(&log_in(&server, "ann", FIRST), 201);
    let own = server.get_as(&pass, "/auth/account");
    assert_eq!(own.status, 200, "{}", own.body);
    let own = own.json();
    assert_eq!(
        (&own["nickname"], &own["last_name"], &own["email"]),
        (&json!("ann"), &json!("Lee"), &json!("ann@example.org"))
    );
    let patch = |password: &str, fields: serde_json::Value| {
        let mut body = json!({ "nickname": "ann", "password": password });
        body.as_object_mut()
            .unwrap()
            .extend(fields.as_object().unwrap().clone());
        server.patch("/auth/account", body)
    };
    let email = json!({ "email": "lee@example.org" });
    assert_eq!(patch("a wrong guess", email.clone()).status, 401);
    let wrong = patch(FIRST, json!({ "email": "nonsense", "phone": "none" })).json();
    assert_eq!(wrong["error"]["field"], "email");
    assert!(wrong["error"]["fields"]["phone"].is_string(), "{wrong}");
    let changed = patch(FIRST, email);
    assert_eq!(changed.status, 200, "{}", changed.body);
    let changed = patch(FIRST, json!({ "phone": "", "first_name": "Anna" }));
    assert_eq!(changed.status, 200, "{}", changed.body);
    let own = server.get_as(&pass, "/auth/account").json();
    assert_eq!(own["email"], "lee@example.org");
    assert_eq!(own["first_name"], "Anna");
    assert_eq!(own["last_name"], "Lee");
    assert_eq!(own["phone"], serde_json::Value::Null);
    // The address that it had is another account's now, if that wants it.
    let mut other = form;
    other[0].1 = "bob";
    assert_eq!(server.post_form("/api/register", &other).status, 200);
    // Guests have nothing of the kind.
    let guest = server.post_form("/auth", &[("nickname", "eve")]);
    let guest = token(&guest, 201);
    assert_eq!(server.get_as(&guest, "/auth/account").status, 401);
    server.log_with("kind=admin", &["changed as its owner the details of ann"]);
}
