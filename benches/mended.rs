//! What edits and reactions cost: a page of a history with them and without, a message with as many
//! reactions as there may be, and what it takes to store changes.
//!
//! The store is in a real file in a temporary folder; `CHAT_BENCH_DIR` names another folder.

use std::hint::black_box;
use std::sync::Arc;

use chat_server::hub::{
    Chore, Command, ConnectionId, Effect, Effects, Event, Hub, Limits, Message, MessageId, Now,
    Profile, Reading,
};
use chat_server::model::{Amendment, MAX_REACTIONS, MAX_SIGNS, Reaction, Record, Sign};
use chat_server::name::Name;
use chat_server::protocol::{Encoder, WireFormat};
use chat_server::store::{
    Conversation, History, Place, SqliteSettings, SqliteStore, Store, Window,
};
use chat_server::text::Text;
use criterion::{Criterion, criterion_group, criterion_main};
use tempfile::TempDir;

const START_MS: u64 = 1_790_000_000_000;
/// Messages of a page.
const PAGE: u64 = 50;

fn id(n: u64) -> MessageId {
    MessageId {
        ms: START_MS + n,
        sequence: 0,
    }
}

fn name(raw: &str) -> Name {
    Name::parse(raw).unwrap()
}

fn message(n: u64) -> Message {
    Message {
        id: id(n),
        at_ms: START_MS + n,
        author: name("ann"),
        place: Place::Channel {
            channel: name("dev"),
            account: None,
        },
        body: Text::clean(&format!("{n:08} {}", "lorem ipsum ".repeat(8))).into(),
    }
}

/// The edit of a message, as change number `change`.
fn edited(n: u64, change: u64) -> Record {
    let Message {
        author,
        place,
        body,
        ..
    } = message(n);
    Record::Amend(Box::new(Amendment {
        id: id(change),
        message: id(n),
        place,
        by: Some(author.clone()),
        author,
        to: None,
        body: body.changed_by(id(change)),
        reason: None,
    }))
}

/// A reaction of user `user`, as change number `change`.
fn reaction(n: u64, change: u64, user: u64, on: bool) -> Reaction {
    let Message { author, place, .. } = message(n);
    let sign = format!("sign{}", user % MAX_SIGNS as u64);
    Reaction {
        id: id(change),
        message: id(n),
        place,
        author,
        to: None,
        by: name(&format!("member{user}")),
        account: None,
        sign: Sign::parse(&sign).unwrap(),
        on,
    }
}

fn reacted(n: u64, change: u64, user: u64, on: bool) -> Record {
    Record::React(Box::new(reaction(n, change, user, on)))
}

/// A store with a page of messages in a channel.
struct Stored {
    store: Arc<dyn Store>,
    _folder: TempDir,
    changes: u64,
}

impl Stored {
    fn new() -> Stored {
        let folder = match std::env::var_os("CHAT_BENCH_DIR") {
            Some(folder) => tempfile::tempdir_in(folder).unwrap(),
            None => tempfile::tempdir().unwrap(),
        };
        let settings = SqliteSettings::new(folder.path().join("chat.db"));
        let mut stored = Stored {
            store: Arc::new(SqliteStore::open(settings).unwrap()),
            _folder: folder,
            changes: 1_000_000,
        };
        stored.commit((0..PAGE).map(|n| message(n).into()).collect());
        stored
    }

    fn next(&mut self) -> u64 {
        self.changes += 1;
        self.changes
    }

    fn commit(&mut self, records: Vec<Record>) {
        let outcomes = self.store.commit(&records).unwrap();
        assert!(outcomes.iter().all(Result::is_ok));
    }

    /// Every message is edited, and five users have reacted to each.
    fn mend_all(mut self) -> Stored {
        for n in 0..PAGE {
            let mut changes = vec![edited(n, self.next())];
            changes.extend((0..5).map(|user| reacted(n, self.next(), user, true)));
            self.commit(changes);
        }
        self
    }

    /// One message has as many reactions as it may have.
    fn react_much(mut self) -> Stored {
        let users = 0..MAX_REACTIONS as u64;
        let all = users.map(|user| reacted(PAGE - 1, self.next(), user, true));
        let all = all.collect();
        self.commit(all);
        self
    }

    fn page(&self) -> History {
        let channel = Conversation::Channel(name("dev"));
        let page = self.store.history(&channel, Window::Latest, PAGE as usize);
        page.unwrap()
    }
}

/// A hub of which a member has asked for a page.
struct Asked {
    hub: Hub,
    fx: Effects,
    now: Now,
    reading: Reading,
}

impl Asked {
    fn new() -> Asked {
        let mut hub = Hub::new(Limits {
            history: true,
            ..Limits::none()
        });
        let mut fx = Effects::default();
        let now = Now {
            unix_ms: START_MS,
            ticks_ms: 0,
        };
        let id = ConnectionId {
            index: 0,
            generation: 0,
        };
        let profile = Profile {
            protocol: "bench",
            address: "192.0.2.1:1".parse().unwrap(),
            cloak: None,
            one_channel: false,
            shows_past: true,
            ends_with_channel: false,
            keeps_rosters: false,
        };
        hub.open(id, profile, now, &mut fx);
        hub.claim(id, name("member7"), None, now, &mut fx).unwrap();
        hub.apply(id, Command::Join(name("dev")), now, &mut fx);
        for effect in fx.take_list() {
            if let Effect::Chore(Chore::Recall(recall)) = effect {
                hub.recalled(&recall, Vec::new(), now, &mut fx);
            }
        }
        fx.clear();
        let history = Command::History {
            channel: Some(name("dev")),
            window: Window::Latest,
            limit: PAGE as usize,
        };
        hub.apply(id, history, now, &mut fx);
        let reading = fx.take_list().into_iter().find_map(|effect| match effect {
            Effect::Chore(Chore::Read(reading)) => Some(reading),
            _ => None,
        });
        Asked {
            hub,
            fx,
            now,
            reading: reading.unwrap(),
        }
    }

    /// The bytes that a JSON client is sent.
    fn tell(&mut self, history: History, encoder: &mut Encoder, out: &mut Vec<u8>) {
        let (hub, fx) = (&mut self.hub, &mut self.fx);
        hub.history_read(&self.reading, Some(history), self.now, fx);
        let list = fx.take_list();
        for effect in &list {
            if let Effect::Deliver { event, .. } = effect {
                assert!(matches!(event, Event::History { .. }));
                encoder.event(WireFormat::Json, event, out);
            }
        }
        fx.put_back(list);
        fx.clear();
    }
}

fn pages(c: &mut Criterion) {
    let mut group = c.benchmark_group("a page of 50 messages");
    for (kind, stored) in [
        ("plain", Stored::new()),
        ("all edited, 5 reactions each", Stored::new().mend_all()),
        ("one with 1000 reactions", Stored::new().react_much()),
    ] {
        group.bench_function(format!("read, {kind}"), |b| {
            b.iter(|| black_box(stored.page()).messages.len());
        });
        let (mut asked, page) = (Asked::new(), stored.page());
        let (mut encoder, mut out) = (Encoder::new(String::new()), Vec::new());
        group.bench_function(format!("mended and encoded, {kind}"), |b| {
            b.iter(|| {
                out.clear();
                asked.tell(page.clone(), &mut encoder, &mut out);
                out.len()
            });
        });
    }
    group.finish();
}

fn changes(c: &mut Criterion) {
    let mut group = c.benchmark_group("store 50 changes at once");
    let mut stored = Stored::new();
    let mut first = 2 * PAGE;
    group.bench_function("messages", |b| {
        b.iter(|| {
            first += PAGE;
            stored.commit((first..first + PAGE).map(|n| message(n).into()).collect());
        });
    });
    let mut stored = Stored::new();
    group.bench_function("edits", |b| {
        b.iter(|| {
            let edits = (0..PAGE).map(|n| edited(n, stored.next()));
            let edits = edits.collect();
            stored.commit(edits);
        });
    });
    for (kind, mut stored) in [
        ("reactions to one message", Stored::new()),
        (
            "reactions to one message that has 1000",
            Stored::new().react_much(),
        ),
    ] {
        let mut turn = 0;
        group.bench_function(kind, |b| {
            b.iter(|| {
                turn += 1;
                let on = turn % 2 == 0;
                let given = (0..PAGE).map(|user| reacted(PAGE - 1, stored.next(), user, on));
                let given = given.collect();
                stored.commit(given);
            });
        });
    }
    group.finish();
}

fn live(c: &mut Criterion) {
    let mut group = c.benchmark_group("apply a reaction");
    for (kind, stored) in [
        ("the first", Stored::new()),
        ("to a message that has 1000", Stored::new().react_much()),
    ] {
        let mut message = stored.page().messages.pop().unwrap();
        let mut turn = 2_000_000;
        group.bench_function(kind, |b| {
            b.iter(|| {
                turn += 1;
                reaction(PAGE - 1, turn, 7, turn % 2 == 0).apply(&mut message);
            });
        });
    }
    group.finish();
}

criterion_group!(benches, pages, changes, live);
criterion_main!(benches);
