//! `chat-server bench`, small: what its figures say, and what it says when
//! there can be none.

mod support;

use std::io::Read;
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use support::{Server, free_address, missing, wait_until};

/// For peers: what they are measured with is what is tested.
const NGIRCD: &str = include_str!("../benches/peers/ngircd.conf");

fn command(arguments: &str) -> Command {
    impatient("20", arguments)
}

/// One for which nothing may happen for so many seconds.
fn impatient(timeout: &str, arguments: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_chat-server"));
    command
        .args(["bench", "--timeout", timeout])
        .args(arguments.split_whitespace())
        .stdin(Stdio::null());
    command
}

/// The figures of a run that has to succeed.
fn figures(arguments: &str) -> Value {
    let output = command(arguments).args(["--json", "-"]).output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments}\n{errors}");
    assert_eq!(errors, "", "nobody watches");
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    report["figures"].clone()
}

/// What is said when a run has to fail.
fn complaint(output: Output) -> String {
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert_eq!(output.stdout, b"", "no figures");
    said
}

fn number(figures: &Value, key: &str) -> f64 {
    let value = figures[key].as_f64();
    value.unwrap_or_else(|| panic!("no {key} in {figures:#}"))
}

/// Everybody got everything once.
fn assert_balanced(figures: &Value, deliveries_a_message: f64) {
    let [sent, expected, received, lost] =
        ["sent", "expected", "received", "lost"].map(|key| number(figures, key));
    assert!(sent > 0.0, "{figures:#}");
    assert_eq!(expected, sent * deliveries_a_message, "{figures:#}");
    assert_eq!(received, expected, "{figures:#}");
    assert_eq!(lost, 0.0, "{figures:#}");
    assert!(figures.get("surplus").is_none(), "{figures:#}");
}

fn assert_latencies(figures: &Value, of: &str) {
    let latencies =
        ["p50", "p90", "p99", "p99_9", "max"].map(|p| number(figures, &format!("{of}_{p}_ms")));
    assert!(latencies[0] > 0.0, "{figures:#}");
    assert!(latencies.is_sorted(), "{figures:#}");
}

/// When messages arrived, and when the generator came to read them.
fn assert_messages_timed(figures: &Value, of: &str) {
    assert_latencies(figures, of);
    assert_latencies(figures, &format!("{of}_read"));
    for percentile in ["p50", "max"] {
        let arrived = number(figures, &format!("{of}_{percentile}_ms"));
        let read = number(figures, &format!("{of}_read_{percentile}_ms"));
        assert!(arrived <= read, "{figures:#}");
    }
}

#[test]
fn a_flooded_room_loses_nothing_on_any_protocol() {
    let mut some_waited_to_be_read = false;
    for protocol in ["telnet", "ws", "json", "room", "room-ws"] {
        let figures = figures(&format!(
            "--protocol {protocol} room --members 20 --seconds 1"
        ));
        assert_balanced(&figures, 20.0);
        assert_messages_timed(&figures, "latency");
        some_waited_to_be_read |= ["p50", "p90", "p99", "p99_9", "max"]
            .iter()
            .any(|p| figures[format!("latency_{p}_ms")] != figures[format!("latency_read_{p}_ms")]);
        assert!(
            number(&figures, "deliveries_per_second") > 0.0,
            "{protocol}"
        );
        assert!(
            number(&figures, "server_cpu_s_per_million") > 0.0,
            "{protocol}"
        );
    }
    assert!(some_waited_to_be_read, "the kernel's time stamps are used");
}

#[test]
fn a_room_on_schedule_gets_what_was_due() {
    let figures = figures("room --members 20 --rate 50 --seconds 1");
    assert_eq!(number(&figures, "sent"), 50.0);
    assert_balanced(&figures, 20.0);
    assert_messages_timed(&figures, "latency");
}

#[test]
fn pairs_get_every_answer() {
    let figures = figures("pairs --rooms 5 --seconds 1");
    assert_balanced(&figures, 2.0);
    assert_messages_timed(&figures, "latency");
    assert_latencies(&figures, "latency_own");
}

#[test]
fn pairs_on_schedule_say_what_was_due() {
    let figures = figures("pairs --rooms 5 --rate 50 --seconds 1");
    assert_eq!(number(&figures, "sent"), 50.0);
    assert_balanced(&figures, 2.0);
    assert_messages_timed(&figures, "latency");
    assert_latencies(&figures, "latency_own");
    assert!(number(&figures, "server_cpu_us_per_message") > 0.0);
}

#[test]
fn direct_messages_are_measured_between_accounts() {
    let by_api = |load: &str| figures(&format!("--protocol api {load}"));
    let pairs = by_api("pairs --rooms 3 --seconds 1");
    // Who says something does not hear it.
    assert_balanced(&pairs, 1.0);
    assert_messages_timed(&pairs, "latency");
    let scheduled = by_api("--tls pairs --rooms 3 --rate 50 --seconds 1");
    assert_eq!(number(&scheduled, "sent"), 50.0);
    assert_balanced(&scheduled, 1.0);
    let logins = by_api("logins --connections 9");
    assert_latencies(&logins, "login");
    let idle = by_api("idle --connections 9");
    assert_eq!(number(&idle, "held"), 9.0);
    assert!(number(&idle, "threads") > 9.0);
}

#[test]
fn accounts_are_used_again_by_those_who_come_and_go() {
    let visits = figures("--protocol api churn --per-second 50 --seconds 1");
    assert!(number(&visits, "visits_per_second") > 0.0);
    assert_latencies(&visits, "login");
}

#[test]
fn a_server_that_lets_few_register_is_named_with_the_setting_to_change() {
    let server = Server::start(|config| config["limits"]["auth_attempts"] = 3.into());
    let there = format!("--protocol api --address {} pairs", server.web());
    let said = complaint(command(&there).output().unwrap());
    assert!(said.contains("not registered"), "{said}");
    assert!(said.contains("limits.auth_attempts"), "{said}");
}

#[test]
fn idle_connections_have_a_size() {
    let figures = figures("--protocol ws idle --connections 30");
    assert_eq!(number(&figures, "held"), 30.0);
    let threads = number(&figures, "threads");
    assert!(threads > 30.0, "one a connection, and those of the server");
    // The rest is the whole machine's, on which others come and go.
    assert!(number(&figures, "resident_bytes") > 0.0);
    assert!(figures["memory_bytes"].is_f64(), "{figures:#}");
    assert_latencies(&figures, "login");
}

#[test]
fn logins_and_visits_are_counted() {
    let logins = figures("logins --connections 30");
    assert!(number(&logins, "logins_per_second") > 0.0);
    assert_latencies(&logins, "login");
    let visits = figures("churn --per-second 30 --seconds 1");
    assert!(number(&visits, "visits_per_second") > 0.0);
    assert_latencies(&visits, "login");
}

#[test]
fn those_who_read_lose_nothing_by_those_who_do_not() {
    let figures = figures("slow --members 12 --readers 2 --seconds 1");
    assert_eq!(number(&figures, "lost"), 0.0, "{figures:#}");
    assert_eq!(number(&figures, "received"), number(&figures, "expected"));
    assert_messages_timed(&figures, "before_latency");
    assert_messages_timed(&figures, "after_latency");
    assert!(number(&figures, "latency_p99_ratio") > 0.0);
}

#[test]
fn the_least_a_delivery_can_cost_is_measured() {
    let figures = figures("send-loop --members 20 --seconds 1");
    assert_balanced(&figures, 20.0);
    assert!(number(&figures, "sender_cpu_s_per_million") > 0.0);
}

#[test]
fn everybody_can_come_by_tls() {
    for protocol in ["telnet", "ws", "json"] {
        let figures = figures(&format!(
            "--tls --protocol {protocol} room --members 6 --seconds 1"
        ));
        assert_balanced(&figures, 6.0);
    }
}

#[test]
fn another_server_is_measured_by_the_same_hand() {
    let server = Ngircd::start();
    let address = server.address;
    let pid = server.child.id();
    let there = format!("--protocol irc --address {address} --pid {pid} --at-once 4");
    let room = figures(&format!("{there} room --members 20 --seconds 1"));
    // Who says something on IRC does not hear it.
    assert_balanced(&room, 19.0);
    assert!(number(&room, "server_cpu_s_per_million") > 0.0);
    let pairs = figures(&format!("{there} pairs --rooms 5 --seconds 1"));
    assert_balanced(&pairs, 1.0);
    let idle = figures(&format!("{there} idle --connections 20"));
    assert_eq!(number(&idle, "threads"), 1.0);
}

#[test]
fn the_table_is_for_people_and_the_file_for_programs() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("figures.json");
    std::fs::write(&file, "earlier figures, and longer ones ".repeat(1000)).unwrap();
    let output = command("--tls room --members 3 --seconds 1 --json")
        .arg(&file)
        .args(["--server-config", r#"{"history":"off"}"#])
        .output()
        .unwrap();
    let table = String::from_utf8(output.stdout).unwrap();
    let server = r#"a server of its own with {"history":"off"}"#;
    let settings = "members 3, senders 3, window 32, seconds 1";
    let first = format!("room by telnet over TLS, {server}: {settings}\n");
    assert!(table.starts_with(&first), "{table}");
    assert!(table.contains("latency, p99 "), "{table}");
    let report: Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
    assert_eq!(report["settings"]["members"], 3);
    assert_eq!(report["settings"]["senders"], 3);
    assert_eq!(report["protocol"], "telnet");
    assert_eq!(report["tls"], true);
    assert_eq!(report["server_config"]["history"], "off");
    assert_balanced(&report["figures"], 3.0);
}

#[test]
fn settings_of_its_own_server_can_be_changed() {
    let output = command("room --members 4 --server-config")
        .arg(r#"{"limits":{"connections":2}}"#)
        .output()
        .unwrap();
    let said = complaint(output);
    assert!(said.contains("server is full"), "{said}");
}

#[test]
fn a_full_server_is_named_with_the_setting_to_change() {
    let server = Server::start(|config| {
        config["limits"]["connections"] = 3.into();
    });
    for (protocol, address) in [("telnet", server.telnet()), ("ws", server.web())] {
        let there = format!("--protocol {protocol} --address {address} room --members 9");
        let said = complaint(command(&there).output().unwrap());
        assert!(said.contains("not let in"), "{said}");
        assert!(said.contains("server is full"), "{said}");
        assert!(said.contains("raise limits.connections there"), "{said}");
    }
}

#[test]
fn a_server_that_holds_senders_back_is_named_with_the_setting_to_change() {
    // However slowly people answer each other on a busy machine.
    let server = Server::start(|config| config["limits"]["message_rate"] = 1.into());
    for load in [
        "room --members 4",
        "room --members 4 --rate 500",
        "pairs --rooms 4",
        "pairs --rooms 4 --rate 500",
    ] {
        let there = format!("--address {} {load}", server.telnet());
        let output = command(&there).output();
        let said = complaint(output.unwrap());
        assert!(said.contains("too fast"), "{load}: {said}");
        assert!(said.contains("limits.message_rate to 0"), "{load}: {said}");
    }
}

#[test]
fn a_server_that_stands_still_is_not_measured_on() {
    for load in [
        "pairs --rooms 3",
        "room --members 4 --rate 50",
        "--protocol api pairs --rooms 3",
    ] {
        let server = unlimited();
        let address = match load.contains("api") {
            true => server.web(),
            false => server.telnet(),
        };
        let there = format!("--address {address} --seconds 600 {load}");
        let bench = impatient("1", &there)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        wait_until("they talk", || {
            let metrics = server.get("/metrics").body;
            let line = metrics
                .lines()
                .find(|line| line.starts_with("chat_messages_total "));
            line.is_some_and(|line| !line.ends_with(" 0"))
        });
        server.signal(Signal::STOP);
        let output = bench.wait_with_output();
        server.signal(Signal::CONT);
        let said = complaint(output.unwrap());
        let expected = "nothing arrived any more for 1 s (--timeout)";
        assert!(said.contains(expected), "{load}: {said}");
        assert!(!said.contains("bench: in?"), "its own words: {said}");
    }
}

/// One that lets anybody say and try as much as they like.
fn unlimited() -> Server {
    Server::start(|config| {
        config["limits"]["message_rate"] = 0.into();
        config["limits"]["auth_attempts"] = 0.into();
    })
}

#[test]
fn a_server_that_registers_nobody_is_not_waited_for_forever() {
    let server = unlimited();
    server.signal(Signal::STOP);
    let there = format!("--protocol api --address {} pairs", server.web());
    let output = impatient("1", &there).output();
    server.signal(Signal::CONT);
    let said = complaint(output.unwrap());
    let expected = "0 were registered, then nobody for 1 s (--timeout); the server said nothing";
    assert!(said.contains(expected), "{said}");
}

#[test]
fn a_server_without_accounts_is_named_by_its_answer() {
    // Room lines, and nothing to register at.
    let server = Server::start(|config| config["listen"]["ws"] = "127.0.0.1:0".into());
    let there = format!("--protocol api --address {} pairs", server.address("ws"));
    let said = complaint(command(&there).output().unwrap());
    let expected = "somebody was not registered, after 0 others; the server said: ";
    assert!(said.contains(expected), "{said}");
    assert!(said.contains("404"), "{said}");
}

#[test]
fn settings_for_another_server_than_the_one_measured_are_refused() {
    for wrong in ["--config other.json", "--telnet 127.0.0.1:1"] {
        let output = command(&format!("{wrong} pairs")).output().unwrap();
        assert_eq!(output.status.code(), Some(2));
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(said.contains("is not for bench"), "{said}");
        assert!(said.contains("--server-config"), "{said}");
    }
}

#[test]
fn nobody_there_is_said_at_once() {
    let address = free_address();
    let said = complaint(
        command(&format!("--address {address} pairs"))
            .output()
            .unwrap(),
    );
    assert!(
        said.contains(&format!("no connection to {address}")),
        "{said}"
    );
}

#[test]
fn a_server_that_speaks_something_else_is_not_waited_for_forever() {
    let server = Server::start(|_| {});
    let there = format!("--protocol irc --address {} idle", server.telnet());
    let said = complaint(impatient("1", &there).output().unwrap());
    assert!(said.contains("for 1 s (--timeout)"), "{said}");
    assert!(said.contains("the server said: "), "{said}");
}

#[test]
fn options_that_do_not_go_together_are_refused_wherever_they_are() {
    for (wrong, why) in [
        ("--protocol irc pairs", "irc: this server does not speak it"),
        ("--protocol api room", "room: direct messages have no rooms"),
        ("--protocol api slow", "slow: direct messages have no rooms"),
        ("pairs --pid 1", "--pid is for a server at --address"),
        ("--tls-trust x pairs", "--tls-trust is for a server at"),
        (
            "--address x:1 pairs --tls",
            "--tls is for a server of its own",
        ),
        (
            "pairs --server-config {} --address x:1",
            "--server-config is for a server of its own",
        ),
        (
            "--address x:1 send-loop",
            "--address: send-loop has no server",
        ),
        ("send-loop --tls", "--tls: send-loop has no server"),
        (
            "room --members 3 --senders 4",
            "--senders 4: there are only 3 --members",
        ),
        (
            "slow --members 5 --readers 4",
            "--readers 4 of --members 5: two must go on",
        ),
        (
            "slow --members 5 --senders 4",
            "--senders 4: of 5 --members, 1 stop reading and one must hear the others: 3 can",
        ),
    ] {
        let output = command(wrong).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{wrong}: {said}");
        assert!(said.contains(why), "{wrong}: {said}");
    }
}

#[test]
fn a_file_that_cannot_be_written_is_noticed_before_the_run() {
    let folder = tempfile::tempdir().unwrap();
    let nowhere = folder.path().join("nowhere/figures.json");
    // The run would be longer than anybody waits for a test.
    let output = command("pairs --seconds 600 --json").arg(&nowhere).output();
    let said = complaint(output.unwrap());
    assert!(
        said.contains("nowhere/figures.json cannot be written"),
        "{said}"
    );
}

#[test]
fn figures_that_reach_nobody_are_no_success() {
    for arguments in ["--json -", ""] {
        let output = command(&format!("send-loop --members 2 --seconds 1 {arguments}"))
            .stdout(
                std::fs::File::options()
                    .write(true)
                    .open("/dev/full")
                    .unwrap(),
            )
            .output()
            .unwrap();
        let said = complaint(output);
        assert!(said.contains("standard output cannot be written"), "{said}");
    }
}

#[test]
fn what_somebody_else_has_put_into_the_file_stays() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("figures.json");
    let server = unlimited();
    server.signal(Signal::STOP);
    let bench = command(&format!("--address {} pairs --json", server.telnet()))
        .arg(&file)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    wait_until("the file is there", || file.exists());
    std::fs::write(&file, "of another run").unwrap();
    kill_process(Pid::from_child(&bench), Signal::TERM).unwrap();
    let output = bench.wait_with_output().unwrap();
    server.signal(Signal::CONT);
    assert!(!output.status.success());
    assert_eq!(std::fs::read_to_string(file).unwrap(), "of another run");
}

#[test]
fn a_run_that_fails_leaves_the_file_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let [old, new] = ["old.json", "new.json"].map(|name| folder.path().join(name));
    std::fs::write(&old, "earlier figures").unwrap();
    for file in [&old, &new] {
        let there = format!("--address {} pairs --json", free_address());
        complaint(command(&there).arg(file).output().unwrap());
    }
    assert_eq!(std::fs::read_to_string(old).unwrap(), "earlier figures");
    assert!(!new.exists());
}

#[test]
fn an_interrupt_leaves_nothing_behind() {
    for signal in [Signal::INT, Signal::HUP] {
        interrupted_by(signal);
    }
}

#[test]
fn its_server_does_not_outlive_it() {
    let folder = tempfile::tempdir().unwrap();
    let (mut bench, server) = long_run(folder.path());
    bench.kill().unwrap();
    bench.wait().unwrap();
    wait_until("its server is gone", || {
        let status = std::fs::read_to_string(format!("{server}/status"));
        // Nobody may care for an orphan's exit code.
        status.is_err() || status.is_ok_and(|status| status.contains("State:\tZ"))
    });
}

/// A run that has begun, with all it leaves in this folder, and where its
/// server's process is.
fn long_run(folder: &Path) -> (Child, String) {
    let bench = command("room --members 4 --seconds 600")
        .env("TMPDIR", folder)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // Its server is up as soon as it has a database.
    wait_until("its server is up", || {
        let mut entries = std::fs::read_dir(folder).unwrap().flatten();
        entries.any(|entry| entry.path().join("data/chat.db").exists())
    });
    let server = children(bench.id());
    assert_eq!(server.len(), 1, "{server:?}");
    (bench, format!("/proc/{}", server[0]))
}

fn interrupted_by(signal: Signal) {
    let folder = tempfile::tempdir().unwrap();
    let (mut bench, server) = long_run(folder.path());
    kill_process(Pid::from_child(&bench), signal).unwrap();
    let status = bench.wait().unwrap();
    let mut said = String::new();
    bench
        .stderr
        .take()
        .unwrap()
        .read_to_string(&mut said)
        .unwrap();
    assert_eq!(status.code(), Some(130), "{said}");
    assert!(said.contains("interrupted"), "{said}");
    let left = std::fs::read_dir(folder.path()).unwrap().count();
    assert_eq!(left, 0, "its folder is gone");
    assert!(!Path::new(&server).exists());
}

/// The processes somebody has started.
fn children(pid: u32) -> Vec<String> {
    let children = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"));
    let children = children.unwrap();
    children.split_whitespace().map(str::to_owned).collect()
}

/// A small IRC server. Dropping ends it.
struct Ngircd {
    child: Child,
    address: SocketAddr,
    _folder: tempfile::TempDir,
}

impl Ngircd {
    fn start() -> Ngircd {
        let address = free_address();
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("ngircd.conf");
        let config = NGIRCD.replace("@PORT@", &address.port().to_string());
        std::fs::write(&file, config).unwrap();
        // Where Debian has it, which is in the path of few.
        let program = ["/usr/sbin/ngircd", "ngircd"];
        let program = program.into_iter().find(|path| Path::new(path).exists());
        let child = Command::new(program.unwrap_or("ngircd"))
            .args(["-n", "-f"])
            .arg(&file)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| missing("ngircd", &error));
        let server = Ngircd {
            child,
            address,
            _folder: folder,
        };
        wait_until("ngircd listens", || TcpStream::connect(address).is_ok());
        server
    }
}

impl Drop for Ngircd {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
