//! A full disk: senders are told, no client sees an unstored message, and
//! service continues when there is room again.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;

use crate::support::{LineClient, Server, SmallDisk, User, not_tested, wait_until};
use serde_json::json;

#[test]
fn when_the_disk_is_full_senders_are_told_and_nobody_sees_what_is_not_stored() {
    let folder = tempfile::tempdir().unwrap();
    let Some(disk) = SmallDisk::mount(folder.path().join("disk"), 12) else {
        return not_tested("a small disk can only be mounted by root");
    };
    let data = disk.path().join("data");
    let server = Server::start(|config| {
        config["data_dir"] = json!(data);
        config["chat_log"]["enabled"] = false.into();
        config["limits"]["message_rate"] = 0.into();
    });
    let mut alice = LineClient::enter_channel(&server, "alice", "dev");
    let mut bob = LineClient::enter_channel(&server, "bob", "dev");
    alice.settle();

    let filler = disk.path().join("filler");
    fill(&filler);
    let mut stored = Vec::new();
    let mut refused = Vec::new();
    for number in 0.. {
        assert!(
            number < 5000,
            "the disk never got full\n{}",
            server.output()
        );
        let text = format!("{number} {}", "x".repeat(3000));
        alice.send(&text);
        let answer = alice.expect_line("an echo or a refusal", &|line| {
            line.contains("@alice: ") || line.starts_with('!')
        });
        if answer.ends_with(&text) {
            stored.push(text);
        } else {
            assert!(answer.contains("could not be stored"), "{answer}");
            refused.push(text);
            if refused.len() == 3 {
                break;
            }
        }
    }
    let status = server.get("/readyz").status;
    assert_eq!(status, 503);
    let heard = bob.settle();
    let heard = |text: &str| heard.iter().any(|line| line.ends_with(text));
    assert!(stored.iter().all(|text| heard(text)));
    assert!(!refused.iter().any(|text| heard(text)));

    fs::remove_file(&filler).unwrap();
    wait_until("the server is ready again", || {
        server.get("/readyz").status == 200
    });
    alice.send("room again");
    bob.expect_message("alice", "room again");
}

/// Writes until there is no room.
fn fill(path: &Path) {
    let mut file = File::create(path).unwrap();
    let block = [0; 64 * 1024];
    while file.write_all(&block).is_ok() {}
    while file.write_all(&block[..512]).is_ok() {}
}
