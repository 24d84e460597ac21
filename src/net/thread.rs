//! The threads of connections.
//!
//! A thread's stack keeps all memory that was ever touched, for as long as the thread
//! lives. A handshake touches several times as much as a session, so after one the
//! session moves to a new thread.

use std::io;
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use parking_lot::Mutex;

/// Address space for the stack of a thread that a connection begins on; only
/// touched pages cost memory.
const FIRST_STACK_BYTES: usize = 256 * 1024;
/// Address space for the stack of the thread that a session moves to. The C library
/// keeps the stacks of ended threads, with most of what was touched, for threads that
/// want as much or less. Wanting more, these threads hardly ever get a stack that a
/// handshake has touched.
const FRESH_STACK_BYTES: usize = FIRST_STACK_BYTES + 16 * 1024;

/// Has a thread `serve` the connection of `peer` to the listener called
/// `name`. A panic ends this connection only.
pub fn spawn(
    name: &'static str,
    peer: SocketAddr,
    serve: impl FnOnce() + Send + 'static,
) -> io::Result<()> {
    start(FIRST_STACK_BYTES, name, peer, serve)
}

fn start(
    stack_bytes: usize,
    name: &'static str,
    peer: SocketAddr,
    serve: impl FnOnce() + Send + 'static,
) -> io::Result<()> {
    let thread = std::thread::Builder::new().stack_size(stack_bytes);
    let run = move || {
        if catch_unwind(AssertUnwindSafe(serve)).is_err() {
            log::error!("{name}: the connection of {peer} ended by a fault of ours");
        }
    };
    thread.spawn(run).map(drop)
}

/// Runs `serve` on a new thread with a fresh stack, and returns. If no thread can be
/// started, runs it on this one until it ends.
pub fn renew(name: &'static str, peer: SocketAddr, serve: impl FnOnce() + Send + 'static) {
    let here = Arc::new(Mutex::new(Some(serve)));
    let there = here.clone();
    let begin = move || {
        let serve = there.lock().take();
        if let Some(serve) = serve {
            serve();
        }
    };
    if start(FRESH_STACK_BYTES, name, peer, begin).is_err() {
        let serve = here.lock().take();
        if let Some(serve) = serve {
            serve();
        }
    }
}
