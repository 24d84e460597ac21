//! The process and its output: output that no program reads, files that may not
//! grow, a configuration that is not a file. Signals work in all cases.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Resource, Rlimit, Signal, kill_process, prlimit};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{DEADLINE, LineClient, Server, User, free_address, wait_until};

const SERVER: &str = env!("CARGO_BIN_EXE_chat-server");

/// A server with its output connected as a test wants.
struct Bare {
    child: Child,
    telnet: SocketAddr,
    dir: TempDir,
}

impl Bare {
    fn start(stdout: Stdio, stderr: Stdio, change: impl FnOnce(&mut Value)) -> Bare {
        let dir = tempfile::tempdir().unwrap();
        let telnet = free_address();
        let mut config = json!({
            "listen": {
                "telnet": telnet, "rest": "off", "web": "off", "tcp": "off", "ws": "off",
                "irc": "off",
            },
            "data_dir": dir.path().join("data"),
        });
        change(&mut config);
        fs::write(dir.path().join("config.json"), config.to_string()).unwrap();
        let mut command = Command::new(SERVER);
        command.current_dir(dir.path()).stdin(Stdio::null());
        let child = command.stdout(stdout).stderr(stderr).spawn().unwrap();
        let bare = Bare { child, telnet, dir };
        wait_until("the server listens", || TcpStream::connect(telnet).is_ok());
        bare
    }

    fn change(&self, change: impl FnOnce(&mut Value)) {
        let path = self.config();
        let mut config = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        change(&mut config);
        fs::write(path, config.to_string()).unwrap();
    }

    fn config(&self) -> PathBuf {
        self.dir.path().join("config.json")
    }

    fn greets_with(&self, words: &str) -> bool {
        let mut stream = TcpStream::connect(self.telnet).unwrap();
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        let mut seen = Vec::new();
        let mut chunk = [0; 512];
        while !String::from_utf8_lossy(&seen).contains("nickname, please") {
            let count = stream.read(&mut chunk).unwrap();
            assert!(count > 0, "{}", String::from_utf8_lossy(&seen));
            seen.extend_from_slice(&chunk[..count]);
        }
        String::from_utf8_lossy(&seen).contains(words)
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    fn wait_exit(&mut self) -> ExitStatus {
        wait_exit(&mut self.child)
    }

    /// The server reloads and shuts down as usual.
    fn obeys(mut self) {
        self.change(|config| config["greeting"] = "Hello again.".into());
        self.signal(Signal::HUP);
        wait_until("it has reloaded", || self.greets_with("Hello again."));
        self.signal(Signal::TERM);
        assert_eq!(self.wait_exit().code(), Some(0));
    }
}

impl Drop for Bare {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn wait_exit(child: &mut Child) -> ExitStatus {
    let deadline = Instant::now() + DEADLINE;
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status;
        }
        assert!(Instant::now() < deadline, "it does not end");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// A full pipe, and its other end.
fn full_pipe() -> (OwnedFd, OwnedFd) {
    let (reads, writes) = rustix::pipe::pipe().unwrap();
    rustix::fs::fcntl_setfl(&writes, rustix::fs::OFlags::NONBLOCK).unwrap();
    while rustix::io::write(&writes, &[b'x'; 4096]).is_ok() {}
    while rustix::io::write(&writes, b"x").is_ok() {}
    rustix::fs::fcntl_setfl(&writes, rustix::fs::OFlags::empty()).unwrap();
    (reads, writes)
}

fn twice(writes: &OwnedFd) -> [Stdio; 2] {
    [(); 2].map(|()| Stdio::from(writes.try_clone().unwrap()))
}

#[test]
fn output_that_nobody_reads_any_more_is_no_reason_to_end() {
    let (reads, writes) = rustix::pipe::pipe().unwrap();
    drop(reads);
    let [stdout, stderr] = twice(&writes);
    Bare::start(stdout, stderr, |_| {}).obeys();

    // The reader goes away while the server runs.
    let (reads, writes) = rustix::pipe::pipe().unwrap();
    let [stdout, stderr] = twice(&writes);
    let server = Bare::start(stdout, stderr, |_| {});
    drop(reads);
    server.obeys();

    // A disk that is always full.
    let full = || Stdio::from(File::options().write(true).open("/dev/full").unwrap());
    Bare::start(full(), full(), |_| {}).obeys();
}

#[test]
fn a_full_pipe_as_output_holds_up_nobody_and_what_was_lost_is_counted() {
    let (reads, writes) = full_pipe();
    let [stdout, stderr] = twice(&writes);
    drop(writes);
    let mut server = Bare::start(stdout, stderr, |config| {
        config["limits"]["connections"] = 1.into();
    });
    // The connection that proved readiness may not have ended yet.
    let mut keeper = LineClient::connect(server.telnet);
    while !keeper.hears("nickname, please") {
        keeper = LineClient::connect(server.telnet);
    }
    // Each makes one log line; together more than may be queued.
    for _ in 0..6000 {
        let mut stream = TcpStream::connect(server.telnet).unwrap();
        let mut said = String::new();
        // Only the refusal matters, not its text.
        let _ = stream.read_to_string(&mut said);
    }
    server.change(|config| config["limits"]["connections"] = 100.into());
    server.signal(Signal::HUP);
    wait_until("it has reloaded", || {
        let mut stream = TcpStream::connect(server.telnet).unwrap();
        let mut byte = [0; 200];
        let count = stream.read(&mut byte).unwrap_or(0);
        String::from_utf8_lossy(&byte[..count]).contains("Welcome")
    });
    // When read again, it reports how many lines are missing.
    let reader = std::thread::spawn(move || {
        let mut text = Vec::new();
        File::from(reads).read_to_end(&mut text).unwrap();
        String::from_utf8_lossy(&text).into_owned()
    });
    server.signal(Signal::TERM);
    assert_eq!(server.wait_exit().code(), Some(0));
    let text = reader.join().unwrap();
    let missing: u64 = text
        .lines()
        .filter_map(|line| line.split_once(" lines were dropped here: "))
        .filter_map(|(count, _)| count.parse::<u64>().ok())
        .sum();
    assert!(missing > 1000, "{missing}");
    assert!(text.contains("ready\n"), "no line is lost before that");
    assert!(text.ends_with("shutting down\n") || text.contains("shutting down\n"));
}

#[test]
fn a_full_pipe_does_not_delay_the_end() {
    let (_reads, writes) = full_pipe();
    let [stdout, stderr] = twice(&writes);
    Bare::start(stdout, stderr, |_| {}).obeys();
    // Nor does a second signal while the server drains.
    let [stdout, stderr] = twice(&writes);
    let mut server = Bare::start(stdout, stderr, |config| {
        config["drain_seconds"] = 3600.into();
    });
    server.signal(Signal::TERM);
    // Once the first is handled; two at the same time would count as one.
    wait_until("it has ended", || {
        server.signal(Signal::TERM);
        std::thread::sleep(Duration::from_millis(20));
        server.child.try_wait().unwrap().is_some()
    });
    assert_eq!(server.wait_exit().code(), Some(130));
}

fn fifo(path: &Path) {
    let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
    let kind = rustix::fs::FileType::Fifo;
    rustix::fs::mknodat(rustix::fs::CWD, path, kind, mode, 0).unwrap();
}

#[test]
fn what_is_no_file_is_not_read_again_and_signals_go_on_working() {
    let mut server = Server::start(|_| {});
    let config = server.dir().join("config.json");
    let was = fs::read(&config).unwrap();
    let huge = server.dir().join("huge");
    File::create(&huge).unwrap().set_len(1 << 40).unwrap();
    type Change<'a> = Box<dyn Fn(&Path) + 'a>;
    let places: [(&str, Change<'_>); 5] = [
        ("a pipe", Box::new(fifo)),
        ("a folder", Box::new(|path| fs::create_dir(path).unwrap())),
        (
            "a device without end",
            Box::new(|path| std::os::unix::fs::symlink("/dev/zero", path).unwrap()),
        ),
        (
            "a terminal",
            Box::new(|path| std::os::unix::fs::symlink("/dev/ptmx", path).unwrap()),
        ),
        (
            "a terabyte",
            Box::new(|path| std::os::unix::fs::symlink(&huge, path).unwrap()),
        ),
    ];
    for (what, put) in &places {
        fs::remove_file(&config).unwrap();
        put(&config);
        server.hang_up_in_vain();
        assert!(
            LineClient::connect(server.telnet()).hears("nickname"),
            "{what}"
        );
        if config.is_dir() {
            fs::remove_dir(&config).unwrap()
        } else {
            fs::remove_file(&config).unwrap()
        }
        fs::write(&config, &was).unwrap();
        server.hang_up();
    }
    server.wait_output("it is not a regular file");
    server.wait_output("Is a directory");
    // The file of the token as well.
    let token = server.dir().join("data/admin-token");
    fs::rename(&token, token.with_extension("old")).unwrap();
    fifo(&token);
    server.hang_up();
    server.wait_output("the admin token stays as it was");
    server.signal(Signal::TERM);
    assert!(server.wait_exit().success());
}

#[test]
fn certificates_that_are_no_files_are_refused() {
    let mut server = Server::start(|config| {
        let folder = PathBuf::from(config["data_dir"].as_str().unwrap());
        let folder = folder.parent().unwrap();
        let made = Command::new(SERVER)
            .args(["make-cert", "--out"])
            .arg(folder)
            .output()
            .unwrap();
        assert!(made.status.success());
        config["tls"] = json!({
            "certificate": folder.join("certificate.pem"),
            "key": folder.join("key.pem"),
            "telnet": "127.0.0.1:0",
        });
    });
    let key = server.dir().join("key.pem");
    fs::rename(&key, key.with_extension("old")).unwrap();
    fifo(&key);
    server.hang_up_in_vain();
    server.wait_output("key.pem cannot be read: it is not a regular file");
    server.signal(Signal::TERM);
    assert!(server.wait_exit().success());
    // The start does not wait for a writer either.
    let output = Command::new(SERVER)
        .arg("check-config")
        .current_dir(server.dir())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn a_configuration_may_come_through_a_pipe_at_the_start() {
    let dir = tempfile::tempdir().unwrap();
    let mut child = Command::new(SERVER)
        .args(["check-config", "-c", "/dev/stdin"])
        .current_dir(dir.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(br#"{"greeting": "#).unwrap();
    stdin.write_all(br#""From afar."}"#).unwrap();
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("greeting = \"From afar.\""), "{text}");

    // A named pipe, with a slow writer.
    let path = dir.path().join("pipe");
    fifo(&path);
    let child = Command::new(SERVER)
        .args(["check-config", "-c", "pipe"])
        .current_dir(dir.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    fs::write(&path, r#"{"greeting": "Slowly."}"#).unwrap();
    let output = child.wait_with_output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("greeting = \"Slowly.\""), "{text}");
}

/// Sets the size limit for files of a process.
fn limit_files(pid: u32, bytes: Option<u64>) {
    let pid = Pid::from_raw(pid as i32);
    let limit = Rlimit {
        current: bytes,
        maximum: None,
    };
    prlimit(pid, Resource::Fsize, limit).unwrap();
}

#[test]
fn a_limit_on_the_size_of_files_is_as_a_full_disk() {
    let mut server = Server::start(|config| {
        config["limits"]["message_rate"] = 0.into();
    });
    let mut alice = LineClient::enter_channel(&server, "alice", "dev");
    alice.send("before");
    alice.expect_message("alice", "before");
    limit_files(server.pid(), Some(8192));
    let long = "x".repeat(3000);
    let mut refused = false;
    for _ in 0..200 {
        alice.send(&long);
        let line = alice.expect_line("an answer", &|line| {
            line.contains("could not be stored") || line.contains("xxx")
        });
        refused |= line.contains("could not be stored");
        if refused {
            break;
        }
    }
    assert!(refused, "everything was stored\n{}", server.output());
    wait_until("/readyz reports it", || server.get("/readyz").status == 503);
    // A one-time write to a full disk also gets an explanation.
    let answer = server.post(
        "/admin/bans",
        json!({"nickname": "mallory", "reason": long}),
    );
    assert!(
        answer.status == 201 || answer.status == 500,
        "{}",
        answer.body
    );
    server.hang_up();
    limit_files(server.pid(), None);
    wait_until("it is ready again", || server.get("/readyz").status == 200);
    alice.send("after");
    alice.expect_message("alice", "after");
    server.log("pattern=after&kind=message", 1);
    server.restart();
    server.log("pattern=before&kind=message", 1);
}

#[test]
fn a_start_that_may_write_nothing_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let limited = |arguments: &[&str], stdout: Stdio| {
        Command::new("prlimit")
            .arg("--fsize=0")
            .arg(SERVER)
            .args(arguments)
            .current_dir(dir.path())
            .stdout(stdout)
            .stderr(Stdio::piped())
            .output()
            .unwrap()
    };
    let listen = ["--telnet", "127.0.0.1:0", "--rest", "off", "--web", "off"];
    let listen = [
        &listen[..],
        &["--tcp", "off", "--ws", "off", "--irc", "off"],
    ]
    .concat();
    for (arguments, wanted) in [
        (&listen[..], "data"),
        (&["make-cert"], "pem"),
        (&["bench", "pairs"], "a server cannot be made"),
    ] {
        let output = limited(arguments, Stdio::piped());
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{arguments:?} {said}");
        assert!(
            said.contains(wanted) && said.to_lowercase().contains("too large"),
            "{said}"
        );
    }
    let file = File::create(dir.path().join("shown")).unwrap();
    let output = limited(&["check-config"], Stdio::from(file));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("standard output cannot be written"), "{said}");
}

#[test]
fn tasks_end_quietly_when_nobody_reads_what_they_show() {
    let dir = tempfile::tempdir().unwrap();
    for (arguments, code) in [
        (&["check-config"][..], 0),
        (&["--help"], 0),
        (&["--version"], 0),
        (&["bench", "--help"], 0),
        (&["tail", "--help"], 0),
        (&["make-cert"], 0),
        (&["--nonsense"], 2),
        (&["check-config", "-c", "absent.json"], 2),
    ] {
        let (reads, writes) = rustix::pipe::pipe().unwrap();
        drop(reads);
        let [stdout, stderr] = twice(&writes);
        let status = Command::new(SERVER)
            .args(arguments)
            .current_dir(dir.path())
            .stdout(stdout)
            .stderr(stderr)
            .status()
            .unwrap();
        assert_eq!(status.code(), Some(code), "{arguments:?}");
    }
    // A full disk is reported, as everywhere.
    std::fs::write(
        dir.path().join("old.json"),
        r#"{"telnet_address": ":4000"}"#,
    )
    .unwrap();
    for arguments in [
        &["check-config"][..],
        &["--help"],
        &["--version"],
        &["help", "backup"],
        &["bench", "--help"],
        &["token", "add", "--help"],
        &["convert-config", "old.json"],
        &["completions", "bash"],
        &["man-page"],
        &["make-cert", "--force"],
    ] {
        let full = File::options().write(true).open("/dev/full").unwrap();
        let output = Command::new(SERVER)
            .args(arguments)
            .current_dir(dir.path())
            .stdout(Stdio::from(full))
            .stderr(Stdio::piped())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {said}");
        assert!(said.contains("No space left"), "{arguments:?}: {said}");
    }
}

#[test]
fn a_folder_that_is_served_holds_nothing_of_the_servers_own() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path().canonicalize().unwrap();
    std::fs::create_dir_all(dir.join("www")).unwrap();
    std::os::unix::fs::symlink("www", dir.join("link")).unwrap();
    for (name, config, why) in [
        ("a.json", r#"{"web":{"folder":"."}}"#, "the data folder"),
        (
            "www/c.json",
            r#"{"web":{"folder":"link"}}"#,
            "the configuration file",
        ),
        (
            "b.json",
            r#"{"web":{"folder":"www"},"data_dir":"link/data"}"#,
            "the data folder",
        ),
        (
            "d.json",
            r#"{"web":{"folder":"link"},"chat_log":{"file":"www/x/../chat.log"}}"#,
            "the chat log",
        ),
        (
            "e.json",
            r#"{"chat_log":{"file":"data/chatlog/audit.log"}}"#,
            "where what administrators did",
        ),
        (
            "e.json",
            r#"{"chat_log":{"file":"./data/../data/chatlog/error.log"}}"#,
            "where what administrators did",
        ),
    ] {
        std::fs::write(dir.join(name), config).unwrap();
        for task in [&["check-config"][..], &[]] {
            let output = Command::new(SERVER)
                .args(task)
                .args(["--config", name])
                .current_dir(&dir)
                .output()
                .unwrap();
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            assert_eq!(output.status.code(), Some(2), "{config} {task:?}: {said}");
            assert!(said.contains(why), "{config} {task:?}: {said}");
        }
        std::fs::remove_file(dir.join(name)).unwrap();
    }
    std::fs::write(dir.join("f.json"), r#"{"web":{"folder":"www"}}"#).unwrap();
    let output = Command::new(SERVER)
        .args(["check-config", "--config", "f.json"])
        .current_dir(&dir)
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
}

#[test]
fn the_log_may_be_json_an_object_a_line() {
    let mut server = Server::spawn(|config| config["log_format"] = "json".into());
    server.wait_output("\"message\":\"ready\"");
    server.hang_up();
    server.signal(Signal::TERM);
    assert!(server.wait_exit().success());
    let output = server.output();
    let lines: Vec<Value> = output
        .lines()
        .filter(|line| !line.starts_with("---"))
        .map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}")))
        .collect();
    for line in &lines {
        for field in ["time", "level", "target", "message"] {
            assert!(line[field].is_string(), "{line}");
        }
        let time: jiff::Timestamp = line["time"].as_str().unwrap().parse().unwrap();
        assert!(time.as_second() > 1_700_000_000, "{line}");
    }
    let says = |level: &str, start: &str| {
        lines.iter().any(|line| {
            line["level"] == level && line["message"].as_str().unwrap().starts_with(start)
        })
    };
    assert!(says("INFO", "listening: telnet 127.0.0.1:"), "{output}");
    assert!(says("INFO", "reloaded: "), "{output}");
    assert!(says("INFO", "shutting down"), "{output}");
}

#[test]
fn the_form_of_the_log_changes_with_a_reload() {
    let server = Server::start(|_| {});
    server.reload(|config| config["log_format"] = "json".into());
    server.hang_up();
    server.wait_output("\"message\":\"reloaded: no setting has changed\"");
    server.reload(|config| config["log_format"] = "text".into());
    let mut broken = Server::spawn(|config| config["log_format"] = "xml".into());
    assert_eq!(broken.wait_exit().code(), Some(2));
    broken.wait_output("log_format");
}
