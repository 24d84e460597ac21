//! The faults that the running server suffers.

use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection;
use diesel::prelude::*;

use crate::line::Lines;
use crate::world::{LISTENERS, World};

/// Connections of each kind that send byte by byte.
const DRIPPING: usize = 20;
/// Clients that do not read.
const SLEEPERS: usize = 10;

/// A fault: its name, and a function that causes it until the given time.
pub type Fault = (&'static str, fn(&World, &Path, Instant));

/// Every fault except the end of the server.
pub const FAULTS: [Fault; 8] = [
    ("calm", calm),
    ("floods", floods),
    ("slow readers", slow_readers),
    ("slowloris", slowloris),
    ("nonsense", nonsense),
    ("a connection storm", storm),
    ("a log folder that disappears", log_folder),
    ("a store that hangs", hanging_store),
];

/// While nothing can be committed, nothing can be delivered: latencies then say
/// nothing about the server.
pub const UNTIMED: [&str; 2] = ["a store that hangs", "a restart"];

fn calm(world: &World, _: &Path, until: Instant) {
    world.pause(until.saturating_duration_since(Instant::now()));
}

fn floods(world: &World, _: &Path, until: Instant) {
    thread::scope(|scope| {
        for number in 0..4 {
            scope.spawn(move || flood(world, number, until));
        }
    });
}

fn flood(world: &World, number: usize, until: Instant) {
    let mut visit = 0;
    while Instant::now() < until && !world.is_stopped() {
        visit += 1;
        let Some(address) = world.address("telnet") else {
            return;
        };
        let Ok(mut lines) = Lines::enter(address, &format!("flood{number}v{visit}"), "flood")
        else {
            continue;
        };
        while lines.send(&"flood\r\n".repeat(100)).is_ok() && Instant::now() < until {}
        let requests = "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n".repeat(100);
        let _ = exchange(world, "web", requests.as_bytes());
    }
}

fn slow_readers(world: &World, _: &Path, until: Instant) {
    let Some(address) = world.address("telnet") else {
        return;
    };
    let asleep: Vec<Lines> = (0..SLEEPERS)
        .filter_map(|number| Lines::enter(address, &format!("asleep{number}"), "pillow").ok())
        .collect();
    let long = "long ".repeat(780);
    let mut speakers: Vec<Lines> = (0..10)
        .filter_map(|number| Lines::enter(address, &format!("loud{number}"), "pillow").ok())
        .collect();
    while Instant::now() < until && !world.is_stopped() {
        for speaker in &mut speakers {
            let _ = speaker.send(&long);
            while let crate::line::Heard::This(_) = speaker.read(Duration::from_millis(1)) {}
        }
        world.pause(Duration::from_millis(50));
    }
    drop(asleep);
}

fn slowloris(world: &World, _: &Path, until: Instant) {
    let mut dripping = Vec::new();
    for name in LISTENERS {
        for _ in 0..DRIPPING {
            let Some(address) = world.address(name) else {
                return;
            };
            if let Ok(stream) = TcpStream::connect(address)
                && stream.set_nonblocking(true).is_ok()
            {
                dripping.push((stream, name.starts_with("tls")));
            }
        }
    }
    let mut sent = 0;
    while Instant::now() < until && !world.is_stopped() {
        for (stream, is_tls) in &mut dripping {
            let bytes: &[u8] = if *is_tls {
                &[0x16, 3, 1, 0x40, 0, 1]
            } else {
                b"GET / "
            };
            let byte = bytes.get(sent).copied().unwrap_or(b'a');
            let _ = stream.write(&[byte]);
        }
        sent += 1;
        world.pause(Duration::from_millis(200));
    }
}

fn nonsense(world: &World, _: &Path, until: Instant) {
    let mut bytes = vec![0; 64 * 1024];
    while Instant::now() < until && !world.is_stopped() {
        for name in LISTENERS {
            if getrandom::fill(&mut bytes).is_ok() {
                let _ = exchange(world, name, &bytes);
            }
            let start = format!("GET /{} HTTP/1.1\r\n", "a".repeat(30_000));
            let _ = exchange(world, name, start.as_bytes());
        }
    }
}

/// Sends all bytes and reads to the end, for a while.
fn exchange(world: &World, name: &str, bytes: &[u8]) -> std::io::Result<()> {
    let Some(address) = world.address(name) else {
        return Ok(());
    };
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_millis(200)))?;
    stream.set_write_timeout(Some(Duration::from_millis(200)))?;
    stream.write_all(bytes)?;
    stream.shutdown(std::net::Shutdown::Write)?;
    let mut chunk = [0; 16 * 1024];
    while stream.read(&mut chunk)? > 0 {}
    Ok(())
}

/// Opens and drops connections as fast as possible.
fn storm(world: &World, _: &Path, until: Instant) {
    while Instant::now() < until && !world.is_stopped() {
        for name in LISTENERS {
            let Some(address) = world.address(name) else {
                return;
            };
            if let Ok(stream) = TcpStream::connect(address) {
                // Every other connection is reset.
                let reset = (name.len() % 2 == 0).then_some(Duration::ZERO);
                let _ = rustix::net::sockopt::set_socket_linger(&stream, reset);
            }
        }
    }
}

fn log_folder(world: &World, data: &Path, until: Instant) {
    let folder = data.join("chatlog");
    while Instant::now() < until && !world.is_stopped() {
        let removed = fs::remove_dir_all(&folder);
        if let Err(error) = removed
            && error.kind() != ErrorKind::NotFound
            && error.kind() != ErrorKind::DirectoryNotEmpty
        {
            world.found(format!("the log folder cannot be removed: {error}"));
        }
        // Puts a file in its place for a moment.
        if fs::write(&folder, "").is_ok() {
            world.pause(Duration::from_millis(300));
            let _ = fs::remove_file(&folder);
        }
        world.pause(Duration::from_millis(700));
    }
}

/// Another program locks the database again and again.
fn hanging_store(world: &World, data: &Path, until: Instant) {
    let path = data.join("chat.db");
    let Some(mut lock) = path
        .to_str()
        .and_then(|path| SqliteConnection::establish(path).ok())
    else {
        return world.found("the database cannot be opened beside the server");
    };
    let _ = lock.batch_execute("PRAGMA busy_timeout = 5000");
    for held in [300, 2500] {
        if lock.batch_execute("BEGIN EXCLUSIVE").is_ok() {
            world.pause(Duration::from_millis(held));
            let _ = lock.batch_execute("ROLLBACK");
        }
        world.pause(Duration::from_millis(300));
    }
    world.pause(until.saturating_duration_since(Instant::now()));
}
