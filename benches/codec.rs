//! Decoding bytes to commands, and encoding events to bytes.

use std::hint::black_box;

use chat_server::hub::{Event, Message, MessageId};
use chat_server::name::Name;
use chat_server::protocol::{Encoder, WireFormat, json, line, room, telnet};
use chat_server::store::Place;
use chat_server::text::Text;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

const WORDS: &str = "a message of forty-seven characters, neither long";
const LINES: usize = 64;

fn decode(c: &mut Criterion) {
    let mut group = c.benchmark_group("decode");
    let bytes = format!("{WORDS}\r\n").repeat(LINES);
    group.throughput(Throughput::Elements(LINES as u64));
    group.bench_function("telnet", |b| {
        let mut decoder = telnet::Decoder::new(4096);
        b.iter(|| {
            decoder.feed(bytes.as_bytes(), |input| {
                if let telnet::Input::Line(bytes) = input {
                    black_box(line::decode(bytes));
                }
                true
            });
        });
    });
    group.bench_function("room lines", |b| {
        let mut decoder = room::Decoder::new(4096);
        decoder.feed(br#"{"name":"mina","room":"dev"}"#, |_| true);
        b.iter(|| {
            decoder.feed(bytes.as_bytes(), |input| {
                black_box(input);
                true
            });
        });
    });
    group.throughput(Throughput::Elements(1));
    let frame = format!(r#"{{"type":"message","args":{{"body":"{WORDS}"}}}}"#);
    group.bench_function("JSON", |b| {
        b.iter(|| json::decode(black_box(&frame)).is_ok())
    });
    group.finish();
}

fn encode(c: &mut Criterion) {
    let mut group = c.benchmark_group("encode a message");
    group.throughput(Throughput::Elements(1));
    let event = Event::Message(Message {
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
        body: Text::clean(WORDS).into(),
    });
    for (name, format) in [
        ("telnet", WireFormat::Telnet),
        ("WebSocket lines", WireFormat::WebSocketLine),
        ("JSON", WireFormat::Json),
        ("room lines", WireFormat::RoomTcp),
    ] {
        let (mut encoder, mut out) = (Encoder::new("Welcome.".to_owned()), Vec::new());
        group.bench_function(name, |b| {
            b.iter(|| {
                out.clear();
                encoder.event(format, black_box(&event), &mut out);
                out.len()
            });
        });
    }
    group.finish();
}

fn names(c: &mut Criterion) {
    let mut group = c.benchmark_group("parse a name");
    for name in ["mina", "Ольга", "Jean-François"] {
        group.bench_function(name, |b| b.iter(|| Name::parse(black_box(name)).is_ok()));
    }
    group.finish();
}

criterion_group!(benches, decode, encode, names);
criterion_main!(benches);
