//! `chat-server backup`: a copy of a database in use, with which a server can
//! start.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::{Command, Output};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use crate::store_suite::{id, name, person, said};
use crate::support::{LineClient, Server, SmallDisk, User, not_tested, wait_until};
use chat_server::store::{
    Conversation, Durability, Message, SqliteSettings, SqliteStore, Store, Window,
};
use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use serde_json::json;

const WRITERS: usize = 4;

/// `chat-server backup` with a server's configuration.
fn back_up(server: &Server, to: &Path) -> Output {
    back_up_by(&server.dir().join("config.json"), to)
}

fn back_up_by(config: &Path, to: &Path) -> Output {
    Command::new(env!("CARGO_BIN_EXE_chat-server"))
        .arg("-c")
        .arg(config)
        .arg("backup")
        .arg(to)
        .output()
        .unwrap()
}

/// Its output after a successful run.
fn done(output: &Output) -> String {
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {errors}", output.status);
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Its output after a refusal.
fn refused(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(output.stdout.is_empty(), "{output:?}");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Makes a database that is so large that copying it takes a while.
fn fill(folder: &Path, messages: u64) {
    fs::create_dir_all(folder).unwrap();
    let settings = SqliteSettings {
        durability: Durability::Process,
        ..SqliteSettings::new(folder.join("chat.db"))
    };
    let store = crate::open_store(settings);
    store.create_account(&person("keeper")).unwrap();
    let text = "what is to be kept ".repeat(20);
    for batch in (1..=messages).collect::<Vec<u64>>().chunks(1000) {
        let batch: Vec<Message> = batch.iter().map(|&ms| said(ms, "old", &text)).collect();
        store.append(&batch).unwrap();
    }
}

/// Writes a configuration for a data folder.
fn configure(folder: &Path) -> std::path::PathBuf {
    let path = folder.join("config.json");
    let config = json!({ "data_dir": folder.join("data") });
    fs::write(&path, config.to_string()).unwrap();
    path
}

/// All messages in a channel.
fn history(store: &SqliteStore, channel: &str) -> Vec<String> {
    let channel = Conversation::Channel(name(channel));
    let (mut texts, mut last) = (Vec::new(), id(0));
    loop {
        let page = store.history(&channel, Window::After(last), 1000).unwrap();
        let Some(newest) = page.messages.last() else {
            return texts;
        };
        last = newest.id;
        texts.extend(
            page.messages
                .iter()
                .map(|message| message.body.text.to_string()),
        );
    }
}

fn nothing_is_left_of(to: &Path) {
    let folder = to.parent().unwrap();
    let left: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.starts_with("copy"))
        .collect();
    assert_eq!(left, [""; 0]);
}

#[test]
fn a_backup_under_load_has_no_gap_and_a_server_starts_with_it() {
    let server = Server::start(|config| {
        config["limits"]["message_rate"] = 0.into();
        fill(Path::new(config["data_dir"].as_str().unwrap()), 40_000);
    });
    let to = server.dir().join("copy.db");
    let said_so_far: [AtomicUsize; WRITERS] = Default::default();
    let is_over = AtomicBool::new(false);
    let (before, output, after) = std::thread::scope(|scope| {
        for (writer, so_far) in said_so_far.iter().enumerate() {
            let (server, is_over) = (&server, &is_over);
            scope.spawn(move || {
                let nickname = format!("writer{writer}");
                let mut client = LineClient::enter_channel(server, &nickname, "dev");
                for number in 1.. {
                    let text = format!("{writer} {number}");
                    client.send(&text);
                    client.expect_message(&nickname, &text);
                    so_far.store(number, Ordering::SeqCst);
                    if is_over.load(Ordering::SeqCst) {
                        return;
                    }
                }
            });
        }
        let counts = || {
            said_so_far
                .each_ref()
                .map(|so_far| so_far.load(Ordering::SeqCst))
        };
        wait_until("all are writing", || {
            counts().iter().all(|&count| count > 5)
        });
        let before = counts();
        let output = back_up(&server, &to);
        let after = counts();
        is_over.store(true, Ordering::SeqCst);
        (before, output, after)
    });
    let words = done(&output);
    assert!(
        words.contains("copied and checked: 1 accounts, "),
        "{words}"
    );
    assert!(words.contains(", all up to 20"), "{words}");
    assert!(
        after
            .iter()
            .zip(&before)
            .any(|(after, before)| after > before),
        "no writer wrote"
    );
    let mode = fs::metadata(&to).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    fs::rename(&to, server.dir().join("kept.db")).unwrap();
    nothing_is_left_of(&to);

    // Everything that a client had seen before, and of each writer the first
    // messages.
    let restored = tempfile::tempdir().unwrap();
    let data = restored.path().join("data");
    fs::create_dir(&data).unwrap();
    fs::copy(server.dir().join("kept.db"), data.join("chat.db")).unwrap();
    let store = crate::open_store(SqliteSettings::new(data.join("chat.db")));
    assert_eq!(history(&store, "old").len(), 40_000);
    let texts = history(&store, "dev");
    for (writer, before) in before.iter().enumerate() {
        let start = format!("{writer} ");
        let numbers: Vec<usize> = texts
            .iter()
            .filter_map(|text| text.strip_prefix(&start)?.parse().ok())
            .collect();
        assert!(numbers.len() >= *before, "of writer {writer}: {numbers:?}");
        let expected: Vec<usize> = (1..=numbers.len()).collect();
        assert_eq!(numbers, expected, "of writer {writer}");
    }
    drop(store);

    // As docs/store.md says: the copy takes the place of chat.db.
    let again = Server::start(|config| config["data_dir"] = json!(data));
    let mut reader = LineClient::enter_channel(&again, "reader", "dev");
    reader.send("/history");
    reader.expect(texts.last().unwrap());
    reader.send("and on");
    reader.expect_message("reader", "and on");
}

#[test]
fn what_a_killed_server_has_committed_is_in_a_backup() {
    let mut server = Server::start(|_| {});
    let mut client = LineClient::enter_channel(&server, "mina", "dev");
    client.send("before the end");
    client.expect_message("mina", "before the end");
    server.kill();
    let log = server.dir().join("data/chat.db-wal");
    assert!(fs::metadata(log).unwrap().len() > 0, "not in the file yet");
    let to = server.dir().join("copy.db");
    done(&back_up(&server, &to));
    let store = crate::open_store(SqliteSettings::new(&to));
    assert!(history(&store, "dev").contains(&"before the end".to_owned()));
    // The database itself is unharmed.
    server.start_again();
}

#[test]
fn no_file_is_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    fill(&folder.path().join("data"), 10);
    let config = configure(folder.path());
    let to = folder.path().join("copy.db");
    fs::write(&to, "somebody's").unwrap();
    let words = refused(&back_up_by(&config, &to));
    assert!(
        words.contains("is there already") && words.contains("copy.db"),
        "{words}"
    );
    assert_eq!(fs::read_to_string(&to).unwrap(), "somebody's");
    fs::remove_file(&to).unwrap();
    // Nor a file behind a symbolic link.
    let elsewhere = folder.path().join("elsewhere");
    symlink(&elsewhere, &to).unwrap();
    refused(&back_up_by(&config, &to));
    fs::remove_file(&to).unwrap();
    let partial = folder.path().join("copy.db.partial");
    symlink(&elsewhere, &partial).unwrap();
    refused(&back_up_by(&config, &to));
    assert!(!elsewhere.exists());
    fs::remove_file(&partial).unwrap();
    // Least of all the database itself.
    let database = folder.path().join("data/chat.db");
    let bytes = fs::read(&database).unwrap();
    refused(&back_up_by(&config, &database));
    assert_eq!(fs::read(&database).unwrap(), bytes);
}

#[test]
fn two_to_one_name_do_not_mix_and_what_one_left_is_begun_anew() {
    let folder = tempfile::tempdir().unwrap();
    fill(&folder.path().join("data"), 10);
    let config = configure(folder.path());
    let to = folder.path().join("copy.db");
    let partial = folder.path().join("copy.db.partial");
    let other = fs::File::create(&partial).unwrap();
    other.lock().unwrap();
    let words = refused(&back_up_by(&config, &to));
    assert!(words.contains("another backup is writing"), "{words}");
    assert!(partial.exists(), "it is the other one's");
    drop(other);
    // A backup that was killed left this behind.
    fs::write(&partial, vec![7; 100_000]).unwrap();
    done(&back_up_by(&config, &to));
    assert!(!partial.exists());
    let store = crate::open_store(SqliteSettings::new(&to));
    assert_eq!(history(&store, "old").len(), 10);
}

#[test]
fn what_cannot_be_copied_is_said_and_nothing_is_left() {
    let folder = tempfile::tempdir().unwrap();
    let config = configure(folder.path());
    let (data, to) = (folder.path().join("data"), folder.path().join("copy.db"));
    let words = refused(&back_up_by(&config, &to));
    assert!(
        words.contains("chat.db") && words.contains("No such file"),
        "{words}"
    );
    nothing_is_left_of(&to);

    fs::create_dir(&data).unwrap();
    for strange in [vec![], vec![7; 8192]] {
        fs::write(data.join("chat.db"), &strange).unwrap();
        let words = refused(&back_up_by(&config, &to));
        assert!(
            words.contains("is not a database of this server"),
            "{words}"
        );
        assert_eq!(fs::read(data.join("chat.db")).unwrap(), strange);
    }
    fs::remove_file(data.join("chat.db")).unwrap();
    let path = data.join("chat.db").to_str().unwrap().to_owned();
    let mut other = SqliteConnection::establish(&path).unwrap();
    other
        .batch_execute("CREATE TABLE recipe (name TEXT)")
        .unwrap();
    drop(other);
    let words = refused(&back_up_by(&config, &to));
    assert!(
        words.contains("is not a database of this server"),
        "{words}"
    );
    nothing_is_left_of(&to);

    fs::remove_file(data.join("chat.db")).unwrap();
    fill(&data, 3000);
    let nowhere = folder.path().join("nowhere/copy.db");
    let words = refused(&back_up_by(&config, &nowhere));
    assert!(
        words.contains("cannot write") && words.contains("nowhere"),
        "{words}"
    );

    // Damages pages in the middle of the file.
    let mut bytes = fs::read(data.join("chat.db")).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle..middle + 40_000].fill(0x5a);
    fs::write(data.join("chat.db"), &bytes).unwrap();
    let words = refused(&back_up_by(&config, &to));
    assert!(
        words.contains("malformed") || words.contains("not sound"),
        "{words}"
    );
    nothing_is_left_of(&to);
    assert_eq!(
        fs::read(data.join("chat.db")).unwrap(),
        bytes,
        "left as it is"
    );
}

#[test]
fn a_full_disk_is_said_and_nothing_is_left() {
    let folder = tempfile::tempdir().unwrap();
    fill(&folder.path().join("data"), 5000);
    let config = configure(folder.path());
    let Some(disk) = SmallDisk::mount(folder.path().join("disk"), 1) else {
        return not_tested("a small disk can only be mounted by root");
    };
    let to = disk.path().join("copy.db");
    let words = refused(&back_up_by(&config, &to));
    assert!(words.contains("full"), "{words}");
    nothing_is_left_of(&to);
    assert_eq!(fs::read_dir(disk.path()).unwrap().count(), 0);
}

#[cfg(feature = "cluster")]
#[test]
fn with_postgresql_it_says_what_to_use() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config.json");
    let to = folder.path().join("copy.db");
    for settings in [
        json!({"store": {"postgres": "postgres://chat:hunter2@db/chat"}}),
        json!({"cluster": {"redis": "redis://r", "postgres": "postgres://chat:hunter2@db/chat"}}),
    ] {
        fs::write(&path, settings.to_string()).unwrap();
        let words = refused(&back_up_by(&path, &to));
        assert!(words.contains("pg_dump"), "{words}");
        assert!(!words.contains("hunter2"), "{words}");
    }
}
