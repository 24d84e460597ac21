//! A server that is to stop sends its clients away a few at a time, so that
//! they do not all reach the other servers at once.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::support::{JsonClient, LineClient, Server, User, wait_until};
use rustix::process::Signal;
use serde_json::Value;

#[test]
fn one_is_told_to_go_while_the_others_go_on() {
    const PEOPLE: usize = 40;
    let mut server = Server::start(|config| {
        // At this rate all of that time is needed.
        config["drain_seconds"] = PEOPLE.into();
        config["drain_rate"] = 1.into();
    });
    let mut first = JsonClient::enter(&server, "first");
    let mut others: Vec<LineClient> = (2..PEOPLE)
        .map(|number| LineClient::enter(&server, &format!("user{number}")))
        .collect();
    let mut speaker = LineClient::enter_channel(&server, "speaker", "dev");
    let mut hearer = LineClient::enter_channel(&server, "hearer", "dev");
    server.signal(Signal::TERM);
    let bye = first.expect("bye");
    assert_eq!(bye["code"], "shutdown", "{bye}");
    first.0.expect_close();
    assert_eq!(first.0.close_code(), Some(1001));
    // In the order in which they connected; the last ones' turn has not come.
    let words = others.remove(0).expect_close();
    assert!(
        words.iter().any(|line| line.contains("shutting down")),
        "{words:?}"
    );
    speaker.send("still here");
    hearer.expect_message("speaker", "still here");
    assert_eq!(server.get("/readyz").status, 503);
    server.signal(Signal::TERM);
    assert_eq!(server.wait_exit().code(), Some(130));
}

#[test]
fn never_faster_than_the_rate_and_the_rest_at_the_end() {
    const PEOPLE: usize = 100;
    let mut server = Server::start(|config| {
        config["drain_seconds"] = 3.into();
        // Half of them in that time.
        config["drain_rate"] = 16.into();
    });
    let people: Vec<LineClient> = (0..PEOPLE)
        .map(|number| LineClient::enter(&server, &format!("user{number}")))
        .collect();
    let asked_at = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_millis() as i64;
    server.signal(Signal::TERM);
    for mut one in people {
        let words = one.expect_close();
        assert!(
            words.iter().any(|line| line.contains("shutting down")),
            "{words:?}"
        );
    }
    assert!(server.wait_exit().success(), "{}", server.output());
    let output = server.output();
    assert!(
        output.contains("telling 100 connections to go, 16 a second"),
        "{output}"
    );
    assert!(
        output.contains("longer than drain_seconds leave"),
        "{output}"
    );
    let told = closed_at(&server);
    assert_eq!(told.len(), PEOPLE);
    // Those told before the time was over, in each second.
    let paced: Vec<i64> = told
        .into_iter()
        .filter(|&at| at < asked_at + 2900)
        .collect();
    for (n, &at) in paced.iter().enumerate() {
        let within = paced[n..]
            .iter()
            .filter(|&&other| other < at + 1000)
            .count();
        assert!(within <= 16 + 2 + 1, "{within} within a second: {paced:?}");
    }
}

#[test]
fn without_a_rate_all_are_told_at_the_end() {
    let server = Server::start(|config| {
        config["drain_seconds"] = 3600.into();
        config["drain_rate"] = 0.into();
    });
    let mut people: Vec<LineClient> = (0..5)
        .map(|number| LineClient::enter(&server, &format!("user{number}")))
        .collect();
    server.signal(Signal::TERM);
    wait_until("it is not ready", || server.get("/readyz").status == 503);
    for one in &mut people {
        one.settle();
    }
    assert!(!server.output().contains("telling"), "{}", server.output());
}

/// When connections ended, by the chat log, in milliseconds since 1970.
fn closed_at(server: &Server) -> Vec<i64> {
    let log = std::fs::read_dir(server.dir().join("data/chatlog")).unwrap();
    let mut told: Vec<i64> = log
        .flat_map(|file| {
            let text = std::fs::read_to_string(file.unwrap().path()).unwrap();
            let entries = text
                .lines()
                .map(|line| serde_json::from_str::<Value>(line).unwrap());
            let closed = entries.filter(|entry| entry["kind"] == "close");
            let at = closed.map(|entry| {
                let time: jiff::Timestamp = entry["at"].as_str().unwrap().parse().unwrap();
                time.as_millisecond()
            });
            at.collect::<Vec<i64>>()
        })
        .collect();
    told.sort_unstable();
    told
}
