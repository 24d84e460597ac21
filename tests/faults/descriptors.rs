//! No more descriptors: newcomers are told, whoever is in stays, and it goes
//! on when there are some again.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;

use rustix::process::{Pid, Resource, Rlimit, prlimit};

use crate::bystander::Bystanders;
use crate::every_listener;
use crate::process::Level;
use crate::support::{DEADLINE, LineClient, Server, wait_until};

/// Connections that are tried: more than the descriptors left.
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
        let mut inside = Vec::new();
        let mut refused = 0;
        for _ in 0..TRIED {
            let mut stream = TcpStream::connect(server.address(name)).unwrap();
            match is_full(&mut stream, name) {
                true => refused += 1,
                false => inside.push(stream),
            }
        }
        assert!(refused > 0, "{name}: nobody was refused");
        assert!(!inside.is_empty(), "{name}: nobody got in");
        server.wait_output(&format!("{name}: cannot accept connections"));
        // One place is enough for the next.
        drop(inside);
        wait_until("somebody gets in", || {
            let mut stream = TcpStream::connect(server.address(name)).unwrap();
            !is_full(&mut stream, name)
        });
        limit(None);
        // Nothing has ended for want of descriptors.
        wait_until("REST answers", || server.get("/readyz").status == 200);
    }
    LineClient::enter(&server, "alice");
    bystanders.finish("no descriptors left");
    level.wait_back(&server);
}

/// Whether a newcomer was turned away. Those who are in get an answer.
fn is_full(stream: &mut TcpStream, name: &str) -> bool {
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    let port = stream.local_addr().unwrap().port();
    let question = match name {
        "web" => "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n".to_owned(),
        "tcp" => format!("{{\"name\":\"n{port}\",\"room\":\"full\"}}\nhere\n"),
        _ => String::new(),
    };
    // Words that cross what is sent here may be lost with it.
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
    words.is_empty() || words.contains("server is full")
}
