//! Limits how much of an answer is sent to a client at once, so that a client is never treated as a
//! slow reader because of an answer it asked for.

use crate::model::{History, Message, Window};

/// The most text in one answer; with the frames around it, far less than a connection's queue may
/// hold.
const MAX_TEXT_BYTES: usize = 256 * 1024;

impl History {
    /// Keeps what may be sent at once: the oldest messages of a page after an id, the newest of any
    /// other page.
    pub fn shorten(&mut self, window: Window) {
        self.shorten_to(MAX_TEXT_BYTES, window, |message| message.body.bytes());
    }

    /// As [`History::shorten`], with another limit and another length of a message.
    pub fn shorten_to(&mut self, most: usize, window: Window, length: impl Fn(&Message) -> usize) {
        let lengths = self.messages.iter().map(length);
        let all = self.messages.len();
        match window {
            Window::After(_) => {
                let fit = fitting(most, lengths);
                self.messages.truncate(fit);
            }
            _ => {
                let fit = fitting(most, lengths.rev());
                self.messages.drain(..all - fit);
            }
        }
        self.more |= self.messages.len() < all;
    }
}

/// Keeps what may be sent at once of messages found, newest first. Returns whether that is all.
pub fn shorten_found(found: &mut Vec<Message>) -> bool {
    let lengths = found.iter();
    let fit = fitting(MAX_TEXT_BYTES, lengths.map(|message| message.body.bytes()));
    let is_all = fit == found.len();
    found.truncate(fit);
    is_all
}

/// How many texts of these lengths may be sent at once; at least one.
fn fitting(most: usize, lengths: impl Iterator<Item = usize>) -> usize {
    let mut bytes = 0;
    let fits = lengths.enumerate().take_while(|&(n, length)| {
        bytes += length;
        n == 0 || bytes <= most
    });
    fits.count()
}
