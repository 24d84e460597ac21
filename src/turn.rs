//! The hub thread: takes what is waiting, applies it, sends what came of it.

use crossbeam_channel::{Sender, bounded};
use std::time::Duration;

use crate::hub::{Command, ConnectionId, Effects, Farewell, Hub, Now};

/// How long a request waits for the hub before it is given up.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);

/// Something for the hub thread.
pub enum Input {
    /// A command of a connection.
    Command(ConnectionId, Command),
    /// Run this on the hub.
    Request(Request),
}

/// A function that runs on the hub thread.
pub type Request = Box<dyn FnOnce(&mut Hub, Now, &mut Effects) + Send>;

/// The hub thread is gone or does not answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HubUnavailable;

/// Reaches the hub thread; clones reach the same one.
#[derive(Clone)]
pub struct HubHandle {
    inputs: Sender<Input>,
}

impl HubHandle {
    /// Reaches the hub thread that takes its inputs from the other end.
    pub fn new(inputs: Sender<Input>) -> HubHandle {
        HubHandle { inputs }
    }

    /// Runs `request` on the hub thread and returns what it returned.
    pub fn ask<T: Send + 'static>(
        &self,
        request: impl FnOnce(&mut Hub, Now, &mut Effects) -> T + Send + 'static,
    ) -> Result<T, HubUnavailable> {
        let (reply, answer) = bounded(1);
        let run = Box::new(move |hub: &mut Hub, now: Now, fx: &mut Effects| {
            // Nobody may be waiting any more.
            let _ = reply.send(request(hub, now, fx));
        });
        self.inputs
            .send_timeout(Input::Request(run), REQUEST_TIMEOUT)
            .map_err(|_| HubUnavailable)?;
        answer
            .recv_timeout(REQUEST_TIMEOUT)
            .map_err(|_| HubUnavailable)
    }
}
