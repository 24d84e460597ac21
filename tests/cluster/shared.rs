//! The databases that the servers of one chat share, and servers that use them.

use crate::support::{Postgres, Redis, Server};
use serde_json::{Value, json};

/// What the servers share.
pub struct Common {
    pub redis: Redis,
    pub database: String,
}

impl Common {
    pub fn new() -> Common {
        Common {
            redis: Redis::start(),
            database: Postgres::shared().create_database(),
        }
    }

    pub fn configure(&self, config: &mut Value) {
        config["cluster"] = json!({ "redis": self.redis.url(), "postgres": self.database });
        config["limits"] = json!({ "message_rate": 0, "auth_attempts": 0 });
    }

    pub fn server(&self) -> Server {
        self.server_with(|_| {})
    }

    pub fn server_with(&self, change: impl FnOnce(&mut Value)) -> Server {
        Server::start(|config| {
            self.configure(config);
            change(config);
        })
    }

    pub fn servers<const N: usize>(&self) -> [Server; N] {
        std::array::from_fn(|_| self.server())
    }
}
