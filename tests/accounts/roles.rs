//! Accounts that administer and moderate the server: what they may do, and when that ends.

use crate::support::{Answer, Server};
use serde_json::json;

const PASSWORD: &str = "correct horse";

/// A server with these accounts, each with a role.
fn server(accounts: &[(&str, &str)]) -> Server {
    let server = Server::start(|config| {
        config["limits"]["auth_attempts"] = 0.into();
        config["history"] = "on".into();
    });
    for (nickname, role) in accounts {
        let fields = [("nickname", *nickname), ("password", PASSWORD)];
        let made = server.post_form("/auth/register", &fields);
        assert_eq!(made.status, 201, "{}", made.body);
        give(&server, nickname, role);
    }
    server
}

fn give(server: &Server, nickname: &str, role: &str) {
    let path = format!("/admin/accounts/{nickname}");
    let given = server.patch(&path, json!({ "role": role }));
    assert_eq!(given.status, 200, "{}", given.body);
    assert_eq!(given.json()["role"], role);
}

fn pass(server: &Server, nickname: &str) -> String {
    let fields = [("nickname", nickname), ("password", PASSWORD)];
    let answer = server.post_form("/auth", &fields);
    assert_eq!(answer.status, 201, "{}", answer.body);
    answer.json()["token"].as_str().unwrap().to_owned()
}

/// That the call was refused because it needs this role.
fn lacks(answer: &Answer, role: &str) {
    assert_eq!(answer.status, 403, "{}", answer.body);
    let error = &answer.json()["error"];
    assert_eq!(error["code"], "missing_role", "{}", answer.body);
    let words = error["message"].as_str().unwrap();
    assert!(words.contains(role), "{words}");
}

#[test]
fn a_moderator_bans_and_reads_the_log_and_changes_no_account() {
    let server = server(&[("mona", "moderator"), ("Boss", "administrator")]);
    let mona = pass(&server, "mona");
    for path in [
        "/admin/users",
        "/admin/accounts",
        "/admin/bans",
        "/admin/channels",
        "/admin/channels/global",
        "/admin/log",
        "/admin/messages?q=x&channel=global",
        "/metrics",
    ] {
        let answer = server.get_as(&mona, path);
        assert_eq!(answer.status, 200, "{path}: {}", answer.body);
    }
    let ban = json!({ "nickname": "eve", "reason": "spam" });
    let banned = server.post_json_as(&mona, "/admin/bans", ban);
    assert_eq!(banned.status, 201, "{}", banned.body);
    let lifted = format!("/admin/bans/{}", banned.json()["id"]);
    assert_eq!(server.delete_as(&mona, &lifted).status, 204);
    // The audit trail names the account.
    let texts = server.log_texts("kind=admin&nick=mona", 3);
    for done in ["made ban", "lifted ban"] {
        let did = |text: &String| text.starts_with(done);
        assert!(texts.iter().any(did), "{texts:?}");
    }
    let path = "/admin/accounts/mona";
    let promoted = server.patch_as(&mona, path, json!({ "role": "administrator" }));
    lacks(&promoted, "administrator");
    lacks(
        &server.delete_as(&mona, "/admin/accounts/boss"),
        "administrator",
    );
    lacks(&server.get_as(&mona, "/admin/tokens"), "administrator");
    lacks(
        &server.post_as(&mona, "/admin/accounts/boss/reset"),
        "administrator",
    );
    let text = json!({ "message": "hello" });
    lacks(
        &server.post_json_as(&mona, "/admin/announce", text),
        "administrator",
    );
    // What two people write to each other is not for moderators.
    let all = server.get_as(&mona, "/admin/messages?q=x");
    assert_eq!(all.status, 400, "{}", all.body);
    assert_eq!(all.json()["error"]["field"], "channel");
}

#[test]
fn an_administrator_may_do_all_until_the_role_is_taken() {
    let server = server(&[("boss", "administrator"), ("ann", "none")]);
    let (boss, ann) = (pass(&server, "boss"), pass(&server, "ann"));
    let own = server.get_as(&boss, "/auth/account").json();
    assert_eq!(own["role"], "administrator");
    lacks(&server.get_as(&ann, "/admin/users"), "ann has no role");
    let given = server.patch_as(&boss, "/admin/accounts/ann", json!({ "role": "moderator" }));
    assert_eq!(given.status, 200, "{}", given.body);
    assert_eq!(server.get_as(&ann, "/admin/users").status, 200);
    // Who did it, and to whom: the role of the administrator came first, by the token.
    let entries = server.log("kind=admin&nick=boss", 2);
    let shown = |n: usize| ["nick", "to", "text"].map(|field| entries[n][field].as_str());
    let done = [
        Some("boss"),
        Some("ann"),
        Some("made moderator of the server ann"),
    ];
    assert_eq!(shown(0), done);
    let done = [
        None,
        Some("boss"),
        Some("made administrator of the server boss"),
    ];
    assert_eq!(shown(1), done);
    assert_eq!(server.get_as(&boss, "/admin/messages?q=x").status, 200);
    assert_eq!(server.get_as(&boss, "/admin/tokens").status, 200);
    // The last administrator may step down: the token is still there.
    let given = server.patch_as(&boss, "/admin/accounts/boss", json!({ "role": "none" }));
    assert_eq!(given.status, 200, "{}", given.body);
    lacks(&server.get_as(&boss, "/admin/users"), "boss has no role");
    assert_eq!(
        server.get_as(&boss, "/auth/account").json().get("role"),
        None
    );
    for wrong in [json!({ "role": "king" }), json!({ "role": 7 }), json!({})] {
        assert_eq!(server.patch("/admin/accounts/ann", wrong).status, 400);
    }
    let nobody = server.patch("/admin/accounts/zoe", json!({ "role": "moderator" }));
    assert_eq!(nobody.status, 404, "{}", nobody.body);
}

#[test]
fn a_role_is_of_no_use_without_its_account_and_a_good_pass() {
    let server = server(&[("mona", "moderator")]);
    let mona = pass(&server, "mona");
    assert_eq!(server.get_as(&mona, "/admin/bans").status, 200);
    // Signed out.
    assert_eq!(server.delete_as(&mona, "/auth").status, 204);
    assert_eq!(server.get_as(&mona, "/admin/bans").status, 401);
    // Forged.
    let mona = pass(&server, "mona");
    let (said, _) = mona.rsplit_once('.').unwrap();
    assert_eq!(
        server.get_as(&format!("{said}.AAAA"), "/admin/bans").status,
        401
    );
    // Another password.
    let path = "/admin/accounts/mona/password";
    let changed = server.put(path, json!({ "password": PASSWORD }));
    assert_eq!(changed.status, 200, "{}", changed.body);
    assert_eq!(server.get_as(&mona, "/admin/bans").status, 401);
    // Disabled: the role is there again with the account.
    let mona = pass(&server, "mona");
    server.patch("/admin/accounts/mona", json!({ "disabled": true }));
    assert_eq!(server.get_as(&mona, "/admin/bans").status, 401);
    server.patch("/admin/accounts/mona", json!({ "disabled": false }));
    assert_eq!(server.get_as(&mona, "/admin/bans").status, 401);
    let mona = pass(&server, "mona");
    assert_eq!(server.get_as(&mona, "/admin/bans").status, 200);
    assert_eq!(server.delete("/admin/accounts/mona").status, 204);
    assert_eq!(server.get_as(&mona, "/admin/bans").status, 401);
    // A guest has none.
    let guest = server.post_form("/auth", &[("nickname", "guest")]).json();
    let guest = guest["token"].as_str().unwrap();
    lacks(&server.get_as(guest, "/admin/bans"), "guest has no role");
}

#[test]
fn the_first_account_that_an_administrator_makes_is_one_too() {
    let server = Server::start(|config| {
        config["limits"]["auth_attempts"] = 0.into();
        config["accounts"]["registration"] = "closed".into();
    });
    let make = |token: &str, nickname: &str| {
        let fields = [("nickname", nickname), ("password", PASSWORD)];
        server.post_form_as(token, "/auth/register", &fields)
    };
    let role = |nickname: &str| {
        let own = server.get_as(&pass(&server, nickname), "/auth/account");
        own.json()["role"].clone()
    };
    assert_eq!(make("no-token-at-all", "eve").status, 401);
    assert_eq!(make(&server.admin_token(), "boss").status, 201);
    assert_eq!(role("boss"), "administrator");
    assert_eq!(make(&server.admin_token(), "ann").status, 201);
    assert_eq!(role("ann"), json!(null));
    // Administrators make accounts where nobody registers; others do not.
    assert_eq!(make(&pass(&server, "boss"), "bob").status, 201);
    assert_eq!(role("bob"), json!(null));
    for nickname in ["ann", "bob"] {
        assert_eq!(make(&pass(&server, nickname), "zoe").status, 403);
    }
    let texts = server.log_texts("kind=admin", 1);
    assert_eq!(
        texts.last().unwrap(),
        "made administrator of the server boss"
    );
}
