//! The tokens of programs: what each allows, how long, and what is known of them.

use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use crate::support::{JsonClient, LineClient, Server, User, wait_for, wait_until};

/// One scope of each kind; a call about a channel is made about `dev`.
const SCOPES: [&str; 10] = [
    "post:#dev",
    "read:#dev",
    "announce",
    "log",
    "private",
    "users",
    "moderate:#dev",
    "bans",
    "metrics",
    "tokens",
];

/// The path of a call with something in the place of each parameter.
fn filled(path: &str) -> String {
    let parts = path.split('/').map(|part| match part {
        "{name}" => "dev",
        part if part.starts_with('{') => "nobody",
        // A stream would not end: the scope is looked at before the rest of its query.
        "events" => "events?channel=dev&after=nothing",
        part => part,
    });
    parts.collect::<Vec<_>>().join("/")
}

/// The calls that need a scope, as the description of the API names them.
fn described(server: &Server) -> Vec<(String, String)> {
    let api = server.get("/openapi.json").json();
    let mut calls = Vec::new();
    for (path, methods) in api["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let ways = operation["security"].as_array().into_iter().flatten();
            for scope in ways.filter_map(|way| way["program_token"][0].as_str()) {
                let call = format!("{} {}", method.to_uppercase(), filled(path));
                calls.push((call, scope.replace("#channel", "#dev")));
                assert!(operation["responses"]["403"].is_object(), "{method} {path}");
            }
        }
    }
    calls
}

#[test]
fn every_call_needs_the_scope_that_the_description_names_and_no_other() {
    let server = Server::start(|config| config["limits"] = json!({"auth_attempts": 0}));
    let calls = described(&server);
    // No call needs `private`: it widens what others show.
    let needed = SCOPES.into_iter().filter(|scope| *scope != "private");
    for scope in needed.chain(["all"]) {
        assert!(calls.iter().any(|(_, needed)| *needed == scope), "{scope}");
    }
    let all = server.token_for("everything", &["all"]);
    for (call, scope) in &calls {
        let enough = server.token_for("enough", &[scope]);
        let others: Vec<&str> = SCOPES.into_iter().filter(|other| other != scope).collect();
        let elsewhere = scope.replace("#dev", "#ops");
        let others = match elsewhere == *scope {
            true => others,
            false => [others, vec![&elsewhere]].concat(),
        };
        let lacking = server.token_for("lacking", &others);
        for token in [&enough, &all] {
            let told = server.call(token, call, "{}");
            assert!(![401, 403].contains(&told.status), "{call}: {}", told.body);
        }
        let told = server.call(&lacking, call, "{}");
        assert_eq!(told.status, 403, "{call}: {}", told.body);
        let words = format!("lacks the scope {scope}");
        assert!(told.body.contains(&words), "{call}: {}", told.body);
        for id in server.get("/admin/tokens").json()["tokens"]
            .as_array()
            .unwrap()
        {
            if id["name"] != "everything" {
                let path = format!("/admin/tokens/{}", id["id"].as_str().unwrap());
                assert_eq!(server.delete(&path).status, 204);
            }
        }
    }
}

#[test]
fn a_token_is_shown_once_lasts_over_a_restart_and_is_good_for_nothing_once_removed() {
    let mut server = Server::start(|_| {});
    let fields = json!({"name": "build-server", "scopes": ["log", "users"], "rate": 90});
    let (id, token) = server.new_token(fields);
    assert!(token.starts_with("cst_") && token.len() == 47, "{token}");
    let listed = |server: &Server| {
        let list = server.get("/admin/tokens");
        assert!(!list.body.contains(&token[4..]), "{}", list.body);
        list.json()["tokens"].as_array().unwrap().clone()
    };
    let [row] = &listed(&server)[..] else {
        panic!("one token");
    };
    assert_eq!(row["id"], *id);
    assert_eq!(row["name"], "build-server");
    assert_eq!(row["scopes"], json!(["log", "users"]));
    assert_eq!(
        (&row["expires_at"], &row["used_at"]),
        (&Value::Null, &Value::Null)
    );
    assert_eq!(row["rate"], 90);
    assert_eq!(server.get_as(&token, "/admin/users").status, 200);
    let used = listed(&server)[0]["used_at"].as_str().unwrap().to_owned();
    assert!(used.ends_with(":00.000Z"), "{used}");
    server.restart();
    assert_eq!(server.get_as(&token, "/admin/users").status, 200);
    assert_eq!(server.delete(&format!("/admin/tokens/{id}")).status, 204);
    assert_eq!(server.get_as(&token, "/admin/users").status, 401);
    assert_eq!(server.delete(&format!("/admin/tokens/{id}")).status, 404);
    assert!(listed(&server).is_empty());
    // Nothing that the server has written has the secret in it.
    assert!(!server.output().contains(&token[4..]));
    let entries = format!("{:?}", server.log("", 2));
    assert!(!entries.contains(&token[4..]), "{entries}");
}

fn now_ms() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    now.as_millis() as u64
}

#[test]
fn a_token_ends_at_its_time() {
    let server = Server::start(|config| config["limits"] = json!({"auth_attempts": 0}));
    // On a slow machine the time may be over before the token is made.
    let (end, token) = wait_for("a token is made in time", || {
        let end = (now_ms() / 1000 + 3) * 1000;
        let at = jiff::Timestamp::from_millisecond(end as i64).unwrap();
        let fields = json!({"name": "short", "scopes": ["users"], "expires_at": at.to_string()});
        let made = server.post("/admin/tokens", fields);
        match made.json()["token"].as_str() {
            Some(token) => Ok((end, token.to_owned())),
            None => {
                assert!(made.body.contains("in the future"), "{}", made.body);
                Err(made.body)
            }
        }
    });
    wait_until("the token's time is over", || {
        server.get_as(&token, "/admin/users").status == 401
    });
    assert!(now_ms() >= end, "ended too early");
}

#[test]
fn mistakes_are_named() {
    let server = Server::start(|_| {});
    for (fields, field, words) in [
        (json!({"scopes": ["log"]}), "name", "missing"),
        (json!({"name": "a b", "scopes": ["log"]}), "name", ""),
        (json!({"name": "ci"}), "scopes", "missing"),
        (
            json!({"name": "ci", "scopes": []}),
            "scopes",
            "at least one",
        ),
        (json!({"name": "ci", "scopes": "log"}), "scopes", "a list"),
        (
            json!({"name": "ci", "scopes": [1]}),
            "scopes",
            "list of strings",
        ),
        (
            json!({"name": "ci", "scopes": ["write"]}),
            "scopes",
            "there are post:*",
        ),
        (
            json!({"name": "ci", "scopes": ["post"]}),
            "scopes",
            "needs a channel",
        ),
        (
            json!({"name": "ci", "scopes": ["log"], "rate": 0}),
            "rate",
            "from 1 to",
        ),
        (
            json!({"name": "ci", "scopes": ["log"], "expires_at": "soon"}),
            "expires_at",
            "a time",
        ),
        (
            json!({"name": "ci", "scopes": ["log"], "expires_at": "2020-01-01T00:00:00Z"}),
            "expires_at",
            "in the future",
        ),
        (
            json!({"name": "ci", "scopes": ["log"], "scope": 1}),
            "scope",
            "unknown",
        ),
    ] {
        let told = server.post("/admin/tokens", fields.clone());
        assert_eq!(told.status, 400, "{fields}: {}", told.body);
        assert_eq!(
            told.json()["error"]["field"],
            field,
            "{fields}: {}",
            told.body
        );
        assert!(told.body.contains(words), "{fields}: {}", told.body);
    }
}

#[test]
fn a_field_that_is_given_twice_is_not_guessed_at() {
    let server = Server::start(|_| {});
    for (call, body, field) in [
        (
            "POST /admin/tokens",
            r#"{"name": "ci", "scopes": ["log"], "scopes": ["all"]}"#,
            "scopes",
        ),
        (
            "POST /admin/hooks",
            r#"{"channel": "dev", "name": "ci", "channel": "ops"}"#,
            "channel",
        ),
        (
            "PATCH /admin/channels/dev",
            r#"{"topic": "a", "topic": "b"}"#,
            "topic",
        ),
    ] {
        let told = server.call(&server.admin_token(), call, body);
        assert_eq!(told.status, 400, "{call}: {}", told.body);
        assert_eq!(told.json()["error"]["field"], field, "{}", told.body);
        assert!(told.body.contains("given twice"), "{}", told.body);
    }
}

/// The administrators' token has no nickname.
#[test]
fn the_description_says_which_calls_are_for_programs_alone() {
    let server = Server::start(|_| {});
    let api = server.get("/openapi.json").json();
    for (method, path) in [
        ("post", "/api/channels/{name}/messages"),
        ("get", "/api/channels/{name}/messages"),
        ("get", "/api/events"),
    ] {
        let ways = &api["paths"][path][method]["security"];
        assert!(!ways.to_string().contains("admin_token"), "{path}: {ways}");
        let call = format!("{} {}", method.to_uppercase(), filled(path));
        let call = call.replace("after=nothing", "limit");
        let told = server.call(&server.admin_token(), call.trim_end_matches("&limit"), "x");
        assert_eq!((told.status, told.code()), (403, "no_nickname".into()));
    }
}

#[test]
fn a_program_hands_on_no_more_than_it_may_do_itself() {
    let server = Server::start(|_| {});
    let own = server.token_for("keeper", &["tokens", "post:#dev", "log"]);
    let make = |scopes: Value| {
        let fields = json!({"name": "another", "scopes": scopes}).to_string();
        server.call(&own, "POST /admin/tokens", &fields)
    };
    assert_eq!(make(json!(["log", "post:#dev"])).status, 201);
    for more in ["all", "post:*", "post:#ops", "bans", "private"] {
        let told = make(json!(["log", more]));
        assert_eq!((told.status, told.code()), (403, "missing_scope".into()));
        assert!(told.body.contains(more), "{}", told.body);
    }
}

#[test]
fn what_a_program_does_is_recorded_with_the_name_of_its_token() {
    let server = Server::start(|_| {});
    let token = server.token_for("Nagios", &["announce", "bans", "moderate:*"]);
    let _dev = LineClient::enter_channel(&server, "alice", "dev");
    for (call, body, status) in [
        ("POST /admin/announce", r#"{"message": "Soup."}"#, 200),
        ("POST /admin/bans", r#"{"nickname": "eve"}"#, 201),
        ("DELETE /admin/bans/1", "", 204),
        ("PATCH /admin/channels/dev", r#"{"topic": "food"}"#, 200),
    ] {
        let told = server.call(&token, call, body);
        assert_eq!(told.status, status, "{call}: {}", told.body);
    }
    let entries = server.log("kind=admin", 5);
    let (own, theirs): (Vec<&Value>, Vec<&Value>) =
        entries.iter().partition(|entry| entry["token"].is_null());
    let [made] = own[..] else { panic!("{own:?}") };
    let text = made["text"].as_str().unwrap();
    assert!(text.starts_with("made the token Nagios ("), "{text}");
    assert!(text.ends_with("announce bans moderate:*"), "{text}");
    assert_eq!(theirs.len(), 4, "{theirs:?}");
    for entry in theirs {
        assert_eq!(entry["token"], "Nagios", "{entry}");
        // Two tokens may have one name, so the id is there, too.
        let id = entry["token_id"].as_str().unwrap();
        assert!(text.contains(&format!("Nagios ({id})")), "{entry}: {text}");
        assert!(
            server
                .output()
                .contains(&format!("with the token Nagios ({id})"))
        );
        assert!(entry["address"].as_str().unwrap().starts_with("127.0.0.1:"));
    }
}

#[test]
fn wrong_tokens_are_counted_and_fast_ones_wait() {
    let server = Server::start(|config| config["limits"] = json!({"auth_attempts": 3}));
    let fields = json!({"name": "busy", "scopes": ["users"], "rate": 2});
    let (_, token) = server.new_token(fields);
    for _ in 0..2 {
        assert_eq!(server.call(&token, "GET /admin/users", "").status, 200);
    }
    let told = server.call(&token, "GET /admin/users", "");
    assert_eq!((told.status, told.code()), (429, "too_fast".into()));
    let wait: u64 = told.field("Retry-After").unwrap().parse().unwrap();
    assert!((1..=30).contains(&wait), "{}", told.head);
    let mut wrong = token.clone().into_bytes();
    wrong[10] = if wrong[10] == b'a' { b'b' } else { b'a' };
    let wrong = String::from_utf8(wrong).unwrap();
    for _ in 0..3 {
        let told = server.call(&wrong, "GET /admin/users", "");
        assert_eq!(told.status, 401, "{}", told.body);
    }
    for guess in [&wrong, &token, &server.admin_token()] {
        let told = server.call(guess, "GET /admin/users", "");
        assert_eq!(told.status, 429, "{}", told.body);
        assert!(told.field("Retry-After").is_some(), "{}", told.head);
    }
}

#[test]
fn private_messages_are_for_tokens_with_their_own_scope() {
    let server = Server::start(|_| {});
    let mut alice = LineClient::enter(&server, "alice");
    let mut bob = LineClient::enter_channel(&server, "bob", "dev");
    bob.send("hello everyone");
    bob.expect("hello everyone");
    alice.send("/msg @bob hush, hush");
    bob.expect("hush, hush");
    server.log("kind=private", 1);
    server.log("kind=message", 1);
    let log = server.token_for("log", &["log"]);
    let both = server.token_for("both", &["log", "private"]);
    for path in ["/admin/log?limit=1000", "/api/message?pattern=h"] {
        let told = server.get_as(&log, path);
        assert_eq!(told.status, 200, "{}", told.body);
        assert!(
            told.body.contains("hello everyone"),
            "{path}: {}",
            told.body
        );
        assert!(!told.body.contains("hush"), "{path}: {}", told.body);
        let told = server.get_as(&both, path);
        assert!(told.body.contains("hush, hush"), "{path}: {}", told.body);
    }
    let told = server.get_as(&log, "/admin/log?kind=private");
    assert_eq!(told.json()["entries"], json!([]));
}

#[test]
fn the_nickname_of_a_program_is_its_own() {
    let server = Server::start(|_| {});
    JsonClient::registered(&server, "alice");
    let _guest = LineClient::enter(&server, "guest");
    let make = |name: &str, bot: Option<&str>| {
        let fields = json!({"name": name, "bot": bot, "scopes": ["post:*"]});
        server.post("/admin/tokens", fields)
    };
    let made = make("builds", None);
    assert_eq!((made.status, &made.json()["bot"]), (201, &json!("builds")));
    // A second token may speak as the same program, so that tokens can be exchanged.
    assert_eq!(make("newer", Some("builds")).json()["bot"], "builds");
    for taken in ["alice", "guest"] {
        let told = make("ci", Some(taken));
        assert_eq!(told.status, 409, "{}", told.body);
        assert!(told.body.contains(taken), "{}", told.body);
    }
    let pass = server.post_form("/auth", &[("nickname", "Builds")]);
    assert_eq!(pass.status, 409, "{}", pass.body);
    for password in ["", "builds", "password"] {
        let form = [("nickname", "builds"), ("password", password)];
        let told = server.post_form("/auth", &form);
        assert!([400, 401, 409].contains(&told.status), "{}", told.body);
    }
}
