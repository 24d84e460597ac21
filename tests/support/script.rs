//! Scripts that drive a browser, `tests/python/browser_*.py`.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Stdio};

use serde_json::{Value, json};

use super::{Server, Turn, python};

/// A running script. It holds a [`Turn`]: several browsers at once would take
/// all of a small machine.
pub struct Script {
    name: &'static str,
    child: Child,
    _turn: Turn,
}

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

    /// Carries out the requests that the script prints, until it ends.
    pub fn run(mut self, mut asked: impl FnMut(&str)) {
        let output = BufReader::new(self.child.stdout.take().unwrap());
        let mut input = self.child.stdin.take().unwrap();
        for line in output.lines() {
            asked(&line.unwrap());
            // The script may have ended meanwhile; its status below says why.
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
