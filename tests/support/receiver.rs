//! A receiver of outgoing hooks: a small HTTP server that answers as it is told.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, getsockname, listen, socket_with};
use serde_json::Value;

use super::server::wait_until;

/// A call that came in.
#[derive(Clone, Debug)]
pub struct Call {
    /// The head, as it came.
    pub head: String,
    /// The body.
    pub body: String,
}

impl Call {
    /// A field of the head; empty if it is not there.
    pub fn field(&self, name: &str) -> String {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(':'));
        let field = lines.find(|(field, _)| field.eq_ignore_ascii_case(name));
        field.map_or(String::new(), |(_, value)| value.trim().to_owned())
    }

    /// The body, which must be JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("not JSON: {}", self.body))
    }

    /// What was said.
    pub fn text(&self) -> String {
        self.json()["data"]["text"]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    }
}

/// The receiver. It listens for as long as the test program runs.
#[derive(Clone)]
pub struct Receiver {
    /// Where it listens.
    pub address: SocketAddr,
    calls: Arc<Mutex<Vec<Call>>>,
    /// How long it takes to answer.
    pause: Duration,
    /// The next answers.
    pub answers: Arc<Mutex<VecDeque<String>>>,
}

/// A port of this machine that is kept, and refuses connections until something listens there.
pub struct Reserved {
    socket: OwnedFd,
    /// Its address.
    pub address: SocketAddr,
}

impl Reserved {
    /// A port that nobody else has.
    pub fn new() -> Reserved {
        let (family, kind) = (AddressFamily::INET, SocketType::STREAM);
        let socket = socket_with(family, kind, SocketFlags::CLOEXEC, None).unwrap();
        bind(&socket, &SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
        let address = SocketAddr::try_from(getsockname(&socket).unwrap()).unwrap();
        Reserved { socket, address }
    }

    /// Listens there.
    pub fn listen(self) -> TcpListener {
        listen(&self.socket, 128).unwrap();
        TcpListener::from(self.socket)
    }
}

/// An answer with a status and a body.
pub fn answer(status: u16, fields: &str, body: &str) -> String {
    let length = body.len();
    format!("HTTP/1.1 {status} x\r\n{fields}Content-Length: {length}\r\n\r\n{body}")
}

impl Receiver {
    /// Listens on a port of its own.
    pub fn start() -> Receiver {
        Receiver::at("127.0.0.1:0".parse().unwrap())
    }

    /// The same, and takes this long for each answer.
    pub fn taking(pause: Duration) -> Receiver {
        Receiver::serving(TcpListener::bind("127.0.0.1:0").unwrap(), pause)
    }

    /// Listens at an address.
    pub fn at(address: SocketAddr) -> Receiver {
        Receiver::on(TcpListener::bind(address).unwrap())
    }

    /// Serves a listener.
    pub fn on(listener: TcpListener) -> Receiver {
        Receiver::serving(listener, Duration::ZERO)
    }

    fn serving(listener: TcpListener, pause: Duration) -> Receiver {
        let receiver = Receiver {
            address: listener.local_addr().unwrap(),
            calls: Arc::default(),
            pause,
            answers: Arc::default(),
        };
        let own = receiver.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (own, stream) = (own.clone(), stream.unwrap());
                std::thread::spawn(move || own.serve(stream.try_clone().unwrap(), stream));
            }
        });
        receiver
    }

    /// The next answers; afterwards it answers 200.
    pub fn will_answer(&self, answers: impl IntoIterator<Item = String>) {
        self.answers.lock().unwrap().extend(answers);
    }

    /// The URL of a path.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// The calls so far.
    pub fn calls(&self) -> Vec<Call> {
        self.calls.lock().unwrap().clone()
    }

    /// The calls, once there are at least so many.
    #[track_caller]
    pub fn expect(&self, at_least: usize) -> Vec<Call> {
        wait_until(&format!("{at_least} calls came"), || {
            self.calls().len() >= at_least
        });
        self.calls()
    }

    /// Serves one connection.
    pub fn serve(&self, from: impl Read, mut to: impl Write) {
        let mut from = BufReader::new(from);
        loop {
            let mut head = String::new();
            loop {
                let mut line = String::new();
                match from.read_line(&mut line) {
                    Ok(0) | Err(_) => return,
                    Ok(_) if line == "\r\n" => break,
                    Ok(_) => head.push_str(&line),
                }
            }
            let call = Call {
                head,
                body: String::new(),
            };
            let length = call.field("Content-Length").parse().unwrap_or(0);
            let mut body = vec![0; length];
            if from.read_exact(&mut body).is_err() {
                return;
            }
            let body = String::from_utf8(body).unwrap();
            self.calls.lock().unwrap().push(Call { body, ..call });
            std::thread::sleep(self.pause);
            let next = self.answers.lock().unwrap().pop_front();
            let next = next.unwrap_or_else(|| answer(200, "", ""));
            if to
                .write_all(next.as_bytes())
                .and_then(|()| to.flush())
                .is_err()
            {
                return;
            }
        }
    }
}
