//! The web port behind reverse proxies: limits, bans and lists are about the
//! clients, not about the proxy.

mod support;

use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};

use serde_json::json;
use support::{JsonClient, Server, User, WsClient, missing, wait_until};

fn start(trusted: &[&str]) -> Server {
    Server::start(|config| {
        config["web"] = json!({ "trusted_proxies": trusted });
        config["limits"]["connections_per_address"] = 2.into();
    })
}

/// Opens the line protocol as a proxy would for a client.
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
    wait_until("the log has it", || {
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
    // Others come through the same proxy, and places come back.
    let other = come(&server, "198.51.100.8").unwrap();
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

/// What `POST /auth` answers a guest, and after how many seconds to try again.
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
    // All of one subscriber's network, each time from another address of it.
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

/// A reverse proxy as people run it.
struct Nginx {
    program: Child,
    address: SocketAddr,
    _folder: tempfile::TempDir,
}

impl Nginx {
    fn before(server: &Server) -> Nginx {
        let folder = tempfile::tempdir().unwrap();
        let address = support::free_address();
        let web = server.web();
        let path = folder.path().display().to_string();
        let config = format!(
            "daemon off; master_process off; pid {path}/pid; error_log {path}/error.log;\n\
             events {{}}\n\
             http {{ access_log off; client_body_temp_path {path}/b; proxy_temp_path {path}/p;\n\
             fastcgi_temp_path {path}/f; uwsgi_temp_path {path}/u; scgi_temp_path {path}/s;\n\
             map $http_upgrade $connection_upgrade {{ default upgrade; '' close; }}\n\
             server {{ listen {address}; location / {{ proxy_pass http://{web};\n\
             proxy_http_version 1.1; proxy_set_header Host $host:$server_port;\n\
             proxy_set_header Upgrade $http_upgrade;\n\
             proxy_set_header Connection $connection_upgrade;\n\
             proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;\n\
             proxy_read_timeout 1h; }} }} }}\n"
        );
        let file = folder.path().join("nginx.conf");
        std::fs::write(&file, config).unwrap();
        let program = Command::new("nginx")
            .arg("-c")
            .arg(&file)
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| missing("nginx", &error));
        wait_until("nginx listens", || {
            std::net::TcpStream::connect(address).is_ok()
        });
        Nginx {
            program,
            address,
            _folder: folder,
        }
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        let _ = self.program.kill();
        let _ = self.program.wait();
    }
}

#[test]
fn page_api_and_websockets_work_through_nginx() {
    let server = start(&["127.0.0.1"]);
    let nginx = Nginx::before(&server);
    let get = |path: &str| {
        let url = format!("http://{}{path}", nginx.address);
        let answer = ureq::get(&url)
            .header("X-Forwarded-For", "198.51.100.7")
            .call();
        answer.unwrap().body_mut().read_to_string().unwrap()
    };
    assert!(get("/client").contains("<!doctype html>"));
    assert!(get("/api/status").contains("version"));
    // nginx appends where it was reached from: 127.0.0.1, which is trusted.
    let token = JsonClient::token(&server, "alice");
    let path = format!("/ws?token={token}");
    let origin = format!("http://{}", nginx.address);
    let fields = [("X-Forwarded-For", "198.51.100.7"), ("Origin", &*origin)];
    let mut alice = JsonClient(WsClient::open(nginx.address, &path, &fields).unwrap());
    alice.expect("joined");
    assert_eq!(address_of(&server, "alice"), "198.51.100.7");
    let fields = [("Origin", "http://elsewhere.example")];
    let refused = WsClient::open(nginx.address, "/ws", &fields);
    assert_eq!(refused.err(), Some(403));
}
