//! Long answers: a page, then wait until the client has read most of it. So neither the
//! hub nor the connection's backlog holds more than a page or two of an answer, however
//! long it is, and the client's next command waits its turn.

use std::time::{Duration, Instant};

use crate::hub::{Effects, Farewell, Hub, Now};

use super::IrcSession;
use crate::session::attached::Flow;

/// Unsent bytes beyond which the next page waits.
const MOST_UNSENT: usize = 64 * 1024;
/// How often it is looked at.
const PAUSE: Duration = Duration::from_millis(5);
/// How long a client may take to read a page.
const PATIENCE: Duration = Duration::from_secs(60);

impl IrcSession {
    /// Has the hub make a page of an answer, once everything that the client has asked
    /// for before is carried out, and most of what it was told has been sent.
    pub(super) fn next_page<T: Send + 'static>(
        &mut self,
        make: impl FnOnce(&mut Hub, Now, &mut Effects) -> T + Send + 'static,
    ) -> Result<T, Flow> {
        let id = self.attached.id;
        let hub = &self.attached.context.hub;
        // If the store takes very long, the answer comes behind what waits for it anyway.
        hub.wait_until_settled(id).map_err(|_| Flow::Stop)?;
        if !self.has_room() {
            return Err(self.ends(Farewell::SlowReader));
        }
        let hub = &self.attached.context.hub;
        hub.ask(make).map_err(|_| Flow::Stop)
    }

    /// Waits until little is unsent. Returns whether it is.
    fn has_room(&self) -> bool {
        let link = &self.attached.link;
        let deadline = Instant::now() + PATIENCE;
        while link.waiting() > MOST_UNSENT && !link.is_closing() {
            if Instant::now() > deadline {
                return false;
            }
            std::thread::sleep(PAUSE);
        }
        true
    }
}
