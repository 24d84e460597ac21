//! Notices that nobody reads standard output any more. Writing would show it, but only when there
//! is something to write.

use std::io;

use crossbeam_channel::Sender;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;

use super::Told;

/// Waits until standard output has no reader any more, and says so. A file always has one.
pub(super) fn watch(told: &Sender<Told>) {
    let stdout = io::stdout();
    let gone = PollFlags::ERR | PollFlags::HUP;
    loop {
        let mut polled = [PollFd::new(&stdout, PollFlags::empty())];
        let seen = poll(&mut polled, None);
        let is_gone = polled.iter().any(|it| it.revents().intersects(gone));
        match seen {
            Ok(_) if is_gone => {
                // Otherwise the task has ended.
                let _ = told.send(Told::Unread);
                return;
            }
            Err(Errno::INTR) => {}
            // It cannot be watched.
            _ => return,
        }
    }
}
