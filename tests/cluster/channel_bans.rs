//! Bans of a channel count on all servers alike: what stands for an address is the same
//! everywhere.

use crate::shared::Common;
use crate::support::{LineClient, Server, User, wait_until};
use serde_json::json;

fn server(common: &Common) -> Server {
    common.server_with(|config| {
        config["listen"]["proxy_protocol_from"] = json!(["127.0.0.0/8"]);
    })
}

/// A client of the line protocol at an address.
fn enter(server: &Server, nickname: &str, address: &str) -> LineClient {
    let mut client = LineClient::connect(server.telnet());
    client.send_bytes(format!("PROXY TCP4 {address} {address} 4711 4000\r\n").as_bytes());
    client.login(nickname);
    client
}

fn cloak_key(server: &Server) -> String {
    std::fs::read_to_string(server.dir().join("data/cloak-key")).unwrap()
}

#[test]
fn who_is_banned_on_one_server_is_kept_out_by_all() {
    let common = Common::new();
    let (one, two) = (server(&common), server(&common));
    assert_eq!(cloak_key(&one), cloak_key(&two));
    let mut teacher = enter(&one, "teacher", "192.0.2.1");
    teacher.send("/join #dev");
    teacher.settle();
    let mut kevin = enter(&two, "kevin", "203.0.113.9");
    kevin.send("/join #dev");
    teacher.expect("kevin");
    wait_until("the teacher operates the channel", || {
        teacher.send("/ban @kevin spam");
        let answer = teacher.expect_line("an answer", &|line| {
            line.contains("banned") || line.starts_with('!')
        });
        !answer.starts_with('!')
    });
    kevin.expect("You were removed from #dev by @teacher: spam");
    kevin.send("/join #dev");
    kevin.expect("You are banned from #dev");
    // Each time under new nicknames: those that were given up on one server are free on the other
    // a moment later.
    for (server, number) in [(&one, 1), (&two, 2)] {
        let mut again = enter(server, &format!("anew{number}"), "203.0.113.9");
        again.send("/join #dev");
        again.expect("You are banned from #dev");
        again.send("/quit");
        again.expect_close();
        let nickname = format!("other{number}");
        let mut other = enter(server, &nickname, "203.0.113.10");
        other.send("/join #dev");
        other.send("hello");
        teacher.expect_message(&nickname, "hello");
        other.send("/quit");
        other.expect_close();
    }
    // That kevin has left is told once: by the words of the ban.
    teacher.settle();
    let heard = teacher.transcript();
    assert!(!heard.contains("@kevin left"), "{heard}");
}

#[test]
fn who_is_invited_on_one_server_is_told_and_let_in_on_another() {
    let common = Common::new();
    let (one, two) = (server(&common), server(&common));
    let mut teacher = enter(&one, "teacher", "192.0.2.1");
    teacher.send("/join #dev");
    teacher.settle();
    wait_until("the teacher operates the channel", || {
        teacher.send("/mode +invite-only");
        let answer = teacher.expect_line("an answer", &|line| {
            line.contains("invite-only") || line.starts_with('!')
        });
        !answer.starts_with('!')
    });
    let mut mia = enter(&two, "mia", "203.0.113.9");
    wait_until("the rule is known on the other server", || {
        mia.send("/join #dev");
        let answer = mia.expect_line("an answer", &|line| {
            line.contains("invited") || line.contains("You are now in")
        });
        if !answer.starts_with('!') {
            mia.send("/leave");
            mia.settle();
        }
        answer.starts_with('!')
    });
    wait_until("mia is known to be online", || {
        teacher.send("/invite @mia");
        let answer = teacher.expect_line("an answer", &|line| line.contains("mia"));
        !answer.starts_with('!')
    });
    mia.expect("@teacher invites you to #dev");
    mia.send("/join #dev");
    mia.expect("You are now in #dev");
    // Once.
    mia.send("/leave");
    mia.settle();
    mia.send("/join #dev");
    mia.expect_line("a refusal", &|line| line.starts_with('!'));
}
