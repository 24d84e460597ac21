//! Several servers that are one chat, with clients of every kind on different
//! servers.

use chat_server::cluster::Delivery;

use crate::node::in_both_forms;
use crate::shared::{Common, sees};
use crate::support::{Answer, JsonClient, LineClient, Postgres, Server, User, wait_until};
use rustix::process::Signal;
use serde_json::{Value, json};

in_both_forms! {
    people_on_three_servers_and_protocols_talk_in_one_channel
    nothing_is_lost_or_doubled_while_servers_come_and_go
}

fn people_on_three_servers_and_protocols_talk_in_one_channel(delivery: Delivery) {
    let common = Common::by(delivery);
    let [one, two, three] = common.servers();
    let mut alice = LineClient::enter_channel(&one, "alice", "dev");
    let mut bob = JsonClient::enter(&two, "bob");
    bob.send("switchroom", json!({ "room": "dev" }));
    while bob.expect("joined")["room"] != "dev" {}
    alice.expect("bob");
    let mut carol = LineClient::enter_channel(&three, "carol", "dev");
    alice.expect("carol");
    alice.send("from telnet");
    assert_eq!(bob.expect("message")["body"], "from telnet");
    carol.expect_message("alice", "from telnet");
    alice.expect_message("alice", "from telnet");
    bob.send("message", json!({ "body": "from JSON" }));
    alice.expect_message("bob", "from JSON");
    carol.expect_message("bob", "from JSON");
    // Private messages and lists as well.
    alice.send("/msg @carol just us");
    carol.expect_private("alice", "just us");
    alice.send("/list");
    alice.expect("@alice @bob @carol");
    // A client that joins later finds the history.
    let mut dora = LineClient::enter(&two, "dora");
    dora.send("/join #dev");
    dora.expect("from JSON");
    // An announcement on one server reaches the clients of all.
    let said = two.post("/admin/announce", json!({ "message": "Soup is ready." }));
    assert_eq!(said.status, 200, "{}", said.body);
    for line in [&mut alice, &mut carol, &mut dora] {
        line.expect("Soup is ready.");
    }
}

#[test]
fn a_nickname_is_had_once_and_is_free_when_its_server_dies() {
    let common = Common::new();
    let [mut one, two] = common.servers();
    let mut alice = LineClient::enter_channel(&one, "alice", "dev");
    let mut bob = LineClient::enter_channel(&two, "bob", "dev");
    alice.expect("bob");
    sees(&mut bob, "alice");
    let mut second = LineClient::connect(two.telnet());
    second.send("Alice");
    second.expect("taken");
    second.send("/nick alice");
    bob.send("/nick alice");
    bob.expect("taken");
    bob.send("/nick robert");
    alice.expect("robert");
    one.kill();
    bob.expect("alice");
    wait_until("the nickname is free", || {
        let mut again = LineClient::connect(two.telnet());
        again.send("alice");
        let answer = again.expect_line("an answer", &|line| {
            line.starts_with("Welcome, ") || line.starts_with('!')
        });
        answer.starts_with("Welcome, ")
    });
}

fn nothing_is_lost_or_doubled_while_servers_come_and_go(delivery: Delivery) {
    const EACH: usize = 300;
    let common = Common::by(delivery);
    let [one, two, mut three] = common.servers();
    let mut alice = LineClient::enter_channel(&one, "alice", "dev");
    let mut bob = LineClient::enter_channel(&two, "bob", "dev");
    alice.expect("bob");
    for number in 0..EACH {
        alice.send(&format!("a{number}"));
        bob.send(&format!("b{number}"));
        match number {
            100 => three.kill(),
            150 => common.redis.stop(),
            _ => {}
        }
        if number == 200 {
            common.redis.go_on();
            three.start_again();
        }
    }
    let order = |client: &mut LineClient| {
        let mut heard = Vec::new();
        while heard.len() < 2 * EACH {
            let line = client.next_line().expect("more messages");
            let text = line.rsplit(": ").next().unwrap_or_default();
            if text.starts_with(['a', 'b']) && text[1..].parse::<usize>().is_ok() {
                heard.push(text.to_owned());
            }
        }
        heard
    };
    let (at_alice, at_bob) = (order(&mut alice), order(&mut bob));
    assert_eq!(at_alice, at_bob);
    for who in ["a", "b"] {
        let own: Vec<&String> = at_alice
            .iter()
            .filter(|text| text.starts_with(who))
            .collect();
        let sent: Vec<String> = (0..EACH).map(|number| format!("{who}{number}")).collect();
        assert!(own.into_iter().eq(&sent), "{who}: {at_alice:?}");
    }
}

#[test]
fn every_server_knows_all_and_the_one_with_most_room() {
    let common = Common::new();
    let [one, two] = common.servers();
    let _alice = LineClient::enter(&one, "alice");
    let addresses = |server: &Server| {
        let nodes = server.get("/api/nodes").json()["nodes"].clone();
        let nodes = nodes.as_array().cloned().unwrap_or_default();
        let mut addresses: Vec<String> = nodes
            .iter()
            .map(|node| node["address"].as_str().unwrap().to_owned())
            .collect();
        addresses.sort();
        addresses
    };
    let mut all = [one.web().to_string(), two.web().to_string()];
    all.sort();
    for server in [&one, &two] {
        wait_until("the server knows both", || addresses(server) == all);
        wait_until("the other is better", || {
            let best = server.get("/api/nodes/best");
            best.json()["address"] == two.web().to_string()
        });
    }
    // No client is directed to a server that is about to stop.
    let mut draining = common.server_with(|config| config["drain_seconds"] = 3600.into());
    wait_until("the third server is known", || addresses(&one).len() == 3);
    draining.signal(Signal::TERM);
    for server in [&one, &draining] {
        wait_until("the draining server is not recommended", || {
            addresses(server) == all
        });
    }
    draining.kill();
    drop(two);
    wait_until("the dead one is forgotten", || addresses(&one).len() == 1);
}

#[test]
fn kicks_bans_and_passes_count_everywhere() {
    let common = Common::new();
    let [one, two] = common.servers();
    let mut alice = LineClient::enter_channel(&one, "alice", "dev");
    wait_until("the other server knows alice", || {
        two.get("/admin/users").body.contains("\"alice\"")
    });
    let kicked = two.delete("/admin/users/alice?reason=enough");
    assert_eq!(kicked.status, 200, "{}", kicked.body);
    alice.expect("enough");
    let banned = two.post("/admin/bans", json!({ "nickname": "mallory" }));
    assert_eq!(banned.status, 201, "{}", banned.body);
    wait_until("the ban is known", || {
        let mut mallory = LineClient::connect(one.telnet());
        mallory.send("mallory");
        mallory.hears("banned")
    });
    // A pass issued by one server is valid on the other.
    let token = JsonClient::token(&one, "erin");
    let mut erin = JsonClient::come_in(&two, &token);
    erin.send("message", json!({ "body": "here", "tag": "1" }));
    erin.expect("stored");
}

/// A server's list of bans: number, and nickname or address.
fn bans(server: &Server) -> Vec<(u64, String)> {
    let answer = server.get("/admin/bans");
    assert_eq!(answer.status, 200, "{}", answer.body);
    let bans = answer.json()["bans"].as_array().unwrap().clone();
    let bans = bans.iter().map(|ban| {
        let target = ban["nickname"].as_str().or(ban["address"].as_str());
        (ban["id"].as_u64().unwrap(), target.unwrap().to_owned())
    });
    bans.collect()
}

/// How many servers a server counts, itself included.
fn servers(server: &Server) -> usize {
    let nodes = server.get("/api/nodes").json()["nodes"].clone();
    nodes.as_array().unwrap().len()
}

fn ban(server: &Server, what: Value) -> u64 {
    let made = server.post("/admin/bans", what);
    assert_eq!(made.status, 201, "{}", made.body);
    made.json()["id"].as_u64().unwrap()
}

#[test]
fn bans_have_one_number_on_all_servers_and_outlive_them_all() {
    let common = Common::new();
    let [mut one, mut two] = common.servers();
    // On both servers at the same moment.
    let ids: Vec<u64> = std::thread::scope(|scope| {
        let made = [(&one, "a"), (&two, "b")].map(|(server, who)| {
            scope.spawn(move || {
                let bans = (0..10).map(|n| ban(server, json!({"nickname": format!("{who}{n}")})));
                bans.collect::<Vec<_>>()
            })
        });
        made.into_iter()
            .flat_map(|made| made.join().unwrap())
            .collect()
    });
    let unique: std::collections::BTreeSet<u64> = ids.iter().copied().collect();
    assert_eq!(unique.len(), 20, "{ids:?}");
    let address = ban(&one, json!({"address": "192.0.2.0/24"}));
    // The same target again at the same moment: one ban counts, on both
    // servers.
    std::thread::scope(|scope| {
        for server in [&one, &two] {
            scope.spawn(move || ban(server, json!({"nickname": "mallory"})));
        }
    });
    let sorted = |server: &Server| {
        let mut bans = bans(server);
        bans.sort();
        bans
    };
    wait_until("both have all of them", || {
        let all = sorted(&one);
        all.len() == 22 && all == sorted(&two)
    });
    // Any server can lift any ban.
    for (server, id) in [(&two, ids[0]), (&one, ids[19]), (&two, address)] {
        let lifted = server.delete(&format!("/admin/bans/{id}"));
        assert_eq!(lifted.status, 204, "{}", lifted.body);
    }
    wait_until("both have lifted them", || {
        sorted(&one).len() == 19 && sorted(&one) == sorted(&two)
    });
    let left = sorted(&one);
    for server in [&mut one, &mut two] {
        server.kill();
    }
    for server in [&mut one, &mut two] {
        server.start_again();
        assert_eq!(sorted(server), left);
    }
    let mut mallory = LineClient::connect(two.telnet());
    mallory.send("mallory");
    mallory.expect("banned");
    // When all bans are lifted, no server restores its own.
    for (id, _) in &left {
        assert_eq!(two.delete(&format!("/admin/bans/{id}")).status, 204);
    }
    wait_until("no ban is left", || bans(&one).is_empty());
    one.kill();
    one.start_again();
    assert_eq!(bans(&one), []);
}

#[test]
fn who_was_away_and_a_redis_that_has_lost_them_get_the_bans_again() {
    let common = Common::new();
    let [one, two] = common.servers();
    let before = ban(&one, json!({"nickname": "before"}));
    wait_until("the other server has the ban", || bans(&two).len() == 1);
    wait_until("the first server knows the second", || servers(&one) == 2);
    two.signal(Signal::STOP);
    let lifted = one.delete(&format!("/admin/bans/{before}"));
    assert_eq!(lifted.status, 204);
    let meanwhile = ban(&one, json!({"nickname": "meanwhile"}));
    wait_until("the stopped server is given up", || servers(&one) == 1);
    two.signal(Signal::CONT);
    let all = [(meanwhile, "meanwhile".to_owned())];
    wait_until("the server has the current bans", || bans(&two) == all);

    let emptied: () = redis::cmd("FLUSHALL")
        .query(&mut common.redis.connect())
        .unwrap();
    assert_eq!(emptied, ());
    for server in [&one, &two] {
        server.wait_output("cut off from the others");
        wait_until("the server is ready again", || {
            server.get("/readyz").status == 200
        });
    }
    let newcomer = common.server();
    for server in [&one, &two, &newcomer] {
        wait_until("the server has the ban", || bans(server) == all);
    }
    let next = ban(&newcomer, json!({"nickname": "next"}));
    assert!(next > meanwhile, "{next}");
}

#[test]
fn bans_made_and_lifted_on_a_server_that_was_given_up_hold_everywhere() {
    let common = Common::new();
    let [mut one, mut two] = common.servers();
    let before = ban(&one, json!({"nickname": "before"}));
    wait_until("the other server has the ban", || bans(&two).len() == 1);
    wait_until("the first server knows the second", || servers(&one) == 2);
    two.signal(Signal::STOP);
    wait_until("the stopped server is given up", || servers(&one) == 1);
    two.signal(Signal::CONT);
    // At once: the other server may not know of it yet.
    let made = ban(&two, json!({"nickname": "mallory"}));
    let lifted = two.delete(&format!("/admin/bans/{before}"));
    assert_eq!(lifted.status, 204, "{}", lifted.body);
    let all = [(made, "mallory".to_owned())];
    assert_eq!(bans(&two), all);
    two.wait_output("one of the others again");
    for server in [&one, &two] {
        wait_until("the server has the current bans", || bans(server) == all);
    }
    for server in [&mut one, &mut two] {
        server.kill();
        server.start_again();
        assert_eq!(bans(server), all);
    }
}

#[test]
fn an_administrator_sees_everybody_and_where_they_are() {
    let common = Common::new();
    let [one, two] = common.servers();
    let token = JsonClient::registered(&one, "erin");
    let mut lines = Vec::new();
    for number in 0..5 {
        let (server, channel) = match number % 2 {
            0 => (&one, "even"),
            _ => (&two, "odd"),
        };
        let line = LineClient::enter_channel(server, &format!("p{number}"), channel);
        lines.push(line);
    }
    // The same account on both.
    let _erins = [&one, &two].map(|server| JsonClient::come_in(server, &token));
    let [at_one, at_two] = [&one, &two].map(|server| server.web().to_string());
    let entries = |path: &str| {
        let answer = one.get(path);
        assert_eq!(answer.status, 200, "{}", answer.body);
        let users = answer.json()["users"].as_array().unwrap().clone();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let entries = users.iter().map(|user| {
            let is_here = user["node"] == at_one.as_str();
            for only_here in ["address", "protocol", "since"] {
                assert_eq!(user[only_here].is_string(), is_here, "{user}");
            }
            (text(&user["nickname"]), text(&user["node"]))
        });
        entries.collect::<Vec<_>>()
    };
    let entry = |name: &str, node: &String| (name.to_owned(), node.clone());
    let all = [
        entry("p0", &at_one),
        entry("p1", &at_two),
        entry("p2", &at_one),
        entry("p3", &at_two),
        entry("p4", &at_one),
    ];
    let mut expected = [entry("erin", &at_one), entry("erin", &at_two)].to_vec();
    expected.extend(all.clone());
    expected.sort();
    wait_until("all are listed", || {
        let mut found = entries("/admin/users");
        found.sort();
        found == expected
    });
    // One entry per page; the entries of one nickname stay together.
    assert_eq!(entries("/admin/users?limit=1").len(), 2);
    assert_eq!(one.get("/admin/users?limit=1").json()["more"], true);
    assert_eq!(entries("/admin/users?limit=2&after=erin"), all[..2]);
    assert_eq!(entries("/admin/users?after=p1"), all[2..]);
    assert!(one.get("/admin/users?after=p1").json()["more"].is_null());
    assert_eq!(entries("/admin/users?here=true&after=p0").len(), 2);
    for bad in ["limit=0", "limit=100001", "here=1", "after=%20"] {
        assert_eq!(one.get(&format!("/admin/users?{bad}")).status, 400, "{bad}");
    }
    // Channels and kicks as well.
    let channels = one.get("/admin/channels").json();
    let members = |name: &str| {
        let channels = channels["channels"].as_array().unwrap().iter();
        let channel = channels.clone().find(|channel| channel["name"] == name);
        channel.unwrap()["members"].clone()
    };
    assert_eq!(members("odd"), json!(["p1", "p3"]));
    assert_eq!(members("even"), json!(["p0", "p2", "p4"]));
    let kicked = one.delete("/admin/users/p3?reason=enough");
    assert_eq!(kicked.json(), json!({"disconnected": 1}));
    lines[3].expect("enough");
    wait_until("they are not listed", || {
        entries("/admin/users?after=p2") == all[4..]
    });
}

/// A metric's value, if it is exported.
fn metric(server: &Server, name: &str) -> Option<f64> {
    let text = server.get("/metrics").body;
    let mut lines = text.lines();
    let value = lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    value.map(|value| value.parse().unwrap())
}

#[test]
fn the_metrics_say_how_it_gets_on_with_redis_and_postgresql() {
    let postgres = Postgres::start();
    let common = Common {
        database: postgres.create_database(),
        ..Common::new()
    };
    let server = common.server();
    let is = |name: &str, wanted: f64| {
        wait_until(&format!("{name} is {wanted}"), || {
            metric(&server, name) == Some(wanted)
        });
    };
    let (redis_up, postgres_up) = (
        r#"chat_cluster_up{service="redis"}"#,
        r#"chat_cluster_up{service="postgres"}"#,
    );
    for name in [redis_up, postgres_up, "chat_ready", "chat_cluster_servers"] {
        is(name, 1.0);
    }
    is("chat_cluster_joined_total", 1.0);
    server.wait_output("this server is one of those that share redis://");
    assert!(!server.output().contains("again"), "{}", server.output());

    let mut alice = LineClient::enter_channel(&server, "alice", "dev");
    postgres.kill();
    for number in 0..300 {
        alice.send(&format!("m{number}"));
    }
    alice.expect_message("alice", "m299");
    // And perhaps the entry that she created the channel.
    wait_until("all of it is unstored", || {
        metric(&server, "chat_cluster_unstored").is_some_and(|it| (300.0..=301.0).contains(&it))
    });
    is(postgres_up, 0.0);
    is("chat_ready", 0.0);
    let waiting = metric(&server, "chat_cluster_unstored_seconds").unwrap();
    assert!(waiting > 0.0, "{waiting}");
    postgres.start_again();
    is("chat_cluster_unstored", 0.0);
    is("chat_cluster_unstored_seconds", 0.0);
    is(postgres_up, 1.0);
    is(r#"chat_cluster_reconnects_total{service="postgres"}"#, 1.0);

    common.redis.stop();
    is(redis_up, 0.0);
    common.redis.go_on();
    is(redis_up, 1.0);
    is("chat_ready", 1.0);
    let name = r#"chat_cluster_reconnects_total{service="redis"}"#;
    let reconnects = metric(&server, name).unwrap();
    assert!(reconnects >= 1.0, "{reconnects}");
}

#[test]
fn a_server_that_was_stopped_is_given_up_and_joins_again() {
    let common = Common::new();
    let [one, two] = common.servers();
    let mut alice = LineClient::enter_channel(&one, "alice", "dev");
    let mut bob = LineClient::enter_channel(&two, "bob", "dev");
    alice.expect("bob");
    sees(&mut bob, "alice");
    one.signal(Signal::STOP);
    // She has left.
    bob.expect("alice");
    one.signal(Signal::CONT);
    alice.expect("cut off");
    wait_until("the server is ready again", || {
        one.get("/readyz").status == 200
    });
    let mut alice = LineClient::enter_channel(&one, "alice", "dev");
    bob.expect("alice");
    alice.send("back");
    bob.expect_message("alice", "back");
}

#[test]
fn who_registers_throws_no_guest_out_of_another_server() {
    let common = Common::new();
    let [one, two] = common.servers();
    let mut bob = LineClient::enter_channel(&one, "Bob", "dev");
    let mut carol = LineClient::enter_channel(&two, "carol", "dev");
    carol.send("/list");
    carol.expect("@Bob");
    for nickname in ["bob", "\u{412}ob"] {
        let form = [("nickname", nickname), ("password", "long enough")];
        let answer = two.post_form("/auth/register", &form);
        assert_eq!(answer.status, 409, "{}", answer.body);
        let form = [
            ("username", nickname),
            ("password", "long enough"),
            ("first_name", "B"),
            ("last_name", "B"),
            ("email", "b@example.org"),
            ("phone", "12345"),
        ];
        let answer = two.post_form("/api/register", &form);
        assert_eq!(answer.status, 400, "{}", answer.body);
        assert!(answer.body.contains("guest"), "{}", answer.body);
    }
    bob.send("not thrown out");
    carol.expect_message("Bob", "not thrown out");
    bob.send("/register long enough");
    bob.expect("is yours now");
}

#[test]
fn guesses_are_counted_on_all_servers_together() {
    let common = Common::new();
    let few = |config: &mut Value| {
        config["limits"]["auth_attempts"] = 4.into();
        config["web"] = json!({"trusted_proxies": ["127.0.0.1"]});
    };
    let [one, two] = [common.server_with(few), common.server_with(few)];
    let guess = |server: &Server, from: &str, password: &str| {
        let agent: ureq::Agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .build()
            .into();
        let request = agent.post(format!("http://{}/auth", server.web()));
        let request = request.header("X-Forwarded-For", from);
        let form = [("nickname", "mina"), ("password", password)];
        Answer::of(request.send_form(form)).status
    };
    let form = [("nickname", "mina"), ("password", "long enough")];
    assert_eq!(one.post_form("/auth/register", &form).status, 201);
    let thief = "198.51.100.1";
    for server in [&one, &two, &one, &two] {
        assert_eq!(guess(server, thief, "wrong"), 401);
    }
    for server in [&one, &two] {
        assert_eq!(guess(server, thief, "long enough"), 429);
    }
    assert_eq!(guess(&two, "198.51.100.2", "long enough"), 201);
    // Without Redis each server counts for itself, and the owner still logs in.
    common.redis.stop();
    assert_eq!(guess(&one, "198.51.100.2", "long enough"), 201);
    common.redis.go_on();
}

#[test]
fn who_signs_out_on_one_server_is_out_on_all() {
    let common = Common::new();
    let [one, two] = common.servers();
    let form = [
        ("nickname", "mina"),
        ("password", "long enough"),
        ("keep", "true"),
    ];
    let made = one.post_form("/auth/register", &form).json();
    let pass = made["token"].as_str().unwrap();
    let mut tab = JsonClient::come_in(&two, pass);
    assert_eq!(one.delete_as(pass, "/auth").status, 204);
    assert_eq!(tab.expect("bye")["code"], "token_revoked");
    for server in [&one, &two] {
        assert_eq!(server.get_as(pass, "/auth").status, 401);
    }
}

#[test]
fn an_account_that_is_disabled_or_deleted_on_one_server_is_so_on_all() {
    let common = Common::new();
    let [one, two] = common.servers();
    for nickname in ["mina", "lucy"] {
        let fields = [("nickname", nickname), ("password", "whitby 1897")];
        assert_eq!(one.post_form("/auth/register", &fields).status, 201);
    }
    let log_in = |server: &Server, nickname: &str| {
        let fields = [("nickname", nickname), ("password", "whitby 1897")];
        server.post_form("/auth", &fields)
    };
    let token = |nickname: &str| {
        let answer = log_in(&two, nickname);
        assert_eq!(answer.status, 201, "{}", answer.body);
        answer.json()["token"].as_str().unwrap().to_owned()
    };
    let mut mina = JsonClient::come_in(&two, &token("mina"));
    let mut lucy = JsonClient::come_in(&two, &token("lucy"));
    let disabled = one.patch("/admin/accounts/mina", json!({ "disabled": true }));
    assert_eq!(disabled.status, 200, "{}", disabled.body);
    assert_eq!(mina.expect("bye")["code"], "account_disabled");
    assert_eq!(log_in(&two, "mina").status, 403);
    assert_eq!(one.delete("/admin/accounts/lucy").status, 204);
    assert_eq!(lucy.expect("bye")["code"], "account_deleted");
    assert_eq!(log_in(&two, "lucy").status, 401);
    let listed = two.get("/admin/accounts").json();
    let states = listed["accounts"].as_array().unwrap().iter();
    let states: Vec<&str> = states.map(|it| it["state"].as_str().unwrap()).collect();
    assert_eq!(states, ["deleted", "disabled"]);
}
