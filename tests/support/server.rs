//! The real program, started with a configuration and a data folder of its own.

use std::collections::HashMap;
use std::fmt::Debug;
use std::io::Read;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tempfile::TempDir;

/// How long a wait may take before a test fails. Generous, because it runs out
/// only when something is broken.
pub const DEADLINE: Duration = Duration::from_secs(60);

/// An address without a listener, for a program that cannot choose one itself,
/// or that is to come back to it. Its port is not one of those that the system
/// gives to clients and to listeners on port 0, so nobody gets it meanwhile.
pub fn free_address() -> SocketAddr {
    /// Below 32,768, where those begin.
    const PORTS: std::ops::Range<u32> = 20_000..32_000;
    static TAKEN: AtomicU32 = AtomicU32::new(0);
    // Other test programs run at the same time.
    let start = std::process::id().wrapping_mul(97);
    for _ in PORTS {
        let number = start.wrapping_add(TAKEN.fetch_add(1, Ordering::Relaxed));
        let port = PORTS.start + number % (PORTS.end - PORTS.start);
        let address = SocketAddr::from(([127, 0, 0, 1], port.try_into().unwrap()));
        if std::net::TcpListener::bind(address).is_ok() {
            return address;
        }
    }
    panic!("no port is free");
}

/// Waits for a condition.
#[track_caller]
pub fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + DEADLINE;
    while !is_so() {
        assert!(Instant::now() < deadline, "waited in vain until {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Waits until `look` has found what it looks for. If it does not in time, the failure says what
/// it has seen last.
#[track_caller]
pub fn wait_for<T>(what: &str, mut look: impl FnMut() -> Result<T, String>) -> T {
    let deadline = Instant::now() + DEADLINE;
    loop {
        match look() {
            Ok(found) => return found,
            Err(seen) => {
                let in_time = Instant::now() < deadline;
                assert!(
                    in_time,
                    "waited in vain until {what}; last there was\n{seen}"
                );
            }
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Waits until what `read` returns is this: for what another thread writes a little later, of
/// which a part may be there before the rest.
#[track_caller]
pub fn wait_equal<T: PartialEq + Debug>(what: &str, wanted: &T, mut read: impl FnMut() -> T) {
    wait_for(&format!("{what}: {wanted:?}"), || {
        let found = read();
        if found == *wanted {
            Ok(())
        } else {
            Err(format!("{found:?}"))
        }
    });
}

/// A running server. Dropping it kills it.
pub struct Server {
    child: Child,
    task: Option<&'static str>,
    /// A program that runs the server, with its arguments; mostly empty.
    prefix: Vec<String>,
    environment: Vec<(&'static str, &'static str)>,
    stdout: Arc<Output>,
    stderr: Arc<Output>,
    addresses: HashMap<String, SocketAddr>,
    dir: TempDir,
}

impl Server {
    /// Starts a server with the default configuration as modified by `change`,
    /// and waits until it is ready.
    pub fn start(change: impl FnOnce(&mut Value)) -> Server {
        let mut server = Server::spawn(change);
        server.wait_ready();
        server
    }

    /// Starts a server without waiting, for tests in which it may fail.
    pub fn spawn(change: impl FnOnce(&mut Value)) -> Server {
        Server::spawn_with(&[], change)
    }

    /// Starts a server with these environment variables, without waiting.
    pub fn spawn_with(
        environment: &[(&'static str, &'static str)],
        change: impl FnOnce(&mut Value),
    ) -> Server {
        Server::spawn_by(&[], environment, change)
    }

    /// The same, started by another program, such as `setpriv`, that must
    /// become the server by `exec`.
    pub fn spawn_by(
        prefix: &[&str],
        environment: &[(&'static str, &'static str)],
        change: impl FnOnce(&mut Value),
    ) -> Server {
        let dir = tempfile::tempdir().unwrap();
        let mut config = json!({
            "listen": {
                "telnet": "127.0.0.1:0",
                "rest": "127.0.0.1:0",
                "web": "127.0.0.1:0",
                "tcp": "off",
                "ws": "off",
                "irc": "off",
            },
            "data_dir": dir.path().join("data"),
        });
        // Every test can run against the other database as well.
        #[cfg(feature = "cluster")]
        if std::env::var_os("CHAT_TEST_POSTGRES").is_some() {
            let url = super::Postgres::shared().create_database();
            config["store"] = json!({"postgres": url});
        }
        change(&mut config);
        // A test without rate limits floods from one address.
        let limit = |name| config.get("limits").and_then(|limits| limits.get(name));
        if limit("message_rate") == Some(&json!(0)) && limit("bytes_per_address").is_none() {
            config["limits"]["bytes_per_address"] = 0.into();
        }
        Server::spawn_task(None, prefix, environment, dir, &config)
    }

    /// Runs a subcommand other than the chat server, such as a name server, and
    /// waits until it is ready.
    pub fn start_task(task: &'static str, config: &Value) -> Server {
        let dir = tempfile::tempdir().unwrap();
        let mut server = Server::spawn_task(Some(task), &[], &[], dir, config);
        server.wait_ready();
        server
    }

    fn spawn_task(
        task: Option<&'static str>,
        prefix: &[&str],
        environment: &[(&'static str, &'static str)],
        dir: TempDir,
        config: &Value,
    ) -> Server {
        std::fs::write(dir.path().join("config.json"), config.to_string()).unwrap();
        let environment = environment.to_vec();
        let prefix: Vec<String> = prefix.iter().map(|&word| word.to_owned()).collect();
        let mut child = run(task, dir.path(), &prefix, &environment);
        Server {
            stdout: Output::collect(child.stdout.take().unwrap()),
            stderr: Output::collect(child.stderr.take().unwrap()),
            addresses: HashMap::new(),
            child,
            task,
            prefix,
            environment,
            dir,
        }
    }

    /// Stops the server and starts it again with the same configuration and
    /// data folder; waits until it is ready.
    pub fn restart(&mut self) {
        self.signal(Signal::TERM);
        let status = self.wait_exit();
        assert!(status.success(), "{status}\n{}", self.output());
        self.start_again();
    }

    /// Kills the server.
    pub fn kill(&mut self) {
        self.signal(Signal::KILL);
        self.wait_exit();
    }

    /// Starts an ended server with the same configuration and data folder,
    /// and waits until it is ready.
    pub fn start_again(&mut self) {
        self.child = run(self.task, self.dir.path(), &self.prefix, &self.environment);
        self.stdout = Output::collect(self.child.stdout.take().unwrap());
        self.stderr = Output::collect(self.child.stderr.take().unwrap());
        self.wait_ready();
    }

    /// Changes the configuration file and has the server reload it; waits until
    /// the log confirms it.
    pub fn reload(&self, change: impl FnOnce(&mut Value)) {
        let path = self.dir.path().join("config.json");
        let config = std::fs::read_to_string(&path).unwrap();
        let mut config = serde_json::from_str(&config).unwrap();
        change(&mut config);
        std::fs::write(&path, config.to_string()).unwrap();
        self.hang_up();
    }

    /// Sends SIGHUP and waits until the log confirms the reload.
    pub fn hang_up(&self) {
        self.hang_up_until("reloaded: ");
    }

    /// Sends SIGHUP and waits until the log says that the reload was refused
    /// and nothing changed.
    pub fn hang_up_in_vain(&self) {
        self.hang_up_until("not reloaded: ");
    }

    fn hang_up_until(&self, done: &str) {
        // Whole lines only: the rest of one may still be in the pipe.
        let whole = |text: &str| text.rfind('\n').unwrap_or(0);
        let count = |text: &str| text[..whole(text)].matches(done).count();
        let before = count(&self.stderr.text());
        self.signal(Signal::HUP);
        let done = self.stderr.wait(|text| count(text) > before);
        assert!(done, "never reloaded\n{}", self.output());
    }

    /// Waits until the server reports that it is ready, and learns its
    /// addresses.
    pub fn wait_ready(&mut self) {
        let ready = self.gets_ready();
        assert!(ready, "the server did not get ready\n{}", self.output());
        for line in self.stdout.text().lines() {
            let words: Vec<&str> = line.split_whitespace().collect();
            if let ["listening:", name, address, ..] = words[..] {
                let address = address.split("://").last().unwrap_or(address);
                let address = address.split('/').next().unwrap_or(address);
                let address = address.parse().unwrap();
                self.addresses.insert(name.to_owned(), address);
            }
        }
    }

    /// Waits until the server reports that it is ready or closes its output.
    pub fn gets_ready(&self) -> bool {
        self.stdout
            .wait(|text| text.lines().any(|line| line == "ready"))
    }

    /// A listener's address, by its name in `listen`.
    pub fn address(&self, listener: &str) -> SocketAddr {
        match self.addresses.get(listener) {
            Some(address) => *address,
            None => panic!("no listener {listener}\n{}", self.output()),
        }
    }

    /// The address of the line protocol over TCP.
    pub fn telnet(&self) -> SocketAddr {
        self.address("telnet")
    }

    /// The address of the admin REST listener, if there is one.
    pub fn rest(&self) -> Option<SocketAddr> {
        self.addresses.get("rest").copied()
    }

    /// The configured certificate, if any.
    pub fn certificate(&self) -> Option<PathBuf> {
        let config = std::fs::read_to_string(self.dir.path().join("config.json")).unwrap();
        let config: Value = serde_json::from_str(&config).unwrap();
        config["tls"]["certificate"].as_str().map(PathBuf::from)
    }

    /// The address of the page's listener.
    pub fn web(&self) -> SocketAddr {
        self.address("web")
    }

    /// The server's temporary folder, with `config.json` and `data/`.
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// The server's process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Resident memory in KiB.
    pub fn resident_kib(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS:"));
        let number = line.and_then(|line| line.split_whitespace().nth(1));
        number.unwrap().parse().unwrap()
    }

    /// The admin token, from the file that the start-up output names.
    pub fn admin_token(&self) -> String {
        let text = self.stdout.text();
        let path = text
            .lines()
            .find_map(|line| line.strip_prefix("admin token: "))
            .unwrap_or_else(|| panic!("no admin token named\n{}", self.output()));
        let path = self.dir.path().join(PathBuf::from(path.trim()));
        let token = std::fs::read_to_string(path).unwrap();
        token.trim().to_owned()
    }

    /// Sends the server a signal.
    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Waits for the server to end by itself.
    pub fn wait_exit(&mut self) -> ExitStatus {
        let deadline = Instant::now() + DEADLINE;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                // The last lines may still be in the pipes.
                self.stdout.wait(|_| false);
                self.stderr.wait(|_| false);
                return status;
            }
            let in_time = Instant::now() < deadline;
            assert!(in_time, "the server did not end\n{}", self.output());
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Waits until the server has printed or logged `needle`.
    pub fn wait_output(&self, needle: &str) {
        let seen = self.stdout.text().contains(needle)
            || self.stderr.wait(|text| text.contains(needle))
            || self.stdout.wait(|text| text.contains(needle));
        assert!(seen, "never printed {needle:?}\n{}", self.output());
    }

    /// Everything the server has printed and logged.
    pub fn output(&self) -> String {
        format!(
            "--- the server's output ---\n{}--- its log ---\n{}---",
            self.stdout.text(),
            self.stderr.text()
        )
    }
}

fn run(task: Option<&str>, dir: &Path, prefix: &[String], environment: &[(&str, &str)]) -> Child {
    const SERVER: &str = env!("CARGO_BIN_EXE_chat-server");
    let mut command = match prefix.split_first() {
        None => Command::new(SERVER),
        Some((program, arguments)) => {
            let mut command = Command::new(program);
            command.args(arguments).arg(SERVER);
            command
        }
    };
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("CHAT_SERVER_") {
            command.env_remove(name);
        }
    }
    command
        .envs(environment.iter().copied())
        .arg("-c")
        .arg(dir.join("config.json"))
        .args(task)
        .current_dir(dir)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("{}", self.output());
        }
    }
}

/// What the server has written to one of its pipes so far.
#[derive(Default)]
struct Output {
    state: Mutex<(Vec<u8>, bool)>,
    changed: Condvar,
}

impl Output {
    /// Reads the pipe to its end on a thread.
    fn collect(mut pipe: impl Read + Send + 'static) -> Arc<Output> {
        let output = Arc::new(Output::default());
        let filled = output.clone();
        std::thread::spawn(move || {
            let mut chunk = [0; 4096];
            loop {
                let count = pipe.read(&mut chunk).unwrap_or(0);
                let mut state = filled.state.lock().unwrap();
                state.0.extend_from_slice(&chunk[..count]);
                state.1 = count == 0;
                filled.changed.notify_all();
                if state.1 {
                    return;
                }
            }
        });
        output
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.state.lock().unwrap().0).into_owned()
    }

    /// Waits until `enough` accepts the text; false at its end or the deadline.
    fn wait(&self, enough: impl Fn(&str) -> bool) -> bool {
        let deadline = Instant::now() + DEADLINE;
        let mut state = self.state.lock().unwrap();
        loop {
            if enough(&String::from_utf8_lossy(&state.0)) {
                return true;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if state.1 || left.is_zero() {
                return false;
            }
            state = self.changed.wait_timeout(state, left).unwrap().0;
        }
    }
}
