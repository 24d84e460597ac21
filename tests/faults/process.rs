//! The resources that the server takes.

use std::fs;
use std::path::PathBuf;

use crate::support::{LineClient, Server, wait_until};

/// Threads and descriptors that vary by themselves.
const SLACK: usize = 3;
/// Descriptors of the database: it opens connections when first needed and
/// keeps them. One writes and ten read, with two or three files each.
const DATABASE: usize = 33;

/// Threads and descriptors at a quiet moment, without those of the database.
#[derive(Clone, Copy, Debug)]
pub struct Level {
    pub threads: usize,
    pub descriptors: usize,
    pub database: usize,
}

impl Level {
    /// The level of a server that has done everything once: what it keeps for
    /// later use, such as database connections, is no leak.
    pub fn of(server: &Server) -> Level {
        let warm = LineClient::enter_channel(server, "warm", "up");
        if server.rest().is_some() {
            assert_eq!(server.get("/readyz").status, 200);
        }
        drop(warm);
        wait_until("the server is quiet", || {
            server.rest().is_none() || connections(server) == 0
        });
        Level::now(server)
    }

    /// The current level.
    pub fn now(server: &Server) -> Level {
        let process = format!("/proc/{}", server.pid());
        let open = open_files(server);
        let is_database = |path: &&PathBuf| path.to_string_lossy().contains("/chat.db");
        let database = open.iter().filter(is_database).count();
        Level {
            threads: fs::read_dir(format!("{process}/task")).unwrap().count(),
            descriptors: open.len() - database,
            database,
        }
    }

    /// Waits until the server is back at this level.
    pub fn wait_back(self, server: &Server) {
        let mut now = self;
        let back = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            wait_until("threads and descriptors are released", || {
                now = Level::now(server);
                now.threads <= self.threads + SLACK
                    && now.descriptors <= self.descriptors + SLACK
                    && now.database <= DATABASE
            });
        }));
        let open = open_files(server);
        assert!(back.is_ok(), "{self:?} before, {now:?} now: {open:#?}");
    }
}

/// The targets of its open descriptors.
fn open_files(server: &Server) -> Vec<PathBuf> {
    let entries = fs::read_dir(format!("/proc/{}/fd", server.pid())).unwrap();
    // A descriptor may be closed meanwhile.
    let links = entries.map(|entry| fs::read_link(entry.unwrap().path()).unwrap_or_default());
    links.collect()
}

/// The number of chat connections that the server reports.
pub fn connections(server: &Server) -> u64 {
    let status = server.get("/api/status").json();
    status["users"].as_u64().unwrap()
}

/// Whether this process may mount and change its user.
pub fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}
