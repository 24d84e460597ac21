//! What the server takes of the machine.

use std::fs;
use std::path::PathBuf;

use crate::support::{LineClient, Server, wait_until};

/// Threads and descriptors that come and go by themselves.
const SLACK: usize = 3;
/// Of the database: connections to it are opened when they are first needed
/// and kept. One writes and ten read, with two or three files each.
const DATABASE: usize = 33;

/// Threads and descriptors at a quiet moment; those of the database are
/// counted apart.
#[derive(Clone, Copy, Debug)]
pub struct Level {
    pub threads: usize,
    pub descriptors: usize,
    pub database: usize,
}

impl Level {
    /// Of a server that has done everything once: what it keeps for later
    /// use, such as connections to its database, is not counted as lost.
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

    /// As it is.
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
            wait_until("everything taken is given back", || {
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

/// What its descriptors are.
fn open_files(server: &Server) -> Vec<PathBuf> {
    let entries = fs::read_dir(format!("/proc/{}/fd", server.pid())).unwrap();
    // One may be closed while this looks at it.
    let links = entries.map(|entry| fs::read_link(entry.unwrap().path()).unwrap_or_default());
    links.collect()
}

/// Connections that chat, by the server's own account.
pub fn connections(server: &Server) -> u64 {
    let status = server.get("/api/status").json();
    status["users"].as_u64().unwrap()
}

/// Whether this may mount, and become somebody else.
pub fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}
