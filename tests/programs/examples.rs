//! The example programs, run as a newcomer would run them.

use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::{Receiver, channel};

use crate::support::{DEADLINE, LineClient, Server, User};
use serde_json::{Value, json};

/// A running example. Dropping it ends it.
struct Example {
    child: Child,
    lines: Receiver<String>,
}

impl Example {
    fn start(name: &str, arguments: &[&str]) -> Example {
        let mut child = command(name, arguments)
            .stderr(Stdio::inherit())
            .spawn()
            .unwrap();
        let out = BufReader::new(child.stdout.take().unwrap());
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in out.lines().map_while(Result::ok) {
                let _ = sender.send(line);
            }
        });
        Example { child, lines }
    }

    fn types(&mut self, text: &str) {
        let stdin = self.child.stdin.as_mut().unwrap();
        stdin.write_all(text.as_bytes()).unwrap();
    }

    /// The next line it prints.
    fn prints(&self) -> String {
        self.lines.recv_timeout(DEADLINE).expect("a line")
    }

    /// Waits for its end; closes its standard input first if `input_ends`.
    fn ends(&mut self, input_ends: bool) {
        if input_ends {
            drop(self.child.stdin.take());
        }
        crate::support::wait_until("the example has ended", || {
            self.child.try_wait().unwrap().is_some()
        });
        assert!(self.child.wait().unwrap().success());
    }
}

impl Drop for Example {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Cargo builds the examples beside the tests.
fn command(name: &str, arguments: &[&str]) -> Command {
    let test = std::env::current_exe().unwrap();
    let target: PathBuf = test.ancestors().nth(2).unwrap().into();
    let program = target.join("examples").join(name);
    assert!(
        program.exists(),
        "{} is missing: run `cargo build --examples`, as `cargo test` does",
        program.display()
    );
    let mut command = Command::new(program);
    command
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// Runs an example with all of its standard input at once.
fn piped(name: &str, arguments: &[&str], input: &str) -> Output {
    let mut child = command(name, arguments).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    // It may have ended without reading its input.
    let _ = stdin.write_all(input.as_bytes());
    drop(stdin);
    child.wait_with_output().unwrap()
}

fn start(origins: &[&str]) -> Server {
    Server::start(|config| {
        config["listen"]["tcp"] = "127.0.0.1:0".into();
        config["listen"]["ws"] = "127.0.0.1:0".into();
        config["web"] = json!({"allowed_origins": origins});
    })
}

/// Both clients, each with the address of its listener.
fn clients(server: &Server) -> [(&'static str, String); 2] {
    [
        ("tcp_client", server.address("tcp").to_string()),
        ("ws_client", format!("ws://{}/mychat", server.address("ws"))),
    ]
}

fn arguments<'a>(client: &'a str, address: &'a str) -> [&'a str; 6] {
    [
        "--client",
        client,
        "--room",
        "devroom",
        "--address",
        address,
    ]
}

#[test]
fn clients_send_what_is_piped_in_and_hear_it_before_they_leave() {
    let server = start(&[]);
    for (example, address) in clients(&server) {
        for (input, expected) in [
            ("one\n\ntwo\n", "Mina:one\nMina:\nMina:two\n"),
            ("one\ntwo", "Mina:one\nMina:two\n"),
        ] {
            let output = piped(example, &arguments("Mina", &address), input);
            let heard = String::from_utf8_lossy(&output.stdout);
            assert_eq!(heard, expected, "{example}");
            assert!(output.status.success(), "{example}");
        }
    }
}

#[test]
fn clients_know_their_lines_by_the_name_that_the_server_shows() {
    let server = start(&[]);
    for (example, address) in clients(&server) {
        for name in ["Mina Harker", " Mina\tHarker ", "\u{ff2d}ina Harker"] {
            let output = piped(example, &arguments(name, &address), "one\ntwo\n");
            let heard = String::from_utf8_lossy(&output.stdout);
            assert_eq!(heard, "Mina_Harker:one\nMina_Harker:two\n", "{example}");
            // Otherwise it waited for lines that had already come.
            let complaints = String::from_utf8_lossy(&output.stderr);
            assert_eq!(complaints, "", "{example} {name:?}");
        }
    }
}

#[test]
fn clients_talk_to_each_other_until_one_side_ends() {
    let server = start(&[]);
    let [(tcp, tcp_address), (ws, ws_address)] = clients(&server);
    let mut mina = Example::start(tcp, &arguments("Mina", &tcp_address));
    mina.types("first\n");
    assert_eq!(mina.prints(), "Mina:first");
    let mut jon = Example::start(ws, &arguments("Jon", &ws_address));
    jon.types("hello\n");
    assert_eq!(jon.prints(), "Jon:hello");
    assert_eq!(mina.prints(), "Jon:hello");
    mina.types("hi Jon\n");
    assert_eq!(jon.prints(), "Mina:hi Jon");
    assert_eq!(mina.prints(), "Mina:hi Jon");
    server.post("/admin/announce", json!({"message": "soup"}));
    assert_eq!(jon.prints(), "Public Server Announcement: soup");
    mina.ends(true);
    let mut eve = Example::start(tcp, &arguments("Eve", &tcp_address));
    eve.types("here\n");
    assert_eq!(eve.prints(), "Eve:here");
    // Their input stays open, but the server ends.
    server.signal(rustix::process::Signal::TERM);
    jon.ends(false);
    eve.ends(false);
}

#[test]
fn who_cannot_come_in_reads_why() {
    let server = start(&[]);
    for (example, address) in clients(&server) {
        let name = "x".repeat(100);
        let output = piped(example, &arguments(&name, &address), "hello\n");
        let heard = String::from_utf8_lossy(&output.stdout);
        assert!(heard.contains("That name will not do"), "{heard}");
    }
    let output = piped("tcp_client", &arguments("Mina", "127.0.0.1:1"), "");
    assert!(!output.status.success());
    let words = String::from_utf8_lossy(&output.stderr);
    assert!(words.starts_with("127.0.0.1:1: "), "{words}");
}

#[test]
fn one_dash_will_do_and_who_gives_no_name_has_one() {
    let server = start(&[]);
    for (example, address) in clients(&server) {
        for arguments in [
            vec!["-client", "Mina", "-room", "devroom", "-address", &address],
            vec![
                "-client=Mina",
                "--room=devroom",
                &format!("-address={address}"),
            ],
        ] {
            let output = piped(example, &arguments, "-client\n");
            assert_eq!(String::from_utf8_lossy(&output.stdout), "Mina:-client\n");
        }
        let mut user = Example::start(example, &["-address", &address]);
        user.types("hello\n");
        let line = user.prints();
        let name = line.strip_suffix(":hello").unwrap();
        let number = name.strip_prefix("User").unwrap();
        assert!(number.parse::<u32>().is_ok(), "{line}");
        let users = server.get("/admin/users").body;
        assert!(
            users.contains(name) && users.contains("\"lounge\""),
            "{users}"
        );
        user.ends(true);
        let help = piped(example, &["--help"], "");
        let help = String::from_utf8_lossy(&help.stdout).into_owned();
        let default = match example {
            "tcp_client" => "[default: localhost:8989]",
            _ => "[default: ws://localhost:8099/mychat]",
        };
        assert!(help.contains(default), "{help}");
    }
}

#[test]
fn an_origin_is_sent_and_has_to_be_allowed() {
    let server = start(&["https://chat.example.org"]);
    let [_, (ws, address)] = clients(&server);
    let run = |origin: &str| {
        let mut all = arguments("Mina", &address).to_vec();
        all.extend(["--origin", origin]);
        piped(ws, &all, "hi\n")
    };
    let output = run("https://chat.example.org");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "Mina:hi\n");
    let output = run("https://elsewhere.example.org");
    assert!(!output.status.success());
    let words = String::from_utf8_lossy(&output.stderr);
    assert!(words.contains("403"), "{words}");
}

#[test]
fn the_game_reacts_to_guesses_and_ends_with_its_input() {
    let any = "127.0.0.1:0";
    let mut game = Example::start("embed", &["--telnet", any, "--web", any]);
    let line = game.prints();
    let address = line.strip_prefix("telnet: ").unwrap().parse().unwrap();
    assert!(game.prints().starts_with("web: http://127.0.0.1:"));
    let mut mina = LineClient::connect(address);
    mina.expect("Guess the number");
    mina.login("Mina");
    mina.send("/join #game");
    // A hundred numbers: seven guesses find any of them.
    let (mut least, mut most) = (1, 100);
    loop {
        assert!(least <= most, "the game cheats");
        let guess = (least + most) / 2;
        mina.send(&guess.to_string());
        let answer = mina.expect(&format!("@host: {guess} "));
        match () {
            _ if answer.contains("too small") => least = guess + 1,
            _ if answer.contains("too large") => most = guess - 1,
            _ => break assert!(answer.contains("Mina has won"), "{answer}"),
        }
    }
    game.types("Soup is ready.\n");
    mina.expect("Soup is ready.");
    assert_eq!(game.prints(), "announced");
    game.ends(true);
    assert!(mina.hears("shutting down"));
}

#[test]
fn the_bot_answers_in_rooms_and_in_private_and_comes_back() {
    let server = Server::start(|_| {});
    let address = server.web().to_string();
    let bot = Example::start(
        "bot",
        &[
            "--nickname",
            "robot",
            "--room",
            "dev",
            "--address",
            &address,
        ],
    );
    for _ in 0..2 {
        assert_eq!(bot.prints(), "robot is in");
        let mut mina = LineClient::enter_channel(&server, "Mina", "dev");
        crate::support::wait_until("the bot is there", || {
            let users = server.get("/admin/users").json();
            let users = users["users"].as_array().unwrap();
            let is_there = |it: &Value| {
                let channels = it["channels"].as_array().unwrap();
                it["nickname"] == "robot" && channels.iter().any(|it| it == "dev")
            };
            users.iter().any(is_there)
        });
        mina.send("!roll 3d1000");
        mina.expect("Mina: 3d1000 gives ");
        mina.send("!roll");
        mina.expect("try !roll 2d6");
        mina.send("/msg @robot !time");
        mina.expect("it is ");
        drop(mina);
        let kicked = server.delete("/admin/users/robot");
        assert_eq!(kicked.status, 200, "{}", kicked.body);
    }
}

/// Whether a process has a handler for SIGTERM.
fn handles_its_end(pid: u32) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:"));
    let caught = u64::from_str_radix(caught.unwrap().trim(), 16).unwrap();
    caught & (1 << (rustix::process::Signal::TERM.as_raw() - 1)) != 0
}

#[test]
fn serve_brings_both_kinds_of_room_lines_together_until_it_is_told_to_end() {
    let any = "127.0.0.1:0";
    let mut serve = Example::start("serve", &["-tcp", any, "-ws", any, "-path=/talk"]);
    let tcp = serve.prints();
    let tcp = tcp.strip_prefix("tcp: ").unwrap();
    let ws = serve.prints();
    let ws = ws.strip_prefix("ws: ").unwrap();
    let mut mina = Example::start("tcp_client", &arguments("Mina", tcp));
    mina.types("first\n");
    assert_eq!(mina.prints(), "Mina:first");
    let mut jon = Example::start("ws_client", &arguments("Jon", ws));
    jon.types("second\n");
    assert_eq!(mina.prints(), "Jon:second");
    assert_eq!(jon.prints(), "Jon:second");
    let pid = serve.child.id();
    crate::support::wait_until("it waits for signals", || handles_its_end(pid));
    let process = rustix::process::Pid::from_child(&serve.child);
    rustix::process::kill_process(process, rustix::process::Signal::TERM).unwrap();
    assert_eq!(serve.prints(), "ended");
    serve.ends(false);
    mina.ends(false);
    jon.ends(false);
}
