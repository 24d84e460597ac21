//! The outbox: one event to every member of a room over real sockets, and
//! unsent bytes that no socket accepts.

use std::io::Read;
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use chat_server::hub::{Circumstances, ConnectionId, Event, Message, MessageId};
use chat_server::name::Name;
use chat_server::net::backlog::{Backlog, Sent, Wire};
use chat_server::net::flusher::Flusher;
use chat_server::net::link::Link;
use chat_server::net::registry::Registry;
use chat_server::outbox::Outbox;
use chat_server::protocol::{Encoder, Speech, speech};
use chat_server::store::Place;
use chat_server::text::Text;
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use crossbeam_channel::never;
use rustix::event::epoll;

const MEMBERS: u32 = 200;
/// Unsent bytes at which a member counts as a slow reader.
const LIMIT: usize = 64 * 1024 * 1024;

fn event() -> Event {
    Event::Message(Message {
        id: MessageId {
            ms: 1_790_000_000_000,
            sequence: 1,
        },
        at_ms: 1_790_000_000_000,
        author: Name::parse("mina").unwrap(),
        place: Place::Channel {
            channel: Name::parse("dev").unwrap(),
            account: None,
        },
        body: Text::clean("a message of forty-seven characters, neither long").into(),
    })
}

/// An outbox with members' sockets that a thread reads and discards until the
/// outbox is gone.
fn outbox(speech: &Speech) -> (Outbox, Vec<ConnectionId>) {
    let flusher = Flusher::start().unwrap();
    let encoder = Encoder::new("Welcome.".to_owned());
    let registry = Arc::new(Registry::default());
    let mut outbox = Outbox::new(encoder, LIMIT, flusher, registry);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut clients = Vec::new();
    let ids = (0..MEMBERS).map(|index| {
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        clients.push(client);
        let (stream, _) = listener.accept().unwrap();
        let id = ConnectionId {
            index,
            generation: 0,
        };
        outbox.open(id, Arc::new(Link::new(stream)), speech);
        id
    });
    let ids = ids.collect();
    std::thread::spawn(move || read_all(clients));
    (outbox, ids)
}

fn read_all(clients: Vec<TcpStream>) {
    let epoll = epoll::create(epoll::CreateFlags::CLOEXEC).unwrap();
    for (index, client) in clients.iter().enumerate() {
        let data = epoll::EventData::new_u64(index as u64);
        epoll::add(&epoll, client, data, epoll::EventFlags::IN).unwrap();
    }
    let (mut events, mut chunk) = (Vec::with_capacity(256), vec![0; 65_536]);
    loop {
        events.clear();
        let into = rustix::buffer::spare_capacity(&mut events);
        let _ = epoll::wait(&epoll, into, None);
        for event in &events {
            let mut client = &clients[event.data.u64() as usize];
            if client.read(&mut chunk).unwrap_or(0) == 0 {
                return;
            }
        }
    }
}

fn fan_out(c: &mut Criterion) {
    let mut group = c.benchmark_group("deliver to 200 sockets");
    let event = event();
    for (name, speech) in [
        ("telnet", &speech::TELNET),
        ("WebSocket lines", &speech::WEBSOCKET_LINES),
        ("JSON", &speech::JSON),
    ] {
        for messages in [1, 64] {
            let (mut outbox, ids) = outbox(speech);
            group.throughput(Throughput::Elements(messages * u64::from(MEMBERS)));
            group.bench_function(BenchmarkId::new(name, messages), |b| {
                b.iter(|| {
                    for _ in 0..messages {
                        outbox.deliver(&ids, &Circumstances::default(), &event);
                    }
                    outbox.flush(false, &never::<()>());
                });
            });
        }
    }
    group.finish();
}

/// A socket that accepts this many bytes.
struct Pretended(AtomicUsize);

impl Wire for Pretended {
    fn send(&self, bytes: &[u8]) -> Sent {
        let room = self.0.load(Ordering::Relaxed);
        if bytes.len() <= room {
            self.0.store(room - bytes.len(), Ordering::Relaxed);
            Sent::All
        } else {
            Sent::Part(self.0.swap(0, Ordering::Relaxed))
        }
    }

    fn finish(&self) {}

    fn abort(&self) {}
}

fn backlog(c: &mut Criterion) {
    let mut group = c.benchmark_group("backlog");
    let line = [b'x'; 64];
    group.throughput(Throughput::Elements(1000));
    group.bench_function("1000 lines wait, then go", |b| {
        let (backlog, wire) = (Backlog::new(), Pretended(AtomicUsize::new(0)));
        b.iter(|| {
            for _ in 0..1000 {
                backlog.post(&wire, &line, || {});
            }
            wire.0.store(usize::MAX, Ordering::Relaxed);
            backlog.drain(&wire, || {});
            wire.0.store(0, Ordering::Relaxed);
            assert_eq!(backlog.waiting(), 0);
        });
    });
    group.bench_function("1000 lines go at once", |b| {
        let (backlog, wire) = (Backlog::new(), Pretended(AtomicUsize::new(usize::MAX)));
        b.iter(|| {
            wire.0.store(usize::MAX, Ordering::Relaxed);
            for _ in 0..1000 {
                backlog.post(&wire, &line, || {});
            }
        });
    });
    group.finish();
}

criterion_group!(benches, fan_out, backlog);
criterion_main!(benches);
