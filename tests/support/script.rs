//! Scripts that drive a browser, `tests/python/browser_*.py`.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek, Write};
use std::process::{Child, ChildStdin, ChildStdout, Stdio};
use std::sync::{Mutex, PoisonError};

use serde_json::{Value, json};

use super::{Server, Turn, python};

/// A script that runs. It holds a [`Turn`]: several browsers at once would take
/// all of a small machine.
pub struct Script {
    name: &'static str,
    runner: Runner,
    _turn: Turn,
}

/// A process with a browser, in which scripts run one after the other:
/// starting both takes as long as a script does.
struct Runner {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    /// What it says when a script has failed.
    words: File,
}

/// Runners that have ended a script and can take another. They end with the
/// test program, which closes their standard input.
static IDLE: Mutex<Vec<Runner>> = Mutex::new(Vec::new());

impl Script {
    /// Starts a script with the server's addresses.
    pub fn start(name: &'static str, server: &Server) -> Script {
        Script::start_at(name, server, &json!({}))
    }

    /// Like [`Script::start`], with additional or other parameters.
    pub fn start_at(name: &'static str, server: &Server, more: &Value) -> Script {
        let turn = Turn::wait();
        let mut site = json!({
            "web": server.web().to_string(),
            "telnet": server.telnet().to_string(),
            "tcp": server.address("tcp").to_string(),
            "rest": server.address("rest").to_string(),
            "admin_token": server.admin_token(),
        });
        for (name, value) in more.as_object().unwrap() {
            site[name] = value.clone();
        }
        let idle = IDLE.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut runner = idle.unwrap_or_else(Runner::start);
        runner.tell(&json!([name, site]).to_string());
        Script {
            name,
            runner,
            _turn: turn,
        }
    }

    /// Carries out the requests that the script prints, until it ends.
    pub fn run(mut self, mut asked: impl FnMut(&str)) {
        loop {
            let mut line = String::new();
            let count = self.runner.output.read_line(&mut line).unwrap();
            match line.trim_end() {
                _ if count == 0 => panic!("{}: {}", self.name, self.runner.failure()),
                "ended" => break,
                request => asked(request),
            }
            self.runner.tell("done");
        }
        let mut idle = IDLE.lock().unwrap_or_else(PoisonError::into_inner);
        idle.push(self.runner);
    }
}

impl Runner {
    fn start() -> Runner {
        let words = tempfile::tempfile().unwrap();
        let mut child = python("run_scripts.py", &[])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(words.try_clone().unwrap())
            .spawn()
            .unwrap();
        Runner {
            input: child.stdin.take().unwrap(),
            output: BufReader::new(child.stdout.take().unwrap()),
            child,
            words,
        }
    }

    fn tell(&mut self, line: &str) {
        // It may have ended meanwhile; what it has said tells why.
        let _ = writeln!(self.input, "{line}");
    }

    /// How it ended, and what it said.
    fn failure(&mut self) -> String {
        let status = self.child.wait().unwrap();
        let mut words = Vec::new();
        self.words.rewind().unwrap();
        self.words.read_to_end(&mut words).unwrap();
        format!("{status}\n{}", String::from_utf8_lossy(&words))
    }
}
