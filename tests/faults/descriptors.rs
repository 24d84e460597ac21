//! The server runs out of descriptors: it refuses new clients with an
//! explanation, keeps the connected ones, and recovers when descriptors are
//! free again.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;

use rustix::process::{Pid, Resource, Rlimit, prlimit};

use crate::bystander::Bystanders;
use crate::every_listener;
use crate::process::Level;
use crate::support::{DEADLINE, LineClient, Server, wait_until};

/// Connections tried: more than there are descriptors.
const TRIED: usize = 40;
const LEFT: u64 = 12;

#[test]
fn out_of_descriptors_newcomers_are_refused_and_nobody_else_notices() {
    let server = Server::start(every_listener);
    let level = Level::of(&server);
    let bystanders = Bystanders::start(&server);
    let pid = Pid::from_raw(i32::try_from(server.pid()).unwrap());
    let limit = |current: Option<u64>| {
        let maximum = Some(1 << 20).min(rustix::process::getrlimit(Resource::Nofile).maximum);
        let current = current.or(maximum);
        prlimit(pid, Resource::Nofile, Rlimit { current, maximum }).unwrap()
    };
    for name in ["telnet", "tcp", "web"] {
        let now = Level::now(&server);
        limit(Some((now.descriptors + now.database) as u64 + LEFT));
        // All connect before the first one asks for anything: a client that has
        // got its answer may leave and make room for another.
        let tried: Vec<TcpStream> = (0..TRIED)
            .map(|_| TcpStream::connect(server.address(name)).unwrap())
            .collect();
        let (inside, refused): (Vec<_>, Vec<_>) = tried
            .into_iter()
            .map(|mut stream| (Reception::of(&mut stream, name), stream))
            .partition(|(reception, _)| *reception != Reception::Refused);
        assert!(!refused.is_empty(), "{name}: no client was refused");
        assert!(!inside.is_empty(), "{name}: no client got in");
        server.wait_output(&format!("{name}: cannot accept connections"));
        // One free place is enough for the next client.
        drop(inside);
        wait_until("a client gets in", || {
            let mut stream = TcpStream::connect(server.address(name)).unwrap();
            Reception::of(&mut stream, name) == Reception::Served
        });
        limit(None);
        // No thread has ended for want of descriptors.
        wait_until("REST answers", || server.get("/readyz").status == 200);
    }
    LineClient::enter(&server, "alice");
    bystanders.finish("no descriptors left");
    level.wait_back(&server);
}

/// How the server receives a new client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reception {
    /// It admits the client and answers its question.
    Served,
    /// It admits the client, and says that the question needs more descriptors
    /// than are left.
    Unserved,
    /// It refuses the client.
    Refused,
}

impl Reception {
    /// An admitted client gets an answer.
    fn of(stream: &mut TcpStream, name: &str) -> Reception {
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        let port = stream.local_addr().unwrap().port();
        let question = match name {
            "web" => "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n".to_owned(),
            "tcp" => format!("{{\"name\":\"n{port}\",\"room\":\"full\"}}\nhere\n"),
            _ => String::new(),
        };
        // A refusal that crosses these bytes may be lost with them.
        let sent = stream.write_all(question.as_bytes());
        let mut words = [0; 2048];
        let mut read = || loop {
            match stream.read(&mut words) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                read => break read,
            }
        };
        let count = match sent.and_then(|()| read()) {
            Ok(count) => count,
            Err(error) => {
                let is_reset = matches!(
                    error.kind(),
                    ErrorKind::ConnectionReset | ErrorKind::BrokenPipe
                );
                assert!(is_reset, "{name}: {error}");
                0
            }
        };
        let words = String::from_utf8_lossy(&words[..count]);
        if words.is_empty() || words.contains("server is full") {
            Reception::Refused
        } else if words.starts_with("HTTP/1.1 503 ") {
            Reception::Unserved
        } else {
            Reception::Served
        }
    }
}
