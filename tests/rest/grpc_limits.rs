//! The limits of a gRPC connection, each at its edge. The test itself speaks
//! HTTP/2, frame by frame, to a name service.
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use chat_server::grpc::{self, Limits, NAME, NameTerms, Routes, Stop};
use chat_server::net::transport::Transport;
use chat_server::nodes::NodeRegistry;
use parking_lot::Mutex;

const DEADLINE: Duration = Duration::from_secs(30);
const HOUR: Duration = Duration::from_secs(3600);

const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;
const REFUSED_STREAM: &[u8] = &[0, 0, 0, 7];

/// Limits high enough not to matter.
fn generous() -> Limits {
    Limits {
        head_bytes: 16 << 10,
        message_bytes: 64 << 10,
        streams: 100,
        patience: HOUR,
        answer: HOUR,
        ping: Duration::ZERO,
        idle: Duration::ZERO,
    }
}

struct Client(TcpStream);

#[derive(Debug)]
struct Frame {
    kind: u8,
    flags: u8,
    stream: u32,
    payload: Vec<u8>,
}

impl Client {
    /// A client of a server with these limits, and a handle that stops the
    /// server.
    fn connect(limits: Limits) -> (Client, Stop) {
        let nodes = Arc::new(Mutex::new(NodeRegistry::new(HOUR)));
        let terms = NameTerms {
            silence: HOUR,
            secret: None,
        };
        let routes = grpc::add_name_service(Routes::default(), nodes, terms, limits.message_bytes);
        let stop = Stop::default();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        let stopped = stop.clone();
        thread::spawn(move || {
            let (stream, peer) = listener.accept().unwrap();
            let transport = Transport::from(stream);
            grpc::serve(transport, peer, &Arc::new(routes), limits, &stopped);
        });
        let mut client = Client(stream);
        client
            .0
            .write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
            .unwrap();
        client.send(SETTINGS, 0, 0, &[]);
        client.send(SETTINGS, 1, 0, &[]);
        (client, stop)
    }

    fn send(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
        let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
        let mut frame = length[1..].to_vec();
        frame.extend([kind, flags]);
        frame.extend(stream.to_be_bytes());
        frame.extend(payload);
        self.0.write_all(&frame).unwrap();
    }

    /// Begins a call without sending its message.
    fn call(&mut self, stream: u32, metadata: &[u8]) {
        let literal = |text: &str| [&[text.len() as u8], text.as_bytes()].concat();
        // POST, http, and then by index: path, authority, content-type.
        let mut head = vec![0x83, 0x86, 0x44];
        head.extend(literal(&format!("/{NAME}/CreateRoom")));
        head.push(0x41);
        head.extend(literal("x"));
        head.push(0x5f);
        head.extend(literal("application/grpc"));
        head.extend(metadata);
        self.send(HEADERS, END_HEADERS, stream, &head);
    }

    /// The next frame; `None` once the server has closed.
    fn next(&mut self) -> Option<Frame> {
        let mut head = [0; 9];
        if self.0.read(&mut head[..1]).unwrap() == 0 {
            return None;
        }
        self.0.read_exact(&mut head[1..]).unwrap();
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
        let mut payload = vec![0; length];
        self.0.read_exact(&mut payload).unwrap();
        Some(Frame {
            kind: head[3],
            flags: head[4],
            stream: u32::from_be_bytes([head[5], head[6], head[7], head[8]]),
            payload,
        })
    }

    fn find(&mut self, kind: u8) -> Frame {
        loop {
            match self.next() {
                Some(frame) if frame.kind == kind => return frame,
                Some(_) => {}
                None => panic!("no frame of type {kind} came"),
            }
        }
    }

    fn is_closed(&mut self) -> bool {
        while self.next().is_some() {}
        true
    }
}

#[test]
fn a_message_that_does_not_come_is_waited_for_only_so_long() {
    let (mut client, _stop) = Client::connect(Limits {
        answer: Duration::from_millis(50),
        ..generous()
    });
    client.call(1, &[]);
    let answer = client.find(HEADERS);
    assert_eq!((answer.stream, answer.flags & END_STREAM), (1, END_STREAM));
    // The connection stays open.
    client.send(PING, 0, 0, &[7; 8]);
    assert_eq!(client.find(PING).payload, [7; 8]);
}

#[test]
fn calls_beyond_the_limit_are_refused_until_others_end() {
    let (mut client, _stop) = Client::connect(Limits {
        streams: 2,
        ..generous()
    });
    for stream in [1, 3, 5] {
        client.call(stream, &[]);
    }
    let refused = client.find(RST_STREAM);
    assert_eq!((refused.stream, &refused.payload[..]), (5, REFUSED_STREAM));
    // The client cancels one call, which makes room for another.
    client.send(RST_STREAM, 0, 1, &[0, 0, 0, 8]);
    client.call(7, &[]);
    client.call(9, &[]);
    assert_eq!(client.find(RST_STREAM).stream, 9);
}

#[test]
fn metadata_beyond_the_limit_fails_its_call_alone() {
    let (mut client, _stop) = Client::connect(Limits {
        head_bytes: 1024,
        ..generous()
    });
    // A literal header `x` of 2,000 bytes: the length is encoded as 127 and a
    // rest.
    let mut long = vec![0x00, 1, b'x', 0x7f];
    long.extend([
        ((2000 - 127) % 128) as u8 | 0x80,
        ((2000 - 127) / 128) as u8,
    ]);
    long.extend([b'y'; 2000]);
    client.call(1, &long);
    // Either 431 and the end of the stream, or a reset; the server must not
    // wait for more.
    let frame = loop {
        let frame = client.next().unwrap();
        if matches!(frame.kind, HEADERS | RST_STREAM) {
            break frame;
        }
    };
    assert_eq!(frame.stream, 1);
    client.send(PING, 0, 0, &[7; 8]);
    assert_eq!(client.find(PING).payload, [7; 8]);
}

#[test]
fn a_stop_ends_connections_whatever_they_do() {
    let (mut client, stop) = Client::connect(generous());
    client.call(1, &[]);
    client.find(SETTINGS);
    stop.stop();
    client.find(GOAWAY);
    assert!(client.is_closed());
}
