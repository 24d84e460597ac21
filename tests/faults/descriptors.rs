//! No more descriptors: newcomers are told, whoever is in stays, and it goes
//! on when there are some again.

use std::io::Read;
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
        let open = Level::now(&server).descriptors as u64;
        limit(Some(open + LEFT));
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
        assert!(
            inside.len() <= LEFT as usize,
            "{name}: {} got in",
            inside.len()
        );
        server.wait_output("cannot accept connections");
        // One place is enough for the next.
        drop(inside);
        wait_until("somebody gets in", || {
            let mut stream = TcpStream::connect(server.address(name)).unwrap();
            !is_full(&mut stream, name)
        });
        limit(None);
    }
    LineClient::enter(&server, "alice");
    bystanders.finish("no descriptors left");
    level.wait_back(&server);
}

/// Whether a newcomer was turned away with words. The web and room listeners
/// say nothing to those who are in.
fn is_full(stream: &mut TcpStream, name: &str) -> bool {
    use std::io::Write;
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    match name {
        "web" => stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"),
        "tcp" => stream.write_all(b"no object\n"),
        _ => Ok(()),
    }
    .unwrap();
    let mut words = [0; 2048];
    // Words that cross what is sent here may be lost with it.
    let count = stream.read(&mut words).unwrap_or(0);
    let words = String::from_utf8_lossy(&words[..count]);
    words.is_empty() || words.contains("server is full")
}
