//! The Debian package of `deploy/debian`, as `make dist` packs it: installed into an
//! empty root, started, upgraded, removed and purged by the real dpkg. systemd is not
//! there, so the test starts the installed program itself.

use std::fs;
use std::io::Read;
use std::net::TcpStream;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, getuid, kill_process};

use crate::support::{DEADLINE, free_address, not_tested, wait_until};

/// An older version than any that is released.
const OLDER: &str = "0.0.1~test";
const VERSION: &str = env!("CARGO_PKG_VERSION");
/// Where dpkg and useradd find their programs.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// An empty root with dpkg's files, and packages of two versions beside it.
struct Machine {
    dir: tempfile::TempDir,
}

impl Machine {
    fn new() -> Machine {
        let dir = tempfile::tempdir().unwrap();
        let machine = Machine { dir };
        for folder in [
            "etc",
            "var/log",
            "var/lib/dpkg/info",
            "var/lib/dpkg/updates",
        ] {
            fs::create_dir_all(machine.file(folder)).unwrap();
        }
        for (file, text) in [
            ("var/lib/dpkg/status", ""),
            ("etc/passwd", "root:x:0:0:root:/root:/bin/sh\n"),
            ("etc/group", "root:x:0:\n"),
            ("etc/shadow", ""),
            ("etc/gshadow", ""),
        ] {
            fs::write(machine.file(file), text).unwrap();
        }
        machine
    }

    /// A file below the root.
    fn file(&self, path: &str) -> PathBuf {
        self.dir.path().join("root").join(path)
    }

    /// The package of this program under a version number.
    fn pack(&self, version: &str) -> PathBuf {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/debian/pack");
        let mut pack = Command::new(script);
        pack.args([env!("CARGO_BIN_EXE_chat-server"), version]);
        pack.arg(self.dir.path()).env("COMPRESSION", "none");
        // Of the book only that it is there: tests/server/book.rs builds it.
        let book = self.dir.path().join("book");
        fs::create_dir_all(&book).unwrap();
        fs::write(book.join("index.html"), "<p>The book.").unwrap();
        pack.env("BOOK", book);
        PathBuf::from(succeeds(&mut pack).trim())
    }

    fn dpkg(&self, action: &str, what: impl AsRef<std::ffi::OsStr>) {
        let mut root = std::ffi::OsString::from("--root=");
        root.push(self.file(""));
        let mut dpkg = Command::new("dpkg");
        // The libraries that the package depends on are outside this root.
        dpkg.args(["--force-script-chrootless", "--force-depends"]);
        dpkg.arg(root).arg(action).arg(what).env("PATH", PATH);
        dpkg.stdin(Stdio::null());
        succeeds(&mut dpkg);
    }

    /// The installed version, as dpkg knows it.
    fn version(&self) -> String {
        let mut query = Command::new("dpkg-query");
        query.arg("--admindir").arg(self.file("var/lib/dpkg"));
        query.args(["--show", "--showformat", "${Version}", "chat-server"]);
        succeeds(&mut query)
    }

    /// Starts the installed program with the installed configuration, and returns what
    /// it greets a telnet client with.
    fn greeting(&self) -> String {
        let telnet = free_address();
        let mut command = Command::new(self.file("usr/bin/chat-server"));
        command
            .arg("-c")
            .arg(self.file("etc/chat-server/config.json"));
        command.current_dir(self.file("var/lib/chat-server"));
        command.env(
            "CHAT_SERVER_DATA_DIR",
            self.file("var/lib/chat-server/data"),
        );
        command.env("CHAT_SERVER_LISTEN_TELNET", telnet.to_string());
        for listener in ["REST", "WEB", "TCP", "WS", "IRC"] {
            command.env(format!("CHAT_SERVER_LISTEN_{listener}"), "off");
        }
        command.stdin(Stdio::null()).stdout(Stdio::null());
        let mut running = Running(command.spawn().unwrap());
        wait_until("it listens", || TcpStream::connect(telnet).is_ok());
        let mut stream = TcpStream::connect(telnet).unwrap();
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        let mut seen = Vec::new();
        let mut chunk = [0; 512];
        while !String::from_utf8_lossy(&seen).contains("nickname, please") {
            let count = stream.read(&mut chunk).unwrap();
            assert!(count > 0, "{}", String::from_utf8_lossy(&seen));
            seen.extend_from_slice(&chunk[..count]);
        }
        drop(stream);
        kill_process(Pid::from_child(&running.0), Signal::TERM).unwrap();
        assert_eq!(running.0.wait().unwrap().code(), Some(0));
        String::from_utf8_lossy(&seen).into_owned()
    }
}

/// A server that does not outlive its test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn succeeds(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// Whether this machine and user can install packages; if not, says why.
fn can_install() -> bool {
    if !getuid().is_root() {
        not_tested("the Debian package: only root can install it");
        return false;
    }
    for program in ["dpkg", "dpkg-deb", "useradd", "strip", "objdump"] {
        let there = PATH
            .split(':')
            .any(|folder| Path::new(folder).join(program).exists());
        if !there {
            not_tested(&format!("the Debian package: {program} is not installed"));
            return false;
        }
    }
    true
}

#[test]
fn the_package_is_installed_started_upgraded_and_purged() {
    if !can_install() {
        return;
    }
    let machine = Machine::new();
    machine.dpkg("--install", machine.pack(OLDER));
    assert_eq!(machine.version(), OLDER);
    for file in [
        "usr/lib/systemd/system/chat-server.service",
        "usr/share/man/man1/chat-server.1.gz",
        "usr/share/bash-completion/completions/chat-server",
        "usr/share/doc/chat-server/operations.md",
        "usr/share/doc/chat-server/SECURITY.md",
        "usr/share/doc/chat-server/book/index.html",
    ] {
        assert!(machine.file(file).exists(), "{file}");
    }
    let unit = fs::read_to_string(machine.file("usr/lib/systemd/system/chat-server.service"));
    let unit = unit.unwrap();
    assert!(unit.contains("\nUser=chat-server\n"), "{unit}");
    assert!(
        unit.contains("\nExecStart=/usr/bin/chat-server -c"),
        "{unit}"
    );
    let passwd = fs::read_to_string(machine.file("etc/passwd")).unwrap();
    let user = passwd.lines().find(|line| line.starts_with("chat-server:"));
    let id = user.and_then(|line| line.split(':').nth(2)).unwrap();
    let state = fs::metadata(machine.file("var/lib/chat-server")).unwrap();
    assert_eq!(state.uid().to_string(), id);
    assert_eq!(state.mode() & 0o777, 0o700);
    let secrets = fs::metadata(machine.file("etc/chat-server/environment")).unwrap();
    assert_eq!(secrets.mode() & 0o777, 0o600);
    assert!(machine.greeting().contains("Welcome"));
    let data = machine.file("var/lib/chat-server/data");
    assert!(data.exists());

    // An upgrade keeps the configuration as the administrator has changed it, and the data.
    let config = machine.file("etc/chat-server/config.json");
    let text = fs::read_to_string(&config).unwrap();
    let changed = text.replacen('{', "{ \"greeting\": \"Hello from this machine.\",", 1);
    fs::write(&config, &changed).unwrap();
    fs::write(machine.file("etc/chat-server/environment"), "A=b\n").unwrap();
    machine.dpkg("--install", machine.pack(VERSION));
    assert_eq!(machine.version(), VERSION);
    assert_eq!(fs::read_to_string(&config).unwrap(), changed);
    let secrets = fs::read_to_string(machine.file("etc/chat-server/environment")).unwrap();
    assert_eq!(secrets, "A=b\n");
    assert!(machine.greeting().contains("Hello from this machine."));

    machine.dpkg("--remove", "chat-server");
    assert!(!machine.file("usr/bin/chat-server").exists());
    assert!(config.exists() && data.exists());
    machine.dpkg("--purge", "chat-server");
    for folder in ["etc/chat-server", "var/lib/chat-server"] {
        assert!(!machine.file(folder).exists(), "{folder}");
    }
}
