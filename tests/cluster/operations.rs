//! Several real servers that are one chat, tested from outside with what goes
//! wrong around them: clocks, memory, one server that alone is cut off.
mod clocks;
mod lone;
mod memory;
mod passes;
mod signals;
mod standbys;
mod tls;

use crate::shared::Common;
use crate::support::Server;

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
