//! What a bystander notices of other clients that do the most expensive things
//! allowed: how long its messages, logins and `/readyz` take. Prints a table;
//! the exit code is not 0 if a bystander's messages take longer than they
//! should.
//!
//! ```text
//! cargo bench --bench bystander
//! cargo bench --bench bystander -- --seconds 5 --older --program OTHER/chat-server
//! ```

#![forbid(unsafe_code)]

#[path = "bystander/irc.rs"]
mod irc;
#[path = "../tests/support/mod.rs"]
mod support;

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use clap::Parser;
use hdrhistogram::Histogram;
use serde_json::{Value, json};

use support::Server;

/// The longest a bystander's message may take, at the 99th percentile.
const MOST_MS: f64 = 50.0;
/// Rooms of bystanders.
const PAIRS: usize = 4;
/// How often each bystander sends a message, and how often visitors log in.
const PACE: Duration = Duration::from_millis(80);
const LOGIN_PACE: Duration = Duration::from_millis(200);
/// How long a wait may take before the benchmark gives up.
const PATIENCE: Duration = Duration::from_secs(120);
/// Frames each guest sends a second: a little less than is allowed.
const RATE: u64 = 19;

#[derive(Parser)]
#[command(about = "What a bystander notices of clients that do the most expensive things")]
struct Arguments {
    /// How long to measure each attack, in seconds
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=3600))]
    seconds: u64,
    /// Only attacks with this in their names
    #[arg(long, default_value = "")]
    only: String,
    /// Another program to measure
    #[arg(long)]
    program: Option<String>,
    /// The other program is older and has no limits on channels
    #[arg(long, requires = "program")]
    older: bool,
    /// Given by `cargo bench`
    #[arg(long, hide = true)]
    bench: bool,
}

/// An attack: the clients there before, and the frames the guests then send.
struct Attack {
    name: &'static str,
    guests: usize,
    /// Rooms that each guest is in.
    rooms: usize,
    /// Connections that do nothing but hold 99 rooms each.
    holders: usize,
    /// Whether the guests have accounts.
    accounts: bool,
    /// Clients that connect and disconnect, one after the other.
    comers: usize,
    /// Clients that ask over REST, one request after the other.
    callers: usize,
    /// Bans that an administrator makes and lifts.
    bans: usize,
    /// The n-th frame of a guest.
    frame: fn(guest: usize, n: u64) -> Value,
    /// Frames each guest sends in all; without end if `None`.
    most: Option<u64>,
    /// What guests on IRC send instead of frames.
    line: Option<fn(n: u64) -> String>,
    /// Other members of the channel that they are in, who say nothing.
    crowd: usize,
}

impl Attack {
    /// Defaults for the list.
    const NONE: Attack = Attack {
        name: "",
        guests: 0,
        rooms: 0,
        holders: 0,
        accounts: false,
        comers: 0,
        callers: 0,
        bans: 0,
        frame: lists,
        most: None,
        line: None,
        crowd: 0,
    };
}

const ATTACKS: &[Attack] = &[
    Attack {
        name: "no attack",
        ..Attack::NONE
    },
    Attack {
        name: "20 guests in 100 rooms each, listrooms",
        guests: 20,
        rooms: 99,
        frame: |_, _| json!({"type": "listrooms"}),
        ..Attack::NONE
    },
    Attack {
        name: "1,000 guests in global, 4 listusers each",
        guests: 1000,
        frame: |_, _| json!({"type": "listusers", "args": {"room": "global"}}),
        most: Some(4),
        ..Attack::NONE
    },
    Attack {
        name: "200 guests, lists",
        guests: 200,
        rooms: 9,
        frame: lists,
        ..Attack::NONE
    },
    Attack {
        name: "200 guests, history and search",
        guests: 200,
        frame: reading,
        ..Attack::NONE
    },
    Attack {
        name: "200 guests, other nicknames and rooms",
        guests: 200,
        rooms: 9,
        frame: moving,
        ..Attack::NONE
    },
    Attack {
        name: "200 accounts, inboxes and threads",
        guests: 200,
        accounts: true,
        frame: writing,
        ..Attack::NONE
    },
    Attack {
        name: "200 that come and go",
        comers: 200,
        ..Attack::NONE
    },
    Attack {
        name: "200 that ask over REST",
        callers: 200,
        ..Attack::NONE
    },
    Attack {
        name: "1,000 guests, 10,000 bans made and lifted",
        guests: 1000,
        most: Some(0),
        bans: 10_000,
        ..Attack::NONE
    },
    Attack {
        name: "200 guests, everything",
        guests: 200,
        rooms: 9,
        frame: everything,
        ..Attack::NONE
    },
    Attack {
        name: "100,000 rooms, 200 guests, lists",
        guests: 200,
        rooms: 9,
        holders: 990,
        frame: lists,
        ..Attack::NONE
    },
    Attack {
        name: "100,000 rooms, 200 guests, everything",
        guests: 200,
        rooms: 9,
        holders: 990,
        frame: everything,
        ..Attack::NONE
    },
    Attack {
        name: "IRC: 200 guests, NAMES of 10,000 members",
        guests: 200,
        crowd: 9_800,
        line: Some(|_| format!("NAMES {}", irc::CHANNEL)),
        ..Attack::NONE
    },
    Attack {
        name: "IRC: 100,000 rooms, 200 guests, LIST",
        guests: 200,
        holders: 1_011,
        line: Some(|_| "LIST".to_owned()),
        ..Attack::NONE
    },
    Attack {
        name: "IRC: 200 guests, tags of 4 KiB",
        guests: 200,
        line: Some(irc::tagged),
        ..Attack::NONE
    },
    Attack {
        name: "IRC: 200 guests, tags of 8 KiB",
        guests: 200,
        line: Some(irc::overlong),
        ..Attack::NONE
    },
];

fn lists(guest: usize, n: u64) -> Value {
    let after = format!("r{}", (guest as u64 * 31 + n * 7) % 1000);
    match n % 4 {
        0 => json!({"type": "listrooms"}),
        1 => json!({"type": "listrooms", "args": {"after": after}}),
        2 => json!({"type": "listusers", "args": {"room": "global"}}),
        _ => json!({"type": "presence", "args": {"users": all_users()}}),
    }
}

fn reading(_: usize, n: u64) -> Value {
    match n % 3 {
        0 => json!({"type": "history", "args": {"room": "global", "limit": 1000}}),
        1 => json!({"type": "search", "args": {"room": "global", "query": "x", "limit": 1000}}),
        _ => json!({"type": "resume", "args": {"room": "global", "after": "0-0"}}),
    }
}

fn writing(guest: usize, n: u64) -> Value {
    let user = format!("guest{}", (guest as u64 + n) % 200);
    match n % 4 {
        0 => json!({"type": "inbox"}),
        1 => json!({"type": "thread", "args": {"user": user, "limit": 1000}}),
        _ => json!({"type": "private", "args": {"to": user, "body": "x"}}),
    }
}

fn moving(guest: usize, n: u64) -> Value {
    match n % 7 {
        4 => json!({"type": "listen", "args": {"events": ["typing"]}}),
        5 => json!({"type": "typing", "args": {"room": "global"}}),
        6 => json!({"type": "ignore", "args": {"nickname": format!("guest{}", n % 200)}}),
        0 => json!({"type": "setnick", "args": {"nickname": format!("g{guest}n{n}")}}),
        1 => json!({"type": "join", "args": {"room": format!("x{guest}n{n}")}}),
        2 => json!({"type": "leave"}),
        _ => json!({"type": "message", "args": {"body": "x", "room": "global"}}),
    }
}

fn everything(guest: usize, n: u64) -> Value {
    match n % 3 {
        0 => lists(guest, n / 3),
        1 => reading(guest, n / 3),
        _ => moving(guest, n / 3),
    }
}

fn all_users() -> Vec<String> {
    (0..100).map(|n| format!("guest{n}")).collect()
}

/// The measurements, in microseconds.
struct Figures {
    messages: Histogram<u64>,
    logins: Histogram<u64>,
    readyz: Histogram<u64>,
    not_ready: u64,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    if !arguments.bench {
        // Run as a test, by `cargo test --all-targets`.
        println!("nothing to test; run it with: cargo bench --bench bystander");
        return ExitCode::SUCCESS;
    }
    println!("p50 / p99 / longest, in milliseconds; what is still out counts, too\n");
    println!(
        "{:<44} {:>24} {:>24} {:>24}",
        "attack", "messages", "logins", "/readyz"
    );
    let mut is_well = true;
    for attack in ATTACKS {
        if !attack.name.contains(&arguments.only) {
            continue;
        }
        let figures = attack.measure(&arguments);
        let not_ready = match figures.not_ready {
            0 => String::new(),
            n => format!(", {n} not ready"),
        };
        println!(
            "{:<44} {:>24} {:>24} {:>24}{not_ready}",
            attack.name,
            shown(&figures.messages),
            shown(&figures.logins),
            shown(&figures.readyz)
        );
        is_well &= milliseconds(&figures.messages, 0.99) < MOST_MS;
    }
    if is_well {
        ExitCode::SUCCESS
    } else {
        println!("\na bystander waits for longer than {MOST_MS} ms");
        ExitCode::FAILURE
    }
}

fn milliseconds(histogram: &Histogram<u64>, quantile: f64) -> f64 {
    histogram.value_at_quantile(quantile) as f64 / 1000.0
}

fn shown(histogram: &Histogram<u64>) -> String {
    let at = |quantile| milliseconds(histogram, quantile);
    format!("{:.1} / {:.1} / {:.1}", at(0.5), at(0.99), at(1.0))
}

impl Attack {
    fn measure(&self, arguments: &Arguments) -> Figures {
        let mut server = self.server(arguments);
        let stop = Arc::new(AtomicBool::new(false));
        let guests = self.come(&server);
        let bystanders = Bystanders::enter(&server);
        let attack = self.begin(guests, &stop);
        let mut comers = self.come_and_go(&server, &stop);
        comers.extend(self.ask(&server, &stop));
        comers.extend(self.ban(&server, &stop));
        let figures = bystanders.measure(&server, Duration::from_secs(arguments.seconds));
        stop.store(true, Ordering::Relaxed);
        let sent = attack.map_or(0, |attack| attack.join().unwrap_or(0));
        for comer in comers {
            let _ = comer.join();
        }
        eprintln!("  {}: {} bytes came to the guests", self.name, sent);
        server.kill();
        figures
    }

    fn server(&self, arguments: &Arguments) -> Server {
        let script = arguments
            .program
            .as_ref()
            .map(|program| format!("shift; exec {program} \"$@\""));
        let prefix: Vec<&str> = match &script {
            Some(script) => vec!["sh", "-c", script, "sh"],
            None => Vec::new(),
        };
        let is_older = arguments.older;
        let is_irc = self.line.is_some();
        let mut server = Server::spawn_by(&prefix, &[], |config| {
            // They all come from this machine, which is one address; an older
            // program may not know these settings.
            if !is_older {
                config["limits"] = json!({
                    "account_attempts": 0,
                    "auth_attempts": 0,
                    "bytes_per_address": 0,
                    "channels": 0,
                    "channels_per_address": 0,
                    "new_channels_per_minute": 0,
                });
            }
            if is_irc {
                config["listen"]["irc"] = "127.0.0.1:0".into();
            }
        });
        server.wait_ready();
        server
    }

    /// Clients that connect, and disconnect as soon as they are welcomed.
    fn come_and_go(&self, server: &Server, stop: &Arc<AtomicBool>) -> Vec<JoinHandle<()>> {
        let telnet = server.telnet();
        let comer = |comer: usize| {
            let stop = stop.clone();
            std::thread::spawn(move || {
                let mut n = comer as u64 * 1_000_000_000;
                while !stop.load(Ordering::Relaxed) {
                    n += 1;
                    log_in(telnet, n);
                }
            })
        };
        (1..=self.comers).map(comer).collect()
    }

    /// Clients that ask whatever may be asked without a token.
    fn ask(&self, server: &Server, stop: &Arc<AtomicBool>) -> Vec<JoinHandle<()>> {
        let (web, rest) = (server.web(), server.rest().unwrap());
        let caller = |caller: usize| {
            let stop = stop.clone();
            std::thread::spawn(move || {
                let mut n = caller;
                while !stop.load(Ordering::Relaxed) {
                    n += 1;
                    match n % 4 {
                        0 => drop(get(rest, "/api/status")),
                        1 => drop(get(rest, "/metrics")),
                        2 => drop(get(web, "/client")),
                        _ => drop(post(web, "/auth", &format!("nickname=caller{n}"))),
                    }
                }
            })
        };
        (0..self.callers).map(caller).collect()
    }

    /// An administrator who bans one network after the other, and lifts the bans.
    fn ban(&self, server: &Server, stop: &Arc<AtomicBool>) -> Option<JoinHandle<()>> {
        let (rest, token) = (server.rest().unwrap(), server.admin_token());
        let (most, stop) = (self.bans, stop.clone());
        (most > 0).then(|| {
            std::thread::spawn(move || {
                for n in (0..most).cycle() {
                    if stop.load(Ordering::Relaxed) {
                        break;
                    }
                    let body = format!(
                        r#"{{"address": "198.{}.{}.0/24"}}"#,
                        18 + n / 256 % 2,
                        n % 256
                    );
                    let made = call(rest, &token, "POST", "/admin/bans", &body);
                    if n % 2 == 1
                        && let Some(id) = made.split("\"id\":").nth(1)
                    {
                        let id: String = id.chars().take_while(char::is_ascii_digit).collect();
                        call(rest, &token, "DELETE", &format!("/admin/bans/{id}"), "");
                    }
                }
            })
        })
    }

    /// Connects the clients that hold rooms and the guests that are going to
    /// attack.
    fn come(&self, server: &Server) -> Vec<TcpStream> {
        let web = server.web();
        let mut all = Vec::new();
        for holder in 0..self.holders {
            let mut stream = enter(web, &format!("holder{holder}"));
            for room in 0..99 {
                send(&mut stream, &join(&format!("r{holder}x{room}")));
            }
            stream.set_nonblocking(true).unwrap();
            all.push(stream);
            drain(&mut all);
        }
        for member in 0..self.crowd {
            let stream = irc::enter(server.address("irc"), &format!("member{member}"));
            stream.set_nonblocking(true).unwrap();
            all.push(stream);
            if member % 100 == 0 {
                drain(&mut all);
            }
        }
        for guest in 0..self.guests {
            let nickname = format!("guest{guest}");
            let mut stream = if self.line.is_some() {
                irc::enter(server.address("irc"), &nickname)
            } else if self.accounts {
                enter_account(server, &nickname)
            } else {
                enter(web, &nickname)
            };
            for room in 0..self.rooms {
                send(&mut stream, &join(&format!("g{guest}x{room}")));
            }
            stream.set_nonblocking(true).unwrap();
            all.push(stream);
            drain(&mut all);
        }
        let wanted = self.holders * 99 + self.guests * self.rooms;
        let deadline = Instant::now() + PATIENCE;
        while channels(server) < wanted as u64 && Instant::now() < deadline {
            drain(&mut all);
            std::thread::sleep(Duration::from_millis(50));
        }
        // Waits until the allowance that their logins and joins used has come
        // back.
        let rested = Instant::now() + Duration::from_secs(3);
        while Instant::now() < rested {
            drain(&mut all);
            std::thread::sleep(Duration::from_millis(10));
        }
        all
    }

    /// The guests send as fast as they may and read everything.
    fn begin(&self, mut all: Vec<TcpStream>, stop: &Arc<AtomicBool>) -> Option<JoinHandle<u64>> {
        if all.is_empty() {
            return None;
        }
        let (before, most) = (self.holders + self.crowd, self.most);
        let (frame, line) = (self.frame, self.line);
        let rate = RATE;
        let stop = stop.clone();
        let writers: Vec<TcpStream> = all
            .iter()
            .skip(before)
            .map(|it| it.try_clone().unwrap())
            .collect();
        let came = Arc::new(AtomicU64::new(0));
        let (counted, stop_reading) = (came.clone(), stop.clone());
        let reader = std::thread::spawn(move || {
            while !stop_reading.load(Ordering::Relaxed) {
                counted.fetch_add(drain(&mut all), Ordering::Relaxed);
                std::thread::sleep(Duration::from_millis(1));
            }
        });
        Some(std::thread::spawn(move || {
            let mut writers = writers;
            let begun = Instant::now();
            let mut n = 0;
            while !stop.load(Ordering::Relaxed) && most.is_none_or(|most| n < most) {
                // A guest first sends everything its allowance permits at once.
                for (guest, writer) in writers.iter_mut().enumerate() {
                    match line {
                        Some(line) => {
                            let _ = writer.write(format!("{}\r\n", line(n)).as_bytes());
                        }
                        None => send(writer, &frame(guest, n)),
                    }
                }
                n += 1;
                let due = begun + Duration::from_micros(n.saturating_sub(30) * 1_000_000 / rate);
                std::thread::sleep(due.saturating_duration_since(Instant::now()));
            }
            let _ = reader.join();
            came.load(Ordering::Relaxed)
        }))
    }
}

/// Bystanders who talk in rooms of their own, two in each.
struct Bystanders(Vec<(TcpStream, TcpStream)>);

impl Bystanders {
    fn enter(server: &Server) -> Bystanders {
        let come = |nickname: String, room: usize| {
            let mut stream = connect(server.telnet());
            let words = format!("{nickname}\r\n/join #bystanders{room}\r\n");
            stream.write_all(words.as_bytes()).unwrap();
            read_until(&mut stream, b"You are now in");
            stream
        };
        let pair = |room| {
            (
                come(format!("speaker{room}"), room),
                come(format!("listener{room}"), room),
            )
        };
        Bystanders((0..PAIRS).map(pair).collect())
    }

    fn measure(mut self, server: &Server, time: Duration) -> Figures {
        let end = Instant::now() + time;
        let (telnet, rest) = (server.telnet(), server.rest().unwrap());
        let coming = std::thread::spawn(move || repeat(end, |n| log_in(telnet, n)));
        let asking = std::thread::spawn(move || {
            let mut not_ready = 0;
            let taken = repeat(end, |_| not_ready += u64::from(!is_ready(rest)));
            (taken, not_ready)
        });
        let mut messages = histogram();
        let mut n = 0;
        while Instant::now() < end {
            n += 1;
            for (speaker, listener) in &mut self.0 {
                let begun = Instant::now();
                speaker.write_all(format!("m{n}.\r\n").as_bytes()).unwrap();
                read_until(listener, format!("m{n}.").as_bytes());
                messages.saturating_record(begun.elapsed().as_micros() as u64);
                std::thread::sleep(PACE / PAIRS as u32);
            }
        }
        let logins = coming.join().unwrap();
        let (readyz, not_ready) = asking.join().unwrap();
        Figures {
            messages,
            logins,
            readyz,
            not_ready,
        }
    }
}

fn repeat(end: Instant, mut action: impl FnMut(u64)) -> Histogram<u64> {
    let mut taken = histogram();
    let mut n = 0;
    while Instant::now() < end {
        n += 1;
        let begun = Instant::now();
        action(n);
        taken.saturating_record(begun.elapsed().as_micros() as u64);
        std::thread::sleep(LOGIN_PACE);
    }
    taken
}

fn histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, 600_000_000, 3).unwrap()
}

fn log_in(telnet: SocketAddr, n: u64) {
    let mut stream = connect(telnet);
    stream
        .write_all(format!("visitor{n}\r\n").as_bytes())
        .unwrap();
    read_until(&mut stream, b"Welcome, visitor");
}

fn is_ready(rest: SocketAddr) -> bool {
    get(rest, "/readyz").contains("\"ready\":true")
}

fn channels(server: &Server) -> u64 {
    let status = get(server.rest().unwrap(), "/api/status");
    let body = status.split("\r\n\r\n").nth(1).unwrap_or_default();
    let body: Value = serde_json::from_str(body).unwrap_or_default();
    body["channels"].as_u64().unwrap_or(0)
}

fn get(address: SocketAddr, path: &str) -> String {
    let mut stream = connect(address);
    let request = format!("GET {path} HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = Vec::new();
    // A failed answer counts for as long as the wait took.
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_nodelay(true).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// Logs in as a guest, over a WebSocket that speaks JSON.
fn enter(web: SocketAddr, nickname: &str) -> TcpStream {
    enter_with(web, &format!("nickname={nickname}"))
}

/// Like [`enter`], with an account registered for it.
fn enter_account(server: &Server, nickname: &str) -> TcpStream {
    let password = "password=long+enough";
    // The form wants a number of one's own.
    let phone = nickname.bytes().fold(0, |phone: u64, byte| {
        (phone * 31 + u64::from(byte)) % 1_000_000_000_000
    });
    let form = format!(
        "username={nickname}&{password}&first_name=A&last_name=B\
         &email={nickname}@example.org&phone={phone:012}"
    );
    let answer = post(server.web(), "/api/register", &form);
    assert!(answer.contains("success"), "{answer}");
    enter_with(server.web(), &format!("nickname={nickname}&{password}"))
}

/// A request of an administrator.
fn call(address: SocketAddr, token: &str, method: &str, path: &str, body: &str) -> String {
    let mut stream = connect(address);
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\
         Authorization: Bearer {token}\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

fn post(address: SocketAddr, path: &str, form: &str) -> String {
    let mut stream = connect(address);
    let head = "HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\
                Content-Type: application/x-www-form-urlencoded";
    let length = form.len();
    let request = format!("POST {path} {head}\r\nContent-Length: {length}\r\n\r\n{form}");
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}

fn enter_with(web: SocketAddr, form: &str) -> TcpStream {
    let answer = post(web, "/auth", form);
    let token = answer.split("\"token\":\"").nth(1);
    let token = token.and_then(|rest| rest.split('"').next()).unwrap();
    let mut stream = connect(web);
    let request = format!(
        "GET /ws?token={token} HTTP/1.1\r\nHost: here\r\nConnection: Upgrade\r\n\
         Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).unwrap();
    read_until(&mut stream, b"\"joined\"");
    stream
}

fn read_until(stream: &mut TcpStream, wanted: &[u8]) {
    let mut came = Vec::new();
    let mut piece = [0; 4096];
    while !came.windows(wanted.len()).any(|it| it == wanted) {
        let count = stream.read(&mut piece).unwrap();
        assert!(count > 0, "cut off: {}", String::from_utf8_lossy(&came));
        came.extend_from_slice(&piece[..count]);
    }
}

fn join(room: &str) -> Value {
    json!({"type": "join", "args": {"room": room}})
}

/// Sends a frame with a mask of zeros; if the socket cannot accept it, it is
/// not sent at all, because later would be too late.
fn send(stream: &mut TcpStream, frame: &Value) {
    let text = frame.to_string();
    let mut bytes = vec![0x81];
    match text.len() {
        length @ 0..126 => bytes.push(0x80 | length as u8),
        length => {
            bytes.push(0x80 | 126);
            bytes.extend_from_slice(&(length as u16).to_be_bytes());
        }
    }
    bytes.extend_from_slice(&[0; 4]);
    bytes.extend_from_slice(text.as_bytes());
    let _ = stream.write(&bytes);
}

/// Reads what has arrived on all of them; returns how much.
fn drain(streams: &mut [TcpStream]) -> u64 {
    let mut piece = vec![0; 256 * 1024];
    let mut came = 0;
    for stream in streams {
        loop {
            match stream.read(&mut piece) {
                Ok(0) => break,
                Ok(count) => {
                    came += count as u64;
                    if count < piece.len() {
                        break;
                    }
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => break,
            }
        }
    }
    came
}
