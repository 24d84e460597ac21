//! Programs post to hooks: with `curl`, and with what monitoring and forges send.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

use aws_lc_rs::hmac;
use data_encoding::{BASE64, HEXLOWER};
use serde_json::{Value, json};

use crate::support::{JsonClient, LineClient, Server, Told, User, call, wait_until};

/// Makes a hook of a channel; returns its id, its path and its secret.
fn make(server: &Server, fields: Value) -> (String, String, String) {
    let made = server.post("/admin/hooks", fields);
    assert_eq!(made.status, 201, "{}", made.body);
    let made = made.json();
    let text = |field: &str| made[field].as_str().unwrap_or_default().to_owned();
    (text("id"), text("url"), text("secret"))
}

/// Posts to a hook as any program does, without a token.
fn post(server: &Server, path: &str, fields: &str, body: &str) -> Told {
    call(server.web(), "", &format!("POST {path}"), fields, body)
}

/// The texts of #dev, for a program that may read it.
fn texts(server: &Server, token: &str) -> Vec<String> {
    let told = server.call(token, "GET /api/channels/dev/messages?limit=500", "");
    assert_eq!(told.status, 200, "{}", told.body);
    let read = told.json();
    let messages = read["messages"].as_array().unwrap().iter();
    let text = |message: &Value| message["text"].as_str().unwrap().to_owned();
    messages.map(text).collect()
}

/// What a program sends, as its documentation shows it.
fn sample(name: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus-seed/hooks");
    let sample = fs::read_to_string(folder.join(name)).unwrap();
    sample.trim_end().to_owned()
}

const JSON: &str = "Content-Type: application/json\r\n";

#[test]
fn a_line_of_curl_without_a_token_is_a_message() {
    let mut server = Server::start(|_| {});
    let mut alice = LineClient::enter_channel(&server, "alice", "dev");
    let (id, path, _) = make(&server, json!({"channel": "dev", "name": "alerts"}));
    for at in [server.rest().unwrap(), server.web()] {
        let answer = curl(at, &path, &["-d", "disk full"]);
        assert!(answer["id"].is_string() && answer["at"].is_string());
        alice.expect("@alerts: disk full");
    }
    let body = r#"{"text": "careful", "notice": true}"#;
    assert_eq!(post(&server, &path, JSON, body).status, 201);
    alice.expect("-@alerts- careful");
    let hooks = server.get("/admin/hooks");
    let row = &hooks.json()["hooks"][0];
    assert_eq!((&row["id"], &row["channel"]), (&json!(id), &json!("dev")));
    assert_eq!(
        (&row["name"], &row["signed"]),
        (&json!("alerts"), &json!(false))
    );
    assert!(row["used_at"].is_string());
    assert!(!hooks.body.contains("cst_"), "{}", hooks.body);
    server.restart();
    assert_eq!(post(&server, &path, "", "still there").status, 201);
    // No other secret opens it, and its own opens nothing else.
    let key = path.strip_prefix("/hooks/").unwrap();
    assert_eq!(server.get_as(key, "/admin/users").status, 401);
    let token = server.token_for("builds", &["post:#dev"]);
    let told = post(&server, &format!("/hooks/{token}"), "", "x");
    assert_eq!((told.status, told.code()), (404, "not_found".into()));
    let removed = format!("/admin/hooks/{id}");
    assert_eq!(server.delete(&removed).status, 204);
    assert_eq!(server.delete(&removed).status, 404);
    assert_eq!(post(&server, &path, "", "gone").status, 404);
    wait_until("its bot is gone", || {
        !server.get("/admin/users").body.contains("alerts")
    });
}

fn curl(at: SocketAddr, path: &str, arguments: &[&str]) -> Value {
    let curl = Command::new("curl")
        .arg("-sS")
        .args(arguments)
        .arg(format!("http://{at}{path}"))
        .output()
        .unwrap();
    let answer = String::from_utf8(curl.stdout).unwrap();
    serde_json::from_str(&answer).expect(&answer)
}

#[test]
fn monitoring_and_forges_post_unchanged() {
    let server = Server::start(|_| {});
    let (_, path, _) = make(&server, json!({"channel": "dev", "name": "forge"}));
    let token = server.token_for("reader", &["read:#dev"]);
    let github = |event: &str| format!("{JSON}X-GitHub-Event: {event}\r\n");
    let gitea =
        |event: &str| format!("{JSON}X-Gitea-Event: {event}\r\nX-GitHub-Event: {event}\r\n");
    let cases = [
        (
            "alertmanager.json",
            JSON.to_owned(),
            "[FIRING:1] InstanceDown\n\
             - Instance web-1:9100 down (instance=web-1:9100, job=node, severity=critical)\n\
             - resolved: Instance web-2:9100 down (instance=web-2:9100, job=node, severity=critical)\n\
             http://alertmanager.example.org:9093",
        ),
        (
            "grafana.json",
            JSON.to_owned(),
            "[FIRING:2]  (blue)\n\
             - This alert was triggered for zone us-1 (team=blue, zone=us-1)\n\
             - This alert was triggered for zone eu-1 (team=blue, zone=eu-1)\n\
             https://play.grafana.org/",
        ),
        (
            "grafana_old.json",
            JSON.to_owned(),
            "[Alerting] Panel Title alert\nNotification Message\n\
             http://localhost:3000/d/hZ7BuVbWz/test-dashboard?fullscreen&edit&tab=alert&panelId=2&orgId=1",
        ),
        (
            "github_ping.json",
            github("ping"),
            "[Codertocat/Hello-World] this hook is set up: Design for failure.",
        ),
        (
            "github_push.json",
            github("push"),
            "[Codertocat/Hello-World] Codertocat pushed 2 commits to main: \
             https://github.com/Codertocat/Hello-World/compare/6113728f27ae...0d1a26e67d8f\n\
             - c441029c Update README.md (Codertocat)\n\
             - 0d1a26e6 Fix the build (Mona Lisa)",
        ),
        (
            "github_branch_gone.json",
            github("push"),
            "[Codertocat/Hello-World] Codertocat deleted the branch old",
        ),
        (
            "github_issues.json",
            github("issues"),
            "[Codertocat/Hello-World] Codertocat opened issue #1: Spelling error in the README file \
             https://github.com/Codertocat/Hello-World/issues/1",
        ),
        (
            "github_issue_comment.json",
            github("issue_comment"),
            "[Codertocat/Hello-World] mona commented on pull request #2: Update the README \
             https://github.com/Codertocat/Hello-World/pull/2#issuecomment-492700400\n\
             > You are totally right!",
        ),
        (
            "github_pull_request.json",
            github("pull_request"),
            "[Codertocat/Hello-World] mona merged pull request #2: \
             Update the README with new information. \
             https://github.com/Codertocat/Hello-World/pull/2",
        ),
        (
            "github_release.json",
            github("release"),
            "[Codertocat/Hello-World] Codertocat published release 0.0.1: First steps \
             https://github.com/Codertocat/Hello-World/releases/tag/0.0.1",
        ),
        (
            "github_workflow_run.json",
            github("workflow_run"),
            "[Codertocat/Hello-World] CI on main: failure \
             https://github.com/Codertocat/Hello-World/actions/runs/289782451",
        ),
        (
            "gitea_push.json",
            gitea("push"),
            "[gitea/webhooks] gitea pushed 1 commit to develop: \
             http://localhost:3000/gitea/webhooks/compare/28e1879d029c...bffeb7422404\n\
             - bffeb742 Webhooks Yay! (gitea)",
        ),
        (
            "gitea_issues.json",
            gitea("issues"),
            "[gitea/webhooks] gitea closed issue #7: It does not build \
             http://localhost:3000/gitea/webhooks/issues/7",
        ),
        (
            "gitea_release.json",
            gitea("release"),
            "[gitea/webhooks] gitea published release v1.0.0 \
             http://localhost:3000/gitea/webhooks/releases/tag/v1.0.0",
        ),
        (
            "slack.json",
            JSON.to_owned(),
            "Deployed build 512 (https://example.org/builds/512) to production & staging\n\
             Details\nBuild 512 https://example.org/builds/512\nAll tests passed\n\
             Duration: 3 min\nBy: ann",
        ),
        (
            "slack_blocks.json",
            JSON.to_owned(),
            "Budget performance\nMarketing is over by *10%*\nOwner: ann\nDue: Friday\n\
             https://example.org/report",
        ),
        ("message.json", String::new(), "Disk full\non /var"),
        (
            "unknown.json",
            JSON.to_owned(),
            "bytes: 1048576, host: db-1, ok: true, service: backup",
        ),
        (
            "text",
            "Content-Type: text/plain\r\n".to_owned(),
            "build 512 ok",
        ),
    ];
    for (name, fields, _) in &cases {
        let told = post(&server, &path, fields, &sample(name));
        assert_eq!(told.status, 201, "{name}: {}", told.body);
    }
    let read = texts(&server, &token);
    for ((name, _, expected), text) in cases.iter().zip(&read) {
        assert_eq!(text, expected, "{name}");
    }
    assert_eq!(read.len(), cases.len());
    // The same as a form, which GitHub and older programs for Slack send.
    let form: String = sample("github_issues.json")
        .bytes()
        .map(|byte| format!("%{byte:02x}"))
        .collect();
    let fields = "Content-Type: application/x-www-form-urlencoded\r\nX-GitHub-Event: issues\r\n";
    let told = post(&server, &path, fields, &format!("payload={form}"));
    assert_eq!(told.status, 201, "{}", told.body);
    let read = texts(&server, &token);
    assert!(read.last().unwrap().contains("opened issue #1"), "{read:?}");
}

/// Senders differ, and leave things out: what there is, is said.
#[test]
fn what_is_missing_or_unknown_in_a_payload_hurts_nothing() {
    let server = Server::start(|_| {});
    let (_, path, _) = make(&server, json!({"channel": "dev", "name": "forge"}));
    let token = server.token_for("reader", &["read:#dev"]);
    let cases = [
        (
            "push",
            json!({"commits": {}, "ref": 7}),
            "moved the branch 7",
        ),
        ("issues", json!({"action": "opened"}), "opened issue"),
        (
            "issue_comment",
            json!({"issue": {"number": 3}}),
            "commented on issue #3",
        ),
        (
            "release",
            json!({"action": "published"}),
            "published release",
        ),
        (
            "create",
            json!({"ref_type": "tag", "ref": "v1"}),
            "made the tag v1",
        ),
        (
            "pull_request_approved",
            json!({"action": "reviewed", "number": 2, "sender": {"login": "ann"},
                "pull_request": {"number": 2, "title": "Faster", "html_url": "http://g/2"},
                "repository": {"full_name": "a/b"}}),
            "[a/b] ann approved pull request #2: Faster http://g/2",
        ),
        (
            "pull_request_rejected",
            json!({"pull_request": {"number": 2}, "sender": {"login": "ann"}}),
            "ann asked for changes of pull request #2",
        ),
        (
            "pull_request_review_comment",
            json!({"action": "created", "sender": {"login": "ann"}, "pull_request": {"number": 2},
                "comment": {"body": "why?", "html_url": "http://g/2#1"}}),
            "ann commented on pull request #2 http://g/2#1\n> why?",
        ),
        (
            "check_run",
            json!({"check_run": {"name": "tests", "conclusion": "success", "html_url": "http://g/3"}}),
            "tests: success http://g/3",
        ),
        (
            "status",
            json!({"context": "ci/build", "state": "failure", "target_url": "http://ci/4"}),
            "ci/build: failure http://ci/4",
        ),
        (
            "star",
            json!({"action": "created", "sender": {"login": "ann"}, "repository": {"name": "b"}}),
            "[b] ann created star",
        ),
        (
            "push",
            json!({"ref": "refs/tags/v1", "before": "000", "after": "28e1",
                "commits": [{"id": "28e1", "message": "Fix"}], "pusher": {"login": "ann"},
                "sender": {"login": "ann"}}),
            "ann made the tag v1",
        ),
        (
            "",
            json!({"status": "resolved", "alerts": []}),
            "[RESOLVED:0]",
        ),
        (
            "",
            json!({"alerts": [{"status": "firing", "labels": {"alertname": "Down"}}, 7, null]}),
            "[FIRING:1]\n- Down",
        ),
        (
            "",
            json!({"status": "firing", "alerts": [{"labels": 7, "annotations": "x"}, {}]}),
            "[FIRING:0]",
        ),
        ("", json!({"attachments": []}), "JSON without a text"),
        (
            "",
            json!({"blocks": [null], "text": "only this"}),
            "only this",
        ),
        ("", json!({"text": 7, "ok": true}), "ok: true, text: 7"),
        ("", json!([1, "two", {}]), "1, two"),
        (
            "",
            json!({"disk": {"path": "/var", "free": 3}}),
            "disk.free: 3, disk.path: /var",
        ),
        ("", json!({"disk": [], "of": {}}), "JSON without a text"),
    ];
    for (event, payload, _) in &cases {
        let fields = match event.is_empty() {
            true => JSON.to_owned(),
            false => format!("{JSON}X-GitHub-Event: {event}\r\n"),
        };
        let told = post(&server, &path, &fields, &payload.to_string());
        assert_eq!(told.status, 201, "{event} {payload}: {}", told.body);
    }
    let read = texts(&server, &token);
    for ((event, payload, expected), text) in cases.iter().zip(&read) {
        assert_eq!(text, expected, "{event} {payload}");
    }
    assert_eq!(read.len(), cases.len());
    // What is about nothing is refused, so that its sender is mended.
    for (event, payload) in [
        ("push", json!({})),
        ("push", json!({"sender": {"login": "ann"}})),
        ("issues", json!({"issue": []})),
        ("create", json!({"ref_type": "tag"})),
        ("something_new", json!({})),
    ] {
        let fields = format!("{JSON}X-GitHub-Event: {event}\r\n");
        let told = post(&server, &path, &fields, &payload.to_string());
        assert_eq!(told.status, 400, "{event} {payload}: {}", told.body);
    }
    assert_eq!(texts(&server, &token).len(), cases.len());
}

#[test]
fn what_comes_again_is_published_once_also_if_the_server_is_killed() {
    let mut server = Server::start(|_| {});
    let token = server.token_for("reader", &["read:#dev"]);
    let (_, path, _) = make(&server, json!({"channel": "dev", "name": "forge"}));
    let (_, other, _) = make(&server, json!({"channel": "ops", "name": "forge"}));
    let again = [
        "X-GitHub-Delivery: 72d3162e-cc78-11e3-81ab-4c9367dc0958\r\n",
        "X-Gitea-Delivery: f6266f16-1bf3-46a5-9ea4-602e06ead473\r\n",
        "Idempotency-Key: build-512\r\n",
        "webhook-id: msg_2KWPBgLlAfxdpx2AI54pPJ85f4W\r\n",
    ];
    let mut ids = Vec::new();
    for fields in again {
        let first = post(&server, &path, fields, "once");
        assert_eq!(first.status, 201, "{}", first.body);
        let second = post(&server, &path, fields, "once");
        assert_eq!((second.status, second.json()), (200, first.json()));
        // It stands for one call of one hook, whatever name both have.
        assert_eq!(post(&server, &other, fields, "once").status, 201);
        ids.push(first.json());
    }
    server.kill();
    server.start_again();
    for (fields, id) in again.iter().zip(ids) {
        let told = post(&server, &path, fields, "once");
        assert_eq!((told.status, told.json()), (200, id));
    }
    // A key that the sender has made up stands for one text.
    let told = post(&server, &path, again[2], "else");
    assert_eq!(
        (told.status, told.code()),
        (409, "tag_used".into()),
        "{}",
        told.body
    );
    assert_eq!(texts(&server, &token), ["once"; 4]);
}

fn hub_signature(secret: &str, body: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    let tag = hmac::sign(&key, body.as_bytes());
    HEXLOWER.encode(tag.as_ref())
}

fn now_s() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    now.as_secs()
}

fn standard(secret: &str, id: &str, at: u64, body: &str) -> String {
    let key = BASE64.decode(&secret.as_bytes()["whsec_".len()..]).unwrap();
    let key = hmac::Key::new(hmac::HMAC_SHA256, &key);
    let tag = hmac::sign(&key, format!("{id}.{at}.{body}").as_bytes());
    let signature = BASE64.encode(tag.as_ref());
    format!("webhook-id: {id}\r\nwebhook-timestamp: {at}\r\nwebhook-signature: v1,{signature}\r\n")
}

#[test]
fn a_hook_with_a_secret_takes_signed_calls_and_each_once() {
    let server = Server::start(|_| {});
    let token = server.token_for("reader", &["read:#dev"]);
    let fields = json!({"channel": "dev", "name": "forge", "signed": true});
    let (_, path, secret) = make(&server, fields);
    assert!(secret.starts_with("whsec_"), "{secret}");
    let body = sample("github_issues.json");
    let signature = hub_signature(&secret, &body);
    let github = "X-GitHub-Event: issues\r\n";
    let signed = format!("{github}X-Hub-Signature-256: sha256={signature}\r\n");
    let first = post(&server, &path, &signed, &body);
    assert_eq!(first.status, 201, "{}", first.body);
    // The id of the delivery is not signed, so a replay may have any.
    for delivery in [
        "",
        "X-GitHub-Delivery: another\r\n",
        "Idempotency-Key: x\r\n",
    ] {
        let replayed = post(&server, &path, &format!("{signed}{delivery}"), &body);
        assert_eq!((replayed.status, replayed.json()), (200, first.json()));
    }
    let of_gitea = sample("gitea_issues.json");
    let signature = hub_signature(&secret, &of_gitea);
    let gitea = format!("X-Gitea-Event: issues\r\nX-Gitea-Signature: {signature}\r\n");
    assert_eq!(post(&server, &path, &gitea, &of_gitea).status, 201);
    let now = now_s();
    let in_time = standard(&secret, "msg_1", now, "in time");
    assert_eq!(post(&server, &path, &in_time, "in time").status, 201);
    assert_eq!(post(&server, &path, &in_time, "in time").status, 200);
    let read = texts(&server, &token);
    assert_eq!((read.len(), read[2].as_str()), (3, "in time"));
    let refused = [
        (github.to_owned(), "only signed calls"),
        (
            format!("{github}X-Hub-Signature-256: sha256={signature}\r\n"),
            "not that of this body",
        ),
        (
            format!("{github}X-Hub-Signature-256: sha1=0123\r\n"),
            "not that of this body",
        ),
        (
            standard(
                "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
                "msg_2",
                now,
                &body,
            ),
            "not that of this body",
        ),
        (standard(&secret, "msg_3", now - 3600, &body), "minutes old"),
        (standard(&secret, "msg_4", now + 3600, &body), "minutes old"),
    ];
    for (fields, words) in refused {
        let told = post(&server, &path, &fields, &body);
        assert_eq!((told.status, told.code()), (401, "bad_signature".into()));
        assert!(told.body.contains(words), "{}", told.body);
    }
    assert_eq!(texts(&server, &token), read);
}

/// Every file below a folder.
fn files(folder: &Path, into: &mut Vec<Vec<u8>>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => files(&path, into),
            false => into.extend(fs::read(&path)),
        }
    }
}

#[test]
fn the_key_is_nowhere_but_in_the_address() {
    let server = Server::start(|config| config["log_level"] = "trace".into());
    let mut alice = LineClient::enter_channel(&server, "alice", "dev");
    let (_, path, _) = make(&server, json!({"channel": "dev", "name": "alerts"}));
    let key = path.strip_prefix("/hooks/").unwrap();
    assert_eq!(post(&server, &path, "", "fine").status, 201);
    alice.expect("@alerts: fine");
    let mut answers = Vec::new();
    for (request, fields, body) in [
        (format!("POST {path}"), "", ""),
        (format!("POST {path}"), JSON, "{"),
        (format!("GET {path}"), "", ""),
        (format!("GET {path}"), "Accept: text/html\r\n", ""),
        (format!("GET {path}/more"), "Accept: text/html\r\n", ""),
        (format!("PUT {path}"), "", "x"),
        (format!("POST {path}/more"), "", "x"),
        (format!("POST {path}x"), "", "x"),
        (format!("POST /hooks/{key}?a=%zz"), "", "x"),
        (format!("POST //hooks/{key}"), "", "x"),
    ] {
        for at in [server.rest().unwrap(), server.web()] {
            let told = call(at, "", &request, fields, body);
            answers.push(format!("{request} {}\n{}", told.head, told.body));
            assert!(!told.body.contains(&key[4..]), "{request}: {}", told.body);
        }
    }
    assert!(!server.get("/metrics").body.contains(&key[4..]));
    server.log("kind=admin", 1);
    server.log("kind=message", 1);
    assert!(!server.output().contains(&key[4..]));
    let mut written = Vec::new();
    files(&server.dir().join("data"), &mut written);
    assert!(written.len() > 3, "the data folder is elsewhere");
    let needle = &key.as_bytes()[4..];
    let has = |file: &Vec<u8>| file.windows(needle.len()).any(|part| part == needle);
    assert!(!written.iter().any(has), "a file has the key in it");
}

#[test]
fn what_is_too_large_too_fast_or_nonsense_is_refused_in_clear_words() {
    let server = Server::start(|config| {
        config["limits"] = json!({"line_bytes": 1000, "auth_attempts": 3});
    });
    let token = server.token_for("reader", &["read:#dev"]);
    let (_, path, _) = make(&server, json!({"channel": "dev", "name": "alerts"}));
    for (fields, body, status, words) in [
        ("", "", 400, "no text in it"),
        ("", " \n", 400, "no text in it"),
        (JSON, "{\"text\": ", 400, "not JSON"),
        ("X-GitHub-Event: push\r\n", "x", 400, "not JSON"),
        (
            "Content-Type: multipart/form-data\r\n",
            "x",
            400,
            "-d, not -F",
        ),
    ] {
        let told = post(&server, &path, fields, body);
        assert_eq!(told.status, status, "{body}: {}", told.body);
        assert!(told.body.contains(words), "{body}: {}", told.body);
    }
    let told = post(&server, &path, "", &"x".repeat(64 * 1024 + 1));
    assert_eq!(told.status, 413, "{}", told.body);
    // As large as may be: what is too long for a message is cut off.
    let told = post(&server, &path, "", &"é".repeat(32 * 1024));
    assert_eq!(told.status, 201, "{}", told.body);
    let read = texts(&server, &token);
    assert_eq!(read, [format!("{}…", "é".repeat(498))]);
    let fields = json!({"channel": "dev", "name": "slow", "rate": 2});
    let (_, slow, _) = make(&server, fields);
    for _ in 0..2 {
        assert_eq!(post(&server, &slow, "", "x").status, 201);
    }
    let told = post(&server, &slow, "", "x");
    assert_eq!((told.status, told.code()), (429, "too_fast".into()));
    assert!(told.field("Retry-After").is_some(), "{}", told.head);
    // Guesses at keys are counted for their address.
    for guess in ["x", "cst_", &format!("cst_{}", "A".repeat(43))] {
        let told = post(&server, &format!("/hooks/{guess}"), "", "x");
        assert_eq!(told.status, 404, "{}", told.body);
    }
    let told = post(&server, &path, "", "x");
    assert_eq!(
        (told.status, told.code()),
        (429, "too_many_attempts".into())
    );
}

#[test]
fn mistakes_in_making_a_hook_are_named() {
    let server = Server::start(|_| {});
    JsonClient::registered(&server, "kevin");
    for (fields, field) in [
        (json!({"name": "ci"}), "channel"),
        (json!({"channel": "a b", "name": "ci"}), "channel"),
        (json!({"channel": "dev"}), "name"),
        (json!({"channel": "dev", "name": "a b"}), "name"),
        (
            json!({"channel": "dev", "name": "ci", "signed": 1}),
            "signed",
        ),
        (json!({"channel": "dev", "name": "ci", "rate": 0}), "rate"),
        (json!({"channel": "dev", "name": "ci", "key": "x"}), "key"),
    ] {
        let told = server.post("/admin/hooks", fields.clone());
        assert_eq!(told.status, 400, "{fields}: {}", told.body);
        assert_eq!(told.json()["error"]["field"], field, "{}", told.body);
    }
    let told = server.post("/admin/hooks", json!({"channel": "dev", "name": "kevin"}));
    assert_eq!(told.status, 409, "{}", told.body);
    for _ in 0..10 {
        make(&server, json!({"channel": "dev", "name": "ci"}));
    }
    let told = server.post("/admin/hooks", json!({"channel": "dev", "name": "ci"}));
    assert_eq!(told.status, 409, "{}", told.body);
    assert!(told.body.contains("10 hooks"), "{}", told.body);
    make(&server, json!({"channel": "ops", "name": "ci"}));
    // A program makes hooks for channels to which it may post, and no others.
    let token = server.token_for("maker", &["tokens", "post:#qa"]);
    for (channel, status) in [("qa", 201), ("dev", 403)] {
        let fields = json!({"channel": channel, "name": "tests"}).to_string();
        let told = server.call(&token, "POST /admin/hooks", &fields);
        assert_eq!(told.status, status, "{}", told.body);
    }
}

#[test]
fn operators_of_a_registered_channel_have_hooks_of_their_own() {
    let server = Server::start(|config| config["limits"] = json!({"auth_attempts": 0}));
    let founder = JsonClient::registered(&server, "alice");
    let other = JsonClient::registered(&server, "mallory");
    let mut alice = JsonClient::come_in(&server, &founder);
    alice.send("join", json!({"room": "dev"}));
    alice.expect("joined");
    let hooks = "/api/channels/dev/hooks";
    let make = |pass: &str, name: &str| {
        let fields = json!({"name": name}).to_string();
        server.call(pass, &format!("POST {hooks}"), &fields)
    };
    let told = make(&founder, "ci");
    assert_eq!(told.status, 409, "not registered yet: {}", told.body);
    let registered = server.put(
        "/admin/channels/dev/registration",
        json!({"founder": "alice"}),
    );
    assert_eq!(registered.status, 200, "{}", registered.body);
    let made = make(&founder, "ci");
    assert_eq!(made.status, 201, "{}", made.body);
    let made = made.json();
    let path = made["url"].as_str().unwrap();
    assert_eq!(made["made_by"], "alice");
    let told = alice.expect("message")["body"].take();
    assert!(
        told.as_str()
            .unwrap()
            .starts_with("alice has made this hook"),
        "{told}"
    );
    assert_eq!(post(&server, path, "", "built").status, 201);
    assert_eq!(alice.expect("message")["body"], "built");
    let listed = server.call(&founder, &format!("GET {hooks}"), "");
    assert_eq!(listed.json()["hooks"][0]["id"], made["id"]);
    // Nobody else has them, nor learns of a secret channel.
    let guest = JsonClient::token(&server, "guest");
    let remove = format!("DELETE {hooks}/{}", made["id"].as_str().unwrap());
    for request in [
        format!("GET {hooks}"),
        format!("POST {hooks}"),
        remove.clone(),
    ] {
        let body = r#"{"name": "ci"}"#;
        let told = server.call(&other, &request, body);
        assert_eq!((told.status, told.code()), (403, "not_operator".into()));
        let told = server.call("", &request, body);
        assert_eq!(told.status, 401, "{}", told.body);
        let told = server.call(&guest, &request, body);
        assert_eq!(told.status, 401, "{}", told.body);
    }
    let elsewhere = remove.replace("/dev/", "/ops/");
    assert_eq!(server.call(&founder, &elsewhere, "").status, 404);
    let rules = json!({"rules": {"secret": true}});
    assert_eq!(server.patch("/admin/channels/dev", rules).status, 200);
    let told = server.call(&other, &format!("GET {hooks}"), "");
    assert_eq!((told.status, told.code()), (404, "no_such_channel".into()));
    // The name of a program that others trust is not theirs to speak under.
    server.token_for("builds", &["post:*"]);
    let told = make(&founder, "builds");
    assert_eq!(told.status, 409, "{}", told.body);
    assert!(told.body.contains("another program"), "{}", told.body);
    assert_eq!(make(&founder, "ci").status, 201);
    let texts = server.log_texts("kind=admin", 4);
    let by = |text: &String| text.contains("made the hook ci") && text.contains("operator alice");
    assert!(texts.iter().any(by), "{texts:?}");
    assert_eq!(server.call(&founder, &remove, "").status, 204);
    assert_eq!(post(&server, path, "", "gone").status, 404);
}

#[test]
fn the_rules_of_a_channel_hold_for_hooks_too() {
    let server = Server::start(|_| {});
    let _alice = LineClient::enter_channel(&server, "alice", "dev");
    let (_, path, _) = make(&server, json!({"channel": "dev", "name": "alerts"}));
    let rules = json!({"rules": {"moderated": true}});
    assert_eq!(server.patch("/admin/channels/dev", rules).status, 200);
    let told = post(&server, &path, "", "quiet");
    assert_eq!((told.status, told.code()), (403, "cannot_speak".into()));
    let role = json!({"role": "voice"});
    let told = server.put("/admin/channels/dev/roles/alerts", role);
    assert_eq!(told.status, 204, "{}", told.body);
    assert_eq!(post(&server, &path, "", "loud").status, 201);
}
