//! Servers, Redis and PostgreSQL are killed, stopped and started again under
//! load; people go to whichever server answers, and miss nothing.
#![cfg(feature = "cluster")]

mod support;

use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::{Value, json};
use support::{JsonClient, Postgres, Redis, Server, free_address, wait_until};
use tungstenite::{Message, WebSocket};

const PEOPLE: usize = 6;
/// How long all of it may take.
const PATIENCE: Duration = Duration::from_secs(150);
/// A server that says nothing for so long is left for another.
const SILENCE: Duration = Duration::from_secs(4);
/// How long Redis stands still.
const STANDSTILL: Duration = Duration::from_secs(3);

/// What everybody knows.
#[derive(Default)]
struct Plan {
    servers: Vec<SocketAddr>,
    /// Nothing more is to be said.
    is_enough: AtomicBool,
    /// People who have had their last message acknowledged.
    done: AtomicUsize,
    /// Messages that were acknowledged.
    acknowledged: AtomicUsize,
}

/// Somebody who talks in the room and goes wherever it works.
struct Wanderer {
    name: String,
    token: String,
    plan: Arc<Plan>,
    at: usize,
    /// Ids and texts, as they came.
    heard: Vec<(String, String)>,
    said: usize,
    is_acknowledged: bool,
    is_done: bool,
    started: Instant,
}

type Socket = WebSocket<TcpStream>;

impl Wanderer {
    fn run(mut self) -> Wanderer {
        while !self.has_all() {
            assert!(
                self.started.elapsed() < PATIENCE,
                "{}: {}",
                self.name,
                self.report()
            );
            if let Some(mut socket) = self.connect() {
                // Whatever goes wrong, there are other servers.
                let _ = self.talk(&mut socket);
            }
            self.at += 1;
        }
        self
    }

    fn has_all(&self) -> bool {
        let all_done = self.plan.done.load(Ordering::SeqCst) == PEOPLE;
        all_done && self.heard.len() >= self.plan.acknowledged.load(Ordering::SeqCst)
    }

    fn report(&self) -> String {
        let acknowledged = self.plan.acknowledged.load(Ordering::SeqCst);
        let done = self.plan.done.load(Ordering::SeqCst);
        let (heard, said) = (self.heard.len(), self.said);
        format!("heard {heard} of {acknowledged}, said {said}, {done} are done")
    }

    fn connect(&self) -> Option<Socket> {
        let address = self.plan.servers[self.at % self.plan.servers.len()];
        let second = Duration::from_secs(1);
        let stream = TcpStream::connect_timeout(&address, second).ok();
        let Some(stream) = stream else {
            // Nobody is there: the next server, but not a thousand times a second.
            std::thread::sleep(Duration::from_millis(20));
            return None;
        };
        stream.set_read_timeout(Some(SILENCE)).unwrap();
        let url = format!("ws://{address}/ws?token={}", self.token);
        Some(tungstenite::client(url, stream).ok()?.0)
    }

    /// Until something goes wrong or everything is done.
    fn talk(&mut self, socket: &mut Socket) -> Result<(), tungstenite::Error> {
        self.resume(socket)?;
        if self.said > 0 && !self.is_acknowledged {
            self.send(socket)?;
        }
        while !self.has_all() {
            let Message::Text(text) = socket.read()? else {
                // Something to read often enough: pings come every second.
                continue;
            };
            let frame: Value = serde_json::from_str(&text).unwrap();
            match frame["type"].as_str().unwrap_or_default() {
                "message" if frame["room"] == "dev" => self.hear(&frame),
                "resumed" => {
                    assert_eq!(frame["complete"], true, "{}: a gap", self.name);
                    match frame["more"] == true {
                        true => self.resume(socket)?,
                        false if self.said == 0 => self.say(socket)?,
                        false => {}
                    }
                }
                "stored" => self.acknowledged(socket)?,
                "error" if frame["tag"].is_string() => self.send(socket)?,
                "error" | "bye" => return Ok(()),
                _ => {}
            }
        }
        Ok(())
    }

    fn resume(&self, socket: &mut Socket) -> Result<(), tungstenite::Error> {
        let after = self.heard.last().map_or("0-0", |(id, _)| id);
        command(socket, "resume", json!({ "room": "dev", "after": after }))
    }

    fn hear(&mut self, frame: &Value) {
        let text = |field: &str| frame[field].as_str().unwrap().to_owned();
        self.heard.push((text("id"), text("body")));
    }

    fn say(&mut self, socket: &mut Socket) -> Result<(), tungstenite::Error> {
        self.said += 1;
        self.is_acknowledged = false;
        self.send(socket)
    }

    /// Says the last one, perhaps again.
    fn send(&self, socket: &mut Socket) -> Result<(), tungstenite::Error> {
        let body = format!("{} {}", self.name, self.said);
        let tag = self.said.to_string();
        command(
            socket,
            "message",
            json!({ "room": "dev", "body": body, "tag": tag }),
        )
    }

    fn acknowledged(&mut self, socket: &mut Socket) -> Result<(), tungstenite::Error> {
        if !self.is_acknowledged {
            self.is_acknowledged = true;
            self.plan.acknowledged.fetch_add(1, Ordering::SeqCst);
        }
        if !self.plan.is_enough.load(Ordering::SeqCst) {
            return self.say(socket);
        }
        if !self.is_done {
            self.is_done = true;
            self.plan.done.fetch_add(1, Ordering::SeqCst);
        }
        Ok(())
    }
}

fn command(socket: &mut Socket, kind: &str, args: Value) -> Result<(), tungstenite::Error> {
    let frame = json!({ "type": kind, "args": args });
    socket.send(Message::text(frame.to_string()))
}

fn start(common: (&Redis, &str)) -> Server {
    let (redis, database) = common;
    Server::start(|config| {
        config["cluster"] = json!({ "redis": redis.url(), "postgres": database });
        config["limits"] = json!({ "message_rate": 0, "auth_attempts": 0, "ping_seconds": 1 });
        // The same after a restart.
        config["listen"]["web"] = json!(free_address().to_string());
    })
}

/// Waits until so many more messages have been acknowledged.
fn flow(plan: &Plan, more: usize, when: &str) {
    let before = plan.acknowledged.load(Ordering::SeqCst);
    wait_until(&format!("messages flow {when}"), || {
        plan.acknowledged.load(Ordering::SeqCst) >= before + more
    });
}

fn live(server: &Server) -> usize {
    let nodes = server.get("/api/nodes").json();
    nodes["nodes"].as_array().map_or(0, Vec::len)
}

#[test]
fn whatever_is_killed_or_stopped_everybody_has_every_message_in_one_order() {
    let (redis, postgres) = (Redis::start(), Postgres::start());
    let database = postgres.create_database();
    let [mut one, two, mut three] = std::array::from_fn(|_| start((&redis, &database)));
    let plan = Arc::new(Plan {
        servers: [&one, &two, &three].map(Server::web).to_vec(),
        ..Plan::default()
    });
    let wanderers: Vec<JoinHandle<Wanderer>> = (0..PEOPLE)
        .map(|number| {
            let name = format!("person{number}");
            let wanderer = Wanderer {
                token: JsonClient::token(&one, &name),
                name,
                plan: plan.clone(),
                at: number,
                heard: Vec::new(),
                said: 0,
                is_acknowledged: false,
                is_done: false,
                started: Instant::now(),
            };
            std::thread::spawn(move || wanderer.run())
        })
        .collect();
    flow(&plan, 200, "at first");
    one.kill();
    flow(&plan, 200, "without the first server");
    one.start_again();
    two.signal(Signal::STOP);
    wait_until("the second is given up", || live(&three) == 2);
    flow(&plan, 200, "without the second");
    two.signal(Signal::CONT);
    wait_until("the second is back", || live(&three) == 3);
    redis.kill();
    redis.start_again();
    flow(&plan, 200, "after Redis was killed");
    redis.stop();
    std::thread::sleep(STANDSTILL);
    redis.go_on();
    flow(&plan, 200, "after Redis stood still");
    postgres.kill();
    flow(&plan, 200, "without PostgreSQL");
    postgres.start_again();
    three.restart();
    flow(&plan, 200, "at the end");
    plan.is_enough.store(true, Ordering::SeqCst);
    let people: Vec<Wanderer> = wanderers
        .into_iter()
        .map(|thread| thread.join().unwrap())
        .collect();
    let first = &people[0].heard;
    for person in &people {
        assert!(person.heard == *first, "{} heard it otherwise", person.name);
        let own = first
            .iter()
            .filter_map(|(_, body)| body.strip_prefix(&format!("{} ", person.name)));
        let expected = (1..=person.said).map(|number| number.to_string());
        assert!(own.eq(expected), "{} was heard otherwise", person.name);
    }
}
