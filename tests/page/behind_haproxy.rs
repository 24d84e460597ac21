//! Servers behind HAProxy with the configuration of `deploy/compose`: the page
//! works with what it lets through, and limits use the clients' addresses.

use std::io::{Read, Write};
use std::net::SocketAddr;

use crate::support::{Carrier, Proxy, Script, Server, User, WsClient, deployed, free_address};
use serde_json::{Value, json};

/// HAProxy's listeners, by their ports in `deploy/compose`.
struct Balancer {
    _haproxy: Proxy,
    web: SocketAddr,
    telnet: SocketAddr,
    room_lines: SocketAddr,
    room_ws: SocketAddr,
}

/// One of the three servers of `deploy/compose`, alone. It has the same
/// addresses when it is started again.
fn start() -> Server {
    let settings: Value = serde_json::from_str(&deployed("compose/config.json")).unwrap();
    Server::start(|config| {
        for name in ["telnet", "rest", "web", "tcp", "ws"] {
            config["listen"][name] = json!(free_address().to_string());
        }
        config["listen"]["proxy_protocol_from"] = json!(["127.0.0.1"]);
        config["web"]["trusted_proxies"] = json!(["127.0.0.1"]);
        config["limits"] = settings["limits"].clone();
    })
}

/// HAProxy with compose's configuration, except for addresses. Clients come
/// with a PROXY header if `accept` says so; otherwise all have this machine's
/// address.
fn balance(server: &Server, accept: &str) -> Balancer {
    let [web, telnet, room_lines, room_ws, figures] = [(); 5].map(|()| free_address());
    let mut config: String = deployed("compose/haproxy.cfg")
        .lines()
        // The other two servers do not exist here.
        .filter(|line| !line.contains("server chat-2") && !line.contains("server chat-3"))
        .map(|line| line.replace(" resolvers docker init-addr last,libc,none", "") + "\n")
        .collect();
    let web_port = server.web().port();
    for (theirs, ours) in [
        ("maxconn 40000", "maxconn 1000".to_owned()),
        ("bind :8080", format!("bind {web}{accept}")),
        ("bind :4000", format!("bind {telnet}{accept}")),
        ("bind :8989", format!("bind {room_lines}{accept}")),
        ("bind :8099", format!("bind {room_ws}{accept}")),
        ("bind :8404", format!("bind {figures}")),
        ("port 4004", format!("port {web_port}")),
        ("chat-1:4004", server.web().to_string()),
        ("chat-1:8099", server.address("ws").to_string()),
        ("chat-1:4000", server.telnet().to_string()),
        ("chat-1:8989", server.address("tcp").to_string()),
    ] {
        assert!(config.contains(theirs), "no {theirs} in haproxy.cfg");
        config = config.replace(theirs, &ours);
    }
    Balancer {
        _haproxy: Proxy::haproxy(&config, figures),
        web,
        telnet,
        room_lines,
        room_ws,
    }
}

#[test]
fn the_page_comes_back_by_what_the_balancer_lets_through() {
    let mut server = start();
    let balancer = balance(&server, "");
    let more = json!({ "web": balancer.web.to_string() });
    Script::start_at("browser_behind_haproxy.py", &server, &more).run(|line| match line {
        "kill" => server.kill(),
        "start" => server.start_again(),
        // Passes issued before are no longer valid.
        "forget" => std::fs::remove_dir_all(server.dir().join("data")).unwrap(),
        other => panic!("asked for {other:?}"),
    });
}

/// A connection with a PROXY header for this client.
fn from(client: &str, to: SocketAddr) -> Carrier {
    let mut carrier = Carrier::plain(to);
    let header = format!("PROXY TCP4 {client} 192.0.2.1 4711 80\r\n");
    carrier.write_all(header.as_bytes()).unwrap();
    carrier
}

#[test]
fn an_address_has_so_many_connections_by_every_way() {
    let server = start();
    let balancer = balance(&server, " accept-proxy");
    let settings: Value = serde_json::from_str(&deployed("compose/config.json")).unwrap();
    let limit = settings["limits"]["connections_per_address"].as_u64();
    let limit = usize::try_from(limit.unwrap()).unwrap();
    assert!(limit > 0, "compose has a limit");
    let room = |client: &str| WsClient::open_on(from(client, balancer.room_ws), "/mychat", &[]);
    let page = |client: &str| WsClient::open_on(from(client, balancer.web), "/ws", &[]);

    // Half of them through one listener, half through the other.
    let one = "198.51.100.7";
    let mut kept: Vec<WsClient> = (0..limit / 2).map(|_| page(one).unwrap()).collect();
    kept.extend((limit / 2..limit).map(|_| room(one).unwrap()));
    assert_eq!(page(one).err(), Some(503));
    assert_eq!(room(one).err(), Some(503));
    // Line clients over TCP count as well.
    for to in [balancer.telnet, balancer.room_lines] {
        let mut said = String::new();
        let _ = from(one, to).read_to_string(&mut said);
        assert!(
            said.contains("Too many connections from your address"),
            "{said:?}"
        );
    }
    // The limit is that of one address: others connect, and closed connections
    // free their places.
    let mut other = page("198.51.100.8").unwrap();
    other.login("other");
    drop(kept.pop());
    crate::support::wait_until("a place is free", || page(one).is_ok());
}
