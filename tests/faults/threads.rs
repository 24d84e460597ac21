//! The server runs out of threads: it refuses new clients with an explanation,
//! and recovers when threads are free again.

use std::fs::{self, Permissions};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::Path;

use rustix::process::Signal;

use crate::bystander::Bystanders;
use crate::process::{Level, is_root};
use crate::support::{DEADLINE, LineClient, Server, User, not_tested, wait_until};

/// A user with a limit on processes of its own, since there is none for root. A
/// different user for each `number` below two and each run of this program: two
/// runs on one machine would share the limit.
fn user(number: u32) -> u32 {
    61_184 + std::process::id() % 2000 * 2 + number
}

/// More than the server itself takes, and a few connections.
const THREADS: usize = 52;

/// Starts a server that may have few threads.
fn start(number: u32) -> Option<Server> {
    if !is_root() {
        not_tested("only root can become a user whose threads are counted apart");
        return None;
    }
    let user = user(number);
    let reuid = format!("--reuid={user}");
    let most = format!("--nproc={THREADS}:{THREADS}");
    let prefix = ["prlimit", &most, "setpriv", &reuid, "--clear-groups"];
    let mut server = Server::spawn_by(&prefix, &[], |config| {
        let data = Path::new(config["data_dir"].as_str().unwrap());
        fs::create_dir(data).unwrap();
        fs::set_permissions(data, Permissions::from_mode(0o700)).unwrap();
        chown(data, Some(user), None).unwrap();
        fs::set_permissions(data.parent().unwrap(), Permissions::from_mode(0o755)).unwrap();
    });
    server.wait_ready();
    Some(server)
}

/// Connects clients until there are no more threads; returns those admitted.
fn fill(server: &Server) -> Vec<LineClient> {
    let mut inside = Vec::new();
    let mut refused = 0;
    for number in 0..40 {
        let mut client = LineClient::connect(server.telnet());
        let words = client.next_line().unwrap();
        if words.contains("server is full") {
            assert_eq!(client.next_line(), None);
            refused += 1;
        } else {
            client.login(&format!("in{number}"));
            inside.push(client);
        }
    }
    assert!(refused > 0 && !inside.is_empty(), "{refused} refused");
    inside
}

#[test]
fn out_of_threads_newcomers_are_refused_and_nobody_else_notices() {
    let Some(server) = start(0) else { return };
    let level = Level::of(&server);
    let bystanders = Bystanders::start(&server);
    // REST starts threads of its own for many requests at once.
    let asked: Vec<TcpStream> = (0..6).map(|_| ask_rest(&server)).collect();
    let inside = fill(&server);
    server.wait_output("cannot serve");
    let asked = asked.into_iter().chain((0..6).map(|_| ask_rest(&server)));
    for mut stream in asked.collect::<Vec<_>>() {
        // Either an answer comes or the connection ends.
        let end = stream.read_to_end(&mut Vec::new());
        let ended = !matches!(&end, Err(error) if error.kind() == std::io::ErrorKind::WouldBlock);
        assert!(ended, "a request was forgotten");
    }
    drop(inside);
    wait_until("a client gets in", || {
        let mut client = LineClient::connect(server.telnet());
        !client.next_line().unwrap().contains("server is full")
    });
    LineClient::enter(&server, "alice");
    // No thread of the server has ended for want of threads.
    wait_until("REST answers", || server.get("/readyz").status == 200);
    bystanders.finish("no threads left");
    level.wait_back(&server);
}

#[test]
fn out_of_threads_it_still_ends_in_order() {
    let Some(mut server) = start(1) else {
        return;
    };
    let inside = fill(&server);
    server.signal(Signal::TERM);
    assert!(server.wait_exit().success(), "{}", server.output());
    for mut client in inside {
        let heard = client.expect_close();
        assert!(
            heard.iter().any(|line| line.contains("shutting down")),
            "{heard:?}"
        );
    }
}

/// Sends a request without waiting for the answer.
fn ask_rest(server: &Server) -> TcpStream {
    let mut stream = TcpStream::connect(server.rest().unwrap()).unwrap();
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    let request = b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    // The server may have refused it already.
    let _ = stream.write_all(request);
    stream
}
