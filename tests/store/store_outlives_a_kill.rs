//! Nothing acknowledged is lost when the process is killed.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use chat_server::hub::MessageId;
use chat_server::name::Name;
use chat_server::store::{
    AccountId, AppendRefused, Conversation, Message, NewAccount, Outcome, Place, Secret,
    SqliteSettings, Store, StoreWriter, Window, WriterSettings,
};
use chat_server::text::Text;

/// The variable that names the file to a child process.
const CHILD_FILE: &str = "CHAT_TEST_CHILD_FILE";

fn name(raw: &str) -> Name {
    Name::parse(raw).unwrap()
}

/// All ids of a channel and of a thread, each in the order of its history.
fn all_ids(store: &dyn Store) -> [Vec<MessageId>; 2] {
    let thread = Conversation::Thread(AccountId(1), AccountId(2));
    [Conversation::Channel(name("dev")), thread].map(|conversation| {
        let mut ids = Vec::new();
        loop {
            let last = ids.last().copied().unwrap_or_default();
            let history = store
                .history(&conversation, Window::After(last), 1000)
                .unwrap();
            ids.extend(history.messages.iter().map(|message| message.id));
            if history.is_complete() {
                break ids;
            }
        }
    })
}

fn person(username: &str) -> NewAccount {
    NewAccount {
        username: name(username),
        first_name: String::new(),
        last_name: String::new(),
        email: None,
        phone: None,
        unique_contacts: true,
        password_hash: Secret::new("none"),
        created_at: 0,
    }
}

fn message(id: MessageId, is_direct: bool) -> Message {
    let place = if is_direct {
        Place::Direct {
            from: AccountId(1),
            to: AccountId(2),
        }
    } else {
        Place::Channel {
            channel: name("dev"),
            account: None,
        }
    };
    Message {
        id,
        at_ms: id.ms,
        author: name("ann"),
        place,
        body: Text::clean("a message that must not be lost").into(),
    }
}

/// Appends for ever, and prints each id once it is committed.
#[test]
#[ignore = "run by the others, in a child process that is killed"]
fn child_that_is_killed() {
    let path = std::env::var_os(CHILD_FILE).expect("only to be started by another test");
    let store = Arc::new(crate::open_store(SqliteSettings::new(path)));
    for who in ["ann", "bob"] {
        // The second child finds them there.
        let _ = store.create_account(&person(who));
    }
    let mut last = store.last_message_id().unwrap();
    let settled = |outcomes: Vec<Outcome>| {
        let mut lines = String::new();
        for outcome in outcomes {
            outcome.result.unwrap();
            lines.push_str(&format!("committed {}\n", outcome.id));
        }
        std::io::stdout().write_all(lines.as_bytes()).unwrap();
    };
    let settings = WriterSettings {
        queue_bytes: 20_000,
        quiet: Duration::from_millis(1),
        ..WriterSettings::default()
    };
    let (_writer, appender) = StoreWriter::start(store, settings, settled).unwrap();
    for n in 0_usize.. {
        let mut batch = Vec::new();
        for _ in 0..n % 5 + 1 {
            last = last.next(1000 + n as u64 / 7);
            batch.push(message(last, n % 3 == 0).into());
        }
        while let Err(refused) = appender.try_append(batch) {
            let AppendRefused::Full(again) = refused else {
                panic!("the writer has ended");
            };
            batch = again;
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

#[test]
fn what_was_committed_outlives_being_killed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("chat.db");
    let mut committed: Vec<MessageId> = Vec::new();
    for _ in 0..10 {
        committed.extend(run_and_kill(&path));
        let store = crate::open_store(SqliteSettings::new(&path));
        let ids = all_ids(&store);
        for ids in &ids {
            assert!(ids.is_sorted_by(|one, next| one < next));
        }
        let mut stored = ids.concat();
        stored.sort();
        assert!(
            stored.is_sorted_by(|one, next| one < next),
            "an id is there twice"
        );
        let missing = committed
            .iter()
            .find(|id| stored.binary_search(id).is_err());
        assert_eq!(missing, None);
        assert_eq!(store.last_message_id().unwrap(), *stored.last().unwrap());
    }
    assert!(committed.is_sorted_by(|one, next| one < next));
}

/// Lets a child commit for a while and kills it; returns the ids it reported.
fn run_and_kill(path: &Path) -> Vec<MessageId> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "store_outlives_a_kill::child_that_is_killed",
            "--ignored",
            "--nocapture",
        ])
        .env(CHILD_FILE, path)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut random = [0; 2];
    getrandom::fill(&mut random).unwrap();
    let enough = usize::from(u16::from_le_bytes(random) % 3000) + 1;
    let mut committed = Vec::new();
    let mut killed = false;
    // What was in the pipe when it was killed counts as reported.
    let mut output = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    while output.read_line(&mut line).unwrap() > 0 {
        if line.ends_with('\n')
            && let Some(id) = line.trim().strip_prefix("committed ")
        {
            committed.push(id.parse().unwrap());
        }
        line.clear();
        if committed.len() >= enough && !killed {
            child.kill().unwrap();
            killed = true;
        }
    }
    child.wait().unwrap();
    assert!(killed, "it ended by itself");
    committed
}
