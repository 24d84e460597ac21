//! How much of an answer is sent to a client at once: never so much that it
//! is taken for a slow reader because it has asked.

use crate::model::{Found, History, Window};

/// Text in one answer at most; with frames around it far less than what a
/// connection's queue may hold.
const MAX_TEXT_BYTES: usize = 256 * 1024;

impl History {
    /// Leaves of it what may be sent at once: the oldest messages of what
    /// comes after an id, the newest of everything else.
    pub fn shorten(&mut self, window: Window) {
        let lengths = self
            .messages
            .iter()
            .map(|message| message.text.as_str().len());
        let all = self.messages.len();
        match window {
            Window::After(_) => {
                let fit = fitting(lengths);
                self.messages.truncate(fit);
            }
            _ => {
                let fit = fitting(lengths.rev());
                self.messages.drain(..all - fit);
            }
        }
        self.more |= self.messages.len() < all;
    }
}

/// Leaves of what was found, newest first, what may be sent at once; whether
/// that is all.
pub fn shorten_found(found: &mut Vec<Found>) -> bool {
    let lengths = found.iter();
    let fit = fitting(lengths.map(|found| found.message.text.as_str().len()));
    let is_all = fit == found.len();
    found.truncate(fit);
    is_all
}

/// How many texts of these lengths may be sent at once; the first is always
/// one of them.
fn fitting(lengths: impl Iterator<Item = usize>) -> usize {
    let mut bytes = 0;
    let fits = lengths.enumerate().take_while(|&(n, length)| {
        bytes += length;
        n == 0 || bytes <= MAX_TEXT_BYTES
    });
    fits.count()
}
