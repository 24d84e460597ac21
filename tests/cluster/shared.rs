//! The databases that the servers of one chat share, and servers that use them.

use chat_server::cluster::Delivery;

use crate::support::{LineClient, Postgres, Redis, Server, User, wait_until};
use serde_json::{Value, json};

/// What the servers share.
pub struct Common {
    pub redis: Redis,
    pub database: String,
    pub delivery: Delivery,
}

/// The setting for a form of delivery.
pub fn word(delivery: Delivery) -> &'static str {
    match delivery {
        Delivery::All => "all",
        Delivery::Interest => "interest",
    }
}

/// Waits until the server of a client of the line protocol knows that someone else is in the
/// client's channel; reads what was told about it.
pub fn sees(client: &mut LineClient, nickname: &str) {
    wait_until(&format!("@{nickname} is seen"), || {
        client.send("/list");
        let answer = client.settle();
        answer
            .iter()
            .any(|line| line.contains(&format!("@{nickname}")))
    });
}

impl Common {
    pub fn new() -> Common {
        Common {
            redis: Redis::start(),
            database: Postgres::shared().create_database(),
            // Every test of whole servers can be run in the other form.
            delivery: match std::env::var("CHAT_DELIVERY").as_deref() {
                Ok("interest") => Delivery::Interest,
                _ => Delivery::All,
            },
        }
    }

    pub fn by(delivery: Delivery) -> Common {
        Common {
            delivery,
            ..Common::new()
        }
    }

    pub fn configure(&self, config: &mut Value) {
        config["cluster"] = json!({ "redis": self.redis.url(), "postgres": self.database });
        config["cluster"]["delivery"] = word(self.delivery).into();
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
