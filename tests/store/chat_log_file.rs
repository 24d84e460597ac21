//! A chat log with a file name set by the administrator.

use std::fs;
use std::path::{Path, PathBuf};

use crate::support::{LineClient, Server, User, wait_until};

/// Sends a message as a guest and waits for its echo.
fn say(server: &Server, text: &str) {
    let mut alice = LineClient::enter_channel(server, "alice", "dev");
    alice.send(text);
    alice.expect_message("alice", text);
}

fn files_of(folder: &Path, start: &str) -> Vec<PathBuf> {
    let files = fs::read_dir(folder).unwrap();
    let files = files.map(|file| file.unwrap().path());
    files
        .filter(|path| {
            let name = path.file_name().unwrap().to_str().unwrap();
            name.starts_with(start)
        })
        .collect()
}

#[test]
fn a_named_file_is_written_rotated_and_searched() {
    let logs = tempfile::tempdir().unwrap();
    // The folder does not exist yet.
    let folder = logs.path().join("var/chat");
    let file = folder.join("server.txt");
    let mut server = Server::start(|config| {
        config["chat_log"]["file"] = file.to_str().unwrap().into();
        config["chat_log"]["rotate_bytes"] = 65_536.into();
        config["limits"]["message_rate"] = 0.into();
    });
    say(&server, "the first of all");
    wait_until("it is in the file", || {
        fs::read_to_string(&file).is_ok_and(|text| text.contains("the first of all"))
    });
    let mut bob = LineClient::enter_channel(&server, "bob", "dev");
    for number in 0..100 {
        let text = format!("{number} {}", "x".repeat(2000));
        bob.send(&text);
        bob.expect_message("bob", &text);
    }
    wait_until("it was rotated beside itself", || {
        files_of(&folder, "server-").len() >= 2
    });
    assert!(!server.dir().join("data/chatlog/chat.log").exists());
    server.log("pattern=the%20first&kind=message", 1);
    // A file that was moved away keeps its content, as with any log.
    let moved = folder.join("moved");
    fs::rename(&file, &moved).unwrap();
    server.hang_up();
    say(&server, "in a new file");
    wait_until("there is a new file", || {
        fs::read_to_string(&file).is_ok_and(|text| text.contains("in a new file"))
    });
    assert!(!fs::read_to_string(&moved).unwrap().contains("in a new"));
    server.restart();
    server.log("pattern=the%20first&kind=message", 1);
    server.log("pattern=in%20a%20new&kind=message", 1);
}

#[test]
fn a_file_that_cannot_be_written_is_named_and_nothing_is_started() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    fs::write(path("file"), "").unwrap();
    rustix::fs::mknodat(
        rustix::fs::CWD,
        path("pipe"),
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR,
        0,
    )
    .unwrap();
    for (file, code, why) in [
        // Not even root can write there.
        (path("file/chat.log"), 1, "cannot be written: "),
        ("/proc/chat.log".to_owned(), 1, "cannot be written: "),
        (path("pipe"), 2, "it is not a regular file"),
        ("/dev/null".to_owned(), 2, "it is not a regular file"),
        (path(""), 2, "is a folder; name a file in it"),
        (path("new/"), 2, "expected the path of a file"),
        (path(".."), 2, "is a folder; name a file in it"),
    ] {
        let mut server = Server::spawn(|config| {
            config["chat_log"]["file"] = file.as_str().into();
        });
        let status = server.wait_exit();
        let output = server.output();
        assert_eq!(status.code(), Some(code), "{file}\n{output}");
        assert!(output.contains(why), "{file}\n{output}");
        assert!(output.contains("chat_log.file"), "{file}\n{output}");
        let shown = file.trim_end_matches("..").trim_end_matches('/');
        assert!(
            output.contains(shown) || code == 2,
            "{file} is not named\n{output}"
        );
        assert!(!output.contains("listening:"), "{file}\n{output}");
    }
}

#[test]
fn a_file_that_is_taken_by_another_kind_of_entry_is_refused() {
    let mut server = Server::spawn(|config| {
        let folder = config["data_dir"].as_str().unwrap().to_owned();
        config["chat_log"]["file"] = format!("{folder}/chatlog/audit.log").into();
    });
    assert_eq!(server.wait_exit().code(), Some(2), "{}", server.output());
    server.wait_output("audit.log is where what administrators did and what was refused is kept");
}

#[test]
fn the_servers_own_files_are_never_the_chat_log() {
    let names = [
        "admin-token",
        "signing-key",
        "cloak-key",
        "bans.json",
        "chat.db",
        "chat.db-wal",
        "chat.db-shm",
        "lock",
    ];
    for name in names {
        let mut server = Server::spawn(|config| {
            let folder = config["data_dir"].as_str().unwrap().to_owned();
            config["chat_log"]["file"] = format!("{folder}/../{}/{name}", base(&folder)).into();
        });
        let (status, output) = (server.wait_exit(), server.output());
        assert_eq!(status.code(), Some(2), "{name}\n{output}");
        let why = format!("is {name} of the data folder, which the chat log would spoil");
        assert!(output.contains(&why), "{output}");
        assert!(!output.contains("listening:"), "{output}");
    }
}

fn base(folder: &str) -> &str {
    folder.rsplit('/').next().unwrap()
}

#[test]
fn two_servers_do_not_write_to_one_file() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("chat.log");
    let name = |config: &mut serde_json::Value| {
        config["chat_log"]["file"] = file.to_str().unwrap().into();
    };
    let first = Server::start(name);
    let mut second = Server::spawn(name);
    let status = second.wait_exit();
    assert_eq!(status.code(), Some(1), "{}", second.output());
    second.wait_output("another server writes to it");
    say(&first, "undisturbed");
    first.log("pattern=undisturbed&kind=message", 1);
}

#[test]
fn a_file_with_other_text_is_written_on() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("chat.log");
    let before = "2017/03/01 12:00:00 a log of another program\nits last line";
    fs::write(&file, before).unwrap();
    let server = Server::start(|config| {
        config["chat_log"]["file"] = file.to_str().unwrap().into();
    });
    say(&server, "after what was there");
    server.log("pattern=after%20what&kind=message", 1);
    let text = fs::read_to_string(&file).unwrap();
    assert!(text.starts_with(&format!("{before}\n{{\"at\":")), "{text}");
    assert_eq!(files_of(dir.path(), "chat").len(), 1);
}
