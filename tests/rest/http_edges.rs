//! HTTP at its edges: extreme times, forms of an answer, unknown query
//! parameters, notations of addresses, and bare line feeds.

use std::io::{Read, Write};
use std::net::TcpStream;

use crate::support::{DEADLINE, LineClient, Server, User};
use serde_json::json;

/// The server's answer to these bytes, until it closes.
fn exchange(server: &Server, listener: &str, request: &str) -> String {
    let mut stream = TcpStream::connect(server.address(listener)).unwrap();
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

/// A request without a body and with these extra fields; returns the whole
/// answer.
fn ask(server: &Server, method: &str, path: &str, fields: &str) -> String {
    let token = server.admin_token();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\
         Connection: close\r\n{fields}\r\n"
    );
    exchange(server, "rest", &request)
}

#[test]
fn times_reach_from_the_first_year_to_the_last() {
    let server = Server::start(|_| {});
    let mut alice = LineClient::enter_channel(&server, "alice", "dev");
    alice.send("found");
    server.log("kind=message&pattern=found", 1);
    for (parameters, found) in [
        ("until=9999-12-31T23:59:59Z", 1),
        ("until=9999-12-31T23:59:59.999999999999Z", 1),
        ("until=9999-12-31t23:59:59z", 1),
        ("until=9999-12-31T23:59:59-23:59", 1),
        ("until=9999-12-31T23:59:59%2B23:59", 1),
        ("since=0000-01-01T00:00:00Z", 1),
        ("since=0000-01-01T00:00:00%2B23:59", 1),
        ("since=2016-12-31T23:59:60Z", 1),
        ("until=2016-12-31T23:59:60Z", 0),
        ("until=0000-01-01T00:00:00Z", 0),
        ("since=9999-12-31T23:59:59Z", 0),
    ] {
        let answer = server.get(&format!(
            "/admin/log?pattern=found&kind=message&{parameters}"
        ));
        assert_eq!(answer.status, 200, "{parameters}: {}", answer.body);
        let entries = answer.json()["entries"].as_array().unwrap().len();
        assert_eq!(entries, found, "{parameters}");
    }
    for wrong in [
        "10000-01-01T00:00:00Z",
        "2030-13-01T00:00:00Z",
        "2030-01-31",
        "never",
    ] {
        let answer = server.get(&format!("/admin/log?until={wrong}"));
        assert_eq!(answer.status, 400, "{wrong}");
    }
    let ban = json!({ "nickname": "eve", "expires_at": "9999-12-31T23:59:59Z" });
    let ban = server.post("/admin/bans", ban);
    assert_eq!(ban.status, 201, "{}", ban.body);
    assert_eq!(ban.json()["expires_at"], "9999-12-31T23:59:59.000Z");
    let past = json!({ "nickname": "bob", "expires_at": "0000-01-01T00:00:00Z" });
    assert_eq!(server.post("/admin/bans", past).status, 400);
    let far = json!({ "nickname": "bob", "expires_in_seconds": u64::MAX });
    assert_eq!(server.post("/admin/bans", far).status, 400);
}

#[test]
fn metrics_come_in_the_form_that_is_asked_for() {
    let server = Server::start(|_| {});
    for (accept, is_plain) in [
        ("", false),
        ("Accept: */*\r\n", false),
        ("Accept: text/plain\r\n", true),
        ("Accept: text/plain;version=0.0.4;q=0.5,*/*;q=0.1\r\n", true),
        ("Accept: text/*\r\n", true),
        ("Accept: application/openmetrics-text\r\n", false),
        (
            "Accept: application/openmetrics-text;version=1.0.0;q=0.75,text/plain;q=0.5\r\n",
            false,
        ),
        (
            "Accept: application/openmetrics-text;q=0.1\r\nAccept: text/plain\r\n",
            true,
        ),
        ("Accept: image/png\r\n", true),
    ] {
        let answer = ask(&server, "GET", "/metrics?t=1", accept);
        assert!(answer.starts_with("HTTP/1.1 200"), "{accept}: {answer}");
        let kind = if is_plain {
            "Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n"
        } else {
            "Content-Type: application/openmetrics-text; version=1.0.0; charset=utf-8\r\n"
        };
        assert!(answer.contains(kind), "{accept}: {answer}");
        let counter = if is_plain {
            "# TYPE chat_messages_total counter\nchat_messages_total 0\n"
        } else {
            "# TYPE chat_messages counter\nchat_messages_total 0\n"
        };
        assert!(answer.contains(counter), "{accept}: {answer}");
        assert_eq!(answer.contains("# EOF"), !is_plain, "{accept}");
        // Every line of the older format is one that its clients know.
        let (_, body) = answer.split_once("\r\n\r\n").unwrap();
        let known = |line: &str| match line.strip_prefix("# ") {
            Some(comment) => comment.starts_with("HELP ") || comment.starts_with("TYPE "),
            None => line
                .rsplit_once(' ')
                .is_some_and(|(_, value)| value.parse::<f64>().is_ok()),
        };
        assert!(!is_plain || body.lines().all(known), "{body}");
    }
}

#[test]
fn queries_that_nobody_reads_do_no_harm() {
    let server = Server::start(|_| {});
    for path in [
        "/healthz",
        "/readyz",
        "/api/status",
        "/metrics",
        "/openapi.json",
        "/docs/",
    ] {
        for suffix in ["", "?", "?t=1", "?a=b&a=b", "?%zz", "?x=%ff#y"] {
            let path = format!("{path}{suffix}");
            for method in ["GET", "HEAD"] {
                let answer = ask(&server, method, &path, "");
                assert!(
                    answer.starts_with("HTTP/1.1 200"),
                    "{method} {path}: {answer}"
                );
                let (_, body) = answer.split_once("\r\n\r\n").unwrap();
                assert_eq!(body.is_empty(), method == "HEAD", "{method} {path}");
            }
        }
    }
    for path in ["/healthz/", "/readyz/?t=1", "/admin/users/", "/metrics/"] {
        let answer = ask(&server, "GET", path, "");
        assert!(answer.starts_with("HTTP/1.1 200"), "{path}: {answer}");
    }
    // On the web port as well, where balancers ask.
    let request = "GET /healthz?t=1 HTTP/1.0\r\n\r\n";
    assert!(exchange(&server, "web", request).starts_with("HTTP/1.1 200"));
    // An administrator's misspelt parameter is named.
    let answer = server.get("/admin/log?patern=x");
    assert_eq!(answer.status, 400, "{}", answer.body);
    assert!(answer.body.contains("patern"), "{}", answer.body);
    assert_eq!(server.get("//healthz").status, 404);
    assert_eq!(server.get("/healthz//").status, 404);
}

#[test]
fn an_address_can_be_banned_as_it_is_shown() {
    let server = Server::start(|_| {});
    let mut alice = LineClient::enter(&server, "alice");
    let users = server.get("/admin/users").json();
    let shown = users["users"][0]["address"].as_str().unwrap().to_owned();
    let ban = server.post("/admin/bans", json!({ "address": shown }));
    assert_eq!(ban.status, 201, "{shown}: {}", ban.body);
    assert_eq!(ban.json()["address"], "127.0.0.1");
    assert!(
        alice
            .expect_close()
            .iter()
            .any(|line| line.contains("banned"))
    );
    let id = ban.json()["id"].as_u64().unwrap();
    assert_eq!(server.delete(&format!("/admin/bans/{id}")).status, 204);
    for (written, meant) in [
        ("192.0.2.7:54321", "192.0.2.7"),
        ("[2001:db8::1]:1234", "2001:db8::1"),
        ("[2001:db8::2]", "2001:db8::2"),
        ("[::ffff:192.0.2.8]:1", "192.0.2.8"),
        ("::ffff:192.0.2.9", "192.0.2.9"),
        ("::ffff:198.51.100.0/120", "198.51.100.0/24"),
        (" 192.0.2.10 ", "192.0.2.10"),
        ("203.0.113.0/24", "203.0.113.0/24"),
    ] {
        let ban = server.post("/admin/bans", json!({ "address": written }));
        assert_eq!(ban.status, 201, "{written}: {}", ban.body);
        assert_eq!(ban.json()["address"], meant, "{written}");
    }
    for wrong in [
        "192.0.2.7:",
        "192.0.2.7:99999",
        "[192.0.2.7",
        "192.0.2.0/24:80",
        "host:1",
        "",
    ] {
        let ban = server.post("/admin/bans", json!({ "address": wrong }));
        assert_eq!(ban.status, 400, "{wrong}: {}", ban.body);
    }
}

#[test]
fn a_line_feed_alone_ends_no_line_of_a_head() {
    let server = Server::start(|_| {});
    for head in [
        "GET /healthz HTTP/1.1\nHost: x\n\n",
        "GET /healthz HTTP/1.1\r\nHost: x\n\r\n",
        "GET /healthz HTTP/1.1\r\nHost: x\r\n\n",
        "\nGET /healthz HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET /healthz HTTP/1.1\r\nHost: x\r\nX: a\nTransfer-Encoding: chunked\r\n\r\n",
        "GET /healthz HTTP/1.0\n\n",
        "GET /healthz HTTP/1.0\n",
    ] {
        for listener in ["rest", "web"] {
            let answer = exchange(&server, listener, head);
            assert!(answer.starts_with("HTTP/1.1 400 "), "{head:?}: {answer}");
        }
    }
    let answer = exchange(&server, "rest", "\r\nGET /healthz HTTP/1.0\r\n\r\n");
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
}
