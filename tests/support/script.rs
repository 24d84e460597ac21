//! Scripts that work a browser, `tests/python/browser_*.py`.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Stdio};

use serde_json::{Value, json};

use super::{Server, Turn, python};

/// A running script. It has a [`Turn`]: several browsers at once would take all
/// there is of a small machine.
pub struct Script {
    name: &'static str,
    child: Child,
    _turn: Turn,
}

impl Script {
    /// Starts a script; it is told where everything is.
    pub fn start(name: &'static str, server: &Server) -> Script {
        Script::start_at(name, server, &json!({}))
    }

    /// As [`Script::start`], with more to be told, or something else.
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
        let child = python(name, &[site.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        Script {
            name,
            child,
            _turn: turn,
        }
    }

    /// Does what the script asks for by printing a word, until its end.
    pub fn run(mut self, mut asked: impl FnMut(&str)) {
        let output = BufReader::new(self.child.stdout.take().unwrap());
        let mut input = self.child.stdin.take().unwrap();
        for line in output.lines() {
            asked(&line.unwrap());
            // It may have ended in the meantime; then it says why below.
            let _ = input.write_all(b"done\n");
        }
        drop(input);
        let output = self.child.wait_with_output().unwrap();
        let words = String::from_utf8_lossy(&output.stderr);
        assert!(
            output.status.success(),
            "{}: {}\n{words}",
            self.name,
            output.status
        );
    }
}
