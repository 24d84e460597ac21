//! What edits and reactions cost: publishing beside them, a page of a history with them and without, a
//! message with as many reactions as there may be as those who join are shown it and as it gets one more, and
//! what it takes to store changes and to overwrite deleted texts.
//!
//! The store is in a real file in a temporary folder; `CHAT_BENCH_DIR` names another folder.

use std::hint::black_box;
use std::sync::Arc;

use chat_server::hub::{
    Chore, Command, ConnectionId, Effect, Effects, Event, Hub, Limits, Message, MessageId, News,
    Now, Profile, Reading, Settled, Which, Wish,
};
use chat_server::model::{Amendment, Located, MAX_REACTIONS, MAX_SIGNS, Reaction, Record, Sign};
use chat_server::name::Name;
use chat_server::protocol::{Encoder, WireFormat};
use chat_server::store::{
    Conversation, History, Place, SqliteSettings, SqliteStore, Store, Window,
};
use chat_server::text::Text;
use criterion::{Criterion, criterion_group, criterion_main};
use diesel::connection::SimpleConnection;
use diesel::sqlite::SqliteConnection;
use diesel::{Connection, RunQueryDsl};
use tempfile::TempDir;

const START_MS: u64 = 1_790_000_000_000;
/// Messages of a page.
const PAGE: u64 = 50;
/// Members of a channel in which messages are published.
const MEMBERS: u32 = 100;
/// Changes of messages that the hub remembers.
const REMEMBERED: u64 = 1000;

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

/// A hub with a channel.
struct Room {
    hub: Hub,
    fx: Effects,
    now: Now,
}

fn connection(index: u32) -> ConnectionId {
    ConnectionId {
        index,
        generation: 0,
    }
}

impl Room {
    /// Some members are in it, `member7` first; it has a past, if the server keeps one.
    fn new(members: u32, past: Option<Vec<Message>>) -> Room {
        let hub = Hub::new(Limits {
            history: past.is_some(),
            ..Limits::none()
        });
        let now = Now {
            unix_ms: START_MS + 10_000_000,
            ticks_ms: 0,
        };
        let fx = Effects::default();
        let mut room = Room { hub, fx, now };
        for index in 0..members {
            room.enter(index);
            room.join(index);
            for effect in room.fx.take_list() {
                if let Effect::Chore(Chore::Recall(recall)) = effect {
                    let past = past.clone().unwrap_or_default();
                    (room.hub).recalled(&recall, past, room.now, &mut room.fx);
                }
            }
            room.fx.clear();
        }
        room
    }

    fn enter(&mut self, index: u32) {
        let profile = Profile {
            protocol: "bench",
            address: "192.0.2.1:1".parse().unwrap(),
            cloak: None,
            one_channel: false,
            shows_past: true,
            ends_with_channel: false,
            keeps_rosters: false,
        };
        let (id, nickname) = (connection(index), name(&format!("member{}", index + 7)));
        self.hub.open(id, profile, self.now, &mut self.fx);
        let claimed = self.hub.claim(id, nickname, None, self.now, &mut self.fx);
        claimed.unwrap();
    }

    fn join(&mut self, index: u32) {
        let join = Command::Join(name("dev"));
        (self.hub).apply(connection(index), join, self.now, &mut self.fx);
    }

    /// As many changes of messages as the hub remembers, in a channel.
    fn mended_in(mut self, channel: &str) -> Room {
        for n in 0..REMEMBERED {
            let Record::Amend(mut amendment) = edited(n, 1_000_000 + n) else {
                continue;
            };
            amendment.place = Place::Channel {
                channel: name(channel),
                account: None,
            };
            let news = News::Amended(amendment);
            self.hub.hear(news, self.now, &mut self.fx);
            self.fx.clear();
        }
        self
    }

    /// Publishes a message, and returns how many are told.
    fn say(&mut self) -> usize {
        let say = Command::Say {
            channel: None,
            body: Text::clean("lorem ipsum").into(),
        };
        self.hub.apply(connection(0), say, self.now, &mut self.fx);
        let list = self.fx.take_list();
        let to = list.iter().filter_map(|effect| match effect {
            Effect::Deliver { to, .. } => Some(self.fx.recipients(*to).len()),
            _ => None,
        });
        let told = to.sum();
        self.fx.put_back(list);
        self.fx.clear();
        told
    }

    /// The first member gives a message a sign or takes it back, and all are told. The store has the
    /// message as it was.
    fn react(&mut self, stored: &Located, on: bool, encoder: &mut Encoder, out: &mut Vec<u8>) {
        let (id, now) = (connection(0), self.now);
        let sign = Sign::parse("sign7").unwrap();
        let react = Command::Mend {
            message: Which::Id(stored.message.id),
            wish: Wish::React { sign, on: Some(on) },
        };
        self.hub.apply(id, react, now, &mut self.fx);
        for effect in self.fx.take_list() {
            if let Effect::Chore(Chore::Find(finding)) = effect {
                let found = Ok(Some(stored.clone()));
                self.hub.found(finding, found, now, &mut self.fx);
            }
        }
        for effect in self.fx.take_list() {
            if let Effect::Append(draft) = effect {
                let settled = Settled::by_id(draft.record.id(), true);
                self.hub.settle(settled, now, &mut self.fx);
            }
        }
        let list = self.fx.take_list();
        let mut told = 0;
        for effect in &list {
            if let Effect::Deliver { event, .. } = effect {
                assert!(matches!(event, Event::Reacted(_)));
                encoder.event(WireFormat::Json, event, out);
                told += 1;
            }
        }
        assert_eq!(told, 1);
        self.fx.put_back(list);
        self.fx.clear();
    }

    /// A client joins, is shown the past, and leaves. Nothing may be read for it.
    fn visit(&mut self, encoder: &mut Encoder, out: &mut Vec<u8>) {
        self.join(MEMBERS);
        let list = self.fx.take_list();
        for effect in &list {
            match effect {
                Effect::Deliver { event, .. } => {
                    encoder.event(WireFormat::Json, event, out);
                }
                Effect::Chore(Chore::Read(_) | Chore::Recall(_) | Chore::Find(_)) => {
                    panic!("the store is asked for one who joins");
                }
                _ => {}
            }
        }
        self.fx.put_back(list);
        self.fx.clear();
        let leave = Command::Leave {
            channel: Some(name("dev")),
            reason: None,
        };
        (self.hub).apply(connection(MEMBERS), leave, self.now, &mut self.fx);
        self.fx.clear();
    }
}

impl Asked {
    fn new() -> Asked {
        let Room {
            mut hub,
            mut fx,
            now,
        } = Room::new(1, Some(Vec::new()));
        let id = connection(0);
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

/// Edits in one channel cost those who write in another nothing.
fn publishing(c: &mut Criterion) {
    let mut group = c.benchmark_group("publish to 100 members");
    for (kind, mut room) in [
        ("nobody edits", Room::new(MEMBERS, None)),
        (
            "1000 messages of another channel were edited",
            Room::new(MEMBERS, None).mended_in("other"),
        ),
        (
            "1000 messages of this channel were edited",
            Room::new(MEMBERS, None).mended_in("dev"),
        ),
    ] {
        assert!(room.say() >= MEMBERS as usize - 1);
        group.bench_function(kind, |b| b.iter(|| room.say()));
    }
    group.finish();
}

/// Who joins is shown the last 20 messages out of the hub's memory.
fn joining(c: &mut Criterion) {
    let mut group = c.benchmark_group("join and be shown 20 messages");
    for (kind, stored) in [
        ("plain", Stored::new()),
        ("all edited, 5 reactions each", Stored::new().mend_all()),
        (
            "one with 1000 reactions of 20 signs",
            Stored::new().react_much(),
        ),
    ] {
        let past = stored.page().messages.split_off(PAGE as usize - 20);
        let mut room = Room::new(MEMBERS, Some(past));
        room.enter(MEMBERS);
        let (mut encoder, mut out) = (Encoder::new(String::new()), Vec::new());
        group.bench_function(kind, |b| {
            b.iter(|| {
                out.clear();
                room.visit(&mut encoder, &mut out);
                out.len()
            });
        });
    }
    group.finish();
}

/// What it costs that the database overwrites what it frees: the texts of a page are deleted.
fn overwriting(c: &mut Criterion) {
    let mut group = c.benchmark_group("delete 50 texts");
    for mode in ["OFF", "ON"] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("texts.db");
        let mut database = SqliteConnection::establish(path.to_str().unwrap()).unwrap();
        let prepare = format!(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA secure_delete = {mode};
             CREATE TABLE message (id INTEGER PRIMARY KEY, text TEXT NOT NULL);"
        );
        database.batch_execute(&prepare).unwrap();
        let said = "lorem ipsum ".repeat(8);
        group.bench_function(format!("secure_delete = {mode}"), |b| {
            b.iter(|| {
                let done = database.transaction(|database| {
                    for n in 0..PAGE {
                        let put = format!("INSERT OR REPLACE INTO message VALUES ({n}, '{said}')");
                        diesel::sql_query(put).execute(database)?;
                    }
                    diesel::sql_query("UPDATE message SET text = ''").execute(database)
                });
                done.unwrap()
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

/// From the command to what the members are told, without the store.
fn reacting(c: &mut Criterion) {
    let mut group = c.benchmark_group("react, and tell 100 members");
    // In turns the reaction is given and taken back.
    for (kind, stored, mut on) in [
        ("the first reaction", Stored::new(), true),
        (
            "one more reaction on a message with 1000",
            Stored::new().react_much(),
            false,
        ),
    ] {
        let past = stored.page().messages.split_off(PAGE as usize - 20);
        let message = past.last().cloned().unwrap();
        let found = Located::remembered(message);
        let mut room = Room::new(MEMBERS, Some(past));
        let (mut encoder, mut out) = (Encoder::new(String::new()), Vec::new());
        group.bench_function(kind, |b| {
            b.iter(|| {
                out.clear();
                room.react(&found, on, &mut encoder, &mut out);
                on = !on;
            });
        });
    }
    group.finish();
}

criterion_group!(
    benches,
    publishing,
    pages,
    joining,
    changes,
    overwriting,
    live,
    reacting
);
criterion_main!(benches);
