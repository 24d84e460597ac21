//! Whether the database answers, as all threads that ask it know together: which questions are
//! refused at once, and what is logged. This module never asks the database itself.
//!
//! The log gets one line when questions begin to fail and one when they no longer do, however many
//! clients ask in the meantime, and also if some of the questions are answered.

use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::store::StoreError;

/// How often a silent database is tried again.
const TRY_EVERY: Duration = Duration::from_secs(3);
/// An answer that comes sooner than this after a failure does not end the outage: a database goes,
/// and comes back, one connection at a time.
const CALM: Duration = Duration::from_secs(3);

/// What is known of the database.
#[derive(Default)]
pub struct Health {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// When any thread last got an answer.
    heard: Option<Instant>,
    /// When a silent database was last tried.
    tried: Option<Instant>,
    /// When a question last failed, while the log says that they do.
    failed: Option<Instant>,
}

impl Health {
    /// Whether the caller may ask, instead of failing at once because the database is silent.
    pub fn may_try(&self) -> bool {
        self.state.lock().may_try(Instant::now())
    }

    /// The database has answered, if only with an error.
    pub fn heard(&self) {
        self.state.lock().heard(Instant::now());
    }

    /// A question has been answered.
    pub fn succeeded(&self) {
        let recovers = self.state.lock().succeeded(Instant::now());
        if recovers {
            log::info!("the database answers questions again");
        }
    }

    /// A question has failed, for this reason.
    pub fn failed(&self, error: &StoreError) {
        if error.is_outage() && self.state.lock().fails(Instant::now()) {
            log::error!("questions to the database fail: {error}");
        }
    }

    /// The caller has waited in vain since then. The database counts as silent only if no other
    /// thread has had an answer in that time.
    pub fn gave_up(&self, since: Instant) -> StoreError {
        self.state.lock().gave_up(since, Instant::now())
    }

    /// Why no lane is free.
    pub fn why_all_wait(&self) -> StoreError {
        match self.state.lock().tried {
            Some(_) => StoreError::Silent,
            None => StoreError::Busy,
        }
    }
}

impl State {
    fn may_try(&mut self, now: Instant) -> bool {
        match self.tried {
            Some(last) if now.duration_since(last) < TRY_EVERY => false,
            Some(_) => {
                self.tried = Some(now);
                true
            }
            None => true,
        }
    }

    fn heard(&mut self, now: Instant) {
        self.heard = Some(now);
        self.tried = None;
    }

    /// Whether to log it.
    fn succeeded(&mut self, now: Instant) -> bool {
        self.heard(now);
        let is_over = |failed| now.duration_since(failed) >= CALM;
        self.failed.take_if(|failed| is_over(*failed)).is_some()
    }

    /// Whether to log it.
    fn fails(&mut self, now: Instant) -> bool {
        self.failed.replace(now).is_none()
    }

    fn gave_up(&mut self, since: Instant, now: Instant) -> StoreError {
        if self.heard.is_some_and(|heard| heard >= since) {
            return StoreError::Slow;
        }
        self.tried = Some(now);
        StoreError::Silent
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_silent_only_if_nobody_has_heard_anything() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut state = State::default();
        assert_eq!(state.gave_up(at(0), at(4)), StoreError::Silent);
        assert!(!state.may_try(at(5)));
        assert!(state.may_try(at(7)), "one");
        assert!(!state.may_try(at(7)), "and no other");
        state.heard(at(8));
        assert!(state.may_try(at(8)));
        assert_eq!(state.gave_up(at(7), at(11)), StoreError::Slow);
        assert!(state.may_try(at(11)));
        assert_eq!(state.gave_up(at(9), at(13)), StoreError::Silent);
        assert!(!state.may_try(at(13)));
    }

    #[test]
    fn an_episode_has_two_lines_and_ends_when_all_is_calm() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut state = State::default();
        assert!(!state.succeeded(at(0)));
        assert!(state.fails(at(1)));
        assert!(!state.succeeded(at(2)), "one connection was left");
        assert!(!state.fails(at(3)));
        assert!(!state.fails(at(100)));
        assert!(!state.succeeded(at(101)));
        assert!(!state.fails(at(102)), "by turns");
        assert!(!state.succeeded(at(104)));
        assert!(state.succeeded(at(105)));
        assert!(!state.succeeded(at(106)));
        assert!(state.fails(at(106)));
        assert!(state.succeeded(at(109)));
    }
}
