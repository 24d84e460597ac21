//! Logs how far the indexing of older messages has got.

use super::pause::Pause;
use crate::model::time::rfc3339;

/// A backlog younger than this is indexed in moments and not worth a line.
const NEARLY_MS: u64 = 3_600_000;

/// The progress at the last line in the log.
#[derive(Default)]
pub struct Progress {
    pause: Pause,
    is_told: bool,
}

impl Progress {
    /// Messages up to this time are indexed; `more` says whether others are left.
    pub fn at(&mut self, message_ms: u64, more: bool, now_ms: u64) {
        let is_behind = more && now_ms.saturating_sub(message_ms) > NEARLY_MS;
        if is_behind && self.pause.is_over(now_ms) {
            self.pause.begin(now_ms);
            self.is_told = true;
            let time = rfc3339(message_ms);
            log::info!("messages are being indexed for search, up to those of {time} by now");
        }
        if !more && std::mem::take(&mut self.is_told) {
            log::info!("all messages are indexed for search");
        }
    }
}
