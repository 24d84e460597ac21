//! The clock is set: order, ids and deadlines are not affected.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::json;
use tempfile::TempDir;

use crate::bystander::Bystanders;
use crate::process::Level;
use crate::support::{
    JsonClient, LineClient, Receiver, Reserved, Server, User, not_tested, wait_until,
};

/// Debian's path of the library for programs with threads.
const LIBRARIES: [&str; 2] = [
    "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1",
    "/usr/lib/aarch64-linux-gnu/faketime/libfaketimeMT.so.1",
];

/// How far the clock is off, after each step.
const STEPS: [&str; 6] = ["+1d", "-2d", "+3600d", "-1h", "-3600d", "+0"];

/// The clock of a server, which can be set.
struct Clock {
    dir: TempDir,
    library: &'static str,
}

impl Clock {
    fn new() -> Option<Clock> {
        let library = LIBRARIES.into_iter().find(|path| Path::new(path).exists());
        let Some(library) = library else {
            not_tested("the clock of a process can only be set with libfaketime");
            return None;
        };
        let dir = tempfile::tempdir().unwrap();
        let clock = Clock { dir, library };
        clock.set("+0");
        Some(clock)
    }

    fn environment(&self) -> [(&'static str, &'static str); 5] {
        // Leaked, because the environment must live as long as the program.
        let path = String::leak(self.path().to_str().unwrap().to_owned());
        [
            ("LD_PRELOAD", self.library),
            ("FAKETIME_TIMESTAMP_FILE", path),
            ("FAKETIME_NO_CACHE", "1"),
            // The wall clock is set; the monotonic clock is not.
            ("FAKETIME_DONT_FAKE_MONOTONIC", "1"),
            ("DONT_FAKE_MONOTONIC", "1"),
        ]
    }

    fn path(&self) -> PathBuf {
        self.dir.path().join("offset")
    }

    /// Sets it so far from the right time.
    fn set(&self, offset: &str) {
        let next = self.dir.path().join("next");
        fs::write(&next, offset).unwrap();
        fs::rename(&next, self.path()).unwrap();
    }
}

#[test]
fn bans_and_mutes_of_channels_end_by_the_wall_clock() {
    let Some(clock) = Clock::new() else {
        return;
    };
    let mut server = Server::spawn_with(&clock.environment(), |config| {
        config["limits"]["message_rate"] = 0.into();
    });
    server.wait_ready();
    let mut ann = LineClient::enter_channel(&server, "ann", "dev");
    let mut bob = LineClient::enter_channel(&server, "bob", "dev");
    for (line, said) in [
        ("/mute @bob 10", "muted"),
        ("/ban ev* 60", "banned the nickname"),
    ] {
        ann.send(line);
        ann.expect(said);
    }
    let mut eve = LineClient::enter(&server, "eve");
    let mut is_kept_out = || {
        eve.send("/join #dev");
        let told = eve.settle().join("\n");
        assert!(told.contains("You are banned") != told.contains("You are now in"));
        told.contains("You are banned")
    };
    let mut is_silent = || {
        bob.send("hello");
        let told = bob.settle().join("\n");
        told.contains("You are muted")
    };
    assert!(is_kept_out() && is_silent());
    clock.set("+11m");
    assert!(is_kept_out() && !is_silent());
    clock.set("+61m");
    assert!(!is_kept_out());
}

#[test]
fn a_receiver_that_was_away_for_ten_minutes_gets_everything_once_and_in_order() {
    const MINUTES: usize = 10;
    let Some(clock) = Clock::new() else {
        return;
    };
    let mut server = Server::spawn_with(&clock.environment(), |config| {
        config["hooks"] = json!({ "allow": ["127.0.0.0/8"] });
        config["limits"]["message_rate"] = 0.into();
    });
    server.wait_ready();
    let away = Reserved::new();
    let url = format!("http://{}/", away.address);
    let hook = json!({ "channel": "dev", "name": "relay", "direction": "out", "url": url });
    let made = server.post("/admin/hooks", hook);
    assert_eq!(made.status, 201, "{}", made.body);
    let attempts = || {
        let metrics = server.get("/metrics").body;
        let name = "chat_hook_failed_attempts_total ";
        let mut lines = metrics.lines().filter_map(|line| line.strip_prefix(name));
        lines.next().unwrap().parse::<usize>().unwrap()
    };
    let mut ann = LineClient::enter_channel(&server, "ann", "dev");
    for minute in 0..MINUTES {
        clock.set(&format!("+{minute}m"));
        ann.send(&minute.to_string());
        ann.expect_message("ann", &minute.to_string());
        wait_until("it was tried", || attempts() > 0);
    }
    // Its wait doubles each time.
    assert!(attempts() < 2 * MINUTES, "{} attempts", attempts());
    let receiver = Receiver::on(away.listen());
    clock.set("+1h");
    wait_until("all came", || receiver.calls().len() >= MINUTES);
    let (mut ids, mut texts) = (Vec::new(), Vec::new());
    for call in receiver.calls() {
        let id = call.field("webhook-id");
        if !ids.contains(&id) {
            ids.push(id);
            texts.push(call.text());
        }
    }
    let expected: Vec<String> = (0..MINUTES).map(|minute| minute.to_string()).collect();
    assert_eq!(texts, expected);
}

#[test]
fn when_the_clock_is_set_nothing_is_lost_and_ids_go_on_rising() {
    let Some(clock) = Clock::new() else {
        return;
    };
    let mut server = Server::spawn_with(&clock.environment(), |config| {
        // Less than any step of the clock, and more than this machine stands still.
        config["limits"]["ping_seconds"] = 10.into();
        config["limits"]["login_seconds"] = 600.into();
    });
    server.wait_ready();
    let level = Level::of(&server);
    let bystanders = Bystanders::start(&server);
    let mut ids = Vec::new();
    let mut undecided = LineClient::connect(server.telnet());
    let mut alice = JsonClient::enter(&server, "alice");
    for step in STEPS {
        clock.set(step);
        // Everything works as before: login, messages, the log, REST.
        alice.send("message", json!({ "room": "global", "body": step }));
        let message = alice.expect("message");
        assert_eq!(message["body"], step);
        ids.push(id(&message["id"]));
        drop(JsonClient::enter(&server, "visitor"));
        assert_eq!(server.get("/readyz").status, 200, "{step}");
        let pattern = step.replace('+', "%5C%2B");
        server.log(&format!("pattern={pattern}&kind=message&nick=alice"), 1);
    }
    // Some ids were years ahead; the next one continues from there.
    assert!(ids.is_sorted_by(|a, b| a < b), "{ids:?}");
    let years = 3000 * 24 * 3600 * 1000;
    assert!(
        ids[2].0 - ids[0].0 > years,
        "the clock was not set: {ids:?}"
    );
    undecided.send("patient");
    undecided.expect("/help");
    drop((alice, undecided));
    bystanders.finish("a clock that is set");
    level.wait_back(&server);

    // Ids do not fall back at a restart either.
    server.restart();
    let mut alice = JsonClient::enter(&server, "alice");
    alice.send("message", json!({ "room": "global", "body": "today" }));
    let message = alice.expect("message");
    assert!(id(&message["id"]) > ids[5]);
    wait_until("it is ready", || server.get("/readyz").status == 200);
    // Ids continue from the future; times are those of the clock.
    let now = jiff::Timestamp::now();
    let hour = jiff::SignedDuration::from_hours(1);
    let at =
        |value: &serde_json::Value| -> jiff::Timestamp { value.as_str().unwrap().parse().unwrap() };
    assert!(
        at(&message["at"]).duration_since(now).abs() < hour,
        "{message}"
    );
    let logged = server.log("pattern=%5Etoday$&kind=message", 1);
    assert!(
        at(&logged[0]["at"]).duration_since(now).abs() < hour,
        "{logged:?}"
    );
    // A query finds all entries in the order in which they happened, and one
    // from the current time on leaves out those from the future.
    let since = (now - hour).to_string();
    let entries = server.log(
        &format!("kind=message&nick=alice&since={since}&limit=1000"),
        1,
    );
    let texts: Vec<&str> = entries
        .iter()
        .map(|it| it["text"].as_str().unwrap())
        .collect();
    assert_eq!(texts.first(), Some(&"today"), "{texts:?}");
    let until = (now + hour).to_string();
    let path = format!("kind=message&nick=alice&since={since}&until={until}");
    for entry in server.log(&path, 1) {
        assert!(
            at(&entry["at"]).duration_since(now).abs() <= hour,
            "{entry}"
        );
    }
    let all = server.log("kind=message&nick=alice&limit=1000", STEPS.len() + 1);
    let all: Vec<&str> = all.iter().map(|it| it["text"].as_str().unwrap()).collect();
    let wanted: Vec<&str> = STEPS.iter().copied().chain(["today"]).rev().collect();
    assert_eq!(all, wanted);
}

/// `<milliseconds>-<sequence>`.
fn id(text: &serde_json::Value) -> (u64, u64) {
    let (ms, sequence) = text.as_str().unwrap().split_once('-').unwrap();
    (ms.parse().unwrap(), sequence.parse().unwrap())
}
