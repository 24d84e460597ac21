//! Runs `chat-server say`, `tail`, `token` and `account` as a shell script does.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::SocketAddr;
use std::process::{Child, ChildStdout, Command, Stdio};

use crate::support::{Server, wait_for};

pub const PROGRAM: &str = env!("CARGO_BIN_EXE_chat-server");

/// What a task has printed, and how it has ended.
#[derive(Debug)]
pub struct Done {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

/// A command without the variables of whoever runs the tests.
pub fn plain(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("CHAT_") {
            command.env_remove(name);
        }
    }
    command
}

/// A task that calls a server with a token.
pub fn task(at: SocketAddr, token: &str, arguments: &[&str]) -> Command {
    let mut command = plain(PROGRAM);
    command.args(arguments);
    command.env("CHAT_URL", format!("http://{at}"));
    command.env("CHAT_TOKEN", token);
    command
}

/// Runs a command to its end, with this input.
pub fn run(command: &mut Command, input: &[u8]) -> Done {
    command.stdin(Stdio::piped());
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    // It may end without having read all.
    let writer = std::thread::spawn(move || drop(stdin.write_all(&input)));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Done {
        code: output.status.code(),
        out: text(output.stdout),
        err: text(output.stderr),
    }
}

/// Runs a task at a server's REST listener, without input.
pub fn call(server: &Server, token: &str, arguments: &[&str]) -> Done {
    run(&mut task(server.rest().unwrap(), token, arguments), b"")
}

impl Done {
    /// The output of a task that has succeeded and complained of nothing.
    #[track_caller]
    pub fn ok(self) -> String {
        assert_eq!((self.code, self.err.as_str()), (Some(0), ""), "{self:?}");
        self.out
    }

    /// A task that has failed with this code must have said this on one line.
    #[track_caller]
    pub fn failed(&self, code: i32, words: &str) {
        assert_eq!((self.code, self.out.as_str()), (Some(code), ""), "{self:?}");
        assert!(self.err.contains(words), "{words:?} is not in {self:?}");
        if code != 2 {
            assert_eq!(self.err.lines().count(), 1, "{self:?}");
        }
    }
}

/// A task that runs. Dropping it ends it.
pub struct Running {
    pub child: Child,
    lines: BufReader<ChildStdout>,
}

impl Running {
    pub fn start(command: &mut Command) -> Running {
        command.stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap());
        Running { child, lines }
    }

    /// The next line that it prints; `None` at its end.
    pub fn line(&mut self) -> Option<String> {
        let mut line = String::new();
        let read = self.lines.read_line(&mut line).unwrap();
        (read > 0).then(|| line.trim_end().to_owned())
    }

    /// Skips lines until one with this in it.
    #[track_caller]
    pub fn expect(&mut self, wanted: &str) -> String {
        let mut seen = Vec::new();
        while let Some(line) = self.line() {
            if line.contains(wanted) {
                return line;
            }
            seen.push(line);
        }
        panic!("ended without {wanted}: {seen:#?}");
    }

    /// The rest of what it prints, and its exit code.
    pub fn rest(&mut self) -> (String, Option<i32>) {
        let mut rest = String::new();
        self.lines.read_to_string(&mut rest).unwrap();
        let status = wait_for("the task has ended", || {
            self.child.try_wait().unwrap().ok_or_else(String::new)
        });
        (rest, status.code())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
