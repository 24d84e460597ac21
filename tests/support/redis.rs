//! A real Redis: one for each test program, or one for a test that kills it.

use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{LazyLock, Mutex};

use super::server::free_address;

/// The script that runs the server, and ends it by its process id when this
/// program has ended, however that happened.
const KEEPER: &str = include_str!("redis.sh");

/// A Redis server with a folder of its own.
pub struct Redis {
    keeper: Child,
    /// The pipe for orders is `None` only while it is being dropped.
    talk: Mutex<(Option<ChildStdin>, BufReader<ChildStdout>)>,
    address: SocketAddr,
    prefixes: AtomicU32,
}

impl Redis {
    /// The Redis that this test program shares.
    pub fn shared() -> &'static Redis {
        static SHARED: LazyLock<Redis> = LazyLock::new(Redis::start);
        &SHARED
    }

    /// Starts a separate one.
    pub fn start() -> Redis {
        let address = free_address();
        let port = address.port().to_string();
        let mut keeper = Command::new("sh")
            .args(["-c", KEEPER, "redis.sh", &port])
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let orders = keeper.stdin.take();
        let mut answers = BufReader::new(keeper.stdout.take().unwrap());
        let mut there = String::new();
        answers.read_line(&mut there).unwrap();
        assert_eq!(there, "there\n", "no Redis: .ci/install-tools");
        Redis {
            keeper,
            talk: Mutex::new((orders, answers)),
            address,
            prefixes: AtomicU32::new(0),
        }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its URL.
    pub fn url(&self) -> String {
        format!("redis://{}", self.address)
    }

    /// A new key prefix for one chat.
    pub fn new_prefix(&self) -> String {
        format!("chat{}", self.prefixes.fetch_add(1, Ordering::Relaxed))
    }

    /// A connection of the caller's own.
    pub fn connect(&self) -> redis::Connection {
        let client = redis::Client::open(self.url()).unwrap();
        client.get_connection().unwrap()
    }

    /// Kills it without warning, as a loss of power would.
    pub fn kill(&self) {
        self.order("kill");
    }

    /// Starts it again; waits until it answers.
    pub fn start_again(&self) {
        self.order("start");
    }

    /// Stops the process, so that it no longer answers.
    pub fn stop(&self) {
        self.order("stop");
    }

    /// Continues the process.
    pub fn go_on(&self) {
        self.order("continue");
    }

    fn order(&self, what: &str) {
        let (orders, answers) = &mut *self.talk.lock().unwrap();
        writeln!(orders.as_mut().unwrap(), "{what}").unwrap();
        let mut answer = String::new();
        answers.read_line(&mut answer).unwrap();
        assert_eq!(answer, "done\n");
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        // The shared one is never dropped; its standard input closes with this
        // program.
        if let Ok(talk) = self.talk.get_mut() {
            talk.0 = None;
        }
        let _ = self.keeper.wait();
    }
}
