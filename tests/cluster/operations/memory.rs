//! What clients and `/readyz` are told when Redis is out of memory.

use serde_json::json;

use super::{Common, hindrances, metric};
use crate::support::{JsonClient, Redis, wait_until};

fn set(redis: &Redis, name: &str, value: &str) {
    let mut command = redis::cmd("CONFIG");
    command.arg("SET").arg(name).arg(value);
    let _: () = command.query(&mut redis.connect()).unwrap();
}

#[test]
fn a_full_redis_is_said_by_readyz_and_everything_works_again_afterwards() {
    let common = Common::new();
    let one = common.server();
    let mut alice = JsonClient::enter(&one, "alice");
    set(&common.redis, "maxmemory", "100kb");
    alice.send("message", json!({ "body": "too much", "tag": "1" }));
    let refused = alice.expect("error");
    assert_eq!(
        (&refused["code"], &refused["tag"]),
        (&json!("not_stored"), &json!("1"))
    );
    for _ in 0..2 {
        // A server started now reports the same and does start.
        let server = common.server();
        wait_until("/readyz reports it", || {
            hindrances(&server).contains("Redis is full")
        });
    }
    assert!(hindrances(&one).contains("Redis is full"));
    wait_until("the metric has the limit", || {
        metric(&one, "chat_cluster_redis_max_bytes") == Some(102_400.0)
            && hindrances(&one).contains("of 0.1 MiB")
    });
    set(&common.redis, "maxmemory", "0");
    wait_until("the server is ready", || hindrances(&one).is_empty());
    alice.send("message", json!({ "body": "too much", "tag": "1" }));
    alice.expect("stored");

    set(&common.redis, "maxmemory-policy", "allkeys-lfu");
    wait_until("/readyz reports it", || {
        hindrances(&one).contains("allkeys-lfu")
    });
    set(&common.redis, "maxmemory-policy", "noeviction");
    wait_until("the server is ready", || hindrances(&one).is_empty());
}
