//! Everything again over TLS: every listener, common client programs, and
//! clients that speak TLS to a plain listener or the other way round.

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::Command;

use crate::support::{
    Carrier, DEADLINE, Identity, LineClient, Server, Terminal, User, WsClient, missing, wait_until,
};
use rustix::process::Signal;
use serde_json::Value;

const LISTENERS: [&str; 5] = ["telnet", "rest", "web", "tcp", "ws"];

/// The beginning of a TLS connection.
const CLIENT_HELLO: &[u8] = &[0x16, 3, 1, 2, 0, 1, 0];

/// A server with every listener twice: plain and with TLS.
fn start(identity: &Identity) -> Server {
    start_with(identity, |_| {})
}

/// The same, with other settings.
fn start_with(identity: &Identity, change: impl FnOnce(&mut Value)) -> Server {
    Server::start(|config| {
        config["listen"]["tcp"] = "127.0.0.1:0".into();
        config["listen"]["ws"] = "127.0.0.1:0".into();
        config["limits"]["message_rate"] = 0.into();
        identity.configure(config, &LISTENERS);
        change(config);
    })
}

fn enter(server: &Server, identity: &Identity, nickname: &str) -> LineClient {
    let mut client = LineClient::on(Carrier::tls(
        server.address("tls-telnet"),
        &identity.certificate(),
    ));
    client.login(nickname);
    client
}

fn enter_channel(server: &Server, identity: &Identity, nickname: &str) -> LineClient {
    let mut client = enter(server, identity, nickname);
    client.send("/join #dev");
    client.settle();
    client
}

#[test]
fn openssl_and_a_plain_telnet_user_meet_in_a_channel() {
    let identity = Identity::new();
    let server = start(&identity);
    let mut bob = LineClient::enter_channel(&server, "bob", "dev");
    let address = server.address("tls-telnet").to_string();
    let certificate = identity.certificate();
    let mut alice = Terminal::run(
        "openssl",
        &[
            "s_client",
            "-quiet",
            "-verify_return_error",
            "-CAfile",
            certificate.to_str().unwrap(),
            "-verify_hostname",
            "localhost",
            "-connect",
            &address,
        ],
    );
    alice.expect("nickname");
    alice.type_line("alice");
    alice.expect("Welcome, alice");
    alice.type_line("/join #dev");
    alice.expect("in #dev");
    bob.expect_next("@alice joined");
    alice.type_line("nobody else can read this");
    bob.expect_message("alice", "nobody else can read this");
    bob.send("grüß dich");
    alice.expect("@bob: grüß dich");
    alice.type_line("/quit");
    alice.expect("Good-bye");
    alice.wait_exit();
    bob.expect("@alice left");
}

#[test]
fn curl_gets_page_and_rest_and_trusts_what_it_is_told_to() {
    let identity = Identity::new();
    let server = start(&identity);
    let (rest, web) = (server.address("tls-rest"), server.address("tls-web"));
    let page = curl(&identity, &[&format!("https://{web}/client")]);
    assert!(page.starts_with("<!doctype html>"), "{page}");
    // Larger than a record, and than one write.
    let script = curl(&identity, &[&format!("https://{rest}/docs/swagger-ui.css")]);
    assert!(script.len() > 64 * 1024, "{}", script.len());
    let token = format!("Authorization: Bearer {}", server.admin_token());
    let health = format!("https://{web}/healthz");
    let users = format!("https://{rest}/admin/users");
    // All requests on one connection.
    let answer = curl(&identity, &["-H", &token, &health, &users, &health]);
    assert_eq!(answer.matches(r#"{"status":"ok"}"#).count(), 2, "{answer}");
    assert!(answer.contains(r#""users""#), "{answer}");
    // A client that trusts another certificate fails.
    let stranger = Identity::new();
    assert!(Carrier::try_tls(web, &stranger.certificate()).is_err());
}

fn curl(identity: &Identity, arguments: &[&str]) -> String {
    let output = Command::new("curl")
        .args(["-sS", "--fail", "--max-time", "30", "--cacert"])
        .arg(identity.certificate())
        .args(arguments)
        .output()
        .unwrap_or_else(|error| missing("curl", &error));
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {errors}", output.status);
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn websockets_and_room_lines_are_encrypted_too() {
    let identity = Identity::new();
    let server = start(&identity);
    let connect = |name| Carrier::tls(server.address(name), &identity.certificate());
    let mut alice = WsClient::open_on(connect("tls-web"), "/ws", &[]).unwrap();
    alice.login("alice");
    alice.send("/join #dev");
    alice.settle();
    let mut mina = LineClient::on(connect("tls-tcp"));
    mina.send_bytes(br#"{"name":"Mina","room":"dev"}"#);
    alice.expect("@Mina joined");
    mina.send("from room lines");
    assert_eq!(mina.next_line().unwrap(), "Mina:from room lines");
    alice.expect_message("Mina", "from room lines");
    let mut jo = WsClient::open_on(connect("tls-ws"), "/mychat", &[]).unwrap();
    jo.send_frame(tungstenite::Message::text(r#"{"name":"Jo","room":"dev"}"#));
    alice.expect("@Jo joined");
    alice.send("to all of you");
    assert_eq!(mina.next_line().unwrap(), "alice:to all of you");
    assert_eq!(jo.next_line().unwrap(), "alice:to all of you");
    alice.send("/quit");
    alice.expect_close();
    assert_eq!(alice.close_code(), Some(1000));
}

#[test]
fn megabytes_arrive_whole_and_in_order() {
    let identity = Identity::new();
    let server = Server::start(|config| {
        config["limits"]["message_rate"] = 0.into();
        config["limits"]["backlog_bytes"] = (1 << 30).into();
        identity.configure(config, &["telnet"]);
    });
    let mut alice = enter_channel(&server, &identity, "alice");
    let mut late = enter_channel(&server, &identity, "late");
    alice.settle();
    // More than the kernel buffers, so that the server must queue some; sent
    // without waiting, so that one turn has many.
    const ROUND: usize = 100;
    const ROUNDS: usize = 40;
    for round in 0..ROUNDS {
        let numbers = round * ROUND..(round + 1) * ROUND;
        let lines: String = numbers.clone().map(|n| long_line(n) + "\r\n").collect();
        alice.send_bytes(lines.as_bytes());
        for number in numbers {
            let echo = alice.expect("@alice: ");
            assert!(echo.ends_with(&long_line(number)), "lost before {number}");
        }
    }
    for number in 0..ROUND * ROUNDS {
        let line = late.next_line().unwrap();
        assert!(line.ends_with(&long_line(number)), "lost before {number}");
    }
    assert_eq!(late.settle(), [""; 0]);
}

#[test]
fn who_does_not_read_is_disconnected_with_a_word() {
    let identity = Identity::new();
    let server = Server::start(|config| {
        config["limits"]["message_rate"] = 0.into();
        config["limits"]["backlog_bytes"] = (256 * 1024).into();
        identity.configure(config, &["telnet"]);
    });
    let mut alice = enter_channel(&server, &identity, "alice");
    let mut sleepy = enter_channel(&server, &identity, "sleepy");
    alice.settle();
    let mut gone = false;
    for number in 0..20_000 {
        alice.send(&long_line(number));
        let heard = alice.expect_line("an echo, or a leave", &|line| {
            line.contains("@alice: ") || line.contains("@sleepy left")
        });
        if heard.contains("@sleepy left") {
            gone = true;
            break;
        }
    }
    assert!(gone, "sleepy is still there");
    // A client that resumes reading gets the reason after everything in flight:
    // a proper TLS close, or reading it would fail.
    let last = sleepy.expect_close().pop().unwrap();
    assert!(last.contains("too slow"), "{last}");
    enter(&server, &identity, "sleepy");
}

/// A long line that ends in its number.
fn long_line(number: usize) -> String {
    format!("{}{number:08}", "long ".repeat(780))
}

#[test]
fn who_stops_sending_gets_every_answer_and_a_proper_end() {
    let identity = Identity::new();
    let server = start(&identity);
    let mut alice = LineClient::on(Carrier::tls(
        server.address("tls-telnet"),
        &identity.certificate(),
    ));
    // As `printf ... | openssl s_client` sends it; the last line has no end.
    alice.send_bytes(b"alice\n/join #dev\nhello\nlast words");
    alice.half_close();
    alice.expect_message("alice", "hello");
    alice.expect_message("alice", "last words");
    alice.expect_close();
}

#[test]
fn what_follows_an_upgrade_in_the_same_record_is_not_lost() {
    let identity = Identity::new();
    let server = start(&identity);
    let mut carrier = Carrier::tls(server.address("tls-web"), &identity.certificate());
    let mut bytes = b"GET /ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n\
        Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
        Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        .to_vec();
    // A masked text frame with a mask of zeros.
    bytes.extend([0x81, 0x85, 0, 0, 0, 0]);
    bytes.extend(b"alice");
    carrier.write_all(&bytes).unwrap();
    let mut said = Vec::new();
    let mut chunk = [0; 4096];
    while memchr::memmem::find(&said, b"Welcome, alice").is_none() {
        let count = carrier.read(&mut chunk).unwrap();
        assert!(count > 0, "{}", said.escape_ascii());
        said.extend_from_slice(&chunk[..count]);
    }
}

#[test]
fn a_shutdown_says_good_bye_and_ends_tls_as_it_should() {
    let identity = Identity::new();
    let mut server = start(&identity);
    let mut alice = enter(&server, &identity, "alice");
    server.signal(Signal::TERM);
    let last = alice.expect_close().pop().unwrap();
    assert!(last.contains("shutting down"), "{last}");
    drop(alice);
    assert!(server.wait_exit().success(), "{}", server.output());
}

#[test]
fn a_reload_shows_newcomers_the_new_certificate_and_drops_nobody() {
    let identity = Identity::new();
    let server = start(&identity);
    let address = server.address("tls-telnet");
    let mut alice = enter_channel(&server, &identity, "alice");
    let old = identity.copy();

    identity.renew();
    server.hang_up();
    server.wait_output("new connections get the certificate in");
    let mut bob = enter_channel(&server, &identity, "bob");
    assert!(Carrier::try_tls(address, &old.certificate()).is_err());
    bob.send("under the new one");
    alice.expect_message("bob", "under the new one");
    alice.send("under the old one");
    bob.expect_message("alice", "under the old one");

    // A file that cannot be used is not used.
    fs::write(identity.key(), "not a key").unwrap();
    server.hang_up_in_vain();
    server.wait_output("tls.key (");
    enter(&server, &identity, "carol");
    bob.send("/nick bobby");
    alice.expect("bobby");
}

#[test]
fn who_speaks_the_other_thing_is_told_and_holds_up_nothing() {
    let identity = Identity::new();
    let server = start(&identity);
    LineClient::enter(&server, "somebody");
    enter(&server, &identity, "somebody-else");
    wait_until("both have left", || users(&server) == 0);
    for name in LISTENERS {
        let plain = server.address(name);
        // A message, if there is one, comes before the end of the connection.
        assert!(Carrier::try_tls(plain, &identity.certificate()).is_err());
        let said = said_to(plain, CLIENT_HELLO);
        if !matches!(name, "telnet" | "tcp") {
            assert!(said.starts_with("HTTP/1.1 400 Bad Request\r\n"), "{said}");
        }
        let secure = server.address(&format!("tls-{name}"));
        let said = said_to(secure, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n");
        match name {
            "telnet" | "tcp" => assert_eq!(said, "This port speaks TLS.\r\n", "{name}"),
            _ => {
                assert!(said.starts_with("HTTP/1.1 400 Bad Request\r\n"), "{said}");
                assert!(said.ends_with("use https:// (or wss://).\n"), "{said}");
            }
        }
    }
    wait_until("their threads have ended", || connections(&server) == 0);
    assert_eq!(users(&server), 0);
}

#[test]
fn a_handshake_that_gets_nowhere_is_ended() {
    let identity = Identity::new();
    let server = start_with(&identity, |config| {
        config["limits"]["http_seconds"] = 1.into();
    });
    let get_nowhere = &|name: &str| {
        let address = server.address(&format!("tls-{name}"));
        assert_eq!(said_to(address, CLIENT_HELLO), "", "{name}");
        // A telnet client waits for a greeting.
        let silent = said_to(address, b"");
        match name {
            "telnet" | "tcp" => assert_eq!(silent, "This port speaks TLS.\r\n", "{name}"),
            _ => assert_eq!(silent, "", "{name}"),
        }
        // A complete record that is not TLS: answered with an alert.
        said_to(address, &[0x16, 3, 1, 0, 4, 1, 2, 3, 4]);
    };
    std::thread::scope(|scope| {
        for name in LISTENERS {
            scope.spawn(move || get_nowhere(name));
        }
    });
    wait_until("their threads have ended", || connections(&server) == 0);
    // The time is short for everyone: on a busy machine it may take several attempts.
    let address = server.address("tls-telnet");
    wait_until("a client that is fast enough is let in", || {
        Carrier::try_tls(address, &identity.certificate()).is_ok()
    });
}

#[test]
fn who_cannot_come_in_gets_an_alert() {
    let identity = Identity::new();
    let server = Server::start(|config| {
        config["limits"]["connections"] = 1.into();
        identity.configure(config, &["telnet"]);
    });
    let _alice = enter(&server, &identity, "alice");
    let refused = Carrier::try_tls(server.address("tls-telnet"), &identity.certificate());
    let error = refused.err().unwrap().to_string();
    assert!(error.contains("AccessDenied"), "{error}");
}

#[test]
fn telnet_negotiation_goes_through() {
    let identity = Identity::new();
    let server = start(&identity);
    let mut alice = enter(&server, &identity, "alice");
    // IAC AYT: are you there?
    alice.send_bytes(&[255, 246]);
    alice.expect("Yes, the server is here");
    // A line byte by byte, each in a record of its own.
    for byte in "/join #dev\r\n".bytes() {
        alice.send_bytes(&[byte]);
    }
    alice.expect("in #dev");
}

#[test]
fn a_certificate_that_cannot_be_used_is_named_before_anything_binds() {
    let identity = Identity::new();
    let other = Identity::new();
    let encrypted = other.certificate().with_file_name("encrypted.pem");
    let openssl = Command::new("openssl")
        .args(["pkey", "-aes256", "-passout", "pass:secret", "-in"])
        .arg(other.key())
        .arg("-out")
        .arg(&encrypted)
        .output()
        .unwrap_or_else(|error| missing("openssl", &error));
    assert!(openssl.status.success(), "{openssl:?}");
    let damaged = other.certificate().with_file_name("damaged.pem");
    let text = fs::read_to_string(identity.certificate()).unwrap();
    fs::write(&damaged, text.replace("MII", "AAA")).unwrap();
    let nowhere = Path::new("nowhere.pem");

    let good = (identity.certificate(), identity.key());
    for (certificate, key, path, what) in [
        (
            nowhere,
            &*good.1,
            "tls.certificate",
            "cannot be read: No such file",
        ),
        (&*good.0, nowhere, "tls.key", "cannot be read: No such file"),
        (
            &*good.1,
            &*good.1,
            "tls.certificate",
            "has no certificate in it",
        ),
        (&*good.0, &*good.0, "tls.key", "has no private key in it"),
        (
            &*good.0,
            &*other.key(),
            "tls.key",
            "is not that of the certificate",
        ),
        (&*good.0, &*encrypted, "tls.key", "is encrypted"),
        (&*damaged, &*good.1, "tls.certificate", "cannot be used"),
    ] {
        let mut server = Server::spawn(|config| {
            identity.configure(config, &["web"]);
            config["tls"]["certificate"] = certificate.to_str().into();
            config["tls"]["key"] = key.to_str().into();
        });
        assert_eq!(server.wait_exit().code(), Some(2));
        let output = server.output();
        let line = output.lines().find(|line| line.starts_with(path));
        assert!(
            line.is_some_and(|line| line.contains(what)),
            "{what}\n{output}"
        );
        assert!(!output.contains("listening"), "{output}");
        assert!(!server.dir().join("data").exists());
    }
}

#[test]
fn make_cert_makes_what_the_server_takes_and_overwrites_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let make = |arguments: &[&str]| {
        Command::new(env!("CARGO_BIN_EXE_chat-server"))
            .arg("make-cert")
            .args(arguments)
            .current_dir(dir.path())
            .output()
            .unwrap()
    };
    let made = make(&["--name", "chat.example"]);
    assert!(made.status.success(), "{made:?}");
    let said = String::from_utf8(made.stdout).unwrap();
    let certificate = dir.path().join("tls/certificate.pem");
    let key = dir.path().join("tls/key.pem");
    assert_eq!(mode(&key), 0o600);

    // The section it suggests for the configuration works unchanged.
    let section = said
        .lines()
        .find_map(|line| line.trim().strip_prefix("\"tls\": "));
    let mut section: serde_json::Value = serde_json::from_str(section.unwrap()).unwrap();
    for path in ["certificate", "key"] {
        let relative = section[path].as_str().unwrap();
        section[path] = dir.path().join(relative).to_str().into();
    }
    section["telnet"] = "127.0.0.1:0".into();
    section["web"] = "127.0.0.1:0".into();
    let server = Server::start(|config| config["tls"] = section);
    for host in ["localhost", "chat.example", "127.0.0.1"] {
        let port = server.address("tls-web").port();
        let answer = Command::new("curl")
            .args(["-sS", "--fail", "--max-time", "30"])
            .args(["--resolve", &format!("{host}:{port}:127.0.0.1"), "--cacert"])
            .arg(&certificate)
            .arg(format!("https://{host}:{port}/healthz"))
            .output()
            .unwrap_or_else(|error| missing("curl", &error));
        assert!(answer.status.success(), "{answer:?}");
    }

    let before = fs::read(&key).unwrap();
    let again = make(&[]);
    assert_eq!(again.status.code(), Some(1));
    let words = String::from_utf8_lossy(&again.stderr).into_owned();
    assert!(
        words.contains("tls/certificate.pem is there already"),
        "{words}"
    );
    assert_eq!(fs::read(&key).unwrap(), before);
    assert!(make(&["--force"]).status.success());
    assert_ne!(fs::read(&key).unwrap(), before);
    assert_eq!(mode(&key), 0o600);
    let wrong = make(&["--out", "other", "--name", "no name"]);
    assert_eq!(wrong.status.code(), Some(1));
    assert!(!dir.path().join("other").exists());
}

fn mode(path: &Path) -> u32 {
    use std::os::unix::fs::PermissionsExt;
    path.metadata().unwrap().permissions().mode() & 0o777
}

/// The server's answer to `bytes`, until it closes.
fn said_to(address: SocketAddr, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    stream.write_all(bytes).unwrap();
    let mut said = Vec::new();
    stream.read_to_end(&mut said).unwrap();
    String::from_utf8_lossy(&said).into_owned()
}

fn users(server: &Server) -> u64 {
    server.get("/api/status").json()["users"].as_u64().unwrap()
}

/// The number of connection threads: they have only the name of the thread that
/// accepted them.
fn connections(server: &Server) -> usize {
    let tasks = fs::read_dir(format!("/proc/{}/task", server.pid())).unwrap();
    let names = tasks.filter_map(|task| fs::read_to_string(task.ok()?.path().join("comm")).ok());
    let accepting = 2 * LISTENERS.len();
    names.filter(|name| name.starts_with("accept ")).count() - accepting
}
