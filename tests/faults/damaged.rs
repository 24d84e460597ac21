//! Damaged files at the start: the server refuses them with instructions and
//! never overwrites them, or it starts with everything that can be recovered.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use rustix::process::Signal;
use serde_json::json;
use tempfile::TempDir;

use crate::random;
use crate::support::{LineClient, Server, User};

/// Enough for many database pages.
const MESSAGES: usize = 60;

/// A data folder to make damaged copies of.
struct Original {
    dir: TempDir,
    texts: Vec<String>,
}

impl Original {
    /// The data of a server that was stopped, or killed before its write-ahead
    /// log was copied into the database.
    fn new(killed: bool) -> Original {
        let dir = tempfile::tempdir().unwrap();
        let data = dir.path().join("data");
        let mut server = Server::start(|config| {
            config["data_dir"] = json!(data);
            config["limits"]["message_rate"] = 0.into();
        });
        let mut alice = LineClient::enter_channel(&server, "alice", "dev");
        let text = |number| format!("{number} {}", "word ".repeat(400).trim_end());
        let texts: Vec<String> = (0..MESSAGES).map(text).collect();
        for text in &texts {
            alice.send(text);
            alice.expect_message("alice", text);
        }
        if killed {
            server.kill();
        } else {
            server.signal(Signal::TERM);
            assert!(server.wait_exit().success(), "{}", server.output());
        }
        Original { dir, texts }
    }

    fn path(&self, file: &str) -> PathBuf {
        self.dir.path().join("data").join(file)
    }

    fn length(&self, file: &str) -> u64 {
        self.path(file).metadata().unwrap().len()
    }

    /// A copy in which one file is changed.
    fn damaged(&self, file: &str, change: impl FnOnce(&mut Vec<u8>)) -> Copy {
        let dir = tempfile::tempdir().unwrap();
        fs::set_permissions(dir.path(), Permissions::from_mode(0o700)).unwrap();
        for name in [
            "chat.db",
            "chat.db-wal",
            "admin-token",
            "signing-key",
            "cloak-key",
        ] {
            let from = self.path(name);
            if from.exists() {
                fs::copy(from, dir.path().join(name)).unwrap();
            }
        }
        let path = dir.path().join(file);
        let mut bytes = fs::read(&path).unwrap_or_default();
        change(&mut bytes);
        fs::write(&path, bytes).unwrap();
        Copy { dir }
    }
}

struct Copy {
    dir: TempDir,
}

impl Copy {
    fn spawn(&self) -> Server {
        let data = self.dir.path();
        Server::spawn(|config| config["data_dir"] = json!(data))
    }

    fn files(&self) -> Vec<(PathBuf, Vec<u8>)> {
        let names = [
            "chat.db",
            "chat.db-wal",
            "admin-token",
            "signing-key",
            "cloak-key",
            "bans.json",
        ];
        let paths = names.map(|name| self.dir.path().join(name));
        // An empty file counts as none.
        let files = paths.into_iter().map(|path| {
            let bytes = fs::read(&path).unwrap_or_default();
            (path, bytes)
        });
        files.collect()
    }

    /// The start must fail, name the file, and change nothing.
    fn is_refused(&self, what: &str, file: &str) {
        let before = self.files();
        for _ in 0..2 {
            let mut server = self.spawn();
            assert!(!server.gets_ready(), "{what}: it started");
            assert_refused(&mut server, what, self.dir.path().join(file).as_path());
            assert!(self.files() == before, "{what}: something was overwritten");
        }
    }

    /// Either that, or the server works.
    fn is_refused_or_works(&self, what: &str) -> bool {
        let before = self.files();
        let mut server = self.spawn();
        if !server.gets_ready() {
            assert_refused(&mut server, what, &self.dir.path().join("chat.db"));
            assert!(self.files() == before, "{what}: something was overwritten");
            return false;
        }
        server.wait_ready();
        let mut bob = LineClient::enter_channel(&server, "bob", "new");
        bob.send("anybody here");
        let answer = bob.expect_line("an answer", &|line| {
            line.contains("@bob: anybody here") || line.contains("could not be stored")
        });
        // The client concerned is told of damage that shows only later.
        if answer.starts_with('!') {
            server.wait_output("messages cannot be stored");
        }
        bob.send("/join #dev");
        bob.settle();
        true
    }

    /// The start must succeed; the messages found are the first ones of
    /// `texts`.
    fn has_the_first_of(&self, texts: &[String], what: &str) -> usize {
        let mut server = self.spawn();
        server.wait_ready();
        let mut bob = LineClient::enter(&server, "bob");
        bob.send("/join #dev");
        bob.send("/history 100");
        let heard = bob.settle();
        // The last twenty messages come unasked first.
        let begin = heard.iter().rposition(|line| line.contains("@alice: 0 "));
        let found: Vec<&str> = heard[begin.unwrap_or(heard.len())..]
            .iter()
            .filter_map(|line| Some(line.split_once("@alice: ")?.1))
            .collect();
        let expected = texts.iter().take(found.len());
        assert!(expected.eq(found.iter()), "{what}: {heard:#?}");
        bob.send("still working");
        bob.expect_message("bob", "still working");
        found.len()
    }
}

fn assert_refused(server: &mut Server, what: &str, file: &Path) {
    assert_eq!(server.wait_exit().code(), Some(1), "{what}");
    let words = server.output();
    assert!(words.contains(file.to_str().unwrap()), "{what}: {words}");
    let advice = [
        "restore it from a backup",
        "move it away",
        "or restore a backup",
        "another",
    ];
    let advised = advice.iter().any(|advice| words.contains(advice));
    assert!(advised, "{what}: {words}");
    assert!(!words.contains("panicked"), "{what}: {words}");
}

#[test]
fn a_database_that_was_cut_short_is_refused() {
    let original = Original::new(false);
    let length = original.length("chat.db");
    assert!(length > 20 * 4096, "{length} bytes are not much to cut");
    for _ in 0..6 {
        let left = 1 + random(length - 1);
        let copy = original.damaged("chat.db", |bytes| bytes.truncate(left as usize));
        copy.is_refused(&format!("{left} of {length} bytes"), "chat.db");
    }
}

#[test]
fn a_database_with_wrong_bytes_is_refused_or_works() {
    let original = Original::new(false);
    let length = original.length("chat.db");
    let mut refused = 0;
    for round in 0..20 {
        // First the header, then any place.
        let (at, bytes) = match round {
            0..8 => (random(100), 1),
            _ => (random(length - 256), 256),
        };
        let copy = original.damaged("chat.db", |file| {
            for byte in &mut file[at as usize..][..bytes] {
                *byte = !*byte;
            }
        });
        let what = format!("{bytes} wrong bytes at {at} of {length}");
        println!("{what}");
        refused += usize::from(!copy.is_refused_or_works(&what));
    }
    println!("{refused} of 20 were refused");
}

#[test]
fn a_write_ahead_log_that_was_cut_or_changed_keeps_all_before_that() {
    let original = Original::new(true);
    let length = original.length("chat.db-wal");
    assert!(length > 20 * 4096, "{length} bytes are not much to cut");
    let whole = original.damaged("chat.db-wal", |_| {});
    let all = whole.has_the_first_of(&original.texts, "the whole log");
    assert_eq!(all, MESSAGES);
    let mut cuts: Vec<u64> = (0..6).map(|_| 1 + random(length - 1)).collect();
    cuts.sort_unstable();
    let mut kept = 0;
    for left in cuts {
        let copy = original.damaged("chat.db-wal", |bytes| bytes.truncate(left as usize));
        let what = format!("{left} of {length} bytes of the log");
        // So short that there is no database yet: the server says so.
        if !copy.spawn().gets_ready() {
            copy.is_refused(&what, "chat.db");
            assert_eq!(kept, 0, "{what}");
            continue;
        }
        let found = copy.has_the_first_of(&original.texts, &what);
        assert!(
            found >= kept,
            "{what}: {found} messages, and {kept} of less"
        );
        kept = found;
    }
    for _ in 0..4 {
        let at = 4096 + random(length - 4096);
        let copy = original.damaged("chat.db-wal", |bytes| bytes[at as usize] ^= 1);
        let what = format!("a wrong bit at {at} of {length} of the log");
        copy.has_the_first_of(&original.texts, &what);
    }
}

#[test]
fn small_files_that_are_damaged_are_refused() {
    let original = Original::new(false);
    let damages: [(&str, &[u8]); 7] = [
        ("admin-token", b""),
        ("admin-token", b"\0\xff\n"),
        ("bans.json", b"{\"bans\": [{"),
        ("bans.json", b"\xff\xfe"),
        ("signing-key", b"tiny"),
        ("cloak-key", b""),
        ("cloak-key", b"tiny"),
    ];
    for (file, damage) in damages {
        let copy = original.damaged(file, |bytes| *bytes = damage.to_vec());
        let path = copy.dir.path().join(file);
        fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
        let mut server = copy.spawn();
        assert!(!server.gets_ready(), "{file} {damage:?}: it started");
        assert_eq!(server.wait_exit().code(), Some(1));
        let words = server.output();
        assert!(words.contains(path.to_str().unwrap()), "{words}");
        let advised = ["delete the file", "delete it", "move it away"];
        assert!(advised.iter().any(|word| words.contains(word)), "{words}");
        assert!(fs::read(&path).unwrap() == damage, "{file} was overwritten");
    }
}
