//! Programs that make tokens and hooks: they hand on no more than they have.

use serde_json::{Value, json};

use crate::support::{LineClient, Server, Told};

fn make(server: &Server, token: &str, what: &str, fields: Value) -> Told {
    server.call(token, &format!("POST /admin/{what}"), &fields.to_string())
}

/// The field that a refusal names.
fn field(told: &Told) -> String {
    assert_eq!(told.status, 400, "{}", told.body);
    told.json()["error"]["field"].as_str().unwrap().to_owned()
}

#[test]
fn a_program_lets_nobody_speak_or_read_as_another_program() {
    let server = Server::start(|_| {});
    let scopes = ["read:#priv", "post:#priv", "tokens"];
    server.token_for("watcher", &scopes[..2]);
    let keeper = server.token_for("keeper", &scopes);
    for fields in [
        json!({"name": "evil", "bot": "watcher", "scopes": ["read:#priv"]}),
        json!({"name": "Watcher", "scopes": ["post:#priv"]}),
    ] {
        let told = make(&server, &keeper, "tokens", fields.clone());
        assert_eq!(told.status, 409, "{fields}: {}", told.body);
        let words = "another program speaks as watcher";
        assert!(told.body.contains(words), "{}", told.body);
    }
    let hook = json!({"channel": "priv", "name": "watcher"});
    let told = make(&server, &keeper, "hooks", hook.clone());
    assert_eq!(told.status, 409, "{}", told.body);
    // Its own nickname and new ones are its to give; one that may do everything gives any.
    let all = server.token_for("root", &["all"]);
    for (token, what, fields) in [
        (
            &keeper,
            "tokens",
            json!({"name": "second", "bot": "keeper", "scopes": ["read:#priv"]}),
        ),
        (
            &keeper,
            "tokens",
            json!({"name": "fresh", "scopes": ["read:#priv"]}),
        ),
        (
            &keeper,
            "hooks",
            json!({"channel": "priv", "name": "keeper"}),
        ),
        (
            &keeper,
            "hooks",
            json!({"channel": "priv", "name": "alerts"}),
        ),
        (
            &keeper,
            "hooks",
            json!({"channel": "priv", "name": "alerts"}),
        ),
        (
            &all,
            "tokens",
            json!({"name": "third", "bot": "watcher", "scopes": ["read:#priv"]}),
        ),
        (&all, "hooks", hook),
    ] {
        let told = make(&server, token, what, fields.clone());
        assert_eq!(told.status, 201, "{fields}: {}", told.body);
    }
}

#[test]
fn what_a_program_makes_ends_no_later_and_calls_no_faster_than_itself() {
    let server = Server::start(|_| {});
    let end = "2101-02-03T04:05:06.000Z";
    let (_, keeper) = server.new_token(json!({
        "name": "keeper", "scopes": ["tokens", "post:#dev"], "expires_at": end, "rate": 60,
    }));
    let new = |more: Value| {
        let mut fields = json!({"name": "another", "scopes": ["post:#dev"]});
        for (field, value) in more.as_object().unwrap() {
            fields[field] = value.clone();
        }
        make(&server, &keeper, "tokens", fields)
    };
    let later = new(json!({"expires_at": "2101-02-03T04:05:07Z"}));
    assert_eq!(field(&later), "expires_at");
    assert!(later.body.contains(end), "{}", later.body);
    assert_eq!(field(&new(json!({"rate": 61}))), "rate");
    let hook = json!({"channel": "dev", "name": "alerts", "rate": 61});
    assert_eq!(field(&make(&server, &keeper, "hooks", hook)), "rate");
    let less = new(json!({"name": "short", "expires_at": "2101-01-01T00:00:00Z", "rate": 5}));
    assert_eq!(less.status, 201, "{}", less.body);
    let hook = json!({"channel": "dev", "name": "alerts"});
    for made in [new(json!({})), make(&server, &keeper, "hooks", hook)] {
        assert_eq!(made.status, 201, "{}", made.body);
        let made = made.json();
        assert_eq!(
            (&made["expires_at"], &made["rate"]),
            (&json!(end), &json!(60))
        );
    }
}

#[test]
fn a_program_removes_only_what_allows_no_more_than_itself() {
    let server = Server::start(|_| {});
    let keeper = server.token_for("keeper", &["tokens", "post:#dev"]);
    let remove = |id: &str| server.call(&keeper, &format!("DELETE /admin/tokens/{id}"), "");
    for scope in ["all", "post:*", "post:#ops", "log"] {
        let (id, token) = server.new_token(json!({"name": "other", "scopes": [scope]}));
        let told = remove(&id);
        assert_eq!((told.status, told.code()), (403, "missing_scope".into()));
        assert!(told.body.contains(scope), "{}", told.body);
        assert_ne!(server.call(&token, "GET /metrics", "").status, 401);
    }
    let (id, _) = server.new_token(json!({"name": "less", "scopes": ["post:#dev"]}));
    assert_eq!(remove(&id).status, 204);
}

#[test]
fn a_program_sees_and_touches_only_hooks_of_channels_that_it_has_scopes_for() {
    let server = Server::start(|_| {});
    let _dev = LineClient::enter_channel(&server, "alice", "dev");
    let made = server.post(
        "/admin/hooks",
        json!({"channel": "dev", "name": "relay", "direction": "out", "url": "https://example.org/s3cret"}),
    );
    assert_eq!(made.status, 201, "{}", made.body);
    let id = made.json()["id"].as_str().unwrap().to_owned();
    let calls = [
        format!("GET /admin/hooks/{id}/deliveries"),
        format!("POST /admin/hooks/{id}/resend"),
        format!("POST /admin/hooks/{id}/test"),
        format!("DELETE /admin/hooks/{id}"),
    ];
    for scopes in [
        &["tokens"][..],
        &["tokens", "post:#dev"],
        &["tokens", "post:*", "read:#ops"],
    ] {
        let token = server.token_for("nosy", scopes);
        let told = server.call(&token, "GET /admin/hooks", "");
        assert_eq!(told.json()["hooks"], json!([]), "{scopes:?}");
        for call in &calls {
            let told = server.call(&token, call, "");
            assert_eq!(told.status, 404, "{scopes:?} {call}: {}", told.body);
        }
    }
    let token = server.token_for("keeper", &["tokens", "post:#dev", "read:#dev"]);
    let told = server.call(&token, "GET /admin/hooks", "");
    assert_eq!(told.json()["hooks"][0]["id"], id);
    for call in &calls {
        let told = server.call(&token, call, "");
        assert!(told.status < 300, "{call}: {}", told.body);
    }
}
