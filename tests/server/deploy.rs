//! The files in `deploy/` fit together and fit the program:
//! `tests/python/deploy.py`.

use crate::support::{LineClient, Server, run_python};

#[test]
fn what_is_deployed_is_what_there_is() {
    let server = Server::start(one_of_several);
    // The metric of users by protocol exists once there has been a user.
    let _client = LineClient::enter(&server, "mina");
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

/// A server of a cluster, for the metrics that only such a server has.
#[cfg(feature = "cluster")]
fn one_of_several(config: &mut serde_json::Value) {
    config["cluster"] = serde_json::json!({
        "redis": crate::support::Redis::shared().url(),
        "postgres": crate::support::Postgres::shared().create_database(),
    });
}

#[cfg(not(feature = "cluster"))]
fn one_of_several(_: &mut serde_json::Value) {}
