//! Two clients that have nothing to do with the fault and must not notice it.
//! The latencies of their messages are printed and never judged here: `make
//! faults-report` shows them, on an otherwise idle machine.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::support::{JsonClient, LineClient, Server, User, is_message};

/// How often each sends a message: within the usual limits.
const PACE: Duration = Duration::from_millis(60);
/// The channel they talk in.
const ROOM: &str = "lounge";

/// Two connections, telnet and JSON; each message answers the one before.
pub struct Bystanders {
    stop: Sender<()>,
    refused: Arc<AtomicUsize>,
    thread: JoinHandle<Figures>,
}

/// What they experienced.
#[derive(Default)]
pub struct Figures {
    /// Messages that both of them got.
    pub messages: usize,
    /// Those of them that tim has sent.
    pub by_tim: usize,
    /// Messages that were refused to their sender and delivered to no client.
    pub refused: usize,
    latencies: Vec<Duration>,
}

impl Bystanders {
    /// Logs in and starts talking; returns once the first messages have
    /// arrived.
    pub fn start(server: &Server) -> Bystanders {
        let mut pair = Pair {
            tim: LineClient::enter_channel(server, "tim", ROOM),
            joy: JsonClient::enter(server, "joy"),
            refused: Arc::default(),
            figures: Figures::default(),
        };
        pair.joy.send("join", json!({ "room": ROOM }));
        while pair.joy.expect("joined")["room"] != ROOM {}
        pair.say(0);
        let (stop, stopped) = channel();
        let refused = pair.refused.clone();
        let thread = std::thread::spawn(move || {
            let mut number = 0;
            while stopped.recv_timeout(PACE) == Err(RecvTimeoutError::Timeout) {
                number += 1;
                pair.say(number);
            }
            pair.figures.refused = pair.refused.load(Ordering::Relaxed);
            pair.figures
        });
        Bystanders {
            stop,
            refused,
            thread,
        }
    }

    /// Whether a message was refused.
    pub fn were_refused(&self) -> bool {
        self.refused.load(Ordering::Relaxed) > 0
    }

    /// Ends the talk, which must have gone on to the last.
    pub fn finish(self, fault: &str) -> Figures {
        let _ = self.stop.send(());
        let mut figures = match self.thread.join() {
            Ok(figures) => figures,
            Err(panic) => std::panic::resume_unwind(panic),
        };
        assert!(figures.messages > 0, "{fault}: not one message came");
        figures.latencies.sort_unstable();
        let last = figures.latencies.len() - 1;
        let at = |share: usize| figures.latencies[last * share / 100].as_secs_f64() * 1000.0;
        // `make faults-report` looks for this line.
        println!(
            "bystanders during {fault:<30} {:>5} messages {:>4} refused  ms: p50 {:>6.1}  p99 {:>6.1}  max {:>6.1}",
            figures.messages,
            figures.refused,
            at(50),
            at(99),
            at(100)
        );
        figures
    }
}

struct Pair {
    tim: LineClient,
    joy: JsonClient,
    refused: Arc<AtomicUsize>,
    figures: Figures,
}

impl Pair {
    /// One message of each.
    fn say(&mut self, number: usize) {
        let text = format!("tim {number}");
        let sent = Instant::now();
        self.tim.send(&text);
        if self.tim_hears("tim", &text) {
            self.figures.latencies.push(sent.elapsed());
            assert!(self.joy_hears("tim", &text), "{text} was refused to joy");
            self.figures.latencies.push(sent.elapsed());
            self.figures.messages += 1;
            self.figures.by_tim += 1;
        } else {
            self.refused.fetch_add(1, Ordering::Relaxed);
        }
        let text = format!("joy {number}");
        let sent = Instant::now();
        self.joy
            .send("message", json!({ "room": ROOM, "body": text }));
        if self.joy_hears("joy", &text) {
            self.figures.latencies.push(sent.elapsed());
            assert!(self.tim_hears("joy", &text), "{text} was refused to tim");
            self.figures.latencies.push(sent.elapsed());
            self.figures.messages += 1;
        } else {
            self.refused.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// The next message must be this one; false if it was refused instead.
    fn tim_hears(&mut self, from: &str, text: &str) -> bool {
        loop {
            let Some(line) = self.tim.next_line() else {
                panic!("tim was disconnected\n{}", self.tim.transcript())
            };
            if line.contains("could not be stored") {
                return false;
            }
            if line.contains(" @tim: ") || line.contains(" @joy: ") {
                let expected = is_message(&line, from, text);
                assert!(expected, "tim waits for {text:?}, not for {line:?}");
                return true;
            }
        }
    }

    fn joy_hears(&mut self, from: &str, text: &str) -> bool {
        loop {
            let Some(frame) = self.joy.next() else {
                panic!("joy was disconnected\n{}", self.joy.0.transcript())
            };
            match frame["type"].as_str() {
                Some("error") if frame["code"] == "not_stored" => return false,
                Some("error") => panic!("joy was told {frame}"),
                Some("message") if frame["room"] == ROOM => {
                    let expected = frame["from"] == from && frame["body"] == text;
                    assert!(expected, "joy waits for {text:?}, not for {frame}");
                    return true;
                }
                _ => {}
            }
        }
    }
}
