//! Outgoing hooks share a few senders: nobody's receivers hold up those of others.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::json;

use crate::outgoing::{make, start, tarpit};
use crate::support::{LineClient, Receiver, Server, Told, User, answer, wait_until};

/// Calls that are under way, and the most there were.
static UNDER_WAY: AtomicUsize = AtomicUsize::new(0);
static MOST: AtomicUsize = AtomicUsize::new(0);

/// Answers nothing.
fn hangs(mut stream: TcpStream) {
    let count = UNDER_WAY.fetch_add(1, Ordering::SeqCst) + 1;
    MOST.fetch_max(count, Ordering::SeqCst);
    let mut buffer = [0; 1024];
    while stream.read(&mut buffer).is_ok_and(|read| read > 0) {}
    UNDER_WAY.fetch_sub(1, Ordering::SeqCst);
}

#[test]
fn a_keeper_with_many_silent_receivers_holds_up_no_other() {
    let server = start(|_| {});
    let mut alice = LineClient::enter_channel(&server, "alice", "dev");
    let silent = tarpit(hangs);
    for n in 0..10 {
        let url = format!("http://{silent}/");
        make(&server, &format!("pit{n}"), &url, json!({}));
    }
    let receiver = Receiver::start();
    make(
        &server,
        "relay",
        &receiver.url("/"),
        json!({"channel": "ops"}),
    );
    alice.send("go");
    let mut bob = LineClient::enter_channel(&server, "bob", "ops");
    for n in 0..20 {
        bob.send(&format!("{n}"));
        bob.expect(&format!("@bob: {n}"));
    }
    let texts: Vec<String> = receiver.expect(20).iter().map(|call| call.text()).collect();
    let expected: Vec<String> = (0..20).map(|n| n.to_string()).collect();
    assert_eq!(texts, expected);
    // Half of the senders for receivers that have not proved themselves.
    let most = MOST.load(Ordering::SeqCst);
    assert!((1..=2).contains(&most), "{most} senders at once");
}

#[test]
fn hooks_with_much_to_send_to_slow_receivers_take_turns() {
    /// More than what a hook may take of its sender's time.
    const PAUSE: Duration = Duration::from_millis(1_100);
    let server = start(|_| {});
    let mut alice = LineClient::enter_channel(&server, "alice", "dev");
    let receiver = Receiver::taking(PAUSE);
    let ids: Vec<String> = (0..3)
        .map(|n| make(&server, &format!("slow{n}"), &receiver.url("/"), json!({})).0)
        .collect();
    for n in 0..12 {
        alice.send(&format!("{n}"));
    }
    // A keeper's hooks have two senders: the third one comes before the first one goes on.
    let calls = receiver.expect(3);
    let hooks = calls
        .iter()
        .take(3)
        .map(|call| call.json()["data"]["hook"].clone());
    let mut hooks: Vec<String> = hooks.map(|it| it.as_str().unwrap().to_owned()).collect();
    let mut ids = ids;
    hooks.sort();
    ids.sort();
    assert_eq!(hooks, ids);
}

fn test(server: &Server, id: &str) -> Told {
    let path = format!("POST /admin/hooks/{id}/test");
    server.call(&server.admin_token(), &path, "")
}

#[test]
fn a_hook_has_one_test_at_a_time_and_tests_hold_up_nothing() {
    let server = start(|_| {});
    let mut bob = LineClient::enter_channel(&server, "bob", "ops");
    let held = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", held.local_addr().unwrap());
    let (first, _) = make(&server, "first", &url, json!({}));
    let (second, third) = (Receiver::start(), Receiver::start());
    let (gone, _) = make(&server, "second", &second.url("/"), json!({}));
    let (last, _) = make(&server, "third", &third.url("/"), json!({}));
    let relay = Receiver::start();
    relay.will_answer([answer(500, "", "")]);
    make(&server, "relay", &relay.url("/"), json!({"channel": "ops"}));
    assert_eq!(test(&server, &first).status, 202);
    let mut call = held.accept().unwrap().0;
    for _ in 0..100 {
        let told = test(&server, &first);
        assert_eq!((told.status, told.code()), (429, "too_fast".into()));
        assert!(
            told.body.contains("the last test of this hook"),
            "{}",
            told.body
        );
        assert!(told.field("Retry-After").is_some(), "{}", told.head);
    }
    // What has failed is tried again meanwhile.
    bob.send("hello");
    let texts: Vec<String> = relay.expect(2).iter().map(|call| call.text()).collect();
    assert_eq!(texts, ["hello", "hello"]);
    // Those of one keeper are sent one after the other, and with a hook its test goes.
    assert_eq!(test(&server, &gone).status, 202);
    assert_eq!(test(&server, &last).status, 202);
    assert_eq!(server.delete(&format!("/admin/hooks/{gone}")).status, 204);
    call.write_all(answer(200, "", "").as_bytes()).unwrap();
    third.expect(1);
    assert!(second.calls().is_empty());
    // It may be tested again.
    wait_until("the test is over", || test(&server, &last).status == 202);
    third.expect(2);
}
