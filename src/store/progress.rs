//! Telling how far the indexing of what was there before has got.

use super::pause::Pause;
use crate::model::time::rfc3339;

/// Messages that are so much younger are indexed in no time: nobody need know.
const NEARLY_MS: u64 = 3_600_000;

/// How far it was when somebody was told.
#[derive(Default)]
pub struct Progress {
    pause: Pause,
    is_told: bool,
}

impl Progress {
    /// Messages up to one of this time are indexed; `more` are not.
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
