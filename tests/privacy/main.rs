//! Nobody learns what is not theirs to know: people on every front do and ask things at
//! random, every byte that each of them is sent is kept, and a model of the rules says
//! what each may know. What the model does not allow must not be among the bytes.
//!
//! `CHAT_TEST_SEED=7 cargo test --features full --test privacy` does other things than
//! usual.

mod acts;
mod agreement;
mod curious;
mod governing;
mod marker;
mod oracle;
mod person;
#[path = "../simulator/random.rs"]
#[allow(dead_code)]
mod random;
mod rpc;
#[cfg(feature = "cluster")]
#[path = "../cluster/shared.rs"]
#[allow(dead_code)]
mod shared;
mod stage;
#[path = "../support/mod.rs"]
mod support;
mod wire;

use random::Weighted;
use serde_json::json;
use stage::Stage;
use support::Server;

/// Something that people do. It returns nothing if there is nobody to do it.
type Act = fn(&mut Stage) -> Option<()>;

/// What people do, and how often.
const ACTS: &[(Act, usize)] = &[
    (Stage::create, 6),
    (Stage::join, 22),
    (Stage::come_by_room_lines, 4),
    (Stage::say, 24),
    (Stage::leave, 5),
    (Stage::reconnect, 4),
    (Stage::rename, 2),
    (Stage::change_rules, 8),
    (Stage::set_topic, 3),
    (Stage::register, 5),
    (Stage::appoint, 4),
    (Stage::kick, 5),
    (Stage::ban, 4),
    (Stage::mute, 4),
    (Stage::transfer, 3),
    (Stage::die, 1),
    (Stage::invite, 5),
    (Stage::link, 3),
    (Stage::wonder, 40),
    (Stage::call, 8),
    (Stage::call_remotely, 6),
    (Stage::write, 6),
];

fn seed() -> u64 {
    let seed = std::env::var("CHAT_TEST_SEED").ok();
    seed.map_or(1, |seed| seed.parse().expect("CHAT_TEST_SEED is a number"))
}

/// The name server at which the chat servers register.
fn name_server() -> Server {
    let listen = json!({ "name_server": { "listen": "127.0.0.1:0" } });
    Server::start_task("name-server", &listen)
}

fn settings(config: &mut serde_json::Value, names: &Server) {
    for listener in ["tcp", "grpc"] {
        config["listen"][listener] = "127.0.0.1:0".into();
    }
    // Who is not asked anything for long does not read, and so answers no pings.
    config["limits"]["ping_seconds"] = 3600.into();
    let url = format!("http://{}", names.address("name-server"));
    config["name_server"] = json!({ "url": url, "beat_seconds": 1 });
}

/// Has people do things.
fn play(servers: Vec<Server>, names: Server, seed: u64, steps: usize) {
    println!("seed {seed}");
    let mut stage = Stage::new(servers, names, seed);
    let acts = Weighted::new(ACTS.iter().copied());
    for _ in 0..steps {
        stage.now += 1;
        while acts.draw(&mut stage.random)(&mut stage).is_none() {}
        stage.agree();
        stage.reveal();
    }
    stage.finish();
    stage.judge(seed);
}

#[test]
fn nobody_is_told_what_they_must_not_know() {
    let names = name_server();
    let server = Server::start(|config| {
        settings(config, &names);
        config["limits"]["message_rate"] = 0.into();
        config["limits"]["auth_attempts"] = 0.into();
    });
    play(vec![server], names, seed(), 700);
}

#[cfg(feature = "cluster")]
#[test]
fn nobody_is_told_what_they_must_not_know_on_three_servers() {
    let common = shared::Common::new();
    let names = name_server();
    let servers = (0..3).map(|_| common.server_with(|config| settings(config, &names)));
    play(servers.collect(), names, seed(), 400);
}
