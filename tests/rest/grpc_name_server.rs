//! `chat-server name-server`: servers register over gRPC, clients ask over
//! HTTP, on one port.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use crate::support::{DEADLINE, Server, free_address, run_python, wait_until};
use rustix::process::Signal;
use serde_json::{Value, json};

const SECRET: &str = "shared-by-all-of-them";

/// A name server that removes a server after so much silence.
fn name_server(at: SocketAddr, silence_seconds: u64) -> Server {
    let settings = json!({"listen": at, "silence_seconds": silence_seconds, "secret": SECRET});
    Server::start_task("name-server", &json!({ "name_server": settings }))
}

/// Longer than a server is silent that beats every second, on a machine that stands still now and
/// then.
const NEVER: u64 = 600;
/// The same, and short enough to be waited for. The script knows it.
const SOON: u64 = 5;

fn anywhere() -> SocketAddr {
    "127.0.0.1:0".parse().unwrap()
}

fn get(at: SocketAddr, path: &str) -> (u16, Value) {
    let agent = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .timeout_global(Some(DEADLINE))
        .build()
        .new_agent();
    let mut answer = agent.get(format!("http://{at}{path}")).call().unwrap();
    let body = answer.body_mut().read_to_string().unwrap();
    let body = serde_json::from_str(&body).unwrap_or(Value::Null);
    (answer.status().as_u16(), body)
}

#[test]
fn servers_come_and_go_and_clients_find_the_best() {
    let server = name_server(anywhere(), SOON);
    run_python(
        "grpc_names.py",
        &[server.address("name-server").to_string(), SECRET.to_owned()],
    );
}

#[test]
fn a_chat_server_registers_itself_and_comes_back() {
    let at = free_address();
    let mut names = name_server(at, NEVER);
    let start = |advertise: &str| {
        Server::start(|config| {
            config["name_server"] = json!({"url": format!("http://{at}"), "beat_seconds": 1, "advertise": advertise,
                       "secret": SECRET});
        })
    };
    let mut one = start("");
    let two = start("chat.example.org:4004");
    let addresses = || -> Vec<String> {
        let (status, body) = get(at, "/api/nodes");
        assert_eq!(status, 200);
        let nodes = body["nodes"].as_array().unwrap();
        let address = |node: &Value| node["address"].as_str().unwrap().to_owned();
        nodes.iter().map(address).collect()
    };
    wait_until("both are listed", || addresses().len() == 2);
    assert!(addresses().contains(&one.web().to_string()));
    assert!(addresses().contains(&"chat.example.org:4004".to_owned()));
    // Connected clients count as load.
    let _guest = TcpStream::connect(two.telnet()).unwrap();
    let loaded = || {
        let (_, body) = get(at, "/api/nodes/best");
        body["address"] == one.web().to_string()
    };
    wait_until("the other one is busier", loaded);
    // The name server restarts and recognises the servers by their ids.
    let ids = || -> Vec<String> {
        let (_, body) = get(at, "/api/nodes");
        let nodes = body["nodes"].as_array().unwrap();
        let id = |node: &Value| node["id"].as_str().unwrap().to_owned();
        nodes.iter().map(id).collect()
    };
    let before = ids();
    names.kill();
    names.start_again();
    wait_until("both are listed again", || addresses().len() == 2);
    assert_eq!(ids(), before);
    // Each server knows its id.
    for server in [&one, &two] {
        let own = server.get("/api/nodes").json();
        let [node] = &own["nodes"].as_array().unwrap()[..] else {
            panic!("one server: {own}");
        };
        let id = node["id"].as_str().unwrap();
        assert!(
            before.iter().any(|listed| listed == id),
            "{id} in {before:?}"
        );
    }
    // A server that stops is gone at once.
    one.signal(Signal::TERM);
    assert!(one.wait_exit().success());
    wait_until("only one is listed", || addresses().len() == 1);
    names.signal(Signal::TERM);
    assert!(names.wait_exit().success());
}

#[test]
fn a_server_knows_its_id_without_a_name_server_and_keeps_to_its_own_secret() {
    let alone = Server::start(|_| {});
    let own = |server: &Server| -> String {
        let nodes = server.get("/api/nodes").json();
        nodes["nodes"][0]["id"].as_str().unwrap().to_owned()
    };
    let id = own(&alone);
    assert!(id.len() >= 16 && own(&alone) == id, "{id}");
    // With a wrong secret a server is not listed, and its log says why.
    let names = name_server(anywhere(), NEVER);
    let at = names.address("name-server");
    let wrong = Server::start(|config| {
        config["name_server"] = json!({
            "url": format!("http://{at}"), "beat_seconds": 1, "secret": "wrong-but-long-enough",
        });
    });
    wait_until("the log names the wrong secret", || {
        let log = std::fs::read_to_string(wrong.dir().join("log")).unwrap_or_default();
        let output = wrong.output() + &log;
        output.contains("name_server.secret") && !output.contains("wrong-but-long-enough")
    });
    assert_eq!(get(at, "/api/nodes").1["nodes"], json!([]));
}

#[test]
fn http_has_its_limits_there_too() {
    let server = name_server(anywhere(), NEVER);
    let at = server.address("name-server");
    assert_eq!(get(at, "/api/nodes/best").0, 503);
    let answer_to = |request: &[u8]| {
        let mut client = TcpStream::connect(at).unwrap();
        client.set_read_timeout(Some(DEADLINE)).unwrap();
        client.write_all(request).unwrap();
        let mut answer = String::new();
        client.read_to_string(&mut answer).unwrap();
        answer
    };
    let long = format!("GET /{} HTTP/1.1\r\n\r\n", "x".repeat(20_000));
    assert!(answer_to(long.as_bytes()).starts_with("HTTP/1.1 431"));
    let post =
        b"POST /api/nodes HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
    assert!(answer_to(post).starts_with("HTTP/1.1 405"));
    let head = b"HEAD /api/nodes HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    let answer = answer_to(head);
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("\r\n\r\n"));
    // Almost the beginning of HTTP/2.
    assert!(answer_to(b"PRI * HTTP/3.0\r\n\r\n").starts_with("HTTP/1.1 "));
}
