//! The chat below a path of a host, behind nginx with the file in `deploy/`:
//! pages, redirects, WebSockets and API descriptions all stay below it.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use crate::support::{DEADLINE, Proxy, Script, Server, deployed, free_address};
use serde_json::json;

/// A server, and nginx with `/chat/` for it.
fn start() -> (Server, Proxy, SocketAddr) {
    let server = Server::start(|config| {
        config["listen"]["tcp"] = json!("127.0.0.1:0");
        config["limits"] = json!({ "auth_attempts": 0, "message_rate": 0 });
        config["web"]["trusted_proxies"] = json!(["127.0.0.1"]);
    });
    let address = free_address();
    let config = deployed("nginx/below-a-path.conf")
        .replace("listen 80;", &format!("listen {address};"))
        .replace("127.0.0.1:4004", &server.web().to_string());
    (server, Proxy::nginx(&config, address), address)
}

/// The status, and the header `Location`.
fn ask(address: SocketAddr, path: &str) -> (String, Option<String>) {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, _) = answer.split_once("\r\n\r\n").unwrap();
    let location = head
        .lines()
        .find_map(|line| line.strip_prefix("Location: "));
    let status = head.split(' ').nth(1).unwrap();
    (status.to_owned(), location.map(str::to_owned))
}

#[test]
fn redirects_lead_to_neighbours() {
    let (server, _nginx, address) = start();
    for (path, location) in [
        ("/", "client"),
        ("/client/", "../client"),
        ("/admin", "admin/"),
        ("/docs", "docs/"),
    ] {
        let expected = ("302".to_owned(), Some(location.to_owned()));
        assert_eq!(ask(server.web(), path), expected, "{path}");
        // nginx passes it on unchanged.
        assert_eq!(ask(address, &format!("/chat{path}")), expected, "{path}");
    }
    assert_eq!(ask(address, "/chat/client").0, "200");
    assert_eq!(ask(address, "/chat/admin/").0, "200");
    assert_eq!(ask(address, "/client").0, "404", "the host's own");
}

#[test]
fn a_browser_finds_everything_below_the_path() {
    let (server, _nginx, address) = start();
    let below = json!({ "web": address.to_string(), "path": "/chat/" });
    Script::start_at("browser_below_a_path.py", &server, &below)
        .run(|line| panic!("printed {line:?}"));
}
