//! Servers, Redis and PostgreSQL are killed, stopped and restarted under load.
//! Clients of every kind go to whichever server answers: clients that resume
//! miss nothing, the others nothing while they are connected.
mod agreement;
mod correspondent;
mod person;
mod plan;
mod wanderer;
mod wire;

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::node::in_both_forms;
use crate::shared::word;
use crate::support::{JsonClient, Postgres, Redis, Server, free_address, wait_until};
use chat_server::cluster::Delivery;
use correspondent::{Account, Correspondent};
use person::Person;
use plan::{END, Plan, ROOM};
use rustix::process::Signal;
use serde_json::json;
use wanderer::Wanderer;
use wire::Kind;

const WANDERERS: usize = 6;
/// How long a stopped program stands still: longer than any wait for it.
const STANDSTILL: Duration = Duration::from_secs(20);
/// Leaves a server that is silent for this long.
const IMPATIENT: Duration = Duration::from_secs(4);
/// Stays until the connection ends.
const PATIENT: Duration = Duration::from_secs(60);

struct Common {
    redis: Redis,
    postgres: Postgres,
    database: String,
    delivery: Delivery,
}

impl Common {
    fn start(delivery: Delivery) -> Common {
        let postgres = Postgres::start();
        Common {
            redis: Redis::start(),
            database: postgres.create_database(),
            postgres,
            delivery,
        }
    }

    fn server(&self) -> Server {
        Server::start(|config| {
            config["cluster"] = json!({ "redis": self.redis.url(), "postgres": self.database });
            config["cluster"]["delivery"] = word(self.delivery).into();
            config["limits"] = json!({ "message_rate": 0, "auth_attempts": 0, "ping_seconds": 1 });
            // Fixed ports, so that they are the same after a restart.
            for listener in ["telnet", "tcp", "web"] {
                config["listen"][listener] = json!(free_address().to_string());
            }
        })
    }
}

/// All clients, each on a thread.
struct People {
    wanderers: Vec<JoinHandle<Wanderer>>,
    persons: Vec<JoinHandle<Person>>,
    correspondents: Vec<JoinHandle<Correspondent>>,
    accounts: [Account; 2],
}

impl People {
    fn come(server: &Server, plan: &Arc<Plan>) -> People {
        let wanderers = (0..WANDERERS).map(|number| {
            let name = format!("json{number}");
            let token = JsonClient::token(server, &name);
            let wanderer = Wanderer::new(&name, token, plan, number);
            plan::live(plan, move || wanderer.run())
        });
        let person = |name, kind, at, patience| Person::new(name, kind, plan, at, patience);
        let contender = |name, at| Person::contender(name, plan, at, IMPATIENT);
        let persons = [
            contender("contender0", 0),
            contender("contender1", 1),
            contender("contender2", 2),
            person("telnet", Kind::Telnet, 1, PATIENT),
            person("weblines0", Kind::WebLines, 0, IMPATIENT),
            person("weblines1", Kind::WebLines, 1, IMPATIENT),
            person("roomtcp0", Kind::RoomTcp, 0, IMPATIENT),
            person("roomtcp1", Kind::RoomTcp, 1, PATIENT),
            person("roomframes0", Kind::RoomFrames, 0, IMPATIENT),
            person("roomframes2", Kind::RoomFrames, 2, IMPATIENT),
        ];
        let accounts = [("mina", "+4912345"), ("lucy", "+4923456")]
            .map(|(name, phone)| Account::register(server, name, phone));
        let [mina, lucy] = &accounts;
        let correspondents = [
            Correspondent::new(mina, "mina0", Some(lucy), plan, 0),
            Correspondent::new(lucy, "lucy1", Some(mina), plan, 1),
            Correspondent::new(mina, "mina2", None, plan, 2),
        ];
        People {
            wanderers: wanderers.collect(),
            persons: persons
                .map(|person| plan::live(plan, move || person.run()))
                .into_iter()
                .collect(),
            correspondents: correspondents
                .map(|correspondent| plan::live(plan, move || correspondent.run()))
                .into_iter()
                .collect(),
            accounts,
        }
    }
}

fn live(server: &Server) -> usize {
    let nodes = server.get("/api/nodes").json();
    nodes["nodes"].as_array().map_or(0, Vec::len)
}

fn is_ready(server: &Server) -> bool {
    server.get("/readyz").status == 200
}

fn nothing_is_unstored(server: &Server) -> bool {
    let metrics = server.get("/metrics").body;
    metrics
        .lines()
        .any(|line| line == "chat_cluster_unstored 0")
}

fn wait_for_the_rest(of: Duration, since: Instant) {
    wait_until("it has lasted long enough", || since.elapsed() >= of);
}

/// Each server is killed, stopped or restarted while all clients talk.
fn servers_fail(plan: &Plan, one: &mut Server, two: &mut Server, three: &mut Server) {
    one.kill();
    plan.flow("without the first server", all_clients);
    one.start_again();
    plan.flow("with the first server again", all_clients);

    let since = Instant::now();
    two.signal(Signal::STOP);
    wait_until("the second is given up", || live(three) == 2);
    plan.flow("without the second server", resuming_clients);
    wait_for_the_rest(STANDSTILL, since);
    two.signal(Signal::CONT);
    wait_until("the second is back", || live(three) == 3);
    plan.flow("with the second server again", all_clients);

    three.restart();
    plan.flow("after the third server's restart", all_clients);
}

fn redis_fails(plan: &Plan, redis: &Redis, server: &Server) {
    redis.kill();
    redis.start_again();
    plan.flow("after Redis was killed", all_clients);

    let since = Instant::now();
    redis.stop();
    wait_until("the server is not ready", || !is_ready(server));
    wait_for_the_rest(STANDSTILL, since);
    redis.go_on();
    plan.flow("after Redis stood still", all_clients);
    wait_until("all know each other still", || live(server) == 3);
}

fn postgres_fails(plan: &Plan, postgres: &Postgres, server: &Server, other: &mut Server) {
    postgres.kill();
    plan.flow("without PostgreSQL", resuming_clients);
    postgres.start_again();
    plan.flow("with PostgreSQL again", all_clients);

    let since = Instant::now();
    postgres.stop();
    plan.flow("while PostgreSQL stands still", resuming_clients);
    // A request that needs PostgreSQL is refused, not kept waiting until it
    // continues.
    let form = [("username", "mina"), ("password", "long enough")];
    let answer = server.post_form("/api/auth_token", &form);
    assert_eq!(answer.status, 503, "{}", answer.body);
    wait_until("the server is not ready", || !is_ready(server));
    plan.flow("still while PostgreSQL stands still", resuming_clients);
    // Nor is the end of a server kept waiting.
    other.signal(Signal::TERM);
    other.wait_exit();
    wait_for_the_rest(STANDSTILL, since);
    postgres.go_on();
    other.start_again();
    wait_until("the server is ready again", || is_ready(server));
    plan.flow("after PostgreSQL stood still", all_clients);
    let answer = server.post_form("/api/auth_token", &form);
    assert_eq!(answer.status, 200, "{}", answer.body);
}

fn all_clients(_: &str) -> bool {
    true
}

fn resuming_clients(who: &str) -> bool {
    who.starts_with("json")
}

in_both_forms! { whatever_is_killed_or_stopped_everybody_has_every_message_in_one_order }

fn whatever_is_killed_or_stopped_everybody_has_every_message_in_one_order(delivery: Delivery) {
    let common = Common::start(delivery);
    let [mut one, mut two, mut three] = std::array::from_fn(|_| common.server());
    let plan = Arc::new(Plan::new(&[&one, &two, &three]));
    let people = People::come(&one, &plan);
    plan.flow("at first", all_clients);
    servers_fail(&plan, &mut one, &mut two, &mut three);
    redis_fails(&plan, &common.redis, &one);
    postgres_fails(&plan, &common.postgres, &one, &mut three);

    plan.enough();
    let persons = join(people.persons);
    let correspondents = join(people.correspondents);
    wait_until("all clients have sent their last message", || {
        plan.finished() == WANDERERS
    });
    let mut closing = JsonClient::enter(&two, "closing");
    closing.send("join", json!({ "room": ROOM }));
    closing.send("message", json!({ "room": ROOM, "body": END }));
    let mut everyone = join(people.wanderers);
    for (at, server) in [&one, &two, &three].into_iter().enumerate() {
        let name = format!("reader{at}");
        let token = JsonClient::token(server, &name);
        everyone.push(Wanderer::reader(&name, token, &plan, at).run());
    }
    let order = agreement::on_one_order(&everyone);
    agreement::on_one_owner(&order);
    for person in &persons {
        person
            .sessions
            .iter()
            .for_each(|session| agreement::on_a_piece(session, &order));
    }
    let [mina, lucy] = &people.accounts;
    let mut thread = Vec::new();
    // PostgreSQL stores late what it missed; that would move rows between pages
    // while they are read.
    // one page to the next while they are read.
    wait_until("all letters are stored", || {
        thread = mina.thread(&three, &lucy.name);
        nothing_is_unstored(&three) && thread == mina.thread(&three, &lucy.name)
    });
    for correspondent in &correspondents {
        agreement::on_letters(&correspondent.sessions, &thread);
    }
    println!("{} messages, {} letters", order.len(), thread.len());
}

fn join<T>(threads: Vec<JoinHandle<T>>) -> Vec<T> {
    threads
        .into_iter()
        .map(|thread| thread.join().unwrap())
        .collect()
}
