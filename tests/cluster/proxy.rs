//! A connection to Redis that can be cut or stalled.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// Forwards bytes in both directions.
pub struct Proxy {
    state: Arc<State>,
    address: SocketAddr,
}

struct State {
    target: SocketAddr,
    streams: Mutex<Vec<TcpStream>>,
    is_still: AtomicBool,
    is_over: AtomicBool,
    /// Bytes of answers still forwarded before every connection is cut;
    /// negative means no limit.
    left: AtomicI64,
}

impl Proxy {
    pub fn start(target: SocketAddr) -> Proxy {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(State {
            target,
            streams: Mutex::default(),
            is_still: AtomicBool::new(false),
            is_over: AtomicBool::new(false),
            left: AtomicI64::new(-1),
        });
        let accepting = state.clone();
        thread::spawn(move || {
            for client in listener.incoming() {
                if accepting.is_over.load(Ordering::SeqCst) {
                    break;
                }
                accepting.connect(client.unwrap());
            }
        });
        Proxy { state, address }
    }

    pub fn url(&self) -> String {
        format!("redis://{}", self.address)
    }

    /// Breaks every open connection.
    pub fn cut(&self) {
        self.state.cut();
    }

    /// Breaks every connection after this many more bytes of answers.
    pub fn cut_after(&self, bytes: i64) {
        self.state.left.store(bytes, Ordering::SeqCst);
    }

    /// Stalls: nothing is forwarded, and no connection is closed.
    pub fn stand_still(&self) {
        self.state.is_still.store(true, Ordering::SeqCst);
    }

    /// Forwards again, beginning with what was held back.
    pub fn go_on(&self) {
        self.state.is_still.store(false, Ordering::SeqCst);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.state.is_over.store(true, Ordering::SeqCst);
        self.cut();
        let _ = TcpStream::connect(self.address);
    }
}

impl State {
    fn cut(&self) {
        for stream in self.streams.lock().unwrap().drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    fn connect(self: &Arc<State>, client: TcpStream) {
        let Ok(server) = TcpStream::connect(self.target) else {
            return;
        };
        client.set_nodelay(true).unwrap();
        server.set_nodelay(true).unwrap();
        let copies = [client.try_clone().unwrap(), server.try_clone().unwrap()];
        self.streams.lock().unwrap().extend(copies);
        let pairs = [
            (
                client.try_clone().unwrap(),
                server.try_clone().unwrap(),
                false,
            ),
            (server, client, true),
        ];
        for (from, to, is_answer) in pairs {
            let state = self.clone();
            thread::spawn(move || state.pass_on(from, to, is_answer));
        }
    }

    fn pass_on(&self, mut from: TcpStream, mut to: TcpStream, is_answer: bool) {
        let mut buffer = vec![0; 64 * 1024];
        while let Ok(count @ 1..) = from.read(&mut buffer) {
            while self.is_still.load(Ordering::SeqCst) && !self.is_over.load(Ordering::SeqCst) {
                thread::sleep(Duration::from_millis(5));
            }
            let left = self.left.load(Ordering::SeqCst);
            if is_answer && left >= 0 {
                let left = left - i64::try_from(count).unwrap();
                self.left.store(left.max(-1), Ordering::SeqCst);
                if left < 0 {
                    self.cut();
                    return;
                }
            }
            if to.write_all(&buffer[..count]).is_err() {
                break;
            }
        }
        let _ = to.shutdown(Shutdown::Both);
        let _ = from.shutdown(Shutdown::Both);
    }
}
