//! A client that leaves has sent its messages before: other members see the
//! last message before they see that its author has left, in every way to
//! leave.

use std::time::{Duration, Instant};

use crate::support::{JsonClient, LineClient, Server, User, WsClient, wait_equal, wait_until};
use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use serde_json::json;

fn start() -> Server {
    Server::start(|config| {
        // A separate connection holds up commits, which needs a database file.
        config["store"] = json!({});
    })
}

/// A server that waits for a commit for two seconds refuses the message. What is asked for within
/// this time it commits.
const SURELY_COMMITTED: Duration = Duration::from_millis(1500);

/// Holds up commits for as long as it exists.
struct HoldUp {
    stranger: SqliteConnection,
    since: Instant,
}

impl HoldUp {
    fn of(server: &Server) -> HoldUp {
        let path = server.dir().join("data/chat.db");
        let mut stranger = SqliteConnection::establish(path.to_str().unwrap()).unwrap();
        let begin = "PRAGMA busy_timeout = 30000; BEGIN IMMEDIATE";
        stranger.batch_execute(begin).unwrap();
        let since = Instant::now();
        HoldUp { stranger, since }
    }

    /// Ends it; `None` if it was so long that the server may have refused what it had to commit.
    fn end(self) -> Option<()> {
        drop(self.stranger);
        (self.since.elapsed() < SURELY_COMMITTED).then_some(())
    }
}

/// Runs a test, again with another server if this machine stood still while commits were held up.
fn in_time(test: impl Fn() -> Option<()>) {
    let in_time = (0..10).any(|_| test().is_some());
    assert!(in_time, "each time commits were held up for too long");
}

fn is_on(server: &Server, nickname: &str) -> bool {
    let users = server.get("/admin/users").json();
    let users = users["users"].as_array().unwrap();
    users.iter().any(|user| user["nickname"] == nickname)
}

/// What bob sees of ada, from her last message on.
fn sees_in_order(bob: &mut LineClient, end: &str) {
    let line = bob.expect_line("anything of ada", &|line| line.contains("@ada"));
    assert!(line.ends_with("@ada: last words"), "{line}");
    bob.expect_next(end);
}

#[test]
fn the_last_message_comes_before_its_author_has_left() {
    in_time(last_message_in_every_way_to_leave);
}

fn last_message_in_every_way_to_leave() -> Option<()> {
    let server = start();
    let mut bob = LineClient::enter_channel(&server, "bob", "global");
    for way in ["closed", "kicked", "banned", "reset"] {
        let mut ada = JsonClient::enter(&server, "ada");
        bob.expect("ada joined");
        let hold_up = HoldUp::of(&server);
        ada.send("message", json!({ "body": "last words" }));
        // A pong waits only for what came before it.
        let mut ada = JsonClient(ada.0.settled());
        match way {
            "kicked" => assert_eq!(server.delete("/admin/users/ada").status, 200),
            "banned" => {
                let ban = server.post("/admin/bans", json!({ "nickname": "ada" }));
                assert_eq!(ban.status, 201);
                let id = ban.json()["id"].to_string();
                assert_eq!(server.delete(&format!("/admin/bans/{id}")).status, 204);
            }
            "closed" => {
                ada.0.send_frame(tungstenite::Message::Close(None));
            }
            _ => drop(ada),
        }
        wait_until("ada is no longer a user", || !is_on(&server, "ada"));
        hold_up.end()?;
        sees_in_order(&mut bob, "@ada left.");
    }
    // Newest first.
    let wanted = ["close", "leave", "message"].repeat(4).into_iter();
    let wanted: Vec<String> = wanted.map(str::to_owned).collect();
    wait_equal("the log has all of it, in order", &wanted, || {
        let entries = server.log_now("nick=ada");
        let kinds = entries.iter().map(|entry| entry["kind"].as_str().unwrap());
        let kinds = kinds.filter(|kind| ["message", "leave", "close"].contains(kind));
        kinds.map(str::to_owned).collect()
    });
    Some(())
}

#[test]
fn the_last_message_comes_before_what_its_author_does_next() {
    in_time(last_message_before_what_comes_next);
}

fn last_message_before_what_comes_next() -> Option<()> {
    let server = start();
    let mut bob = LineClient::enter_channel(&server, "bob", "dev");
    for (command, end) in [
        ("/quit", "@ada left."),
        ("/leave", "@ada left."),
        ("/join #other", "@ada left."),
        ("/nick eva", "@ada is now @eva."),
    ] {
        let mut ada = LineClient::enter_channel(&server, "ada", "dev");
        bob.expect("@ada joined");
        let hold_up = HoldUp::of(&server);
        ada.send("last words");
        ada.send(command);
        ada.half_close();
        hold_up.end()?;
        sees_in_order(&mut bob, end);
        ada.expect_close();
    }
    Some(())
}

#[test]
fn who_comes_again_with_the_nickname_is_not_taken_for_who_has_left() {
    in_time(someone_comes_again);
}

fn someone_comes_again() -> Option<()> {
    let server = start();
    let mut bob = LineClient::enter_channel(&server, "bob", "global");
    let mut ada = JsonClient::enter(&server, "ada");
    bob.expect("ada joined");
    let hold_up = HoldUp::of(&server);
    ada.send("message", json!({ "body": "last words" }));
    drop(ada.0.settled());
    wait_until("ada is no longer a user", || !is_on(&server, "ada"));
    let mut again = WsClient::enter(&server, "ada");
    bob.expect_next("@ada left.");
    again.send("/join #global");
    bob.expect_next("@ada joined.");
    hold_up.end()?;
    bob.expect_next("@ada: last words");
    assert_eq!(bob.settle(), [""; 0]);
    Some(())
}

#[test]
fn a_guest_who_logs_in_has_another_name_only_behind_what_was_said_before() {
    let server = start();
    let mut ann = LineClient::enter(&server, "ann");
    ann.send("/register correct horse");
    ann.expect("is yours now");
    // From an address that the account knows, so that the login stores nothing.
    let fields = [("nickname", "ann"), ("password", "correct horse")];
    assert_eq!(server.post_form("/auth", &fields).status, 201);
    let mut guest = LineClient::enter_channel(&server, "guest", "dev");
    let mut hold_up = HoldUp::of(&server);
    guest.send("not stored");
    guest.send("/login ann correct horse");
    guest.expect("could not be stored");
    guest.expect("You are logged in as @ann");
    hold_up.stranger.batch_execute("ROLLBACK").unwrap();
}
