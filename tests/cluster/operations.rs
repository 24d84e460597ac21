//! Several real servers that are one chat, tested from outside with what goes
//! wrong around them: clocks, memory, one server that alone is cut off.
mod clocks;
mod lone;
mod memory;
mod passes;
mod signals;
mod standbys;
mod tls;

use crate::support::{Postgres, Redis, Server};
use serde_json::{Value, json};

/// What the servers share.
struct Common {
    redis: Redis,
    database: String,
}

impl Common {
    fn new() -> Common {
        Common {
            redis: Redis::start(),
            database: Postgres::shared().create_database(),
        }
    }

    fn configure(&self, config: &mut Value) {
        config["cluster"] = json!({ "redis": self.redis.url(), "postgres": self.database });
        config["limits"] = json!({ "message_rate": 0, "auth_attempts": 0 });
    }

    fn server(&self) -> Server {
        self.server_with(|_| {})
    }

    fn server_with(&self, change: impl FnOnce(&mut Value)) -> Server {
        Server::start(|config| {
            self.configure(config);
            change(config);
        })
    }
}

/// A metric's value, if it is exported.
fn metric(server: &Server, name: &str) -> Option<f64> {
    let text = server.get("/metrics").body;
    let mut lines = text.lines();
    let value = lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    value.map(|value| value.parse().unwrap())
}

/// The problems that a server's `/readyz` reports.
fn hindrances(server: &Server) -> String {
    let answer = server.get("/readyz");
    match answer.status {
        200 => String::new(),
        _ => answer.body,
    }
}
