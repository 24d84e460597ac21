//! Who makes hooks, under which names, and how long what they have made goes on.

use serde_json::{Value, json};

use crate::support::{JsonClient, LineClient, Receiver, Server, Told, User, call, wait_until};

/// A server with #dev, which fay has registered and opal operates; their tokens.
fn start() -> (Server, String, String) {
    let server = Server::start(|config| {
        config["hooks"] = json!({"allow": ["127.0.0.0/8"]});
    });
    let fay = JsonClient::registered(&server, "fay");
    let opal = JsonClient::registered(&server, "opal");
    let founder = json!({"founder": "fay"});
    let told = server.put("/admin/channels/dev/registration", founder);
    assert_eq!(told.status, 200, "{}", told.body);
    operate(&server);
    (server, fay, opal)
}

/// Makes opal an operator.
fn operate(server: &Server) {
    let role = json!({"role": "operator", "keep": true});
    let told = server.put("/admin/channels/dev/roles/opal", role);
    assert_eq!(told.status, 204, "{}", told.body);
}

fn make(server: &Server, token: &str, fields: Value) -> Told {
    server.call(token, "POST /api/channels/dev/hooks", &fields.to_string())
}

fn post(server: &Server, path: &str) -> Told {
    call(server.web(), "", &format!("POST {path}"), "", "by the hook")
}

#[test]
fn what_an_operator_has_made_ends_with_their_role_and_their_account() {
    let (server, _, opal) = start();
    let receiver = Receiver::start();
    let mut reader = LineClient::enter_channel(&server, "reader", "dev");
    let url = receiver.url("/s3cret");
    let out = json!({"name": "spy", "direction": "out", "url": url});
    assert_eq!(make(&server, &opal, out).status, 201);
    let host = receiver.address.to_string();
    reader.expect(&format!(
        "opal has made this hook: what is said here is sent to {host}."
    ));
    let made = make(&server, &opal, json!({"name": "alerts"}));
    assert_eq!(made.status, 201, "{}", made.body);
    let path = made.json()["url"].as_str().unwrap().to_owned();
    reader.expect("opal has made this hook: programs post here by it.");
    assert_eq!(post(&server, &path).status, 201);
    reader.send("while opal operates");
    wait_until("the receiver is told", || {
        receiver
            .calls()
            .iter()
            .any(|it| it.text() == "while opal operates")
    });
    let rests = |words: &str| {
        let told = post(&server, &path);
        assert_eq!((told.status, told.code()), (403, "hook_rests".into()));
        assert!(told.body.contains(words), "{}", told.body);
    };
    let role = "/admin/channels/dev/roles/opal";
    assert_eq!(server.delete(role).status, 204);
    rests("opal, who made it, does not operate the channel any more");
    reader.send("after opal was put out");
    reader.expect("This hook is paused: opal, who made it, does not operate the channel any more.");
    let hooks = server.get("/admin/hooks").json();
    let spy = &hooks["hooks"][0];
    assert_eq!(
        (&spy["name"], &spy["made_by"]),
        (&json!("spy"), &json!("opal"))
    );
    assert!(spy["condition"]["paused_at"].is_string(), "{spy}");
    operate(&server);
    assert_eq!(post(&server, &path).status, 201);
    let disabled = json!({"disabled": true});
    assert_eq!(server.patch("/admin/accounts/opal", disabled).status, 200);
    rests("the account opal, which made it, is disabled or deleted");
    assert_eq!(server.delete("/admin/accounts/opal").status, 204);
    assert_eq!(server.get("/admin/hooks").json()["hooks"], json!([]));
    assert_eq!(post(&server, &path).status, 404);
    wait_until("the bots are gone", || {
        let users = server.get("/admin/users").body;
        !users.contains("spy") && !users.contains("alerts")
    });
    let texts: Vec<String> = receiver.calls().iter().map(|it| it.text()).collect();
    assert!(
        texts.iter().all(|text| !text.contains("after opal")),
        "{texts:?}"
    );
}

#[test]
fn no_program_has_a_name_under_which_the_server_acts() {
    let (server, _, opal) = start();
    for name in ["administrator", "NickServ", "chanserv", "аdministrator"] {
        let told = make(&server, &opal, json!({"name": name}));
        assert_eq!(told.status, 400, "{name}: {}", told.body);
        assert_eq!(told.json()["error"]["field"], "name");
        for (path, fields, field) in [
            ("hooks", json!({"channel": "dev", "name": name}), "name"),
            ("tokens", json!({"name": name, "scopes": ["log"]}), "name"),
            (
                "tokens",
                json!({"name": "ci", "bot": name, "scopes": ["post:*"]}),
                "bot",
            ),
        ] {
            let told = server.post(&format!("/admin/{path}"), fields);
            assert_eq!(told.status, 400, "{path} {name}: {}", told.body);
            assert_eq!(told.json()["error"]["field"], field);
            assert!(
                told.body.contains("the server itself acts"),
                "{}",
                told.body
            );
        }
    }
    // A person's name is refused as a person's, in whatever letters it is written.
    for (name, words) in [
        ("fay", "registered to a person"),
        ("FAY", "registered to a person"),
        ("fаy", "registered to a person"),
    ] {
        let told = make(&server, &opal, json!({"name": name}));
        assert_eq!(told.status, 409, "{name}: {}", told.body);
        assert!(told.body.contains(words), "{name}: {}", told.body);
    }
}

#[test]
fn making_hooks_has_a_limit_of_its_own_and_is_no_guess_at_a_password() {
    let (server, _, opal) = start();
    // What is refused for its name counts, too; on a slow machine some attempts come back meanwhile.
    let mut attempts = (0..200).map(|_| make(&server, &opal, json!({"name": "fay"})));
    let told = attempts.find(|told| told.status != 409).unwrap();
    assert_eq!((told.status, told.code()), (429, "too_fast".into()));
    assert!(told.field("Retry-After").is_some(), "{}", told.head);
    // Whoever signs in from there is not kept waiting.
    let form = [("nickname", "fay"), ("password", "long enough")];
    assert_eq!(server.post_form("/auth", &form).status, 201);
}

#[test]
fn a_url_to_which_nothing_can_be_sent_is_refused_and_says_why() {
    let server = Server::start(|_| {});
    for (url, words) in [
        ("http://example.org:0/", "a port from 1 to 65535"),
        ("http://example.org:99999/", "a port from 1 to 65535"),
        ("http://%31%32%37.0.0.1/", "must have a host"),
        ("http:///x", "must have a host"),
        ("ftp://example.org/", "http:// or https://"),
        ("http://ann:pass@example.org/", "no name or password"),
        ("http://example.org/a b", "percent-encoded"),
    ] {
        let fields = json!({"channel": "dev", "name": "relay", "direction": "out", "url": url});
        let told = server.post("/admin/hooks", fields);
        assert_eq!(told.status, 400, "{url}: {}", told.body);
        assert_eq!(told.json()["error"]["field"], "url");
        assert!(told.body.contains(words), "{url}: {}", told.body);
    }
    let url = "HTTP://EXAMPLE.ORG/a";
    let fields = json!({"channel": "dev", "name": "relay", "direction": "out", "url": url});
    let made = server.post("/admin/hooks", fields);
    assert_eq!(made.status, 201, "{}", made.body);
    assert_eq!(made.json()["url"], "http://EXAMPLE.ORG/a");
}
