//! The figures of a run.

use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use super::{assert_balanced, assert_latencies, assert_messages_timed, command, figures, number};
use crate::support::{free_address, missing, wait_until};

/// The configuration that the peer benchmarks use, so that the test covers it.
const NGIRCD: &str = include_str!("../../../benches/peers/ngircd.conf");

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
    // A sender does not get its own message.
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
fn idle_connections_have_a_size() {
    let figures = figures("--protocol ws idle --connections 30");
    assert_eq!(number(&figures, "held"), 30.0);
    let threads = number(&figures, "threads");
    assert!(threads > 30.0, "one a connection, and those of the server");
    // The other figures are those of the whole machine, where other programs
    // run.
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
fn the_least_that_rooms_of_two_need_is_measured() {
    let figures = figures("relay --rooms 10 --seconds 1");
    assert_balanced(&figures, 1.0);
    assert!(number(&figures, "messages_per_second") > 0.0);
    assert_latencies(&figures, "latency");
}

#[test]
fn everybody_can_come_by_tls() {
    // A sender on IRC does not get its own message.
    for (protocol, hear) in [("telnet", 6.0), ("ws", 6.0), ("json", 6.0), ("irc", 5.0)] {
        let figures = figures(&format!(
            "--tls --protocol {protocol} room --members 6 --seconds 1"
        ));
        assert_balanced(&figures, hear);
    }
}

#[test]
fn another_server_is_measured_by_the_same_hand() {
    let server = Ngircd::start();
    let address = server.address;
    let pid = server.child.id();
    let there = format!("--protocol irc --address {address} --pid {pid} --at-once 4");
    let room = figures(&format!("{there} room --members 20 --seconds 1"));
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
        // Debian's path, which is not in every PATH.
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
