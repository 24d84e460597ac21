//! The server to measure: a running one, or one of our own that ends with the run.

use std::fs::{self, File};
use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::config::Protocol;

use super::error::BenchError;
use super::options::Bench;
use super::process::Process;
use super::trust::Trust;

/// How often to check whether a server has started or ended.
const GLANCE: Duration = Duration::from_millis(10);
/// How long our own server may take to end before it is killed: longer than it allows itself.
const ENDING: Duration = Duration::from_secs(15);

/// Lines of its log shown after a failure.
const LOG_LINES: usize = 10;

/// The server to measure.
pub(super) struct Target {
    /// The address for the clients.
    pub(super) address: SocketAddr,
    /// Its description in reports.
    pub(super) name: String,
    pid: Option<u32>,
    tls: Option<Trust>,
    own: Option<OwnServer>,
}

impl Target {
    /// No server.
    pub(super) fn none() -> Target {
        Target {
            address: SocketAddr::from(([127, 0, 0, 1], 0)),
            name: "no server".to_owned(),
            pid: None,
            tls: None,
            own: None,
        }
    }

    /// The server named by the options, or a new one of our own.
    pub(super) fn find(options: &Bench, stop: &AtomicBool) -> Result<Target, BenchError> {
        let Some(address) = &options.address else {
            return Target::start(options, stop);
        };
        if let Some(pid) = options.pid {
            Process::of(pid)?;
        }
        let host = address.rsplit_once(':').map_or("", |(host, _)| host);
        let host = host.trim_matches(['[', ']']).to_owned();
        let mut found = address
            .to_socket_addrs()
            .map_err(|error| BenchError::Address(address.clone(), error))?;
        let first = found.next().ok_or_else(|| {
            let error = io::Error::other("no such host");
            BenchError::Address(address.clone(), error)
        })?;
        Ok(Target {
            address: first,
            name: address.clone(),
            pid: options.pid,
            tls: match &options.tls_trust {
                Some(path) => Some(Trust::new(path, host)?),
                None => None,
            },
            own: None,
        })
    }

    fn start(options: &Bench, stop: &AtomicBool) -> Result<Target, BenchError> {
        let listener = options.protocol.listener();
        let own = OwnServer::start(options, listener, stop)?;
        let full_name = match options.tls {
            true => format!("tls-{listener}"),
            false => listener.to_owned(),
        };
        Ok(Target {
            address: own.address(&full_name)?,
            name: "a server of its own".to_owned(),
            pid: Some(own.child.id()),
            tls: match options.tls {
                true => Some(Trust::new(&own.certificate(), "localhost".to_owned())?),
                false => None,
            },
            own: Some(own),
        })
    }

    /// The present figures of the server's process, if it is known.
    pub(super) fn process(&self) -> Result<Option<Process>, BenchError> {
        self.pid.map(Process::of).transpose()
    }

    /// The log of our own server, if there is any.
    pub(super) fn log(&self) -> Option<String> {
        let log = self.own.as_ref()?.said("stderr");
        let lines: Vec<&str> = log.lines().collect();
        let last = lines.get(lines.len().saturating_sub(LOG_LINES)..)?;
        (!last.is_empty()).then(|| last.join("\n") + "\n")
    }

    /// The client's side of TLS, if the server is reached by it.
    pub(super) fn tls(&self) -> Option<Trust> {
        self.tls.clone()
    }
}

/// This program as a server, with a folder of its own. Dropping it ends the server.
struct OwnServer {
    child: Child,
    folder: TempDir,
}

impl OwnServer {
    fn start(options: &Bench, listener: &str, stop: &AtomicBool) -> Result<OwnServer, BenchError> {
        let unmade = BenchError::io("the folder of a server cannot be made");
        let folder = TempDir::with_prefix("chat-server-bench-").map_err(&unmade)?;
        let program = std::env::current_exe().map_err(&unmade)?;
        let mut config = configuration(listener, options.tls);
        if options.tls {
            make_certificate(&program, folder.path())?;
        }
        if let Some(settings) = &options.server_config {
            merge(&mut config, settings);
        }
        fs::write(folder.path().join("config.json"), config.to_string()).map_err(&unmade)?;
        let output = |name| File::create(folder.path().join(name)).map_err(&unmade);
        let child = Command::new(program)
            // Also if this program is killed, as by SIGKILL.
            .args(["--end-with", &std::process::id().to_string()])
            // Settings in the environment are not meant for this server.
            .env_clear()
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .stdout(output("stdout")?)
            .stderr(output("stderr")?)
            // Ctrl-C is for the generator, which then ends the server.
            .process_group(0)
            .spawn()
            .map_err(BenchError::io("a server cannot be started"))?;
        let mut own = OwnServer { child, folder };
        own.wait_ready(options.patience(), stop)?;
        Ok(own)
    }

    fn wait_ready(&mut self, patience: Duration, stop: &AtomicBool) -> Result<(), BenchError> {
        let deadline = Instant::now() + patience;
        while !self.said("stdout").lines().any(|line| line == "ready") {
            let ended = !matches!(self.child.try_wait(), Ok(None));
            if ended || Instant::now() > deadline {
                return Err(BenchError::NoServer(self.said("stderr")));
            }
            if stop.load(Ordering::Relaxed) {
                return Err(BenchError::Interrupted);
            }
            std::thread::sleep(GLANCE);
        }
        Ok(())
    }

    /// The address of a listener: `listening: NAME [SCHEME://]ADDRESS[/PATH]`.
    fn address(&self, listener: &str) -> Result<SocketAddr, BenchError> {
        let said = self.said("stdout");
        let address = said.lines().find_map(|line| {
            let mut words = line.strip_prefix("listening: ")?.split_whitespace();
            (words.next() == Some(listener)).then_some(())?;
            let address = words.next()?;
            let address = address.split_once("://").map_or(address, |(_, rest)| rest);
            address.split('/').next()?.parse().ok()
        });
        address.ok_or_else(|| BenchError::NoServer(format!("it has no listener {listener}")))
    }

    fn certificate(&self) -> PathBuf {
        self.folder.path().join("tls/certificate.pem")
    }

    fn said(&self, output: &str) -> String {
        fs::read_to_string(self.folder.path().join(output)).unwrap_or_default()
    }
}

impl Drop for OwnServer {
    fn drop(&mut self) {
        let _ = kill_process(Pid::from_child(&self.child), Signal::TERM);
        let deadline = Instant::now() + ENDING;
        while matches!(self.child.try_wait(), Ok(None)) && Instant::now() < deadline {
            std::thread::sleep(GLANCE);
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The default configuration, except that no rate is limited.
fn configuration(listener: &str, tls: bool) -> Value {
    let (plain, encrypted) = match tls {
        true => ("off", "127.0.0.1:0"),
        false => ("127.0.0.1:0", "off"),
    };
    let mut config = json!({
        "listen": {},
        "data_dir": "data",
        "log_level": "warn",
        "limits": { "connections": 0, "bytes_per_address": 0, "message_rate": 0, "auth_attempts": 0 },
    });
    for protocol in Protocol::ALL {
        config["listen"][protocol.name()] = "off".into();
    }
    config["listen"][listener] = plain.into();
    if tls {
        config["tls"] = json!({ "certificate": "tls/certificate.pem", "key": "tls/key.pem" });
        config["tls"][listener] = encrypted.into();
    }
    config
}

fn make_certificate(program: &Path, folder: &Path) -> Result<(), BenchError> {
    let failed = BenchError::io("make-cert cannot be run");
    let made = Command::new(program)
        .args(["make-cert", "--out", "tls"])
        .env_clear()
        .current_dir(folder)
        .stdin(Stdio::null())
        .output()
        .map_err(failed)?;
    match made.status.success() {
        true => Ok(()),
        false => Err(BenchError::Tls(
            String::from_utf8_lossy(&made.stderr).into_owned(),
        )),
    }
}

fn merge(into: &mut Value, changes: &Value) {
    match (into, changes) {
        (Value::Object(into), Value::Object(changes)) => {
            for (name, change) in changes {
                merge(into.entry(name.clone()).or_insert(Value::Null), change);
            }
        }
        (into, change) => *into = change.clone(),
    }
}
