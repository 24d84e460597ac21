//! The library: attached connections that are no sockets of ours, room lines at
//! a path of the program's choice, and serving until an event ends it.

use std::io::{self, BufRead, BufReader, PipeReader, PipeWriter, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::Duration;

use crate::support::{DEADLINE, wait_until};
use chat_server::chatlog::Kind;
use chat_server::{
    AttachError, Chat, Conduit, Connection, Participant, Protocol, RoomLinesAt, Watch,
};
use tungstenite::Message;

const ANY: &str = "127.0.0.1:0";

/// Counts how often a connection was closed.
#[derive(Clone, Default)]
struct Closes(Arc<AtomicUsize>);

impl Closes {
    fn one_more(&self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }

    fn count(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

/// The client's end of an attached connection.
struct Client<R, W> {
    reader: BufReader<R>,
    writer: W,
}

impl<R: Read, W: Write> Client<R, W> {
    fn send(&mut self, line: &str) {
        writeln!(self.writer, "{line}").unwrap();
    }

    fn next(&mut self) -> String {
        let mut line = String::new();
        self.reader.read_line(&mut line).unwrap();
        assert!(line.ends_with('\n'), "the end after {line:?}");
        line.trim_end().to_owned()
    }

    /// Reads until a line contains `needle`.
    fn expect(&mut self, needle: &str) -> String {
        loop {
            let line = self.next();
            if line.contains(needle) {
                return line;
            }
        }
    }

    fn rest(mut self) -> String {
        let mut rest = String::new();
        self.reader.read_to_string(&mut rest).unwrap();
        rest
    }
}

type Socket = Client<UnixStream, UnixStream>;

/// Attaches one end of a socket pair and returns the other.
fn socket(chat: &Chat, room_lines: bool, peer: Option<SocketAddr>) -> (Socket, Connection, Closes) {
    let (ours, theirs) = UnixStream::pair().unwrap();
    theirs.set_read_timeout(Some(DEADLINE)).unwrap();
    let closes = Closes::default();
    let (counted, closing) = (closes.clone(), ours.try_clone().unwrap());
    let mut conduit = Conduit::new(ours.try_clone().unwrap(), ours).on_close(move || {
        counted.one_more();
        let _ = closing.shutdown(Shutdown::Both);
    });
    if let Some(peer) = peer {
        conduit = conduit.peer(peer);
    }
    let connection = if room_lines {
        chat.attach_room_lines(conduit)
    } else {
        chat.attach_lines(conduit)
    };
    let reader = BufReader::new(theirs.try_clone().unwrap());
    let writer = theirs;
    (Client { reader, writer }, connection.unwrap(), closes)
}

/// The same with one pipe for each direction.
fn pipes(chat: &Chat) -> (Client<PipeReader, PipeWriter>, Connection, Closes) {
    let (from_client, writer) = io::pipe().unwrap();
    let (reader, to_client) = io::pipe().unwrap();
    let closes = Closes::default();
    let counted = closes.clone();
    let conduit = Conduit::new(from_client, to_client).on_close(move || counted.one_more());
    let connection = chat.attach_room_lines(conduit).unwrap();
    let reader = BufReader::new(reader);
    (Client { reader, writer }, connection, closes)
}

fn is_on(chat: &Chat, nickname: &str) -> bool {
    let users = chat.users().unwrap();
    users.iter().any(|user| user.nickname.as_str() == nickname)
}

#[test]
fn who_comes_by_a_pair_of_sockets_meets_everyone_and_can_quit() {
    let chat = Chat::builder().start().unwrap();
    let peer: SocketAddr = "192.0.2.7:2222".parse().unwrap();
    let (mut mina, connection, closes) = socket(&chat, false, Some(peer));
    mina.expect("Welcome to the chat server.");
    mina.send("mina");
    mina.expect("Welcome, mina!");
    mina.send("/join #dev");
    mina.expect("dev");
    let users = chat.users().unwrap();
    assert_eq!(users[0].address, peer);
    assert_eq!(connection.peer(), peer);
    let (mut jon, _, _) = socket(&chat, true, None);
    jon.send(r#"{"name":"jon","room":"dev"}"#);
    jon.send("hello");
    mina.expect("jon: hello");
    mina.send("hi");
    jon.expect("mina:hi");
    assert!(!connection.is_over());
    mina.send("/quit");
    assert!(mina.rest().ends_with("\r\n* Good-bye.\r\n"));
    connection.wait();
    assert!(connection.is_over());
    assert_eq!(closes.count(), 1);
    assert!(!is_on(&chat, "mina"));
}

#[test]
fn who_comes_by_pipes_hears_everything_before_the_end() {
    let chat = Chat::builder().start().unwrap();
    let (mut mina, connection, closes) = pipes(&chat);
    mina.send(r#"{"name":"mina","room":"dev"}"#);
    for number in 0..30 {
        mina.send(&format!("line {number}"));
        assert_eq!(mina.next(), format!("mina:line {number}"));
    }
    mina.send("last words");
    let Client { reader, writer } = mina;
    drop(writer);
    let mut rest = String::new();
    { reader }.read_to_string(&mut rest).unwrap();
    assert_eq!(rest, "mina:last words\n");
    connection.wait();
    assert_eq!(closes.count(), 1);
}

/// A writer that accepts some bytes and then blocks until it is closed.
#[derive(Clone)]
struct Stuck {
    takes: Arc<(Mutex<(usize, bool)>, Condvar)>,
}

impl Stuck {
    fn after(bytes: usize) -> Stuck {
        Stuck {
            takes: Arc::new((Mutex::new((bytes, false)), Condvar::new())),
        }
    }

    fn close(&self) {
        self.takes.0.lock().unwrap().1 = true;
        self.takes.1.notify_all();
    }
}

impl Write for Stuck {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut state = self.takes.0.lock().unwrap();
        while state.0 == 0 && !state.1 {
            state = self.takes.1.wait(state).unwrap();
        }
        if state.1 {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        let taken = bytes.len().min(state.0);
        state.0 -= taken;
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A client's input, for as long as the test holds the other end.
struct Typed(Receiver<Vec<u8>>);

impl Read for Typed {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let Ok(bytes) = self.0.recv() else {
            return Ok(0);
        };
        buffer[..bytes.len()].copy_from_slice(&bytes);
        Ok(bytes.len())
    }
}

/// Enters a room over a connection whose writes block for ever.
fn stuck(chat: &Chat, close: Option<Closes>) -> (Sender<Vec<u8>>, Connection) {
    let (typing, typed) = channel();
    let writer = Stuck::after(0);
    let mut conduit = Conduit::new(Typed(typed), writer.clone());
    if let Some(closes) = close {
        conduit = conduit.on_close(move || {
            closes.one_more();
            writer.close();
        });
    }
    let connection = chat.attach_room_lines(conduit).unwrap();
    let hello = br#"{"name":"stuck","room":"dev"}"#;
    typing.send(hello.to_vec()).unwrap();
    wait_until("the stuck client is logged in", || is_on(chat, "stuck"));
    (typing, connection)
}

fn small_backlog() -> Chat {
    let chat = Chat::builder().settings(|settings| {
        settings.limits.line_bytes = 2048;
        settings.limits.backlog_bytes = 4096;
    });
    chat.start().unwrap()
}

/// Sends so much in the room that a client that does not read counts as slow,
/// however much the kernel buffers. Returns the number of bytes.
fn flood(chat: &Chat, robot: &Participant, until_gone: &str) -> usize {
    let line = "x".repeat(1000);
    let mut said = 0;
    while is_on(chat, until_gone) {
        // Returns once the message is delivered: the hub waits for no client.
        robot.say("dev", &line).unwrap();
        said += line.len();
        assert!(said < 64 << 20, "{until_gone} is never a slow reader");
    }
    said
}

#[test]
fn a_write_that_blocks_for_ever_holds_up_nobody_and_is_a_slow_reader() {
    let chat = small_backlog();
    let closes = Closes::default();
    let (typing, connection) = stuck(&chat, Some(closes.clone()));
    let listener = chat.listen(Protocol::RoomLines, ANY).unwrap();
    let stream = TcpStream::connect(listener.address()).unwrap();
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    let reader = BufReader::new(stream.try_clone().unwrap());
    let writer = stream;
    let mut mina = Client { reader, writer };
    mina.send(r#"{"name":"mina","room":"other"}"#);
    let robot = chat.enter("robot").unwrap();
    robot.join("dev").unwrap();
    flood(&chat, &robot, "stuck");
    mina.send("here");
    assert_eq!(mina.expect("here"), "mina:here");
    connection.wait();
    assert_eq!(closes.count(), 1);
    drop(typing);
}

#[test]
fn a_shutdown_says_farewell_and_waits_for_nobody_who_is_stuck() {
    let chat = small_backlog();
    let (mut mina, connection, closes) = socket(&chat, false, None);
    mina.expect("Welcome");
    mina.send("mina");
    mina.expect("Welcome, mina!");
    // It has no way to be closed: its threads stay, the chat ends.
    let (_typing, stuck) = stuck(&chat, None);
    let robot = chat.enter("robot").unwrap();
    robot.join("dev").unwrap();
    // More than the kernel buffers, so that there is a backlog.
    flood(&chat, &robot, "stuck");
    drop(robot);
    chat.shut_down(Duration::from_secs(20)).unwrap();
    assert!(mina.rest().contains("shutting down"));
    connection.wait();
    assert_eq!(closes.count(), 1);
    stuck.wait();
}

#[test]
fn an_administrator_and_the_program_can_end_it() {
    let chat = Chat::builder().start().unwrap();
    let (mut mina, connection, closes) = socket(&chat, false, None);
    mina.send("mina");
    mina.expect("Welcome, mina!");
    assert_eq!(chat.kick("mina", Some("enough")), Ok(1));
    assert!(mina.rest().contains("enough"));
    connection.wait();
    let (mut jon, second, more) = socket(&chat, false, None);
    jon.send("jon");
    jon.expect("Welcome, jon!");
    second.close();
    second.clone().wait();
    assert_eq!((closes.count(), more.count()), (1, 1));
    assert!(!is_on(&chat, "jon"));
}

/// A reader or writer that misbehaves.
enum Odd {
    Fails,
    Panics,
    Waits(Receiver<()>),
}

impl Odd {
    fn act<T>(&self, end: T) -> io::Result<T> {
        match self {
            Odd::Fails => Err(io::ErrorKind::ConnectionReset.into()),
            Odd::Panics => panic!("on purpose"),
            Odd::Waits(end_of_test) => {
                let _ = end_of_test.recv();
                Ok(end)
            }
        }
    }
}

impl Read for Odd {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        self.act(0)
    }
}

impl Write for Odd {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.act(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn what_fails_or_panics_ends_its_own_connection_and_no_other() {
    let chat = Chat::builder().start().unwrap();
    let (mut mina, _, _) = socket(&chat, false, None);
    mina.send("mina");
    mina.expect("Welcome, mina!");
    for (reads, writes) in [
        (Odd::Fails, None),
        (Odd::Panics, None),
        (Odd::Waits(channel().1), Some(Odd::Fails)),
        (Odd::Waits(channel().1), Some(Odd::Panics)),
    ] {
        let closes = Closes::default();
        let counted = closes.clone();
        let conduit = match writes {
            Some(writes) => Conduit::new(reads, writes),
            None => Conduit::new(reads, io::sink()),
        };
        let conduit = conduit.on_close(move || counted.one_more());
        chat.attach_lines(conduit).unwrap().wait();
        assert_eq!(closes.count(), 1);
    }
    // A connection blocked in a read for ever is ended where it writes.
    let (end_of_test, waits) = channel();
    let conduit = Conduit::new(Odd::Waits(waits), Odd::Fails);
    chat.attach_lines(conduit).unwrap().wait();
    drop(end_of_test);
    mina.send("/list");
    mina.expect("not in a channel");
}

#[test]
fn limits_hold_for_what_is_attached() {
    let chat = Chat::builder()
        .settings(|settings| {
            settings.limits.connections = 3;
            settings.limits.connections_per_address = 1;
            settings.limits.line_bytes = 64;
            settings.limits.message_burst = 2;
            settings.limits.message_rate = 0.1;
        })
        .start()
        .unwrap();
    let peer = "192.0.2.7:1".parse().unwrap();
    let (mut mina, first, _) = socket(&chat, true, Some(peer));
    let refused = |peer: Option<SocketAddr>| {
        let closes = Closes::default();
        let counted = closes.clone();
        let mut conduit = Conduit::new(io::empty(), io::sink());
        if let Some(peer) = peer {
            conduit = conduit.peer(peer);
        }
        let conduit = conduit.on_close(move || counted.one_more());
        let error = chat.attach_lines(conduit).unwrap_err();
        assert!(matches!(error, AttachError::Refused(_)));
        assert_eq!(closes.count(), 1);
        error.to_string()
    };
    assert_eq!(
        refused(Some(peer)),
        "Too many connections from your address."
    );
    mina.send(r#"{"name":"mina","room":"dev"}"#);
    mina.send(&"x".repeat(65));
    mina.expect("longer than 64 bytes");
    mina.send("one");
    mina.expect("mina:one");
    mina.send("two");
    mina.expect("too fast");
    // Within this machine only the total limit applies.
    let (_jon, _, _) = socket(&chat, true, None);
    let (_eve, _, _) = socket(&chat, true, None);
    assert_eq!(refused(None), "The server is full. Try again later.");
    drop(mina);
    first.wait();
    let (_mina, _, _) = socket(&chat, true, Some(peer));
}

#[test]
fn room_lines_are_where_the_program_wants_them() {
    let chat = Chat::builder().start().unwrap();
    let at = RoomLinesAt::path("/talk")
        .read_buffer(256)
        .write_buffer(8192);
    let listener = chat.listen_room_lines(at, ANY).unwrap();
    assert_eq!(listener.protocol(), Protocol::RoomLinesWebSocket);
    let address = listener.address();
    let (mut mina, _) = tungstenite::connect(format!("ws://{address}/talk")).unwrap();
    let hello = r#"{"name":"mina","room":"dev"}"#;
    mina.send(Message::text(hello)).unwrap();
    // Much more than one read returns.
    let long = "y".repeat(4000);
    mina.send(Message::text(long.as_str())).unwrap();
    let heard = mina.read().unwrap().into_text().unwrap();
    assert_eq!(heard.trim_end(), format!("mina:{long}"));
    for elsewhere in ["/mychat", "/talk//", "/ws", "/api/ws"] {
        let error = tungstenite::connect(format!("ws://{address}{elsewhere}")).unwrap_err();
        assert!(error.to_string().contains("404"), "{elsewhere}: {error}");
    }
    let alive = ureq::get(format!("http://{address}/healthz"))
        .call()
        .unwrap();
    assert_eq!(alive.status(), 200);
    for (at, words) in [
        (RoomLinesAt::path("talk"), "it begins with a slash"),
        (RoomLinesAt::path(""), "it begins with a slash"),
        (RoomLinesAt::path("/a b"), "it begins with a slash"),
        (RoomLinesAt::path("/a?b"), "it begins with a slash"),
        (
            RoomLinesAt::path(format!("/{}", "a".repeat(200))),
            "at most 200",
        ),
        (RoomLinesAt::path("/healthz"), "/healthz is taken"),
        (
            RoomLinesAt::path("/a").read_buffer(255),
            "a read buffer of 255 bytes",
        ),
        (
            RoomLinesAt::path("/a").read_buffer((1 << 20) + 1),
            "from 256 to 1048576",
        ),
        (
            RoomLinesAt::path("/a").write_buffer(4095),
            "a write buffer of 4095 bytes",
        ),
        (RoomLinesAt::path("/a").tls(), "TLS needs a certificate"),
    ] {
        let error = chat.listen_room_lines(at, ANY).unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
    }
}

/// How many bytes are sent before a WebSocket that does not read counts as
/// slow.
fn taken_by_one_who_does_not_read(write_buffer: usize) -> usize {
    let chat = small_backlog();
    let at = RoomLinesAt::path("/talk").write_buffer(write_buffer);
    let address = chat.listen_room_lines(at, ANY).unwrap().address();
    let socket = rustix::net::socket(
        rustix::net::AddressFamily::INET,
        rustix::net::SocketType::STREAM,
        None,
    )
    .unwrap();
    // The smallest buffer the system allows, so that the other side's buffer
    // shows.
    rustix::net::sockopt::set_socket_recv_buffer_size(&socket, 1).unwrap();
    rustix::net::connect(&socket, &address).unwrap();
    let url = format!("ws://{address}/talk");
    let (mut mina, _) = tungstenite::client(url, TcpStream::from(socket)).unwrap();
    let hello = r#"{"name":"mina","room":"dev"}"#;
    mina.send(Message::text(hello)).unwrap();
    wait_until("mina is logged in", || is_on(&chat, "mina"));
    let robot = chat.enter("robot").unwrap();
    robot.join("dev").unwrap();
    flood(&chat, &robot, "mina")
}

#[test]
fn a_small_write_buffer_shows_sooner_who_does_not_read() {
    let small = taken_by_one_who_does_not_read(4096);
    let large = taken_by_one_who_does_not_read(200_000);
    assert!(small < 60_000, "{small}");
    assert!(large > 150_000, "{large}");
}

#[test]
fn a_run_ends_when_it_is_told_to() {
    let chat = Chat::builder().start().unwrap();
    let watch = chat.watch().unwrap();
    let stopper = chat.stopper();
    let running = thread::spawn(move || chat.run());
    assert!(watch.wait(Duration::ZERO).is_none());
    stopper.stop();
    stopper.stop();
    assert!(matches!(running.join().unwrap(), Ok(())));
    assert_eq!(watch.count(), 0);
    // The event may come before serving begins.
    let chat = Chat::builder().start().unwrap();
    chat.stopper().stop();
    chat.run().unwrap();
}

/// The private messages that come while the watch is read.
fn private_messages(watch: &Watch, most: usize) -> Vec<String> {
    // The watch itself is kept.
    let entries = watch.filter(|entry| entry.kind == Kind::Private);
    let texts = entries.map(|entry| entry.text.unwrap().to_string());
    texts.take(most).collect()
}

#[test]
fn a_watch_sees_what_the_page_says_and_how_much_it_has_missed() {
    let chat = Chat::builder()
        .settings(|settings| settings.chat_log.private_messages = false)
        .start()
        .unwrap();
    let rest = chat.listen(Protocol::Rest, ANY).unwrap();
    let watch = chat.watch().unwrap();
    let robot = chat.enter("robot").unwrap();
    let _mina = chat.enter("mina").unwrap();
    robot.tell("mina", "psst").unwrap();
    robot.tell("mina", "again").unwrap();
    assert_eq!(private_messages(&watch, 2), ["psst", "again"]);
    // REST as well, including wrong tokens.
    let url = format!("http://{}/admin/users", rest.address());
    let asked = ureq::get(url)
        .header("Authorization", "Bearer wrong")
        .call();
    assert!(asked.is_err());
    let refused = (&watch).find(|entry| entry.kind == Kind::Admin).unwrap();
    assert!(refused.text.unwrap().contains("wrong admin token"));
    robot.join("dev").unwrap();
    let said = chat_server::watch::QUEUE + 100;
    for _ in 0..said {
        robot.say("dev", "beep").unwrap();
    }
    wait_until("the watch has lost entries", || watch.lost() > 0);
    chat.shut_down(DEADLINE).unwrap();
    let lost = watch.lost();
    let messages = watch.filter(|entry| entry.kind == Kind::Message).count();
    assert!(
        lost >= 100 && messages <= chat_server::watch::QUEUE,
        "{lost} {messages}"
    );
}
