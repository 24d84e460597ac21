//! Programs edit, delete and react to messages of channels, within their scopes.

use serde_json::json;

use crate::support::{JsonClient, Server, Told};

fn join(server: &Server, nickname: &str) -> JsonClient {
    let mut client = JsonClient::enter(server, nickname);
    client.send("join", json!({ "room": "dev" }));
    while client.expect("joined")["room"] != "dev" {}
    client
}

fn post(server: &Server, token: &str, text: &str) -> String {
    let told = server.call(token, "POST /api/channels/dev/messages", text);
    assert_eq!(told.status, 201, "{}", told.body);
    told.json()["id"].as_str().unwrap().to_owned()
}

fn change(server: &Server, token: &str, method: &str, path: &str, body: &str) -> Told {
    let request = format!("{method} /api/channels/dev/messages/{path}");
    server.call(token, &request, body)
}

#[test]
fn a_program_edits_deletes_and_reacts_with_the_scope_that_it_posts_with() {
    let mut server = Server::start(|_| {});
    let token = server.token_for("builds", &["post:#dev"]);
    let other = server.token_for("other", &["post:#ops", "read:#dev"]);
    let mut ann = join(&server, "ann");
    let id = post(&server, &token, "build 1 runs");
    drop(ann);
    // It comes in by itself.
    server.restart();
    ann = join(&server, "ann");
    let edit = json!({ "text": "build 1 ok" }).to_string();
    let told = change(&server, &token, "PATCH", &id, &edit);
    assert_eq!(told.status, 204, "{}", told.body);
    let edited = ann.expect("edited");
    assert_eq!(
        (&edited["id"], &edited["body"]),
        (&json!(id), &json!("build 1 ok"))
    );
    let sign = format!("{id}/reactions/ok");
    for method in ["PUT", "DELETE"] {
        let told = change(&server, &token, method, &sign, "");
        assert_eq!(told.status, 204, "{}", told.body);
        assert_eq!(ann.expect("reacted")["on"], method == "PUT");
    }
    // A token that lacks the scope is told which.
    for (method, path) in [
        ("PATCH", &id),
        ("DELETE", &id),
        ("PUT", &sign),
        ("DELETE", &sign),
    ] {
        let told = change(&server, &other, method, path, &edit);
        assert_eq!((told.status, told.code()), (403, "missing_scope".into()));
        assert!(told.body.contains("post:#dev"), "{}", told.body);
        let told = change(&server, "cst_wrong", method, path, &edit);
        assert_eq!(told.status, 401, "{}", told.body);
    }
    let told = change(&server, &token, "DELETE", &id, "");
    assert_eq!(told.status, 204, "{}", told.body);
    assert_eq!(ann.expect("deleted")["id"], id.as_str());
}

#[test]
fn messages_of_others_are_not_a_programs_unless_it_moderates() {
    let server = Server::start(|_| {});
    let token = server.token_for("builds", &["post:#dev"]);
    let mut ann = join(&server, "ann");
    ann.send("message", json!({ "room": "dev", "body": "mine" }));
    let id = ann.expect("message")["id"].as_str().unwrap().to_owned();
    let edit = json!({ "text": "yours" }).to_string();
    let told = change(&server, &token, "PATCH", &id, &edit);
    assert_eq!(
        (told.status, told.code()),
        (409, "not_author".into()),
        "{}",
        told.body
    );
    let told = change(&server, &token, "DELETE", &id, "");
    assert_eq!((told.status, told.code()), (403, "missing_scope".into()));
    assert!(told.body.contains("moderate:#dev"), "{}", told.body);
    let told = change(&server, &token, "DELETE", "1-0", "");
    assert_eq!((told.status, told.code()), (404, "no_such_message".into()));
    // With the scope, its bot's rights in the channel decide.
    let moderates = server.token_for("guard", &["post:#dev", "moderate:#dev"]);
    let told = change(&server, &moderates, "DELETE", &id, "");
    assert_eq!(
        (told.status, told.code()),
        (409, "not_operator".into()),
        "{}",
        told.body
    );
}
