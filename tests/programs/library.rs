//! The library: chats inside another program.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use chat_server::chatlog::Kind;
use chat_server::{Chat, ChatError, Listener, Protocol, Watch};

const DEADLINE: Duration = Duration::from_secs(30);
const ANY: &str = "127.0.0.1:0";

/// A client of room lines.
struct Client {
    stream: TcpStream,
    reader: BufReader<TcpStream>,
}

impl Client {
    /// Enters a room and reads its own greeting there.
    fn enter(address: SocketAddr, name: &str, room: &str) -> Client {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        let reader = BufReader::new(stream.try_clone().unwrap());
        let mut client = Client { stream, reader };
        client.send(&format!(r#"{{"name":"{name}","room":"{room}"}}"#));
        client.says(name, "hello");
        client
    }

    fn send(&mut self, line: &str) {
        writeln!(self.stream, "{line}").unwrap();
    }

    /// Sends a message and reads it back.
    fn says(&mut self, name: &str, text: &str) {
        self.send(text);
        assert_eq!(self.next(), format!("{name}:{text}"));
    }

    fn next(&mut self) -> String {
        let mut line = String::new();
        self.reader.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }

    /// Everything until the server closes the connection.
    fn rest(mut self) -> String {
        let mut rest = String::new();
        self.reader.read_to_string(&mut rest).unwrap();
        rest
    }
}

fn chat_with_room_lines() -> (Chat, Listener) {
    let chat = Chat::builder().start().unwrap();
    let listener = chat.listen(Protocol::RoomLines, ANY).unwrap();
    (chat, listener)
}

/// The next message in a watch.
fn next_message(watch: &Watch) -> (String, String) {
    let deadline = Instant::now() + DEADLINE;
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        let entry = watch.wait(left).expect("a message");
        if entry.kind == Kind::Message {
            let text = entry.text.unwrap().to_string();
            return (entry.nick.unwrap().to_string(), text);
        }
    }
}

#[test]
fn listeners_of_one_chat_share_their_rooms() {
    let (chat, first) = chat_with_room_lines();
    let second = chat.listen(Protocol::RoomLines, ANY).unwrap();
    let mut mina = Client::enter(first.address(), "Mina", "devroom");
    let mut jon = Client::enter(second.address(), "Jon", "devroom");
    assert_eq!(mina.next(), "Jon:hello");
    mina.says("Mina", "hi");
    assert_eq!(jon.next(), "Mina:hi");
    let users = chat.users().unwrap();
    let names: Vec<String> = users.iter().map(|u| u.nickname.to_string()).collect();
    assert_eq!(names, ["Jon", "Mina"]);
    let channels = chat.channels().unwrap();
    let devroom = channels.iter().find(|c| c.name.as_str() == "devroom");
    assert_eq!(devroom.unwrap().members.len(), 2);
}

#[test]
fn two_chats_have_nothing_in_common() {
    let (one, first) = chat_with_room_lines();
    let (other, second) = chat_with_room_lines();
    assert_ne!(one.data_dir(), other.data_dir());
    // The same name in the same room of two chats: neither disturbs the other.
    let mut here = Client::enter(first.address(), "Mina", "devroom");
    let mut there = Client::enter(second.address(), "Mina", "devroom");
    here.says("Mina", "here");
    there.says("Mina", "there");
    assert_eq!(one.announce("only here").unwrap(), 1);
    assert_eq!(here.next(), "Public Server Announcement: only here");
    drop(one);
    assert!(here.rest().contains("shutting down"));
    there.says("Mina", "still there");
}

#[test]
fn a_stopped_listener_frees_its_address_and_keeps_who_is_connected() {
    let (chat, first) = chat_with_room_lines();
    let second = chat.listen(Protocol::RoomLines, ANY).unwrap();
    let mut mina = Client::enter(first.address(), "Mina", "devroom");
    first.stop();
    first.stop();
    assert!(first.is_stopped() && !second.is_stopped());
    assert_eq!(chat.listeners().len(), 1);
    assert!(TcpStream::connect(first.address()).is_err());
    let mut jon = Client::enter(second.address(), "Jon", "devroom");
    assert_eq!(mina.next(), "Jon:hello");
    mina.says("Mina", "still here");
    assert_eq!(jon.next(), "Mina:still here");
    chat.listen(Protocol::RoomLines, first.address()).unwrap();
    let mut eve = Client::enter(first.address(), "Eve", "devroom");
    eve.says("Eve", "back again");
}

#[test]
fn an_address_in_use_is_an_error_that_says_so_and_nothing_runs() {
    let taken = std::net::TcpListener::bind(ANY).unwrap();
    let address = taken.local_addr().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let started = Chat::builder()
        .data_dir(&data)
        .listen(Protocol::Telnet, ANY)
        .listen(Protocol::RoomLines, address)
        .start();
    let words = format!("tcp: another program already uses {address}");
    assert_eq!(started.unwrap_err().to_string(), words);
    assert!(!data.exists());
    let chat = Chat::builder().start().unwrap();
    let error = chat.listen(Protocol::RoomLines, address).unwrap_err();
    assert!(error.is_in_use());
    assert_eq!(error.to_string(), words);
    let error = chat.listen(Protocol::Web, "127.0.0.1").unwrap_err();
    assert!(!error.is_in_use());
    assert!(error.to_string().starts_with("web: cannot listen: "));
}

#[test]
fn mistakes_in_settings_are_all_named() {
    let started = Chat::builder()
        .settings(|settings| {
            settings.limits.line_bytes = 0;
            settings.admin.workers = 0;
        })
        .start();
    let words = started.unwrap_err().to_string();
    assert!(words.contains("limits.line_bytes (the program)"), "{words}");
    assert!(words.contains("admin.workers (the program)"), "{words}");
}

#[test]
fn shutting_down_says_farewell_to_everyone() {
    let chat = Chat::builder()
        .listen(Protocol::RoomLines, ANY)
        .listen(Protocol::Telnet, ANY)
        .start()
        .unwrap();
    let at = |protocol| {
        let listeners = chat.listeners();
        let listener = listeners.iter().find(|l| l.protocol() == protocol);
        listener.unwrap().address()
    };
    let mina = Client::enter(at(Protocol::RoomLines), "Mina", "devroom");
    let telnet = TcpStream::connect(at(Protocol::Telnet)).unwrap();
    telnet.set_read_timeout(Some(DEADLINE)).unwrap();
    let mut telnet = BufReader::new(telnet);
    let mut greeting = String::new();
    telnet.read_line(&mut greeting).unwrap();
    let address = at(Protocol::Telnet);
    let mut watch = chat.watch().unwrap();
    let robot = chat.enter("robot").unwrap();
    chat.shut_down(DEADLINE).unwrap();
    assert!(mina.rest().contains("shutting down"));
    let mut rest = String::new();
    telnet.read_to_string(&mut rest).unwrap();
    assert!(rest.contains("shutting down"), "{rest}");
    assert!(TcpStream::connect(address).is_err());
    // The watch ends, and the handles that remain report that the chat has
    // ended.
    assert_eq!(watch.by_ref().filter(|e| e.kind == Kind::Close).count(), 3);
    assert_eq!(robot.join("lobby"), Err(ChatError::Unavailable));
}

#[test]
fn dropping_a_chat_is_over_in_time_although_a_client_never_reads_nor_closes() {
    let chat = Chat::builder()
        .settings(|settings| settings.shutdown_seconds = 1)
        .listen(Protocol::RoomLines, ANY)
        .start()
        .unwrap();
    let address = chat.listeners()[0].address();
    let folder = chat.data_dir().to_owned();
    let mina = Client::enter(address, "Mina", "devroom");
    assert!(folder.exists());
    drop(chat);
    assert!(!folder.exists());
    // The connection was forced to end: nothing of the chat stays behind.
    let end = Instant::now() + DEADLINE;
    let mut stream = &mina.stream;
    while stream.write_all(b"anybody?\n").is_ok() {
        assert!(Instant::now() < end, "the connection is still served");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_data_folder_outlives_its_chat_and_serves_the_next_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let start = || {
        Chat::builder()
            .data_dir(folder.path())
            .listen(Protocol::RoomLines, ANY)
            .listen(Protocol::Web, ANY)
            .start()
            .unwrap()
    };
    let chat = start();
    let token = chat.admin_token();
    let mina = Client::enter(chat.listeners()[0].address(), "Mina", "devroom");
    // A silent HTTP client, which a graceful end would wait for.
    let _silent = TcpStream::connect(chat.listeners()[1].address()).unwrap();
    let second = Chat::builder().data_dir(folder.path()).start();
    assert!(second.unwrap_err().to_string().contains("another"));
    chat.shut_down(DEADLINE).unwrap();
    drop(mina);
    let chat = start();
    assert!(chat.admin_token() == token);
    let telnet = chat.listen(Protocol::Telnet, ANY).unwrap();
    let mut stream = TcpStream::connect(telnet.address()).unwrap();
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    stream.write_all(b"Jon\r\n/join #devroom\r\n").unwrap();
    let lines = BufReader::new(stream).split(b'\n').map(Result::unwrap);
    let said = lines.map(|line| String::from_utf8_lossy(&line).into_owned());
    assert!(said.into_iter().any(|line| line.contains("hello")));
}

#[test]
fn threads_share_a_chat() {
    let (chat, listener) = chat_with_room_lines();
    let mut mina = Client::enter(listener.address(), "Mina", "devroom");
    std::thread::scope(|scope| {
        let chat = &chat;
        for number in 0..4 {
            scope.spawn(move || {
                let robot = chat.enter(&format!("robot{number}")).unwrap();
                robot.join("devroom").unwrap();
                robot.say("devroom", "beep").unwrap();
            });
        }
    });
    let mut heard: Vec<String> = (0..4).map(|_| mina.next()).collect();
    heard.sort();
    let expected = (0..4).map(|number| format!("robot{number}:beep"));
    assert!(heard.into_iter().eq(expected));
}

#[test]
fn the_program_sees_what_is_said_and_answers() {
    let (chat, listener) = chat_with_room_lines();
    let watch = chat.watch().unwrap();
    let robot = chat.enter("robot").unwrap();
    robot.join("devroom").unwrap();
    let mut mina = Client::enter(listener.address(), "Mina", "devroom");
    assert_eq!(next_message(&watch), ("Mina".into(), "hello".into()));
    robot.say("devroom", "hello Mina").unwrap();
    assert_eq!(mina.next(), "robot:hello Mina");
    assert_eq!(next_message(&watch), ("robot".into(), "hello Mina".into()));
    robot.act("devroom", "beeps").unwrap();
    assert_eq!(mina.next(), "robot:* beeps");
    assert_eq!(
        next_message(&watch),
        ("robot".into(), "* robot beeps".into())
    );
    robot.notice("devroom", "charging").unwrap();
    assert_eq!(mina.next(), "robot:charging");
    assert_eq!(
        next_message(&watch),
        ("robot".into(), "-robot- charging".into())
    );
    mina.says("Mina", "who is that?");
    robot.leave("devroom").unwrap();
    assert_eq!(watch.lost(), 0);
}

#[test]
fn a_participant_keeps_to_the_rules_of_all() {
    let (chat, listener) = chat_with_room_lines();
    let refused = |result: Result<(), ChatError>| match result {
        Err(error) => error.to_string(),
        Ok(()) => panic!("not refused"),
    };
    let robot = chat.enter("robot").unwrap();
    assert_eq!(robot.nickname(), "robot");
    assert!(refused(chat.enter("ROBOT").map(drop)).contains("taken"));
    assert!(refused(chat.enter("two words").map(drop)).contains("name"));
    assert!(refused(robot.say("devroom", "hi")).contains("not in"));
    robot.join("#devroom").unwrap();
    assert!(refused(robot.say("devroom", " \r\n")).contains("empty"));
    assert_eq!(
        robot.say("devroom", &"x".repeat(5000)),
        Err(ChatError::TooLong(4096))
    );
    assert!(refused(robot.tell("nobody", "hi")).contains("nobody"));
    let mut mina = Client::enter(listener.address(), "Mina", "devroom");
    assert_eq!(chat.kick("robot", Some("noise")).unwrap(), 1);
    assert_eq!(robot.say("devroom", "hi"), Err(ChatError::Gone));
    drop(robot);
    // The nickname is free again, as it is after leaving.
    drop(chat.enter("robot").unwrap());
    let again = chat.enter("robot").unwrap();
    again.join("devroom").unwrap();
    again.say("devroom", "me again").unwrap();
    assert_eq!(mina.next(), "robot:me again");
}

#[test]
fn what_a_kept_chat_stores_is_said_too() {
    let folder = tempfile::tempdir().unwrap();
    let chat = Chat::builder().data_dir(folder.path()).start().unwrap();
    let listener = chat.listen(Protocol::RoomLines, ANY).unwrap();
    let robot = chat.enter("robot").unwrap();
    robot.join("devroom").unwrap();
    let mut mina = Client::enter(listener.address(), "Mina", "devroom");
    robot.say("devroom", "one").unwrap();
    robot.say("devroom", "two").unwrap();
    assert_eq!(mina.next(), "robot:one");
    assert_eq!(mina.next(), "robot:two");
    chat.shut_down(DEADLINE).unwrap();
    let log = std::fs::read_dir(folder.path().join("chatlog")).unwrap();
    let log = log.map(|file| std::fs::read_to_string(file.unwrap().path()).unwrap());
    assert!(log.collect::<String>().contains(r#""nick":"robot""#));
}

#[test]
fn rest_answers_as_soon_as_there_is_an_http_listener() {
    let (chat, _) = chat_with_room_lines();
    let listener = chat.listen(Protocol::Rest, ANY).unwrap();
    let url = format!("http://{}/admin/users", listener.address());
    let _robot = chat.enter("robot").unwrap();
    let token = format!("Bearer {}", chat.admin_token().expose());
    let mut answer = ureq::get(url)
        .header("Authorization", token)
        .call()
        .unwrap();
    let body = answer.body_mut().read_to_string().unwrap();
    assert!(body.contains("robot"), "{body}");
}

#[test]
fn what_a_participant_does_is_done_or_refused_when_the_call_comes_back() {
    let folder = tempfile::tempdir().unwrap();
    let chat = Chat::builder()
        .data_dir(folder.path().join("chat"))
        .start()
        .unwrap();
    let watch = chat.watch().unwrap();
    let robot = chat.enter("robot").unwrap();
    let not_in = Err(ChatError::Refused(chat_server::hub::Refusal::NotInChannel(
        chat_server::name::Name::parse("devroom").unwrap(),
    )));
    // With a history, all of this waits for the store.
    for _ in 0..20 {
        robot.join("devroom").unwrap();
        robot.say("devroom", "beep").unwrap();
        robot.leave("devroom").unwrap();
        assert_eq!(robot.say("devroom", "gone"), not_in);
        assert_eq!(robot.leave("devroom"), not_in);
    }
    robot.join("devroom").unwrap();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| robot.say("devroom", "beep").unwrap());
        }
    });
    chat.kick("robot", None).unwrap();
    assert_eq!(robot.say("devroom", "gone"), Err(ChatError::Gone));
    chat.shut_down(DEADLINE).unwrap();
    let said = watch.filter(|entry| entry.kind == Kind::Message);
    assert_eq!(said.count(), 24);
}

#[test]
fn what_the_program_does_as_the_one_in_charge_is_in_the_audit_trail() {
    let folder = tempfile::tempdir().unwrap();
    let chat = Chat::builder().data_dir(folder.path()).start().unwrap();
    let watch = chat.watch().unwrap();
    let _robot = chat.enter("robot").unwrap();
    assert_eq!(chat.announce("soup").unwrap(), 1);
    assert_eq!(chat.kick("robot", Some("noise")).unwrap(), 1);
    // The participant has left, so nothing is done.
    assert_eq!(chat.kick("robot", None).unwrap(), 0);
    chat.announce("bye").unwrap();
    for expected in [
        "announced to 1 connections: soup",
        "disconnected robot (1 connections): noise",
        "announced to 0 connections: bye",
    ] {
        let deadline = Instant::now() + DEADLINE;
        let entry = loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let entry = watch.wait(left).expect("an entry");
            if entry.kind == Kind::Admin {
                break entry;
            }
        };
        assert_eq!(entry.text.as_deref(), Some(expected));
        assert_eq!(entry.address, None);
    }
    chat.shut_down(DEADLINE).unwrap();
    let trail = std::fs::read_to_string(folder.path().join("chatlog/audit.log")).unwrap();
    assert!(trail.contains("disconnected robot"), "{trail}");
    assert_eq!(trail.matches("announced to").count(), 2, "{trail}");
}
