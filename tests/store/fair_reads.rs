//! Many clients that read from one address hold up no other client: not logins,
//! not histories, not searches. A separate connection has locked the table that
//! inboxes are read from, so that the flood's own reads cannot be answered:
//! every answer that other clients get, they get while the flood waits.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::BigInt;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};

use crate::support::{
    Answer, JsonClient, LineClient, Postgres, Server, User, WsClient, connect, wait_until,
};

/// Clients of the flood, by REST and by JSON.
const CALLERS: usize = 24;
const CLIENTS: usize = 10;

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    count: i64,
}

/// Statements of the server that wait for the lock.
fn waiting(connection: &mut PgConnection) -> i64 {
    let count: Count = diesel::sql_query(
        "SELECT count(*) AS count FROM pg_stat_activity
         WHERE datname = current_database() AND wait_event_type = 'Lock'",
    )
    .get_result(connection)
    .unwrap();
    count.count
}

/// Registers an account and returns a signed token.
fn signed(server: &Server, username: &str) -> String {
    let form = [
        ("username", username),
        ("password", "long enough"),
        ("first_name", "A"),
        ("last_name", "B"),
        ("email", &*format!("{username}@example.org")),
        ("phone", &*format!("+4930{}", username.len())),
    ];
    let answer = server.post_form("/api/register", &form).json();
    let token = &answer["data"][0]["token"];
    let mut header = Header::new(Algorithm::HS256);
    let access_key = token["access_key_id"].as_str().unwrap();
    header.extras.insert("access_key", access_key);
    let secret = token["secret_access_key"].as_str().unwrap();
    let key = EncodingKey::from_secret(secret.as_bytes());
    encode(&header, &json!({}), &key).unwrap()
}

/// A call from an address.
fn call(server: &Server, address: &str, path: &str) -> Answer {
    let url = format!("http://{}{path}", server.web());
    let agent = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .build()
        .new_agent();
    Answer::of(agent.get(url).header("X-Forwarded-For", address).call())
}

/// A client that logs in with a pass from an address.
fn come_in(server: &Server, address: &str, token: &str) -> JsonClient {
    let fields = [("X-Forwarded-For", address)];
    let path = format!("/ws?token={token}");
    let mut client = JsonClient(WsClient::open(server.web(), &path, &fields).unwrap());
    client.expect("joined");
    client
}

/// The answer to a question, or the error.
fn answer(client: &mut JsonClient, kind: &str) -> Value {
    loop {
        let frame = client.next().expect("the connection stays");
        if frame["type"] == kind || frame["type"] == "error" {
            return frame;
        }
    }
}

#[test]
fn reading_by_many_of_one_address_holds_up_nobody_else() {
    let database = Postgres::shared().create_database();
    let server = Server::start(|config| {
        config["store"]["postgres"] = json!(database);
        config["web"]["trusted_proxies"] = json!(["127.0.0.1"]);
        config["limits"] = json!({
            "message_rate": 0, "auth_attempts": 0, "connections_per_address": 0,
        });
    });
    let (flooder, bob) = (signed(&server, "flooder"), signed(&server, "bob"));
    let passes = (0..CLIENTS).map(|n| JsonClient::registered(&server, &format!("m{n}y")));
    let flood: Vec<JsonClient> = passes
        .map(|pass| come_in(&server, "10.0.0.1", &pass))
        .collect();
    let pass = JsonClient::token(&server, "carol");
    let mut carol = come_in(&server, "10.0.0.2", &pass);
    carol.send("message", json!({"body": "needle"}));
    carol.expect("message");
    let mut stranger = connect(&database);
    let lock = "BEGIN; LOCK TABLE read_mark IN ACCESS EXCLUSIVE MODE";
    stranger.batch_execute(lock).unwrap();
    let (is_over, called) = (&AtomicBool::new(false), &AtomicUsize::new(0));
    let server = &server;
    thread::scope(|scope| {
        for _ in 0..CALLERS {
            let flooder = &flooder;
            scope.spawn(move || {
                while !is_over.load(Ordering::SeqCst) {
                    let path = format!("/api/inbox?token={flooder}");
                    let answer = call(server, "10.0.0.1", &path);
                    assert!(answer.status != 200 || is_over.load(Ordering::SeqCst));
                    called.fetch_add(1, Ordering::SeqCst);
                }
            });
        }
        for mut client in flood {
            scope.spawn(move || {
                while !is_over.load(Ordering::SeqCst) {
                    client.send("inbox", Value::Null);
                    answer(&mut client, "inbox");
                }
            });
        }
        let mut watcher = connect(&database);
        wait_until("the flood waits", || waiting(&mut watcher) >= 2);
        // A login: its account is looked up and its password is checked.
        let mut login = LineClient::connect(server.telnet());
        login.send("bob");
        login.expect("Its password");
        login.send("long enough");
        login.expect("Welcome");
        // A history.
        carol.send("history", json!({"room": "global"}));
        assert_eq!(answer(&mut carol, "history")["type"], "history");
        // A search from another address: it waits for one of the flood's at
        // most.
        carol.send("search", json!({"query": "needle"}));
        let found = answer(&mut carol, "found");
        assert_eq!(found["type"], "found", "{found}");
        assert_eq!(found["messages"].as_array().unwrap().len(), 1);
        // A thread over REST, before most of the flood's requests.
        let before = called.load(Ordering::SeqCst);
        let path = format!("/api/thread/flooder?page=2&token={bob}");
        let thread = call(server, "10.0.0.3", &path);
        let between = called.load(Ordering::SeqCst) - before;
        assert_eq!(thread.status, 200, "{}", thread.body);
        assert!(between < CALLERS / 2, "{between} others came first");
        // Requests that read nothing are not held up at all.
        assert_eq!(server.get("/healthz").status, 200);
        is_over.store(true, Ordering::SeqCst);
        stranger.batch_execute("ROLLBACK").unwrap();
    });
}
