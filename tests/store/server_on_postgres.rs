//! A server with its messages and accounts in PostgreSQL.

use crate::support::{
    JsonClient, LineClient, Postgres, Server, User, WsClient, connect, wait_until,
};
use diesel::connection::SimpleConnection;
use serde_json::json;

fn register(client: &mut LineClient) {
    client.send("/register");
    client.expect("A password");
    client.send("long enough");
    client.expect("Once more");
    client.send("long enough");
    client.expect("is yours now");
}

#[test]
fn what_is_said_and_who_is_registered_outlives_the_server() {
    let url = Postgres::shared().create_database();
    let mut server = Server::start(|config| config["store"]["postgres"] = json!(url));
    let mut alice = LineClient::enter_channel(&server, "alice", "dev");
    register(&mut alice);
    let mut bob = LineClient::enter_channel(&server, "bob", "dev");
    alice.send("hello");
    bob.expect_message("alice", "hello");
    assert!(!server.dir().join("data/chat.db").exists());
    server.kill();
    server.start_again();
    let mut alice = LineClient::connect(server.telnet());
    alice.send("alice");
    alice.expect("Its password");
    alice.send("long enough");
    alice.expect("Welcome");
    alice.send("/join #dev");
    alice.expect("hello");
}

#[test]
fn while_the_database_is_away_senders_are_told_and_nobody_sees_their_messages() {
    let postgres = Postgres::start();
    let url = postgres.create_database();
    let server = Server::start(|config| config["store"]["postgres"] = json!(url));
    let mut alice = LineClient::enter_channel(&server, "alice", "dev");
    let mut bob = LineClient::enter_channel(&server, "bob", "dev");
    alice.send("before");
    bob.expect_message("alice", "before");
    postgres.kill();
    alice.send("into the void");
    alice.expect("could not be stored");
    assert_eq!(server.get("/readyz").status, 503);
    let heard = bob.settle();
    assert!(!heard.iter().any(|line| line.contains("void")), "{heard:?}");
    postgres.start_again();
    wait_until("the server is ready again", || {
        server.get("/readyz").status == 200
    });
    alice.send("after");
    bob.expect_message("alice", "after");
    bob.send("/history");
    let heard = bob.settle();
    assert!(!heard.iter().any(|line| line.contains("void")), "{heard:?}");
}

#[test]
fn while_the_database_is_away_nothing_between_accounts_goes_out_unstored() {
    let postgres = Postgres::start();
    let url = postgres.create_database();
    let server = Server::start(|config| config["store"]["postgres"] = json!(url));
    let mut alice = LineClient::enter(&server, "alice");
    register(&mut alice);
    let mut bob = LineClient::enter(&server, "bob");
    register(&mut bob);
    let mut erin = JsonClient::come_in(&server, &JsonClient::registered(&server, "erin"));
    postgres.kill();
    alice.send("/msg bob into the void");
    alice.expect("! Your message could not be stored and was not sent.");
    erin.send(
        "private",
        json!({"to": "bob", "body": "into the void", "tag": "t1"}),
    );
    let refused = erin.expect("error");
    assert_eq!(
        (&refused["code"], &refused["tag"]),
        (&json!("not_stored"), &json!("t1"))
    );
    postgres.start_again();
    wait_until("the server is ready again", || {
        server.get("/readyz").status == 200
    });
    alice.send("/msg bob after");
    bob.expect("after");
    let heard = bob.transcript();
    assert!(!heard.contains("void"), "{heard}");
}

#[test]
fn while_the_database_is_away_who_comes_is_told_so_in_plain_words_and_tries_again() {
    let postgres = Postgres::start();
    let url = postgres.create_database();
    let server = Server::start(|config| {
        config["store"]["postgres"] = json!(url);
        config["limits"] = json!({"auth_attempts": 0});
    });
    let erin = JsonClient::registered(&server, "erin");
    let mut on = LineClient::enter(&server, "dora");
    let mut on_json = JsonClient::enter(&server, "json");
    let pass = JsonClient::token(&server, "frank");
    postgres.kill();

    let mut telnet = LineClient::connect(server.telnet());
    telnet.expect("nickname");
    let mut socket = WsClient::open(server.web(), "/ws", &[]).unwrap();
    let lines: [&mut dyn User; 2] = [&mut telnet, &mut socket];
    for line in lines {
        line.send("alice");
        line.expect("! Nicknames cannot be looked up at present. Please try again");
        line.expect_next("Another nickname, please");
        line.send("/login erin wrong");
        line.expect_next("! The server cannot reach its database; try again in a moment.");
        line.expect_next("Another nickname, please");
    }
    on.send("/nick somebody");
    on.expect("Nicknames cannot be looked up");
    on.send("/register long enough");
    on.expect("The server cannot reach its database");
    on_json.send("setnick", json!({"nickname": "somebody"}));
    assert_eq!(on_json.expect("error")["code"], "cannot_look_up");

    let form = [("nickname", "gus"), ("password", "long enough")];
    let account = [
        ("username", "gus"),
        ("password", "long enough"),
        ("first_name", "A"),
        ("last_name", "B"),
        ("email", "gus@example.org"),
        ("phone", "+12345678"),
    ];
    let answers = [
        server.post_form("/auth", &form),
        server.post_form("/auth", &form[..1]),
        server.post_form("/api/auth_token", &account[..2]),
        server.post_form("/api/register", &account),
    ];
    for answer in answers {
        assert_eq!(answer.status, 503, "{}", answer.body);
        assert!(answer.body.contains("try again"), "{}", answer.body);
        assert_no_database_text(&answer.body);
    }
    for pass in [&pass, &erin] {
        let refused = WsClient::open(server.web(), &format!("/ws?token={pass}"), &[]);
        assert_eq!(refused.err(), Some(503));
    }
    // The log has the details that clients are not shown.
    server.wait_output("questions to the database fail: the database cannot be reached: ");

    postgres.start_again();
    wait_until("the server is ready again", || {
        server.get("/readyz").status == 200
    });
    for transcript in [telnet.transcript(), socket.transcript(), on.transcript()] {
        assert_no_database_text(&transcript);
    }
    telnet.login("alice");
    socket.login("bob");
    JsonClient::come_in(&server, &pass);
    JsonClient::come_in(&server, &erin);
}

#[test]
fn however_many_ask_a_database_that_is_away_the_log_says_so_once() {
    let postgres = Postgres::start();
    let url = postgres.create_database();
    let server = Server::start(|config| {
        config["store"]["postgres"] = json!(url);
        config["limits"] =
            json!({"auth_attempts": 0, "message_rate": 10000, "message_burst": 10000});
    });
    let mut erin = JsonClient::come_in(&server, &JsonClient::registered(&server, "erin"));
    let mut dora = LineClient::enter(&server, "dora");
    let lines = |needle: &str| server.output().matches(needle).count();
    let mut is_answered = || {
        erin.send("inbox", json!({"page": 1}));
        loop {
            let frame = erin.next().unwrap();
            match frame["type"].as_str() {
                Some("inbox") => return true,
                Some("error") => {
                    assert_eq!(frame["code"], "store_failed", "{frame}");
                    return false;
                }
                _ => {}
            }
        }
    };
    assert!(is_answered());
    postgres.kill();
    wait_until("no connection to it is left", || {
        // The server has fewer connections.
        (0..32).all(|_| !is_answered())
    });
    let mut newcomer = LineClient::connect(server.telnet());
    for n in 0..20 {
        newcomer.send(&format!("name{n}"));
        newcomer.expect("Nicknames cannot be looked up");
        newcomer.send("/login erin wrong");
        newcomer.expect("cannot reach its database");
        dora.send(&format!("/nick name{n}"));
        dora.expect("Nicknames cannot be looked up");
        assert!(!is_answered());
    }
    postgres.start_again();
    newcomer.login("alice");
    wait_until("the log reports the recovery", || {
        assert!(is_answered());
        lines("the database answers questions again") > 0
    });
    assert_eq!(lines("questions to the database fail"), 1);
    assert_eq!(lines("the database answers questions again"), 1);
    assert_eq!(lines("could not be"), 0, "{}", server.output());
}

#[test]
fn a_full_database_is_not_taken_for_one_out_of_reach() {
    let url = Postgres::shared().create_database();
    let server = Server::start(|config| config["store"]["postgres"] = json!(url));
    let [ann, bob] = ["ann", "bob"].map(|who| JsonClient::registered(&server, who));
    let mut ann = JsonClient::come_in(&server, &ann);
    let mut bob = JsonClient::come_in(&server, &bob);
    ann.send("private", json!({"to": "bob", "body": "psst"}));
    let id = bob.expect("private")["id"].clone();
    // Worded by PostgreSQL.
    connect(&url)
        .batch_execute(
            "CREATE FUNCTION full_up() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                 RAISE EXCEPTION 'could not extend file: No space left on device';
             END $$;
             CREATE TRIGGER full_up BEFORE INSERT ON read_mark
             FOR EACH ROW EXECUTE FUNCTION full_up();",
        )
        .unwrap();
    bob.send("read", json!({"user": "ann", "id": id}));
    let refused = bob.expect("error");
    assert_eq!(refused["code"], "store_failed");
    let told = refused["body"].as_str().unwrap();
    assert!(told.contains("no space left"), "{told}");
    assert!(!told.contains("reach"), "{told}");
    server.wait_output("a query could not be answered: the disk, or the space");
}

/// Fails if the text could be PostgreSQL's or its library's.
fn assert_no_database_text(words: &str) {
    for word in ["postgres", "socket", "connection", "sql", "database failed"] {
        let said = words.to_lowercase().contains(word);
        assert!(!said, "{word:?} in {words}");
    }
}

#[test]
fn a_server_without_its_database_says_which_and_does_not_start() {
    let address = crate::support::free_address();
    let mut server = Server::spawn(|config| {
        config["store"]["postgres"] = json!(format!("postgres://chat:hunter2@{address}/chat"));
    });
    assert_eq!(server.wait_exit().code(), Some(1));
    server.wait_output(&format!(
        "cannot connect to the database postgres://chat@{address}/chat"
    ));
    assert!(!server.output().contains("hunter2"));
}
