//! Every message that a client has seen is still there after the server was
//! killed.

use std::collections::HashSet;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::support::{DEADLINE, LineClient, Server, User, wait_until};
use chat_server::hub::MessageId;
use chat_server::name::Name;
use chat_server::store::{Conversation, Message, SqliteSettings, SqliteStore, Store, Who, Window};

const ROUNDS: usize = 50;
const PASSWORD: &str = "long enough";
/// Longest life of the server after its first message, in milliseconds.
const LONGEST_MS: u64 = 120;

#[test]
fn after_fifty_kills_everything_anybody_saw_is_there_once_and_in_order() {
    let mut server = Server::start(|config| {
        config["limits"]["message_rate"] = 0.into();
        config["limits"]["auth_attempts"] = 0.into();
    });
    for nickname in ["ann", "ben"] {
        let mut client = LineClient::enter(&server, nickname);
        client.send(&format!("/register {PASSWORD}"));
        client.expect("is yours now");
    }
    let mut channel = Checked::default();
    let mut thread = Checked::default();
    for round in 0..ROUNDS {
        let talk_begun = Arc::new(Begun::default());
        let people: Vec<JoinHandle<Seen>> = ["ann", "ben", "cem", "dee"]
            .into_iter()
            .map(|nickname| {
                let (address, begun) = (server.telnet(), talk_begun.clone());
                thread::spawn(move || talk(address, nickname, round, &begun))
            })
            .collect();
        // However slow the machine is, each round has something to check.
        wait_until("a message was seen in public and one in private", || {
            talk_begun.in_public.load(Ordering::Relaxed)
                && talk_begun.in_private.load(Ordering::Relaxed)
        });
        // A random moment is the point of the test.
        thread::sleep(Duration::from_millis(random(LONGEST_MS)));
        server.kill();
        let mut seen = Seen::default();
        for person in people {
            let theirs = person.join().unwrap();
            seen.public.extend(theirs.public);
            seen.private.extend(theirs.private);
        }
        let store = open(server.dir());
        channel.check(&store, &dev(), &seen.public, round);
        thread.check(&store, &between(&store, "ann", "ben"), &seen.private, round);
        store.close().unwrap();
        drop(store);
        server.start_again();
    }
    assert!(channel.texts.len() >= ROUNDS && thread.texts.len() >= ROUNDS);
}

/// Whether the clients of a round have seen messages of both kinds.
#[derive(Default)]
struct Begun {
    in_public: AtomicBool,
    in_private: AtomicBool,
}

/// The messages that a client read.
#[derive(Default)]
struct Seen {
    public: Vec<String>,
    private: Vec<String>,
}

/// Talks until the server is gone, each message after the echo of the one
/// before; accounts also write to each other.
fn talk(address: SocketAddr, nickname: &str, round: usize, begun: &Begun) -> Seen {
    let peer = match nickname {
        "ann" => Some("ben"),
        "ben" => Some("ann"),
        _ => None,
    };
    let mut seen = Seen::default();
    let Ok(mut stream) = TcpStream::connect(address) else {
        return seen;
    };
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    let hello = match peer {
        Some(_) => format!("/login {nickname} {PASSWORD}\n/join #dev\n"),
        None => format!("{nickname}\n/join #dev\n"),
    };
    let mut number = 0;
    let mut next = || {
        number += 1;
        let text = format!("{nickname}-{round}-{number}");
        match peer {
            Some(peer) => format!("{text}\n/msg @{peer} {text}\n"),
            None => format!("{text}\n"),
        }
    };
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut send = |text: String| stream.write_all(text.as_bytes());
    let _ = send(hello);
    let _ = send(next());
    let mut line = String::new();
    while matches!(reader.read_line(&mut line), Ok(1..)) {
        // A line that the server did not finish does not count as seen.
        let Some(whole) = line.strip_suffix("\r\n") else {
            break;
        };
        if let Some((_, rest)) = whole.split_once(" -PM ") {
            let (_, text) = rest.split_once(": ").unwrap();
            seen.private.push(text.to_owned());
            begun.in_private.store(true, Ordering::Relaxed);
        } else if let Some((author, text)) = whole.split_once(": ")
            && author.contains(" @")
        {
            seen.public.push(text.to_owned());
            if author.ends_with(nickname) {
                begun.in_public.store(true, Ordering::Relaxed);
                let _ = send(next());
            }
        }
        line.clear();
    }
    seen
}

/// What was found in a conversation so far.
#[derive(Default)]
struct Checked {
    last: MessageId,
    texts: HashSet<String>,
}

impl Checked {
    fn check(
        &mut self,
        store: &SqliteStore,
        conversation: &Conversation,
        seen: &[String],
        round: usize,
    ) {
        loop {
            let window = Window::After(self.last);
            let history = store.history(conversation, window, 1000).unwrap();
            for message in &history.messages {
                self.add(message);
            }
            if history.messages.is_empty() {
                break;
            }
        }
        for text in seen {
            assert!(
                self.texts.contains(text),
                "round {round}: {text} was seen and is gone"
            );
        }
    }

    fn add(&mut self, message: &Message) {
        assert!(message.id > self.last, "{} after {}", message.id, self.last);
        self.last = message.id;
        let text = message.body.text.as_str().to_owned();
        assert!(
            self.texts.insert(text),
            "{} is there twice",
            message.body.text
        );
    }
}

fn open(dir: &Path) -> SqliteStore {
    crate::open_store(SqliteSettings::new(dir.join("data/chat.db")))
}

fn dev() -> Conversation {
    Conversation::Channel(Name::parse("dev").unwrap())
}

fn between(store: &SqliteStore, one: &str, other: &str) -> Conversation {
    let id = |name: &str| {
        let who = Who::Username(Name::parse(name).unwrap());
        store.account(&who).unwrap().unwrap().id
    };
    Conversation::Thread(id(one), id(other))
}

/// A random number from 0 to `most`.
fn random(most: u64) -> u64 {
    let mut bytes = [0; 8];
    getrandom::fill(&mut bytes).unwrap();
    u64::from_le_bytes(bytes) % (most + 1)
}
