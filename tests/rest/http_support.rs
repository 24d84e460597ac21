//! A real front, a real REST server and a real hub, on a port of their own.
#![allow(dead_code, reason = "each test file uses its own part of this")]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant, SystemTime};

use chat_server::account::{Accounts, Gate, GuessLimits, Passes};
use chat_server::admin::{Administration, Doors, SaveBans};
use chat_server::chatlog::{ChatLog, ChatLogOptions};
use chat_server::config::{self, Secret};
use chat_server::http::{self, FileSet, FrontContext, HttpLimits, Origins, Relays, Upgrades};
use chat_server::hub::{Ban, ConnectionId, Effects, Hub, Limits, Now, Profile};
use chat_server::metrics::Metrics;
use chat_server::name::Name;
use chat_server::net::registry::Registry;
use chat_server::rest::{self, AdminToken, CallPace, Readiness, RestContext, RestHandle, Socket};
use chat_server::session::allowance::Allowances;
use chat_server::session::bots::Bots;
use chat_server::session::context::SessionContext;
use chat_server::store::{SqliteSettings, SqliteStore};
use chat_server::turn::{HubHandle, Input};
use parking_lot::Mutex;

/// Nothing here takes this long unless it is stuck.
pub const PATIENCE: Duration = Duration::from_secs(30);
const NO_LIMITS: GuessLimits = GuessLimits {
    per_address: 0,
    per_account: 0,
};
pub const TOKEN: &str = "a-token-for-tests";

/// How to build a [`Site`].
pub struct Plan {
    pub limits: HttpLimits,
    pub files: Vec<FileSet>,
    pub upgrades: Option<Arc<dyn Upgrades>>,
    /// Searches of the chat log at a time.
    pub searches: usize,
    pub search_budget: Duration,
    pub origins: Vec<String>,
    pub workers: usize,
}

impl Default for Plan {
    fn default() -> Plan {
        Plan {
            limits: HttpLimits {
                head_bytes: 2048,
                body_bytes: 4096,
                arrival: PATIENCE,
            },
            files: vec![chat_server::page::file, chat_server::rest::docs::file],
            upgrades: None,
            searches: 2,
            search_budget: PATIENCE,
            origins: vec!["https://friend.example".into()],
            workers: 2,
        }
    }
}

/// A running front; stops when dropped.
pub struct Front {
    pub address: SocketAddr,
    /// Number of connections that were served and have ended.
    pub ended: Arc<AtomicUsize>,
    stopping: Arc<AtomicBool>,
    acceptor: Option<JoinHandle<()>>,
}

impl Front {
    pub fn start(context: FrontContext) -> Front {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let stopping = Arc::new(AtomicBool::new(false));
        let ended = Arc::new(AtomicUsize::new(0));
        let context = Arc::new(context);
        let acceptor = {
            let (stopping, ended) = (stopping.clone(), ended.clone());
            thread::spawn(move || {
                while let Ok((stream, peer)) = listener.accept() {
                    if stopping.load(Ordering::SeqCst) {
                        return;
                    }
                    let (context, ended) = (context.clone(), ended.clone());
                    let registry = Arc::new(Registry::default());
                    thread::spawn(move || {
                        let permit = registry.admit(peer.ip(), 0, 0).unwrap();
                        http::serve(stream, peer, permit, &context);
                        ended.fetch_add(1, Ordering::SeqCst);
                    });
                }
            })
        };
        Front {
            address,
            ended,
            stopping,
            acceptor: Some(acceptor),
        }
    }

    pub fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream
    }

    /// Sends bytes unchanged; returns everything that comes back until the end.
    pub fn exchange(&self, request: impl AsRef<[u8]>) -> String {
        let mut stream = self.connect();
        stream.write_all(request.as_ref()).unwrap();
        read_to_end(&mut stream)
    }
}

impl Drop for Front {
    fn drop(&mut self) {
        self.stopping.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(self.address);
        let _ = self.acceptor.take().unwrap().join();
    }
}

/// Everything until the connection is properly closed.
pub fn read_to_end(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    stream
        .read_to_end(&mut answer)
        .expect("an answer and a clean end");
    String::from_utf8(answer).unwrap()
}

/// One answer with a Content-Length, from a connection that stays open.
pub fn read_answer(stream: &mut TcpStream) -> (String, Vec<u8>) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).expect("a whole head");
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).unwrap();
    let length = header(&head, "Content-Length").map_or(0, |value| value.parse().unwrap());
    let mut body = vec![0; length];
    stream.read_exact(&mut body).expect("a whole body");
    (head, body)
}

pub fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines().find_map(|line| {
        let (found, value) = line.split_once(": ")?;
        found.eq_ignore_ascii_case(name).then_some(value)
    })
}

/// The status of the only answer in `raw`.
pub fn status(raw: &str) -> u16 {
    let answers = raw.match_indices("HTTP/1.1 ");
    let answers = answers.filter(|(at, _)| raw[at + 9..].starts_with(|c: char| c.is_ascii_digit()));
    assert_eq!(answers.count(), 1, "not one answer: {raw:?}");
    raw[9..12].parse().unwrap()
}

/// How the names of the rotated files of an endless log begin.
const ROTATED: &str = "chat-20200101T0000";
/// A slow pattern that matches nothing.
const NOWHERE: &str = "pattern=(x%2By%3F)%2Bz%24";

/// Waits for a condition.
pub fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < deadline, "never happened: {what}");
        thread::sleep(Duration::from_millis(2));
    }
}

/// Front, REST and hub; stop when dropped.
pub struct Site {
    pub front: Front,
    pub hub: HubHandle,
    pub readiness: Arc<Readiness>,
    pub token: Arc<AdminToken>,
    pub origins: Arc<Origins>,
    pub metrics: Arc<Metrics>,
    pub relays: Arc<Relays>,
    pub log: ChatLog,
    /// The bans saved last, once any were saved.
    pub saved_bans: Arc<Mutex<Option<Vec<Ban>>>>,
    pub saving_fails: Arc<AtomicBool>,
    pub saving_panics: Arc<AtomicBool>,
    rest: Option<RestHandle>,
    data: tempfile::TempDir,
}

impl Site {
    pub fn start(plan: Plan) -> Site {
        let data = tempfile::tempdir().unwrap();
        std::fs::set_permissions(data.path(), PermissionsExt::from_mode(0o700)).unwrap();
        let socket = Socket::place(data.path()).unwrap();
        let relays = Arc::new(Relays::new(socket.path().to_owned(), PATIENCE));
        let hub = start_hub();
        let origins = Arc::new(Origins::new(plan.origins));
        let token = Arc::new(AdminToken::new(Secret::parse(TOKEN).unwrap(), 0));
        let readiness = Arc::new(Readiness::default());
        let metrics = Metrics::new();
        let saved_bans = Arc::new(Mutex::new(None));
        let saving_fails = Arc::new(AtomicBool::new(false));
        let saving_panics = Arc::new(AtomicBool::new(false));
        let save_bans: SaveBans = {
            let (saved, fails) = (saved_bans.clone(), saving_fails.clone());
            let panics = saving_panics.clone();
            Box::new(move |bans| {
                assert!(!panics.load(Ordering::SeqCst), "on purpose");
                if fails.load(Ordering::SeqCst) {
                    return Err(std::io::Error::other("disk full"));
                }
                *saved.lock() = Some(bans.to_vec());
                Ok(())
            })
        };
        let folder = data.path().join("chatlog");
        let log = ChatLog::open(ChatLogOptions {
            searches: plan.searches,
            search_budget: plan.search_budget,
            ..ChatLogOptions::new(folder, config::ChatLog::default())
        });
        let log = log.unwrap();
        let store = SqliteSettings::new(data.path().join("chat.db"));
        let store = Arc::new(SqliteStore::open(store).unwrap());
        let accounts = Arc::new(Accounts::new(store, hub.clone(), NO_LIMITS, None).unwrap());
        let passes = Passes::new(&Secret::parse(TOKEN).unwrap());
        let gate = Arc::new(Gate::new(passes, accounts.clone(), hub.clone()));
        let context = RestContext {
            nodes: Arc::new(Vec::new),
            hub: hub.clone(),
            gate: gate.clone(),
            doors: Arc::new(Doors::new(token.clone(), accounts.clone(), gate)),
            bots: Arc::new(Bots::new(
                hub.clone(),
                Arc::default(),
                accounts.clone(),
                Arc::new(Allowances::new(0)),
                Arc::default(),
            )),
            pace: Arc::new(CallPace::new(Arc::new(Allowances::new(0)), 0.0)),
            sessions: Arc::new(|| -> SessionContext {
                unreachable!("no program follows channels")
            }),
            accounts,
            hooks: None,
            log: log.clone(),
            admin: Arc::new(Administration::new(
                hub.clone(),
                log.clone(),
                save_bans,
                Arc::new(AtomicUsize::new(1000)),
            )),
            version: "1.2.3",
            started: jiff::Timestamp::now(),
            metrics: metrics.clone(),
            readiness: readiness.clone(),
            origins: origins.clone(),
            relays: relays.clone(),
            workers: plan.workers,
            on_passwords: AtomicUsize::new(0),
        };
        let rest = rest::start(context, socket).unwrap();
        let front = Front::start(FrontContext {
            folders: Vec::new(),
            limits: plan.limits,
            files: plan.files,
            upgrades: plan.upgrades,
            answers: None,
            relays: Some(relays.clone()),
            relayed: None,
            origins: origins.clone(),
            proxies: Arc::default(),
            per_address: 0,
        });
        Site {
            front,
            hub,
            readiness,
            token,
            origins,
            metrics,
            relays,
            log,
            saved_bans,
            saving_fails,
            saving_panics,
            rest: Some(rest),
            data,
        }
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.front.address)
    }

    /// Logs a user in.
    pub fn sign_in(&self, index: u32, nickname: &str) {
        let name = Name::parse(nickname).unwrap();
        let id = ConnectionId {
            index,
            generation: 0,
        };
        let signed_in = self.hub.ask(move |hub, now, fx| {
            let address = SocketAddr::from(([192, 0, 2, 7], 5000));
            let profile = Profile {
                protocol: "line",
                address,
                cloak: None,
                one_channel: true,
                shows_past: true,
                ends_with_channel: false,
                keeps_rosters: false,
            };
            hub.open(id, profile, now, fx);
            hub.claim(id, name, None, now, fx).unwrap();
        });
        signed_in.unwrap();
    }

    /// The nicknames in use.
    pub fn users(&self) -> Vec<String> {
        let users = self.hub.users().unwrap();
        users.iter().map(|user| user.nickname.to_string()).collect()
    }

    /// The chat log's folder.
    pub fn log_folder(&self) -> PathBuf {
        self.data.path().join("chatlog")
    }

    /// Makes the chat log so long that searching all of it takes longer than any test, and
    /// starts such a search for a client, which waits for the answer. For a
    /// site with one search at a time.
    pub fn begin_endless_search(&self) -> TcpStream {
        self.make_log_endless();
        let mut client = self.front.connect();
        let request = format!(
            "GET /admin/log?{NOWHERE} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\
             Authorization: Bearer {TOKEN}\r\n\r\n"
        );
        client.write_all(request.as_bytes()).unwrap();
        // Another search would show it, too, but might keep this one from starting.
        until("the search has begun", || self.is_searched());
        client
    }

    /// Whether a search reads one of the rotated files at this moment.
    fn is_searched(&self) -> bool {
        let rotated = self.log_folder().join(ROTATED);
        let rotated = rotated.to_str().unwrap();
        let open = std::fs::read_dir("/proc/self/fd").unwrap();
        // Other tests close theirs meanwhile.
        let open = open.filter_map(|entry| std::fs::read_link(entry.ok()?.path()).ok());
        open.filter_map(|path| path.into_os_string().into_string().ok())
            .any(|path| path.starts_with(rotated))
    }

    /// Thousands of rotated files, all links to the same file.
    fn make_log_endless(&self) {
        const LINE: &str = "{\"at\":\"2020-01-01T00:00:00.000Z\",\"kind\":\"message\",\"text\":\"xxxxxxxxxxxxxxxx\"}\n";
        let folder = self.log_folder();
        let rotated = |number: usize| {
            let (seconds, millis) = (number / 1000, number % 1000);
            folder.join(format!("{ROTATED}{seconds:02}.{millis:03}Z.log"))
        };
        if rotated(0).exists() {
            return;
        }
        std::fs::write(rotated(0), LINE.repeat(200_000)).unwrap();
        for number in 1..4000 {
            std::fs::hard_link(rotated(0), rotated(number)).unwrap();
        }
    }

    pub fn stop_rest(&mut self) {
        if let Some(rest) = self.rest.take() {
            rest.shutdown();
        }
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        self.stop_rest();
    }
}

/// A hub on a thread of its own, which ends with the last handle.
fn start_hub() -> HubHandle {
    let (handle, waiting) = HubHandle::new();
    thread::spawn(move || {
        let mut hub = Hub::new(Limits {
            login: Duration::from_secs(60),
            channels_per_connection: 100,
            ..Limits::none()
        });
        let mut fx = Effects::default();
        let start = Instant::now();
        for input in waiting {
            let unix = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
            let now = Now {
                unix_ms: unix.unwrap().as_millis() as u64,
                ticks_ms: start.elapsed().as_millis() as u64,
            };
            if let Input::Request(run) = input {
                run(&mut hub, now, &mut fx);
            }
            fx.clear();
        }
    });
    handle
}
