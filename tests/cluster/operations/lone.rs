//! One server alone loses its connection to Redis while clients are on it.

use serde_json::json;

use super::Common;
use crate::support::{JsonClient, Server, free_address, wait_until};

/// A connection to Redis that can be blocked silently: a forwarding process
/// that is stopped with SIGSTOP.
struct Way(std::process::Child);

impl Way {
    fn open(from: u16, to: u16) -> Way {
        let script = format!(
            "import socket, threading\n\
             l = socket.create_server(('127.0.0.1', {from}))\n\
             def go(a, b):\n\
             \x20 while True:\n\
             \x20   d = a.recv(65536)\n\
             \x20   if not d: break\n\
             \x20   b.sendall(d)\n\
             while True:\n\
             \x20 a = l.accept()[0]\n\
             \x20 b = socket.create_connection(('127.0.0.1', {to}))\n\
             \x20 for x, y in ((a, b), (b, a)):\n\
             \x20   threading.Thread(target=go, args=(x, y), daemon=True).start()\n"
        );
        let child = std::process::Command::new("python3")
            .args(["-c", &script])
            .stderr(std::process::Stdio::null())
            .spawn();
        let way = Way(child.unwrap());
        wait_until("the way is open", || {
            std::net::TcpStream::connect(("127.0.0.1", from)).is_ok()
        });
        way
    }

    fn close(&self) {
        let process = rustix::process::Pid::from_child(&self.0);
        rustix::process::kill_process(process, rustix::process::Signal::STOP).unwrap();
    }
}

impl Drop for Way {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn people_on_a_server_that_alone_has_lost_redis_are_told_to_go() {
    let common = Common::new();
    let port = free_address().port();
    let way = Way::open(port, common.redis.address().port());
    let other = common.server();
    let lone = common.server_with(|config| {
        config["cluster"]["redis"] = json!(format!("redis://127.0.0.1:{port}"));
    });
    let nodes = |server: &Server| server.get("/api/nodes").json()["nodes"].clone();
    wait_until("the server knows both", || {
        nodes(&other).as_array().is_some_and(|all| all.len() == 2)
    });
    let token = JsonClient::token(&lone, "alice");
    let mut alice = JsonClient::come_in(&lone, &token);
    way.close();
    let bye = alice.expect("bye");
    assert_eq!(bye["code"], "cut_off", "{bye}");
    lone.wait_output("it alone has lost Redis");
    assert_eq!(lone.get("/readyz").status, 503);
    // Neither server directs clients there.
    let best = |server: &Server| server.get("/api/nodes/best").json()["address"].clone();
    for server in [&lone, &other] {
        wait_until("the other one is best", || {
            best(server) == other.web().to_string()
        });
    }
    let mut alice = JsonClient::come_in(&other, &token);
    alice.send("message", json!({ "body": "here I am", "tag": "1" }));
    alice.expect("stored");
}
