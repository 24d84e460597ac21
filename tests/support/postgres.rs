//! A real PostgreSQL: one for each test program, with a database for each test.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{LazyLock, Mutex};

use diesel::connection::SimpleConnection;
use diesel::prelude::*;

/// The script that runs the server, and ends it by its process id when this
/// program has ended, however that happened.
const KEEPER: &str = include_str!("postgres.sh");
/// PostgreSQL refuses to run as root.
const NOBODY: u32 = 65534;

/// A PostgreSQL server with a folder of its own.
pub struct Postgres {
    keeper: Child,
    /// The pipe for orders is `None` only while it is being dropped.
    talk: Mutex<(Option<ChildStdin>, BufReader<ChildStdout>)>,
    socket: String,
    folder: String,
    /// Its TCP port, if it listens on one.
    port: Option<u16>,
    databases: AtomicU32,
}

impl Postgres {
    /// The PostgreSQL that this test program shares.
    pub fn shared() -> &'static Postgres {
        static SHARED: LazyLock<Postgres> = LazyLock::new(Postgres::start);
        &SHARED
    }

    /// Starts a separate one.
    pub fn start() -> Postgres {
        Postgres::start_as(|_| {}, &[], None)
    }

    /// Starts a standby of another server; once promoted, it takes over.
    pub fn start_standby_of(primary: &Postgres) -> Postgres {
        let folder = primary.folder.clone();
        let is_standby = move |command: &mut Command| {
            command.env("CHAT_STANDBY_OF", folder);
        };
        Postgres::start_as(is_standby, &[], None)
    }

    /// Starts one that also listens on a TCP port, with extra options.
    pub fn start_at(port: u16, options: &[&str]) -> Postgres {
        let listens = |command: &mut Command| {
            // The programs that check whether it is up read this variable as
            // well.
            command.env("PGPORT", port.to_string());
        };
        let mut all = vec!["-c", "listen_addresses=127.0.0.1"];
        all.extend(options);
        Postgres::start_as(listens, &all, Some(port))
    }

    fn start_as(
        change: impl FnOnce(&mut Command),
        options: &[&str],
        port: Option<u16>,
    ) -> Postgres {
        let mut command = Command::new("sh");
        change(&mut command);
        if rustix::process::geteuid().is_root() {
            command.uid(NOBODY).gid(NOBODY);
        }
        let mut keeper = command
            .args(["-c", KEEPER, "postgres.sh"])
            .args(options)
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let orders = keeper.stdin.take();
        let mut answers = BufReader::new(keeper.stdout.take().unwrap());
        let mut socket = String::new();
        answers.read_line(&mut socket).unwrap();
        assert!(!socket.is_empty(), "no PostgreSQL: .ci/install-tools");
        Postgres {
            keeper,
            talk: Mutex::new((orders, answers)),
            socket: socket.trim().replace('/', "%2F"),
            folder: socket.trim().to_owned(),
            port,
            databases: AtomicU32::new(0),
        }
    }

    /// The URL of one of its databases.
    pub fn url(&self, database: &str) -> String {
        let port = self
            .port
            .map_or_else(String::new, |port| format!(":{port}"));
        format!("postgres://chat@{}{port}/{database}", self.socket)
    }

    /// The URL of a database on this server or on the one that takes over.
    pub fn url_with(&self, other: &Postgres, database: &str) -> String {
        let (one, two) = (&self.socket, &other.socket);
        format!("postgres://chat@{one},{two}/{database}?target_session_attrs=read-write")
    }

    /// Makes an empty database and returns its URL.
    pub fn create_database(&self) -> String {
        self.create_database_with("")
    }

    /// Makes an empty database with these options and returns its URL.
    pub fn create_database_with(&self, options: &str) -> String {
        let number = self.databases.fetch_add(1, Ordering::Relaxed);
        let name = format!("test{number}");
        connect(&self.url("postgres"))
            .batch_execute(&format!("CREATE DATABASE {name} {options}"))
            .unwrap();
        self.url(&name)
    }

    /// Kills it without warning, as a loss of power would.
    pub fn kill(&self) {
        self.order("kill");
    }

    /// Starts it again; waits until it answers.
    pub fn start_again(&self) {
        self.order("start");
    }

    /// Stops its processes, including those that serve connections: clients get
    /// no answer and no error.
    pub fn stop(&self) {
        self.order("stop");
    }

    /// Continues its processes.
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

impl Drop for Postgres {
    fn drop(&mut self) {
        // The shared one is never dropped; its standard input closes with this
        // program.
        self.talk.get_mut().unwrap().0 = None;
        let _ = self.keeper.wait();
    }
}

/// A connection besides the store's.
pub fn connect(url: &str) -> PgConnection {
    PgConnection::establish(url).unwrap()
}
