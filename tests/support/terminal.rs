//! A pseudo-terminal with a program in it, and a user who types.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Instant;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

use super::server::DEADLINE;

/// A program on a terminal. Dropping it kills the program.
pub struct Terminal {
    keyboard: File,
    program: Child,
    screen: Vec<u8>,
    looked_at: usize,
}

impl Terminal {
    /// Starts an installed program on a terminal of its own.
    pub fn run(program: &str, arguments: &[&str]) -> Terminal {
        let controller = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&controller).unwrap();
        unlockpt(&controller).unwrap();
        let path = ptsname(&controller, Vec::new()).unwrap();
        let path = path.into_string().unwrap();
        let terminal = OpenOptions::new()
            .read(true)
            .write(true)
            .open(path)
            .unwrap();
        let end = || Stdio::from(terminal.try_clone().unwrap());
        let program = Command::new(program)
            .args(arguments)
            .env("TERM", "xterm")
            .stdin(end())
            .stdout(end())
            .stderr(end())
            .spawn()
            .unwrap_or_else(|error| missing(program, &error));
        Terminal {
            keyboard: File::from(controller),
            program,
            screen: Vec::new(),
            looked_at: 0,
        }
    }

    /// Types a line and presses Enter.
    pub fn type_line(&mut self, line: &str) {
        self.type_keys(&format!("{line}\r"));
    }

    /// Presses keys.
    pub fn type_keys(&mut self, keys: &str) {
        self.keyboard.write_all(keys.as_bytes()).unwrap();
    }

    /// Waits until the screen shows `needle` after the last match.
    pub fn expect(&mut self, needle: &str) {
        loop {
            let news = &self.screen[self.looked_at..];
            if let Some(at) = memchr::memmem::find(news, needle.as_bytes()) {
                self.looked_at += at + needle.len();
                return;
            }
            if !self.read_more() {
                panic!("ended before {needle:?}\n{}", self.screen());
            }
        }
    }

    /// Waits for the program to end by itself.
    pub fn wait_exit(&mut self) -> ExitStatus {
        while self.read_more() {}
        self.program.wait().unwrap()
    }

    /// Everything shown so far.
    pub fn screen(&self) -> String {
        let text = String::from_utf8_lossy(&self.screen);
        format!("--- the screen ---\n{text}\n---")
    }

    /// Waits for more output; false when the program has ended.
    fn read_more(&mut self) -> bool {
        let deadline = Instant::now() + DEADLINE;
        let mut chunk = [0; 4096];
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "nothing more in time\n{}", self.screen());
            let wait = Timespec {
                tv_sec: left.as_secs() as i64,
                tv_nsec: left.subsec_nanos().into(),
            };
            let mut polled = [PollFd::new(&self.keyboard, PollFlags::IN)];
            match poll(&mut polled, Some(&wait)) {
                Ok(0) | Err(rustix::io::Errno::INTR) => continue,
                ready => ready.unwrap(),
            };
            match self.keyboard.read(&mut chunk) {
                Ok(0) => return false,
                Ok(count) => {
                    self.screen.extend_from_slice(&chunk[..count]);
                    return true;
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                // EIO: no process has the terminal open any more.
                Err(_) => return false,
            }
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.program.kill();
        let _ = self.program.wait();
    }
}

/// Fails with instructions for a program that cannot be started.
pub fn missing(program: &str, error: &std::io::Error) -> ! {
    panic!(
        "cannot run {program}: {error}. This test talks to the server with the real \
         program; on Debian: apt-get install telnet netcat-openbsd"
    )
}
