//! The web port behind reverse proxies: limits, bans and lists use the client's
//! address, not the proxy's.

use std::net::SocketAddr;

use crate::support::{JsonClient, Proxy, Server, User, WsClient, deployed, wait_until};
use serde_json::json;

fn start(trusted: &[&str]) -> Server {
    Server::start(|config| {
        config["web"] = json!({ "trusted_proxies": trusted });
        config["limits"]["connections_per_address"] = 2.into();
    })
}

/// Opens the line protocol as a proxy does for a client.
fn come(server: &Server, forwarded_for: &str) -> Result<WsClient, u16> {
    let fields = [("X-Forwarded-For", forwarded_for)];
    WsClient::open(server.web(), "/ws", &fields)
}

fn address_of(server: &Server, nickname: &str) -> String {
    let users = server.get("/admin/users").json();
    let users = users["users"].as_array().unwrap();
    let user = users.iter().find(|user| user["nickname"] == nickname);
    let user = user.unwrap_or_else(|| panic!("{nickname} is not in {users:?}"));
    user["address"].as_str().unwrap().to_owned()
}

#[test]
fn the_word_of_a_trusted_proxy_counts_in_lists_and_the_log() {
    let server = start(&["127.0.0.0/8"]);
    let mut alice = come(&server, "1.1.1.1, 198.51.100.7").unwrap();
    alice.login("alice");
    assert_eq!(address_of(&server, "alice"), "198.51.100.7");
    wait_until("the log has the client's address", || {
        let log = server.get("/admin/log?kind=open").body;
        log.contains("198.51.100.7")
    });
}

#[test]
fn nobody_else_is_believed() {
    let server = start(&["10.0.0.0/8"]);
    let mut alice = come(&server, "198.51.100.7").unwrap();
    alice.login("alice");
    assert!(address_of(&server, "alice").starts_with("127.0.0.1:"));
}

#[test]
fn limits_and_bans_are_the_clients() {
    let server = start(&["127.0.0.1"]);
    let kept: Vec<WsClient> = (0..2)
        .map(|_| come(&server, "198.51.100.7").unwrap())
        .collect();
    assert_eq!(come(&server, "198.51.100.7").err(), Some(503));
    // Other clients come through the same proxy, and closed connections free
    // their places.
    let other = come(&server, "198.51.100.8").unwrap().settled();
    drop(kept);
    wait_until("a place is free", || come(&server, "198.51.100.7").is_ok());
    let ban = server.post("/admin/bans", json!({"address": "198.51.100.8"}));
    assert!(ban.status < 300, "{}", ban.body);
    let mut banned = other;
    banned.expect_close();
    let mut again = come(&server, "198.51.100.8").unwrap();
    again.expect("banned");
    assert!(come(&server, "198.51.100.9").is_ok());
}

/// The status of `POST /auth` for a guest, and the seconds after which to
/// retry.
fn ask_for_a_pass(server: &Server, nickname: &str, from: &str) -> (u16, Option<u64>) {
    let agent: ureq::Agent = ureq::config::Config::builder()
        .http_status_as_error(false)
        .build()
        .into();
    let answer = agent
        .post(format!("http://{}/auth", server.web()))
        .header("X-Forwarded-For", from)
        .send_form([("nickname", nickname)])
        .unwrap();
    let retry = answer.headers().get("retry-after");
    let retry = retry.map(|value| value.to_str().unwrap().parse().unwrap());
    (answer.status().as_u16(), retry)
}

#[test]
fn nobody_can_keep_other_guests_out() {
    let server = start(&["127.0.0.1"]);
    // All of one subscriber's network, each time from another address in it.
    let from = |n: u32| format!("2001:db8:1:2::{n:x}");
    let refused = (0..1000).find_map(|n| {
        let (status, retry) = ask_for_a_pass(&server, &format!("n{n}"), &from(n));
        (status != 201).then_some((n, status, retry))
    });
    let (n, status, retry) = refused.unwrap();
    assert!((60..200).contains(&n), "{n} nicknames");
    assert_eq!(status, 429);
    assert!(retry.unwrap() > 0);
    assert_eq!(ask_for_a_pass(&server, "bob", "2001:db8:1:3::1").0, 201);
}

/// nginx with the file in `deploy/`.
fn nginx_before(server: &Server) -> (Proxy, SocketAddr) {
    let address = crate::support::free_address();
    let config = deployed("nginx/chat-server.conf")
        .replace("listen 80;", &format!("listen {address};"))
        .replace("127.0.0.1:4004", &server.web().to_string());
    (Proxy::nginx(&config, address), address)
}

#[test]
fn page_api_and_websockets_work_through_nginx() {
    let server = start(&["127.0.0.1"]);
    let (_nginx, address) = nginx_before(&server);
    let get = |path: &str| {
        let url = format!("http://{address}{path}");
        let answer = ureq::get(&url).header("X-Forwarded-For", "198.51.100.7");
        let answer = answer.config().http_status_as_error(false).build().call();
        let mut answer = answer.unwrap();
        let status = answer.status().as_u16();
        (status, answer.body_mut().read_to_string().unwrap())
    };
    assert!(get("/").1.contains("<!doctype html>"), "redirected");
    assert!(get("/client").1.contains("<!doctype html>"));
    assert!(get("/client/lib/place.js").1.contains("import.meta.url"));
    assert!(get("/api/status").1.contains("version"));
    for hidden in [
        "/admin/",
        "/admin",
        "/metrics",
        "/healthz",
        "/readyz",
        "/docs/",
        "/openapi.json",
        "/api/nodes",
        "/api/message",
        "/client/../admin/",
        "/api/thread/../../metrics",
    ] {
        let (status, body) = get(hidden);
        let is_nginxs = status == 404 && body.contains("nginx");
        assert!(is_nginxs, "{hidden} is let through: {status} {body}");
    }
    let token = JsonClient::token(&server, "alice");
    let path = format!("/ws?token={token}");
    let origin = format!("http://{address}");
    let fields = [("X-Forwarded-For", "198.51.100.7"), ("Origin", &*origin)];
    let mut alice = JsonClient(WsClient::open(address, &path, &fields).unwrap());
    alice.expect("joined");
    assert_eq!(
        address_of(&server, "alice"),
        "127.0.0.1",
        "not what she says"
    );
    let fields = [("Origin", "http://elsewhere.example")];
    let refused = WsClient::open(address, "/ws", &fields);
    assert_eq!(refused.err(), Some(403));
}
