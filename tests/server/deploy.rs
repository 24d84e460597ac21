//! What is in `deploy/` fits together, and fits the program: `tests/python/deploy.py`.

use crate::support::{LineClient, Server, run_python};

#[test]
fn what_is_deployed_is_what_there_is() {
    let server = Server::start(one_of_several);
    // Who is on is counted by protocol, once somebody is.
    let _somebody = LineClient::enter(&server, "mina");
    let token = server.dir().join("admin-token-for-metrics");
    std::fs::write(&token, server.admin_token()).unwrap();
    let features = if cfg!(all(feature = "cluster", feature = "grpc")) {
        "full"
    } else {
        "some"
    };
    run_python(
        "deploy.py",
        &[
            env!("CARGO_BIN_EXE_chat-server").to_owned(),
            features.to_owned(),
            server.rest().unwrap().to_string(),
            token.display().to_string(),
        ],
    );
}

/// The metrics of such a server are asked for, too.
#[cfg(feature = "cluster")]
fn one_of_several(config: &mut serde_json::Value) {
    config["cluster"] = serde_json::json!({
        "redis": crate::support::Redis::shared().url(),
        "postgres": crate::support::Postgres::shared().create_database(),
    });
}

#[cfg(not(feature = "cluster"))]
fn one_of_several(_: &mut serde_json::Value) {}
